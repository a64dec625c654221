#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/net/ip_address.h"

namespace byon::net {

struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;

  // "192.0.2.1:5004" or "[2001:db8::1]:5004".
  static std::optional<SocketAddress> Parse(std::string_view text);
  std::string ToString() const;
  constexpr auto operator<=>(const SocketAddress&) const = default;
};

}  // namespace byon::net

template <>
struct std::hash<byon::net::SocketAddress> {
  size_t operator()(const byon::net::SocketAddress& address) const noexcept {
    return address.ip.Hash() * 0x9e3779b97f4a7c15u + address.port;
  }
};
