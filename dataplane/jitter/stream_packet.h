#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/types.h"

namespace byon::jitter {

// One encoding of a stream and where it stands in it. Usually that is the packet it came in; of a packet
// with redundancy (RFC 2198) each block is one.
struct StreamPacket {
  rtp::Ssrc ssrc;
  rtp::SequenceNumber sequence_number;
  rtp::RtpTimestamp timestamp;
  uint8_t payload_type = 0;
  base::ByteSpan payload;

  static StreamPacket Of(const rtp::RtpPacketView& packet) {
    return {packet.ssrc(), packet.sequence_number(), packet.timestamp(), packet.payload_type().value, packet.payload()};
  }
};

// What the codec says about a payload.
struct PacketTraits {
  uint32_t duration = 0;           // clock units
  bool is_dtx = false;             // behind it a gap in the timestamps is silence
  bool has_redundancy = false;     // it repeats the packet before
  bool helps_concealment = false;  // a loss just before it is concealed better when it is there
  bool plays_in_parts = false;     // 20 ms of it can be decoded after the other
};

}  // namespace byon::jitter
