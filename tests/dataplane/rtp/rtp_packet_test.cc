#include <gtest/gtest.h>

#include <array>
#include <set>

#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "tests/dataplane/support/hex.h"

namespace byon::rtp {
namespace {

using test::FromHex;
using test::ToHex;

DropReason ReasonFor(std::string_view hex) {
  const auto bytes = FromHex(hex);
  const auto view = RtpPacketView::Parse(bytes);
  EXPECT_FALSE(view.ok());
  return view.ok() ? DropReason::kTruncatedHeader : view.error();
}

TEST(RtpPacketView, ReadsTheFixedHeader) {
  // RFC 3550 section 5.1: V=2, M=1, PT=96.
  const auto bytes = FromHex("80e0 1234 0000a0b0 deadbeef 010203");
  const auto view = RtpPacketView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->marker());
  EXPECT_EQ(view->payload_type(), PayloadType{96});
  EXPECT_EQ(view->sequence_number(), SequenceNumber{0x1234});
  EXPECT_EQ(view->timestamp(), RtpTimestamp{0xa0b0});
  EXPECT_EQ(view->ssrc(), Ssrc{0xdeadbeef});
  EXPECT_EQ(view->csrc_count(), 0u);
  EXPECT_FALSE(view->has_extension());
  EXPECT_EQ(view->extension_profile(), 0);
  EXPECT_EQ(view->FindExtension(1), std::nullopt);
  EXPECT_EQ(view->header_bytes(), 12u);
  EXPECT_EQ(ToHex(view->payload()), "010203");
}

TEST(RtpPacketView, ReadsCsrcsExtensionAndPadding) {
  const auto bytes = FromHex(
      "b2 60 0001 00000002 00000003 11111111 22222222"
      "bede 0001 10aa 0000"
      "c0ffee 00000004");
  const auto view = RtpPacketView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  ASSERT_EQ(view->csrc_count(), 2u);
  EXPECT_EQ(view->csrc(0), Ssrc{0x11111111});
  EXPECT_EQ(view->csrc(1), Ssrc{0x22222222});
  EXPECT_EQ(view->extension_profile(), kOneByteExtensionProfile);
  EXPECT_EQ(view->header_bytes(), 28u);
  EXPECT_EQ(view->padding_bytes(), 4u);
  EXPECT_EQ(ToHex(view->payload()), "c0ffee");
}

TEST(RtpPacketView, FindsOneByteExtensions) {
  // RFC 8285 section 4.2: ids 1 (1 byte), 2 (3 bytes), padding, 3 (2 bytes).
  const auto bytes = FromHex("90 60 0001 00000002 00000003 bede 0003 10ff 22010203 00 31aabb 000000 99");
  const auto view = RtpPacketView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(ToHex(*view->FindExtension(1)), "ff");
  EXPECT_EQ(ToHex(*view->FindExtension(2)), "010203");
  EXPECT_EQ(ToHex(*view->FindExtension(3)), "aabb");
  EXPECT_FALSE(view->FindExtension(4));
  EXPECT_FALSE(view->FindExtension(0));
}

TEST(RtpPacketView, StopsAtTheReservedId15) {
  const auto bytes = FromHex("90 60 0001 00000002 00000003 bede 0001 f0 00 10 aa");
  EXPECT_FALSE(RtpPacketView::Parse(bytes)->FindExtension(1));
}

TEST(RtpPacketView, ElementThatRunsPastItsBlockIsAbsent) {
  const auto bytes = FromHex("90 60 0001 00000002 00000003 bede 0001 00 00 00 1f");
  EXPECT_FALSE(RtpPacketView::Parse(bytes)->FindExtension(1));
  const auto two_byte = FromHex("90 60 0001 00000002 00000003 1000 0001 00 00 01 05");
  EXPECT_FALSE(RtpPacketView::Parse(two_byte)->FindExtension(1));
}

TEST(RtpPacketView, FindsTwoByteExtensions) {
  // RFC 8285 section 4.3; the low four bits of the profile are "appbits".
  const auto bytes = FromHex("90 60 0001 00000002 00000003 1003 0003 01 00 00 14 03 aabbcc 15 01 7f 00");
  const auto view = RtpPacketView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  ASSERT_TRUE(view->FindExtension(1));
  EXPECT_TRUE(view->FindExtension(1)->empty());
  EXPECT_EQ(ToHex(*view->FindExtension(20)), "aabbcc");
  EXPECT_EQ(ToHex(*view->FindExtension(21)), "7f");
}

TEST(RtpPacketView, ForeignExtensionProfileHasNoElements) {
  const auto bytes = FromHex("90 60 0001 00000002 00000003 abcd 0001 10ff 0000");
  const auto view = RtpPacketView::Parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(ToHex(view->extension_block()), "10ff0000");
  EXPECT_FALSE(view->FindExtension(1));
}

TEST(RtpPacketView, EmptyPayloadIsAllowed) {
  const auto bytes = FromHex("80 60 0001 00000002 00000003");
  ASSERT_TRUE(RtpPacketView::Parse(bytes).ok());
  EXPECT_TRUE(RtpPacketView::Parse(bytes)->payload().empty());
}

TEST(RtpPacketView, EncryptedPaddingIsNotLookedAt) {
  const auto bytes = FromHex("a0 60 0001 00000002 00000003 aabbccff");
  EXPECT_FALSE(RtpPacketView::Parse(bytes).ok());
  const auto view = RtpPacketView::Parse(bytes, true);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->payload().size(), 4u);
}

