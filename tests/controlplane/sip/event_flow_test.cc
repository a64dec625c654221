// SUBSCRIBE (RFC 6665) and PUBLISH (RFC 3903), over loopback with a scripted P-CSCF.
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

using presence::Package;

class EventRecorder : public presence::EventObserver {
 public:
  explicit EventRecorder(TestStrand& strand) : strand_(strand) {}
  void OnDocument(const std::string& id, std::string document) override { Add("document " + id + " " + document); }
  void OnWatchInterrupted(const std::string& id) override { Add("interrupted " + id); }
  void OnWatchRefused(const std::string& id, int status) override {
    Add("refused " + id + " " + std::to_string(status));
  }
  void OnPublicationRefused(const std::string& id, int status) override {
    Add("publication refused " + id + " " + std::to_string(status));
  }
  void Expect(const std::string& event) {
    EXPECT_TRUE(strand_.RunUntil([&] { return std::find(events.begin(), events.end(), event) != events.end(); }))
        << "missing: " << event << "\nseen: " << testing::PrintToString(events);
  }
  std::vector<std::string> events;

 private:
  void Add(std::string event) { events.push_back(std::move(event)); }
  TestStrand& strand_;
};

class EventFlowTest : public StackFixture {
 protected:
  void SetUp() override {
    stack_ = std::make_unique<SipStack>(config_, strand_.Executor(), &passwords_);
    stack_->SetObservers(nullptr, &events_);
    const auto error = stack_->Start(&recorder_, &recorder_);
    ASSERT_FALSE(error) << *error;
    RestoreRegistration();
  }
  presence::WatchRequest Watch() { return {"w1", Outgoing().binding, "sip:+34600000009@ims.test", Package::kDialog}; }
  presence::Publication Publication(const std::string& document) {
    return {"p1", Outgoing().binding, Package::kPresence, document};
  }
  std::string NotifierHeaders(int expires = 3600) const {
    return "Contact: <" + peer_.uri() + ">\r\nExpires: " + std::to_string(expires) + "\r\n";
  }
  // The NOTIFY of a subscription that this SUBSCRIBE began.
  PeerRequest Notify(const SipText& subscribe, uint32_t cseq, const std::string& state, const std::string& body,
                     const std::string& event = "dialog") {
    return {.method = "NOTIFY",
            .uri = ContactUri(),
            .from = "<sip:+34600000009@ims.test>;tag=core",
            .to = subscribe.Get("From"),
            .call_id = subscribe.Get("Call-ID"),
            .cseq = cseq,
            .headers = "Contact: <" + peer_.uri() + ">\r\nEvent: " + event + "\r\nSubscription-State: " + state +
                       "\r\nContent-Type: application/dialog-info+xml\r\n",
            .body = body,
            .branch = ""};
  }

  EventRecorder events_{strand_};
};

TEST_F(EventFlowTest, SubscribesAndHandsDocumentsOver) {  // Covers: C22
  stack_->events().Watch(Watch());
  const SipText subscribe = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(subscribe.start_line(), "SUBSCRIBE sip:+34600000009@ims.test SIP/2.0");
  EXPECT_EQ(subscribe.Get("Event"), "dialog");
  EXPECT_EQ(subscribe.Get("Accept"), "application/dialog-info+xml");
  EXPECT_EQ(subscribe.Get("To"), "<sip:+34600000009@ims.test>");
  EXPECT_EQ(subscribe.Get("Contact"), "<" + ContactUri() + ">");
  EXPECT_EQ(subscribe.Get("P-Preferred-Identity"), "<sip:+34600000001@ims.test>");
  // The NOTIFY overtakes the 200.
  SendToStack(Notify(subscribe, 1, "active;expires=3600", "<first/>"));
  peer_.ExpectStatus(200, "NOTIFY");
  peer_.Reply(subscribe, "200 OK", "core", NotifierHeaders());
  SendToStack(Notify(subscribe, 2, "active;expires=3600", "<second/>"));
  peer_.ExpectStatus(200, "NOTIFY");
  events_.Expect("document w1 <second/>");
  EXPECT_EQ(events_.events.front(), "document w1 <first/>");

  SendToStack(Notify(subscribe, 3, "active;expires=3600", ""));
  peer_.ExpectStatus(200, "NOTIFY");
  events_.Expect("interrupted w1");

  SendToStack(Notify(subscribe, 1, "active", "<old/>"));
  peer_.ExpectStatus(500, "NOTIFY");
  SendToStack(Notify(subscribe, 4, "active", "<other/>", "presence"));
  peer_.ExpectStatus(489, "NOTIFY");

  stack_->events().Unwatch("w1");
  const SipText end = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(end.Get("Expires"), "0");
  EXPECT_EQ(end.Tag("To"), "core");
  peer_.Reply(end, "200 OK", "core", NotifierHeaders(0));
  SendToStack(Notify(subscribe, 5, "terminated;reason=timeout", ""));
  peer_.ExpectStatus(481, "NOTIFY");
}

