#pragma once

#include "perf/quality/signal.h"

namespace byon::quality {

// How far the short-time spectra of two aligned signals of one rate are apart, in dB: the root mean
// square over 100 to 7000 Hz (200 to 3400 Hz at 8 kHz) of each 32 ms frame, the mean over the
// frames in which `clean` is within 40 dB of its loudest. What lies 50 dB below the mean level of
// speech counts as equal. 0 for equal signals, and when there is no such frame.
double LogSpectralDistance(const Signal& clean, const Signal& degraded);

}  // namespace byon::quality
