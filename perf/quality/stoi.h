#pragma once

#include "perf/quality/signal.h"

namespace byon::quality {

// Short-time objective intelligibility: C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen, "An
// Algorithm for Intelligibility Prediction of Time-Frequency Weighted Noisy Speech", IEEE TASLP
// 19(7), 2011. `clean` and `degraded` have the same rate and are aligned; the longer one is cut.
// Returns about 0 to 1, 1 for equal signals; 0 when less than 384 ms of `clean` is speech.
double Stoi(const Signal& clean, const Signal& degraded);

}  // namespace byon::quality
