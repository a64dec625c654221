#include "tools/simphone/sip_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/simphone/dialog.h"

namespace byon::simphone {
namespace {

using testing::ElementsAre;

constexpr const char* kInvite =
    "INVITE sip:+34600000001@127.0.0.31:5060 SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.10;branch=z9hG4bK1, SIP/2.0/TCP 127.0.0.20;branch=z9hG4bK2\r\n"
    "Record-Route: <sip:127.0.0.10;lr>, <sip:127.0.0.20;lr>\r\n"
    "f: \"Al, ice\" <sip:+34600000002@ims.test;user=phone>;tag=abc\r\n"
    "t: <sip:+34600000001@ims.test>\r\n"
    "i: call-1\r\n"
    "CSeq: 7 INVITE\r\n"
    "m: <sip:term@127.0.0.32:5070;transport=udp>;audio\r\n"
    "Supported: 100rel,\r\n timer\r\n"
    "l: 4\r\n\r\nbodyrest";

TEST(SipMessageTest, ReadsCompactNamesFoldedLinesAndLists) {
  const auto message = SipMessage::Parse(kInvite);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->method(), "INVITE");
  EXPECT_EQ(message->cseq(), 7u);
  EXPECT_THAT(message->HeaderList("Via"),
              ElementsAre("SIP/2.0/UDP 127.0.0.10;branch=z9hG4bK1", "SIP/2.0/TCP 127.0.0.20;branch=z9hG4bK2"));
  EXPECT_TRUE(message->HasOption("Supported", "timer"));
  EXPECT_FALSE(message->HasOption("Supported", "path"));
  EXPECT_EQ(message->body(), "body");
}

TEST(SipMessageTest, RefusesWhatIsNotSip) {
  EXPECT_FALSE(SipMessage::Parse(""));
  EXPECT_FALSE(SipMessage::Parse("\r\n\r\n"));
  EXPECT_FALSE(SipMessage::Parse("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(SipMessage::Parse("INVITE sip:a SIP/2.0\r\nno colon\r\n\r\n"));
  EXPECT_FALSE(SipMessage::Parse("OPTIONS sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nabc"));
  EXPECT_FALSE(SipMessage::Parse("SIP/2.0 99 Low\r\nCSeq: 1 INVITE\r\n\r\n"));
}

TEST(SipMessageTest, FramesAStream) {
  const std::string one = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(SipMessage::FrameLength(one + one), one.size());
  EXPECT_EQ(SipMessage::FrameLength(one.substr(0, 20)), std::nullopt);
}

TEST(SipMessageTest, AResponseCopiesWhatRfc3261Asks) {
  const SipMessage response = SipMessage::ResponseTo(*SipMessage::Parse(kInvite), 180, "Ringing");
  const auto read = SipMessage::Parse(response.Serialize());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status(), 180);
  EXPECT_EQ(read->method(), "INVITE");
  EXPECT_EQ(read->HeaderList("Via").size(), 2u);
  EXPECT_EQ(read->Header("Call-ID"), "call-1");
  EXPECT_EQ(read->Header("Supported"), "");
}

TEST(SipUriTest, SplitsHostPortAndUser) {
  const auto plain = SipUri::Parse("sip:+346;isub=1@ims.test:5070;lr");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->user, "+346;isub=1");
  EXPECT_EQ(plain->host, "ims.test");
  EXPECT_EQ(plain->port, 5070);
  const auto v6 = SipUri::Parse("sip:[2001:db8::1]:5060");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_FALSE(SipUri::Parse("sip:a@host:99999"));
  EXPECT_FALSE(SipUri::Parse("no scheme"));
}

TEST(DialogTest, TheCalledSideKeepsTheRouteSetAndTheTarget) {
  Dialog dialog = Dialog::FromInvite(*SipMessage::Parse(kInvite), "mine");
  EXPECT_THAT(dialog.route_set, ElementsAre("<sip:127.0.0.10;lr>", "<sip:127.0.0.20;lr>"));
  const SipMessage bye = dialog.MakeRequest("BYE", "<sip:me@127.0.0.31>");
  EXPECT_EQ(bye.request_uri(), "sip:term@127.0.0.32:5070;transport=udp");
  EXPECT_EQ(bye.Header("To"), "<sip:+34600000002@ims.test;user=phone>;tag=abc");
  EXPECT_EQ(bye.Header("CSeq"), "1 BYE");
  EXPECT_EQ(dialog.NextHop().ip, "127.0.0.10");
}

TEST(DialogTest, TheCallingSideTurnsRecordRouteRound) {
  Dialog dialog;
  dialog.LearnFromResponse(
      *SipMessage::Parse("SIP/2.0 200 OK\r\nTo: <sip:b@x>;tag=t2\r\nCSeq: 1 INVITE\r\nRecord-Route: "
                         "<sip:127.0.0.20;lr>\r\n"
                         "Record-Route: <sip:127.0.0.10;lr>\r\nContact: <sip:b@127.0.0.32>\r\n\r\n"));
  EXPECT_THAT(dialog.route_set, ElementsAre("<sip:127.0.0.10;lr>", "<sip:127.0.0.20;lr>"));
  EXPECT_EQ(dialog.remote_tag, "t2");
  EXPECT_EQ(dialog.remote_target, "sip:b@127.0.0.32");
}

}  // namespace
}  // namespace byon::simphone
