#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/random.h"
#include "dataplane/base/time.h"
#include "dataplane/rtp/drop_reason.h"
#include "dataplane/rtp/ntp_time.h"
#include "dataplane/rtp/reception_statistics.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/sender_statistics.h"

namespace byon::session {

// RTCP of one leg: counts what is sent and received, says when a report is due and writes it, reads
// the peer's. A leg has two members, so the interval is the minimum one (RFC 3550 section 6.2).
class RtcpReporter {
 public:
  // RFC 3550 section 6.2: 5 s, randomised over [0.5, 1.5]; the first after half of it.
  static constexpr base::TimeDelta kReportInterval = base::TimeDelta::Seconds(5);

  RtcpReporter(rtp::Ssrc local, std::string cname, uint64_t random_seed);

  // Rates of the RTP timestamps each way; a change keeps the counts.
  void SetClockRates(uint32_t receive_hz, uint32_t send_hz);

  void OnRtpReceived(const rtp::RtpPacketView& packet, base::Timestamp now);
  void OnRtpSent(rtp::RtpTimestamp timestamp, size_t payload_bytes, base::Timestamp now);
  // Reads a compound or reduced-size packet; a reason when it is not one.
  std::optional<rtp::DropReason> HandleRtcp(base::ByteSpan packet, base::Timestamp now,
                                            rtp::NtpTime wall_clock);

  // Whether a report is due. Never before something was sent or received on the leg.
  bool IsDue(base::Timestamp now) const;
  // Writes SR or RR with SDES CNAME, and starts the next interval. Bytes written; 0 when it did not
  // fit.
  size_t WriteReport(base::MutableByteSpan buffer, base::Timestamp now, rtp::NtpTime wall_clock);
  // The last packet of the leg: a report and BYE (RFC 3550 section 6.6).
  size_t WriteBye(base::MutableByteSpan buffer, std::string_view reason, base::Timestamp now,
                  rtp::NtpTime wall_clock);

  rtp::Ssrc local_ssrc() const { return sender_.source(); }
  const rtp::SenderStatistics& sender() const { return sender_; }
  uint64_t packets_received() const { return earlier_.packets + Current(&Reception::packets_received); }
  uint64_t bytes_received() const { return earlier_.bytes + Current(&Reception::bytes_received); }
  // Summed over the sources that this leg has had.
  int64_t packets_lost() const { return earlier_.lost + Current(&Reception::cumulative_lost); }
  base::TimeDelta jitter() const { return reception_ ? reception_->jitter_time() : base::TimeDelta(); }
  bool peer_said_bye() const { return peer_said_bye_; }

 private:
  using Reception = rtp::ReceptionStatistics;
  template <typename Value>
  Value Current(Value (Reception::*figure)() const) const {
    return reception_ ? ((*reception_).*figure)() : Value{};
  }
  void StartSource(rtp::Ssrc source);
  void ScheduleNext(base::Timestamp now);
  template <typename Blocks>
  void TakeReportBlocks(const Blocks& blocks, rtp::NtpTime wall_clock);
  size_t Write(base::MutableByteSpan buffer, bool is_last, std::string_view reason,
               base::Timestamp now, rtp::NtpTime wall_clock);

  struct Totals {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    int64_t lost = 0;
  };

  std::string cname_;
  base::Random random_;
  rtp::SenderStatistics sender_;
  std::optional<Reception> reception_;
  uint32_t receive_clock_hz_ = 48'000;
  Totals earlier_;
  std::optional<base::Timestamp> next_report_;
  bool peer_said_bye_ = false;
};

}  // namespace byon::session
