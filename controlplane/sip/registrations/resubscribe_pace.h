#pragma once

#include <chrono>
#include <cstdint>

namespace byon::sip {

// When those that a restart found subscribe again: one after the other at a pace, as many more in parallel as are too
// many for that within the window. Nobody has to know beforehand how many there are.
class ResubscribePace {
 public:
  static constexpr std::chrono::milliseconds kInterval{50};  // of all shards together: 20 a second
  static constexpr std::chrono::minutes kWindow{30};

  // One of `shards` that share the pace.
  ResubscribePace(unsigned shard, unsigned shards) : offset_(kInterval * shard), interval_(kInterval * shards) {}

  // How long from the first one on the next one waits.
  std::chrono::milliseconds Next() {
    return offset_ + interval_ * static_cast<int64_t>(count_++ % static_cast<uint64_t>(kWindow / interval_));
  }

 private:
  const std::chrono::milliseconds offset_;
  const std::chrono::milliseconds interval_;
  uint64_t count_ = 0;
};

}  // namespace byon::sip
