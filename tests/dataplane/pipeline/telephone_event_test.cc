#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dataplane/pipeline/dtmf_sender.h"
#include "dataplane/pipeline/telephone_event_receiver.h"
#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::test {
namespace {

using pipeline::DtmfPacket;
using pipeline::DtmfReceived;
using pipeline::DtmfSender;
using pipeline::EventProgress;
using pipeline::TelephoneEventReceiver;
using ::testing::ElementsAre;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

// ---- Sending ----------------------------------------------------------------------------------------

std::vector<DtmfPacket> SendAll(DtmfSender& sender, uint32_t clock_rate_hz, int ticks) {
  std::vector<DtmfPacket> packets;
  rtp::RtpTimestamp timestamp{1000};
  for (int i = 0; i < ticks; ++i, timestamp = timestamp + clock_rate_hz / 50) {
    if (const auto packet = sender.NextPacket(timestamp, clock_rate_hz)) {
      packets.push_back(*packet);
    }
  }
  return packets;
}

TEST(DtmfSenderTest, OneDigitHasUpdatesAndThreeEnds) {
  DtmfSender sender;
  ASSERT_TRUE(sender.Queue("7", Ms(100), Ms(70)));
  const auto packets = SendAll(sender, 8000, 20);
  ASSERT_EQ(packets.size(), 7u);
  for (size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(packets[i].report.event, 7);
    EXPECT_EQ(packets[i].timestamp.value, 1000u);
    EXPECT_EQ(packets[i].marker, i == 0);
    EXPECT_EQ(packets[i].report.is_end, i >= 4);
    EXPECT_EQ(packets[i].report.duration, std::min<size_t>(i + 1, 5) * 160);
  }
  EXPECT_TRUE(sender.is_idle());
  EXPECT_EQ(sender.digits_sent(), 1u);
}

TEST(DtmfSenderTest, LengthsBetweenTicksAreExact) {
  DtmfSender sender;
  ASSERT_TRUE(sender.Queue("#", Ms(150), Ms(70)));
  const auto packets = SendAll(sender, 16'000, 30);
  EXPECT_EQ(packets.back().report.duration, 2400);
  EXPECT_EQ(packets.back().report.event, 11);
}

TEST(DtmfSenderTest, DigitsKeepTheirGap) {
  DtmfSender sender;
  ASSERT_TRUE(sender.Queue("12", Ms(100), Ms(100)));
  const auto packets = SendAll(sender, 8000, 40);
  ASSERT_EQ(packets.size(), 14u);
  // 1 lasts 100 ms, then 100 ms without an event.
  EXPECT_EQ((packets[7].timestamp - packets[0].timestamp) / 8, 200);
}

TEST(DtmfSenderTest, LongEventsGoOnInSegments) {
  DtmfSender sender;
  ASSERT_TRUE(sender.Queue("5", Ms(3000), Ms(70)));
  const auto packets = SendAll(sender, 48'000, 200);
  // 65535 units are 1365 ms: three segments, each starting where the last one ended.
  uint32_t segment_start = packets[0].timestamp.value;
  uint32_t last_duration = 0;
  int segments = 1;
  for (const DtmfPacket& packet : packets) {
    if (packet.timestamp.value != segment_start) {
      EXPECT_EQ(packet.timestamp.value, segment_start + last_duration);
      EXPECT_FALSE(packet.marker);
      segment_start = packet.timestamp.value;
      ++segments;
    }
    last_duration = packet.report.duration;
  }
  EXPECT_EQ(segments, 3);
  EXPECT_EQ(segment_start + last_duration - packets[0].timestamp.value, 3000u * 48);
}

TEST(DtmfSenderTest, OnlyDigitsAndOnlyAsManyAsFit) {
  DtmfSender sender;
  EXPECT_FALSE(sender.Queue("12x", Ms(100), Ms(70)));
  EXPECT_TRUE(sender.is_idle());
  EXPECT_TRUE(sender.Queue("0123456789*#ABCDabcd", Ms(100), Ms(70)));
  EXPECT_FALSE(sender.Queue("0123456789012", Ms(100), Ms(70)));
  EXPECT_TRUE(sender.Queue("012345678901", Ms(100), Ms(70)));
}

TEST(DtmfSenderTest, ARelayedEventLastsUntilItsEndIsKnown) {
  DtmfSender sender;
  ASSERT_TRUE(sender.StartRelayed(3, 15));
  auto packets = SendAll(sender, 8000, 10);
  EXPECT_EQ(packets.size(), 10u);
  EXPECT_FALSE(packets.back().report.is_end);
  EXPECT_EQ(packets.back().report.volume, 15);
  sender.EndRelayed(Ms(210));
  packets = SendAll(sender, 8000, 10);
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_TRUE(packets[0].report.is_end);
  EXPECT_EQ(packets[0].report.duration, 210 * 8);
  EXPECT_TRUE(sender.is_idle());
}

TEST(DtmfSenderTest, AVeryShortEventIsStillRecognisable) {
  DtmfSender sender;
  ASSERT_TRUE(sender.StartRelayed(3, 10));
  sender.EndRelayed(Ms(5));
  const auto packets = SendAll(sender, 8000, 10);
  EXPECT_EQ(packets.back().report.duration, 40 * 8);  // ITU-T Q.24: 40 ms
}

// ---- Receiving --------------------------------------------------------------------------------------

class TelephoneEventReceiverTest : public ::testing::Test {
 protected:
  EventProgress Packet(uint32_t timestamp, uint16_t duration, bool is_end = false, uint8_t event = 5,
                       bool marker = false) {
    now_ += Ms(20);
    return receiver_.OnPacket({event, is_end, 10, duration}, {timestamp}, marker, 8000, now_);
  }
  TelephoneEventReceiver receiver_;
  Timestamp now_ = Timestamp::FromMilliseconds(1000);
};

TEST_F(TelephoneEventReceiverTest, RepeatedEndsAreOneEvent) {
  EXPECT_TRUE(Packet(500, 160, false, 5, true).has_started);
  EXPECT_FALSE(Packet(500, 320).has_started);
  const EventProgress end = Packet(500, 800, true);
  EXPECT_TRUE(end.has_ended);
  EXPECT_EQ(end.duration, Ms(100));
  EXPECT_FALSE(Packet(500, 800, true).has_ended);
  EXPECT_FALSE(Packet(500, 800, true).has_started);
  EXPECT_FALSE(Packet(500, 480).has_started);  // an update that came late
}

TEST_F(TelephoneEventReceiverTest, TheEndAloneIsTheWholeEvent) {
  const EventProgress end = Packet(500, 800, true);
  EXPECT_TRUE(end.has_started);
  EXPECT_TRUE(end.has_ended);
  EXPECT_EQ(end.duration, Ms(100));
}

TEST_F(TelephoneEventReceiverTest, ALostEndIsNoticedByTheNextEvent) {
  Packet(500, 160);
  Packet(500, 480);
  const EventProgress next = Packet(4000, 160, false, 6, true);
  EXPECT_TRUE(next.has_ended_former);
  EXPECT_EQ(next.former_event, 5);
  EXPECT_EQ(next.former_duration, Ms(60));
  EXPECT_TRUE(next.has_started);
  EXPECT_EQ(next.event, 6);
}

TEST_F(TelephoneEventReceiverTest, ALostEndIsNoticedByTime) {
  Packet(500, 480);
  EXPECT_FALSE(receiver_.OnTick(now_ + Ms(200)).has_value());
  const auto ended = receiver_.OnTick(now_ + Ms(260));
  ASSERT_TRUE(ended.has_value());
  EXPECT_TRUE(ended->has_ended);
  EXPECT_EQ(ended->duration, Ms(60));
  EXPECT_FALSE(receiver_.is_active());
}

TEST_F(TelephoneEventReceiverTest, SegmentsAreOneLongEvent) {
  Packet(500, 0xffff);
  const EventProgress second = Packet(500 + 0xffff, 160);
  EXPECT_FALSE(second.has_started);
  EXPECT_FALSE(second.has_ended_former);
  const EventProgress end = Packet(500 + 0xffff, 1600, true);
  EXPECT_TRUE(end.has_ended);
  EXPECT_EQ(end.duration.milliseconds(), (65535 + 1600) / 8);
}

TEST_F(TelephoneEventReceiverTest, TheSameDigitTwiceIsTwoEvents) {
  EXPECT_TRUE(Packet(500, 800, true).has_ended);
  EXPECT_TRUE(Packet(2500, 160, false, 5, true).has_started);
  EXPECT_TRUE(Packet(2500, 800, true).has_ended);
}

TEST_F(TelephoneEventReceiverTest, TimestampsThatWentRoundAreNotThePast) {
  EXPECT_TRUE(Packet(500, 800, true).has_ended);
  now_ += TimeDelta::Seconds(3600);
  // More than half the circle later, as at 48 kHz after 13 hours.
  EXPECT_TRUE(Packet(500 + 0x9000'0000u, 160).has_started);
}

TEST_F(TelephoneEventReceiverTest, AnOpenEventEndsWithItsSource) {
  Packet(500, 480);
  receiver_.Reset();
  ASSERT_TRUE(receiver_.OnTick(now_).has_value());
  EXPECT_TRUE(Packet(100, 160).has_started);  // of the new source, any timestamp
  receiver_.Reset();
  const EventProgress next = Packet(50, 160);  // before anybody looked at the clock
  EXPECT_TRUE(next.has_ended_former);
  EXPECT_TRUE(next.has_started);
}

// ---- Through the pipeline ---------------------------------------------------------------------------

struct RelayCase {
  std::string name;
  pipeline::StreamFormat receive;
  uint32_t receive_clock;
  pipeline::StreamFormat send;
  uint32_t send_clock;
};

class DtmfRelayTest : public ::testing::TestWithParam<RelayCase> {};
INSTANTIATE_TEST_SUITE_P(Clocks, DtmfRelayTest,
                         ::testing::Values(RelayCase{"ChromiumToAmrWb", OpusFormat(), 48'000, AmrWbFormat(), 16'000},
                                           RelayCase{"FirefoxToAmrWb", OpusFormat(), 8000, AmrWbFormat(), 16'000},
                                           RelayCase{"AmrWbToChromium", AmrWbFormat(), 16'000, OpusFormat(), 48'000},
                                           RelayCase{"AmrToFirefox", AmrFormat(), 8000, OpusFormat(), 8000}),
                         [](const auto& relay) { return relay.param.name; });

// Presses a key for `ms`; audio stops meanwhile, as with browsers. Returns its packets.
void Press(PipelineHarness& call, uint8_t payload_type, uint8_t event, int ms, uint32_t clock, int lose_from = 100,
           int lose_to = 100) {
  const uint32_t start = call.sender.timestamp();
  const int updates = ms / 20;
  for (int i = 1; i <= updates + 2; ++i) {
    const bool is_end = i >= updates;
    const auto duration = static_cast<uint16_t>(std::min(i, updates) * 20 * int(clock) / 1000);
    const Bytes packet = call.sender.Event(payload_type, {event, is_end, 10, duration}, start, i == 1);
    call.sender.PassSilence();
    const bool is_lost = i >= lose_from && i <= lose_to;
    call.Step(is_lost ? std::nullopt : std::optional(packet));
  }
}

TEST_P(DtmfRelayTest, KeysArriveWholeAndAudioGoesOn) {
  const RelayCase& relay = GetParam();
  PipelineHarness call(WithEvents(relay.receive, 101, relay.receive_clock),
                       WithEvents(relay.send, 99, relay.send_clock));
  SineSource sine(call.sender.sample_rate_hz(), 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  const std::string keys = "159#";
  for (const char key : keys) {
    Press(call, 101, *rtp::EventFromDigit(key), 160, relay.receive_clock);
    call.Run(Ms(400), talk);
  }

  std::string reported;
  for (const auto& event : call.Events()) {
    if (const auto* dtmf = std::get_if<DtmfReceived>(&event)) {
      reported += dtmf->digit;
      EXPECT_EQ(dtmf->duration_ms, 160u);
    }
  }
  EXPECT_EQ(reported, keys);
  EXPECT_EQ(call.pipeline.stats().dtmf_received, 4u);
  EXPECT_EQ(call.pipeline.stats().dtmf_sent, 4u);

  std::string relayed;
  std::optional<uint32_t> event_start;
  int ends = 0;
  for (size_t i = 0; i < call.sink.packets.size(); ++i) {
    const SentPacket& packet = call.sink.packets[i];
    if (i > 0) {
      EXPECT_EQ(packet.sequence_number, static_cast<uint16_t>(call.sink.packets[i - 1].sequence_number + 1));
    }
    if (packet.payload_type != 99) continue;
    const auto report = rtp::TelephoneEvent::Parse(packet.payload);
    ASSERT_TRUE(report.has_value());
    if (event_start != packet.timestamp) {
      EXPECT_TRUE(packet.marker);
      relayed += *rtp::DigitFromEvent(report->event);
      event_start = packet.timestamp;
      ends = 0;
    }
    if (report->is_end) {
      ++ends;
      EXPECT_LE(ends, 3);
      EXPECT_EQ(report->duration, 160 * relay.send_clock / 1000);
    }
  }
  EXPECT_EQ(relayed, keys);
  // Each packet's timestamp is where its 20 ms are: audio after the events is on the audio's clock.
  const uint32_t units = codec::ClockRateHz(relay.send.codec.codec) / 50;
  const SentPacket& first = call.sink.packets.front();
  for (const SentPacket& packet : call.sink.packets) {
    if (packet.payload_type == 99) continue;
    EXPECT_EQ(packet.timestamp - first.timestamp, static_cast<uint32_t>((packet.at - first.at) / kTick) * units);
  }
  const auto audio = call.Decoded();
  const auto last = std::span(audio).last(static_cast<size_t>(call.decoded_rate_hz()) / 10);
  EXPECT_GT(FitTone(last, call.decoded_rate_hz(), 500).snr_db, 15);
  EXPECT_EQ(call.pipeline.stats().concealed_frames, 0u);
}

TEST(DtmfRelayLossTest, LostPacketsOfAnEventDoNotLoseTheDigit) {
  // The start, the middle, and all ends but the last are lost.
  const std::vector<std::pair<int, int>> losses = {{1, 1}, {1, 3}, {4, 6}, {8, 9}, {2, 9}};
  for (const auto& [from, to] : losses) {
    PipelineHarness call(WithEvents(OpusFormat(), 101, 48'000), WithEvents(AmrWbFormat(), 99, 16'000));
    SineSource sine(48'000, 500, 8000);
    const auto talk = [&](auto samples) { sine.Fill(samples); };
    call.Run(Ms(300), talk);
    Press(call, 101, 4, 160, 48'000, from, to);
    call.Run(Ms(600), talk);
    std::string digits;
    for (const auto& event : call.Events()) {
      if (const auto* dtmf = std::get_if<DtmfReceived>(&event)) {
        digits += dtmf->digit;
        EXPECT_EQ(dtmf->duration_ms, 160u);
      }
    }
    EXPECT_EQ(digits, "4") << from << " to " << to;
    EXPECT_EQ(call.pipeline.stats().dtmf_sent, 1u);
  }
}

TEST(DtmfRelayLossTest, AllEndsLostStillEndsTheDigit) {
  PipelineHarness call(WithEvents(OpusFormat(), 101, 48'000), WithEvents(AmrWbFormat(), 99, 16'000));
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(300), talk);
  Press(call, 101, 4, 160, 48'000, 8, 10);
  call.Run(Ms(600), talk);
  EXPECT_EQ(call.pipeline.stats().dtmf_received, 1u);
  EXPECT_EQ(call.pipeline.stats().dtmf_sent, 1u);
  const auto report = [&] {
    for (size_t i = call.sink.packets.size(); i-- > 0;) {
      if (call.sink.packets[i].payload_type == 99) {
        return *rtp::TelephoneEvent::Parse(call.sink.packets[i].payload);
      }
    }
    return rtp::TelephoneEvent{};
  }();
  EXPECT_TRUE(report.is_end);
}

TEST(DtmfSendTest, DigitsOfTheControlPlaneArePlayed) {
  PipelineHarness call(OpusFormat(), WithEvents(AmrWbFormat(), 99, 16'000));
  ASSERT_TRUE(call.pipeline.CanSendDtmf());
  ASSERT_TRUE(call.pipeline.SendDtmf("12*", Ms(100), Ms(70)));
  EXPECT_FALSE(call.pipeline.SendDtmf("1+2", Ms(100), Ms(70)));
  for (int i = 0; i < 50; ++i) call.Step(std::nullopt);  // without any audio
  EXPECT_EQ(call.pipeline.stats().dtmf_sent, 3u);
  PipelineHarness without(OpusFormat(), AmrWbFormat());
  EXPECT_FALSE(without.pipeline.CanSendDtmf());
  EXPECT_FALSE(without.pipeline.SendDtmf("1", Ms(100), Ms(70)));
}

TEST(DtmfSendTest, ThePayloadTypeOfTheAudiosClockIsUsed) {
  auto send = WithEvents(AmrWbFormat(), 100, 8000);
  send.telephone_events.PushBack({99, 16'000});
  PipelineHarness call(OpusFormat(), send);
  ASSERT_TRUE(call.pipeline.SendDtmf("1", Ms(100), Ms(70)));
  call.Step(std::nullopt);
  call.Step(std::nullopt);
  ASSERT_FALSE(call.sink.packets.empty());
  EXPECT_EQ(call.sink.packets[0].payload_type, 99);
}

}  // namespace
}  // namespace byon::test
