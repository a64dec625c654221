#pragma once

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "controlplane/auth/base64url.h"

namespace byon::test {

// An issuer of access tokens with one key per algorithm; every part of a token can be made wrong.
class TestIssuer {
 public:
  explicit TestIssuer(std::string issuer = "https://idp.example") : issuer_(std::move(issuer)) {}

  const std::string& issuer() const { return issuer_; }

  // The key set; kid = "k-" + algorithm + suffix given with the first use of that key.
  std::string Jwks() {
    nlohmann::json keys = nlohmann::json::array();
    for (const char* algorithm : {"ES256", "RS256", "PS256", "EdDSA"}) keys.push_back(Jwk(algorithm));
    return nlohmann::json{{"keys", keys}}.dump();
  }

  nlohmann::json Jwk(const std::string& algorithm) {
    EVP_PKEY* key = Key(algorithm);
    nlohmann::json jwk{{"kid", Kid(algorithm)}, {"use", "sig"}, {"alg", algorithm}};
    if (algorithm == "ES256") {
      jwk.update({{"kty", "EC"},
                  {"crv", "P-256"},
                  {"x", Number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32)},
                  {"y", Number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32)}});
    } else if (algorithm == "EdDSA") {
      std::string raw(32, '\0');
      size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size);
      jwk.update({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", auth::EncodeBase64Url(raw)}});
    } else {
      jwk.update(
          {{"kty", "RSA"}, {"n", Number(key, OSSL_PKEY_PARAM_RSA_N, 0)}, {"e", Number(key, OSSL_PKEY_PARAM_RSA_E, 0)}});
    }
    return jwk;
  }

  // Claims of a good token for alice; change what the test is about.
  nlohmann::json Claims(std::chrono::system_clock::time_point time = std::chrono::system_clock::now()) const {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    return {{"iss", issuer_},
            {"aud", "https://gw.example/webrtc"},
            {"sub", "alice"},
            {"client_id", "web"},
            {"iat", now},
            {"exp", now + 3600},
            {"scope", "openid a:read a:write"},
            {"phone_number", "+34600000001"}};
  }
  nlohmann::json Header(const std::string& algorithm) {
    return {{"alg", algorithm}, {"typ", "at+jwt"}, {"kid", Kid(algorithm)}};
  }

  std::string Token(const nlohmann::json& claims, const std::string& algorithm = "ES256") {
    return Sign(Header(algorithm), claims, algorithm);
  }
  std::string Sign(const nlohmann::json& header, const nlohmann::json& claims, const std::string& algorithm) {
    return SignText(header.dump(), claims.dump(), algorithm);
  }
  std::string SignText(const std::string& header, const std::string& claims, const std::string& algorithm) {
    const std::string input = auth::EncodeBase64Url(header) + "." + auth::EncodeBase64Url(claims);
    return input + "." + auth::EncodeBase64Url(Signature(algorithm, input));
  }
  std::string Kid(const std::string& algorithm) const { return "k-" + algorithm + rotation_; }
  // New keys with new kids.
  void Rotate() {
    rotation_ += "x";
    keys_.clear();
  }

 private:
  using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

  EVP_PKEY* Key(const std::string& algorithm) {
    auto it = keys_.find(algorithm);
    if (it == keys_.end()) {
      EVP_PKEY* key = algorithm == "ES256"   ? EVP_EC_gen("P-256")
                      : algorithm == "EdDSA" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                             : EVP_RSA_gen(2048);
      it = keys_.emplace(algorithm, KeyPointer(key, EVP_PKEY_free)).first;
    }
    return it->second.get();
  }

  static std::string Number(EVP_PKEY* key, const char* name, int size) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    std::string bytes(static_cast<size_t>(size == 0 ? BN_num_bytes(number) : size), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(number);
    return auth::EncodeBase64Url(bytes);
  }

  std::string Signature(const std::string& algorithm, const std::string& input) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX* options = nullptr;
    EVP_DigestSignInit(context.get(), &options, algorithm == "EdDSA" ? nullptr : EVP_sha256(), nullptr, Key(algorithm));
    if (algorithm == "PS256") {
      EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
      EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    std::string signature(1024, '\0');
    size_t size = signature.size();
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(input.data()), input.size());
    signature.resize(size);
    if (algorithm != "ES256") return signature;
    const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
    ECDSA_SIG_free(parsed);
    return raw;
  }

  std::string issuer_;
  std::string rotation_;
  std::map<std::string, KeyPointer> keys_;
};

}  // namespace byon::test
