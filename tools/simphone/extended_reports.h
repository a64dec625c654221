#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/rtp/rtcp_xr.h"

namespace byon::simphone {

// RTCP XR (RFC 3611) of one call: what the other side says of our stream, and the time there and back without
// help of sender reports.
class ExtendedReports {
 public:
  // A report that came.
  void Take(const rtp::ExtendedReport& report, rtp::Ssrc own, base::Timestamp now, rtp::NtpTime wall_clock);
  // What goes out next: a reference time, the answer to one, and how `received` came in.
  rtp::ExtendedReport Make(rtp::Ssrc own, std::optional<rtp::Ssrc> received, double loss_share, base::Timestamp now,
                           rtp::NtpTime wall_clock);

  uint64_t received() const { return received_; }
  double round_trip_ms() const { return round_trip_ms_; }  // -1: unknown
  // The last about our stream.
  const std::optional<rtp::VoipMetrics>& metrics() const { return metrics_; }

 private:
  struct Reference {
    rtp::Ssrc sender;
    uint32_t compact = 0;
    base::Timestamp arrival;
  };
  uint64_t received_ = 0;
  double round_trip_ms_ = -1;
  std::optional<Reference> reference_;  // that is to be answered
  std::optional<rtp::VoipMetrics> metrics_;
};

}  // namespace byon::simphone
