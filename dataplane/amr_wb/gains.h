#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// Gains of the two codebooks (TS 26.190 section 5.9).

constexpr int kClippedPitchGain = 15565;  // 0.95 in Q14

// Energies a subframe's gain quantizer needs: <y,y> and <x,y> of the filtered pitch excitation.
template <class V>
struct PitchCorrelation {
  Scaled<V> energy;
  Scaled<V> product;
};

// Gain of the pitch excitation in Q14, at most 1.2.
template <class V>
inline V PitchGain(const V* target, const V* filtered, PitchCorrelation<V>& correlation) {
  correlation.product = ScaledDotProduct(target, filtered, kSubframe);
  correlation.energy = ScaledDotProduct(filtered, filtered, kSubframe);
  const V product = HighOf(correlation.product.mantissa);
  const V energy = HighOf(correlation.energy.mantissa);
  correlation.product.mantissa = product;
  correlation.energy.mantissa = energy;
  const V gain =
      SaturatedShift16(DivideQ15(product >> 1, energy), correlation.product.exponent - correlation.energy.exponent);
  return Select(product < V(0), V(0), Min(gain, V(19661)));
}

// x - gain y; gain in Q14.
template <class V>
inline void SubtractScaled(const V* x, const V* y, V gain, V* out) {
  for (int i = 0; i < kSubframe; ++i) {
    const V difference = (x[i] << 15) - (Multiply16(y[i], gain) << 1);
    out[i] = Max(Min(difference, V(kMax32 >> 1)), V(kMin32 >> 1)) >> 15;
  }
}

// Two ISFs close together and a pitch gain that stays high: the synthesis could run away after a
// lost frame, so the gain is clipped.
template <class V>
inline void FollowIsfGap(const V* isf, V (&clip)[2]) {
  V gap = Wrap16(isf[1] - isf[0]);
  for (int i = 2; i < kOrder - 1; ++i) gap = Min(gap, Wrap16(isf[i] - isf[i - 1]));
  const V smoothed = HighOf(SaturatedAdd(Multiply16(clip[0], V(26214)) << 1, Multiply16(gap, V(6554)) << 1));
  clip[0] = Min(smoothed, V(kInitialIsfGap));
}
template <class V>
inline typename V::Mask MustClipGain(const V (&clip)[2]) {
  return (clip[0] < V(154)) & (clip[1] > V(14746));
}
template <class V>
inline void FollowPitchGain(V gain, V (&clip)[2]) {
  const V sum = (Multiply16(clip[1], V(29491)) << 1) + (Multiply16(gain, V(3277)) << 1);
  clip[1] = Max(HighOf(sum), V(kInitialPitchGain));
}

template <class V>
struct QuantizedGains {
  V index;
  V pitch;  // Q14
  V code;   // Q16
};

