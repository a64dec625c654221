#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/base/random.h"
#include "dataplane/codec/amr_payload.h"
#include "dataplane/pipeline/drop_reason.h"
#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using codec::Codec;
using pipeline::DropReason;
using pipeline::MediaStarted;

TimeDelta Ms(int64_t ms) { return TimeDelta::Milliseconds(ms); }

uint64_t Drops(const PipelineHarness& call, DropReason reason) {
  return call.pipeline.stats().drops[static_cast<size_t>(reason)];
}

size_t StartedEvents(PipelineHarness& call) {
  size_t count = 0;
  for (const auto& event : call.Events()) count += std::holds_alternative<MediaStarted>(event);
  return count;
}

// SSRC, sequence numbers and timestamps as one stream has them: each packet is at its tick.
void ExpectContinuous(const PipelineHarness& call, uint32_t units_per_frame) {
  const auto& packets = call.sink.packets;
  for (size_t i = 1; i < packets.size(); ++i) {
    ASSERT_EQ(packets[i].ssrc, packets[0].ssrc);
    ASSERT_EQ(packets[i].sequence_number, static_cast<uint16_t>(packets[i - 1].sequence_number + 1));
    const auto ticks = static_cast<uint32_t>((packets[i].at - packets[0].at) / kTick);
    ASSERT_EQ(packets[i].timestamp - packets[0].timestamp, ticks * units_per_frame) << i;
    const bool is_after_pause = packets[i].at - packets[i - 1].at > kTick;
    ASSERT_EQ(packets[i].marker, is_after_pause) << i;
  }
}

TEST(CallEventsTest, TheFirstPacketHasTheMarker) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  call.Run(Ms(500), [&](auto samples) { sine.Fill(samples); });
  ASSERT_GT(call.sink.packets.size(), 20u);
  EXPECT_TRUE(call.sink.packets[0].marker);
  ExpectContinuous(call, 320);
  EXPECT_EQ(StartedEvents(call), 1u);
}

