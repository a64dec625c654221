#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// From 16 kHz input to the scaled, pre-emphasized signal at 12.8 kHz (TS 26.190 section 5.1).
// Twelve samples beyond the frame are estimated for the window of the LP analysis.

constexpr int kLookahead = 12;
constexpr int kMaxScale = 8;

// FIR of the 4/5 resampler by phase, Q13.
constexpr int32_t kDecimationFilter[4][30] = {
    {-5,   24,    -50,  54,   0, -128, 294,  -408, 344,  0, -647, 1505, -2379, 3034, 13107,
     3034, -2379, 1505, -647, 0, 344,  -408, 294,  -128, 0, 54,   -50,  24,    -5,   0},
    {-6,   19,    -26,  0, 77,   -188, 270,  -233, 0, 434, -964, 1366, -1293, 0, 12254,
     6575, -2746, 1030, 0, -507, 601,  -441, 198,  0, -95, 99,   -58,  18,    0, -1},
    {-3,   9,     0, -41, 111,  -170, 153,  0, -295, 649,  -888, 770, 0, -1997, 9894,
     9894, -1997, 0, 770, -888, 649,  -295, 0, 153,  -170, 111,  -41, 0, 9,     -3},
    {-1,    0, 18,    -58,  99,   -95, 0, 198,  -441, 601,  -507, 0, 1030, -2746, 6575,
     12254, 0, -1293, 1366, -964, 434, 0, -233, 270,  -188, 77,   0, -26,  19,    -6}};

struct DecimationPairs {
  int32_t value[4][15];
};
constexpr DecimationPairs MakeDecimationPairs() {
  DecimationPairs pairs{};
  for (int phase = 0; phase < 4; ++phase) {
    for (int k = 0; k < 15; ++k) {
      pairs.value[phase][k] = PairOf(kDecimationFilter[phase][2 * k], kDecimationFilter[phase][2 * k + 1]);
    }
  }
  return pairs;
}
inline constexpr DecimationPairs kDecimationPairs = MakeDecimationPairs();

// `signal` holds 30 samples of the past, the frame and 15 zeros; `out` takes 268 samples.
template <class V>
inline void Decimate(const V* signal, V* out) {
  constexpr int kInput = 30 + kFrame16k + 15;
  V pairs[kInput];
  PairWithNext(signal, kInput - 1, pairs);
  for (int j = 0; j < kFrame + kLookahead; ++j) {
    const V* x = pairs + (5 * j >> 2) + 1;
    const int32_t* c = kDecimationPairs.value[5 * j & 3];
    V sum = MultiplyAddPairs(x[0], V(c[0]));
    for (int k = 1; k < 15; ++k) sum = sum + MultiplyAddPairs(x[2 * k], V(c[k]));
    out[j] = ShiftLeftRoundHigh<2>(sum);
  }
}

// Second-order high pass with 32-bit feedback. Coefficients: feedback 1 and 2, forward 0 and 1.
// memory: y[-2], y[-1] in double precision format, x[-1], x[-2].
template <int a1, int a2, int b0, int b1, int gain, bool is_output_doubled, class V>
inline void HighPass(V* signal, int n, V* memory) {
  V y2_high = memory[0], y2_low = memory[1], y1_high = memory[2], y1_low = memory[3];
  V x1 = memory[4], x2 = memory[5];
  const V feedback(PairOf(a1, a2)), forward(PairOf(b0, b1));
  for (int i = 0; i < n; ++i) {
    const V x0 = signal[i];
    V sum = (V(8192) + MultiplyAddPairs(Pair(y1_low, y2_low), feedback)) >> 14;
    sum = sum + ((MultiplyAddPairs(Pair(y1_high, y2_high), feedback) + MultiplyAddPairs(Pair(x0, x1), forward) +
                  MultiplyAddPairs(x2, V(b0)))
                 << 1);
    sum = sum << gain;
    y2_high = y1_high;
    y2_low = y1_low;
    y1_high = HighOf(sum);
    y1_low = LowOf(sum);
    x2 = x1;
    x1 = x0;
    signal[i] = is_output_doubled ? SaturatedRoundHigh(sum << 1) : RoundHigh(sum);
  }
  memory[0] = y2_high;
  memory[1] = y2_low;
  memory[2] = y1_high;
  memory[3] = y1_low;
  memory[4] = x1;
  memory[5] = x2;
}
template <class V>
inline void HighPass50(V* signal, int n, V* memory) {
  HighPass<16211, -8021, 4053, -8106, 2, true>(signal, n, memory);
}
template <class V>
inline void HighPass400(V* signal, int n, V* memory) {
  HighPass<29280, -14160, 915, -1830, 1, false>(signal, n, memory);
}

// What the scaling of a frame comes to.
template <class V>
struct FrameScale {
  V scale;   // Q of this frame
  V change;  // against the frame before
};

// `speech` holds 116 samples of the past and takes 268 new ones; `input` 320 samples at 16 kHz.
template <class V>
inline FrameScale<V> Preprocess(const V* input, CoderMemory<V>& memory, V* speech) {
  V signal[30 + kFrame16k + 15];
  for (int i = 0; i < 30; ++i) signal[i] = memory.decimator[i];
  for (int i = 0; i < kFrame16k; ++i) signal[30 + i] = input[i];
  for (int i = 0; i < 15; ++i) signal[30 + kFrame16k + i] = V(0);
  for (int i = 0; i < 30; ++i) memory.decimator[i] = signal[kFrame16k + i];

  V* fresh = speech + kSpeechHistory - kLookahead;
  Decimate(signal, fresh);
  HighPass50(fresh, kFrame, memory.input_high_pass);
  V lookahead_memory[6];
  for (int i = 0; i < 6; ++i) lookahead_memory[i] = memory.input_high_pass[i];
  HighPass50(fresh + kFrame, kLookahead, lookahead_memory);

  V peak(0), last = memory.preemphasis;
  memory.preemphasis = fresh[kFrame - 1];
  V emphasized[kFrame + kLookahead];
  for (int i = 0; i < kFrame + kLookahead; ++i) {
    emphasized[i] = (fresh[i] << 15) - (MultiplyAddPairs(last, V(kTilt >> 1)) << 1);
    peak = Max(peak, Abs32(emphasized[i]));
    last = fresh[i];
  }
  const V peak_high = HighOf(peak);
  const V headroom = Select(peak_high == V(0), V(kMaxScale), Between(Norm16(peak_high) - V(1), 0, kMaxScale));
  FrameScale<V> result;
  result.scale = Min(Min(headroom, memory.scale_limit[0]), memory.scale_limit[1]);
  result.change = result.scale - memory.scale;
  memory.scale = result.scale;
  memory.scale_limit[1] = memory.scale_limit[0];
  memory.scale_limit[0] = headroom;
  for (int i = 0; i < kFrame + kLookahead; ++i) {
    fresh[i] = RoundHigh(emphasized[i] << result.scale);
  }
  return result;
}

}  // namespace byon::amr_wb
