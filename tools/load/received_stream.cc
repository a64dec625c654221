#include "tools/load/received_stream.h"

#include <algorithm>
#include <cstdlib>

namespace byon::load {

void ReceivedStream::StartSource(const rtp::RtpPacketView& packet) {
  if (ssrc_) {
    finished_.lost += MissingNow();
    ++finished_.new_sources;
  }
  ssrc_ = packet.ssrc().value;
  sequences_.Reset();
  timestamps_.Reset();
  first_ = highest_ = sequences_.Unwrap(packet.sequence_number().value);
  of_source_ = recent_ = 0;
  earliest_ns_.reset();
}

void ReceivedStream::OnPacket(const rtp::RtpPacketView& packet, base::Timestamp arrival, ArrivalTimes* times) {
  const bool is_new = ssrc_ != packet.ssrc().value;
  if (is_new) StartSource(packet);
  const int64_t sequence = sequences_.Unwrap(packet.sequence_number().value);
  const int64_t media_ns = timestamps_.Unwrap(packet.timestamp().value) * 1'000'000'000 / clock_rate_hz_;
  const int64_t ahead = sequence - highest_;
  if (ahead > 0) {
    recent_ = ahead < 64 ? recent_ << ahead : 0;
    highest_ = sequence;
  } else if (!is_new) {
    // More than 64 behind, nobody knows; so late it counts as what it is for a listener, nothing.
    if (-ahead >= 64 || (recent_ >> -ahead & 1) != 0 || sequence < first_) {
      ++finished_.duplicates;
      return;
    }
    ++finished_.reordered;
  }
  recent_ |= uint64_t{1} << (highest_ - sequence);
  ++of_source_;
  ++finished_.packets;
  if (times != nullptr && earliest_ns_) {
    const int64_t transit = arrival.nanoseconds() - media_ns;
    times->lateness.Add((transit - *earliest_ns_) / 1000);
    if (ahead == 1) {
      const int64_t apart = (arrival - last_arrival_).nanoseconds();
      times->spacing.Add(std::abs(apart - (media_ns - last_media_ns_)) / 1000);
    }
  }
  earliest_ns_ = std::min(earliest_ns_.value_or(INT64_MAX), arrival.nanoseconds() - media_ns);
  if (ahead >= 0) {
    last_arrival_ = arrival;
    last_media_ns_ = media_ns;
  }
}

}  // namespace byon::load
