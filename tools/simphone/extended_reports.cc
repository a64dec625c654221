#include "tools/simphone/extended_reports.h"

#include <algorithm>

namespace byon::simphone {

void ExtendedReports::Take(const rtp::ExtendedReport& report, rtp::Ssrc own, base::Timestamp now,
                           rtp::NtpTime wall_clock) {
  ++received_;
  if (report.receiver_reference_time) {
    reference_ = Reference{report.sender, report.receiver_reference_time->compact(), now};
  }
  for (const rtp::LastReceiverReference& answer : report.last_references) {
    if (answer.receiver != own || answer.last_rr == 0) continue;
    const auto units = static_cast<int32_t>(wall_clock.compact() - answer.last_rr - answer.delay_since_last_rr);
    round_trip_ms_ = std::max(units, 0) * 1000.0 / 65'536;
  }
  for (const rtp::VoipMetrics& metrics : report.voip_metrics) {
    if (metrics.source == own) metrics_ = metrics;
  }
}

rtp::ExtendedReport ExtendedReports::Make(rtp::Ssrc own, std::optional<rtp::Ssrc> received, double loss_share,
                                          base::Timestamp now, rtp::NtpTime wall_clock) {
  rtp::ExtendedReport report;
  report.sender = own;
  report.receiver_reference_time = wall_clock;
  if (reference_) {
    (void)report.last_references.PushBack(
        {reference_->sender, reference_->compact, rtp::CompactNtpFromTimeDelta(now - reference_->arrival)});
    reference_.reset();
  }
  if (received) {
    rtp::VoipMetrics metrics;  // a phone without a jitter buffer knows of nothing but loss
    metrics.source = *received;
    metrics.loss_rate = static_cast<uint8_t>(std::clamp(loss_share * 256, 0.0, 255.0));
    (void)report.voip_metrics.PushBack(metrics);
  }
  return report;
}

}  // namespace byon::simphone
