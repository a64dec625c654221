#include "dataplane/jitter/playout_delay_estimator.h"

#include <algorithm>

namespace byon::jitter {
namespace {

size_t BucketOf(base::TimeDelta relative_delay) {
  return static_cast<size_t>(
      std::clamp<int64_t>(relative_delay / PlayoutDelayEstimator::kBucket, 0,
                          static_cast<int64_t>(PlayoutDelayEstimator::kBuckets) - 1));
}

}  // namespace

void PlayoutDelayEstimator::Reset() {
  share_.fill(0);
  share_[static_cast<size_t>(kFirstTarget / kBucket) - 1] = 1;
  reordered_.fill(0);
  reordered_share_ = 0;
  packets_weighed_ = 0;
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
  const size_t bucket = BucketOf(relative_delay);
  // Until the histogram is full every packet weighs the same, the first guess like one.
  packets_ = std::min<uint32_t>(packets_ + 1, static_cast<uint32_t>(1 / kForget));
  const auto weight = static_cast<float>(std::max(kForget, 1.0 / (packets_ + 1)));
  for (float& share : share_) share *= 1 - weight;
  share_[bucket] += weight;
  (void)ForgetReordered();
  UpdateTarget();
}

void PlayoutDelayEstimator::OnReorderedPacket(base::TimeDelta relative_delay) {
  const float weight = ForgetReordered();
  reordered_[BucketOf(relative_delay)] += weight;
  reordered_share_ += weight;
  UpdateTarget();
}

// Makes room for one packet more; returns its weight. At first as if some had come in order before.
float PlayoutDelayEstimator::ForgetReordered() {
  constexpr uint32_t kAssumed = 50;
  if (packets_weighed_ < UINT32_MAX - kAssumed) ++packets_weighed_;
  const float weight =
      std::max(kForgetReordered, 1 / static_cast<float>(packets_weighed_ + kAssumed));
  if (reordered_share_ == 0) return weight;
  if (reordered_share_ < kNegligible) {
    reordered_share_ = 0;
    reordered_.fill(0);
    return weight;
  }
  for (float& share : reordered_) share *= 1 - weight;
  reordered_share_ *= 1 - weight;
  return weight;
}

void PlayoutDelayEstimator::UpdateTarget() {
  float tail = 0;
  size_t quantile = kBuckets - 1;
  while (quantile > 0 && tail + share_[quantile] <= static_cast<float>(1 - kQuantile)) {
    tail += share_[quantile--];
  }
  target_ = kBucket * static_cast<int64_t>(quantile + 1);
  if (reordered_share_ > 0) target_ = std::max(target_, CheapestForReordered());
  UpdatePeak();
}

// The delay at which waiting longer costs more than what it would still save.
base::TimeDelta PlayoutDelayEstimator::CheapestForReordered() const {
  const float per_share = 100 * static_cast<float>(kDelayPerLossPercent / kBucket);
  float late = 0;  // share of packets that come in bucket `i` or later
  float best_cost = static_cast<float>(kBuckets);
  size_t best = kBuckets;
  for (size_t i = kBuckets; i-- > 0;) {
    late += reordered_[i];
    const float cost = static_cast<float>(i) + per_share * late;
    if (cost <= best_cost) best_cost = cost, best = i;
  }
  return kBucket * static_cast<int64_t>(best);
}

}  // namespace byon::jitter
