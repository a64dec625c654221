#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace byon::rpc {

// The local UDP ports of one session.
struct SessionPorts {
  uint16_t ims_rtp = 0;   // even
  uint16_t ims_rtcp = 0;  // ims_rtp + 1, RFC 3550 section 11
  uint16_t access = 0;
};

// Gives sessions blocks of four ports out of disjoint ranges, one a worker, so that a NIC can steer
// by destination port. A port number is used once on the whole node, whatever the address. A block
// that comes back is used last, so that late packets of an old call do not meet a new one.
class PortAllocator {
 public:
  PortAllocator(uint16_t first, uint16_t last, size_t worker_count);

  std::optional<SessionPorts> Allocate(size_t worker);
  void Release(size_t worker, const SessionPorts& ports);

  // The ports of one worker, for steering rules.
  struct Range {
    uint16_t first = 0;
    uint16_t last = 0;
  };
  Range RangeOf(size_t worker) const { return ranges_[worker]; }
  size_t blocks_per_worker() const { return blocks_per_worker_; }

 private:
  static constexpr uint16_t kBlock = 4;
  size_t blocks_per_worker_;
  std::vector<Range> ranges_;
  std::vector<std::deque<uint16_t>> free_;  // first ports of blocks, by worker
};

}  // namespace byon::rpc
