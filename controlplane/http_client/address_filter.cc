#include "controlplane/http_client/address_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace byon::http_client {
namespace {

struct Range4 {
  uint32_t network;
  int bits;
};
constexpr Range4 kSpecial4[] = {
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // RFC 1918
    {0x64400000, 10},  // shared address space, RFC 6598
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local, cloud metadata
    {0xac100000, 12},  // RFC 1918
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // TEST-NET-1
    {0xc0586300, 24},  // 6to4 relay
    {0xc0a80000, 16},  // RFC 1918
    {0xc6120000, 15},  // benchmarking
    {0xc6336400, 24},  // TEST-NET-2
    {0xcb007100, 24},  // TEST-NET-3
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved, broadcast
};

bool IsPublic4(uint32_t host_order) {
  for (const Range4& range : kSpecial4) {
    if ((host_order ^ range.network) >> (32 - range.bits) == 0) return false;
  }
  return true;
}

bool IsPublic6(const std::array<uint8_t, 16>& a) {
  const auto embedded = [&a](size_t at) {
    return static_cast<uint32_t>(a[at]) << 24 | static_cast<uint32_t>(a[at + 1]) << 16 |
           static_cast<uint32_t>(a[at + 2]) << 8 | a[at + 3];
  };
  const auto starts_with = [&a](std::initializer_list<uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), a.begin());
  };
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return IsPublic4(embedded(12));
  if (starts_with({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return IsPublic4(embedded(12));
  if (starts_with({0x20, 0x02})) return IsPublic4(embedded(2));  // 6to4
  if ((a[0] & 0xe0) != 0x20) return false;                       // only 2000::/3 is global unicast
  if (starts_with({0x20, 0x01, 0x0d, 0xb8})) return false;       // documentation
  if (starts_with({0x20, 0x01}) && a[2] < 2) return false;       // 2001::/23: Teredo and protocols
  return true;
}

}  // namespace

bool IsPublicAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return IsPublic4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &address, sizeof in6);
    std::array<uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
    return IsPublic6(bytes);
  }
  return false;
}

}  // namespace byon::http_client
