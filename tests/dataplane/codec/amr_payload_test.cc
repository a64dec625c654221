#include "dataplane/codec/amr_payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "dataplane/base/random.h"
#include "tests/dataplane/support/hex.h"

namespace byon::codec {
namespace {

using test::FromHex;
using test::ToHex;

AmrFrame RandomFrame(Codec codec, uint8_t frame_type, base::Random& random) {
  AmrFrame frame;
  frame.frame_type = frame_type;
  const size_t bits = *AmrFrameBits(codec, frame_type);
  for (size_t i = 0; i < (bits + 7) / 8; ++i) {
    frame.bits[i] = static_cast<std::byte>(random.NextU32() & 0xff);
  }
  if (bits % 8 != 0) frame.bits[bits / 8] &= static_cast<std::byte>(0xff00u >> bits % 8 & 0xff);
  return frame;
}

std::vector<std::byte> Write(Codec codec, bool octet_align, uint8_t cmr, std::span<const AmrFrame> frames) {
  std::vector<std::byte> payload(1400);
  payload.resize(WriteAmrPayload(codec, octet_align, cmr, frames, payload));
  return payload;
}

TEST(AmrPayloadTest, FrameSizesAreThoseOfTheStandards) {
  // TS 26.101 table 1a and TS 26.201 table 1a: bits of a 20 ms frame at each bit rate.
  EXPECT_EQ(AmrFrameBits(Codec::kAmr, 0), 95u);   // 4.75 kbit/s
  EXPECT_EQ(AmrFrameBits(Codec::kAmr, 7), 244u);  // 12.2
  EXPECT_EQ(AmrFrameBits(Codec::kAmr, 8), 39u);   // SID
  EXPECT_EQ(AmrFrameBits(Codec::kAmr, 9), std::nullopt);
  EXPECT_EQ(AmrFrameBits(Codec::kAmr, 14), std::nullopt);
  EXPECT_EQ(AmrFrameBits(Codec::kAmr, 15), 0u);
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 0), 132u);  // 6.60
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 2), 253u);  // 12.65
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 8), 477u);  // 23.85
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 9), 40u);   // SID
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 10), std::nullopt);
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 13), std::nullopt);
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 14), 0u);
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 15), 0u);
  EXPECT_EQ(AmrFrameBits(Codec::kAmrWb, 16), std::nullopt);
}

// RFC 4867 section 4.3.5.1: one AMR frame of 5.9 kbit/s (FT 2, 118 bits), no mode request: 4 + 6 + 118
// bits are 16 octets without padding.
TEST(AmrPayloadTest, SingleBandwidthEfficientFrameHasTheLayoutOfTheRfc) {
  AmrFrame frame;
  frame.frame_type = 2;
  frame.bits.fill(std::byte{0});
  frame.bits[0] = std::byte{0x80};   // d(0)
  frame.bits[14] = std::byte{0x04};  // d(117)
  const auto payload = Write(Codec::kAmr, false, 15, {&frame, 1});
  // 1111 0 0010 1 1000...0001
  EXPECT_EQ(ToHex(payload), "f1600000000000000000000000000001");
}

// RFC 4867 section 4.3.5.2: AMR-WB 6.6 kbit/s frames with mode request 8, two of them and a NO_DATA.
TEST(AmrPayloadTest, SeveralBandwidthEfficientFramesShareOneTableOfContents) {
  std::array<AmrFrame, 3> frames;
  frames[0].frame_type = 0;
  frames[0].bits[0] = std::byte{0x80};
  frames[1].frame_type = kNoDataFrameType;
  frames[2].frame_type = 0;
  frames[2].is_good = false;
  frames[2].bits[16] = std::byte{0x10};  // d(131)
  const auto payload = Write(Codec::kAmrWb, false, 8, frames);
  // 4 + 3 * 6 + 2 * 132 = 286 bits: 36 octets
  ASSERT_EQ(payload.size(), 36u);
  // 1000 | 1 0000 1 | 1 1111 1 | 0 0000 0 | 1000...
  EXPECT_EQ(ToHex(std::span(payload).first(4)), "887f0200");
  EXPECT_EQ(ToHex(std::span(payload).last(1)), "04");

  const auto view = AmrPayloadView::Parse(Codec::kAmrWb, false, payload);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->codec_mode_request(), 8);
  ASSERT_EQ(view->table_of_contents().size(), 3u);
  EXPECT_TRUE(view->table_of_contents()[0].is_good);
  EXPECT_EQ(view->table_of_contents()[1].frame_type, kNoDataFrameType);
  EXPECT_FALSE(view->table_of_contents()[2].is_good);
  EXPECT_EQ(view->frame(0).bits, frames[0].bits);
  EXPECT_EQ(view->frame(2).bits, frames[2].bits);
}

// RFC 4867 section 4.4.5.1: octet-aligned, every part on its own octets.
TEST(AmrPayloadTest, OctetAlignedFrameHasTheLayoutOfTheRfc) {
  AmrFrame frame;
  frame.frame_type = 0;  // AMR 4.75: 95 bits, 12 octets
  frame.bits[0] = std::byte{0xff};
  frame.bits[11] = std::byte{0xfe};
  const auto payload = Write(Codec::kAmr, true, 6, {&frame, 1});
  EXPECT_EQ(ToHex(payload), "6004ff00000000000000000000fe");
}

