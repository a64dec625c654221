#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace byon::srtp {

inline constexpr size_t kRtcpHeaderBytes = 8;  // never encrypted: RFC 3711 section 3.4
inline constexpr size_t kRtcpIndexBytes = 4;   // E flag and SRTCP index

// The little that SRTP must know of an RTP packet: its tag and cipher hang on nothing else.
struct RtpLayout {
  size_t header_bytes = 0;  // with CSRCs and header extension; at most the packet's size
  uint16_t sequence = 0;
  uint32_t ssrc = 0;
};

inline bool IsVersion2(base::ByteSpan packet) {
  return !packet.empty() && std::to_integer<unsigned>(packet[0] >> 6) == 2;
}

// Nothing when the packet is not RTP version 2 or shorter than its header (RFC 3550 section 5.1).
inline std::optional<RtpLayout> ParseRtpLayout(base::ByteSpan packet) {
  if (!IsVersion2(packet)) return std::nullopt;
  base::ByteReader reader(packet);
  const uint8_t first = reader.ReadU8();
  reader.Skip(1);
  RtpLayout layout;
  layout.sequence = reader.ReadU16();
  reader.Skip(4);
  layout.ssrc = reader.ReadU32();
  reader.Skip(size_t{4} * (first & 0x0fu));
  if ((first & 0x10u) != 0) {
    reader.Skip(2);
    reader.Skip(size_t{4} * reader.ReadU16());
  }
  if (!reader.ok()) return std::nullopt;
  layout.header_bytes = reader.position();
  return layout;
}

// The SSRC of a compound's first packet.
inline std::optional<uint32_t> ParseRtcpSsrc(base::ByteSpan packet) {
  if (!IsVersion2(packet) || packet.size() < kRtcpHeaderBytes) return std::nullopt;
  return base::ByteReader(packet.subspan(4)).ReadU32();
}

}  // namespace byon::srtp
