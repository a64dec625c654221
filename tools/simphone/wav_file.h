#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace byon::simphone {

struct MonoAudio {
  uint32_t sample_rate_hz = 16000;
  std::vector<int16_t> samples;
};

// Reads 16-bit PCM, one channel or the first of several. Throws std::runtime_error with the path.
MonoAudio ReadWav(const std::string& path);

// The same audio at another rate, by a windowed sinc; for whole files, not for streams.
MonoAudio ResampleWhole(const MonoAudio& audio, uint32_t sample_rate_hz);

// Writes 16-bit mono PCM as it comes; the file is a good WAV after every Flush().
class WavWriter {
 public:
  // Throws std::runtime_error when the file cannot be made.
  WavWriter(const std::string& path, uint32_t sample_rate_hz);
  ~WavWriter();

  // Puts samples at a position; what was skipped is silence.
  void WriteAt(uint64_t position_samples, std::span<const int16_t> samples);
  void Flush();
  uint64_t length_samples() const { return samples_.size(); }

 private:
  std::string path_;
  uint32_t sample_rate_hz_;
  std::vector<int16_t> samples_;
};

}  // namespace byon::simphone
