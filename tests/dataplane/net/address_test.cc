#include <gtest/gtest.h>

#include <unordered_set>

#include "dataplane/net/mac_address.h"
#include "dataplane/net/route_table.h"
#include "dataplane/net/socket_address.h"

namespace byon::net {
namespace {

static_assert(std::is_trivially_copyable_v<SocketAddress>);

TEST(IpAddress, CanonicalText) {
  // RFC 4291 section 2.2, RFC 5952 section 4 and its examples.
  const std::pair<const char*, const char*> cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
      {"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::FFFF:c000:0201", "192.0.2.1"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
      {"fe80::1:2:3", "fe80::1:2:3"},
  };
  for (const auto& [text, canonical] : cases) {
    const auto address = IpAddress::Parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->ToString(), canonical);
    EXPECT_EQ(IpAddress::Parse(address->ToString()), address);
    EXPECT_EQ(IpAddress::FromBytes(address->bytes()), address);
  }
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.",
                           ".1.2.3",
                           "1..2.3",
                           "1.2.3.-4",
                           "0x7f.0.0.1",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "::1::",
                           "1:2:3:4:5:6:7:8:9",
                           "12345::",
                           "g::",
                           "1:2:3:4:5:6:7::8",
                           "::1.2.3",
                           "1.2.3.4::",
                           "::1.2.3.4:5",
                           "fe80::1%eth0",
                           "[::1]",
                           ":1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:",
                           "localhost"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::FromBytes({}));
  EXPECT_FALSE(IpAddress::FromBytes(base::AsBytes("12345")));
}

TEST(IpAddress, Kinds) {
  const auto at = [](const char* text) { return *IpAddress::Parse(text); };
  EXPECT_TRUE(at("::ffff:127.0.0.1").is_v4());
  EXPECT_TRUE(at("::ffff:127.0.0.1").is_loopback());
  EXPECT_TRUE(at("::1").is_loopback());
  EXPECT_FALSE(at("::1").is_v4());
  EXPECT_TRUE(at("::").is_unspecified());
  EXPECT_TRUE(at("0.0.0.0").is_unspecified());
  EXPECT_TRUE(at("224.0.0.1").is_multicast());
  EXPECT_TRUE(at("239.255.255.255").is_multicast());
  EXPECT_FALSE(at("240.0.0.1").is_multicast());
  EXPECT_TRUE(at("ff02::1").is_multicast());
  EXPECT_TRUE(at("255.255.255.255").is_broadcast());
  EXPECT_TRUE(at("169.254.1.1").is_link_local());
  EXPECT_TRUE(at("fe80::1").is_link_local());
  EXPECT_TRUE(at("febf::1").is_link_local());
  EXPECT_FALSE(at("fec0::1").is_link_local());
}

TEST(IpAddress, HashesSpread) {
  std::unordered_set<size_t> buckets;
  for (uint8_t i = 0; i < 250; ++i) buckets.insert(IpAddress::V4(10, 0, 0, i).Hash() % 1024);
  EXPECT_GT(buckets.size(), 180u);
}

TEST(IpPrefix, ContainsAndBroadcast) {
  const auto prefix = IpPrefix::Parse("192.0.2.77/26");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->ToString(), "192.0.2.64/26");
  EXPECT_TRUE(prefix->Contains(IpAddress::V4(192, 0, 2, 64)));
  EXPECT_TRUE(prefix->Contains(IpAddress::V4(192, 0, 2, 127)));
  EXPECT_FALSE(prefix->Contains(IpAddress::V4(192, 0, 2, 128)));
  EXPECT_EQ(prefix->BroadcastAddress(), IpAddress::V4(192, 0, 2, 127));
  EXPECT_EQ(IpPrefix::Parse("2001:db8::1/61")->ToString(), "2001:db8::/61");
  EXPECT_TRUE(IpPrefix::Parse("0.0.0.0/0")->Contains(IpAddress::V4(8, 8, 8, 8)));
  EXPECT_FALSE(IpPrefix::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("2001:db8::1")));
  EXPECT_TRUE(IpPrefix::Parse("::/0")->Contains(*IpAddress::Parse("2001:db8::1")));
  EXPECT_FALSE(IpPrefix::Parse("::/0")->Contains(IpAddress::V4(8, 8, 8, 8)));
  EXPECT_EQ(IpPrefix::Parse("192.0.2.1")->length, 32);
  EXPECT_FALSE(IpPrefix::Parse("192.0.2.1/33"));
  EXPECT_FALSE(IpPrefix::Parse("192.0.2.1/"));
  EXPECT_FALSE(IpPrefix::Parse("2001:db8::/129"));
  EXPECT_FALSE(IpPrefix::Parse("192.0.2.0/31")->BroadcastAddress());
}

TEST(SocketAddress, Text) {
  EXPECT_EQ(SocketAddress::Parse("192.0.2.1:5004")->ToString(), "192.0.2.1:5004");
  EXPECT_EQ(SocketAddress::Parse("[2001:db8::1]:0")->ToString(), "[2001:db8::1]:0");
  for (const char* text : {"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "2001:db8::1:5004",
                           "[192.0.2.1]:5004", "[::1]", "[::1:5", "::1]:5"}) {
    EXPECT_FALSE(SocketAddress::Parse(text)) << text;
  }
}

TEST(MacAddress, TextAndGroups) {
  EXPECT_EQ(MacAddress::Parse("02:00:5E:10:00:ff")->ToString(), "02:00:5e:10:00:ff");
  for (const char* text :
       {"", "02:00:5e:10:00", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg", "02:00:5e:10:00:ff:00", "0200:5e:10:00:ff1"}) {
    EXPECT_FALSE(MacAddress::Parse(text)) << text;
  }
  EXPECT_TRUE(MacAddress::Broadcast().is_group());
  // RFC 1112 section 6.4; RFC 2464 section 7.
  EXPECT_EQ(MacAddress::ForMulticast(IpAddress::V4(224, 128, 1, 2)).ToString(), "01:00:5e:00:01:02");
  EXPECT_EQ(MacAddress::ForMulticast(*IpAddress::Parse("ff02::1:ff28:9c5a")).ToString(), "33:33:ff:28:9c:5a");
}

TEST(RouteTable, LinkGatewayOrNothing) {
  RouteTable routes;
  ASSERT_TRUE(routes.AddConnected(*IpPrefix::Parse("192.0.2.0/24")));
  ASSERT_TRUE(routes.AddConnected(*IpPrefix::Parse("2001:db8::/64")));
  EXPECT_EQ(routes.NextHop(IpAddress::V4(192, 0, 2, 9)), IpAddress::V4(192, 0, 2, 9));
  EXPECT_FALSE(routes.NextHop(IpAddress::V4(198, 51, 100, 1)));
  routes.SetDefaultGateway(IpAddress::V4(192, 0, 2, 1));
  EXPECT_EQ(routes.NextHop(IpAddress::V4(198, 51, 100, 1)), IpAddress::V4(192, 0, 2, 1));
  const IpAddress far = *IpAddress::Parse("2001:db8:1::1");
  EXPECT_FALSE(routes.NextHop(far));
  routes.SetDefaultGateway(*IpAddress::Parse("fe80::1"));
  EXPECT_EQ(routes.NextHop(far), IpAddress::Parse("fe80::1"));
  EXPECT_EQ(routes.NextHop(*IpAddress::Parse("fe80::77")), IpAddress::Parse("fe80::77"));
}

}  // namespace
}  // namespace byon::net
