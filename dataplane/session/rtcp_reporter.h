#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/random.h"
#include "dataplane/base/time.h"
#include "dataplane/pipeline/pipeline_stats.h"
#include "dataplane/quality/packet_outcomes.h"
#include "dataplane/quality/quality_meter.h"
#include "dataplane/rtp/drop_reason.h"
#include "dataplane/rtp/ntp_time.h"
#include "dataplane/rtp/reception_statistics.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/sender_statistics.h"
#include "dataplane/session/extended_reporter.h"
#include "dataplane/session/rtcp_parameters.h"

namespace byon::session {

// RTCP of one leg: counts what is sent and received, says when a report is due and writes it, reads
// the peer's, and rates what is heard. A leg has two members.
class RtcpReporter {
 public:
  // RFC 3550 section 6.2: 5 s, randomised over [0.5, 1.5]; the first after half of it. Longer when
  // the bandwidth is short.
  static constexpr base::TimeDelta kReportInterval = base::TimeDelta::Seconds(5);
  // RFC 4585: with feedback, news of a loss does not wait longer than this (randomised alike).
  static constexpr base::TimeDelta kEarlyInterval = base::TimeDelta::Seconds(1);
  // 5 % of a voice stream with its headers, where the description names no bandwidth.
  static constexpr uint32_t kDefaultBandwidthBps = 2400;

  enum class UselessPackets : uint8_t {
    kReceived,  // late and duplicate packets count as received in the fraction lost, as RFC 3550 has it
    kLost,      // not: the peer turns its redundancy by that figure
  };
  RtcpReporter(rtp::Ssrc local, std::string cname, uint64_t random_seed,
               UselessPackets useless = UselessPackets::kReceived);

  // From its beginning, what packets and ticks look at.
  static constexpr size_t kHotBytes = 512;

  // Rates of the RTP timestamps each way; a change keeps the counts.
  void SetClockRates(uint32_t receive_hz, uint32_t send_hz);
  void SetParameters(const RtcpParameters& parameters) { parameters_ = parameters; }
  // What of that is lost again behind us (0 to 1), where it passes as it is: its sender is told of both, since
  // its redundancy and bit rate are all that helps either way.
  void SetLossBehind(double fraction) { loss_behind_ = fraction; }
  // The figures of the pipeline that plays what comes on this leg; they must outlive the reporter.
  void Watch(const pipeline::PipelineStats& received) { played_ = &received; }

  void OnRtpReceived(const rtp::RtpPacketView& packet, base::Timestamp now);
  // The packet, counted before, was too late to be played; or had been here before.
  void OnRtpTooLate(const rtp::RtpPacketView& packet, base::Timestamp now);
  void OnRtpDuplicate(base::Timestamp now);
  void OnRtpSent(rtp::RtpTimestamp timestamp, size_t payload_bytes, base::Timestamp now);
  // Reads a compound or reduced-size packet; a reason when a part of it could not be read.
  std::optional<rtp::DropReason> HandleRtcp(base::ByteSpan packet, base::Timestamp now, rtp::NtpTime wall_clock);
  // Each 20 ms: the quality of the last seconds.
  void HandleTick(base::Timestamp now);

  // Whether a report is due. Never before something was sent or received on the leg.
  bool IsDue(base::Timestamp now) const;
  // Writes SR or RR with SDES CNAME and XR, and starts the next interval. Bytes written; 0 when it
  // did not fit.
  size_t WriteReport(base::MutableByteSpan buffer, base::Timestamp now, rtp::NtpTime wall_clock);
  // The last packet of the leg: a report and BYE (RFC 3550 section 6.6).
  size_t WriteBye(base::MutableByteSpan buffer, std::string_view reason, base::Timestamp now, rtp::NtpTime wall_clock);

  rtp::Ssrc local_ssrc() const { return sender_.source(); }
  const rtp::SenderStatistics& sender() const { return sender_; }
  const quality::QualityMeter& quality() const { return meter_; }
  const quality::PacketOutcomes& outcomes() const { return outcomes_; }
  const std::optional<rtp::VoipMetrics>& remote_metrics() const { return extended_.remote_metrics(); }
  // By SR and RR, else by XR; nothing before the peer has answered.
  std::optional<base::TimeDelta> round_trip_time() const;
  uint64_t packets_received() const { return earlier_.packets + Current(&Reception::packets_received); }
  uint64_t bytes_received() const { return earlier_.bytes + Current(&Reception::bytes_received); }
  // Summed over the sources that this leg has had.
  int64_t packets_lost() const { return earlier_.lost + Current(&Reception::cumulative_lost); }
  base::TimeDelta jitter() const { return reception_ ? reception_->jitter_time() : base::TimeDelta(); }
  bool peer_said_bye() const { return peer_said_bye_; }

 private:
  static uint8_t WithLossBehind(uint8_t fraction_lost, double behind);
  using Reception = rtp::ReceptionStatistics;
  template <typename Value>
  Value Current(Value (Reception::*figure)() const) const {
    return reception_ ? ((*reception_).*figure)() : Value{};
  }
  void StartSource(rtp::Ssrc source);
  void ScheduleNext(base::Timestamp now);
  void HastenAfterLoss(base::Timestamp now);
  base::TimeDelta AtLeast(base::TimeDelta interval) const;
  base::TimeDelta Randomised(base::TimeDelta interval);
  bool ReadBlock(const rtp::RtcpBlockView& block, base::Timestamp now, rtp::NtpTime wall_clock);
  template <typename Blocks>
  void TakeReportBlocks(const Blocks& blocks, rtp::NtpTime wall_clock);
  void NotePacketTime(const rtp::RtpPacketView& packet);
  std::optional<rtp::VoipMetrics> Metrics() const;
  size_t Write(base::MutableByteSpan buffer, bool is_last, std::string_view reason, base::Timestamp now,
               rtp::NtpTime wall_clock);

  struct Totals {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    int64_t lost = 0;
  };
  struct LastPacket {
    rtp::SequenceNumber sequence_number;
    rtp::RtpTimestamp timestamp;
  };

  // What packets and ticks look at comes first: kHotBytes, with the first of `meter_`.
  const pipeline::PipelineStats* played_ = nullptr;
  std::optional<base::Timestamp> next_report_;
  uint32_t receive_clock_hz_ = 48'000;
  uint32_t packet_units_ = 0;  // the shortest step between two packets: what one holds
  std::optional<LastPacket> last_packet_;
  const UselessPackets useless_;
  bool is_hastened_ = false;
  RtcpParameters parameters_;
  double loss_behind_ = 0;
  rtp::SenderStatistics sender_;
  std::optional<Reception> reception_;
  quality::PacketOutcomes outcomes_;
  quality::QualityMeter meter_;

  std::string cname_;
  base::Random random_;
  Totals earlier_;
  ExtendedReporter extended_;
  std::optional<base::Timestamp> last_report_;
  double mean_packet_bits_ = 1200;            // of RTCP, with IP and UDP (RFC 3550 section 6.3.3)
  std::array<uint64_t, 2> sent_at_report_{};  // packets sent at the last report and the one before
  bool peer_said_bye_ = false;
};

}  // namespace byon::session
