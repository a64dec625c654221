#include "dataplane/net/arp.h"

#include "dataplane/net/ethernet.h"

namespace byon::net {
namespace {
constexpr uint16_t kHardwareEthernet = 1;
constexpr uint8_t kMacBytes = 6;
constexpr uint8_t kIpv4Bytes = 4;
}  // namespace

std::optional<ArpPacket> ArpPacket::Parse(base::ByteReader& reader) {
  if (reader.ReadU16() != kHardwareEthernet) return std::nullopt;
  if (reader.ReadU16() != static_cast<uint16_t>(EtherType::kIpv4)) return std::nullopt;
  if (reader.ReadU8() != kMacBytes || reader.ReadU8() != kIpv4Bytes) return std::nullopt;
  ArpPacket packet;
  const uint16_t operation = reader.ReadU16();
  if (operation != 1 && operation != 2) return std::nullopt;
  packet.operation = static_cast<Operation>(operation);
  packet.sender_mac = MacAddress::Read(reader);
  const auto sender = IpAddress::FromBytes(reader.ReadBytes(kIpv4Bytes));
  packet.target_mac = MacAddress::Read(reader);
  const auto target = IpAddress::FromBytes(reader.ReadBytes(kIpv4Bytes));
  if (!sender || !target) return std::nullopt;
  packet.sender_ip = *sender;
  packet.target_ip = *target;
  return packet;
}

void ArpPacket::Serialize(base::ByteWriter& writer) const {
  writer.WriteU16(kHardwareEthernet);
  writer.WriteU16(static_cast<uint16_t>(EtherType::kIpv4));
  writer.WriteU8(kMacBytes);
  writer.WriteU8(kIpv4Bytes);
  writer.WriteU16(static_cast<uint16_t>(operation));
  writer.WriteBytes(sender_mac.bytes());
  writer.WriteBytes(sender_ip.bytes());
  writer.WriteBytes(target_mac.bytes());
  writer.WriteBytes(target_ip.bytes());
}

}  // namespace byon::net
