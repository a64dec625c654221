#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/time.h"

namespace byon::jitter {

// The time that `units` of an RTP clock take, exact for any length of call.
base::TimeDelta UnitsToTime(int64_t units, uint32_t clock_rate_hz);
// Rounded down.
int64_t TimeToUnits(base::TimeDelta time, uint32_t clock_rate_hz);

// When each timestamp would have arrived had its packet taken the fastest way seen in the last seconds.
// Both jitter and clock drift are measured against it; as it forgets, it follows drift and new routes.
class ArrivalBaseline {
 public:
  explicit ArrivalBaseline(uint32_t clock_rate_hz) : clock_rate_hz_(clock_rate_hz) {}

  // Takes a packet; returns by how much it is slower than the fastest recent one.
  base::TimeDelta OnPacket(int64_t extended_timestamp, base::Timestamp arrival);
  // Meaningful after the first packet.
  base::Timestamp EarliestArrival(int64_t extended_timestamp) const;
  // All that is known moves later by `delta`: slower packets are the fastest now.
  void Shift(base::TimeDelta delta);
  bool has_packets() const { return fastest_ns_ != INT64_MAX; }
  void Reset();

 private:
  static constexpr base::TimeDelta kPaneLength = base::TimeDelta::Milliseconds(500);
  static constexpr size_t kPanes = 8;

  void StartPanes(base::Timestamp now);

  uint32_t clock_rate_hz_;
  // Least arrival minus timestamp of each pane of time, and of all of them.
  std::array<int64_t, kPanes> pane_fastest_ns_{};
  int64_t fastest_ns_ = INT64_MAX;
  size_t pane_ = 0;
  base::Timestamp pane_end_;
};

}  // namespace byon::jitter
