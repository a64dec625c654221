#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace byon::codec {

// Makes speech shorter or longer by one pitch period with a cross-fade, so that its pitch stays.
class TimeScaler {
 public:
  explicit TimeScaler(int sample_rate_hz);

  // How readily a change is made where the signal does not repeat itself well.
  enum class Urgency : uint8_t { kUnheard, kHardlyHeard, kForced };

  // Removes one period (2.5 to 12.5 ms, at most `most` samples) from the front of `samples`, at least
  // kMinCompressMs long, in place. Returns how many samples went, the rest moved forward; 0 when it would
  // be heard.
  size_t Compress(std::span<int16_t> samples, Urgency urgency, size_t most = SIZE_MAX) const;
  // Inserts one period at the front. `buffer` holds `count` samples (at least kMinStretchMs) and has room
  // for max_period_samples() more; `history`, at least max_period_samples(), was played just before.
  // Returns how many were inserted; 0 when it would be heard.
  size_t Stretch(std::span<const int16_t> history, std::span<int16_t> buffer, size_t count, Urgency urgency) const;

  size_t max_period_samples() const { return max_period_; }
  static constexpr int kMinCompressMs = 30;
  static constexpr int kMinStretchMs = 10;

 private:
  bool IsUnheard(std::span<const int16_t> window, double correlation, Urgency urgency) const;

  size_t min_period_;
  size_t max_period_;
  size_t window_;
};

}  // namespace byon::codec
