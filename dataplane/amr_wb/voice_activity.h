#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// Voice activity detection (TS 26.194): twelve bands against an estimate of the background.

constexpr int kVoiceNow = 0x4000;  // newest of the 15 flags in activity_flags and tone_flags

// A number's logarithm, falling: ilog2 of TS 26.194.
template <class V>
inline V InverseLogarithm(V level) {
  V mantissa = Select(level <= V(0), V(1), level);
  const V norm = Norm16(mantissa);
  mantissa = mantissa << norm;
  for (int i = 0; i < 3; ++i) mantissa = MultiplyQ15(mantissa, mantissa);
  const V square = Multiply16(mantissa, mantissa) << 1;
  const V square_norm = Norm32(square);
  const V top = HighOf(square << square_norm);
  return Wrap16(((norm + V(16)) << 10) + (square_norm << 6) + V(127) - (top >> 8));
}

template <class V>
inline void SplitBand5(V& in0, V& in1, V (&data)[2]) {
  const V low = Wrap16(in0 - (MultiplyAddPairs(data[0], V(21955)) >> 15));
  const V sum0 = Wrap16(data[0] + (MultiplyAddPairs(low, V(21955)) >> 15));
  data[0] = low;
  const V high = Wrap16(in1 - (MultiplyAddPairs(data[1], V(6390)) >> 15));
  const V sum1 = Wrap16(data[1] + (MultiplyAddPairs(high, V(6390)) >> 15));
  data[1] = high;
  in0 = (sum0 + sum1) >> 1;
  in1 = (sum0 - sum1) >> 1;
}

template <class V>
inline void SplitBand3(V& in0, V& in1, V& data) {
  const V low = Wrap16(in1 - (MultiplyAddPairs(data, V(13363)) >> 15));
  const V sum = Wrap16(data + (MultiplyAddPairs(low, V(13363)) >> 15));
  data = low;
  in1 = (in0 - sum) >> 1;
  in0 = (in0 + sum) >> 1;
}

// Level of every `step`th sample from `first`: those from `split` on are kept for the next frame.
template <int scale, class V>
inline V BandLevel(const V* data, V& sub_level, int split, int end, int step, int first) {
  V late(0), early(0);
  for (int i = split; i < end; ++i) late = late + (Abs16(data[step * i + first]) << 1);
  for (int i = 0; i < split; ++i) early = early + (Abs16(data[step * i + first]) << 1);
  V kept = sub_level;
  if constexpr (scale > 16) kept = sub_level >> (scale - 16);
  if constexpr (scale < 16) kept = sub_level << (16 - scale);
  const V total = late + kept + early;
  sub_level = HighOf(SaturatedShiftLeft<scale>(late));
  return HighOf(SaturatedShiftLeft<scale>(total));
}

template <class V>
inline void FilterBank(const V* in, CoderMemory<V>& m, V (&level)[kVadBands]) {
  V x[kFrame];
  for (int i = 0; i < kFrame; ++i) x[i] = in[i] >> 1;
  for (int i = 0; i < 256; i += 2) SplitBand5(x[i], x[i + 1], m.filter5[0]);
  for (int i = 0; i < 256; i += 4) {
    SplitBand5(x[i], x[i + 2], m.filter5[1]);
    SplitBand5(x[i + 1], x[i + 3], m.filter5[2]);
  }
  for (int i = 0; i < 256; i += 8) {
    SplitBand5(x[i], x[i + 4], m.filter5[3]);
    SplitBand5(x[i + 2], x[i + 6], m.filter5[4]);
    SplitBand3(x[i + 3], x[i + 7], m.filter3[0]);
  }
  for (int i = 0; i < 256; i += 16) {
    SplitBand3(x[i], x[i + 8], m.filter3[1]);
    SplitBand3(x[i + 4], x[i + 12], m.filter3[2]);
    SplitBand3(x[i + 6], x[i + 14], m.filter3[3]);
  }
  for (int i = 0; i < 256; i += 32) {
    SplitBand3(x[i], x[i + 16], m.filter3[4]);
    SplitBand3(x[i + 8], x[i + 24], m.filter3[5]);
  }
  level[11] = BandLevel<14>(x, m.sub_level[11], 16, 64, 4, 1);
  level[10] = BandLevel<15>(x, m.sub_level[10], 8, 32, 8, 7);
  level[9] = BandLevel<15>(x, m.sub_level[9], 8, 32, 8, 3);
  level[8] = BandLevel<15>(x, m.sub_level[8], 8, 32, 8, 2);
  level[7] = BandLevel<16>(x, m.sub_level[7], 4, 16, 16, 14);
  level[6] = BandLevel<16>(x, m.sub_level[6], 4, 16, 16, 6);
  level[5] = BandLevel<16>(x, m.sub_level[5], 4, 16, 16, 4);
  level[4] = BandLevel<16>(x, m.sub_level[4], 4, 16, 16, 12);
  level[3] = BandLevel<17>(x, m.sub_level[3], 2, 8, 32, 8);
  level[2] = BandLevel<17>(x, m.sub_level[2], 2, 8, 32, 24);
  level[1] = BandLevel<17>(x, m.sub_level[1], 2, 8, 32, 16);
  level[0] = BandLevel<17>(x, m.sub_level[0], 2, 8, 32, 0);
}

