#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::ice {

// Why a datagram given to the agent had no effect. None of them causes a byte to be sent.
enum class DropReason : uint8_t {
  kMalformedStun,  // not a STUN message
  kBadFingerprint,
  kNotBindingRequest,  // a response or indication: a lite agent asks nothing
  kMissingUsername,
  kUnknownUsername,  // another session's, or an ICE generation that is over
  kMissingIntegrity,
  kBadIntegrity,
  kTooManyRemoteCandidates,
  kReplayedCheck,   // one of another address, sent on from here
  kConsentExpired,  // RFC 7675 section 5.1: these credentials are dead on that 5-tuple
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kConsentExpired) + 1;

// The counter's name, "ice_bad_integrity".
std::string_view DropReasonName(DropReason reason);

}  // namespace byon::ice
