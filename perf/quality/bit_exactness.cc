#include "perf/quality/bit_exactness.h"

#include <algorithm>
#include <cmath>

#include "perf/quality/gateway_run.h"

namespace byon::quality {
namespace {

constexpr double kLongestDelaySeconds = 0.2;
constexpr double kProbeSeconds = 2;
constexpr double kSettleSeconds = 2;  // beyond the lead: the first guess of the delay may be corrected

// Equal samples from `from` on, `count` of them, with the gateway `delay` samples behind.
size_t CountEqual(const Signal& library, const Signal& gateway, size_t from, size_t count, size_t delay) {
  size_t equal = 0;
  for (size_t i = from; i < from + count; ++i) {
    if (library.samples[i] == gateway.samples[i + delay]) ++equal;
  }
  return equal;
}

}  // namespace

double IdenticalShare(Laboratory& laboratory, const CallPath& leg) {
  const auto& frames = laboratory.Frames(leg.in, 0, false);
  const Trace trace = MakeTrace({}, frames.size(), Laboratory::kStart, 1);
  const Signal library = RunLibraryChain(leg, frames, trace.is_lost, Concealment::kLibrary);
  const double lead_s = laboratory.CallFor(false).script.lead_s;
  const auto lead_packets = static_cast<size_t>(std::lround(lead_s * 50));
  const Signal gateway = RunGateway(leg, frames, trace, lead_packets, base::TimeDelta::Milliseconds(7)).output;
  const auto from = static_cast<size_t>(std::lround((lead_s + kSettleSeconds) * library.rate_hz));
  const auto longest = static_cast<size_t>(kLongestDelaySeconds * library.rate_hz);
  const auto probe = static_cast<size_t>(kProbeSeconds * library.rate_hz);
  size_t best = 0, most = 0;
  for (size_t delay = 0; delay < longest; ++delay) {
    const size_t equal = CountEqual(library, gateway, from, probe, delay);
    if (equal > most) most = equal, best = delay;
  }
  const size_t count = std::min(library.samples.size(), gateway.samples.size() - best) - from;
  return static_cast<double>(CountEqual(library, gateway, from, count, best)) / static_cast<double>(count);
}

}  // namespace byon::quality
