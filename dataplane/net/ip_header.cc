#include "dataplane/net/ip_header.h"

#include <algorithm>
#include <array>

#include "dataplane/net/checksum.h"

namespace byon::net {
namespace {

constexpr uint8_t kFragmentHeader = 44;
// RFC 8200 section 4.1, and AH, ESP, mobility, HIP, shim6.
constexpr uint8_t kExtensionHeaders[] = {0, 43, 50, 51, 60, 135, 139, 140};

}  // namespace

base::Result<IpHeader, DropReason> IpHeader::ParseIpv4(base::ByteReader& reader, bool verify_checksum) {
  const base::ByteSpan start = reader.rest();
  IpHeader header;
  const uint8_t version_and_length = reader.ReadU8();
  header.dscp = static_cast<uint8_t>(reader.ReadU8() >> 2);
  const size_t total_bytes = reader.ReadU16();
  reader.Skip(2);  // identification
  const uint16_t fragment = reader.ReadU16();
  header.hop_limit = reader.ReadU8();
  header.protocol = reader.ReadU8();
  reader.Skip(2);  // checksum
  const auto source = IpAddress::FromBytes(reader.ReadBytes(4));
  const auto destination = IpAddress::FromBytes(reader.ReadBytes(4));
  if (!reader.ok()) return DropReason::kTruncatedFrame;
  const size_t header_bytes = static_cast<size_t>(version_and_length & 0x0f) * 4;
  if (version_and_length >> 4 != 4) return DropReason::kBadIpVersion;
  if (header_bytes < kIpv4HeaderBytes || total_bytes < header_bytes) {
    return DropReason::kBadIpHeader;
  }
  // Also catches what a port cut to its buffer without saying so.
  if (total_bytes > start.size()) return DropReason::kTruncatedFrame;
  reader.Skip(header_bytes - kIpv4HeaderBytes);
  if (verify_checksum && InternetChecksum(start.first(header_bytes)) != 0) {
    return DropReason::kBadIpChecksum;
  }
  // More fragments, or an offset.
  if ((fragment & 0x3fff) != 0) return DropReason::kFragment;
  header.source = *source;
  header.destination = *destination;
  header.payload_bytes = total_bytes - header_bytes;
  return header;
}

base::Result<IpHeader, DropReason> IpHeader::ParseIpv6(base::ByteReader& reader) {
  IpHeader header;
  const uint32_t first = reader.ReadU32();
  header.payload_bytes = reader.ReadU16();
  header.protocol = reader.ReadU8();
  header.hop_limit = reader.ReadU8();
  const auto source = IpAddress::FromBytes(reader.ReadBytes(16));
  const auto destination = IpAddress::FromBytes(reader.ReadBytes(16));
  if (!reader.ok()) return DropReason::kTruncatedFrame;
  if (first >> 28 != 6) return DropReason::kBadIpVersion;
  if (header.payload_bytes > reader.remaining()) return DropReason::kTruncatedFrame;
  if (header.protocol == kFragmentHeader) return DropReason::kFragment;
  if (std::find(std::begin(kExtensionHeaders), std::end(kExtensionHeaders), header.protocol) !=
      std::end(kExtensionHeaders)) {
    return DropReason::kExtensionHeader;
  }
  // An IPv4-mapped address has no place on the wire (RFC 4942 section 2.2), and would pass for
  // IPv4.
  if (source->is_v4() || destination->is_v4()) return DropReason::kMartianSource;
  header.dscp = static_cast<uint8_t>(first >> 22 & 0x3f);
  header.source = *source;
  header.destination = *destination;
  return header;
}

void IpHeader::Serialize(base::ByteWriter& writer) const {
  if (!source.is_v4()) {
    writer.WriteU32(6u << 28 | static_cast<uint32_t>(dscp & 0x3f) << 22);
    writer.WriteU16(static_cast<uint16_t>(payload_bytes));
    writer.WriteU8(protocol);
    writer.WriteU8(hop_limit);
    writer.WriteBytes(source.bytes());
    writer.WriteBytes(destination.bytes());
    return;
  }
  std::array<std::byte, kIpv4HeaderBytes> bytes;
  base::ByteWriter header(bytes);
  header.WriteU8(0x45);
  header.WriteU8(static_cast<uint8_t>(dscp << 2));
  header.WriteU16(static_cast<uint16_t>(kIpv4HeaderBytes + payload_bytes));
  header.WriteU16(0);
  header.WriteU16(0x4000);
  header.WriteU8(hop_limit);
  header.WriteU8(protocol);
  header.WriteU16(0);
  header.WriteBytes(source.bytes());
  header.WriteBytes(destination.bytes());
  header.PatchU16(10, InternetChecksum(bytes));
  writer.WriteBytes(bytes);
}

}  // namespace byon::net
