#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace byon::net {

inline constexpr size_t kUdpHeaderBytes = 8;

// RFC 768.
struct UdpHeader {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  size_t payload_bytes = 0;
  uint16_t checksum = 0;

  // Reads the header of a datagram that is `segment` long by its IP header. Nothing when the length
  // field is below eight or beyond the segment.
  static std::optional<UdpHeader> Parse(base::ByteSpan segment);
  void Serialize(base::ByteWriter& writer) const;
};

}  // namespace byon::net
