#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/base/time.h"
#include "dataplane/jitter/arrival_baseline.h"
#include "dataplane/jitter/packet_store.h"
#include "dataplane/jitter/playout_decision.h"
#include "dataplane/jitter/playout_delay_estimator.h"
#include "dataplane/jitter/stall_filter.h"
#include "dataplane/jitter/stream_packet.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/types.h"

namespace byon::jitter {

enum class InsertOutcome : uint8_t {
  kInserted,
  kLate,  // its time of play has passed
  kDuplicate,
  kTooLarge,      // over kMaxPayloadBytes
  kOldSource,     // of the SSRC that another one replaced less than a second ago
  kSequenceJump,  // far from the others; believed when its successor confirms it
};

// Holds one RTP stream's packets back for as long as its jitter asks, puts them in order and says every
// 20 ms what to play. Packets push, play-out pulls. Fixed memory; no clock.
//
// Play-out delay is measured where it matters: the time between the earliest that the next packet could
// have arrived and the tick that needs it. The delay grows by waiting for a late packet, in silence, or
// by stretching; it shrinks in silence or by compressing, and by cutting only above kMaxDelay.
class JitterBuffer {
 public:
  explicit JitterBuffer(uint32_t clock_rate_hz);

  InsertOutcome Insert(const StreamPacket& packet, const PacketTraits& traits, base::Timestamp arrival);
  InsertOutcome Insert(const rtp::RtpPacketView& packet, const PacketTraits& traits, base::Timestamp arrival) {
    return Insert(StreamPacket::Of(packet), traits, arrival);
  }
  // A copy of an earlier packet that came in one which Insert() or InsertOther() has just taken. It fills
  // a gap and does nothing else; returns whether it did.
  bool InsertCopy(const StreamPacket& copy, const PacketTraits& traits, base::Timestamp arrival);
  // A packet of the same stream that carries no audio (telephone-event): its sequence number is no loss.
  InsertOutcome InsertOther(const rtp::RtpPacketView& packet, base::Timestamp arrival);

  // The next thing to play, when `buffered` clock units (under 20 ms) are still left from before. To be
  // called until 20 ms are there or it answers kNothing. Of packets that may be played in parts it is at
  // most kLongestPart.
  PlayoutFrame PopFrame(base::Timestamp now, uint32_t buffered);
  // With `buffered` units (at least 20 ms) ready for this tick.
  TimeAdjustment NextAdjustment(base::Timestamp now, uint32_t buffered) const;
  // Whether PopFrame() would give kNormal, so that there is more to compress.
  bool HasNextPacket() const;

  // Forgets the stream; the delay learnt stays as the first guess when `keep_target`.
  void Reset(uint32_t clock_rate_hz, bool keep_target);

  // Of what is played now; meaningful while playing.
  base::TimeDelta playout_delay() const { return playout_delay_; }
  // What the jitter asks for, and one packet more while lost packets are replaced better with their successors.
  base::TimeDelta target_delay() const;
  uint32_t clock_rate_hz() const { return clock_rate_hz_; }
  bool is_playing() const { return is_playing_; }
  std::optional<rtp::Ssrc> ssrc() const { return ssrc_; }
  uint64_t source_changes() const { return source_changes_; }
  uint64_t overflowed_packets() const { return overflowed_packets_; }

