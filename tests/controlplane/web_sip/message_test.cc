#include "controlplane/web_sip/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/sip/text/header_text.h"
#include "controlplane/web_sip/callee_leg.h"
#include "controlplane/web_sip/caller_leg.h"
#include "controlplane/web_sip/dtmf_relay.h"
#include "controlplane/web_sip/request_head.h"

namespace byon::web_sip {
namespace {

using ::testing::ElementsAre;

const std::string kGood =
    "OPTIONS sip:ims.test SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nf: <sip:a@ims.test>;tag=1\r\n"
    "To: <sip:b@ims.test>\r\nCall-ID: c1\r\nCSeq: 7 OPTIONS\r\n";

std::string FailureOf(const std::string& text) {
  const auto message = SipMessage::Parse(text);
  return message ? "good" : std::string(ToString(message.error()));
}
int StatusOf(const std::string& text) {
  const auto message = SipMessage::Parse(text);
  if (!message) return -1;
  const auto head = ReadHead(*message, "gw.example");
  return head ? 200 : head.error().status;
}
std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(SipMessageTest, ReadsARequest) {
  const auto message = SipMessage::Parse("\r\n" + kGood + "Supported: timer,\r\n  outbound\r\nX: \r\nl: 3\r\n\r\nabc");
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->method(), "OPTIONS");
  EXPECT_EQ(message->uri(), "sip:ims.test");
  EXPECT_EQ(message->Text("from"), "<sip:a@ims.test>;tag=1");
  EXPECT_EQ(message->Text("x"), "");
  EXPECT_TRUE(message->Lists("Supported", "Outbound"));
  EXPECT_FALSE(message->Lists("Supported", "100rel"));
  EXPECT_EQ(message->body(), "abc");
  const auto head = ReadHead(*message, "gw.example");
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->cseq, 7u);
  EXPECT_EQ(head->branch, "z9hG4bK1");
  EXPECT_EQ(head->from_tag, "1");
  EXPECT_EQ(head->to_tag, "");
}

TEST(SipMessageTest, ReadsAResponse) {
  const auto message = SipMessage::Parse(
      "SIP/2.0 486 Busy Here\r\nv: SIP/2.0/WS gw;branch=z9hG4bK9\r\nt: <sip:b@b>;tag=9\r\nCSeq: 3 INVITE\r\n\r\n");
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->status(), 486);
  EXPECT_EQ(message->reason(), "Busy Here");
  const auto head = ReadResponseHead(*message);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->branch + head->method + head->to_tag, "z9hG4bK9INVITE9");
  EXPECT_EQ(FailureOf("SIP/2.0 200\r\n\r\n"), "good") << "without a phrase";
}

