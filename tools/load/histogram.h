#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace byon::load {

// Counts lengths of time with a resolution of 1/32 of their value, from 1 us to half an hour, in a
// few kilobytes whatever their number. Values below zero count as zero.
class Histogram {
 public:
  void Add(int64_t microseconds) {
    const auto value = static_cast<uint64_t>(std::clamp<int64_t>(microseconds, 0, kLargest));
    ++counts_[BucketOf(value)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
  }
  void Merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }
  // What was added since `earlier`, a copy of this one; the greatest value stays.
  Histogram Since(const Histogram& earlier) const {
    Histogram rest = *this;
    for (size_t i = 0; i < counts_.size(); ++i) rest.counts_[i] -= earlier.counts_[i];
    rest.count_ -= earlier.count_;
    rest.sum_ -= earlier.sum_;
    return rest;
  }
  uint64_t count() const { return count_; }
  double max_ms() const { return static_cast<double>(max_) / 1000; }
  double mean_ms() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_) / 1000; }
  // The value that `share` (0 to 1) of all do not exceed, at most 1/32 too high; 0 when there is
  // none.
  double QuantileMs(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && seen >= wanted) return static_cast<double>(std::min(UpperEnd(i), max_)) / 1000;
    }
    return 0;
  }

 private:
  // Values below 32 have a bucket each; above, every power of two has 32.
  static constexpr uint64_t kSteps = 32;
  static constexpr int64_t kLargest = (int64_t{1} << 31) - 1;
  static constexpr size_t kBuckets = kSteps * 28;

  static size_t BucketOf(uint64_t value) {
    if (value < kSteps) return value;
    const auto shift = static_cast<size_t>(std::bit_width(value)) - 6;
    return kSteps * (shift + 1) + ((value >> shift) - kSteps);
  }
  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t shift = bucket / kSteps - 1;
    return ((kSteps + bucket % kSteps + 1) << shift) - 1;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};

}  // namespace byon::load
