#include "dataplane/net/checksum.h"

#include <bit>
#include <cstring>

namespace byon::net {
namespace {

ChecksumAccumulator PseudoHeader(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                                 size_t segment_bytes) {
  ChecksumAccumulator sum;
  sum.Add(source.bytes());
  sum.Add(destination.bytes());
  sum.AddU16(static_cast<uint16_t>(segment_bytes >> 16));
  sum.AddU16(static_cast<uint16_t>(segment_bytes & 0xffff));
  sum.AddU16(protocol);
  return sum;
}

}  // namespace

void ChecksumAccumulator::Add(base::ByteSpan bytes) {
  // Words are summed as they are loaded: the ones' complement sum does not care for byte order
  // until it is stored (RFC 1071 section 2 (B)), and a 32-bit word is its two 16-bit words up to
  // carries.
  const std::byte* data = bytes.data();
  size_t left = bytes.size();
  for (; left >= 4; data += 4, left -= 4) {
    uint32_t word;
    std::memcpy(&word, data, 4);
    sum_ += word;
  }
  // The last one to three bytes, as if zeros followed.
  uint32_t word = 0;
  if (left > 0) std::memcpy(&word, data, left);
  sum_ += word;
}

void ChecksumAccumulator::AddU16(uint16_t value) {
  const std::byte bytes[] = {static_cast<std::byte>(value >> 8), static_cast<std::byte>(value & 0xff)};
  Add(bytes);
}

uint16_t ChecksumAccumulator::Finish() const {
  uint64_t sum = sum_;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  const auto folded = static_cast<uint16_t>(~sum & 0xffff);
  if constexpr (std::endian::native == std::endian::big) return folded;
  return static_cast<uint16_t>(folded << 8 | folded >> 8);
}

uint16_t InternetChecksum(base::ByteSpan bytes) {
  ChecksumAccumulator sum;
  sum.Add(bytes);
  return sum.Finish();
}

uint16_t TransportChecksum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                           base::ByteSpan segment) {
  ChecksumAccumulator sum = PseudoHeader(source, destination, protocol, segment.size());
  sum.Add(segment);
  return sum.Finish();
}

uint16_t PseudoHeaderSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                         size_t segment_bytes) {
  return static_cast<uint16_t>(~PseudoHeader(source, destination, protocol, segment_bytes).Finish() & 0xffff);
}

}  // namespace byon::net
