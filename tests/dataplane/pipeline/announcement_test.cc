#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "dataplane/pipeline/audio_clip.h"
#include "dataplane/pipeline/hold_audio.h"
#include "dataplane/pipeline/tone_generator.h"
#include "dataplane/pipeline/wave_file.h"
#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using pipeline::AudioClip;
using pipeline::HoldAudio;
using testing::HasSubstr;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

std::vector<int16_t> Sine(double tone_hz, int rate_hz, double seconds) {
  std::vector<int16_t> samples(static_cast<size_t>(rate_hz * seconds));
  for (size_t i = 0; i < samples.size(); ++i) {
    const double phase = 2 * std::numbers::pi * tone_hz * static_cast<double>(i) / rate_hz;
    samples[i] = static_cast<int16_t>(std::lrint(8000 * std::sin(phase)));
  }
  return samples;
}

class Wave {
 public:
  Wave& Text(std::string_view text) { return Append(base::AsBytes(text)); }
  Wave& U16(unsigned value) { return Text(std::string{char(value & 255), char(value >> 8 & 255)}); }
  Wave& U32(unsigned value) { return U16(value & 0xffff).U16(value >> 16); }
  Wave& Append(base::ByteSpan more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  Bytes bytes;
};
Bytes WaveFile(unsigned tag, unsigned channels, unsigned rate, unsigned bits, std::span<const int16_t> samples) {
  Wave wave;
  const auto data_bytes = static_cast<unsigned>(samples.size_bytes());
  wave.Text("RIFF").U32(36 + data_bytes).Text("WAVEfmt ").U32(16).U16(tag).U16(channels).U32(rate);
  wave.U32(rate * channels * bits / 8).U16(channels * bits / 8).U16(bits);
  wave.Text("LIST").U32(3).Text("abc").Text(std::string(1, '\0'));  // an odd chunk and its padding
  wave.Text("data").U32(data_bytes).Append(std::as_bytes(samples));
  return wave.bytes;
}

TEST(WaveFile, ReadsSamplesAndRate) {
  const std::vector<int16_t> samples{0, 1, -1, 32767, -32768};
  const auto wave = pipeline::ParseWaveFile(WaveFile(1, 1, 16'000, 16, samples));
  ASSERT_TRUE(wave.ok()) << wave.error();
  EXPECT_EQ(wave->sample_rate_hz, 16'000);
  EXPECT_EQ(wave->samples, samples);
}

TEST(WaveFile, SaysWhatIsWrong) {
  const std::vector<int16_t> samples(100);
  const auto error = [](const Bytes& file) {
    const auto wave = pipeline::ParseWaveFile(file);
    return wave.ok() ? std::string() : wave.error();
  };
  EXPECT_THAT(error({}), HasSubstr("no RIFF WAVE"));
  EXPECT_THAT(error(WaveFile(3, 1, 8000, 32, samples)), HasSubstr("format tag is 3, but must be 1"));
  EXPECT_THAT(error(WaveFile(1, 2, 8000, 16, samples)), HasSubstr("has 2 channels, but must have 1"));
  EXPECT_THAT(error(WaveFile(1, 1, 44'100, 16, samples)), HasSubstr("sample rate is 44100"));
  EXPECT_THAT(error(WaveFile(1, 1, 8000, 8, samples)), HasSubstr("has 8 bits a sample"));
  EXPECT_THAT(error(WaveFile(1, 1, 8000, 16, {})), HasSubstr("no samples"));
  EXPECT_THAT(error(Wave().Text("RIFF").U32(4).Text("WAVE").bytes), HasSubstr("no data chunk"));
  EXPECT_THAT(error(Wave().Text("RIFF").U32(4).Text("WAVEdata").U32(2).U16(1).bytes), HasSubstr("before their format"));
  const std::vector<int16_t> eleven_minutes(8000 * 660);
  EXPECT_THAT(error(WaveFile(1, 1, 8000, 16, eleven_minutes)), HasSubstr("longer than 600 seconds"));
}

TEST(AudioClip, IsTheSameAtEveryRate) {
  for (const int from : {8000, 16'000, 48'000}) {
    const AudioClip clip(Sine(440, from, 1), from);
    EXPECT_NEAR(clip.duration().seconds(), 1, 0.03);
    for (const int rate : {8000, 16'000, 48'000}) {
      const auto samples = clip.At(rate);
      const auto middle = samples.subspan(samples.size() / 4, samples.size() / 2);
      EXPECT_GT(TonePurity(middle, rate, 440), 0.99) << from << " to " << rate;
      EXPECT_NEAR(RootMeanSquare(middle), 5657, 60) << from << " to " << rate;
    }
    EXPECT_TRUE(clip.At(44'100).empty());
  }
}

// ---- in a pipeline ----------------------------------------------------------------------------------

size_t EndedEvents(PipelineHarness& call) {
  size_t count = 0;
  for (const auto& event : call.Events()) {
    count += std::holds_alternative<pipeline::ClipEnded>(event);
  }
  return count;
}
// Of the last `ms` that the far end heard.
double PurityOfLast(const PipelineHarness& call, int64_t ms, double tone_hz) {
  const auto heard = call.Decoded();
  const auto count = static_cast<size_t>(call.decoded_rate_hz() * ms / 1000);
  return TonePurity(std::span(heard).last(std::min(count, heard.size())), call.decoded_rate_hz(), tone_hz);
}

TEST(Announcement, ReplacesTheCallAndGivesItBack) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource voice(call.sender.sample_rate_hz(), 300, 8000);
  const auto talk = [&voice](std::span<int16_t> out) { voice.Fill(out); };
  call.Run(Ms(500), talk);
  const AudioClip clip(Sine(1000, 16'000, 1), 16'000);
  call.pipeline.PlayClip(&clip, false);
  call.Run(Ms(900), talk);
  EXPECT_EQ(EndedEvents(call), 0u);
  EXPECT_GT(PurityOfLast(call, 500, 1000), 0.95);
  call.Run(Ms(1'100), talk);
  EXPECT_EQ(EndedEvents(call), 1u);
  EXPECT_GT(PurityOfLast(call, 500, 300), 0.95);
  // 20 ms after 20 ms, without a break.
  for (size_t i = 1; i < call.sink.packets.size(); ++i) {
    ASSERT_EQ(static_cast<uint16_t>(call.sink.packets[i].sequence_number - call.sink.packets[i - 1].sequence_number),
              1);
  }
}

TEST(Announcement, PlaysIntoASilentCallInALoopUntilStopped) {
  PipelineHarness call(AmrWbFormat(), OpusFormat());
  const AudioClip clip(Sine(1000, 8000, 0.31), 8000);
  call.pipeline.PlayClip(&clip, true);
  call.RunSilent(TimeDelta::Seconds(2));
  EXPECT_EQ(EndedEvents(call), 0u);
  EXPECT_EQ(call.sink.packets.size(), 100u);
  EXPECT_GT(RootMeanSquare(call.Decoded()), 4'000);
  call.pipeline.PlayClip(nullptr, false);
  call.RunSilent(TimeDelta::Seconds(1));
  EXPECT_EQ(call.sink.packets.size(), 100u);
  EXPECT_EQ(EndedEvents(call), 0u);
}

TEST(HoldAudioTest, TheHeldSideHearsWhatWasChosenAndNotTheHolder) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource voice(call.sender.sample_rate_hz(), 300, 8000);
  const auto talk = [&voice](std::span<int16_t> out) { voice.Fill(out); };
  call.Run(Ms(500), talk);

  const AudioClip music(Sine(1000, 48'000, 5), 48'000);
  call.pipeline.SetHoldAudio({.kind = HoldAudio::Kind::kAnnouncement, .clip = &music});
  call.Run(Ms(1'000), talk);
  EXPECT_GT(PurityOfLast(call, 500, 1000), 0.95);
  EXPECT_LT(PurityOfLast(call, 500, 300), 0.02);

  call.pipeline.SetHoldAudio({.kind = HoldAudio::Kind::kSilence});
  call.Run(Ms(1'000), talk);
  const auto silence = call.Decoded();
  EXPECT_LT(RootMeanSquare(std::span(silence).last(8'000)), 30);

  call.pipeline.SetHoldAudio({.kind = HoldAudio::Kind::kComfortNoise});
  call.RunSilent(Ms(1'000));
  const auto noise = call.Decoded();
  EXPECT_GT(RootMeanSquare(std::span(noise).last(8'000)), 3);
  EXPECT_LT(RootMeanSquare(std::span(noise).last(8'000)), 60);

  call.pipeline.SetHoldAudio({});
  call.Run(Ms(1'000), talk);
  EXPECT_GT(PurityOfLast(call, 500, 300), 0.95);
}

TEST(HoldAudioTest, TheNetworksOwnMusicHasPrecedenceWhenAsked) {
  PipelineHarness call(AmrWbFormat(), OpusFormat());
  const AudioClip music(Sine(1000, 16'000, 5), 16'000);
  call.pipeline.SetHoldAudio({.kind = HoldAudio::Kind::kAnnouncement, .clip = &music, .only_when_silent = true});
  SineSource network(16'000, 400, 8000);
  call.Run(Ms(1'000), [&network](std::span<int16_t> out) { network.Fill(out); });
  EXPECT_GT(PurityOfLast(call, 500, 400), 0.95);
  // What was lost is made up for a while before the stream counts as over.
  call.RunSilent(Ms(4'000));
  EXPECT_GT(PurityOfLast(call, 500, 1000), 0.95);
}

// ---- tones ------------------------------------------------------------------------------------------

TEST(TonePlan, EveryCountryHasEveryToneInsideTheVoiceBand) {
  for (const char* code : {"itu", "fr", "de", "it", "jp", "us", "es", "gb"}) {
    const auto country = pipeline::ToneCountryFromCode(code);
    ASSERT_TRUE(country) << code;
    for (const auto tone : {pipeline::Tone::kRingback, pipeline::Tone::kBusy, pipeline::Tone::kCongestion}) {
      const pipeline::TonePlan plan = pipeline::PlanOf(*country, tone);
      EXPECT_GE(plan.period_ms(), 400u) << code;
      EXPECT_GE(plan.frequencies_hz[0], 300) << code;
      EXPECT_LE(plan.frequencies_hz[1], 700) << code;
      EXPECT_TRUE(plan.PulseAt(0)) << code;
      EXPECT_FALSE(plan.PulseAt(plan.period_ms() - 1)) << code;
    }
  }
  EXPECT_FALSE(pipeline::ToneCountryFromCode("xx"));
}

// Ringback of the United Kingdom: 400 and 450 Hz, 0.4 s on, 0.2 off, 0.4 on, 2 off.
TEST(TonePlan, TheCadenceIsHeard) {
  pipeline::ToneGenerator generator(pipeline::ToneCountry::kUnitedKingdom);
  generator.Start(pipeline::Tone::kRingback);
  std::vector<int16_t> heard;
  for (int i = 0; i < 150; ++i) {
    codec::AudioFrame frame;
    frame.SetRate(16'000);
    generator.Fill(frame);
    heard.insert(heard.end(), frame.view().begin(), frame.view().end());
  }
  const auto level = [&heard](int from_ms, int to_ms) {
    return RootMeanSquare(
        std::span(heard).subspan(static_cast<size_t>(from_ms) * 16, static_cast<size_t>(to_ms - from_ms) * 16));
  };
  EXPECT_GT(level(20, 380), 1'500);
  EXPECT_EQ(level(400, 600), 0);
  EXPECT_GT(level(620, 980), 1'500);
  EXPECT_EQ(level(1'000, 2'980), 0);
  const auto first = std::span(heard).subspan(0, 400 * 16);
  EXPECT_NEAR(TonePurity(first, 16'000, 400), 0.5, 0.1);
  EXPECT_NEAR(TonePurity(first, 16'000, 450), 0.5, 0.1);
}

}  // namespace
}  // namespace byon::test
