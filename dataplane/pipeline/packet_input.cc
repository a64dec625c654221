// What is received: audio, copies of it, telephone-events.
#include <algorithm>

#include "dataplane/pipeline/pipeline_state.h"

namespace byon::pipeline {

std::optional<DropReason> TranscodingPipeline::State::Insert(const rtp::RtpPacketView& packet, base::Timestamp arrival,
                                                             PacketSink* relay) {
  ++stats_.packets_received;
  const std::optional<DropReason> reason = InsertPacket(packet, arrival, relay);
  if (reason) Drop(*reason);
  return reason;
}

std::optional<DropReason> TranscodingPipeline::State::InsertPacket(const rtp::RtpPacketView& packet,
                                                                   base::Timestamp arrival, PacketSink* relay) {
  if (packet.payload_type().value == usual_relayed_.payload_type && relay != nullptr && is_receive_active_ &&
      MayRelayNow()) {
    return RelayPacket(jitter::StreamPacket::Of(packet), packet.marker(), usual_relayed_, arrival, *relay);
  }
  ReceiveSetup* setup = playout_.setup();
  if (setup == nullptr) return DropReason::kNoReceiveFormat;
  if (!is_receive_active_) return DropReason::kReceiveInactive;
  if (setup->IsRed(packet.payload_type().value)) return InsertRed(packet, arrival, relay);
  return InsertPrimary(packet, jitter::StreamPacket::Of(packet), false, arrival, relay);
}

std::optional<DropReason> TranscodingPipeline::State::InsertPrimary(const rtp::RtpPacketView& packet,
                                                                    const jitter::StreamPacket& primary,
                                                                    bool carries_copies, base::Timestamp arrival,
                                                                    PacketSink* relay) {
  const uint64_t sources_before = playout_.source_changes();
  const TelephoneEventFormat* event = playout_.setup()->FindTelephoneEvent(primary.payload_type);
  if (event != nullptr) {
    const auto reason = playout_.InsertEvent(packet, arrival);
    if (playout_.source_changes() != sources_before) event_receiver_.Reset();
    if (reason) return reason;
    return TakeEvent(primary.payload, primary.timestamp, packet.marker(), *event, arrival);
  }
  if (relay != nullptr && MayRelayNow()) {
    if (const auto relayed = FindRelayed(primary.payload_type)) {
      return RelayPacket(primary, packet.marker(), *relayed, arrival, *relay);
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

// RFC 2198: first what is new, so that the copies have their place; a packet that is not taken may be of
// any age, and so may its copies.
std::optional<DropReason> TranscodingPipeline::State::InsertRed(const rtp::RtpPacketView& packet,
                                                                base::Timestamp arrival, PacketSink* relay) {
  const auto red = rtp::RedPayloadView::Parse(packet.payload());
  if (!red) return DropReason::kMalformedRedundancy;
  jitter::StreamPacket primary = jitter::StreamPacket::Of(packet);
  primary.payload_type = red->primary().payload_type.value;
  primary.payload = red->primary().payload;
  const bool carries_copies =
      std::ranges::any_of(red->redundant(), [](const rtp::RedBlock& block) { return !block.payload.empty(); });
  // In the order of what they repeat, so that the receiver need not sort.
  if (carries_copies && is_relaying_ && relay != nullptr && MayRelayNow()) {
    RelayCopies(*red, primary, arrival, *relay);
  }
  const auto reason = InsertPrimary(packet, primary, carries_copies, arrival, relay);
  if (!reason && !is_relaying_) InsertCopies(*red, primary, arrival);
  return reason;
}

void TranscodingPipeline::State::InsertCopies(const rtp::RedPayloadView& red, const jitter::StreamPacket& primary,
                                              base::Timestamp arrival) {
  auto steps_back = static_cast<int32_t>(red.redundant().size());
  for (const rtp::RedBlock& block : red.redundant()) {
    const jitter::StreamPacket copy = CopyIn(block, primary, steps_back--);
    if (block.payload.empty()) continue;
    const TelephoneEventFormat* event = playout_.setup()->FindTelephoneEvent(copy.payload_type);
    const auto reason = event != nullptr ? TakeEvent(copy.payload, copy.timestamp, false, *event, arrival)
                                         : playout_.InsertCopy(copy, arrival);
    if (reason) Drop(*reason);
  }
}

std::optional<DropReason> TranscodingPipeline::State::TakeEvent(base::ByteSpan payload, rtp::RtpTimestamp timestamp,
                                                                bool marker, const TelephoneEventFormat& format,
                                                                base::Timestamp arrival) {
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
  NoteSounds();
  if (!may_relay) return DropReason::kTelephoneEventNotRelayed;
  return is_queued ? std::nullopt : std::optional(DropReason::kDtmfQueueFull);
}

void TranscodingPipeline::State::ReportDigit(uint8_t event, base::TimeDelta duration) {
  ++stats_.dtmf_received;
  Report(DtmfReceived{*rtp::DigitFromEvent(event), static_cast<uint32_t>(duration.milliseconds())});
}

}  // namespace byon::pipeline
