#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/codec/amr_payload.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/resampler.h"
#include "dataplane/pipeline/codec_setup.h"
#include "dataplane/pipeline/dtmf_sender.h"
#include "dataplane/pipeline/outgoing_stream.h"
#include "dataplane/pipeline/packet_relay.h"
#include "dataplane/pipeline/playout_stage.h"
#include "dataplane/pipeline/speech_level.h"
#include "dataplane/pipeline/telephone_event_receiver.h"
#include "dataplane/pipeline/tone_generator.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/rtp/red_payload.h"

namespace byon::pipeline {

// The packet `steps_back` before `primary` that came as a copy with it (RFC 2198 section 4).
inline jitter::StreamPacket CopyIn(const rtp::RedBlock& block, const jitter::StreamPacket& primary,
                                   int32_t steps_back) {
  jitter::StreamPacket copy = primary;
  copy.sequence_number = primary.sequence_number + -steps_back;
  copy.timestamp = primary.timestamp + -int64_t{block.timestamp_offset};
  copy.payload_type = block.payload_type.value;
  copy.payload = block.payload;
  return copy;
}

// The stages of one direction, from top to bottom in the order that audio passes them. What they do is in
// packet_input.cc (what is received), relay_input.cc (what of it passes as it is) and tick_output.cc (what is sent).
class alignas(base::kCacheLineBytes) TranscodingPipeline::State {
 public:
  static constexpr size_t kMaxWaitingEvents = 16;

  explicit State(const PipelineConfig& config)
      : stream_(config.ssrc, config.random_seed),
        tone_(config.tones),
        hold_(config.random_seed),
        playout_(stats_),
        resampler_(16'000, 16'000) {}

  std::optional<DropReason> Insert(const rtp::RtpPacketView& packet, base::Timestamp arrival, PacketSink* relay);
  size_t StartTick(base::Timestamp now, PacketSink& sink);
  size_t FinishTick(PacketSink& sink);

  ReceiveSetupPtr SetReceive(ReceiveSetupPtr setup);
  SendSetupPtr SetSend(SendSetupPtr setup);
  void StartNewSource();
  // What comes next, relayed or not, does not go on from what was relayed.
  void StopRelay();
  bool is_relaying() const { return is_relaying_; }

  void Report(const PipelineEvent& event) {
    has_events_ = true;
    if (!events_.PushBack(event)) ++stats_.events_lost;
  }
  std::optional<PipelineEvent> PollEvent() {
    if (!has_events_) return std::nullopt;
    const PipelineEvent event = events_[0];
    events_.Erase(0);
    has_events_ = !events_.empty();
    return event;
  }
  // The lower of what the peer asks for and our own limit.
  void ApplyModes();

  // After anything that starts or ends a sound of our own.
  void NoteSounds() { makes_sounds_ = tone_.is_on() || clip_.is_on() || hold_.is_always_wanted() || !dtmf_.is_idle(); }

  // What every packet and every tick look at lies together, kHotBytes with the first of `stats_`: with a thousand
  // calls each line of memory is a miss.
  static constexpr size_t kHotBytes = 384;
  bool is_receive_active_ = true;
  bool is_send_active_ = true;
  bool is_muted_ = false;
  bool is_sending_silence_ = false;
  uint8_t mode_request_ = codec::kNoModeRequest;
  std::optional<CodecModeRequest> received_cmr_;
  std::optional<uint8_t> last_cmr_;

 private:
  // What is received under `payload_type` and may be sent as it is, under `sent_payload_type`.
  struct Relayed {
    static constexpr uint8_t kNoPayloadType = 0xff;
    uint8_t payload_type = kNoPayloadType;
    uint8_t sent_payload_type = 0;
    codec::Codec codec = codec::Codec::kOpus;
    bool is_octet_aligned = false;
  };
  Relayed usual_relayed_;      // of the preferred format; found without a look at the setups
  bool has_started_ = false;   // MediaStarted was reported for this source
  bool is_marker_due_ = true;  // the next audio packet follows a pause
  bool is_relaying_ = false;
  bool is_encoding_ = false;  // between StartTick() and FinishTick()
  bool has_events_ = false;
  bool makes_sounds_ = false;  // tone, clip, hold audio or digits, which come before what is received
  base::Timestamp last_relayed_;

 public:
  double remote_loss_ = 0;
  SendSetupPtr send_;
  OutgoingStream stream_;

 private:
  PacketRelay relay_;

 public:
  TelephoneEventReceiver event_receiver_;
  PipelineStats stats_;
  base::FixedVector<PipelineEvent, kMaxWaitingEvents> events_;
  std::optional<CodecModeRequest> applied_cmr_;
  std::optional<uint8_t> mode_limit_;
  ClipPlayer clip_;
  ToneGenerator tone_;
  HoldAudioSource hold_;
  PlayoutStage playout_;
  SpeechLevel speech_level_;
  DtmfSender dtmf_;
  codec::Resampler resampler_;

 private:
  std::optional<DropReason> InsertPacket(const rtp::RtpPacketView& packet, base::Timestamp arrival, PacketSink* relay);
  std::optional<DropReason> InsertPrimary(const rtp::RtpPacketView& packet, const jitter::StreamPacket& primary,
                                          bool carries_copies, base::Timestamp arrival, PacketSink* relay);
  std::optional<DropReason> InsertRed(const rtp::RtpPacketView& packet, base::Timestamp arrival, PacketSink* relay);
  // Whether packets of the receiving leg are what is sent, in so far as it may be.
  bool MayRelayNow() const { return send_ && is_send_active_ && !is_muted_ && !makes_sounds_; }
  std::optional<Relayed> FindRelayed(uint8_t payload_type);
  std::optional<Relayed> RelayedAs(size_t entry);
  void PlanRelay();
  void RelayCopies(const rtp::RedPayloadView& red, const jitter::StreamPacket& primary, base::Timestamp arrival,
                   PacketSink& sink);
  std::optional<DropReason> RelayPacket(const jitter::StreamPacket& packet, bool marker, const Relayed& relayed,
                                        base::Timestamp arrival, PacketSink& sink);
  void NoteAudio(const std::optional<uint8_t>& codec_mode_request);
  void InsertCopies(const rtp::RedPayloadView& red, const jitter::StreamPacket& primary, base::Timestamp arrival);
  std::optional<DropReason> TakeEvent(base::ByteSpan payload, rtp::RtpTimestamp timestamp, bool marker,
                                      const TelephoneEventFormat& format, base::Timestamp arrival);
  std::optional<DropReason> Relay(const EventProgress& progress);
  void ReportDigit(uint8_t event, base::TimeDelta duration);

  size_t SendTick(base::Timestamp now, PacketSink& sink);
  void MeasureLevel(const codec::AudioFrame& received);
  bool SendDtmfPacket(PacketSink& sink);
  bool MakeFrame(const codec::AudioFrame* received, codec::AudioFrame& frame);
  size_t SendPayload(const codec::EncodedPayload& encoded, base::ByteSpan payload, PacketSink& sink);
  void CountSent(size_t payload_bytes);
  void Drop(DropReason reason) { ++stats_.drops[static_cast<size_t>(reason)]; }
};

}  // namespace byon::pipeline
