#include "dataplane/net/ip_host.h"

#include <algorithm>

#include "dataplane/base/check.h"
#include "dataplane/net/checksum.h"

namespace byon::net {
namespace {

constexpr uint8_t kNdpHopLimit = 255;  // RFC 4861 section 7.1: proves that the sender is on the link
constexpr size_t kMaxEthernetHeaderBytes = kEthernetHeaderBytes + kVlanTagBytes;
constexpr size_t kUdpChecksumOffset = 6;

}  // namespace

IpHost::IpHost(const IpHostConfig& config) : config_(config), answer_(config.mtu_bytes + kMaxEthernetHeaderBytes) {
  bool has_v6 = false;
  bool has_link_local = false;
  for (const IpHostConfig::Address& address : config_.addresses) {
    const IpPrefix prefix = IpPrefix::Of(address.ip, address.prefix_length);
    BYON_CHECK(routes_.AddConnected(prefix), "the configuration was checked before: addresses");
    (void)own_addresses_.PushBack({address.ip, prefix});
    has_v6 = has_v6 || address.ip.is_v6();
    has_link_local = has_link_local || (address.ip.is_v6() && address.ip.is_link_local());
  }
  // RFC 4291 section 2.8: every IPv6 interface has a link-local address.
  if (has_v6 && !has_link_local) {
    const IpAddress link_local = LinkLocalAddress(config_.mac);
    (void)own_addresses_.PushBack({link_local, IpPrefix::Of(link_local, 64)});
  }
  for (const IpAddress& gateway : config_.gateways) routes_.SetDefaultGateway(gateway);
}

bool IpHost::IsOwnAddress(const IpAddress& address) const {
  return std::any_of(own_addresses_.begin(), own_addresses_.end(),
                     [&](const OwnAddress& own) { return own.ip == address; });
}

IpHost::Verdict IpHost::HandleFrame(base::ByteSpan frame, ChecksumStatus checksums, base::Timestamp now) {
  return Handle(frame, checksums, Voice::kAnswer, now);
}

IpHost::Verdict IpHost::Overhear(base::ByteSpan frame, base::Timestamp now) {
  constexpr ChecksumStatus kChecked{ChecksumStatus::Verdict::kGood, ChecksumStatus::Verdict::kGood};
  return Handle(frame, kChecked, Voice::kListenOnly, now);
}

IpHost::Verdict IpHost::Handle(base::ByteSpan frame, ChecksumStatus checksums, Voice voice, base::Timestamp now) {
  base::ByteReader reader(frame);
  const auto ethernet = EthernetHeader::Parse(reader);
  if (!ethernet) return DropReason::kTruncatedFrame;
  if (ethernet->destination != config_.mac && !ethernet->destination.is_group()) {
    return DropReason::kNotOurMac;
  }
  if (ethernet->vlan_id != config_.vlan_id) return DropReason::kWrongVlan;
  switch (static_cast<EtherType>(ethernet->ether_type)) {
    case EtherType::kArp: return HandleArp(reader, voice, now);
    case EtherType::kIpv4:
    case EtherType::kIpv6: {
      const bool is_v4 = ethernet->ether_type == static_cast<uint16_t>(EtherType::kIpv4);
      if (checksums.ip == ChecksumStatus::Verdict::kBad) return DropReason::kBadIpChecksum;
      const auto header = is_v4 ? IpHeader::ParseIpv4(reader, checksums.ip != ChecksumStatus::Verdict::kGood)
                                : IpHeader::ParseIpv6(reader);
      if (!header) return header.error();
      const size_t offset = reader.position();
      // Behind the IP packet there may be Ethernet padding.
      return HandleIp(*header, *ethernet, reader.ReadBytes(header->payload_bytes), offset, checksums, voice, now);
    }
    case EtherType::kVlan: break;
  }
  return DropReason::kUnknownEtherType;
}

IpHost::Verdict IpHost::HandleArp(base::ByteReader& reader, Voice voice, base::Timestamp now) {
  const auto packet = ArpPacket::Parse(reader);
  if (!packet) return DropReason::kMalformedArp;
  if (IsOwnAddress(packet->sender_ip)) {
    // Heard by ourselves, or somebody else uses our address: nothing is learnt from that. Only the
    // address tells: behind a tap device the kernel answers with the port's own MAC.
    if (packet->sender_mac == config_.mac) return Consumed{};
    return DropReason::kMartianSource;
  }
  const bool is_for_us = IsOwnAddress(packet->target_ip);
  const bool is_request = packet->operation == ArpPacket::Operation::kRequest;
  // An unspecified sender is a probe (RFC 5227 section 2.1.1): answered, and nothing to learn.
  if (!packet->sender_ip.is_unspecified() && routes_.IsConnected(packet->sender_ip)) {
    neighbours_.Learn(packet->sender_ip, packet->sender_mac, is_for_us && is_request, is_for_us && !is_request, now);
  }
  if (is_request && is_for_us && voice == Voice::kAnswer) {
    base::ByteWriter writer(answer_);
    WriteArp(
        writer,
        ArpPacket{ArpPacket::Operation::kReply, config_.mac, packet->target_ip, packet->sender_mac, packet->sender_ip},
        packet->sender_mac);
    answer_bytes_ = writer.size();
  }
  return Consumed{.is_neighbour_news = true};
}

std::optional<DropReason> IpHost::CheckAddresses(const IpHeader& header) const {
  const IpAddress& source = header.source;
  const bool may_be_unspecified = header.protocol == kProtocolIcmpv6;
  if (source.is_multicast() || source.is_loopback() || source.is_broadcast() ||
      (source.is_unspecified() && !may_be_unspecified)) {
    return DropReason::kMartianSource;
  }
  if (IsOwnAddress(header.destination)) return std::nullopt;
  const bool is_group_of_ours = header.destination == AllNodesGroup() ||
                                std::any_of(own_addresses_.begin(), own_addresses_.end(), [&](const OwnAddress& own) {
                                  return own.ip.is_v6() && SolicitedNodeGroup(own.ip) == header.destination;
                                });
  if (is_group_of_ours && header.protocol == kProtocolIcmpv6) return std::nullopt;
  return DropReason::kNotOurAddress;
}

IpHost::Verdict IpHost::HandleIp(const IpHeader& header, const EthernetHeader& ethernet, base::ByteSpan payload,
                                 size_t payload_offset, ChecksumStatus checksums, Voice voice, base::Timestamp now) {
  if (const auto reason = CheckAddresses(header)) return *reason;
  const uint8_t icmp = header.source.is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
  if (header.protocol == kProtocolUdp) return HandleUdp(header, payload, payload_offset, checksums);
  if (header.protocol == icmp) return HandleIcmp(header, ethernet, payload, voice, now);
  return DropReason::kUnknownProtocol;
}

IpHost::Verdict IpHost::HandleUdp(const IpHeader& header, base::ByteSpan segment, size_t segment_offset,
                                  ChecksumStatus checksums) {
  const auto udp = UdpHeader::Parse(segment);
  if (!udp) return DropReason::kBadUdpLength;
  const bool is_v4 = header.source.is_v4();
  // Zero means "none" over IPv4 (RFC 768) and nothing over IPv6 (RFC 8200 section 8.1).
  if (udp->checksum == 0 && !is_v4) return DropReason::kBadUdpChecksum;
  if (checksums.l4 == ChecksumStatus::Verdict::kBad) return DropReason::kBadUdpChecksum;
  const bool must_verify =
      config_.verify_udp_checksum && udp->checksum != 0 && checksums.l4 == ChecksumStatus::Verdict::kUnknown;
  if (must_verify && TransportChecksum(header.source, header.destination, kProtocolUdp,
                                       segment.first(kUdpHeaderBytes + udp->payload_bytes)) != 0) {
    return DropReason::kBadUdpChecksum;
  }
  return UdpDatagram{{header.source, udp->source_port},
                     {header.destination, udp->destination_port},
                     segment_offset + kUdpHeaderBytes,
                     udp->payload_bytes};
}

IpHost::Verdict IpHost::HandleIcmp(const IpHeader& header, const EthernetHeader& ethernet, base::ByteSpan message,
                                   Voice voice, base::Timestamp now) {
  base::ByteReader reader(message);
  const uint8_t type = reader.ReadU8();
  const uint8_t code = reader.ReadU8();
  reader.Skip(2);
  if (!reader.ok()) return DropReason::kMalformedIcmp;
  const bool is_v4 = header.source.is_v4();
  const uint16_t checksum = is_v4 ? InternetChecksum(message)
                                  : TransportChecksum(header.source, header.destination, kProtocolIcmpv6, message);
  if (checksum != 0) return DropReason::kBadIcmpChecksum;
  if (!is_v4 && (type == kIcmpv6NeighbourSolicitation || type == kIcmpv6NeighbourAdvertisement)) {
    return HandleNdp(header, ethernet, type, code, reader.rest(), voice, now);
  }
  if (type != (is_v4 ? kIcmpEchoRequest : kIcmpv6EchoRequest)) return DropReason::kUnhandledIcmp;
  // A group is not pinged: one question must not have many answers.
  if (header.destination.is_multicast()) return DropReason::kUnhandledIcmp;
  if (header.source.is_unspecified()) return DropReason::kMartianSource;
  if (!IcmpEcho::Parse(reader.rest())) return DropReason::kMalformedIcmp;
  if (voice == Voice::kListenOnly) return Consumed{};
  IpHeader answer;
  answer.source = header.destination;
  answer.destination = header.source;
  const uint8_t answer_type = is_v4 ? kIcmpEchoReply : kIcmpv6EchoReply;
  if (!AnswerIcmp(ethernet.source, answer, answer_type, reader.rest())) {
    return DropReason::kTooBigForMtu;
  }
  return Consumed{};
}

IpHost::Verdict IpHost::HandleNdp(const IpHeader& header, const EthernetHeader& ethernet, uint8_t type, uint8_t code,
                                  base::ByteSpan body, Voice voice, base::Timestamp now) {
  if (header.hop_limit != kNdpHopLimit) return DropReason::kNdpNotOnLink;
  const bool is_advertisement = type == kIcmpv6NeighbourAdvertisement;
  const auto message = NdpMessage::Parse(is_advertisement, body);
  if (!message || code != 0) return DropReason::kMalformedIcmp;
  if (is_advertisement) {
    if (IsOwnAddress(message->target)) return DropReason::kMartianSource;
    // A solicited answer may come without the option when the question went straight to the
    // neighbour (RFC 4861 section 7.2.4).
    const MacAddress mac = message->link_layer_address.value_or(ethernet.source);
    neighbours_.Learn(message->target, mac, false, message->is_solicited, now);
    return Consumed{.is_neighbour_news = true};
  }
  const bool is_duplicate_detection = header.source.is_unspecified();
  if (!is_duplicate_detection && message->link_layer_address) {
    if (IsOwnAddress(header.source)) return DropReason::kMartianSource;
    neighbours_.Learn(header.source, *message->link_layer_address, IsOwnAddress(message->target), false, now);
  }
  if (IsOwnAddress(message->target) && voice == Voice::kAnswer) {
    NdpMessage advertisement;
    advertisement.is_advertisement = true;
    advertisement.is_solicited = !is_duplicate_detection;
    advertisement.is_override = true;
    advertisement.target = message->target;
    advertisement.link_layer_address = config_.mac;
    std::array<std::byte, 32> bytes;
    base::ByteWriter writer(bytes);
    advertisement.Serialize(writer);
    IpHeader answer;
    answer.source = message->target;
    answer.destination = is_duplicate_detection ? AllNodesGroup() : header.source;
    answer.hop_limit = kNdpHopLimit;
    const MacAddress to = is_duplicate_detection ? MacAddress::ForMulticast(AllNodesGroup()) : ethernet.source;
    (void)AnswerIcmp(to, answer, kIcmpv6NeighbourAdvertisement, writer.written());
  }
  return Consumed{.is_neighbour_news = true};
}

bool IpHost::AnswerIcmp(const MacAddress& to, const IpHeader& header, uint8_t type, base::ByteSpan body) {
  base::ByteWriter writer(answer_);
  WriteIcmp(writer, to, header, type, body);
  if (!writer.ok()) return false;
  answer_bytes_ = writer.size();
  return true;
}

void IpHost::WriteEthernet(base::ByteWriter& writer, const MacAddress& to, EtherType type) const {
  EthernetHeader header;
  header.destination = to;
  header.source = config_.mac;
  header.vlan_id = config_.vlan_id;
  header.vlan_priority = config_.vlan_priority;
  header.ether_type = static_cast<uint16_t>(type);
  header.Serialize(writer);
}

void IpHost::WriteArp(base::ByteWriter& writer, const ArpPacket& packet, const MacAddress& to) const {
  WriteEthernet(writer, to, EtherType::kArp);
  packet.Serialize(writer);
}

void IpHost::WriteIcmp(base::ByteWriter& writer, const MacAddress& to, IpHeader header, uint8_t type,
                       base::ByteSpan body) const {
  const bool is_v4 = header.source.is_v4();
  header.protocol = is_v4 ? kProtocolIcmp : kProtocolIcmpv6;
  header.payload_bytes = kIcmpHeaderBytes + body.size();
  WriteEthernet(writer, to, is_v4 ? EtherType::kIpv4 : EtherType::kIpv6);
  header.Serialize(writer);
  const size_t start = writer.size();
  writer.WriteU8(type);
  writer.WriteU8(0);
  writer.WriteU16(0);
  writer.WriteBytes(body);
  if (!writer.ok()) return;
  const base::ByteSpan message = writer.written().subspan(start);
  writer.PatchU16(start + 2, is_v4 ? InternetChecksum(message)
                                   : TransportChecksum(header.source, header.destination, kProtocolIcmpv6, message));
}

std::optional<IpAddress> IpHost::OwnAddressFor(const IpAddress& destination) const {
  std::optional<IpAddress> of_family;
  for (const OwnAddress& own : own_addresses_) {
    if (own.prefix.Contains(destination)) return own.ip;
    if (!of_family && own.ip.is_v4() == destination.is_v4()) of_family = own.ip;
  }
  return of_family;
}

void IpHost::WriteSolicitation(base::ByteWriter& writer, const NeighbourTable::Solicitation& solicitation) const {
  const auto own = OwnAddressFor(solicitation.ip);
  if (!own) return;
  if (solicitation.ip.is_v4()) {
    const MacAddress to = solicitation.mac.value_or(MacAddress::Broadcast());
    WriteArp(writer, ArpPacket{ArpPacket::Operation::kRequest, config_.mac, *own, {}, solicitation.ip}, to);
    return;
  }
  NdpMessage message;
  message.target = solicitation.ip;
  message.link_layer_address = config_.mac;
  std::array<std::byte, 32> body;
  base::ByteWriter body_writer(body);
  message.Serialize(body_writer);
  IpHeader header;
  header.source = *own;
  header.destination = solicitation.mac ? solicitation.ip : SolicitedNodeGroup(solicitation.ip);
  header.hop_limit = kNdpHopLimit;
  const MacAddress to = solicitation.mac.value_or(MacAddress::ForMulticast(header.destination));
  WriteIcmp(writer, to, header, kIcmpv6NeighbourSolicitation, body_writer.written());
}

void IpHost::WriteAnnouncement(base::ByteWriter& writer, const IpAddress& address) const {
  if (address.is_v4()) {
    WriteArp(writer, ArpPacket{ArpPacket::Operation::kRequest, config_.mac, address, {}, address},
             MacAddress::Broadcast());
    return;
  }
  NdpMessage message;
  message.is_advertisement = true;
  message.is_override = true;
  message.target = address;
  message.link_layer_address = config_.mac;
  std::array<std::byte, 32> body;
  base::ByteWriter body_writer(body);
  message.Serialize(body_writer);
  IpHeader header;
  header.source = address;
  header.destination = AllNodesGroup();
  header.hop_limit = kNdpHopLimit;
  WriteIcmp(writer, MacAddress::ForMulticast(AllNodesGroup()), header, kIcmpv6NeighbourAdvertisement,
            body_writer.written());
}

std::optional<size_t> IpHost::PollFrame(base::MutableByteSpan buffer) {
  base::ByteWriter writer(buffer);
  if (answer_bytes_ != 0) {
    writer.WriteBytes(base::ByteSpan(answer_).first(answer_bytes_));
    answer_bytes_ = 0;
  } else if (const auto solicitation = neighbours_.PollSolicitation()) {
    WriteSolicitation(writer, *solicitation);
  } else if (next_announcement_ < own_addresses_.size()) {
    WriteAnnouncement(writer, own_addresses_[next_announcement_++].ip);
  }
  if (!writer.ok() || writer.size() == 0) return std::nullopt;
  return writer.size();
}

size_t IpHost::UdpHeaderBytes(const IpAddress& destination) const {
  return kEthernetHeaderBytes + (config_.vlan_id ? kVlanTagBytes : 0) +
         (destination.is_v4() ? kIpv4HeaderBytes : kIpv6HeaderBytes) + kUdpHeaderBytes;
}

std::variant<IpHost::SendState, DropReason> IpHost::PrepareUdp(base::MutableByteSpan frame, const SocketAddress& source,
                                                               const SocketAddress& destination, uint8_t dscp,
                                                               void* packet, base::Timestamp now) {
  const size_t header_bytes = UdpHeaderBytes(destination.ip);
  BYON_CHECK(frame.size() >= header_bytes, "a frame has room for its headers");
  const bool is_v4 = destination.ip.is_v4();
  if (source.ip.is_v4() != is_v4 || !IsOwnAddress(source.ip)) return DropReason::kNoSourceAddress;
  if (destination.ip.is_multicast() || destination.ip.is_broadcast() || destination.ip.is_unspecified() ||
      destination.ip.is_loopback()) {
    return DropReason::kNoRoute;
  }
  const size_t ip_offset = header_bytes - kUdpHeaderBytes - (is_v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes);
  if (frame.size() - ip_offset > config_.mtu_bytes) return DropReason::kTooBigForMtu;
  const auto next_hop = routes_.NextHop(destination.ip);
  if (!next_hop) return DropReason::kNoRoute;

  // Written before the neighbour is known: a packet that waits lacks nothing but its MAC.
  const size_t payload_bytes = frame.size() - header_bytes;
  IpHeader ip;
  ip.source = source.ip;
  ip.destination = destination.ip;
  ip.protocol = kProtocolUdp;
  ip.dscp = dscp;
  ip.payload_bytes = kUdpHeaderBytes + payload_bytes;
  base::ByteWriter writer(frame.first(header_bytes));
  WriteEthernet(writer, config_.mac, is_v4 ? EtherType::kIpv4 : EtherType::kIpv6);
  ip.Serialize(writer);
  const size_t udp_offset = writer.size();
  UdpHeader{source.port, destination.port, payload_bytes, 0}.Serialize(writer);
  uint16_t checksum = config_.offload_udp_checksum
                          ? PseudoHeaderSum(source.ip, destination.ip, kProtocolUdp, ip.payload_bytes)
                          : TransportChecksum(source.ip, destination.ip, kProtocolUdp, frame.subspan(udp_offset));
  // Zero would say "no checksum"; its other form stands for it (RFC 768).
  if (checksum == 0 && !config_.offload_udp_checksum) checksum = 0xffff;
  writer.PatchU16(udp_offset + kUdpChecksumOffset, checksum);

  if (IsOwnAddress(destination.ip)) return SendState::kLoopback;
  const auto resolution = neighbours_.Resolve(*next_hop, packet, now);
  switch (resolution.outcome) {
    case NeighbourTable::Outcome::kReady:
      std::copy(resolution.mac.bytes().begin(), resolution.mac.bytes().end(), frame.begin());
      return SendState::kReady;
    case NeighbourTable::Outcome::kQueued: return SendState::kWaiting;
    case NeighbourTable::Outcome::kQueueFull: return DropReason::kNeighbourPending;
    case NeighbourTable::Outcome::kTableFull: break;
  }
  return DropReason::kNeighbourTableFull;
}

}  // namespace byon::net
