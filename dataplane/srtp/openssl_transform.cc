// The low-level SHA-1 state is the only one that can be copied without the heap.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <memory>

#include "dataplane/base/check.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/srtp/backends.h"

namespace byon::srtp {
namespace {

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

const unsigned char* Bytes(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* Bytes(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

struct OpenSslKeys final : PacketKeys {
  ~OpenSslKeys() override {
    OPENSSL_cleanse(&inner, sizeof(inner));
    OPENSSL_cleanse(&outer, sizeof(outer));
  }
  Context encrypt;
  Context decrypt;  // AEAD only: a counter mode is its own inverse
  SHA_CTX inner{};
  SHA_CTX outer{};
};

Context MakeContext(const EVP_CIPHER* cipher, base::ByteSpan key, int is_encryption) {
  Context context(EVP_CIPHER_CTX_new());
  BYON_CHECK(context != nullptr &&
                 EVP_CipherInit_ex(context.get(), cipher, nullptr, Bytes(key.data()), nullptr, is_encryption) == 1,
             "OpenSSL takes a key of the right length");
  return context;
}

void StartHash(SHA_CTX& state, base::ByteSpan key, uint8_t pad) {
  std::array<uint8_t, 64> block;
  block.fill(pad);
  for (size_t i = 0; i < key.size(); ++i) block[i] ^= std::to_integer<uint8_t>(key[i]);
  SHA1_Init(&state);
  SHA1_Update(&state, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
}

std::array<uint8_t, SHA_DIGEST_LENGTH> Hmac(const OpenSslKeys& keys, base::ByteSpan message) {
  std::array<uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA_CTX state = keys.inner;
  SHA1_Update(&state, message.data(), message.size());
  SHA1_Final(digest.data(), &state);
  state = keys.outer;
  SHA1_Update(&state, digest.data(), digest.size());
  SHA1_Final(digest.data(), &state);
  return digest;
}

void RunCounterMode(const OpenSslKeys& keys, PacketJob& job) {
  if (job.payload.empty()) return;
  auto* payload = Bytes(job.payload.data());
  int written = 0;
  const bool is_done =
      EVP_EncryptInit_ex(keys.encrypt.get(), nullptr, nullptr, nullptr, Bytes(job.iv.data())) == 1 &&
      EVP_EncryptUpdate(keys.encrypt.get(), payload, &written, payload, static_cast<int>(job.payload.size())) == 1;
  BYON_CHECK(is_done, "a counter mode cannot fail");
}

// Associated data and text of an AEAD job; the tag is the caller's.
bool RunAead(EVP_CIPHER_CTX* context, PacketJob& job) {
  int written = 0;
  if (EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, Bytes(job.iv.data()), -1) != 1 ||
      EVP_CipherUpdate(context, nullptr, &written, Bytes(job.authenticated.data()),
                       static_cast<int>(job.authenticated.size())) != 1) {
    return false;
  }
  if (job.payload.empty()) return true;
  auto* payload = Bytes(job.payload.data());
  return EVP_CipherUpdate(context, payload, &written, payload, static_cast<int>(job.payload.size())) == 1;
}

void ProtectOne(PacketJob& job) {
  const auto& keys = static_cast<const OpenSslKeys&>(*job.keys);
  if (!IsAead(job.profile)) {
    RunCounterMode(keys, job);
    const auto digest = Hmac(keys, job.authenticated);
    std::memcpy(job.tag.data(), digest.data(), TagBytes(job.profile));
    return;
  }
  std::array<unsigned char, 16> rest;
  int written = 0;
  const bool is_done = RunAead(keys.encrypt.get(), job) &&
                       EVP_EncryptFinal_ex(keys.encrypt.get(), rest.data(), &written) == 1 &&
                       EVP_CIPHER_CTX_ctrl(keys.encrypt.get(), EVP_CTRL_AEAD_GET_TAG, 16, job.tag.data()) == 1;
  BYON_CHECK(is_done, "AES-GCM encryption cannot fail");
}

void UnprotectOne(PacketJob& job) {
  const auto& keys = static_cast<const OpenSslKeys&>(*job.keys);
  if (!IsAead(job.profile)) {
    const auto digest = Hmac(keys, job.authenticated);
    job.is_authentic = CRYPTO_memcmp(digest.data(), job.tag.data(), TagBytes(job.profile)) == 0;
    if (job.is_authentic) RunCounterMode(keys, job);
    return;
  }
  std::array<unsigned char, 16> rest;
  int written = 0;
  job.is_authentic = RunAead(keys.decrypt.get(), job) &&
                     EVP_CIPHER_CTX_ctrl(keys.decrypt.get(), EVP_CTRL_AEAD_SET_TAG, 16, job.tag.data()) == 1 &&
                     EVP_DecryptFinal_ex(keys.decrypt.get(), rest.data(), &written) == 1;
}

class OpenSslTransform final : public SrtpTransform {
 public:
  SrtpBackend backend() const override { return SrtpBackend::kOpenSsl; }
  void Prefetch(const PacketKeys& keys, SrtpProfile) const override { base::Prefetch(&keys, sizeof(OpenSslKeys)); }
  void Protect(std::span<PacketJob> jobs) override {
    for (PacketJob& job : jobs) ProtectOne(job);
  }
  void Unprotect(std::span<PacketJob> jobs) override {
    for (PacketJob& job : jobs) UnprotectOne(job);
  }
};

}  // namespace

std::unique_ptr<SrtpTransform> MakeOpenSslTransform() { return std::make_unique<OpenSslTransform>(); }

std::unique_ptr<PacketKeys> MakeOpenSslKeys(SrtpProfile profile, base::ByteSpan cipher_key, base::ByteSpan auth_key) {
  auto keys = std::make_unique<OpenSslKeys>();
  if (!IsAead(profile)) {
    keys->encrypt = MakeContext(EVP_aes_128_ctr(), cipher_key, 1);
    StartHash(keys->inner, auth_key, 0x36);
    StartHash(keys->outer, auth_key, 0x5c);
    return keys;
  }
  const EVP_CIPHER* cipher = cipher_key.size() == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
  keys->encrypt = MakeContext(cipher, cipher_key, 1);
  keys->decrypt = MakeContext(cipher, cipher_key, 0);
  return keys;
}

}  // namespace byon::srtp
