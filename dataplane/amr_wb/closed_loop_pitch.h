#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// The adaptive codebook: pitch lag in quarters of a sample around the open-loop lag, and the
// excitation it predicts (TS 26.190 section 5.7).

constexpr int kLagSpan = 16;   // lags a search covers
constexpr int kLagMargin = 4;  // more on each side, for the interpolation
constexpr int kCorrelations = kLagSpan + 2 * kLagMargin;
constexpr int kQuarterLags = 128;  // lags below have quarters, in modes above 8.85 kbit/s
constexpr int kHalfLags9 = 160;    // lags below have halves, in modes above 8.85 kbit/s
constexpr int kHalfLags8 = 92;     // the same in the two lowest modes

// Coefficients by fraction 0..3 of the sample position, as pairs of taps.
struct InterpolationPairs {
  int32_t short_taps[4][4];
  int32_t long_taps[4][16];
};
constexpr InterpolationPairs MakeInterpolationPairs() {
  constexpr int32_t kShort[4][8] = {{-12, 420, -1732, 5429, 13418, -1242, 73, 32},
                                    {-26, 455, -2142, 9910, 9910, -2142, 455, -26},
                                    {32, 73, -1242, 13418, 5429, -1732, 420, -12},
                                    {206, -766, 1376, 14746, 1376, -766, 206, 0}};
  constexpr int32_t kLong[4][32] = {
      {0,     -2,    4,   -2,   -10, 38,  -88,  165, -275, 424, -619, 871, -1207, 1699, -2598, 5531,
       14031, -2147, 780, -249, -16, 153, -213, 226, -209, 175, -133, 91,  -55,   28,   -10,   2},
      {1,     -7,    19,   -33,   47,  -52,  43,  -9,  -60, 175, -355, 626, -1044, 1749, -3267, 10359,
       10359, -3267, 1749, -1044, 626, -355, 175, -60, -9,  43,  -52,  47,  -33,   19,   -7,    1},
      {2,    -10,   28,   -55,   91,  -133, 175, -209, 226, -213, 153, -16, -249, 780, -2147, 14031,
       5531, -2598, 1699, -1207, 871, -619, 424, -275, 165, -88,  38,  -10, -2,   4,   -2,    0},
      {1,   -7,   22,  -49,  92,  -153, 231, -325, 431, -544, 656, -762, 853, -923, 968, 15401,
       968, -923, 853, -762, 656, -544, 431, -325, 231, -153, 92,  -49,  22,  -7,   1,   0}};
  InterpolationPairs pairs{};
  for (int f = 0; f < 4; ++f) {
    for (int k = 0; k < 4; ++k) {
      pairs.short_taps[f][k] = PairOf(kShort[f][2 * k], kShort[f][2 * k + 1]);
    }
    for (int k = 0; k < 16; ++k) {
      pairs.long_taps[f][k] = PairOf(kLong[f][2 * k], kLong[f][2 * k + 1]);
    }
  }
  return pairs;
}
inline constexpr InterpolationPairs kInterpolation = MakeInterpolationPairs();

// Sample `place` of a history stored lane by lane, where each lane has its own place.
template <class V>
inline V SampleAt(const V* samples, V place) {
  return V::Gather(reinterpret_cast<const int32_t*>(samples), place * V(V::kLanes) + V::LaneNumbers());
}

// Normalized correlation of the target with the filtered past, for kCorrelations lags from `first`.
template <class V>
inline void CorrelateLags(const V* excitation, const V* target, const V* h, const V* h_pairs, V first,
                          V (&correlation)[kCorrelations]) {
  V past[kSubframe + 1], past_pairs[kSubframe], filtered[kSubframe];
  for (int i = 0; i < kSubframe; ++i) past[i] = SampleAt(excitation, V(i) - first);
  past[kSubframe] = V(0);
  PairWithNext(past, kSubframe, past_pairs);
  Convolve(past_pairs, h_pairs, filtered);

  const V energy = (DotProduct(target, target, kSubframe) << 1) + V(1);
  const V scale = V(0) - ((V(32) - Norm32(energy)) >> 1);
  for (int c = 0; c < kCorrelations; ++c) {
    V product(0), square(0);
    if (c == 0) {
      for (int i = 0; i < kSubframe; ++i) {
        product = product + Multiply16(target[i], filtered[i]);
        square = square + Multiply16(filtered[i], filtered[i]);
      }
    } else {
      // One sample more of the past enters at the front.
      const V entering = SampleAt(excitation, V(0) - first - V(c)) & V(0xffff);
      for (int i = kSubframe - 1; i >= 0; --i) {
        V sample = MultiplyAddPairs(h[i], entering) >> 15;
        if (i > 0) sample = sample + filtered[i - 1];
        sample = filtered[i] = Wrap16(sample);
        const V low = sample & V(0xffff);
        product = product + MultiplyAddPairs(target[i], low);
        square = square + MultiplyAddPairs(sample, low);
      }
    }
    product = (product << 1) + V(1);
    square = (square << 1) + V(1);
    const V product_norm = Norm32(product), square_norm = Norm32(square);
    const Scaled<V> root = InverseSquareRoot(square << square_norm, V(30) - square_norm);
    const V value = Multiply16(HighOf(product << product_norm), HighOf(root.mantissa)) << 1;
    const V shift = V(30) - product_norm + root.exponent + scale;
    correlation[c] =
        RoundHigh(Select(shift < V(0), ShiftRightModulo(value, V(0) - shift), ShiftLeftModulo(value, shift)));
  }
}

