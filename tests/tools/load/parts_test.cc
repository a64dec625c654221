#include <gtest/gtest.h>

#include <cmath>

#include "tools/load/call_plan.h"
#include "tools/load/histogram.h"
#include "tools/load/limit_search.h"
#include "tools/load/run_result.h"
#include "tools/load/sent_stream.h"
#include "tools/load/speech.h"
#include "tools/load/weather.h"

namespace byon::load {
namespace {

using base::TimeDelta;
using base::Timestamp;

TEST(Histogram, QuantilesAreWithinAThirtySecond) {
  Histogram histogram;
  for (int64_t us = 1; us <= 100'000; ++us) histogram.Add(us);
  EXPECT_NEAR(histogram.QuantileMs(0.5), 50, 50.0 / 32);
  EXPECT_NEAR(histogram.QuantileMs(0.99), 99, 99.0 / 32);
  EXPECT_DOUBLE_EQ(histogram.max_ms(), 100);
  EXPECT_NEAR(histogram.mean_ms(), 50, 0.01);
  EXPECT_DOUBLE_EQ(histogram.QuantileMs(1), 100);
}

TEST(Histogram, TakesAnyValue) {
  Histogram histogram;
  histogram.Add(-5);
  histogram.Add(INT64_MAX);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_DOUBLE_EQ(histogram.QuantileMs(0.5), 0);
  EXPECT_GT(histogram.max_ms(), 2'000'000);
  EXPECT_DOUBLE_EQ(Histogram().QuantileMs(0.99), 0);
}

TEST(Histogram, MergesAndSubtracts) {
  Histogram first, second;
  for (int i = 0; i < 100; ++i) first.Add(1000);
  const Histogram before = first;
  for (int i = 0; i < 100; ++i) second.Add(64'000);
  first.Merge(second);
  EXPECT_EQ(first.count(), 200u);
  EXPECT_NEAR(first.QuantileMs(0.4), 1, 0.04);
  EXPECT_NEAR(first.Since(before).QuantileMs(0.01), 64, 2);
  EXPECT_EQ(first.Since(before).count(), 100u);
}

double LossOf(const Weather& weather, double* mean_burst = nullptr) {
  WeatherPath path(weather, 7);
  int lost = 0, bursts = 0;
  bool was_lost = false;
  constexpr int kPackets = 200'000;
  for (int i = 0; i < kPackets; ++i) {
    const bool is_lost = path.Next().is_lost;
    lost += is_lost ? 1 : 0;
    bursts += is_lost && !was_lost ? 1 : 0;
    was_lost = is_lost;
  }
  if (mean_burst != nullptr) *mean_burst = static_cast<double>(lost) / std::max(bursts, 1);
  return static_cast<double>(lost) / kPackets;
}

TEST(Weather, LosesTheShareItIsAskedFor) {
  EXPECT_EQ(LossOf({}), 0);
  EXPECT_NEAR(LossOf({.loss = 0.05}), 0.05, 0.003);
  EXPECT_EQ(LossOf({.loss = 1}), 1);
  double burst = 0;
  EXPECT_NEAR(LossOf({.loss = 0.05, .burst_length = 4}, &burst), 0.05, 0.005);
  EXPECT_NEAR(burst, 4, 0.3);
}

TEST(Weather, TheSameSeedGivesTheSameFates) {
  const Weather weather{.loss = 0.1, .jitter = TimeDelta::Milliseconds(40), .reorder = 0.1, .duplicate = 0.1};
  WeatherPath first(weather, 3), second(weather, 3);
  for (int i = 0; i < 1000; ++i) {
    const auto a = first.Next(), b = second.Next();
    EXPECT_EQ(a.is_lost, b.is_lost);
    EXPECT_EQ(a.delay, b.delay);
    EXPECT_EQ(a.is_duplicated, b.is_duplicated);
    EXPECT_LE(a.delay, weather.longest_delay());
  }
}

TEST(LimitSearch, FindsTheLimitWithinATwentieth) {
  for (const size_t limit : {0u, 1u, 37u, 100u, 999u}) {
    LimitSearch search(50, 2000);
    int tries = 0;
    for (auto calls = search.Next(); calls; calls = search.Next()) {
      ASSERT_LT(++tries, 30);
      search.Tell(*calls <= limit);
    }
    EXPECT_LE(search.best(), limit);
    EXPECT_GE(static_cast<double>(search.best()), static_cast<double>(limit) * 0.94 - 1) << limit;
  }
}

TEST(LimitSearch, EndsAtTheMostThatMayBeTried) {
  LimitSearch search(100, 150);
  for (auto calls = search.Next(); calls; calls = search.Next()) {
    EXPECT_LE(*calls, 150u);
    search.Tell(true);
  }
  EXPECT_EQ(search.best(), 150u);
  EXPECT_FALSE(search.worst());
}

TEST(CallPlan, RampsUpAndStorms) {
  Profile profile;
  profile.calls = 50;
  profile.ramp_per_second = 10;
  profile.storm = {.calls = 20, .at = TimeDelta::Seconds(2)};
  const CallPlan plan(profile);
  EXPECT_EQ(plan.Wanted(TimeDelta(), std::nullopt), 1u);
  EXPECT_EQ(plan.Wanted(TimeDelta::Seconds(2), std::nullopt), 21u);
  EXPECT_EQ(plan.Wanted(TimeDelta::Seconds(60), TimeDelta::Seconds(1)), 50u);
  EXPECT_EQ(plan.Wanted(TimeDelta::Seconds(60), TimeDelta::Seconds(2)), 70u);
}

TEST(CallPlan, CodecsHaveTheirShares) {
  Profile profile;
  profile.codecs = {{"a", {}, 3}, {"b", {}, 1}};
  profile.hold = TimeDelta::Seconds(10);
  CallPlan plan(profile);
  int first = 0;
  for (int i = 0; i < 4000; ++i) {
    first += plan.NextCodec() == 0 ? 1 : 0;
    const TimeDelta hold = *plan.NextHold();
    EXPECT_GE(hold, TimeDelta::Seconds(5));
    EXPECT_LE(hold, TimeDelta::Seconds(15));
  }
  EXPECT_NEAR(first, 3000, 150);
}

TEST(Speech, EveryUtteranceIsHeardToBegin) {
  for (const char* name : {"amr-wb-12.65", "amr-12.2", "pcma", "opus"}) {
    const EncodedSpeech speech(*PhoneCodecFromName(name), 20, 1);
    ASSERT_EQ(speech.frame_count(), 1000u) << name;
    int onsets = 0;
    for (size_t i = 0; i < speech.frame_count(); ++i) onsets += speech.frame(i).onset_us ? 1 : 0;
    EXPECT_GE(onsets, 8) << name;  // of about 20 s / 1.9 s
    EXPECT_LE(onsets, 16) << name;
  }
}

TEST(SentStream, KnowsWhenSpeechThatIsHeardBegan) {
  const EncodedSpeech speech(*PhoneCodecFromName("pcma"), 20, 1);
  SentStream stream(speech, 8, 8000, 1, 65'530, 4'294'967'000u, 0);
  std::array<std::byte, 1500> buffer;
  Timestamp now = Timestamp::FromMilliseconds(1000);
  std::optional<Timestamp> began;
  for (size_t i = 0; i < speech.frame_count() && !began; ++i, now += TimeDelta::Milliseconds(20)) {
    ASSERT_TRUE(stream.Next(buffer, now, false));
    if (speech.frame(i).onset_us) began = now + TimeDelta::Microseconds(*speech.frame(i).onset_us);
  }
  ASSERT_TRUE(began);
  EXPECT_FALSE(stream.MatchOnset(*began - TimeDelta::Milliseconds(1)));
  EXPECT_EQ(stream.MatchOnset(*began + TimeDelta::Milliseconds(70)), TimeDelta::Milliseconds(70));
  EXPECT_FALSE(stream.MatchOnset(*began + TimeDelta::Milliseconds(80)));
}

TEST(Verdict, SaysWhatWasNotClean) {
  RunResult good;
  good.connected = 5;
  EXPECT_TRUE(Judge(good).is_clean);
  RunResult bad = good;
  bad.to_phone.lost_behind = 1;
  bad.late_ticks = 2;
  const Verdict verdict = Judge(bad);
  EXPECT_FALSE(verdict.is_clean);
  ASSERT_EQ(verdict.reasons.size(), 2u);
  EXPECT_EQ(verdict.reasons[0], "1 packet from the gateway did not reach the phones.");
  // With a limit in the profile only what is seen from outside counts.
  RunResult behind = good;
  behind.late_ticks = 2;
  behind.latest_ms = 20;
  EXPECT_TRUE(Judge(behind).is_clean);
  for (int i = 0; i < 100; ++i) behind.to_browser.times.arrivals.lateness.Add(i < 98 ? 100 : 30'000);
  ASSERT_EQ(Judge(behind).reasons.size(), 1u);
  EXPECT_NE(Judge(behind).reasons[0].find("to the browsers"), std::string::npos);
  RunResult slow = good;
  slow.socket_overflow = 3;
  EXPECT_TRUE(Judge(slow).is_load_limit);
  EXPECT_FALSE(Judge(slow).is_clean);
  EXPECT_FALSE(Judge(RunResult()).is_clean);  // nothing connected
}

}  // namespace
}  // namespace byon::load
