#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/net/drop_reason.h"
#include "dataplane/net/ip_address.h"

namespace byon::net {

inline constexpr size_t kIpv4HeaderBytes = 20;
inline constexpr size_t kIpv6HeaderBytes = 40;
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmpv6 = 58;

// What IPv4 (RFC 791) and IPv6 (RFC 8200) headers say in common.
struct IpHeader {
  IpAddress source;
  IpAddress destination;
  uint8_t protocol = 0;    // IPv6: the next header
  uint8_t hop_limit = 64;  // IPv4: the time to live
  uint8_t dscp = 0;        // RFC 2474
  size_t payload_bytes = 0;

  // Reads an IPv4 header with its options; the reader is then at the payload. `verify_checksum`
  // false when the NIC has checked it. Fragments are refused: voice packets are not fragmented, and
  // a reassembly queue is memory lent to strangers.
  static base::Result<IpHeader, DropReason> ParseIpv4(base::ByteReader& reader, bool verify_checksum);
  // Reads an IPv6 header. Extension headers are refused: no media comes behind one.
  static base::Result<IpHeader, DropReason> ParseIpv6(base::ByteReader& reader);
  // Writes the header for the family of `source`: IPv4 with its checksum, without options, as an
  // atomic datagram (DF set, RFC 6864 section 4.1).
  void Serialize(base::ByteWriter& writer) const;

  size_t header_bytes() const { return source.is_v4() ? kIpv4HeaderBytes : kIpv6HeaderBytes; }
};

}  // namespace byon::net
