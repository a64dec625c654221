#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/rtp/rtcp_types.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

// What is known of one incoming source: sequence validity, loss and jitter (RFC 3550 appendices
// A.1, A.3 and A.8), and the last SR, for the report block about it.
class ReceptionStatistics {
 public:
  ReceptionStatistics(Ssrc source, uint32_t clock_rate_hz) : source_(source), clock_rate_hz_(clock_rate_hz) {}

  enum class Verdict : uint8_t {
    kProbation,  // too few packets in order yet to trust the source
    kValid,
    kRestarted,  // two packets in order far away from the last ones: the sender started over
    kSuspect,    // one packet far away: not counted unless its successor follows
  };
  // Takes a packet that arrived at `now`. Late and duplicate packets count as received.
  Verdict OnPacket(SequenceNumber sequence_number, RtpTimestamp timestamp, size_t payload_bytes, base::Timestamp now);
  // Packets that were missing or of no use since the last report, as far as is known now.
  bool has_new_loss() const;
  // Takes the sender's report that arrived at `now`.
  void OnSenderReport(NtpTime ntp, base::Timestamp now);

  // A packet counted before was of no use, late or a duplicate: the fraction lost of the next report
  // counts it as not received, the cumulative loss does not (RFC 3550 section 6.4.1).
  void OnUseless() { ++useless_; }

  // The block for the next report, and starts a new interval for its fraction lost. Nothing while
  // the source is on probation, or when it was silent since the last report.
  std::optional<ReportBlock> MakeReportBlock(base::Timestamp now);

  Ssrc source() const { return source_; }
  bool is_valid() const { return has_sequence_ && probation_left_ == 0; }
  uint64_t packets_received() const { return total_received_; }
  uint64_t bytes_received() const { return total_bytes_; }
  uint64_t packets_expected() const;
  int64_t cumulative_lost() const;  // may be negative: duplicates
  uint32_t extended_highest_sequence_number() const { return cycles_ + max_sequence_; }
  uint32_t jitter() const { return jitter_q4_ >> 4; }  // in timestamp units
  base::TimeDelta jitter_time() const;

 private:
  void Restart(uint16_t sequence);
  void UpdateJitter(RtpTimestamp timestamp, base::Timestamp now);

  Ssrc source_;
  uint32_t clock_rate_hz_;
  bool has_sequence_ = false;
  uint8_t probation_left_ = 0;
  uint16_t max_sequence_ = 0;
  uint32_t cycles_ = 0;  // wraps of the sequence number, shifted left by 16
  uint32_t base_sequence_ = 0;
  uint32_t bad_sequence_ = 0;
  uint32_t received_ = 0;
  uint32_t expected_prior_ = 0;
  uint32_t received_prior_ = 0;
  uint32_t useless_ = 0;  // of the interval
  uint64_t total_prior_ = 0;
  bool has_transit_ = false;
  uint32_t transit_ = 0;
  uint32_t jitter_q4_ = 0;  // scaled by 16
  RtpTimestamp last_timestamp_;
  uint64_t total_received_ = 0;
  uint64_t total_bytes_ = 0;
  std::optional<uint32_t> last_sr_;
  base::Timestamp last_sr_arrival_;
};

}  // namespace byon::rtp