TEST(CallEventsTest, AForkChangesTheSourceButNotTheOutgoingStream) {
  PipelineHarness call(AmrWbFormat(), OpusFormat());
  SineSource early(16'000, 440, 8000);
  call.Run(Ms(1000), [&](auto samples) { early.Fill(samples); });
  EXPECT_EQ(StartedEvents(call), 1u);

  call.pipeline.StartNewSource();
  FarSender other(AmrWbFormat(), 16'000, 0x99);
  other.set_sequence_number(7);
  other.set_timestamp(123'456'789);
  call.sender = std::move(other);
  const size_t before = call.sink.packets.size();
  SineSource answered(16'000, 880, 8000);
  call.Run(Ms(1000), [&](auto samples) { answered.Fill(samples); });
  EXPECT_EQ(StartedEvents(call), 1u);
  ExpectContinuous(call, 960);
  // Media of the new source within three frames: a path of 20 ms, the target, the tick.
  EXPECT_LE(call.sink.packets[before].at - call.now, Ms(0));
  const auto audio = call.DecodedSince(before);
  const auto last = std::span(audio).last(24'000);
  EXPECT_GT(FitTone(last, 48'000, 880).snr_db, 15);
  EXPECT_GE(call.sink.packets.size() - before, 46u);
}

TEST(CallEventsTest, ANewSsrcWithoutSignallingIsFollowedWithinAFrame) {
  PipelineHarness call(AmrWbFormat(), OpusFormat());
  SineSource sine(16'000, 440, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  const size_t before = call.sink.packets.size();
  call.sender = FarSender(AmrWbFormat(), 16'000, 0x77);
  call.Run(Ms(500), talk);
  EXPECT_EQ(call.pipeline.stats().source_changes, 1u);
  EXPECT_GE(call.sink.packets.size() - before, 22u);
  ExpectContinuous(call, 960);
}

TEST(CallEventsTest, AChangeOfTheSendFormatKeepsTheStream) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  const SentPacket last_wideband = call.sink.packets.back();
  const auto amr = AmrFormat();
  const auto opus = OpusFormat();
  EXPECT_NE(call.pipeline.SetSend(MustPrepareSend(amr, &opus)), nullptr);
  EXPECT_EQ(call.pipeline.send_clock_rate_hz(), 8000u);
  const size_t before = call.sink.packets.size();
  call.Run(Ms(500), talk);
  const SentPacket& first_narrowband = call.sink.packets[before];
  EXPECT_EQ(first_narrowband.ssrc, last_wideband.ssrc);
  EXPECT_EQ(first_narrowband.sequence_number, static_cast<uint16_t>(last_wideband.sequence_number + 1));
  EXPECT_TRUE(first_narrowband.marker);
  // 20 ms later, in units of the clock that is used from now on (RFC 7160 section 4.1).
  EXPECT_EQ(first_narrowband.timestamp - last_wideband.timestamp, 160u);
  EXPECT_EQ(first_narrowband.payload_type, 102);
}

TEST(CallEventsTest, ThePeerMaySwitchBetweenNegotiatedCodecs) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  const auto pcmu = G711Format(Codec::kPcmu);
  const std::array formats = {OpusFormat(), pcmu};
  (void)call.pipeline.SetReceive(MustPrepareReceive(formats, &call.send));
  SineSource wide(48'000, 500, 8000);
  call.Run(Ms(600), [&](auto samples) { wide.Fill(samples); });
  const auto sequence = call.sender.sequence_number();
  call.sender = FarSender(pcmu, 8000, 0x5e5e5e5e);
  call.sender.set_sequence_number(sequence);
  SineSource narrow(8000, 700, 8000);
  call.Run(Ms(600), [&](auto samples) { narrow.Fill(samples); });
  EXPECT_EQ(call.pipeline.stats().received_codec, Codec::kPcmu);
  const auto audio = call.Decoded();
  EXPECT_GT(FitTone(std::span(audio).last(4000), 16'000, 700).snr_db, 15);
}

TEST(CallEventsTest, ChangedReceiveFormatsReplaceTheOldOnes) {
  PipelineHarness call(AmrWbFormat(), OpusFormat());
  SineSource wide(16'000, 500, 8000);
  call.Run(Ms(500), [&](auto samples) { wide.Fill(samples); });
  const auto amr = AmrFormat();
  EXPECT_NE(call.pipeline.SetReceive(MustPrepareReceive({&amr, 1}, &call.send)), nullptr);
  call.sender = FarSender(amr, 8000, 0x5e5e5e5e);
  SineSource narrow(8000, 700, 8000);
  call.Run(Ms(600), [&](auto samples) { narrow.Fill(samples); });
  const auto audio = call.Decoded();
  EXPECT_GT(FitTone(std::span(audio).last(12'000), 48'000, 700).snr_db, 15);
  ExpectContinuous(call, 960);
}

TEST(CallEventsTest, WithoutFormatsNothingIsSent) {
  pipeline::TranscodingPipeline pipeline({.ssrc = {1}, .random_seed = 1});
  CollectingSink sink;
  Timestamp now = Timestamp::FromMilliseconds(100);
  for (int i = 0; i < 10; ++i, now += kTick) EXPECT_EQ(pipeline.Tick(now, sink), 0u);
  EXPECT_EQ(pipeline.send_clock_rate_hz(), 0u);
  pipeline.PlayTone(pipeline::Tone::kBusy);
  EXPECT_EQ(pipeline.Tick(now, sink), 0u);
}

TEST(CallEventsTest, SilenceIsSentOnlyWhenAsked) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  for (int i = 0; i < 10; ++i) call.Step(std::nullopt);
  EXPECT_TRUE(call.sink.packets.empty());
  call.pipeline.SetSendSilence(true);
  for (int i = 0; i < 10; ++i) call.Step(std::nullopt);
  EXPECT_EQ(call.sink.packets.size(), 10u);
}

TEST(CallEventsTest, HoldStopsOneDirectionOrTheOther) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  call.pipeline.SetSendActive(false);
  const size_t before = call.sink.packets.size();
  call.Run(Ms(500), talk);
  EXPECT_EQ(call.sink.packets.size(), before);
  call.pipeline.SetSendActive(true);
  call.Run(Ms(500), talk);
  EXPECT_EQ(call.sink.packets.size(), before + 25);
  call.pipeline.SetReceiveActive(false);
  call.Run(Ms(500), talk);
  EXPECT_GE(Drops(call, DropReason::kReceiveInactive), 24u);
  EXPECT_LE(call.sink.packets.size(), before + 26);
  call.pipeline.SetReceiveActive(true);
  call.Run(Ms(500), talk);
  ExpectContinuous(call, 320);
}

TEST(CallEventsTest, MutedIsSilenceNotAbsence) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  call.pipeline.SetMuted(true);
  call.Run(Ms(500), talk);
  const auto audio = call.Decoded();
  EXPECT_LT(RootMeanSquare(std::span(audio).last(3200)), 10);
  ExpectContinuous(call, 320);
}

TEST(CallEventsTest, TonesReplaceWhatIsReceived) {
  PipelineHarness call(AmrWbFormat(), OpusFormat());
  call.pipeline.PlayTone(pipeline::Tone::kRingback);
  for (int i = 0; i < 300; ++i) call.Step(std::nullopt);
  EXPECT_EQ(call.sink.packets.size(), 300u);
  const auto audio = call.Decoded();
  const auto part = [&](double from_s, double to_s) {
    return std::span(audio).subspan(static_cast<size_t>(from_s * 48'000),
                                    static_cast<size_t>((to_s - from_s) * 48'000));
  };
  EXPECT_GT(TonePurity(part(0.1, 0.9), 48'000, 425), 0.98);
  EXPECT_NEAR(RootMeanSquare(part(0.1, 0.9)), 4600 / 1.414, 400);
  EXPECT_LT(RootMeanSquare(part(1.2, 4.8)), 20);
  EXPECT_GT(TonePurity(part(5.2, 5.8), 48'000, 425), 0.98);
  call.pipeline.PlayTone(pipeline::Tone::kNone);
  call.Step(std::nullopt);
  EXPECT_EQ(call.sink.packets.size(), 300u);
  ExpectContinuous(call, 960);
}

TEST(CallEventsTest, ModeRequestsFromTheNetworkChangeOurEncoder) {
  PipelineHarness from_ims(AmrWbFormat(), OpusFormat());
  PipelineHarness to_ims(OpusFormat(), AmrWbFormat());
  codec::AmrFrame no_data;
  Bytes payload(10);
  payload.resize(codec::WriteAmrPayload(Codec::kAmrWb, false, 2, {&no_data, 1}, payload));
  EXPECT_EQ(from_ims.Insert(from_ims.sender.Packet(104, payload, 1000, false)), std::nullopt);
  const auto request = from_ims.pipeline.TakeReceivedCmr();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->mode, 2);
  EXPECT_FALSE(from_ims.pipeline.TakeReceivedCmr().has_value());

  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  to_ims.Run(Ms(300), talk);
  const auto mode = [&] {
    return codec::AmrPayloadView::Parse(Codec::kAmrWb, false, to_ims.sink.packets.back().payload)
        ->table_of_contents()[0]
        .frame_type;
  };
  EXPECT_EQ(mode(), 8);
  to_ims.pipeline.ApplyCmr(*request);
  to_ims.Run(Ms(20), talk);
  EXPECT_EQ(mode(), 2);
  // A re-INVITE with the same codec does not lift the limit.
  (void)to_ims.pipeline.SetSend(MustPrepareSend(to_ims.send, &to_ims.receive));
  to_ims.Run(Ms(20), talk);
  EXPECT_EQ(mode(), 2);
}

TEST(CallEventsTest, TheModeSetOfThePeerIsKept) {
  auto send = AmrFormat();
  send.codec.amr.mode_set = 0b10010101;
  PipelineHarness call(OpusFormat(), send);
  SineSource sine(48'000, 500, 8000);
  for (const int wanted : {7, 5, 3, 1, 6}) {
    call.pipeline.ApplyCmr({static_cast<uint8_t>(wanted)});
    call.Run(Ms(200), [&](auto samples) { sine.Fill(samples); });
  }
  for (const SentPacket& packet : call.sink.packets) {
    const auto view = codec::AmrPayloadView::Parse(Codec::kAmr, false, packet.payload);
    EXPECT_NE(send.codec.amr.mode_set >> view->table_of_contents()[0].frame_type & 1, 0);
  }
}

TEST(CallEventsTest, SilenceOfTheNetworkBecomesComfortNoise) {
  auto receive = AmrWbFormat();
  receive.codec.amr.use_dtx = true;
  PipelineHarness call(receive, OpusFormat());
  SpeechSource speech(16'000);
  call.Run(Ms(2000), [&](auto samples) { speech.Fill(samples); });
  base::Random random(2);
  const size_t before = call.sink.packets.size();
  call.Run(Ms(4000), [&](std::span<int16_t> samples) {
    for (int16_t& sample : samples) sample = static_cast<int16_t>(random.NextBelow(60)) - 30;
  });
  // A packet every 20 ms goes out, though one in 160 ms comes in.
  EXPECT_EQ(call.sink.packets.size(), before + 200);
  EXPECT_EQ(call.pipeline.stats().concealed_frames, 0u);
  EXPECT_GT(call.pipeline.stats().comfort_noise_frames, 100u);
  const auto audio = call.DecodedSince(before);
  EXPECT_GT(RootMeanSquare(std::span(audio).last(24'000)), 5);
  EXPECT_LT(RootMeanSquare(std::span(audio).last(24'000)), 60);
  call.Run(Ms(2000), [&](auto samples) { speech.Fill(samples); });
  EXPECT_EQ(call.pipeline.stats().concealed_frames, 0u);
  ExpectContinuous(call, 960);
}

TEST(CallEventsTest, SilenceOfTheBrowserIsSentAsSid) {
  auto receive = OpusFormat();
  receive.codec.opus.use_dtx = true;
  auto send = AmrWbFormat();
  send.codec.amr.use_dtx = true;
  PipelineHarness call(receive, send);
  SpeechSource speech(48'000);
  call.Run(Ms(2000), [&](auto samples) { speech.Fill(samples); });
  call.Run(Ms(2000), [&](auto samples) { std::ranges::fill(samples, int16_t{0}); });
  const size_t before = call.sink.packets.size();
  call.Run(Ms(4000), [&](auto samples) { std::ranges::fill(samples, int16_t{0}); });
  EXPECT_LE(call.sink.packets.size(), before + 60);
  EXPECT_GE(call.sink.packets.size(), before + 20);
  EXPECT_EQ(call.pipeline.stats().concealed_frames, 0u);
}

TEST(CallEventsTest, LateTicksAreMadeUpForAndLeftOutOnesSkipped) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  const SentPacket before = call.sink.packets.back();
  const auto at_before = call.pipeline.TimestampAt(call.now);
  call.now += Ms(1000);  // the worker slept
  EXPECT_EQ(call.pipeline.TimestampAt(call.now) - at_before, 16'000);
  call.Run(Ms(500), talk);
  const SentPacket after = call.sink.packets.back();
  EXPECT_NEAR(static_cast<double>(after.timestamp - before.timestamp),
              static_cast<double>((after.at - before.at).milliseconds() * 16), 320);
}

// ---- Every DropReason ------------------------------------------------------------------------------

TEST(PipelineDropTest, NoReceiveFormat) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  (void)call.pipeline.SetReceive(nullptr);
  EXPECT_EQ(call.Insert(call.sender.Packet(111, Bytes(3), 1, false)), DropReason::kNoReceiveFormat);
  EXPECT_EQ(Drops(call, DropReason::kNoReceiveFormat), 1u);
}

TEST(PipelineDropTest, UnknownPayloadType) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  EXPECT_EQ(call.Insert(call.sender.Packet(13, Bytes(1), 1, false)), DropReason::kUnknownPayloadType);
}

TEST(PipelineDropTest, MalformedPayload) {
  PipelineHarness opus(OpusFormat(), AmrWbFormat());
  EXPECT_EQ(opus.Insert(opus.sender.Packet(111, {}, 1, false)), DropReason::kMalformedPayload);
  PipelineHarness amr(AmrWbFormat(), OpusFormat());
  EXPECT_EQ(amr.Insert(amr.sender.Packet(104, Bytes(5, std::byte{0x77}), 1, false)), DropReason::kMalformedPayload);
  EXPECT_EQ(StartedEvents(amr), 0u);
}

TEST(PipelineDropTest, PacketTooLarge) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  EXPECT_EQ(call.Insert(call.sender.Packet(111, Bytes(1501), 1, false)), DropReason::kPacketTooLarge);
}

TEST(PipelineDropTest, LateAndDuplicate) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  std::vector<int16_t> frame(960);
  const Bytes lost = *call.sender.Speak(frame);
  call.Run(Ms(200), talk);
  EXPECT_EQ(call.Insert(lost), DropReason::kLatePacket);
  EXPECT_EQ(call.pipeline.stats().late_packets, 1u);
  EXPECT_GT(call.pipeline.stats().concealed_frames, 0u);
  const Bytes twice = *call.sender.Speak(frame);
  EXPECT_EQ(call.Insert(twice), std::nullopt);
  EXPECT_EQ(call.Insert(twice), DropReason::kDuplicatePacket);
  EXPECT_EQ(call.pipeline.stats().duplicate_packets, 1u);
}

TEST(PipelineDropTest, OldSourceAndSequenceJump) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  call.Run(Ms(500), [&](auto samples) { sine.Fill(samples); });
  std::vector<int16_t> frame(960);
  FarSender other(OpusFormat(), 48'000, 0x1234);
  EXPECT_EQ(call.Insert(*other.Speak(frame)), std::nullopt);
  EXPECT_EQ(call.Insert(*call.sender.Speak(frame)), DropReason::kOldSource);
  other.set_sequence_number(static_cast<uint16_t>(other.sequence_number() + 20'000));
  EXPECT_EQ(call.Insert(*other.Speak(frame)), DropReason::kSequenceJump);
}

TEST(PipelineDropTest, PlayoutOverflow) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  call.network.StallUntil(call.now + Ms(1500));
  call.Run(Ms(2000), talk);
  EXPECT_GT(Drops(call, DropReason::kPlayoutOverflow), 40u);
}

TEST(PipelineDropTest, TelephoneEvents) {
  PipelineHarness call(WithEvents(OpusFormat(), 101, 48'000), WithEvents(AmrWbFormat(), 99, 16'000));
  EXPECT_EQ(call.Insert(call.sender.Packet(101, Bytes(3), 5, true)), DropReason::kMalformedTelephoneEvent);
  EXPECT_EQ(call.Insert(call.sender.Event(101, {16, false, 10, 160}, 5, true)),
            DropReason::kTelephoneEventNotRelayed);  // flash
  PipelineHarness deaf(WithEvents(OpusFormat(), 101, 48'000), AmrWbFormat());
  EXPECT_EQ(deaf.Insert(deaf.sender.Event(101, {1, true, 10, 4800}, 5, true)), DropReason::kTelephoneEventNotRelayed);
  // It is reported all the same.
  EXPECT_EQ(deaf.pipeline.stats().dtmf_received, 1u);
}

TEST(PipelineDropTest, DtmfQueueFull) {
  PipelineHarness call(WithEvents(OpusFormat(), 101, 48'000), WithEvents(AmrWbFormat(), 99, 16'000));
  ASSERT_TRUE(call.pipeline.SendDtmf("01234567890123456789012345678901", Ms(100), Ms(70)));
  EXPECT_EQ(call.Insert(call.sender.Event(101, {1, true, 10, 4800}, 5, true)), DropReason::kDtmfQueueFull);
}

TEST(PipelineDropTest, NoSendBuffer) {
  PipelineHarness call(OpusFormat(), AmrWbFormat());
  SineSource sine(48'000, 500, 8000);
  const auto talk = [&](auto samples) { sine.Fill(samples); };
  call.Run(Ms(500), talk);
  const uint16_t last = call.sink.packets.back().sequence_number;
  const size_t before = call.sink.packets.size();
  call.sink.has_buffers = false;
  call.Run(Ms(100), talk);
  EXPECT_EQ(Drops(call, DropReason::kNoSendBuffer), 5u);
  call.sink.has_buffers = true;
  call.Run(Ms(100), talk);
  // To the receiver it is loss.
  EXPECT_EQ(call.sink.packets[before].sequence_number, static_cast<uint16_t>(last + 6));
}

TEST(PipelineDropTest, EveryReasonHasItsOwnName) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < pipeline::kDropReasonCount; ++i) {
    names.push_back(DropReasonName(static_cast<DropReason>(i)));
    EXPECT_TRUE(names.back().starts_with("pipeline_"));
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace byon::test
