#include <gtest/gtest.h>

#include <string>

#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::test {
namespace {

using codec::Codec;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

// G.711 both sides: cheap enough for long calls, and all of play-out is the same.
class WeatherTest : public ::testing::Test {
 protected:
  struct Outcome {
    pipeline::PipelineStats stats;
    uint64_t lost = 0;
    uint64_t sent = 0;
    uint64_t ticks = 0;
  };
  static Outcome Call(const NetworkWeather& weather, TimeDelta length, double drift = 0, uint64_t seed = 1) {
    PipelineHarness call(G711Format(Codec::kPcmu), G711Format(Codec::kPcma), weather, seed);
    call.sender_drift = drift;
    call.sink.keeps_packets = false;
    SpeechSource speech(8000);
    const Timestamp start = call.now;
    call.Run(length, [&](auto samples) { speech.Fill(samples); });
    return {call.pipeline.stats(), call.network.lost(), call.network.sent(),
            static_cast<uint64_t>((call.now - start) / kTick)};
  }
  // Once started, every tick sends 20 ms, whatever the network does.
  static void ExpectNoHoles(const Outcome& outcome) {
    EXPECT_GE(outcome.stats.packets_sent, outcome.ticks - 10);
    EXPECT_LE(outcome.stats.packets_sent, outcome.ticks);
  }
};

TEST_F(WeatherTest, CleanIsPlayedUntouched) {
  const Outcome outcome = Call(NetworkWeather::Clean(), TimeDelta::Seconds(60));
  ExpectNoHoles(outcome);
  EXPECT_EQ(outcome.stats.concealed_frames, 0u);
  EXPECT_EQ(outcome.stats.late_packets, 0u);
  EXPECT_EQ(outcome.stats.inserted_samples, 0u);
  // Only what the first guess of the delay was too high.
  EXPECT_LE(outcome.stats.removed_samples, 8u * 40);
  EXPECT_LE(outcome.stats.playout_delay, Ms(27));
}

TEST_F(WeatherTest, OnlyLostPacketsAreConcealed) {
  for (const double loss : {0.03, 0.1, 0.2}) {
    const Outcome outcome = Call(NetworkWeather::Loss(loss), TimeDelta::Seconds(60));
    ExpectNoHoles(outcome);
    EXPECT_EQ(outcome.stats.late_packets, 0u);
    EXPECT_NEAR(static_cast<double>(outcome.stats.concealed_frames), static_cast<double>(outcome.lost), 2);
    EXPECT_LE(outcome.stats.playout_delay, Ms(30));
  }
}

TEST_F(WeatherTest, BurstsToo) {
  const Outcome outcome = Call(NetworkWeather::BurstLoss(), TimeDelta::Seconds(60));
  ExpectNoHoles(outcome);
  EXPECT_NEAR(static_cast<double>(outcome.stats.concealed_frames), static_cast<double>(outcome.lost), 3);
}

TEST_F(WeatherTest, JitterCostsDelayNotAudio) {
  for (const int64_t jitter_ms : {10, 40, 80}) {
    const Outcome outcome = Call(NetworkWeather::Jitter(jitter_ms), TimeDelta::Seconds(60));
    ExpectNoHoles(outcome);
    EXPECT_LE(outcome.stats.concealed_frames, 9u) << jitter_ms;
    EXPECT_LE(outcome.stats.late_packets, 9u) << jitter_ms;
    EXPECT_LE(outcome.stats.playout_delay, Ms(jitter_ms + 30)) << jitter_ms;
  }
}

TEST_F(WeatherTest, ReorderingIsWaitedFor) {
  const Outcome outcome = Call(NetworkWeather::Reorder(), TimeDelta::Seconds(60));
  ExpectNoHoles(outcome);
  EXPECT_LE(outcome.stats.concealed_frames, 12u);
}

TEST_F(WeatherTest, DuplicatesAreDropped) {
  const Outcome outcome = Call(NetworkWeather::Duplicate(), TimeDelta::Seconds(60));
  ExpectNoHoles(outcome);
  EXPECT_GT(outcome.stats.duplicate_packets, 200u);
  EXPECT_EQ(outcome.stats.concealed_frames, 0u);
}

TEST_F(WeatherTest, AStormIsSurvived) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome outcome = Call(NetworkWeather::Storm(), TimeDelta::Seconds(60), 0, seed);
    ExpectNoHoles(outcome);
    EXPECT_LE(outcome.stats.concealed_frames, outcome.lost + outcome.sent / 50) << seed;
    EXPECT_LE(outcome.stats.playout_delay, Ms(90)) << seed;
    // A packet of it waits for the successors of what is lost.
    EXPECT_LE(outcome.stats.added_latency_mean, Ms(70)) << seed;
  }
}

