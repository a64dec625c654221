#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::dns {

struct Server {
  std::string address;  // IP literal, without brackets
  uint16_t port = 53;
  bool operator==(const Server&) const = default;
};

struct ServerList {
  std::vector<Server> servers;
  std::chrono::milliseconds timeout{2000};  // of one attempt
  unsigned attempts = 2;                    // at each server
};

// "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53", "2001:db8::53".
[[nodiscard]] std::optional<Server> ParseServer(std::string_view text);

// The text of resolv.conf(5): nameserver lines, and timeout and attempts of the options. Lines that say nothing to us
// are left out; without a server it is the one of this host.
[[nodiscard]] ServerList ParseResolvConf(std::string_view text);

}  // namespace byon::dns
