#include "dataplane/jitter/playout_delay_estimator.h"

#include <algorithm>
#include <cmath>

namespace byon::jitter {
namespace {

constexpr base::TimeDelta kMillisecond = base::TimeDelta::Milliseconds(1);

size_t BucketOf(base::TimeDelta relative_delay) {
  return static_cast<size_t>(std::clamp<int64_t>(relative_delay / PlayoutDelayEstimator::kBucket, 0,
                                                 static_cast<int64_t>(PlayoutDelayEstimator::kBuckets) - 1));
}

}  // namespace

void PlayoutDelayEstimator::Reset() {
  share_.fill(0);
  share_[static_cast<size_t>(kFirstTarget / kBucket) - 1] = 1;
  reordered_.fill(0);
  reordered_share_ = 0;
  reordered_lately_ = 0;
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
  reordered_lately_ -= reordered_lately_ * kForgetReorderedLately;
  UpdateTarget();
}

void PlayoutDelayEstimator::OnReorderedPacket(base::TimeDelta relative_delay) {
  const float weight = ForgetReordered();
  reordered_[BucketOf(relative_delay)] += weight;
  reordered_share_ += weight;
  reordered_lately_ += (1 - reordered_lately_) * kForgetReorderedLately;
  UpdateTarget();
}

// Makes room for one packet more; returns its weight. At first as if some had come in order before.
float PlayoutDelayEstimator::ForgetReordered() {
  constexpr uint32_t kAssumed = 50;
  if (packets_weighed_ < UINT32_MAX - kAssumed) ++packets_weighed_;
  const float weight = std::max(kForgetReordered, 1 / static_cast<float>(packets_weighed_ + kAssumed));
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
  constexpr auto kTail = static_cast<float>(1 - kQuantile);
  float tail = 0;
  size_t quantile = kBuckets - 1;
  while (quantile > 0 && tail + share_[quantile] <= kTail) {
    tail += share_[quantile--];
  }
  // Within its bucket the quantile lies where the rest of the tail begins, to the millisecond above. A small delay
  // keeps the whole bucket: it is all the room there is to stretch for a slow sender in time.
  const bool is_small = kBucket * static_cast<int64_t>(quantile) < kFirstTarget;
  const float rest = is_small ? 0 : (kTail - tail) / std::max(share_[quantile], kTail);
  target_ = kBucket * static_cast<int64_t>(quantile + 1) -
            base::TimeDelta::Milliseconds(static_cast<int64_t>(rest * static_cast<float>(kBucket / kMillisecond)));
  if (reordered_share_ > 0) target_ = std::max(target_, CheapestForReordered());
  UpdatePeak();
}

// The delay at which waiting longer costs more than what it would still save.
base::TimeDelta PlayoutDelayEstimator::CheapestForReordered() const {
  // How late they come is remembered for long, how many they are also of the last two seconds, as far as that
  // is no chance: a path that begins to reorder is believed as soon.
  constexpr float kDeviations = 1.5f;
  const float chance = kDeviations * std::sqrt(reordered_lately_ * kForgetReorderedLately / 2);
  const float scale = std::max(1.0f, (reordered_lately_ - chance) / reordered_share_);
  const float per_share = scale * 100 * static_cast<float>(kDelayPerLossPercent / kBucket);
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
