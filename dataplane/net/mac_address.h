#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/net/ip_address.h"

namespace byon::net {

struct MacAddress {
  std::array<uint8_t, 6> octets{};

  static constexpr MacAddress Broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  // The group address an IP multicast group maps to: RFC 1112 section 6.4, RFC 2464 section 7.
  static MacAddress ForMulticast(const IpAddress& group);
  // "02:00:00:00:00:01".
  static std::optional<MacAddress> Parse(std::string_view text);
  std::string ToString() const;

  bool is_group() const { return (octets[0] & 1) != 0; }
  bool is_zero() const { return *this == MacAddress{}; }
  base::ByteSpan bytes() const { return std::as_bytes(std::span(octets)); }
  static MacAddress Read(base::ByteReader& reader);

  constexpr auto operator<=>(const MacAddress&) const = default;
};

}  // namespace byon::net
