#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/net/ip_address.h"

namespace byon::net {

// The ones' complement sum of RFC 1071. Pieces must be even in length, but for the last.
class ChecksumAccumulator {
 public:
  void Add(base::ByteSpan bytes);
  void AddU16(uint16_t value);
  // The checksum field: zero means that a covered field was right.
  uint16_t Finish() const;

 private:
  uint64_t sum_ = 0;  // of 16-bit words as this CPU loads them
};

uint16_t InternetChecksum(base::ByteSpan bytes);
// Over the pseudo-header (RFC 768, RFC 8200 section 8.1) and `segment`. Zero when `segment` holds a
// right checksum.
uint16_t TransportChecksum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                           base::ByteSpan segment);
// The uncomplemented sum of the pseudo-header alone: what a NIC that finishes the checksum wants in
// the field.
uint16_t PseudoHeaderSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol, size_t segment_bytes);

}  // namespace byon::net
