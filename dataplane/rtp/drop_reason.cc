#include "dataplane/rtp/drop_reason.h"

namespace byon::rtp {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kTruncatedHeader: return "rtp_truncated_header";
    case DropReason::kBadVersion: return "rtp_bad_version";
    case DropReason::kBadExtension: return "rtp_bad_extension";
    case DropReason::kBadPadding: return "rtp_bad_padding";
    case DropReason::kRtcpTruncated: return "rtcp_truncated";
    case DropReason::kRtcpBadVersion: return "rtcp_bad_version";
    case DropReason::kRtcpBadType: return "rtcp_bad_type";
    case DropReason::kRtcpBadPadding: return "rtcp_bad_padding";
    case DropReason::kRtcpBadBody: return "rtcp_bad_body";
  }
  return "rtp_unknown";
}

}  // namespace byon::rtp
