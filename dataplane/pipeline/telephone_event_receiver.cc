#include "dataplane/pipeline/telephone_event_receiver.h"

#include <algorithm>

namespace byon::pipeline {

base::TimeDelta TelephoneEventReceiver::DurationOf(const Active& active) {
  return active.former_segments +
         base::TimeDelta::Microseconds(int64_t{active.units} * 1'000'000 / active.clock_rate_hz);
}

// An event longer than the duration field goes on under a new timestamp, one segment further, without a
// marker (RFC 4733 section 2.5.1.3).
bool TelephoneEventReceiver::IsNextSegment(const rtp::TelephoneEvent& report, bool marker) const {
  constexpr uint16_t kNearlyFull = 0xc000;  // its last updates may be lost
  return !marker && report.event == active_->event && active_->units >= kNearlyFull;
}

// The end is sent three times (section 2.5.1.4), and any packet may come late.
bool TelephoneEventReceiver::IsOfPast(rtp::RtpTimestamp timestamp, base::Timestamp now) const {
  return last_ended_ && now - last_ended_->at < kRememberEnded && timestamp - last_ended_->timestamp <= 0;
}

void TelephoneEventReceiver::End(base::Timestamp now) {
  last_ended_ = Ended{active_->timestamp, now};
  active_.reset();
}

EventProgress TelephoneEventReceiver::OnPacket(const rtp::TelephoneEvent& report, rtp::RtpTimestamp timestamp,
                                               bool marker, uint32_t clock_rate_hz, base::Timestamp now) {
  EventProgress progress;
  if (active_ && (timestamp != active_->timestamp || is_source_gone_)) {
    const bool is_late = timestamp - active_->timestamp < 0;
    if (is_late && !is_source_gone_) return progress;  // of an event before
    if (IsNextSegment(report, marker) && !is_source_gone_) {
      active_->former_segments = DurationOf(*active_);
      active_->timestamp = timestamp;
      active_->units = 0;
    } else {
      progress.has_ended_former = true;
      progress.former_event = active_->event;
      progress.former_duration = DurationOf(*active_);
      End(now);
      if (is_source_gone_) last_ended_.reset();
    }
  }
  if (!active_) {
    if (IsOfPast(timestamp, now)) return progress;
    active_ =
        Active{.event = report.event, .volume = report.volume, .timestamp = timestamp, .clock_rate_hz = clock_rate_hz};
    is_source_gone_ = false;
    progress.has_started = true;
  }
  active_->units = std::max(active_->units, report.duration);
  active_->last_packet = now;
  progress.event = active_->event;
  progress.volume = active_->volume;
  progress.duration = DurationOf(*active_);
  if (report.is_end) {
    progress.has_ended = true;
    End(now);
  }
  return progress;
}

std::optional<EventProgress> TelephoneEventReceiver::OnTick(base::Timestamp now) {
  if (!active_) return std::nullopt;
  if (!is_source_gone_ && now - active_->last_packet < kLostEndAfter) return std::nullopt;
  EventProgress progress;
  progress.has_ended = true;
  progress.event = active_->event;
  progress.volume = active_->volume;
  progress.duration = DurationOf(*active_);
  End(now);
  if (is_source_gone_) last_ended_.reset();
  return progress;
}

void TelephoneEventReceiver::Reset() {
  last_ended_.reset();
  is_source_gone_ = active_.has_value();
}

}  // namespace byon::pipeline
