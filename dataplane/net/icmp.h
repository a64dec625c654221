#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/net/ip_address.h"
#include "dataplane/net/mac_address.h"

namespace byon::net {

// Types of ICMPv4 (RFC 792) and ICMPv6 (RFC 4443, RFC 4861) that a host handles.
inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpEchoRequest = 8;
inline constexpr uint8_t kIcmpv6EchoRequest = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;
inline constexpr uint8_t kIcmpv6NeighbourSolicitation = 135;
inline constexpr uint8_t kIcmpv6NeighbourAdvertisement = 136;
inline constexpr size_t kIcmpHeaderBytes = 4;

// An echo request or reply of either family without its type, code and checksum.
struct IcmpEcho {
  uint16_t identifier = 0;
  uint16_t sequence = 0;
  base::ByteSpan data;

  // `body` is what follows the four bytes of ICMP header.
  static std::optional<IcmpEcho> Parse(base::ByteSpan body);
  void Serialize(base::ByteWriter& writer) const;
};

// A neighbour solicitation or advertisement, RFC 4861 sections 4.3 and 4.4.
struct NdpMessage {
  bool is_advertisement = false;
  bool is_solicited = false;  // advertisements only
  bool is_override = false;   // advertisements only
  IpAddress target;
  // Source (solicitation) or target (advertisement) link-layer address option.
  std::optional<MacAddress> link_layer_address;

  // `body` is what follows the four bytes of ICMP header. Nothing when an option has length zero or
  // runs past the end (RFC 4861 section 7.1), or the target is a multicast address.
  static std::optional<NdpMessage> Parse(bool is_advertisement, base::ByteSpan body);
  void Serialize(base::ByteWriter& writer) const;
};

// The group in which the owner of `address` hears solicitations, RFC 4291 section 2.7.1.
IpAddress SolicitedNodeGroup(const IpAddress& address);
// The link-local address made from a MAC address, RFC 4291 appendix A.
IpAddress LinkLocalAddress(const MacAddress& mac);
// ff02::1.
IpAddress AllNodesGroup();

}  // namespace byon::net