TEST(AmrPayloadTest, EveryFrameTypeAndNumberSurvivesBothAlignments) {
  base::Random random(4867);
  for (const Codec codec : {Codec::kAmr, Codec::kAmrWb}) {
    for (const bool octet_align : {false, true}) {
      for (size_t count = 1; count <= kMaxAmrFramesPerPacket; ++count) {
        std::vector<AmrFrame> frames;
        while (frames.size() < count) {
          const auto type = static_cast<uint8_t>(random.NextBelow(16));
          if (!AmrFrameBits(codec, type)) continue;
          frames.push_back(RandomFrame(codec, type, random));
          frames.back().is_good = random.NextBelow(2) == 0;
        }
        const auto payload = Write(codec, octet_align, 15, frames);
        const auto view = AmrPayloadView::Parse(codec, octet_align, payload);
        ASSERT_TRUE(view.ok());
        EXPECT_EQ(view->codec_mode_request(), std::nullopt);
        ASSERT_EQ(view->table_of_contents().size(), count);
        for (size_t i = 0; i < count; ++i) {
          EXPECT_EQ(view->frame(i).frame_type, frames[i].frame_type);
          EXPECT_EQ(view->frame(i).is_good, frames[i].is_good);
          EXPECT_EQ(view->frame(i).bits, frames[i].bits);
        }
      }
    }
  }
}

TEST(AmrPayloadTest, AnyOtherLengthIsRefused) {
  base::Random random(1);
  const std::array frames = {RandomFrame(Codec::kAmrWb, 2, random), RandomFrame(Codec::kAmrWb, 9, random)};
  for (const bool octet_align : {false, true}) {
    auto payload = Write(Codec::kAmrWb, octet_align, 15, frames);
    for (size_t size = 0; size < payload.size(); ++size) {
      const auto view = AmrPayloadView::Parse(Codec::kAmrWb, octet_align, base::ByteSpan(payload).first(size));
      ASSERT_FALSE(view.ok()) << size;
      EXPECT_EQ(view.error(), AmrPayloadError::kTruncated);
    }
    payload.push_back(std::byte{0});
    const auto view = AmrPayloadView::Parse(Codec::kAmrWb, octet_align, payload);
    ASSERT_FALSE(view.ok());
    EXPECT_EQ(view.error(), AmrPayloadError::kTrailingBytes);
  }
}

TEST(AmrPayloadTest, ReservedFrameTypesSpoilThePacket) {
  for (const Codec codec : {Codec::kAmr, Codec::kAmrWb}) {
    for (unsigned type = 0; type < 16; ++type) {
      std::vector<std::byte> payload(62);
      payload[0] = std::byte{0xf0};
      payload[1] = static_cast<std::byte>(type << 3 | 4);
      const auto bits = AmrFrameBits(codec, static_cast<uint8_t>(type));
      payload.resize(2 + (bits.value_or(0) + 7) / 8);
      const auto view = AmrPayloadView::Parse(codec, true, payload);
      EXPECT_EQ(view.ok(), bits.has_value()) << type;
      if (!view.ok()) {
        EXPECT_EQ(view.error(), AmrPayloadError::kBadFrameType);
      }
    }
  }
}

TEST(AmrPayloadTest, MoreThanTwelveFramesAreRefused) {
  std::vector<std::byte> payload(14, std::byte{0xfc});  // F, NO_DATA, Q
  payload[0] = std::byte{0xf0};
  payload.back() = std::byte{0x7c};
  ASSERT_FALSE(AmrPayloadView::Parse(Codec::kAmr, true, payload).ok());
  EXPECT_EQ(AmrPayloadView::Parse(Codec::kAmr, true, payload).error(), AmrPayloadError::kTooManyFrames);
  payload.erase(payload.begin() + 1);
  EXPECT_TRUE(AmrPayloadView::Parse(Codec::kAmr, true, payload).ok());
}

TEST(AmrPayloadTest, ReservedModeRequestsAreNone) {
  for (unsigned cmr = 0; cmr < 16; ++cmr) {
    const std::vector<std::byte> payload = {static_cast<std::byte>(cmr << 4), std::byte{0x7c}};
    const auto narrow = AmrPayloadView::Parse(Codec::kAmr, true, payload);
    const auto wide = AmrPayloadView::Parse(Codec::kAmrWb, true, payload);
    EXPECT_EQ(narrow->codec_mode_request().has_value(), cmr <= 7) << cmr;
    EXPECT_EQ(wide->codec_mode_request().has_value(), cmr <= 8) << cmr;
  }
}

TEST(AmrPayloadTest, ABufferThatIsTooSmallGetsNothing) {
  AmrFrame frame;
  frame.frame_type = 8;
  std::array<std::byte, 60> small;
  EXPECT_EQ(WriteAmrPayload(Codec::kAmrWb, false, 15, {&frame, 1}, small), 0u);
}

TEST(AmrPayloadTest, StorageFormatIsThatOfSection53) {
  base::Random random(53);
  for (const Codec codec : {Codec::kAmr, Codec::kAmrWb}) {
    for (uint8_t type = 0; type < 16; ++type) {
      if (!AmrFrameBits(codec, type)) continue;
      const AmrFrame frame = RandomFrame(codec, type, random);
      AmrStorage storage{};
      const size_t size = ToAmrStorage(codec, frame, storage);
      EXPECT_EQ(size, 1 + (*AmrFrameBits(codec, type) + 7) / 8);
      EXPECT_EQ(storage[0], type << 3 | 4);  // P FT Q P P
      const auto back = FromAmrStorage(codec, std::span(storage).first(size));
      ASSERT_TRUE(back.has_value());
      EXPECT_EQ(back->frame_type, type);
      EXPECT_EQ(back->bits, frame.bits);
      EXPECT_EQ(FromAmrStorage(codec, std::span(storage).first(size - 1)).has_value(), false);
    }
  }
  const std::array<uint8_t, 1> reserved = {10 << 3 | 4};
  EXPECT_FALSE(FromAmrStorage(Codec::kAmrWb, reserved).has_value());
}

}  // namespace
}  // namespace byon::codec