// Is the spectrum stationary? Counts down towards a forced update of the background.
template <class V>
inline void UpdateStationarity(const V (&level)[kVadBands], CoderMemory<V>& m) {
  constexpr int kStationaryFrames = 20;
  constexpr int kMinLevel = 184;
  V ratio(0);
  for (int i = 0; i < kVadBands; ++i) {
    const V larger = Max(Max(level[i], m.average_level[i]), V(kMinLevel));
    V smaller = Max(Min(level[i], m.average_level[i]), V(kMinLevel));
    const V norm = Norm16(smaller);
    smaller = smaller << norm;
    ratio = ratio + (DivideQ15(larger >> 1, smaller) >> (V(8) - norm));
  }
  const auto is_voice = (m.activity_flags & V(kVoiceNow)) != V(0);
  const auto restart =
      ((m.tone_flags & V(0x7c00)) == V(0x7c00)) | ((m.activity_flags & V(0x7f80)) == V(0)) | (Wrap16(ratio) > V(1000));
  const V counted = Select(is_voice & (m.stationary_count != V(0)), m.stationary_count - V(1), m.stationary_count);
  m.stationary_count = Select(restart, V(kStationaryFrames), counted);
  const V alpha = Select(m.stationary_count == V(kStationaryFrames), V(32767), Select(is_voice, V(3276), V(16383)));
  for (int i = 0; i < kVadBands; ++i) {
    m.average_level[i] = Wrap16(m.average_level[i] + MultiplyRoundQ15(level[i] - m.average_level[i], alpha));
  }
}

template <class V>
inline void UpdateBackground(const V (&level)[kVadBands], CoderMemory<V>& m) {
  UpdateStationarity(level, m);
  const auto is_quiet = (m.activity_flags & V(0x7800)) == V(0);
  const auto is_forced = m.stationary_count == V(0);
  const V up = Select(is_quiet, V(1638), Select(is_forced, V(491), V(0)));
  const V down = Select(is_quiet, V(2097), Select(is_forced, V(1867), V(1638)));
  const V step = Select(is_quiet | is_forced, V(2), V(0));
  for (int i = 0; i < kVadBands; ++i) {
    const V background = m.background[i];
    const V difference = Wrap16(m.old_level[i] - background);
    const V lower = Max(Wrap16(Saturate16(background + MultiplyRoundQ15(difference, down)) - V(2)), V(40));
    const V higher = Min(Wrap16(background + MultiplyRoundQ15(difference, up) + step), V(20000));
    m.background[i] = Select(difference < V(0), lower, higher);
    m.old_level[i] = level[i];
  }
}

