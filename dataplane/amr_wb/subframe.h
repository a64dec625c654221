#pragma once

#include "dataplane/amr_wb/closed_loop_pitch.h"
#include "dataplane/amr_wb/codebook2.h"
#include "dataplane/amr_wb/codebook4.h"
#include "dataplane/amr_wb/gains.h"

namespace byon::amr_wb {

// Steps of a subframe that are neither pitch, codebook nor gains.

// Target of the pitch search, target of the codebook in the residual domain, and the impulse
// response of the weighted synthesis filter.
template <class V>
struct SubframeTarget {
  V pitch[kSubframe];     // xn
  V residual[kSubframe];  // cn
  V response[kSubframe];  // h, Q14
};

// `a`, `a_quantized`: predictors; `speech`: the subframe, with 16 samples before; `residual`:
// through the quantized predictor.
template <class V>
inline void FindTarget(const V* a, const V* a_quantized, const V* speech, const V* residual, CoderMemory<V>& m,
                       SubframeTarget<V>& target) {
  V error[kOrder + kSubframe], pairs[kOrder + kSubframe], weighted[kCoefficients];
  for (int i = 0; i < kOrder; ++i) error[i] = Wrap16(speech[i - kOrder] - m.synthesis[i]);
  Synthesis(a_quantized, residual, kSubframe, error, error + kOrder);
  WeightCoefficients(a, kPerceptual, weighted);
  pairs[0] = Pair(error[0], V(0));
  PairWithPrevious(error + 1, kOrder + kSubframe - 1, pairs + 1);
  Residual(weighted, pairs + kOrder, kSubframe, target.pitch);
  m.target_memory = Deemphasize(target.pitch, kSubframe, m.target_memory);

  constexpr int kHalfSubframe = kSubframe / 2;
  V half[kOrder + kHalfSubframe];
  for (int i = 0; i < kOrder; ++i) half[i] = V(0);
  for (int i = kHalfSubframe - 1; i >= 0; --i) {
    const V before = i > 0 ? target.pitch[i - 1] : V(0);
    half[kOrder + i] = RoundHigh(((target.pitch[i] << 16) - (MultiplyAddPairs(before, V(kTilt)) << 1)) << 1);
  }
  Synthesis(weighted, half + kOrder, kHalfSubframe, half, half + kOrder);
  pairs[0] = V(0);
  PairWithPrevious(half + 1, kOrder + kHalfSubframe - 1, pairs + 1);
  Residual(a_quantized, pairs + kOrder, kHalfSubframe, target.residual);
  for (int i = kHalfSubframe; i < kSubframe; ++i) target.residual[i] = residual[i];

  // Response of A(z / 0.92) / A_q(z), then de-emphasized.
  V c[9], response_pairs[kOrder + kSubframe];
  PairCoefficients(a_quantized, c);
  c[0] = a_quantized[1] & V(0xffff);
  for (int i = 0; i < kOrder; ++i) response_pairs[i] = V(0);
  V last(0);
  for (int i = 0; i < kSubframe; ++i) {
    const V* const before = response_pairs + kOrder + i;
    V sum = i < kCoefficients ? weighted[i] << 14 : V(0);
    for (int k = 8; k > 0; --k) sum = sum - MultiplyAddPairs(c[k], before[-2 * k]);
    sum = sum - MultiplyAddPairs(c[0], last);
    const V sample = RoundHigh(sum << 4);
    response_pairs[kOrder + i] = Pair(sample, last);
    target.response[i] = last = sample;
  }
  Deemphasize(target.response, kSubframe, V(0));
}

// Repeats x at the pitch lag, times 0.85.
template <class V>
inline void SharpenPitch(V* x, V lag) {
  const auto is_short = lag < V(kSubframe);
  if (!Any(is_short)) return;
  for (int i = kMinLag; i < kSubframe; ++i) {
    const V before = SampleAt(x, Max(V(i) - lag, V(0)));
    const V sum = (x[i] << 15) + MultiplyAddPairs(before, V(27853)) + V(0x4000);
    x[i] = Select(lag <= V(i), Wrap16(sum >> 15), x[i]);
  }
}

// The range of a search around a lag.
template <class V>
inline V FirstLag(V around) {
  return Min(Max(around - V(8), V(kMinLag)), V(kMaxLag - kLagSpan + 1));
}

// Codeword of a lag: absolute in 8 or 9 bits, relative to `first` in 5 or 6.
template <class V>
inline V LagIndex(PitchLag<V> pitch, V first, typename V::Mask is_absolute, typename V::Mask is_low_mode) {
  const V halves = (pitch.lag << 1) + (pitch.fraction >> 1);
  const V quarters = (pitch.lag << 2) + pitch.fraction;
  const V low = Select(pitch.lag < V(kHalfLags8), halves - V(2 * kMinLag),
                       pitch.lag - V(kHalfLags8) + V(2 * (kHalfLags8 - kMinLag)));
  constexpr int kQuarterCount = 4 * (kQuarterLags - kMinLag);
  const V high = Select(pitch.lag < V(kQuarterLags), quarters - V(4 * kMinLag),
                        Select(pitch.lag < V(kHalfLags9), halves - V(2 * kQuarterLags) + V(kQuarterCount),
                               pitch.lag - V(kHalfLags9) + V(kQuarterCount + 2 * (kHalfLags9 - kQuarterLags))));
  const V relative = Select(is_low_mode, ((pitch.lag - first) << 1) + (pitch.fraction >> 1),
                            ((pitch.lag - first) << 2) + pitch.fraction);
  return Select(is_absolute, Select(is_low_mode, low, high), relative);
}

// What 23.85 kbit/s hears in the place of the excitation: less noise in steady sounds, less low
// frequency in voiced ones. `threshold` follows the gain in `lanes`.
template <class V>
inline void EnhanceExcitation(V* excitation, const V* code, QuantizedGains<V> gains, V scale, V voicing, V stability,
                              V& threshold, typename V::Mask lanes) {
  const V factor = MultiplyQ15(stability, V(16384) - (voicing >> 1));
  const Double<V> gain = Split(gains.code);
  const auto is_below = gains.code < threshold;
  const V raised = Min(gains.code + MultiplyDouble16(gain, V(6226)), threshold);
  const V lowered = Max(MultiplyDouble16(gain, V(27536)), threshold);
  const V limited = Select(is_below, raised, lowered);
  threshold = Select(lanes, limited, threshold);
  const V mixed = MultiplyDouble16(gain, V(32767) - factor) + MultiplyDouble16(Split(limited), factor);
  const V code_gain = RoundHigh(SaturatedShift(mixed, scale));

  const V tilt = (voicing >> 3) + V(4096);
  for (int i = 0; i < kSubframe; ++i) {
    V sum = code[i] << 16;
    if (i + 1 < kSubframe) sum = sum - (Multiply16(code[i + 1], tilt) << 1);
    if (i > 0) sum = sum - (Multiply16(code[i - 1], tilt) << 1);
    const V sharpened = RoundHigh(sum);
    excitation[i] =
        RoundHigh(((Multiply16(sharpened, code_gain) << 6) + (Multiply16(excitation[i], gains.pitch) << 1)) << 1);
  }
}

}  // namespace byon::amr_wb
