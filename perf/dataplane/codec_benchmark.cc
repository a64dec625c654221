// Each codec's cost of 20 ms, in and out, on something like speech.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/codec/resampler.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::codec {
namespace {

struct Case {
  const char* name;
  CodecFormat format;
  int rate_hz;
};

std::vector<Case> Cases() {
  const auto amr = [](Codec codec, uint8_t mode) {
    CodecFormat format{.codec = codec};
    format.amr.initial_mode = mode;
    return format;
  };
  const auto opus = [](uint8_t complexity) {
    CodecFormat format;
    format.opus.complexity = complexity;
    return format;
  };
  return {{"opus_16k_c5", opus(5), 16'000},
          {"opus_16k_c10", opus(10), 16'000},
          {"opus_8k_c5", opus(5), 8000},
          {"opus_48k_c5", opus(5), 48'000},
          {"amr_wb_12.65", amr(Codec::kAmrWb, 2), 16'000},
          {"amr_wb_23.85", amr(Codec::kAmrWb, 8), 16'000},
          {"amr_12.2", amr(Codec::kAmr, 7), 8000},
          {"pcmu", {.codec = Codec::kPcmu}, 8000}};
}

std::vector<AudioFrame> Speech(int rate_hz) {
  test::SpeechSource speech(rate_hz);
  std::vector<AudioFrame> frames(100);
  for (AudioFrame& frame : frames) {
    frame.SetRate(rate_hz);
    speech.Fill(frame.view());
  }
  return frames;
}

void Encode(benchmark::State& state, const Case& which) {
  const auto encoder = MakeAudioEncoder(which.format, which.rate_hz);
  const auto frames = Speech(which.rate_hz);
  std::array<std::byte, kMaxEncodedBytes> payload;
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(encoder->Encode(frames[i++ % frames.size()], payload));
  }
}

void Decode(benchmark::State& state, const Case& which, int to_rate_hz) {
  const auto encoder = MakeAudioEncoder(which.format, which.rate_hz);
  std::vector<std::vector<std::byte>> payloads;
  for (const AudioFrame& frame : Speech(which.rate_hz)) {
    std::vector<std::byte> payload(kMaxEncodedBytes);
    payload.resize(encoder->Encode(frame, payload).bytes);
    payloads.push_back(std::move(payload));
  }
  const auto decoder = MakeAudioDecoder(which.format, to_rate_hz);
  std::array<int16_t, 48 * kMaxPacketMs> out;
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decoder->Decode(payloads[i++ % payloads.size()], 0, out));
  }
}

void Conceal(benchmark::State& state, const Case& which) {
  const auto encoder = MakeAudioEncoder(which.format, which.rate_hz);
  const auto decoder = MakeAudioDecoder(which.format, which.rate_hz);
  const auto frames = Speech(which.rate_hz);
  std::array<int16_t, 48 * kMaxPacketMs> out;
  std::vector<std::byte> payload(kMaxEncodedBytes);
  payload.resize(encoder->Encode(frames[0], payload).bytes);
  const auto frame = std::span(out).first(SamplesPerFrame(which.rate_hz));
  for (auto _ : state) {
    state.PauseTiming();
    decoder->Decode(payload, 0, out);  // each loss is the first of its kind
    state.ResumeTiming();
    decoder->ConcealLoss(frame);
  }
}

void Resample(benchmark::State& state) {
  const auto from = static_cast<int>(state.range(0));
  const auto to = static_cast<int>(state.range(1));
  Resampler resampler(from, to);
  const AudioFrame frame = Speech(from)[50];
  std::array<int16_t, kMaxFrameSamples> out;
  for (auto _ : state) benchmark::DoNotOptimize(resampler.Process(frame.view(), out));
}
BENCHMARK(Resample)->Args({8000, 16'000})->Args({16'000, 8000})->Args({48'000, 16'000});

const bool kRegistered = [] {
  for (const Case& which : Cases()) {
    const std::string name = which.name;
    benchmark::RegisterBenchmark(("Encode/" + name).c_str(), [which](benchmark::State& s) { Encode(s, which); });
    benchmark::RegisterBenchmark(("Decode/" + name).c_str(),
                                 [which](benchmark::State& s) { Decode(s, which, which.rate_hz); });
    benchmark::RegisterBenchmark(("Conceal/" + name).c_str(), [which](benchmark::State& s) { Conceal(s, which); });
  }
  // What a browser sends, decoded for AMR-WB and for AMR.
  const Case fullband = Cases()[3];
  for (const int rate_hz : {16'000, 8000}) {
    benchmark::RegisterBenchmark(("Decode/opus_48k_to_" + std::to_string(rate_hz)).c_str(),
                                 [fullband, rate_hz](benchmark::State& s) { Decode(s, fullband, rate_hz); });
  }
  return true;
}();

}  // namespace
}  // namespace byon::codec
