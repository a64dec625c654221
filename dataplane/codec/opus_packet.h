#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace byon::codec {

// What the first octets of an Opus packet say (RFC 6716 section 3), without decoding it.
struct OpusPacketDescription {
  uint32_t duration = 0;        // of the whole packet at 48 kHz, at most 5760
  uint32_t frame_duration = 0;  // of each frame in it, at 48 kHz
  uint8_t frame_count = 0;
  bool is_stereo = false;
  bool is_dtx = false;          // no frame carries audio (RFC 6716 section 3.1)
  bool has_inband_fec = false;  // the first frame repeats the packet before (RFC 6716 section 4.2.4)
};

// Nothing when a rule of RFC 6716 section 3.4 is broken: empty, more than 120 ms, frames that run past
// the end or over 1275 octets.
std::optional<OpusPacketDescription> DescribeOpusPacket(base::ByteSpan packet);

}  // namespace byon::codec
