#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

namespace byon::test {

// Share of the signal's power that lies at `frequency_hz`, 0 to 1 (Goertzel over the whole span).
inline double TonePurity(std::span<const int16_t> samples, int sample_rate_hz, double frequency_hz) {
  const double step = 2 * std::numbers::pi * frequency_hz / sample_rate_hz;
  double in_phase = 0;
  double quadrature = 0;
  double power = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double sample = samples[i];
    in_phase += sample * std::cos(step * static_cast<double>(i));
    quadrature += sample * std::sin(step * static_cast<double>(i));
    power += sample * sample;
  }
  if (power == 0) return 0;
  const double tone_power = in_phase * in_phase + quadrature * quadrature;
  return 2 * tone_power / (power * static_cast<double>(samples.size()));
}

inline double RootMeanSquare(std::span<const int16_t> samples) {
  double power = 0;
  for (const int16_t sample : samples) power += static_cast<double>(sample) * sample;
  return samples.empty() ? 0 : std::sqrt(power / static_cast<double>(samples.size()));
}

}  // namespace byon::test
