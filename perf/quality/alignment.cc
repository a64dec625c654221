#include "perf/quality/alignment.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>

#include "perf/quality/spectrum.h"

namespace byon::quality {
namespace {

constexpr int kRateHz = 8000;
constexpr double kPieceSeconds = 0.2;
constexpr double kCutSearchSeconds = 0.05;  // either side of where a piece would end
constexpr double kContextSeconds = 0.06;    // of the neighbours, to be surer of short pieces
constexpr double kSpeechRangeDb = 35;
constexpr double kLeastCorrelation = 0.35;
constexpr double kLeastRelativeEnergy = 1e-3;
constexpr size_t kPeaksPerPiece = 6;
constexpr size_t kSamePlace = 2;  // samples
// What a change of the delay must gain in correlation.
constexpr double kLeastChangeCost = 0.03;
constexpr double kCostPerSecond = 0.5;
constexpr double kMostChangeCost = 0.6;
constexpr double kUnexpectedChangeCost = 1;
constexpr double kFadeSeconds = 0.004;

ptrdiff_t Place(double seconds) { return static_cast<ptrdiff_t>(std::lround(seconds * kRateHz)); }

double Energy(const Signal& signal, double start_s, double length_s) {
  const auto from = static_cast<ptrdiff_t>(std::lround(start_s * signal.rate_hz));
  const auto count = static_cast<size_t>(std::lround(length_s * signal.rate_hz));
  double energy = 0;
  for (const float sample : Slice(signal, from, count)) energy += double{sample} * sample;
  return energy;
}

std::vector<AlignedPiece> Cut(const Signal& reference) {
  std::vector<AlignedPiece> pieces;
  const double end_s = reference.seconds();
  double start_s = 0;
  while (end_s - start_s > kPieceSeconds * 1.5) {
    double best_s = start_s + kPieceSeconds, least = INFINITY;
    for (double t = -kCutSearchSeconds; t <= kCutSearchSeconds; t += 0.01) {
      const double at_s = start_s + kPieceSeconds + t;
      const double energy = Energy(reference, at_s - 0.01, 0.02);
      if (energy < least) least = energy, best_s = at_s;
    }
    pieces.push_back({.start_s = start_s, .length_s = best_s - start_s});
    start_s = best_s;
  }
  pieces.push_back({.start_s = start_s, .length_s = end_s - start_s});
  return pieces;
}

const Spectrum& SpectrumOf(size_t length) {
  thread_local std::map<size_t, Spectrum> spectra;
  return spectra.try_emplace(length, length).first->second;
}

// Normalised cross-correlation of `wanted` at every place in `region`.
std::vector<double> Correlate(const std::vector<float>& wanted, const std::vector<float>& region) {
  const size_t places = region.size() - wanted.size() + 1;
  const Spectrum& spectrum = SpectrumOf(std::bit_ceil(region.size()));
  const auto x = spectrum.Forward(wanted);
  auto y = spectrum.Forward(region);
  for (size_t k = 0; k < y.size(); ++k) y[k] *= std::conj(x[k]);
  const auto products = spectrum.Inverse(y);
  double wanted_energy = 0;
  for (const float sample : wanted) wanted_energy += double{sample} * sample;
  std::vector<double> sums(region.size() + 1);
  for (size_t i = 0; i < region.size(); ++i) {
    sums[i + 1] = sums[i] + double{region[i]} * region[i];
  }
  std::vector<double> correlation(places);
  for (size_t i = 0; i < places; ++i) {
    const double energy = sums[i + wanted.size()] - sums[i];
    // Silence resembles nothing; only rounding would say otherwise.
    if (energy > kLeastRelativeEnergy * wanted_energy) {
      correlation[i] = products[i] / std::sqrt(wanted_energy * energy);
    }
  }
  return correlation;
}

// Where a piece may have been found: the correlation at each delay from the range's least on, in
// steps of one sample. Empty for silence.
using Correlation = std::vector<double>;

Correlation Find(const AlignedPiece& piece, const Signal& reference, const Signal& output, double offset_s,
                 const DelayRange& range) {
  const auto count = static_cast<size_t>(Place(piece.length_s + 2 * kContextSeconds));
  const auto places = static_cast<size_t>(Place(range.most_s - range.least_s));
  const auto wanted = Slice(reference, Place(piece.start_s - kContextSeconds), count);
  const auto region = Slice(output, Place(offset_s + piece.start_s - kContextSeconds + range.least_s), count + places);
  return Correlate(wanted, region);
}

// The best few places of each piece, in order and without neighbours of one another.
std::vector<size_t> Candidates(const std::vector<Correlation>& correlations) {
  std::vector<size_t> candidates;
  for (const Correlation& correlation : correlations) {
    std::vector<size_t> peaks;
    for (size_t i = 1; i + 1 < correlation.size(); ++i) {
      const bool is_peak = correlation[i] >= correlation[i - 1] && correlation[i] > correlation[i + 1];
      if (is_peak && correlation[i] >= kLeastCorrelation) peaks.push_back(i);
    }
    const size_t count = std::min(peaks.size(), kPeaksPerPiece);
    std::ranges::partial_sort(peaks, peaks.begin() + static_cast<ptrdiff_t>(count), std::greater(),
                              [&](size_t i) { return correlation[i]; });
    candidates.insert(candidates.end(), peaks.begin(), peaks.begin() + static_cast<ptrdiff_t>(count));
  }
  std::ranges::sort(candidates);
  const auto repeated = std::ranges::unique(candidates, [](size_t a, size_t b) { return b - a <= kSamePlace; });
  candidates.erase(repeated.begin(), repeated.end());
  return candidates;
}

// How well a piece fits at a candidate, give or take what was merged into it.
double Fit(const Correlation& correlation, size_t place) {
  const size_t from = place < kSamePlace ? 0 : place - kSamePlace;
  const size_t to = std::min(correlation.size() - 1, place + kSamePlace);
  return *std::max_element(correlation.begin() + static_cast<ptrdiff_t>(from),
                           correlation.begin() + static_cast<ptrdiff_t>(to) + 1);
}

double ChangeCost(size_t from, size_t to, bool is_expected) {
  if (from == to) return 0;
  if (!is_expected) return kUnexpectedChangeCost;
  const double change_s = std::abs(static_cast<double>(to) - static_cast<double>(from)) / kRateHz;
  return std::min(kMostChangeCost, kLeastChangeCost + kCostPerSecond * change_s);
}

// The pieces as the search for the best sequence sees them.
struct Lattice {
  std::vector<Correlation> correlations;  // one a piece
  std::vector<double> weights;
  std::vector<size_t> candidates;  // places that all pieces may have
  // [piece][candidate]: how many jumps of the output lie before the piece's middle, heard from
  // there.
  std::vector<std::vector<size_t>> jumps_before;
};

// The sequence of candidates, one a piece, with the best weighted sum of fits less the cost of
// changes.
std::vector<size_t> BestSequence(const Lattice& lattice) {
  const auto& candidates = lattice.candidates;
  const size_t states = candidates.size();
  std::vector<double> score(states, 0.0);
  std::vector<std::vector<size_t>> came_from;
  for (size_t i = 0; i < lattice.correlations.size(); ++i) {
    const Correlation& correlation = lattice.correlations[i];
    std::vector<double> next(states, -INFINITY);
    auto& from = came_from.emplace_back(states);
    for (size_t s = 0; s < states; ++s) {
      for (size_t before = 0; before < states; ++before) {
        const bool is_expected = i > 0 && lattice.jumps_before[i][s] > lattice.jumps_before[i - 1][before];
        const double cost = i == 0 ? 0 : ChangeCost(candidates[before], candidates[s], is_expected);
        if (score[before] - cost > next[s]) next[s] = score[before] - cost, from[s] = before;
      }
      if (!correlation.empty()) {
        next[s] += lattice.weights[i] * Fit(correlation, candidates[s]);
      }
    }
    score = std::move(next);
  }
  std::vector<size_t> sequence(lattice.correlations.size());
  auto state = static_cast<size_t>(std::ranges::max_element(score) - score.begin());
  for (size_t i = sequence.size(); i-- > 0;) {
    sequence[i] = candidates[state];
    state = came_from[i][state];
  }
  return sequence;
}

// Pieces in a row with one delay agree on it to the sample.
void Refine(std::vector<size_t>& places, const std::vector<Correlation>& correlations) {
  for (size_t begin = 0; begin < places.size();) {
    size_t end = begin;
    while (end < places.size() && places[end] == places[begin]) ++end;
    size_t best = places[begin];
    double most = -INFINITY;
    const size_t from = places[begin] < kSamePlace ? 0 : places[begin] - kSamePlace;
    for (size_t place = from; place <= places[begin] + kSamePlace; ++place) {
      double sum = 0;
      for (size_t i = begin; i < end; ++i) {
        if (place < correlations[i].size()) sum += correlations[i][place];
      }
      if (sum > most) most = sum, best = place;
    }
    std::fill(places.begin() + static_cast<ptrdiff_t>(begin), places.begin() + static_cast<ptrdiff_t>(end), best);
    begin = end;
  }
}

// Squared difference of the reference to what lies at `delay_s` in the output, summed up from the
// start of the stretch: [n] is that of its first n samples.
std::vector<double> Differences(const Signal& reference, const Signal& output, double offset_s, double delay_s,
                                ptrdiff_t from, size_t count) {
  const auto x = Slice(reference, from, count);
  const auto y = Slice(output, from + Place(offset_s + delay_s), count);
  std::vector<double> sums(count + 1);
  for (size_t i = 0; i < count; ++i) {
    sums[i + 1] = sums[i] + std::pow(double{x[i]} - double{y[i]}, 2);
  }
  return sums;
}

// Moves the border of two pieces with different delays to where one fits best before and the other
// after it, at most to the middle of either.
void MoveBorder(AlignedPiece& before, AlignedPiece& after, const Signal& reference, const Signal& output,
                double offset_s) {
  const ptrdiff_t from = Place(before.start_s + before.length_s / 2);
  const ptrdiff_t to = Place(after.start_s + after.length_s / 2);
  if (to <= from) return;
  const auto count = static_cast<size_t>(to - from);
  const auto first = Differences(reference, output, offset_s, before.delay_s, from, count);
  const auto second = Differences(reference, output, offset_s, after.delay_s, from, count);
  size_t best = 0;
  double least = INFINITY;
  for (size_t i = 0; i <= count; ++i) {
    const double difference = first[i] + second[count] - second[i];
    if (difference < least) least = difference, best = i;
  }
  const double border_s = static_cast<double>(from + static_cast<ptrdiff_t>(best)) / kRateHz;
  const double end_s = after.start_s + after.length_s;
  before.length_s = border_s - before.start_s;
  after.start_s = border_s;
  after.length_s = end_s - border_s;
}

}  // namespace

SearchedOutput::SearchedOutput(Signal audio) : audio_(std::move(audio)), low_(Resample(audio_, kRateHz)) {}

std::vector<AlignedPiece> Align(const Signal& reference, const SearchedOutput& output, double offset_s,
                                const DelayRange& range, const std::vector<double>& jumps_s) {
  const Signal low_reference = Resample(reference, kRateHz);
  std::vector<AlignedPiece> pieces = Cut(low_reference);
  std::vector<double> levels;
  for (const AlignedPiece& piece : pieces) {
    levels.push_back(Energy(low_reference, piece.start_s, piece.length_s) / piece.length_s);
  }
  const double least_level = *std::ranges::max_element(levels) * std::pow(10, -kSpeechRangeDb / 10);
  double mean_level = 0;
  for (const double level : levels) mean_level += level / static_cast<double>(levels.size());
  Lattice lattice;
  lattice.correlations.resize(pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    lattice.weights.push_back(std::min(1.0, std::sqrt(levels[i] / mean_level)));
    if (levels[i] < least_level) continue;
    lattice.correlations[i] = Find(pieces[i], low_reference, output.low(), offset_s, range);
  }
  const auto& correlations = lattice.correlations;
  lattice.candidates = Candidates(correlations);
  if (lattice.candidates.empty()) return pieces;
  for (const AlignedPiece& piece : pieces) {
    auto& counts = lattice.jumps_before.emplace_back();
    for (const size_t place : lattice.candidates) {
      const double heard_s =
          offset_s + piece.start_s + piece.length_s / 2 + range.least_s + static_cast<double>(place) / kRateHz;
      counts.push_back(static_cast<size_t>(std::ranges::upper_bound(jumps_s, heard_s) - jumps_s.begin()));
    }
  }
  std::vector<size_t> places = BestSequence(lattice);
  Refine(places, correlations);
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].delay_s = range.least_s + static_cast<double>(places[i]) / kRateHz;
    pieces[i].is_found = !correlations[i].empty() && Fit(correlations[i], places[i]) >= kLeastCorrelation;
  }
  for (size_t i = 1; i < pieces.size(); ++i) {
    if (pieces[i].delay_s == pieces[i - 1].delay_s) continue;
    MoveBorder(pieces[i - 1], pieces[i], low_reference, output.low(), offset_s);
  }
  return pieces;
}

