// What is sent, every 20 ms.
#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/pipeline/pipeline_state.h"

namespace byon::pipeline {
namespace {

constexpr uint64_t kFramesPerLevel = 50;
// A relayed source that is silent for longer has stopped: DTX says something more often.
constexpr base::TimeDelta kRelayPause = jitter::JitterBuffer::kLongestSilence;

}  // namespace

size_t TranscodingPipeline::State::StartTick(base::Timestamp now, PacketSink& sink) {
  const size_t sent = SendTick(now, sink);
  if (makes_sounds_) NoteSounds();  // they end in ticks
  return sent;
}

size_t TranscodingPipeline::State::SendTick(base::Timestamp now, PacketSink& sink) {
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
  const bool is_sent = stream_.Send(sink, format->payload_type, packet->timestamp, packet->marker,
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
bool TranscodingPipeline::State::MakeFrame(const codec::AudioFrame* received, codec::AudioFrame& frame) {
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
  if (resampler_.input_rate_hz() != received->sample_rate_hz || resampler_.output_rate_hz() != rate_hz) {
    resampler_ = codec::Resampler(received->sample_rate_hz, rate_hz);
  }
  resampler_.Process(received->view(), frame.view());
  return true;
}

size_t TranscodingPipeline::State::SendPayload(const codec::EncodedPayload& encoded, base::ByteSpan payload,
                                               PacketSink& sink) {
  if (encoded.bytes == 0) return 0;
  const int64_t units_per_frame = int64_t{stream_.clock_rate_hz()} * codec::kFrameMs / 1000;
  const rtp::RtpTimestamp timestamp = stream_.timestamp() + -(encoded.frames - 1) * units_per_frame;
  const bool is_sent = stream_.Send(sink, send_->format().payload_type, timestamp,
                                    is_marker_due_ || encoded.starts_talkspurt, [&](base::MutableByteSpan room) {
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

}  // namespace byon::pipeline
