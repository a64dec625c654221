#pragma once

#include "dataplane/amr_wb/preprocessing.h"

namespace byon::amr_wb {

// Gain of the band from 6.4 to 7 kHz, which the decoder fills with noise (TS 26.190 section 5.10).
// Only 23.85 kbit/s sends it, but comfort noise keeps its filters going.

constexpr int32_t kHighBandGain[16] = {3624,  4673,  5597,  6479,  7425,  8378,  9324,  10264,
                                       11210, 12206, 13391, 14844, 16770, 19655, 24289, 32728};

// Synthesis with 32-bit memory. vo-amrwbenc multiplies with a[0..15], not with a[1..16].
template <class V>
inline void Synthesis32(const V* a, const V* x, V scale, CoderMemory<V>& m, V* high, V* low) {
  V high_buffer[kOrder + kSubframe], low_buffer[kOrder + kSubframe], c[8];
  V* const high_pairs = high_buffer + kOrder;
  V* const low_pairs = low_buffer + kOrder;
  for (int k = 0; k < 8; ++k) c[k] = Pair(a[2 * k], a[2 * k + 1]);
  V last_high(0), last_low(0);
  for (int i = 0; i < kOrder; ++i) {
    high_pairs[i - kOrder] = Pair(m.synthesis_high[i], last_high);
    low_pairs[i - kOrder] = Pair(m.synthesis_low[i], last_low);
    last_high = m.synthesis_high[i];
    last_low = m.synthesis_low[i];
  }
  const V input_gain = V(256) >> scale;
  for (int i = 0; i < kSubframe; ++i) {
    V high_sum(0), low_sum(0);
    for (int k = 0; k < 8; ++k) {
      high_sum = high_sum + MultiplyAddPairs(c[k], high_pairs[i - 1 - 2 * k]);
      low_sum = low_sum + MultiplyAddPairs(c[k], low_pairs[i - 1 - 2 * k]);
    }
    const V sum = (((V(0) - low_sum) >> 11) + (Multiply16(x[i], input_gain) << 1) + (high_sum << 1)) >> 3;
    high[i] = HighOf(sum);
    low[i] = Wrap16((sum >> 4) - (high[i] << 13));
    high_pairs[i] = Pair(high[i], last_high);
    low_pairs[i] = Pair(low[i], last_low);
    last_high = high[i];
    last_low = low[i];
  }
  for (int i = 0; i < kOrder; ++i) {
    m.synthesis_high[i] = high[kSubframe - kOrder + i];
    m.synthesis_low[i] = low[kSubframe - kOrder + i];
  }
}

// 6 to 7 kHz, 31 taps.
template <class V>
inline void BandPass(V* signal, V (&memory)[30]) {
  constexpr int32_t kTaps[16] = {-32,  47,    32,    -27,    -369, 1122, -1421,  0,
                                 3798, -8880, 12349, -10984, 3548, 7766, -18001, 22118};
  V x[30 + kSubframe16k];
  for (int i = 0; i < 30; ++i) x[i] = memory[i];
  for (int i = 0; i < kSubframe16k; ++i) x[30 + i] = signal[i] >> 2;
  for (int i = 0; i < kSubframe16k; ++i) {
    V sum = MultiplyAddPairs(x[i + 15], V(kTaps[15]));
    for (int k = 0; k < 15; ++k) {
      sum = sum + MultiplyAddPairs(Pair(x[i + k], x[i + 30 - k]), V(PairOf(kTaps[k], kTaps[k])));
    }
    signal[i] = Wrap16((sum + V(0x4000)) >> 15);
  }
  for (int i = 0; i < 30; ++i) memory[i] = x[kSubframe16k + i];
}

// sqrt of the ratio of the energies of y (larger) and x, times 2^shift, Q15.
template <class V>
inline V EnergyRatioRoot(Scaled<V> x, Scaled<V> y, int shift) {
  V tmp = HighOf(x.mantissa);
  const V energy = HighOf(y.mantissa);
  const auto is_larger = tmp > energy;
  tmp = Select(is_larger, tmp >> 1, tmp);
  V exponent = Select(is_larger, x.exponent + V(1), x.exponent) - y.exponent;
  const Scaled<V> root = InverseSquareRoot(DivideQ15(tmp, energy) << 16, exponent);
  return HighOf(SaturatedShift(root.mantissa, root.exponent + V(shift)));
}

// Index of the gain for a subframe; `speech16k` is its input.
template <class V>
inline V QuantizeHighBand(const V* a, const V* excitation, V scale, const V* speech16k, CoderMemory<V>& m) {
  V high[kSubframe], low[kSubframe], synth[kSubframe];
  Synthesis32(a, excitation, scale, m, high, low);
  for (int i = 0; i < kSubframe; ++i) {
    V sum = ((high[i] << 16) + (low[i] << 4)) << 3;
    sum = (sum + (MultiplyAddPairs(m.deemphasis, V(kTilt >> 1)) << 1)) << 1;
    m.deemphasis = synth[i] = RoundHigh(sum);
  }
  HighPass50(synth, kSubframe, m.output_high_pass);

  // Noise with the energy of the excitation.
  V noise[kSubframe16k], scaled[kSubframe];
  for (int i = 0; i < kSubframe16k; ++i) {
    m.noise_seed = Wrap16(MultiplyAddPairs(m.noise_seed, V(31821)) + V(13849));
    noise[i] = m.noise_seed >> 3;
  }
  for (int i = 0; i < kSubframe; ++i) scaled[i] = ScaleSample(excitation[i], V(-3));
  Scaled<V> energy = ScaledDotProduct(scaled, scaled, kSubframe);
  energy.exponent = energy.exponent - ((scale - V(3)) << 1);
  const V noise_gain = EnergyRatioRoot(ScaledDotProduct(noise, noise, kSubframe16k), energy, 1);
  for (V& n : noise) n = MultiplyQ15(n, noise_gain);

  // Less of it the more the spectrum falls.
  HighPass400(synth, kSubframe, m.tilt_high_pass);
  V energy0(0), energy1(0);
  for (int i = 0; i < kSubframe; ++i) {
    energy0 = energy0 + Multiply16(synth[i], synth[i]);
    if (i > 0) energy1 = energy1 + Multiply16(synth[i], synth[i - 1]);
  }
  energy0 = (energy0 << 1) + V(1);
  energy1 = (energy1 << 1) + V(1);
  const V norm = Norm32(energy0);
  const V correlation = HighOf(energy1 << norm);
  const V tilt = Select(correlation > V(0), DivideQ15(correlation, HighOf(energy0 << norm)), V(0));
  const V voice_gain = V(32767) - tilt;
  const V noisy_gain = SaturatedShift16(MultiplyAddPairs(voice_gain, V(20480)) >> 15, V(1));
  const V chosen = Select(m.frames_without_voice > V(0), noisy_gain, voice_gain);
  V estimate = MultiplyAddPairs(chosen, V(32767)) >> 15;
  estimate = Select(estimate != V(0), estimate + V(1), estimate);
  estimate = Max(Wrap16(estimate), V(3277));

  // The gain the input asks for.
  V weighted[kCoefficients], speech[kSubframe16k];
  WeightCoefficients(a, 19661, weighted);
  Synthesis(weighted, noise, kSubframe16k, m.noise_synthesis, noise);
  for (int i = 0; i < kOrder; ++i) m.noise_synthesis[i] = noise[kSubframe16k - kOrder + i];
  BandPass(noise, m.noise_band_pass);
  for (int i = 0; i < kSubframe16k; ++i) speech[i] = speech16k[i];
  BandPass(speech, m.speech_band_pass);
  ScaleSignal(speech, kSubframe16k, V(-1));
  const V measured =
      EnergyRatioRoot(ScaledDotProduct(noise, noise, kSubframe16k), ScaledDotProduct(speech, speech, kSubframe16k), 0);

  const V hangover = HighOf((MultiplyAddPairs(m.hangover_count, V(4681)) << 1) << 15);
  m.noise_gain_weight = MultiplyQ15(m.noise_gain_weight, hangover);
  m.noise_gain_weight = Select(m.hangover_count > V(6), V(32767), m.noise_gain_weight);
  const V gain =
      Wrap16(MultiplyQ15(measured, m.noise_gain_weight) + MultiplyQ15(V(32767) - m.noise_gain_weight, estimate >> 1));
  V smallest(32767), index(0);
  for (int i = 0; i < 16; ++i) {
    const V difference = gain - V(kHighBandGain[i]);
    const V distance = Wrap16((difference * difference) >> 15);
    const auto is_better = distance < smallest;
    smallest = Select(is_better, distance, smallest);
    index = Select(is_better, V(i), index);
  }
  return index;
}

}  // namespace byon::amr_wb
