// Packets that hold many frames are given out a tick at a time, so that little waits decoded.
#include "dataplane/base/random.h"
#include "tests/dataplane/jitter/jitter_buffer_fixture.h"

namespace byon::jitter {
namespace {

constexpr uint32_t kClock = 16'000;
constexpr uint32_t kTickUnits = kClock / 50;

Timestamp At(int64_t ms) { return Timestamp::FromMilliseconds(100'000 + ms); }

// Packets of `packet_ms`, one after the other; their payload is their number.
class LongPackets {
 public:
  explicit LongPackets(int packet_ms, size_t bytes = 1) : packet_ms_(packet_ms), bytes_(bytes) {}

  InsertOutcome Arrive(int number, int64_t at_ms, bool is_dtx = false) {
    const std::vector<std::byte> payload(bytes_, static_cast<std::byte>(number));
    StreamPacket packet;
    packet.ssrc = {1};
    packet.sequence_number = {static_cast<uint16_t>(65'533 + number)};
    packet.timestamp = {0xffff'f000u + static_cast<uint32_t>(number) * duration()};
    packet.payload = payload;
    const PacketTraits traits{.duration = duration(), .is_dtx = is_dtx, .plays_in_parts = true};
    return buffer_.Insert(packet, traits, At(at_ms));
  }
  // What a tick with nothing left from before plays.
  std::vector<PlayoutFrame> Tick(int64_t at_ms) {
    std::vector<PlayoutFrame> frames;
    for (uint32_t buffered = 0; buffered < kTickUnits;) {
      const PlayoutFrame frame = buffer_.PopFrame(At(at_ms), buffered);
      if (frame.decision == PlayoutDecision::kNothing) break;
      EXPECT_LE(frame.duration, kTickUnits * 3 / 2);
      frames.push_back(frame);
      buffered += frame.duration;
    }
    return frames;
  }
  uint32_t duration() const { return kClock / 1000 * static_cast<uint32_t>(packet_ms_); }
  JitterBuffer& buffer() { return buffer_; }

 private:
  const int packet_ms_;
  const size_t bytes_;
  JitterBuffer buffer_{kClock};
};

TEST(JitterPartsTest, ALongPacketIsPlayedTickByTick) {
  LongPackets stream(240);
  for (int number = 0; number < 4; ++number) {
    ASSERT_EQ(stream.Arrive(number, number * 240), InsertOutcome::kInserted);
    for (uint32_t part = 0; part < 12; ++part) {
      const auto frames = stream.Tick(number * 240 + 5 + static_cast<int>(part) * 20);
      if (number == 0 && frames.empty()) continue;  // the delay is being learnt
      ASSERT_EQ(frames.size(), 1u);
      EXPECT_EQ(frames[0].decision, PlayoutDecision::kNormal);
      EXPECT_EQ(frames[0].duration, kTickUnits);
      EXPECT_EQ(frames[0].payload.size(), 1u);
      EXPECT_EQ(frames[0].is_rest, frames[0].skip != 0);
      EXPECT_EQ(frames[0].is_part, frames[0].skip + kTickUnits != stream.duration());
    }
  }
}

// 240 ms of G.711 are 1,920 bytes, three of them more than is kept: the one that is being played is not what goes.
TEST(JitterPartsTest, WhatIsBeingPlayedStaysWhenThereIsNoRoom) {
  LongPackets stream(160, 1400);
  int number = 0;
  int64_t now = 5;
  std::vector<PlayoutFrame> played;
  for (; played.empty(); now += 160) {
    ASSERT_EQ(stream.Arrive(number++, now), InsertOutcome::kInserted);
    played = stream.Tick(now);
  }
  ASSERT_TRUE(played[0].is_part);
  for (int i = 0; i < 3; ++i) stream.Arrive(number++, now);
  EXPECT_GT(stream.buffer().overflowed_packets(), 0u);
  const auto next = stream.Tick(now);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_TRUE(next[0].is_rest);
  EXPECT_EQ(next[0].skip, kTickUnits);
}

// So that what bridges the gap has all of it.
TEST(JitterPartsTest, AGapOfOnePartIsOnePiece) {
  LongPackets stream(30);
  std::vector<PlayoutFrame> concealed;
  for (int number = 0; number < 80; ++number) {
    if (number != 60) stream.Arrive(number, number * 30);
    // The successor is there before its turn, as with some jitter.
    if (number == 60) stream.Arrive(number + 1, number * 30);
    for (const PlayoutFrame& frame : stream.Tick(number * 30 + 5)) {
      if (frame.decision == PlayoutDecision::kConceal) concealed.push_back(frame);
    }
  }
  ASSERT_EQ(concealed.size(), 1u);
  EXPECT_EQ(concealed[0].duration, kTickUnits * 3 / 2);
  EXPECT_FALSE(concealed[0].next_payload.empty());
}

TEST(JitterPartsTest, ALostPacketIsConcealedTickByTick) {
  LongPackets stream(60);
  std::vector<PlayoutFrame> concealed;
  for (int number = 0; number < 40; ++number) {
    if (number != 30) stream.Arrive(number, number * 60);
    for (int tick = 0; tick < 3; ++tick) {
      for (const PlayoutFrame& frame : stream.Tick(number * 60 + 5 + tick * 20)) {
        if (frame.decision == PlayoutDecision::kConceal) concealed.push_back(frame);
      }
    }
  }
  // However much of it was given out before it was known to be lost, it is 60 ms in all.
  ASSERT_EQ(concealed.size(), 3u);
  for (const PlayoutFrame& frame : concealed) EXPECT_EQ(frame.duration, kTickUnits);
  EXPECT_TRUE(concealed[0].next_payload.empty());
}

// Whatever is lost, late or of odd length: no time is played twice or left out.
TEST(JitterPartsTest, EveryUnitIsPlayedOnce) {
  for (const int packet_ms : {25, 30, 35, 45, 60, 80, 110, 240}) {
    base::Random random(static_cast<uint64_t>(packet_ms));
    LongPackets stream(packet_ms);
    std::vector<bool> is_lost(200);
    for (size_t i = 20; i < 180; ++i) is_lost[i] = random.NextBelow(10) == 0;
    int64_t played = 0;
    uint64_t next_in_packet = 0;
    int number = 0;
    uint32_t left = 0;
    for (int64_t now = 0; number < 200; now += 20) {
      for (; number < 200 && number * packet_ms <= now; ++number) {
        if (!is_lost[static_cast<size_t>(number)]) stream.Arrive(number, number * packet_ms);
      }
      while (left < kTickUnits) {
        const PlayoutFrame frame = stream.buffer().PopFrame(At(now + 7), left);
        if (frame.decision == PlayoutDecision::kNothing) break;
        ASSERT_LE(frame.duration, kTickUnits * 3 / 2);
        if (frame.is_rest) {
          EXPECT_EQ(frame.skip, next_in_packet);
        }
        if (frame.decision == PlayoutDecision::kNormal) next_in_packet = frame.skip + frame.duration;
        played += frame.duration;
        left += frame.duration;
      }
      left -= std::min(left, kTickUnits);
    }
    // All but what waits, and what waited for late packets that never came.
    const int64_t sent = 200 * int64_t{stream.duration()};
    EXPECT_NEAR(static_cast<double>(played), static_cast<double>(sent), kClock * 0.6) << packet_ms;
    EXPECT_EQ(stream.buffer().overflowed_packets(), 0u) << packet_ms;
  }
}

}  // namespace
}  // namespace byon::jitter
