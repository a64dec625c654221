#pragma once

#include <cstdint>
#include <vector>

#include "controlplane/sdp/media_types.h"

namespace byon::sdp {

// b=AS in kbit/s (RFC 8866 section 5.8, TS 26.114 annex K): the highest rate of any of the codecs in the modes that
// were agreed on, with RTP, UDP and IP headers, a packet each `ptime_ms`. What the network reserves for the call.
uint32_t BandwidthKbps(const std::vector<AudioCodec>& codecs, uint16_t ptime_ms, bool is_ipv6);

}  // namespace byon::sdp
