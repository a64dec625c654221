#include "dataplane/io/hand_over.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

namespace byon::io {

HandOver::HandOver() {
  for (auto& owner : owners_) owner.store(kNobody, std::memory_order_relaxed);
}

base::Result<std::unique_ptr<HandOver>, std::string> HandOver::Create(size_t worker_count, size_t ring_size) {
  std::unique_ptr<HandOver> result(new HandOver());
  if (worker_count >= kNobody) return std::string("at most 254 workers");
  for (size_t i = 0; i < worker_count; ++i) {
    auto lane = std::make_unique<Lane>();
    // DPDK's names are the process's; the rings stay beside those of another object.
    char name[RTE_RING_NAMESIZE];
    std::snprintf(name, sizeof(name), "ho_%" PRIxPTR "_%zu", reinterpret_cast<uintptr_t>(result.get()), i);
    lane->ring = rte_ring_create(name, static_cast<unsigned>(ring_size), SOCKET_ID_ANY, RING_F_SC_DEQ);
    if (lane->ring == nullptr) {
      return "no ring between workers: " + std::string(rte_strerror(rte_errno));
    }
    lane->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    result->lanes_.push_back(std::move(lane));
    if (result->lanes_.back()->wake_fd < 0) return std::string("no event descriptor is left");
  }
  return result;
}

HandOver::~HandOver() {
  for (const auto& lane : lanes_) {
    void* frame = nullptr;
    while (rte_ring_dequeue(lane->ring, &frame) == 0) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
    }
    rte_ring_free(lane->ring);
    if (lane->wake_fd >= 0) close(lane->wake_fd);
  }
}

bool HandOver::Claim(uint16_t port, size_t worker) {
  uint8_t nobody = kNobody;
  return owners_[port].compare_exchange_strong(nobody, static_cast<uint8_t>(worker), std::memory_order_relaxed);
}

void HandOver::Disclaim(uint16_t port) { owners_[port].store(kNobody, std::memory_order_relaxed); }

bool HandOver::Give(size_t worker, rte_mbuf* frame) {
  Lane& lane = *lanes_[worker];
  if (rte_ring_enqueue(lane.ring, frame) != 0) return false;
  // Pairs with SetAsleep: either the sleeper sees the frame, or we see the sleeper.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (lane.is_asleep.load(std::memory_order_relaxed) && lane.is_asleep.exchange(false)) {
    const uint64_t one = 1;
    (void)!write(lane.wake_fd, &one, sizeof(one));
  }
  return true;
}

size_t HandOver::Take(size_t worker, std::span<rte_mbuf*> frames) {
  return rte_ring_dequeue_burst(lanes_[worker]->ring, reinterpret_cast<void**>(frames.data()),
                                static_cast<unsigned>(frames.size()), nullptr);
}

bool HandOver::IsEmpty(size_t worker) const { return rte_ring_empty(lanes_[worker]->ring) != 0; }

void HandOver::SetAsleep(size_t worker) {
  lanes_[worker]->is_asleep.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void HandOver::SetAwake(size_t worker) { lanes_[worker]->is_asleep.store(false, std::memory_order_relaxed); }

void HandOver::ClearWake(size_t worker) {
  uint64_t count = 0;
  (void)!read(lanes_[worker]->wake_fd, &count, sizeof(count));
}

}  // namespace byon::io
