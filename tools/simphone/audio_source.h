#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tools/simphone/wav_file.h"

namespace byon::simphone {

// What the phone says: silence, stepped tones or a WAV file, played in a loop.
class AudioSource {
 public:
  // `what`: empty, "tones", or the path of a WAV file. Throws std::runtime_error as ReadWav does.
  void Play(const std::string& what);
  // Converts what is playing; the place in the loop is kept in time.
  void SetSampleRate(uint32_t sample_rate_hz);
  void Read(std::span<int16_t> samples);
  // Goes on without `count` samples: time passed in which nobody could read.
  void Skip(size_t count);

 private:
  void Convert();

  std::string what_;
  MonoAudio original_;
  MonoAudio converted_;
  uint32_t sample_rate_hz_ = 16000;
  uint64_t position_ = 0;
};

// 440, 880, 1320 and 1760 Hz, half a second each, at peak 12000: what the measuring tools look for.
MonoAudio MakeSteppedTones(uint32_t sample_rate_hz);

}  // namespace byon::simphone
