#include "dataplane/pipeline/speech_level.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "dataplane/base/random.h"

namespace byon::pipeline {
namespace {

constexpr size_t kFrame = 320;

std::vector<int16_t> Sine(double amplitude) {
  std::vector<int16_t> frame(kFrame);
  for (size_t i = 0; i < kFrame; ++i) {
    const double phase = 2 * std::numbers::pi * 400 * static_cast<double>(i) / 16'000;
    frame[i] = static_cast<int16_t>(std::lrint(amplitude * std::sin(phase)));
  }
  return frame;
}

std::vector<int16_t> Noise(base::Random& random, int amplitude) {
  std::vector<int16_t> frame(kFrame);
  for (int16_t& sample : frame) {
    sample =
        static_cast<int16_t>(static_cast<int>(random.NextBelow(static_cast<uint32_t>(2 * amplitude + 1))) - amplitude);
  }
  return frame;
}

TEST(SpeechLevel, SaysNothingOfNothing) {
  SpeechLevel level;
  level.Add(Sine(0));
  EXPECT_FALSE(level.signal_dbm0());
  EXPECT_FALSE(level.noise_dbm0());
}

// Talk spurts of a second over noise: a full-scale sine is +3.14 dBm0, one of a tenth 20 dB less.
TEST(SpeechLevel, TellsSpeechFromTheNoiseBehindIt) {
  base::Random random(4);
  SpeechLevel level;
  for (int second = 0; second < 20; ++second) {
    for (int i = 0; i < 50; ++i) level.Add(second % 2 == 0 ? Noise(random, 57) : Sine(3276.8));
  }
  for (int i = 0; i < 20; ++i) level.Add(Noise(random, 57));
  ASSERT_TRUE(level.signal_dbm0() && level.noise_dbm0());
  EXPECT_NEAR(*level.signal_dbm0(), -16.9, 0.5);
  // Uniform in +-57: mean square 57 * 58 / 3.
  EXPECT_NEAR(*level.noise_dbm0(), 10 * std::log10(57.0 * 58 / 3 / (32768.0 * 32768 / 2)) + 3.14, 1.5);
}

TEST(SpeechLevel, FollowsAChangeWithinSeconds) {
  SpeechLevel level;
  const auto talk = [&level](double amplitude) {
    for (int i = 0; i < 250; ++i) level.Add(i % 50 < 10 ? Sine(3) : Sine(amplitude));
  };
  talk(8000);
  const float loud = *level.signal_dbm0();
  talk(800);
  EXPECT_NEAR(*level.signal_dbm0(), loud - 20, 2.5);
}

}  // namespace
}  // namespace byon::pipeline
