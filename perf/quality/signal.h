#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace byon::quality {

// Mono audio. Samples are on the scale of 16-bit PCM, but not clipped to it.
struct Signal {
  int rate_hz = 16'000;
  std::vector<float> samples;

  double seconds() const { return static_cast<double>(samples.size()) / rate_hz; }
};

Signal FromPcm(std::span<const int16_t> pcm, int rate_hz);
// Rounds and clips.
std::vector<int16_t> ToPcm(const Signal& signal);

// The signal at another rate, without delay: a windowed sinc of 32 zero crossings a side, cut off
// at 0.45 of the lower rate. Any pair of rates; for measurements, not for calls.
Signal Resample(const Signal& signal, int rate_hz);

// Samples [from, from + count), zero where the signal has none.
std::vector<float> Slice(const Signal& signal, ptrdiff_t from, size_t count);

}  // namespace byon::quality
