#pragma once

#include <cstdint>
#include <unordered_map>

#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/base/time.h"
#include "dataplane/session/datagram.h"
#include "tools/load/histogram.h"

namespace byon::perf {

// How evenly packets leave: each against its own RTP timestamp, from the earliest of its stream, as
// a peer with a perfect clock would see it (and as byon-load measures it).
class SendTimes {
 public:
  // A packet that leaves at `time`; what is no RTP is ignored.
  void Note(const session::OutgoingDatagram& datagram, uint32_t clock_rate_hz, base::Timestamp time);
  // Streams stay known, so that each is compared with its earliest packet ever.
  void ForgetFigures() { lateness_ = {}; }
  const load::Histogram& lateness() const { return lateness_; }

 private:
  struct Stream {
    base::SequenceUnwrapper<uint32_t> timestamps;
    int64_t earliest_ns = INT64_MAX;  // smallest time of leaving minus media time
  };
  std::unordered_map<uint16_t, Stream> streams_;  // by our port
  load::Histogram lateness_;
};

}  // namespace byon::perf
