#include <array>
#include <memory>
#include <span>

#include "dataplane/pipeline/transcoding_pipeline.h"

namespace {

using namespace byon;

class Sink final : public pipeline::PacketSink {
 public:
  base::MutableByteSpan Reserve() override { return buffer_; }
  void Commit(size_t size) override {
    if (!rtp::RtpPacketView::Parse(base::ByteSpan(buffer_).first(size))) __builtin_trap();
  }
  void Abandon() override {}

 private:
  std::array<std::byte, pipeline::kMaxPacketBytes> buffer_{};
};

pipeline::StreamFormat Format(codec::Codec codec, uint8_t payload_type) {
  pipeline::StreamFormat format;
  format.codec.codec = codec;
  format.payload_type = payload_type;
  format.telephone_events.PushBack({101, 8000});
  format.red_payload_type = 63;
  return format;
}

}  // namespace

// RTP packets of a hostile peer, each behind four octets: its size and the milliseconds to its arrival.
// Audio, telephone-events and redundant encodings (payload type 63) of all codecs go through jitter buffer, decoders
// and DTMF relay.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::array formats = {Format(codec::Codec::kAmrWb, 104), Format(codec::Codec::kPcmu, 0),
                              Format(codec::Codec::kOpus, 111)};
  const auto send = Format(codec::Codec::kPcma, 8);
  pipeline::TranscodingPipeline pipeline({.ssrc = {1}, .random_seed = 1});
  (void)pipeline.SetReceive(std::move(pipeline::PrepareReceive(formats, &send)).value());
  (void)pipeline.SetSend(std::move(pipeline::PrepareSend(send, &formats[0])).value());
  Sink sink;
  auto rest = std::as_bytes(std::span(data, size));
  auto now = base::Timestamp::FromMilliseconds(1000);
  auto tick = now;
  while (rest.size() >= 4) {
    base::ByteReader reader(rest.first(4));
    const size_t length = reader.ReadU16();
    now += base::TimeDelta::Milliseconds(reader.ReadU16() % 3000);
    rest = rest.subspan(4);
    const auto packet = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(packet.size());
    for (; tick < now; tick += base::TimeDelta::Milliseconds(20)) pipeline.Tick(tick, sink);
    if (const auto view = rtp::RtpPacketView::Parse(packet)) (void)pipeline.Insert(*view, now);
    while (pipeline.PollEvent()) {
    }
  }
  for (int i = 0; i < 10; ++i, tick += base::TimeDelta::Milliseconds(20)) {
    if (pipeline.Tick(tick, sink) > 3) __builtin_trap();
  }
  return 0;
}
