#include "dataplane/codec/codec_format.h"

#include <gtest/gtest.h>

namespace byon::codec {
namespace {

TEST(CodecFormatTest, NamesAreComparedWithoutCaseAndWithTheirClock) {
  EXPECT_EQ(CodecFromName("OPUS", 48'000), Codec::kOpus);
  EXPECT_EQ(CodecFromName("amr-wb", 16'000), Codec::kAmrWb);
  EXPECT_EQ(CodecFromName("AMR", 8000), Codec::kAmr);
  EXPECT_EQ(CodecFromName("pcmu", 8000), Codec::kPcmu);
  EXPECT_EQ(CodecFromName("PCMA", 8000), Codec::kPcma);
  EXPECT_EQ(CodecFromName("AMR", 16'000), std::nullopt);
  EXPECT_EQ(CodecFromName("opus", 16'000), std::nullopt);
  EXPECT_EQ(CodecFromName("G722", 8000), std::nullopt);
  EXPECT_EQ(CodecFromName("", 8000), std::nullopt);
}

CodecFormat AmrWb() { return {.codec = Codec::kAmrWb}; }

TEST(CodecFormatTest, EachFormatErrorHasItsCause) {
  EXPECT_EQ(CheckFormat(AmrWb()), std::nullopt);
  CodecFormat format = AmrWb();
  format.amr.crc = true;
  EXPECT_EQ(CheckFormat(format), FormatError::kCrcNotSupported);
  format = AmrWb();
  format.amr.interleaving = true;
  EXPECT_EQ(CheckFormat(format), FormatError::kInterleavingNotSupported);
  format = AmrWb();
  format.amr.robust_sorting = true;
  EXPECT_EQ(CheckFormat(format), FormatError::kRobustSortingNotSupported);
  format = AmrWb();
  format.amr.mode_set = 0xfe00;
  EXPECT_EQ(CheckFormat(format), FormatError::kEmptyModeSet);
  format = AmrWb();
  format.amr.mode_change_period = 3;
  EXPECT_EQ(CheckFormat(format), FormatError::kBadModeChange);
  format = AmrWb();
  format.amr.mode_set = 0b111;
  format.amr.initial_mode = 3;
  EXPECT_EQ(CheckFormat(format), FormatError::kBadInitialMode);
  for (const uint16_t ptime : std::initializer_list<uint16_t>{0, 10, 30, 260}) {
    format = AmrWb();
    format.ptime_ms = ptime;
    EXPECT_EQ(CheckFormat(format), FormatError::kBadPacketTime) << ptime;
  }
  format = {};
  format.ptime_ms = 80;
  EXPECT_EQ(CheckFormat(format), FormatError::kBadPacketTime);
  format = {};
  format.opus.max_average_bitrate_bps = 5000;
  EXPECT_EQ(CheckFormat(format), FormatError::kBadOpusParameter);
  format = {};
  format.opus.complexity = 11;
  EXPECT_EQ(CheckFormat(format), FormatError::kBadOpusParameter);
  for (int i = 0; i <= static_cast<int>(FormatError::kBadOpusParameter); ++i) {
    EXPECT_FALSE(FormatErrorName(static_cast<FormatError>(i)).empty());
  }
}

}  // namespace
}  // namespace byon::codec
