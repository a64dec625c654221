#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opus/opus.h>

#include <array>
#include <cmath>
#include <memory>
#include <numbers>

#include "dataplane/base/random.h"
#include "dataplane/codec/opus_decoder.h"
#include "dataplane/codec/opus_encoder.h"
#include "dataplane/codec/opus_packet.h"
#include "tests/dataplane/support/audio_signal.h"
#include "tests/dataplane/support/hex.h"

namespace byon::codec {
namespace {

using test::FromHex;

std::vector<std::byte> EncodeFrame(AudioEncoder& encoder, std::span<const int16_t> samples) {
  AudioFrame frame;
  frame.SetRate(encoder.sample_rate_hz());
  std::copy(samples.begin(), samples.end(), frame.samples.begin());
  std::vector<std::byte> payload(kMaxEncodedBytes);
  payload.resize(encoder.Encode(frame, payload).bytes);
  return payload;
}

// Table of contents octets, RFC 6716 section 3.1: config, stereo bit, code.
TEST(OpusPacketTest, DurationsAreThoseOfTheTableOfContents) {
  const auto duration = [](unsigned toc) {
    const std::array packet = {static_cast<std::byte>(toc), std::byte{1}, std::byte{2}};
    return DescribeOpusPacket(packet)->duration;
  };
  EXPECT_EQ(duration(0 << 3), 480u);    // SILK NB 10 ms
  EXPECT_EQ(duration(9 << 3), 960u);    // SILK WB 20 ms
  EXPECT_EQ(duration(10 << 3), 1920u);  // 40 ms
  EXPECT_EQ(duration(11 << 3), 2880u);  // 60 ms
  EXPECT_EQ(duration(14 << 3), 480u);   // hybrid FB 10 ms
  EXPECT_EQ(duration(15 << 3), 960u);
  EXPECT_EQ(duration(28 << 3), 120u);  // CELT FB 2.5 ms
  EXPECT_EQ(duration(31 << 3), 960u);
  EXPECT_EQ(duration(31 << 3 | 1), 1920u);
}

TEST(OpusPacketTest, MalformedPacketsAreRefused) {
  const auto is_good = [](std::string_view hex) { return DescribeOpusPacket(FromHex(hex)).has_value(); };
  EXPECT_FALSE(is_good(""));           // R1: at least one octet
  EXPECT_TRUE(is_good("78"));          // nothing but the table of contents: silence
  EXPECT_FALSE(is_good("79 aabbcc"));  // code 1 with an odd number of octets
  EXPECT_TRUE(is_good("79 aabb"));
  EXPECT_FALSE(is_good("7a 05 aabb"));  // code 2: the first frame runs past the end
  EXPECT_TRUE(is_good("7a 01 aabb"));
  EXPECT_FALSE(is_good("7b"));                    // code 3 without its count
  EXPECT_FALSE(is_good("7b 00 aa"));              // no frames
  EXPECT_FALSE(is_good("7b 07 aabbccddeeff11"));  // 7 * 20 ms is more than 120 ms
  EXPECT_TRUE(is_good("7b 06 aabbccddeeff"));
  EXPECT_FALSE(is_good("7b 42 05 aabb"));  // padding past the end
  EXPECT_TRUE(is_good("7b 42 01 aabb 00"));
  EXPECT_FALSE(is_good("7b c2 ff"));     // endless padding length
  EXPECT_FALSE(is_good("7b 82 03 aa"));  // explicit length past the end
  EXPECT_FALSE(is_good("7b 82 fc"));     // half a two-octet length
  std::vector<std::byte> large(1 + 1276);
  large[0] = std::byte{0x78};
  EXPECT_FALSE(DescribeOpusPacket(large).has_value());  // R2: at most 1275 octets a frame
  large.pop_back();
  EXPECT_TRUE(DescribeOpusPacket(large).has_value());
}

TEST(OpusPacketTest, AgreesWithTheLibrary) {
  base::Random random(6716);
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> packet(1 + random.NextBelow(40));
    for (std::byte& b : packet) b = static_cast<std::byte>(random.NextU32());
    const auto ours = DescribeOpusPacket(packet);
    unsigned char toc = 0;
    const unsigned char* frames[48];
    opus_int16 sizes[48];
    int offset = 0;
    const int count = opus_packet_parse(reinterpret_cast<const unsigned char*>(packet.data()),
                                        static_cast<opus_int32>(packet.size()), &toc, frames, sizes, &offset);
    ASSERT_EQ(ours.has_value(), count > 0) << test::ToHex(packet);
    if (!ours) continue;
    ++good;
    ASSERT_EQ(ours->frame_count, count);
    ASSERT_EQ(ours->duration,
              static_cast<uint32_t>(opus_packet_get_nb_samples(reinterpret_cast<const unsigned char*>(packet.data()),
                                                               static_cast<opus_int32>(packet.size()), 48'000)));
  }
  EXPECT_GT(good, 1000);
}

// A browser sends stereo fullband when a page asks for it; IMS hears one channel.
TEST(OpusCodecTest, StereoIsMixedDown) {
  int error = 0;
  const std::unique_ptr<::OpusEncoder, decltype(&opus_encoder_destroy)> stereo(
      opus_encoder_create(48'000, 2, OPUS_APPLICATION_AUDIO, &error), &opus_encoder_destroy);
  opus_encoder_ctl(stereo.get(), OPUS_SET_BITRATE(96'000));
  OpusAudioDecoder decoder(16'000);
  test::SineSource left(48'000, 500, 8000);
  test::SineSource right(48'000, 1500, 8000);
  std::vector<int16_t> heard;
  for (int i = 0; i < 50; ++i) {
    std::array<int16_t, 960> l, r;
    left.Fill(l);
    right.Fill(r);
    std::array<int16_t, 1920> both;
    for (size_t k = 0; k < 960; ++k) both[2 * k] = l[k], both[2 * k + 1] = r[k];
    std::vector<std::byte> packet(1275);
    packet.resize(static_cast<size_t>(
        opus_encode(stereo.get(), both.data(), 960, reinterpret_cast<unsigned char*>(packet.data()), 1275)));
    ASSERT_TRUE(DescribeOpusPacket(packet)->is_stereo);
    std::array<int16_t, 320> out;
    ASSERT_EQ(decoder.Decode(packet, 0, out), 320u);
    if (i >= 25) heard.insert(heard.end(), out.begin(), out.end());
  }
  EXPECT_NEAR(test::FitTone(heard, 16'000, 500).amplitude, 4000, 500);
  EXPECT_NEAR(test::FitTone(heard, 16'000, 1500).amplitude, 4000, 500);
}

TEST(OpusCodecTest, PacketsOf10To60MsAreDecodedWhole) {
  int error = 0;
  const std::unique_ptr<::OpusEncoder, decltype(&opus_encoder_destroy)> encoder(
      opus_encoder_create(48'000, 1, OPUS_APPLICATION_VOIP, &error), &opus_encoder_destroy);
  for (const int ms : {10, 20, 40, 60}) {
    OpusAudioDecoder decoder(16'000);
    std::vector<int16_t> samples(static_cast<size_t>(48 * ms));
    std::vector<std::byte> packet(1275);
    packet.resize(static_cast<size_t>(
        opus_encode(encoder.get(), samples.data(), 48 * ms, reinterpret_cast<unsigned char*>(packet.data()), 1275)));
    std::vector<int16_t> out(16 * 120);
    EXPECT_EQ(decoder.Describe(packet)->duration, static_cast<uint32_t>(48 * ms));
    EXPECT_EQ(decoder.Decode(packet, 0, out), static_cast<size_t>(16 * ms));
  }
}

TEST(OpusCodecTest, LostFramesComeBackFromTheirSuccessors) {
  CodecFormat format;
  format.opus.use_inband_fec = true;
  OpusAudioEncoder encoder(format, 16'000);
  encoder.SetExpectedLoss(0.2);
  OpusAudioDecoder with_redundancy(16'000);
  OpusAudioDecoder without(16'000);
  OpusAudioDecoder lossless(16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320);
  std::vector<std::byte> packet;
  double error_with = 0;
  double error_without = 0;
  int recovered = 0;
  for (int i = 0; i < 300; ++i) {
    speech.Fill(frame);
    const auto next = EncodeFrame(encoder, frame);
    if (!packet.empty()) {
      std::array<int16_t, 320> truth, a, b;
      lossless.Decode(packet, 0, truth);
      if (i % 5 == 4) {
        if (with_redundancy.DecodeRedundancy(next, a)) {
          ++recovered;
        } else {
          with_redundancy.ConcealLoss(a);
        }
        without.ConcealLoss(b);
        for (size_t k = 0; k < 320; ++k) {
          error_with += std::pow(a[k] - truth[k], 2);
          error_without += std::pow(b[k] - truth[k], 2);
        }
      } else {
        with_redundancy.Decode(packet, 0, a);
        without.Decode(packet, 0, b);
      }
    }
    packet = next;
  }
  EXPECT_GT(recovered, 15);
  EXPECT_LT(error_with, 0.5 * error_without);
}

// SILK and hybrid are configurations 0 to 15, CELT 16 to 31 (RFC 6716 section 3.1).
bool IsCelt(std::span<const std::byte> packet) { return std::to_integer<unsigned>(packet[0]) >> 3 >= 16; }

CodecFormat Adaptive() {
  CodecFormat format;
  format.opus.coding = OpusCoding::kAdaptive;
  format.opus.use_inband_fec = true;
  return format;
}

TEST(OpusAdaptiveTest, CeltUntilALossIsReportedAndAgainAfterAQuietWhile) {
  OpusAudioEncoder encoder(Adaptive(), 16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320);
  const auto next = [&](double loss) {
    encoder.SetExpectedLoss(loss);
    speech.Fill(frame);
    return EncodeFrame(encoder, frame);
  };
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(IsCelt(next(0))) << i;
  (void)next(0.01);  // leads over
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(IsCelt(next(0.01))) << i;
  // It goes on with its redundancy while the reports are quiet, for ten seconds.
  for (int i = 0; i < 498; ++i) EXPECT_FALSE(IsCelt(next(0))) << i;
  for (int i = 0; i < 4; ++i) (void)next(0);
  EXPECT_TRUE(IsCelt(next(0)));
  for (int i = 0; i < 2; ++i) (void)next(0.004);
  EXPECT_FALSE(IsCelt(next(0)));
}

TEST(OpusAdaptiveTest, WhatIsLostAfterTheReportComesBack) {
  OpusAudioEncoder encoder(Adaptive(), 16'000);
  OpusAudioDecoder decoder(16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320);
  std::array<int16_t, 320> out;
  int recovered = 0;
  for (int i = 0; i < 300; ++i) {
    encoder.SetExpectedLoss(i < 100 ? 0 : 0.2);
    speech.Fill(frame);
    const auto packet = EncodeFrame(encoder, frame);
    if (i % 5 == 4) {
      const bool is_back = decoder.DecodeRedundancy(packet, out);
      EXPECT_FALSE(is_back && i < 100);
      recovered += is_back;
    }
    decoder.Decode(packet, 0, out);
  }
  EXPECT_GT(recovered, 15);
}

// Little loss is loss too, and so it is at the bit rate that the peer allows.
TEST(OpusAdaptiveTest, RepeatsAtAnyReportedLoss) {
  for (const uint32_t limit_bps : {0u, 32'000u}) {
    CodecFormat format = Adaptive();
    format.opus.max_average_bitrate_bps = limit_bps;
    for (const double loss : {0.01, 0.03, 0.05, 0.06, 0.2}) {
      OpusAudioEncoder encoder(format, 16'000);
      test::SpeechSource speech(16'000);
      std::vector<int16_t> frame(320);
      int repeating = 0;
      for (int i = 0; i < 100; ++i) {
        encoder.SetExpectedLoss(loss);
        speech.Fill(frame);
        const auto description = DescribeOpusPacket(EncodeFrame(encoder, frame));
        repeating += description && description->has_inband_fec;
      }
      EXPECT_GT(repeating, 40) << loss << " at " << limit_bps;
    }
  }
}

// Between the codings a tone goes on: no step larger than its own, no window without it.
TEST(OpusAdaptiveTest, TheChangeIsNotHeard) {
  OpusAudioEncoder encoder(Adaptive(), 16'000);
  OpusAudioDecoder decoder(16'000);
  constexpr double kToneHz = 400, kAmplitude = 8000;
  test::SineSource sine(16'000, kToneHz, kAmplitude);
  std::vector<int16_t> frame(320), heard;
  std::array<int16_t, 320> out;
  int changes = 0;
  bool was_celt = true;
  for (int i = 0; i < 1200; ++i) {
    encoder.SetExpectedLoss(i >= 100 && i < 150 ? 0.02 : 0);
    sine.Fill(frame);
    const auto packet = EncodeFrame(encoder, frame);
    changes += IsCelt(packet) != was_celt;
    was_celt = IsCelt(packet);
    ASSERT_EQ(decoder.Decode(packet, 0, out), 320u);
    heard.insert(heard.end(), out.begin(), out.end());
  }
  EXPECT_EQ(changes, 2);
  int largest_step = 0;
  for (size_t i = 3200; i < heard.size(); ++i) {
    largest_step = std::max(largest_step, std::abs(heard[i] - heard[i - 1]));
  }
  EXPECT_LT(largest_step, 1.6 * kAmplitude * 2 * std::numbers::pi * kToneHz / 16'000);
  for (size_t at = 3200; at + 640 <= heard.size(); at += 320) {
    const auto fit = test::FitTone(std::span(heard).subspan(at, 640), 16'000, kToneHz);
    ASSERT_NEAR(test::Decibels(fit.amplitude / kAmplitude), 0, 2) << at / 320;
    ASSERT_GT(fit.snr_db, 10) << at / 320;
  }
}

TEST(OpusAdaptiveTest, StaysWithSilkWhereCeltWouldBeWorse) {
  CodecFormat few_bits = Adaptive(), with_dtx = Adaptive(), narrow = Adaptive();
  few_bits.opus.max_average_bitrate_bps = 40'000;
  with_dtx.opus.use_dtx = true;
  narrow.opus.max_playback_rate_hz = 8000;
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320);
  for (const CodecFormat& format : {few_bits, with_dtx, narrow}) {
    OpusAudioEncoder encoder(format, 16'000);
    for (int i = 0; i < 5; ++i) {
      speech.Fill(frame);
      EXPECT_FALSE(IsCelt(EncodeFrame(encoder, frame)));
    }
  }
  OpusAudioEncoder of_narrow_band(Adaptive(), 8000);
  frame.resize(160);
  EXPECT_FALSE(IsCelt(EncodeFrame(of_narrow_band, frame)));
}

// What only comes late is decoded as if it had come in time, but for the 5 ms in which it takes over.
TEST(OpusCodecTest, ADelayLeavesNoTraceInTheDecoder) {
  OpusAudioEncoder encoder({}, 16'000);
  OpusAudioDecoder prompt(16'000), delayed(16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320), truth(320), heard(320);
  for (int i = 0; i < 60; ++i) {
    speech.Fill(frame);
    const auto packet = EncodeFrame(encoder, frame);
    for (int wait = i == 40 ? 3 : 0; wait > 0; --wait) delayed.ConcealDelay(heard);
    prompt.Decode(packet, 0, truth);
    ASSERT_EQ(delayed.Decode(packet, 0, heard), heard.size());
    const size_t from = i == 40 ? 80 : 0;
    ASSERT_TRUE(std::equal(heard.begin() + from, heard.end(), truth.begin() + from)) << i;
  }
}

TEST(OpusCodecTest, ADelayThatIsALossLeavesTheTraceOfOne) {
  OpusAudioEncoder encoder({}, 16'000);
  OpusAudioDecoder lossy(16'000), delayed(16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320), a(320), b(320);
  for (int i = 0; i < 60; ++i) {
    speech.Fill(frame);
    const auto packet = EncodeFrame(encoder, frame);
    if (i == 40) {
      lossy.ConcealLoss(a);
      delayed.ConcealDelay(b);
      delayed.ConcealDelay(b);  // one tick longer than what turns out to be lost
      delayed.AcceptLoss(960, {});
      continue;
    }
    lossy.Decode(packet, 0, a);
    delayed.Decode(packet, 0, b);
    const size_t from = i == 41 ? 80 : 0;
    ASSERT_TRUE(std::equal(a.begin() + from, a.end(), b.begin() + from)) << i;
  }
  delayed.AcceptLoss(960, {});  // of nothing
  speech.Fill(frame);
  const auto packet = EncodeFrame(encoder, frame);
  lossy.Decode(packet, 0, a);
  delayed.Decode(packet, 0, b);
  EXPECT_EQ(a, b);
}

// The redundancy comes too late to be heard, but not for the decoder's memory.
TEST(OpusCodecTest, ALossAfterADelayIsRepairedInTheDecoder) {
  CodecFormat format;
  format.opus.use_inband_fec = true;
  OpusAudioEncoder encoder(format, 16'000);
  encoder.SetExpectedLoss(0.2);
  OpusAudioDecoder lossless(16'000), repaired(16'000), not_repaired(16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320), truth(320), heard(320);
  double error = 0, error_without = 0;
  for (int i = 0; i < 300; ++i) {
    speech.Fill(frame);
    const auto packet = EncodeFrame(encoder, frame);
    lossless.Decode(packet, 0, truth);
    if (i % 10 == 8) {
      repaired.ConcealDelay(heard);
      not_repaired.ConcealDelay(heard);
      continue;
    }
    if (i % 10 == 9) {
      repaired.AcceptLoss(960, packet);
      not_repaired.AcceptLoss(960, {});
    }
    repaired.Decode(packet, 0, heard);
    for (size_t k = 80; k < 320; ++k) error += std::pow(heard[k] - truth[k], 2);
    not_repaired.Decode(packet, 0, heard);
    for (size_t k = 80; k < 320; ++k) error_without += std::pow(heard[k] - truth[k], 2);
  }
  EXPECT_LT(error, 0.7 * error_without);
}

// A burst of 60 ms does not swallow a tone, and what follows it meets it without a step.
TEST(OpusCodecTest, AToneIsCarriedOverABurst) {
  OpusAudioEncoder encoder({}, 16'000);
  OpusAudioDecoder decoder(16'000);
  test::SineSource sine(16'000, 250, 8000);
  std::vector<int16_t> frame(320);
  std::array<int16_t, 320> out;
  int largest_step = 0;
  int16_t last = 0;
  for (int i = 0; i < 40; ++i) {
    sine.Fill(frame);
    const auto packet = EncodeFrame(encoder, frame);
    const bool is_lost = i >= 30 && i < 33;
    if (is_lost) {
      decoder.ConcealLoss(out);
    } else {
      ASSERT_EQ(decoder.Decode(packet, 0, out), out.size());
    }
    if (is_lost) {
      EXPECT_GT(test::FitTone(out, 16'000, 250).amplitude, 5000) << i;
    }
    for (const int16_t sample : out) {
      if (i >= 28) largest_step = std::max(largest_step, std::abs(sample - last));
      last = sample;
    }
  }
  EXPECT_LT(largest_step, 1.6 * 2 * 3.1416 * 250 / 16'000 * 8000);
}

TEST(OpusCodecTest, WithoutRedundancyThereIsNothingToRecover) {
  OpusAudioEncoder encoder({}, 16'000);
  OpusAudioDecoder decoder(16'000);
  std::vector<int16_t> frame(320, 100);
  std::array<int16_t, 320> out;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(decoder.DecodeRedundancy(EncodeFrame(encoder, frame), out));
  }
}

TEST(OpusCodecTest, SilenceIsNotSentWithDtx) {
  CodecFormat format;
  format.opus.use_dtx = true;
  OpusAudioEncoder encoder(format, 16'000);
  OpusAudioDecoder decoder(16'000);
  test::SpeechSource speech(16'000);
  std::vector<int16_t> frame(320);
  for (int i = 0; i < 50; ++i) speech.Fill(frame), (void)EncodeFrame(encoder, frame);
  frame.assign(320, 0);
  int packets = 0;
  int dtx_packets = 0;
  for (int i = 0; i < 250; ++i) {
    const auto packet = EncodeFrame(encoder, frame);
    if (packet.empty()) continue;
    ++packets;
    dtx_packets += decoder.Describe(packet)->is_dtx ? 1 : 0;
  }
  EXPECT_LT(packets, 80);
  EXPECT_GT(dtx_packets, 3);
}

TEST(OpusCodecTest, TheBitrateThePeerAllowsIsKept) {
  for (const uint32_t bps : {12'000u, 20'000u, 64'000u}) {
    CodecFormat format;
    format.opus.max_average_bitrate_bps = bps;
    OpusAudioEncoder encoder(format, 16'000);
    test::SpeechSource speech(16'000);
    std::vector<int16_t> frame(320);
    size_t bytes = 0;
    for (int i = 0; i < 250; ++i) {
      speech.Fill(frame);
      bytes += EncodeFrame(encoder, frame).size();
    }
    EXPECT_LT(static_cast<double>(bytes) * 8 / 5, 1.1 * std::min(bps, 32'000u)) << bps;
  }
}

}  // namespace
}  // namespace byon::codec
