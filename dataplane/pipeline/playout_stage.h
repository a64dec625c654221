#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/jitter/jitter_buffer.h"
#include "dataplane/pipeline/codec_setup.h"
#include "dataplane/pipeline/drop_reason.h"
#include "dataplane/pipeline/pipeline_stats.h"
#include "dataplane/rtp/rtp_packet_view.h"

namespace byon::pipeline {

// The receiving half: jitter buffer and decoders. Packets in, 20 ms frames out.
class PlayoutStage {
 public:
  explicit PlayoutStage(PipelineStats& stats) : stats_(stats), jitter_(8000) {}

  [[nodiscard]] ReceiveSetupPtr SetReceive(ReceiveSetupPtr setup);
  ReceiveSetup* setup() { return setup_.get(); }

  // What a packet is, before anything is kept of it: nothing, or why it is dropped. `carries_copies`: the
  // packet it came in repeats earlier ones.
  std::optional<DropReason> InsertAudio(const jitter::StreamPacket& packet, bool carries_copies,
                                        base::Timestamp arrival);
  // A copy of an earlier packet, after the packet that it came in. Kept when it fills a gap.
  std::optional<DropReason> InsertCopy(const jitter::StreamPacket& copy, base::Timestamp arrival);
  // A telephone-event: takes part in the sequence numbers only.
  std::optional<DropReason> InsertEvent(const rtp::RtpPacketView& packet, base::Timestamp arrival);

  // The next 20 ms, at the rate of the decoder in use. False when there is nothing to play.
  [[nodiscard]] bool PullFrame(base::Timestamp now, codec::AudioFrame& frame);
  // Forgets the stream and takes any other as new.
  void StartNewSource();

  // The codec mode request of the packet that InsertAudio() took last.
  std::optional<uint8_t> codec_mode_request() const { return codec_mode_request_; }
  uint64_t source_changes() const { return jitter_.source_changes(); }

 private:
  std::optional<DropReason> Outcome(jitter::InsertOutcome outcome);
  // Adds the next piece to the buffer. False when there is none.
  bool Append(base::Timestamp now);
  void Decode(const jitter::PlayoutFrame& piece, base::Timestamp now);
  void Conceal(const jitter::PlayoutFrame& piece);
  // Of samples that are in the buffer's room already.
  void CountConcealed(const jitter::PlayoutFrame& piece, size_t samples);
  // What was concealed undecided was silence of the sender for so long, and lost for the rest.
  void Settle(uint32_t silent_units);
  void MakeComfortNoise(const jitter::PlayoutFrame& piece);
  void Use(ReceiveSetup::Entry& entry);
  void AdjustSpeed(base::Timestamp now);
  void Accelerate(codec::TimeScaler::Urgency urgency, base::Timestamp now);
  size_t SamplesOf(uint32_t duration) const;
  std::span<int16_t> RoomFor(uint32_t duration);
  uint32_t BufferedUnits() const;

  PipelineStats& stats_;
  ReceiveSetupPtr setup_;
  jitter::JitterBuffer jitter_;
  ReceiveSetup::Entry* current_ = nullptr;  // whose decoder fills the buffer
  std::optional<uint8_t> codec_mode_request_;
  uint64_t counted_source_changes_ = 0;
  uint64_t overflowed_before_ = 0;
  bool is_concealing_ = false;     // the last piece was concealment
  uint64_t undecided_frames_ = 0;  // concealed, not counted yet
  int64_t latency_sum_ns_ = 0;
  int64_t latency_packets_ = 0;
};

}  // namespace byon::pipeline
