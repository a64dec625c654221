#include "tools/load/udp_socket.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>

namespace byon::load {
namespace {

constexpr int kBufferBytes = 8 << 20;
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(uint32_t));

void SetOption(int fd, int level, int name, int value) {
  // Only what makes measuring better: without it, the run tells that it was too slow.
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

uint16_t PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

}  // namespace

KernelAddress::KernelAddress(const net::SocketAddress& address) {
  const base::ByteSpan ip = address.ip.bytes();
  if (address.ip.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
    length = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
    length = sizeof v6;
  }
}

UdpSocket::UdpSocket(const net::IpAddress& ip) : local_{ip, 0} {
  KernelAddress address(local_);
  fd_ = socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    const std::string reason = std::strerror(errno);
    if (fd_ >= 0) close(fd_);
    throw std::runtime_error("no UDP socket can be opened on " + ip.ToString() + ": " + reason);
  }
  socklen_t length = sizeof address.storage;
  (void)getsockname(fd_, reinterpret_cast<sockaddr*>(&address.storage), &length);
  local_.port = PortOf(address.storage);
  SetOption(fd_, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  SetOption(fd_, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes);  // root only: beyond net.core.rmem_max
  SetOption(fd_, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  SetOption(fd_, SOL_SOCKET, SO_RXQ_OVFL, 1);
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), local_(other.local_) {}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) close(fd_);
}

void UdpSocket::Send(base::ByteSpan datagram, const KernelAddress& to) const {
  (void)sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to.storage), to.length);
}

struct DatagramReceiver::Slots {
  std::array<PacketBuffer, kBatch> buffers;
  std::array<sockaddr_storage, kBatch> from;
  std::array<iovec, kBatch> vectors;
  std::array<mmsghdr, kBatch> headers;
  alignas(cmsghdr) std::array<std::array<char, kControlBytes>, kBatch> control;
};

DatagramReceiver::DatagramReceiver() : slots_(std::make_unique<Slots>()) {}
DatagramReceiver::~DatagramReceiver() = default;

std::span<ReceivedDatagram> DatagramReceiver::Receive(int fd, int64_t clock_offset_ns) {
  for (size_t i = 0; i < kBatch; ++i) {
    // Tailroom stays free: SRTP works in place.
    slots_->vectors[i] = {slots_->buffers[i].bytes.data(), slots_->buffers[i].bytes.size()};
    slots_->headers[i] = {};
    msghdr& header = slots_->headers[i].msg_hdr;
    header.msg_name = &slots_->from[i];
    header.msg_namelen = sizeof slots_->from[i];
    header.msg_iov = &slots_->vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = slots_->control[i].data();
    header.msg_controllen = slots_->control[i].size();
  }
  last_overflow_.reset();
  const int count = recvmmsg(fd, slots_->headers.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (count <= 0) return {};
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    mmsghdr& header = slots_->headers[i];
    slots_->buffers[i].size = header.msg_len;
    received_[i] = {&slots_->buffers[i], PortOf(slots_->from[i]), base::Timestamp()};
    for (cmsghdr* part = CMSG_FIRSTHDR(&header.msg_hdr); part != nullptr; part = CMSG_NXTHDR(&header.msg_hdr, part)) {
      if (part->cmsg_level != SOL_SOCKET) continue;
      if (part->cmsg_type == SCM_TIMESTAMPNS) {
        timespec time;
        std::memcpy(&time, CMSG_DATA(part), sizeof time);
        received_[i].arrival =
            base::Timestamp::FromNanoseconds(time.tv_sec * 1'000'000'000 + time.tv_nsec + clock_offset_ns);
      } else if (part->cmsg_type == SO_RXQ_OVFL) {
        std::memcpy(&last_overflow_.emplace(), CMSG_DATA(part), sizeof(uint32_t));
      }
    }
  }
  return std::span(received_).first(static_cast<size_t>(count));
}

}  // namespace byon::load
