#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/session/datagram.h"

namespace byon::worker {

using session::OutgoingDatagram;
using session::TxBuffer;

// A UDP datagram for one of this worker's ports, in the port's memory until it is released.
struct ReceivedDatagram {
  net::SocketAddress source;
  net::SocketAddress destination;
  // Writable, so that SRTP is removed in place. Never grows.
  base::MutableByteSpan payload;
  void* handle = nullptr;  // the port's own (an mbuf)
};

enum class OpenPortResult : uint8_t {
  kOpened,
  kInUse,           // somebody else on this machine has it: try another
  kNoResources,     // no descriptor or memory is left
  kAddressNotHere,  // the address is not one of this machine's
};

// The seam between a worker and whatever moves its packets: a NIC queue, kernel sockets, or a test.
// One object a worker; every call is made on that worker's thread. Ethernet, ARP, NDP, ICMP, VLAN and
// checksums stay below; a datagram that arrived on the wrong worker's queue is handed over below too
// (see handed_over()). Nothing here may allocate memory per packet.
class PacketIo {
 public:
  virtual ~PacketIo() = default;

  // Opens or registers a local UDP port (set-up: may make system calls).
  [[nodiscard]] virtual OpenPortResult OpenPort(const net::SocketAddress& local) = 0;
  virtual void ClosePort(const net::SocketAddress& local) = 0;

  // Fills the front of `datagrams` with what has arrived, without blocking; returns how many.
  [[nodiscard]] virtual size_t ReceiveBurst(std::span<ReceivedDatagram> datagrams, base::Timestamp now) = 0;
  // Gives the memory of received datagrams back.
  virtual void Release(std::span<const ReceivedDatagram> datagrams) = 0;

  // Lends a buffer of at least session::kMinTxCapacity bytes, or an empty one when none is left.
  [[nodiscard]] virtual TxBuffer Allocate() = 0;
  // Takes back a lent buffer that is not to be sent.
  virtual void Free(const TxBuffer& buffer) = 0;
  // Takes the buffers and queues them; a datagram that cannot be sent is dropped and counted below.
  virtual void Send(std::span<const OutgoingDatagram> datagrams, base::Timestamp now) = 0;
  // Puts everything queued on the wire; called at least once a loop.
  virtual void Flush(base::Timestamp now) = 0;

  // Nothing was to be done: spends the time up to `until` by the idle policy (spin, pause, sleep or
  // block), returning early when a packet arrives.
  virtual void Wait(base::Timestamp now, base::Timestamp until) = 0;

  // Packets that arrived on another worker's queue and reached this one by a ring.
  virtual uint64_t handed_over() const = 0;
};

}  // namespace byon::worker
