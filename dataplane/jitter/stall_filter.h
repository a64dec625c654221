#pragma once

#include <cstddef>
#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"

namespace byon::jitter {

// Tells from jitter what only looks like it: one stall of the network, after which a burst of packets comes
// all too late, and a longer route, on which every packet is slower from now on.
class StallFilter {
 public:
  // So many packets in a row that are all at least so slow are no jitter: the route is longer now, or the
  // sender paused its clock.
  static constexpr size_t kShiftPackets = 10;
  static constexpr base::TimeDelta kSlow = base::TimeDelta::Milliseconds(100);
  // Packets of a stall come closer together than any encoder makes them.
  static constexpr base::TimeDelta kBurstGap = base::TimeDelta::Milliseconds(5);
  // One stall tells nothing of the next; two within this time are the network's way.
  static constexpr base::TimeDelta kMemory = base::TimeDelta::Seconds(10);

  struct Verdict {
    base::FixedVector<base::TimeDelta, kShiftPackets> delays;  // to be believed as jitter
    base::TimeDelta shift;                                     // the fastest way is this much longer now
  };
  // A packet in order, `delay` slower than the fastest; `since_last`: from the arrival before it.
  Verdict OnPacket(base::TimeDelta delay, base::Timestamp arrival, base::TimeDelta since_last);
  // Another stream follows; stalls are the network's and not forgotten.
  void Reset();

 private:
  bool is_in_burst_ = false;
  bool is_forgiven_ = false;
  base::TimeDelta last_delay_;
  std::optional<base::Timestamp> last_stall_;
  base::FixedVector<base::TimeDelta, kShiftPackets> slow_packets_;  // not believed to be jitter yet
};

}  // namespace byon::jitter
