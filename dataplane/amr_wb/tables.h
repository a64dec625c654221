#pragma once

#include <cstdint>

namespace byon::amr_wb {

// Tables of TS 26.173 and TS 26.201, in 32 bits so that lanes can gather from them.

// 1 / sqrt(x) for x in [0.25, 1], Q14
extern const int32_t kInverseSquareRoot[49];
// log2(x) for x in [1, 2], Q15
extern const int32_t kLogarithm[33];
// 2^x for x in [0, 1], Q14
extern const int32_t kPowerOfTwo[33];
// Asymmetric window of the LP analysis, Q15 (TS 26.190 section 5.2.1)
extern const int32_t kAnalysisWindow[384];
// 60 Hz bandwidth expansion and white noise correction, in double precision format
extern const int32_t kLagWindowHigh[16];
extern const int32_t kLagWindowLow[16];
// cos(pi i / 100), Q15
extern const int32_t kCosineGrid[101];
// cos(pi i / 128), Q15
extern const int32_t kCosine[129];
// Slope of its inverse, Q11
extern const int32_t kArccosineSlope[128];
// Weights of the open-loop lags: low lags first, then the neighbours of the last one
extern const int32_t kLagWeight[199];
// Pitch gain (Q14) and code gain (Q11), 6 bits
extern const int32_t kGains6[128];
// The same for 7 bits
extern const int32_t kGains7[256];
// Mean of the ISFs (TS 26.190 section 5.2.5)
extern const int32_t kIsfMean[16];
// First stage, ISF 0 to 8
extern const int32_t kIsfStage1Low[2304];
// First stage, ISF 9 to 15
extern const int32_t kIsfStage1High[1792];
// Second stage of the 46 bit quantizer
extern const int32_t kIsf46Split1[192];
extern const int32_t kIsf46Split2[384];
extern const int32_t kIsf46Split3[384];
extern const int32_t kIsf46Split4[96];
extern const int32_t kIsf46Split5[128];
// Second stage of the 36 bit quantizer
extern const int32_t kIsf36Split1[640];
extern const int32_t kIsf36Split2[512];
extern const int32_t kIsf36Split3[448];
// Comfort noise (TS 26.192 section 5.2)
extern const int32_t kNoiseIsfMean[16];
extern const int32_t kNoiseIsfSplit1[128];
extern const int32_t kNoiseIsfSplit2[192];
extern const int32_t kNoiseIsfSplit3[192];
extern const int32_t kNoiseIsfSplit4[128];
extern const int32_t kNoiseIsfSplit5[128];

// Order of the bits in a frame, most sensitive first (TS 26.201 annex B), by frame type.
extern const uint16_t* const kBitOrder[10];

}  // namespace byon::amr_wb
