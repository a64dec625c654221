#include "dataplane/pipeline/speech_level.h"

#include <algorithm>
#include <cmath>

namespace byon::pipeline {
namespace {

constexpr float kFullScaleSinePower = 32768.0F * 32768.0F / 2;
constexpr float kFullScaleDbm0 = 3.14F;
constexpr float kLeastPower = 1;  // -84 dBm0: digital silence has a floor
// The floor falls at once and rises by 2.5 dB a second, so that a pause is found and speech is not
// taken for it.
constexpr float kNoiseRise = 1.0116F;
constexpr float kSpeechOverNoise = 8;    // 9 dB
constexpr float kSmoothing = 1.0F / 24;  // of the speech level: half a second of speech
constexpr uint32_t kFramesForNoise = 50;

float ToDbm0(float power) { return 10 * std::log10(power / kFullScaleSinePower) + kFullScaleDbm0; }

}  // namespace

void SpeechLevel::Add(std::span<const int16_t> frame) {
  if (frame.empty()) return;
  int64_t energy = 0;
  for (const int16_t sample : frame) energy += int32_t{sample} * int32_t{sample};
  const float power = std::max(static_cast<float>(energy) / static_cast<float>(frame.size()), kLeastPower);
  noise_power_ = frames_ == 0 ? power : std::min(power, noise_power_ * kNoiseRise);
  frames_ = std::min(frames_ + 1, kFramesForNoise);
  if (power < noise_power_ * kSpeechOverNoise) return;
  signal_power_ = signal_power_ == 0 ? power : signal_power_ + (power - signal_power_) * kSmoothing;
}

std::optional<float> SpeechLevel::signal_dbm0() const {
  if (signal_power_ == 0) return std::nullopt;
  return ToDbm0(signal_power_);
}

std::optional<float> SpeechLevel::noise_dbm0() const {
  if (frames_ < kFramesForNoise) return std::nullopt;
  return ToDbm0(noise_power_);
}

}  // namespace byon::pipeline
