#include "dataplane/jitter/arrival_baseline.h"

#include <algorithm>
#include <cmath>

namespace byon::jitter {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

base::TimeDelta UnitsToTime(int64_t units, uint32_t clock_rate_hz) {
  const int64_t rate = clock_rate_hz;
  return base::TimeDelta::Nanoseconds(units / rate * kNsPerSecond + units % rate * kNsPerSecond / rate);
}

int64_t TimeToUnits(base::TimeDelta time, uint32_t clock_rate_hz) {
  const int64_t rate = clock_rate_hz;
  const int64_t ns = time.nanoseconds();
  return ns / kNsPerSecond * rate + ns % kNsPerSecond * rate / kNsPerSecond;
}

void ArrivalBaseline::Reset() { *this = ArrivalBaseline(clock_rate_hz_); }

int64_t ArrivalBaseline::TransitNow(const Pane& pane, base::Timestamp now) const {
  if (pane.transit_ns == INT64_MAX) return INT64_MAX;
  return pane.transit_ns + static_cast<int64_t>(trend_ * static_cast<double>((now - pane.at).nanoseconds()));
}

base::TimeDelta ArrivalBaseline::OnPacket(int64_t extended_timestamp, base::Timestamp arrival) {
  const int64_t transit_ns = arrival.nanoseconds() - UnitsToTime(extended_timestamp, clock_rate_hz_).nanoseconds();
  if (!has_packets()) {
    panes_.fill({});
    pane_end_ = arrival + kPaneLength;
  } else {
    StartPanes(arrival);
  }
  Pane& current = panes_[pane_];
  if (transit_ns <= TransitNow(current, arrival)) current = {transit_ns, arrival};
  // The packet itself is in a pane, so there is always a least one.
  fastest_ns_ = INT64_MAX;
  for (const Pane& pane : panes_) fastest_ns_ = std::min(fastest_ns_, TransitNow(pane, arrival));
  return base::TimeDelta::Nanoseconds(transit_ns - fastest_ns_);
}

void ArrivalBaseline::StartPanes(base::Timestamp now) {
  if (now - pane_end_ > kPaneLength * static_cast<int64_t>(kPanes)) {
    panes_.fill({});
    trend_ = 0;
    pane_end_ = now + kPaneLength;
  }
  if (now < pane_end_) return;
  while (now >= pane_end_) {
    pane_ = (pane_ + 1) % kPanes;
    panes_[pane_] = {};
    pane_end_ += kPaneLength;
  }
  FindTrend();
}

// The line through the panes' fastest packets that fits best, less twice its standard error, so that
// jitter alone makes none.
void ArrivalBaseline::FindTrend() {
  trend_ = 0;
  std::array<double, kPanes> x{};
  std::array<double, kPanes> y{};
  size_t count = 0;
  const Pane* first = nullptr;
  for (const Pane& pane : panes_) {
    if (pane.transit_ns == INT64_MAX) continue;
    if (first == nullptr) first = &pane;
    x[count] = static_cast<double>((pane.at - first->at).nanoseconds());
    y[count++] = static_cast<double>(pane.transit_ns - first->transit_ns);
  }
  if (count < kTrendPanes) return;
  const auto n = static_cast<double>(count);
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
  for (size_t i = 0; i < count; ++i) mean_x += x[i] / n, mean_y += y[i] / n;
  for (size_t i = 0; i < count; ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  if (xx <= 0 || xy <= 0) return;
  const double slope = xy / xx;
  const double residual = std::max(0.0, yy - slope * xy);
  const double error = std::sqrt(residual / (n - 2) / xx);
  trend_ = std::clamp(slope - 2 * error, 0.0, kMaxTrend);
}

void ArrivalBaseline::Shift(base::TimeDelta delta) {
  for (Pane& pane : panes_) {
    if (pane.transit_ns != INT64_MAX) pane.transit_ns += delta.nanoseconds();
  }
  if (has_packets()) fastest_ns_ += delta.nanoseconds();
}

base::Timestamp ArrivalBaseline::EarliestArrival(int64_t extended_timestamp) const {
  return base::Timestamp::FromNanoseconds(fastest_ns_ + UnitsToTime(extended_timestamp, clock_rate_hz_).nanoseconds());
}

}  // namespace byon::jitter
