#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace byon::sip {

// An IPv4 or IPv6 address without its port; IPv4 is kept IPv4-mapped, so both spellings are equal.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  auto operator<=>(const IpAddress&) const = default;
  // An IP literal, IPv6 with or without brackets; nothing for host names.
  [[nodiscard]] static std::optional<IpAddress> Parse(std::string_view text);
};

// "192.0.2.1:5060", "[2001:db8::1]:5060".
std::string HostPort(std::string_view address, unsigned port);

}  // namespace byon::sip
