#include "dataplane/quality/burst_gap.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/quality/packet_outcomes.h"

namespace byon::quality {
namespace {

// '.' is a good packet, 'x' a bad one.
BurstGap Of(std::string_view packets) {
  BurstGap model;
  for (const char packet : packets) packet == '.' ? model.OnGood() : model.OnBad();
  return model;
}
constexpr std::string_view k16Good = "................";

TEST(BurstGap, ALoneLossBetweenSixteenGoodPacketsIsGap) {
  const BurstGap model = Of(std::string(k16Good) + "x" + std::string(k16Good));
  EXPECT_EQ(model.bursts().count, 0u);
  EXPECT_EQ(model.gaps().count, 1u);
  EXPECT_EQ(model.gaps().packets, 33u);
  EXPECT_EQ(model.gaps().bad, 1u);
}

// RFC 3611 section 4.7.2: a burst ends with the last bad packet before Gmin good ones.
TEST(BurstGap, BadPacketsWithFewerThanSixteenGoodOnesBetweenAreABurst) {
  const BurstGap model = Of(std::string(k16Good) + "xx..x" + std::string(k16Good) + "." + std::string(k16Good));
  EXPECT_EQ(model.bursts().count, 1u);
  EXPECT_EQ(model.bursts().packets, 5u);
  EXPECT_EQ(model.bursts().bad, 3u);
  EXPECT_DOUBLE_EQ(model.bursts().density(), 0.6);
  EXPECT_EQ(model.gaps().count, 2u);
  EXPECT_EQ(model.gaps().packets, 49u);
  EXPECT_EQ(model.gaps().bad, 0u);
  EXPECT_DOUBLE_EQ(model.gaps().length(), 24.5);
}

TEST(BurstGap, FifteenGoodPacketsDoNotEndABurstSixteenDo) {
  const std::string fifteen(15, '.');
  EXPECT_EQ(Of("x" + fifteen + "x" + std::string(k16Good)).bursts().packets, 17u);
  EXPECT_EQ(Of("x" + std::string(k16Good) + "x" + std::string(k16Good)).bursts().count, 0u);
}

TEST(BurstGap, ABurstUnderWayCounts) {
  const BurstGap model = Of(std::string(k16Good) + "xxx");
  EXPECT_EQ(model.bursts().count, 1u);
  EXPECT_EQ(model.bursts().packets, 3u);
  EXPECT_EQ(model.gaps().packets, 16u);
}

// Whatever comes, each packet is in exactly one period.
TEST(BurstGap, EveryPacketIsCountedOnce) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    base::Random random(seed);
    const double loss = random.NextUnit() * 0.6;
    BurstGap model;
    uint64_t bad = 0;
    for (uint64_t i = 1; i <= 2'000; ++i) {
      const bool is_bad = random.NextUnit() < loss;
      bad += is_bad;
      is_bad ? model.OnBad() : model.OnGood();
      ASSERT_EQ(model.bursts().packets + model.gaps().packets, i) << seed;
      ASSERT_EQ(model.bursts().bad + model.gaps().bad, bad) << seed;
    }
    // A gap's losses are at least 16 packets apart.
    EXPECT_LE(model.gaps().density(), 1.0 / 16 + 0.01) << seed;
  }
}

TEST(PacketOutcomes, TellsLostFromDiscardedInOrderOfSequenceNumbers) {
  PacketOutcomes outcomes;
  // Starts just before the wrap; 3 is lost, 5 comes late and is of no use, 8 and 9 change places.
  const auto sequence = [](int i) { return static_cast<uint16_t>(0xfffe + i); };
  for (const int i : {0, 1, 2, 4, 6, 7, 9, 8, 5}) outcomes.OnReceived(sequence(i));
  outcomes.OnDiscarded(sequence(5));
  EXPECT_EQ(outcomes.totals().expected, 0u);  // nothing is old enough to be sure
  for (int i = 10; i < 10 + 2 * PacketOutcomes::kDepth; ++i) outcomes.OnReceived(sequence(i));
  EXPECT_EQ(outcomes.totals().lost, 1u);
  EXPECT_EQ(outcomes.totals().discarded, 1u);
  EXPECT_EQ(outcomes.burst_gap().bursts().count, 1u);
  EXPECT_EQ(outcomes.burst_gap().bursts().packets, 3u);  // 3, 4, 5
}

TEST(PacketOutcomes, ARestartDecidesWhatWasOpenAndLosesNothingBetween) {
  PacketOutcomes outcomes;
  for (uint16_t i = 0; i < 50; ++i) outcomes.OnReceived(i);
  outcomes.Restart();
  EXPECT_EQ(outcomes.totals().expected, 50u);
  for (uint16_t i = 0; i < 50; ++i) outcomes.OnReceived(static_cast<uint16_t>(40'000 + i));
  outcomes.Restart();
  EXPECT_EQ(outcomes.totals().expected, 100u);
  EXPECT_EQ(outcomes.totals().lost, 0u);
}

TEST(PacketOutcomes, AnHourWithEveryTwentiethPacketLost) {
  PacketOutcomes outcomes;
  constexpr int kPackets = 180'000;
  for (int i = 0; i < kPackets; ++i) {
    if (i % 20 != 7) outcomes.OnReceived(static_cast<uint16_t>(i));
  }
  outcomes.Restart();
  EXPECT_EQ(outcomes.totals().expected, static_cast<uint64_t>(kPackets));
  EXPECT_EQ(outcomes.totals().lost, static_cast<uint64_t>(kPackets / 20));
  EXPECT_EQ(outcomes.burst_gap().bursts().count, 0u);  // 19 good ones between: all of it is gap
}

}  // namespace
}  // namespace byon::quality
