#include "tests/dataplane/net/ip_host_fixture.h"

#include <set>

#include "tests/dataplane/support/hex.h"

namespace byon::net {
namespace {

using test::FromHex;

TEST(Checksum, KnownValues) {
  // RFC 1071 section 3.
  EXPECT_EQ(InternetChecksum(FromHex("0001f203f4f5f6f7")), 0x220d);
  EXPECT_EQ(InternetChecksum(FromHex("0001f2")), 0x0dfe);
  EXPECT_EQ(InternetChecksum({}), 0xffff);
  EXPECT_EQ(InternetChecksum(Bytes(70'000, std::byte{0xff})), 0);
}

TEST(DropReason, EveryReasonHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(DropReasonName(static_cast<DropReason>(i)));
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_FALSE(names.contains("net_unknown"));
}

}  // namespace
}  // namespace byon::net
