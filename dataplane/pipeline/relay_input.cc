// What is received and passes as it is.
#include <algorithm>
#include <utility>

#include "dataplane/codec/payload_description.h"
#include "dataplane/pipeline/pipeline_state.h"

namespace byon::pipeline {

// How what entry `entry` of the receive setup receives is sent as it is; nothing: it may not be.
std::optional<TranscodingPipeline::State::Relayed> TranscodingPipeline::State::RelayedAs(size_t entry) {
  ReceiveSetup* const receive = playout_.setup();
  if (receive == nullptr || !send_) return std::nullopt;
  const StreamFormat& format = receive->entries()[entry].format;
  if (!MayRelay(format.codec, send_->format().codec)) return std::nullopt;
  return Relayed{format.payload_type, send_->format().payload_type, format.codec.codec, format.codec.amr.octet_align};
}

std::optional<TranscodingPipeline::State::Relayed> TranscodingPipeline::State::FindRelayed(uint8_t payload_type) {
  if (payload_type == usual_relayed_.payload_type) return usual_relayed_;
  const auto entry = playout_.setup()->AudioIndex(payload_type);
  return entry ? RelayedAs(*entry) : std::nullopt;
}

void TranscodingPipeline::State::PlanRelay() {
  usual_relayed_ = {};
  ReceiveSetup* const receive = playout_.setup();
  if (receive == nullptr || !receive->IsAudioOnly(receive->preferred().format.payload_type)) return;
  usual_relayed_ = RelayedAs(0).value_or(Relayed());
}

std::optional<DropReason> TranscodingPipeline::State::RelayPacket(const jitter::StreamPacket& packet, bool marker,
                                                                  const Relayed& relayed, base::Timestamp arrival,
                                                                  PacketSink& sink) {
  const auto description = codec::DescribePayload(relayed.codec, relayed.is_octet_aligned, packet.payload);
  if (!description) return DropReason::kMalformedPayload;
  if (!is_relaying_) {  // what waits on either side is of no use any more
    playout_.StartNewSource();
    send_->encoder().DropPending();
  }
  const uint64_t sources_before = relay_.source_changes();
  const auto mapped = relay_.Map(packet, arrival, stream_.next_sequence_number(), stream_.NextTimestampAt(arrival));
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
  stats_.received_codec = stats_.sent_codec = relayed.codec;
  stats_.received_amr_mode = stats_.sent_amr_mode = description->amr_mode;
  const bool is_sent = stream_.Relay(sink,
                                     {.marker = marker || numbers.is_first,
                                      .payload_type = {relayed.sent_payload_type},
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

// What was lost right before this packet goes on in its place: copies end here.
void TranscodingPipeline::State::RelayCopies(const rtp::RedPayloadView& red, const jitter::StreamPacket& primary,
                                             base::Timestamp arrival, PacketSink& sink) {
  auto steps_back = static_cast<int32_t>(red.redundant().size());
  for (const rtp::RedBlock& block : red.redundant()) {
    const jitter::StreamPacket copy = CopyIn(block, primary, steps_back--);
    if (block.payload.empty() || !relay_.IsMissing(copy)) continue;
    const auto relayed = FindRelayed(copy.payload_type);
    const auto description =
        relayed ? codec::DescribePayload(relayed->codec, relayed->is_octet_aligned, copy.payload) : std::nullopt;
    if (!description) continue;
    if (const auto reason = RelayPacket(copy, false, *relayed, arrival, sink)) {
      Drop(*reason);
      continue;
    }
    stats_.recovered_frames +=
        std::max<uint64_t>(1, description->duration * 50ull / std::max(stream_.clock_rate_hz(), 1u));
  }
}

void TranscodingPipeline::State::StopRelay() {
  if (!std::exchange(is_relaying_, false)) return;
  relay_.Stop();
  is_marker_due_ = true;
}

}  // namespace byon::pipeline
