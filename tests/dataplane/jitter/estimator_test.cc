#include <gtest/gtest.h>

#include "dataplane/base/random.h"
#include "dataplane/jitter/arrival_baseline.h"
#include "dataplane/jitter/playout_delay_estimator.h"
#include "dataplane/jitter/stall_filter.h"

namespace byon::jitter {
namespace {

using base::TimeDelta;
using base::Timestamp;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

TEST(ClockUnitsTest, AreExactAfterYears) {
  const int64_t ten_years = int64_t{10} * 365 * 86'400;
  EXPECT_EQ(UnitsToTime(ten_years * 48'000 + 960, 48'000), TimeDelta::Seconds(ten_years) + Ms(20));
  EXPECT_EQ(TimeToUnits(TimeDelta::Seconds(ten_years) + Ms(20), 16'000), ten_years * 16'000 + 320);
  EXPECT_EQ(UnitsToTime(-160, 8000), Ms(-20));
}

TEST(ArrivalBaselineTest, DelaysAreAgainstTheFastestPacket) {
  ArrivalBaseline baseline(8000);
  const Timestamp start = Timestamp::FromMilliseconds(5000);
  EXPECT_EQ(baseline.OnPacket(1000, start), TimeDelta());
  EXPECT_EQ(baseline.OnPacket(1160, start + Ms(35)), Ms(15));
  EXPECT_EQ(baseline.OnPacket(1320, start + Ms(37)), TimeDelta());  // 3 ms faster
  EXPECT_EQ(baseline.EarliestArrival(1480), start + Ms(57));
}

TEST(ArrivalBaselineTest, ALongerRouteIsForgottenTheOldOneWithin4Seconds) {
  ArrivalBaseline baseline(8000);
  Timestamp now = Timestamp::FromMilliseconds(0);
  int64_t timestamp = 0;
  for (int i = 0; i < 100; ++i, now += Ms(20), timestamp += 160) baseline.OnPacket(timestamp, now);
  TimeDelta last;
  for (int i = 0; i < 200; ++i, now += Ms(20), timestamp += 160) {
    last = baseline.OnPacket(timestamp, now + Ms(30));
  }
  EXPECT_EQ(last, TimeDelta());
}

TEST(ArrivalBaselineTest, FollowsClockDrift) {
  ArrivalBaseline baseline(48'000);
  TimeDelta worst;
  for (int64_t i = 0; i < 30'000; ++i) {  // ten minutes, our clock 200 ppm fast
    const auto arrival = Timestamp::FromNanoseconds(i * 20'004'000);
    worst = std::max(worst, baseline.OnPacket(i * 960, arrival));
  }
  EXPECT_LT(worst, Ms(1));
}

TEST(ArrivalBaselineTest, AfterAPauseTheFirstPacketIsTheFastest) {
  ArrivalBaseline baseline(8000);
  baseline.OnPacket(0, Timestamp::FromMilliseconds(0));
  EXPECT_EQ(baseline.OnPacket(160, Timestamp::FromMilliseconds(60'000)), TimeDelta());
}

// A slow sender's packets come later and later; that is no jitter.
TEST(ArrivalBaselineTest, ASlowClockLooksLikeNoJitter) {
  for (const double drift : {0.001, 0.01, 0.025}) {
    ArrivalBaseline baseline(8000);
    base::Random random(5);
    TimeDelta worst;
    for (int64_t i = 0; i < 3000; ++i) {
      const double jitter_ns = 3e6 * random.NextUnit();
      const auto arrival =
          Timestamp::FromNanoseconds(static_cast<int64_t>(static_cast<double>(i) * 20e6 * (1 + drift) + jitter_ns));
      const TimeDelta delay = baseline.OnPacket(i * 160, arrival);
      if (i > 200) worst = std::max(worst, delay);
    }
    EXPECT_LT(worst, Ms(12)) << drift;
  }
}

TEST(ArrivalBaselineTest, JitterAloneMakesNoTrend) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ArrivalBaseline baseline(8000);
    base::Random random(seed);
    int64_t underrated = 0;
    for (int64_t i = 0; i < 3000; ++i) {
      const auto jitter = TimeDelta::Microseconds(static_cast<int64_t>(random.NextUnit() * 80'000));
      const auto arrival = Timestamp::FromMilliseconds(i * 20) + jitter;
      const TimeDelta delay = baseline.OnPacket(i * 160, arrival);
      if (i > 200 && delay < jitter - Ms(5)) ++underrated;
    }
    EXPECT_LT(underrated, 60) << seed;
  }
}

class StallFilterTest : public ::testing::Test {
 protected:
  // A stall of `length` with packets every 20 ms, and what of it is believed.
  size_t Stall(TimeDelta length) {
    size_t believed = 0;
    TimeDelta since = length + Ms(20);
    now_ += since;
    for (TimeDelta delay = length; delay > TimeDelta(); delay -= Ms(20)) {
      believed += filter_.OnPacket(delay, now_, since).delays.size();
      since = TimeDelta();
    }
    return believed;
  }
  size_t Calm(int packets) {
    size_t believed = 0;
    for (int i = 0; i < packets; ++i, now_ += Ms(20)) {
      believed += filter_.OnPacket(Ms(1), now_, Ms(20)).delays.size();
    }
    return believed;
  }
  StallFilter filter_;
  Timestamp now_ = Timestamp::FromMilliseconds(10'000);
};

TEST_F(StallFilterTest, OneIsForgivenTheSecondIsNot) {
  EXPECT_EQ(Calm(50), 50u);
  EXPECT_EQ(Stall(Ms(200)), 0u);
  EXPECT_EQ(Calm(50), 50u);
  EXPECT_EQ(Stall(Ms(200)), 10u);
  EXPECT_EQ(Calm(600), 600u);
  EXPECT_EQ(Stall(Ms(400)), 0u);
}

TEST_F(StallFilterTest, SlowPacketsAmongOthersAreJitter) {
  EXPECT_EQ(Calm(5), 5u);
  EXPECT_EQ(filter_.OnPacket(Ms(150), now_, Ms(20)).delays.size(), 0u);  // not yet
  EXPECT_EQ(Calm(1), 2u);
}

TEST_F(StallFilterTest, ALongerRouteIsAShift) {
  Calm(5);
  StallFilter::Verdict verdict;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(verdict.shift, TimeDelta());
    verdict = filter_.OnPacket(Ms(150 + i), now_, Ms(20));
  }
  EXPECT_EQ(verdict.shift, Ms(150));
  EXPECT_EQ(verdict.delays.size(), 10u);
  EXPECT_EQ(verdict.delays[9], Ms(9));
}

TEST(PlayoutDelayEstimatorTest, OvertakenPacketsAreWorth20MsAPercent) {
  const auto target = [](int every, int64_t delay_ms) {
    PlayoutDelayEstimator estimator;
    for (int i = 0; i < 5000; ++i) {
      if (i % every == 0) {
        estimator.OnReorderedPacket(Ms(delay_ms));
      } else {
        estimator.OnPacket(Ms(2));
      }
    }
    return estimator.target();
  };
  EXPECT_EQ(target(200, 40), Ms(5));  // half a percent: 10 ms
  EXPECT_EQ(target(100, 40), Ms(5));  // 20 ms
  EXPECT_EQ(target(33, 40), Ms(45));  // 60 ms
  EXPECT_EQ(target(100, 12), Ms(15));
  EXPECT_EQ(target(4, 399), Ms(400));  // what is far too late is still bounded
}

// One packet in ten comes 40 ms late, after a minute of order: waited for within 1.5 s. Three strays are not.
TEST(PlayoutDelayEstimatorTest, NewReorderingIsBelievedSoonAndStraysAreNot) {
  PlayoutDelayEstimator estimator;
  for (int i = 0; i < 3000; ++i) estimator.OnPacket(Ms(2));
  int packets = 0;
  while (estimator.target() < Ms(40) && packets < 1000) {
    ++packets % 10 == 0 ? estimator.OnReorderedPacket(Ms(40)) : estimator.OnPacket(Ms(2));
  }
  EXPECT_LE(packets, 75);
  PlayoutDelayEstimator other;
  for (int i = 0; i < 3000; ++i) {
    i % 1000 < 900 || i % 33 != 0 ? other.OnPacket(Ms(2)) : other.OnReorderedPacket(Ms(40));
    EXPECT_LE(other.target(), Ms(20)) << i;
  }
}

TEST(PlayoutDelayEstimatorTest, IsTakenToTheMillisecond) {
  PlayoutDelayEstimator estimator;
  base::Random random(4);
  for (int i = 0; i < 5000; ++i) {
    estimator.OnPacket(TimeDelta::Microseconds(30'000 + random.NextBelow(5000)));
  }
  EXPECT_GE(estimator.target(), Ms(34));
  EXPECT_LE(estimator.target(), Ms(35));
  for (int i = 0; i < 5000; ++i) {
    estimator.OnPacket(i % 16 == 0 ? TimeDelta::Microseconds(30'000 + random.NextBelow(5000)) : Ms(1));
  }
  EXPECT_GE(estimator.target(), Ms(31));
  EXPECT_LE(estimator.target(), Ms(34));
}

TEST(PlayoutDelayEstimatorTest, StartsWithAGuessAndLearns) {
  PlayoutDelayEstimator estimator;
  EXPECT_EQ(estimator.target(), PlayoutDelayEstimator::kFirstTarget);
  for (int i = 0; i < 50; ++i) estimator.OnPacket(Ms(1));
  EXPECT_EQ(estimator.target(), Ms(5));
  EXPECT_EQ(estimator.recent_peak(), Ms(20));
  for (int i = 0; i < 200; ++i) estimator.OnPacket(Ms(1));
  EXPECT_EQ(estimator.recent_peak(), Ms(5));
}

TEST(PlayoutDelayEstimatorTest, CoversTheQuantileOfUniformJitter) {
  for (const int64_t jitter_ms : {10, 40, 80, 200}) {
    PlayoutDelayEstimator estimator;
    base::Random random(static_cast<uint64_t>(jitter_ms));
    for (int i = 0; i < 2000; ++i) {
      estimator.OnPacket(
          TimeDelta::Microseconds(static_cast<int64_t>(random.NextUnit() * 1000.0 * static_cast<double>(jitter_ms))));
    }
    EXPECT_GE(estimator.target(), Ms(jitter_ms * 93 / 100));
    EXPECT_LE(estimator.target(), Ms(jitter_ms + 5));
  }
}

TEST(PlayoutDelayEstimatorTest, AShortStallIsForgiven) {
  PlayoutDelayEstimator estimator;
  for (int i = 0; i < 500; ++i) estimator.OnPacket(Ms(2));
  for (int64_t delay = 100; delay > 0; delay -= 20) estimator.OnPacket(Ms(delay));
  EXPECT_LE(estimator.target(), Ms(5));
}

TEST(PlayoutDelayEstimatorTest, NewJitterIsBelievedWithinHalfASecond) {
  PlayoutDelayEstimator estimator;
  for (int i = 0; i < 500; ++i) estimator.OnPacket(Ms(2));
  for (int i = 0; i < 25; ++i) estimator.OnPacket(Ms(i % 2 == 0 ? 60 : 2));
  EXPECT_GE(estimator.target(), Ms(60));
}

TEST(PlayoutDelayEstimatorTest, IsBounded) {
  PlayoutDelayEstimator estimator;
  for (int i = 0; i < 500; ++i) estimator.OnPacket(TimeDelta::Seconds(100));
  EXPECT_EQ(estimator.target(), Ms(400));
  for (int i = 0; i < 2000; ++i) estimator.OnPacket(TimeDelta::Seconds(-1));
  EXPECT_EQ(estimator.target(), Ms(5));
}

}  // namespace
}  // namespace byon::jitter
