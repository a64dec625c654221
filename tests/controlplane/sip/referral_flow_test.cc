// REFER in a call's dialog, Replaces of an early one, and INVITEs of ours that replace a dialog.
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class ReferralFlowTest : public StackFixture {
 protected:
  void Begin() {
    config_.accepts_refer = true;
    StartStack();
    RestoreRegistration();
  }
  // Our call, up to the answer of the peer.
  void Connect() {
    stack_->signaling().Invite(Outgoing());
    invite_ = peer_.ExpectRequest("INVITE");
    peer_.Reply(invite_, "200 OK", "bob", CalleeHeaders(), kAnswer);
    recorder_.Expect("answered out-1 bob");
    peer_.ExpectRequest("ACK");
    Settle();
  }
  PeerRequest InDialog(const std::string& method, const std::string& headers = "") {
    return {.method = method,
            .uri = ContactUri(),
            .from = invite_.Get("To") + ";tag=bob",
            .to = invite_.Get("From"),
            .call_id = invite_.Get("Call-ID"),
            .cseq = ++cseq_,
            .headers = headers,
            .body = "",
            .branch = ""};
  }
  int AnswerTo(const PeerRequest& request) {
    SendToStack(request);
    const std::string cseq = std::to_string(request.cseq) + ' ' + request.method;
    return peer_
        .Expect([&](const SipText& m) { return m.status() >= 200 && m.Get("CSeq") == cseq; }, "answer to " + cseq)
        .status();
  }
  void Refer(const std::string& headers = "Refer-To: <sip:+34600000009@ims.test;user=phone>\r\n") {
    SendToStack(InDialog("REFER", headers));
    recorder_.Expect("referral out-1 sip:+34600000009@ims.test;user=phone", ++referrals_);
  }
  // The next NOTIFY, as "status line | Subscription-State", and its answer.
  std::string Notified(const std::string& answer = "200 OK") {
    const SipText notify = peer_.ExpectRequest("NOTIFY");
    EXPECT_EQ(notify.Get("Content-Type"), "message/sipfrag;version=2.0");
    EXPECT_EQ(notify.Get("Call-ID"), invite_.Get("Call-ID"));
    event_ = notify.Get("Event");
    peer_.Reply(notify, answer, "");
    return notify.body().substr(0, notify.body().find('\r')) + " | " + notify.Get("Subscription-State");
  }

  SipText invite_;
  std::string event_;
  uint32_t cseq_ = 0;
  size_t referrals_ = 0;
};

TEST_F(ReferralFlowTest, AReferIsTakenUpAndItsOutcomeTold) {  // Covers: C29
  Begin();
  Connect();
  Refer(
      "Refer-To: \"Carol\" "
      "<sip:+34600000009@ims.test;user=phone?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&X-Evil=1>\r\n"
      "Referred-By: \"Bob\" <sip:+34600000002@ims.test>;cid=\"1@x\"\r\n");
  ASSERT_TRUE(recorder_.referral->replaces);
  EXPECT_EQ(*recorder_.referral->replaces, (call::ReplacedDialog{"a@b", "1", "2"}));
  EXPECT_EQ(recorder_.referral->referred_by, "sip:+34600000002@ims.test");
  stack_->signaling().AnswerReferral("out-1", 202);
  const SipText accepted = peer_.ExpectStatus(202, "REFER");
  EXPECT_NE(accepted.Get("Contact"), "");
  EXPECT_EQ(Notified(), "SIP/2.0 100 Trying | active;expires=180");
  EXPECT_EQ(event_, "refer");
  stack_->signaling().ReportReferral("out-1", 180, "Ringing\r\nEvil: 1");
  EXPECT_EQ(Notified(), "SIP/2.0 180 Ringing  Evil: 1 | active;expires=180");
  EXPECT_EQ(AnswerTo(InDialog("REFER", "Refer-To: <tel:+34600000008>\r\n")), 491) << "one at a time";
  stack_->signaling().ReportReferral("out-1", 486, "Busy Here");
  EXPECT_EQ(Notified(), "SIP/2.0 486 Busy Here | terminated;reason=noresource");
  Settle();
  // The next one has a name of its own.
  Refer();
  stack_->signaling().AnswerReferral("out-1", 202);
  Notified();
  EXPECT_EQ(event_, "refer;id=" + std::to_string(cseq_));
  EXPECT_EQ(Count(SipCounter::kReferAccepted), 2u);
}

