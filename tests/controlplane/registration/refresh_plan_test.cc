#include "controlplane/registration/refresh_plan.h"

#include <gtest/gtest.h>

namespace byon::registration {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1000h};
constexpr auto kCentury = std::chrono::hours(100 * 365 * 24);

TEST(RefreshPlan, CountsNothingBeyondItsHorizon) {
  RefreshPlan plan;
  plan.Add(kStart);
  plan.Add(kStart + kCentury);
  plan.Add(kStart + RefreshPlan::kHorizon - 1s);
  EXPECT_EQ(plan.CountAt(kStart), 1u);
  EXPECT_EQ(plan.CountAt(kStart + kCentury), 0u);
  EXPECT_EQ(plan.CountAt(kStart + RefreshPlan::kHorizon - 1s), 1u);
  plan.Remove(kStart + kCentury);
  EXPECT_EQ(plan.CountAt(kStart), 1u);
}

TEST(RefreshPlan, AnEarlierTimePushesTheFarOnesOut) {
  RefreshPlan plan;
  plan.Add(kStart + kCentury);
  plan.Add(kStart);
  EXPECT_EQ(plan.CountAt(kStart), 1u);
  EXPECT_EQ(plan.CountAt(kStart + kCentury), 0u);
  plan.Add(kStart + 10s);
  plan.Add(kStart + RefreshPlan::kHorizon - 1s);
  plan.Add(kStart - 5s);
  EXPECT_EQ(plan.CountAt(kStart - 5s), 1u);
  EXPECT_EQ(plan.CountAt(kStart), 1u);
  EXPECT_EQ(plan.CountAt(kStart + 10s), 1u);
  EXPECT_EQ(plan.CountAt(kStart + RefreshPlan::kHorizon - 1s), 0u);
}

TEST(RefreshPlan, ForgetsThePast) {
  RefreshPlan plan;
  plan.Add(kStart);
  plan.Add(kStart + 2s);
  plan.Forget(kStart + 1s);
  EXPECT_EQ(plan.CountAt(kStart), 0u);
  EXPECT_EQ(plan.CountAt(kStart + 2s), 1u);
}

}  // namespace
}  // namespace byon::registration
