#include "controlplane/sip/hops/call_hold.h"

#include <algorithm>

namespace byon::sip {
namespace {

constexpr unsigned kInARow = 3;
// A mistake there must not silence every number here for a day.
constexpr std::chrono::seconds kLongest{120};

}  // namespace

void CallHold::ReportBusy(size_t hop, std::chrono::seconds retry_after, Time now) {
  Hop& known = hops_[hop];
  known.in_a_row = std::min(known.in_a_row + 1, kInARow);
  known.until = now + std::min(retry_after, kLongest);
}

bool CallHold::IsHeld(size_t hop, Time now) const {
  const auto known = hops_.find(hop);
  return known != hops_.end() && known->second.in_a_row >= kInARow && now < known->second.until;
}

}  // namespace byon::sip