TEST_F(ReferralFlowTest, OneNotifyAtATimeAndTheLastWordCounts) {
  Begin();
  Connect();
  Refer();
  stack_->signaling().AnswerReferral("out-1", 202);
  const SipText trying = peer_.ExpectRequest("NOTIFY");
  stack_->signaling().ReportReferral("out-1", 180, "Ringing");
  stack_->signaling().ReportReferral("out-1", 183, "Session Progress");
  stack_->signaling().ReportReferral("out-1", 200, "OK");
  Settle();
  peer_.Reply(trying, "200 OK", "");
  EXPECT_EQ(Notified(), "SIP/2.0 200 OK | terminated;reason=noresource");
}

TEST_F(ReferralFlowTest, TheOutcomeIsToldToWhoeverHasHungUp) {  // Covers: C29
  Begin();
  Connect();
  Refer();
  stack_->signaling().AnswerReferral("out-1", 202);
  Notified();
  EXPECT_EQ(AnswerTo(InDialog("BYE")), 200);
  recorder_.Expect("ended out-1 0");
  stack_->signaling().ReportReferral("out-1", 200, "OK");
  EXPECT_EQ(Notified("481 Gone"), "SIP/2.0 200 OK | terminated;reason=noresource");
  ExpectCount(SipCounter::kReferNotifyRefused, 1);
}

TEST_F(ReferralFlowTest, OurByeComesAfterTheLastWord) {
  Begin();
  Connect();
  Refer();
  stack_->signaling().AnswerReferral("out-1", 202);
  const SipText trying = peer_.ExpectRequest("NOTIFY");
  stack_->signaling().ReportReferral("out-1", 200, "OK");
  stack_->signaling().Bye("out-1", {.sip_status = 0, .q850_cause = 16, .text = "Bye"});
  EXPECT_EQ(Notified(), "SIP/2.0 200 OK | terminated;reason=noresource");
  peer_.ExpectRequest("BYE");
}

TEST_F(ReferralFlowTest, NoNotifyWhereNoneIsWanted) {  // Covers: C29
  Begin();
  Connect();
  Refer("Refer-To: <sip:+34600000009@ims.test;user=phone>\r\nRefer-Sub: false\r\nRequire: norefersub\r\n");
  stack_->signaling().AnswerReferral("out-1", 202);
  EXPECT_EQ(peer_.ExpectStatus(202, "REFER").Get("Refer-Sub"), "false");
  stack_->signaling().ReportReferral("out-1", 200, "OK");
  stack_->signaling().Bye("out-1", {.sip_status = 0, .q850_cause = 16, .text = "Bye"});
  const SipText next = peer_.Expect([](const SipText& m) { return m.is_request(); }, "the next request");
  EXPECT_EQ(next.method(), "BYE");
}

TEST_F(ReferralFlowTest, WhatIsMalformedOrOfAnotherKindIsRefused) {  // Covers: C29
  Begin();
  Connect();
  EXPECT_EQ(AnswerTo(InDialog("REFER")), 400);
  EXPECT_EQ(AnswerTo(InDialog("REFER", "Refer-To: <sip:a@b.c>\r\nRefer-To: <sip:d@e.f>\r\n")), 400);
  EXPECT_EQ(AnswerTo(InDialog("REFER", "Refer-To: <sip:a@b.c?Replaces=x>\r\n")), 400);
  EXPECT_EQ(AnswerTo(InDialog("REFER", "Refer-To: <http://b.c/>\r\n")), 416);
  EXPECT_EQ(AnswerTo(InDialog("REFER", "Refer-To: <sips:a@b.c>\r\n")), 416);
  EXPECT_EQ(AnswerTo(InDialog("REFER", "Refer-To: <sip:a@b.c;method=BYE>\r\n")), 603);
  Refer();
  stack_->signaling().AnswerReferral("out-1", 603);
  EXPECT_EQ(
      peer_.Expect([](const SipText& m) { return m.status() == 603 && m.Get("CSeq").ends_with("7 REFER"); }, "603")
          .status(),
      603);
  EXPECT_EQ(Count(SipCounter::kReferRefused), 7u);
  // And outside of a dialog: a REFER is about a call.
  PeerRequest outside = InDialog("REFER", "Refer-To: <sip:a@b.c>\r\n");
  outside.to = "<sip:+34600000001@ims.test>";
  outside.call_id = "outside";
  EXPECT_EQ(AnswerTo(outside), 403);
}

TEST_F(ReferralFlowTest, ANotifyIsSentAgainWithCredentials) {
  Begin();
  Connect();
  Refer();
  stack_->signaling().AnswerReferral("out-1", 202);
  const SipText first = peer_.ExpectRequest("NOTIFY");
  peer_.Reply(first, "407 Proxy Authentication Required", "",
              "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"n\", qop=\"auth\"\r\n");
  const SipText again = peer_.ExpectRequest("NOTIFY");
  EXPECT_NE(again.Get("Proxy-Authorization").find("uri=\"" + again.request_uri() + "\""), std::string::npos);
  EXPECT_EQ(again.body(), first.body());
}

