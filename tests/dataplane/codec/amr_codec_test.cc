#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/codec/amr_decoder.h"
#include "dataplane/codec/amr_encoder.h"
#include "dataplane/codec/amr_wb_batch.h"
#include "tests/dataplane/support/audio_signal.h"
#include "tests/dataplane/support/hex.h"

namespace byon::codec {
namespace {

using test::FromHex;

CodecFormat Format(Codec codec) { return {.codec = codec}; }

struct Encoded {
  std::vector<std::byte> payload;
  EncodedPayload info;
};

Encoded EncodeFrame(AudioEncoder& encoder, std::span<const int16_t> samples) {
  AudioFrame frame;
  frame.SetRate(encoder.sample_rate_hz());
  std::copy(samples.begin(), samples.end(), frame.samples.begin());
  Encoded encoded;
  encoded.payload.resize(kMaxEncodedBytes);
  encoded.info = encoder.Encode(frame, encoded.payload);
  encoded.payload.resize(encoded.info.bytes);
  return encoded;
}

// tests/vectors/amr/decoder_output.txt names its source.
TEST(AmrCodecTest, DecodesForeignPayloadsBitExactly) {
  std::ifstream file(BYON_VECTORS "/amr/decoder_output.txt");
  int vectors = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string codec, alignment, payload_hex, pcm_hex;
    fields >> codec >> alignment >> payload_hex >> pcm_hex;
    CodecFormat format = Format(codec == "AMR" ? Codec::kAmr : Codec::kAmrWb);
    format.amr.octet_align = alignment == "octet-aligned";
    AmrDecoder decoder(format);
    const std::vector<std::byte> payload = FromHex(payload_hex);
    const auto description = decoder.Describe(payload);
    ASSERT_TRUE(description.has_value()) << line.substr(0, 60);
    std::array<int16_t, 320> samples{};
    const size_t count = decoder.Decode(payload, 0, samples);
    const std::vector<std::byte> pcm = FromHex(pcm_hex);
    ASSERT_EQ(count, pcm.size() / 2);
    EXPECT_EQ(description->duration, count);
    for (size_t i = 0; i < count; ++i) {
      const auto expected =
          static_cast<int16_t>(std::to_integer<unsigned>(pcm[2 * i]) | std::to_integer<unsigned>(pcm[2 * i + 1]) << 8);
      ASSERT_EQ(samples[i], expected) << codec << " " << alignment << " sample " << i;
    }
    ++vectors;
  }
  EXPECT_EQ(vectors, 3);
}

class AmrBothTest : public ::testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, AmrBothTest, ::testing::Values(Codec::kAmr, Codec::kAmrWb));

TEST_P(AmrBothTest, EveryModeCarriesATone) {
  for (uint8_t mode = 0; mode < AmrModeCount(GetParam()); ++mode) {
    CodecFormat format = Format(GetParam());
    format.amr.initial_mode = mode;
    AmrEncoder encoder(format);
    AmrDecoder decoder(format);
    test::SineSource sine(encoder.sample_rate_hz(), 600, 8000);
    std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
    std::vector<int16_t> heard;
    for (int i = 0; i < 50; ++i) {
      sine.Fill(frame);
      const Encoded encoded = EncodeFrame(encoder, frame);
      ASSERT_EQ(encoded.info.frames, 1);
      const auto description = decoder.Describe(encoded.payload);
      ASSERT_TRUE(description.has_value());
      EXPECT_EQ(description->amr_mode, mode);
      EXPECT_FALSE(description->is_dtx);
      std::vector<int16_t> out(frame.size());
      ASSERT_EQ(decoder.Decode(encoded.payload, 0, out), out.size());
      if (i >= 25) heard.insert(heard.end(), out.begin(), out.end());
    }
    const auto fit = test::FitTone(heard, encoder.sample_rate_hz(), 600);
    EXPECT_NEAR(test::Decibels(fit.amplitude / 8000), 0, 2.5) << int{mode};
    EXPECT_GT(fit.snr_db, 10) << int{mode};
  }
}

