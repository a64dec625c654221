#include "controlplane/messaging/message_book.h"

#include <gtest/gtest.h>

#include "controlplane/call/address.h"
#include "controlplane/messaging/cpim.h"
#include "controlplane/messaging/imdn.h"
#include "dataplane/base/utc_text.h"

namespace byon::messaging {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr char kAlice[] = "+34600000001";
constexpr char kBob[] = "tel:+34600000002";

class MessageBookTest : public testing::Test {
 protected:
  MessageBookTest() { config_.home_domain = "ims.test"; }
  void Build() { book_ = std::make_unique<MessageBook>(config_); }
  void SetUp() override { Build(); }

  Draft ADraft(const std::string& text = "hello", const std::string& to = kBob) {
    return {.id = "m" + std::to_string(++count_),
            .number = kAlice,
            .to = to,
            .text = text,
            .asks_report = false,
            .client_correlator = ""};
  }
  IncomingPage APage(const std::string& body = "hi", const std::string& type = "text/plain") {
    return {"TOKEN", {kBob, "Bob"}, "call-" + std::to_string(++count_) + "\n1\ntag", type, body};
  }
  DraftRefusal Refusal(Draft draft) {
    const auto outcome = book_->Compose(std::move(draft), now_);
    return std::get<DraftRefusal>(outcome);
  }
  // What the book wants, one word each; SendPages are kept.
  std::string Actions() {
    std::string words;
    while (auto action = book_->PollAction()) {
      if (!words.empty()) words += ' ';
      if (auto* page = std::get_if<SendPage>(&*action)) {
        words += "send:" + page->id;
        sent_.push_back(*page);
      } else if (auto* tell = std::get_if<TellDevices>(&*action)) {
        words += (tell->is_new ? "new:" : "") + std::string(ToString(tell->message.state));
      } else if (auto* persist = std::get_if<PersistMessage>(&*action)) {
        words += "persist:" + persist->id;
      } else {
        words += "erase:" + std::get<EraseMessage>(*action).id;
      }
    }
    return words;
  }
  void Advance(seconds time) {
    now_.steady += time;
    now_.wall += time;
  }

