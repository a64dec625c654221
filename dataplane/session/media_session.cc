#include "dataplane/session/media_session.h"

#include <cstdio>
#include <type_traits>
#include <utility>
#include <variant>

namespace byon::session {
namespace {

// Lends the pipeline buffers of the packet I/O and hands finished packets to the leg.
template <typename SendingLeg>
class LegSink final : public pipeline::PacketSink {
 public:
  LegSink(SendingLeg& leg, rtp::RtpTimestamp timestamp, base::Timestamp now, DropCounters& drops, SessionOutput& output)
      : leg_(leg), timestamp_(timestamp), now_(now), drops_(drops), output_(output) {}

  base::MutableByteSpan Reserve() override {
    buffer_ = output_.Allocate();
    if (!buffer_) drops_.Count(DropReason::kNoTxBuffer);
    return buffer_ ? buffer_.bytes() : base::MutableByteSpan();
  }
  void Commit(size_t size) override { leg_.SendRtp(buffer_, size, timestamp_, now_, output_); }
  void Abandon() override { output_.Free(buffer_); }

 private:
  SendingLeg& leg_;
  const rtp::RtpTimestamp timestamp_;
  const base::Timestamp now_;
  DropCounters& drops_;
  SessionOutput& output_;
  TxBuffer buffer_;
};

pipeline::PipelineConfig PipelineConfigFor(uint32_t ssrc, uint64_t seed, pipeline::ToneCountry tones) {
  return {.ssrc = {ssrc}, .random_seed = seed, .tones = tones};
}

// The pointers and flags at the front of a session.
constexpr size_t kHotBytes = 64;

double Milliseconds(base::TimeDelta delta) { return delta.seconds() * 1e3; }

ShortText CodecText(codec::Codec codec, int amr_mode) {
  char text[32];
  const std::string_view name = codec::CodecName(codec);
  const int length =
      amr_mode >= 0
          ? std::snprintf(text, sizeof text, "%.*s mode %d", static_cast<int>(name.size()), name.data(), amr_mode)
          : std::snprintf(text, sizeof text, "%.*s", static_cast<int>(name.size()), name.data());
  return std::string_view(text, static_cast<size_t>(length));
}

void FillQuality(LegStats& leg, const RtcpReporter& reporter, const pipeline::PipelineStats& received) {
  leg.quality = reporter.quality().latest();
  leg.quality_mean = reporter.quality().call();
  leg.worst_mos = reporter.quality().worst_mos();
  leg.burst_gap = reporter.outcomes().burst_gap();
  leg.fraction_discarded = reporter.outcomes().totals().discard_rate();
  leg.signal_level_dbm0 = received.signal_level_dbm0;
  leg.noise_level_dbm0 = received.noise_level_dbm0;
  leg.remote = reporter.remote_metrics();
}

// `received` is the pipeline that plays what came on the leg, `sent` the other one.
void FillLeg(LegStats& leg, const RtcpReporter& reporter, const pipeline::PipelineStats& received,
             const pipeline::PipelineStats& sent) {
  const rtp::SenderStatistics& sender = reporter.sender();
  leg.packets_received = reporter.packets_received();
  leg.bytes_received = reporter.bytes_received();
  leg.packets_sent = sender.packets_sent();
  leg.bytes_sent = sender.payload_bytes_sent();
  leg.packets_lost = reporter.packets_lost();
  leg.fraction_lost_remote = sender.remote_fraction_lost();
  leg.jitter_ms = Milliseconds(reporter.jitter());
  leg.round_trip_ms = Milliseconds(reporter.round_trip_time().value_or(base::TimeDelta()));
  leg.playout_delay_ms = Milliseconds(received.playout_delay);
  leg.concealed_frames = received.concealed_frames;
  leg.recovered_frames = received.recovered_frames;
  leg.late_packets = received.late_packets;
  leg.duplicate_packets = received.duplicate_packets;
  leg.dtmf_received = received.dtmf_received;
  leg.added_latency_ms = Milliseconds(received.added_latency_mean);
  if (received.frames_played > 0) {
    leg.codec = CodecText(received.received_codec, received.received_amr_mode);
  }
  if (sent.packets_sent > 0) leg.sent_codec = CodecText(sent.sent_codec, sent.sent_amr_mode);
  FillQuality(leg, reporter, received);
}

}  // namespace

MediaSession::MediaSession(const SessionConfig& config)
    : access_to_ims_(PipelineConfigFor(config.ims.ssrc, config.random_seed, config.tones)),
      ims_to_access_(PipelineConfigFor(config.access.ssrc, ~config.random_seed, config.tones)),
      access_(config, drops_),
      ims_(config, drops_),
      config_(config) {
  access_.reporter().Watch(access_to_ims_.stats());
  ims_.reporter().Watch(ims_to_access_.stats());
  // Browsers send and take AVPF (RFC 8834 section 4.3).
  access_.reporter().SetParameters({.is_avpf = true});
  ApplyDirections();
}

MediaSession::ApplyResult MediaSession::Apply(SessionChange& change, base::Timestamp now, SessionOutput& output) {
  if (change.access && !access_.transport().MayApply(*change.access)) {
    return ApplyResult::kDtlsRoleFixed;
  }
  if (peer_ && change.access_audio) return ApplyResult::kJoined;
  if (change.restart_ice) access_.transport().RestartIce(*change.restart_ice, now);
  if (change.access) access_.Apply(*change.access, now, output);
  if (change.ims && ims_.Apply(*change.ims)) {
    PipelineFromIms().StartNewSource();
    modes_.StartNewSource(access_to_ims_);
  }
  if (auto& audio = change.access_audio) {
    audio->receive = access_to_ims_.SetReceive(std::move(audio->receive));
    audio->send = ims_to_access_.SetSend(std::move(audio->send));
    access_.reporter().SetClockRates(audio->receive_clock_hz, ims_to_access_.send_clock_rate_hz());
  }
  if (auto& receive = change.access_receive; receive && !peer_) {
    *receive = access_to_ims_.SetReceive(std::move(*receive));
  }
  if (auto& send = change.access_send) *send = ims_to_access_.SetSend(std::move(*send));
  if (auto& audio = change.ims_audio) {
    audio->receive = ims_to_access_.SetReceive(std::move(audio->receive));
    audio->send = access_to_ims_.SetSend(std::move(audio->send));
    ims_.SetPayloadTypes(audio->payload_types);
    ims_.reporter().SetClockRates(audio->receive_clock_hz, access_to_ims_.send_clock_rate_hz());
    modes_.SetFormats(audio->send_format, audio->receive_format);
  }
  ApplyHold(change);
  ApplyDirections();
  return ApplyResult::kApplied;
}

void MediaSession::ApplyHold(const SessionChange& change) {
  if (change.access && !peer_) {
    if (change.access->is_muted) access_to_ims_.SetMuted(*change.access->is_muted);
    if (change.access->hold_audio) ims_to_access_.SetHoldAudio(*change.access->hold_audio);
  }
  if (change.ims) {
    if (change.ims->is_muted) PipelineFromIms().SetMuted(*change.ims->is_muted);
    if (change.ims->hold_audio) access_to_ims_.SetHoldAudio(*change.ims->hold_audio);
  }
}

bool MediaSession::Join(MediaSession& peer, pipeline::ReceiveSetupPtr& receive,
                        pipeline::ReceiveSetupPtr& peer_receive) {
  const bool is_again = peer_ == &peer;
  if (&peer == this || (!is_again && (peer_ || peer.peer_))) return false;
  JoinOneWay(peer, receive);
  peer.JoinOneWay(*this, peer_receive);
  return true;
}

void MediaSession::JoinOneWay(MediaSession& peer, pipeline::ReceiveSetupPtr& receive) {
  if (!peer_) {
    peer_ = &peer;
    access_to_ims_.StartNewSource();
    access_to_ims_.SetMuted(false);  // was the browser's
    access_to_ims_.SetHoldAudio({});
    access_to_ims_.PlayTone(pipeline::Tone::kNone);
    access_to_ims_.PlayClip(nullptr, false);
    ims_.reporter().Watch(peer.access_to_ims_.stats());
  }
  if (receive) receive = access_to_ims_.SetReceive(std::move(receive));
  ApplyDirections();
}

void MediaSession::Part() {
  if (!peer_) return;
  MediaSession& peer = *std::exchange(peer_, nullptr);
  peer.Part();
  access_to_ims_.StartNewSource();
  ims_.reporter().Watch(ims_to_access_.stats());
  ApplyDirections();
}

void MediaSession::ApplyDirections() {
  if (peer_) {
    access_to_ims_.SetReceiveActive(peer_->ims_.may_receive());
    access_to_ims_.SetSendActive(ims_.may_send());
    // The other one's hold, and the time before its first packet: silence, no end of the stream.
    access_to_ims_.SetSendSilence(true);
    ims_to_access_.SetReceiveActive(false);
    ims_to_access_.SetSendActive(false);
    return;
  }
  access_to_ims_.SetReceiveActive(access_.may_receive());
  access_to_ims_.SetSendActive(ims_.may_send());
  ims_to_access_.SetReceiveActive(ims_.may_receive());
  ims_to_access_.SetSendActive(access_.may_send());
  // A browser that only listens is heard as silence: phones and border controllers take a stream that
  // stops without a word for a broken call.
  access_to_ims_.SetSendSilence(!access_.may_receive());
}

srtp::SrtpSession* MediaSession::HandleDatagram(LocalPort port, const net::SocketAddress& from,
                                                base::MutableByteSpan datagram, base::Timestamp now,
                                                SessionOutput& output) {
  if (port == LocalPort::kAccess) return access_.HandleDatagram(from, datagram, now, output);
  const auto packet = ims_.HandleDatagram(port == LocalPort::kImsRtcp, from, datagram, now, output);
  if (!packet) return nullptr;
  if (peer_) {
    Play(peer_->access_to_ims_, ims_.reporter(), *packet, peer_->ims_, peer_->drops_, now, output);
  } else {
    Play(ims_to_access_, ims_.reporter(), *packet, access_, drops_, now, output);
  }
  return nullptr;
}

void MediaSession::Prefetch(LocalPort port) const {
  base::Prefetch(this, kHotBytes);
  port == LocalPort::kAccess ? access_.Prefetch() : ims_.Prefetch();
}

void MediaSession::PrefetchFurther(LocalPort port) const {
  if (port == LocalPort::kAccess) {
    access_to_ims_.Prefetch();
    if (access_.transport().inbound()) access_.transport().inbound()->Prefetch();
    if (is_relaying_) ims_.Prefetch();
  } else if (peer_) {
    peer_->access_to_ims_.Prefetch();
    peer_->ims_.Prefetch();
  } else {
    ims_to_access_.Prefetch();
    if (!is_relaying_) return;
    access_.Prefetch();
    if (access_.transport().outbound()) access_.transport().outbound()->Prefetch();
  }
}

void MediaSession::PrefetchTick() const {
  base::Prefetch(this, kHotBytes);
  access_.Prefetch();
  ims_.Prefetch();
  base::Prefetch(&modes_, sizeof modes_);
}

void MediaSession::PrefetchTickFurther() const {
  access_to_ims_.Prefetch();
  ims_to_access_.Prefetch();
}

void MediaSession::HandleDecryptedRtp(const net::SocketAddress& from, base::ByteSpan packet, base::Timestamp now,
                                      SessionOutput& output) {
  const auto view = access_.AdmitRtp(from, packet, now);
  if (!view) return;
  if (peer_) return drops_.Count(DropReason::kLeftCall);
  Play(access_to_ims_, access_.reporter(), *view, ims_, drops_, now, output);
}

template <typename SendingLeg>
void MediaSession::Play(pipeline::TranscodingPipeline& pipeline, RtcpReporter& reporter,
                        const rtp::RtpPacketView& packet, SendingLeg& to, DropCounters& drops, base::Timestamp now,
                        SessionOutput& output) {
  LegSink<SendingLeg> sink(to, pipeline.TimestampAt(now), now, drops, output);
  // Keys may have gone since the tick that looked last.
  const auto drop = pipeline.Insert(packet, now, to.may_send() ? &sink : nullptr);
  if (drop == pipeline::DropReason::kLatePacket) reporter.OnRtpTooLate(packet, now);
  if (drop == pipeline::DropReason::kDuplicatePacket) reporter.OnRtpDuplicate(now);
}

void MediaSession::HandleHandshake(HandshakeReport& report, SessionOutput& output) {
  access_.transport().HandleHandshake(report, output);
}

void MediaSession::StartTick(base::Timestamp now, SessionOutput& output) {
  access_.HandleTick(now, output);
  ims_.HandleTick(now, output);
  ApplyDirections();  // keys, the selected pair and a learned source come and go

  modes_.HandleTick(ims_.reporter(), PipelineFromIms(), access_to_ims_, now);
  TellLossBehind();
  ims_to_access_.SetRemoteLoss(access_.reporter().sender().remote_fraction_lost());

  LegSink<ImsLeg> ims_sink(ims_, access_to_ims_.TimestampAt(now), now, drops_, output);
  (void)access_to_ims_.StartTick(now, ims_sink);
  LegSink<AccessLeg> access_sink(access_, ims_to_access_.TimestampAt(now), now, drops_, output);
  (void)ims_to_access_.StartTick(now, access_sink);
}

void MediaSession::TellLossBehind() {
  const auto of_relayed = [](const pipeline::TranscodingPipeline& pipeline, const RtcpReporter& towards) {
    return pipeline.is_relaying() ? towards.sender().remote_fraction_lost() : 0;
  };
  access_.reporter().SetLossBehind(peer_ ? 0 : of_relayed(access_to_ims_, ims_.reporter()));
  is_relaying_ = access_to_ims_.is_relaying() || ims_to_access_.is_relaying();
  const RtcpReporter& behind_ims = peer_ ? peer_->ims_.reporter() : access_.reporter();
  ims_.reporter().SetLossBehind(of_relayed(PipelineFromIms(), behind_ims));
}

void MediaSession::FinishTick(base::Timestamp now, SessionOutput& output) {
  LegSink<ImsLeg> ims_sink(ims_, access_to_ims_.TimestampAt(now), now, drops_, output);
  (void)access_to_ims_.FinishTick(ims_sink);
  LegSink<AccessLeg> access_sink(access_, ims_to_access_.TimestampAt(now), now, drops_, output);
  (void)ims_to_access_.FinishTick(access_sink);

  if (const auto silent = access_.CheckSilence(now); silent && !peer_) {
    PushEvent(MediaTimeout{Leg::kAccess, static_cast<uint32_t>(silent->milliseconds())});
  }
  if (const auto silent = ims_.CheckSilence(now)) {
    PushEvent(MediaTimeout{Leg::kIms, static_cast<uint32_t>(silent->milliseconds())});
  }
}

void MediaSession::Close(std::string_view reason, base::Timestamp now, SessionOutput& output) {
  access_.Close(reason, now, output);
  ims_.Close(reason, now, output);
}

bool MediaSession::SendDtmf(Leg leg, std::string_view digits, base::TimeDelta duration, base::TimeDelta gap) {
  return PipelineTowards(leg).SendDtmf(digits, duration, gap);
}

bool MediaSession::PlayTone(Leg leg, pipeline::Tone tone) {
  pipeline::TranscodingPipeline& pipeline = PipelineTowards(leg);
  if (pipeline.send_clock_rate_hz() == 0) return false;
  pipeline.PlayTone(tone);
  return true;
}

bool MediaSession::PlayAnnouncement(Leg leg, const pipeline::AudioClip* clip, bool loop, const ShortText& playback_id) {
  pipeline::TranscodingPipeline& pipeline = PipelineTowards(leg);
  if (pipeline.send_clock_rate_hz() == 0) return false;
  ShortText& last = playback_ids_[static_cast<size_t>(leg)];
  if (clip != nullptr && last == playback_id) return true;
  if (clip != nullptr) last = playback_id;
  pipeline.PlayClip(clip, loop);
  return true;
}

void MediaSession::DrainPipelines() {
  const auto drain = [this](pipeline::TranscodingPipeline& pipeline, Leg from, const ShortText& stream_id) {
    while (!events_.full()) {
      const auto event = pipeline.PollEvent();
      if (!event) return;
      if (const auto* dtmf = std::get_if<pipeline::DtmfReceived>(&*event)) {
        PushEvent(DtmfReceived{from, dtmf->digit, dtmf->duration_ms});
      } else if (std::holds_alternative<pipeline::ClipEnded>(*event)) {
        const Leg towards = from == Leg::kAccess ? Leg::kIms : Leg::kAccess;
        PushEvent(AnnouncementEnded{towards, playback_ids_[static_cast<size_t>(towards)]});
      } else {
        PushEvent(MediaStarted{from, stream_id});
      }
    }
  };
  drain(access_to_ims_, Leg::kAccess, ShortText());
  drain(ims_to_access_, Leg::kIms, ims_.stream_id());
}

void MediaSession::PushEvent(const SessionEvent& event) {
  if (!events_.PushBack(event)) ++events_lost_;
}

std::optional<SessionEvent> MediaSession::PollEvent() {
  if (next_event_ == events_.size()) {
    events_.Clear();
    next_event_ = 0;
    while (!events_.full()) {
      const auto event = access_.transport().PollEvent();
      if (!event) break;
      PushEvent(*event);
    }
    DrainPipelines();
    if (events_.empty()) return std::nullopt;
  }
  return events_[next_event_++];
}

void MediaSession::FillStats(SessionStats& stats) const {
  stats.handle = handle();
  stats.access_state = access_state();
  FillLeg(stats.access, access_.reporter(), access_to_ims_.stats(), ims_to_access_.stats());
  FillLeg(stats.ims, ims_.reporter(), PipelineFromIms().stats(), access_to_ims_.stats());
  stats.drops = AllDrops();
}

DropCounters MediaSession::AllDrops() const {
  DropCounters all = drops_;
  for (const auto* pipeline : {&access_to_ims_, &ims_to_access_}) {
    const auto& drops = pipeline->stats().drops;
    for (size_t i = 0; i < drops.size(); ++i) {
      all.Count(static_cast<pipeline::DropReason>(i), drops[i]);
    }
  }
  return all;
}

}  // namespace byon::session
