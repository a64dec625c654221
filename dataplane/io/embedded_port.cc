#include "dataplane/io/embedded_port.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "dataplane/base/check.h"
#include "dataplane/io/udp_frame.h"

namespace byon::io {
namespace {

using worker::OpenPortResult;

constexpr base::TimeDelta kLongestWait = base::TimeDelta::Milliseconds(20);

base::MutableByteSpan FrameBytes(rte_mbuf* frame) { return {rte_pktmbuf_mtod(frame, std::byte*), frame->data_len}; }

socklen_t ToSockaddr(const net::SocketAddress& address, sockaddr_storage& storage) {
  storage = {};
  if (address.ip.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.ip.bytes().data(), sizeof(in.sin_addr));
    std::memcpy(&storage, &in, sizeof(in));
    return sizeof(in);
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(address.port);
  std::memcpy(&in6.sin6_addr, address.ip.bytes().data(), sizeof(in6.sin6_addr));
  std::memcpy(&storage, &in6, sizeof(in6));
  return sizeof(in6);
}

net::SocketAddress FromSockaddr(const sockaddr_storage& storage) {
  net::SocketAddress address;
  const auto* bytes = reinterpret_cast<const std::byte*>(&storage);
  const bool is_v4 = storage.ss_family == AF_INET;
  const base::ByteSpan ip = is_v4 ? base::ByteSpan(bytes + offsetof(sockaddr_in, sin_addr), 4)
                                  : base::ByteSpan(bytes + offsetof(sockaddr_in6, sin6_addr), 16);
  address.ip = net::IpAddress::FromBytes(ip).value_or(net::IpAddress());
  // The port stands at the same place in both.
  address.port = base::ByteReader({bytes + offsetof(sockaddr_in, sin_port), 2}).ReadU16();
  return address;
}

OpenPortResult ResultOf(int error) {
  switch (error) {
    case EADDRINUSE: return OpenPortResult::kInUse;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: return OpenPortResult::kNoResources;
    default: return OpenPortResult::kAddressNotHere;
  }
}

}  // namespace

EmbeddedPort::EmbeddedPort(EmbeddedDevice& device, size_t worker, IdlePolicy idle_policy)
    : device_(device), queue_(*device.queues_[worker]), worker_(worker), idle_policy_(idle_policy) {
  for (size_t i = 0; i < kPerSocket; ++i) {
    receive_headers_[i].msg_hdr.msg_iov = &receive_vectors_[i];
    receive_headers_[i].msg_hdr.msg_iovlen = 1;
    receive_headers_[i].msg_hdr.msg_name = &receive_names_[i];
  }
}

EmbeddedPort::~EmbeddedPort() {
  for (const RetiredSocket& retired : retired_) close(retired.fd);
  for (rte_mbuf* spare : spares_) rte_pktmbuf_free(spare);
  for (size_t i = 0; i < pending_count_; ++i) rte_pktmbuf_free(pending_[i]);
}

OpenPortResult EmbeddedPort::OpenPort(const net::SocketAddress& local) {
  if (local.port == 0 || local.ip.is_unspecified()) return OpenPortResult::kAddressNotHere;
  if (!device_.hand_over_.Claim(local.port, worker_)) return OpenPortResult::kInUse;
  const int family = local.ip.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const auto fail = [&](int error) {
    if (fd >= 0) close(fd);
    device_.hand_over_.Disclaim(local.port);
    return ResultOf(error);
  };
  if (fd < 0) return fail(errno);
  const int on = 1;
  if (family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  sockaddr_storage name;
  const socklen_t name_bytes = ToSockaddr(local, name);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), name_bytes) != 0) return fail(errno);

  EmbeddedDevice::Socket& socket = (*device_.sockets_)[local.port];
  socket.local = local;
  socket.dscp = 0;
  socket.poller = static_cast<uint8_t>(device_.PollerOf(local.port, worker_));
  socket.fd.store(fd, std::memory_order_release);
  epoll_event event{.events = EPOLLIN, .data = {.u32 = local.port}};
  if (epoll_ctl(device_.queues_[socket.poller]->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    socket.fd.store(-1, std::memory_order_release);
    return fail(errno);
  }
  return OpenPortResult::kOpened;
}

