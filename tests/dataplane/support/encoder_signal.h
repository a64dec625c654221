#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "tests/dataplane/support/audio_signal.h"

namespace byon::test {

// Input that leads an encoder to the edges of its arithmetic: the same numbers for the same kind.
class EncoderSignal {
 public:
  static constexpr int kKinds = 12;
  explicit EncoderSignal(int kind) : kind_(kind), speech_(16'000, static_cast<uint64_t>(kind) + 1) {}

  void Fill(std::span<int16_t> samples) {
    if (kind_ < 5) speech_.Fill(samples);
    for (int16_t& sample : samples) sample = Shape(sample);
  }

 private:
  int16_t Shape(int sample) {
    const uint64_t i = index_++;
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const int noise = static_cast<int16_t>(state_ >> 40);
    const double t = static_cast<double>(i);
    switch (kind_) {
      case 0: return Clip(sample);
      case 1: return Clip(sample * 6);                                   // clipped
      case 2: return Clip(sample / 32 + noise / 512);                    // far away, in noise
      case 3: return Clip(i / 24'000 % 2 != 0 ? sample : noise / 4096);  // with pauses
      case 4: return Clip(sample * static_cast<int>(i / 8000 % 3));
      case 5: return Clip(noise);  // full scale
      case 6: return Clip(noise / 300);
      case 7: return Clip(static_cast<int>(32'767 * std::sin(t * 0.01 + t * t * 3e-7)));
      case 8: return Clip(static_cast<int>(20'000 * std::sin(t * 0.2)));
      case 9: return Clip(i % 3200 < 200 ? noise / 3 : 0);       // bursts
      case 10: return Clip(i / 50 % 2 != 0 ? 32'767 : -32'768);  // a square wave
      default: return Clip(i / 16'000 % 2 != 0 ? (i % 2 != 0 ? 32'767 : -32'768) : 0);
    }
  }
  static int16_t Clip(int sample) { return static_cast<int16_t>(std::clamp(sample, -32'768, 32'767)); }

  int kind_;
  SpeechSource speech_;
  uint64_t state_ = 7;
  uint64_t index_ = 0;
};

}  // namespace byon::test
