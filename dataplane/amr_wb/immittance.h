#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// Predictor coefficients as immittance spectral pairs and frequencies, and back (TS 26.190 sections
// 5.2.3, 5.2.4 and 5.2.7).

constexpr int kHalf = kOrder / 2;
constexpr int kGridPoints = 100;

// The Chebyshev series f[0] T_n + ... + f[n] / 2 at x = cos(w), Q14.
template <int n, class V>
inline V EvaluateSeries(V x, const V* f) {
  V b2 = f[0] << 13;
  V b2_high = HighOf(b2), b2_low = LowOf(b2);
  const V x_only = x & V(0xffff);
  const auto times_x = [x_only](V high, V low) {
    return (MultiplyAddPairs(high, x_only) << 1) + ((MultiplyAddPairs(low, x_only) >> 15) << 1);
  };
  V sum = (times_x(b2_high, b2_low) << 1) + (f[1] << 13);
  V b1_high = HighOf(sum), b1_low = LowOf(sum);
  for (int i = 2; i < n; ++i) {
    sum = ((times_x(b1_high, b1_low) - (b2_high << 15) + (f[i] << 12)) << 1) - (b2_low << 1);
    b2_high = b1_high;
    b2_low = b1_low;
    b1_high = HighOf(sum);
    b1_low = LowOf(sum);
  }
  sum = times_x(b1_high, b1_low) - (b2_high << 16) - (b2_low << 1) + (f[n] << 12);
  return Max(HighOf(SaturatedShiftLeft<6>(sum)), V(-32767));
}

// A(z) to ISPs; keeps `old_isp` where the roots are not all found. The roots of the sum and the
// difference polynomial alternate: all lanes look for the same root of the same polynomial, each
// from its own place on the grid.
template <class V>
inline void FindImmittancePairs(const V* a, const V* old_isp, V* isp) {
  V f1[kHalf + 1], f2[kHalf];
  for (int i = 0; i < kHalf; ++i) {
    f1[i] = RoundHigh((a[i] << 15) + (a[kOrder - i] << 15));
    f2[i] = RoundHigh((a[i] << 15) - (a[kOrder - i] << 15));
  }
  f1[kHalf] = a[kHalf];
  for (int i = 2; i < kHalf; ++i) f2[i] = Wrap16(f2[i] + f2[i - 2]);

  V values[2][kGridPoints + 1];
  for (int j = 0; j <= kGridPoints; ++j) {
    const V x(kCosineGrid[j]);
    values[0][j] = EvaluateSeries<kHalf>(x, f1);
    values[1][j] = EvaluateSeries<kHalf - 1>(x, f2);
  }
  const int32_t* const flat = reinterpret_cast<const int32_t*>(values);
  const auto value_at = [&](int polynomial, V j) {
    return V::Gather(flat, (j + V(polynomial * (kGridPoints + 1))) * V(V::kLanes) + V::LaneNumbers());
  };

  V j(0);
  V x_low(kCosineGrid[0]);
  V y_low = values[0][0];
  auto is_lost = V(0) > V(0);
  for (int root = 0; root < kOrder - 1; ++root) {
    const int polynomial = root & 1;
    V x_high = x_low, y_high = y_low;
    auto is_searching = ~is_lost;
    while (Any(is_searching)) {
      is_lost = is_lost | (is_searching & (j >= V(kGridPoints)));
      is_searching = is_searching & ~is_lost;
      j = Select(is_searching, j + V(1), j);
      x_high = Select(is_searching, x_low, x_high);
      y_high = Select(is_searching, y_low, y_high);
      x_low = Select(is_searching, V::Gather(kCosineGrid, j), x_low);
      y_low = Select(is_searching, value_at(polynomial, j), y_low);
      is_searching = is_searching & (Multiply16(y_low, y_high) > V(0));
    }
    const auto evaluate = [&](V x) {
      return polynomial == 0 ? EvaluateSeries<kHalf>(x, f1) : EvaluateSeries<kHalf - 1>(x, f2);
    };
    for (int halving = 0; halving < 2; ++halving) {
      const V x_middle = (x_low >> 1) + (x_high >> 1);
      const V y_middle = evaluate(x_middle);
      const auto is_below = Multiply16(y_low, y_middle) <= V(0);
      x_high = Select(is_below, x_middle, x_high);
      y_high = Select(is_below, y_middle, y_high);
      x_low = Select(is_below, x_low, x_middle);
      y_low = Select(is_below, y_low, y_middle);
    }
    const V width = Wrap16(x_high - x_low);
    const V rise = Wrap16(y_high - y_low);
    const V size = Abs16(rise);
    const V norm = Norm16(size);
    const V inverse = DivideQ15(V(16383), size << norm);
    V slope = Wrap16(ShiftRightModulo(Multiply16(width, inverse), V(19) - norm));
    slope = Wrap16(Select(rise < V(0), V(0) - slope, slope));
    const V offset = Wrap16(Multiply16(y_low, slope) >> 10);
    const V found = Select(rise == V(0), x_low, Wrap16(x_low - offset));
    isp[root] = found;
    x_low = found;
    y_low = polynomial == 1 ? EvaluateSeries<kHalf>(found, f1) : EvaluateSeries<kHalf - 1>(found, f2);
  }
  isp[kOrder - 1] = Wrap16(a[kOrder] << 3);
  for (int i = 0; i < kOrder; ++i) isp[i] = Select(is_lost, old_isp[i], isp[i]);
}

