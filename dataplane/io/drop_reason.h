#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::io {

// Why a packet died at the edge. Counters of one port object: written on its worker's thread, read
// from any.
enum class DropReason : uint8_t {
  kNoMbuf,     // the pool was empty
  kTruncated,  // longer than a buffer
  kMalformed,  // no UDP datagram that we understand
  kBadChecksum,
  kNotForUs,      // another destination address
  kNoOwner,       // no worker has the destination port
  kHandOverFull,  // the owner's ring was full
  kTxQueueFull,
  kSendFailed,   // the kernel refused it
  kNoSocket,     // sent from a port that is not open
  kNoNeighbour,  // no answer to ARP or NDP, or too many packets waiting for it
  kNoRoute,
};
inline constexpr size_t kDropReasonCount = 12;
std::string_view DropReasonName(DropReason reason);

class IoDropCounters {
 public:
  void Count(DropReason reason, uint64_t times = 1) {
    auto& counter = counts_[static_cast<size_t>(reason)];
    counter.store(counter.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
  }
  uint64_t of(DropReason reason) const { return counts_[static_cast<size_t>(reason)].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kDropReasonCount> counts_{};
};

}  // namespace byon::io