TEST_F(WeatherTest, ClockDriftIsFollowedByPitchPeriods) {
  for (const double ppm : {-1000.0, -200.0, 200.0, 1000.0}) {
    const Outcome outcome = Call(NetworkWeather::Jitter(5), TimeDelta::Seconds(600), ppm * 1e-6);
    EXPECT_LE(outcome.stats.concealed_frames, 3u) << ppm;
    EXPECT_LE(outcome.stats.playout_delay, Ms(45)) << ppm;
    const double drifted = 600 * 8000 * std::abs(ppm) * 1e-6;
    const auto changed = static_cast<double>(ppm > 0 ? outcome.stats.removed_samples : outcome.stats.inserted_samples);
    EXPECT_NEAR(changed, drifted, 600) << ppm;
  }
}

TEST_F(WeatherTest, DelayReturnsAfterAStall) {
  for (const int64_t stall_ms : {100, 200, 400, 1000}) {
    PipelineHarness call(G711Format(Codec::kPcmu), G711Format(Codec::kPcma));
    SpeechSource speech(8000);
    const auto talk = [&](auto samples) { speech.Fill(samples); };
    call.Run(TimeDelta::Seconds(10), talk);
    const TimeDelta before = call.pipeline.stats().playout_delay;
    call.network.StallUntil(call.now + Ms(stall_ms));
    call.Run(Ms(stall_ms), talk);
    call.Run(TimeDelta::Seconds(2), talk);
    EXPECT_LE(call.pipeline.stats().playout_delay, before + Ms(100)) << stall_ms;
    call.Run(TimeDelta::Seconds(6), talk);
    EXPECT_LE(call.pipeline.stats().playout_delay, before + Ms(20)) << stall_ms;
    EXPECT_EQ(call.pipeline.stats().late_packets, 0u);
  }
}

TEST_F(WeatherTest, AnHourOfCallIsWhole) {
  NetworkWeather weather = NetworkWeather::Jitter(20);
  weather.loss = 0.01;
  const Outcome outcome = Call(weather, TimeDelta::Seconds(3600), 30e-6);
  EXPECT_GE(outcome.stats.packets_sent, outcome.ticks - 10);
  EXPECT_NEAR(static_cast<double>(outcome.stats.concealed_frames), static_cast<double>(outcome.lost),
              0.002 * static_cast<double>(outcome.sent));
  EXPECT_LE(outcome.stats.playout_delay, Ms(55));
  EXPECT_LE(outcome.stats.added_latency_mean, Ms(50));
}

TEST(FecWeatherTest, OpusRedundancyRepairsMostSingleLosses) {
  auto receive = OpusFormat();
  receive.codec.opus.use_inband_fec = true;
  PipelineHarness call(receive, AmrWbFormat(), NetworkWeather::Loss(0.1), 3);
  call.sender = FarSender(receive, 16'000, 5);
  call.sender.encoder().SetExpectedLoss(0.1);
  SpeechSource speech(16'000);
  call.Run(TimeDelta::Seconds(30), [&](auto samples) { speech.Fill(samples); });
  const auto& stats = call.pipeline.stats();
  EXPECT_GT(stats.recovered_frames, stats.concealed_frames / 2);
  EXPECT_NEAR(static_cast<double>(stats.recovered_frames + stats.concealed_frames),
              static_cast<double>(call.network.lost()), 3);
}

// All codecs for a while through everything at once: nothing breaks, the clock holds.
TEST(StormTest, EveryCodecSurvives) {
  const std::array formats = {OpusFormat(), AmrWbFormat(), AmrFormat(), G711Format(Codec::kPcmu)};
  for (const auto& receive : formats) {
    for (const auto& send : formats) {
      PipelineHarness call(receive, send, NetworkWeather::Storm(), 11);
      SpeechSource speech(call.sender.sample_rate_hz());
      call.Run(TimeDelta::Seconds(4), [&](auto samples) { speech.Fill(samples); });
      EXPECT_GE(call.pipeline.stats().packets_sent, 190u);
      EXPECT_GT(call.pipeline.stats().concealed_frames, 0u);
      (void)call.Decoded();
    }
  }
}

}  // namespace
}  // namespace byon::test
