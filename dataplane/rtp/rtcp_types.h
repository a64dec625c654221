#pragma once

#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/rtp/ntp_time.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

// RTCP packet types: RFC 3550 section 12.1, RFC 4585 section 6.1, RFC 3611 section 2.
enum class RtcpType : uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kApplication = 204,
  kTransportFeedback = 205,
  kPayloadFeedback = 206,
  kExtendedReport = 207,
};

// Most report blocks, chunks or sources in one block: the 5-bit count.
inline constexpr size_t kMaxRtcpCount = 31;

// RFC 3550 section 6.4.1.
struct ReportBlock {
  Ssrc source;                  // whose reception is reported
  uint8_t fraction_lost = 0;    // in 1/256, since the last report
  int32_t cumulative_lost = 0;  // signed 24 bits
  uint32_t extended_highest_sequence_number = 0;
  uint32_t jitter = 0;               // in timestamp units
  uint32_t last_sr = 0;              // compact NTP; 0: no SR yet
  uint32_t delay_since_last_sr = 0;  // 1/65536 s
  bool operator==(const ReportBlock&) const = default;
};
using ReportBlocks = base::FixedVector<ReportBlock, kMaxRtcpCount>;

// RFC 3550 section 6.4.1.
struct SenderInfo {
  NtpTime ntp;
  RtpTimestamp rtp_timestamp;
  uint32_t packet_count = 0;
  uint32_t octet_count = 0;
  bool operator==(const SenderInfo&) const = default;
};
struct SenderReport {
  Ssrc sender;
  SenderInfo info;
  ReportBlocks blocks;
};
// RFC 3550 section 6.4.2.
struct ReceiverReport {
  Ssrc sender;
  ReportBlocks blocks;
};
// RFC 3550 section 6.5: one source's CNAME; the other items are skipped.
struct SourceDescription {
  Ssrc source;
  base::ByteSpan cname;  // into the parsed datagram
};
using SourceDescriptions = base::FixedVector<SourceDescription, kMaxRtcpCount>;
// RFC 3550 section 6.6.
struct Bye {
  base::FixedVector<Ssrc, kMaxRtcpCount> sources;
  base::ByteSpan reason;  // into the parsed datagram
};
// RFC 4585 section 6.1.
struct FeedbackMessage {
  uint8_t format = 0;
  Ssrc sender;
  Ssrc media_source;
  base::ByteSpan control_information;
};

}  // namespace byon::rtp
