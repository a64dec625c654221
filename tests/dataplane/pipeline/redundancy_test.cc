// Redundant encodings (RFC 2198) through the whole pipeline.
#include <gtest/gtest.h>

#include <deque>

#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::test {
namespace {

using pipeline::DropReason;

constexpr uint8_t kRed = 63;

pipeline::StreamFormat WithRed(pipeline::StreamFormat format) {
  format.red_payload_type = kRed;
  return format;
}

// What a browser makes of its last packets: each repeats up to `copies` before it.
class RedSender {
 public:
  explicit RedSender(size_t copies) : copies_(copies) {}

  Bytes Wrap(const Bytes& packet) {
    const auto view = rtp::RtpPacketView::Parse(packet);
    const uint32_t timestamp = view->timestamp().value;
    Bytes payload;
    for (const Encoding& old : history_) {
      const uint32_t offset = timestamp - old.timestamp;
      if (offset > 16'383) continue;
      const uint32_t header =
          0x80000000u | uint32_t{old.type} << 24 | offset << 10 | static_cast<uint32_t>(old.bytes.size());
      for (int shift = 24; shift >= 0; shift -= 8) {
        payload.push_back(static_cast<std::byte>(header >> shift & 0xff));
      }
    }
    payload.push_back(static_cast<std::byte>(view->payload_type().value));
    for (const Encoding& old : history_) {
      if (timestamp - old.timestamp <= 16'383) {
        payload.insert(payload.end(), old.bytes.begin(), old.bytes.end());
      }
    }
    payload.insert(payload.end(), view->payload().begin(), view->payload().end());
    history_.push_back({timestamp, view->payload_type().value, {view->payload().begin(), view->payload().end()}});
    if (history_.size() > copies_) history_.pop_front();

    Bytes wrapped(rtp::kRtpFixedHeaderBytes + payload.size());
    rtp::RtpPacketBuilder builder(wrapped,
                                  {view->marker(), {kRed}, view->sequence_number(), view->timestamp(), view->ssrc()});
    builder.SetPayload(payload);
    BYON_CHECK(builder.Finish().has_value(), "the packet fits");
    return wrapped;
  }

 private:
  struct Encoding {
    uint32_t timestamp;
    uint8_t type;
    Bytes bytes;
  };
  size_t copies_;
  std::deque<Encoding> history_;
};

pipeline::PipelineStats Call(const pipeline::StreamFormat& format, size_t copies, const NetworkWeather& weather,
                             uint64_t seed, uint64_t* lost) {
  PipelineHarness call(WithRed(format), AmrWbFormat(), weather, seed);
  call.sink.keeps_packets = false;
  RedSender red(copies);
  SpeechSource speech(call.sender.sample_rate_hz());
  std::vector<int16_t> samples(codec::SamplesPerFrame(call.sender.sample_rate_hz()));
  for (int i = 0; i < 1500; ++i) {
    speech.Fill(samples);
    call.Step(red.Wrap(*call.sender.Speak(samples)));
  }
  *lost = call.network.lost();
  return call.pipeline.stats();
}

TEST(RedundancyTest, SingleLossesLeaveNoTraceOnceTheyAreKnown) {
  for (const double loss : {0.05, 0.1, 0.2}) {
    for (const auto& format : {OpusFormat(), G711Format(codec::Codec::kPcmu)}) {
      if (loss != 0.1 && format.codec.codec == codec::Codec::kOpus) continue;  // slower, not different
      uint64_t lost = 0;
      const auto stats = Call(format, 1, NetworkWeather::Loss(loss), 5, &lost);
      // Two in a row are more than one copy repairs; the first losses come before their price is known.
      const double doubles = loss * static_cast<double>(lost);
      EXPECT_LT(static_cast<double>(stats.concealed_frames), doubles * 1.5 + 20) << loss;
      EXPECT_GT(static_cast<double>(stats.recovered_frames), static_cast<double>(lost) - doubles * 1.5 - 20);
      EXPECT_LE(stats.playout_delay, TimeDelta::Milliseconds(60)) << loss;
      EXPECT_EQ(stats.drops[static_cast<size_t>(DropReason::kMalformedRedundancy)], 0u);
    }
  }
}

// Where packets pass as they are, copies end at the gateway: it has to use them itself.
TEST(RedundancyTest, ARelayedLossIsFilledByItsCopy) {
  PipelineHarness call(WithRed(OpusFormat()), OpusFormat());
  RedSender red(1);
  std::vector<int16_t> samples(codec::SamplesPerFrame(call.sender.sample_rate_hz()));
  SpeechSource speech(call.sender.sample_rate_hz());
  std::vector<Bytes> said;
  for (int i = 0; i < 50; ++i) {
    speech.Fill(samples);
    const Bytes plain = *call.sender.Speak(samples);
    const auto payload = rtp::RtpPacketView::Parse(plain)->payload();
    const bool is_lost = i == 10 || i == 20 || i == 21;
    if (i != 20) said.emplace_back(payload.begin(), payload.end());  // what can be known of it
    const Bytes wrapped = red.Wrap(plain);
    if (!is_lost) {
      EXPECT_FALSE(call.pipeline.Insert(*rtp::RtpPacketView::Parse(wrapped), call.now, &call.sink));
    }
    call.now += kTick;
  }
  const auto& sent = call.sink.packets;
  ASSERT_EQ(sent.size(), said.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].payload, said[i]) << i;
    const auto steps = static_cast<uint16_t>(sent[i].sequence_number - sent[0].sequence_number);
    EXPECT_EQ(steps, i < 20 ? i : i + 1) << "in order, and what is lost for good is missing";
    EXPECT_EQ(sent[i].timestamp - sent[0].timestamp, steps * 960u);
  }
  EXPECT_EQ(call.pipeline.stats().recovered_frames, 2u);
  EXPECT_EQ(call.pipeline.stats().concealed_frames, 1u);
}

