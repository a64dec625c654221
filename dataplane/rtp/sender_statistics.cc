#include "dataplane/rtp/sender_statistics.h"

#include <algorithm>

namespace byon::rtp {
namespace {
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
}  // namespace

void SenderStatistics::OnPacketSent(RtpTimestamp timestamp, size_t payload_bytes, base::Timestamp now) {
  ++packets_sent_;
  payload_bytes_sent_ += payload_bytes;
  last_timestamp_ = timestamp;
  last_sent_ = now;
}

std::optional<SenderInfo> SenderStatistics::MakeSenderInfo(base::Timestamp now, NtpTime wall_clock) const {
  if (!has_sent()) return std::nullopt;
  const int64_t elapsed_ns = (now - last_sent_).nanoseconds();
  const int64_t seconds = elapsed_ns / kNanosecondsPerSecond;
  const int64_t rest = elapsed_ns % kNanosecondsPerSecond;
  SenderInfo info;
  info.ntp = wall_clock;
  info.rtp_timestamp = last_timestamp_ + (seconds * clock_rate_hz_ + rest * clock_rate_hz_ / kNanosecondsPerSecond);
  info.packet_count = static_cast<uint32_t>(packets_sent_);
  info.octet_count = static_cast<uint32_t>(payload_bytes_sent_);
  return info;
}

void SenderStatistics::OnReportBlock(const ReportBlock& block, NtpTime wall_clock) {
  if (block.source != source_) return;
  ++reports_received_;
  remote_fraction_lost_ = block.fraction_lost;
  remote_cumulative_lost_ = block.cumulative_lost;
  remote_jitter_ = block.jitter;
  if (block.last_sr == 0) return;
  const uint32_t round_trip = wall_clock.compact() - block.last_sr - block.delay_since_last_sr;
  // The two clocks count in 15 us steps, so a short way may come out below zero.
  const auto signed_trip = static_cast<int32_t>(round_trip);
  round_trip_time_ = TimeDeltaFromCompactNtp(static_cast<uint32_t>(std::max(signed_trip, 0)));
}

base::TimeDelta SenderStatistics::remote_jitter() const {
  return base::TimeDelta::Nanoseconds(int64_t{remote_jitter_} * kNanosecondsPerSecond / clock_rate_hz_);
}

}  // namespace byon::rtp
