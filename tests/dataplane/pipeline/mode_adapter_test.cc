#include "dataplane/pipeline/mode_adapter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "dataplane/base/random.h"

namespace byon::pipeline {
namespace {

using base::TimeDelta;
using base::Timestamp;
using codec::Codec;

constexpr TimeDelta kInterval = TimeDelta::Seconds(2);
constexpr std::array<double, 9> kWidebandKbps{6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85};

struct Course {
  std::vector<uint8_t> modes;  // one an interval
  int changes = 0;
};

// A path whose loss depends on the mode in use, for so many intervals.
Course Through(ModeAdapter& adapter, int intervals, const std::function<double(uint8_t)>& loss,
               Timestamp start = Timestamp::FromMilliseconds(1'000'000)) {
  Course run;
  Timestamp now = start;
  for (int i = 0; i < intervals; ++i, now += kInterval) {
    const uint8_t before = adapter.mode();
    adapter.OnLoss(loss(before), now);
    run.modes.push_back(adapter.mode());
    run.changes += adapter.mode() != before;
  }
  return run;
}

double MeanOfLast(const Course& run, size_t count) {
  double sum = 0;
  for (size_t i = run.modes.size() - count; i < run.modes.size(); ++i) sum += run.modes[i];
  return sum / static_cast<double>(count);
}

TEST(ModeAdapter, StaysAtTheBestModeOfACleanPath) {
  ModeAdapter adapter;
  adapter.Start(Codec::kAmrWb, 0x1ff);
  const Course run = Through(adapter, 1'800, [](uint8_t) { return 0.0; });
  EXPECT_EQ(run.changes, 0);
  EXPECT_EQ(adapter.mode(), 8);
  EXPECT_FALSE(adapter.has_adapted());
}

TEST(ModeAdapter, ALossUnderThreePercentChangesNothing) {
  ModeAdapter adapter;
  adapter.Start(Codec::kAmrWb, 0x1ff);
  EXPECT_EQ(Through(adapter, 1'800, [](uint8_t) { return 0.025; }).changes, 0);
}

// A path that drops what is above its capacity: the mode comes under it and stays there.
TEST(ModeAdapter, ComesUnderTheCapacityOfACongestedPath) {
  for (uint8_t bearable = 2; bearable <= 7; ++bearable) {
    ModeAdapter adapter;
    adapter.Start(Codec::kAmrWb, 0x1ff);
    const double capacity = kWidebandKbps[bearable] + 0.1;
    const auto loss = [capacity](uint8_t mode) { return std::max(0.0, 1 - capacity / kWidebandKbps[mode]); };
    const Course hour = Through(adapter, 1'800, loss);
    EXPECT_NEAR(MeanOfLast(hour, 900), bearable, 1.2) << int{bearable};
    // Probing upwards gets rare: two changes for each try.
    EXPECT_LT(hour.changes, 200) << int{bearable};
    int bad = 0;
    for (const uint8_t mode : hour.modes) bad += loss(mode) >= ModeAdapter::kHighLoss;
    EXPECT_LT(bad, 180) << int{bearable};  // a tenth of the time
  }
}

// Loss that the bit rate has no part in: less of it would only sound worse.
TEST(ModeAdapter, KeepsTheBestModeWhereLessBitRateIsOfNoUse) {
  for (const double share : {0.04, 0.08, 0.15, 0.3}) {
    ModeAdapter adapter;
    adapter.Start(Codec::kAmrWb, 0x1ff);
    base::Random random(7);
    const Course hour = Through(adapter, 1'800, [&](uint8_t) { return share * (0.8 + 0.4 * random.NextUnit()); });
    const auto at_best = std::ranges::count(hour.modes, uint8_t{8});
    EXPECT_GT(at_best, 1'600) << share;
  }
}

TEST(ModeAdapter, ComesBackWhenThePathIsFree) {
  ModeAdapter adapter;
  adapter.Start(Codec::kAmrWb, 0x1ff);
  const Timestamp start = Timestamp::FromMilliseconds(5'000);
  const auto narrow = [](uint8_t mode) { return std::max(0.0, 1 - 16 / kWidebandKbps[mode]); };
  (void)Through(adapter, 5, narrow, start);
  EXPECT_LE(adapter.mode(), 4);
  EXPECT_TRUE(adapter.has_adapted());
  (void)Through(
      adapter, 60, [](uint8_t) { return 0.0; }, start + kInterval * 5);
  EXPECT_EQ(adapter.mode(), 8);
}

// Whatever the weather: only modes of the set, one direction at a time, no fast flapping.
TEST(ModeAdapter, NeverLeavesTheSetAndNeverFlaps) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    base::Random random(seed);
    const Codec codec = seed % 2 == 0 ? Codec::kAmr : Codec::kAmrWb;
    const auto modes = static_cast<uint16_t>(1 + random.NextBelow(codec == Codec::kAmr ? 255 : 511));
    ModeAdapter adapter;
    adapter.Start(codec, modes);
    Timestamp now = Timestamp::FromMilliseconds(9'000);
    Timestamp last_change = now;
    bool has_changed = false;
    double weather = 0;
    for (int i = 0; i < 3'000; ++i, now += TimeDelta::Milliseconds(500 + random.NextBelow(4'000))) {
      if (random.NextBelow(20) == 0) weather = random.NextUnit() * 0.3;
      const uint8_t before = adapter.mode();
      adapter.OnLoss(std::min(1.0, weather * random.NextUnit() * 2), now);
      ASSERT_TRUE(modes >> adapter.mode() & 1) << seed;
      if (adapter.mode() == before) continue;
      const bool is_down = adapter.mode() < before;
      if (is_down && has_changed) {
        // The effect of what went before has been seen.
        EXPECT_GE(now - last_change, TimeDelta::Milliseconds(500)) << seed;
      }
      last_change = now;
      has_changed = true;
    }
  }
}

TEST(ModeAdapter, MildLossDoesNotGoBelowTheUsableModes) {
  ModeAdapter adapter;
  adapter.Start(Codec::kAmrWb, 0x1ff);
  const Course run = Through(adapter, 300, [](uint8_t mode) { return 0.03 + 0.006 * mode; });
  EXPECT_GE(std::ranges::min(run.modes), 2);
}

TEST(ModeAdapter, OneModeLeavesNoChoice) {
  ModeAdapter adapter;
  adapter.Start(Codec::kAmr, 1 << 7);
  EXPECT_EQ(Through(adapter, 100, [](uint8_t) { return 0.5; }).changes, 0);
}

}  // namespace
}  // namespace byon::pipeline
