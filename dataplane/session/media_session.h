#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/base/time.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/session/access_leg.h"
#include "dataplane/session/codec_mode_control.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/handshake_messages.h"
#include "dataplane/session/ims_leg.h"
#include "dataplane/session/session_change.h"
#include "dataplane/session/session_event.h"
#include "dataplane/session/session_output.h"
#include "dataplane/session/session_stats.h"

namespace byon::session {

// Which of a session's local ports a datagram came to.
enum class LocalPort : uint8_t { kAccess, kImsRtp, kImsRtcp };

// The media of one call: an access leg and an IMS leg, wired by two pipelines. Built and destroyed on
// a control thread, owned by one worker in between; sans-IO. After each Handle the owner polls events.
class MediaSession {
 public:
  // Allocates everything the session will ever need but its codecs.
  explicit MediaSession(const SessionConfig& config);
  MediaSession(const MediaSession&) = delete;
  MediaSession& operator=(const MediaSession&) = delete;

  enum class ApplyResult : uint8_t {
    kApplied,
    kDtlsRoleFixed,  // the handshake has begun in the other role (RFC 8842 section 5.5)
    kJoined,         // its browser has no part in the call any more
  };
  // Takes the change over whole or not at all; leaves in it what was replaced.
  [[nodiscard]] ApplyResult Apply(SessionChange& change, base::Timestamp now, SessionOutput& output);

  // Joins the IMS legs of two sessions of one worker: what comes on one leg is sent on the other by the
  // pipeline that has sent there all along. The setups hold the decoders for the other's leg and come
  // back with what they replace; null leaves what is there. False when either is joined elsewhere.
  [[nodiscard]] bool Join(MediaSession& peer, pipeline::ReceiveSetupPtr& receive,
                          pipeline::ReceiveSetupPtr& peer_receive);
  // Before either of two joined sessions is destroyed. The other falls silent.
  void Part();
  bool is_joined() const { return peer_ != nullptr; }

  // Takes a datagram from one of the local ports. SRTP is not decrypted here but answered with the
  // session to decrypt it with (in a burst); the plain packet comes back by HandleDecryptedRtp(), the
  // reason of a failure by HandleUndecryptedRtp(). Null otherwise.
  [[nodiscard]] srtp::SrtpSession* HandleDatagram(LocalPort port, const net::SocketAddress& from,
                                                  base::MutableByteSpan datagram, base::Timestamp now,
                                                  SessionOutput& output);
  void HandleDecryptedRtp(const net::SocketAddress& from, base::ByteSpan packet, base::Timestamp now,
                          SessionOutput& output);
  void HandleUndecryptedRtp(srtp::DropReason reason) { drops_.Count(reason); }
  // Takes what the handshake thread says; leaves retired SRTP state in `report`.
  void HandleHandshake(HandshakeReport& report, SessionOutput& output);
  // Once per 20 ms: plays out both directions, sends RTCP when due, watches timeouts. In two steps: what
  // is encoded together with the frames of other sessions is sent by the second, which has to follow
  // before anything else, with the same time.
  void StartTick(base::Timestamp now, SessionOutput& output);
  void FinishTick(base::Timestamp now, SessionOutput& output);
  // Sends RTCP BYE on both legs and forgets the DTLS association. Nothing may follow but stats.
  void Close(std::string_view reason, base::Timestamp now, SessionOutput& output);

  // False when the leg has no telephone-event or its queue of digits has no room.
  [[nodiscard]] bool SendDtmf(Leg leg, std::string_view digits, base::TimeDelta duration, base::TimeDelta gap);
  // False when the leg has nothing to send with yet.
  [[nodiscard]] bool PlayTone(Leg leg, pipeline::Tone tone);
  // Plays a clip, which must outlive the session, into the leg, or stops (null). The playback id of
  // the last one changes nothing. False when the leg has nothing to send with yet.
  [[nodiscard]] bool PlayAnnouncement(Leg leg, const pipeline::AudioClip* clip, bool loop,
                                      const ShortText& playback_id);

  std::optional<SessionEvent> PollEvent();
  void FillStats(SessionStats& stats) const;
  // Those of the pipelines too.
  DropCounters AllDrops() const;
  // A packet of this session that died outside it (no buffer).
  DropCounters& drops() { return drops_; }

  // Asks for the memory that a packet of that port, or a tick, needs: first what is here, then, when that has
  // come, what it leads to.
  void Prefetch(LocalPort port) const;
  void PrefetchFurther(LocalPort port) const;
  void PrefetchTick() const;
  void PrefetchTickFurther() const;

  SessionHandle handle() const { return config_.handle; }
  const SessionConfig& config() const { return config_; }
  TransportState access_state() const { return access_.transport().state(); }
  // Events that found no room since the session began.
  uint64_t events_lost() const {
    return events_lost_ + access_.transport().events_lost() + access_to_ims_.stats().events_lost +
           ims_to_access_.stats().events_lost;
  }
  // Where the owner's timer wheel has it; the owner's.
  size_t tick_slot() const { return tick_slot_; }
  void set_tick_slot(size_t slot) { tick_slot_ = slot; }
  bool is_handshaking() const { return access_.transport().is_handshaking(); }

 private:
  pipeline::TranscodingPipeline& PipelineTowards(Leg leg) {
    return leg == Leg::kAccess ? ims_to_access_ : access_to_ims_;
  }
  // What plays the media of the IMS leg: towards the browser, or out on the leg of the joined session.
  pipeline::TranscodingPipeline& PipelineFromIms() { return peer_ ? peer_->access_to_ims_ : ims_to_access_; }
  const pipeline::TranscodingPipeline& PipelineFromIms() const {
    return peer_ ? peer_->access_to_ims_ : ims_to_access_;
  }
  void JoinOneWay(MediaSession& peer, pipeline::ReceiveSetupPtr& receive);
  // `to`: the leg that the pipeline sends on, `drops` its session's.
  template <typename SendingLeg>
  static void Play(pipeline::TranscodingPipeline& pipeline, RtcpReporter& reporter, const rtp::RtpPacketView& packet,
                   SendingLeg& to, DropCounters& drops, base::Timestamp now, SessionOutput& output);
  void ApplyDirections();
  // A relayed sender's redundancy has to outlast both ways.
  void TellLossBehind();
  void ApplyHold(const SessionChange& change);
  void DrainPipelines();
  void PushEvent(const SessionEvent& event);

  MediaSession* peer_ = nullptr;  // joined with
  bool is_relaying_ = false;      // as of the last tick, either way: what comes on one leg moves the other
  pipeline::TranscodingPipeline access_to_ims_;
  pipeline::TranscodingPipeline ims_to_access_;
  size_t tick_slot_ = 0;
  uint64_t events_lost_ = 0;
  size_t next_event_ = 0;
  base::FixedVector<SessionEvent, 32> events_;
  AccessLeg access_;
  ImsLeg ims_;
  CodecModeControl modes_;
  std::array<ShortText, 2> playback_ids_;  // the last one into each leg
  const SessionConfig config_;
  DropCounters drops_;
};

}  // namespace byon::session
