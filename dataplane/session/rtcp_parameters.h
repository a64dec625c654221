#pragma once

#include <cstdint>
#include <optional>

namespace byon::session {

// What a leg's description says about RTCP.
struct RtcpParameters {
  bool is_avpf = false;                   // RFC 4585: a report may come early
  std::optional<uint32_t> bandwidth_bps;  // b=RS and b=RR together (RFC 3556); 0: no RTCP
  // a=rtcp-xr (RFC 3611 section 5.1): the peer asks for these blocks.
  bool wants_voip_metrics = false;
  bool answers_reference_time = false;  // rcvr-rtt: it answers RRTR with DLRR
  bool operator==(const RtcpParameters&) const = default;
};

}  // namespace byon::session
