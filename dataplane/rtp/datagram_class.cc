#include "dataplane/rtp/datagram_class.h"

namespace byon::rtp {

DatagramClass ClassifyDatagram(base::ByteSpan datagram) {
  if (datagram.empty()) return DatagramClass::kUnknown;
  const auto first = std::to_integer<uint8_t>(datagram[0]);
  if (first <= 3) return DatagramClass::kStun;
  if (first >= 20 && first <= 63) return DatagramClass::kDtls;
  if (first < 128 || first > 191 || datagram.size() < 2) return DatagramClass::kUnknown;
  // RFC 5761 section 4: 64 to 95 with the marker bit's place set, the types 192 to 223.
  const auto second = std::to_integer<uint8_t>(datagram[1]);
  return second >= 192 && second <= 223 ? DatagramClass::kRtcp : DatagramClass::kRtp;
}

}  // namespace byon::rtp