void EmbeddedPort::ClosePort(const net::SocketAddress& local) {
  EmbeddedDevice::Socket& socket = (*device_.sockets_)[local.port];
  if (device_.hand_over_.OwnerOf(local.port) != worker_) return;
  const int fd = socket.fd.exchange(-1, std::memory_order_acq_rel);
  if (fd < 0) return;
  EmbeddedDevice::Queue& poller = *device_.queues_[socket.poller];
  (void)epoll_ctl(poller.epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
  if (socket.poller == worker_) {
    close(fd);
  } else {
    // The poller may be reading it at this moment; a new socket must not get its number yet.
    retired_.push_back({fd, socket.poller, poller.polls.load(std::memory_order_acquire)});
  }
  device_.hand_over_.Disclaim(local.port);
}

void EmbeddedPort::CloseRetired() {
  std::erase_if(retired_, [this](const RetiredSocket& retired) {
    const uint64_t polls = device_.queues_[retired.poller]->polls.load(std::memory_order_acquire);
    if (polls < retired.polls + 2) return false;
    close(retired.fd);
    return true;
  });
}

size_t EmbeddedPort::ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp) {
  if (!retired_.empty()) CloseRetired();
  std::array<rte_mbuf*, kBurst> frames;
  const size_t room = std::min(datagrams.size(), kBurst);
  size_t count = 0;
  const size_t given = device_.hand_over_.Take(worker_, std::span(frames).first(room));
  for (size_t i = 0; i < given; ++i) {
    if (Deliver(frames[i], datagrams[count])) ++count;
  }
  handed_over_ += given;
  if (count == room) return count;

  FillRing(room - count);
  const uint16_t arrived = rte_eth_rx_burst(device_.port_id_, static_cast<uint16_t>(worker_), frames.data(),
                                            static_cast<uint16_t>(room - count));
  for (size_t i = 0; i < arrived; ++i) {
    if (Deliver(frames[i], datagrams[count])) ++count;
  }
  return count;
}

// Puts the frame's datagram into `datagram`, or the frame where it belongs.
bool EmbeddedPort::Deliver(rte_mbuf* frame, worker::ReceivedDatagram& datagram) {
  const base::MutableByteSpan bytes = FrameBytes(frame);
  const auto parsed = ParseUdpFrame(bytes);
  const auto owner = parsed ? device_.hand_over_.OwnerOf(parsed->header.destination.port) : std::nullopt;
  if (!parsed || !owner) {
    drops_.Count(parsed ? DropReason::kNoOwner : DropReason::kMalformed);
    rte_pktmbuf_free(frame);
    return false;
  }
  if (*owner != worker_) {
    if (!device_.hand_over_.Give(*owner, frame)) {
      drops_.Count(DropReason::kHandOverFull);
      rte_pktmbuf_free(frame);
    }
    return false;
  }
  datagram.source = parsed->header.source;
  datagram.destination = parsed->header.destination;
  datagram.payload = bytes.subspan(parsed->payload_offset, parsed->payload_bytes);
  datagram.handle = frame;
  return true;
}

void EmbeddedPort::LookForReadySockets(base::TimeDelta timeout) {
  ready_next_ = 0;
  const auto capacity = static_cast<int>(ready_.size());
  int count = -1;
  if (has_pwait2_ && timeout > base::TimeDelta()) {
    const timespec limit{0, static_cast<long>(timeout.nanoseconds())};
    count = epoll_pwait2(queue_.epoll_fd, ready_.data(), capacity, &limit, nullptr);
    if (count < 0 && errno == ENOSYS) has_pwait2_ = false;
  }
  if (!has_pwait2_ || timeout <= base::TimeDelta()) {
    const auto limit_ms = static_cast<int>((timeout.microseconds() + 999) / 1000);
    count = epoll_wait(queue_.epoll_fd, ready_.data(), capacity, limit_ms);
  }
  ready_count_ = static_cast<size_t>(std::max(count, 0));
}

// Moves at most `limit` datagrams from ready sockets to the rx ring.
void EmbeddedPort::FillRing(size_t limit) {
  queue_.polls.fetch_add(1, std::memory_order_acq_rel);
  if (ready_next_ == ready_count_) LookForReadySockets(base::TimeDelta());
  size_t moved = 0;
  while (ready_next_ < ready_count_ && moved < limit) {
    const auto port = static_cast<uint16_t>(ready_[ready_next_].data.u32);
    ++ready_next_;  // a socket that has more is ready again, after the others
    if (port == 0) {
      device_.hand_over_.ClearWake(worker_);
    } else {
      moved += ReceiveFrom(port, std::min(limit - moved, kPerSocket));
    }
  }
}

