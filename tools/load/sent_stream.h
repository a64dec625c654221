#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/rtp/sender_statistics.h"
#include "tools/load/speech.h"

namespace byon::load {

// One RTP stream towards the gateway out of encoded speech, 20 ms after 20 ms.
class SentStream {
 public:
  SentStream(const EncodedSpeech& speech, uint8_t payload_type, uint32_t clock_rate_hz, uint32_t ssrc,
             uint16_t first_sequence, uint32_t first_timestamp, size_t first_frame)
      : speech_(&speech),
        statistics_(rtp::Ssrc{ssrc}, clock_rate_hz),
        payload_type_(payload_type),
        frame_units_(clock_rate_hz / 50),
        sequence_(first_sequence),
        timestamp_(first_timestamp),
        frame_(first_frame % speech.frame_count()) {}

  // Writes the packet of the next 20 ms to `buffer`; nothing in silence that is not sent. `is_lost`
  // keeps an onset in it from being waited for.
  std::optional<size_t> Next(base::MutableByteSpan buffer, base::Timestamp now, bool is_lost) {
    const EncodedSpeech::Frame& frame = speech_->frame(frame_);
    frame_ = (frame_ + 1) % speech_->frame_count();
    const rtp::RtpTimestamp timestamp{timestamp_};
    timestamp_ += frame_units_;
    if (frame.bytes == 0) return std::nullopt;
    if (frame.onset_us && !is_lost) onsets_.push_back(now + base::TimeDelta::Microseconds(*frame.onset_us));
    if (onsets_.size() > kMaxOnsets) onsets_.pop_front();
    rtp::RtpPacketBuilder builder(buffer, {.marker = frame.marker || is_first_,
                                           .payload_type = {payload_type_},
                                           .sequence_number = {sequence_++},
                                           .timestamp = timestamp,
                                           .ssrc = statistics_.source()});
    is_first_ = false;
    builder.SetPayload(speech_->payload(frame));
    const auto packet = builder.Finish();
    statistics_.OnPacketSent(timestamp, frame.bytes, now);
    return packet->size();
  }

  // How long ago the speech began whose beginning was heard at `heard_at`; nothing when none is
  // waited for within kLongestDelay.
  std::optional<base::TimeDelta> MatchOnset(base::Timestamp heard_at) {
    while (!onsets_.empty() && heard_at - onsets_.front() > kLongestDelay) onsets_.pop_front();
    if (onsets_.empty() || onsets_.front() > heard_at) return std::nullopt;
    const base::TimeDelta delay = heard_at - onsets_.front();
    onsets_.pop_front();
    return delay;
  }

  rtp::SenderStatistics& statistics() { return statistics_; }
  const rtp::SenderStatistics& statistics() const { return statistics_; }

 private:
  // Shorter than an utterance with its pause, so that no beginning is taken for the one before.
  static constexpr base::TimeDelta kLongestDelay = base::TimeDelta::Milliseconds(900);
  static constexpr size_t kMaxOnsets = 8;

  const EncodedSpeech* speech_;
  rtp::SenderStatistics statistics_;
  uint8_t payload_type_;
  uint32_t frame_units_;
  uint16_t sequence_;
  uint32_t timestamp_;
  size_t frame_;
  bool is_first_ = true;
  std::deque<base::Timestamp> onsets_;
};

}  // namespace byon::load
