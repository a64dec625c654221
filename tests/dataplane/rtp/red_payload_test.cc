#include "dataplane/rtp/red_payload.h"

#include <gtest/gtest.h>

#include "tests/dataplane/support/hex.h"

namespace byon::rtp {
namespace {

using test::FromHex;
using test::ToHex;

// The header layout of RFC 2198 section 3: F, type, 14 bits of offset, 10 bits of length; then F = 0, type.
TEST(RedPayload, ReadsOneCopyAndThePrimary) {
  // 111 repeated: 960 units (0x3c0) earlier, 3 octets: 960 << 10 | 3 = 0x0f0003.
  const auto bytes = FromHex("ef 0f0003 6f a1a2a3 b1b2");
  const auto red = RedPayloadView::Parse(bytes);
  ASSERT_TRUE(red);
  ASSERT_EQ(red->redundant().size(), 1u);
  EXPECT_EQ(red->redundant()[0].payload_type.value, 111);
  EXPECT_EQ(red->redundant()[0].timestamp_offset, 960);
  EXPECT_EQ(ToHex(red->redundant()[0].payload), "a1a2a3");
  EXPECT_EQ(red->primary().payload_type.value, 111);
  EXPECT_EQ(red->primary().timestamp_offset, 0);
  EXPECT_EQ(ToHex(red->primary().payload), "b1b2");
}

TEST(RedPayload, ReadsTheLargestFields) {
  auto bytes = FromHex("ff ffffff 7f");
  bytes.resize(bytes.size() + 1023 + 1);
  const auto red = RedPayloadView::Parse(bytes);
  ASSERT_TRUE(red);
  EXPECT_EQ(red->redundant()[0].payload_type.value, 127);
  EXPECT_EQ(red->redundant()[0].timestamp_offset, 16383);
  EXPECT_EQ(red->redundant()[0].payload.size(), 1023u);
  EXPECT_EQ(red->primary().payload.size(), 1u);
}

TEST(RedPayload, ReadsThePrimaryAlone) {
  const auto bytes = FromHex("6f b1b2");
  const auto red = RedPayloadView::Parse(bytes);
  ASSERT_TRUE(red);
  EXPECT_TRUE(red->redundant().empty());
  EXPECT_EQ(ToHex(red->primary().payload), "b1b2");
}

TEST(RedPayload, KeepsTheOrderOfSeveralCopiesAndEmptyOnes) {
  const auto bytes = FromHex("ef 1e0001 ef 0f0000 6f a1 b1");
  const auto red = RedPayloadView::Parse(bytes);
  ASSERT_TRUE(red);
  ASSERT_EQ(red->redundant().size(), 2u);
  EXPECT_EQ(red->redundant()[0].timestamp_offset, 1920);
  EXPECT_EQ(ToHex(red->redundant()[0].payload), "a1");
  EXPECT_TRUE(red->redundant()[1].payload.empty());
}

TEST(RedPayload, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(RedPayloadView::Parse({}));
  // Every packet cut anywhere inside its headers or its copies.
  const auto good = FromHex("ef 1e0002 ef 0f0003 6f a1a2 b1b2b3 c1");
  for (size_t bytes = 0; bytes < good.size() - 1; ++bytes) {
    EXPECT_FALSE(RedPayloadView::Parse(base::ByteSpan(good).first(bytes))) << bytes;
  }
  EXPECT_TRUE(RedPayloadView::Parse(base::ByteSpan(good).first(good.size() - 1)));
  const auto not_in_order = FromHex("ef 0f0001 ef 1e0001 6f a1 b1 c1");
  EXPECT_FALSE(RedPayloadView::Parse(not_in_order));
}

TEST(RedPayload, BoundsTheNumberOfBlocks) {
  std::vector<std::byte> bytes;
  for (size_t blocks = 1; blocks < 40; ++blocks) {
    auto packet = bytes;
    packet.push_back(std::byte{0x6f});
    EXPECT_EQ(RedPayloadView::Parse(packet).has_value(), blocks <= kMaxRedBlocks) << blocks;
    const auto header = FromHex("ef 0f0000");
    bytes.insert(bytes.end(), header.begin(), header.end());
  }
}

}  // namespace
}  // namespace byon::rtp
