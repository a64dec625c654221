#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/base/time.h"
#include "dataplane/pipeline/audio_clip.h"
#include "dataplane/pipeline/drop_reason.h"
#include "dataplane/pipeline/hold_audio.h"
#include "dataplane/pipeline/packet_sink.h"
#include "dataplane/pipeline/pipeline_event.h"
#include "dataplane/pipeline/pipeline_stats.h"
#include "dataplane/pipeline/stream_format.h"
#include "dataplane/pipeline/tone.h"
#include "dataplane/pipeline/tone_plan.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/types.h"

namespace byon::codec {
class AmrWbBatch;
}

namespace byon::pipeline {

// A codec mode that the peer of the receiving leg asks for (RFC 4867 section 4.3.1, CMR).
struct CodecModeRequest {
  uint8_t mode = 0;
};

// Decoders for everything a leg may receive, or an encoder for what it sends. Made on a control thread,
// handed to the worker, and destroyed on a control thread again: only there the heap is used.
class ReceiveSetup;
class SendSetup;
struct ReceiveSetupDeleter {
  void operator()(ReceiveSetup* setup) const;
};
struct SendSetupDeleter {
  void operator()(SendSetup* setup) const;
};
using ReceiveSetupPtr = std::unique_ptr<ReceiveSetup, ReceiveSetupDeleter>;
using SendSetupPtr = std::unique_ptr<SendSetup, SendSetupDeleter>;

// `formats`: what may arrive, the preferred first, at most 8. `send`: what the other leg sends, if known:
// Opus is then decoded straight at its sample rate. Allocates.
base::Result<ReceiveSetupPtr, codec::FormatError> PrepareReceive(std::span<const StreamFormat> formats,
                                                                 const StreamFormat* send);
// `receive`: the preferred format of the other leg, if known: Opus is then encoded at its sample rate.
// `batch`: the worker's, where AMR-WB is encoded; null: the codec library.
base::Result<SendSetupPtr, codec::FormatError> PrepareSend(const StreamFormat& send, const StreamFormat* receive,
                                                           codec::AmrWbBatch* batch = nullptr);

struct PipelineConfig {
  rtp::Ssrc ssrc;            // of what is sent, for the life of the pipeline
  uint64_t random_seed = 0;  // first sequence number and timestamp (RFC 3550 section 5.1), noise
  ToneCountry tones = ToneCountry::kItu;
};

// One direction of a call: decrypted RTP of one leg in, plain RTP of the other leg out. Insert() takes
// packets as they come; Tick(), every 20 ms, takes 20 ms out of the jitter buffer, decodes, encodes
// and writes packets. The outgoing SSRC, sequence numbers and timestamps go on over every change of
// format or source. Not thread-safe; no heap after construction and the Prepare functions.
class TranscodingPipeline {
 public:
  explicit TranscodingPipeline(const PipelineConfig& config);
  ~TranscodingPipeline();
  TranscodingPipeline(const TranscodingPipeline&) = delete;
  TranscodingPipeline& operator=(const TranscodingPipeline&) = delete;

  // Takes over new formats, between any two ticks, and returns the replaced ones (null at first).
  // A null setup makes that side silent. The jitter buffer is emptied by SetReceive().
  [[nodiscard]] ReceiveSetupPtr SetReceive(ReceiveSetupPtr setup);
  [[nodiscard]] SendSetupPtr SetSend(SendSetupPtr setup);

  // Asks for the memory that Insert() and ticks look at first.
  void Prefetch() const;

  // Nothing, or why the packet (audio or telephone-event) was dropped; counted in stats().drops too.
  // Where the sending leg takes what came as it is (MayRelay()), it goes to `relay` at once, with its
  // own numbers and without decoding; null: never.
  std::optional<DropReason> Insert(const rtp::RtpPacketView& packet, base::Timestamp arrival,
                                   PacketSink* relay = nullptr);

  // To be called every 20 ms. Writes 0..3 packets into `sink`; returns how many. A tick that comes
  // late or not at all only moves the outgoing timestamps on.
  size_t Tick(base::Timestamp now, PacketSink& sink) {
    const size_t sent = StartTick(now, sink);
    return sent + FinishTick(sink);
  }
  // The same in two steps, so that the frames of many calls are encoded together: each call's tick is
  // started, then each is finished. In between nothing but events may be asked of the pipeline.
  size_t StartTick(base::Timestamp now, PacketSink& sink);
  size_t FinishTick(PacketSink& sink);

  // The far end of the receiving leg has changed (fork, 183 to 200, re-INVITE): forgets its stream, so
  // that any SSRC is taken as new, and reports MediaStarted again. The outgoing stream goes on.
  void StartNewSource();

  // Whether received packets are taken (else dropped as kReceiveInactive), and whether packets are sent.
  void SetReceiveActive(bool is_active);
  void SetSendActive(bool is_active);
  // Muted: silence is sent in place of what is received.
  void SetMuted(bool is_muted);
  // Sends encoded silence while there is nothing to play, instead of nothing. Off at first.
  void SetSendSilence(bool is_on);

  // Sends the tone in place of the received audio until kNone or another tone. Needs a send format.
  void PlayTone(Tone tone);
  // Plays the clip in place of the received audio, behind tones; ClipEnded follows unless it is
  // looped, stopped (null) or replaced. The clip must outlive its playing.
  void PlayClip(const AudioClip* clip, bool loop);
  // What is sent in place of the received audio while nothing above plays.
  void SetHoldAudio(const HoldAudio& audio);
  // Whether the sending leg has telephone-events to carry DTMF.
  bool CanSendDtmf() const;
  // Queues digits (0-9 * # A-D) behind those already waiting, at most 32 in all. False, with nothing
  // queued, when one is not a digit, there is no room, or the leg has no telephone-event.
  [[nodiscard]] bool SendDtmf(std::string_view digits, base::TimeDelta duration, base::TimeDelta gap);

  // The next event since the last call, in order. Poll after Insert() and Tick() until empty.
  std::optional<PipelineEvent> PollEvent();

  // The last codec mode request seen on the receiving leg, once. It is for the encoder of the pipeline
  // of the opposite direction: hand it to that one's ApplyCmr().
  std::optional<CodecModeRequest> TakeReceivedCmr();
  void ApplyCmr(CodecModeRequest request);
  // The far end is another one, which has asked for nothing yet; our own limit goes too.
  void ForgetCmr();
  // Our encoder uses no mode above this, nor above the peer's request.
  void SetModeLimit(uint8_t mode);
  // The mode to ask the peer for in what is sent; nothing for no request.
  void SetModeRequest(std::optional<uint8_t> mode);
  // What the receiver of the outgoing stream reports as lost (RTCP RR, 0 to 1): Opus FEC follows it.
  void SetRemoteLoss(double fraction);

  // Whether what is received passes as it is just now, so that what its receiver loses is its sender's affair.
  bool is_relaying() const;
  // The outgoing stream: what an RTCP sender report needs.
  rtp::Ssrc ssrc() const;
  uint32_t send_clock_rate_hz() const;  // 0 without a send format
  // The RTP timestamp that belongs to `now` on the outgoing clock.
  rtp::RtpTimestamp TimestampAt(base::Timestamp now) const;

  const PipelineStats& stats() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace byon::pipeline
