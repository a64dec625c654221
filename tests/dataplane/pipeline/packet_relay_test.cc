#include "dataplane/pipeline/packet_relay.h"

#include <gtest/gtest.h>

namespace byon::pipeline {
namespace {

using base::TimeDelta;
using base::Timestamp;

constexpr Timestamp kNow = Timestamp::FromMilliseconds(1'000'000);

class PacketRelayTest : public testing::Test {
 protected:
  std::variant<PacketRelay::Numbers, DropReason> Map(uint16_t sequence, uint32_t ssrc = 7, Timestamp now = kNow) {
    jitter::StreamPacket packet;
    packet.ssrc = {ssrc};
    packet.sequence_number = {sequence};
    packet.timestamp = {uint32_t{sequence} * 960};
    return relay_.Map(packet, now, {next_}, {timestamp_});
  }
  void ExpectNumbers(uint16_t sequence, uint16_t out, uint32_t timestamp, bool is_first = false) {
    const auto mapped = Map(sequence);
    const auto* numbers = std::get_if<PacketRelay::Numbers>(&mapped);
    ASSERT_NE(numbers, nullptr) << sequence;
    EXPECT_EQ(numbers->sequence_number.value, out);
    EXPECT_EQ(numbers->timestamp.value, timestamp);
    EXPECT_EQ(numbers->is_first, is_first);
  }
  void ExpectDrop(uint16_t sequence, DropReason reason) {
    const auto mapped = Map(sequence);
    ASSERT_TRUE(std::holds_alternative<DropReason>(mapped)) << sequence;
    EXPECT_EQ(std::get<DropReason>(mapped), reason);
  }

  PacketRelay relay_;
  uint16_t next_ = 65'534;
  uint32_t timestamp_ = 5'000;
};

TEST_F(PacketRelayTest, NumbersGoOnFromTheOutgoingStream) {
  ExpectNumbers(100, 65'534, 5'000, true);
  ExpectNumbers(101, 65'535, 5'960);
  ExpectNumbers(102, 0, 6'920);
}

TEST_F(PacketRelayTest, LossAndOrderStayAsTheyAre) {
  ExpectNumbers(100, 65'534, 5'000, true);
  ExpectNumbers(103, 1, 7'880);
  ExpectNumbers(101, 65'535, 5'960);
  ExpectDrop(101, DropReason::kDuplicatePacket);
  ExpectDrop(103, DropReason::kDuplicatePacket);
  ExpectNumbers(102, 0, 6'920);
}

TEST_F(PacketRelayTest, ACopyIsOfUseOnlyInTheGapBehindTheNewest) {
  jitter::StreamPacket copy;
  copy.ssrc = {7};
  const auto is_missing = [&](uint16_t sequence, uint32_t timestamp) {
    copy.sequence_number = {sequence};
    copy.timestamp = {timestamp};
    return relay_.IsMissing(copy);
  };
  EXPECT_FALSE(is_missing(100, 96'000)) << "nothing has begun";
  ExpectNumbers(100, 65'534, 5'000, true);
  EXPECT_FALSE(is_missing(100, 96'000)) << "it came";
  EXPECT_TRUE(is_missing(101, 96'960));
  EXPECT_FALSE(is_missing(101, 96'000)) << "a copy of another packet than its place says";
  EXPECT_FALSE(is_missing(99, 95'040));
  copy.ssrc = {8};
  EXPECT_FALSE(is_missing(101, 96'960));
  copy.ssrc = {7};
  relay_.Stop();
  EXPECT_FALSE(is_missing(101, 96'960));
}

TEST_F(PacketRelayTest, WhatBelongsBeforeTheStretchIsLate) {
  ExpectNumbers(100, 65'534, 5'000, true);
  ExpectDrop(99, DropReason::kLatePacket);
  relay_.Stop();
  next_ = 40;
  timestamp_ = 90'000;
  ExpectNumbers(110, 40, 90'000, true);
  ExpectDrop(109, DropReason::kLatePacket);
  for (uint16_t i = 111; i < 300; ++i) (void)Map(i);
  ExpectDrop(200, DropReason::kLatePacket);
}

TEST_F(PacketRelayTest, AStrayPacketIsNoJumpButTwoAre) {
  ExpectNumbers(100, 65'534, 5'000, true);
  ExpectDrop(9'000, DropReason::kSequenceJump);
  ExpectNumbers(101, 65'535, 5'960);
  ExpectDrop(9'000, DropReason::kSequenceJump);
  next_ = 0;
  ExpectNumbers(9'001, 0, 5'000, true);
}

TEST_F(PacketRelayTest, AnotherSourceGoesOnAndTheOldOneIsGone) {
  ExpectNumbers(100, 65'534, 5'000, true);
  next_ = 65'535;
  timestamp_ = 5'960;
  EXPECT_TRUE(std::holds_alternative<PacketRelay::Numbers>(Map(7, 8)));
  EXPECT_EQ(relay_.source_changes(), 1u);
  EXPECT_EQ(std::get<DropReason>(Map(101, 7)), DropReason::kOldSource);
  EXPECT_TRUE(std::holds_alternative<PacketRelay::Numbers>(Map(150, 7, kNow + TimeDelta::Seconds(2))));
}

codec::CodecFormat Format(codec::Codec codec) {
  codec::CodecFormat format;
  format.codec = codec;
  return format;
}

TEST(MayRelayTest, OnlyWhatTheReceiverAskedFor) {
  const codec::CodecFormat amr = Format(codec::Codec::kAmrWb), opus = Format(codec::Codec::kOpus);
  EXPECT_TRUE(MayRelay(amr, amr));
  EXPECT_TRUE(MayRelay(opus, opus));
  EXPECT_FALSE(MayRelay(amr, opus));
  EXPECT_FALSE(MayRelay(Format(codec::Codec::kPcmu), Format(codec::Codec::kPcmu)));
  codec::CodecFormat limited = amr;
  limited.amr.mode_set = 0b111;
  EXPECT_FALSE(MayRelay(amr, limited)) << "a mode that it may not get";
  EXPECT_TRUE(MayRelay(limited, amr));
  codec::CodecFormat aligned = amr;
  aligned.amr.octet_align = true;
  EXPECT_FALSE(MayRelay(amr, aligned));
  codec::CodecFormat slow = amr;
  slow.amr.mode_change_period = 2;
  EXPECT_FALSE(MayRelay(amr, slow));
  EXPECT_TRUE(MayRelay(slow, amr));
  codec::CodecFormat narrow = opus;
  narrow.opus.max_average_bitrate_bps = 20'000;
  EXPECT_FALSE(MayRelay(opus, narrow));
  EXPECT_TRUE(MayRelay(narrow, narrow));
}

}  // namespace
}  // namespace byon::pipeline
