#include "dataplane/codec/time_scaler.h"

#include <algorithm>
#include <array>

#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/pitch.h"

namespace byon::codec {
namespace {

constexpr double kUnheardCorrelation = 0.85;
constexpr double kHardlyHeardCorrelation = 0.6;
constexpr double kForcedCorrelation = 0.2;
// Mean square below which nobody hears a splice: about -60 dB of full scale.
constexpr int64_t kSilentMeanSquare = 32 * 32;

double LeastCorrelation(TimeScaler::Urgency urgency) {
  switch (urgency) {
    case TimeScaler::Urgency::kUnheard: return kUnheardCorrelation;
    case TimeScaler::Urgency::kHardlyHeard: return kHardlyHeardCorrelation;
    case TimeScaler::Urgency::kForced: return kForcedCorrelation;
  }
  return kUnheardCorrelation;
}

int16_t Blend(int16_t from, int16_t to, size_t position, size_t length) {
  const auto weight = static_cast<int64_t>(position);
  const auto whole = static_cast<int64_t>(length);
  return static_cast<int16_t>((from * (whole - weight) + to * weight) / whole);
}

}  // namespace

TimeScaler::TimeScaler(int sample_rate_hz)
    : min_period_(static_cast<size_t>(sample_rate_hz) * 5 / 2000),
      max_period_(static_cast<size_t>(sample_rate_hz) * 25 / 2000),
      window_(static_cast<size_t>(sample_rate_hz) / 100) {}

bool TimeScaler::IsUnheard(std::span<const int16_t> window, double correlation, Urgency urgency) const {
  if (correlation >= LeastCorrelation(urgency)) return true;
  int64_t energy = 0;
  for (int16_t sample : window) energy += int32_t{sample} * sample;
  return energy < kSilentMeanSquare * static_cast<int64_t>(window.size());
}

size_t TimeScaler::Compress(std::span<int16_t> samples, Urgency urgency, size_t most) const {
  const size_t max_period = std::min(most, max_period_);
  if (max_period < min_period_ || samples.size() < window_ + max_period) return 0;
  const PitchMatch match = FindPitch(samples, window_, min_period_, max_period);
  if (!IsUnheard(samples.first(window_ + match.lag), match.correlation, urgency)) return 0;
  for (size_t i = 0; i < window_; ++i) {
    samples[i] = Blend(samples[i], samples[i + match.lag], i, window_);
  }
  std::copy(samples.begin() + static_cast<ptrdiff_t>(window_ + match.lag), samples.end(),
            samples.begin() + static_cast<ptrdiff_t>(window_));
  return match.lag;
}

size_t TimeScaler::Stretch(std::span<const int16_t> history, std::span<int16_t> buffer, size_t count,
                           Urgency urgency) const {
  if (history.size() < max_period_ || count < window_ || buffer.size() < count + max_period_) {
    return 0;
  }
  // Backwards in time: the lag then says how far before the front the same shape begins.
  std::array<int16_t, kMaxFrameSamples + kMaxFrameSamples / 2> reversed;
  const auto searched = std::span(reversed).first(window_ + max_period_);
  for (size_t i = 0; i < window_; ++i) searched[i] = buffer[window_ - 1 - i];
  for (size_t i = 0; i < max_period_; ++i) {
    searched[window_ + i] = history[history.size() - 1 - i];
  }
  const PitchMatch match = FindPitch(searched, window_, min_period_, max_period_);
  if (!IsUnheard(searched.first(window_ + match.lag), match.correlation, urgency)) return 0;

  // The front fades into what was one period earlier; behind it everything comes one period later.
  const auto front = buffer.begin();
  std::copy_backward(front, front + static_cast<ptrdiff_t>(count), front + static_cast<ptrdiff_t>(count + match.lag));
  for (size_t i = 0; i < std::max(window_, match.lag); ++i) {
    const int16_t earlier =
        i < match.lag ? history[history.size() - match.lag + i] : buffer[i];  // the moved front itself
    const int16_t now = i < window_ ? buffer[i + match.lag] : earlier;
    if (i < window_)
      buffer[i] = Blend(now, earlier, i, window_);
    else
      buffer[i] = earlier;
  }
  return match.lag;
}

}  // namespace byon::codec
