#include "dataplane/codec/speech_extrapolator.h"

#include <algorithm>
#include <cmath>

#include "dataplane/codec/pitch.h"

namespace byon::codec {
namespace {

constexpr float kPi = 3.14159265f;
constexpr size_t kEnvelopeMs = 30;
constexpr size_t kPitchWindowMs = 16;
constexpr size_t kMaxLagMs = 16;  // 62 Hz
// With this much of the past or more, the pitch can be looked for all over it.
constexpr size_t kLongPastMs = kPitchWindowMs + kMaxLagMs;

}  // namespace

SpeechExtrapolator::SpeechExtrapolator(int sample_rate_hz, uint64_t random_seed)
    : order_(sample_rate_hz >= 16'000 ? 16 : 10),
      samples_per_ms_(static_cast<size_t>(sample_rate_hz) / 1000),
      random_(random_seed) {}

void SpeechExtrapolator::Start(std::span<const int16_t> past, const Pitch& expected) {
  made_samples_ = 0;
  cycle_position_ = 0;
  FindEnvelope(past);
  FindPitchOf(past, expected);
  FindExcitation(past);
}

// Levinson-Durbin on the windowed autocorrelation of the last 30 ms.
void SpeechExtrapolator::FindEnvelope(std::span<const int16_t> past) {
  const size_t window = std::min(past.size(), kEnvelopeMs * samples_per_ms_);
  const int16_t* start = past.data() + past.size() - window;
  std::array<float, kEnvelopeMs * 16> windowed;
  for (size_t i = 0; i < window; ++i) {
    // Heavier at the end: it goes on from there.
    const float x = (static_cast<float>(i) + 0.5f) / static_cast<float>(window);
    const float shape = x < 0.85f ? std::sin(0.5f * kPi * x / 0.85f) : std::cos(0.5f * kPi * (x - 0.85f) / 0.15f);
    windowed[i] = shape * static_cast<float>(start[i]);
  }
  std::array<float, kMaxOrder + 1> correlation{};
  for (size_t lag = 0; lag <= order_; ++lag) {
    float sum = 0;
    for (size_t i = lag; i < window; ++i) sum += windowed[i] * windowed[i - lag];
    correlation[lag] = sum;
  }
  envelope_.fill(0);
  envelope_[0] = 1;
  float error = correlation[0] * 1.0001f + 1.0f;  // white noise correction, -40 dB
  for (size_t m = 1; m <= order_; ++m) {
    float sum = correlation[m];
    for (size_t k = 1; k < m; ++k) sum += envelope_[k] * correlation[m - k];
    const float reflection = -sum / error;
    std::array<float, kMaxOrder + 1> previous = envelope_;
    for (size_t k = 1; k < m; ++k) envelope_[k] = previous[k] + reflection * previous[m - k];
    envelope_[m] = reflection;
    error *= 1 - reflection * reflection;
  }
  float expansion = 1;
  for (size_t k = 1; k <= order_; ++k) envelope_[k] *= (expansion *= 0.994f);
}

void SpeechExtrapolator::FindPitchOf(std::span<const int16_t> past, const Pitch& expected) {
  size_t min_lag = 5 * samples_per_ms_ / 2;  // 400 Hz
  size_t max_lag = kMaxLagMs * samples_per_ms_;
  size_t window = kPitchWindowMs * samples_per_ms_;
  if (past.size() < kLongPastMs * samples_per_ms_) {
    // Both a lag and a window do not fit, unless it is known where to look.
    max_lag = past.size() / 2;
    if (expected.voicing > 0.3f) {
      min_lag = std::max(min_lag, expected.lag * 4 / 5);
      max_lag = std::min(expected.lag * 6 / 5, past.size() * 4 / 5);
    }
    window = std::min(window, past.size() - max_lag);
  }
  // Backwards, so that the window is the newest part of the past.
  std::array<int16_t, kLongPastMs * 16> reversed;
  const size_t needed = window + max_lag;
  for (size_t i = 0; i < needed; ++i) reversed[i] = past[past.size() - 1 - i];
  const PitchMatch match = FindPitch(std::span(reversed).first(needed), window, min_lag, max_lag);
  pitch_.lag = match.lag;
  pitch_.voicing = std::clamp((static_cast<float>(match.correlation) - 0.35f) / 0.45f, 0.0f, 1.0f);
}

void SpeechExtrapolator::FindExcitation(std::span<const int16_t> past) {
  float energy = 0;
  for (size_t i = 0; i < pitch_.lag; ++i) {
    const int16_t* sample = past.data() + past.size() - pitch_.lag + i;
    float residual = 0;
    for (size_t k = 0; k <= order_; ++k) {
      residual += envelope_[k] * static_cast<float>(*(sample - k));
    }
    cycle_[i] = residual;
    energy += residual * residual;
  }
  peak_ = 0;
  const size_t window = std::min(past.size(), kPitchWindowMs * samples_per_ms_);
  for (const int16_t sample : past.last(window)) {
    peak_ = std::max(peak_, std::abs(static_cast<float>(sample)));
  }
  noise_level_ = std::sqrt(energy / static_cast<float>(pitch_.lag));
  for (size_t k = 0; k < order_; ++k) {
    synthesis_[k] = static_cast<float>(past[past.size() - 1 - k]);
  }
}

float SpeechExtrapolator::Next() {
  constexpr float kNoiseOnlyMs = 200;
  const float milliseconds = static_cast<float>(made_samples_++) / static_cast<float>(samples_per_ms_);
  // The longer a cycle repeats the more it buzzes: noise takes over slowly.
  const float voiced = pitch_.voicing * std::max(0.0f, 1 - milliseconds / kNoiseOnlyMs);
  const float unvoiced = std::sqrt(1 - voiced * voiced);
  const float noise = static_cast<float>(random_.NextUnit() * 2 - 1) * 1.732f * noise_level_;
  const float excitation = voiced * cycle_[cycle_position_] + unvoiced * noise;
  if (++cycle_position_ == pitch_.lag) cycle_position_ = 0;

  float output = excitation;
  for (size_t k = 1; k <= order_; ++k) output -= envelope_[k] * synthesis_[k - 1];
  output = std::clamp(output, -peak_, peak_);
  std::copy_backward(synthesis_.begin(), synthesis_.end() - 1, synthesis_.end());
  synthesis_[0] = output;
  return output;
}

}  // namespace byon::codec
