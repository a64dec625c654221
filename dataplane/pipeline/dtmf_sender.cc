#include "dataplane/pipeline/dtmf_sender.h"

#include <algorithm>

namespace byon::pipeline {

bool DtmfSender::Queue(std::string_view digits, base::TimeDelta duration, base::TimeDelta gap) {
  if (digits.size() > kMaxQueued - queue_.size()) return false;
  if (!std::ranges::all_of(digits, [](char c) { return rtp::EventFromDigit(c).has_value(); })) {
    return false;
  }
  for (char digit : digits) {
    Event event;
    event.code = *rtp::EventFromDigit(digit);
    event.duration = std::max(duration, kMinDuration);
    event.gap = gap;
    queue_.PushBack(event);
  }
  return true;
}

bool DtmfSender::StartRelayed(uint8_t event, uint8_t volume) {
  return queue_.PushBack(Event{.code = event, .volume = volume, .is_open = true, .gap = kRelayGap});
}

void DtmfSender::EndRelayed(base::TimeDelta duration) {
  const auto close = [duration](Event& event) {
    event.is_open = false;
    event.duration = std::max(duration, kMinDuration);
  };
  // At most one event is open, and it is the youngest of the relayed ones.
  if (current_ && current_->event.is_open) close(current_->event);
  for (Event& event : queue_) {
    if (event.is_open) close(event);
  }
}

void DtmfSender::Abort() {
  current_.reset();
  gap_left_ = {};
  // The rest of an event in the middle of which we are is nothing worth.
  while (!queue_.empty() && queue_[0].is_open) queue_.Erase(0);
}

uint16_t DtmfSender::SegmentUnits(uint32_t clock_rate_hz) const {
  const base::TimeDelta in_segment = current_->played - current_->former_segments;
  return static_cast<uint16_t>(
      std::min<int64_t>(in_segment.microseconds() * int64_t{clock_rate_hz} / 1'000'000, 0xffff));
}

// The duration field has 16 bits: a longer event goes on in a segment that starts where the last one
// ended (RFC 4733 section 2.5.1.3).
void DtmfSender::StartNextSegmentIfFull(rtp::RtpTimestamp timestamp, uint32_t clock_rate_hz) {
  const base::TimeDelta in_segment = current_->played + kTick - current_->former_segments;
  if (in_segment.microseconds() * int64_t{clock_rate_hz} / 1'000'000 <= 0xffff) return;
  current_->former_segments = current_->played;
  current_->segment_start = timestamp;
}

std::optional<DtmfPacket> DtmfSender::NextPacket(rtp::RtpTimestamp timestamp, uint32_t clock_rate_hz) {
  if (!current_) {
    if (gap_left_ > base::TimeDelta()) {
      gap_left_ -= kTick;
      return std::nullopt;
    }
    if (queue_.empty()) return std::nullopt;
    current_ = Current{};  // no emplace(): clang 14 takes nested defaults for missing
    current_->event = queue_[0];
    current_->segment_start = timestamp;
    queue_.Erase(0);
  }
  Current& current = *current_;
  const bool is_repeating_end = current.ends_left < kEndPackets;
  if (!is_repeating_end) {
    StartNextSegmentIfFull(timestamp, clock_rate_hz);
    current.played += kTick;
  }
  const bool is_over = !current.event.is_open && current.played >= current.event.duration;
  if (is_over && !is_repeating_end) {
    // Not the tick decides the length, but who pressed the key; never less than was announced.
    current.played = std::max(current.event.duration, current.played - kTick);
  }
  DtmfPacket packet;
  packet.report = {.event = current.event.code,
                   .is_end = is_over,
                   .volume = current.event.volume,
                   .duration = SegmentUnits(clock_rate_hz)};
  packet.timestamp = current.segment_start;
  packet.marker = !current.has_sent_first;
  current.has_sent_first = true;
  if (is_over && --current.ends_left == 0) {
    // The repeated ends took time out of the gap already.
    gap_left_ = current.event.gap - kTick * (kEndPackets - 1);
    ++digits_sent_;
    current_.reset();
  }
  return packet;
}

}  // namespace byon::pipeline
