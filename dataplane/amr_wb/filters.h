#pragma once

#include "dataplane/amr_wb/coder_memory.h"
#include "dataplane/amr_wb/fixed_point.h"

namespace byon::amr_wb {

// Filters and sums of products on lanes. Most work on pairs: two neighbouring samples of a call in
// one lane, so that one instruction does two multiplications a call.

[[gnu::always_inline]] constexpr int32_t PairOf(int32_t low, int32_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(high) << 16) | (static_cast<uint32_t>(low) & 0xffffu));
}

// pairs[i] = (x[i], x[i + 1]) for i in [0, n).
template <class V>
inline void PairWithNext(const V* x, int n, V* pairs) {
  for (int i = 0; i < n; ++i) pairs[i] = Pair(x[i], x[i + 1]);
}

// pairs[i] = (x[i], x[i - 1]) for i in [0, n).
template <class V>
inline void PairWithPrevious(const V* x, int n, V* pairs) {
  for (int i = 0; i < n; ++i) pairs[i] = Pair(x[i], x[i - 1]);
}

// The sum of x[i] * y[i] over n (even).
template <class V>
inline V DotProduct(const V* x, const V* y, int n) {
  V sum(0), other(0);
  for (int i = 0; i < n; i += 2) {
    sum = sum + Multiply16(x[i], y[i]);
    other = other + Multiply16(x[i + 1], y[i + 1]);
  }
  return sum + other;
}

// The same, normalized: mantissa in [0.5, 1), exponent in powers of two.
template <class V>
inline Scaled<V> ScaledSum(V sum) {
  const V doubled = (sum << 1) + V(1);
  const V norm = Norm32(doubled);
  return {doubled << norm, V(30) - norm};
}
template <class V>
inline Scaled<V> ScaledDotProduct(const V* x, const V* y, int n) {
  return ScaledSum(DotProduct(x, y, n));
}

// Multiplies by 2^exponent, rounded and saturated.
template <class V>
inline V ScaleSample(V x, V exponent) {
  const V up = Saturate16(x << Max(exponent, V(0)));
  const V right = V(0) - Min(exponent, V(0));
  const V down = RoundHigh((x << 16) >> right);
  return Select(exponent > V(0), up, down);
}
template <class V>
inline void ScaleSignal(V* x, int n, V exponent) {
  for (int i = 0; i < n; ++i) x[i] = ScaleSample(x[i], exponent);
}

// The coefficients of A(z) as pairs: (a0, a1) ... (a14, a15), (a16, 0).
template <class V>
inline void PairCoefficients(const V* a, V* pairs) {
  for (int k = 0; k < 8; ++k) pairs[k] = Pair(a[2 * k], a[2 * k + 1]);
  pairs[8] = Pair(a[16], V(0));
}

// y = A(z) x. `pairs` is PairWithPrevious of x and reaches back to pairs[-16].
template <class V>
inline void Residual(const V* a, const V* pairs, int n, V* y) {
  V c[9];
  PairCoefficients(a, c);
  for (int i = 0; i < n; ++i) {
    V sum = MultiplyAddPairs(c[0], pairs[i]);
    for (int k = 1; k < 9; ++k) sum = sum + MultiplyAddPairs(c[k], pairs[i - 2 * k]);
    y[i] = ShiftLeftRoundHigh<5>(sum);
  }
}

// y = x / A(z). `memory` holds the 16 outputs before; n is at most 80. y may be x.
template <class V>
inline void Synthesis(const V* a, const V* x, int n, const V* memory, V* y) {
  V pairs_buffer[kOrder + kSubframe16k];
  V* pairs = pairs_buffer + kOrder;  // pairs[i] = (y[i], y[i - 1])
  V c[9];
  c[0] = a[1] & V(0xffff);
  for (int k = 1; k < 8; ++k) c[k] = Pair(a[2 * k], a[2 * k + 1]);
  c[8] = a[16] & V(0xffff);
  pairs[-16] = Pair(memory[0], V(0));
  for (int i = 1; i < kOrder; ++i) pairs[i - kOrder] = Pair(memory[i], memory[i - 1]);
  V last = memory[kOrder - 1];
  for (int i = 0; i < n; ++i) {
    V sum = x[i] << 11;
    for (int k = 8; k > 0; --k) sum = sum - MultiplyAddPairs(c[k], pairs[i - 2 * k]);
    sum = sum - MultiplyAddPairs(c[0], last);
    const V sample = ShiftLeftRoundHigh<4>(sum);
    pairs[i] = Pair(sample, last);
    y[i] = last = sample;
  }
}

// Bandwidth expansion A(z / gamma), gamma in Q15.
template <class V>
inline void WeightCoefficients(const V* a, int gamma, V* weighted) {
  weighted[0] = a[0];
  int factor = gamma;
  for (int i = 1; i < kCoefficients; ++i) {
    weighted[i] = RoundHigh(Multiply16(a[i], V(factor)) << 1);
    factor = (factor * gamma * 2 + 0x8000) >> 16;
  }
}

constexpr int kTilt = 22282;        // 0.68 in Q15
constexpr int kPerceptual = 30147;  // 0.92 in Q15

// x / (1 - 0.68 z^-1), halved. Returns the new memory.
template <class V>
inline V Deemphasize(V* x, int n, V memory) {
  for (int i = 0; i < n; ++i) {
    memory = RoundHigh((x[i] << 15) + (MultiplyAddPairs(memory, V(kTilt)) << 1));
    x[i] = memory;
  }
  return memory;
}

// x (1 - mu z^-1), from a silent start.
template <class V>
inline void Preemphasize(V* x, int n, V mu) {
  for (int i = n - 1; i > 0; --i) {
    x[i] = RoundHigh((x[i] << 16) - (Multiply16(x[i - 1], mu) << 1));
  }
  x[0] = RoundHigh(x[0] << 16);
}

// The first 64 samples of x * h, rounded, h in Q15. `h_pairs` is PairWithPrevious of h with seven
// zeros before it; `x_pairs` is PairWithNext of x (only even places are read).
template <class V>
inline void Convolve(const V* x_pairs, const V* h_pairs, V* y) {
  for (int n = 0; n < kSubframe; n += 8) {
    V sum[8];
    for (int r = 0; r < 8; ++r) sum[r] = V(0);
    for (int k = 0; k <= n + 7; k += 2) {
      const V x = x_pairs[k];
      for (int r = 0; r < 8; ++r) sum[r] = sum[r] + MultiplyAddPairs(x, h_pairs[n + r - k]);
    }
    for (int r = 0; r < 8; ++r) y[n + r] = RoundHigh(sum[r] << 1);
  }
}

}  // namespace byon::amr_wb
