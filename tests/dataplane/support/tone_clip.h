#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "dataplane/pipeline/audio_clip.h"

namespace byon::test {

// A sine at a quarter of full scale.
inline pipeline::AudioClip ToneClip(double tone_hz, int seconds) {
  std::vector<int16_t> samples(static_cast<size_t>(16'000 * seconds));
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] =
        static_cast<int16_t>(8000 * std::sin(2 * std::numbers::pi * tone_hz * static_cast<double>(i) / 16'000));
  }
  return {samples, 16'000};
}

}  // namespace byon::test