template <class V>
inline void PairsToFrequencies(const V* isp, V* isf) {
  V highest(127);
  for (int i = kOrder - 1; i >= 0; --i) {
    if (i >= kOrder - 2) highest = V(127);
    // The last place of the falling table that is not below the ISP.
    V place(0);
    for (int step = 64; step > 0; step >>= 1) {
      const V candidate = place + V(step);
      place = Select(V::Gather(kCosine, candidate) >= isp[i], candidate, place);
    }
    highest = Min(highest, place);
    const V offset = Wrap16(isp[i] - V::Gather(kCosine, highest));
    const V part = RoundHigh(Multiply16(offset, V::Gather(kArccosineSlope, highest)) << 5);
    isf[i] = Wrap16(part + (highest << 7));
  }
  isf[kOrder - 1] = isf[kOrder - 1] >> 1;
}

template <class V>
inline void FrequenciesToPairs(const V* isf, V* isp) {
  for (int i = 0; i < kOrder; ++i) {
    const V f = i == kOrder - 1 ? Wrap16(isf[i] << 1) : isf[i];
    const V index = Between(f >> 7, 0, 127);
    const V here = V::Gather(kCosine, index);
    const V slope = V::Gather(kCosine + 1, index) - here;
    isp[i] = Wrap16(here + ((Multiply16(slope, f & V(0x7f)) << 1) >> 8));
  }
}

// The product of the polynomials of every other ISP, from isp[0]; f takes n + 1 values.
template <int n, class V>
inline void ExpandPairs(const V* isp, V* f) {
  f[0] = V(4096 * 1024 * 2);
  f[1] = (V(0) - isp[0]) << 9;
  for (int i = 2; i <= n; ++i) {
    const V value = isp[2 * (i - 1)];
    f[i] = f[i - 2];
    for (int j = i; j > 1; --j) {
      f[j] = f[j] - (MultiplyDouble16(Split(f[j - 1]), value) << 1);
      f[j] = f[j] + f[j - 2];
    }
    f[1] = f[1] - (value << 9);
  }
}

template <class V>
inline void PairsToPredictor(const V* isp, V* a) {
  V f1[kHalf + 1], f2[kHalf];
  ExpandPairs<kHalf>(isp, f1);
  ExpandPairs<kHalf - 1>(isp + 1, f2);
  for (int i = kHalf - 1; i > 1; --i) f2[i] = f2[i] - f2[i - 2];
  const V last = isp[kOrder - 1];
  for (int i = 0; i < kHalf; ++i) {
    f1[i] = f1[i] + MultiplyDouble16(Split(f1[i]), last);
    f2[i] = f2[i] - MultiplyDouble16(Split(f2[i]), last);
  }
  a[0] = V(4096);
  for (int i = 1; i < kHalf; ++i) {
    a[i] = Wrap16((f1[i] + f2[i] + V(0x800)) >> 12);
    a[kOrder - i] = Wrap16((f1[i] - f2[i] + V(0x800)) >> 12);
  }
  const V middle = f1[kHalf] + MultiplyDouble16(Split(f1[kHalf]), last);
  a[kHalf] = Wrap16((middle >> 12) + ((middle >> 11) & V(1)));
  a[kOrder] = (last + V(4)) >> 3;
}

// The predictors of four subframes, between the last frame's ISPs and this one's.
template <class V>
inline void InterpolatePredictors(const V* old_isp, const V* isp, V* a) {
  constexpr int kNewPart[3] = {14746, 26214, 31457};  // 0.45, 0.8, 0.96 in Q15
  for (int k = 0; k < 3; ++k) {
    V between[kOrder];
    for (int i = 0; i < kOrder; ++i) {
      between[i] =
          RoundHigh(MultiplyAddPairs(Pair(old_isp[i], isp[i]), V(PairOf(32768 - kNewPart[k], kNewPart[k]))) << 1);
    }
    PairsToPredictor(between, a + k * kCoefficients);
  }
  PairsToPredictor(isp, a + 3 * kCoefficients);
}

}  // namespace byon::amr_wb
