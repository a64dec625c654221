#include "controlplane/api/wire_format.h"

#include <gtest/gtest.h>

#include "controlplane/api/rate_limiter.h"

namespace byon::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Normal(std::string_view text) {
  const auto time = ParseDateTime(text);
  return time ? FormatDateTime(*time) : "";
}

// RFC 3339 section 5.8 has the second, third and fourth.
TEST(WireFormatTest, ReadsDateTimes) {
  EXPECT_EQ(Normal("2026-05-05T13:32:17.358Z"), "2026-05-05T13:32:17.358Z");
  EXPECT_EQ(Normal("1985-04-12T23:20:50.52Z"), "1985-04-12T23:20:50.520Z");
  EXPECT_EQ(Normal("1996-12-19T16:39:57-08:00"), "1996-12-20T00:39:57.000Z");
  EXPECT_EQ(Normal("1990-12-31T23:59:60Z"), "1991-01-01T00:00:00.000Z");
  EXPECT_EQ(Normal("2024-02-29t00:00:00.1234567+05:30"), "2024-02-28T18:30:00.123Z");
  for (const char* bad :
       {"", "2026-05-05", "2026-05-05T13:32:17", "2026-13-05T13:32:17Z", "2026-02-30T13:32:17Z", "2026-05-05T24:00:00Z",
        "2026-05-05T13:32Z", "2026-05-05T13:32:17.Z", "2026-05-05T13:32:17+5:30", "2026-05-05T13:32:17Zx",
        "9999-01-01T00:00:00Z", "-026-05-05T13:32:17Z", "2026-05-05T13:32:61Z", "1969-12-31T00:00:00Z", "now"}) {
    EXPECT_FALSE(ParseDateTime(bad).has_value()) << bad;
  }
}

TEST(WireFormatTest, KnowsUuids) {
  EXPECT_TRUE(IsUuid("550e8400-e29b-41d4-a716-446655440000"));
  EXPECT_TRUE(IsUuid("550E8400-E29B-41D4-A716-446655440000"));
  for (const char* bad : {"", "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000g",
                          "550e8400-e29b-41d4-a716-4466554400000"}) {
    EXPECT_FALSE(IsUuid(bad)) << bad;
  }
}

TEST(WireFormatTest, TellsWhatAnEventCanSay) {
  EXPECT_EQ(ToEventAddress("tel:+34600000001", "ims.test"), "tel:+34600000001");
  EXPECT_EQ(ToEventAddress("sip:anonymous@anonymous.invalid", "ims.test"), "sip:anonymous@anonymous.invalid");
  EXPECT_EQ(ToEventAddress("tel:112;phone-context=+34", "ims.test"), "sip:112@ims.test");
  EXPECT_EQ(ToEventAddress("tel:*21#;phone-context=ims.test", "ims.test"), "sip:%2A21%23@ims.test");
  EXPECT_EQ(ToEventAddress("sip:bob@10.0.0.1", "ims.test"), "sip:bob@ims.test");
  EXPECT_EQ(ToEventAddress("", "ims.test"), "sip:unknown@ims.test");
  EXPECT_EQ(ToEventAddress("tel:112", "localhost"), "sip:unknown@unknown.invalid");
  EXPECT_TRUE(IsEventAddress("sip:+34600000001@ims.test"));
  EXPECT_FALSE(IsEventAddress("urn:service:sos"));
}

TEST(WireFormatTest, KnowsPlainText) {
  EXPECT_TRUE(IsPlainText("Zoë 😀"));
  for (const char* bad : {"a\nb", "a\x7f", "a\xc2\x85", "\xe2\x80\xa8", "\xff", "\xc0\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xe2\x80"}) {
    EXPECT_FALSE(IsPlainText(bad)) << bad;
  }
  EXPECT_EQ(CharacterCount("Zoë😀"), 4u);
}

TEST(WireFormatTest, DecodesUrls) {
  EXPECT_EQ(PercentDecode("a%2Fb+c", false), "a/b+c");
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_FALSE(PercentDecode("%", false).has_value());
  EXPECT_FALSE(PercentDecode("%g0", false).has_value());
  EXPECT_FALSE(PercentDecode("%00", false).has_value());
  EXPECT_EQ(QueryValue("a=1&deviceId=x%2Dy&deviceId=z", "deviceId"), "x-y");
  EXPECT_EQ(QueryValue("a", "a"), "");
  EXPECT_FALSE(QueryValue("ab=1&&b", "a").has_value());
}

TEST(RateLimiterTest, RefillsWithTimeAndStaysBounded) {
  RateLimiter limiter(10, 3);
  WallTime now{std::chrono::hours(1000)};
  const auto take_all = [&](const std::string& key) {
    int taken = 0;
    while (limiter.Take(key, now)) ++taken;
    return taken;
  };
  EXPECT_EQ(take_all("a"), 20);
  now += milliseconds(500);
  EXPECT_EQ(take_all("a"), 5);
  now -= seconds(100);
  EXPECT_EQ(take_all("a"), 0) << "a clock set back gives nothing";
  for (const char* key : {"b", "c", "d", "e"}) EXPECT_EQ(take_all(key), 20);
  for (const char* key : {"c", "d", "e"}) EXPECT_EQ(take_all(key), 0) << key;
  EXPECT_EQ(take_all("b"), 20) << "it was not seen for longest";
  EXPECT_EQ(take_all("d"), 0);
}

}  // namespace
}  // namespace byon::api
