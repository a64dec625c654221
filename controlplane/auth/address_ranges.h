#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::auth {

// An IPv4 or IPv6 address; IPv4 is kept IPv4-mapped, so both spellings are equal.
struct NetworkAddress {
  std::array<uint8_t, 16> bytes{};

  bool operator==(const NetworkAddress&) const = default;
  // An IP literal without brackets, port or zone; nothing for anything else.
  [[nodiscard]] static std::optional<NetworkAddress> Parse(std::string_view text);
  // As RFC 5952 spells it; IPv4 in dots.
  std::string ToText() const;
};

// The customer that an address stands for, where so many of something are allowed to each: an IPv4 address, also
// IPv4-mapped, is one itself; of an IPv6 address its first `ipv6_bits` (1 to 128), as a household is given a /64 or
// more of them (RFC 6177) and would be nobody twice. Spelled as RFC 5952 does; a text that is no address is its own
// network.
[[nodiscard]] std::string NetworkOf(std::string_view address, unsigned ipv6_bits = 64);

// Networks in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
class AddressRanges {
 public:
  // "192.0.2.7", "10.0.0.0/8", "2001:db8::/32". False, and nothing added, when it is none of these, has bits set beyond
  // its length, or means every address.
  [[nodiscard]] bool Add(std::string_view text);
  bool Contains(const NetworkAddress& address) const;
  bool IsEmpty() const { return ranges_.empty(); }

 private:
  struct Range {
    NetworkAddress network;
    unsigned bits = 128;  // of the 16 bytes
  };
  std::vector<Range> ranges_;
};

}  // namespace byon::auth
