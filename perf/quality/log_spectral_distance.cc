#include "perf/quality/log_spectral_distance.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "dataplane/base/check.h"
#include "perf/quality/spectrum.h"

namespace byon::quality {
namespace {

constexpr double kDynamicRangeDb = 40;
constexpr double kFloorDb = 50;

// Power of every bin of every frame, [frame][bin].
std::vector<std::vector<double>> Powers(std::span<const float> samples, const Spectrum& spectrum, size_t hop) {
  const size_t length = spectrum.length();
  std::vector<std::vector<double>> powers;
  std::vector<float> frame(length), window(length);
  for (size_t i = 0; i < length; ++i) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(length);
    window[i] = static_cast<float>(0.5 - 0.5 * std::cos(phase));
  }
  for (size_t at = 0; at + length <= samples.size(); at += hop) {
    for (size_t i = 0; i < length; ++i) frame[i] = samples[at + i] * window[i];
    const auto bins = spectrum.Forward(frame);
    auto& power = powers.emplace_back(bins.size());
    std::ranges::transform(bins, power.begin(), [](const auto& bin) { return std::norm(bin); });
  }
  return powers;
}

}  // namespace

double LogSpectralDistance(const Signal& clean, const Signal& degraded) {
  BYON_CHECK(clean.rate_hz == degraded.rate_hz, "both signals have one rate");
  const auto length = static_cast<size_t>(clean.rate_hz) * 32 / 1000;
  const Spectrum spectrum(length);
  const size_t samples = std::min(clean.samples.size(), degraded.samples.size());
  const auto x = Powers(std::span(clean.samples).first(samples), spectrum, length / 2);
  const auto y = Powers(std::span(degraded.samples).first(samples), spectrum, length / 2);

  const double lowest_hz = clean.rate_hz < 16'000 ? 200 : 100;
  const double highest_hz = clean.rate_hz < 16'000 ? 3400 : 7000;
  const auto bin_of = [&](double hz) {
    return static_cast<size_t>(std::lround(hz * static_cast<double>(length) / clean.rate_hz));
  };
  const size_t first = bin_of(lowest_hz), last = bin_of(highest_hz);
  std::vector<double> energy(x.size());
  for (size_t f = 0; f < x.size(); ++f) {
    for (size_t k = first; k <= last; ++k) energy[f] += x[f][k];
  }
  if (energy.empty()) return 0;
  const double threshold = *std::ranges::max_element(energy) * std::pow(10, -kDynamicRangeDb / 10);
  double active_energy = 0, distance = 0;
  size_t active = 0;
  for (const double e : energy) {
    if (e > threshold) active_energy += e, ++active;
  }
  if (active == 0) return 0;
  const auto band_bins = static_cast<double>(last - first + 1);
  const double floor = active_energy / (static_cast<double>(active) * band_bins) * std::pow(10, -kFloorDb / 10);
  for (size_t f = 0; f < x.size(); ++f) {
    if (energy[f] <= threshold) continue;
    double sum = 0;
    for (size_t k = first; k <= last; ++k) {
      sum += std::pow(10 * std::log10((x[f][k] + floor) / (y[f][k] + floor)), 2);
    }
    distance += std::sqrt(sum / band_bins);
  }
  return distance / static_cast<double>(active);
}

}  // namespace byon::quality
