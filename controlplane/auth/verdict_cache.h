#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "controlplane/auth/verified_token.h"

namespace byon::auth {

// Verdicts by SHA-256 of the token, so that a public-key operation or an introspection is paid once per
// token and not per request. Bounded: when full, the one that nobody has asked for longest goes. Finding and
// inserting cost the same however many there are: strangers decide how often that is.
class VerdictCache {
 public:
  explicit VerdictCache(size_t max_entries = 50'000) : max_entries_(max_entries) {}

  // Null when unknown or over.
  std::shared_ptr<const VerifiedToken> Find(std::string_view token, WallTime now);
  void Insert(std::string_view token, std::shared_ptr<const VerifiedToken> verdict, WallTime until, WallTime now);
  // Its keys are others now: each token is to be looked at again.
  void ForgetIssuer(std::string_view issuer);
  size_t size() const { return entries_.size(); }

 private:
  using Hash = std::array<uint8_t, 32>;
  struct Entry {
    Hash hash;
    std::shared_ptr<const VerifiedToken> verdict;
    WallTime until;
  };
  using Entries = std::list<Entry>;
  struct HashOfHash {
    size_t operator()(const Hash& hash) const;
  };
  static Hash HashOf(std::string_view token);
  Entries::iterator Erase(Entries::iterator entry);

  const size_t max_entries_;
  Entries entries_;  // the last used first
  std::unordered_map<Hash, Entries::iterator, HashOfHash> index_;
};

}  // namespace byon::auth
