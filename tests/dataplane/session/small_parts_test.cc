#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "dataplane/session/drop_counters.h"
#include "dataplane/session/media_budget.h"
#include "dataplane/session/session_event.h"
#include "dataplane/session/silence_watch.h"
#include "dataplane/session/token_bucket.h"

namespace byon::session {
namespace {

using base::TimeDelta;
using base::Timestamp;

const Timestamp kStart = Timestamp::FromMilliseconds(1'000);

TEST(SilenceWatchTest, TellsOnceATimeoutWhileSilent) {
  SilenceWatch watch(TimeDelta::Seconds(30));
  EXPECT_FALSE(watch.Check(kStart + TimeDelta::Seconds(100)));  // nothing was expected
  watch.SetExpected(true, kStart);
  int told = 0;
  for (int second = 1; second <= 95; ++second) {
    watch.SetExpected(true, kStart + TimeDelta::Seconds(second));
    if (const auto silent = watch.Check(kStart + TimeDelta::Seconds(second))) {
      EXPECT_EQ(*silent, TimeDelta::Seconds(second));
      ++told;
    }
  }
  EXPECT_EQ(told, 3);
}

TEST(SilenceWatchTest, MediaAndHoldStartTheCountAgain) {
  SilenceWatch watch(TimeDelta::Seconds(30));
  watch.SetExpected(true, kStart);
  watch.OnMedia(kStart + TimeDelta::Seconds(29));
  EXPECT_FALSE(watch.Check(kStart + TimeDelta::Seconds(58)));
  EXPECT_TRUE(watch.Check(kStart + TimeDelta::Seconds(59)));
  watch.SetExpected(false, kStart + TimeDelta::Seconds(60));
  EXPECT_FALSE(watch.Check(kStart + TimeDelta::Seconds(500)));
  watch.SetExpected(true, kStart + TimeDelta::Seconds(500));
  EXPECT_FALSE(watch.Check(kStart + TimeDelta::Seconds(529)));
  EXPECT_TRUE(watch.Check(kStart + TimeDelta::Seconds(530)));
}

TEST(TokenBucketTest, LetsABurstThroughAndThenItsRate) {
  TokenBucket bucket(10, 5);
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += bucket.Take(kStart);
  EXPECT_EQ(passed, 10);
  passed = 0;
  for (int ms = 0; ms < 10'000; ++ms) passed += bucket.Take(kStart + TimeDelta::Milliseconds(ms));
  EXPECT_NEAR(passed, 50, 1);
  // A long rest does not save up more than the burst.
  passed = 0;
  const Timestamp later = kStart + TimeDelta::Seconds(1'000'000);
  for (int i = 0; i < 100; ++i) passed += bucket.Take(later);
  EXPECT_EQ(passed, 10);
}

TEST(MediaBudgetTest, HoldsPacketsAndBytesToTheirRates) {
  const auto pass_in_ten_seconds = [](const MediaLimit& limit, size_t bytes) {
    MediaBudget budget(limit);
    int passed = 0;
    for (int ms = 0; ms < 10'000; ++ms) {
      if (!budget.HasAny(kStart + TimeDelta::Milliseconds(ms))) continue;
      budget.Spend(bytes);
      ++passed;
    }
    return passed;
  };
  EXPECT_NEAR(pass_in_ten_seconds({.packets_per_second = 500, .bits_per_second = 0}, 1000), 5500, 2);
  EXPECT_NEAR(pass_in_ten_seconds({.packets_per_second = 0, .bits_per_second = 800'000}, 1000), 1100, 2);
  EXPECT_EQ(pass_in_ten_seconds({.packets_per_second = 0, .bits_per_second = 0}, 1000), 10'000);
}

TEST(MediaBudgetTest, ABurstThatWasLetThroughIsPaidBack) {
  MediaBudget budget({.packets_per_second = 100, .bits_per_second = 0});
  ASSERT_TRUE(budget.HasAny(kStart));
  for (int i = 0; i < 150; ++i) budget.Spend(100);
  EXPECT_FALSE(budget.HasAny(kStart + TimeDelta::Milliseconds(500)));
  EXPECT_TRUE(budget.HasAny(kStart + TimeDelta::Milliseconds(520)));
}

// The largest that may be configured.
TEST(MediaBudgetTest, IsWholeAgainAfterALongPause) {
  MediaBudget budget({.packets_per_second = 0, .bits_per_second = 4'000'000'000});
  ASSERT_TRUE(budget.HasAny(kStart));
  for (const int seconds : {30, 3600, 1'000'000}) {
    budget.Spend(500'000'000);
    EXPECT_TRUE(budget.HasAny(kStart + TimeDelta::Seconds(seconds)));
  }
}

TEST(ShortTextTest, CutsAndCompares) {
  EXPECT_EQ(ShortText("abc").view(), "abc");
  EXPECT_EQ(ShortText(std::string(100, 'x')).view().size(), 64u);
  EXPECT_TRUE(ShortText("a") == ShortText("a"));
  EXPECT_FALSE(ShortText("a") == ShortText("ab"));
}

TEST(DropCountersTest, EveryReasonOfEveryRoomHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < DropCounters::kSize; ++i) names.insert(DropCounters::Name(i));
  EXPECT_EQ(names.size(), DropCounters::kSize);
  EXPECT_EQ(DropCounters::Name(DropCounters::IndexOf(DropReason::kStrangeSource)), "session_strange_source");
  EXPECT_EQ(DropCounters::Name(DropCounters::IndexOf(srtp::DropReason::kReplayed)), "srtp_replayed");
}

TEST(DropCountersTest, CountsAndAdds) {
  DropCounters a;
  a.Count(DropReason::kUnknownPort);
  a.Count(ice::DropReason::kBadIntegrity, 5);
  DropCounters b;
  b.Count(ice::DropReason::kBadIntegrity);
  a += b;
  EXPECT_EQ(a.of(ice::DropReason::kBadIntegrity), 6u);
  EXPECT_EQ(a.total(), 7u);
}

}  // namespace
}  // namespace byon::session
