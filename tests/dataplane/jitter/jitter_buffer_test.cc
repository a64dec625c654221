#include "dataplane/jitter/jitter_buffer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::jitter {
namespace {

using base::TimeDelta;
using base::Timestamp;
using ::testing::ElementsAre;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

// AMR-WB-like: 20 ms packets of a 16 kHz clock; the payload's octets spell the packet's number.
class JitterBufferTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kClock = 16'000;
  static constexpr uint32_t kDuration = 320;
  static constexpr uint32_t kSsrc = 0x1111;

  struct Options {
    uint32_t ssrc = kSsrc;
    bool is_dtx = false;
    bool has_redundancy = false;
    size_t payload_bytes = 2;
    std::optional<uint32_t> timestamp;  // absent: by the number
    std::optional<uint16_t> sequence_number;
  };

  // Packet `number` of the stream, arriving at `arrival_ms` of the test's time.
  InsertOutcome Insert(int number, int64_t arrival_ms) {
    return Insert(number, arrival_ms, Options());
  }
  InsertOutcome Insert(int number, int64_t arrival_ms, const Options& options) {
    const Timestamp arrival = At(arrival_ms);
    const std::vector<std::byte> packet = Build(number, options);
    const auto view = rtp::RtpPacketView::Parse(packet);
    BYON_CHECK(view.ok(), "the test builds valid RTP");
    return buffer_.Insert(*view, {kDuration, options.is_dtx, options.has_redundancy}, arrival);
  }
  InsertOutcome InsertEvent(int number, int64_t arrival_ms) {
    const std::vector<std::byte> packet = Build(number, Options());
    return buffer_.InsertOther(*rtp::RtpPacketView::Parse(packet), At(arrival_ms));
  }

