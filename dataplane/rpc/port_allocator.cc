#include "dataplane/rpc/port_allocator.h"

namespace byon::rpc {

PortAllocator::PortAllocator(uint16_t first, uint16_t last, size_t worker_count) {
  const size_t start = (size_t{first} + 1) / 2 * 2;
  const size_t blocks = last + size_t{1} > start ? (last + size_t{1} - start) / kBlock : 0;
  blocks_per_worker_ = blocks / worker_count;
  for (size_t worker = 0; worker < worker_count; ++worker) {
    const size_t first_of_worker = start + worker * blocks_per_worker_ * kBlock;
    ranges_.push_back({static_cast<uint16_t>(first_of_worker),
                       static_cast<uint16_t>(first_of_worker + blocks_per_worker_ * kBlock - 1)});
    std::deque<uint16_t>& free = free_.emplace_back();
    for (size_t i = 0; i < blocks_per_worker_; ++i) {
      free.push_back(static_cast<uint16_t>(first_of_worker + i * kBlock));
    }
  }
}

std::optional<SessionPorts> PortAllocator::Allocate(size_t worker) {
  std::deque<uint16_t>& free = free_[worker];
  if (free.empty()) return std::nullopt;
  const uint16_t first = free.front();
  free.pop_front();
  return SessionPorts{first, static_cast<uint16_t>(first + 1), static_cast<uint16_t>(first + 2)};
}

void PortAllocator::Release(size_t worker, const SessionPorts& ports) { free_[worker].push_back(ports.ims_rtp); }

}  // namespace byon::rpc
