#include "perf/quality/targets.h"

#include <gtest/gtest.h>

#include "perf/quality/plan.h"
#include "tests/perf/quality/test_speech.h"

namespace byon::quality {
namespace {

// Checks of rows that were made up, none of which needs another run of the library chain.
class TargetsTest : public ::testing::Test {
 protected:
  static RowResult MadeUpRow(const CallPath& path, const char* weather, double ours_stoi) {
    RowResult row;
    row.row = {path, FindWeather(weather)};
    for (const double spread : {0.0, 0.001, 0.002, 0.003}) {
      row.ours.stoi.push_back(ours_stoi + spread);
      row.ours.lsd_db.push_back(5);
      row.library.stoi.push_back(0.9 + spread);
      row.library.lsd_db.push_back(5);
    }
    return row;
  }
  static std::vector<Check> ChecksOf(const RowResult& row) {
    static Laboratory laboratory({TestRecording("speech", 3)});
    return CheckTargets(laboratory, {row}, {.seeds = 1, .threads = 1, .progress = {}});
  }
  static size_t Missed(const std::vector<Check>& checks) {
    return static_cast<size_t>(std::ranges::count(checks, false, &Check::is_met));
  }
};

TEST_F(TargetsTest, AsGoodAsTheLibraryChainIsGoodEnough) {
  const auto checks = ChecksOf(MadeUpRow({kOpus, kAmr122}, "loss 10 %", 0.9));
  EXPECT_GE(checks.size(), 2u);
  EXPECT_EQ(Missed(checks), 0u);
}

TEST_F(TargetsTest, WorseIsNot) {
  const auto checks = ChecksOf(MadeUpRow({kOpus, kAmr122}, "loss 10 %", 0.89));
  EXPECT_EQ(Missed(checks), 1u);
}

TEST_F(TargetsTest, LateSpeechAfterAFreezeIsNot) {
  RowResult row = MadeUpRow({kOpus, {}}, "freeze 5 s", 0.9);
  row.speech_back_ms = 60;
  EXPECT_EQ(Missed(ChecksOf(row)), 0u);
  row.speech_back_ms = 140;
  EXPECT_EQ(Missed(ChecksOf(row)), 1u);
}

TEST_F(TargetsTest, ASlowRecoveryFromAStallIsNot) {
  RowResult row = MadeUpRow({kOpus, {}}, "stall 200 ms", 0.9);
  row.recovery_ms = 1500;
  EXPECT_EQ(Missed(ChecksOf(row)), 0u);
  row.recovery_ms = 2500;
  EXPECT_EQ(Missed(ChecksOf(row)), 1u);
}

TEST_F(TargetsTest, TooMuchDelayOrLateSpeechUnderReorderingIsNot) {
  RowResult row = MadeUpRow({kAmr122, {}}, "reordering 5 %", 0.9);
  row.late = 0.004;
  EXPECT_EQ(Missed(ChecksOf(row)), 0u);
  row.late = 0.02;
  EXPECT_EQ(Missed(ChecksOf(row)), 1u);
}

}  // namespace
}  // namespace byon::quality
