#include "controlplane/auth/milenage.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "dataplane/base/check.h"

namespace byon::auth {
namespace {

Block128 Encrypt(const Block128& key, const Block128& block) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                EVP_CIPHER_CTX_free);
  // ECB without padding writes one block; OpenSSL wants room for one more.
  std::array<uint8_t, 32> out{};
  int length = 0;
  const bool is_done =
      context != nullptr && EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr) == 1 &&
      EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
      EVP_EncryptUpdate(context.get(), out.data(), &length, block.data(), static_cast<int>(block.size())) == 1;
  BYON_CHECK(is_done && length == 16, "OpenSSL was built without AES-128");
  Block128 result{};
  std::copy_n(out.begin(), result.size(), result.begin());
  return result;
}

Block128 Xor(Block128 a, const Block128& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] ^= b[i];
  return a;
}

Block128 RotatedLeft(Block128 block, size_t bytes) {
  std::rotate(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(bytes), block.end());
  return block;
}

template <size_t N>
std::array<uint8_t, N> Part(const Block128& block, size_t from) {
  std::array<uint8_t, N> part{};
  std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(from), N, part.begin());
  return part;
}

}  // namespace

Block128 DeriveOpc(const Block128& op, const Block128& k) { return Xor(Encrypt(k, op), op); }

Milenage::Milenage(const Block128& k, const Block128& opc, const Block128& rand)
    : k_(k), opc_(opc), temp_(Encrypt(k, Xor(rand, opc))) {}

// The rotations r1..r5 are 64, 0, 32, 64 and 96 bits, the constants c1..c5 are 0, 1, 2, 4 and 8.
Block128 Milenage::Out1(const SequenceNumber48& sqn, const AuthenticationManagementField& amf) const {
  Block128 in1{};
  for (size_t half = 0; half < 16; half += 8) {
    std::copy(sqn.begin(), sqn.end(), in1.begin() + static_cast<std::ptrdiff_t>(half));
    std::copy(amf.begin(), amf.end(), in1.begin() + static_cast<std::ptrdiff_t>(half) + 6);
  }
  return Xor(Encrypt(k_, Xor(temp_, RotatedLeft(Xor(in1, opc_), 8))), opc_);
}

Block128 Milenage::Out(size_t rotation_bytes, uint8_t constant) const {
  Block128 in = RotatedLeft(Xor(temp_, opc_), rotation_bytes);
  in[15] ^= constant;
  return Xor(Encrypt(k_, in), opc_);
}

Milenage::Mac Milenage::NetworkMac(const SequenceNumber48& sqn, const AuthenticationManagementField& amf) const {
  return Part<8>(Out1(sqn, amf), 0);
}
Milenage::Mac Milenage::ResyncMac(const SequenceNumber48& sqn, const AuthenticationManagementField& amf) const {
  return Part<8>(Out1(sqn, amf), 8);
}
std::array<uint8_t, 8> Milenage::Response() const { return Part<8>(Out(0, 1), 8); }
Block128 Milenage::CipherKey() const { return Out(4, 2); }
Block128 Milenage::IntegrityKey() const { return Out(8, 4); }
SequenceNumber48 Milenage::AnonymityKey() const { return Part<6>(Out(0, 1), 0); }
SequenceNumber48 Milenage::ResyncAnonymityKey() const { return Part<6>(Out(12, 8), 0); }

}  // namespace byon::auth