bool EmbeddedPort::RefillSpares() {
  for (size_t i = 0; i < kPerSocket; ++i) {
    if (spares_[i] == nullptr) spares_[i] = rte_pktmbuf_alloc(device_.pool_);
    if (spares_[i] == nullptr) return false;
    receive_vectors_[i].iov_base = rte_pktmbuf_mtod_offset(spares_[i], std::byte*, kMaxUdpHeaderBytes);
    receive_vectors_[i].iov_len = rte_pktmbuf_tailroom(spares_[i]) - kMaxUdpHeaderBytes;
    receive_headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  }
  return true;
}

size_t EmbeddedPort::ReceiveFrom(uint16_t port, size_t limit) {
  const EmbeddedDevice::Socket& socket = (*device_.sockets_)[port];
  const int fd = socket.fd.load(std::memory_order_acquire);
  if (fd < 0) return 0;
  if (!RefillSpares()) {
    drops_.Count(DropReason::kNoMbuf);
    return 0;
  }
  const int received = recvmmsg(fd, receive_headers_.data(), static_cast<unsigned>(limit), MSG_DONTWAIT, nullptr);
  const auto count = static_cast<size_t>(std::max(received, 0));
  for (size_t i = 0; i < count; ++i) {
    rte_mbuf* frame = spares_[i];
    if ((receive_headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      drops_.Count(DropReason::kTruncated);  // the mbuf stays a spare
      continue;
    }
    spares_[i] = nullptr;
    FinishReceived(frame, socket, i);
    if (rte_ring_enqueue(queue_.rx, frame) != 0) {
      drops_.Count(DropReason::kHandOverFull);
      rte_pktmbuf_free(frame);
    }
  }
  return count;
}

void EmbeddedPort::FinishReceived(rte_mbuf* frame, const EmbeddedDevice::Socket& socket, size_t index) {
  const size_t header_bytes = UdpHeaderBytes(socket.local.ip.is_v4());
  const size_t payload_bytes = receive_headers_[index].msg_len;
  const auto unused = static_cast<uint16_t>(kMaxUdpHeaderBytes - header_bytes);
  frame->data_off = static_cast<uint16_t>(frame->data_off + unused);
  frame->data_len = static_cast<uint16_t>(header_bytes + payload_bytes);
  frame->pkt_len = frame->data_len;
  frame->port = device_.port_id_;
  frame->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  WriteUdpHeader({FromSockaddr(receive_names_[index]), socket.local, 0}, payload_bytes,
                 FrameBytes(frame).first(header_bytes));
}

void EmbeddedPort::Release(std::span<const worker::ReceivedDatagram> datagrams) {
  for (const worker::ReceivedDatagram& datagram : datagrams) {
    rte_pktmbuf_free(static_cast<rte_mbuf*>(datagram.handle));
  }
}

worker::TxBuffer EmbeddedPort::Allocate() {
  rte_mbuf* frame = rte_pktmbuf_alloc(device_.pool_);
  if (frame == nullptr) {
    drops_.Count(DropReason::kNoMbuf);
    return {};
  }
  return {rte_pktmbuf_mtod(frame, std::byte*), rte_pktmbuf_tailroom(frame), frame};
}

void EmbeddedPort::Free(const worker::TxBuffer& buffer) { rte_pktmbuf_free(static_cast<rte_mbuf*>(buffer.handle)); }

void EmbeddedPort::Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp) {
  for (const worker::OutgoingDatagram& datagram : datagrams) {
    auto* frame = static_cast<rte_mbuf*>(datagram.buffer.handle);
    const bool is_v4 = datagram.source.ip.is_v4();
    const size_t header_bytes = UdpHeaderBytes(is_v4);
    BYON_CHECK(datagram.size <= datagram.buffer.capacity, "a payload lies within its buffer");
    if (is_v4 != datagram.destination.ip.is_v4()) {
      drops_.Count(DropReason::kNoRoute);
      rte_pktmbuf_free(frame);
      continue;
    }
    frame->data_len = static_cast<uint16_t>(datagram.size);
    frame->pkt_len = datagram.size & 0xffff;
    BYON_CHECK(rte_pktmbuf_prepend(frame, static_cast<uint16_t>(header_bytes)) != nullptr,
               "the headroom of an mbuf holds our headers");
    WriteUdpHeader({datagram.source, datagram.destination, datagram.dscp}, datagram.size,
                   FrameBytes(frame).first(header_bytes));
    pending_[pending_count_++] = frame;
    if (pending_count_ == kBurst) PushPending();
  }
}

