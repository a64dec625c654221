// The jitter buffer alone: one packet in and one out.
#include <benchmark/benchmark.h>

#include <array>

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
    rtp::RtpPacketBuilder builder(
        packet, {false, {96}, {static_cast<uint16_t>(sent)}, {sent * 320}, {1}});
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
BENCHMARK(InsertAndPop)
    ->ArgNames({"payload_bytes", "swap_every"})
    ->Args({62, 0})
    ->Args({62, 20})
    ->Args({160, 0});

}  // namespace
}  // namespace byon::jitter
