#pragma once

#include <cstdint>

namespace byon::amr_wb {

// Codeword of one track's pulses (TS 26.190 section 5.8.3). A pulse is its position 0..15, plus 16
// where it is negative; pulses come in the order the search found them, two lists of the same
// pulses may have different codewords.
uint32_t OnePulseIndex(int pulse, int bits);
uint32_t TwoPulseIndex(int pulse0, int pulse1, int bits);
uint32_t ThreePulseIndex(int pulse0, int pulse1, int pulse2, int bits);
uint32_t FourPulseIndex(const int* pulses, int bits);
uint32_t FivePulseIndex(const int* pulses, int bits);
uint32_t SixPulseIndex(const int* pulses, int bits);

}  // namespace byon::amr_wb
