#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace byon::pipeline {

struct WaveAudio {
  int sample_rate_hz = 0;
  std::vector<int16_t> samples;  // mono
};

// The longest announcement: ten minutes.
inline constexpr size_t kMaxWaveSeconds = 600;

// Reads a RIFF WAVE file of 16-bit linear PCM, mono, at 8, 16 or 48 kHz. The error says in a few words
// what is wrong and what is allowed ("it has 2 channels, but must have 1").
base::Result<WaveAudio, std::string> ParseWaveFile(base::ByteSpan file);

}  // namespace byon::pipeline
