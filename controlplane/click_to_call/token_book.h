#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "controlplane/click_to_call/token_text.h"
#include "controlplane/store/store.h"

namespace byon::click_to_call {

using WallTime = std::chrono::system_clock::time_point;

// A visitor's permission to call. Of its secret only the hash is kept.
struct TokenRecord {
  std::string id;
  std::string secret_hash;
  std::string campaign_id;
  std::string client_id;        // who asked for it
  std::string originator_name;  // of the visitor, as the business tells it; may be empty
  uint32_t calls = 0;           // that it was given
  uint32_t calls_left = 0;
  WallTime start_before;  // no call begins later
  WallTime ends_at;       // when even a call that began then is over
  bool was_used() const { return calls_left < calls; }
};

// The tokens that are good, here and in the store, so that a restart neither takes one away nor gives its calls back.
// Sans-IO but for the store: time is an argument.
class TokenBook {
 public:
  static constexpr size_t kMaxTokens = 100'000;

  explicit TokenBook(store::Store& store, size_t max_tokens = kMaxTokens) : store_(store), max_tokens_(max_tokens) {}

  void Restore(WallTime now);
  // False when there are as many as may be, or when the campaign has as many as there is room left for: one page that
  // asks for ever more cannot take what others need.
  [[nodiscard]] bool Add(TokenRecord record, WallTime now);
  // Null for a token that is unknown, whose secret is wrong, or that is over.
  const TokenRecord* Find(const TokenText& token, WallTime now) const;
  const TokenRecord* FindById(const std::string& id, WallTime now) const;
  // One call less. Unknown ids are ignored.
  void Spend(const std::string& id);
  void Delete(const std::string& id);
  size_t size() const { return tokens_.size(); }

 private:
  static WallTime ForgottenAt(const TokenRecord& record) {
    return record.was_used() ? record.ends_at : record.start_before;
  }
  void Keep(const TokenRecord& record);
  void Sweep(WallTime now);

  store::Store& store_;
  const size_t max_tokens_;
  std::unordered_map<std::string, TokenRecord> tokens_;
  std::unordered_map<std::string, size_t> counts_;  // by campaign
  std::set<std::pair<WallTime, std::string>> ends_;
};

}  // namespace byon::click_to_call
