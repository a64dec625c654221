#include "dataplane/codec/loss_concealer.h"

#include <algorithm>
#include <cmath>

#include "dataplane/codec/speech_bridge.h"

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

int16_t ToSample(float value) { return static_cast<int16_t>(std::lrint(std::clamp(value, -32768.0f, 32767.0f))); }

}  // namespace

LossConcealer::LossConcealer(int sample_rate_hz)
    : history_samples_(static_cast<size_t>(sample_rate_hz) * 55 / 1000),
      samples_per_ms_(static_cast<size_t>(sample_rate_hz) / 1000),
      forward_(sample_rate_hz, 0x6c6f7373) {}

void LossConcealer::Reset() {
  history_.fill(0);
  is_concealing_ = false;
}

void LossConcealer::Remember(std::span<const int16_t> samples) {
  if (samples.size() >= history_samples_) samples = samples.last(history_samples_);
  const auto history = std::span(history_).first(history_samples_);
  std::copy(history.begin() + static_cast<ptrdiff_t>(samples.size()), history.end(), history.begin());
  std::copy(samples.begin(), samples.end(), history.end() - static_cast<ptrdiff_t>(samples.size()));
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
  if (!is_concealing_) Start();
  for (int16_t& sample : out) sample = ToSample(NextSample());
  Remember(out);
}

void LossConcealer::Bridge(std::span<const int16_t> next, std::span<int16_t> out) {
  const size_t frame = 20 * samples_per_ms_;
  if (out.size() > frame) {
    Conceal(out.first(out.size() - frame));
    out = out.last(frame);
  }
  if (out.empty()) return;
  if (!is_concealing_) Start();
  const SpeechBridge bridge(static_cast<int>(samples_per_ms_) * 1000);
  std::array<float, SpeechBridge::kMaxForward> forward;
  const auto needed = std::span(forward).first(bridge.ForwardSamples(out.size()));
  for (float& sample : needed) sample = NextSample();
  std::array<float, kMaxFrame> bridged;
  bridge.Build(static_cast<float>(history().back()), needed, forward_.pitch(), next,
               std::span(bridged).first(out.size()));
  std::transform(bridged.begin(), bridged.begin() + static_cast<ptrdiff_t>(out.size()), out.begin(), ToSample);
  is_concealing_ = false;
  Remember(out);
}

void LossConcealer::Start() {
  is_concealing_ = true;
  concealed_samples_ = 0;
  forward_.Start(history(), {});
}

float LossConcealer::NextSample() {
  const float milliseconds = static_cast<float>(concealed_samples_++) / static_cast<float>(samples_per_ms_);
  return forward_.Next() * GainAt(milliseconds);
}

}  // namespace byon::codec
