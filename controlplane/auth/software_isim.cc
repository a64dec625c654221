#include "controlplane/auth/software_isim.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

namespace byon::auth {
namespace {

constexpr size_t kMaxNonceBytes = 1024;
constexpr size_t kChallengeBytes = 32;
// A jump beyond this is refused, so that nobody can wear the numbers out (TS 33.102 annex C.2.1,
// C.3.1).
constexpr uint64_t kMaxSeqJump = 1ULL << 28;
constexpr uint64_t kMaxSequenceNumber = (1ULL << 48) - 1;

bool IsBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  const size_t body = text.find_last_not_of('=');
  if (body == std::string_view::npos || text.size() - body > 3) return false;
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") > body;
}

uint64_t ToNumber(const SequenceNumber48& bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

SequenceNumber48 ToBytes(uint64_t value) {
  SequenceNumber48 bytes{};
  for (size_t i = bytes.size(); i-- > 0; value >>= 8) bytes[i] = static_cast<uint8_t>(value);
  return bytes;
}

SequenceNumber48 Xor(SequenceNumber48 a, const SequenceNumber48& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] ^= b[i];
  return a;
}

}  // namespace

std::optional<AkaChallenge> ParseAkaNonce(std::string_view nonce) {
  if (nonce.size() > kMaxNonceBytes || !IsBase64(nonce)) return std::nullopt;
  std::array<unsigned char, kMaxNonceBytes> bytes{};
  const int decoded = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(nonce.data()),
                                      static_cast<int>(nonce.size()));
  const auto padding = static_cast<size_t>(std::count(nonce.begin(), nonce.end(), '='));
  if (decoded < 0 || static_cast<size_t>(decoded) - padding < kChallengeBytes) return std::nullopt;
  AkaChallenge challenge;
  std::copy_n(bytes.begin(), 16, challenge.rand.begin());
  std::copy_n(bytes.begin() + 16, 16, challenge.autn.begin());
  return challenge;
}

bool SoftwareIsim::IsFresh(uint64_t sequence_number) const {
  const uint64_t seq = sequence_number >> kIndexBits;
  const uint64_t index = sequence_number & ((1U << kIndexBits) - 1);
  // A card that has seen nothing yet takes the first number as it comes: networks count by the
  // clock too.
  const bool is_near = highest_ == 0 || seq <= (highest_ >> kIndexBits) + kMaxSeqJump;
  return seq > seq_by_index_[index] && is_near;
}

void SoftwareIsim::Restore(uint64_t highest_sequence_number) {
  highest_ = std::max(highest_, std::min(highest_sequence_number, kMaxSequenceNumber));
  for (uint64_t& seq : seq_by_index_) seq = std::max(seq, highest_ >> kIndexBits);
}

AkaAnswer SoftwareIsim::Authenticate(const AkaChallenge& challenge) {
  const Milenage milenage(keys_.k, keys_.opc, challenge.rand);
  SequenceNumber48 hidden{};
  AuthenticationManagementField amf{};
  Milenage::Mac mac{};
  std::copy_n(challenge.autn.begin(), 6, hidden.begin());
  std::copy_n(challenge.autn.begin() + 6, 2, amf.begin());
  std::copy_n(challenge.autn.begin() + 8, 8, mac.begin());
  const SequenceNumber48 sqn = Xor(hidden, milenage.AnonymityKey());
  const Milenage::Mac expected = milenage.NetworkMac(sqn, amf);
  if (CRYPTO_memcmp(mac.data(), expected.data(), mac.size()) != 0) return {};

  const uint64_t sequence_number = ToNumber(sqn);
  if (!IsFresh(sequence_number)) {
    // AUTS = SQN_MS xor AK* | MAC-S, the latter over an AMF of zeros (section 6.3.3).
    const SequenceNumber48 own = ToBytes(highest_);
    const SequenceNumber48 hidden_own = Xor(own, milenage.ResyncAnonymityKey());
    const Milenage::Mac signature = milenage.ResyncMac(own, {});
    AkaAnswer answer{AkaAnswer::Outcome::kOutOfSync, {}};
    answer.bytes.assign(hidden_own.begin(), hidden_own.end());
    answer.bytes.append(signature.begin(), signature.end());
    return answer;
  }
  seq_by_index_[sequence_number & ((1U << kIndexBits) - 1)] = sequence_number >> kIndexBits;
  highest_ = std::max(highest_, sequence_number);
  const auto response = milenage.Response();
  return {AkaAnswer::Outcome::kAccepted, std::string(response.begin(), response.end())};
}

}  // namespace byon::auth