  std::vector<std::byte> Build(int number, const Options& options) {
    std::vector<std::byte> packet(12 + options.payload_bytes);
    const auto sequence =
        options.sequence_number.value_or(static_cast<uint16_t>(65'530 + number));
    const uint32_t timestamp =
        options.timestamp.value_or(0xffff'fc00u + static_cast<uint32_t>(number) * kDuration);
    rtp::RtpPacketBuilder builder(packet,
                                  {false, {96}, {sequence}, {timestamp}, {options.ssrc}});
    std::vector<std::byte> payload(options.payload_bytes);
    payload[0] = static_cast<std::byte>(number >> 8);
    payload[1] = static_cast<std::byte>(number & 0xff);
    builder.SetPayload(payload);
    BYON_CHECK(builder.Finish().has_value(), "it fits");
    return packet;
  }

  // One tick with nothing left from before: the numbers of decoded packets, -1 concealed, -2 comfort
  // noise, -3 recovered, or nothing.
  std::vector<int> Pop(int64_t at_ms) {
    std::vector<int> played;
    uint32_t buffered = 0;
    while (buffered < kDuration) {
      const PlayoutFrame frame = buffer_.PopFrame(At(at_ms), buffered);
      if (frame.decision == PlayoutDecision::kNothing) break;
      buffered += frame.duration;
      switch (frame.decision) {
        case PlayoutDecision::kNormal:
          played.push_back(std::to_integer<int>(frame.payload[0]) << 8 |
                           std::to_integer<int>(frame.payload[1]));
          break;
        case PlayoutDecision::kConceal:
          played.push_back(frame.redundancy.empty() ? -1 : -3);
          break;
        case PlayoutDecision::kComfortNoise: played.push_back(-2); break;
        case PlayoutDecision::kNothing: break;
      }
    }
    return played;
  }

  // Packet n arrives at 20 * n ms, ticks are 5 ms later; plays until packet `last` has been played.
  void PlayCleanUntil(int last) {
    for (int i = 0; i <= last + 1; ++i) {
      EXPECT_EQ(Insert(i, i * 20), InsertOutcome::kInserted);
      const auto played = Pop(i * 20 + 5);
      if (i == 0) {
        EXPECT_THAT(played, ElementsAre());
      } else {
        EXPECT_THAT(played, ElementsAre(i - 1));
      }
    }
  }

  static Timestamp At(int64_t ms) { return Timestamp::FromMilliseconds(100'000 + ms); }

  JitterBuffer buffer_{kClock};
};

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

TEST_F(JitterBufferTest, AGapOfTheSenderIsSilenceNotLoss) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  // SID, then 160 ms without a packet, then speech: sequence numbers go on.
  const uint32_t sid = 0xffff'fc00u + 7 * kDuration;
  Insert(7, 140, {.is_dtx = true});
  EXPECT_THAT(Pop(165), ElementsAre(7));
  for (int i = 8; i < 15; ++i) EXPECT_THAT(Pop(i * 20 + 25), ElementsAre(-2)) << i;
  Insert(8, 300, {.timestamp = sid + 8 * kDuration});
  EXPECT_THAT(Pop(325), ElementsAre(8));
}

TEST_F(JitterBufferTest, ALostStartOfSilenceIsSilenceAfterOnePacket) {
  PlayCleanUntil(5);
  (void)Pop(125);
  // Packet 7 said that silence begins; nobody knows, and play-out waits for it.
  for (int64_t at = 145; at < 300; at += 20) EXPECT_THAT(Pop(at), ElementsAre(-1));
  Insert(8, 300, {.is_dtx = true, .timestamp = 0xffff'fc00u + 15 * kDuration});
  EXPECT_THAT(Pop(305), ElementsAre(-2));
  PlayoutFrame frame;
  for (int64_t at = 325; frame.decision != PlayoutDecision::kNormal && at < 500; at += 20) {
    frame = buffer_.PopFrame(At(at), 0);
  }
  // One packet was lost, and the other seven of the eight were what it announced.
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_EQ(frame.lost_before, kDuration);
}

TEST_F(JitterBufferTest, SaysHowMuchOfTheWaitingWasSilence) {
  PlayCleanUntil(5);
  (void)Pop(125);
  for (int64_t at = 145; at < 300; at += 20) {
    EXPECT_TRUE(buffer_.PopFrame(At(at), 0).is_undecided);
  }
  Insert(8, 300, {.is_dtx = true, .timestamp = 0xffff'fc00u + 15 * kDuration});
  const PlayoutFrame frame = buffer_.PopFrame(At(305), 0);
  EXPECT_FALSE(frame.is_undecided);
  EXPECT_EQ(frame.silent_before, 7 * kDuration);
}

TEST_F(JitterBufferTest, ALostSidIsStillSilence) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(7, 140, {.is_dtx = true});
  EXPECT_THAT(Pop(165), ElementsAre(7));
  const uint32_t sid = 0xffff'fc00u + 7 * kDuration;
  for (int i = 8; i < 22; ++i) EXPECT_THAT(Pop(i * 20 + 25), ElementsAre(-2)) << i;
  Insert(9, 460, {.is_dtx = true, .timestamp = sid + 16 * kDuration});
  EXPECT_THAT(Pop(485), ElementsAre(9));
}

TEST_F(JitterBufferTest, ATalkSpurtWaitsForTheTargetAfresh) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(7, 140, {.is_dtx = true});
  EXPECT_THAT(Pop(165), ElementsAre(7));
  const uint32_t sid = 0xffff'fc00u + 7 * kDuration;
  // 12 ms before the tick: with the usual 5 ms of jitter that is early enough, no need for 32 ms.
  for (int i = 8; i < 16; ++i) EXPECT_THAT(Pop(i * 20 + 25), ElementsAre(-2)) << i;
  Insert(8, 333, {.timestamp = sid + 9 * kDuration + 13 * 16});
  EXPECT_THAT(Pop(345), ElementsAre(-2));
  EXPECT_THAT(Pop(365), ElementsAre(8));
}

// A reader that was away for a second finds more than it may keep, and an event among it: wherever that
// stands, it is never given out as audio.
TEST_F(JitterBufferTest, AnEventIsNoAudioAfterTooMuchWasCut) {
  constexpr int kPackets = 60;
  for (int event = 1; event < kPackets - 1; ++event) {
    buffer_ = JitterBuffer(kClock);
    for (int i = 0; i < kPackets; ++i) {
      if (i == event) {
        InsertEvent(i, i * 20);
      } else {
        Insert(i, i * 20);
      }
    }
    const PlayoutFrame frame = buffer_.PopFrame(At(kPackets * 20), 0);
    ASSERT_EQ(frame.decision, PlayoutDecision::kNormal) << event;
    EXPECT_EQ(frame.payload_type, 96) << event;
    EXPECT_EQ(frame.payload.size(), 2u) << event;
  }
}

TEST_F(JitterBufferTest, EventsBetweenAudioAreNoLoss) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  EXPECT_EQ(InsertEvent(7, 140), InsertOutcome::kInserted);
  EXPECT_EQ(InsertEvent(7, 141), InsertOutcome::kDuplicate);
  InsertEvent(8, 160);
  InsertEvent(9, 180);
  Insert(10, 200);
  const auto at_165 = Pop(165);
  EXPECT_THAT(at_165, ElementsAre(-2));
  EXPECT_THAT(Pop(185), ElementsAre(-2));
  EXPECT_THAT(Pop(205), ElementsAre(-2));
  EXPECT_THAT(Pop(225), ElementsAre(10));
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
  EXPECT_EQ(Insert(100, 140, {.ssrc = 0x2222, .timestamp = 77, .sequence_number = 9}),
            InsertOutcome::kInserted);
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
  EXPECT_EQ(Insert(50, 140, {.timestamp = 5000, .sequence_number = 30'000}),
            InsertOutcome::kSequenceJump);
  EXPECT_EQ(Insert(51, 160, {.timestamp = 5000 + kDuration, .sequence_number = 30'001}),
            InsertOutcome::kInserted);
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
  EXPECT_EQ(Insert(60, 60'000, {.timestamp = 123, .sequence_number = 4}),
            InsertOutcome::kInserted);
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
  const auto at = [&](int64_t late_ms) {
    return buffer_.NextAdjustment(At(301 * 20 + 5 + late_ms), kDuration);
  };
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

// ---- Copies (RFC 2198) ------------------------------------------------------------------------------

class CopyTest : public JitterBufferTest {
 protected:
  bool InsertCopy(int number, int64_t arrival_ms) { return InsertCopy(number, arrival_ms, Options()); }
  bool InsertCopy(int number, int64_t arrival_ms, const Options& options) {
    const std::vector<std::byte> packet = Build(number, options);
    const auto view = rtp::RtpPacketView::Parse(packet);
    return buffer_.InsertCopy(StreamPacket::Of(*view), {kDuration, false, options.has_redundancy},
                              At(arrival_ms));
  }
};

TEST_F(CopyTest, FillsTheGapOfALostPacket) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(8, 160);
  EXPECT_TRUE(InsertCopy(7, 160));
  EXPECT_FALSE(InsertCopy(7, 160));
  EXPECT_EQ(Insert(7, 161), InsertOutcome::kDuplicate);
  const PlayoutFrame frame = buffer_.PopFrame(At(165), 0);
  EXPECT_EQ(frame.decision, PlayoutDecision::kNormal);
  EXPECT_TRUE(frame.is_copy);
  EXPECT_THAT(Pop(185), ElementsAre(8));
}

TEST_F(CopyTest, OfWhatIsThereOrPastIsIgnored) {
  EXPECT_FALSE(InsertCopy(0, 0));  // no stream yet
  PlayCleanUntil(5);
  Insert(7, 140);
  for (int old = -3; old <= 7; ++old) EXPECT_FALSE(InsertCopy(old, 141)) << old;
  EXPECT_FALSE(InsertCopy(8, 141));  // not before its packet
  EXPECT_FALSE(InsertCopy(6, 141, {.ssrc = 99}));
}

TEST_F(CopyTest, WithAWrongNumberIsToldByItsTimestamp) {
  PlayCleanUntil(5);
  EXPECT_THAT(Pop(145), ElementsAre(6));
  Insert(9, 180);
  // It claims to be 8, but its time is that of 9, or half way between 7 and 8.
  const uint32_t eight = 0xffff'fc00u + 8 * kDuration;
  EXPECT_FALSE(InsertCopy(8, 181, {.timestamp = eight + kDuration}));
  EXPECT_FALSE(InsertCopy(8, 181, {.timestamp = eight + kDuration / 2}));
  EXPECT_TRUE(InsertCopy(8, 181));
}

TEST_F(CopyTest, AreWaitedForWhenPacketsAreLost) {
  for (int i = 0; i < 600; ++i) {
    if (i % 10 == 9) {
      (void)Pop(i * 20 + 5);
      continue;
    }
    Insert(i, i * 20, {.has_redundancy = true});
    if (i % 10 == 0 && i > 0) InsertCopy(i - 1, i * 20);
    const auto played = Pop(i * 20 + 5);
    if (i < 400) continue;
    EXPECT_THAT(played, ElementsAre(i - 1)) << i;
  }
  // What the jitter asks for, and a packet more.
  EXPECT_EQ(buffer_.target_delay(), Ms(25));
}

// Two packets in a row are lost, the second comes as a copy, which may repeat the first (Opus FEC): that is two
// packets late, so play-out waits for it as long as this goes on.
TEST_F(CopyTest, ThatRepeatWhatWasLostBeforeThemAreWaitedForLonger) {
  int number = 0;
  const auto talk = [&](int packets, bool loses, bool has_redundancy) {
    int concealed = 0;
    for (const int last = number + packets; number < last; ++number) {
      const int64_t now = int64_t{number} * 20;
      const int place = loses ? number % 50 : 10;
      if (place < 48) Insert(number, now, {.has_redundancy = has_redundancy});
      if (place == 0 && number > 0) InsertCopy(number - 1, now, {.has_redundancy = has_redundancy});
      for (const int one : Pop(now + 5)) concealed += one == -1;
    }
    return concealed;
  };
  (void)talk(300, true, true);
  EXPECT_EQ(buffer_.target_delay(), Ms(45));  // what the jitter asks for, and two packets
  EXPECT_EQ(talk(500, true, true), 0);
  (void)talk(2000, false, true);
  EXPECT_EQ(buffer_.target_delay(), Ms(5));
  // What the copies do not repeat is not worth waiting for.
  buffer_.Reset(kClock, false);
  (void)talk(1000, true, false);
  EXPECT_LE(buffer_.target_delay(), Ms(25));
}

// ---- Days -------------------------------------------------------------------------------------------

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
        rtp::RtpPacketBuilder builder(packet, {i == 0,
                                               {111},
                                               {static_cast<uint16_t>(65'000 + sent)},
                                               {static_cast<uint32_t>(units)},
                                               {7}});
        builder.SetPayload(std::array<std::byte, 2>{});
        ++sent;
        const auto view = rtp::RtpPacketView::Parse(*builder.Finish());
        ASSERT_EQ(buffer.Insert(*view, {960, i == 49, false}, now), InsertOutcome::kInserted)
            << minute << " " << i;
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
