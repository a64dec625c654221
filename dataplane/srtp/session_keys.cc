#include "dataplane/srtp/session_keys.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "dataplane/base/check.h"

namespace byon::srtp {

void DeriveSessionKey(const SrtpKeyingMaterial& keying, KeyLabel label, base::MutableByteSpan output) {
  // x = label * 2^48 XOR salt, then the counter block x * 2^16; a 12-byte AEAD salt stands left.
  std::array<std::byte, 16> counter_block{};
  std::ranges::copy(keying.salt(), counter_block.begin());
  counter_block[7] ^= static_cast<std::byte>(label);

  std::ranges::fill(output, std::byte{0});
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free);
  const EVP_CIPHER* cipher = keying.key().size() == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
  auto* bytes = reinterpret_cast<unsigned char*>(output.data());
  int written = 0;
  const bool is_done =
      context != nullptr &&
      EVP_EncryptInit_ex(context.get(), cipher, nullptr, reinterpret_cast<const unsigned char*>(keying.key().data()),
                         reinterpret_cast<const unsigned char*>(counter_block.data())) == 1 &&
      EVP_EncryptUpdate(context.get(), bytes, &written, bytes, static_cast<int>(output.size())) == 1;
  BYON_CHECK(is_done, "AES-CTR of OpenSSL cannot fail on a key of the right length");
}

}  // namespace byon::srtp
