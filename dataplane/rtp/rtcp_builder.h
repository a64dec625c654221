#pragma once

#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/rtp/rtcp_types.h"
#include "dataplane/rtp/rtcp_xr.h"

namespace byon::rtp {

// Appends RTCP blocks to a caller's buffer. The order is the caller's: a compound packet starts
// with SR or RR and holds a CNAME (RFC 3550 section 6.1), a reduced-size one need not (RFC 5506).
class RtcpBuilder {
 public:
  explicit RtcpBuilder(base::MutableByteSpan buffer) : writer_(buffer) {}

  void AddSenderReport(Ssrc sender, const SenderInfo& info, std::span<const ReportBlock> blocks);
  void AddReceiverReport(Ssrc sender, std::span<const ReportBlock> blocks);
  void AddCname(Ssrc source, base::ByteSpan cname);      // at most 255 bytes
  void AddBye(Ssrc source, base::ByteSpan reason = {});  // at most 255 bytes
  // Its blocks in the order reference time, DLRR, VoIP metrics (RFC 3611 section 4).
  void AddExtendedReport(const ExtendedReport& report);
  // RTPFB or PSFB with its format and control information, a multiple of four bytes.
  void AddFeedback(RtcpType type, const FeedbackMessage& message);

  // Everything so far, or nothing when a block did not fit or broke a limit.
  std::optional<base::ByteSpan> Finish() const;

 private:
  void AddHeader(RtcpType type, size_t count, size_t body_bytes);
  void AddVoipMetrics(const VoipMetrics& metrics);
  void AddReportBlocks(std::span<const ReportBlock> blocks);

  base::ByteWriter writer_;
  bool ok_ = true;
};

}  // namespace byon::rtp
