#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "tests/dataplane/support/hex.h"

namespace byon::rtp {
namespace {

using test::FromHex;
using test::ToHex;

DropReason ReasonFor(std::string_view hex, bool allow_reduced_size = true) {
  const auto bytes = FromHex(hex);
  const auto view = RtcpView::Parse(bytes, allow_reduced_size);
  EXPECT_FALSE(view.ok()) << hex;
  return view.ok() ? DropReason::kTruncatedHeader : view.error();
}

const ReportBlock kBlock{{0x22222222}, 64, -3, 0x0001fff0, 77, 0xaabbccdd, 0x00010000};
const SenderInfo kInfo{NtpTime(0x0102030405060708), {0x0a0b0c0d}, 10, 1600};

TEST(RtcpBuilder, CompoundPacketReadsBack) {
  std::array<std::byte, 256> buffer;
  RtcpBuilder builder(buffer);
  builder.AddSenderReport({0x11111111}, kInfo, std::span(&kBlock, 1));
  builder.AddCname({0x11111111}, base::AsBytes("cname@example"));
  builder.AddBye({0x11111111}, base::AsBytes("over"));
  const auto bytes = builder.Finish();
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size() % 4, 0u);

  const auto view = RtcpView::Parse(*bytes, /*allow_reduced_size=*/false);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->sender(), Ssrc{0x11111111});
  std::vector<RtcpBlockView> blocks;
  for (const RtcpBlockView& block : *view) blocks.push_back(block);
  ASSERT_EQ(blocks.size(), 3u);

  const auto report = blocks[0].ParseSenderReport();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->sender, Ssrc{0x11111111});
  EXPECT_EQ(report->info, kInfo);
  ASSERT_EQ(report->blocks.size(), 1u);
  EXPECT_EQ(report->blocks[0], kBlock);

  const auto chunks = blocks[1].ParseSourceDescriptions();
  ASSERT_TRUE(chunks);
  ASSERT_EQ(chunks->size(), 1u);
  EXPECT_EQ(base::AsText((*chunks)[0].cname), "cname@example");

  const auto bye = blocks[2].ParseBye();
  ASSERT_TRUE(bye);
  EXPECT_EQ(bye->sources[0], Ssrc{0x11111111});
  EXPECT_EQ(base::AsText(bye->reason), "over");

  EXPECT_FALSE(blocks[0].ParseBye());
  EXPECT_FALSE(blocks[0].ParseReceiverReport());
  EXPECT_FALSE(blocks[1].ParseSenderReport());
  EXPECT_FALSE(blocks[2].ParseSourceDescriptions());
  EXPECT_FALSE(blocks[2].ParseFeedback());
}

TEST(RtcpBuilder, ReceiverReportOnTheWire) {
  // RFC 3550 section 6.4.2.
  std::array<std::byte, 64> buffer;
  RtcpBuilder builder(buffer);
  builder.AddReceiverReport({1}, std::span(&kBlock, 1));
  EXPECT_EQ(ToHex(*builder.Finish()),
            "81c90007"
            "00000001"
            "22222222"
            "40"
            "fffffd"
            "0001fff0"
            "0000004d"
            "aabbccdd"
            "00010000");
}

TEST(RtcpBuilder, CumulativeLossSaturatesAt24Bits) {
  ReportBlock block = kBlock;
  std::array<std::byte, 64> buffer;
  for (const auto& [value, expected] : {std::pair{0x7fffffff, 0x7fffff}, {-0x7fffffff, -0x800000}, {-1, -1}}) {
    block.cumulative_lost = value;
    RtcpBuilder builder(buffer);
    builder.AddReceiverReport({1}, std::span(&block, 1));
    const auto view = RtcpView::Parse(*builder.Finish());
    EXPECT_EQ(view->begin()->ParseReceiverReport()->blocks[0].cumulative_lost, expected);
  }
}

TEST(RtcpBuilder, CnameOfEveryLengthEndsWithANull) {
  for (size_t length = 0; length <= 255; ++length) {
    const std::string cname(length, 'x');
    std::array<std::byte, 300> buffer;
    RtcpBuilder builder(buffer);
    builder.AddCname({9}, base::AsBytes(cname));
    const auto bytes = builder.Finish();
    ASSERT_TRUE(bytes);
    ASSERT_EQ(bytes->back(), std::byte{0});
    const auto view = RtcpView::Parse(*bytes);
    ASSERT_TRUE(view.ok());
    const auto chunks = view->begin()->ParseSourceDescriptions();
    ASSERT_TRUE(chunks);
    EXPECT_EQ(base::AsText((*chunks)[0].cname), cname);
  }
}

TEST(RtcpBuilder, RefusesWhatBreaksALimit) {
  std::array<std::byte, 2000> buffer;
  const std::vector<ReportBlock> too_many(32, kBlock);
  RtcpBuilder many(buffer);
  many.AddReceiverReport({1}, too_many);
  EXPECT_FALSE(many.Finish());

  RtcpBuilder long_name(buffer);
  long_name.AddCname({1}, base::AsBytes(std::string(256, 'x')));
  EXPECT_FALSE(long_name.Finish());

  RtcpBuilder long_reason(buffer);
  long_reason.AddBye({1}, base::AsBytes(std::string(256, 'x')));
  EXPECT_FALSE(long_reason.Finish());

  RtcpBuilder small(base::MutableByteSpan(buffer).first(20));
  small.AddSenderReport({1}, kInfo, {});
  EXPECT_FALSE(small.Finish());

  EXPECT_FALSE(RtcpBuilder(buffer).Finish());
}

