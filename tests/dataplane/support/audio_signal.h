#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

namespace byon::test {

// A sine that goes on from call to call.
class SineSource {
 public:
  SineSource(int sample_rate_hz, double frequency_hz, double amplitude)
      : sample_rate_hz_(sample_rate_hz), frequency_hz_(frequency_hz), amplitude_(amplitude) {}
  void set_frequency_hz(double frequency_hz) { frequency_hz_ = frequency_hz; }
  void set_amplitude(double amplitude) { amplitude_ = amplitude; }
  void Fill(std::span<int16_t> samples) {
    for (int16_t& sample : samples) {
      sample = static_cast<int16_t>(std::lrint(amplitude_ * std::sin(phase_)));
      phase_ += 2 * std::numbers::pi * frequency_hz_ / sample_rate_hz_;
    }
    phase_ = std::fmod(phase_, 2 * std::numbers::pi);
  }

 private:
  double sample_rate_hz_;
  double frequency_hz_;
  double amplitude_;
  double phase_ = 0;
};

struct ToneFit {
  double amplitude = 0;
  double snr_db = 0;  // the tone against all else
};

// The least-squares fit of one sine (and a constant) to the samples.
inline ToneFit FitTone(std::span<const int16_t> samples, int sample_rate_hz, double frequency_hz) {
  if (samples.empty()) return {};
  const double step = 2 * std::numbers::pi * frequency_hz / sample_rate_hz;
  // Normal equations of cos and sin; over many periods they are nearly orthogonal, but not over few.
  double cc = 0, ss = 0, cs = 0, xc = 0, xs = 0, mean = 0;
  for (const int16_t sample : samples) mean += sample;
  mean /= static_cast<double>(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    const double c = std::cos(step * static_cast<double>(i));
    const double s = std::sin(step * static_cast<double>(i));
    const double x = samples[i] - mean;
    cc += c * c, ss += s * s, cs += c * s, xc += x * c, xs += x * s;
  }
  const double det = cc * ss - cs * cs;
  const double a = (xc * ss - xs * cs) / det;
  const double b = (xs * cc - xc * cs) / det;
  double tone = 0, noise = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double fitted = a * std::cos(step * static_cast<double>(i)) + b * std::sin(step * static_cast<double>(i));
    const double rest = samples[i] - mean - fitted;
    tone += fitted * fitted;
    noise += rest * rest;
  }
  return {std::hypot(a, b), 10 * std::log10(tone / std::max(noise, 1e-9))};
}

inline double Decibels(double ratio) { return 20 * std::log10(std::max(ratio, 1e-9)); }

// Something like voiced speech: a pulse train with a moving pitch through two resonances, in syllables.
class SpeechSource {
 public:
  explicit SpeechSource(int sample_rate_hz, uint64_t seed = 1) : sample_rate_hz_(sample_rate_hz), state_(seed) {}
  void Fill(std::span<int16_t> samples) {
    for (int16_t& sample : samples) sample = Next();
  }

 private:
  int16_t Next() {
    const double t = static_cast<double>(index_++) / sample_rate_hz_;
    const double pitch_hz = 120 + 30 * std::sin(2 * std::numbers::pi * 0.7 * t);
    phase_ += pitch_hz / sample_rate_hz_;
    double excitation = 0;
    if (phase_ >= 1) {
      phase_ -= 1;
      excitation = 1;
    }
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const double noise = static_cast<double>(state_ >> 40) / (1 << 23) - 1;
    const double syllable = std::max(0.0, std::sin(2 * std::numbers::pi * 2.5 * t));
    const double input = syllable * (excitation * 9000 + noise * 250);
    const double first = Resonate(0, input, 500 + 150 * std::sin(9 * t), 0.97);
    const double second = Resonate(1, input, 1500 + 300 * std::sin(5 * t), 0.95);
    return static_cast<int16_t>(std::clamp(first + 0.6 * second, -30000.0, 30000.0));
  }
  double Resonate(int which, double input, double frequency_hz, double radius) {
    double* y = memory_[which];
    const double angle = 2 * std::numbers::pi * frequency_hz / sample_rate_hz_;
    const double out = input * (1 - radius) * 4 + 2 * radius * std::cos(angle) * y[0] - radius * radius * y[1];
    y[1] = y[0];
    y[0] = out;
    return out;
  }

  double sample_rate_hz_;
  uint64_t state_;
  uint64_t index_ = 0;
  double phase_ = 0;
  double memory_[2][2] = {};
};

}  // namespace byon::test
