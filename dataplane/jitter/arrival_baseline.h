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
// Both jitter and clock drift are measured against it; as it forgets, it follows drift and new routes. A
// sender whose clock is slow comes later with every packet: its trend is taken out, or it would look like
// jitter of the seconds that are remembered.
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
  static constexpr size_t kTrendPanes = 4;   // at least so many tell a trend
  static constexpr double kMaxTrend = 0.03;  // of a clock; what grows faster is a queue

  struct Pane {
    int64_t transit_ns = INT64_MAX;  // arrival minus timestamp of its fastest packet
    base::Timestamp at;              // when that arrived
  };

  void StartPanes(base::Timestamp now);
  void FindTrend();
  int64_t TransitNow(const Pane& pane, base::Timestamp now) const;

  uint32_t clock_rate_hz_;
  std::array<Pane, kPanes> panes_{};
  int64_t fastest_ns_ = INT64_MAX;  // of all panes, at the last packet
  double trend_ = 0;                // by which transits grow, per time; never negative
  size_t pane_ = 0;
  base::Timestamp pane_end_;
};

}  // namespace byon::jitter
