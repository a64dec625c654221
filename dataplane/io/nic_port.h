#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/io/drop_reason.h"
#include "dataplane/io/idle_policy.h"
#include "dataplane/io/nic_device.h"
#include "dataplane/net/ip_host.h"
#include "dataplane/worker/packet_io.h"

struct rte_mbuf;

namespace byon::io {

// One worker's queue pair of a NicDevice: moves mbufs, and leaves every decision about them to its
// net::IpHost. Worker 0 announces the addresses; a neighbour's answer, which reaches one queue
// only, is copied to the other workers.
class NicPort final : public worker::PacketIo {
 public:
  NicPort(NicDevice& device, size_t worker, IdlePolicy idle_policy);
  // When the worker no longer runs.
  ~NicPort() override;

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
  // The same drops by their exact cause, as far as it lies in the frame or the link. Any thread.
  uint64_t net_drops(net::DropReason reason) const {
    return net_drops_[static_cast<size_t>(reason)].load(std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kBurst = 64;
  enum class Origin : uint8_t { kQueue, kOtherWorker };

  bool Deliver(rte_mbuf* frame, Origin origin, worker::ReceivedDatagram& datagram, base::Timestamp now);
  void HandOverTo(size_t owner, rte_mbuf* frame);
  void TellOtherWorkers(rte_mbuf* frame);
  void SendHostFrames(base::Timestamp now);
  void SendOne(const worker::OutgoingDatagram& datagram, base::Timestamp now);
  void Enqueue(rte_mbuf* frame);
  void PushPending();
  void CountNetDrop(net::DropReason reason);
  void DropFrame(rte_mbuf* frame, DropReason reason);

  NicDevice& device_;
  const size_t worker_;
  const IdlePolicy idle_policy_;
  std::unique_ptr<net::IpHost> host_;

  std::array<rte_mbuf*, kBurst> pending_{};
  size_t pending_count_ = 0;
  uint64_t handed_over_ = 0;
  IoDropCounters drops_;
  std::array<std::atomic<uint64_t>, net::kDropReasonCount> net_drops_{};
};

}  // namespace byon::io
