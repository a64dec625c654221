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
  LegSink(SendingLeg& leg, rtp::RtpTimestamp timestamp, base::Timestamp now, DropCounters& drops,
          SessionOutput& output)
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

pipeline::PipelineConfig PipelineConfigFor(uint32_t ssrc, uint64_t seed) {
  return {.ssrc = {ssrc}, .random_seed = seed};
}

double Milliseconds(base::TimeDelta delta) { return delta.seconds() * 1e3; }

ShortText CodecText(const pipeline::PipelineStats& stats) {
  char text[32];
  const std::string_view name = codec::CodecName(stats.received_codec);
  const int length =
      stats.received_amr_mode >= 0
          ? std::snprintf(text, sizeof text, "%.*s mode %d", static_cast<int>(name.size()),
                          name.data(), stats.received_amr_mode)
          : std::snprintf(text, sizeof text, "%.*s", static_cast<int>(name.size()), name.data());
  return std::string_view(text, static_cast<size_t>(length));
}

// `received` is the pipeline that plays what came on the leg.
void FillLeg(LegStats& leg, const RtcpReporter& reporter,
             const pipeline::PipelineStats& received) {
  const rtp::SenderStatistics& sender = reporter.sender();
  leg.packets_received = reporter.packets_received();
  leg.bytes_received = reporter.bytes_received();
  leg.packets_sent = sender.packets_sent();
  leg.bytes_sent = sender.payload_bytes_sent();
  leg.packets_lost = reporter.packets_lost();
  leg.fraction_lost_remote = sender.remote_fraction_lost();
  leg.jitter_ms = Milliseconds(reporter.jitter());
  leg.round_trip_ms = Milliseconds(sender.round_trip_time().value_or(base::TimeDelta()));
  leg.playout_delay_ms = Milliseconds(received.playout_delay);
  leg.concealed_frames = received.concealed_frames;
  leg.recovered_frames = received.recovered_frames;
  leg.late_packets = received.late_packets;
  leg.duplicate_packets = received.duplicate_packets;
  leg.dtmf_received = received.dtmf_received;
  leg.added_latency_ms = Milliseconds(received.added_latency_mean);
  leg.codec = received.frames_played > 0 ? CodecText(received) : ShortText();
}

}  // namespace

MediaSession::MediaSession(const SessionConfig& config)
    : config_(config),
      access_(config_, drops_),
      ims_(config_, drops_),
      access_to_ims_(PipelineConfigFor(config.ims.ssrc, config.random_seed)),
      ims_to_access_(PipelineConfigFor(config.access.ssrc, ~config.random_seed)) {
  ApplyDirections();
}

MediaSession::ApplyResult MediaSession::Apply(SessionChange& change, base::Timestamp now,
                                              SessionOutput& output) {
  if (change.access && !access_.transport().MayApply(*change.access)) {
    return ApplyResult::kDtlsRoleFixed;
  }
  if (change.restart_ice) access_.transport().RestartIce(*change.restart_ice, now);
  if (change.access) access_.Apply(*change.access, now, output);
  if (change.ims && ims_.Apply(*change.ims)) ims_to_access_.StartNewSource();
  if (auto& audio = change.access_audio) {
    audio->receive = access_to_ims_.SetReceive(std::move(audio->receive));
    audio->send = ims_to_access_.SetSend(std::move(audio->send));
    access_.reporter().SetClockRates(audio->receive_clock_hz, ims_to_access_.send_clock_rate_hz());
  }
  if (auto& receive = change.access_receive) {
    *receive = access_to_ims_.SetReceive(std::move(*receive));
  }
  if (auto& audio = change.ims_audio) {
    audio->receive = ims_to_access_.SetReceive(std::move(audio->receive));
    audio->send = access_to_ims_.SetSend(std::move(audio->send));
    ims_.SetPayloadTypes(audio->payload_types);
    ims_.reporter().SetClockRates(audio->receive_clock_hz, access_to_ims_.send_clock_rate_hz());
  }
  ApplyDirections();
  return ApplyResult::kApplied;
}

void MediaSession::ApplyDirections() {
  access_to_ims_.SetReceiveActive(access_.may_receive());
  access_to_ims_.SetSendActive(ims_.may_send());
  ims_to_access_.SetReceiveActive(ims_.may_receive());
  ims_to_access_.SetSendActive(access_.may_send());
}

srtp::SrtpSession* MediaSession::HandleDatagram(LocalPort port, const net::SocketAddress& from,
                                                base::MutableByteSpan datagram,
                                                base::Timestamp now, SessionOutput& output) {
  if (port == LocalPort::kAccess) return access_.HandleDatagram(from, datagram, now, output);
  const auto packet =
      ims_.HandleDatagram(port == LocalPort::kImsRtcp, from, datagram, now, output);
  if (packet) (void)ims_to_access_.Insert(*packet, now);
  return nullptr;
}

void MediaSession::HandleDecryptedRtp(const net::SocketAddress& from, base::ByteSpan packet,
                                      base::Timestamp now) {
  const auto view = access_.AdmitRtp(from, packet, now);
  if (view) (void)access_to_ims_.Insert(*view, now);
}

void MediaSession::HandleHandshake(HandshakeReport& report, SessionOutput& output) {
  access_.transport().HandleHandshake(report, output);
}

void MediaSession::HandleTick(base::Timestamp now, SessionOutput& output) {
  access_.HandleTick(now, output);
  ims_.HandleTick(now, output);
  ApplyDirections();  // keys, the selected pair and a learned source come and go

  if (const auto request = ims_to_access_.TakeReceivedCmr()) access_to_ims_.ApplyCmr(*request);
  ims_to_access_.SetRemoteLoss(access_.reporter().sender().remote_fraction_lost());

  LegSink<ImsLeg> ims_sink(ims_, access_to_ims_.TimestampAt(now), now, drops_, output);
  (void)access_to_ims_.Tick(now, ims_sink);
  LegSink<AccessLeg> access_sink(access_, ims_to_access_.TimestampAt(now), now, drops_, output);
  (void)ims_to_access_.Tick(now, access_sink);

  if (const auto silent = access_.CheckSilence(now)) {
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

bool MediaSession::SendDtmf(Leg leg, std::string_view digits, base::TimeDelta duration,
                            base::TimeDelta gap) {
  return PipelineTowards(leg).SendDtmf(digits, duration, gap);
}

bool MediaSession::PlayTone(Leg leg, pipeline::Tone tone) {
  pipeline::TranscodingPipeline& pipeline = PipelineTowards(leg);
  if (pipeline.send_clock_rate_hz() == 0) return false;
  pipeline.PlayTone(tone);
  return true;
}

void MediaSession::DrainPipelines() {
  const auto drain = [this](pipeline::TranscodingPipeline& pipeline, Leg from,
                            const ShortText& stream_id) {
    while (!events_.full()) {
      const auto event = pipeline.PollEvent();
      if (!event) return;
      if (const auto* dtmf = std::get_if<pipeline::DtmfReceived>(&*event)) {
        PushEvent(DtmfReceived{from, dtmf->digit, dtmf->duration_ms});
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
  FillLeg(stats.access, access_.reporter(), access_to_ims_.stats());
  FillLeg(stats.ims, ims_.reporter(), ims_to_access_.stats());
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
