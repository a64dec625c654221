#include "tests/controlplane/sip/registration_fixture.h"

namespace byon::sip::test {
namespace {

class RegEventTest : public RegistrationFlowTest {
 protected:
  void SetUp() override {
    config_.reg_event = true;
    config_.timers.reg_event_doubt = std::chrono::milliseconds(50);
    StartStack();
    RegisterOnce();
    subscribe_ = peer_.ExpectRequest("SUBSCRIBE");
  }
  void Notify(const std::string& body, const std::string& state = "active;expires=600000") {
    SendToStack(
        {.method = "NOTIFY",
         .uri = ContactUri(),
         .from = subscribe_.Get("To") + ";tag=notifier",
         .to = subscribe_.Get("From"),
         .call_id = subscribe_.Get("Call-ID"),
         .cseq = ++cseq_,
         .headers = "Event: reg\r\nSubscription-State: " + state + "\r\nContent-Type: application/reginfo+xml\r\n",
         .body = body,
         .branch = ""});
  }
  static std::string Document(const std::string& uri, const std::string& state, const std::string& event) {
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

// Of the phone alone: our contact is not in it.
constexpr char kWithoutUs[] =
    "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"0\" state=\"full\"><registration "
    "aor=\"sip:+34600000001@ims.test\" id=\"a\" state=\"active\"><contact id=\"p\" state=\"active\" "
    "event=\"registered\"><uri>sip:phone@10.0.0.1</uri></contact></registration></reginfo>";

// The network has removed the number before our SUBSCRIBE came: no document will ever say so.
TEST_F(RegEventTest, ANumberThatNoDocumentNamesIsRegisteredAgain) {  // Covers: R12 R13
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify(kWithoutUs);
  peer_.ExpectStatus(200, "NOTIFY");
  const SipText check = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(Count(SipCounter::kRegEventDoubt), 1u);
  EXPECT_EQ(Count(SipCounter::kNetworkDeregistered), 0u);
  peer_.Reply(check, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  // A network that lists nobody's contacts is not asked again and again.
  Notify(kWithoutUs);
  peer_.ExpectStatus(200, "NOTIFY");
  // Doubts have their turns one after the other: the second one's is after where this one's would be.
  auto other = Registration("r2");
  other.contact_token = "SECOND";
  stack_->registrar().Register(other);
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", "Expires: 3600\r\n");
  const SipText second = peer_.Expect(
      [](const SipText& m) {
        return m.method() == "SUBSCRIBE" && m.Get("Contact").find("SECOND@") != std::string::npos;
      },
      "its SUBSCRIBE");
  peer_.Reply(second, "200 OK", "notifier", "Expires: 600000\r\n");
  std::string second_uri = ContactUri();
  second_uri.replace(second_uri.find("TOKEN"), 5, "SECOND");
  SendToStack({.method = "NOTIFY",
               .uri = second_uri,
               .from = second.Get("To") + ";tag=notifier",
               .to = second.Get("From"),
               .call_id = second.Get("Call-ID"),
               .cseq = 1,
               .headers = "Event: reg\r\nSubscription-State: active\r\nContent-Type: application/reginfo+xml\r\n",
               .body = kWithoutUs,
               .branch = ""});
  const SipText of_second = peer_.ExpectRequest("REGISTER");
  EXPECT_NE(of_second.Get("Contact").find("SECOND@"), std::string::npos);
  peer_.Reply(of_second, "200 OK", "reg", "Expires: 3600\r\n");
  recorder_.Expect("registered r2", 2);
  EXPECT_EQ(Count(SipCounter::kRegEventDoubt), 2u);
  // Once it is listed, its absence is news again.
  Notify(Document(ContactUri(), "active", "registered"));
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(kWithoutUs);
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "403 Forbidden", "reg");
  recorder_.Expect("register failed r1 403 final");
}

TEST_F(RegEventTest, ADocumentOfBeforeTheRegisterIsWaitedOut) {  // Covers: R12 R13
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  config_.timers.reg_event_doubt = std::chrono::seconds(600);
  RestartStack();
  RegisterOnce();
  const std::string before = subscribe_.Get("Call-ID");
  subscribe_ = peer_.Expect([&](const SipText& m) { return m.method() == "SUBSCRIBE" && m.Get("Call-ID") != before; },
                            "a new SUBSCRIBE");
  cseq_ = 0;
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify(kWithoutUs);
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "active", "registered"));
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "terminated", "rejected"));
  recorder_.Expect("network deregistered r1 0");
  EXPECT_EQ(Count(SipCounter::kRegEventDoubt), 0u);
}

