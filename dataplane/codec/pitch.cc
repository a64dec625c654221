#include "dataplane/codec/pitch.h"

#include <cmath>

namespace byon::codec {
namespace {

int64_t Product(const int16_t* a, const int16_t* b, size_t count, size_t step) {
  int64_t sum = 0;
  for (size_t i = 0; i < count; i += step) sum += int32_t{a[i]} * b[i];
  return sum;
}

double Normalised(int64_t cross, int64_t energy_a, int64_t energy_b) {
  if (energy_a == 0 && energy_b == 0) return 1;
  if (energy_a == 0 || energy_b == 0) return 0;
  return static_cast<double>(cross) / std::sqrt(static_cast<double>(energy_a) * static_cast<double>(energy_b));
}

PitchMatch Search(std::span<const int16_t> signal, size_t window, size_t min_lag, size_t max_lag, size_t step) {
  const int16_t* start = signal.data();
  const int64_t energy = Product(start, start, window, step);
  PitchMatch best{min_lag, -1};
  for (size_t lag = min_lag; lag <= max_lag; lag += step) {
    const int16_t* shifted = start + lag;
    const double correlation =
        Normalised(Product(start, shifted, window, step), energy, Product(shifted, shifted, window, step));
    if (correlation > best.correlation) best = {lag, correlation};
  }
  return best;
}

}  // namespace

PitchMatch FindPitch(std::span<const int16_t> signal, size_t window, size_t min_lag, size_t max_lag) {
  // Every other sample finds the neighbourhood at a quarter of the cost; all of them find the lag.
  const PitchMatch coarse = Search(signal, window, min_lag, max_lag, 2);
  const size_t from = coarse.lag > min_lag + 2 ? coarse.lag - 2 : min_lag;
  const size_t to = coarse.lag + 2 < max_lag ? coarse.lag + 2 : max_lag;
  return Search(signal, window, from, to, 1);
}

}  // namespace byon::codec
