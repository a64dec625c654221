#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "dataplane/base/time.h"
#include "dataplane/jitter/stream_packet.h"
#include "dataplane/pipeline/drop_reason.h"
#include "dataplane/pipeline/stream_format.h"
#include "dataplane/rtp/types.h"

namespace byon::pipeline {

// Whether a payload of the one format may be sent as it is in the other: the same codec, and nothing that the
// receiver asked for could be broken. Not for G.711, whose losses we conceal better than most phones.
bool MayRelay(const codec::CodecFormat& received, const codec::CodecFormat& sent);

// The numbers under which packets of one source pass as part of an outgoing stream: what is lost, late or silent
// on one side is so on the other, too, and its receiver deals with it. Sans-IO; fixed memory.
class PacketRelay {
 public:
  struct Numbers {
    rtp::SequenceNumber sequence_number;
    rtp::RtpTimestamp timestamp;
    bool is_first = false;    // of a stretch: a marker is due
    int64_t lost_before = 0;  // packets missing between this one and the newest before it
  };
  // `next` and `timestamp` are where the outgoing stream stands; they count when a stretch begins.
  std::variant<Numbers, DropReason> Map(const jitter::StreamPacket& packet, base::Timestamp arrival,
                                        rtp::SequenceNumber next, rtp::RtpTimestamp timestamp);
  // Whether the packet lies between the newest one and whatever comes next: a copy of it is of use.
  bool IsMissing(const jitter::StreamPacket& packet) const;
  // Something else was or will be sent: the next packet begins another stretch. A source's late packets
  // are no longer taken then.
  void Stop() { is_running_ = false; }
  // Any source may begin.
  void Forget();

  uint64_t source_changes() const { return source_changes_; }

  static constexpr int kMostJump = 1000;  // sequence numbers, as the jitter buffer has it
  static constexpr int kWindow = 64;      // packets that may be overtaken
  static constexpr base::TimeDelta kOldSourceGuard = base::TimeDelta::Seconds(1);

 private:
  bool TakeSource(rtp::Ssrc ssrc, base::Timestamp arrival);
  Numbers Begin(const jitter::StreamPacket& packet, rtp::SequenceNumber next, rtp::RtpTimestamp timestamp);

  bool is_running_ = false;
  std::optional<rtp::Ssrc> ssrc_;
  std::optional<rtp::Ssrc> replaced_ssrc_;
  base::Timestamp replaced_at_;
  uint64_t source_changes_ = 0;
  rtp::SequenceNumber newest_;  // received
  rtp::RtpTimestamp newest_timestamp_;
  uint64_t received_mask_ = 0;  // bit i: newest - i, of this stretch
  int reach_ = 0;               // packets from the stretch's first to the newest; saturates
  std::optional<rtp::SequenceNumber> jump_successor_;
  uint16_t sequence_offset_ = 0;
  uint32_t timestamp_offset_ = 0;
};

}  // namespace byon::pipeline