// Its REGISTER comes first: the SUBSCRIBE that a restart owes goes with it.
TEST_F(RegEventTest, ARefreshAfterARestartSubscribesAtOnce) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  RestartStack();
  for (int i = 0; i < 2000; ++i) {  // whose turn comes before
    auto other = Registration("other" + std::to_string(i));
    other.contact_token = "OTHER" + std::to_string(i);
    stack_->registrar().Restore(other, {.expires = std::chrono::seconds(3600),
                                        .next_hop = peer_.uri(),
                                        .service_route = {},
                                        .associated_uris = {},
                                        .snapshot = ""});
  }
  RestoreRegistration();
  stack_->registrar().Register(Registration());
  const SipText refresh = peer_.ExpectRequest("REGISTER");
  peer_.Reply(refresh, "200 OK", "reg", AcceptHeaders());
  const SipText again = peer_.Expect(
      [](const SipText& m) {
        return m.method() == "SUBSCRIBE" && m.Get("Contact").find("TOKEN@") != std::string::npos;
      },
      "its SUBSCRIBE");
  EXPECT_EQ(again.Get("CSeq"), "1 SUBSCRIBE");
}

// The identity that was registered may be barred: what the network has associated with it is what may be claimed.
TEST_F(RegEventTest, SpeaksAsTheIdentityThatTheNetworkHasAssociated) {  // Covers: R8 R12
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  auto barred = Registration("r2");
  barred.contact_token = "SECOND";
  stack_->registrar().Register(barred);
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg",
              "Expires: 3600\r\nP-Associated-URI: <tel:+34600000009>, <sip:public@ims.test>\r\n");
  recorder_.Expect("registered r2");
  const std::string before = subscribe_.Get("Call-ID");
  const SipText subscribe = peer_.Expect(
      [&](const SipText& m) { return m.method() == "SUBSCRIBE" && m.Get("Call-ID") != before; }, "its SUBSCRIBE");
  EXPECT_EQ(subscribe.request_uri(), "sip:public@ims.test");
  EXPECT_EQ(subscribe.Get("P-Preferred-Identity"), "<sip:public@ims.test>");
  EXPECT_EQ(subscribe.Get("To"), "<sip:public@ims.test>");
  call::OutgoingInvite invite = Outgoing("out-2");
  invite.binding.registration_id = "r2";
  invite.binding.contact_token = "SECOND";
  invite.binding.associated_uris = recorder_.registered->associated_uris;
  stack_->signaling().Invite(invite);
  EXPECT_EQ(peer_.ExpectRequest("INVITE").Get("P-Preferred-Identity"), "<tel:+34600000009>");
  stack_->pager().Send({"m1", invite.binding, "tel:+34600000003", "text/plain", "hello"});
  EXPECT_EQ(peer_.ExpectRequest("MESSAGE").Get("P-Preferred-Identity"), "<tel:+34600000009>");
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
              "Expires: 1\r\nContact: <" + peer_.uri() + ">\r\nRecord-Route: <" + peer_.uri() + ";lr>\r\n");
  const SipText refresh = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(refresh.Get("Call-ID"), subscribe_.Get("Call-ID"));
  EXPECT_EQ(refresh.Tag("To"), "notifier");
  EXPECT_EQ(refresh.Get("Route"), "<" + peer_.uri() + ";lr>");
}

// It rests between a SUBSCRIBE and the next; what the network says meanwhile is heard, and counted on.
TEST_F(RegEventTest, RestsInItsDialogUntilTheNextRefresh) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier",
              "Expires: 1\r\nContact: <sip:notifier@" + peer_.uri().substr(4) + ">\r\nRecord-Route: <" + peer_.uri() +
                  ";lr>\r\n");
  for (int i = 1; i <= 3; ++i) {
    Notify(Document(ContactUri(), "active", "registered"));
    peer_.ExpectStatus(200, "NOTIFY");
    const SipText refresh = peer_.ExpectRequest("SUBSCRIBE");
    EXPECT_EQ(refresh.request_uri(), "sip:notifier@" + peer_.uri().substr(4));
    EXPECT_EQ(refresh.Get("CSeq"), std::to_string(1 + i) + " SUBSCRIBE");
    EXPECT_EQ(refresh.Get("From"), subscribe_.Get("From"));
    // A refresh's answer without Record-Route does not change the route (RFC 3261 section 12.2.1.2).
    EXPECT_EQ(refresh.Get("Route"), "<" + peer_.uri() + ";lr>");
    peer_.Reply(refresh, "200 OK", "notifier", "Expires: 1\r\n");
  }
  cseq_ = 0;
  Notify(Document(ContactUri(), "active", "registered"));
  peer_.ExpectStatus(500, "NOTIFY");
  EXPECT_EQ(Count(SipCounter::kRefusedOldSequence), 1u);
}