TEST_F(EventFlowTest, BeginsAnewWhenTheNetworkEndsItForNow) {  // Covers: C22
  stack_->events().Watch(Watch());
  const SipText subscribe = peer_.ExpectRequest("SUBSCRIBE");
  peer_.Reply(subscribe, "423 Interval Too Brief", "core", "Min-Expires: 7200\r\n");
  const SipText longer = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(longer.Get("Expires"), "7200");
  peer_.Reply(longer, "200 OK", "core", NotifierHeaders(2));
  // Half of what was granted: a refresh in the dialog.
  const SipText refresh = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(refresh.Tag("To"), "core");
  EXPECT_EQ(refresh.Get("Call-ID"), longer.Get("Call-ID"));
  peer_.Reply(refresh, "481 Subscription Does Not Exist", "core", "Retry-After: 0\r\n");
  const SipText anew = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_NE(anew.Get("Call-ID"), longer.Get("Call-ID"));
  EXPECT_EQ(anew.Tag("To"), "");
  peer_.Reply(anew, "200 OK", "core", NotifierHeaders());
  SendToStack(Notify(anew, 1, "terminated;reason=deactivated", ""));
  events_.Expect("interrupted w1");
}

TEST_F(EventFlowTest, RefusalIsFinal) {  // Covers: C22
  stack_->events().Watch(Watch());
  peer_.Reply(peer_.ExpectRequest("SUBSCRIBE"), "489 Bad Event", "core");
  events_.Expect("refused w1 489");
  EXPECT_EQ(Count(SipCounter::kSubscriptionRefused), 1u);
  presence::WatchRequest unsafe = Watch();
  unsafe.resource_uri = "sip:x@y>\r\nEvil: 1";
  stack_->events().Watch(unsafe);
  events_.Expect("refused w1 484");
  EXPECT_TRUE(peer_.IsQuiet(std::chrono::milliseconds(50), [](const SipText& m) { return m.is_request(); }));
}

TEST_F(EventFlowTest, PublishesModifiesAndRemovesByEntityTag) {  // Covers: C22
  stack_->events().Publish(Publication("<one/>"));
  const SipText initial = peer_.ExpectRequest("PUBLISH");
  EXPECT_EQ(initial.start_line(), "PUBLISH sip:+34600000001@ims.test SIP/2.0");
  EXPECT_EQ(initial.Get("Event"), "presence");
  EXPECT_EQ(initial.Get("SIP-If-Match"), "");
  EXPECT_EQ(initial.Get("Content-Type"), "application/pidf+xml");
  EXPECT_EQ(initial.body(), "<one/>");
  // What is new while one is under way waits for its answer.
  stack_->events().Publish(Publication("<two/>"));
  peer_.Reply(initial, "200 OK", "core", "SIP-ETag: tag1\r\nExpires: 3600\r\n");
  const SipText modify = peer_.ExpectRequest("PUBLISH");
  EXPECT_EQ(modify.Get("SIP-If-Match"), "tag1");
  EXPECT_EQ(modify.body(), "<two/>");
  peer_.Reply(modify, "200 OK", "core", "SIP-ETag: tag2\r\nExpires: 2\r\n");
  const SipText refresh = peer_.ExpectRequest("PUBLISH");
  EXPECT_EQ(refresh.Get("SIP-If-Match"), "tag2");
  EXPECT_EQ(refresh.body(), "");
  // The network has lost it: everything again, without a tag.
  peer_.Reply(refresh, "412 Conditional Request Failed", "core");
  const SipText again = peer_.ExpectRequest("PUBLISH");
  EXPECT_EQ(again.Get("SIP-If-Match"), "");
  EXPECT_EQ(again.body(), "<two/>");
  peer_.Reply(again, "200 OK", "core", "SIP-ETag: tag3\r\nExpires: 3600\r\n");
  Settle();
  stack_->events().Unpublish("p1");
  const SipText remove = peer_.ExpectRequest("PUBLISH");
  EXPECT_EQ(remove.Get("SIP-If-Match"), "tag3");
  EXPECT_EQ(remove.Get("Expires"), "0");
  EXPECT_EQ(remove.body(), "");
  // The network would believe no word of a user who is gone: the registration waits for the answer.
  stack_->registrar().Deregister("r1");
  EXPECT_TRUE(peer_.IsQuiet(std::chrono::milliseconds(100), [](const SipText& m) { return m.method() == "REGISTER"; }));
  peer_.Reply(remove, "200 OK", "core", "Expires: 0\r\n");
  EXPECT_EQ(peer_.ExpectRequest("REGISTER").Get("Expires"), "0");
}

TEST_F(EventFlowTest, PublicationIsChallengedAndRefused) {  // Covers: C22
  const std::string challenge = "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"n\", qop=\"auth\"\r\n";
  stack_->events().Publish(Publication("<one/>"));
  peer_.Reply(peer_.ExpectRequest("PUBLISH"), "401 Unauthorized", "core", challenge);
  const SipText second = peer_.ExpectRequest("PUBLISH");
  EXPECT_NE(second.Get("Authorization"), "");
  EXPECT_EQ(second.body(), "<one/>");
  peer_.Reply(second, "423 Interval Too Brief", "core", "Min-Expires: 9999\r\n");
  const SipText longer = peer_.ExpectRequest("PUBLISH");
  EXPECT_EQ(longer.Get("Expires"), "9999");
  peer_.Reply(longer, "403 Forbidden", "core");
  events_.Expect("publication refused p1 403");
  EXPECT_EQ(Count(SipCounter::kPublicationRefused), 1u);
}

}  // namespace
}  // namespace byon::sip::test
