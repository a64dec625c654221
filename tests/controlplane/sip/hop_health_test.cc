#include "controlplane/sip/hops/hop_health.h"

#include "controlplane/sip/hops/hop_list.h"

#include <gtest/gtest.h>

namespace byon::sip {
namespace {

using std::chrono::seconds;

class HopHealthTest : public ::testing::Test {
 protected:
  HopHealth health_{3};
  HopHealth::Time now_ = HopHealth::Time(seconds(1000));
};

TEST_F(HopHealthTest, AHopIsKeptWhileItIsGood) {
  EXPECT_EQ(health_.Choose(1, now_), 1u);
  EXPECT_EQ(health_.ChooseOther({0}, now_), 1u);
}

TEST_F(HopHealthTest, ASilentHopIsLeftForLongerEachTime) {  // Covers: R10 R15
  seconds block(30);
  for (int i = 0; i < 8; ++i) {
    health_.ReportSilence(0, now_);
    EXPECT_EQ(health_.Choose(0, now_), 1u) << "the best of the others";
    EXPECT_FALSE(health_.IsUsable(0, now_ + block - seconds(1)));
    EXPECT_TRUE(health_.IsUsable(0, now_ + block));
    now_ += block;
    block = std::min(block * 2, seconds(1800));
  }
  health_.ReportSilence(0, now_);
  health_.ReportAnswer(0);
  EXPECT_EQ(health_.Choose(0, now_), 0u) << "an answer makes it good at once";
  health_.ReportSilence(0, now_);
  EXPECT_TRUE(health_.IsUsable(0, now_ + seconds(30))) << "and the counting starts anew";
}

TEST_F(HopHealthTest, WhatWaitsTogetherIsOneSilence) {
  for (int i = 0; i < 100; ++i) health_.ReportSilence(0, now_);
  EXPECT_TRUE(health_.IsUsable(0, now_ + seconds(30)));
}

TEST_F(HopHealthTest, RetryAfterIsObeyedWithinReason) {  // Covers: R10 C27
  health_.ReportRetryAfter(0, seconds(7), now_);
  EXPECT_FALSE(health_.IsUsable(0, now_ + seconds(6)));
  EXPECT_TRUE(health_.IsUsable(0, now_ + seconds(7)));
  health_.ReportRetryAfter(0, seconds(86400), now_);
  EXPECT_TRUE(health_.IsUsable(0, now_ + seconds(1800)));
}

TEST_F(HopHealthTest, NothingIsLeftWhenAllAreOut) {
  for (size_t hop = 0; hop < 3; ++hop) health_.ReportSilence(hop, now_);
  EXPECT_EQ(health_.Choose(2, now_), std::nullopt);
  EXPECT_EQ(health_.Choose(2, now_ + seconds(30)), 2u);
}

TEST_F(HopHealthTest, OnlyListedHopsAreChosenAndWhatIsKnownOfThemStays) {
  health_.ReportSilence(2, now_);
  health_.SetOrder(4, {3, 2});
  EXPECT_FALSE(health_.IsUsable(0, now_));
  EXPECT_EQ(health_.Choose(0, now_), 3u);
  EXPECT_EQ(health_.ChooseOther({3}, now_), std::nullopt);
  EXPECT_EQ(health_.ChooseOther({3}, now_ + seconds(30)), 2u);
}

TEST_F(HopHealthTest, AnotherPcscfOfTheNumberInheritsNothing) {
  for (int i = 0; i < 8; ++i) health_.ReportSilence(0, now_ += seconds(1800));
  health_.Forget(0);
  EXPECT_TRUE(health_.IsUsable(0, now_));
  health_.ReportSilence(0, now_);
  EXPECT_TRUE(health_.IsUsable(0, now_ + seconds(30)));
}

TEST(HopListTest, NumbersStayAsLongAsTheyAreUsed) {
  HopList list({"a", "b", "b"});
  EXPECT_EQ(list.listed(), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(list.Replace({"c", "b"}, {0}), std::vector<size_t>{}) << "a number that is new is nobody's heir";
  EXPECT_EQ(list.uri(0), "a") << "something is registered through it";
  EXPECT_EQ(list.listed(), (std::vector<size_t>{2, 1}));
  EXPECT_FALSE(list.is_listed(0));
  EXPECT_EQ(list.Replace({"d", "c"}, {}), std::vector<size_t>{0});
  EXPECT_EQ(list.uri(0), "d") << "a number that nobody uses is given away";
  EXPECT_EQ(list.listed(), (std::vector<size_t>{0, 2}));
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list.Add("e"), 3u);
  EXPECT_EQ(list.Find("e"), 3u);
  EXPECT_FALSE(list.is_listed(3));
}

}  // namespace
}  // namespace byon::sip
