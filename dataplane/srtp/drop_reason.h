#pragma once

#include <cstdint>
#include <string_view>

namespace byon::srtp {

enum class DropReason : uint8_t {
  kAuthFailed,    // the tag does not fit
  kReplayed,      // this index was already accepted (or, outbound, already used)
  kTooOld,        // before the replay window
  kMalformed,     // not an (S)RTP or (S)RTCP packet, or no room for the tag
  kTooManySsrcs,  // the session's table of SSRCs is full
  kKeyExhausted,  // 2^48 RTP or 2^31 RTCP packets under one key (RFC 3711 section 9.2)
};
inline constexpr size_t kDropReasonCount = 6;

constexpr std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kAuthFailed: return "srtp_auth_failed";
    case DropReason::kReplayed: return "srtp_replayed";
    case DropReason::kTooOld: return "srtp_too_old";
    case DropReason::kMalformed: return "srtp_malformed";
    case DropReason::kTooManySsrcs: return "srtp_too_many_ssrcs";
    case DropReason::kKeyExhausted: return "srtp_key_exhausted";
  }
  return "srtp_unknown";
}

}  // namespace byon::srtp
