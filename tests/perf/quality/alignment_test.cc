#include "perf/quality/alignment.h"

#include <gtest/gtest.h>

#include "perf/quality/stoi.h"
#include "perf/quality/unscaled_output.h"
#include "tests/perf/quality/test_speech.h"

namespace byon::quality {
namespace {

constexpr int kRateHz = 16'000;
constexpr DelayRange kRange = {-0.1, 0.4};

Signal Speech(double seconds) { return Resample(TestRecording("speech", seconds).audio, kRateHz); }
size_t At(double seconds) { return static_cast<size_t>(seconds * kRateHz); }

// `speech` behind `delay_s` of silence.
Signal Delayed(const Signal& speech, double delay_s) {
  Signal output{speech.rate_hz, std::vector<float>(At(delay_s))};
  output.samples.insert(output.samples.end(), speech.samples.begin(), speech.samples.end());
  return output;
}

TEST(AlignmentTest, FindsAConstantDelay) {
  const Signal said = Speech(3);
  const SearchedOutput output(Delayed(said, 1.0625));
  const auto pieces = Align(said, output, 1, kRange);
  ASSERT_GT(pieces.size(), 5u);
  for (const AlignedPiece& piece : pieces) EXPECT_NEAR(piece.delay_s, 0.0625, 0.0003);
  EXPECT_GT(Stoi(said, TakeAligned(output.audio(), pieces, 1)), 0.999);
}

// Play-out waited for a late packet in the middle.
TEST(AlignmentTest, FollowsAJumpWhereOneIsExpected) {
  const Signal said = Speech(3);
  Signal waited = said;
  waited.samples.insert(waited.samples.begin() + static_cast<ptrdiff_t>(At(1.5)), At(0.06), 0.0f);
  const SearchedOutput output(waited);
  const auto pieces = Align(said, output, 0, kRange, {1.5});
  EXPECT_NEAR(pieces.front().delay_s, 0, 0.0003);
  EXPECT_NEAR(pieces.back().delay_s, 0.06, 0.0003);
  EXPECT_GT(Stoi(said, TakeAligned(output.audio(), pieces, 0)), 0.99);
}

TEST(AlignmentTest, DoesNotJumpWhereNoneIsExpected) {
  const Signal said = Speech(3);
  Signal damaged = said;
  // A pitch period too many for 150 ms: tempting, but nothing happened there.
  const auto from = damaged.samples.begin() + static_cast<ptrdiff_t>(At(1.2));
  std::copy_backward(from, from + static_cast<ptrdiff_t>(At(0.15)), from + static_cast<ptrdiff_t>(At(0.158)));
  const auto pieces = Align(said, SearchedOutput(damaged), 0, kRange, {});
  for (const AlignedPiece& piece : pieces) EXPECT_NEAR(piece.delay_s, 0, 0.0003);
}

TEST(AlignmentTest, SilenceIsFoundNowhere) {
  const Signal said = Speech(1);
  const Signal nothing{kRateHz, std::vector<float>(At(1.5))};
  for (const AlignedPiece& piece : Align(said, SearchedOutput(nothing), 0, kRange)) {
    EXPECT_FALSE(piece.is_found);
  }
}

TEST(UnscaledOutputTest, PutsARemovedPeriodBackIn) {
  const Signal said = Speech(3);
  Signal faster = said;
  const auto from = faster.samples.begin() + static_cast<ptrdiff_t>(At(1.505));
  faster.samples.erase(from, from + static_cast<ptrdiff_t>(At(0.008)));
  const UnscaledOutput unscaled(faster, {{1.5, -0.008}});
  EXPECT_EQ(unscaled.signal().samples.size(), said.samples.size());
  EXPECT_NEAR(unscaled.FromOutput(1), 1, 1e-9);
  EXPECT_NEAR(unscaled.FromOutput(2), 2.008, 1e-4);
  EXPECT_NEAR(unscaled.ToOutput(2.008), 2, 1e-4);
  const auto pieces = Align(said, SearchedOutput(unscaled.signal()), 0, kRange);
  for (const AlignedPiece& piece : pieces) EXPECT_NEAR(piece.delay_s, 0, 0.0003);
}

TEST(UnscaledOutputTest, LeavesAnInsertedPeriodOut) {
  const Signal said = Speech(3);
  Signal slower = said;
  const auto from = slower.samples.begin() + static_cast<ptrdiff_t>(At(1.505));
  const std::vector<float> period(from - static_cast<ptrdiff_t>(At(0.008)), from);
  slower.samples.insert(from, period.begin(), period.end());
  const UnscaledOutput unscaled(slower, {{1.5, 0.008}});
  EXPECT_EQ(unscaled.signal().samples.size(), said.samples.size());
  for (size_t i = At(1.52); i < said.samples.size(); i += 100) {
    EXPECT_EQ(unscaled.signal().samples[i], said.samples[i]);
  }
}

}  // namespace
}  // namespace byon::quality
