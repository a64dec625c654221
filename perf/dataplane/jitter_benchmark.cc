// The jitter buffer alone: one packet in and one out; a tick that needs no packet; copies (RFC 2198).
#include <benchmark/benchmark.h>

#include <array>

#include "dataplane/base/random.h"
#include "dataplane/jitter/jitter_buffer.h"
#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::jitter {
namespace {

void InsertAndPop(benchmark::State& state) {
  const auto payload_bytes = static_cast<size_t>(state.range(0));
  const auto swap_every = static_cast<uint32_t>(state.range(1));
  std::array<std::byte, 1500> packet;
  const std::array<std::byte, 1400> zeros{};
  const auto payload = base::ByteSpan(zeros).first(payload_bytes);
  JitterBuffer buffer(16'000);
  auto now = base::Timestamp::FromMilliseconds(1000);
  uint32_t number = 0;
  for (auto _ : state) {
    // Every so often two neighbours change places.
    uint32_t sent = number;
    if (swap_every != 0 && number % swap_every == 0) sent = number + 1;
    if (swap_every != 0 && number % swap_every == 1) sent = number - 1;
    rtp::RtpPacketBuilder builder(packet, {false, {96}, {static_cast<uint16_t>(sent)}, {sent * 320}, {1}});
    builder.SetPayload(payload);
    const auto bytes = builder.Finish();
    const auto view = rtp::RtpPacketView::Parse(*bytes);
    benchmark::DoNotOptimize(buffer.Insert(*view, {320, false, false}, now));
    benchmark::DoNotOptimize(buffer.PopFrame(now + base::TimeDelta::Milliseconds(5), 0));
    benchmark::DoNotOptimize(buffer.NextAdjustment(now + base::TimeDelta::Milliseconds(5), 320));
    now += base::TimeDelta::Milliseconds(20);
    ++number;
  }
}
BENCHMARK(InsertAndPop)->ArgNames({"payload_bytes", "swap_every"})->Args({62, 0})->Args({62, 20})->Args({160, 0});

// Packets take up to `jitter_ms` longer, some are lost; play-out waits for what is late.
void Weather(benchmark::State& state) {
  const int64_t jitter_ms = state.range(0);
  const auto lost_percent = static_cast<uint32_t>(state.range(1));
  const bool has_copies = state.range(2) != 0;
  std::array<std::byte, 512> packet;
  const std::array<std::byte, 62> payload{};
  JitterBuffer buffer(16'000);
  base::Random random(9);
  auto now = base::Timestamp::FromMilliseconds(1000);
  uint32_t number = 0;
  for (auto _ : state) {
    const auto late =
        base::TimeDelta::Milliseconds(static_cast<int64_t>(random.NextBelow(static_cast<uint32_t>(jitter_ms) + 1)));
    if (random.NextBelow(100) >= lost_percent) {
      rtp::RtpPacketBuilder builder(packet, {false, {96}, {static_cast<uint16_t>(number)}, {number * 320}, {1}});
      builder.SetPayload(payload);
      const auto view = rtp::RtpPacketView::Parse(*builder.Finish());
      const PacketTraits traits{320, false, has_copies};
      benchmark::DoNotOptimize(buffer.Insert(*view, traits, now + late));
      if (has_copies) {
        StreamPacket copy = StreamPacket::Of(*view);
        copy.sequence_number = copy.sequence_number + -1;
        copy.timestamp = copy.timestamp + -320;
        benchmark::DoNotOptimize(buffer.InsertCopy(copy, traits, now + late));
      }
    }
    const auto tick = now + base::TimeDelta::Milliseconds(jitter_ms + 1);
    benchmark::DoNotOptimize(buffer.PopFrame(tick, 0));
    benchmark::DoNotOptimize(buffer.NextAdjustment(tick, 320));
    now += base::TimeDelta::Milliseconds(20);
    ++number;
  }
}
BENCHMARK(Weather)
    ->ArgNames({"jitter_ms", "lost_percent", "copies"})
    ->Args({0, 0, 0})
    ->Args({0, 0, 1})
    ->Args({19, 0, 0})
    ->Args({19, 10, 0})
    ->Args({19, 10, 1});

void IdleTick(benchmark::State& state) {
  JitterBuffer buffer(16'000);
  auto now = base::Timestamp::FromMilliseconds(1000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(buffer.PopFrame(now, 0));
    now += base::TimeDelta::Milliseconds(20);
  }
}
BENCHMARK(IdleTick);

}  // namespace
}  // namespace byon::jitter