template <class V>
struct PitchLag {
  V lag;
  V fraction;  // in quarters
};

// The best lag from `first`, kLagSpan of them. `is_absolute`: a lag coded by itself, whose longer
// values have less resolution; `is_low_mode`: 6.60 and 8.85 kbit/s.
template <class V>
inline PitchLag<V> SearchLag(const V* excitation, const V* target, const V* h, const V* h_pairs, V first,
                             typename V::Mask is_absolute, typename V::Mask is_low_mode) {
  V correlation[kCorrelations];
  CorrelateLags(excitation, target, h, h_pairs, first - V(kLagMargin), correlation);
  V best = correlation[kLagMargin], place(kLagMargin);
  for (int c = kLagMargin + 1; c < kLagMargin + kLagSpan; ++c) {
    const auto is_better = correlation[c] >= best;
    best = Select(is_better, correlation[c], best);
    place = Select(is_better, V(c), place);
  }
  V lag = first + place - V(kLagMargin);
  const V half_limit = Select(is_low_mode, V(kHalfLags8), V(kHalfLags9));
  const auto is_whole = is_absolute & (lag >= half_limit);
  const auto is_half = is_low_mode | (is_absolute & (lag >= V(kQuarterLags)));
  const V start = Select(place == V(kLagMargin), V(0), Select(is_half, V(-2), V(-3)));

  V around[9];
  for (int i = 0; i < 9; ++i) around[i] = SampleAt(correlation, place + V(i - kLagMargin));
  V pairs[8];
  PairWithNext(around, 8, pairs);
  V fraction = start, maximum(0);
  for (int f = -3; f <= 3; ++f) {
    const V* x = f < 0 ? pairs : pairs + 1;
    const int32_t* taps = kInterpolation.short_taps[3 - (f < 0 ? f + 4 : f)];
    V sum(0);
    for (int k = 0; k < 4; ++k) sum = sum + MultiplyAddPairs(x[2 * k], V(taps[k]));
    const V value = ShiftLeftRoundHigh<2>(sum);
    auto may_be = V(f) >= start;
    if (f % 2 != 0) may_be = may_be & ~is_half;
    const auto is_better = may_be & ((start == V(f)) | (value > maximum));
    maximum = Select(is_better, value, maximum);
    fraction = Select(is_better, V(f), fraction);
  }
  const auto is_before = fraction < V(0);
  const V whole_lag = lag;
  lag = Select(is_before, lag - V(1), lag);
  fraction = Select(is_before, fraction + V(4), fraction);
  return {Select(is_whole, whole_lag, lag), Select(is_whole, V(0), fraction)};
}

// Writes 65 samples of the past at the lag over excitation[0..64].
template <class V>
inline void PredictExcitation(V* excitation, PitchLag<V> pitch) {
  const auto is_whole = pitch.fraction == V(0);
  const V start = V(0) - pitch.lag - Select(is_whole, V(15), V(16));
  const V phase = Select(is_whole, V(3), pitch.fraction - V(1));
  V taps[16];
  for (int k = 0; k < 16; ++k) {
    taps[k] = V::Gather(&kInterpolation.long_taps[0][0] + k, phase << 4);
  }
  V pairs[kSubframe + 32];
  V last = SampleAt(excitation, start);
  for (int n = 0; n < 31; ++n) {
    const V next = SampleAt(excitation, start + V(n + 1));
    pairs[n] = Pair(last, next);
    last = next;
  }
  for (int j = 0; j <= kSubframe; ++j) {
    V sum = MultiplyAddPairs(pairs[j], taps[0]);
    for (int k = 1; k < 16; ++k) sum = sum + MultiplyAddPairs(pairs[j + 2 * k], taps[k]);
    excitation[j] = ShiftLeftRoundHigh<2>(sum);
    if (j == kSubframe) break;
    const V next = SampleAt(excitation, start + V(j + 32));
    pairs[j + 31] = Pair(last, next);
    last = next;
  }
}

}  // namespace byon::amr_wb
