#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace byon::srtp {

// SRTP protection profiles by their IANA numbers (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
enum class SrtpProfile : uint16_t {
  kAes128CmSha1_80 = 0x0001,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};

inline constexpr size_t kMaxMasterKeyBytes = 32;
inline constexpr size_t kMaxMasterSaltBytes = 14;
// What protection appends at most: to RTP a GCM tag, to RTCP a GCM tag and the E flag with index.
inline constexpr size_t kMaxRtpOverheadBytes = 16;
inline constexpr size_t kMaxRtcpOverheadBytes = 20;

constexpr size_t MasterKeyBytes(SrtpProfile profile) { return profile == SrtpProfile::kAeadAes256Gcm ? 32 : 16; }
constexpr size_t MasterSaltBytes(SrtpProfile profile) { return profile == SrtpProfile::kAes128CmSha1_80 ? 14 : 12; }
constexpr size_t TagBytes(SrtpProfile profile) { return profile == SrtpProfile::kAes128CmSha1_80 ? 10 : 16; }
constexpr bool IsAead(SrtpProfile profile) { return profile != SrtpProfile::kAes128CmSha1_80; }

// The registered name: SRTP_AEAD_AES_128_GCM, ...
constexpr std::string_view ProfileName(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAes128CmSha1_80: return "SRTP_AES128_CM_HMAC_SHA1_80";
    case SrtpProfile::kAeadAes128Gcm: return "SRTP_AEAD_AES_128_GCM";
    case SrtpProfile::kAeadAes256Gcm: return "SRTP_AEAD_AES_256_GCM";
  }
  return "unknown";
}
constexpr std::optional<SrtpProfile> ProfileFromId(uint16_t id) {
  for (SrtpProfile profile :
       {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm}) {
    if (static_cast<uint16_t>(profile) == id) return profile;
  }
  return std::nullopt;
}

}  // namespace byon::srtp
