#include "dataplane/session/extended_reporter.h"

#include <algorithm>
#include <cmath>

#include "dataplane/jitter/jitter_buffer.h"
#include "dataplane/quality/e_model.h"

namespace byon::session {
namespace {

// How fast the delay is adjusted, 0 to 15: an implementation's own scale (RFC 3611 section 4.7.6).
constexpr uint8_t kAdjustmentRate = 5;
constexpr double kMostRating = 100;  // of the R factor fields, section 4.7.5

uint8_t ShareField(double share) { return static_cast<uint8_t>(std::clamp(std::floor(share * 256), 0.0, 255.0)); }

uint16_t MillisecondsField(double ms) { return static_cast<uint16_t>(std::clamp(std::round(ms), 0.0, 65'535.0)); }

uint16_t MillisecondsField(base::TimeDelta time) { return MillisecondsField(time.seconds() * 1e3); }

uint8_t MosField(double mos) { return static_cast<uint8_t>(std::clamp(std::round(mos * 10), 10.0, 50.0)); }

int8_t LevelField(const std::optional<float>& level_dbm0) {
  if (!level_dbm0) return static_cast<int8_t>(rtp::VoipMetrics::kUnavailable);
  return static_cast<int8_t>(std::clamp(std::round(*level_dbm0), -127.0F, 3.0F));
}

// The field holds 0 to 100: the wideband scale is brought there as its own MOS is (G.107.1 annex A).
uint8_t RatingField(const quality::QualityEstimate& estimate) {
  const double rating =
      estimate.is_wideband ? estimate.r_factor * kMostRating / quality::kWidebandMaximum : estimate.r_factor;
  return static_cast<uint8_t>(std::clamp(std::round(rating), 0.0, kMostRating));
}

}  // namespace

void ExtendedReporter::OnReport(const rtp::ExtendedReport& report, rtp::Ssrc local, base::Timestamp now,
                                rtp::NtpTime wall_clock) {
  if (report.receiver_reference_time) {
    reference_ = Reference{report.sender, report.receiver_reference_time->compact(), now};
  }
  for (const rtp::LastReceiverReference& entry : report.last_references) {
    if (entry.receiver != local || entry.last_rr == 0) continue;
    const uint32_t trip = wall_clock.compact() - entry.last_rr - entry.delay_since_last_rr;
    // Clocks of 15 us steps: a short way may come out below zero.
    const auto signed_trip = static_cast<int32_t>(trip);
    round_trip_time_ = rtp::TimeDeltaFromCompactNtp(static_cast<uint32_t>(std::max(signed_trip, 0)));
  }
  for (const rtp::VoipMetrics& metrics : report.voip_metrics) {
    if (metrics.source == local) remote_metrics_ = metrics;
  }
}

rtp::ExtendedReport ExtendedReporter::Make(rtp::Ssrc local, const RtcpParameters& parameters,
                                           const std::optional<rtp::VoipMetrics>& metrics, base::Timestamp now,
                                           rtp::NtpTime wall_clock) {
  rtp::ExtendedReport report;
  report.sender = local;
  if (parameters.answers_reference_time) report.receiver_reference_time = wall_clock;
  if (reference_) {
    // Who sends a reference time understands the answer, whatever was negotiated.
    (void)report.last_references.PushBack(
        {reference_->sender, reference_->compact, rtp::CompactNtpFromTimeDelta(now - reference_->arrival)});
    reference_.reset();
  }
  if (parameters.wants_voip_metrics && metrics) (void)report.voip_metrics.PushBack(*metrics);
  return report;
}

rtp::VoipMetrics MakeVoipMetrics(const VoipMetricsInput& input) {
  const quality::PacketOutcomes::Totals& totals = input.outcomes.totals();
  const auto bursts = input.outcomes.burst_gap().bursts();
  const auto gaps = input.outcomes.burst_gap().gaps();
  const double packet_ms = input.packet_time.seconds() * 1e3;
  rtp::VoipMetrics metrics;
  metrics.source = input.source;
  metrics.loss_rate = ShareField(totals.loss_rate());
  metrics.discard_rate = ShareField(totals.discard_rate());
  metrics.burst_density = ShareField(bursts.density());
  metrics.gap_density = ShareField(gaps.density());
  metrics.burst_duration_ms = MillisecondsField(bursts.length() * packet_ms);
  metrics.gap_duration_ms = MillisecondsField(gaps.length() * packet_ms);
  metrics.round_trip_delay_ms = MillisecondsField(input.round_trip);
  metrics.end_system_delay_ms = MillisecondsField(input.stats.added_latency_mean);
  metrics.signal_level_dbm = LevelField(input.stats.signal_level_dbm0);
  metrics.noise_level_dbm = LevelField(input.stats.noise_level_dbm0);
  metrics.gmin = static_cast<uint8_t>(quality::BurstGap::kGmin);
  if (const auto& estimate = input.meter.latest()) {
    metrics.r_factor = RatingField(*estimate);
    metrics.mos_lq = MosField(estimate->mos_listening);
    metrics.mos_cq = MosField(estimate->mos_conversational);
  }
  metrics.receiver_configuration = rtp::kEnhancedConcealment | rtp::kAdaptiveJitterBuffer | kAdjustmentRate;
  metrics.jitter_buffer_nominal_ms = MillisecondsField(input.stats.target_playout_delay);
  // The longest delay that has been used; it grows with the jitter.
  metrics.jitter_buffer_maximum_ms =
      MillisecondsField(std::max(input.stats.target_playout_delay, input.stats.added_latency_max));
  metrics.jitter_buffer_absolute_maximum_ms = MillisecondsField(jitter::JitterBuffer::kMaxDelay);
  return metrics;
}

}  // namespace byon::session
