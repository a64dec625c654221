#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/jitter/jitter_buffer.h"
#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::jitter {

using base::TimeDelta;
using base::Timestamp;
using ::testing::ElementsAre;

inline TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

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
  InsertOutcome Insert(int number, int64_t arrival_ms) { return Insert(number, arrival_ms, Options()); }
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
    const auto sequence = options.sequence_number.value_or(static_cast<uint16_t>(65'530 + number));
    const uint32_t timestamp = options.timestamp.value_or(0xffff'fc00u + static_cast<uint32_t>(number) * kDuration);
    rtp::RtpPacketBuilder builder(packet, {false, {96}, {sequence}, {timestamp}, {options.ssrc}});
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
          played.push_back(std::to_integer<int>(frame.payload[0]) << 8 | std::to_integer<int>(frame.payload[1]));
          break;
        case PlayoutDecision::kConceal: played.push_back(frame.redundancy.empty() ? -1 : -3); break;
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

}  // namespace byon::jitter