  static constexpr base::TimeDelta kTick = base::TimeDelta::Milliseconds(20);
  // Play-out speeds up when the delay is this much above target + kTick, of all targets lately.
  static constexpr base::TimeDelta kHysteresis = base::TimeDelta::Milliseconds(1);
  static constexpr base::TimeDelta kUrgentExcess = base::TimeDelta::Milliseconds(15);
  static constexpr base::TimeDelta kForcedExcess = base::TimeDelta::Milliseconds(60);
  // A part is a tick long, and what is left at the end goes with the last one.
  static constexpr base::TimeDelta kLongestPart = base::TimeDelta::Milliseconds(30);
  // The most that one acceleration removes.
  static constexpr base::TimeDelta kLongestPeriod = base::TimeDelta::Microseconds(12'500);
  static constexpr base::TimeDelta kLeastTrim = base::TimeDelta::Milliseconds(4);
  // More audio than this is never kept waiting.
  static constexpr base::TimeDelta kMaxDelay = base::TimeDelta::Milliseconds(500);
  // Nothing has come for so long: the stream has stopped, the next packet starts it anew.
  static constexpr base::TimeDelta kIdleAfter = base::TimeDelta::Seconds(2);
  static constexpr base::TimeDelta kOldSourceGuard = base::TimeDelta::Seconds(1);
  static constexpr base::TimeDelta kPlausibleJump = base::TimeDelta::Seconds(3);
  static constexpr int64_t kPlausibleSequenceJump = 1000;
  // Where packets repeat the one before, or help to conceal it, waiting for them pays above this share of
  // loss (one packet of delay for one percent, as for packets that are overtaken); below the other no more.
  static constexpr float kLossToWait = 0.01f;
  static constexpr float kLossToStopWaiting = 0.003f;
  // A copy (RFC 2198) may itself repeat the packet before it, which is then had two packets late. Above this share of
  // packets that only such a copy brings back, of the last five seconds, waiting for it pays too, in packets of a tick.
  static constexpr float kTwiceLostToWait = 0.0045f;
  static constexpr float kTwiceLostToStopWaiting = 0.001f;
  static constexpr float kTwiceLostMemory = 1.0f / 256;
  // Share of packets that play-out had to stop for, of the last five seconds: from the one on the delay grows above
  // what the jitter asks for, at the other by kMostLateMarginMs.
  static constexpr float kUnheardLateShare = 0.007f;
  static constexpr float kMostLateShare = 0.010f;
  static constexpr int kMostLateMarginMs = 20;
  static constexpr float kLateMemory = 1.0f / 256;
  // A gap longer than this is a pause, whatever was lost in it.
  static constexpr base::TimeDelta kLongestConcealedGap = base::TimeDelta::Milliseconds(240);

  // Senders break their silence more often than this: AMR every 160 ms, Opus every 400 ms.
  static constexpr base::TimeDelta kLongestSilence = base::TimeDelta::Milliseconds(500);

 private:
  struct Newest {  // the packet with the highest sequence number
    int64_t sequence_number = 0;
    int64_t timestamp = 0;
    base::Timestamp arrival;
  };

  InsertOutcome Admit(const StreamPacket& packet, base::Timestamp arrival, bool is_audio);
  bool TakeSource(rtp::Ssrc ssrc, base::Timestamp arrival);
  bool IsPlausible(const StreamPacket& packet, base::Timestamp arrival, bool is_audio) const;
  void Learn(const StoredPacket& packet, bool is_newest, base::TimeDelta since_last);
  bool FitsBetweenNeighbours(const StoredPacket& packet) const;
  bool MarkReceived(int64_t sequence_number);
  void ForgetStream();
  void Store(const StoredPacket& packet);
  StoredPacket Unwrapped(const StreamPacket& packet, const PacketTraits& traits) const;

  bool IsDue(const StoredPacket& packet, base::Timestamp now, uint32_t buffered) const;
  base::TimeDelta DelayAt(int64_t timestamp, base::Timestamp now, uint32_t buffered, uint32_t packet_duration) const;
  // Whether a part of it was given out.
  bool HasBegun(const StoredPacket& packet) const {
    return is_playing_ && packet.sequence_number == last_sequence_number_;
  }
  void SkipPassedPackets();
  void NoteLoss(const StoredPacket& played);
  base::TimeDelta LateMargin() const;
  void CutExcess();
  PlayoutFrame PlayFront(base::Timestamp now, uint32_t buffered);
  void NoteBegin(const StoredPacket& packet, base::Timestamp now, uint32_t buffered);
  PlayoutFrame PlayGap(base::Timestamp now, uint32_t buffered);
  PlayoutFrame PlayWithoutPackets(base::Timestamp now);
  PlayoutFrame Silence() const;
  int64_t Units(base::TimeDelta time) const { return TimeToUnits(time, clock_rate_hz_); }

  uint32_t clock_rate_hz_;
  PacketStore store_;
  ArrivalBaseline baseline_;
  PlayoutDelayEstimator estimator_;
  StallFilter stall_filter_;

  std::optional<rtp::Ssrc> ssrc_;
  std::optional<rtp::Ssrc> replaced_ssrc_;
  base::Timestamp replaced_at_;
  base::SequenceUnwrapper<uint16_t> sequence_unwrapper_;
  base::SequenceUnwrapper<uint32_t> timestamp_unwrapper_;
  std::optional<Newest> newest_;
  uint64_t received_mask_ = 0;              // bit i: newest sequence number - i was received
  std::optional<uint16_t> jump_successor_;  // the sequence number that confirms a jump

  bool is_playing_ = false;
  int64_t next_timestamp_ = 0;        // end of what was given out
  int64_t last_sequence_number_ = 0;  // of what was given out
  uint32_t last_duration_ = 0;
  bool plays_in_parts_ = false;  // what was given out last
  bool is_in_dtx_ = false;
  uint32_t held_ = 0;        // concealment given out while waiting, not yet counted in next_timestamp_
  float loss_share_ = 0;     // of the last hundred packets or so
  float helping_share_ = 0;  // of packets that help to replace the one before
  bool is_waiting_for_successors_ = false;
  float twice_lost_share_ = 0;          // of packets whose successor was lost too, and told of them when its copy came
  bool is_waiting_for_copies_ = false;  // two packets long
  float late_share_ = 0;                // of packets that play-out stopped for
  base::Timestamp last_arrival_;
  base::TimeDelta playout_delay_;
  uint64_t source_changes_ = 0;
  uint64_t overflowed_packets_ = 0;
};

}  // namespace byon::jitter
