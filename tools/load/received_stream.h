#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/base/time.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "tools/load/histogram.h"

namespace byon::load {

// How the gateway's packets of one direction came, over all calls.
struct ArrivalTimes {
  // Arrival against the sender's own clock (RTP timestamps), from the earliest packet of the
  // stream: how late the gateway's tick was, as the network sees it.
  Histogram lateness;
  // Distance of two packets in a row against that of their timestamps.
  Histogram spacing;
};

// One stream of the gateway: what is missing of it and how evenly it comes.
class ReceivedStream {
 public:
  explicit ReceivedStream(uint32_t clock_rate_hz) : clock_rate_hz_(clock_rate_hz) {}

  struct Counts {
    uint64_t packets = 0;  // without duplicates
    uint64_t lost = 0;     // sequence numbers that never came
    uint64_t duplicates = 0;
    uint64_t reordered = 0;
    uint64_t new_sources = 0;  // SSRC changes after the first
  };

  // Takes a packet that the kernel had at `arrival`; `times` may be null.
  void OnPacket(const rtp::RtpPacketView& packet, base::Timestamp arrival, ArrivalTimes* times);
  // Sequence numbers missing now count as lost.
  Counts counts() const {
    Counts counts = finished_;
    counts.lost += MissingNow();
    return counts;
  }
  std::optional<uint32_t> ssrc() const { return ssrc_; }

 private:
  void StartSource(const rtp::RtpPacketView& packet);
  uint64_t MissingNow() const { return ssrc_ ? static_cast<uint64_t>(highest_ - first_ + 1) - of_source_ : 0; }

  uint32_t clock_rate_hz_;
  Counts finished_;  // `lost` of earlier sources only
  std::optional<uint32_t> ssrc_;
  base::SequenceUnwrapper<uint16_t> sequences_;
  base::SequenceUnwrapper<uint32_t> timestamps_;
  int64_t first_ = 0, highest_ = 0;
  uint64_t of_source_ = 0;  // packets of this source, without duplicates
  uint64_t recent_ = 0;     // bit i: highest_ - i came
  base::Timestamp last_arrival_;
  int64_t last_media_ns_ = 0;
  std::optional<int64_t> earliest_ns_;  // smallest arrival minus media time
};

}  // namespace byon::load