  MessagingConfig config_;
  std::unique_ptr<MessageBook> book_;
  Now now_{std::chrono::steady_clock::time_point(std::chrono::hours(1)),
           std::chrono::system_clock::time_point(std::chrono::hours(500000))};
  std::vector<SendPage> sent_;
  int count_ = 0;
};

TEST_F(MessageBookTest, ComposesAndFollowsTheNetworksAnswer) {
  const auto outcome = book_->Compose(ADraft("h\xc3\xa9llo \xf0\x9f\x98\x80"), now_);
  const auto& message = std::get<Message>(outcome);
  EXPECT_EQ(message.peer, kBob);
  EXPECT_EQ(Actions(), "persist:m1 send:m1 queued");
  EXPECT_EQ(sent_[0].content_type, "text/plain;charset=UTF-8");
  EXPECT_EQ(sent_[0].body, "h\xc3\xa9llo \xf0\x9f\x98\x80");
  book_->OnPageAnswered("m1", 202, "Accepted", now_);
  EXPECT_EQ(Actions(), "persist:m1 sent");
  book_->OnPageAnswered("m1", 500, "late", now_);
  EXPECT_EQ(Actions(), "");

  (void)book_->Compose(ADraft(), now_);
  Actions();
  book_->OnPageAnswered("m2", 480, "Temporarily Unavailable", now_);
  EXPECT_EQ(Actions(), "persist:m2 failed");
  EXPECT_EQ(book_->Find("m2")->cause_status, 480);
  EXPECT_EQ(book_->Find("m2")->cause_text, "Temporarily Unavailable");
}

TEST_F(MessageBookTest, RefusesWhatMayNotLeave) {
  for (const char* emergency : {"tel:+34112", "sip:112@ims.test", "urn:service:sos"}) {
    EXPECT_EQ(Refusal(ADraft("help", emergency)), DraftRefusal::kEmergency) << emergency;
  }
  for (const char* bad : {"", "bob", "tel:+1", "sip:a@b.es>\r\nX: y", "sip:a@10.0.0.1", "tel:+34600000002;x=y"}) {
    EXPECT_EQ(Refusal(ADraft("x", bad)), DraftRefusal::kBadAddress) << bad;
  }
  config_.barred_prefixes = {"+34806"};
  Build();
  EXPECT_EQ(Refusal(ADraft("x", "tel:+34806123456")), DraftRefusal::kBarred)
      << "what may not be called may not be written to";
  EXPECT_EQ(Refusal(ADraft("")), DraftRefusal::kBadText);
  EXPECT_EQ(Refusal(ADraft("a\x1b[2J")), DraftRefusal::kBadText);
  EXPECT_EQ(Refusal(ADraft("\xff")), DraftRefusal::kBadText);
  EXPECT_EQ(Refusal(ADraft(std::string(4097, 'x'))), DraftRefusal::kTooLong);
  EXPECT_EQ(Actions(), "");
}

TEST_F(MessageBookTest, BoundsHowManyANumberSends) {
  config_.sent_per_minute = 2;
  Build();
  EXPECT_TRUE(std::holds_alternative<Message>(book_->Compose(ADraft(), now_)));
  EXPECT_TRUE(std::holds_alternative<Message>(book_->Compose(ADraft(), now_)));
  EXPECT_EQ(Refusal(ADraft()), DraftRefusal::kTooMany);
  Advance(seconds(30));
  EXPECT_TRUE(std::holds_alternative<Message>(book_->Compose(ADraft(), now_)));
}

TEST_F(MessageBookTest, ReceivesOnceHoweverOftenItComes) {
  const IncomingPage page = APage("line\r\nbreak");
  EXPECT_EQ(book_->Receive(kAlice, "r1", page, now_), 200);
  EXPECT_EQ(Actions(), "persist:r1 new:received");
  EXPECT_EQ(book_->Find("r1")->text, "line\nbreak");
  EXPECT_EQ(book_->Find("r1")->peer, kBob);
  EXPECT_EQ(book_->Receive(kAlice, "r2", page, now_), 200);
  EXPECT_EQ(Actions(), "");
  // Also after a restart.
  const Message kept = *book_->Find("r1");
  Build();
  book_->Restore(kept, now_);
  EXPECT_EQ(book_->Receive(kAlice, "r3", page, now_), 200);
  EXPECT_EQ(Actions(), "");
  EXPECT_EQ(book_->size(), 1u);
  EXPECT_EQ(book_->Receive(kAlice, "r4", APage("x", "image/png"), now_), 415);
  EXPECT_EQ(book_->Receive(kAlice, "r5", APage("\xff"), now_), 400);
}

TEST_F(MessageBookTest, BoundsWhatANumberReceivesAndKeeps) {
  config_.received_per_minute = 3;
  config_.max_kept_per_number = 2;
  Build();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(book_->Receive(kAlice, "r" + std::to_string(i), APage(), now_), 200);
  EXPECT_EQ(book_->Receive(kAlice, "r9", APage(), now_), 503);
  EXPECT_EQ(book_->size(), 2u);
  EXPECT_EQ(book_->Find("r0"), nullptr);
  EXPECT_NE(Actions().find("erase:r0"), std::string::npos);
  Advance(seconds(604800));
  book_->HandleTimeout(now_);
  EXPECT_EQ(book_->size(), 0u);
  EXPECT_EQ(book_->NextDeadline(), call::kNoDeadline);
}

TEST_F(MessageBookTest, MatchesReportsToWhatTheyReport) {
  Draft draft = ADraft();
  draft.asks_report = true;
  (void)book_->Compose(draft, now_);
  Actions();
  EXPECT_EQ(sent_[0].content_type, "message/cpim");
  const auto cpim = ParseCpim(sent_[0].body);
  ASSERT_TRUE(cpim);
  EXPECT_TRUE(cpim->wants_delivery);
  EXPECT_EQ(cpim->message_id, "m1");
  EXPECT_EQ(cpim->date_time, base::UtcText(now_.wall)) << "RFC 5438 section 7.1.1.2: the report repeats it";
  const auto report = [&](Imdn::Status status, const std::string& id = "m1") {
    return APage(BuildImdn({id, "", kBob, status}), "message/imdn+xml");
  };
  // Of somebody else, or of another message: nothing happens.
  IncomingPage foreign = report(Imdn::Status::kDelivered);
  foreign.sender.uri = "tel:+34600000009";
  EXPECT_EQ(book_->Receive(kAlice, "x", foreign, now_), 200);
  EXPECT_EQ(book_->Receive(kAlice, "x", report(Imdn::Status::kDelivered, "nope"), now_), 200);
  EXPECT_EQ(Actions(), "");
  // The report overtakes the 200.
  EXPECT_EQ(book_->Receive(kAlice, "x", report(Imdn::Status::kDelivered), now_), 200);
  EXPECT_EQ(Actions(), "persist:m1 delivered");
  book_->OnPageAnswered("m1", 200, "OK", now_);
  EXPECT_EQ(book_->Receive(kAlice, "x", report(Imdn::Status::kFailed), now_), 200);
  EXPECT_EQ(Actions(), "") << "another of the receiver's devices has it";
  EXPECT_EQ(book_->Receive(kAlice, "x", report(Imdn::Status::kDisplayed), now_), 200);
  EXPECT_EQ(Actions(), "persist:m1 displayed");
  EXPECT_EQ(book_->size(), 1u) << "reports are no messages";
}

TEST_F(MessageBookTest, ReportsWhereTheSenderAsked) {
  Cpim cpim{.from = kBob,
            .to = "tel:+34600000001",
            .date_time = "2026-01-01T00:00:00Z",
            .message_id = "theirs",
            .wants_delivery = true,
            .wants_display = true,
            .content_type = "text/plain",
            .body = "hi"};
  EXPECT_EQ(book_->Receive(kAlice, "r1", APage(BuildCpim(cpim), "message/cpim"), now_), 200);
  EXPECT_EQ(Actions(), "persist:r1 new:received send:imdn-d-r1");
  EXPECT_EQ(sent_[0].target_uri, kBob);
  const auto wrapped = ParseCpim(sent_[0].body);
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(wrapped->message_id, "imdn-d-r1") << "RFC 5438 section 7.2.1.1: a report has a name too";
  EXPECT_EQ(wrapped->date_time, base::UtcText(now_.wall));
  const auto report = ParseImdn(wrapped->body);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->message_id, "theirs");
  EXPECT_EQ(report->status, Imdn::Status::kDelivered);
  EXPECT_TRUE(book_->MarkRead(kAlice, "r1", now_));
  EXPECT_EQ(Actions(), "send:imdn-r-r1 persist:r1 read");
  EXPECT_TRUE(book_->MarkRead(kAlice, "r1", now_));
  EXPECT_EQ(Actions(), "") << "once";
  // A withheld sender cannot be answered.
  IncomingPage withheld = APage(BuildCpim(cpim), "message/cpim");
  withheld.sender.uri.clear();
  EXPECT_EQ(book_->Receive(kAlice, "r2", withheld, now_), 200);
  EXPECT_EQ(Actions(), "persist:r2 new:received");
  EXPECT_EQ(book_->Find("r2")->peer, call::kAnonymousAddress);
}

