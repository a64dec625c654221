#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace byon::srtp {

// Which of the last kSize packet indexes were seen (RFC 3711 section 3.3.2).
class ReplayWindow {
 public:
  static constexpr size_t kSize = 128;
  enum class Verdict : uint8_t { kFresh, kReplayed, kTooOld };

  Verdict Check(uint64_t index) const {
    if (!has_any_ || index > highest_) return Verdict::kFresh;
    const uint64_t age = highest_ - index;
    if (age >= kSize) return Verdict::kTooOld;
    return seen_[age] ? Verdict::kReplayed : Verdict::kFresh;
  }
  // Marks a fresh index as seen.
  void Accept(uint64_t index) {
    if (!has_any_ || index > highest_) {
      const uint64_t step = has_any_ ? index - highest_ : kSize;
      seen_ = step < kSize ? seen_ << step : std::bitset<kSize>();
      seen_[0] = true;
      highest_ = index;
      has_any_ = true;
    } else {
      seen_[highest_ - index] = true;
    }
  }
  bool has_any() const { return has_any_; }
  uint64_t highest() const { return highest_; }

 private:
  std::bitset<kSize> seen_;  // bit i: highest_ - i
  uint64_t highest_ = 0;
  bool has_any_ = false;
};

}  // namespace byon::srtp
