#include "dataplane/jitter/stall_filter.h"

#include <algorithm>

namespace byon::jitter {

void StallFilter::Reset() {
  is_in_burst_ = false;
  slow_packets_.Clear();
}

StallFilter::Verdict StallFilter::OnPacket(base::TimeDelta delay, base::Timestamp arrival, base::TimeDelta since_last) {
  Verdict verdict;
  is_in_burst_ = is_in_burst_ && since_last < kBurstGap && delay < last_delay_;
  last_delay_ = delay;
  if (is_in_burst_) {
    if (!is_forgiven_) verdict.delays.PushBack(delay);
    return verdict;
  }
  if (delay < kSlow) {
    verdict.delays = slow_packets_;
    slow_packets_.Clear();
    verdict.delays.PushBack(delay);
    return verdict;
  }
  // Nothing came while it was under way: the network stood still.
  if (since_last > delay) {
    is_in_burst_ = true;
    is_forgiven_ = !last_stall_ || arrival - *last_stall_ > kMemory;
    last_stall_ = arrival;
    if (!is_forgiven_) verdict.delays.PushBack(delay);
    return verdict;
  }
  slow_packets_.PushBack(delay);
  if (!slow_packets_.full()) return verdict;
  verdict.shift = *std::ranges::min_element(slow_packets_);
  for (const base::TimeDelta slow : slow_packets_) verdict.delays.PushBack(slow - verdict.shift);
  slow_packets_.Clear();
  return verdict;
}

}  // namespace byon::jitter
