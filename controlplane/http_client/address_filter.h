#pragma once

#include <sys/socket.h>

namespace byon::http_client {

// Whether the address belongs to a host on the public Internet. Loopback, private, link-local, shared,
// multicast, documentation and unspecified addresses do not, nor an IPv4 one of those inside
// an IPv6 address (mapped, compatible, NAT64, 6to4). IANA special-purpose registries (RFC 6890).
bool IsPublicAddress(const sockaddr& address);

}  // namespace byon::http_client
