#include "controlplane/sip/text/header_text.h"

#include "controlplane/sip/text/diversion.h"

#include <gtest/gtest.h>

namespace byon::sip {
namespace {

TEST(HeaderTextTest, NameAddr) {
  const auto quoted = ParseNameAddr("\"Mr. \\\"X\\\" <a,b>\" <sip:+34@ims.test;user=phone>;tag=1;Q=\"a;b\"");
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->display_name, "Mr. \"X\" <a,b>");
  EXPECT_EQ(quoted->uri, "sip:+34@ims.test;user=phone");
  EXPECT_EQ(quoted->Parameter("tag"), "1");
  EXPECT_EQ(quoted->Parameter("q"), "a;b");
  EXPECT_EQ(quoted->Parameter("none"), std::nullopt);
  const auto plain = ParseNameAddr("sip:a@b;expires=3");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->uri, "sip:a@b");
  EXPECT_EQ(plain->Parameter("expires"), "3");
  EXPECT_EQ(ParseNameAddr("Bob Smith <tel:+34>")->display_name, "Bob Smith");
  for (const char* bad : {"", "<sip:a", "\"open <sip:a@b>", "\"x\" sip:a@b", "<>", "<sip:a@b> junk"}) {
    EXPECT_FALSE(ParseNameAddr(bad)) << bad;
  }
}

TEST(HeaderTextTest, Lists) {
  EXPECT_EQ(SplitHeaderList("<sip:a,b@c>, \"x,y\" <sip:d>,,e"),
            (std::vector<std::string>{"<sip:a,b@c>", "\"x,y\" <sip:d>", "e"}));
  EXPECT_TRUE(SplitHeaderList("").empty());
  EXPECT_EQ(SplitHeaderList(std::string(500, ',') + "a").size(), 1u);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "x,";
  EXPECT_EQ(SplitHeaderList(many).size(), 64u) << "bounded";
  EXPECT_TRUE(ListHas("timer, 100rel", "100REL"));
  EXPECT_FALSE(ListHas("timer, 100reliable", "100rel"));
}

TEST(HeaderTextTest, Uris) {
  const auto full = ParseUri("SIP:user@[2001:db8::1]:5070;transport=tcp?x=y");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->scheme, "sip");
  EXPECT_EQ(full->user, "user");
  EXPECT_EQ(full->host, "[2001:db8::1]");
  EXPECT_EQ(full->port, 5070);
  EXPECT_EQ(full->parameters, "transport=tcp");
  EXPECT_EQ(ParseUri("tel:+34600000001;phone-context=x")->user, "+34600000001");
  EXPECT_EQ(ParseUri("sip:127.0.0.1")->port, 0);
  for (const char* bad : {"", "sip:", "nocolon", ":x", "sip:a@", "sip:a@b:99999", "s p:x"}) {
    EXPECT_FALSE(ParseUri(bad)) << bad;
  }
}

TEST(HeaderTextTest, OnlyHarmlessUrisAreSafe) {
  for (const char* good : {"tel:+34600000001", "tel:*21#", "sip:+34600000001@ims.test;user=phone", "sip:alice@ims.test",
                           "sip:2%2321@ims.test", "sips:a@b", "tel:900123;phone-context=ims.test"}) {
    EXPECT_TRUE(IsSafeUri(good)) << good;
  }
  for (const char* bad : {"", "tel:", "tel:+34x", "tel:abc", "sip:a@b\r\nX: y", "sip:a@b>", "sip:a b@c", "sip:\"a\"@b",
                          "http://x", "sip:+34#@x", "sip:+34z@x", "urn:service:sos", "sip:a\x01@b", "sip:\xc3\xa1@b"}) {
    EXPECT_FALSE(IsSafeUri(bad)) << bad;
  }
}

TEST(HeaderTextTest, DisplayNamesCannotBreakOut) {
  EXPECT_EQ(QuoteDisplayName("a\"b\\c\r\nd"), "\"a\\\"b\\\\cd\"");
  EXPECT_EQ(QuoteDisplayName("\xc3\xa1\xff\xc0\x80\xed\xa0\x80z"), "\"\xc3\xa1z\"");
  EXPECT_EQ(QuoteDisplayName(std::string(500, 'x')).size(), 66u);
  EXPECT_EQ(QuoteDisplayName(std::string(63, 'x') + "\xc3\xa1").size(), 65u) << "whole characters only";
}

