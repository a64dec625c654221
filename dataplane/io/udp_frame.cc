#include "dataplane/io/udp_frame.h"

namespace byon::io {
namespace {

constexpr uint16_t kEtherTypeIpv4 = 0x0800;
constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
constexpr uint8_t kProtocolUdp = 17;
constexpr uint8_t kHopLimit = 64;
// Locally administered, the same for both ends: no wire ever sees it.
constexpr uint64_t kMac = 0x02'00'00'00'00'01;

void WriteMac(base::ByteWriter& writer) {
  writer.WriteU16(static_cast<uint16_t>(kMac >> 32));
  writer.WriteU32(static_cast<uint32_t>(kMac));
}

}  // namespace

void WriteUdpHeader(const UdpFrameHeader& frame, size_t payload_bytes, base::MutableByteSpan header) {
  base::ByteWriter writer(header);
  WriteMac(writer);
  WriteMac(writer);
  const auto udp_bytes = static_cast<uint16_t>(kUdpBytes + payload_bytes);
  if (frame.source.ip.is_v4()) {
    writer.WriteU16(kEtherTypeIpv4);
    writer.WriteU8(0x45);
    writer.WriteU8(static_cast<uint8_t>(frame.dscp << 2));
    writer.WriteU16(static_cast<uint16_t>(kIpv4Bytes + udp_bytes));
    writer.WriteU32(0x00004000);  // no identification, do not fragment
    writer.WriteU8(kHopLimit);
    writer.WriteU8(kProtocolUdp);
    writer.WriteU16(0);
  } else {
    writer.WriteU16(kEtherTypeIpv6);
    writer.WriteU32(uint32_t{6} << 28 | uint32_t{frame.dscp} << 22);
    writer.WriteU16(udp_bytes);
    writer.WriteU8(kProtocolUdp);
    writer.WriteU8(kHopLimit);
  }
  writer.WriteBytes(frame.source.ip.bytes());
  writer.WriteBytes(frame.destination.ip.bytes());
  writer.WriteU16(frame.source.port);
  writer.WriteU16(frame.destination.port);
  writer.WriteU16(udp_bytes);
  writer.WriteU16(0);
}

std::optional<ParsedUdpFrame> ParseUdpFrame(base::ByteSpan frame) {
  base::ByteReader reader(frame);
  reader.Skip(12);
  const uint16_t ether_type = reader.ReadU16();
  ParsedUdpFrame parsed;
  size_t address_bytes = 0;
  if (ether_type == kEtherTypeIpv4) {
    const uint8_t version = reader.ReadU8();
    parsed.header.dscp = reader.ReadU8() >> 2;
    reader.Skip(7);
    if (version != 0x45 || reader.ReadU8() != kProtocolUdp) return std::nullopt;
    reader.Skip(2);
    address_bytes = 4;
  } else if (ether_type == kEtherTypeIpv6) {
    const uint32_t word = reader.ReadU32();
    parsed.header.dscp = static_cast<uint8_t>(word >> 22 & 0x3f);
    reader.Skip(2);
    if (word >> 28 != 6 || reader.ReadU8() != kProtocolUdp) return std::nullopt;
    reader.Skip(1);
    address_bytes = 16;
  } else {
    return std::nullopt;
  }
  const auto source = net::IpAddress::FromBytes(reader.ReadBytes(address_bytes));
  const auto destination = net::IpAddress::FromBytes(reader.ReadBytes(address_bytes));
  parsed.header.source.port = reader.ReadU16();
  parsed.header.destination.port = reader.ReadU16();
  const uint16_t udp_bytes = reader.ReadU16();
  reader.Skip(2);
  if (!reader.ok() || !source || !destination || udp_bytes != kUdpBytes + reader.remaining()) {
    return std::nullopt;
  }
  parsed.header.source.ip = *source;
  parsed.header.destination.ip = *destination;
  parsed.payload_offset = reader.position();
  parsed.payload_bytes = reader.remaining();
  return parsed;
}

}  // namespace byon::io
