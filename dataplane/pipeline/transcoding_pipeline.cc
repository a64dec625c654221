#include "dataplane/pipeline/transcoding_pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/base/fixed_vector.h"
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
#include "dataplane/rtp/red_payload.h"

namespace byon::pipeline {
namespace {

constexpr size_t kMaxWaitingEvents = 16;
constexpr uint64_t kFramesPerLevel = 50;
// A relayed source that is silent for longer has stopped: DTX says something more often.
constexpr base::TimeDelta kRelayPause = jitter::JitterBuffer::kLongestSilence;

}  // namespace

// The stages of one direction, from top to bottom in the order that audio passes them.
class TranscodingPipeline::State {
 public:
  explicit State(const PipelineConfig& config)
      : stream_(config.ssrc, config.random_seed),
        tone_(config.tones),
        hold_(config.random_seed),
        playout_(stats_),
        resampler_(16'000, 16'000) {}

  std::optional<DropReason> Insert(const rtp::RtpPacketView& packet, base::Timestamp arrival,
                                   PacketSink* relay);
  size_t StartTick(base::Timestamp now, PacketSink& sink);
  size_t FinishTick(PacketSink& sink);

  ReceiveSetupPtr SetReceive(ReceiveSetupPtr setup);
  SendSetupPtr SetSend(SendSetupPtr setup);
  void StartNewSource();
  // What comes next, relayed or not, does not go on from what was relayed.
  void StopRelay();
  bool is_relaying() const { return is_relaying_; }

  void Report(const PipelineEvent& event) {
    if (!events_.PushBack(event)) ++stats_.events_lost;
  }
  // The lower of what the peer asks for and our own limit.
  void ApplyModes();

  // What every packet and every tick look at lies together: with a thousand calls each line of memory is a miss.
  PipelineStats stats_;
  OutgoingStream stream_;
  SendSetupPtr send_;
  double remote_loss_ = 0;
  bool is_receive_active_ = true;
  bool is_send_active_ = true;
  bool is_muted_ = false;
  bool is_sending_silence_ = false;
  uint8_t mode_request_ = codec::kNoModeRequest;
  std::optional<CodecModeRequest> received_cmr_;
  std::optional<uint8_t> last_cmr_;
  std::optional<CodecModeRequest> applied_cmr_;
  std::optional<uint8_t> mode_limit_;

 private:
  struct RelayPlan {
    uint8_t entries = 0;  // bit i: what entry i of the receive setup receives may be sent as it is
    uint8_t payload_type = 0;
    codec::Codec codec = codec::Codec::kOpus;
  };
  RelayPlan relay_plan_;
  bool has_started_ = false;       // MediaStarted was reported for this source
  bool is_marker_due_ = true;      // the next audio packet follows a pause
  bool is_relaying_ = false;
  bool is_encoding_ = false;       // between StartTick() and FinishTick()
  base::Timestamp last_relayed_;
  PacketRelay relay_;

 public:
  ClipPlayer clip_;
  ToneGenerator tone_;
  TelephoneEventReceiver event_receiver_;
  HoldAudioSource hold_;
  PlayoutStage playout_;
  SpeechLevel speech_level_;
  DtmfSender dtmf_;
  codec::Resampler resampler_;
  base::FixedVector<PipelineEvent, kMaxWaitingEvents> events_;

 private:
  std::optional<DropReason> InsertPacket(const rtp::RtpPacketView& packet, base::Timestamp arrival,
                                         PacketSink* relay);
  std::optional<DropReason> InsertPrimary(const rtp::RtpPacketView& packet,
                                          const jitter::StreamPacket& primary, bool carries_copies,
                                          base::Timestamp arrival, PacketSink* relay);
  std::optional<DropReason> InsertRed(const rtp::RtpPacketView& packet, base::Timestamp arrival,
                                      PacketSink* relay);
  bool MayRelayNow() const;
  codec::AudioDecoder* DecoderOfRelayed(uint8_t payload_type);
  void PlanRelay();
  void RelayCopies(const rtp::RedPayloadView& red, const jitter::StreamPacket& primary,
                   base::Timestamp arrival, PacketSink& sink);
  std::optional<DropReason> RelayPacket(const jitter::StreamPacket& packet, bool marker,
                                        codec::AudioDecoder& decoder, base::Timestamp arrival,
                                        PacketSink& sink);
  void NoteAudio(const std::optional<uint8_t>& codec_mode_request);
  void InsertCopies(const rtp::RedPayloadView& red, const jitter::StreamPacket& primary,
                    base::Timestamp arrival);
  std::optional<DropReason> TakeEvent(base::ByteSpan payload, rtp::RtpTimestamp timestamp,
                                      bool marker, const TelephoneEventFormat& format,
                                      base::Timestamp arrival);
  std::optional<DropReason> Relay(const EventProgress& progress);
  void ReportDigit(uint8_t event, base::TimeDelta duration);

