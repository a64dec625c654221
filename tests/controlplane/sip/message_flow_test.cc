// MESSAGE both ways (RFC 3428), over loopback with a scripted P-CSCF.
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class PageRecorder : public messaging::PagerObserver {
 public:
  explicit PageRecorder(TestStrand& strand) : strand_(strand) {}
  void OnPage(messaging::PageHandle handle, messaging::IncomingPage page) override {
    pages.emplace_back(handle, std::move(page));
  }
  void OnPageAnswered(const std::string& id, int status, std::string phrase) override {
    answers.push_back(id + " " + std::to_string(status) + " " + phrase);
  }
  void ExpectPages(size_t count) {
    EXPECT_TRUE(strand_.RunUntil([&] { return pages.size() >= count; })) << "no MESSAGE came";
  }
  void ExpectAnswer(const std::string& answer) {
    EXPECT_TRUE(strand_.RunUntil([&] { return !answers.empty(); }));
    EXPECT_EQ(answers.back(), answer);
  }
  std::vector<std::pair<messaging::PageHandle, messaging::IncomingPage>> pages;
  std::vector<std::string> answers;

 private:
  TestStrand& strand_;
};

class MessageFlowTest : public StackFixture {
 protected:
  void SetUp() override { StartStack(); }
  void StartStack() {
    stack_ = std::make_unique<SipStack>(config_, strand_.Executor(), &passwords_);
    stack_->SetObservers(&pages_, nullptr);
    const auto error = stack_->Start(&recorder_, &recorder_);
    ASSERT_FALSE(error) << *error;
    RestoreRegistration();
  }
  messaging::OutgoingPage Page(const std::string& text = "hello") {
    return {"m1", Outgoing().binding, "tel:+34600000002", "text/plain;charset=UTF-8", text};
  }
  PeerRequest Incoming(const std::string& body, const std::string& content_type = "text/plain") {
    return {.method = "MESSAGE",
            .uri = ContactUri(),
            .from = "\"Bob\" <sip:+34600000002@ims.test>;tag=bob",
            .to = "<sip:+34600000001@ims.test>",
            .call_id = "message-" + std::to_string(++count_),
            .cseq = 7,
            .headers = "P-Asserted-Identity: <tel:+34600000002>\r\nContent-Type: " + content_type + "\r\n",
            .body = body,
            .branch = ""};
  }

  PageRecorder pages_{strand_};
  int count_ = 0;
};

TEST_F(MessageFlowTest, SendsOnTheRegistrationsWay) {  // Covers: C24
  stack_->pager().Send(Page("h\xc3\xa9 \xf0\x9f\x98\x80"));
  const SipText message = peer_.ExpectRequest("MESSAGE");
  EXPECT_EQ(message.start_line(), "MESSAGE tel:+34600000002 SIP/2.0");
  EXPECT_EQ(message.body(), "h\xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(message.Get("Content-Type"), "text/plain;charset=UTF-8");
  EXPECT_EQ(message.Get("Call-ID"), "m1");
  EXPECT_EQ(message.Tag("From"), "m1");
  EXPECT_EQ(message.Get("Contact"), "") << "RFC 3428 section 4 forbids it";
  EXPECT_EQ(message.Get("P-Preferred-Identity"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(message.All("Route"),
            (std::vector<std::string>{"<" + peer_.uri() + ";lr>", "<sip:orig@127.0.0.20:5060;lr>"}));
  peer_.Reply(message, "202 Accepted", "x");
  pages_.ExpectAnswer("m1 202 Accepted");
}

TEST_F(MessageFlowTest, AnswersAChallengeOnceAndReportsFailure) {  // Covers: C24
  const std::string challenge = "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"n\", qop=\"auth\"\r\n";
  stack_->pager().Send(Page());
  peer_.Reply(peer_.ExpectRequest("MESSAGE"), "407 Proxy Authentication Required", "x", challenge);
  const SipText second = peer_.ExpectRequest("MESSAGE");
  EXPECT_NE(second.Get("Proxy-Authorization").find("username=\"+34600000001@ims.test\""), std::string::npos);
  EXPECT_EQ(second.Get("CSeq"), "2 MESSAGE");
  peer_.Reply(second, "480 Temporarily Unavailable", "x");
  pages_.ExpectAnswer("m1 480 Temporarily Unavailable");
  EXPECT_EQ(Count(SipCounter::kMessageFailed), 1u);
  EXPECT_EQ(Count(SipCounter::kMessageSent), 2u);
}

TEST_F(MessageFlowTest, UnsafeTargetNeverLeaves) {
  messaging::OutgoingPage page = Page();
  page.target_uri = "tel:+34600000002>\r\nX-Evil: 1";
  stack_->pager().Send(page);
  pages_.ExpectAnswer("m1 484 Address Incomplete");
  EXPECT_EQ(Count(SipCounter::kInvalidTarget), 1u);
}

TEST_F(MessageFlowTest, IncomingWaitsForTheStore) {  // Covers: C24
  const PeerRequest request = Incoming("hi");
  SendToStack(request);
  pages_.ExpectPages(1);
  const auto& [handle, page] = pages_.pages[0];
  EXPECT_EQ(page.contact_token, "TOKEN");
  EXPECT_EQ(page.sender.uri, "tel:+34600000002");
  EXPECT_EQ(page.body, "hi");
  EXPECT_EQ(page.content_type, "text/plain");
  EXPECT_EQ(page.transaction_key, request.call_id + "\n7\nbob");
  EXPECT_TRUE(peer_.IsQuiet(std::chrono::milliseconds(50), [](const SipText& m) { return m.status() >= 200; }))
      << "answered before it was stored";
  stack_->pager().Answer(handle, 200);
  EXPECT_EQ(peer_.ExpectStatus(200, "MESSAGE").Get("Call-ID"), request.call_id);
}

TEST_F(MessageFlowTest, RefusalsSayWhatIsAllowed) {  // Covers: C21 C24
  SendToStack(Incoming("x", "image/png"));
  pages_.ExpectPages(1);
  stack_->pager().Answer(pages_.pages[0].first, 415);
  EXPECT_EQ(peer_.ExpectStatus(415, "MESSAGE").Get("Accept"), "text/plain, message/cpim, message/imdn+xml");
  SendToStack(Incoming("x"));
  pages_.ExpectPages(2);
  stack_->pager().Answer(pages_.pages[1].first, 503);
  EXPECT_EQ(peer_.ExpectStatus(503, "MESSAGE").Get("Retry-After"), "5");
  PeerRequest unknown = Incoming("x");
  unknown.uri = ContactUri("NOBODY");
  SendToStack(unknown);
  peer_.ExpectStatus(404, "MESSAGE");
  SendToStack(Incoming(std::string(messaging::kMaxPageBytes + 1, 'x')));
  peer_.ExpectStatus(413, "MESSAGE");
  EXPECT_EQ(Count(SipCounter::kRefusedUnknownToken), 1u);
  EXPECT_EQ(Count(SipCounter::kRefusedBadBody), 2u);
  EXPECT_EQ(Count(SipCounter::kRefusedOverload), 1u);
}

TEST_F(MessageFlowTest, WithheldSenderStaysWithheld) {  // Covers: C24
  PeerRequest request = Incoming("psst");
  request.headers += "Privacy: id\r\n";
  SendToStack(request);
  pages_.ExpectPages(1);
  EXPECT_EQ(pages_.pages[0].second.sender.uri, "");
  EXPECT_EQ(pages_.pages[0].second.sender.display_name, "");
}

}  // namespace
}  // namespace byon::sip::test
