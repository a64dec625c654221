#include "perf/quality/stoi.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "perf/quality/spectrum.h"

namespace byon::quality {
namespace {

// All numbers are the paper's, section II.
constexpr int kRateHz = 10'000;
constexpr size_t kFrame = 256;
constexpr size_t kHop = kFrame / 2;
constexpr size_t kTransform = 512;
constexpr size_t kBands = 15;
constexpr double kLowestCentreHz = 150;
constexpr size_t kSegmentFrames = 30;  // 384 ms
constexpr double kDynamicRangeDb = 40;
constexpr double kLowestSdrDb = -15;

using Bands = std::array<double, kBands>;

// Hann without its zeros at the ends.
std::array<float, kFrame> FrameWindow() {
  std::array<float, kFrame> window;
  for (size_t i = 0; i < kFrame; ++i) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(i + 1) / (kFrame + 1);
    window[i] = static_cast<float>(0.5 - 0.5 * std::cos(phase));
  }
  return window;
}

size_t FrameCount(size_t samples) { return samples < kFrame ? 0 : (samples - kFrame) / kHop + 1; }

// Leaves out the frames in which `clean` is over 40 dB below its loudest, and joins the rest.
void RemoveSilence(std::vector<float>& clean, std::vector<float>& degraded) {
  const auto window = FrameWindow();
  const size_t frames = FrameCount(clean.size());
  std::vector<double> level_db(frames);
  for (size_t f = 0; f < frames; ++f) {
    double energy = 0;
    for (size_t i = 0; i < kFrame; ++i) {
      energy += std::pow(double{clean[f * kHop + i]} * window[i], 2);
    }
    level_db[f] = 10 * std::log10(energy + 1e-12);
  }
  if (frames == 0) return;
  const double threshold = *std::ranges::max_element(level_db) - kDynamicRangeDb;
  const auto kept =
      static_cast<size_t>(std::ranges::count_if(level_db, [=](double level) { return level > threshold; }));
  const size_t length = kept == 0 ? 0 : (kept - 1) * kHop + kFrame;
  std::vector<float> clean_out(length), degraded_out(length);
  size_t at = 0;
  for (size_t f = 0; f < frames; ++f) {
    if (level_db[f] <= threshold) continue;
    for (size_t i = 0; i < kFrame; ++i) {
      clean_out[at + i] += clean[f * kHop + i] * window[i];
      degraded_out[at + i] += degraded[f * kHop + i] * window[i];
    }
    at += kHop;
  }
  clean = std::move(clean_out);
  degraded = std::move(degraded_out);
}

// The first and one past the last bin of each third-octave band: edges at the nearest bins.
std::array<std::pair<size_t, size_t>, kBands> BandEdges() {
  std::array<std::pair<size_t, size_t>, kBands> edges;
  const auto nearest_bin = [](double hz) { return static_cast<size_t>(std::lround(hz * kTransform / kRateHz)); };
  for (size_t band = 0; band < kBands; ++band) {
    const double centre = kLowestCentreHz * std::exp2(static_cast<double>(band) / 3);
    edges[band] = {nearest_bin(centre * std::exp2(-1.0 / 6)), nearest_bin(centre * std::exp2(1.0 / 6))};
  }
  return edges;
}

std::vector<Bands> BandLevels(const std::vector<float>& samples) {
  static const auto window = FrameWindow();
  static const auto edges = BandEdges();
  thread_local const Spectrum spectrum(kTransform);
  std::vector<Bands> levels(FrameCount(samples.size()));
  std::array<float, kFrame> frame;
  for (size_t f = 0; f < levels.size(); ++f) {
    for (size_t i = 0; i < kFrame; ++i) frame[i] = samples[f * kHop + i] * window[i];
    const auto bins = spectrum.Forward(frame);
    for (size_t band = 0; band < kBands; ++band) {
      double energy = 0;
      for (size_t k = edges[band].first; k < edges[band].second; ++k) energy += std::norm(bins[k]);
      levels[f][band] = std::sqrt(energy);
    }
  }
  return levels;
}

// Correlation of one band over one segment, the degraded scaled to the clean's energy and clipped.
double SegmentCorrelation(std::span<const Bands> clean, std::span<const Bands> degraded, size_t band) {
  double clean_energy = 0, degraded_energy = 0;
  for (size_t i = 0; i < kSegmentFrames; ++i) {
    clean_energy += clean[i][band] * clean[i][band];
    degraded_energy += degraded[i][band] * degraded[i][band];
  }
  const double scale = std::sqrt(clean_energy / (degraded_energy + 1e-12));
  const double most = 1 + std::pow(10, -kLowestSdrDb / 20);
  std::array<double, kSegmentFrames> x, y;
  double mean_x = 0, mean_y = 0;
  for (size_t i = 0; i < kSegmentFrames; ++i) {
    x[i] = clean[i][band];
    y[i] = std::min(degraded[i][band] * scale, x[i] * most);
    mean_x += x[i] / kSegmentFrames;
    mean_y += y[i] / kSegmentFrames;
  }
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < kSegmentFrames; ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xy / (std::sqrt(xx * yy) + 1e-12);
}

}  // namespace

double Stoi(const Signal& clean_signal, const Signal& degraded_signal) {
  std::vector<float> clean = Resample(clean_signal, kRateHz).samples;
  std::vector<float> degraded = Resample(degraded_signal, kRateHz).samples;
  const size_t length = std::min(clean.size(), degraded.size());
  clean.resize(length);
  degraded.resize(length);
  RemoveSilence(clean, degraded);
  const std::vector<Bands> x = BandLevels(clean);
  const std::vector<Bands> y = BandLevels(degraded);
  if (x.size() < kSegmentFrames) return 0;
  double sum = 0;
  const size_t segments = x.size() - kSegmentFrames + 1;
  for (size_t s = 0; s < segments; ++s) {
    for (size_t band = 0; band < kBands; ++band) {
      sum += SegmentCorrelation(std::span(x).subspan(s), std::span(y).subspan(s), band);
    }
  }
  return sum / static_cast<double>(segments * kBands);
}

}  // namespace byon::quality
