#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"
#include "dataplane/net/arp.h"
#include "dataplane/net/drop_reason.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/ip_header.h"
#include "dataplane/net/neighbour_table.h"
#include "dataplane/net/route_table.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/net/udp_header.h"

namespace byon::net {

struct IpHostConfig {
  struct Address {
    IpAddress ip;
    uint8_t prefix_length = 32;  // bits
  };

  MacAddress mac;
  std::optional<uint16_t> vlan_id;
  uint8_t vlan_priority = 0;
  std::vector<Address> addresses;   // at most RouteTable::kMaxConnected
  std::vector<IpAddress> gateways;  // at most one a family
  size_t mtu_bytes = 1500;          // of the IP packet
  // False where the port says nothing of L4 checksums and the sender leaves them unfinished (veth).
  bool verify_udp_checksum = true;
  // True when the NIC finishes UDP checksums: the field is given the pseudo-header's sum.
  bool offload_udp_checksum = false;
};

// What the NIC found out about a received frame's checksums.
struct ChecksumStatus {
  enum class Verdict : uint8_t { kUnknown, kGood, kBad };
  Verdict ip = Verdict::kUnknown;
  Verdict l4 = Verdict::kUnknown;
};

// An IPv4 and IPv6 host on one Ethernet port, down to the frame: takes UDP datagrams out of frames,
// puts them into frames, and does what the link asks of a host (ARP, neighbour discovery, echo).
// Sans-IO: frames come by HandleFrame, its own leave by PollFrame, time is an argument.
class IpHost {
 public:
  explicit IpHost(const IpHostConfig& config);

  struct UdpDatagram {
    SocketAddress source;
    SocketAddress destination;
    size_t payload_offset = 0;  // in the frame
    size_t payload_bytes = 0;
  };
  // The frame was for this host itself. `is_neighbour_news`: it says where a neighbour is, which
  // other hosts that share the port want to Overhear().
  struct Consumed {
    bool is_neighbour_news = false;
  };
  using Verdict = std::variant<UdpDatagram, Consumed, DropReason>;
  Verdict HandleFrame(base::ByteSpan frame, ChecksumStatus checksums, base::Timestamp now);
  // Takes a frame that another host object on this port has handled and passed on: checksums are
  // not looked at again, neighbour news is learnt, nothing is answered.
  Verdict Overhear(base::ByteSpan frame, base::Timestamp now);

  // Bytes in front of a UDP payload to `destination`, VLAN tag included.
  size_t UdpHeaderBytes(const IpAddress& destination) const;
  // kLoopback: the destination is this host; the frame must be handed to it, not to the wire.
  enum class SendState : uint8_t { kReady, kWaiting, kLoopback };
  // Writes the headers into the front of `frame`, which is UdpHeaderBytes() and then the payload.
  // When the next hop's MAC is not known `packet` is kept (kWaiting) and comes back by PollReady or
  // PollUnreachable; a reason when it cannot be sent at all.
  std::variant<SendState, DropReason> PrepareUdp(base::MutableByteSpan frame, const SocketAddress& source,
                                                 const SocketAddress& destination, uint8_t dscp, void* packet,
                                                 base::Timestamp now);
  // A packet that waited, and the MAC address to write into the first six bytes of its frame.
  std::optional<NeighbourTable::ReadyPacket> PollReady() { return neighbours_.PollReady(); }
  std::optional<void*> PollUnreachable() { return neighbours_.PollUnreachable(); }

  // Writes the next frame of the host's own (answers, questions, announcements) into `buffer`,
  // which has room for an Ethernet frame of the MTU. Nothing when there is none.
  std::optional<size_t> PollFrame(base::MutableByteSpan buffer);
  bool has_frames() const {
    return answer_bytes_ != 0 || neighbours_.has_solicitations() || next_announcement_ < own_addresses_.size();
  }
  // Tells the link once where this host's addresses are (gratuitous ARP, RFC 5227 section 3;
  // unsolicited advertisement, RFC 4861 section 7.2.6).
  void Announce() { next_announcement_ = 0; }

  void HandleTimeout(base::Timestamp now) { neighbours_.HandleTimeout(now); }
  base::Timestamp NextDeadline() const { return neighbours_.NextDeadline(); }

  bool IsOwnAddress(const IpAddress& address) const;
  const IpHostConfig& config() const { return config_; }
  NeighbourTable& neighbours() { return neighbours_; }

 private:
  enum class Voice : uint8_t { kAnswer, kListenOnly };
  Verdict Handle(base::ByteSpan frame, ChecksumStatus checksums, Voice voice, base::Timestamp now);
  Verdict HandleArp(base::ByteReader& reader, Voice voice, base::Timestamp now);
  Verdict HandleIp(const IpHeader& header, const EthernetHeader& ethernet, base::ByteSpan payload,
                   size_t payload_offset, ChecksumStatus checksums, Voice voice, base::Timestamp now);
  Verdict HandleUdp(const IpHeader& header, base::ByteSpan segment, size_t segment_offset, ChecksumStatus checksums);
  Verdict HandleIcmp(const IpHeader& header, const EthernetHeader& ethernet, base::ByteSpan message, Voice voice,
                     base::Timestamp now);
  Verdict HandleNdp(const IpHeader& header, const EthernetHeader& ethernet, uint8_t type, uint8_t code,
                    base::ByteSpan body, Voice voice, base::Timestamp now);
  std::optional<DropReason> CheckAddresses(const IpHeader& header) const;

  // Makes the one answer that HandleFrame may cause. False when it does not fit.
  bool AnswerIcmp(const MacAddress& to, const IpHeader& header, uint8_t type, base::ByteSpan body);
  void WriteArp(base::ByteWriter& writer, const ArpPacket& packet, const MacAddress& to) const;
  void WriteEthernet(base::ByteWriter& writer, const MacAddress& to, EtherType type) const;
  void WriteIcmp(base::ByteWriter& writer, const MacAddress& to, IpHeader header, uint8_t type,
                 base::ByteSpan body) const;
  void WriteSolicitation(base::ByteWriter& writer, const NeighbourTable::Solicitation& solicitation) const;
  void WriteAnnouncement(base::ByteWriter& writer, const IpAddress& address) const;
  std::optional<IpAddress> OwnAddressFor(const IpAddress& destination) const;

  IpHostConfig config_;
  struct OwnAddress {
    IpAddress ip;
    IpPrefix prefix;
  };
  base::FixedVector<OwnAddress, RouteTable::kMaxConnected + 1> own_addresses_;
  RouteTable routes_;
  NeighbourTable neighbours_;
  std::vector<std::byte> answer_;  // of the largest frame, made at construction
  size_t answer_bytes_ = 0;        // 0: none
  size_t next_announcement_ = SIZE_MAX;
};

}  // namespace byon::net
