// What a worker's loop costs: a whole call per 20 ms (two packets in, two ticks, two packets out), a
// received packet alone, and a turn with nothing to do. Packets are made outside the timed part. Time
// is the thread's CPU time, which other programs on the machine disturb least.
#include <benchmark/benchmark.h>

#include <chrono>
#include <vector>

#include "perf/dataplane/worker_calls.h"

namespace byon::perf {
namespace {

using base::TimeDelta;

// A fifth of a second of noise, at the codec's clock rate.
Media Noise(codec::Codec codec, uint8_t payload_type) {
  const size_t rate_hz = codec::ClockRateHz(codec);
  std::vector<int16_t> samples(rate_hz / 5);
  uint32_t noise = 1;
  for (int16_t& sample : samples) {
    noise = noise * 1'664'525 + 1'013'904'223;
    sample = static_cast<int16_t>(static_cast<int32_t>(noise) >> 19);
  }
  return EncodeMedia(FormatOf(codec, payload_type), samples);
}

// `count` calls between two codecs.
struct Ends {
  Media browser, phone;
};
class Calls : private Ends, public WorkerCalls {
 public:
  Calls(size_t count, codec::Codec access, codec::Codec ims, srtp::SrtpProfile profile)
      : Ends{Noise(access, 111), Noise(ims, 107)}, WorkerCalls({count, &browser, &phone, profile}) {}
};

// 20 ms of every call: the time a call takes of a core.
void BM_Call(benchmark::State& state, codec::Codec access, codec::Codec ims, srtp::SrtpProfile profile) {
  const auto count = static_cast<size_t>(state.range(0));
  Calls calls(count, access, ims, profile);
  uint64_t sent_before = 0;
  uint64_t turns = 0;
  std::chrono::nanoseconds total{};
  for (auto _ : state) {
    std::chrono::nanoseconds spent{};
    constexpr size_t kFrameMs = 20;
    for (size_t ms = 0; ms < kFrameMs; ++ms) {
      calls.Arrive(ms, kFrameMs);
      calls.Advance(TimeDelta::Milliseconds(1));
      do {
        spent += calls.Turn();
      } while (calls.has_arrivals());
    }
    state.SetIterationTime(std::chrono::duration<double>(spent).count());
    total += spent;
    if (turns++ == 10) sent_before = calls.sent();  // the jitter buffers are filled by now
  }
  state.counters["us_per_call_tick"] = static_cast<double>(total.count()) * 1e-3 / static_cast<double>(turns * count);
  if (turns > 11) {
    state.counters["packets_sent_per_call_tick"] =
        static_cast<double>(calls.sent() - sent_before) / static_cast<double>((turns - 11) * count);
  }
}

// Received packets only: from the packet I/O through SRTP into the jitter buffer.
void BM_ReceivedPacket(benchmark::State& state, srtp::SrtpProfile profile) {
  const auto count = static_cast<size_t>(state.range(0));
  Calls calls(count, codec::Codec::kPcmu, codec::Codec::kPcma, profile);
  std::chrono::nanoseconds total{};
  for (auto _ : state) {
    calls.Arrive();
    std::chrono::nanoseconds spent{};
    // No time passes, so no tick comes due; each turn takes one burst of 64.
    for (size_t taken = 0; taken < 2 * count; taken += 64) spent += calls.Turn();
    calls.Turn();
    state.SetIterationTime(std::chrono::duration<double>(spent).count());
    total += spent;
    for (int ms = 0; ms < 20; ++ms) {
      calls.Advance(TimeDelta::Milliseconds(1));
      calls.Turn();
    }
  }
  const double packets = static_cast<double>(state.iterations()) * static_cast<double>(2 * count);
  state.counters["ns_per_packet"] = static_cast<double>(total.count()) / packets;
}

void BM_EmptyTurn(benchmark::State& state) {
  Calls calls(static_cast<size_t>(state.range(0)), codec::Codec::kPcmu, codec::Codec::kPcma,
              srtp::SrtpProfile::kAeadAes128Gcm);
  calls.Turn();
  for (auto _ : state) state.SetIterationTime(std::chrono::duration<double>(calls.Turn()).count());
}

using codec::Codec;
using srtp::SrtpProfile;
BENCHMARK_CAPTURE(BM_Call, opus_amrwb_gcm, Codec::kOpus, Codec::kAmrWb, SrtpProfile::kAeadAes128Gcm)
    ->Arg(1)
    ->Arg(20)
    ->Arg(100)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Call, pcmu_pcma_gcm, Codec::kPcmu, Codec::kPcma, SrtpProfile::kAeadAes128Gcm)
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Call, pcmu_pcma_cm, Codec::kPcmu, Codec::kPcma, SrtpProfile::kAes128CmSha1_80)
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
// Relayed: two packets in and out again.
BENCHMARK_CAPTURE(BM_Call, opus_opus_gcm, Codec::kOpus, Codec::kOpus, SrtpProfile::kAeadAes128Gcm)
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Call, opus_opus_cm, Codec::kOpus, Codec::kOpus, SrtpProfile::kAes128CmSha1_80)
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_ReceivedPacket, gcm, SrtpProfile::kAeadAes128Gcm)
    ->Arg(32)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_ReceivedPacket, cm, SrtpProfile::kAes128CmSha1_80)
    ->Arg(32)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_EmptyTurn)->Arg(1)->Arg(1'000)->UseManualTime();

}  // namespace
}  // namespace byon::perf
