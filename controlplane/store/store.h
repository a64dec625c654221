#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace byon::store {

enum class Kind : uint8_t {
  kRegistration,
  kCall,
  kSubscription,
  kChannel,
  kTokenBinding,
  kMessage,
  kWatch,
  kWebhookEvent,
  kCallTrace,
  kVisitorToken,
  kIssuerKeys
};
// Every kind that there is.
inline constexpr std::array kKinds{Kind::kRegistration, Kind::kCall,         Kind::kSubscription, Kind::kChannel,
                                   Kind::kTokenBinding, Kind::kMessage,      Kind::kWatch,        Kind::kWebhookEvent,
                                   Kind::kCallTrace,    Kind::kVisitorToken, Kind::kIssuerKeys};

struct Record {
  std::string key;
  std::string value;
  std::optional<std::chrono::system_clock::time_point> expires_at;
};

// Small records by kind and key, with an expiry: all state that must outlive the process. Writes are
// ordered, never block the caller on a disk or a network and are durable against the death of this
// process once Flush() returns. Values are opaque.
class Store {
 public:
  virtual ~Store() = default;
  virtual void Put(Kind kind, std::string_view key, std::string_view value,
                   std::optional<std::chrono::system_clock::time_point> expires_at) = 0;
  virtual void Delete(Kind kind, std::string_view key) = 0;
  // Some of the unexpired records of a kind in the order of their keys, from the first one on or from where the page
  // before ended. Calls `done` now or later, on any thread; every earlier write is seen.
  struct Page {
    std::vector<Record> records;
    std::optional<std::string> next;  // what ReadPage goes on with; none: this was the last
  };
  virtual void ReadPage(Kind kind, std::string after, std::function<void(Page)> done) = 0;
  // The same of those records that have these keys.
  virtual void ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) = 0;
  // All unexpired records of a kind in the order of their keys, some at a time in memory; blocks, so for start-up only.
  // What `visit` puts or deletes of a key behind the present one may be seen or not.
  void ForEach(Kind kind, const std::function<void(Record)>& visit);
  // The same at once: of kinds that are few.
  [[nodiscard]] std::vector<Record> LoadAll(Kind kind) {
    std::vector<Record> records;
    ForEach(kind, [&records](Record record) { records.push_back(std::move(record)); });
    return records;
  }
  // Blocks until every earlier write is safe.
  virtual void Flush() = 0;
  // Calls `done` when every earlier write is safe, now or later, on any thread; with false when some of them could not
  // be written, or not yet.
  virtual void AfterWrites(std::function<void(bool are_safe)> done) {
    Flush();
    done(true);
  }
};

}  // namespace byon::store
