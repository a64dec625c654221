#include "dataplane/rtp/reception_statistics.h"

#include <algorithm>

namespace byon::rtp {
namespace {

// RFC 3550 appendix A.1.
constexpr uint16_t kMaxDropout = 3000;
constexpr uint16_t kMaxMisorder = 100;
constexpr uint8_t kMinSequential = 2;
constexpr uint32_t kSequenceModulus = 1u << 16;
constexpr uint32_t kNoBadSequence = kSequenceModulus + 1;
// A larger step of the transit time is a new timeline (another mixer, a switched fork), not jitter.
constexpr int64_t kMaxTransitStepSeconds = 5;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

uint32_t ToClockUnits(base::Timestamp now, uint32_t clock_rate_hz) {
  // In two parts: nanoseconds times 48,000 would overflow after two days.
  const int64_t seconds = now.nanoseconds() / kNanosecondsPerSecond;
  const int64_t rest = now.nanoseconds() % kNanosecondsPerSecond;
  return static_cast<uint32_t>(seconds * clock_rate_hz + rest * clock_rate_hz / kNanosecondsPerSecond);
}

}  // namespace

void ReceptionStatistics::Restart(uint16_t sequence) {
  base_sequence_ = sequence;
  max_sequence_ = sequence;
  bad_sequence_ = kNoBadSequence;
  cycles_ = 0;
  received_ = 0;
  received_prior_ = 0;
  useless_ = 0;
  expected_prior_ = 0;
  has_transit_ = false;
}

ReceptionStatistics::Verdict ReceptionStatistics::OnPacket(SequenceNumber sequence_number, RtpTimestamp timestamp,
                                                           size_t payload_bytes, base::Timestamp now) {
  const uint16_t sequence = sequence_number.value;
  Verdict verdict = Verdict::kValid;
  if (!has_sequence_) {
    has_sequence_ = true;
    Restart(sequence);
    probation_left_ = kMinSequential;
    max_sequence_ = static_cast<uint16_t>(sequence - 1);
  }
  const auto delta = static_cast<uint16_t>(sequence - max_sequence_);
  ++total_received_;
  total_bytes_ += payload_bytes;
  if (probation_left_ > 0) {
    if (delta == 1) {
      max_sequence_ = sequence;
      if (--probation_left_ > 0) return Verdict::kProbation;
      Restart(sequence);
    } else {
      probation_left_ = kMinSequential - 1;
      max_sequence_ = sequence;
      return Verdict::kProbation;
    }
  } else if (delta < kMaxDropout) {
    if (sequence < max_sequence_) cycles_ += kSequenceModulus;  // in order, so it has wrapped
    max_sequence_ = sequence;
  } else if (delta <= kSequenceModulus - kMaxMisorder) {
    if (sequence != bad_sequence_) {
      bad_sequence_ = static_cast<uint16_t>(sequence + 1);
      return Verdict::kSuspect;
    }
    // Two in a row: the other side restarted without saying so.
    Restart(sequence);
    verdict = Verdict::kRestarted;
  }
  ++received_;
  UpdateJitter(timestamp, now);
  return verdict;
}

// RFC 3550 appendix A.8, in integers.
void ReceptionStatistics::UpdateJitter(RtpTimestamp timestamp, base::Timestamp now) {
  // Packets of one instant (telephone events) say nothing about jitter.
  if (has_transit_ && timestamp == last_timestamp_) return;
  const uint32_t transit = ToClockUnits(now, clock_rate_hz_) - timestamp.value;
  const auto step = int64_t{static_cast<int32_t>(transit - transit_)};
  const int64_t distance = step < 0 ? -step : step;
  if (has_transit_ && distance <= kMaxTransitStepSeconds * clock_rate_hz_) {
    jitter_q4_ = static_cast<uint32_t>(int64_t{jitter_q4_} + distance - ((int64_t{jitter_q4_} + 8) >> 4));
  }
  has_transit_ = true;
  transit_ = transit;
  last_timestamp_ = timestamp;
}

void ReceptionStatistics::OnSenderReport(NtpTime ntp, base::Timestamp now) {
  last_sr_ = ntp.compact();
  last_sr_arrival_ = now;
}

uint64_t ReceptionStatistics::packets_expected() const {
  if (!is_valid()) return 0;
  return static_cast<uint64_t>(extended_highest_sequence_number() - base_sequence_) + 1;
}

int64_t ReceptionStatistics::cumulative_lost() const {
  return static_cast<int64_t>(packets_expected()) - (is_valid() ? int64_t{received_} : 0);
}

base::TimeDelta ReceptionStatistics::jitter_time() const {
  return base::TimeDelta::Nanoseconds(int64_t{jitter()} * kNanosecondsPerSecond / clock_rate_hz_);
}

bool ReceptionStatistics::has_new_loss() const {
  if (!is_valid()) return false;
  const auto expected = static_cast<uint32_t>(packets_expected()) - expected_prior_;
  return useless_ > 0 || static_cast<int32_t>(expected - (received_ - received_prior_)) > 0;
}

// RFC 3550 appendix A.3.
std::optional<ReportBlock> ReceptionStatistics::MakeReportBlock(base::Timestamp now) {
  if (!is_valid() || total_received_ == total_prior_) return std::nullopt;
  total_prior_ = total_received_;
  ReportBlock block;
  block.source = source_;
  block.extended_highest_sequence_number = extended_highest_sequence_number();
  block.cumulative_lost = static_cast<int32_t>(std::clamp<int64_t>(cumulative_lost(), -0x800000, 0x7fffff));
  const auto expected = static_cast<uint32_t>(packets_expected());
  const uint32_t expected_interval = expected - expected_prior_;
  const uint32_t received_interval = received_ - received_prior_;
  expected_prior_ = expected;
  received_prior_ = received_;
  const int64_t lost_interval = int64_t{expected_interval} - int64_t{received_interval} + int64_t{useless_};
  useless_ = 0;
  if (expected_interval != 0 && lost_interval > 0) {
    // At most 255: a wholly lost interval would be 256/256.
    block.fraction_lost = static_cast<uint8_t>(std::min<int64_t>((lost_interval << 8) / expected_interval, 255));
  }
  block.jitter = jitter();
  if (last_sr_) {
    block.last_sr = *last_sr_;
    block.delay_since_last_sr = CompactNtpFromTimeDelta(now - last_sr_arrival_);
  }
  return block;
}

}  // namespace byon::rtp
