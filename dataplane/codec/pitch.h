#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace byon::codec {

struct PitchMatch {
  size_t lag = 0;          // samples
  double correlation = 0;  // normalised, -1 to 1; 1 when both windows are silent
};

// The lag in [min_lag, max_lag] at which signal[lag, lag + window) is most like signal[0, window). The
// signal holds at least max_lag + window samples.
PitchMatch FindPitch(std::span<const int16_t> signal, size_t window, size_t min_lag, size_t max_lag);

}  // namespace byon::codec
