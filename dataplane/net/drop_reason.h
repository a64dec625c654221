#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::net {

// Why a frame died below UDP, or could not be sent.
enum class DropReason : uint8_t {
  kTruncatedFrame,    // shorter than its Ethernet, IP or UDP header says
  kNotOurMac,         // unicast to another station
  kWrongVlan,         // tagged otherwise than this port is
  kUnknownEtherType,  // not ARP, IPv4 or IPv6
  kMalformedArp,
  kBadIpVersion,  // the version nibble contradicts the EtherType
  kBadIpHeader,   // header length below 20, or total length below the header
  kBadIpChecksum,
  kFragment,         // fragments are not reassembled
  kExtensionHeader,  // an IPv6 extension header this stack does not walk
  kUnknownProtocol,  // neither UDP nor ICMP
  kNotOurAddress,    // IP destination is not ours
  kMartianSource,    // multicast, loopback, broadcast, unspecified or IPv4-mapped source
  kBadUdpLength,
  kBadUdpChecksum,  // also: no checksum over IPv6, RFC 8200 section 8.1
  kMalformedIcmp,
  kBadIcmpChecksum,
  kUnhandledIcmp,  // a type this host has no use for
  kNdpNotOnLink,   // hop limit is not 255, RFC 4861 section 7.1
  kNoRoute,
  kNoSourceAddress,  // no address of the destination's family is configured
  kTooBigForMtu,
  kNeighbourPending,      // the queue of packets waiting for resolution is full
  kNeighbourUnreachable,  // nobody answered ARP or NS
  kNeighbourTableFull,
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kNeighbourTableFull) + 1;

// The counter's name, "net_bad_udp_checksum".
std::string_view DropReasonName(DropReason reason);

}  // namespace byon::net
