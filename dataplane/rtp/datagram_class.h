#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace byon::rtp {

enum class DatagramClass : uint8_t { kUnknown, kStun, kDtls, kRtp, kRtcp };

// What a datagram on a multiplexed port is, by its first byte (RFC 7983 section 7) and, for RTP,
// its second (RFC 5761 section 4). It says where to hand the bytes, not that they are valid.
DatagramClass ClassifyDatagram(base::ByteSpan datagram);

}  // namespace byon::rtp