// A notifier that ends it for a passing reason is asked for a new dialog, and the old one is nobody's any more.
TEST_F(RegEventTest, WhatTheNotifierEndedIsOver) {  // Covers: R12 R13
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify(Document(ContactUri(), "active", "registered"), "terminated;reason=timeout");
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "terminated", "rejected"));
  peer_.ExpectStatus(481, "NOTIFY");
  EXPECT_EQ(Count(SipCounter::kNetworkDeregistered), 0u);
}

// What a notifier asks for holds though the number's REGISTERs are answered meanwhile.
TEST_F(RegEventTest, ANotifiersRetryAfterIsKeptWhileRegistersAreAnswered) {  // Covers: R12 C27
  peer_.Reply(subscribe_, "480 Temporarily Unavailable", "notifier", "Retry-After: 600\r\n");
  for (const size_t times : {2u, 3u}) {
    stack_->registrar().Register(Registration());
    peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
    recorder_.Expect("registered r1", times);
  }
  auto other = Registration("r2");
  other.contact_token = "SECOND";
  stack_->registrar().Register(other);
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", "Expires: 3600\r\n");
  const SipText next = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_NE(next.Get("Contact").find("SECOND@"), std::string::npos) << "the next one is another number's";
}

// RFC 6665 section 4.1.3: who ends it says when it may be begun anew.
TEST_F(RegEventTest, AnEndThatIsNoneOfTheNotifiersBeginsAnewAtOnce) {  // Covers: R13
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  for (const char* end : {"terminated;reason=deactivated", "terminated; reason=timeout",
                          "terminated;reason=probation;retry-after=0", "terminated;reason=giveup ; retry-after=0"}) {
    const std::string before = subscribe_.Get("Call-ID");
    Notify("", end);
    peer_.ExpectStatus(200, "NOTIFY");
    subscribe_ = peer_.ExpectRequest("SUBSCRIBE");
    EXPECT_NE(subscribe_.Get("Call-ID"), before) << end;
    EXPECT_EQ(subscribe_.Tag("To"), "") << end;
    peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
    cseq_ = 0;
  }
}

TEST_F(RegEventTest, ANotifierMayShortenASubscription) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify(Document(ContactUri(), "active", "registered"), "active;expires=2");
  peer_.ExpectStatus(200, "NOTIFY");
  const SipText refresh = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(refresh.Get("Call-ID"), subscribe_.Get("Call-ID"));
  EXPECT_EQ(refresh.Tag("To"), "notifier");
}

// The first that a network hears of a quiet number after its S-CSCF has lost all may be a SUBSCRIBE.
TEST_F(RegEventTest, ARestorationThatASubscribeIsAnsweredWithRegistersAnew) {  // Covers: R14
  const auto restoration = [this](const SipText& request, const std::string& who) {
    peer_.Reply(
        request, "504 Server Time-out", "t",
        "P-Asserted-Identity: <sip:" + who + ";lr>\r\nContent-Type: application/3gpp-ims+xml\r\n",
        "<ims-3gpp version=\"1\"><alternative-service><type>restoration</type></alternative-service></ims-3gpp>");
  };
  restoration(subscribe_, "orig@127.0.0.20:5060");
  const SipText initial = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(initial.Get("CSeq"), "1 REGISTER");
  peer_.Reply(initial, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  const SipText again = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_NE(again.Get("Call-ID"), subscribe_.Get("Call-ID"));
  // Who is not on the number's own way sends nobody into a new registration.
  restoration(again, "stranger@127.0.0.99");
  auto other = Registration("r2");
  other.contact_token = "SECOND";
  stack_->registrar().Register(other);
  EXPECT_NE(peer_.ExpectRequest("REGISTER").Get("Contact").find("SECOND@"), std::string::npos);
}

TEST_F(RegEventTest, ARestoredRegistrationSubscribesAnew) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  config_.resubscribe_window = std::chrono::seconds(1);
  RestartStack();
  RestoreRegistration();
  const SipText again = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_NE(again.Get("Call-ID"), subscribe_.Get("Call-ID"));
  EXPECT_EQ(again.Tag("To"), "");
  EXPECT_EQ(again.Get("CSeq"), "1 SUBSCRIBE");
}

// More than are handed over ahead of the thread that puts them to rest.
TEST_F(RegEventTest, ManyAreRestored) {
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  constexpr int kMany = 2100;
  for (int i = 0; i < kMany; ++i) {
    auto registration = Registration("many" + std::to_string(i));
    registration.contact_token = "MANY" + std::to_string(i);
    stack_->registrar().Restore(registration, {.expires = std::chrono::seconds(3600),
                                               .next_hop = peer_.uri(),
                                               .service_route = {},
                                               .associated_uris = {},
                                               .snapshot = ""});
  }
  stack_->registrar().Deregister("many" + std::to_string(kMany - 1));
  const SipText last = peer_.ExpectRequest("REGISTER");
  EXPECT_NE(last.Get("Contact").find("MANY" + std::to_string(kMany - 1) + "@"), std::string::npos);
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
