#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

struct rte_mbuf;
struct rte_ring;

namespace byon::io {

// Which worker owns which UDP port, and the rings by which a frame that arrived on the wrong
// worker's queue reaches its owner. Shared by all workers; every member may be called on any
// worker's thread.
class HandOver {
 public:
  // A ring of `ring_size` mbufs (a power of two) per worker. The error is a sentence.
  static base::Result<std::unique_ptr<HandOver>, std::string> Create(size_t worker_count, size_t ring_size = 1024);
  ~HandOver();

  // False when another worker has the port.
  [[nodiscard]] bool Claim(uint16_t port, size_t worker);
  void Disclaim(uint16_t port);
  // Nothing when no worker has the port.
  std::optional<size_t> OwnerOf(uint16_t port) const {
    const uint8_t owner = owners_[port].load(std::memory_order_relaxed);
    if (owner == kNobody) return std::nullopt;
    return owner;
  }

  // Gives a whole frame to another worker and wakes it when it sleeps. False, with the mbuf still
  // the caller's, when its ring is full.
  [[nodiscard]] bool Give(size_t worker, rte_mbuf* frame);
  // Takes what others gave to `worker`; only on its own thread.
  size_t Take(size_t worker, std::span<rte_mbuf*> frames);
  bool IsEmpty(size_t worker) const;

  // For idle policies that sleep in the kernel: readable when something was given to a worker that
  // announced its sleep, until it is cleared. SetAsleep is followed by a look at IsEmpty(), then
  // the sleep, then SetAwake.
  int wake_fd(size_t worker) const { return lanes_[worker]->wake_fd; }
  void SetAsleep(size_t worker);
  void SetAwake(size_t worker);
  void ClearWake(size_t worker);

  size_t worker_count() const { return lanes_.size(); }

 private:
  static constexpr uint8_t kNobody = 0xff;
  struct alignas(64) Lane {
    rte_ring* ring = nullptr;
    int wake_fd = -1;
    std::atomic<bool> is_asleep{false};
  };
  HandOver();

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::array<std::atomic<uint8_t>, 65536> owners_;
};

}  // namespace byon::io
