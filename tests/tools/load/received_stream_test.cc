#include "tools/load/received_stream.h"

#include <gtest/gtest.h>

#include <array>

#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::load {
namespace {

class Received : public testing::Test {
 protected:
  // Packet `sequence` of a stream that has one each 20 ms, `late_us` behind its time.
  void Arrive(int sequence, int64_t late_us = 0, uint32_t ssrc = 7) {
    std::array<std::byte, 64> buffer;
    rtp::RtpPacketBuilder builder(buffer, {.payload_type = {98},
                                           .sequence_number = {static_cast<uint16_t>(sequence)},
                                           .timestamp = {static_cast<uint32_t>(sequence * 320)},
                                           .ssrc = {ssrc}});
    const auto arrival = base::Timestamp::FromNanoseconds((int64_t{sequence} * 20'000 + late_us) * 1000);
    stream_.OnPacket(*rtp::RtpPacketView::Parse(*builder.Finish()), arrival, &times_);
  }

  ReceivedStream stream_{16'000};
  ArrivalTimes times_;
};

TEST_F(Received, AnEvenStreamHasNothingToSay) {
  for (int i = 65'500; i < 65'600; ++i) Arrive(i);  // over the wrap
  EXPECT_EQ(stream_.counts().packets, 100u);
  EXPECT_EQ(stream_.counts().lost, 0u);
  EXPECT_EQ(times_.lateness.max_ms(), 0);
  EXPECT_EQ(times_.spacing.max_ms(), 0);
  EXPECT_EQ(times_.spacing.count(), 99u);
}

TEST_F(Received, CountsWhatIsMissingUntilItComes) {
  for (const int sequence : {10, 11, 14, 15}) Arrive(sequence);
  EXPECT_EQ(stream_.counts().lost, 2u);
  Arrive(12);
  EXPECT_EQ(stream_.counts().lost, 1u);
  EXPECT_EQ(stream_.counts().reordered, 1u);
  Arrive(12);
  Arrive(15);
  EXPECT_EQ(stream_.counts().duplicates, 2u);
  EXPECT_EQ(stream_.counts().packets, 5u);
  EXPECT_EQ(stream_.counts().lost, 1u);
}

TEST_F(Received, MeasuresLatenessAgainstTheSendersClock) {
  for (int i = 0; i < 100; ++i) Arrive(i, i == 50 ? 7000 : 0);
  EXPECT_NEAR(times_.lateness.max_ms(), 7, 0.01);
  EXPECT_NEAR(times_.spacing.max_ms(), 7, 0.01);
  EXPECT_EQ(times_.lateness.QuantileMs(0.9), 0);
}

TEST_F(Received, ANewSourceStartsAfresh) {
  for (const int sequence : {10, 12}) Arrive(sequence);
  for (const int sequence : {900, 901, 903}) Arrive(sequence, 0, 8);
  EXPECT_EQ(stream_.counts().new_sources, 1u);
  EXPECT_EQ(stream_.counts().lost, 2u);
  EXPECT_EQ(stream_.counts().packets, 5u);
}

}  // namespace
}  // namespace byon::load