TEST(RtcpView, ReadsAFeedbackMessage) {
  // RFC 4585 section 6.2.1: a generic NACK, in a reduced-size packet (RFC 5506).
  const auto bytes = FromHex("81cd0003 00000001 00000002 00050003");
  const auto view = RtcpView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  const auto feedback = view->begin()->ParseFeedback();
  ASSERT_TRUE(feedback);
  EXPECT_EQ(feedback->format, 1);
  EXPECT_EQ(feedback->sender, Ssrc{1});
  EXPECT_EQ(feedback->media_source, Ssrc{2});
  EXPECT_EQ(ToHex(feedback->control_information), "00050003");
  EXPECT_EQ(ReasonFor("81cd0003 00000001 00000002 00050003", false), DropReason::kRtcpBadType);

  std::array<std::byte, 16> buffer;
  RtcpBuilder builder(buffer);
  builder.AddFeedback(RtcpType::kTransportFeedback, *feedback);
  EXPECT_EQ(ToHex(*builder.Finish()), ToHex(bytes));
}

TEST(RtcpView, StepsOverApplicationAndExtendedReports) {
  const auto bytes = FromHex(
      "80c90001 00000001"
      "83cc0003 00000001 41424344 01020304"
      "80cf0002 00000001 07000000"
      "81cb0001 00000001");
  const auto view = RtcpView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  std::vector<RtcpType> types;
  for (const RtcpBlockView& block : *view) types.push_back(block.type());
  EXPECT_EQ(types, (std::vector{RtcpType::kReceiverReport, RtcpType::kApplication, RtcpType::kExtendedReport,
                                RtcpType::kBye}));
}

TEST(RtcpView, PaddingOfTheLastBlockIsCutOff) {
  const auto bytes = FromHex("a0c90003 00000001 00000000 00000008");
  const auto view = RtcpView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->begin()->body().size(), 4u);
}

TEST(RtcpView, EveryDropReason) {
  EXPECT_EQ(ReasonFor(""), DropReason::kRtcpTruncated);
  EXPECT_EQ(ReasonFor("80c900"), DropReason::kRtcpTruncated);
  EXPECT_EQ(ReasonFor("80c90002 00000001"), DropReason::kRtcpTruncated);
  EXPECT_EQ(ReasonFor("80c90001 00000001 80"), DropReason::kRtcpTruncated);
  EXPECT_EQ(ReasonFor("40c90001 00000001"), DropReason::kRtcpBadVersion);
  EXPECT_EQ(ReasonFor("80c90001 00000001 00cb0000"), DropReason::kRtcpBadVersion);
  EXPECT_EQ(ReasonFor("80600001 00000001"), DropReason::kRtcpBadType);
  EXPECT_EQ(ReasonFor("a0c90001 00000001 80cb0000"), DropReason::kRtcpBadPadding);
  EXPECT_EQ(ReasonFor("a0c90000"), DropReason::kRtcpBadPadding);
  EXPECT_EQ(ReasonFor("a0c90001 00000000"), DropReason::kRtcpBadPadding);
  EXPECT_EQ(ReasonFor("a0c90001 00000003"), DropReason::kRtcpBadPadding);
  EXPECT_EQ(ReasonFor("a0c90001 00000008"), DropReason::kRtcpBadPadding);
}

TEST(RtcpView, BodyThatContradictsItsCountIsNotParsed) {
  for (const char* hex : {"81c80006 00000001 0000000000000000 00000000 00000000 00000000", "80c80001 00000001",
                          "81c90001 00000001", "80c90000"}) {
    const auto bytes = FromHex(hex);
    const auto view = RtcpView::Parse(bytes);
    ASSERT_TRUE(view.ok()) << hex;
    EXPECT_FALSE(view->begin()->ParseSenderReport()) << hex;
    EXPECT_FALSE(view->begin()->ParseReceiverReport()) << hex;
  }
  // CVE-2021-43804's shape: a BYE whose reason is longer than the block.
  const auto bye = FromHex("81cb0002 00000001 ff414141");
  EXPECT_FALSE(RtcpView::Parse(bye)->begin()->ParseBye());
  const auto no_source = FromHex("81cb0000");
  EXPECT_FALSE(RtcpView::Parse(no_source)->begin()->ParseBye());
  const auto endless_item = FromHex("81ca0002 00000001 01ff4141");
  EXPECT_FALSE(RtcpView::Parse(endless_item)->begin()->ParseSourceDescriptions());
  const auto no_null = FromHex("81ca0002 00000001 01024141");
  EXPECT_FALSE(RtcpView::Parse(no_null)->begin()->ParseSourceDescriptions());
  const auto short_feedback = FromHex("81cd0001 00000001");
  EXPECT_FALSE(RtcpView::Parse(short_feedback)->begin()->ParseFeedback());
}

TEST(RtcpView, ReadsTwoChunks) {
  // RFC 3550 section 6.5: NOTE before CNAME, chunks on 32-bit boundaries.
  const auto bytes = FromHex(
      "82ca0006 00000001 0701 58 0101 41 00 00"
      "00000002 0102 4243 00 000000");
  const auto chunks = RtcpView::Parse(bytes)->begin()->ParseSourceDescriptions();
  ASSERT_TRUE(chunks);
  ASSERT_EQ(chunks->size(), 2u);
  EXPECT_EQ(base::AsText((*chunks)[0].cname), "A");
  EXPECT_EQ((*chunks)[1].source, Ssrc{2});
  EXPECT_EQ(base::AsText((*chunks)[1].cname), "BC");
}

}  // namespace
}  // namespace byon::rtp
