#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/rtp/rtp_packet_view.h"

namespace byon::simphone {

// How a stream arrived, seen over the whole call: what a tester wants to know, not what RTCP says.
class ArrivalStatistics {
 public:
  using Clock = std::chrono::steady_clock;

  void OnPacket(const rtp::RtpPacketView& packet, Clock::time_point now);
  void OnUnknownPayloadType() { ++unknown_payload_types; }
  // Starts a new measurement of the largest gap, from `now` on.
  void RestartGap(Clock::time_point now);
  // The largest silence between packets, the present one included.
  int64_t LargestGapMs(Clock::time_point now) const;
  int64_t MsSinceLastPacket(Clock::time_point now) const;

  uint64_t packets = 0;
  uint64_t payload_bytes = 0;
  uint64_t lost = 0;
  uint64_t duplicates = 0;
  uint64_t reordered = 0;
  uint64_t ssrc_changes = 0;
  uint64_t sequence_jumps = 0;   // 1000 and more, in the same SSRC
  uint64_t timestamp_jumps = 0;  // against the sequence numbers, without a marker
  uint64_t markers = 0;
  uint64_t unknown_payload_types = 0;
  std::map<int, uint64_t> by_payload_type;
  uint32_t ssrc = 0;
  int64_t first_packet_unix_ms = 0;

 private:
  void StartSource(const rtp::RtpPacketView& packet);

  base::SequenceUnwrapper<uint16_t> sequence_unwrapper_;
  int64_t highest_sequence_ = 0;
  rtp::RtpTimestamp last_timestamp_;
  Clock::time_point last_arrival_;
  Clock::time_point gap_start_;
  Clock::duration largest_gap_{};
};

}  // namespace byon::simphone
