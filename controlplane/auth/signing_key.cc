#include "controlplane/auth/signing_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "controlplane/auth/base64url.h"
#include "dataplane/base/check.h"

namespace byon::auth {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr size_t kHalf = 32;  // of a P-256 signature

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeEcdsa {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// A key with a passphrase is no key here, and nobody is asked for it.
int NoPassphrase(char*, int, int, void*) { return -1; }

bool IsP256(const EVP_PKEY* key) {
  char name[32] = "";
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, name, sizeof name, &size) == 1 &&
         std::string_view(name) == "prime256v1";
}

std::string RawOfDer(std::string_view der) {
  const unsigned char* at = Bytes(der);
  const std::unique_ptr<ECDSA_SIG, FreeEcdsa> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  BYON_CHECK(signature != nullptr, "our own signature is well-formed");
  std::string raw(2 * kHalf, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kHalf);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kHalf, kHalf);
  return raw;
}

}  // namespace

std::optional<SigningKey> SigningKey::FromPem(std::string_view pem, Algorithm algorithm) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr),
                                      EVP_PKEY_free);
  ERR_clear_error();
  if (key == nullptr) return std::nullopt;
  const bool fits = algorithm == Algorithm::kEs256 ? IsP256(key.get())
                    : algorithm == Algorithm::kRs256
                        ? EVP_PKEY_is_a(key.get(), "RSA") == 1 && EVP_PKEY_get_bits(key.get()) >= kMinRsaBits
                        : false;
  if (!fits) return std::nullopt;
  return SigningKey(key, algorithm);
}

std::string SigningKey::NewP256Pem() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Bio bio(BIO_new(BIO_s_mem()));
  const bool is_good =
      key != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  BYON_CHECK(is_good, "a key can always be made");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::string SigningKey::Sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  size_t size = 0;
  bool is_good = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                 EVP_DigestSign(context.get(), nullptr, &size, Bytes(text), text.size()) == 1;
  std::string signature(size, '\0');
  is_good = is_good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                      Bytes(text), text.size()) == 1;
  BYON_CHECK(is_good, "a key that was read can sign");
  signature.resize(size);
  return algorithm_ == Algorithm::kEs256 ? RawOfDer(signature) : signature;
}

std::string SigningKey::MakeJws(std::string_view header, std::string_view claims) const {
  const std::string text = EncodeBase64Url(header) + "." + EncodeBase64Url(claims);
  return text + "." + EncodeBase64Url(Sign(text));
}

std::string SigningKey::PublicPoint() const {
  unsigned char point[65];
  size_t size = 0;
  // A key in a file may carry its point compressed.
  EVP_PKEY_set_utf8_string_param(key_.get(), OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
  const bool is_good =
      EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) == 1;
  BYON_CHECK(is_good && size == sizeof point, "a P-256 key has its point");
  return {reinterpret_cast<char*>(point), size};
}

}  // namespace byon::auth
