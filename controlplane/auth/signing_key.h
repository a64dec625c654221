#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/auth/signature.h"

namespace byon::auth {

// A private key of ours that signs what we say of ourselves to others.
class SigningKey {
 public:
  // `pem`: PKCS #8 or the older forms, without a passphrase. Nothing when it is no key, or none for the algorithm:
  // ES256 wants P-256, RS256 RSA of 2048 bits or more (RFC 7518 sections 3.3, 3.4); others cannot sign here.
  [[nodiscard]] static std::optional<SigningKey> FromPem(std::string_view pem, Algorithm algorithm);
  // A fresh P-256 key as PKCS #8 in PEM.
  [[nodiscard]] static std::string NewP256Pem();

  Algorithm algorithm() const { return algorithm_; }
  // The signature as JWS has it: r and s side by side for ES256.
  [[nodiscard]] std::string Sign(std::string_view text) const;
  // The compact JWS of two JSON texts (RFC 7515 section 3.1).
  [[nodiscard]] std::string MakeJws(std::string_view header, std::string_view claims) const;
  // Of a P-256 key: the uncompressed point, 65 bytes (SEC 1 section 2.3.3).
  [[nodiscard]] std::string PublicPoint() const;

 private:
  SigningKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {}

  std::shared_ptr<evp_pkey_st> key_;
  Algorithm algorithm_;
};

}  // namespace byon::auth