  void MeasureLevel(const codec::AudioFrame& received);
  bool SendDtmfPacket(PacketSink& sink);
  bool MakeFrame(const codec::AudioFrame* received, codec::AudioFrame& frame);
  size_t SendPayload(const codec::EncodedPayload& encoded, base::ByteSpan payload,
                     PacketSink& sink);
  void CountSent(size_t payload_bytes);
  void Drop(DropReason reason) { ++stats_.drops[static_cast<size_t>(reason)]; }
};

// ---- Packets in -------------------------------------------------------------------------------------

std::optional<DropReason> TranscodingPipeline::State::Insert(const rtp::RtpPacketView& packet,
                                                             base::Timestamp arrival,
                                                             PacketSink* relay) {
  ++stats_.packets_received;
  const std::optional<DropReason> reason = InsertPacket(packet, arrival, relay);
  if (reason) Drop(*reason);
  return reason;
}

std::optional<DropReason> TranscodingPipeline::State::InsertPacket(
    const rtp::RtpPacketView& packet, base::Timestamp arrival, PacketSink* relay) {
  ReceiveSetup* setup = playout_.setup();
  if (setup == nullptr) return DropReason::kNoReceiveFormat;
  if (!is_receive_active_) return DropReason::kReceiveInactive;
  if (setup->IsRed(packet.payload_type().value)) return InsertRed(packet, arrival, relay);
  return InsertPrimary(packet, jitter::StreamPacket::Of(packet), false, arrival, relay);
}

std::optional<DropReason> TranscodingPipeline::State::InsertPrimary(
    const rtp::RtpPacketView& packet, const jitter::StreamPacket& primary, bool carries_copies,
    base::Timestamp arrival, PacketSink* relay) {
  const uint64_t sources_before = playout_.source_changes();
  const TelephoneEventFormat* event = playout_.setup()->FindTelephoneEvent(primary.payload_type);
  if (event != nullptr) {
    const auto reason = playout_.InsertEvent(packet, arrival);
    if (playout_.source_changes() != sources_before) event_receiver_.Reset();
    if (reason) return reason;
    return TakeEvent(primary.payload, primary.timestamp, packet.marker(), *event, arrival);
  }
  if (relay != nullptr && MayRelayNow()) {
    if (codec::AudioDecoder* decoder = DecoderOfRelayed(primary.payload_type)) {
      return RelayPacket(primary, packet.marker(), *decoder, arrival, *relay);
    }
  }
  StopRelay();
  const std::optional<DropReason> reason = playout_.InsertAudio(primary, carries_copies, arrival);
  if (playout_.source_changes() != sources_before) event_receiver_.Reset();
  if (reason) return reason;
  NoteAudio(playout_.codec_mode_request());
  return std::nullopt;
}

void TranscodingPipeline::State::NoteAudio(const std::optional<uint8_t>& codec_mode_request) {
  if (!has_started_) Report(MediaStarted{});
  has_started_ = true;
  if (codec_mode_request && codec_mode_request != last_cmr_) {
    received_cmr_ = CodecModeRequest{*codec_mode_request};
  }
  if (codec_mode_request) last_cmr_ = codec_mode_request;
}

// Of a payload type whose payloads may be sent as they are; null: they may not.
codec::AudioDecoder* TranscodingPipeline::State::DecoderOfRelayed(uint8_t payload_type) {
  if (relay_plan_.entries == 0) return nullptr;
  const auto index = playout_.setup()->AudioIndex(payload_type);
  if (!index || (relay_plan_.entries >> *index & 1) == 0) return nullptr;
  return playout_.setup()->entries()[*index].decoder.get();
}

void TranscodingPipeline::State::PlanRelay() {
  relay_plan_ = {};
  ReceiveSetup* const receive = playout_.setup();
  if (receive == nullptr || !send_) return;
  relay_plan_.payload_type = send_->format().payload_type;
  relay_plan_.codec = send_->format().codec.codec;
  for (size_t i = 0; i < receive->entries().size(); ++i) {
    const bool may_relay = MayRelay(receive->entries()[i].format.codec, send_->format().codec);
    relay_plan_.entries |= static_cast<uint8_t>(may_relay ? 1 << i : 0);
  }
}

// Whatever is made here comes before what is received.
bool TranscodingPipeline::State::MayRelayNow() const {
  return send_ && is_send_active_ && !is_muted_ && !tone_.is_on() && !clip_.is_on() &&
         !hold_.is_always_wanted() && dtmf_.is_idle();
}

std::optional<DropReason> TranscodingPipeline::State::RelayPacket(
    const jitter::StreamPacket& packet, bool marker, codec::AudioDecoder& decoder,
    base::Timestamp arrival, PacketSink& sink) {
  const auto description = decoder.Describe(packet.payload);
  if (!description) return DropReason::kMalformedPayload;
  if (!is_relaying_) {  // what waits on either side is of no use any more
    playout_.StartNewSource();
    send_->encoder().DropPending();
  }
  const uint64_t sources_before = relay_.source_changes();
  const auto mapped = relay_.Map(packet, arrival, stream_.next_sequence_number(),
                                 stream_.NextTimestampAt(arrival));
  if (relay_.source_changes() != sources_before) {
    ++stats_.source_changes;
    event_receiver_.Reset();
  }
  if (const auto* reason = std::get_if<DropReason>(&mapped)) {
    stats_.late_packets += *reason == DropReason::kLatePacket;
    stats_.duplicate_packets += *reason == DropReason::kDuplicatePacket;
    return *reason;
  }
  const auto& numbers = std::get<PacketRelay::Numbers>(mapped);
  is_relaying_ = true;
  last_relayed_ = arrival;
  NoteAudio(description->codec_mode_request);
  const uint32_t frame_units = stream_.clock_rate_hz() / 50;
  const uint64_t frames = std::max<uint64_t>(1, description->duration / frame_units);
  const uint64_t missing = static_cast<uint64_t>(numbers.lost_before) * frames;
  stats_.frames_played += frames + missing;  // by whoever hears it
  stats_.concealed_frames += missing;
  stats_.concealment_runs += missing > 0;
  stats_.received_codec = stats_.sent_codec = relay_plan_.codec;
  stats_.received_amr_mode = stats_.sent_amr_mode = description->amr_mode;
  const bool is_sent = stream_.Relay(sink,
                                     {.marker = marker || numbers.is_first,
                                      .payload_type = {relay_plan_.payload_type},
                                      .sequence_number = numbers.sequence_number,
                                      .timestamp = numbers.timestamp,
                                      .ssrc = stream_.ssrc()},
                                     packet.payload, description->duration);
  if (!is_sent) return stream_.has_buffer() ? DropReason::kPacketTooLarge : DropReason::kNoSendBuffer;
  ++stats_.packets_relayed;
  is_marker_due_ = false;
  CountSent(packet.payload.size());
  return std::nullopt;
}

void TranscodingPipeline::State::StopRelay() {
  if (!std::exchange(is_relaying_, false)) return;
  relay_.Stop();
  is_marker_due_ = true;
}

// RFC 2198: first what is new, so that the copies have their place; a packet that is not taken may be of
// any age, and so may its copies.
std::optional<DropReason> TranscodingPipeline::State::InsertRed(const rtp::RtpPacketView& packet,
                                                                base::Timestamp arrival,
                                                                PacketSink* relay) {
  const auto red = rtp::RedPayloadView::Parse(packet.payload());
  if (!red) return DropReason::kMalformedRedundancy;
  jitter::StreamPacket primary = jitter::StreamPacket::Of(packet);
  primary.payload_type = red->primary().payload_type.value;
  primary.payload = red->primary().payload;
  const bool carries_copies = std::ranges::any_of(
      red->redundant(), [](const rtp::RedBlock& block) { return !block.payload.empty(); });
  // In the order of what they repeat, so that the receiver need not sort.
  if (carries_copies && is_relaying_ && relay != nullptr && MayRelayNow()) {
    RelayCopies(*red, primary, arrival, *relay);
  }
  const auto reason = InsertPrimary(packet, primary, carries_copies, arrival, relay);
  if (!reason && !is_relaying_) InsertCopies(*red, primary, arrival);
  return reason;
}

// What was lost right before this packet goes on in its place: copies end here.
void TranscodingPipeline::State::RelayCopies(const rtp::RedPayloadView& red,
                                             const jitter::StreamPacket& primary,
                                             base::Timestamp arrival, PacketSink& sink) {
  auto steps_back = static_cast<int32_t>(red.redundant().size());
  for (const rtp::RedBlock& block : red.redundant()) {
    jitter::StreamPacket copy = primary;
    copy.sequence_number = primary.sequence_number + -steps_back--;
    copy.timestamp = primary.timestamp + -int64_t{block.timestamp_offset};
    copy.payload_type = block.payload_type.value;
    copy.payload = block.payload;
    if (block.payload.empty() || !relay_.IsMissing(copy)) continue;
    codec::AudioDecoder* const decoder = DecoderOfRelayed(copy.payload_type);
    const auto description = decoder ? decoder->Describe(copy.payload) : std::nullopt;
    if (!description) continue;
    if (const auto reason = RelayPacket(copy, false, *decoder, arrival, sink)) {
      Drop(*reason);
      continue;
    }
    stats_.recovered_frames += std::max<uint64_t>(
        1, description->duration * 50ull / std::max(stream_.clock_rate_hz(), 1u));
  }
}

void TranscodingPipeline::State::InsertCopies(const rtp::RedPayloadView& red,
                                              const jitter::StreamPacket& primary,
                                              base::Timestamp arrival) {
  auto steps_back = static_cast<int32_t>(red.redundant().size());
  for (const rtp::RedBlock& block : red.redundant()) {
    jitter::StreamPacket copy = primary;
    copy.sequence_number = primary.sequence_number + -steps_back--;
    copy.timestamp = primary.timestamp + -int64_t{block.timestamp_offset};
    copy.payload_type = block.payload_type.value;
    copy.payload = block.payload;
    if (block.payload.empty()) continue;
    const TelephoneEventFormat* event = playout_.setup()->FindTelephoneEvent(copy.payload_type);
    const auto reason = event != nullptr
                            ? TakeEvent(copy.payload, copy.timestamp, false, *event, arrival)
                            : playout_.InsertCopy(copy, arrival);
    if (reason) Drop(*reason);
  }
}

std::optional<DropReason> TranscodingPipeline::State::TakeEvent(
    base::ByteSpan payload, rtp::RtpTimestamp timestamp, bool marker,
    const TelephoneEventFormat& format, base::Timestamp arrival) {
  const auto report = rtp::TelephoneEvent::Parse(payload);
  if (!report) return DropReason::kMalformedTelephoneEvent;
  // Flash and the tones above are no keys of a phone (RFC 4733 section 3.2): nobody in IMS hears them.
  if (!rtp::DigitFromEvent(report->event)) return DropReason::kTelephoneEventNotRelayed;
  return Relay(event_receiver_.OnPacket(*report, timestamp, marker, format.clock_rate_hz, arrival));
}

std::optional<DropReason> TranscodingPipeline::State::Relay(const EventProgress& progress) {
  if (progress.has_ended_former) {
    ReportDigit(progress.former_event, progress.former_duration);
    dtmf_.EndRelayed(progress.former_duration);
  }
  const bool may_relay = send_ && send_->telephone_event() != nullptr && is_send_active_;
  bool is_queued = true;
  if (progress.has_started && may_relay) {
    is_queued = dtmf_.StartRelayed(progress.event, progress.volume);
  }
  if (progress.has_ended) {
    ReportDigit(progress.event, progress.duration);
    dtmf_.EndRelayed(progress.duration);
  }
  if (!may_relay) return DropReason::kTelephoneEventNotRelayed;
  return is_queued ? std::nullopt : std::optional(DropReason::kDtmfQueueFull);
}

void TranscodingPipeline::State::ReportDigit(uint8_t event, base::TimeDelta duration) {
  ++stats_.dtmf_received;
  Report(DtmfReceived{*rtp::DigitFromEvent(event),
                      static_cast<uint32_t>(duration.milliseconds())});
}

// ---- The tick ---------------------------------------------------------------------------------------

size_t TranscodingPipeline::State::StartTick(base::Timestamp now, PacketSink& sink) {
  stream_.Advance(now);
  if (const auto lost_end = event_receiver_.OnTick(now)) {
    if (const auto reason = Relay(*lost_end)) Drop(*reason);
  }
  if (is_relaying_ && MayRelayNow() && now - last_relayed_ < kRelayPause) return 0;
  StopRelay();
  // Play-out goes on whatever is sent, so that it is in time when audio is wanted again.
  codec::AudioFrame received;
  const bool has_audio = playout_.PullFrame(now, received);
  if (has_audio) MeasureLevel(received);
  if (!send_ || !is_send_active_) {
    is_marker_due_ = true;
    return 0;
  }
  if (stream_.IsAhead()) return 0;
  if (SendDtmfPacket(sink)) return 1;
  codec::AudioFrame sent;
  if (!MakeFrame(has_audio ? &received : nullptr, sent)) {
    send_->encoder().DropPending();
    is_marker_due_ = true;
    return 0;
  }
  is_encoding_ = send_->encoder().StartEncode(sent);
  if (is_encoding_) return 0;
  // The encoder says only afterwards how old its payload's first frame is, so it writes to the side.
  std::array<std::byte, codec::kMaxEncodedBytes> payload;
  return SendPayload(send_->encoder().Encode(sent, payload), payload, sink);
}

size_t TranscodingPipeline::State::FinishTick(PacketSink& sink) {
  if (!std::exchange(is_encoding_, false)) return 0;
  std::array<std::byte, codec::kMaxEncodedBytes> payload;
  return SendPayload(send_->encoder().FinishEncode(payload), payload, sink);
}

void TranscodingPipeline::State::MeasureLevel(const codec::AudioFrame& received) {
  speech_level_.Add(received.view());
  if (stats_.frames_played % kFramesPerLevel != 0) return;  // a logarithm once a second
  stats_.signal_level_dbm0 = speech_level_.signal_dbm0();
  stats_.noise_level_dbm0 = speech_level_.noise_dbm0();
}

// An event takes the place of audio while it lasts.
bool TranscodingPipeline::State::SendDtmfPacket(PacketSink& sink) {
  const TelephoneEventFormat* format = send_->telephone_event();
  if (format == nullptr || dtmf_.is_idle()) return false;
  const auto packet = dtmf_.NextPacket(stream_.timestamp(), format->clock_rate_hz);
  if (!packet) return false;
  send_->encoder().DropPending();
  is_marker_due_ = true;
  const bool is_sent =
      stream_.Send(sink, format->payload_type, packet->timestamp, packet->marker,
                   [&packet](base::MutableByteSpan room) {
                     base::ByteWriter writer(room);
                     packet->report.Serialize(writer);
                     return writer.ok() ? writer.size() : 0;
                   });
  if (!stream_.has_buffer()) Drop(DropReason::kNoSendBuffer);
  if (is_sent) CountSent(rtp::kTelephoneEventBytes);
  stats_.dtmf_sent = dtmf_.digits_sent();
  return is_sent;
}

// What is sent in these 20 ms, at the encoder's rate. `received`: null for nothing. False for nothing.
bool TranscodingPipeline::State::MakeFrame(const codec::AudioFrame* received,
                                           codec::AudioFrame& frame) {
  const int rate_hz = send_->encoder().sample_rate_hz();
  frame.SetRate(rate_hz);
  if (tone_.is_on()) {
    tone_.Fill(frame);
    return true;
  }
  if (clip_.is_on()) {
    if (!clip_.Fill(frame)) Report(ClipEnded{});
    return true;
  }
  if (hold_.IsWanted(received != nullptr)) {
    hold_.Fill(frame);
    return true;
  }
  if (received == nullptr && !is_sending_silence_) return false;
  if (received == nullptr || is_muted_) {
    std::ranges::fill(frame.view(), int16_t{0});
    return true;
  }
  if (resampler_.input_rate_hz() != received->sample_rate_hz ||
      resampler_.output_rate_hz() != rate_hz) {
    resampler_ = codec::Resampler(received->sample_rate_hz, rate_hz);
  }
  resampler_.Process(received->view(), frame.view());
  return true;
}

size_t TranscodingPipeline::State::SendPayload(const codec::EncodedPayload& encoded,
                                               base::ByteSpan payload, PacketSink& sink) {
  if (encoded.bytes == 0) return 0;
  const int64_t units_per_frame = int64_t{stream_.clock_rate_hz()} * codec::kFrameMs / 1000;
  const rtp::RtpTimestamp timestamp =
      stream_.timestamp() + -(encoded.frames - 1) * units_per_frame;
  const bool is_sent = stream_.Send(sink, send_->format().payload_type, timestamp,
                                    is_marker_due_ || encoded.starts_talkspurt,
                                    [&](base::MutableByteSpan room) {
                                      if (room.size() < encoded.bytes) return size_t{0};
                                      std::copy_n(payload.begin(), encoded.bytes, room.begin());
                                      return encoded.bytes;
                                    });
  if (!stream_.has_buffer()) Drop(DropReason::kNoSendBuffer);
  if (!is_sent) return 0;
  is_marker_due_ = false;
  stats_.sent_codec = send_->format().codec.codec;
  stats_.sent_amr_mode = send_->encoder().amr_mode();
  CountSent(encoded.bytes);
  return 1;
}

void TranscodingPipeline::State::CountSent(size_t payload_bytes) {
  ++stats_.packets_sent;
  stats_.payload_bytes_sent += payload_bytes;
}

// ---- Changes ----------------------------------------------------------------------------------------

ReceiveSetupPtr TranscodingPipeline::State::SetReceive(ReceiveSetupPtr setup) {
  event_receiver_.Reset();
  last_cmr_.reset();
  StopRelay();
  setup = playout_.SetReceive(std::move(setup));
  PlanRelay();
  return setup;
}

SendSetupPtr TranscodingPipeline::State::SetSend(SendSetupPtr setup) {
  BYON_CHECK(!is_encoding_, "formats change between two ticks");
  std::swap(send_, setup);
  StopRelay();
  PlanRelay();
  remote_loss_ = 0;  // the new encoder knows of none
  dtmf_.Abort();
  is_marker_due_ = true;
  if (send_) {
    stream_.SetClockRate(send_->clock_rate_hz());
    // The network's limit holds on in a new description of the same codec.
    const bool is_same_codec = setup && setup->format().codec.codec == send_->format().codec.codec;
    if (!is_same_codec) {
      applied_cmr_.reset();
      mode_limit_.reset();
      mode_request_ = codec::kNoModeRequest;
    }
    if (applied_cmr_ || mode_limit_) ApplyModes();
    send_->encoder().SetModeRequest(mode_request_);
  }
  return setup;
}

void TranscodingPipeline::State::ApplyModes() {
  if (!send_) return;
  // Above every mode: no limit.
  const uint8_t requested = applied_cmr_ ? applied_cmr_->mode : codec::kNoModeRequest;
  send_->encoder().RequestMode(std::min(requested, mode_limit_.value_or(codec::kNoModeRequest)));
}

void TranscodingPipeline::State::StartNewSource() {
  ++stats_.source_changes;
  has_started_ = false;
  last_cmr_.reset();
  event_receiver_.Reset();
  resampler_.Reset();
  StopRelay();
  relay_.Forget();
  playout_.StartNewSource();
}

// ---- The public face --------------------------------------------------------------------------------

TranscodingPipeline::TranscodingPipeline(const PipelineConfig& config)
    : state_(std::make_unique<State>(config)) {}
TranscodingPipeline::~TranscodingPipeline() = default;

ReceiveSetupPtr TranscodingPipeline::SetReceive(ReceiveSetupPtr setup) {
  return state_->SetReceive(std::move(setup));
}
SendSetupPtr TranscodingPipeline::SetSend(SendSetupPtr setup) {
  return state_->SetSend(std::move(setup));
}
std::optional<DropReason> TranscodingPipeline::Insert(const rtp::RtpPacketView& packet,
                                                      base::Timestamp arrival, PacketSink* relay) {
  return state_->Insert(packet, arrival, relay);
}
size_t TranscodingPipeline::StartTick(base::Timestamp now, PacketSink& sink) {
  return state_->StartTick(now, sink);
}
size_t TranscodingPipeline::FinishTick(PacketSink& sink) { return state_->FinishTick(sink); }
void TranscodingPipeline::StartNewSource() { state_->StartNewSource(); }

void TranscodingPipeline::SetReceiveActive(bool is_active) {
  if (state_->is_receive_active_ && !is_active) state_->playout_.StartNewSource();
  state_->is_receive_active_ = is_active;
}
void TranscodingPipeline::SetSendActive(bool is_active) { state_->is_send_active_ = is_active; }
void TranscodingPipeline::SetMuted(bool is_muted) { state_->is_muted_ = is_muted; }
void TranscodingPipeline::SetSendSilence(bool is_on) { state_->is_sending_silence_ = is_on; }
void TranscodingPipeline::PlayTone(Tone tone) { state_->tone_.Start(tone); }
void TranscodingPipeline::PlayClip(const AudioClip* clip, bool loop) {
  state_->clip_.Start(clip, loop);
}
void TranscodingPipeline::SetHoldAudio(const HoldAudio& audio) { state_->hold_.Set(audio); }

bool TranscodingPipeline::CanSendDtmf() const {
  return state_->send_ && state_->send_->telephone_event() != nullptr;
}
bool TranscodingPipeline::SendDtmf(std::string_view digits, base::TimeDelta duration,
                                   base::TimeDelta gap) {
  if (!CanSendDtmf()) return false;
  return state_->dtmf_.Queue(digits, duration, gap);
}

std::optional<PipelineEvent> TranscodingPipeline::PollEvent() {
  if (state_->events_.empty()) return std::nullopt;
  const PipelineEvent event = state_->events_[0];
  state_->events_.Erase(0);
  return event;
}

std::optional<CodecModeRequest> TranscodingPipeline::TakeReceivedCmr() {
  return std::exchange(state_->received_cmr_, std::nullopt);
}
void TranscodingPipeline::ApplyCmr(CodecModeRequest request) {
  state_->applied_cmr_ = request;
  state_->ApplyModes();
}
void TranscodingPipeline::ForgetCmr() {
  state_->applied_cmr_.reset();
  state_->mode_limit_.reset();
  state_->ApplyModes();
}
void TranscodingPipeline::SetModeLimit(uint8_t mode) {
  if (state_->mode_limit_ == mode) return;
  state_->mode_limit_ = mode;
  state_->ApplyModes();
}
void TranscodingPipeline::SetModeRequest(std::optional<uint8_t> mode) {
  const uint8_t request = mode.value_or(codec::kNoModeRequest);
  if (state_->mode_request_ == request) return;
  state_->mode_request_ = request;
  if (state_->send_) state_->send_->encoder().SetModeRequest(request);
}
void TranscodingPipeline::SetRemoteLoss(double fraction) {
  // Asked for with every tick: no encoder is looked up for no news.
  if (fraction == 0 && state_->remote_loss_ == 0) return;
  state_->remote_loss_ = fraction;
  if (state_->send_) state_->send_->encoder().SetExpectedLoss(fraction);
}

bool TranscodingPipeline::is_relaying() const { return state_->is_relaying(); }
rtp::Ssrc TranscodingPipeline::ssrc() const { return state_->stream_.ssrc(); }
uint32_t TranscodingPipeline::send_clock_rate_hz() const {
  return state_->send_ ? state_->stream_.clock_rate_hz() : 0;
}
rtp::RtpTimestamp TranscodingPipeline::TimestampAt(base::Timestamp now) const {
  return state_->stream_.TimestampAt(now);
}
const PipelineStats& TranscodingPipeline::stats() const { return state_->stats_; }

}  // namespace byon::pipeline
