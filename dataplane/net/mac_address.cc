#include "dataplane/net/mac_address.h"

#include <cstring>

namespace byon::net {

MacAddress MacAddress::ForMulticast(const IpAddress& group) {
  const auto& octets = group.mapped_octets();
  if (group.is_v4()) {
    return {{0x01, 0x00, 0x5e, static_cast<uint8_t>(octets[13] & 0x7f), octets[14], octets[15]}};
  }
  return {{0x33, 0x33, octets[12], octets[13], octets[14], octets[15]}};
}

std::optional<MacAddress> MacAddress::Parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress result;
  for (size_t i = 0; i < 17; ++i) {
    const char c = text[i];
    if (i % 3 == 2) {
      if (c != ':') return std::nullopt;
      continue;
    }
    const std::string_view digits = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const size_t digit = digits.find(lower);
    if (digit == std::string_view::npos) return std::nullopt;
    uint8_t& octet = result.octets[i / 3];
    octet = static_cast<uint8_t>(static_cast<size_t>(octet) << 4 | digit);
  }
  return result;
}

std::string MacAddress::ToString() const {
  std::string text;
  for (const uint8_t octet : octets) {
    if (!text.empty()) text += ':';
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 0xf];
  }
  return text;
}

MacAddress MacAddress::Read(base::ByteReader& reader) {
  MacAddress result;
  const base::ByteSpan bytes = reader.ReadBytes(result.octets.size());
  if (!bytes.empty()) std::memcpy(result.octets.data(), bytes.data(), bytes.size());
  return result;
}

}  // namespace byon::net
