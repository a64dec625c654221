#include "tools/simphone/audio_source.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace byon::simphone {
namespace {

TEST(AudioSource, SkipsWhatNobodyReadInTime) {
  const std::vector<int16_t> tones = MakeSteppedTones(16000).samples;
  AudioSource source;
  source.Play("tones");
  source.SetSampleRate(16000);
  std::array<int16_t, 320> frame;
  source.Read(frame);
  source.Skip(tones.size() - 320 + 9000);  // over the end of the loop
  source.Read(frame);
  for (size_t i = 0; i < frame.size(); ++i) EXPECT_EQ(frame[i], tones[9000 + i]) << i;
}

TEST(AudioSource, SilenceCanBeSkippedToo) {
  AudioSource source;
  source.Play("");
  source.Skip(1000);
  std::array<int16_t, 160> frame;
  frame.fill(1);
  source.Read(frame);
  for (const int16_t sample : frame) EXPECT_EQ(sample, 0);
}

}  // namespace
}  // namespace byon::simphone
