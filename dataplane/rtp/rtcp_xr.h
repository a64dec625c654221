#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/rtp/ntp_time.h"
#include "dataplane/rtp/rtcp_types.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

class RtcpBlockView;

// One receiver's entry of a DLRR block (RFC 3611 section 4.5).
struct LastReceiverReference {
  Ssrc receiver;
  uint32_t last_rr = 0;              // compact NTP of its reference time; 0: none was seen
  uint32_t delay_since_last_rr = 0;  // 1/65536 s
  bool operator==(const LastReceiverReference&) const = default;
};

// RFC 3611 section 4.7. Rates and densities are in 1/256.
struct VoipMetrics {
  static constexpr uint8_t kUnavailable = 127;  // of levels, R factors and MOS

  Ssrc source;  // whose reception is reported
  uint8_t loss_rate = 0;
  uint8_t discard_rate = 0;
  uint8_t burst_density = 0;
  uint8_t gap_density = 0;
  uint16_t burst_duration_ms = 0;
  uint16_t gap_duration_ms = 0;
  uint16_t round_trip_delay_ms = 0;
  uint16_t end_system_delay_ms = 0;
  int8_t signal_level_dbm = kUnavailable;
  int8_t noise_level_dbm = kUnavailable;
  uint8_t residual_echo_return_loss_db = kUnavailable;
  uint8_t gmin = 16;
  uint8_t r_factor = kUnavailable;
  uint8_t external_r_factor = kUnavailable;
  uint8_t mos_lq = kUnavailable;       // times ten
  uint8_t mos_cq = kUnavailable;       // times ten
  uint8_t receiver_configuration = 0;  // section 4.7.6: PLC, JBA, JB rate
  uint16_t jitter_buffer_nominal_ms = 0;
  uint16_t jitter_buffer_maximum_ms = 0;
  uint16_t jitter_buffer_absolute_maximum_ms = 0;
  bool operator==(const VoipMetrics&) const = default;
};
// receiver_configuration: enhanced concealment, adaptive jitter buffer; the low four bits are the
// adjustment rate (RFC 3611 section 4.7.6).
inline constexpr uint8_t kEnhancedConcealment = 2 << 6;
inline constexpr uint8_t kAdaptiveJitterBuffer = 3 << 4;

// The blocks of one XR packet that are of use here; others are stepped over.
struct ExtendedReport {
  static constexpr size_t kMaxVoipMetrics = 8;

  Ssrc sender;
  std::optional<NtpTime> receiver_reference_time;  // section 4.4
  base::FixedVector<LastReceiverReference, kMaxRtcpCount> last_references;
  base::FixedVector<VoipMetrics, kMaxVoipMetrics> voip_metrics;

  bool empty() const { return !receiver_reference_time && last_references.empty() && voip_metrics.empty(); }
};

// Reads an XR block of a compound packet. Nothing when it is of another type or a report block in it
// runs past its end. Report blocks of a wrong length are stepped over (RFC 3611 section 3).
std::optional<ExtendedReport> ParseExtendedReport(const RtcpBlockView& block);

}  // namespace byon::rtp
