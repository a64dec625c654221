#include "tools/simphone/arrival_statistics.h"

#include <algorithm>

namespace byon::simphone {
namespace {

constexpr int64_t kSequenceJump = 1000;
constexpr int32_t kTimestampJump = 16000;  // a second of AMR-WB, two of the others

int64_t ToMs(ArrivalStatistics::Clock::duration length) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
}

}  // namespace

void ArrivalStatistics::StartSource(const rtp::RtpPacketView& packet) {
  ssrc = packet.ssrc().value;
  sequence_unwrapper_.Reset();
  highest_sequence_ = sequence_unwrapper_.Unwrap(packet.sequence_number().value);
  last_timestamp_ = packet.timestamp();
}

void ArrivalStatistics::OnPacket(const rtp::RtpPacketView& packet, Clock::time_point now) {
  if (packets == 0) {
    first_packet_unix_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    gap_start_ = now;
    StartSource(packet);
  } else {
    largest_gap_ = std::max(largest_gap_, now - std::max(last_arrival_, gap_start_));
    if (packet.ssrc().value != ssrc) {
      ++ssrc_changes;
      StartSource(packet);
    } else {
      const int64_t sequence = sequence_unwrapper_.Peek(packet.sequence_number().value);
      const int64_t step = sequence - highest_sequence_;
      if (step == 0) ++duplicates;
      if (step < 0) {
        ++reordered;
        if (lost > 0) --lost;
      }
      if (step >= kSequenceJump) {
        ++sequence_jumps;
      } else if (step > 1) {
        lost += static_cast<uint64_t>(step - 1);
      }
      if (step > 0) {
        const int32_t elapsed = packet.timestamp() - last_timestamp_;
        const bool is_jump = elapsed < 0 || elapsed > kTimestampJump;
        if (step == 1 && is_jump && !packet.marker()) ++timestamp_jumps;
        highest_sequence_ = sequence_unwrapper_.Unwrap(packet.sequence_number().value);
        last_timestamp_ = packet.timestamp();
      }
    }
  }
  last_arrival_ = now;
  ++packets;
  payload_bytes += packet.payload().size();
  if (packet.marker()) ++markers;
  ++by_payload_type[packet.payload_type().value];
}

void ArrivalStatistics::RestartGap(Clock::time_point now) {
  largest_gap_ = {};
  gap_start_ = now;
}

int64_t ArrivalStatistics::LargestGapMs(Clock::time_point now) const {
  if (packets == 0) return 0;
  return ToMs(std::max(largest_gap_, now - std::max(last_arrival_, gap_start_)));
}

int64_t ArrivalStatistics::MsSinceLastPacket(Clock::time_point now) const {
  return packets == 0 ? -1 : ToMs(now - last_arrival_);
}

}  // namespace byon::simphone
