#include "tests/controlplane/sip/registration_fixture.h"

namespace byon::sip::test {
namespace {

class RegEventTest : public RegistrationFlowTest {
 protected:
  void SetUp() override {
    config_.reg_event = true;
    StartStack();
    RegisterOnce();
    subscribe_ = peer_.ExpectRequest("SUBSCRIBE");
  }
  void Notify(const std::string& body, const std::string& state = "active;expires=600000") {
    SendToStack({.method = "NOTIFY",
                 .uri = ContactUri(),
                 .from = subscribe_.Get("To") + ";tag=notifier",
                 .to = subscribe_.Get("From"),
                 .call_id = subscribe_.Get("Call-ID"),
                 .cseq = ++cseq_,
                 .headers = "Event: reg\r\nSubscription-State: " + state +
                            "\r\nContent-Type: application/reginfo+xml\r\n",
                 .body = body,
                 .branch = ""});
  }
  static std::string Document(const std::string& uri, const std::string& state,
                              const std::string& event) {
    return "<?xml version=\"1.0\"?><reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"1\" "
           "state=\"full\"><registration aor=\"sip:+34600000001@ims.test\" id=\"a\" state=\"active\">"
           "<contact id=\"p\" state=\"active\" event=\"registered\"><uri>sip:phone@10.0.0.1</uri>"
           "</contact><contact id=\"c\" state=\"" +
           state + "\" event=\"" + event + "\"><uri>" + uri + "</uri></contact></registration></reginfo>";
  }

  SipText subscribe_;
  uint32_t cseq_ = 0;
};

TEST_F(RegEventTest, SubscribesAndHearsOfRemoval) {  // Covers: R12 R13
  EXPECT_EQ(subscribe_.request_uri(), "sip:+34600000001@ims.test");
  EXPECT_EQ(subscribe_.Get("Event"), "reg");
  EXPECT_EQ(subscribe_.Get("Accept"), "application/reginfo+xml");
  EXPECT_EQ(subscribe_.All("Route").size(), 2u);
  // The NOTIFY may come before the 200.
  Notify(Document(ContactUri(), "active", "registered"));
  peer_.ExpectStatus(200, "NOTIFY");
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\nContact: <" + peer_.uri() + ">\r\n");
  Notify(Document("sip:other@10.0.0.2", "terminated", "rejected"));
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "terminated", "rejected"));
  peer_.ExpectStatus(200, "NOTIFY");
  recorder_.Expect("network deregistered r1 0");
  EXPECT_EQ(Count(SipCounter::kNetworkDeregistered), 1u);
}

TEST_F(RegEventTest, EachEventHasItsMeaning) {  // Covers: R13
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify(Document(ContactUri(), "active", "shortened"));
  recorder_.Expect("network deregistered r1 5");
  Notify(Document(ContactUri(), "terminated", "probation"));
  recorder_.Expect("network deregistered r1 2");
}

TEST_F(RegEventTest, MalformedDocumentChangesNothing) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify("<reginfo><registration>");
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "terminated", "deactivated"));
  recorder_.Expect("network deregistered r1 1");
  EXPECT_EQ(Count(SipCounter::kRegEventMalformed), 1u);
  EXPECT_EQ(recorder_.Count("network deregistered r1 1"), 1u);
}

TEST_F(RegEventTest, RefreshesAtHalfOfAShortInterval) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier",
              "Expires: 1\r\nContact: <" + peer_.uri() + ">\r\nRecord-Route: <" + peer_.uri() +
                  ";lr>\r\n");
  const SipText refresh = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(refresh.Get("Call-ID"), subscribe_.Get("Call-ID"));
  EXPECT_EQ(refresh.Tag("To"), "notifier");
  EXPECT_EQ(refresh.Get("Route"), "<" + peer_.uri() + ";lr>");
}

TEST_F(RegEventTest, RefusedSubscriptionIsCountedAndLeftAlone) {
  peer_.Reply(subscribe_, "489 Bad Event", "notifier");
  ExpectCount(SipCounter::kRegEventRefused, 1);
  // The next thing the network hears is the refresh of the binding, and no SUBSCRIBE after it.
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  stack_->registrar().Deregister("r1");
  const SipText next = peer_.Expect([](const SipText& m) { return m.is_request(); }, "anything");
  EXPECT_EQ(next.method(), "REGISTER");
}

TEST_F(RegEventTest, ForeignNotifyGets481) {
  subscribe_ = SipText("SUBSCRIBE x SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: z\r\n\r\n");
  Notify(Document(ContactUri(), "terminated", "rejected"));
  peer_.ExpectStatus(481, "NOTIFY");
}

}  // namespace
}  // namespace byon::sip::test