// Quantizes both gains together. `is_short`: 6 bits instead of 7; `scale`: Q of target and filtered
// vectors; `energies`: memory of the prediction.
template <class V>
inline QuantizedGains<V> QuantizeGains(const V* target, const V* filtered_pitch, V scale, const V* filtered_code,
                                       const V* code, const PitchCorrelation<V>& correlation, V pitch_gain,
                                       typename V::Mask is_short, typename V::Mask is_clipped, V (&energies)[4]) {
  constexpr int kTried = 64;
  // The first entry tried of the 7 bit table follows the pitch gain.
  V first(0);
  for (int i = 0; i < 64; ++i) {
    auto is_above = pitch_gain > V(kGains7[2 * (32 + i)]);
    if (i >= 64 - 27) is_above = is_above & ~is_clipped;
    first = Select(is_above, first + V(1), first);
  }
  first = Select(is_short, V(0), first);

  Scaled<V> code_energy = ScaledDotProduct(filtered_code, filtered_code, kSubframe);
  Scaled<V> target_code = ScaledDotProduct(target, filtered_code, kSubframe);
  Scaled<V> pitch_code = ScaledDotProduct(filtered_pitch, filtered_code, kSubframe);
  V coefficient[5], exponent[5];
  coefficient[0] = correlation.energy.mantissa;
  exponent[0] = correlation.energy.exponent;
  coefficient[1] = Min(V(0) - correlation.product.mantissa, V(32767));
  exponent[1] = correlation.product.exponent + V(1);
  coefficient[2] = HighOf(code_energy.mantissa);
  exponent[2] = code_energy.exponent - V(18) + (scale << 1);
  coefficient[3] = HighOf(SaturatedNegate(target_code.mantissa));
  exponent[3] = target_code.exponent - V(8) + scale;
  coefficient[4] = HighOf(pitch_code.mantissa);
  exponent[4] = pitch_code.exponent - V(8) + scale;

  // Prediction of the code gain from the energies of four subframes.
  const Scaled<V> energy = ScaledDotProduct(code, code, kSubframe);
  const Scaled<V> logarithm = Logarithm(energy.mantissa);
  V sum =
      MultiplyDouble16(Double<V>{logarithm.exponent + energy.exponent - V(18 + 6 + 31), logarithm.mantissa}, V(-24660));
  sum = (sum + V(30 * 8192 * 2)) << 10;
  constexpr int kPrediction[4] = {4096, 3277, 2458, 1638};
  for (int i = 0; i < 4; ++i) {
    sum = sum + (MultiplyAddPairs(energies[i], V(kPrediction[i])) << 1);
  }
  const Double<V> predicted = Split((MultiplyAddPairs(HighOf(sum), V(5443)) << 1) >> 8);
  const V gain0 = PowerOfTwo14(predicted.low);
  const V gain0_exponent = predicted.high - V(14);
  const V code_exponent = gain0_exponent + V(4);

  exponent[0] = exponent[0] - V(13);
  exponent[1] = exponent[1] - V(14);
  exponent[2] = exponent[2] + V(15) + (code_exponent << 1);
  exponent[3] = exponent[3] + code_exponent;
  exponent[4] = exponent[4] + V(1) + code_exponent;
  V largest = exponent[0];
  for (int i = 1; i < 5; ++i) largest = Max(largest, exponent[i]);
  V low[5];
  for (int i = 0; i < 5; ++i) {
    const V value = (coefficient[i] << 16) >> Min(largest - exponent[i] + V(2), V(31));
    coefficient[i] = HighOf(value);
    low[i] = LowOf(value) >> 3;
  }

  const V tried = Select(is_short & is_clipped, V(kTried - 16), V(kTried));
  V best(kMax32), index(0), best_pitch(0), best_code(0);
  const bool any_short = Any(is_short), any_long = Any(~is_short);
  for (int i = 0; i < kTried; ++i) {
    V pitch(0), table_code(0);
    if (any_long) {
      pitch = V::Gather(kGains7 + 2 * i, first << 1);
      table_code = V::Gather(kGains7 + 2 * i + 1, first << 1);
    }
    if (any_short) {
      pitch = Select(is_short, V(kGains6[2 * i]), pitch);
      table_code = Select(is_short, V(kGains6[2 * i + 1]), table_code);
    }
    const V code_gain = MultiplyRoundQ15(table_code, gain0);
    const V pitch_square = MultiplyRoundQ15(pitch, pitch);
    const V both = MultiplyRoundQ15(code_gain, pitch);
    const V code_square = Multiply16(code_gain, code_gain) << 1;
    const V square_high = HighOf(code_square), square_low = LowOf(code_square);
    V distance = (Multiply16(coefficient[2], square_low) << 1) >> 3;
    distance = distance + ((Multiply16(low[0], pitch_square) + Multiply16(low[1], pitch) +
                            Multiply16(low[2], square_high) + Multiply16(low[3], code_gain) + Multiply16(low[4], both))
                           << 1);
    distance = distance >> 12;
    distance = distance + ((Multiply16(coefficient[0], pitch_square) + Multiply16(coefficient[1], pitch) +
                            Multiply16(coefficient[2], square_high) + Multiply16(coefficient[3], code_gain) +
                            Multiply16(coefficient[4], both))
                           << 1);
    const auto is_better = (distance < best) & (V(i) < tried);
    best = Select(is_better, distance, best);
    index = Select(is_better, V(i), index);
    best_pitch = Select(is_better, pitch, best_pitch);
    best_code = Select(is_better, table_code, best_code);
  }
  QuantizedGains<V> result;
  result.index = index + first;
  result.pitch = best_pitch;
  result.code = SaturatedShift(Multiply16(best_code, gain0) << 1, gain0_exponent + V(4));

  const Scaled<V> best_log = Logarithm(best_code);
  const V quantized_energy =
      Wrap16(MultiplyDouble16(Double<V>{best_log.exponent - V(11), best_log.mantissa}, V(24660)) >> 3);
  for (int i = 3; i > 0; --i) energies[i] = energies[i - 1];
  energies[0] = quantized_energy;
  return result;
}

// How voiced the excitation is: 1 (voice) to -1 (noise) in Q15.
template <class V>
inline V VoicingFactor(const V* excitation, V scale, V pitch_gain, const V* code, V code_gain) {
  const Scaled<V> pitch_energy = ScaledDotProduct(excitation, excitation, kSubframe);
  const V gain_square = Multiply16(pitch_gain, pitch_gain) << 1;
  const V gain_norm = Norm32(gain_square);
  V energy1 = MultiplyQ15(HighOf(pitch_energy.mantissa), HighOf(gain_square << gain_norm));
  const V exponent1 = pitch_energy.exponent - (scale << 1) - gain_norm - V(10);

  const Scaled<V> code_energy = ScaledDotProduct(code, code, kSubframe);
  const V code_norm = Norm16(code_gain);
  const V normalized = Wrap16(code_gain << code_norm);
  const V square = Wrap16(MultiplyQ15(normalized, normalized));
  V energy2 = Wrap16(MultiplyQ15(HighOf(code_energy.mantissa), square));
  const V exponent2 = code_energy.exponent - (code_norm << 1);

  const V difference = exponent1 - exponent2;
  const auto is_first_larger = difference >= V(0);
  energy1 = Select(is_first_larger, energy1 >> 1, ShiftRightModulo(energy1, V(1) - difference));
  energy2 = Select(is_first_larger, ShiftRightModulo(energy2, difference + V(1)), energy2 >> 1);
  const V numerator = Wrap16(energy1 - energy2);
  const V sum = Wrap16(energy1 + energy2 + V(1));
  const V quotient = DivideQ15(Max(numerator, V(0) - numerator), sum);
  return Select(numerator >= V(0), quotient, V(0) - quotient);
}

}  // namespace byon::amr_wb
