#include "controlplane/auth/signing_key.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

#include "controlplane/auth/base64url.h"

namespace byon::auth {
namespace {

using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string PemOf(EVP_PKEY* key, const char* passphrase = nullptr) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, passphrase == nullptr ? nullptr : EVP_aes_128_cbc(), passphrase,
                                passphrase == nullptr ? 0 : 4, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}
KeyPointer P256() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void ExpectGoodJws(EVP_PKEY* key, Algorithm algorithm) {
  const auto signer = SigningKey::FromPem(PemOf(key), algorithm);
  ASSERT_TRUE(signer);
  const std::string jws = signer->MakeJws(R"({"alg":"x"})", R"({"iss":"me"})");
  const size_t dot = jws.rfind('.');
  const std::string signature = DecodeBase64Url(jws.substr(dot + 1)).value();
  EXPECT_TRUE(VerifySignature(algorithm, key, jws.substr(0, dot), signature));
  EXPECT_FALSE(VerifySignature(algorithm, key, jws.substr(0, dot - 1), signature));
}

TEST(SigningKeyTest, SignsAsTheVerifierWants) {
  const KeyPointer ec = P256();
  for (int i = 0; i < 50; ++i) ExpectGoodJws(ec.get(), Algorithm::kEs256);  // short halves are padded
  const KeyPointer rsa(EVP_RSA_gen(2048), EVP_PKEY_free);
  ExpectGoodJws(rsa.get(), Algorithm::kRs256);
  EXPECT_FALSE(SigningKey::FromPem(PemOf(ec.get()), Algorithm::kRs256));
  EXPECT_FALSE(SigningKey::FromPem(PemOf(rsa.get()), Algorithm::kEs256));
}

TEST(SigningKeyTest, RefusesWhatIsNoKeyForIt) {
  EXPECT_FALSE(SigningKey::FromPem("", Algorithm::kEs256));
  EXPECT_FALSE(
      SigningKey::FromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", Algorithm::kEs256));
  const KeyPointer p384(EVP_EC_gen("P-384"), EVP_PKEY_free);
  EXPECT_FALSE(SigningKey::FromPem(PemOf(p384.get()), Algorithm::kEs256));
  const KeyPointer weak(EVP_RSA_gen(1024), EVP_PKEY_free);
  EXPECT_FALSE(SigningKey::FromPem(PemOf(weak.get()), Algorithm::kRs256));
  const KeyPointer good = P256();
  EXPECT_FALSE(SigningKey::FromPem(PemOf(good.get(), "word"), Algorithm::kEs256));
  EXPECT_FALSE(SigningKey::FromPem(PemOf(good.get()), Algorithm::kEdDsa));
}

TEST(SigningKeyTest, MakesKeysAndTellsTheirPoint) {
  const auto key = SigningKey::FromPem(SigningKey::NewP256Pem(), Algorithm::kEs256);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->PublicPoint().size(), 65u);
  EXPECT_EQ(key->PublicPoint().front(), '\x04');
  EXPECT_NE(SigningKey::NewP256Pem(), SigningKey::NewP256Pem());
}

}  // namespace
}  // namespace byon::auth
