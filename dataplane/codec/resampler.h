#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace byon::codec {

// Converts between 8, 16 and 48 kHz by a polyphase FIR low-pass: flat to 3.4 kHz of 8 kHz (6.8 of
// 16), down by over 70 dB where the spectrum would fold into what is heard. Fixed memory; delays by
// half the filter (3 ms of an 8 kHz side, 1.5 ms of a 16 kHz one).
class Resampler {
 public:
  // Equal rates copy.
  Resampler(int input_rate_hz, int output_rate_hz);

  // Takes a whole number of milliseconds and writes as many; returns the samples written.
  size_t Process(std::span<const int16_t> input, std::span<int16_t> output);
  void Reset();
  int input_rate_hz() const { return input_rate_hz_; }
  int output_rate_hz() const { return output_rate_hz_; }

  static constexpr size_t kTapsPerLowSample = 48;
  static constexpr size_t kMaxRatio = 6;

 private:
  size_t ProcessStep(std::span<const int16_t> input, std::span<int16_t> output);
  // `line`: the history and the input behind it.
  size_t Upsample(const float* line, size_t input_samples, std::span<int16_t> output) const;
  size_t Downsample(const float* line, size_t input_samples, std::span<int16_t> output) const;
  void Remember(std::span<const int16_t> input);

  static constexpr size_t kMaxTaps = kTapsPerLowSample * kMaxRatio;
  static constexpr size_t kMaxStepMs = 5;  // taken at once, so that the line fits on the stack
  static constexpr size_t kMaxStep = 48 * kMaxStepMs;

  int input_rate_hz_;
  int output_rate_hz_;
  size_t ratio_ = 1;
  size_t taps_ = 0;
  const float* filter_ = nullptr;  // of the ratio, `taps_` long, sums to 1
  size_t history_samples_ = 0;     // of the input, kept between calls
  std::array<int16_t, kMaxTaps - 1> history_{};
};

}  // namespace byon::codec
