#include "tests/dataplane/jitter/jitter_buffer_fixture.h"

namespace byon::jitter {
namespace {

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
  EXPECT_FALSE(frame.is_behind_loss) << "a decoder must not take it for what follows the lost packet";
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

}  // namespace
}  // namespace byon::jitter
