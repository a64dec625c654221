#include "controlplane/auth/address_ranges.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace byon::auth {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                   0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 section 2.5.5.2

bool IsMapped(const NetworkAddress& address) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

bool AreEqual(const NetworkAddress& a, const NetworkAddress& b, unsigned bits) {
  const unsigned whole = bits / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest) == 0;
}

void ClearBeyond(NetworkAddress& address, unsigned bits) {
  for (unsigned bit = bits; bit < 128; ++bit) address.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
}

}  // namespace

std::string NetworkOf(std::string_view address, unsigned ipv6_bits) {
  auto parsed = NetworkAddress::Parse(address);
  if (!parsed) return std::string(address);
  if (!IsMapped(*parsed)) ClearBeyond(*parsed, ipv6_bits);
  return parsed->ToText();
}

std::optional<NetworkAddress> NetworkAddress::Parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.find('\0') != text.npos) return std::nullopt;
  const std::string terminated(text);
  NetworkAddress address;
  if (text.find(':') != text.npos) {
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + kMappedPrefix.size()) != 1) return std::nullopt;
  return address;
}

std::string NetworkAddress::ToText() const {
  char text[INET6_ADDRSTRLEN] = "";
  const bool is_v4 = IsMapped(*this);
  inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data() + (is_v4 ? kMappedPrefix.size() : 0), text, sizeof text);
  return text;
}

bool AddressRanges::Add(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = NetworkAddress::Parse(text.substr(0, slash));
  if (!address) return false;
  const bool is_v4 = text.substr(0, slash).find(':') == text.npos;
  unsigned bits = is_v4 ? 32 : 128;
  if (slash != text.npos) {
    const std::string_view length = text.substr(slash + 1);
    unsigned given = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), given);
    if (error != std::errc() || end != length.data() + length.size() || given == 0 || given > bits) return false;
    bits = given;
  }
  if (is_v4) bits += 96;
  NetworkAddress network = *address;
  ClearBeyond(network, bits);
  if (!(network == *address)) return false;
  ranges_.push_back({network, bits});
  return true;
}

bool AddressRanges::Contains(const NetworkAddress& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return AreEqual(range.network, address, range.bits); });
}

}  // namespace byon::auth
