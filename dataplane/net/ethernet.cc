#include "dataplane/net/ethernet.h"

namespace byon::net {

std::optional<EthernetHeader> EthernetHeader::Parse(base::ByteReader& reader) {
  EthernetHeader header;
  header.destination = MacAddress::Read(reader);
  header.source = MacAddress::Read(reader);
  header.ether_type = reader.ReadU16();
  if (header.ether_type == static_cast<uint16_t>(EtherType::kVlan)) {
    const uint16_t tag = reader.ReadU16();
    header.vlan_priority = static_cast<uint8_t>(tag >> 13);
    if ((tag & 0x0fff) != 0) header.vlan_id = static_cast<uint16_t>(tag & 0x0fff);
    header.ether_type = reader.ReadU16();
  }
  if (!reader.ok()) return std::nullopt;
  return header;
}

void EthernetHeader::Serialize(base::ByteWriter& writer) const {
  writer.WriteBytes(destination.bytes());
  writer.WriteBytes(source.bytes());
  if (vlan_id) {
    writer.WriteU16(static_cast<uint16_t>(EtherType::kVlan));
    writer.WriteU16(static_cast<uint16_t>(vlan_priority << 13 | *vlan_id));
  }
  writer.WriteU16(ether_type);
}

}  // namespace byon::net
