#include "dataplane/codec/resampler.h"

#include <algorithm>
#include <cmath>

#include "dataplane/base/check.h"

namespace byon::codec {
namespace {

double BesselI0(double x) {
  double sum = 1;
  double term = 1;
  for (int k = 1; k < 40; ++k) {
    term *= (x / (2 * k)) * (x / (2 * k));
    sum += term;
  }
  return sum;
}

// Kaiser-windowed sinc at the high rate, cut off at 0.95 of the low rate's half (3.8 of 4 kHz).
template <size_t kRatio>
std::array<float, Resampler::kTapsPerLowSample * kRatio> DesignFilter() {
  constexpr size_t kTaps = Resampler::kTapsPerLowSample * kRatio;
  constexpr double kBeta = 6.8;  // 70 dB of stop band
  constexpr double kPi = 3.14159265358979;
  const double cutoff = 0.95 / static_cast<double>(kRatio);
  const double middle = (static_cast<double>(kTaps) - 1) / 2;
  std::array<double, kTaps> taps{};
  double sum = 0;
  for (size_t i = 0; i < kTaps; ++i) {
    const double x = static_cast<double>(i) - middle;
    const double sinc = std::abs(x) < 1e-9 ? cutoff : std::sin(kPi * cutoff * x) / (kPi * x);
    const double position = x / (middle + 0.5);
    taps[i] = sinc * BesselI0(kBeta * std::sqrt(1 - position * position)) / BesselI0(kBeta);
    sum += taps[i];
  }
  std::array<float, kTaps> filter{};
  for (size_t i = 0; i < kTaps; ++i) filter[i] = static_cast<float>(taps[i] / sum);
  return filter;
}

const float* FilterFor(size_t ratio) {
  static const auto by_2 = DesignFilter<2>();
  static const auto by_3 = DesignFilter<3>();
  static const auto by_6 = DesignFilter<6>();
  return ratio == 2 ? by_2.data() : ratio == 3 ? by_3.data() : by_6.data();
}

int16_t ToSample(float value) { return static_cast<int16_t>(std::lrint(std::clamp(value, -32768.0f, 32767.0f))); }

}  // namespace

Resampler::Resampler(int input_rate_hz, int output_rate_hz)
    : input_rate_hz_(input_rate_hz), output_rate_hz_(output_rate_hz) {
  if (input_rate_hz == output_rate_hz) return;
  const int high = std::max(input_rate_hz, output_rate_hz);
  const int low = std::min(input_rate_hz, output_rate_hz);
  ratio_ = static_cast<size_t>(high / low);
  BYON_CHECK(high % low == 0 && (ratio_ == 2 || ratio_ == 3 || ratio_ == 6), "rates are 8, 16 or 48 kHz");
  taps_ = kTapsPerLowSample * ratio_;
  filter_ = FilterFor(ratio_);
  history_samples_ = input_rate_hz == high ? taps_ - 1 : kTapsPerLowSample - 1;
}

void Resampler::Reset() { history_.fill(0); }

size_t Resampler::Process(std::span<const int16_t> input, std::span<int16_t> output) {
  if (ratio_ == 1) {
    std::copy(input.begin(), input.end(), output.begin());
    return input.size();
  }
  const size_t step = static_cast<size_t>(input_rate_hz_) / 1000 * kMaxStepMs;
  size_t written = 0;
  for (size_t at = 0; at < input.size(); at += step) {
    written += ProcessStep(input.subspan(at, std::min(step, input.size() - at)), output.subspan(written));
  }
  return written;
}

size_t Resampler::ProcessStep(std::span<const int16_t> input, std::span<int16_t> output) {
  std::array<float, kMaxTaps + kMaxStep> line;
  std::copy_n(history_.begin(), history_samples_, line.begin());
  std::copy(input.begin(), input.end(), line.begin() + static_cast<ptrdiff_t>(history_samples_));
  Remember(input);
  return input_rate_hz_ < output_rate_hz_ ? Upsample(line.data(), input.size(), output)
                                          : Downsample(line.data(), input.size(), output);
}

void Resampler::Remember(std::span<const int16_t> input) {
  const auto history = std::span(history_).first(history_samples_);
  const size_t taken = std::min(input.size(), history.size());
  std::copy(history.begin() + static_cast<ptrdiff_t>(taken), history.end(), history.begin());
  std::ranges::copy(input.last(taken), history.end() - static_cast<ptrdiff_t>(taken));
}

// Output sample i * ratio + phase is the sum of every ratio-th tap, from `phase`, over the newest inputs.
size_t Resampler::Upsample(const float* line, size_t input_samples, std::span<int16_t> output) const {
  const auto gain = static_cast<float>(ratio_);
  size_t written = 0;
  for (size_t i = 0; i < input_samples; ++i) {
    const float* newest = line + history_samples_ + i;
    for (size_t phase = 0; phase < ratio_; ++phase) {
      float sum = 0;
      for (size_t k = 0; k < kTapsPerLowSample; ++k) {
        sum += filter_[k * ratio_ + phase] * *(newest - k);
      }
      output[written++] = ToSample(gain * sum);
    }
  }
  return written;
}

size_t Resampler::Downsample(const float* line, size_t input_samples, std::span<int16_t> output) const {
  size_t written = 0;
  for (size_t i = ratio_ - 1; i < input_samples; i += ratio_) {
    const float* oldest = line + history_samples_ + i + 1 - taps_;
    float sum = 0;
    for (size_t k = 0; k < taps_; ++k) sum += filter_[k] * oldest[k];  // the filter is symmetric
    output[written++] = ToSample(sum);
  }
  return written;
}

}  // namespace byon::codec
