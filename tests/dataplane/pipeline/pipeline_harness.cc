#include "tests/dataplane/pipeline/pipeline_harness.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::test {
namespace {

int RateOf(const pipeline::StreamFormat& format) { return static_cast<int>(codec::ClockRateHz(format.codec.codec)); }

pipeline::StreamFormat Format(codec::Codec codec, uint8_t payload_type) {
  pipeline::StreamFormat format;
  format.codec.codec = codec;
  format.payload_type = payload_type;
  return format;
}

}  // namespace

pipeline::StreamFormat OpusFormat(uint8_t payload_type) { return Format(codec::Codec::kOpus, payload_type); }
pipeline::StreamFormat AmrWbFormat(uint8_t payload_type) { return Format(codec::Codec::kAmrWb, payload_type); }
pipeline::StreamFormat AmrFormat(uint8_t payload_type) { return Format(codec::Codec::kAmr, payload_type); }
pipeline::StreamFormat G711Format(codec::Codec codec) { return Format(codec, codec == codec::Codec::kPcmu ? 0 : 8); }
pipeline::StreamFormat WithEvents(pipeline::StreamFormat format, uint8_t payload_type, uint32_t clock_rate_hz) {
  format.telephone_events.PushBack({payload_type, clock_rate_hz});
  return format;
}

base::MutableByteSpan CollectingSink::Reserve() {
  return has_buffers ? base::MutableByteSpan(buffer_) : base::MutableByteSpan();
}

void CollectingSink::Commit(size_t size) {
  const auto view = rtp::RtpPacketView::Parse(base::ByteSpan(buffer_).first(size));
  BYON_CHECK(view.ok(), "the pipeline writes valid RTP");
  SentPacket packet{.at = now,
                    .marker = view->marker(),
                    .payload_type = view->payload_type().value,
                    .sequence_number = view->sequence_number().value,
                    .timestamp = view->timestamp().value,
                    .ssrc = view->ssrc().value,
                    .payload = {view->payload().begin(), view->payload().end()}};
  if (on_packet) on_packet(packet);
  if (keeps_packets) packets.push_back(std::move(packet));
}

FarSender::FarSender(const pipeline::StreamFormat& format, int sample_rate_hz, uint32_t ssrc)
    : format_(format),
      encoder_(codec::MakeAudioEncoder(format.codec, sample_rate_hz)),
      ssrc_(ssrc),
      units_per_frame_(codec::ClockRateHz(format.codec.codec) / 50) {}

std::optional<Bytes> FarSender::Speak(std::span<const int16_t> samples) {
  codec::AudioFrame frame;
  frame.SetRate(encoder_->sample_rate_hz());
  std::copy(samples.begin(), samples.end(), frame.samples.begin());
  Bytes payload(codec::kMaxEncodedBytes);
  const codec::EncodedPayload encoded = encoder_->Encode(frame, payload);
  const uint32_t timestamp = timestamp_ - static_cast<uint32_t>(std::max(encoded.frames, 1) - 1) * units_per_frame_;
  timestamp_ += units_per_frame_;
  if (encoded.bytes == 0) return std::nullopt;
  payload.resize(encoded.bytes);
  return Packet(format_.payload_type, payload, timestamp, encoded.starts_talkspurt);
}

Bytes FarSender::Packet(uint8_t payload_type, base::ByteSpan payload, uint32_t timestamp, bool marker) {
  Bytes packet(payload.size() + rtp::kRtpFixedHeaderBytes);
  rtp::RtpPacketBuilder builder(packet, {marker, {payload_type}, {sequence_number_++}, {timestamp}, {ssrc_}});
  builder.SetPayload(payload);
  BYON_CHECK(builder.Finish().has_value(), "the packet fits");
  return packet;
}

Bytes FarSender::Event(uint8_t payload_type, const rtp::TelephoneEvent& report, uint32_t event_timestamp, bool marker) {
  Bytes payload(rtp::kTelephoneEventBytes);
  base::ByteWriter writer(payload);
  report.Serialize(writer);
  return Packet(payload_type, payload, event_timestamp, marker);
}

