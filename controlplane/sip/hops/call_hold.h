#pragma once

#include <chrono>
#include <cstddef>
#include <map>

namespace byon::sip {

// Which P-CSCFs want no new calls at the moment (RFC 3261 section 21.5.4). One 503 may be a far gateway's that a proxy
// has passed on as it was; only several calls in a row that meet nothing else are the P-CSCF's own. Then it is left
// alone for its Retry-After, and the next call tries it again. Sans-IO: time is an argument.
class CallHold {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void ReportBusy(size_t hop, std::chrono::seconds retry_after, Time now);
  // Anything else but 503, from whomever.
  void ReportAnswer(size_t hop) { hops_.erase(hop); }
  bool IsHeld(size_t hop, Time now) const;

 private:
  struct Hop {
    unsigned in_a_row = 0;
    Time until{};
  };
  std::map<size_t, Hop> hops_;  // those that said 503 last
};

}  // namespace byon::sip
