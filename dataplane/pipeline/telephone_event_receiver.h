#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/rtp/telephone_event.h"
#include "dataplane/rtp/types.h"

namespace byon::pipeline {

// What a received telephone-event packet, or the time since the last one, means.
struct EventProgress {
  bool has_started = false;
  bool has_ended = false;  // with has_started both: all but its end was lost
  uint8_t event = 0;
  uint8_t volume = 0;
  base::TimeDelta duration;  // so far, or final
  // A former event ended unseen because this one started.
  bool has_ended_former = false;
  uint8_t former_event = 0;
  base::TimeDelta former_duration;
};

// Follows the events of one stream through repeated, lost and late packets and through the segments of
// long events (RFC 4733 sections 2.5.1 and 2.5.2).
class TelephoneEventReceiver {
 public:
  EventProgress OnPacket(const rtp::TelephoneEvent& report, rtp::RtpTimestamp timestamp, bool marker,
                         uint32_t clock_rate_hz, base::Timestamp now);
  // Ends an event whose packets stopped coming.
  std::optional<EventProgress> OnTick(base::Timestamp now);
  bool is_active() const { return active_.has_value(); }
  // Another source follows. An open event is given up; OnTick() tells its end at once.
  void Reset();

  // RFC 4733 section 2.5.2.2: three update intervals of the usual 50 ms, and the worst jitter besides.
  static constexpr base::TimeDelta kLostEndAfter = base::TimeDelta::Milliseconds(250);

 private:
  struct Active {
    uint8_t event = 0;
    uint8_t volume = 0;
    rtp::RtpTimestamp timestamp;
    uint16_t units = 0;  // duration in this segment
    base::TimeDelta former_segments;
    uint32_t clock_rate_hz = 8000;
    base::Timestamp last_packet;
  };
  static base::TimeDelta DurationOf(const Active& active);
  bool IsNextSegment(const rtp::TelephoneEvent& report, bool marker) const;
  bool IsOfPast(rtp::RtpTimestamp timestamp, base::Timestamp now) const;
  void End(base::Timestamp now);

  struct Ended {
    rtp::RtpTimestamp timestamp;
    base::Timestamp at;
  };
  // Repetitions and late packets come within this; later the timestamp may have gone round.
  static constexpr base::TimeDelta kRememberEnded = base::TimeDelta::Seconds(10);

  std::optional<Active> active_;
  std::optional<Ended> last_ended_;
  bool is_source_gone_ = false;
};

}  // namespace byon::pipeline
