#include "dataplane/pipeline/tone_generator.h"

#include <algorithm>
#include <cmath>

namespace byon::pipeline {
namespace {

constexpr double kTwoPi = 6.283185307179586;
constexpr double kAmplitude = 4600;  // -14 dBm0: 17 dB below full scale, of both frequencies together
constexpr double kRampMs = 5;        // no clicks

double Envelope(double position_ms, const TonePlan::Pulse& pulse) {
  const double from_start = position_ms - pulse.start_ms;
  const double from_edge = std::min(from_start, pulse.length_ms - from_start);
  return std::clamp(from_edge / kRampMs, 0.0, 1.0);
}

}  // namespace

void ToneGenerator::Start(Tone tone) {
  tone_ = tone;
  plan_ = PlanOf(country_, tone);
  position_ms_ = 0;
  phases_ = {};
}

void ToneGenerator::Fill(codec::AudioFrame& frame) {
  const uint32_t period_ms = std::max(plan_.period_ms(), 1u);
  const auto samples_per_ms = static_cast<uint32_t>(frame.sample_rate_hz / 1000);
  const int tones = plan_.frequencies_hz[1] == 0 ? 1 : 2;
  uint32_t index = 0;
  for (int16_t& sample : frame.view()) {
    const uint32_t at_ms = (position_ms_ + index / samples_per_ms) % period_ms;
    const double fraction = static_cast<double>(index % samples_per_ms) / samples_per_ms;
    ++index;
    double value = 0;
    const auto pulse = plan_.PulseAt(at_ms);
    for (int i = 0; i < tones; ++i) {
      auto& phase = phases_[static_cast<size_t>(i)];
      if (pulse) value += std::sin(phase) / tones;
      phase += kTwoPi * plan_.frequencies_hz[static_cast<size_t>(i)] / frame.sample_rate_hz;
    }
    if (pulse) value *= kAmplitude * Envelope(at_ms + fraction, *pulse);
    sample = static_cast<int16_t>(std::lrint(value));
  }
  for (double& phase : phases_) phase = std::fmod(phase, kTwoPi);
  position_ms_ = (position_ms_ + codec::kFrameMs) % period_ms;
}

}  // namespace byon::pipeline
