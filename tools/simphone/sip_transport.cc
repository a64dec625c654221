#include "tools/simphone/sip_transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "tools/simphone/socket_address.h"

namespace byon::simphone {
namespace {

constexpr size_t kLargestMessageBytes = 65536;

KernelAddress AddressOrThrow(const std::string& ip, uint16_t port) {
  const auto address = KernelAddress::From(ip, port);
  if (!address) throw std::runtime_error("not an IP address: " + ip);
  return *address;
}

}  // namespace

SipTransport::SipTransport(EventLoop& loop, std::string local_ip, uint16_t local_port, MessageHandler handler)
    : loop_(loop), local_ip_(std::move(local_ip)), local_port_(local_port), handler_(std::move(handler)) {
  OpenSockets();
  loop_.WatchReadable(udp_, [this] { ReadUdp(); });
  loop_.WatchReadable(listener_, [this] { AcceptTcp(); });
}

SipTransport::~SipTransport() {
  while (!connections_.empty()) CloseTcp(connections_.begin()->first);
  loop_.Unwatch(udp_);
  loop_.Unwatch(listener_);
  close(udp_);
  close(listener_);
}

void SipTransport::OpenSockets() {
  KernelAddress local = AddressOrThrow(local_ip_, local_port_);
  udp_ = socket(local.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  listener_ = socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool ok = bind(udp_, local.get(), local.length) == 0 && bind(listener_, local.get(), local.length) == 0 &&
                  listen(listener_, 16) == 0;
  if (!ok) throw std::runtime_error("cannot bind SIP to " + HostPort());
}

std::string SipTransport::HostPort() const {
  const bool is_v6 = local_ip_.find(':') != std::string::npos;
  return (is_v6 ? "[" + local_ip_ + "]" : local_ip_) + ":" + std::to_string(local_port_);
}

void SipTransport::Show(const char* way, std::string_view wire, const SipEndpoint& peer) const {
  if (!is_traced_) return;
  std::cerr << "--- " << way << " " << peer.ip << ":" << peer.port << "\n" << wire << "\n";
}

void SipTransport::SendUdp(const std::string& wire, const SipEndpoint& to) {
  Show("to", wire, to);
  const auto address = KernelAddress::From(to.ip, to.port);
  if (!address) return;
  // A lost datagram is the business of the transaction's timers.
  (void)sendto(udp_, wire.data(), wire.size(), 0, address->get(), address->length);
}

int SipTransport::ConnectTcp(const SipEndpoint& to) {
  for (const auto& [fd, connection] : connections_) {
    if (connection.ip == to.ip && connection.port == to.port) return fd;
  }
  const auto remote = KernelAddress::From(to.ip, to.port);
  const auto local = KernelAddress::From(local_ip_, 0);
  if (!remote || !local) return -1;
  const int fd = socket(remote->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (bind(fd, local->get(), local->length) != 0 || connect(fd, remote->get(), remote->length) != 0) {
    close(fd);
    return -1;
  }
  connections_[fd] = {to.ip, to.port, {}};
  loop_.WatchReadable(fd, [this, fd] { ReadTcp(fd); });
  return fd;
}

void SipTransport::SendTcp(const std::string& wire, const SipEndpoint& to) {
  Show("to (TCP)", wire, to);
  const int fd = connections_.contains(to.connection) ? to.connection : ConnectTcp(to);
  if (fd < 0) return;
  size_t sent = 0;
  while (sent < wire.size()) {
    const ssize_t count = send(fd, wire.data() + sent, wire.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return CloseTcp(fd);
    sent += static_cast<size_t>(count);
  }
}

void SipTransport::ReadUdp() {
  std::array<char, kLargestMessageBytes> buffer;
  KernelAddress source;
  const ssize_t count = recvfrom(udp_, buffer.data(), buffer.size(), MSG_DONTWAIT, source.get(), &source.length);
  if (count <= 4) return;  // CRLF keep-alives (RFC 5626 section 3.5.1)
  const std::string_view wire(buffer.data(), static_cast<size_t>(count));
  Show("from", wire, {source.ip(), source.port(), -1});
  const auto message = SipMessage::Parse(wire);
  if (message) handler_(*message, {source.ip(), source.port(), -1});
}

void SipTransport::AcceptTcp() {
  KernelAddress source;
  const int fd = accept4(listener_, source.get(), &source.length, SOCK_CLOEXEC);
  if (fd < 0) return;
  connections_[fd] = {source.ip(), source.port(), {}};
  loop_.WatchReadable(fd, [this, fd] { ReadTcp(fd); });
}

void SipTransport::ReadTcp(int fd) {
  std::array<char, 16384> buffer;
  const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
  if (count <= 0) return CloseTcp(fd);
  Connection& connection = connections_[fd];
  connection.received.append(buffer.data(), static_cast<size_t>(count));
  if (connection.received.size() > 2 * kLargestMessageBytes) return CloseTcp(fd);
  TakeMessages(fd);
}

void SipTransport::TakeMessages(int fd) {
  while (connections_.contains(fd)) {
    Connection& connection = connections_[fd];
    std::string& stream = connection.received;
    stream.erase(0, std::min(stream.find_first_not_of("\r\n"), stream.size()));
    const std::optional<size_t> length = SipMessage::FrameLength(stream);
    if (!length) return;
    const size_t total = *length;
    if (stream.size() < total) return;
    const auto message = SipMessage::Parse(std::string_view(stream).substr(0, total));
    const SipEndpoint source{connection.ip, connection.port, fd};
    Show("from (TCP)", std::string_view(stream).substr(0, total), source);
    stream.erase(0, total);
    if (message) handler_(*message, source);
  }
}

void SipTransport::CloseTcp(int fd) {
  loop_.Unwatch(fd);
  connections_.erase(fd);
  close(fd);
}

}  // namespace byon::simphone