TEST(RedundancyTest, WithoutLossItCostsNothing) {
  uint64_t lost = 0;
  const auto stats = Call(OpusFormat(), 2, NetworkWeather::Clean(), 5, &lost);
  EXPECT_EQ(stats.concealed_frames, 0u);
  EXPECT_EQ(stats.recovered_frames, 0u);
  EXPECT_EQ(stats.duplicate_packets, 0u);
  EXPECT_EQ(stats.late_packets, 0u);
  EXPECT_LE(stats.playout_delay, TimeDelta::Milliseconds(27));
}

class RedPacketTest : public ::testing::Test {
 protected:
  RedPacketTest()
      : call(WithRed(WithEvents(G711Format(codec::Codec::kPcmu), 101, 8000)), WithEvents(AmrWbFormat(), 97, 16'000)) {}

  std::optional<DropReason> Insert(const Bytes& payload) {
    return call.Insert(call.sender.Packet(kRed, payload, call.sender.timestamp(), false));
  }
  uint64_t drops(DropReason reason) const { return call.pipeline.stats().drops[static_cast<size_t>(reason)]; }
  static Bytes Red(std::initializer_list<int> header, size_t body_bytes) {
    Bytes payload;
    for (int octet : header) payload.push_back(static_cast<std::byte>(octet));
    payload.resize(payload.size() + body_bytes, std::byte{0xff});
    return payload;
  }
  PipelineHarness call;
};

TEST_F(RedPacketTest, BlocksThatRunPastTheEndAreCounted) {
  EXPECT_EQ(Insert(Red({0x80, 0x02, 0x80, 160, 0}, 100)), DropReason::kMalformedRedundancy);
  EXPECT_EQ(Insert({}), DropReason::kMalformedRedundancy);
  EXPECT_EQ(drops(DropReason::kMalformedRedundancy), 2u);
}

TEST_F(RedPacketTest, ABadCopyIsCountedAndTheRestIsTaken) {
  // PCMU 160 octets, its copy of an unknown payload type 50.
  EXPECT_EQ(Insert(Red({0x80 | 50, 0x02, 0x80, 160, 0}, 320)), std::nullopt);
  EXPECT_EQ(drops(DropReason::kMalformedRedundancy), 1u);
}

TEST_F(RedPacketTest, RedInRedIsRefused) {
  EXPECT_EQ(Insert(Red({kRed, 0}, 160)), DropReason::kUnknownPayloadType);
  EXPECT_EQ(Insert(Red({0x80 | kRed, 0x02, 0x80, 160, 0}, 320)), std::nullopt);
  EXPECT_EQ(drops(DropReason::kMalformedRedundancy), 1u);
}

TEST_F(RedPacketTest, AnEmptyPrimaryIsMalformed) { EXPECT_EQ(Insert(Red({0}, 0)), DropReason::kMalformedPayload); }

// RFC 4733 section 2.5.1.2: events repeated by RFC 2198, the way some gateways send them.
TEST_F(RedPacketTest, AnEventThatSurvivesOnlyAsACopyIsPlayed) {
  SpeechSource speech(8000);
  call.Run(TimeDelta::Milliseconds(400), [&](auto samples) { speech.Fill(samples); });
  // Digit 5, ended after 800 units, as the copy in an audio packet 320 units later.
  Bytes payload = Red({0x80 | 101, 320 >> 6, (320 & 63) << 2, 4, 0}, 0);
  for (int octet : {5, 0x8a, 800 >> 8, 800 & 0xff}) payload.push_back(static_cast<std::byte>(octet));
  payload.resize(payload.size() + 160, std::byte{0xff});
  EXPECT_EQ(Insert(payload), std::nullopt);
  const auto events = call.Events();
  ASSERT_FALSE(events.empty());
  const auto* digit = std::get_if<pipeline::DtmfReceived>(&events.back());
  ASSERT_NE(digit, nullptr);
  EXPECT_EQ(digit->digit, '5');
  EXPECT_EQ(digit->duration_ms, 100u);
  call.RunSilent(TimeDelta::Milliseconds(400));
  EXPECT_EQ(call.pipeline.stats().dtmf_sent, 1u);
}

TEST_F(RedPacketTest, AnEventAsThePrimaryIsAnEvent) {
  SpeechSource speech(8000);
  call.Run(TimeDelta::Milliseconds(400), [&](auto samples) { speech.Fill(samples); });
  Bytes payload = Red({101}, 0);
  for (int octet : {7, 0x8a, 800 >> 8, 800 & 0xff}) payload.push_back(static_cast<std::byte>(octet));
  EXPECT_EQ(Insert(payload), std::nullopt);
  EXPECT_EQ(call.pipeline.stats().dtmf_received, 1u);
}

}  // namespace
}  // namespace byon::test
