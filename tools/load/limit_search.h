#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

namespace byon::load {

// Looks for the highest number of calls that goes cleanly: doubles until one does not, then halves
// the distance until it is a twentieth.
class LimitSearch {
 public:
  // `first` calls are tried first, never more than `most`.
  LimitSearch(size_t first, size_t most) : next_(std::min(std::max<size_t>(first, 1), most)), most_(most) {}

  // What to try now; nothing when it is known.
  std::optional<size_t> Next() const { return is_done_ ? std::nullopt : std::optional(next_); }
  // What the try of Next() gave.
  void Tell(bool is_clean) {
    if (is_clean) {
      best_ = next_;
    } else {
      worst_ = next_;
    }
    if (!worst_) {
      is_done_ = best_ == most_;
      next_ = std::min(best_ * 2, most_);
      return;
    }
    const size_t distance = *worst_ - best_;
    is_done_ = distance <= std::max<size_t>(1, *worst_ / 20);
    next_ = best_ + distance / 2;
  }

  size_t best() const { return best_; }                   // 0: not even one call
  std::optional<size_t> worst() const { return worst_; }  // absent: `most` goes cleanly

 private:
  size_t next_;
  size_t most_;
  size_t best_ = 0;
  std::optional<size_t> worst_;
  bool is_done_ = false;
};

}  // namespace byon::load