TEST(SipMessageTest, RefusesWhatIsNoMessage) {
  EXPECT_EQ(FailureOf(""), "no end of headers");
  EXPECT_EQ(FailureOf("OPTIONS sip:a SIP/2.0\r\n"), "no end of headers");
  EXPECT_EQ(FailureOf("OPTIONS sip:a SIP/2.0\n\n"), "no end of headers");
  EXPECT_EQ(FailureOf("OPTIONS  sip:a SIP/2.0\r\n\r\n"), "bad start line");
  EXPECT_EQ(FailureOf("OPTIONS sip:a SIP/2.0 \r\n\r\n"), "bad start line");
  EXPECT_EQ(FailureOf("OPT@ONS sip:a SIP/2.0\r\n\r\n"), "bad start line");
  EXPECT_EQ(FailureOf("hello\r\n\r\n"), "bad start line");
  EXPECT_EQ(FailureOf("OPTIONS sip:a SIP/7.0\r\n\r\n"), "bad version");
  EXPECT_EQ(FailureOf("SIP/1.0 200 OK\r\n\r\n"), "bad version");
  EXPECT_EQ(FailureOf("SIP/2.0 4294967301 OK\r\n\r\n"), "bad start line");
  EXPECT_EQ(FailureOf("SIP/2.0 099 OK\r\n\r\n"), "bad start line");
  EXPECT_EQ(FailureOf(kGood + "no colon\r\n\r\n"), "bad header");
  EXPECT_EQ(FailureOf(kGood + ": nameless\r\n\r\n"), "bad header");
  EXPECT_EQ(FailureOf(kGood + "X: a" + std::string(1, '\0') + "b\r\n\r\n"), "bad header");
  EXPECT_EQ(FailureOf(kGood + "X: a\rVia: b\r\n\r\n"), "bad header");
  for (const char* length : {"4", "2", "-3", "x", "99999999999999999999"}) {
    EXPECT_EQ(FailureOf(kGood + "Content-Length: " + length + "\r\n\r\nabc"), "bad content length") << length;
  }
  EXPECT_EQ(FailureOf(kGood + "Content-Length: 3\r\nl: 4\r\n\r\nabc"), "bad content length");
  EXPECT_EQ(FailureOf(kGood + "X: " + std::string(SipMessage::kMaxLineBytes, 'x') + "\r\n\r\n"), "too large");
  EXPECT_EQ(FailureOf(kGood + "\r\n" + std::string(SipMessage::kMaxBytes, 'x')), "too large");
  std::string many = kGood;
  for (size_t i = 0; i < SipMessage::kMaxFields; ++i) many += "X: y\r\n";
  EXPECT_EQ(FailureOf(many + "\r\n"), "too large");
  std::string folded = kGood + "X: y";
  for (int i = 0; i < 30'000; ++i) folded += "\r\n z";
  EXPECT_NE(FailureOf(folded + "\r\n\r\n"), "good");
}

TEST(SipMessageTest, AnOwnValueWithALineEndIsAFaultOfOurs) {
  EXPECT_DEATH((void)SipMessage::Response(200, "OK").Add("X", "a\r\nVia: b"), "line end");
}

TEST(RequestHeadTest, RefusesBadRequests) {
  const std::string end = "\r\n";
  EXPECT_EQ(StatusOf(kGood + end), 200);
  for (const char* name :
       {"To: <sip:b@ims.test>\r\n", "Call-ID: c1\r\n", "CSeq: 7 OPTIONS\r\n", "f: <sip:a@ims.test>;tag=1\r\n"}) {
    EXPECT_EQ(StatusOf(Replaced(kGood, name, "") + end), 400) << name;
    EXPECT_EQ(StatusOf(kGood + name + end), 400) << "twice: " << name;
  }
  EXPECT_EQ(StatusOf(Replaced(kGood, "7 OPTIONS", "7 INVITE") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, "7 OPTIONS", "4294967296 OPTIONS") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, "7 OPTIONS", "x OPTIONS") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, ";tag=1", "") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, "z9hG4bK1", "z9hG4bK") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, "z9hG4bK1", "abc") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, "a.invalid", "gw.example") + end), 482);
  EXPECT_EQ(StatusOf(kGood + "Via: SIP/2.0/WS gw.example;branch=z9hG4bK7\r\n" + end), 482) << "we were on its way";
  EXPECT_EQ(StatusOf(Replaced(kGood, "sip:ims.test", "http:ims.test") + end), 416);
  EXPECT_EQ(StatusOf(Replaced(kGood, "sip:ims.test", "<sip:ims.test>") + end), 400);
  EXPECT_EQ(StatusOf(Replaced(kGood, "sip:ims.test", "urn:service:sos") + end), 200);
  EXPECT_EQ(StatusOf(kGood + "Max-Forwards: 0\r\n" + end), 483);
  EXPECT_EQ(StatusOf(kGood + "Max-Forwards: 256\r\n" + end), 400);
  EXPECT_EQ(StatusOf(kGood + "Require: timer\r\n" + end), 200);
  EXPECT_EQ(StatusOf(kGood + "Require: timer, 100rel\r\n" + end), 420);
  EXPECT_EQ(StatusOf(kGood + "Proxy-Require: foo\r\n" + end), 420);
}

TEST(RequestHeadTest, ContactsAreTheClientsInvention) {
  for (const char* uri : {"sip:8kx2jq@abc.invalid;transport=ws", "sips:a%20b@[2001:db8::1]:5061", "sip:abc.invalid"}) {
    EXPECT_TRUE(IsContactUri(uri)) << uri;
  }
  for (const char* uri : {"", "sip:", "sip:a@", "tel:+34600000001", "http://a", "sip:a b@c", "sip:a>@c", "sip:a\"@c",
                          "sip:a@c:99999", "sip:a@c\r\nVia: x"}) {
    EXPECT_FALSE(IsContactUri(uri)) << uri;
  }
}

TEST(DtmfRelayTest, ReadsDigits) {
  EXPECT_EQ(ReadDtmf("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), "5");
  EXPECT_EQ(ReadDtmf("application/dtmf-relay", "Duration=160\nsignal = #"), "#");
  EXPECT_EQ(ReadDtmf("application/dtmf", "a"), "A");
  EXPECT_EQ(ReadDtmf("application/dtmf-relay", "Signal=55"), std::nullopt);
  EXPECT_EQ(ReadDtmf("application/dtmf-relay", "Signal=\r\n"), std::nullopt);
  EXPECT_EQ(ReadDtmf("application/dtmf-relay", ""), std::nullopt);
  EXPECT_EQ(ReadDtmf("text/plain", "5"), std::nullopt);
  EXPECT_EQ(DtmfRelayBody("7", 100000), "Signal=7\r\nDuration=8000\r\n");
}

TEST(AddressTest, LeadsBothWays) {
  EXPECT_EQ(ReceiverOf("sip:+34600000002@ims.test;user=phone", "ims.test"), "tel:+34600000002");
  EXPECT_EQ(ReceiverOf("tel:+34600000002", "ims.test"), "tel:+34600000002");
  EXPECT_EQ(ReceiverOf("sip:123@IMS.test", "ims.test"), "sip:123@ims.test");
  EXPECT_EQ(ReceiverOf("sip:ims.test", "ims.test"), std::nullopt);
  EXPECT_EQ(ReceiverOf("urn:service:sos", "ims.test"), "urn:service:sos");
  EXPECT_EQ(SipUriOf("tel:+34600000002", "ims.test"), "sip:+34600000002@ims.test");
  EXPECT_EQ(SipUriOf("sip:123@ims.test", "ims.test"), "sip:123@ims.test");
  EXPECT_EQ(SipUriOf("sip:x>\r\nVia@y", "ims.test"), "sip:anonymous@anonymous.invalid");
}

}  // namespace
}  // namespace byon::web_sip
