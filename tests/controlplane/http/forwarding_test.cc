#include "controlplane/http/forwarding.h"

#include <gtest/gtest.h>

#include <string>

namespace byon::http {
namespace {

ProxyTrust Trust(bool uses_forwarded) {
  ProxyTrust trust;
  EXPECT_TRUE(trust.proxies.Add("10.0.0.0/8"));
  EXPECT_TRUE(trust.proxies.Add("2001:db8:1::/48"));
  trust.uses_forwarded = uses_forwarded;
  return trust;
}

std::string ByForwardedFor(const std::string& list, const std::string& peer = "10.0.0.1") {
  return ClientOf(Trust(false), peer,
                  {.forwarded = "for=203.0.113.99",
                   .x_forwarded_for = list,
                   .x_forwarded_proto = "",
                   .x_forwarded_host = ""})
      .address;
}

Client ByForwarded(const std::string& list, const std::string& peer = "10.0.0.1") {
  return ClientOf(
      Trust(true), peer,
      {.forwarded = list, .x_forwarded_for = "203.0.113.99", .x_forwarded_proto = "ftp", .x_forwarded_host = "evil"});
}

TEST(ForwardingTest, OnlyTrustedProxiesAreBelieved) {
  EXPECT_EQ(ByForwardedFor("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(ByForwardedFor("203.0.113.7", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(ByForwarded("for=203.0.113.7").address, "203.0.113.7");
  const Client stranger = ByForwarded("for=203.0.113.7;proto=https;host=gw.example", "192.0.2.1");
  EXPECT_EQ(stranger.address, "192.0.2.1");
  EXPECT_EQ(stranger.scheme + stranger.host, "");
  EXPECT_FALSE(stranger.is_forwarded);
  EXPECT_FALSE(ProxyTrust{}.Trusts("127.0.0.1"));
}

TEST(ForwardingTest, WhatTheClientWroteStandsBeforeWhatTheProxyAdds) {
  EXPECT_EQ(ByForwardedFor("198.51.100.1, 203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(ByForwardedFor("10.9.9.9, 203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(ByForwardedFor("198.51.100.1, 203.0.113.7, 10.0.0.2"), "203.0.113.7") << "two proxies of ours";
  EXPECT_EQ(ByForwardedFor("10.0.0.3,10.0.0.2"), "10.0.0.3") << "a client in our own network";
  EXPECT_EQ(ByForwarded("for=198.51.100.1;host=evil, for=203.0.113.7;host=gw.example").host, "gw.example");
}

TEST(ForwardingTest, EndsAtWhatIsNoAddress) {
  for (const char* list : {"", ",", "unknown", "_hidden", "203.0.113.7, unknown", "203.0.113", "gw.example",
                           "203.0.113.7:x", "[203.0.113.7]", "[2001:db8::1", "fe80::1%eth0"}) {
    EXPECT_EQ(ByForwardedFor(list), "10.0.0.1") << list;
  }
  EXPECT_EQ(ByForwardedFor("203.0.113.7, unknown, 10.0.0.2"), "10.0.0.2");
}

TEST(ForwardingTest, SpellsAnAddressOneWay) {
  EXPECT_EQ(ByForwardedFor("203.0.113.7:4711"), "203.0.113.7");
  EXPECT_EQ(ByForwardedFor("2001:DB8:0::7"), "2001:db8::7");
  EXPECT_EQ(ByForwardedFor("[2001:db8::7]:4711"), "2001:db8::7");
  EXPECT_EQ(ByForwardedFor("::ffff:203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(ByForwardedFor("203.0.113.7", "::ffff:10.0.0.1"), "203.0.113.7");
  EXPECT_EQ(ByForwardedFor("203.0.113.7", "2001:db8:1::5"), "203.0.113.7");
}

// The examples of RFC 7239 section 4 among them.
TEST(ForwardingTest, ReadsForwarded) {
  EXPECT_EQ(ByForwarded("For=\"[2001:db8:cafe::17]:4711\"").address, "2001:db8:cafe::17");
  const Client client = ByForwarded("for=192.0.2.60;proto=http;by=203.0.113.43");
  EXPECT_EQ(client.address, "192.0.2.60");
  EXPECT_EQ(client.scheme, "http");
  EXPECT_EQ(ByForwarded("for=192.0.2.43, for=198.51.100.17").address, "198.51.100.17");
  const Client chained =
      ByForwarded("for=203.0.113.7;proto=HTTPS;host=\"gw.example:8443\",for=10.0.0.2;proto=http;host=inner");
  EXPECT_EQ(chained.address, "203.0.113.7");
  EXPECT_EQ(chained.scheme, "https");
  EXPECT_EQ(chained.host, "gw.example:8443");
  EXPECT_EQ(ByForwarded("by=10.0.0.1;extension=\"a\\\"b,c;d\";for=203.0.113.7").address, "203.0.113.7");
}

TEST(ForwardingTest, AFaultIsNobodysAddress) {
  for (const char* list :
       {"for", "for=", "for=1.2.3.4;for=5.6.7.8", "for=\"1.2.3.4", "for=1.2.3.4 5.6.7.8", "=x", ";", "for=\"a\\",
        // Who opens a quote cannot swallow what the proxy adds and put something in its place.
        "for=198.51.100.1;by=\", for=\"[2001:db8::7]:1\"", "by=\", for=203.0.113.7"}) {
    EXPECT_EQ(ByForwarded(list).address, "10.0.0.1") << list;
  }
}

TEST(ForwardingTest, TakesSchemesAndHostsAndNothingElse) {
  const auto told = [](const char* proto, const char* host) {
    const Client client = ClientOf(
        Trust(false), "10.0.0.1",
        {.forwarded = "", .x_forwarded_for = "203.0.113.7", .x_forwarded_proto = proto, .x_forwarded_host = host});
    return client.scheme + " " + client.host;
  };
  EXPECT_EQ(told("https", "gw.example:8443"), "https gw.example:8443");
  EXPECT_EQ(told("http, HTTPS", "evil, [2001:db8::1]:443"), "https [2001:db8::1]:443");
  EXPECT_EQ(told("javascript", "gw.example/path"), " ");
  EXPECT_EQ(told("", "a b"), " ");
}

TEST(NetworkOfTest, IsWhatACustomerHas) {
  using auth::NetworkOf;
  EXPECT_EQ(NetworkOf("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(NetworkOf("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(NetworkOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(NetworkOf("2001:db8:1:2::9"), NetworkOf("2001:DB8:1:2:ffff::"));
  EXPECT_NE(NetworkOf("2001:db8:1:2::9"), NetworkOf("2001:db8:1:3::9"));
  EXPECT_EQ(NetworkOf("2001:db8:1:2ff::9", 56), "2001:db8:1:200::");
  EXPECT_EQ(NetworkOf("2001:db8::9", 128), "2001:db8::9");
  EXPECT_EQ(NetworkOf("::1"), "::");
  EXPECT_EQ(NetworkOf("fe80::1%eth0"), "fe80::1%eth0");
  for (const char* none : {"", "nonsense", "192.0.2.300"}) EXPECT_EQ(NetworkOf(none), none);
}

TEST(AddressRangesTest, TakesNetworksWithoutStrayBits) {
  auth::AddressRanges ranges;
  for (const char* good :
       {"192.0.2.7", "10.0.0.0/8", "192.168.128.0/17", "2001:db8::/32", "::1", "172.16.0.0/12", "1.2.3.4/32"}) {
    EXPECT_TRUE(ranges.Add(good)) << good;
  }
  for (const char* bad : {"", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.0/", "10.0.0.0/-1",
                          "10.0.0.0/8x", "gw.example", "10.0.0", "[::1]", "2001:db8::1/32", "10.0.0.0/ 8"}) {
    EXPECT_FALSE(ranges.Add(bad)) << bad;
  }
  const auto contains = [&ranges](const char* text) { return ranges.Contains(*auth::NetworkAddress::Parse(text)); };
  EXPECT_TRUE(contains("10.255.0.1"));
  EXPECT_TRUE(contains("192.168.255.255"));
  EXPECT_TRUE(contains("2001:db8:ffff::1"));
  EXPECT_FALSE(contains("192.168.127.255"));
  EXPECT_FALSE(contains("11.0.0.0"));
  EXPECT_FALSE(contains("192.0.2.8"));
  EXPECT_FALSE(contains("2001:db9::1"));
}

}  // namespace
}  // namespace byon::http
