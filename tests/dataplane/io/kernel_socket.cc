#include "tests/dataplane/io/kernel_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "dataplane/base/check.h"

namespace byon::io {
namespace {

socklen_t ToSockaddr(const net::SocketAddress& address, sockaddr_storage& storage) {
  storage = {};
  auto* in = reinterpret_cast<sockaddr_in*>(&storage);
  in->sin_port = htons(address.port);
  if (address.ip.is_v4()) {
    in->sin_family = AF_INET;
    std::memcpy(&in->sin_addr, address.ip.bytes().data(), 4);
    return sizeof(sockaddr_in);
  }
  auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
  in6->sin6_family = AF_INET6;
  std::memcpy(&in6->sin6_addr, address.ip.bytes().data(), 16);
  return sizeof(sockaddr_in6);
}

net::SocketAddress FromSockaddr(const sockaddr_storage& storage) {
  const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
  const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  net::SocketAddress address;
  address.port = ntohs(in->sin_port);
  address.ip =
      *net::IpAddress::FromBytes(storage.ss_family == AF_INET ? std::as_bytes(std::span(&in->sin_addr, 1)).first(4)
                                                              : std::as_bytes(std::span(&in6->sin6_addr, 1)).first(16));
  return address;
}

}  // namespace

KernelSocket::KernelSocket(const net::IpAddress& ip) {
  fd_ = socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_storage name;
  socklen_t size = ToSockaddr({ip, 0}, name);
  const int on = 1;
  BYON_CHECK(fd_ >= 0 && bind(fd_, reinterpret_cast<sockaddr*>(&name), size) == 0 &&
                 getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size) == 0,
             "loopback takes a socket");
  (void)setsockopt(fd_, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
  (void)setsockopt(fd_, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
  local_ = FromSockaddr(name);
}
KernelSocket::~KernelSocket() { close(fd_); }

void KernelSocket::SendTo(const net::SocketAddress& destination, std::string_view payload) {
  sockaddr_storage name;
  const socklen_t size = ToSockaddr(destination, name);
  (void)sendto(fd_, payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&name), size);
}

std::optional<KernelSocket::Received> KernelSocket::Receive() {
  std::array<char, 4096> buffer;
  alignas(cmsghdr) std::array<char, 256> control;
  sockaddr_storage name{};
  iovec vector{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = &name;
  message.msg_namelen = sizeof(name);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_, &message, 0);
  if (size < 0) return std::nullopt;
  Received received;
  received.payload.assign(buffer.data(), static_cast<size_t>(size));
  received.source = FromSockaddr(name);
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)) {
      received.dscp = *CMSG_DATA(c) >> 2;
    }
  }
  return received;
}

}  // namespace byon::io
