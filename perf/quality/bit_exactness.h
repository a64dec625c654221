#pragma once

#include "perf/quality/call_path.h"
#include "perf/quality/laboratory.h"

namespace byon::quality {

// The share of samples, from 2 s after the lead on, in which a clean network's leg sounds exactly
// as the library's decoder made it, at the delay where most agree. 0 to 1.
double IdenticalShare(Laboratory& laboratory, const CallPath& leg);

}  // namespace byon::quality
