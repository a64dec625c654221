#include "dataplane/amr_wb/call_state.h"

#include <algorithm>
#include <cstring>

#include "dataplane/amr_wb/tables.h"

namespace byon::amr_wb {

const int32_t kInitialIsp[kOrder] = {32138, 30274,  27246,  23170,  18205,  12540,  6393,   0,
                                     -6393, -12540, -18205, -23170, -27246, -30274, -32138, 1475};
const int32_t kInitialIsf[kOrder] = {1024, 2048,  3072,  4096,  5120,  6144,  7168,  8192,
                                     9216, 10240, 11264, 12288, 13312, 14336, 15360, 3840};

void ResetMemory(CoderMemory<int32_t>& memory) {
  // A reset leaves how stationary the signal has been, as the reference does.
  const int32_t stationary_count = memory.stationary_count;
  std::memset(&memory, 0, sizeof memory);
  memory.stationary_count = stationary_count;
  std::ranges::copy(kInitialIsp, memory.isp);
  std::ranges::copy(kInitialIsp, memory.isp_quantized);
  std::ranges::copy(kInitialIsf, memory.isf_quantized);
  memory.is_first_frame = 1;
  memory.gain_clip[0] = kInitialIsfGap;
  memory.gain_clip[1] = kInitialPitchGain;
  std::ranges::fill(memory.gain_energies, kInitialGainEnergy);
  memory.scale = 15;
  std::ranges::fill(memory.scale_limit, 15);
  memory.lag_median = 40;
  std::ranges::fill(memory.last_lags, 40);
  memory.noise_seed = 21845;
  memory.noise_gain_weight = 32767;
  constexpr int32_t kInitialNoise = 150;
  std::ranges::fill(memory.background, kInitialNoise);
  std::ranges::fill(memory.old_level, kInitialNoise);
  std::ranges::fill(memory.average_level, kInitialNoise);
  memory.speech_level = 2050;  // -26 dBov
  memory.hangover_count = 7;
  memory.elapsed_count = 32767;
}

SilenceTransmission::Frame SilenceTransmission::Next(bool is_speech) {
  if (is_speech) {
    frames_to_update_ = 8;
    return last_ = Frame::kSpeech;
  }
  --frames_to_update_;
  if (last_ == Frame::kSpeech) {
    frames_to_update_ = 3;
    return last_ = Frame::kSidFirst;
  }
  if (frames_to_update_ == 0) {
    frames_to_update_ = 8;
    return last_ = Frame::kSidUpdate;
  }
  return last_ = Frame::kNoData;
}

CallState::CallState() { ResetMemory(memory); }

int PackFrame(SilenceTransmission::Frame kind, int mode, FrameBits& bits, uint8_t* out) {
  using Frame = SilenceTransmission::Frame;
  constexpr int kBits[kModes + 1] = {132, 177, 253, 285, 317, 365, 397, 461, 477, 35};
  const bool is_speech = kind == Frame::kSpeech;
  const int type = is_speech ? mode : kind == Frame::kNoData ? kNoDataFrameType : kSidFrameType;
  out[0] = static_cast<uint8_t>(type << 3 | 4);
  if (type == kNoDataFrameType) return 1;
  if (kind == Frame::kSidFirst) bits.Zero();
  const int count = kBits[type];
  const int size = (is_speech ? count + 7 : 40) / 8;
  std::memset(out + 1, 0, static_cast<size_t>(size));
  const auto put = [out](int at, int bit) {
    out[1 + at / 8] = static_cast<uint8_t>(out[1 + at / 8] | bit << (7 - at % 8));
  };
  for (int i = 0; i < count; ++i) put(i, bits.At(kBitOrder[type][i]));
  if (!is_speech) {
    put(35, kind == Frame::kSidUpdate ? 1 : 0);
    for (int i = 0; i < 4; ++i) put(36 + i, mode >> (3 - i) & 1);
  }
  return 1 + size;
}

bool IsHomingFrame(const int16_t* samples) {
  return std::all_of(samples, samples + kFrame16k, [](int16_t sample) { return sample == 8; });
}

}  // namespace byon::amr_wb