std::vector<int16_t> DecodeAll(std::span<const SentPacket> packets, const pipeline::StreamFormat& format,
                               int sample_rate_hz) {
  const auto decoder = codec::MakeAudioDecoder(format.codec, sample_rate_hz);
  const uint32_t clock = codec::ClockRateHz(format.codec.codec);
  std::vector<int16_t> samples;
  std::optional<uint32_t> expected;
  std::vector<int16_t> out(static_cast<size_t>(sample_rate_hz) * 240 / 1000);
  for (const SentPacket& packet : packets) {
    if (packet.payload_type != format.payload_type) continue;
    const auto description = decoder->Describe(packet.payload);
    BYON_CHECK(description.has_value(), "the pipeline writes valid payloads");
    if (expected && packet.timestamp != *expected) {
      const auto gap = static_cast<uint64_t>(packet.timestamp - *expected);
      samples.resize(samples.size() + gap * static_cast<uint64_t>(sample_rate_hz) / clock, 0);
    }
    const size_t count = decoder->Decode(packet.payload, 0, out);
    samples.insert(samples.end(), out.begin(), out.begin() + static_cast<ptrdiff_t>(count));
    expected = packet.timestamp + description->duration;
  }
  return samples;
}

pipeline::ReceiveSetupPtr MustPrepareReceive(std::span<const pipeline::StreamFormat> formats,
                                             const pipeline::StreamFormat* send) {
  auto setup = pipeline::PrepareReceive(formats, send);
  BYON_CHECK(setup.ok(), "the test's formats are good");
  return std::move(setup).value();
}
pipeline::SendSetupPtr MustPrepareSend(const pipeline::StreamFormat& send, const pipeline::StreamFormat* receive) {
  auto setup = pipeline::PrepareSend(send, receive);
  BYON_CHECK(setup.ok(), "the test's formats are good");
  return std::move(setup).value();
}

PipelineHarness::PipelineHarness(const pipeline::StreamFormat& receive_format,
                                 const pipeline::StreamFormat& send_format, const NetworkWeather& weather,
                                 uint64_t seed)
    : receive(receive_format),
      send(send_format),
      pipeline({.ssrc = {0x0b0b0b0b}, .random_seed = seed}),
      sender(receive_format, RateOf(receive_format), 0x5e5e5e5e),
      network(weather, seed),
      decoded_rate_hz_(RateOf(send_format)) {
  BYON_CHECK(pipeline.SetReceive(MustPrepareReceive({&receive, 1}, &send)) == nullptr, "new");
  BYON_CHECK(pipeline.SetSend(MustPrepareSend(send, &receive)) == nullptr, "new");
}

void PipelineHarness::Step(const std::optional<Bytes>& packet) {
  if (packet) {
    const auto sent_at = now + TimeDelta::Nanoseconds(static_cast<int64_t>(sender_time_ns_));
    network.Send(*packet, sent_at);
  }
  sender_time_ns_ -= sender_drift * 20e6;
  const Timestamp tick = now + tick_phase;
  while (auto delivery = network.Receive(tick)) {
    const auto view = rtp::RtpPacketView::Parse(delivery->packet);
    BYON_CHECK(view.ok(), "the far end writes valid RTP");
    (void)pipeline.Insert(*view, delivery->at);
  }
  sink.now = tick;
  (void)pipeline.Tick(tick, sink);
  now += kTick;
}

void PipelineHarness::Run(TimeDelta time, const Fill& fill) {
  std::vector<int16_t> samples(codec::SamplesPerFrame(sender.sample_rate_hz()));
  for (Timestamp end = now + time; now < end;) {
    // A fast sender's clock gets ahead of ours by a frame now and then: it speaks twice.
    const bool is_ahead = sender_time_ns_ < -20e6;
    const bool is_behind = sender_time_ns_ > 20e6;
    if (is_ahead) {
      fill(samples);
      const auto extra = sender.Speak(samples);
      sender_time_ns_ += 20e6;
      if (extra) network.Send(*extra, now - kTick + TimeDelta::Nanoseconds(static_cast<int64_t>(sender_time_ns_)));
    }
    if (is_behind) {
      sender_time_ns_ -= 20e6;
      Step(std::nullopt);
      continue;
    }
    fill(samples);
    Step(sender.Speak(samples));
  }
}

void PipelineHarness::RunSilent(TimeDelta time) {
  for (Timestamp end = now + time; now < end;) {
    sender.PassSilence();
    Step(std::nullopt);
  }
}

std::optional<pipeline::DropReason> PipelineHarness::Insert(const Bytes& packet) {
  const auto view = rtp::RtpPacketView::Parse(packet);
  BYON_CHECK(view.ok(), "the test writes valid RTP");
  return pipeline.Insert(*view, now);
}

std::vector<pipeline::PipelineEvent> PipelineHarness::Events() {
  std::vector<pipeline::PipelineEvent> events;
  while (const auto event = pipeline.PollEvent()) events.push_back(*event);
  return events;
}

std::vector<int16_t> PipelineHarness::Decoded() const { return DecodedSince(0); }

std::vector<int16_t> PipelineHarness::DecodedSince(size_t first_packet) const {
  return DecodeAll(std::span(sink.packets).subspan(first_packet), send, decoded_rate_hz_);
}

}  // namespace byon::test
