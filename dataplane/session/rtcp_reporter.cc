#include "dataplane/session/rtcp_reporter.h"

#include <algorithm>
#include <span>
#include <utility>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"

namespace byon::session {
namespace {

constexpr size_t kMaxByeReasonBytes = 255;

}  // namespace

RtcpReporter::RtcpReporter(rtp::Ssrc local, std::string cname, uint64_t random_seed)
    : cname_(std::move(cname)), random_(random_seed), sender_(local, 48'000) {}

void RtcpReporter::SetClockRates(uint32_t receive_hz, uint32_t send_hz) {
  if (send_hz != 0) sender_.SetClockRate(send_hz);
  if (receive_hz == 0 || receive_hz == receive_clock_hz_) return;
  receive_clock_hz_ = receive_hz;
  // Jitter is counted in units of the clock, so the old figure means nothing at the new rate.
  if (reception_) StartSource(reception_->source());
}

void RtcpReporter::StartSource(rtp::Ssrc source) {
  earlier_ = {packets_received(), bytes_received(), packets_lost()};
  reception_.emplace(source, receive_clock_hz_);
  peer_said_bye_ = false;
}

void RtcpReporter::OnRtpReceived(const rtp::RtpPacketView& packet, base::Timestamp now) {
  if (!reception_ || reception_->source() != packet.ssrc()) StartSource(packet.ssrc());
  (void)reception_->OnPacket(packet.sequence_number(), packet.timestamp(), packet.payload().size(),
                             now);
  if (!next_report_) ScheduleNext(now - kReportInterval / 2);
}

void RtcpReporter::OnRtpSent(rtp::RtpTimestamp timestamp, size_t payload_bytes,
                             base::Timestamp now) {
  sender_.OnPacketSent(timestamp, payload_bytes, now);
  if (!next_report_) ScheduleNext(now - kReportInterval / 2);
}

void RtcpReporter::ScheduleNext(base::Timestamp now) {
  // [0.5, 1.5] of the interval, RFC 3550 section 6.3.1 without its reconsideration: two members.
  const auto interval_ns = static_cast<double>(kReportInterval.nanoseconds());
  next_report_ = now + base::TimeDelta::Nanoseconds(
                           static_cast<int64_t>(interval_ns * (0.5 + random_.NextUnit())));
}

template <typename Blocks>
void RtcpReporter::TakeReportBlocks(const Blocks& blocks, rtp::NtpTime wall_clock) {
  for (const rtp::ReportBlock& block : blocks) sender_.OnReportBlock(block, wall_clock);
}

std::optional<rtp::DropReason> RtcpReporter::HandleRtcp(base::ByteSpan packet, base::Timestamp now,
                                                        rtp::NtpTime wall_clock) {
  const auto view = rtp::RtcpView::Parse(packet);
  if (!view) return view.error();
  for (const rtp::RtcpBlockView& block : *view) {
    if (const auto sr = block.type() == rtp::RtcpType::kSenderReport ? block.ParseSenderReport()
                                                                     : std::nullopt) {
      if (reception_ && reception_->source() == sr->sender) {
        reception_->OnSenderReport(sr->info.ntp, now);
      }
      TakeReportBlocks(sr->blocks, wall_clock);
    } else if (block.type() == rtp::RtcpType::kReceiverReport) {
      if (const auto rr = block.ParseReceiverReport()) TakeReportBlocks(rr->blocks, wall_clock);
    } else if (block.type() == rtp::RtcpType::kBye) {
      const auto bye = block.ParseBye();
      if (!bye || !reception_) continue;
      const auto& sources = bye->sources;
      if (std::find(sources.begin(), sources.end(), reception_->source()) != sources.end()) {
        peer_said_bye_ = true;
      }
    }
  }
  return std::nullopt;
}

bool RtcpReporter::IsDue(base::Timestamp now) const { return next_report_ && *next_report_ <= now; }

size_t RtcpReporter::WriteReport(base::MutableByteSpan buffer, base::Timestamp now,
                                 rtp::NtpTime wall_clock) {
  ScheduleNext(now);
  return Write(buffer, /*is_last=*/false, {}, now, wall_clock);
}

size_t RtcpReporter::WriteBye(base::MutableByteSpan buffer, std::string_view reason,
                              base::Timestamp now, rtp::NtpTime wall_clock) {
  return Write(buffer, /*is_last=*/true, reason.substr(0, kMaxByeReasonBytes), now, wall_clock);
}

size_t RtcpReporter::Write(base::MutableByteSpan buffer, bool is_last, std::string_view reason,
                           base::Timestamp now, rtp::NtpTime wall_clock) {
  rtp::RtcpBuilder builder(buffer);
  const auto block = reception_ ? reception_->MakeReportBlock(now) : std::nullopt;
  const std::span<const rtp::ReportBlock> blocks(block ? &*block : nullptr, block ? 1 : 0);
  if (const auto info = sender_.MakeSenderInfo(now, wall_clock)) {
    builder.AddSenderReport(local_ssrc(), *info, blocks);
  } else {
    builder.AddReceiverReport(local_ssrc(), blocks);
  }
  builder.AddCname(local_ssrc(), base::AsBytes(cname_));
  if (is_last) builder.AddBye(local_ssrc(), base::AsBytes(reason));
  const auto packet = builder.Finish();
  return packet ? packet->size() : 0;
}

}  // namespace byon::session
