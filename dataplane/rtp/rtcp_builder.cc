#include "dataplane/rtp/rtcp_builder.h"

#include <algorithm>

namespace byon::rtp {
namespace {
constexpr size_t kReportBlockBytes = 24;
constexpr uint8_t kCnameItem = 1;
constexpr size_t kMaxTextBytes = 255;

size_t RoundUpToWord(size_t bytes) { return (bytes + 3) & ~size_t{3}; }
}  // namespace

void RtcpBuilder::AddHeader(RtcpType type, size_t count, size_t body_bytes) {
  ok_ = ok_ && count <= kMaxRtcpCount && body_bytes % 4 == 0;
  writer_.WriteU8(static_cast<uint8_t>(0x80 | (count & 0x1f)));
  writer_.WriteU8(static_cast<uint8_t>(type));
  writer_.WriteU16(static_cast<uint16_t>(body_bytes / 4));
}

void RtcpBuilder::AddReportBlocks(std::span<const ReportBlock> blocks) {
  for (const ReportBlock& block : blocks) {
    writer_.WriteU32(block.source.value);
    writer_.WriteU8(block.fraction_lost);
    // Saturated, not wrapped: RFC 3550 appendix A.3.
    const int32_t lost = std::clamp(block.cumulative_lost, -0x800000, 0x7fffff);
    writer_.WriteU24(static_cast<uint32_t>(lost) & 0xffffff);
    writer_.WriteU32(block.extended_highest_sequence_number);
    writer_.WriteU32(block.jitter);
    writer_.WriteU32(block.last_sr);
    writer_.WriteU32(block.delay_since_last_sr);
  }
}

void RtcpBuilder::AddSenderReport(Ssrc sender, const SenderInfo& info, std::span<const ReportBlock> blocks) {
  AddHeader(RtcpType::kSenderReport, blocks.size(), 24 + blocks.size() * kReportBlockBytes);
  writer_.WriteU32(sender.value);
  writer_.WriteU64(info.ntp.value());
  writer_.WriteU32(info.rtp_timestamp.value);
  writer_.WriteU32(info.packet_count);
  writer_.WriteU32(info.octet_count);
  AddReportBlocks(blocks);
}

void RtcpBuilder::AddReceiverReport(Ssrc sender, std::span<const ReportBlock> blocks) {
  AddHeader(RtcpType::kReceiverReport, blocks.size(), 4 + blocks.size() * kReportBlockBytes);
  writer_.WriteU32(sender.value);
  AddReportBlocks(blocks);
}

void RtcpBuilder::AddCname(Ssrc source, base::ByteSpan cname) {
  ok_ = ok_ && cname.size() <= kMaxTextBytes;
  const size_t item_bytes = 2 + cname.size();
  // At least one null ends the item list.
  const size_t body_bytes = RoundUpToWord(4 + item_bytes + 1);
  AddHeader(RtcpType::kSourceDescription, 1, body_bytes);
  writer_.WriteU32(source.value);
  writer_.WriteU8(kCnameItem);
  writer_.WriteU8(static_cast<uint8_t>(cname.size()));
  writer_.WriteBytes(cname);
  writer_.WriteZeros(body_bytes - 4 - item_bytes);
}

void RtcpBuilder::AddBye(Ssrc source, base::ByteSpan reason) {
  ok_ = ok_ && reason.size() <= kMaxTextBytes;
  const size_t text_bytes = reason.empty() ? 0 : RoundUpToWord(1 + reason.size());
  AddHeader(RtcpType::kBye, 1, 4 + text_bytes);
  writer_.WriteU32(source.value);
  if (reason.empty()) return;
  writer_.WriteU8(static_cast<uint8_t>(reason.size()));
  writer_.WriteBytes(reason);
  writer_.WriteZeros(text_bytes - 1 - reason.size());
}

void RtcpBuilder::AddFeedback(RtcpType type, const FeedbackMessage& message) {
  AddHeader(type, message.format, 8 + message.control_information.size());
  writer_.WriteU32(message.sender.value);
  writer_.WriteU32(message.media_source.value);
  writer_.WriteBytes(message.control_information);
}

void RtcpBuilder::AddExtendedReport(const ExtendedReport& report) {
  const size_t reference_bytes = report.receiver_reference_time ? 12 : 0;
  const size_t dlrr_bytes = report.last_references.empty() ? 0 : 4 + 12 * report.last_references.size();
  AddHeader(RtcpType::kExtendedReport, 0, 4 + reference_bytes + dlrr_bytes + 36 * report.voip_metrics.size());
  writer_.WriteU32(report.sender.value);
  const auto add_block_header = [this](uint8_t type, size_t words) {
    writer_.WriteU8(type);
    writer_.WriteU8(0);
    writer_.WriteU16(static_cast<uint16_t>(words));
  };
  if (report.receiver_reference_time) {
    add_block_header(4, 2);
    writer_.WriteU64(report.receiver_reference_time->value());
  }
  if (!report.last_references.empty()) {
    add_block_header(5, 3 * report.last_references.size());
    for (const LastReceiverReference& entry : report.last_references) {
      writer_.WriteU32(entry.receiver.value);
      writer_.WriteU32(entry.last_rr);
      writer_.WriteU32(entry.delay_since_last_rr);
    }
  }
  for (const VoipMetrics& metrics : report.voip_metrics) {
    add_block_header(7, 8);
    AddVoipMetrics(metrics);
  }
}

void RtcpBuilder::AddVoipMetrics(const VoipMetrics& metrics) {
  writer_.WriteU32(metrics.source.value);
  for (const uint8_t share : {metrics.loss_rate, metrics.discard_rate, metrics.burst_density, metrics.gap_density}) {
    writer_.WriteU8(share);
  }
  for (const uint16_t time_ms :
       {metrics.burst_duration_ms, metrics.gap_duration_ms, metrics.round_trip_delay_ms, metrics.end_system_delay_ms}) {
    writer_.WriteU16(time_ms);
  }
  writer_.WriteU8(static_cast<uint8_t>(metrics.signal_level_dbm));
  writer_.WriteU8(static_cast<uint8_t>(metrics.noise_level_dbm));
  for (const uint8_t value :
       {metrics.residual_echo_return_loss_db, metrics.gmin, metrics.r_factor, metrics.external_r_factor, metrics.mos_lq,
        metrics.mos_cq, metrics.receiver_configuration, uint8_t{0}}) {
    writer_.WriteU8(value);
  }
  for (const uint16_t time_ms : {metrics.jitter_buffer_nominal_ms, metrics.jitter_buffer_maximum_ms,
                                 metrics.jitter_buffer_absolute_maximum_ms}) {
    writer_.WriteU16(time_ms);
  }
}

std::optional<base::ByteSpan> RtcpBuilder::Finish() const {
  if (!ok_ || !writer_.ok() || writer_.size() == 0) return std::nullopt;
  return writer_.written();
}

}  // namespace byon::rtp
