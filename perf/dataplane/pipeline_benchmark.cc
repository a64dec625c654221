// One direction of a call, packet in to packet out, for 20 ms. The codecs are nearly all of it; PCMU to
// PCMA shows what is ours.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/codec/audio_encoder.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::pipeline {
namespace {

StreamFormat Format(codec::Codec codec, uint8_t payload_type) {
  StreamFormat format;
  format.codec.codec = codec;
  format.payload_type = payload_type;
  return format;
}

class DiscardingSink final : public PacketSink {
 public:
  base::MutableByteSpan Reserve() override { return buffer_; }
  void Commit(size_t size) override { benchmark::DoNotOptimize(size); }
  void Abandon() override {}

 private:
  std::array<std::byte, kMaxPacketBytes> buffer_{};
};

std::vector<std::vector<std::byte>> SpeechPayloads(const StreamFormat& format, int rate_hz) {
  const auto encoder = codec::MakeAudioEncoder(format.codec, rate_hz);
  test::SpeechSource speech(rate_hz);
  std::vector<std::vector<std::byte>> payloads(100);
  codec::AudioFrame frame;
  frame.SetRate(rate_hz);
  for (auto& payload : payloads) {
    speech.Fill(frame.view());
    payload.resize(codec::kMaxEncodedBytes);
    payload.resize(encoder->Encode(frame, payload).bytes);
  }
  return payloads;
}

void Tick(benchmark::State& state, const StreamFormat& receive, const StreamFormat& send) {
  const auto clock = codec::ClockRateHz(receive.codec.codec);
  const auto payloads = SpeechPayloads(receive, static_cast<int>(clock));
  TranscodingPipeline pipeline({.ssrc = {1}, .random_seed = 1});
  (void)pipeline.SetReceive(std::move(PrepareReceive({&receive, 1}, &send)).value());
  (void)pipeline.SetSend(std::move(PrepareSend(send, &receive)).value());
  DiscardingSink sink;
  std::array<std::byte, 1500> packet;
  auto now = base::Timestamp::FromMilliseconds(1000);
  uint32_t number = 0;
  for (auto _ : state) {
    rtp::RtpPacketBuilder builder(
        packet, {false, {receive.payload_type}, {static_cast<uint16_t>(number)}, {number * (clock / 50)}, {2}});
    builder.SetPayload(payloads[number % payloads.size()]);
    const auto bytes = builder.Finish();
    (void)pipeline.Insert(*rtp::RtpPacketView::Parse(*bytes), now);
    pipeline.Tick(now + base::TimeDelta::Milliseconds(6), sink);
    now += base::TimeDelta::Milliseconds(20);
    ++number;
  }
}

const bool kRegistered = [] {
  const auto opus = Format(codec::Codec::kOpus, 111);
  const auto amr_wb = Format(codec::Codec::kAmrWb, 104);
  const auto amr = Format(codec::Codec::kAmr, 102);
  const auto pcmu = Format(codec::Codec::kPcmu, 0);
  const auto pcma = Format(codec::Codec::kPcma, 8);
  const std::array<std::tuple<const char*, StreamFormat, StreamFormat>, 5> cases = {{{"opus_to_amr_wb", opus, amr_wb},
                                                                                     {"amr_wb_to_opus", amr_wb, opus},
                                                                                     {"opus_to_amr", opus, amr},
                                                                                     {"amr_to_opus", amr, opus},
                                                                                     {"pcmu_to_pcma", pcmu, pcma}}};
  for (const auto& [name, receive, send] : cases) {
    benchmark::RegisterBenchmark((std::string("Tick/") + name).c_str(),
                                 [receive = receive, send = send](benchmark::State& s) { Tick(s, receive, send); });
  }
  return true;
}();

}  // namespace
}  // namespace byon::pipeline
