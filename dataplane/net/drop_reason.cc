#include "dataplane/net/drop_reason.h"

namespace byon::net {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kTruncatedFrame: return "net_truncated_frame";
    case DropReason::kNotOurMac: return "net_not_our_mac";
    case DropReason::kWrongVlan: return "net_wrong_vlan";
    case DropReason::kUnknownEtherType: return "net_unknown_ether_type";
    case DropReason::kMalformedArp: return "net_malformed_arp";
    case DropReason::kBadIpVersion: return "net_bad_ip_version";
    case DropReason::kBadIpHeader: return "net_bad_ip_header";
    case DropReason::kBadIpChecksum: return "net_bad_ip_checksum";
    case DropReason::kFragment: return "net_fragment";
    case DropReason::kExtensionHeader: return "net_extension_header";
    case DropReason::kUnknownProtocol: return "net_unknown_protocol";
    case DropReason::kNotOurAddress: return "net_not_our_address";
    case DropReason::kMartianSource: return "net_martian_source";
    case DropReason::kBadUdpLength: return "net_bad_udp_length";
    case DropReason::kBadUdpChecksum: return "net_bad_udp_checksum";
    case DropReason::kMalformedIcmp: return "net_malformed_icmp";
    case DropReason::kBadIcmpChecksum: return "net_bad_icmp_checksum";
    case DropReason::kUnhandledIcmp: return "net_unhandled_icmp";
    case DropReason::kNdpNotOnLink: return "net_ndp_not_on_link";
    case DropReason::kNoRoute: return "net_no_route";
    case DropReason::kNoSourceAddress: return "net_no_source_address";
    case DropReason::kTooBigForMtu: return "net_too_big_for_mtu";
    case DropReason::kNeighbourPending: return "net_neighbour_pending";
    case DropReason::kNeighbourUnreachable: return "net_neighbour_unreachable";
    case DropReason::kNeighbourTableFull: return "net_neighbour_table_full";
  }
  return "net_unknown";
}

}  // namespace byon::net
