#pragma once

#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/pipeline/pipeline_stats.h"
#include "dataplane/quality/packet_outcomes.h"
#include "dataplane/quality/quality_meter.h"
#include "dataplane/rtp/ntp_time.h"
#include "dataplane/rtp/rtcp_xr.h"
#include "dataplane/session/rtcp_parameters.h"

namespace byon::session {

// RTCP XR of one leg (RFC 3611): answers reference times, measures the round trip of a leg that
// only receives, and keeps what the peer says of our stream.
class ExtendedReporter {
 public:
  // A report of the peer that arrived at `now`; `local` is our own source.
  void OnReport(const rtp::ExtendedReport& report, rtp::Ssrc local, base::Timestamp now, rtp::NtpTime wall_clock);
  // What goes into the next compound packet: the answer to a reference time, one of ours and
  // `metrics` where the peer asked for them. May be empty.
  rtp::ExtendedReport Make(rtp::Ssrc local, const RtcpParameters& parameters,
                           const std::optional<rtp::VoipMetrics>& metrics, base::Timestamp now,
                           rtp::NtpTime wall_clock);

  // From DLRR; nothing before one that answers a reference time of ours.
  std::optional<base::TimeDelta> round_trip_time() const { return round_trip_time_; }
  // The peer's last word on what it receives from us.
  const std::optional<rtp::VoipMetrics>& remote_metrics() const { return remote_metrics_; }

 private:
  struct Reference {
    rtp::Ssrc sender;
    uint32_t compact = 0;
    base::Timestamp arrival;
  };
  std::optional<Reference> reference_;  // waits for its answer
  std::optional<base::TimeDelta> round_trip_time_;
  std::optional<rtp::VoipMetrics> remote_metrics_;
};

// The figures of a leg as a VoIP metrics block; `packet_time` is what one packet of it holds.
struct VoipMetricsInput {
  rtp::Ssrc source;
  const quality::PacketOutcomes& outcomes;
  const quality::QualityMeter& meter;
  const pipeline::PipelineStats& stats;
  base::TimeDelta round_trip;
  base::TimeDelta packet_time;
};
rtp::VoipMetrics MakeVoipMetrics(const VoipMetricsInput& input);

}  // namespace byon::session
