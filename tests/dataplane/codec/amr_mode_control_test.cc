#include "dataplane/codec/amr_mode_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace byon::codec {
namespace {

std::vector<int> Modes(AmrModeControl& control, int count) {
  std::vector<int> modes;
  for (int i = 0; i < count; ++i) modes.push_back(control.NextMode());
  return modes;
}

using ::testing::ElementsAre;

TEST(AmrModeControlTest, StartsWithTheHighestAllowedMode) {
  EXPECT_EQ(AmrModeControl(Codec::kAmrWb, {}).current(), 8);
  EXPECT_EQ(AmrModeControl(Codec::kAmr, {}).current(), 7);
  EXPECT_EQ(AmrModeControl(Codec::kAmrWb, {.mode_set = 0b111}).current(), 2);
  EXPECT_EQ(AmrModeControl(Codec::kAmrWb, {.mode_set = 0b111, .initial_mode = 0}).current(), 0);
}

TEST(AmrModeControlTest, ARequestIsFollowedAtOnceAndWithinTheSet) {
  AmrModeControl control(Codec::kAmr, {.mode_set = 0b10010101});  // 0, 2, 4, 7 (TS 26.103)
  EXPECT_THAT(Modes(control, 2), ElementsAre(7, 7));
  control.RequestMode(5);
  EXPECT_THAT(Modes(control, 2), ElementsAre(4, 4));
  control.RequestMode(1);
  EXPECT_THAT(Modes(control, 2), ElementsAre(0, 0));
  control.RequestMode(7);
  EXPECT_THAT(Modes(control, 2), ElementsAre(7, 7));
}

TEST(AmrModeControlTest, ARequestBelowTheSetGivesItsLowestMode) {
  AmrModeControl control(Codec::kAmrWb, {.mode_set = 0b1100});
  control.RequestMode(0);
  EXPECT_THAT(Modes(control, 2), ElementsAre(2, 2));
}

TEST(AmrModeControlTest, NeighborsOnlyAreStepsThroughTheSet) {
  AmrModeControl control(Codec::kAmr, {.mode_set = 0b10010101, .mode_change_neighbor = true});
  control.RequestMode(0);
  EXPECT_THAT(Modes(control, 5), ElementsAre(4, 2, 0, 0, 0));
  control.RequestMode(7);
  EXPECT_THAT(Modes(control, 4), ElementsAre(2, 4, 7, 7));
}

// RFC 4867 section 8.1: with a period of 2, changes are possible at every other frame-block only.
TEST(AmrModeControlTest, PeriodTwoChangesAtEveryOtherBlock) {
  for (int before = 0; before < 6; ++before) {
    AmrModeControl control(Codec::kAmrWb, {.mode_change_period = 2});
    std::vector<int> modes = Modes(control, before);
    control.RequestMode(0);
    for (const int mode : Modes(control, 6)) modes.push_back(mode);
    for (size_t i = 1; i < modes.size(); i += 2) EXPECT_EQ(modes[i], modes[i - 1]) << before;
    EXPECT_EQ(modes.back(), 0);
  }
}

TEST(AmrModeControlTest, PeriodAndNeighborsTogether) {
  AmrModeControl control(Codec::kAmr, {.mode_set = 0b10010101, .mode_change_period = 2, .mode_change_neighbor = true});
  control.RequestMode(0);
  EXPECT_THAT(Modes(control, 7), ElementsAre(4, 4, 2, 2, 0, 0, 0));
}

}  // namespace
}  // namespace byon::codec
