#include "dataplane/pipeline/tone_generator.h"

#include <algorithm>
#include <cmath>

namespace byon::pipeline {
namespace {

constexpr double kTwoPi = 6.283185307179586;
constexpr double kFrequencyHz = 425;   // ITU-T E.180 section 4.1
constexpr double kAmplitude = 4600;    // -14 dBm0: 17 dB below full scale
constexpr uint64_t kRampUs = 5000;     // no clicks
constexpr uint64_t kFrameUs = codec::kFrameMs * 1000;

struct Cadence {
  uint64_t on_us;
  uint64_t off_us;
};

Cadence CadenceOf(Tone tone) {
  switch (tone) {
    case Tone::kRingback: return {1'000'000, 4'000'000};
    case Tone::kBusy: return {500'000, 500'000};
    case Tone::kCongestion: return {250'000, 250'000};
    case Tone::kNone: break;
  }
  return {0, 1'000'000};
}

double Envelope(uint64_t position_us, uint64_t on_us) {
  if (position_us >= on_us) return 0;
  const uint64_t from_edge = std::min(position_us, on_us - position_us);
  return std::min(1.0, static_cast<double>(from_edge) / static_cast<double>(kRampUs));
}

}  // namespace

void ToneGenerator::Start(Tone tone) {
  tone_ = tone;
  position_us_ = 0;
  phase_ = 0;
}

void ToneGenerator::Fill(codec::AudioFrame& frame) {
  const Cadence cadence = CadenceOf(tone_);
  const uint64_t period_us = cadence.on_us + cadence.off_us;
  const auto rate = static_cast<uint64_t>(frame.sample_rate_hz);
  const double step = kTwoPi * kFrequencyHz / static_cast<double>(rate);
  uint64_t index = 0;
  for (int16_t& sample : frame.view()) {
    const uint64_t at_us = (position_us_ + index++ * 1'000'000 / rate) % period_us;
    sample = static_cast<int16_t>(
        std::lrint(kAmplitude * Envelope(at_us, cadence.on_us) * std::sin(phase_)));
    phase_ += step;
  }
  phase_ = std::fmod(phase_, kTwoPi);
  position_us_ = (position_us_ + kFrameUs) % period_us;
}

}  // namespace byon::pipeline