TEST_F(MessageBookTest, ReadingReachesBackWithinOnePeer) {
  (void)book_->Receive(kAlice, "r1", APage(), now_);
  IncomingPage other = APage();
  other.sender.uri = "tel:+34600000009";
  (void)book_->Receive(kAlice, "r2", other, now_);
  (void)book_->Receive(kAlice, "r3", APage(), now_);
  (void)book_->Receive(kAlice, "r4", APage(), now_);
  Actions();
  EXPECT_FALSE(book_->MarkRead("+34600000007", "r3", now_)) << "another number's";
  EXPECT_TRUE(book_->MarkRead(kAlice, "r3", now_));
  EXPECT_EQ(Actions(), "persist:r1 read persist:r3 read");
  EXPECT_EQ(book_->Unread(kAlice, 50).size(), 2u);
}

TEST_F(MessageBookTest, ListsNewestFirstByPages) {
  for (int i = 1; i <= 5; ++i) (void)book_->Receive(kAlice, "r" + std::to_string(i), APage(), now_);
  const auto ids = [&](MessageBook::Query query) {
    std::string text;
    for (const Message* message : book_->List(kAlice, query)) text += message->id + " ";
    return text;
  };
  EXPECT_EQ(ids({.peer = "", .before = "", .limit = 2}), "r5 r4 ");
  EXPECT_EQ(ids({.peer = "", .before = "r4", .limit = 50}), "r3 r2 r1 ");
  EXPECT_EQ(ids({.peer = "tel:+34600000009", .before = "", .limit = 50}), "");
  EXPECT_EQ(ids({.peer = "", .before = "nope", .limit = 50}), "");
  EXPECT_TRUE(book_->Erase(kAlice, "r5"));
  EXPECT_FALSE(book_->Erase(kAlice, "r5"));
  EXPECT_EQ(ids({.peer = kBob, .before = "", .limit = 1}), "r4 ");
}

TEST_F(MessageBookTest, WhatWasQueuedLeavesAfterARestartOrFails) {
  (void)book_->Compose(ADraft(), now_);
  const Message kept = *book_->Find("m1");
  Build();
  book_->Restore(kept, now_);
  book_->HandleLineUp(kAlice, now_);
  EXPECT_EQ(Actions(), "send:m1");
  book_->HandleLineUp(kAlice, now_);
  EXPECT_EQ(Actions(), "") << "on its way already";
  book_->OnPageHeld("m1");
  Advance(minutes(6));
  book_->HandleTimeout(now_);
  EXPECT_EQ(Actions(), "persist:m1 failed");
}

}  // namespace
}  // namespace byon::messaging
