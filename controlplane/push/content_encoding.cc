#include "controlplane/push/content_encoding.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>

#include "dataplane/base/check.h"

namespace byon::push {
namespace {

constexpr size_t kKeyBytes = 16;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kSaltBytes = 16;

struct FreeKdf {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string Hkdf(std::string_view salt, std::string_view secret, std::string_view label, size_t size) {
  const std::unique_ptr<EVP_PKEY_CTX, FreeKdf> context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  std::string derived(size, '\0');
  const bool is_good = EVP_PKEY_derive_init(context.get()) == 1 &&
                       EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
                       EVP_PKEY_CTX_set1_hkdf_salt(context.get(), Bytes(salt), static_cast<int>(salt.size())) == 1 &&
                       EVP_PKEY_CTX_set1_hkdf_key(context.get(), Bytes(secret), static_cast<int>(secret.size())) == 1 &&
                       EVP_PKEY_CTX_add1_hkdf_info(context.get(), Bytes(label), static_cast<int>(label.size())) == 1 &&
                       EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(derived.data()), &size) == 1;
  BYON_CHECK(is_good && size == derived.size(), "HKDF cannot fail with a digest of the default provider");
  return derived;
}

Aes128GcmEncoding::Aes128GcmEncoding(std::string_view secret, std::string_view salt, std::string_view key_id,
                                     uint32_t record_size)
    : salt_(salt), key_id_(key_id), record_size_(record_size) {
  BYON_CHECK(salt.size() == kSaltBytes && key_id.size() <= 255 && record_size > kTagBytes + 1, "RFC 8188 section 2.1");
  using namespace std::string_view_literals;
  key_ = Hkdf(salt, secret, "Content-Encoding: aes128gcm\0"sv, kKeyBytes);
  nonce_ = Hkdf(salt, secret, "Content-Encoding: nonce\0"sv, kNonceBytes);
}

std::string Aes128GcmEncoding::Header() const {
  std::string header = salt_;
  for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(record_size_ >> shift & 0xff);
  header += static_cast<char>(key_id_.size());
  return header + key_id_;
}

std::string Aes128GcmEncoding::Record(uint64_t sequence, std::string_view text, size_t padding_bytes,
                                      bool is_last) const {
  BYON_CHECK(text.size() + padding_bytes + 1 + kTagBytes <= record_size_, "the caller keeps to the record size");
  std::string plain(text);
  plain += is_last ? '\x02' : '\x01';
  plain.append(padding_bytes, '\0');
  std::string nonce = nonce_;
  for (size_t i = 0; i < 8; ++i)
    nonce[kNonceBytes - 1 - i] =
        static_cast<char>(nonce[kNonceBytes - 1 - i] ^ static_cast<char>(sequence >> 8 * i & 0xff));

  const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  std::string record(plain.size() + kTagBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(record.data());
  int written = 0;
  int last = 0;
  const bool is_good =
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, Bytes(key_), Bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), out, &written, Bytes(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), out + written, &last) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, out + plain.size()) == 1;
  BYON_CHECK(is_good, "AES-GCM cannot fail on memory");
  return record;
}

}  // namespace byon::push
