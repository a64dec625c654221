#include "dataplane/net/icmp.h"

#include <algorithm>

namespace byon::net {
namespace {
constexpr uint8_t kSourceLinkLayerOption = 1;  // RFC 4861 section 4.6.1
constexpr uint8_t kTargetLinkLayerOption = 2;
constexpr uint32_t kSolicitedFlag = 0x40000000;
constexpr uint32_t kOverrideFlag = 0x20000000;
}  // namespace

std::optional<IcmpEcho> IcmpEcho::Parse(base::ByteSpan body) {
  base::ByteReader reader(body);
  IcmpEcho echo;
  echo.identifier = reader.ReadU16();
  echo.sequence = reader.ReadU16();
  echo.data = reader.rest();
  if (!reader.ok()) return std::nullopt;
  return echo;
}

void IcmpEcho::Serialize(base::ByteWriter& writer) const {
  writer.WriteU16(identifier);
  writer.WriteU16(sequence);
  writer.WriteBytes(data);
}

std::optional<NdpMessage> NdpMessage::Parse(bool is_advertisement, base::ByteSpan body) {
  base::ByteReader reader(body);
  NdpMessage message;
  message.is_advertisement = is_advertisement;
  const uint32_t flags = reader.ReadU32();
  message.is_solicited = is_advertisement && (flags & kSolicitedFlag) != 0;
  message.is_override = is_advertisement && (flags & kOverrideFlag) != 0;
  const auto target = IpAddress::FromBytes(reader.ReadBytes(16));
  if (!target || target->is_multicast() || target->is_v4()) return std::nullopt;
  message.target = *target;
  const uint8_t wanted = is_advertisement ? kTargetLinkLayerOption : kSourceLinkLayerOption;
  while (reader.remaining() > 0) {
    const uint8_t type = reader.ReadU8();
    const size_t bytes = size_t{reader.ReadU8()} * 8;
    if (!reader.ok() || bytes == 0) return std::nullopt;
    base::ByteReader option(reader.ReadBytes(bytes - 2));
    if (!reader.ok()) return std::nullopt;
    if (type == wanted && bytes == 8) message.link_layer_address = MacAddress::Read(option);
  }
  return message;
}

void NdpMessage::Serialize(base::ByteWriter& writer) const {
  writer.WriteU32((is_solicited ? kSolicitedFlag : 0) | (is_override ? kOverrideFlag : 0));
  writer.WriteBytes(target.bytes());
  if (!link_layer_address) return;
  writer.WriteU8(is_advertisement ? kTargetLinkLayerOption : kSourceLinkLayerOption);
  writer.WriteU8(1);
  writer.WriteBytes(link_layer_address->bytes());
}

IpAddress SolicitedNodeGroup(const IpAddress& address) {
  const auto& octets = address.mapped_octets();
  return IpAddress::V6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, octets[13], octets[14], octets[15]});
}

IpAddress LinkLocalAddress(const MacAddress& mac) {
  const auto& m = mac.octets;
  return IpAddress::V6(
      {0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]});
}

IpAddress AllNodesGroup() { return IpAddress::V6({0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}); }

}  // namespace byon::net
