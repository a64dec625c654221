#pragma once

#include <cstddef>
#include <string>

#include "perf/calls_per_core/measurement.h"

namespace byon::perf {

struct TwoWorkersOutcome {
  size_t one = 0;      // clean calls of a worker alone
  size_t two = 0;      // of two together
  std::string rounds;  // "181/360 179/356"
  double ratio() const { return one == 0 ? 0 : static_cast<double>(two) / static_cast<double>(one); }
};

// One worker alone and two at once, in turn, each on an lcore of its own, in one process as byon-dataplane has them:
// one NIC device (memif) with a queue each, its memory pool, table of ports and hand-over rings; one handshake
// thread; one control thread that reads their reports and asks for their figures.
TwoWorkersOutcome MeasureTwoWorkers(const Measurement& measurement, CallPorts& ports);

}  // namespace byon::perf
