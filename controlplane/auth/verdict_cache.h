#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "controlplane/auth/verified_token.h"

namespace byon::auth {

// Verdicts by SHA-256 of the token, so that a public-key operation or an introspection is paid once per
// token and not per request. Bounded: when full, the expired go first, then any.
class VerdictCache {
 public:
  explicit VerdictCache(size_t max_entries = 50'000) : max_entries_(max_entries) {}

  // Null when unknown or over.
  std::shared_ptr<const VerifiedToken> Find(std::string_view token, WallTime now);
  void Insert(std::string_view token, std::shared_ptr<const VerifiedToken> verdict, WallTime until,
              WallTime now);
  // Its keys are others now: each token is to be looked at again.
  void ForgetIssuer(std::string_view issuer);
  size_t size() const { return entries_.size(); }

 private:
  using Hash = std::array<uint8_t, 32>;
  struct Entry {
    std::shared_ptr<const VerifiedToken> verdict;
    WallTime until;
  };
  struct HashOfHash {
    size_t operator()(const Hash& hash) const;
  };
  static Hash HashOf(std::string_view token);

  const size_t max_entries_;
  std::unordered_map<Hash, Entry, HashOfHash> entries_;
};

}  // namespace byon::auth
