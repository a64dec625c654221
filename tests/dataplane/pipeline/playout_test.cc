// Play-out under what networks and clocks do to it over seconds, hours and the wraps of the counters.
#include <gtest/gtest.h>

#include "dataplane/base/check.h"
#include "dataplane/base/random.h"
#include "dataplane/pipeline/playout_stage.h"
#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::test {
namespace {

using codec::Codec;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

// G.711 both sides: cheap enough for hours, and all of play-out is the same.
class G711Call : public PipelineHarness {
 public:
  explicit G711Call(const NetworkWeather& weather = NetworkWeather::Clean(), uint64_t seed = 1)
      : PipelineHarness(G711Format(Codec::kPcmu), G711Format(Codec::kPcma), weather, seed) {
    sink.keeps_packets = false;
  }
};

class PlayoutTest : public ::testing::Test {
 protected:
  static void Talk(PipelineHarness& call, TimeDelta time) {
    static SpeechSource speech(8000);
    call.Run(time, [](auto samples) { speech.Fill(samples); });
  }
  // Until the delay is at most `wanted`, or `limit` has passed.
  static TimeDelta TimeToDelay(PipelineHarness& call, TimeDelta wanted, TimeDelta limit) {
    const Timestamp start = call.now;
    while (call.pipeline.stats().playout_delay > wanted && call.now - start < limit) {
      Talk(call, kTick);
    }
    return call.now - start;
  }
};

TEST_F(PlayoutTest, OneStallIsMadeUpForWithinTwoSeconds) {
  for (const int64_t stall_ms : {100, 200, 300, 400}) {
    for (const int64_t jitter_ms : {0, 20}) {
      G711Call call(NetworkWeather::Jitter(jitter_ms), 7);
      Talk(call, TimeDelta::Seconds(10));
      const TimeDelta before = call.pipeline.stats().playout_delay;
      const TimeDelta target_before = call.pipeline.stats().target_playout_delay;
      const uint64_t concealed_before = call.pipeline.stats().concealed_frames;
      call.network.StallUntil(call.now + Ms(stall_ms));
      Talk(call, Ms(stall_ms));
      Talk(call, kTick * 2);
      const TimeDelta took = TimeToDelay(call, before + kTick, TimeDelta::Seconds(4));
      EXPECT_LE(took, TimeDelta::Seconds(2)) << stall_ms << " " << jitter_ms;
      EXPECT_LE(call.pipeline.stats().target_playout_delay, target_before + Ms(10)) << stall_ms;
      // What stalled is heard in the end: nothing is concealed but the stall itself.
      EXPECT_LE(call.pipeline.stats().concealed_frames - concealed_before, static_cast<uint64_t>(stall_ms / 20 + 1));
      EXPECT_EQ(call.pipeline.stats().late_packets, 0u);
    }
  }
}

TEST_F(PlayoutTest, StallsThatComeBackAreWaitedFor) {
  G711Call call;
  Talk(call, TimeDelta::Seconds(5));
  for (int i = 0; i < 20; ++i) {
    call.network.StallUntil(call.now + Ms(160));
    Talk(call, TimeDelta::Seconds(1));
  }
  const uint64_t before = call.pipeline.stats().concealed_frames;
  for (int i = 0; i < 20; ++i) {
    call.network.StallUntil(call.now + Ms(160));
    Talk(call, TimeDelta::Seconds(1));
  }
  EXPECT_LE(call.pipeline.stats().concealed_frames - before, 20u);
  EXPECT_LE(call.pipeline.stats().target_playout_delay, Ms(200));
}

TEST_F(PlayoutTest, SpeechIsBackWithin100MsOfAFreeze) {
  for (const bool is_lost : {false, true}) {
    for (const int64_t freeze_ms : {1000, 5000, 30'000}) {
      G711Call call;
      Talk(call, TimeDelta::Seconds(10));
      const TimeDelta before = call.pipeline.stats().playout_delay;
      if (is_lost) {
        call.network.set_weather(NetworkWeather::Loss(1));
      } else {
        call.network.StallUntil(call.now + Ms(freeze_ms));
      }
      Talk(call, Ms(freeze_ms));
      call.network.set_weather(NetworkWeather::Clean());
      const auto unheard = [&call] {
        return call.pipeline.stats().concealed_frames + call.pipeline.stats().comfort_noise_frames;
      };
      const uint64_t played_before = call.pipeline.stats().frames_played - unheard();
      int ticks = 0;
      while (call.pipeline.stats().frames_played - unheard() <= played_before && ticks < 100) {
        Talk(call, kTick);
        ++ticks;
      }
      // The first packet after it is 20 ms under way; play-out waits for the target.
      EXPECT_LE(ticks, 5) << is_lost << " " << freeze_ms;
      const TimeDelta took = TimeToDelay(call, before + kTick, TimeDelta::Seconds(10));
      EXPECT_LE(took, TimeDelta::Seconds(3)) << freeze_ms;
    }
  }
}

TEST_F(PlayoutTest, AClockFarOffIsFollowed) {
  for (const double drift : {-0.025, -0.01, 0.01, 0.025}) {
    G711Call call(NetworkWeather::Jitter(5), 3);
    call.sender_drift = drift;
    Talk(call, TimeDelta::Seconds(20));
    const auto start = call.pipeline.stats();
    TimeDelta highest;
    TimeDelta lowest = TimeDelta::Seconds(1);
    for (int i = 0; i < 100 * 50; ++i) {
      Talk(call, kTick);
      highest = std::max(highest, call.pipeline.stats().playout_delay);
      lowest = std::min(lowest, call.pipeline.stats().playout_delay);
    }
    const auto& stats = call.pipeline.stats();
    EXPECT_LE(highest, Ms(60)) << drift;
    EXPECT_LE(stats.concealed_frames - start.concealed_frames, 5u) << drift;
  }
}

TEST_F(PlayoutTest, AnHourOfDriftStaysAtTheDelayOfItsFirstMinute) {
  for (const double drift : {-200e-6, 200e-6}) {
    G711Call call(NetworkWeather::Jitter(10), 5);
    call.sender_drift = drift;
    TimeDelta highest;
    for (int minute = 0; minute < 60; ++minute) {
      Talk(call, TimeDelta::Seconds(60));
      if (minute > 0) highest = std::max(highest, call.pipeline.stats().playout_delay);
    }
    const auto& stats = call.pipeline.stats();
    EXPECT_LE(highest, Ms(45));
    EXPECT_LE(stats.concealed_frames, 20u);
    EXPECT_LE(stats.late_packets, 20u);
  }
}

// As NetEq's own test has it: a long comfort noise under drift, a freeze in it, then speech.
TEST_F(PlayoutTest, SilenceUnderDriftAndAFreezeCostNoDelay) {
  for (const auto codec : {Codec::kAmrWb, Codec::kOpus}) {
    for (const double drift : {-0.025, 0.025}) {
      for (const int64_t freeze_ms : {0, 5000}) {
        auto format = codec == Codec::kAmrWb ? AmrWbFormat() : OpusFormat();
        format.codec.amr.use_dtx = true;
        format.codec.opus.use_dtx = true;
        PipelineHarness call(format, G711Format(Codec::kPcma));
        call.sink.keeps_packets = false;
        call.sender_drift = drift;
        call.sender = FarSender(format, codec == Codec::kAmrWb ? 16'000 : 48'000, 9);
        SpeechSource speech(call.sender.sample_rate_hz());
        const auto talk = [&](auto samples) { speech.Fill(samples); };
        base::Random random(3);
        const auto hush = [&](auto samples) {
          for (int16_t& sample : samples) {
            sample = static_cast<int16_t>(random.NextBelow(41)) - 20;
          }
        };
        call.Run(TimeDelta::Seconds(5), talk);
        const TimeDelta before = call.pipeline.stats().playout_delay;
        call.Run(TimeDelta::Seconds(10), hush);
        if (freeze_ms != 0) {
          call.network.StallUntil(call.now + Ms(freeze_ms));
          call.Run(Ms(freeze_ms), hush);
        }
        call.Run(TimeDelta::Seconds(10), hush);
        const auto heard = [&call] {
          const auto& stats = call.pipeline.stats();
          return stats.frames_played - stats.concealed_frames - stats.comfort_noise_frames;
        };
        const uint64_t heard_before = heard();
        int ticks = 0;
        SineSource vowel(call.sender.sample_rate_hz(), 300, 8000);
        // Two more pieces: one may be a description of the noise.
        for (; ticks < 50 && heard() < heard_before + 2; ++ticks) {
          call.Run(kTick, [&](auto samples) { vowel.Fill(samples); });
        }
        call.Run(TimeDelta::Seconds(1), talk);
        const TimeDelta after = call.pipeline.stats().playout_delay;
        EXPECT_LE(after, before + Ms(40)) << drift << " " << freeze_ms;
        EXPECT_LE(ticks, 6) << drift << " " << freeze_ms;
      }
    }
  }
}

// Noise, so that play-out finds nothing to stretch or compress: what a stage plays, and when packets 50 and 51 are held
// up to come with 52, a tick too late for 50.
std::vector<int16_t> Played(const pipeline::StreamFormat& format, int rate_hz, bool has_late_packet) {
  pipeline::PipelineStats stats;
  pipeline::PlayoutStage stage(stats);
  const auto other = rate_hz == 8000 ? AmrFormat() : AmrWbFormat();
  BYON_CHECK(!stage.SetReceive(MustPrepareReceive({&format, 1}, &other)), "nothing is replaced");
  FarSender sender(format, rate_hz, 7);
  base::Random random(5);
  std::vector<int16_t> samples(codec::SamplesPerFrame(rate_hz)), played;
  const Timestamp start = Timestamp::FromMilliseconds(10'000);
  std::vector<Bytes> arrived;
  for (int i = 0; i < 80; ++i) {
    for (int16_t& sample : samples) sample = static_cast<int16_t>(random.NextBelow(8000)) - 4000;
    arrived.push_back(*sender.Speak(samples));
    const Timestamp now = start + kTick * i;
    const bool is_held_up = has_late_packet && (i == 50 || i == 51);
    for (; !is_held_up && !arrived.empty(); arrived.erase(arrived.begin())) {
      const auto view = rtp::RtpPacketView::Parse(arrived.front());
      (void)stage.InsertAudio(jitter::StreamPacket::Of(*view), false, now);
    }
    codec::AudioFrame frame;
    if (!stage.PullFrame(now + Ms(7), frame)) continue;
    played.insert(played.end(), frame.view().begin(), frame.view().end());
  }
  return played;
}

// Late is not lost: from 5 ms after it takes over, all is what it would have been, one tick later.
TEST_F(PlayoutTest, ALatePacketLeavesNoTraceInWhatFollows) {
  const struct {
    pipeline::StreamFormat format;
    int rate_hz;
  } cases[] = {{AmrWbFormat(), 16'000}, {AmrFormat(), 8000}, {OpusFormat(), 16'000}};
  for (const auto& [format, rate_hz] : cases) {
    const auto prompt = Played(format, rate_hz, false);
    const auto late = Played(format, rate_hz, true);
    const size_t tick = codec::SamplesPerFrame(rate_hz);
    ASSERT_EQ(prompt.size(), late.size());
    const auto [first, second] = std::mismatch(prompt.begin(), prompt.end(), late.begin());
    const auto differs_at = static_cast<size_t>(first - prompt.begin());
    ASSERT_EQ(differs_at / tick, 50u);
    const size_t again = differs_at / tick * tick + tick / 4;
    EXPECT_TRUE(std::equal(prompt.begin() + static_cast<ptrdiff_t>(again), prompt.end() - static_cast<ptrdiff_t>(tick),
                           late.begin() + static_cast<ptrdiff_t>(again + tick)))
        << rate_hz;
  }
}

TEST_F(PlayoutTest, OvertakenPacketsAreWorthADelay) {
  for (const double share : {0.005, 0.02, 0.05}) {
    NetworkWeather weather;
    weather.reorder = share;
    weather.reorder_delay = Ms(30);
    G711Call call(weather, 11);
    Talk(call, TimeDelta::Seconds(30));
    const auto start = call.pipeline.stats();
    Talk(call, TimeDelta::Seconds(60));
    const auto& stats = call.pipeline.stats();
    if (share < 0.01) {
      EXPECT_LE(stats.playout_delay, Ms(30));
    } else {
      EXPECT_LE(stats.concealed_frames - start.concealed_frames, 6u) << share;
      EXPECT_LE(stats.playout_delay, Ms(60));
    }
  }
}

}  // namespace
}  // namespace byon::test
