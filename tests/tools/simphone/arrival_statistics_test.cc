#include "tools/simphone/arrival_statistics.h"

#include <gtest/gtest.h>

#include <array>

#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::simphone {
namespace {

using std::chrono::milliseconds;

class ArrivalStatisticsTest : public testing::Test {
 protected:
  void Arrive(int at_ms, uint16_t sequence, uint32_t timestamp, uint32_t ssrc = 1, bool marker = false) {
    std::array<std::byte, 64> buffer{};
    rtp::RtpHeader header;
    header.marker = marker;
    header.payload_type.value = 98;
    header.sequence_number.value = sequence;
    header.timestamp.value = timestamp;
    header.ssrc.value = ssrc;
    rtp::RtpPacketBuilder builder(buffer, header);
    const std::array<std::byte, 4> payload{};
    builder.SetPayload(payload);
    const auto packet = rtp::RtpPacketView::Parse(*builder.Finish());
    ASSERT_TRUE(packet.ok());
    statistics_.OnPacket(*packet, At(at_ms));
  }
  static ArrivalStatistics::Clock::time_point At(int ms) {
    return ArrivalStatistics::Clock::time_point(milliseconds(1000 + ms));
  }
  ArrivalStatistics statistics_;
};

TEST_F(ArrivalStatisticsTest, CountsLossReorderingAndDuplicatesOverTheWrap) {
  Arrive(0, 65534, 0);
  Arrive(20, 65535, 320);
  Arrive(40, 1, 960);   // 0 is missing
  Arrive(45, 0, 640);   // and comes late
  Arrive(60, 1, 960);   // again
  Arrive(80, 4, 1920);  // 2 and 3 are lost
  EXPECT_EQ(statistics_.packets, 6u);
  EXPECT_EQ(statistics_.lost, 2u);
  EXPECT_EQ(statistics_.reordered, 1u);
  EXPECT_EQ(statistics_.duplicates, 1u);
  EXPECT_EQ(statistics_.timestamp_jumps, 0u);
}

TEST_F(ArrivalStatisticsTest, TheLargestGapIncludesThePresentSilence) {
  Arrive(0, 1, 0);
  Arrive(20, 2, 320);
  Arrive(320, 3, 640);
  EXPECT_EQ(statistics_.LargestGapMs(At(330)), 300);
  EXPECT_EQ(statistics_.LargestGapMs(At(1000)), 680);
  statistics_.RestartGap(At(340));
  Arrive(360, 4, 960);
  EXPECT_EQ(statistics_.LargestGapMs(At(370)), 20);
}

TEST_F(ArrivalStatisticsTest, ANewSourceIsNoLoss) {
  Arrive(0, 1, 0);
  Arrive(20, 5000, 99999, 2);
  EXPECT_EQ(statistics_.ssrc_changes, 1u);
  EXPECT_EQ(statistics_.lost, 0u);
  EXPECT_EQ(statistics_.sequence_jumps, 0u);
}

TEST_F(ArrivalStatisticsTest, ATimestampThatJumpsWithoutMarkerIsSeen) {
  Arrive(0, 1, 100000);
  Arrive(20, 2, 50000);
  EXPECT_EQ(statistics_.timestamp_jumps, 1u);
  Arrive(40, 3, 500000, 1, true);
  EXPECT_EQ(statistics_.timestamp_jumps, 1u);
}

}  // namespace
}  // namespace byon::simphone
