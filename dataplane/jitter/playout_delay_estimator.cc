#include "dataplane/jitter/playout_delay_estimator.h"

#include <algorithm>

namespace byon::jitter {

void PlayoutDelayEstimator::Reset() {
  share_.fill(0);
  share_[static_cast<size_t>(kFirstTarget / kBucket) - 1] = 1;
  packets_ = 0;
  target_ = kFirstTarget;
  pane_peaks_.fill(base::TimeDelta());
  pane_ = 0;
  packets_in_pane_ = 0;
}

base::TimeDelta PlayoutDelayEstimator::recent_peak() const {
  return std::max(target_, *std::ranges::max_element(pane_peaks_));
}

void PlayoutDelayEstimator::UpdatePeak() {
  if (++packets_in_pane_ > kPanePackets) {
    packets_in_pane_ = 1;
    pane_ = (pane_ + 1) % kPeakPanes;
    pane_peaks_[pane_] = base::TimeDelta();
  }
  pane_peaks_[pane_] = std::max(pane_peaks_[pane_], target_);
}

void PlayoutDelayEstimator::OnPacket(base::TimeDelta relative_delay) {
  const auto bucket = static_cast<size_t>(
      std::clamp<int64_t>(relative_delay / kBucket, 0, static_cast<int64_t>(kBuckets) - 1));
  // Until the histogram is full every packet weighs the same, the first guess like one.
  packets_ = std::min<uint32_t>(packets_ + 1, static_cast<uint32_t>(1 / kForget));
  const auto weight = static_cast<float>(std::max(kForget, 1.0 / (packets_ + 1)));
  for (float& share : share_) share *= 1 - weight;
  share_[bucket] += weight;

  float tail = 0;
  size_t quantile = kBuckets - 1;
  while (quantile > 0 && tail + share_[quantile] <= static_cast<float>(1 - kQuantile)) {
    tail += share_[quantile--];
  }
  target_ = kBucket * static_cast<int64_t>(quantile + 1);
  UpdatePeak();
}

}  // namespace byon::jitter
