#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/net/socket_address.h"

namespace byon::load {

// A kernel's form of an address, made once a call.
struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  KernelAddress() = default;
  explicit KernelAddress(const net::SocketAddress& address);
};

// Room for one datagram and for what SRTP adds to it.
struct PacketBuffer {
  std::array<std::byte, 1536> bytes;
  size_t size = 0;
  base::MutableByteSpan room() { return bytes; }
  base::MutableByteSpan packet() { return base::MutableByteSpan(bytes).first(size); }
};

// A UDP socket with room for bursts. Closed with the object.
class UdpSocket {
 public:
  // Binds to a free port of `ip`. Throws std::runtime_error.
  explicit UdpSocket(const net::IpAddress& ip);
  ~UdpSocket();
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int fd() const { return fd_; }
  const net::SocketAddress& local() const { return local_; }
  // Any thread. Waits for room; a failure is a lost packet.
  void Send(base::ByteSpan datagram, const KernelAddress& to) const;

 private:
  int fd_ = -1;
  net::SocketAddress local_;
};

struct ReceivedDatagram {
  PacketBuffer* buffer = nullptr;
  uint16_t from_port = 0;
  base::Timestamp arrival;  // when the kernel had it, on the caller's clock
};

// Takes datagrams from sockets by the dozen, without waiting.
class DatagramReceiver {
 public:
  static constexpr size_t kBatch = 64;
  DatagramReceiver();
  ~DatagramReceiver();

  // The next datagrams of a socket, valid until the next call. `clock_offset_ns` is the caller's
  // clock minus the wall clock.
  std::span<ReceivedDatagram> Receive(int fd, int64_t clock_offset_ns);
  // Datagrams of that socket that the kernel threw away since it was opened, because this program
  // was too slow, as it was when the last datagram came; nothing said means none.
  std::optional<uint32_t> last_overflow() const { return last_overflow_; }

 private:
  struct Slots;
  std::unique_ptr<Slots> slots_;
  std::array<ReceivedDatagram, kBatch> received_;
  std::optional<uint32_t> last_overflow_;
};

}  // namespace byon::load
