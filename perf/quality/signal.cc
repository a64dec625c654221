#include "perf/quality/signal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace byon::quality {
namespace {

constexpr int kZeroCrossings = 32;
constexpr double kCutoff = 0.45;  // of the lower rate
constexpr size_t kLanes = 16;

double Sinc(double x) {
  if (std::abs(x) < 1e-9) return 1;
  return std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

// Blackman over [-1, 1].
double Window(double x) {
  if (std::abs(x) >= 1) return 0;
  return 0.42 + 0.5 * std::cos(std::numbers::pi * x) + 0.08 * std::cos(2 * std::numbers::pi * x);
}

// Sums in lanes, which the compiler makes vectors of. `count` is whole lanes.
float Dot(const float* a, const float* b, size_t count) {
  std::array<float, kLanes> sums{};
  for (size_t i = 0; i < count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (const float lane : sums) sum += lane;
  return sum;
}

}  // namespace

Signal FromPcm(std::span<const int16_t> pcm, int rate_hz) { return {rate_hz, {pcm.begin(), pcm.end()}}; }

std::vector<int16_t> ToPcm(const Signal& signal) {
  std::vector<int16_t> pcm(signal.samples.size());
  std::ranges::transform(signal.samples, pcm.begin(), [](float sample) {
    return static_cast<int16_t>(std::lrint(std::clamp(sample, -32768.0f, 32767.0f)));
  });
  return pcm;
}

Signal Resample(const Signal& signal, int rate_hz) {
  if (rate_hz == signal.rate_hz) return signal;
  // Output sample n lies at n * step / phases of the input; its fraction is one of `phases`.
  const int divisor = std::gcd(signal.rate_hz, rate_hz);
  const int64_t phases = rate_hz / divisor;
  const int64_t step = signal.rate_hz / divisor;
  const double cutoff = 2 * kCutoff * std::min(1.0, static_cast<double>(rate_hz) / signal.rate_hz);
  const auto half = static_cast<int>(std::ceil(kZeroCrossings / cutoff));
  // Whole lanes, the rest of them zero.
  const size_t taps = (static_cast<size_t>(2 * half) + kLanes - 1) / kLanes * kLanes;
  std::vector<float> filters(static_cast<size_t>(phases) * taps);
  for (int64_t phase = 0; phase < phases; ++phase) {
    const double fraction = static_cast<double>(phase) / static_cast<double>(phases);
    for (size_t i = 0; i < static_cast<size_t>(2 * half); ++i) {
      const double x = static_cast<double>(static_cast<int>(i) - half + 1) - fraction;
      filters[static_cast<size_t>(phase) * taps + i] = static_cast<float>(cutoff * Sinc(cutoff * x) * Window(x / half));
    }
  }
  Signal out{rate_hz, {}};
  // Silence around, so that every sample has all its taps.
  std::vector<float> padded(signal.samples.size() + 2 * taps, 0.0f);
  std::ranges::copy(signal.samples, padded.begin() + static_cast<ptrdiff_t>(taps));
  out.samples.resize(signal.samples.size() * static_cast<size_t>(phases) / static_cast<size_t>(step));
  for (size_t n = 0; n < out.samples.size(); ++n) {
    const int64_t at = static_cast<int64_t>(n) * step;
    const int64_t first = at / phases - half + 1 + static_cast<int64_t>(taps);
    out.samples[n] = Dot(&filters[static_cast<size_t>(at % phases) * taps], &padded[static_cast<size_t>(first)], taps);
  }
  return out;
}

std::vector<float> Slice(const Signal& signal, ptrdiff_t from, size_t count) {
  std::vector<float> out(count, 0.0f);
  const auto size = static_cast<ptrdiff_t>(signal.samples.size());
  const ptrdiff_t begin = std::clamp<ptrdiff_t>(from, 0, size);
  const ptrdiff_t end = std::clamp<ptrdiff_t>(from + static_cast<ptrdiff_t>(count), 0, size);
  if (begin < end) {
    std::copy(signal.samples.begin() + begin, signal.samples.begin() + end, out.begin() + (begin - from));
  }
  return out;
}

}  // namespace byon::quality
