#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace byon::pipeline {

// Levels of speech and of the noise behind it, in dBm0 (a full-scale sine is +3.14: ITU-T G.711).
class SpeechLevel {
 public:
  // The next 20 ms of what is played.
  void Add(std::span<const int16_t> frame);

  // Mean of the frames that stood out of the noise lately; nothing before the first.
  std::optional<float> signal_dbm0() const;
  // What is heard in the pauses; nothing before a second has passed.
  std::optional<float> noise_dbm0() const;

 private:
  float noise_power_ = 0;  // mean square
  float signal_power_ = 0;
  uint32_t frames_ = 0;  // saturates
};

}  // namespace byon::pipeline
