#include "dataplane/rtp/rtcp_xr.h"

#include "dataplane/base/bytes.h"
#include "dataplane/rtp/rtcp_view.h"

namespace byon::rtp {
namespace {

// RFC 3611 section 4; lengths are of the contents, without the four-octet header.
constexpr uint8_t kReceiverReferenceTime = 4;
constexpr uint8_t kDlrr = 5;
constexpr uint8_t kVoipMetrics = 7;
constexpr size_t kReferenceTimeBytes = 8;
constexpr size_t kDlrrEntryBytes = 12;
constexpr size_t kVoipMetricsBytes = 32;

VoipMetrics ReadVoipMetrics(base::ByteReader& reader) {
  VoipMetrics metrics;
  metrics.source = {reader.ReadU32()};
  metrics.loss_rate = reader.ReadU8();
  metrics.discard_rate = reader.ReadU8();
  metrics.burst_density = reader.ReadU8();
  metrics.gap_density = reader.ReadU8();
  metrics.burst_duration_ms = reader.ReadU16();
  metrics.gap_duration_ms = reader.ReadU16();
  metrics.round_trip_delay_ms = reader.ReadU16();
  metrics.end_system_delay_ms = reader.ReadU16();
  metrics.signal_level_dbm = static_cast<int8_t>(reader.ReadU8());
  metrics.noise_level_dbm = static_cast<int8_t>(reader.ReadU8());
  metrics.residual_echo_return_loss_db = reader.ReadU8();
  metrics.gmin = reader.ReadU8();
  metrics.r_factor = reader.ReadU8();
  metrics.external_r_factor = reader.ReadU8();
  metrics.mos_lq = reader.ReadU8();
  metrics.mos_cq = reader.ReadU8();
  metrics.receiver_configuration = reader.ReadU8();
  reader.Skip(1);
  metrics.jitter_buffer_nominal_ms = reader.ReadU16();
  metrics.jitter_buffer_maximum_ms = reader.ReadU16();
  metrics.jitter_buffer_absolute_maximum_ms = reader.ReadU16();
  return metrics;
}

void ReadReportBlock(uint8_t type, base::ByteSpan contents, ExtendedReport& report) {
  base::ByteReader reader(contents);
  if (type == kReceiverReferenceTime && contents.size() == kReferenceTimeBytes) {
    report.receiver_reference_time = NtpTime(reader.ReadU64());
  } else if (type == kDlrr && contents.size() % kDlrrEntryBytes == 0) {
    while (reader.remaining() > 0) {
      LastReceiverReference entry;
      entry.receiver = {reader.ReadU32()};
      entry.last_rr = reader.ReadU32();
      entry.delay_since_last_rr = reader.ReadU32();
      if (!report.last_references.PushBack(entry)) return;
    }
  } else if (type == kVoipMetrics && contents.size() == kVoipMetricsBytes) {
    (void)report.voip_metrics.PushBack(ReadVoipMetrics(reader));
  }
}

}  // namespace

std::optional<ExtendedReport> ParseExtendedReport(const RtcpBlockView& block) {
  if (block.type() != RtcpType::kExtendedReport) return std::nullopt;
  base::ByteReader reader(block.body());
  ExtendedReport report;
  report.sender = {reader.ReadU32()};
  while (reader.ok() && reader.remaining() > 0) {
    const uint8_t type = reader.ReadU8();
    reader.Skip(1);
    const base::ByteSpan contents = reader.ReadBytes(size_t{reader.ReadU16()} * 4);
    if (reader.ok()) ReadReportBlock(type, contents, report);
  }
  if (!reader.ok()) return std::nullopt;
  return report;
}

}  // namespace byon::rtp