template <class V>
inline V DecideActivity(const V (&level)[kVadBands], V power, CoderMemory<V>& m) {
  V snr_sum(0), noise_sum(0);
  for (int i = 0; i < kVadBands; ++i) {
    const V norm = Norm16(m.background[i]);
    const V quotient = DivideQ15(level[i] >> 1, m.background[i] << norm);
    const V snr = SaturatedShift16(quotient, norm - V(6));
    snr_sum = SaturatedAdd(snr_sum, Multiply16(snr, snr) << 1);
    if (i > 0) noise_sum = noise_sum + m.background[i];
  }
  const V noise_level = HighOf(noise_sum << 12);
  const V floor = Wrap16((MultiplyAddPairs(noise_level, V(4096)) >> 15) << 3);
  m.speech_level = Max(m.speech_level, floor);
  const V noise_log = InverseLogarithm(noise_level);
  const V speech_log = InverseLogarithm(Wrap16(m.speech_level - floor));
  const V from_noise = Wrap16((((noise_log - V(31744)) * V(1509)) >> 15) + V(768));
  const V from_speech = Between((((speech_log - V(22527)) * V(-1339)) >> 15) - V(96), -96, 96);
  const V threshold = Max(Wrap16(from_noise + from_speech), V(204));

  m.activity_flags = m.activity_flags >> 1;
  m.activity_flags = Select(snr_sum > (threshold * V(6144) << 1), m.activity_flags | V(kVoiceNow), m.activity_flags);
  UpdateBackground(level, m);

  // Hangover: shorter in noise, after bursts of a length that also depends on it.
  const V hang_length = Max(Wrap16((((threshold - V(217)) * V(-1110)) >> 15) + V(12)), V(2));
  const V burst_length = Wrap16((((threshold - V(768)) * V(297)) >> 15) + V(8));
  const auto is_low_power = power < V(30000);
  const auto is_voice = (m.activity_flags & V(kVoiceNow)) != V(0);
  const auto is_hanging = m.hang_count > V(0);
  const V burst = Select(is_voice, m.burst_count + V(1), V(0));
  const V voice_hang = Select(burst >= burst_length, hang_length, m.hang_count);
  const V other_hang = Select(is_hanging, m.hang_count - V(1), m.hang_count);
  m.burst_count = Select(is_low_power, V(0), Wrap16(burst));
  m.hang_count = Select(is_low_power, V(0), Select(is_voice, voice_hang, other_hang));
  return Select(~is_low_power & (is_voice | is_hanging), V(1), V(0));
}

template <class V>
inline void EstimateSpeechLevel(V level, CoderMemory<V>& m) {
  const auto restart = (m.speech_estimate_count - m.speech_max_count) > V(80 - 25);
  m.speech_estimate_count = Select(restart, V(0), m.speech_estimate_count) + V(1);
  m.speech_max = Select(restart, V(0), m.speech_max);
  m.speech_max_count = Select(restart, V(0), m.speech_max_count);

  const auto is_speech = (((m.activity_flags & V(kVoiceNow)) != V(0)) | (level > m.speech_level)) & (level > V(129));
  m.speech_max = Select(is_speech, Max(m.speech_max, level), m.speech_max);
  m.speech_max_count = Select(is_speech, m.speech_max_count + V(1), m.speech_max_count);
  const auto is_due = is_speech & (m.speech_max_count >= V(25));
  const V half = m.speech_max >> 1;
  const V updated = Wrap16(m.speech_level + MultiplyRoundQ15(half - m.speech_level, V(4915)));
  m.speech_level = Select(is_due & (half > V(410)), updated, m.speech_level);
  m.speech_max = Select(is_due, V(0), m.speech_max);
  m.speech_max_count = Select(is_due, V(0), m.speech_max_count);
  m.speech_estimate_count = Select(is_due, V(0), m.speech_estimate_count);
}

// 1 where the frame holds speech. `in` is the pre-emphasized frame in Q1.
template <class V>
inline V DetectVoice(const V* in, CoderMemory<V>& m) {
  V power(0);
  for (int i = 0; i < kFrame; ++i) power = SaturatedAdd(power, Multiply16(in[i], in[i]) << 1);
  const V two_frames = SaturatedAdd(power, m.last_power);
  m.last_power = power;
  m.tone_flags = Select(two_frames < V(686080), m.tone_flags & V(0x1fff), m.tone_flags);
  V level[kVadBands];
  FilterBank(in, m, level);
  const V is_voice = DecideActivity(level, two_frames, m);
  V sum(0);
  for (int i = 1; i < kVadBands; ++i) sum = sum + level[i];
  EstimateSpeechLevel(HighOf(sum << 12), m);
  return is_voice;
}

// Takes note of a strong pitch where `lanes` says so.
template <class V>
inline void DetectTone(V lag_gain, typename V::Mask lanes, CoderMemory<V>& m) {
  const V shifted = m.tone_flags >> 1;
  const V flags = Select(lag_gain > V(21298), shifted | V(kVoiceNow), shifted);
  m.tone_flags = Select(lanes, flags, m.tone_flags);
}

}  // namespace byon::amr_wb