Signal TakeAligned(const Signal& output, const std::vector<AlignedPiece>& pieces, double offset_s) {
  Signal taken{output.rate_hz, {}};
  const auto at = [&](double seconds) { return static_cast<ptrdiff_t>(std::lround(seconds * output.rate_hz)); };
  const ptrdiff_t fade = at(kFadeSeconds);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const AlignedPiece& piece = pieces[i];
    const ptrdiff_t start = at(piece.start_s);
    const ptrdiff_t end = at(piece.start_s + piece.length_s);
    const auto part = Slice(output, at(offset_s + piece.delay_s) + start, static_cast<size_t>(end - start));
    taken.samples.insert(taken.samples.end(), part.begin(), part.end());
    if (i == 0 || piece.delay_s == pieces[i - 1].delay_s) continue;
    // The first samples fade over from where the piece before would have gone on.
    const auto before =
        Slice(output, at(offset_s + pieces[i - 1].delay_s) + start, static_cast<size_t>(std::min(fade, end - start)));
    for (size_t n = 0; n < before.size(); ++n) {
      const float weight = static_cast<float>(n + 1) / static_cast<float>(before.size() + 1);
      float& sample = taken.samples[static_cast<size_t>(start) + n];
      sample = weight * sample + (1 - weight) * before[n];
    }
  }
  return taken;
}

}  // namespace byon::quality
