// SHA-1's plain functions are used on purpose: the EVP ones allocate and look up the algorithm on
// every HMAC, which costs more than the hash itself and has no place on the packet path.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dataplane/stun/message_integrity.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstring>

namespace byon::stun {
namespace {

constexpr size_t kShaBlockBytes = 64;
// RFC 2104 section 2.
constexpr uint8_t kInnerPad = 0x36;
constexpr uint8_t kOuterPad = 0x5c;
constexpr uint32_t kFingerprintXor = 0x5354554e;  // "STUN"

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0xEDB88320u : 0u);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

Hmac FinishSha(SHA_CTX& context) {
  std::array<unsigned char, kMessageIntegrityBytes> digest;
  SHA1_Final(digest.data(), &context);
  Hmac result;
  std::memcpy(result.data(), digest.data(), result.size());
  return result;
}

}  // namespace

IntegrityKey::IntegrityKey(base::ByteSpan password) {
  static_assert(sizeof(SHA_CTX) == kShaStateBytes);
  std::array<std::byte, kShaBlockBytes> key{};
  SHA_CTX context;
  if (password.size() > kShaBlockBytes) {
    SHA1_Init(&context);
    SHA1_Update(&context, password.data(), password.size());
    const Hmac digest = FinishSha(context);
    std::memcpy(key.data(), digest.data(), digest.size());
  } else if (!password.empty()) {
    std::memcpy(key.data(), password.data(), password.size());
  }
  const auto absorb = [&](uint8_t pad, std::array<std::byte, kShaStateBytes>& state) {
    std::array<std::byte, kShaBlockBytes> block = key;
    for (std::byte& b : block) b ^= std::byte{pad};
    SHA1_Init(&context);
    SHA1_Update(&context, block.data(), block.size());
    std::memcpy(state.data(), &context, sizeof(context));
    OPENSSL_cleanse(block.data(), block.size());
  };
  absorb(kInnerPad, inner_);
  absorb(kOuterPad, outer_);
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(&context, sizeof(context));
}

Hmac IntegrityKey::Compute(base::ByteSpan first, base::ByteSpan second) const {
  SHA_CTX context;
  std::memcpy(&context, inner_.data(), sizeof(context));
  SHA1_Update(&context, first.data(), first.size());
  SHA1_Update(&context, second.data(), second.size());
  const Hmac inner_digest = FinishSha(context);
  std::memcpy(&context, outer_.data(), sizeof(context));
  SHA1_Update(&context, inner_digest.data(), inner_digest.size());
  return FinishSha(context);
}

bool IntegrityKey::Verify(base::ByteSpan first, base::ByteSpan second, base::ByteSpan expected) const {
  if (expected.size() != kMessageIntegrityBytes) return false;
  const Hmac computed = Compute(first, second);
  return CRYPTO_memcmp(computed.data(), expected.data(), computed.size()) == 0;
}

uint32_t Fingerprint(base::ByteSpan message) {
  uint32_t crc = 0xffffffff;
  for (const std::byte b : message) {
    crc = crc >> 8 ^ kCrcTable[(crc ^ std::to_integer<uint32_t>(b)) & 0xff];
  }
  return ~crc ^ kFingerprintXor;
}

}  // namespace byon::stun
