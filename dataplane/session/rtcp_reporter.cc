#include "dataplane/session/rtcp_reporter.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_xr.h"

namespace byon::session {
namespace {

constexpr size_t kMaxByeReasonBytes = 255;
constexpr double kHeaderBits = 28 * 8;  // IPv4 and UDP; lower layers do not count
constexpr int kMembers = 2;
constexpr base::TimeDelta kUsualPacketTime = base::TimeDelta::Milliseconds(20);
constexpr uint32_t kLongestPacketMs = 240;

}  // namespace

RtcpReporter::RtcpReporter(rtp::Ssrc local, std::string cname, uint64_t random_seed, UselessPackets useless)
    : useless_(useless), sender_(local, 48'000), cname_(std::move(cname)), random_(random_seed) {}

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
  outcomes_.Restart();
  last_packet_.reset();
  packet_units_ = 0;
  peer_said_bye_ = false;
}

// ---- What is received and sent ----------------------------------------------------------------------

void RtcpReporter::OnRtpReceived(const rtp::RtpPacketView& packet, base::Timestamp now) {
  if (!reception_ || reception_->source() != packet.ssrc()) StartSource(packet.ssrc());
  const Reception::Verdict verdict =
      reception_->OnPacket(packet.sequence_number(), packet.timestamp(), packet.payload().size(), now);
  if (verdict == Reception::Verdict::kRestarted) outcomes_.Restart();
  if (verdict == Reception::Verdict::kValid || verdict == Reception::Verdict::kRestarted) {
    outcomes_.OnReceived(packet.sequence_number().value);
  }
  NotePacketTime(packet);
  if (!next_report_) ScheduleNext(now - kReportInterval / 2);
  HastenAfterLoss(now);
}

void RtcpReporter::NotePacketTime(const rtp::RtpPacketView& packet) {
  if (last_packet_ && packet.sequence_number() == last_packet_->sequence_number + 1) {
    const uint32_t step = packet.timestamp().value - last_packet_->timestamp.value;
    const bool is_plausible = step > 0 && step <= receive_clock_hz_ / 1000 * kLongestPacketMs;
    if (is_plausible && (packet_units_ == 0 || step < packet_units_)) packet_units_ = step;
  }
  last_packet_ = LastPacket{packet.sequence_number(), packet.timestamp()};
}

void RtcpReporter::OnRtpTooLate(const rtp::RtpPacketView& packet, base::Timestamp now) {
  outcomes_.OnDiscarded(packet.sequence_number().value);
  OnRtpDuplicate(now);
}

void RtcpReporter::OnRtpDuplicate(base::Timestamp now) {
  if (!reception_ || useless_ == UselessPackets::kReceived) return;
  reception_->OnUseless();
  HastenAfterLoss(now);
}

void RtcpReporter::OnRtpSent(rtp::RtpTimestamp timestamp, size_t payload_bytes, base::Timestamp now) {
  sender_.OnPacketSent(timestamp, payload_bytes, now);
  if (!next_report_) ScheduleNext(now - kReportInterval / 2);
}

void RtcpReporter::HandleTick(base::Timestamp now) {
  if (!played_ || !meter_.IsDue(now)) return;
  meter_.Update({.frames_played = played_->frames_played,
                 .comfort_noise_frames = played_->comfort_noise_frames,
                 .concealed_frames = played_->concealed_frames,
                 .concealment_runs = played_->concealment_runs,
                 .payload_bytes = bytes_received(),
                 .packets = outcomes_.totals()},
                {.codec = played_->received_codec,
                 .amr_mode = played_->received_amr_mode,
                 .network_delay = round_trip_time().value_or(base::TimeDelta()) / 2,
                 .playout_delay = played_->playout_delay},
                now);
}

// ---- When ---------------------------------------------------------------------------------------------

// RFC 3550 section 6.3.1: never more RTCP than its share of the bandwidth.
base::TimeDelta RtcpReporter::AtLeast(base::TimeDelta interval) const {
  const uint32_t bandwidth = parameters_.bandwidth_bps.value_or(kDefaultBandwidthBps);
  if (bandwidth == 0) return interval;
  const double seconds = mean_packet_bits_ * kMembers / bandwidth;
  return std::max(interval, base::TimeDelta::Nanoseconds(static_cast<int64_t>(seconds * 1e9)));
}

// [0.5, 1.5] of the interval, without section 6.3.3's reconsideration: two members.
base::TimeDelta RtcpReporter::Randomised(base::TimeDelta interval) {
  const auto interval_ns = static_cast<double>(interval.nanoseconds());
  return base::TimeDelta::Nanoseconds(static_cast<int64_t>(interval_ns * (0.5 + random_.NextUnit())));
}

void RtcpReporter::ScheduleNext(base::Timestamp now) {
  next_report_ = now + Randomised(AtLeast(kReportInterval));
  is_hastened_ = false;
}

// RFC 4585 section 3.5: a loss is told soon, once per interval.
void RtcpReporter::HastenAfterLoss(base::Timestamp now) {
  if (!parameters_.is_avpf || is_hastened_ || !reception_ || !reception_->has_new_loss()) return;
  is_hastened_ = true;
  const base::TimeDelta early = Randomised(AtLeast(kEarlyInterval));
  const base::Timestamp earliest = last_report_ ? *last_report_ + early : now + early;
  next_report_ = std::min(*next_report_, std::max(earliest, now));
}

bool RtcpReporter::IsDue(base::Timestamp now) const {
  const bool is_off = parameters_.bandwidth_bps == 0U;
  return !is_off && next_report_ && *next_report_ <= now;
}

// ---- The peer's reports -------------------------------------------------------------------------------

template <typename Blocks>
void RtcpReporter::TakeReportBlocks(const Blocks& blocks, rtp::NtpTime wall_clock) {
  for (const rtp::ReportBlock& block : blocks) sender_.OnReportBlock(block, wall_clock);
}

std::optional<rtp::DropReason> RtcpReporter::HandleRtcp(base::ByteSpan packet, base::Timestamp now,
                                                        rtp::NtpTime wall_clock) {
  const auto view = rtp::RtcpView::Parse(packet);
  if (!view) return view.error();
  bool is_readable = true;
  for (const rtp::RtcpBlockView& block : *view) is_readable &= ReadBlock(block, now, wall_clock);
  return is_readable ? std::nullopt : std::optional(rtp::DropReason::kRtcpBadBody);
}

// False when the block's body contradicts its header; types without use here are stepped over.
bool RtcpReporter::ReadBlock(const rtp::RtcpBlockView& block, base::Timestamp now, rtp::NtpTime wall_clock) {
  switch (block.type()) {
    case rtp::RtcpType::kSenderReport: {
      const auto report = block.ParseSenderReport();
      if (!report) return false;
      if (reception_ && reception_->source() == report->sender) {
        reception_->OnSenderReport(report->info.ntp, now);
      }
      TakeReportBlocks(report->blocks, wall_clock);
      return true;
    }
    case rtp::RtcpType::kReceiverReport: {
      const auto report = block.ParseReceiverReport();
      if (report) TakeReportBlocks(report->blocks, wall_clock);
      return report.has_value();
    }
    case rtp::RtcpType::kExtendedReport: {
      const auto report = rtp::ParseExtendedReport(block);
      if (report) extended_.OnReport(*report, local_ssrc(), now, wall_clock);
      return report.has_value();
    }
    case rtp::RtcpType::kBye: {
      const auto bye = block.ParseBye();
      if (!bye) return false;
      const auto& sources = bye->sources;
      peer_said_bye_ |= reception_ && std::find(sources.begin(), sources.end(), reception_->source()) != sources.end();
      return true;
    }
    default: return true;
  }
}

std::optional<base::TimeDelta> RtcpReporter::round_trip_time() const {
  return sender_.round_trip_time() ? sender_.round_trip_time() : extended_.round_trip_time();
}

// ---- Our reports --------------------------------------------------------------------------------------

size_t RtcpReporter::WriteReport(base::MutableByteSpan buffer, base::Timestamp now, rtp::NtpTime wall_clock) {
  const size_t size = Write(buffer, /*is_last=*/false, {}, now, wall_clock);
  mean_packet_bits_ += (static_cast<double>(size) * 8 + kHeaderBits - mean_packet_bits_) / 16;
  last_report_ = now;
  ScheduleNext(now);
  return size;
}

size_t RtcpReporter::WriteBye(base::MutableByteSpan buffer, std::string_view reason, base::Timestamp now,
                              rtp::NtpTime wall_clock) {
  return Write(buffer, /*is_last=*/true, reason.substr(0, kMaxByeReasonBytes), now, wall_clock);
}

std::optional<rtp::VoipMetrics> RtcpReporter::Metrics() const {
  if (!played_ || !reception_ || outcomes_.totals().expected == 0) return std::nullopt;
  const base::TimeDelta packet_time =
      packet_units_ == 0 ? kUsualPacketTime
                         : base::TimeDelta::Microseconds(int64_t{packet_units_} * 1'000'000 / receive_clock_hz_);
  return MakeVoipMetrics({.source = reception_->source(),
                          .outcomes = outcomes_,
                          .meter = meter_,
                          .stats = *played_,
                          .round_trip = round_trip_time().value_or(base::TimeDelta()),
                          .packet_time = packet_time});
}

// In 1/256 (RFC 3550 section 6.4.1).
uint8_t RtcpReporter::WithLossBehind(uint8_t fraction_lost, double behind) {
  const double arrived = (1 - fraction_lost / 256.0) * (1 - behind);
  return static_cast<uint8_t>(std::clamp(std::lround((1 - arrived) * 256), 0L, 255L));
}

size_t RtcpReporter::Write(base::MutableByteSpan buffer, bool is_last, std::string_view reason, base::Timestamp now,
                           rtp::NtpTime wall_clock) {
  rtp::RtcpBuilder builder(buffer);
  auto block = reception_ ? reception_->MakeReportBlock(now) : std::nullopt;
  if (block) block->fraction_lost = WithLossBehind(block->fraction_lost, loss_behind_);
  const std::span<const rtp::ReportBlock> blocks(block ? &*block : nullptr, block ? 1 : 0);
  // An SR only from who has sent within the last two intervals (RFC 3550 section 6.4).
  const bool has_sent = sender_.packets_sent() > sent_at_report_[1];
  const auto info = sender_.MakeSenderInfo(now, wall_clock);
  if (has_sent && info) {
    builder.AddSenderReport(local_ssrc(), *info, blocks);
  } else {
    builder.AddReceiverReport(local_ssrc(), blocks);
  }
  sent_at_report_ = {sender_.packets_sent(), sent_at_report_[0]};
  builder.AddCname(local_ssrc(), base::AsBytes(cname_));
  const rtp::ExtendedReport extended = extended_.Make(
      local_ssrc(), parameters_, parameters_.wants_voip_metrics ? Metrics() : std::nullopt, now, wall_clock);
  if (!extended.empty()) builder.AddExtendedReport(extended);
  if (is_last) builder.AddBye(local_ssrc(), base::AsBytes(reason));
  const auto packet = builder.Finish();
  return packet ? packet->size() : 0;
}

}  // namespace byon::session
