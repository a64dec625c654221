#include "tests/dataplane/jitter/jitter_buffer_fixture.h"

namespace byon::jitter {
namespace {

TEST_F(JitterBufferTest, StartsAfterTheFirstTargetAndPlaysInOrder) {
  EXPECT_THAT(Pop(0), ElementsAre());
  PlayCleanUntil(30);  // over the wraps of sequence number and timestamp
  EXPECT_EQ(buffer_.playout_delay(), Ms(25));
}

// Half a megabit: the store is full long before the delay that a bad path asks for has passed.
TEST_F(JitterBufferTest, PacketsTooBigToWaitArePlayedAllTheSame) {
  // Every second packet comes 300 ms late.
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) Insert(i, i * 20);
    if (i % 2 == 0 && i > 15) Insert(i - 15, i * 20 + 1);
    Pop(i * 20 + 5);
  }
  ASSERT_GT(buffer_.target_delay(), Ms(150));
  buffer_.Reset(kClock, true);
  int played = 0;
  for (int i = 200; i < 300; ++i) {
    Insert(i, i * 20, {.payload_bytes = 1275});
    for (const int number : Pop(i * 20 + 5)) played += number >= 0;
  }
  EXPECT_GT(played, 80);
}

TEST_F(JitterBufferTest, ReordersWhatComesInTime) {
  PlayCleanUntil(5);
  Insert(8, 141);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(7, 150);
  EXPECT_THAT(Pop(165), ElementsAre(7));
  EXPECT_THAT(Pop(185), ElementsAre(8));
}

TEST_F(JitterBufferTest, DuplicatesAreCountedOnce) {
  PlayCleanUntil(5);
  EXPECT_EQ(Insert(7, 141), InsertOutcome::kInserted);
  EXPECT_EQ(Insert(7, 142), InsertOutcome::kDuplicate);
  EXPECT_EQ(Insert(3, 142), InsertOutcome::kDuplicate);  // played already
}

TEST_F(JitterBufferTest, ALostPacketIsConcealedAndPlayoutGoesOn) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(8, 160);
  EXPECT_THAT(Pop(165), ElementsAre(-1));
  Insert(9, 180);
  EXPECT_THAT(Pop(185), ElementsAre(8));
  EXPECT_EQ(Insert(7, 190), InsertOutcome::kLate);
}

TEST_F(JitterBufferTest, RedundancyOfTheNextPacketIsOffered) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(8, 160, {.has_redundancy = true});
  EXPECT_THAT(Pop(165), ElementsAre(-3));
  EXPECT_THAT(Pop(185), ElementsAre(8));
}

TEST_F(JitterBufferTest, WhatComesRightBehindALossIsKnownToConcealment) {
  for (const int number : {0, 3}) Insert(number, 1000 + 20 * number);
  ASSERT_THAT(Pop(1085), ElementsAre(0));
  PlayoutFrame frame = buffer_.PopFrame(At(1105), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kConceal);
  EXPECT_TRUE(frame.next_payload.empty());  // another lost one lies between
  frame = buffer_.PopFrame(At(1125), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kConceal);
  ASSERT_EQ(frame.next_payload.size(), 2u);
  EXPECT_EQ(std::to_integer<int>(frame.next_payload[1]), 3);
  EXPECT_TRUE(frame.redundancy.empty());
}

TEST_F(JitterBufferTest, RedundancyRepairsOnlyThePacketJustBefore) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(9, 160, {.has_redundancy = true});
  EXPECT_THAT(Pop(165), ElementsAre(-1));
  EXPECT_THAT(Pop(185), ElementsAre(-3));
  EXPECT_THAT(Pop(205), ElementsAre(9));
}

TEST_F(JitterBufferTest, PlayoutWaitsForALatePacket) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  EXPECT_THAT(Pop(165), ElementsAre(-1));  // 7 is late: it comes at 170
  EXPECT_EQ(Insert(7, 170), InsertOutcome::kInserted);
  Insert(8, 171);
  EXPECT_THAT(Pop(185), ElementsAre(7));
  EXPECT_THAT(Pop(205), ElementsAre(8));
  EXPECT_EQ(buffer_.playout_delay(), Ms(45));
}

