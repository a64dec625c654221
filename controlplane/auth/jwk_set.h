#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/auth/signature.h"

namespace byon::auth {

// The public keys of one issuer (RFC 7517). A plain value; copies share the keys.
class JwkSet {
 public:
  static constexpr size_t kMaxBytes = 1 << 20;
  static constexpr size_t kMaxKeys = 1000;

  JwkSet() = default;
  // Nothing when the text is no JWK set. Keys that cannot be used here are skipped and counted: symmetric or
  // encryption keys, RSA below 2048 bits or with an exponent below 65537, curves other than P-256 and
  // Ed25519, points off the curve, two keys of one kid (both).
  [[nodiscard]] static std::optional<JwkSet> Parse(std::string_view text);

  // The key to check a signature of this algorithm with. Without a kid only if a single key fits. The
  // pointer lives as long as the set.
  evp_pkey_st* Find(Algorithm algorithm, const std::optional<std::string>& kid) const;
  size_t size() const { return keys_.size(); }
  size_t skipped() const { return skipped_; }

 private:
  struct Key {
    std::optional<std::string> kid;
    std::vector<Algorithm> algorithms;
    std::shared_ptr<evp_pkey_st> key;
  };
  std::vector<Key> keys_;
  size_t skipped_ = 0;

  friend class JwkReader;
};

}  // namespace byon::auth
