#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/net/socket_address.h"

namespace byon::io {

// Ethernet, IPv4 or IPv6, UDP: the headers that the embedded port writes before what kernel sockets
// deliver and takes off what they send. Locally made, so without checksums, options or VLAN.
inline constexpr size_t kEthernetBytes = 14;
inline constexpr size_t kIpv4Bytes = 20;
inline constexpr size_t kIpv6Bytes = 40;
inline constexpr size_t kUdpBytes = 8;
inline constexpr size_t kMaxUdpHeaderBytes = kEthernetBytes + kIpv6Bytes + kUdpBytes;

struct UdpFrameHeader {
  net::SocketAddress source;
  net::SocketAddress destination;
  uint8_t dscp = 0;
};

// 42 or 62, by the family of `address`.
constexpr size_t UdpHeaderBytes(bool is_v4) { return kEthernetBytes + (is_v4 ? kIpv4Bytes : kIpv6Bytes) + kUdpBytes; }

// Fills `header` (of UdpHeaderBytes) for `payload_bytes` of UDP payload.
void WriteUdpHeader(const UdpFrameHeader& frame, size_t payload_bytes, base::MutableByteSpan header);

struct ParsedUdpFrame {
  UdpFrameHeader header;
  size_t payload_offset = 0;
  size_t payload_bytes = 0;
};
// Nothing for anything but a whole frame of that form.
std::optional<ParsedUdpFrame> ParseUdpFrame(base::ByteSpan frame);

}  // namespace byon::io
