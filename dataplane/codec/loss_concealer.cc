#include "dataplane/codec/loss_concealer.h"

#include <algorithm>
#include <cmath>

#include "dataplane/codec/pitch.h"

namespace byon::codec {
namespace {

constexpr float kPi = 3.14159265f;

// Full level for 40 ms, then a smooth fall to nothing at 200 ms: long enough to carry a syllable over a
// usual burst of lost packets, short enough not to drone.
float GainAt(float milliseconds) {
  constexpr float kHoldMs = 40;
  constexpr float kSilentMs = 200;
  if (milliseconds <= kHoldMs) return 1;
  if (milliseconds >= kSilentMs) return 0;
  return 0.5f + 0.5f * std::cos(kPi * (milliseconds - kHoldMs) / (kSilentMs - kHoldMs));
}

int16_t ToSample(float value) {
  return static_cast<int16_t>(std::lrint(std::clamp(value, -32768.0f, 32767.0f)));
}

}  // namespace

LossConcealer::LossConcealer(int sample_rate_hz)
    : history_samples_(static_cast<size_t>(sample_rate_hz) * 55 / 1000),
      order_(sample_rate_hz >= 16'000 ? 16 : 10),
      samples_per_ms_(static_cast<size_t>(sample_rate_hz) / 1000) {}

void LossConcealer::Reset() {
  history_.fill(0);
  is_concealing_ = false;
}

void LossConcealer::Remember(std::span<const int16_t> samples) {
  if (samples.size() >= history_samples_) samples = samples.last(history_samples_);
  const auto history = std::span(history_).first(history_samples_);
  std::copy(history.begin() + static_cast<ptrdiff_t>(samples.size()), history.end(),
            history.begin());
  std::copy(samples.begin(), samples.end(),
            history.end() - static_cast<ptrdiff_t>(samples.size()));
}

void LossConcealer::Accept(std::span<int16_t> good) {
  if (is_concealing_) {
    const size_t overlap = std::min(good.size(), 5 * samples_per_ms_);
    for (size_t i = 0; i < overlap; ++i) {
      const float weight = (static_cast<float>(i) + 0.5f) / static_cast<float>(overlap);
      good[i] = ToSample(weight * static_cast<float>(good[i]) + (1 - weight) * NextSample());
    }
    is_concealing_ = false;
  }
  Remember(good);
}

void LossConcealer::Conceal(std::span<int16_t> out) {
  if (out.empty()) return;
  if (!is_concealing_) Analyse();
  for (int16_t& sample : out) sample = ToSample(NextSample());
  Remember(out);
}

void LossConcealer::Analyse() {
  is_concealing_ = true;
  concealed_samples_ = 0;
  cycle_position_ = 0;
  FindEnvelope();
  FindExcitation();
}

// Levinson-Durbin on the windowed autocorrelation of the last 30 ms.
void LossConcealer::FindEnvelope() {
  const size_t window = 30 * samples_per_ms_;
  const int16_t* start = history_.data() + history_samples_ - window;
  std::array<float, 480> windowed;
  for (size_t i = 0; i < window; ++i) {
    // Heavier at the end: the loss goes on from there.
    const float x = (static_cast<float>(i) + 0.5f) / static_cast<float>(window);
    const float shape = x < 0.85f ? std::sin(0.5f * kPi * x / 0.85f)
                                  : std::cos(0.5f * kPi * (x - 0.85f) / 0.15f);
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

void LossConcealer::FindExcitation() {
  const size_t min_lag = 5 * samples_per_ms_ / 2;  // 400 Hz
  const size_t max_lag = 16 * samples_per_ms_;     // 62 Hz
  const size_t window = 16 * samples_per_ms_;
  // Backwards, so that the window is the newest part of the history.
  std::array<int16_t, 2 * kMaxLag> reversed;
  const size_t needed = window + max_lag;
  for (size_t i = 0; i < needed; ++i) reversed[i] = history_[history_samples_ - 1 - i];
  const PitchMatch pitch = FindPitch(std::span(reversed).first(needed), window, min_lag, max_lag);
  lag_ = pitch.lag;
  voicing_ = std::clamp((static_cast<float>(pitch.correlation) - 0.35f) / 0.45f, 0.0f, 1.0f);

  float energy = 0;
  peak_ = 0;
  for (size_t i = 0; i < lag_; ++i) {
    const int16_t* sample = history_.data() + history_samples_ - lag_ + i;
    float residual = 0;
    for (size_t k = 0; k <= order_; ++k) {
      residual += envelope_[k] * static_cast<float>(*(sample - k));
    }
    cycle_[i] = residual;
    energy += residual * residual;
  }
  for (size_t i = history_samples_ - window; i < history_samples_; ++i) {
    peak_ = std::max(peak_, std::abs(static_cast<float>(history_[i])));
  }
  noise_level_ = std::sqrt(energy / static_cast<float>(lag_));
  for (size_t k = 0; k < order_; ++k) {
    synthesis_[k] = static_cast<float>(history_[history_samples_ - 1 - k]);
  }
}

float LossConcealer::NextSample() {
  const float milliseconds =
      static_cast<float>(concealed_samples_++) / static_cast<float>(samples_per_ms_);
  // The longer a cycle repeats the more it buzzes: noise takes over slowly.
  const float voiced = voicing_ * std::max(0.0f, 1 - milliseconds / 200);
  const float unvoiced = std::sqrt(1 - voiced * voiced);
  const float noise = static_cast<float>(random_.NextUnit() * 2 - 1) * 1.732f * noise_level_;
  const float excitation = voiced * cycle_[cycle_position_] + unvoiced * noise;
  if (++cycle_position_ == lag_) cycle_position_ = 0;

  float output = excitation;
  for (size_t k = 1; k <= order_; ++k) output -= envelope_[k] * synthesis_[k - 1];
  output = std::clamp(output, -peak_, peak_);
  std::copy_backward(synthesis_.begin(), synthesis_.end() - 1, synthesis_.end());
  synthesis_[0] = output;
  return output * GainAt(milliseconds);
}

}  // namespace byon::codec