// Whatever the moment at which the batch is run: alone, or with the frames of others.
TEST(AmrWbBatch, EncodersInABatchGiveTheLibrarysPayloads) {
  const auto batch = AmrWbBatch::MakeForThisCpu();
  if (!batch) GTEST_SKIP() << "this CPU has no batch encoder";
  constexpr size_t kEncoders = 70;  // more than the batch holds at once
  std::vector<std::unique_ptr<AudioEncoder>> batched, alone;
  std::vector<test::SpeechSource> speech;
  for (size_t i = 0; i < kEncoders; ++i) {
    CodecFormat format = Format(Codec::kAmrWb);
    format.amr.initial_mode = static_cast<uint8_t>(i % 9);
    format.ptime_ms = i % 4 == 3 ? 40 : 20;
    batched.push_back(MakeAudioEncoder(format, 16'000, batch.get()));
    alone.push_back(MakeAudioEncoder(format, 16'000));
    speech.emplace_back(16'000, i + 1);
  }
  std::vector<AudioFrame> frames(kEncoders, AudioFrame::Silence(16'000));
  std::array<std::byte, kMaxEncodedBytes> got, expected;
  for (int frame = 0; frame < 8; ++frame) {
    for (size_t i = 0; i < kEncoders; ++i) {
      speech[i].Fill(frames[i].view());
      EXPECT_TRUE(frame % 2 != 0 || batched[i]->StartEncode(frames[i]));
    }
    for (size_t i = 0; i < kEncoders; ++i) {
      const EncodedPayload payload =
          frame % 2 == 0 ? batched[i]->FinishEncode(got) : batched[i]->Encode(frames[i], got);
      const EncodedPayload reference = alone[i]->Encode(frames[i], expected);
      ASSERT_EQ(payload.bytes, reference.bytes) << i;
      EXPECT_EQ(payload.frames, reference.frames);
      EXPECT_TRUE(std::equal(got.begin(), got.begin() + static_cast<ptrdiff_t>(payload.bytes), expected.begin())) << i;
    }
  }
  EXPECT_EQ(batch->frames(), 8 * kEncoders);
}

TEST(AmrWbBatch, IsForAmrWbOnly) {
  const auto batch = AmrWbBatch::MakeForThisCpu();
  const AudioFrame frame = AudioFrame::Silence(8000);
  for (const Codec codec : {Codec::kAmr, Codec::kPcmu, Codec::kOpus}) {
    EXPECT_FALSE(MakeAudioEncoder(Format(codec), 8000, batch.get())->StartEncode(frame));
  }
  EXPECT_FALSE(MakeAudioEncoder(Format(Codec::kAmrWb), 16'000)->StartEncode(frame));
}

TEST_P(AmrBothTest, SilenceIsSentAsSidEvery160Ms) {
  CodecFormat format = Format(GetParam());
  format.amr.use_dtx = true;
  AmrEncoder encoder(format);
  AmrDecoder decoder(format);
  test::SpeechSource speech(encoder.sample_rate_hz());
  base::Random random(5);
  std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
  for (int i = 0; i < 25; ++i) {
    speech.Fill(frame);
    (void)EncodeFrame(encoder, frame);
  }
  const auto background = [&] {
    for (int16_t& sample : frame) sample = static_cast<int16_t>(random.NextBelow(60)) - 30;
  };
  for (int i = 0; i < 50; ++i) background(), (void)EncodeFrame(encoder, frame);
  std::vector<int> sent_at;
  for (int i = 0; i < 80; ++i) {
    background();
    const Encoded encoded = EncodeFrame(encoder, frame);
    if (encoded.info.bytes == 0) continue;
    sent_at.push_back(i);
    EXPECT_TRUE(decoder.Describe(encoded.payload)->is_dtx);
    EXPECT_FALSE(encoded.info.starts_talkspurt);
  }
  // TS 26.093 and TS 26.193: SID_UPDATE every eighth frame.
  ASSERT_GE(sent_at.size(), 9u);
  for (size_t i = 1; i < sent_at.size(); ++i) EXPECT_EQ(sent_at[i] - sent_at[i - 1], 8);

  bool has_marker = false;
  for (int i = 0; i < 10; ++i) {
    speech.Fill(frame);
    has_marker |= EncodeFrame(encoder, frame).info.starts_talkspurt;
  }
  EXPECT_TRUE(has_marker);
}

TEST_P(AmrBothTest, ComfortNoiseHasTheLevelOfTheBackground) {
  CodecFormat format = Format(GetParam());
  format.amr.use_dtx = true;
  AmrEncoder encoder(format);
  AmrDecoder decoder(format);
  base::Random random(5);
  std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
  std::vector<int16_t> out(frame.size());
  double sent = 0;
  double heard = 0;
  int packets = 0;
  for (int i = 0; i < 200; ++i) {
    for (int16_t& sample : frame) sample = static_cast<int16_t>(random.NextBelow(200)) - 100;
    const Encoded encoded = EncodeFrame(encoder, frame);
    if (encoded.info.bytes > 0) {
      ++packets;
      ASSERT_EQ(decoder.Decode(encoded.payload, 0, out), out.size());
    } else {
      decoder.GenerateComfortNoise(out);
    }
    if (i < 100) continue;
    for (size_t k = 0; k < out.size(); ++k) {
      sent += double{1} * frame[k] * frame[k];
      heard += double{1} * out[k] * out[k];
    }
  }
  EXPECT_LT(packets, 100);  // of 200: the encoder learns the noise first
  EXPECT_NEAR(10 * std::log10(heard / sent), 0, 4);
}

TEST_P(AmrBothTest, BadFramesAreConcealedAndNotDecoded) {
  AmrEncoder encoder(Format(GetParam()));
  AmrDecoder decoder(Format(GetParam()));
  test::SineSource sine(encoder.sample_rate_hz(), 300, 8000);
  std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
  std::vector<int16_t> out(frame.size());
  for (int i = 0; i < 20; ++i) {
    sine.Fill(frame);
    decoder.Decode(EncodeFrame(encoder, frame).payload, 0, out);
  }
  // A frame of noise bits marked bad (Q = 0): were it decoded, the tone would be gone.
  base::Random random(9);
  AmrFrame bad;
  bad.frame_type = static_cast<uint8_t>(AmrModeCount(GetParam()) - 1);
  bad.is_good = false;
  const size_t bits = *AmrFrameBits(GetParam(), bad.frame_type);
  for (size_t i = 0; i < bits / 8; ++i) bad.bits[i] = static_cast<std::byte>(random.NextU32());
  std::vector<std::byte> payload(100);
  payload.resize(WriteAmrPayload(GetParam(), false, 15, {&bad, 1}, payload));
  ASSERT_EQ(decoder.Decode(payload, 0, out), out.size());
  const auto fit = test::FitTone(out, encoder.sample_rate_hz(), 300);
  EXPECT_NEAR(test::Decibels(fit.amplitude / 8000), 0, 3);
  EXPECT_GT(fit.snr_db, 6);
}

TEST_P(AmrBothTest, SeveralFramesAPacketAndSkippingPlayedOnes) {
  CodecFormat format = Format(GetParam());
  format.ptime_ms = 60;
  AmrEncoder encoder(format);
  AmrDecoder decoder(format);
  test::SineSource sine(encoder.sample_rate_hz(), 500, 8000);
  std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
  std::vector<std::byte> packet;
  for (int i = 0; i < 9; ++i) {
    sine.Fill(frame);
    const Encoded encoded = EncodeFrame(encoder, frame);
    EXPECT_EQ(encoded.info.bytes > 0, i % 3 == 2);
    if (encoded.info.bytes == 0) continue;
    EXPECT_EQ(encoded.info.frames, 3);
    packet = encoded.payload;
  }
  std::vector<int16_t> out(4 * frame.size());
  const auto units = static_cast<uint32_t>(frame.size());
  EXPECT_EQ(decoder.Describe(packet)->duration, 3 * units);
  EXPECT_EQ(decoder.Decode(packet, 0, out), 3 * frame.size());
  EXPECT_EQ(decoder.Decode(packet, units, out), 2 * frame.size());
  EXPECT_EQ(decoder.Decode(packet, 3 * units, out), 0u);

  sine.Fill(frame);
  EXPECT_EQ(EncodeFrame(encoder, frame).info.bytes, 0u);
  encoder.DropPending();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(EncodeFrame(encoder, frame).info.bytes, 0u);
  EXPECT_GT(EncodeFrame(encoder, frame).info.bytes, 0u);
}

// Every seventh frame is lost; how far what is heard is from what is heard without loss.
double ErrorOfLosses(Codec codec, bool is_bridged) {
  AmrEncoder encoder(Format(codec));
  AmrDecoder whole(Format(codec)), lossy(Format(codec));
  test::SpeechSource speech(encoder.sample_rate_hz());
  std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
  std::vector<std::vector<std::byte>> payloads;
  for (int i = 0; i < 400; ++i) {
    speech.Fill(frame);
    payloads.push_back(EncodeFrame(encoder, frame).payload);
  }
  std::vector<int16_t> clean(frame.size()), heard(frame.size());
  double error = 0;
  for (size_t i = 0; i + 1 < payloads.size(); ++i) {
    whole.Decode(payloads[i], 0, clean);
    const bool is_lost = i % 7 == 6;
    if (is_lost && is_bridged) {
      lossy.BridgeLoss(payloads[i + 1], heard);
    } else if (is_lost) {
      lossy.ConcealLoss(heard);
    } else {
      EXPECT_EQ(lossy.Decode(payloads[i], 0, heard), heard.size());
    }
    for (size_t k = 0; k < clean.size(); ++k) error += std::pow(double{1} * clean[k] - heard[k], 2);
  }
  return error;
}

TEST(AmrCodecTest, WithItsSuccessorALossOfAmrWbIsConcealedBetter) {
  EXPECT_LT(ErrorOfLosses(Codec::kAmrWb, true), 0.97 * ErrorOfLosses(Codec::kAmrWb, false));
}

// The successor of a lost frame is decoded once, whoever asks for it first.
TEST_P(AmrBothTest, ABridgedLossLeavesTheSuccessorToBePlayed) {
  AmrEncoder encoder(Format(GetParam()));
  AmrDecoder bridged(Format(GetParam()));
  test::SineSource sine(encoder.sample_rate_hz(), 300, 8000);
  std::vector<int16_t> frame(SamplesPerFrame(encoder.sample_rate_hz()));
  std::vector<int16_t> out(frame.size());
  for (int i = 0; i < 20; ++i) {
    sine.Fill(frame);
    bridged.Decode(EncodeFrame(encoder, frame).payload, 0, out);
  }
  sine.Fill(frame);
  (void)EncodeFrame(encoder, frame);
  std::vector<std::vector<std::byte>> next;
  for (int i = 0; i < 8; ++i) sine.Fill(frame), next.push_back(EncodeFrame(encoder, frame).payload);
  bridged.BridgeLoss(next[0], out);
  EXPECT_GT(test::FitTone(out, encoder.sample_rate_hz(), 300).amplitude, 4000);
  for (const auto& payload : next) ASSERT_EQ(bridged.Decode(payload, 0, out), out.size());
  const auto fit = test::FitTone(out, encoder.sample_rate_hz(), 300);
  EXPECT_NEAR(test::Decibels(fit.amplitude / 8000), 0, 1);
  EXPECT_GT(fit.snr_db, 15);

  // Something else than what was announced is decoded as it is; what cannot be bridged to is concealed.
  bridged.BridgeLoss(next[0], out);
  EXPECT_EQ(bridged.Decode(next[1], 0, out), out.size());
  bridged.BridgeLoss({}, out);
  EXPECT_EQ(bridged.Decode(next[1], 0, out), out.size());
  bridged.BridgeLoss(next[0], out);
  bridged.Reset();
  EXPECT_EQ(bridged.Decode(next[0], 0, out), out.size());
}

// What only comes late is decoded as if it had come in time, but for the 5 ms in which it takes over.
TEST_P(AmrBothTest, ADelayLeavesNoTraceInTheDecoder) {
  AmrEncoder encoder(Format(GetParam()));
  AmrDecoder prompt(Format(GetParam())), delayed(Format(GetParam()));
  test::SpeechSource speech(encoder.sample_rate_hz());
  const size_t units = SamplesPerFrame(encoder.sample_rate_hz());
  std::vector<int16_t> frame(units), truth(units), heard(units);
  for (int i = 0; i < 60; ++i) {
    speech.Fill(frame);
    const auto payload = EncodeFrame(encoder, frame).payload;
    for (int wait = i == 40 ? 3 : 0; wait > 0; --wait) delayed.ConcealDelay(heard);
    prompt.Decode(payload, 0, truth);
    ASSERT_EQ(delayed.Decode(payload, 0, heard), heard.size());
    const auto from = static_cast<ptrdiff_t>(i == 40 ? units / 4 : 0);
    ASSERT_TRUE(std::equal(heard.begin() + from, heard.end(), truth.begin() + from)) << i;
  }
}

TEST_P(AmrBothTest, ADelayThatIsALossLeavesTheTraceOfOne) {
  AmrEncoder encoder(Format(GetParam()));
  AmrDecoder lossy(Format(GetParam())), delayed(Format(GetParam()));
  test::SpeechSource speech(encoder.sample_rate_hz());
  const size_t units = SamplesPerFrame(encoder.sample_rate_hz());
  std::vector<int16_t> frame(units), a(units), b(units);
  for (int i = 0; i < 60; ++i) {
    speech.Fill(frame);
    const auto payload = EncodeFrame(encoder, frame).payload;
    if (i == 40) {
      lossy.ConcealLoss(a);
      delayed.ConcealDelay(b);
      delayed.ConcealDelay(b);  // one tick longer than what turns out to be lost
      delayed.AcceptLoss(static_cast<uint32_t>(units), {});
      continue;
    }
    lossy.Decode(payload, 0, a);
    delayed.Decode(payload, 0, b);
    const auto from = static_cast<ptrdiff_t>(i == 41 ? units / 4 : 0);
    ASSERT_TRUE(std::equal(a.begin() + from, a.end(), b.begin() + from)) << i;
  }
}

TEST_P(AmrBothTest, LostSpeechFadesAndLostSilenceStaysNoise) {
  AmrDecoder decoder(Format(GetParam()));
  std::vector<int16_t> out(SamplesPerFrame(decoder.sample_rate_hz()));
  decoder.ConcealLoss(out);  // before anything was heard
  EXPECT_THAT(out, ::testing::Each(0));

  AmrEncoder encoder(Format(GetParam()));
  test::SineSource sine(encoder.sample_rate_hz(), 400, 10'000);
  std::vector<int16_t> frame(out.size());
  for (int i = 0; i < 20; ++i) {
    sine.Fill(frame);
    decoder.Decode(EncodeFrame(encoder, frame).payload, 0, out);
  }
  std::vector<double> level;
  for (int i = 0; i < 13; ++i) {
    decoder.ConcealLoss(out);
    double power = 0;
    for (int16_t sample : out) power += double{1} * sample * sample;
    level.push_back(std::sqrt(power / static_cast<double>(out.size())));
  }
  EXPECT_GT(level[0], 5000);
  for (size_t i = 1; i < level.size(); ++i) EXPECT_LE(level[i], level[i - 1] * 1.05);
  EXPECT_EQ(level[12], 0);
}

TEST(AmrCodecTest, LostSpeechFramesOfAmrWbAreNoData) {
  AmrDecoder decoder(Format(Codec::kAmrWb));
  const auto payload = FromHex("f740");  // BE: CMR 15, FT 14, Q 1
  const auto description = decoder.Describe(payload);
  ASSERT_TRUE(description.has_value());
  EXPECT_EQ(description->duration, 320u);
  EXPECT_FALSE(description->is_dtx);
  std::array<int16_t, 320> out{};
  EXPECT_EQ(decoder.Decode(payload, 0, out), 320u);
}

TEST(AmrCodecTest, ModeRequestsReachTheFrames) {
  AmrEncoder encoder(Format(Codec::kAmrWb));
  std::vector<int16_t> frame(320);
  AmrDecoder decoder(Format(Codec::kAmrWb));
  EXPECT_EQ(decoder.Describe(EncodeFrame(encoder, frame).payload)->amr_mode, 8);
  encoder.RequestMode(1);
  EXPECT_EQ(decoder.Describe(EncodeFrame(encoder, frame).payload)->amr_mode, 1);
  EXPECT_EQ(encoder.amr_mode(), 1);
}

}  // namespace
}  // namespace byon::codec