TEST(HeaderTextTest, Reasons) {
  const ReasonFields both = ParseReason("SIP;cause=200;text=\"Call completed elsewhere\", Q.850;cause=16");
  EXPECT_EQ(both.sip_cause, 200);
  EXPECT_EQ(both.q850_cause, 16);
  EXPECT_EQ(both.text, "Call completed elsewhere");
  EXPECT_EQ(ParseReason("garbage").sip_cause, 0);
  EXPECT_EQ(ParseReason("SIP;cause=99999").sip_cause, 0);
  EXPECT_EQ(FormatReason({.sip_cause = 486, .q850_cause = 17, .text = "a\"\r\n"}),
            "SIP;cause=486;text=\"a\\\"\", Q.850;cause=17");
  EXPECT_EQ(FormatReason({.sip_cause = 0, .q850_cause = 0, .text = "lonely"}), "");
  EXPECT_EQ(FormatReason({.sip_cause = 100000, .q850_cause = -1, .text = ""}), "");
}

TEST(HeaderTextTest, Numbers) {
  EXPECT_EQ(ParseNumber(" 42 ", 100), 42u);
  for (const char* bad : {"", "-1", "1x", "101", "99999999999999999999", "0x1"}) {
    EXPECT_FALSE(ParseNumber(bad, 100)) << bad;
  }
}

using call::Diversion;
using Reason = call::Diversion::Reason;

// TS 24.604 annex A: the served user's entry, then the target with the cause.
TEST(DiversionTest, HistoryInfo) {  // Covers: C28
  EXPECT_EQ(ReadDiversions(
                {"<sip:+34600000005@ims.test>;index=1", "<sip:+34600000006@ims.test;cause=486>;index=1.1;mp=1",
                 "<sip:+34600000001@ims.test;cause=408>;index=1.1.1;mp=1.1", "<sip:TOKEN@gw>;index=1.1.1.1;rc=1.1.1"},
                {"<sip:other@ims.test>"}),
            (std::vector<Diversion>{{"sip:+34600000005@ims.test", Reason::kBusy},
                                    {"sip:+34600000006@ims.test;cause=486", Reason::kNoAnswer}}));
  // Privacy, an origin that only the index tells, and one that nothing tells.
  EXPECT_EQ(ReadDiversions(
                {"<sip:+34600000005@ims.test?Privacy=history>;index=1", "<sip:b@ims.test;cause=302>;index=1.1"}, {}),
            (std::vector<Diversion>{{"", Reason::kUnconditional}}));
  EXPECT_TRUE(ReadDiversions({"<sip:b@ims.test;cause=302>;index=1", "nonsense", "<sip:c@ims.test>"}, {}).empty());
  EXPECT_EQ(ReadDiversions({"<sip:a@ims.test>;index=1", "<sip:b@ims.test;cause=999>;index=1.1"}, {}),
            (std::vector<Diversion>{{"sip:a@ims.test", Reason::kUnknown}}));
}

// RFC 5806 section 4: the latest on top.
TEST(DiversionTest, Diversion) {  // Covers: C28
  EXPECT_EQ(
      ReadDiversions({}, {"<sip:c@ims.test>;reason=no-answer;counter=1", "\"B\" <tel:+34600000005>;reason=user-busy",
                          "<sip:hidden@ims.test>;reason=\"unconditional\";privacy=full"}),
      (std::vector<Diversion>{
          {"", Reason::kUnconditional}, {"tel:+34600000005", Reason::kBusy}, {"sip:c@ims.test", Reason::kNoAnswer}}));
  EXPECT_EQ(ReadDiversions({}, std::vector<std::string>(100, "<sip:a@ims.test>;reason=away")).size(), 8u);
}

TEST(HeaderTextTest, UriParametersAndTls) {
  const auto uri = ParseUri("sip:a@b;lr;Transport=TLS;x=y");
  EXPECT_EQ(UriParameter(*uri, "transport"), "TLS");
  EXPECT_EQ(UriParameter(*uri, "lr"), "");
  EXPECT_TRUE(NamesTls(*uri));
  EXPECT_TRUE(NamesTls(*ParseUri("sips:b")));
  EXPECT_FALSE(NamesTls(*ParseUri("sip:b;transport=tcp")));
}

}  // namespace
}  // namespace byon::sip
