#include "dataplane/codec/g711.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace byon::codec {
namespace {

// ITU-T G.711 tables 1 and 2: ends of the scale and the smallest values, both signs.
TEST(G711Test, CodesOfTheTables) {
  EXPECT_EQ(MuLawToLinear(0x80), 8031 * 4);
  EXPECT_EQ(MuLawToLinear(0x00), -8031 * 4);
  EXPECT_EQ(MuLawToLinear(0xff), 0);
  EXPECT_EQ(MuLawToLinear(0x7f), 0);
  EXPECT_EQ(MuLawToLinear(0xfe), 2 * 4);
  EXPECT_EQ(MuLawToLinear(0x8f), 4191 * 4);
  EXPECT_EQ(ALawToLinear(0xaa), 4032 * 8);
  EXPECT_EQ(ALawToLinear(0x2a), -4032 * 8);
  EXPECT_EQ(ALawToLinear(0xd5), 1 * 8);
  EXPECT_EQ(ALawToLinear(0x55), -1 * 8);
}

TEST(G711Test, EveryCodeSurvivesARoundTrip) {
  for (int i = 0; i < 256; ++i) {
    const auto octet = static_cast<uint8_t>(i);
    EXPECT_EQ(LinearToALaw(ALawToLinear(octet)), octet);
    // Mu-law has two zeros; the negative one comes back as the positive.
    EXPECT_EQ(LinearToMuLaw(MuLawToLinear(octet)), octet == 0x7f ? 0xff : octet);
  }
}

// Half the interval between the decision values around a code (G.711 tables 1 and 2), in 16 bits; the
// clipped end of the mu-law scale apart.
TEST(G711Test, NoSampleIsFurtherFromItsCodeThanHalfAnInterval) {
  for (int sample = -32768; sample <= 32767; ++sample) {
    const auto s = static_cast<int16_t>(sample);
    const uint8_t mu = LinearToMuLaw(s);
    const int mu_half = 4 << (~mu >> 4 & 7);
    const int clipped = std::max(0, std::abs(sample) - 32635);
    ASSERT_LE(std::abs(MuLawToLinear(mu) - sample), mu_half + clipped) << sample;
    const uint8_t a = LinearToALaw(s);
    const int a_segment = (a ^ 0x55) >> 4 & 7;
    const int a_half = 8 << (a_segment > 0 ? a_segment - 1 : 0);
    ASSERT_LE(std::abs(ALawToLinear(a) - sample), a_half) << sample;
  }
}

TEST(G711Test, PacketsOfAnyLengthAndSkip) {
  G711Decoder decoder(Codec::kPcmu);
  const std::vector<std::byte> payload(240, std::byte{0xff});
  EXPECT_EQ(decoder.Describe(payload)->duration, 240u);
  std::array<int16_t, 240> out{};
  EXPECT_EQ(decoder.Decode(payload, 80, out), 160u);
  EXPECT_FALSE(decoder.Describe({}).has_value());
  EXPECT_FALSE(decoder.Describe(std::vector<std::byte>(1921)).has_value());
}

TEST(G711Test, LongPacketsAreGathered) {
  G711Encoder encoder({.codec = Codec::kPcma, .ptime_ms = 40});
  std::array<std::byte, kMaxEncodedBytes> out;
  const AudioFrame frame = AudioFrame::Silence(8000);
  EXPECT_EQ(encoder.Encode(frame, out).bytes, 0u);
  const EncodedPayload payload = encoder.Encode(frame, out);
  EXPECT_EQ(payload.bytes, 320u);
  EXPECT_EQ(payload.frames, 2);
  EXPECT_EQ(out[0], std::byte{0xd5});
}

}  // namespace
}  // namespace byon::codec
