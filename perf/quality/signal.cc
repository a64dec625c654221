#include "perf/quality/signal.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace byon::quality {
namespace {

constexpr int kZeroCrossings = 48;
constexpr double kCutoff = 0.45;  // of the lower rate

double Sinc(double x) {
  if (std::abs(x) < 1e-9) return 1;
  return std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

// Blackman over [-1, 1].
double Window(double x) {
  if (std::abs(x) >= 1) return 0;
  return 0.42 + 0.5 * std::cos(std::numbers::pi * x) + 0.08 * std::cos(2 * std::numbers::pi * x);
}

}  // namespace

Signal FromPcm(std::span<const int16_t> pcm, int rate_hz) {
  return {rate_hz, {pcm.begin(), pcm.end()}};
}

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
  const size_t taps = static_cast<size_t>(2 * half);
  std::vector<float> filters(static_cast<size_t>(phases) * taps);
  for (int64_t phase = 0; phase < phases; ++phase) {
    const double fraction = static_cast<double>(phase) / static_cast<double>(phases);
    for (size_t i = 0; i < taps; ++i) {
      const double x = static_cast<double>(static_cast<int>(i) - half + 1) - fraction;
      filters[static_cast<size_t>(phase) * taps + i] =
          static_cast<float>(cutoff * Sinc(cutoff * x) * Window(x / half));
    }
  }
  Signal out{rate_hz, {}};
  const auto size = static_cast<int64_t>(signal.samples.size());
  out.samples.resize(static_cast<size_t>(size * phases / step));
  for (size_t n = 0; n < out.samples.size(); ++n) {
    const int64_t at = static_cast<int64_t>(n) * step;
    const int64_t first = at / phases - half + 1;
    const float* filter = &filters[static_cast<size_t>(at % phases) * taps];
    float sum = 0;
    const int64_t begin = std::max<int64_t>(0, -first);
    const int64_t end = std::min<int64_t>(static_cast<int64_t>(taps), size - first);
    for (int64_t i = begin; i < end; ++i) {
      sum += filter[i] * signal.samples[static_cast<size_t>(first + i)];
    }
    out.samples[n] = sum;
  }
  return out;
}

std::vector<float> Slice(const Signal& signal, ptrdiff_t from, size_t count) {
  std::vector<float> out(count, 0.0f);
  const auto size = static_cast<ptrdiff_t>(signal.samples.size());
  const ptrdiff_t begin = std::clamp<ptrdiff_t>(from, 0, size);
  const ptrdiff_t end = std::clamp<ptrdiff_t>(from + static_cast<ptrdiff_t>(count), 0, size);
  if (begin < end) {
    std::copy(signal.samples.begin() + begin, signal.samples.begin() + end,
              out.begin() + (begin - from));
  }
  return out;
}

}  // namespace byon::quality
