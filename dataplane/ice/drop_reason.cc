#include "dataplane/ice/drop_reason.h"

namespace byon::ice {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kMalformedStun: return "ice_malformed_stun";
    case DropReason::kBadFingerprint: return "ice_bad_fingerprint";
    case DropReason::kNotBindingRequest: return "ice_not_binding_request";
    case DropReason::kMissingUsername: return "ice_missing_username";
    case DropReason::kUnknownUsername: return "ice_unknown_username";
    case DropReason::kMissingIntegrity: return "ice_missing_integrity";
    case DropReason::kBadIntegrity: return "ice_bad_integrity";
    case DropReason::kTooManyRemoteCandidates: return "ice_too_many_remote_candidates";
    case DropReason::kReplayedCheck: return "ice_replayed_check";
    case DropReason::kConsentExpired: return "ice_consent_expired";
  }
  return "ice_unknown";
}

}  // namespace byon::ice