TEST_F(ReferralFlowTest, AnInviteOfOursReplacesADialog) {  // Covers: C20 C29
  Begin();
  auto pull = Outgoing();
  pull.target_uri = "sip:+34600000001@ims.test";
  pull.replaces = call::ReplacedDialog{"phone-call@10.0.0.1", "far", "near"};
  pull.referred_by = "sip:+34600000002@ims.test";
  stack_->signaling().Invite(pull);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("Replaces"), "phone-call@10.0.0.1;to-tag=far;from-tag=near");
  EXPECT_EQ(invite.Get("Require"), "replaces");
  EXPECT_EQ(invite.Get("Referred-By"), "<sip:+34600000002@ims.test>");
  // What another wrote becomes no header of ours.
  auto evil = Outgoing("out-2");
  evil.replaces = call::ReplacedDialog{"a\r\nX: 1", "b", "c"};
  stack_->signaling().Invite(evil);
  recorder_.Expect("failed out-2 484");
}

TEST_F(ReferralFlowTest, WhoeverPicksARingingCallUpAnswersIt) {  // Covers: C19
  Begin();
  stack_->signaling().Invite(Outgoing());
  invite_ = peer_.ExpectRequest("INVITE");
  peer_.Reply(invite_, "180 Ringing", "bob", CalleeHeaders());
  recorder_.Expect("progress out-1 bob 180");
  const std::string dialog = invite_.Get("Call-ID") + ";to-tag=" + invite_.Tag("From") + ";from-tag=bob";
  PeerRequest pickup{.method = "INVITE",
                     .uri = ContactUri(),
                     .from = "<sip:+34600000009@ims.test>;tag=carol",
                     .to = "<sip:+34600000001@ims.test>",
                     .call_id = "pickup",
                     .cseq = 1,
                     .headers = CalleeHeaders("Replaces: " + dialog + ";early-only\r\nRequire: replaces\r\n"),
                     .body = kOffer2,
                     .branch = FreshBranch()};
  SendToStack(pickup);
  recorder_.Expect("offer out-1 carol");
  stack_->signaling().SendAnswer("out-1", "carol", kAnswer2);
  const SipText taken =
      peer_.Expect([](const SipText& m) { return m.status() == 200 && m.Get("Call-ID") == "pickup"; }, "200");
  recorder_.Expect("replaced out-1 carol sip:+34600000009@ims.test");
  PeerRequest ack = pickup;
  ack.method = "ACK";
  ack.to = taken.Get("To");
  ack.headers.clear();
  ack.body.clear();
  ack.branch.clear();
  SendToStack(ack);
  // Bob's 200 crosses the CANCEL: acknowledged and ended.
  const SipText cancel = peer_.ExpectRequest("CANCEL");
  EXPECT_EQ(cancel.Get("Reason"), "SIP;cause=200;text=\"Replaced\"");
  peer_.Reply(cancel, "200 OK", "bob");
  peer_.Reply(invite_, "200 OK", "bob", CalleeHeaders(), kAnswer);
  peer_.ExpectRequest("ACK");
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Get("Call-ID"), invite_.Get("Call-ID"));
  peer_.Reply(bye, "200 OK", "");
  EXPECT_EQ(recorder_.Count("answered out-1 bob"), 0u);
  // The call is Carol's.
  stack_->signaling().Bye("out-1", {.sip_status = 0, .q850_cause = 16, .text = "Bye"});
  EXPECT_EQ(peer_.ExpectRequest("BYE").Get("Call-ID"), "pickup");
}

TEST_F(ReferralFlowTest, ARingingCallOfOthersIsNotReplaced) {  // Covers: C19
  Begin();
  PeerRequest incoming{.method = "INVITE",
                       .uri = ContactUri(),
                       .from = "<sip:+34600000003@ims.test>;tag=caller",
                       .to = "<sip:+34600000001@ims.test>",
                       .call_id = "in",
                       .cseq = 1,
                       .headers = CalleeHeaders(),
                       .body = kOffer,
                       .branch = FreshBranch()};
  SendToStack(incoming);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText ringing = peer_.ExpectStatus(180, "INVITE");
  PeerRequest other = incoming;
  other.call_id = "other";
  other.branch = FreshBranch();
  other.headers += "Replaces: in;to-tag=" + ringing.Tag("To") + ";from-tag=caller\r\n";
  SendToStack(other);
  EXPECT_EQ(peer_.ExpectStatus(481, "INVITE").Get("Call-ID"), "other");
}

}  // namespace
}  // namespace byon::sip::test
