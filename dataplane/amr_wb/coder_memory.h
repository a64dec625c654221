#pragma once

#include <cstddef>
#include <cstdint>

namespace byon::amr_wb {

constexpr int kFrame16k = 320;    // samples of a frame at 16 kHz
constexpr int kFrame = 256;       // at 12.8 kHz
constexpr int kSubframe = 64;     // at 12.8 kHz
constexpr int kSubframe16k = 80;  // at 16 kHz
constexpr int kSubframes = 4;
constexpr int kOrder = 16;  // of the LP filters
constexpr int kCoefficients = kOrder + 1;
constexpr int kMinLag = 34;  // pitch lag at 12.8 kHz
constexpr int kMaxLag = 231;
constexpr int kMaxHalfLag = kMaxLag / 2;  // at 6.4 kHz, where the open-loop search works
constexpr int kExcitationHistory = kMaxLag + 17;
constexpr int kSpeechHistory = 128;
constexpr int kVadBands = 12;

constexpr int kInitialIsfGap = 307;         // 120 Hz
constexpr int kInitialPitchGain = 9830;     // 0.6 in Q14
constexpr int kInitialGainEnergy = -14336;  // -14 dB in Q10

constexpr int kModes = 9;
constexpr int kSidFrameType = 9;
constexpr int kNoDataFrameType = 15;

// What an encoder keeps from frame to frame. With T = int32_t it is the memory of one call, with T
// a Lanes type that of a batch: the words of the former are the columns of the latter.
template <class T>
struct CoderMemory {
  // Pre-processing
  T decimator[30];
  T input_high_pass[6];
  T preemphasis;
  T speech[kSpeechHistory];
  T scale;  // Q of the frame before
  T scale_limit[2];
  // LP analysis
  T stable_predictor[kOrder];
  T isp[kOrder];
  T isp_quantized[kOrder];
  T isf_quantized[kOrder];
  T isf_residual[kOrder];
  T is_first_frame;
  // Open-loop pitch
  T weighted_speech[kMaxHalfLag];
  T weighted_deemphasis;
  T weighted_decimator[3];
  T weighted_max;
  T weighted_shift;
  T high_passed[kMaxHalfLag];
  T weighted_high_pass[9];
  T lag_median;
  T lag_gain;
  T lag_confidence;
  T has_lag_weight;
  T last_lags[5];
  // Subframes
  T excitation[kExcitationHistory];
  T target_memory;
  T synthesis[kOrder];
  T code_tilt;
  T gain_clip[2];
  T gain_energies[4];
  // High band
  T code_gain_threshold;
  T synthesis_high[kOrder];
  T synthesis_low[kOrder];
  T deemphasis;
  T output_high_pass[6];
  T tilt_high_pass[6];
  T noise_synthesis[kOrder];
  T noise_band_pass[30];
  T speech_band_pass[30];
  T noise_seed;
  T noise_gain_weight;
  T frames_without_voice;
  // Voice activity
  T background[kVadBands];
  T average_level[kVadBands];
  T old_level[kVadBands];
  T sub_level[kVadBands];
  T filter5[5][2];
  T filter3[6];
  T burst_count;
  T hang_count;
  T stationary_count;
  T activity_flags;
  T tone_flags;
  T speech_estimate_count;
  T speech_max;
  T speech_max_count;
  T speech_level;
  T last_power;
  // DTX
  T hangover_count;
  T elapsed_count;
};

constexpr size_t kMemoryWords = sizeof(CoderMemory<int32_t>) / sizeof(int32_t);

// Back to the start, where a call begins and after a homing frame (TS 26.173 annex A). Memory that
// was never used is zero before.
void ResetMemory(CoderMemory<int32_t>& memory);

// ISP and ISF of a flat spectrum.
extern const int32_t kInitialIsp[kOrder];
extern const int32_t kInitialIsf[kOrder];

}  // namespace byon::amr_wb