TEST_F(JitterBufferTest, WhatMayStillComeIsToldFromWhatIsLost) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  PlayoutFrame frame = buffer_.PopFrame(At(165), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kConceal);
  EXPECT_TRUE(frame.may_come);
  Insert(7, 170);
  frame = buffer_.PopFrame(At(185), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_EQ(frame.lost_before, 0u);

  EXPECT_TRUE(buffer_.PopFrame(At(205), 0).may_come);
  EXPECT_TRUE(buffer_.PopFrame(At(225), 0).may_come);
  Insert(11, 240);  // 8, 9 and 10 are lost
  frame = buffer_.PopFrame(At(245), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kConceal);
  EXPECT_FALSE(frame.may_come);
  EXPECT_EQ(frame.lost_before, 2 * kDuration);
  frame = buffer_.PopFrame(At(265), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_EQ(frame.lost_before, 0u);

  EXPECT_TRUE(buffer_.PopFrame(At(285), 0).may_come);
  Insert(13, 290);
  frame = buffer_.PopFrame(At(305), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_EQ(frame.lost_before, kDuration);
  EXPECT_TRUE(frame.is_behind_loss);
}

// A stream that has stopped is given up, for the decoder too, long before play-out forgets it.
TEST_F(JitterBufferTest, AfterLongNothingIsExpectedToComeAnyMore) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  int expected = 0;
  for (int i = 0; i < 40; ++i) expected += buffer_.PopFrame(At(165 + 20 * i), 0).may_come;
  EXPECT_EQ(expected, 12);
  Insert(60, 1200);
  EXPECT_THAT(Pop(1205), ElementsAre(-2));  // waits for the target afresh
  const PlayoutFrame frame = buffer_.PopFrame(At(1225), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_EQ(frame.lost_before, 40 * kDuration);
}

// Now and then a packet is 50 ms late: below the quantile, yet heard each time. The delay grows for it, and shrinks
// again when it is over.
TEST_F(JitterBufferTest, WaitsThatAreHeardTooOftenCostDelay) {
  int number = 0;
  const auto talk = [&](bool has_late_one) {
    buffer_.Reset(kClock, true);  // each time from the delay that the jitter asks for
    for (int i = 0; i < 50; ++i, ++number) {
      const int64_t now = 1000 + int64_t{number} * 20;
      const bool is_held = has_late_one && i >= 40 && i < 43;
      for (int held = i == 43 && has_late_one ? 3 : 0; held > 0; --held) Insert(number - held, now);
      if (!is_held) Insert(number, now);
      (void)Pop(now + 10);
    }
  };
  for (int i = 0; i < 10; ++i) talk(false);
  EXPECT_EQ(buffer_.target_delay(), Ms(5));
  for (int i = 0; i < 40; ++i) talk(i % 2 == 0);
  EXPECT_GT(buffer_.target_delay(), Ms(10));
  for (int i = 0; i < 40; ++i) talk(false);
  EXPECT_EQ(buffer_.target_delay(), Ms(5));
}

// At the start the delay grows for the jitter alone: who never pops, and so never waits, has the same target.
TEST_F(JitterBufferTest, WaitsBeforeTheJitterIsKnownDoNotCount) {
  JitterBuffer never_waits(kClock);
  int waits = 0;
  for (int i = 0, held = 0; i < 110; ++i) {
    // 40, 80 and 120 ms without a packet, each longer than what is known.
    const bool is_held = (i >= 10 && i < 12) || (i >= 30 && i < 34) || (i >= 50 && i < 56);
    held = is_held ? held + 1 : held;
    for (; !is_held && held >= 0; --held) {
      const std::vector<std::byte> bytes = Build(i - held, {});
      const StreamPacket packet = StreamPacket::Of(*rtp::RtpPacketView::Parse(bytes));
      (void)buffer_.Insert(packet, {kDuration, false, false}, At(int64_t{i} * 20));
      (void)never_waits.Insert(packet, {kDuration, false, false}, At(int64_t{i} * 20));
    }
    held = std::max(held, 0);
    for (const int one : Pop(int64_t{i} * 20 + 5)) waits += one == -1;
  }
  EXPECT_GE(waits, 3);
  EXPECT_EQ(buffer_.target_delay(), never_waits.target_delay());
}

TEST_F(JitterBufferTest, WhatWasConcealedWhileWaitingIsNotConcealedAgain) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  EXPECT_THAT(Pop(165), ElementsAre(-1));
  EXPECT_THAT(Pop(185), ElementsAre(-1));
  Insert(9, 186);  // 7 and 8 are lost
  EXPECT_THAT(Pop(205), ElementsAre(9));
  EXPECT_EQ(buffer_.playout_delay(), Ms(25));
}

TEST_F(JitterBufferTest, ARepeatedFrameOfAPacketIsSkipped) {
  // Each packet holds the frame of the one before once more (RFC 4867 section 3.7.1).
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  const uint32_t start = 0xffff'fc00u + 6 * kDuration;
  const std::vector<std::byte> packet =
      Build(7, {.timestamp = start, .sequence_number = static_cast<uint16_t>(65'530 + 7)});
  buffer_.Insert(*rtp::RtpPacketView::Parse(packet), {2 * kDuration, false, false}, At(150));
  const PlayoutFrame frame = buffer_.PopFrame(At(165), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_EQ(frame.skip, kDuration);
  EXPECT_EQ(frame.duration, kDuration);
}

TEST_F(JitterBufferTest, AnotherSourceTakesOverAtOnceAndTheOldOneIsIgnored) {
  PlayCleanUntil(5);
  EXPECT_EQ(Insert(100, 140, {.ssrc = 0x2222, .timestamp = 77, .sequence_number = 9}), InsertOutcome::kInserted);
  EXPECT_EQ(buffer_.source_changes(), 1u);
  EXPECT_EQ(Insert(7, 141), InsertOutcome::kOldSource);
  Insert(101, 160, {.ssrc = 0x2222, .timestamp = 77 + kDuration, .sequence_number = 10});
  EXPECT_THAT(Pop(165), ElementsAre(100));
  // When the new one is gone for good, the old one may come back.
  EXPECT_EQ(Insert(70, 1400), InsertOutcome::kInserted);
  EXPECT_EQ(buffer_.source_changes(), 2u);
}

TEST_F(JitterBufferTest, OneStrayPacketFarAwayIsNotBelieved) {
  PlayCleanUntil(5);
  EXPECT_EQ(Insert(50, 140, {.sequence_number = 30'000}), InsertOutcome::kSequenceJump);
  EXPECT_EQ(Insert(51, 140, {.timestamp = 0x4000'0000}), InsertOutcome::kSequenceJump);
  EXPECT_EQ(Insert(7, 142), InsertOutcome::kInserted);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  EXPECT_THAT(Pop(165), ElementsAre(7));
}

TEST_F(JitterBufferTest, TwoInARowAreARestartOfTheSender) {
  PlayCleanUntil(5);
  EXPECT_EQ(Insert(50, 140, {.timestamp = 5000, .sequence_number = 30'000}), InsertOutcome::kSequenceJump);
  EXPECT_EQ(Insert(51, 160, {.timestamp = 5000 + kDuration, .sequence_number = 30'001}), InsertOutcome::kInserted);
  EXPECT_THAT(Pop(165), ElementsAre());  // the target is still 20 ms
  EXPECT_THAT(Pop(185), ElementsAre(51));
}

TEST_F(JitterBufferTest, AClockSetBackIsARestartToo) {
  PlayCleanUntil(20);
  const uint32_t set_back = 0xffff'fc00u;
  EXPECT_EQ(Insert(22, 440, {.timestamp = set_back}), InsertOutcome::kSequenceJump);
  EXPECT_EQ(Insert(23, 460, {.timestamp = set_back + kDuration}), InsertOutcome::kInserted);
  EXPECT_THAT(Pop(465), ElementsAre());
  EXPECT_THAT(Pop(485), ElementsAre(23));
}

TEST_F(JitterBufferTest, AfterAPauseAnyTimestampIsTaken) {
  PlayCleanUntil(5);
  for (int64_t at = 145; at < 2600; at += 20) (void)Pop(at);
  EXPECT_FALSE(buffer_.is_playing());
  EXPECT_EQ(Insert(60, 60'000, {.timestamp = 123, .sequence_number = 4}), InsertOutcome::kInserted);
  EXPECT_THAT(Pop(60'021), ElementsAre(60));
}

TEST_F(JitterBufferTest, AStoppedStreamIsConcealedAndThenNothing) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  int concealed = 0;
  int64_t at = 165;
  for (; concealed < 1000; at += 20, ++concealed) {
    const auto played = Pop(at);
    if (played.empty()) break;
    EXPECT_THAT(played, ElementsAre(-1));
  }
  EXPECT_NEAR(static_cast<double>(at), 120 + 2000, 40);
}

TEST_F(JitterBufferTest, TooLargePayloadsAreRefused) {
  EXPECT_EQ(Insert(0, 0, {.payload_bytes = kMaxPayloadBytes + 1}), InsertOutcome::kTooLarge);
  EXPECT_EQ(Insert(0, 0, {.payload_bytes = kMaxPayloadBytes}), InsertOutcome::kInserted);
}

TEST_F(JitterBufferTest, LargePacketsAreFewerAndTheNewestAreKept) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Insert(i, i * 20, {.payload_bytes = 1000}), InsertOutcome::kInserted);
  }
  EXPECT_EQ(buffer_.overflowed_packets(), 100 - kStoreBytes / 1000);
  EXPECT_EQ(Pop(100 * 20).back(), 100 - static_cast<int>(kStoreBytes / 1000));
}

TEST_F(JitterBufferTest, MemoryIsBoundedWhenNobodyReads) {
  for (int i = 0; i < 200; ++i) EXPECT_EQ(Insert(i, i * 20), InsertOutcome::kInserted);
  EXPECT_EQ(buffer_.overflowed_packets(), 200 - kPacketSlots);
  // What is kept is the newest, and no more of it than the greatest delay.
  const auto played = Pop(200 * 20);
  ASSERT_EQ(played.size(), 1u);
  EXPECT_GE(played[0], 175);
}

TEST_F(JitterBufferTest, ALongerRouteIsAcceptedAndNotSpedUpAgainst) {
  PlayCleanUntil(50);
  // From here every packet takes 150 ms longer.
  for (int i = 52; i < 90; ++i) {
    Insert(i, i * 20 + 150);
    (void)Pop(i * 20 + 155);
  }
  EXPECT_LE(buffer_.target_delay(), Ms(25));
  EXPECT_LE(buffer_.playout_delay(), Ms(50));
}

TEST_F(JitterBufferTest, SpeedFollowsTheDelay) {
  PlayCleanUntil(300);
  // 25 ms of delay is over 5 + 20 - but only just: not worth a change. One late packet adds a frame.
  EXPECT_EQ(buffer_.NextAdjustment(At(301 * 20 + 5), kDuration), TimeAdjustment::kNone);
  EXPECT_THAT(Pop(302 * 20 + 5), ElementsAre(301));
  EXPECT_THAT(Pop(303 * 20 + 5), ElementsAre(-1));
  for (int i = 302; i <= 304; ++i) Insert(i, 304 * 20 + i - 302);
  EXPECT_THAT(Pop(304 * 20 + 5), ElementsAre(302));
  EXPECT_EQ(buffer_.NextAdjustment(At(304 * 20 + 5), kDuration), TimeAdjustment::kAccelerateSoon);
}

TEST_F(JitterBufferTest, WhatIsLeftOverBehindATickIsTrimmed) {
  PlayCleanUntil(300);
  const uint32_t ms = kClock / 1000;
  EXPECT_EQ(buffer_.NextAdjustment(At(301 * 20 + 5), kDuration + 3 * ms), TimeAdjustment::kNone);
  EXPECT_EQ(buffer_.NextAdjustment(At(301 * 20 + 5), kDuration + 4 * ms), TimeAdjustment::kTrim);
  EXPECT_EQ(buffer_.NextAdjustment(At(301 * 20 + 5), kDuration + 19 * ms), TimeAdjustment::kTrim);
}

TEST_F(JitterBufferTest, TheMoreDelayTheMoreUrgent) {
  PlayCleanUntil(300);
  // As if the reader had fallen behind.
  const auto at = [&](int64_t late_ms) { return buffer_.NextAdjustment(At(301 * 20 + 5 + late_ms), kDuration); };
  EXPECT_EQ(at(0), TimeAdjustment::kNone);
  EXPECT_EQ(at(5), TimeAdjustment::kAccelerate);
  EXPECT_EQ(at(20), TimeAdjustment::kAccelerateSoon);
  EXPECT_EQ(at(70), TimeAdjustment::kAccelerateForced);
}

TEST_F(JitterBufferTest, ResetForgetsTheStreamButMayKeepTheTarget) {
  PlayCleanUntil(100);
  const TimeDelta target = buffer_.target_delay();
  EXPECT_LT(target, PlayoutDelayEstimator::kFirstTarget);
  buffer_.Reset(kClock, true);
  EXPECT_EQ(buffer_.target_delay(), target);
  EXPECT_FALSE(buffer_.ssrc().has_value());
  EXPECT_EQ(Insert(3, 5000, {.ssrc = 5}), InsertOutcome::kInserted);
  EXPECT_EQ(buffer_.source_changes(), 0u);
  buffer_.Reset(kClock, false);
  EXPECT_EQ(buffer_.target_delay(), PlayoutDelayEstimator::kFirstTarget);
}

// Over a day of talk spurts, one second each minute, on the clock of Opus: sequence numbers wrap once,
// timestamps too, and not one packet is missed.
TEST(JitterBufferDayTest, EveryPacketOf26HoursIsPlayed) {
  constexpr uint32_t kClock = 48'000;
  JitterBuffer buffer(kClock);
  int64_t sent = 0;
  int64_t played = 0;
  std::array<std::byte, 16> packet;
  for (int64_t minute = 0; minute < 26 * 60; ++minute) {
    const int64_t start_ms = minute * 60'000;
    for (int64_t i = 0; i < 160; ++i) {
      const auto now = Timestamp::FromMilliseconds(start_ms + i * 20);
      if (i < 50) {
        const int64_t units = (start_ms + i * 20) * (kClock / 1000);
        rtp::RtpPacketBuilder builder(
            packet, {i == 0, {111}, {static_cast<uint16_t>(65'000 + sent)}, {static_cast<uint32_t>(units)}, {7}});
        builder.SetPayload(std::array<std::byte, 2>{});
        ++sent;
        const auto view = rtp::RtpPacketView::Parse(*builder.Finish());
        ASSERT_EQ(buffer.Insert(*view, {960, i == 49, false}, now), InsertOutcome::kInserted) << minute << " " << i;
      }
      const PlayoutFrame frame = buffer.PopFrame(now + Ms(4), 0);
      if (frame.decision == PlayoutDecision::kNormal) ++played;
      ASSERT_NE(frame.decision, PlayoutDecision::kConceal) << minute << " " << i;
    }
    ASSERT_EQ(played, sent) << minute;
  }
  EXPECT_GT(sent, 65'536);
  EXPECT_EQ(buffer.overflowed_packets(), 0u);
  EXPECT_LE(buffer.playout_delay(), Ms(25));
}

}  // namespace
}  // namespace byon::jitter
