#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"
#include "dataplane/rtp/telephone_event.h"
#include "dataplane/rtp/types.h"

namespace byon::pipeline {

// One telephone-event packet that is to be sent now.
struct DtmfPacket {
  rtp::TelephoneEvent report;
  rtp::RtpTimestamp timestamp;
  bool marker = false;
};

// Plays telephone-events one after the other, a packet every 20 ms tick: updates while the event lasts,
// its end three times (RFC 4733 section 2.5.1). An event is either of known length or follows one that
// is still being received.
class DtmfSender {
 public:
  // False, with nothing queued, when a character is no digit or there is no room for all.
  [[nodiscard]] bool Queue(std::string_view digits, base::TimeDelta duration, base::TimeDelta gap);
  // An event whose end is not known yet, and its end. False when there is no room.
  [[nodiscard]] bool StartRelayed(uint8_t event, uint8_t volume);
  void EndRelayed(base::TimeDelta duration);

  bool is_idle() const { return !current_ && queue_.empty(); }
  // The packet of this tick, in whose 20 ms no audio is sent; nothing in a gap or when idle.
  // `timestamp`: of the outgoing audio at this tick; `clock_rate_hz`: of the event's payload type.
  std::optional<DtmfPacket> NextPacket(rtp::RtpTimestamp timestamp, uint32_t clock_rate_hz);
  // The stream changed its format: what was being sent is cut off.
  void Abort();
  uint64_t digits_sent() const { return digits_sent_; }

  static constexpr size_t kMaxQueued = 32;
  static constexpr base::TimeDelta kTick = base::TimeDelta::Milliseconds(20);
  static constexpr base::TimeDelta kMinDuration = base::TimeDelta::Milliseconds(40);  // ITU-T Q.24
  static constexpr base::TimeDelta kRelayGap = base::TimeDelta::Milliseconds(40);
  static constexpr uint8_t kVolume = 10;  // -10 dBm0
  static constexpr int kEndPackets = 3;

 private:
  struct Event {
    uint8_t code = 0;
    uint8_t volume = kVolume;
    bool is_open = false;  // relayed, and its end has not come
    base::TimeDelta duration;
    base::TimeDelta gap;
  };
  struct Current {
    Event event;
    rtp::RtpTimestamp segment_start;
    base::TimeDelta former_segments;
    base::TimeDelta played;
    bool has_sent_first = false;
    int ends_left = kEndPackets;
  };
  uint16_t SegmentUnits(uint32_t clock_rate_hz) const;
  void StartNextSegmentIfFull(rtp::RtpTimestamp timestamp, uint32_t clock_rate_hz);

  base::FixedVector<Event, kMaxQueued> queue_;
  std::optional<Current> current_;
  base::TimeDelta gap_left_;
  uint64_t digits_sent_ = 0;
};

}  // namespace byon::pipeline
