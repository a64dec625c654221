#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace byon::simphone {

// A kernel socket address, IPv4 or IPv6.
struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  // nullopt when `ip` is not a numeric address.
  static std::optional<KernelAddress> From(const std::string& ip, uint16_t port);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  std::string ip() const;
  uint16_t port() const;
};

}  // namespace byon::simphone
