#include "tools/simphone/extended_reports.h"

#include <gtest/gtest.h>

namespace byon::simphone {
namespace {

using base::TimeDelta;
using base::Timestamp;

TEST(ExtendedReportsTest, TwoPhonesTellEachOther) {
  constexpr rtp::Ssrc kHere{1}, kThere{2};
  const auto at = [](int ms) { return Timestamp::FromMilliseconds(50'000 + ms); };
  const auto wall = [](int ms) { return rtp::NtpTime::FromUnix(TimeDelta::Milliseconds(1'700'000'000'000 + ms)); };
  ExtendedReports here, there;
  EXPECT_EQ(here.round_trip_ms(), -1);
  // 30 ms there, 500 ms at rest, 30 ms back.
  there.Take(here.Make(kHere, std::nullopt, 0, at(0), wall(0)), kThere, at(30), wall(30));
  here.Take(there.Make(kThere, kHere, 0.125, at(530), wall(530)), kHere, at(560), wall(560));
  EXPECT_NEAR(here.round_trip_ms(), 60, 0.1);
  EXPECT_EQ(here.received(), 1u);
  ASSERT_TRUE(here.metrics());
  EXPECT_EQ(here.metrics()->loss_rate, 32);
  EXPECT_FALSE(there.metrics());
  // Each reference time is answered once.
  EXPECT_TRUE(there.Make(kThere, kHere, 0, at(600), wall(600)).last_references.empty());
}

}  // namespace
}  // namespace byon::simphone
