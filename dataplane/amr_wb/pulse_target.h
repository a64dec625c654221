#pragma once

#include "dataplane/amr_wb/filters.h"
#include "dataplane/amr_wb/rows.h"

namespace byon::amr_wb {

// What both algebraic codebooks begin with (TS 26.190 section 5.8.2).

// Plus and minus 1 in Q15.
constexpr int kPlus = 32767;
constexpr int kMinus = -32768;

// Correlation of the target with the impulse response, scaled so that no sum of pulses overflows.
template <class V>
inline void CorrelateTarget(const V* h, const V* x, V* dn) {
  V h_pairs[kSubframe], x_pairs[kSubframe + 8];
  for (int i = 0; i < kSubframe - 1; ++i) {
    h_pairs[i] = Pair(h[i], h[i + 1]);
    x_pairs[i] = Pair(x[i], x[i + 1]);
  }
  x_pairs[kSubframe - 1] = x[kSubframe - 1] & V(0xffff);
  for (int i = 0; i < 8; ++i) x_pairs[kSubframe + i] = V(0);

  V wide[kSubframe];
  V peak[4] = {V(0), V(0), V(0), V(0)};
  for (int i = 0; i < kSubframe; i += 8) {
    V sum[8];
    for (int r = 0; r < 8; ++r) sum[r] = V(0);
    for (int m = 0; i + m < kSubframe; m += 2) {
      const V pair = h_pairs[m];
      for (int r = 0; r < 8; ++r) sum[r] = sum[r] + MultiplyAddPairs(pair, x_pairs[i + m + r]);
    }
    for (int r = 0; r < 8; ++r) {
      wide[i + r] = (sum[r] << 1) + V(1);
      peak[r % 4] = Max(peak[r % 4], Max(wide[i + r], V(0) - wide[i + r]));
    }
  }
  const V quarter = (peak[0] + peak[1] + peak[2] + peak[3]) >> 2;
  const V total = V(1) + quarter + (quarter >> 1);
  // The peaks of a loud tone add up to more than 31 bits. The reference is undefined there;
  // Debian's library doubles until the two upper bits are 01, sign or no sign.
  const V ones = LeadingZeros(Select(total < V(0), ~total, V(-1)));
  const V shift = ones + LeadingZeros(total << ones) - V(1 + 4);
  for (int i = 0; i < kSubframe; ++i) dn[i] = RoundHigh(SaturatedShift(wide[i], shift));
}

// Signs of the pulses by place, from a mixture of the correlation and the residual's target. Turns
// dn to the signs; `weight` takes the absolute mixture.
template <bool is_rounding_saturated, class V>
inline void ChooseSigns(V* dn, const V* cn, int alpha, V* sign, V* weight) {
  Scaled<V> root = ScaledDotProduct(cn, cn, kSubframe);
  root = InverseSquareRoot(root.mantissa, root.exponent);
  V scaled = SaturatedShift(root.mantissa, root.exponent + V(5));
  const V cn_factor = is_rounding_saturated ? SaturatedRoundHigh(scaled) : RoundHigh(scaled);
  root = ScaledDotProduct(dn, dn, kSubframe);
  root = InverseSquareRoot(root.mantissa, root.exponent);
  scaled = SaturatedShift(root.mantissa, root.exponent + V(8));
  const V dn_factor = (MultiplyAddPairs(RoundHigh(scaled), V(alpha)) + V(0x4000)) >> 15;
  const V factors = Pair(cn_factor, dn_factor);
  for (int i = 0; i < kSubframe; ++i) {
    const V mixture = Wrap16(MultiplyAddPairs(factors, Pair(cn[i], dn[i])) >> 7);
    const auto is_negative = mixture < V(0);
    sign[i] = Select(is_negative, V(kMinus), V(kPlus));
    dn[i] = Select(is_negative, Wrap16(V(0) - dn[i]), dn[i]);
    weight[i] = Select(is_negative, Wrap16(V(0) - mixture), mixture);
  }
}

// The impulse response of every call as a row with 64 zeros before it, and its negative.
template <class V>
struct ResponseRows {
  alignas(64) int16_t positive[V::kLanes][2 * kSubframe];
  alignas(64) int16_t negative[V::kLanes][2 * kSubframe];

  explicit ResponseRows(const V* h) {
    for (int lane = 0; lane < V::kLanes; ++lane) {
      for (int i = 0; i < kSubframe; ++i) positive[lane][i] = negative[lane][i] = 0;
    }
    V pairs[kSubframe / 2], negative_pairs[kSubframe / 2];
    for (int i = 0; i < kSubframe / 2; ++i) {
      pairs[i] = Pair(h[2 * i], h[2 * i + 1]);
      negative_pairs[i] = SubtractPairs(V(0), pairs[i]);
    }
    StoreRows(pairs, 1, kSubframe / 2, reinterpret_cast<int32_t*>(&positive[0][kSubframe]), kSubframe);
    StoreRows(negative_pairs, 1, kSubframe / 2, reinterpret_cast<int32_t*>(&negative[0][kSubframe]), kSubframe);
  }

  // The response to one pulse: 64 samples.
  const int16_t* PulseAt(int lane, int place, bool is_negative) const {
    return (is_negative ? negative[lane] : positive[lane]) + kSubframe - place;
  }
};

// row += a + b, 64 samples.
[[gnu::always_inline]] inline void AddPulses(int16_t* __restrict row, const int16_t* a, const int16_t* b) {
  int16_t sum[kSubframe];
  for (int i = 0; i < kSubframe; ++i) {
    sum[i] =
        static_cast<int16_t>(static_cast<uint16_t>(row[i]) + static_cast<uint16_t>(a[i]) + static_cast<uint16_t>(b[i]));
  }
  for (int i = 0; i < kSubframe; ++i) row[i] = sum[i];
}

// What a codebook search leaves.
template <class V>
struct CodeChoice {
  V code[kSubframe];      // Q9
  V filtered[kSubframe];  // Q9
  uint32_t index[V::kLanes][8];
};

// Rows of 16-bit samples to lanes.
template <class V>
inline void LoadSamples(const int16_t* rows, int row_samples, V* out) {
  V pairs[kSubframe / 2];
  LoadRows(rows, row_samples * 2, kSubframe / 2, pairs, 1);
  for (int i = 0; i < kSubframe / 2; ++i) {
    out[2 * i] = Wrap16(pairs[i]);
    out[2 * i + 1] = pairs[i] >> 16;
  }
}

}  // namespace byon::amr_wb
