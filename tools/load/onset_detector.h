#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace byon::load {

// Finds where speech begins after a pause, in blocks of 2.5 ms.
class OnsetDetector {
 public:
  // The power of a block from which on it counts as speech: 36 dB under full scale.
  static constexpr double kSpeechPower = 32768.0 * 32768.0 * 0.00025;
  static constexpr int64_t kPauseUs = 250'000;

  explicit OnsetDetector(int sample_rate_hz) : sample_rate_hz_(sample_rate_hz) {}

  // Takes the next samples; where in them speech begins, in microseconds from the first.
  std::optional<int64_t> Take(std::span<const int16_t> samples) {
    const auto block = static_cast<size_t>(sample_rate_hz_ / 400);
    std::optional<int64_t> onset;
    for (size_t start = 0; start + block <= samples.size(); start += block) {
      double power = 0;
      for (const int16_t sample : samples.subspan(start, block)) power += 1.0 * sample * sample;
      if (power / static_cast<double>(block) < kSpeechPower) {
        quiet_us_ += 2500;
        continue;
      }
      if (quiet_us_ >= kPauseUs && !onset) onset = static_cast<int64_t>(start) * 1'000'000 / sample_rate_hz_;
      quiet_us_ = 0;
    }
    return onset;
  }
  // Nothing was sent for so long.
  void TakeSilence(int64_t microseconds) { quiet_us_ += microseconds; }

 private:
  int sample_rate_hz_;
  int64_t quiet_us_ = 0;
};

}  // namespace byon::load
