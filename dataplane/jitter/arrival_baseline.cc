#include "dataplane/jitter/arrival_baseline.h"

#include <algorithm>

namespace byon::jitter {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

base::TimeDelta UnitsToTime(int64_t units, uint32_t clock_rate_hz) {
  const int64_t rate = clock_rate_hz;
  return base::TimeDelta::Nanoseconds(units / rate * kNsPerSecond +
                                      units % rate * kNsPerSecond / rate);
}

int64_t TimeToUnits(base::TimeDelta time, uint32_t clock_rate_hz) {
  const int64_t rate = clock_rate_hz;
  const int64_t ns = time.nanoseconds();
  return ns / kNsPerSecond * rate + ns % kNsPerSecond * rate / kNsPerSecond;
}

void ArrivalBaseline::Reset() { fastest_ns_ = INT64_MAX; }

base::TimeDelta ArrivalBaseline::OnPacket(int64_t extended_timestamp, base::Timestamp arrival) {
  const int64_t transit_ns =
      arrival.nanoseconds() - UnitsToTime(extended_timestamp, clock_rate_hz_).nanoseconds();
  if (!has_packets()) {
    pane_fastest_ns_.fill(INT64_MAX);
    pane_ = 0;
    pane_end_ = arrival + kPaneLength;
  } else {
    StartPanes(arrival);
  }
  pane_fastest_ns_[pane_] = std::min(pane_fastest_ns_[pane_], transit_ns);
  // The packet itself is in a pane, so there is always a least one.
  fastest_ns_ = *std::ranges::min_element(pane_fastest_ns_);
  return base::TimeDelta::Nanoseconds(transit_ns - fastest_ns_);
}

void ArrivalBaseline::StartPanes(base::Timestamp now) {
  if (now - pane_end_ > kPaneLength * static_cast<int64_t>(kPanes)) {
    pane_fastest_ns_.fill(INT64_MAX);
    pane_end_ = now + kPaneLength;
  }
  while (now >= pane_end_) {
    pane_ = (pane_ + 1) % kPanes;
    pane_fastest_ns_[pane_] = INT64_MAX;
    pane_end_ += kPaneLength;
  }
}

void ArrivalBaseline::Shift(base::TimeDelta delta) {
  for (int64_t& fastest : pane_fastest_ns_) {
    if (fastest != INT64_MAX) fastest += delta.nanoseconds();
  }
  if (has_packets()) fastest_ns_ += delta.nanoseconds();
}

base::Timestamp ArrivalBaseline::EarliestArrival(int64_t extended_timestamp) const {
  return base::Timestamp::FromNanoseconds(
      fastest_ns_ + UnitsToTime(extended_timestamp, clock_rate_hz_).nanoseconds());
}

}  // namespace byon::jitter
