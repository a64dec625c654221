#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// From speech to predictor coefficients (TS 26.190 section 5.2.1 and 5.2.2).

constexpr int kWindow = 384;

// Windowed autocorrelation r[0..16] in double precision format, normalized, with lag window.
template <class V>
inline void Autocorrelate(const V* x, Double<V> (&r)[kCoefficients]) {
  V y[kWindow + kOrder + 2];
  V energy(16 << 16);
  for (int i = 0; i < kWindow; ++i) {
    y[i] = (MultiplyAddPairs(x[i], V(kAnalysisWindow[i])) + V(0x4000)) >> 15;
    energy = energy + (Multiply16(y[i], y[i]) >> 7);
  }
  for (int i = kWindow; i < kWindow + kOrder + 2; ++i) y[i] = V(0);
  // Lower the signal where a sum could overflow.
  const V shift = Max(V(4) - (Norm32(energy) >> 1), V(0));
  const V half = (V(1) << shift) >> 1;
  for (int i = 0; i < kWindow; ++i) y[i] = (y[i] + half) >> shift;

  V pairs[kWindow + kOrder];
  PairWithNext(y, kWindow + kOrder, pairs);
  V sums[kCoefficients];
  const auto correlate = [&](int first, int last) {
    for (int i = first; i < last; ++i) sums[i] = V(0);
    for (int n = 0; n < kWindow; n += 2) {
      const V pair = pairs[n];
      for (int i = first; i < last; ++i) {
        sums[i] = sums[i] + MultiplyAddPairs(pair, pairs[n + i]);
      }
    }
  };
  correlate(0, 6);
  correlate(6, 12);
  correlate(12, 17);

  const V total = (sums[0] << 1) + V(1);
  const V norm = Norm32(total);
  r[0] = Split(total << norm);
  for (int i = 1; i < kCoefficients; ++i) {
    const V sum = sums[i] << norm;
    const Double<V> value{Wrap16(sum >> 15), sum & V(0x7fff)};
    r[i] = Split(MultiplyDouble(value, Double<V>{V(kLagWindowHigh[i - 1]), V(kLagWindowLow[i - 1])}));
  }
}

// Levinson-Durbin. `stable` keeps the last stable predictor a[1..16], for a frame without one.
template <class V>
inline void SolvePredictor(const Double<V> (&r)[kCoefficients], V* stable, V* a) {
  Double<V> current[kCoefficients], next[kCoefficients];
  V product = Join(r[1].high, r[1].low);
  V reflection = DivideDouble(Abs32(product), r[0]);
  reflection = Select(product > V(0), V(0) - reflection, reflection);
  Double<V> k = Split(reflection);
  current[1] = Split(reflection >> 4);
  const auto remaining = [](Double<V> of) { return Split(V(kMax32) - Abs32(MultiplyDouble(of, of))); };
  V error = MultiplyDouble(r[0], remaining(k));
  V error_exponent = Norm32(error);
  Double<V> alpha = Split(error << error_exponent);
  auto is_unstable = V(0) > V(0);

  for (int i = 2; i < kCoefficients; ++i) {
    V sum(0);
    for (int j = 1; j < i; ++j) sum = sum + MultiplyDouble(r[j], current[i - j]);
    sum = (sum << 4) + Join(r[i].high, r[i].low);
    reflection = DivideDouble(Abs32(sum), alpha);
    reflection = Select(sum > V(0), V(0) - reflection, reflection);
    reflection = ShiftLeftModulo(reflection, error_exponent);
    k = Split(reflection);
    is_unstable = is_unstable | (Abs16(k.high) > V(32750));
    for (int j = 1; j < i; ++j) {
      next[j] = Split(MultiplyDouble(k, current[i - j]) + Join(current[j].high, current[j].low));
    }
    next[i] = Split(reflection >> 4);
    error = MultiplyDouble(alpha, remaining(k));
    const V norm = Norm32(error);
    alpha = Split(error << norm);
    error_exponent = error_exponent + norm;
    for (int j = 1; j <= i; ++j) current[j] = next[j];
  }
  a[0] = V(4096);
  for (int i = 1; i < kCoefficients; ++i) {
    const V value = RoundHigh(Join(current[i].high, current[i].low) << 1);
    a[i] = stable[i - 1] = Select(is_unstable, stable[i - 1], value);
  }
}

}  // namespace byon::amr_wb
