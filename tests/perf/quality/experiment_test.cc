#include "perf/quality/experiment.h"

#include <gtest/gtest.h>

#include "perf/quality/bit_exactness.h"
#include "perf/quality/plan.h"
#include "perf/quality/report.h"
#include "tests/perf/quality/test_speech.h"

namespace byon::quality {
namespace {

const Settings kOneSeed{.seeds = 1, .threads = 1, .progress = {}};

// One laboratory for all: it encodes each call once.
Laboratory& TestLaboratory() {
  static Laboratory laboratory({TestRecording("one", 4, 1)});
  return laboratory;
}
RowResult RunRow(const CallPath& path, const char* weather) {
  return RunRows(TestLaboratory(), {{path, FindWeather(weather)}}, kOneSeed).at(0);
}

TEST(ExperimentTest, ACleanNetworkGivesTheLibraryChain) {
  const RowResult row = RunRow({kAmrWb2385, {}}, "clean");
  ASSERT_EQ(row.ours.stoi.size(), 1u);
  EXPECT_NEAR(row.ours.stoi[0], row.library.stoi[0], 0.002);
  EXPECT_GT(row.ours.stoi[0], 0.9);
  EXPECT_EQ(row.concealed, 0);
  EXPECT_EQ(row.late, 0);
  EXPECT_GT(row.delay_mean_ms, 0);
  EXPECT_LT(row.delay_mean_ms, 45);
  EXPECT_EQ(IdenticalShare(TestLaboratory(), {kAmrWb2385, {}}), 1);
}

TEST(ExperimentTest, LossIsConcealedBetterThanByTheLibrary) {
  const RowResult row = RunRow({kAmrWb2385, {}}, "loss 10 %");
  EXPECT_GT(row.lost, 0.04);
  EXPECT_NEAR(row.concealed, row.lost, 0.02);
  EXPECT_GT(row.ours.stoi[0], row.library.stoi[0]);
  EXPECT_LT(row.ours.stoi[0], 0.999);
}

TEST(ExperimentTest, DriftIsFollowedAndFoundAgain) {
  const RowResult row = RunRow({kAmrWb2385, {}}, "drift +25 ms/s");
  // A second of speech comes in 976 ms.
  EXPECT_NEAR(row.removed, 0.025, 0.012);
  EXPECT_GT(row.ours.stoi[0], row.library.stoi[0] - 0.05);
  EXPECT_LT(row.delay_p95_ms, 80);
}

TEST(ExperimentTest, AWholeCallIsMeasuredAndReported) {
  const RowResult row = RunRow({kAmr122, kOpus}, "loss 5 %");
  EXPECT_EQ(row.row.path.rate_hz(), 8000);
  EXPECT_GT(row.ours.stoi[0], 0.6);
  EXPECT_EQ(row.repeat.stoi.size(), 1u);
  EXPECT_NE(Table({row}).find("amr-12.2 > opus"), std::string::npos);
  const auto json = ToJson(row);
  EXPECT_EQ(json.at("weather"), "loss 5 %");
  EXPECT_EQ(json.at("ours").at("stoi"), row.ours.stoi[0]);
}

TEST(ExperimentTest, WhatTheFarEndRepeatsIsNotMissed) {
  const RowResult row = RunRow({kOpusRed, kAmrWb2385}, "loss 10 %");
  EXPECT_GT(row.lost, 0.04);
  EXPECT_LT(row.concealed, 0.5 * row.lost);
  EXPECT_NEAR(row.ours.stoi[0], row.library.stoi[0], 0.03);
}

// The gateway hears of it in the listener's reports only, the library chain knows from the first packet.
TEST(ExperimentTest, WhatTheListenerLosesIsRepeatedByBothAndNotByAChainThatIsNotTold) {
  const RowResult row = RunRow({kAmrWb2385, kOpus}, "listener loses 10 %");
  EXPECT_EQ(row.lost, 0);
  EXPECT_EQ(row.concealed, 0);
  ASSERT_EQ(row.usual.stoi.size(), 1u);
  EXPECT_GT(row.library.stoi[0], row.usual.stoi[0]);
  EXPECT_GT(row.ours.stoi[0], row.usual.stoi[0]);
  EXPECT_LT(row.ours.stoi[0], 0.999);
  EXPECT_TRUE(RunRow({kOpus, kAmrWb2385}, "clean").usual.stoi.empty());
}

TEST(ExperimentTest, APacketOf60MsIsThreeFrames) {
  const RowResult row = RunRow({kOpus60Ms, {}}, "loss 10 %");
  EXPECT_GT(row.lost, 0.03);
  EXPECT_NEAR(row.concealed + row.recovered, row.lost, 0.04);
  EXPECT_NEAR(row.ours.stoi[0], row.library.stoi[0], 0.05);
}

TEST(ExperimentTest, SilenceThatIsNotSentIsNeitherLostNorConcealed) {
  const auto& frames = TestLaboratory().Frames(kAmrWb2385Dtx, 0, false);
  EXPECT_TRUE(std::ranges::any_of(frames, [](const Payload& frame) { return !IsSent(kAmrWb2385Dtx, frame); }));
  const RowResult row = RunRow({kAmrWb2385Dtx, {}}, "clean");
  EXPECT_EQ(row.lost, 0);
  EXPECT_EQ(row.concealed, 0);
  EXPECT_NEAR(row.ours.stoi[0], row.library.stoi[0], 0.005);
}

TEST(ExperimentTest, TheSameSettingsGiveTheSameFigures) {
  const RowResult first = RunRow({kOpus, {}}, "jitter Wi-Fi");
  const RowResult second = RunRow({kOpus, {}}, "jitter Wi-Fi");
  EXPECT_EQ(first.ours.stoi, second.ours.stoi);
  EXPECT_EQ(first.delay_mean_ms, second.delay_mean_ms);
}

TEST(PlanTest, EveryRowHasItsOwnName) {
  for (const Extent extent : {Extent::kFull, Extent::kQuick}) {
    std::vector<std::string> names;
    for (const Row& row : PlanRows(extent)) names.push_back(row.name());
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
    EXPECT_GE(names.size(), 15u);
  }
}

}  // namespace
}  // namespace byon::quality
