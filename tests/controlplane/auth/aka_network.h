#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "controlplane/auth/software_isim.h"

namespace byon::auth::test {

template <size_t N>
std::array<uint8_t, N> Hex(const std::string& digits) {
  std::array<uint8_t, N> bytes{};
  for (size_t i = 0; i < N; ++i) bytes[i] = static_cast<uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
  return bytes;
}

// The home network's side of one ISIM (TS 33.102 section 6.3.2), with the keys and RAND of
// TS 35.207 test set 1.
struct AkaNetwork {
  IsimKeys keys{Hex<16>("465b5ce8b199b49faa5f0a2ee238a6bc"), Hex<16>("cd63cb71954a9f4e48a5994e37a02baf")};
  Block128 rand = Hex<16>("23553cbe9637a89d218ae64dae47bf35");

  static SequenceNumber48 Bytes(uint64_t sqn) {
    SequenceNumber48 bytes{};
    for (size_t i = bytes.size(); i-- > 0; sqn >>= 8) bytes[i] = static_cast<uint8_t>(sqn);
    return bytes;
  }

  AkaChallenge Challenge(uint64_t sqn) const {
    const Milenage milenage(keys.k, keys.opc, rand);
    const AuthenticationManagementField amf{0x80, 0x00};
    const auto mac = milenage.NetworkMac(Bytes(sqn), amf);
    const auto ak = milenage.AnonymityKey();
    AkaChallenge challenge{.rand = rand, .autn = {}};
    for (size_t i = 0; i < 6; ++i) challenge.autn[i] = Bytes(sqn)[i] ^ ak[i];
    std::copy(amf.begin(), amf.end(), challenge.autn.begin() + 6);
    std::copy(mac.begin(), mac.end(), challenge.autn.begin() + 8);
    return challenge;
  }

  // base64 of RAND and AUTN.
  std::string Nonce(uint64_t sqn) const {
    constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const AkaChallenge challenge = Challenge(sqn);
    std::string bytes(challenge.rand.begin(), challenge.rand.end());
    bytes.append(challenge.autn.begin(), challenge.autn.end());
    bytes.push_back('\0');  // 33 bytes: no padding
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
      const auto at = [&](size_t j) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i + j])); };
      const uint32_t group = at(0) << 16 | at(1) << 8 | at(2);
      for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[group >> shift & 63];
    }
    return text;
  }

  std::string expected_response() const {
    const auto response = Milenage(keys.k, keys.opc, rand).Response();
    return {response.begin(), response.end()};
  }

  // What an AUTS tells; nothing when it is not signed by the card.
  std::optional<uint64_t> SequenceNumberOf(const AkaChallenge& challenge, const std::string& auts) const {
    const Milenage milenage(keys.k, keys.opc, challenge.rand);
    if (auts.size() != 14) return std::nullopt;
    SequenceNumber48 sqn = milenage.ResyncAnonymityKey();
    for (size_t i = 0; i < 6; ++i) sqn[i] ^= static_cast<uint8_t>(auts[i]);
    const auto mac = milenage.ResyncMac(sqn, {});
    if (!std::equal(mac.begin(), mac.end(), reinterpret_cast<const uint8_t*>(auts.data()) + 6)) return std::nullopt;
    uint64_t value = 0;
    for (const uint8_t byte : sqn) value = value << 8 | byte;
    return value;
  }
};

}  // namespace byon::auth::test