void EmbeddedPort::Flush(base::Timestamp) { PushPending(); }

void EmbeddedPort::PushPending() {
  if (pending_count_ == 0) return;
  const uint16_t queued = rte_eth_tx_burst(device_.port_id_, static_cast<uint16_t>(worker_), pending_.data(),
                                           static_cast<uint16_t>(pending_count_));
  for (size_t i = queued; i < pending_count_; ++i) {
    drops_.Count(DropReason::kTxQueueFull);
    rte_pktmbuf_free(pending_[i]);
  }
  pending_count_ = 0;
  DrainTxRing();
}

void EmbeddedPort::DrainTxRing() {
  std::array<rte_mbuf*, kBurst> frames;
  while (true) {
    const unsigned count = rte_ring_dequeue_burst(queue_.tx, reinterpret_cast<void**>(frames.data()), kBurst, nullptr);
    if (count == 0) return;
    SendRun(std::span(frames).first(count));
    rte_pktmbuf_free_bulk(frames.data(), count);
  }
}

// Runs of the same source and DSCP go out in one sendmmsg.
void EmbeddedPort::SendRun(std::span<rte_mbuf*> frames) {
  std::array<mmsghdr, kBurst> headers{};
  std::array<iovec, kBurst> vectors;
  std::array<sockaddr_storage, kBurst> names;
  std::array<UdpFrameHeader, kBurst> addresses;
  for (size_t i = 0; i < frames.size(); ++i) {
    const base::MutableByteSpan bytes = FrameBytes(frames[i]);
    const auto parsed = ParseUdpFrame(bytes);
    BYON_CHECK(parsed.has_value(), "our own frames are well-formed");
    addresses[i] = parsed->header;
    vectors[i] = {bytes.data() + parsed->payload_offset, parsed->payload_bytes};
    msghdr& message = headers[i].msg_hdr;
    message.msg_name = &names[i];
    message.msg_namelen = ToSockaddr(parsed->header.destination, names[i]);
    message.msg_iov = &vectors[i];
    message.msg_iovlen = 1;
  }
  for (size_t start = 0; start < frames.size();) {
    size_t end = start + 1;
    while (end < frames.size() && addresses[end].source == addresses[start].source &&
           addresses[end].dscp == addresses[start].dscp) {
      ++end;
    }
    EmbeddedDevice::Socket& socket = (*device_.sockets_)[addresses[start].source.port];
    const int fd = socket.fd.load(std::memory_order_relaxed);
    if (fd < 0 || socket.local != addresses[start].source) {
      drops_.Count(DropReason::kNoSocket, end - start);
      start = end;
      continue;
    }
    if (socket.dscp != addresses[start].dscp) {
      socket.dscp = addresses[start].dscp;
      const int traffic_class = socket.dscp << 2;
      if (socket.local.ip.is_v4()) {
        (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &traffic_class, sizeof(traffic_class));
      } else {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &traffic_class, sizeof(traffic_class));
      }
    }
    while (start < end) {
      const int sent = sendmmsg(fd, &headers[start], static_cast<unsigned>(end - start), MSG_DONTWAIT);
      start += static_cast<size_t>(std::max(sent, 0));
      if (sent <= 0) {  // the first of the rest cannot be sent
        drops_.Count(DropReason::kSendFailed);
        ++start;
      }
    }
  }
}

void EmbeddedPort::Wait(base::Timestamp now, base::Timestamp until) {
  if (ready_next_ < ready_count_ || until <= now) return;
  if (idle_policy_ != IdlePolicy::kBlock) return SpendIdleTime(idle_policy_, now, until);
  device_.hand_over_.SetAsleep(worker_);
  if (device_.hand_over_.IsEmpty(worker_)) {
    LookForReadySockets(std::min(until - now, kLongestWait));
  }
  device_.hand_over_.SetAwake(worker_);
}

}  // namespace byon::io
