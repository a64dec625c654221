#include "dataplane/net/udp_header.h"

namespace byon::net {

std::optional<UdpHeader> UdpHeader::Parse(base::ByteSpan segment) {
  base::ByteReader reader(segment);
  UdpHeader header;
  header.source_port = reader.ReadU16();
  header.destination_port = reader.ReadU16();
  const size_t length = reader.ReadU16();
  header.checksum = reader.ReadU16();
  if (!reader.ok() || length < kUdpHeaderBytes || length > segment.size()) return std::nullopt;
  header.payload_bytes = length - kUdpHeaderBytes;
  return header;
}

void UdpHeader::Serialize(base::ByteWriter& writer) const {
  writer.WriteU16(source_port);
  writer.WriteU16(destination_port);
  writer.WriteU16(static_cast<uint16_t>(kUdpHeaderBytes + payload_bytes));
  writer.WriteU16(checksum);
}

}  // namespace byon::net
