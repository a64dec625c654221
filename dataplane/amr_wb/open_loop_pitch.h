#pragma once

#include "dataplane/amr_wb/voice_activity.h"

namespace byon::amr_wb {

// The open-loop pitch at 6.4 kHz, once or twice a frame (TS 26.190 section 5.4).

constexpr int kHalfFrame = kFrame / 2;  // samples of a frame at 6.4 kHz
constexpr int kMinHalfLag = kMinLag / 2;

// Third-order high pass at 180 Hz with 32-bit feedback.
template <class V>
inline void HighPass180(const V* in, V* out, int n, V (&m)[9]) {
  const V a12(PairOf(21663, -19258)), a3(5734), b01(PairOf(-3432, 10280)), b23(PairOf(-10280, 3432));
  for (int i = 0; i < n; ++i) {
    const V x3 = m[8], x2 = m[7], x1 = m[6], x0 = in[i];
    V sum = V(16384) + (MultiplyAddPairs(Pair(m[5], m[3]), a12) << 1) + (MultiplyAddPairs(m[1], a3) << 1);
    sum = (sum >> 15) + ((MultiplyAddPairs(Pair(m[4], m[2]), a12) + MultiplyAddPairs(m[0], a3) +
                          MultiplyAddPairs(Pair(x0, x1), b01) + MultiplyAddPairs(Pair(x2, x3), b23))
                         << 1);
    sum = sum << 2;
    m[0] = m[2];
    m[1] = m[3];
    m[2] = m[4];
    m[3] = m[5];
    m[4] = HighOf(sum);
    m[5] = LowOf(sum);
    m[6] = x0;
    m[7] = x1;
    m[8] = x2;
    out[i] = Wrap16((sum + V(0x4000)) >> 15);
  }
}

template <class V>
inline void ScaleHighPass180(V (&m)[9], V exponent) {
  for (int i = 0; i < 6; i += 2) {
    const V value = SaturatedShift(Join(m[i], m[i + 1]), exponent);
    m[i] = HighOf(value);
    m[i + 1] = LowOf(value);
  }
  for (int i = 6; i < 9; ++i) m[i] = RoundHigh(SaturatedShift(m[i] << 16, exponent));
}

// 12.8 kHz to 6.4 kHz, in place: n samples become n / 2.
template <class V>
inline void DecimateByTwo(V* x, int n, V (&memory)[3]) {
  V history[3] = {memory[0], memory[1], memory[2]};
  for (int i = 0; i < 3; ++i) memory[i] = x[n - 3 + i];
  for (int i = 0; i < n; i += 2) {
    const V sum = MultiplyAddPairs(Pair(history[0], history[1]), V(PairOf(4260, 7536))) +
                  MultiplyAddPairs(Pair(history[2], x[i]), V(PairOf(9175, 7536))) + MultiplyAddPairs(x[i + 1], V(4260));
    history[0] = history[2];
    history[1] = x[i];
    history[2] = x[i + 1];
    x[i / 2] = (sum + V(0x4000)) >> 15;
  }
}

// The lag whose correlation, weighted, is the largest: over 64 samples, or 128 where `is_long`.
template <class V>
inline V FindLag(const V* pairs, typename V::Mask is_long, const CoderMemory<V>& m) {
  const bool any_long = Any(is_long);
  const auto is_near_weighted = (m.lag_median > V(0)) & (m.has_lag_weight > V(0));
  const bool any_weighted = Any(is_near_weighted);
  V best(kMin32), lag(0);
  for (int i = kMaxHalfLag; i > kMinHalfLag; --i) {
    const V* past = pairs - i;
    V sum(0), other(0);
    for (int j = 0; j < 64; j += 4) {
      sum = sum + MultiplyAddPairs(pairs[j], past[j]);
      other = other + MultiplyAddPairs(pairs[j + 2], past[j + 2]);
    }
    sum = sum + other;
    if (any_long) {
      V more(0);
      for (int j = 64; j < 128; j += 2) more = more + MultiplyAddPairs(pairs[j], past[j]);
      sum = Select(is_long, sum + more, sum);
    }
    sum = MultiplyDouble16(Split(sum << 1), V(kLagWeight[83 + i]));
    if (any_weighted) {
      const V weight = V::Gather(kLagWeight, Between(V(98 + i) - m.lag_median, 0, 198));
      sum = Select(is_near_weighted, MultiplyDouble16(Split(sum), weight), sum);
    }
    const auto is_better = sum >= best;
    best = Select(is_better, sum, best);
    lag = Select(is_better, V(i), lag);
  }
  return lag;
}

// Correlation of the high-passed signal with itself a lag earlier, normalized, Q15.
template <class V>
inline V LagGain(const V* signal, V lag, typename V::Mask is_long) {
  const int n = Any(is_long) ? 128 : 64;
  const int32_t* const base = reinterpret_cast<const int32_t*>(signal);
  V product(0), past_energy(0), energy(0);
  for (int j = 0; j < n; ++j) {
    const V past = V::Gather(base, (V(j) - lag) * V(V::kLanes) + V::LaneNumbers());
    const V here = signal[j];
    const V e = Multiply16(here, here), p = Multiply16(past, past), c = Multiply16(here, past);
    if (j < 64) {
      energy = energy + e;
      past_energy = past_energy + p;
      product = product + c;
    } else {
      energy = Select(is_long, energy + e, energy);
      past_energy = Select(is_long, past_energy + p, past_energy);
      product = Select(is_long, product + c, product);
    }
  }
  product = product << 1;
  past_energy = (past_energy << 1) + V(1);
  energy = (energy << 1) + V(1);
  const V product_norm = Norm32(product), past_norm = Norm32(past_energy), norm = Norm32(energy);
  V square = Multiply16(RoundHigh(past_energy << past_norm), RoundHigh(energy << norm)) << 1;
  const V square_norm = Norm32(square);
  const Scaled<V> root = InverseSquareRoot(square << square_norm, V(62) - (past_norm + norm + square_norm));
  const V value = Multiply16(SaturatedRoundHigh(product << product_norm), SaturatedRoundHigh(root.mantissa)) << 1;
  return RoundHigh(SaturatedShift(value, V(31) - product_norm + root.exponent));
}

template <class V>
inline V MedianOfFive(const V (&x)[5]) {
  const V low01 = Min(x[0], x[1]), high01 = Max(x[0], x[1]);
  const V low34 = Min(x[3], x[4]), high34 = Max(x[3], x[4]);
  // Neither the smallest nor the largest of all can be the median.
  const V a = Max(low01, low34), b = Min(high01, high34), c = x[2];
  return Max(Min(a, b), Min(Max(a, b), c));
}

// What a search leaves for the next one and for the voice activity detector, in `lanes`.
template <class V>
inline void FollowLag(V lag, V gain, typename V::Mask lanes, CoderMemory<V>& m) {
  m.lag_gain = Select(lanes, gain, m.lag_gain);
  const auto is_strong = lanes & (gain > V(19661));
  for (int i = 4; i > 0; --i) {
    m.last_lags[i] = Select(is_strong, m.last_lags[i - 1], m.last_lags[i]);
  }
  m.last_lags[0] = Select(is_strong, lag, m.last_lags[0]);
  m.lag_median = Select(is_strong, MedianOfFive(m.last_lags), m.lag_median);
  const V fading = MultiplyAddPairs(m.lag_confidence, V(29491)) >> 15;
  m.lag_confidence = Select(is_strong, V(32767), Select(lanes, fading, m.lag_confidence));
  m.has_lag_weight = Select(lanes, Select(m.lag_confidence < V(26214), V(0), V(1)), m.has_lag_weight);
  DetectTone(m.lag_gain, lanes, m);
}

template <class V>
struct OpenLoopLags {
  V first;   // at 12.8 kHz, for subframes 1 and 2
  V second;  // for subframes 3 and 4
};

// `weighted` holds kMaxHalfLag samples of the past, then the frame of 128, all at 6.4 kHz.
template <class V>
inline OpenLoopLags<V> SearchOpenLoop(const V* weighted, typename V::Mask is_long, CoderMemory<V>& m) {
  constexpr int kAll = kMaxHalfLag + kHalfFrame;
  V pairs[kAll];
  PairWithNext(weighted, kAll - 1, pairs);
  const V* const here = pairs + kMaxHalfLag;

  V high_passed[kAll];
  for (int i = 0; i < kMaxHalfLag; ++i) high_passed[i] = m.high_passed[i];
  HighPass180(weighted + kMaxHalfLag, high_passed + kMaxHalfLag, kHalfFrame, m.weighted_high_pass);
  for (int i = 0; i < kMaxHalfLag; ++i) m.high_passed[i] = high_passed[kHalfFrame + i];

  const auto all = V(0) == V(0);
  const auto none = V(0) > V(0);
  const V first = FindLag(here, is_long, m);
  FollowLag(first, LagGain(high_passed + kMaxHalfLag, first, is_long), all, m);
  if (!Any(~is_long)) return {first << 1, first << 1};
  const V second = FindLag(here + 64, none, m);
  FollowLag(second, LagGain(high_passed + kMaxHalfLag + 64, second, none), ~is_long, m);
  return {first << 1, Select(is_long, first, second) << 1};
}

}  // namespace byon::amr_wb
