#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/rtp/rtcp_types.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

// What is known of one outgoing source: the counts and the NTP/RTP pair of its sender reports, and
// what the peer reports about it.
class SenderStatistics {
 public:
  SenderStatistics(Ssrc source, uint32_t clock_rate_hz) : source_(source), clock_rate_hz_(clock_rate_hz) {}

  // Takes a packet sent at `now` whose `timestamp` stands for the same instant.
  void OnPacketSent(RtpTimestamp timestamp, size_t payload_bytes, base::Timestamp now);
  // The sender info for a report at `now`, which on the wall clock is `wall_clock`: its RTP
  // timestamp is that of the last packet carried on to `now` (RFC 3550 section 6.4.1). Nothing
  // before the first packet.
  std::optional<SenderInfo> MakeSenderInfo(base::Timestamp now, NtpTime wall_clock) const;
  // Takes a report block about this source that arrived when the wall clock said `wall_clock`;
  // ignores one about another source.
  void OnReportBlock(const ReportBlock& block, NtpTime wall_clock);

  // The source goes on with a codec of another clock; its counts stay.
  void SetClockRate(uint32_t clock_rate_hz) { clock_rate_hz_ = clock_rate_hz; }

  Ssrc source() const { return source_; }
  bool has_sent() const { return packets_sent_ > 0; }
  uint64_t packets_sent() const { return packets_sent_; }
  uint64_t payload_bytes_sent() const { return payload_bytes_sent_; }
  // RFC 3550 section 6.4.1, from LSR and DLSR; nothing before a report that answers one of ours.
  std::optional<base::TimeDelta> round_trip_time() const { return round_trip_time_; }
  // In [0, 1); 0 before the first report.
  double remote_fraction_lost() const { return remote_fraction_lost_ / 256.0; }
  // Report blocks about this source so far.
  uint64_t reports_received() const { return reports_received_; }
  int32_t remote_cumulative_lost() const { return remote_cumulative_lost_; }
  base::TimeDelta remote_jitter() const;

 private:
  Ssrc source_;
  uint32_t clock_rate_hz_;
  uint64_t packets_sent_ = 0;
  uint64_t payload_bytes_sent_ = 0;
  RtpTimestamp last_timestamp_;
  base::Timestamp last_sent_;
  std::optional<base::TimeDelta> round_trip_time_;
  uint64_t reports_received_ = 0;
  uint8_t remote_fraction_lost_ = 0;
  int32_t remote_cumulative_lost_ = 0;
  uint32_t remote_jitter_ = 0;
};

}  // namespace byon::rtp