TEST(RtpPacketView, EveryDropReason) {
  EXPECT_EQ(ReasonFor(""), DropReason::kTruncatedHeader);
  EXPECT_EQ(ReasonFor("80 60 0001 00000002 000000"), DropReason::kTruncatedHeader);
  EXPECT_EQ(ReasonFor("82 60 0001 00000002 00000003 11111111"), DropReason::kTruncatedHeader);
  EXPECT_EQ(ReasonFor("40 60 0001 00000002 00000003"), DropReason::kBadVersion);
  EXPECT_EQ(ReasonFor("c0 60 0001 00000002 00000003"), DropReason::kBadVersion);
  EXPECT_EQ(ReasonFor("90 60 0001 00000002 00000003 bede"), DropReason::kBadExtension);
  EXPECT_EQ(ReasonFor("90 60 0001 00000002 00000003 bede 0002 00000000"), DropReason::kBadExtension);
  EXPECT_EQ(ReasonFor("90 60 0001 00000002 00000003 bede ffff 00000000"), DropReason::kBadExtension);
  EXPECT_EQ(ReasonFor("a0 60 0001 00000002 00000003"), DropReason::kBadPadding);
  EXPECT_EQ(ReasonFor("a0 60 0001 00000002 00000003 aabb00"), DropReason::kBadPadding);
  EXPECT_EQ(ReasonFor("a0 60 0001 00000002 00000003 aabb04"), DropReason::kBadPadding);
}

TEST(RtpPacketView, PaddingMayFillTheWholePayload) {
  const auto bytes = FromHex("a0 60 0001 00000002 00000003 000003");
  ASSERT_TRUE(RtpPacketView::Parse(bytes).ok());
  EXPECT_TRUE(RtpPacketView::Parse(bytes)->payload().empty());
}

constexpr RtpHeader kHeader{true, {111}, {0xfffe}, {0x01020304}, {0xcafebabe}};

TEST(RtpPacketBuilder, WritesWhatTheViewReads) {
  std::array<std::byte, 200> buffer;
  RtpPacketBuilder builder(buffer, kHeader);
  builder.AddCsrc({7});
  builder.AddExtension(1, FromHex("80"));
  builder.AddExtension(5, FromHex("010203"));
  builder.SetPayload(FromHex("a1a2a3a4a5"));
  const auto bytes = builder.Finish();
  ASSERT_TRUE(bytes);
  EXPECT_EQ(ToHex(*bytes),
            "91effffe01020304cafebabe00000007"
            "bede0002"
            "1080"
            "52010203"
            "0000"
            "a1a2a3a4a5");
  const auto view = RtpPacketView::Parse(*bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->payload_type(), kHeader.payload_type);
  EXPECT_EQ(view->csrc(0), Ssrc{7});
  EXPECT_EQ(ToHex(*view->FindExtension(5)), "010203");
  EXPECT_EQ(ToHex(view->payload()), "a1a2a3a4a5");
}

TEST(RtpPacketBuilder, PayloadMayBeWrittenInPlace) {
  std::array<std::byte, 16> buffer;
  RtpPacketBuilder builder(buffer, kHeader);
  const base::MutableByteSpan room = builder.PayloadRoom();
  ASSERT_EQ(room.size(), 4u);
  room[0] = std::byte{0x42};
  EXPECT_EQ(ToHex(builder.Finish(1)->last(1)), "42");
  EXPECT_FALSE(builder.Finish(5));
}

TEST(RtpPacketBuilder, PadsToABlock) {
  std::array<std::byte, 64> buffer;
  RtpPacketBuilder builder(buffer, kHeader);
  builder.SetPayload(FromHex("aabbcc"));
  builder.PadTo(16);
  const auto bytes = builder.Finish();
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), 16u);
  EXPECT_EQ(RtpPacketView::Parse(*bytes)->padding_bytes(), 1u);
  EXPECT_EQ(ToHex(RtpPacketView::Parse(*bytes)->payload()), "aabbcc");
}

TEST(RtpPacketBuilder, RefusesWhatDoesNotFitOrIsOutOfOrder) {
  std::array<std::byte, 14> buffer;
  RtpPacketBuilder too_big(buffer, kHeader);
  too_big.SetPayload(FromHex("010203"));
  EXPECT_FALSE(too_big.Finish());

  std::array<std::byte, 4> tiny;
  EXPECT_FALSE(RtpPacketBuilder(tiny, kHeader).Finish());
  EXPECT_FALSE(RtpPacketBuilder({}, kHeader).Finish());

  RtpHeader bad_type = kHeader;
  bad_type.payload_type = {128};
  std::array<std::byte, 100> room;
  EXPECT_FALSE(RtpPacketBuilder(room, bad_type).Finish());

  RtpPacketBuilder late_csrc(room, kHeader);
  late_csrc.SetPayload({});
  late_csrc.AddCsrc({1});
  EXPECT_FALSE(late_csrc.Finish());

  RtpPacketBuilder bad_id(room, kHeader);
  bad_id.AddExtension(15, FromHex("00"));
  EXPECT_FALSE(bad_id.Finish());

  RtpPacketBuilder many(room, kHeader);
  for (uint32_t i = 0; i < 16; ++i) many.AddCsrc({i});
  EXPECT_FALSE(many.Finish());
}

TEST(SequenceNumber, WrapsAround) {
  EXPECT_EQ(SequenceNumber{0xffff} + 1, SequenceNumber{0});
  EXPECT_EQ(SequenceNumber{0} + -1, SequenceNumber{0xffff});
  EXPECT_EQ(RtpTimestamp{5} - RtpTimestamp{0xfffffffb}, 10);
  EXPECT_EQ(RtpTimestamp{0xfffffffb} + 10, RtpTimestamp{5});
}

TEST(DropReason, EveryReasonHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(DropReasonName(static_cast<DropReason>(i)));
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_FALSE(names.contains("rtp_unknown"));
}

}  // namespace
}  // namespace byon::rtp
