#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "perf/quality/call_script.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::quality {

// Uniform in [-1, 1), the same for the same seed everywhere: test vectors are made of it.
inline std::vector<double> Noise(size_t count, uint64_t seed) {
  std::vector<double> noise(count);
  for (double& sample : noise) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    sample = static_cast<double>(seed >> 40) / (1 << 23) - 1;
  }
  return noise;
}

// Noise through a moving resonance, in syllables, at 10 kHz.
inline std::vector<double> Syllables(size_t count) {
  constexpr double kRateHz = 10'000, kRadius = 0.95;
  const auto noise = Noise(count, 1);
  std::vector<double> samples(count);
  double y1 = 0, y2 = 0;
  for (size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / kRateHz;
    const double frequency_hz = 600 + 300 * std::sin(2 * std::numbers::pi * 1.3 * t);
    const double angle = 2 * std::numbers::pi * frequency_hz / kRateHz;
    const double y = noise[i] + 2 * kRadius * std::cos(angle) * y1 - kRadius * kRadius * y2;
    y2 = y1;
    y1 = y;
    samples[i] = 1000 * y * std::max(0.0, std::sin(2 * std::numbers::pi * 2.5 * t));
  }
  return samples;
}

inline Signal ToSignal(const std::vector<double>& samples, int rate_hz) {
  return {rate_hz, {samples.begin(), samples.end()}};
}

// Something voiced for recordings, 48 kHz, with another melody for another seed.
inline Recording TestRecording(const char* name, double seconds, uint64_t seed = 1) {
  test::SpeechSource source(48'000, seed);
  std::vector<int16_t> pcm(static_cast<size_t>(std::lround(seconds * 50)) * 960);
  source.Fill(pcm);
  return {name, FromPcm(pcm, 48'000)};
}

}  // namespace byon::quality
