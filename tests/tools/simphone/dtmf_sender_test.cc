#include "tools/simphone/dtmf_sender.h"

#include <gtest/gtest.h>

#include <vector>

namespace byon::simphone {
namespace {

constexpr uint32_t kUnits = 320;  // 20 ms at 16 kHz

TEST(DtmfSenderTest, SendsUpdatesThenThreeEndsThenAGap) {
  DtmfSender sender;
  sender.Queue("5", 100, 60);
  std::vector<DtmfSender::Report> reports;
  for (int tick = 0; tick < 5; ++tick) {
    const auto report = sender.Tick(kUnits);
    ASSERT_TRUE(report) << tick;
    reports.push_back(*report);
  }
  EXPECT_TRUE(reports[0].is_first);
  EXPECT_FALSE(reports[1].is_first);
  EXPECT_EQ(reports[0].event.event, 5);
  EXPECT_EQ(reports[0].event.duration, kUnits);
  EXPECT_EQ(reports[3].copies, 1);
  EXPECT_TRUE(reports[4].event.is_end);
  EXPECT_EQ(reports[4].event.duration, 5 * kUnits);
  EXPECT_EQ(reports[4].copies, 3);
  for (int tick = 0; tick < 3; ++tick) EXPECT_FALSE(sender.Tick(kUnits));
}

TEST(DtmfSenderTest, DigitsFollowEachOtherWithAGapBetween) {
  DtmfSender sender;
  sender.Queue("1x#", 40, 40);  // x is no key
  std::vector<int> events;
  int pauses = 0;
  for (int tick = 0; tick < 20; ++tick) {
    const auto report = sender.Tick(kUnits);
    if (!report) ++pauses;
    if (report && report->is_first) events.push_back(report->event.event);
  }
  EXPECT_EQ(events, (std::vector<int>{1, 11}));
  EXPECT_EQ(pauses, 16);
}

}  // namespace
}  // namespace byon::simphone
