#include "controlplane/auth/signature.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

namespace byon::auth {
namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeEcdsa {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// JWS writes r and s side by side (RFC 7518 section 3.4), OpenSSL wants DER.
std::optional<std::string> EcdsaDer(std::string_view raw) {
  constexpr size_t kHalf = 32;
  if (raw.size() != 2 * kHalf) return std::nullopt;
  const std::unique_ptr<ECDSA_SIG, FreeEcdsa> signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(Bytes(raw), kHalf, nullptr);
  BIGNUM* s = BN_bin2bn(Bytes(raw) + kHalf, kHalf, nullptr);
  if (ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return std::nullopt;
  }
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return std::nullopt;
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return text;
}

bool SetPssPadding(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

}  // namespace

std::optional<Algorithm> ParseAlgorithm(std::string_view name) {
  if (name == "RS256") return Algorithm::kRs256;
  if (name == "PS256") return Algorithm::kPs256;
  if (name == "ES256") return Algorithm::kEs256;
  if (name == "EdDSA") return Algorithm::kEdDsa;
  return std::nullopt;
}

std::string_view ToString(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256: return "RS256";
    case Algorithm::kPs256: return "PS256";
    case Algorithm::kEs256: return "ES256";
    case Algorithm::kEdDsa: return "EdDSA";
  }
  return "";
}

bool VerifySignature(Algorithm algorithm, evp_pkey_st* key, std::string_view text, std::string_view signature) {
  std::optional<std::string> der;
  if (algorithm == Algorithm::kEs256) {
    der = EcdsaDer(signature);
    if (!der) return false;
    signature = *der;
  }
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;  // owned by context
  const EVP_MD* digest = algorithm == Algorithm::kEdDsa ? nullptr : EVP_sha256();
  bool is_good = EVP_DigestVerifyInit(context.get(), &key_context, digest, nullptr, key) == 1;
  if (is_good && algorithm == Algorithm::kPs256) is_good = SetPssPadding(key_context);
  is_good =
      is_good && EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(text), text.size()) == 1;
  ERR_clear_error();
  return is_good;
}

}  // namespace byon::auth
