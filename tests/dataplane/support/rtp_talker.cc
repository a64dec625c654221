#include "tests/dataplane/support/rtp_talker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::test {
namespace {

int SampleRateOf(const codec::CodecFormat& format) { return static_cast<int>(codec::ClockRateHz(format.codec)); }

}  // namespace

RtpTalker::RtpTalker(const Config& config)
    : config_(config),
      encoder_(codec::MakeAudioEncoder(config.format, SampleRateOf(config.format))),
      decoder_(codec::MakeAudioDecoder(config.format, SampleRateOf(config.format))),
      frame_duration_(codec::ClockRateHz(config.format.codec) / 50) {}

std::optional<std::vector<std::byte>> RtpTalker::NextPacket() {
  codec::AudioFrame frame;
  frame.SetRate(encoder_->sample_rate_hz());
  for (int16_t& sample : frame.view()) {
    const double phase =
        2 * std::numbers::pi * config_.tone_hz * static_cast<double>(sample_index_++) / frame.sample_rate_hz;
    sample = static_cast<int16_t>(config_.amplitude * std::sin(phase));
  }
  std::array<std::byte, 1500> buffer;
  std::array<std::byte, codec::kMaxEncodedBytes> payload;
  const codec::EncodedPayload encoded = encoder_->Encode(frame, payload);
  const uint32_t timestamp = timestamp_ - frame_duration_ * static_cast<uint32_t>(std::max(encoded.frames - 1, 0));
  timestamp_ += frame_duration_;
  if (encoded.bytes == 0) return std::nullopt;
  rtp::RtpPacketBuilder builder(buffer, {.marker = encoded.starts_talkspurt,
                                         .payload_type = {config_.payload_type},
                                         .sequence_number = {sequence_number_++},
                                         .timestamp = {timestamp},
                                         .ssrc = {config_.ssrc}});
  builder.SetPayload(base::ByteSpan(payload).first(encoded.bytes));
  const auto packet = builder.Finish();
  return std::vector<std::byte>(packet->begin(), packet->end());
}

std::vector<std::byte> RtpTalker::TelephoneEventPacket(char digit, uint16_t duration, bool is_first, bool is_end,
                                                       uint32_t event_timestamp) {
  std::array<std::byte, 64> buffer;
  std::array<std::byte, rtp::kTelephoneEventBytes> payload;
  base::ByteWriter writer(payload);
  rtp::TelephoneEvent{.event = *rtp::EventFromDigit(digit), .is_end = is_end, .duration = duration}.Serialize(writer);
  rtp::RtpPacketBuilder builder(buffer, {.marker = is_first,
                                         .payload_type = {config_.telephone_event_payload_type},
                                         .sequence_number = {sequence_number_++},
                                         .timestamp = {event_timestamp},
                                         .ssrc = {config_.ssrc}});
  builder.SetPayload(payload);
  const auto packet = builder.Finish();
  return std::vector<std::byte>(packet->begin(), packet->end());
}

void RtpTalker::StartNewSource(uint32_t ssrc) {
  config_.ssrc = ssrc;
  sequence_number_ = static_cast<uint16_t>(sequence_number_ * 7 + 31'000);
  timestamp_ += 123'456'789;
}

void RtpTalker::Receive(base::ByteSpan packet) {
  const auto view = rtp::RtpPacketView::Parse(packet);
  if (!view) {
    ++received_.undecodable;
    return;
  }
  ++received_.packets;
  if (received_.ssrc && *received_.ssrc != view->ssrc().value) ++received_.ssrc_changes;
  received_.ssrc = view->ssrc().value;
  const int64_t sequence = sequence_unwrapper_.Unwrap(view->sequence_number().value);
  if (last_sequence_ && sequence != *last_sequence_ + 1) ++received_.sequence_gaps;
  last_sequence_ = sequence;
  if (view->payload_type().value == config_.telephone_event_payload_type) {
    return ReceiveEvent(*view);
  }
  const auto described = decoder_->Describe(view->payload());
  if (view->payload_type().value != config_.payload_type || !described) {
    ++received_.undecodable;
    return;
  }
  received_.last_audio.assign(view->payload().begin(), view->payload().end());
  if (next_expected_timestamp_ && *next_expected_timestamp_ != view->timestamp().value) {
    ++received_.timestamp_breaks;
  }
  next_expected_timestamp_ = view->timestamp().value + described->duration;
  const size_t old_size = samples_.size();
  samples_.resize(old_size + described->duration);
  const size_t decoded = decoder_->Decode(view->payload(), 0, std::span(samples_).subspan(old_size));
  samples_.resize(old_size + decoded);
}

void RtpTalker::ReceiveEvent(const rtp::RtpPacketView& packet) {
  const auto event = rtp::TelephoneEvent::Parse(packet.payload());
  if (!event) {
    ++received_.undecodable;
    return;
  }
  received_.events.push_back(*event);
  received_.event_timestamps.push_back(packet.timestamp().value);
  if (event->is_end && last_ended_event_ != packet.timestamp().value) {
    last_ended_event_ = packet.timestamp().value;
    received_.digits.push_back(rtp::DigitFromEvent(event->event).value_or('?'));
  }
}

std::span<const int16_t> RtpTalker::LastSamples(size_t count) const {
  return std::span(samples_).last(std::min(count, samples_.size()));
}

}  // namespace byon::test
