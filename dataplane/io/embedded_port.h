#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/io/drop_reason.h"
#include "dataplane/io/embedded_device.h"
#include "dataplane/io/idle_policy.h"
#include "dataplane/worker/packet_io.h"

struct rte_mbuf;

namespace byon::io {

// One worker's queue of an EmbeddedDevice. The worker's own loop moves the packets: recvmmsg
// straight into mbufs, rings, sendmmsg. No thread of its own, no copy.
class EmbeddedPort final : public worker::PacketIo {
 public:
  EmbeddedPort(EmbeddedDevice& device, size_t worker, IdlePolicy idle_policy);
  // When the worker no longer runs.
  ~EmbeddedPort() override;

  worker::OpenPortResult OpenPort(const net::SocketAddress& local) override;
  void ClosePort(const net::SocketAddress& local) override;
  size_t ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp now) override;
  void Release(std::span<const worker::ReceivedDatagram> datagrams) override;
  worker::TxBuffer Allocate() override;
  void Free(const worker::TxBuffer& buffer) override;
  void Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp now) override;
  void Flush(base::Timestamp now) override;
  void Wait(base::Timestamp now, base::Timestamp until) override;
  uint64_t handed_over() const override { return handed_over_; }

  const IoDropCounters& drops() const { return drops_; }

 private:
  static constexpr size_t kBurst = 64;
  static constexpr size_t kPerSocket = 8;  // datagrams of one socket at a time
  struct RetiredSocket {
    int fd;
    size_t poller;
    uint64_t polls;  // of the poller when it was retired
  };

  void FillRing(size_t limit);
  size_t ReceiveFrom(uint16_t port, size_t limit);
  void FinishReceived(rte_mbuf* frame, const EmbeddedDevice::Socket& socket, size_t index);
  bool Deliver(rte_mbuf* frame, worker::ReceivedDatagram& datagram);
  bool RefillSpares();
  void LookForReadySockets(base::TimeDelta timeout);
  void PushPending();
  void DrainTxRing();
  void SendRun(std::span<rte_mbuf*> frames);
  void CloseRetired();

  EmbeddedDevice& device_;
  EmbeddedDevice::Queue& queue_;
  const size_t worker_;
  const IdlePolicy idle_policy_;
  bool has_pwait2_ = true;

  std::array<epoll_event, kBurst> ready_{};
  size_t ready_count_ = 0;
  size_t ready_next_ = 0;

  // mbufs that wait for recvmmsg, with their places in its arrays.
  std::array<rte_mbuf*, kPerSocket> spares_{};
  std::array<mmsghdr, kPerSocket> receive_headers_{};
  std::array<iovec, kPerSocket> receive_vectors_{};
  std::array<sockaddr_storage, kPerSocket> receive_names_{};

  std::array<rte_mbuf*, kBurst> pending_{};
  size_t pending_count_ = 0;

  std::vector<RetiredSocket> retired_;
  uint64_t handed_over_ = 0;
  IoDropCounters drops_;
};

}  // namespace byon::io
