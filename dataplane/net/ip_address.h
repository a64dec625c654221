#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace byon::net {

// An IPv4 or IPv6 address in 16 bytes. IPv4 is kept in its IPv4-mapped form (RFC 4291 section
// 2.5.5.2), so ::ffff:192.0.2.1 and 192.0.2.1 are one address and no filter can be passed by
// writing it the other way. A default-made address is `::`, the unspecified one.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  // From four octets as they are read aloud: V4(192, 0, 2, 1).
  static constexpr IpAddress V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    IpAddress result;
    result.octets_ = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
    return result;
  }
  static constexpr IpAddress V6(const std::array<uint8_t, 16>& octets) {
    IpAddress result;
    result.octets_ = octets;
    return result;
  }
  // From 4 or 16 bytes in network order; nothing for any other length.
  static std::optional<IpAddress> FromBytes(base::ByteSpan bytes);
  // From text: dotted decimal without leading zeros, or RFC 4291 section 2.2 (no zone, no
  // brackets).
  static std::optional<IpAddress> Parse(std::string_view text);
  // Dotted decimal, or the canonical form of RFC 5952. Allocates: not for the packet path.
  std::string ToString() const;

  bool is_v4() const;
  bool is_v6() const { return !is_v4(); }
  bool is_unspecified() const;  // 0.0.0.0 or ::
  bool is_loopback() const;     // 127.0.0.0/8 or ::1
  bool is_multicast() const;    // 224.0.0.0/4 or ff00::/8
  bool is_broadcast() const;    // 255.255.255.255
  bool is_link_local() const;   // 169.254.0.0/16 or fe80::/10

  // The address as it stands on the wire: 4 or 16 bytes, living as long as this object.
  base::ByteSpan bytes() const;
  const std::array<uint8_t, 16>& mapped_octets() const { return octets_; }
  size_t Hash() const;

  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> octets_{};
};

// The addresses that share their first `length` bits with `network`.
struct IpPrefix {
  IpAddress network;
  uint8_t length = 0;  // bits: 0 to 32 for IPv4, 0 to 128 for IPv6

  // The prefix of `length` bits that `address` lies in; a length beyond the family's is its
  // longest.
  static IpPrefix Of(const IpAddress& address, uint8_t length);
  // "192.0.2.0/24", or a lone address for a prefix of one. Host bits are cleared.
  static std::optional<IpPrefix> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;
  // The subnet's broadcast address; nothing for IPv6, /31 and /32.
  std::optional<IpAddress> BroadcastAddress() const;
  std::string ToString() const;
  bool operator==(const IpPrefix&) const = default;
};

}  // namespace byon::net

template <>
struct std::hash<byon::net::IpAddress> {
  size_t operator()(const byon::net::IpAddress& address) const noexcept { return address.Hash(); }
};
