#include "dataplane/session/drop_reason.h"

#include "dataplane/session/drop_counters.h"

namespace byon::session {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kUnknownPort: return "session_unknown_port";
    case DropReason::kUnknownClass: return "session_unknown_class";
    case DropReason::kUnexpectedClass: return "session_unexpected_class";
    case DropReason::kUnverifiedSource: return "session_unverified_source";
    case DropReason::kUnverifiedOverBudget: return "session_unverified_over_budget";
    case DropReason::kMediaOverBudget: return "session_media_over_budget";
    case DropReason::kImsMediaOverBudget: return "session_ims_media_over_budget";
    case DropReason::kNoSrtpKeys: return "session_no_srtp_keys";
    case DropReason::kDtlsNotExpected: return "session_dtls_not_expected";
    case DropReason::kDtlsTooLarge: return "session_dtls_too_large";
    case DropReason::kDtlsOverBudget: return "session_dtls_over_budget";
    case DropReason::kHandshakeBusy: return "session_handshake_busy";
    case DropReason::kNoRemote: return "session_no_remote";
    case DropReason::kStrangeSource: return "session_strange_source";
    case DropReason::kRtpOnRtcpPort: return "session_rtp_on_rtcp_port";
    case DropReason::kRtcpOnRtpPort: return "session_rtcp_on_rtp_port";
    case DropReason::kNotReceiving: return "session_not_receiving";
    case DropReason::kNoDestination: return "session_no_destination";
    case DropReason::kNoTxBuffer: return "session_no_tx_buffer";
    case DropReason::kTooLargeToSend: return "session_too_large_to_send";
    case DropReason::kLeftCall: return "session_left_call";
  }
  return "session_unknown";
}

std::string_view DropCounters::Name(size_t index) {
  if (index < kIceOffset) return DropReasonName(static_cast<DropReason>(index));
  if (index < kRtpOffset) return ice::DropReasonName(static_cast<ice::DropReason>(index - kIceOffset));
  if (index < kSrtpOffset) {
    return rtp::DropReasonName(static_cast<rtp::DropReason>(index - kRtpOffset));
  }
  if (index < kPipelineOffset) {
    return srtp::DropReasonName(static_cast<srtp::DropReason>(index - kSrtpOffset));
  }
  if (index < kSize) {
    return pipeline::DropReasonName(static_cast<pipeline::DropReason>(index - kPipelineOffset));
  }
  return "unknown";
}

}  // namespace byon::session
