#include "tests/dataplane/jitter/jitter_buffer_fixture.h"

namespace byon::jitter {
namespace {

class CopyTest : public JitterBufferTest {
 protected:
  bool InsertCopy(int number, int64_t arrival_ms) { return InsertCopy(number, arrival_ms, Options()); }
  bool InsertCopy(int number, int64_t arrival_ms, const Options& options) {
    const std::vector<std::byte> packet = Build(number, options);
    const auto view = rtp::RtpPacketView::Parse(packet);
    return buffer_.InsertCopy(StreamPacket::Of(*view), {kDuration, false, options.has_redundancy}, At(arrival_ms));
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

}  // namespace
}  // namespace byon::jitter
