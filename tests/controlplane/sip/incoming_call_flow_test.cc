#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class IncomingCallFlowTest : public StackFixture {
 protected:
  void Begin() {
    StartStack();
    RestoreRegistration();
  }
  PeerRequest Invite(const std::string& headers = "", const std::string& body = kOffer) {
    return {.method = "INVITE",
            .uri = ContactUri(),
            .from = "\"Bob\" <sip:+34600000003@ims.test>;tag=caller",
            .to = "<sip:+34600000001@ims.test>",
            .call_id = "call-" + std::to_string(++calls_),
            .cseq = 1,
            .headers = "Contact: <" + peer_.uri() +
                       ">\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n"
                       "P-Asserted-Identity: <sip:+34600000003@ims.test>, <tel:+34600000003>\r\n"
                       "P-Called-Party-ID: <sip:+34600000001@ims.test>\r\n" +
                       headers,
            .body = body,
            .branch = FreshBranch()};
  }
  // A further request of the caller; `to` is the To of one of our responses.
  PeerRequest Next(const PeerRequest& invite, const SipText& response, const std::string& method, uint32_t cseq) {
    PeerRequest request = invite;
    request.method = method;
    request.to = response.Get("To");
    request.cseq = cseq;
    request.headers.clear();
    request.body.clear();
    request.branch.clear();
    return request;
  }
  PeerRequest Cancel(const PeerRequest& invite, const std::string& reason) {
    PeerRequest cancel = invite;
    cancel.method = "CANCEL";
    cancel.headers = reason.empty() ? "" : "Reason: " + reason + "\r\n";
    cancel.body.clear();
    return cancel;
  }
  PeerRequest Prack(const PeerRequest& invite, const SipText& reliable, uint32_t cseq) {
    PeerRequest prack = Next(invite, reliable, "PRACK", cseq);
    prack.headers = "RAck: " + reliable.Get("RSeq") + " 1 INVITE\r\n";
    return prack;
  }

  // A call in the confirmed state: its INVITE and our 200.
  std::pair<PeerRequest, SipText> Connect() {
    const PeerRequest invite = Invite();
    SendToStack(invite);
    recorder_.Expect("incoming");
    stack_->signaling().Accept("in-1", kAnswer);
    const SipText answer = peer_.ExpectStatus(200, "INVITE");
    SendToStack(Next(invite, answer, "ACK", 1));
    recorder_.Expect("confirmed in-1");
    return {invite, answer};
  }

  int calls_ = 0;
};

TEST_F(IncomingCallFlowTest, RingsAnswersAndHangsUp) {  // Covers: C8
  Begin();
  const PeerRequest invite = Invite("Supported: timer\r\nSession-Expires: 1800\r\n");
  SendToStack(invite);
  peer_.ExpectStatus(100, "INVITE");
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->contact_token, "TOKEN");
  EXPECT_EQ(recorder_.incoming->caller_uri, "sip:+34600000003@ims.test");
  EXPECT_EQ(recorder_.incoming->called_uri, "sip:+34600000001@ims.test");
  EXPECT_EQ(recorder_.incoming->sdp, kOffer);
  EXPECT_FALSE(recorder_.incoming->supports_100rel);
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText ringing = peer_.ExpectStatus(180, "INVITE");
  EXPECT_EQ(ringing.Get("RSeq"), "");
  EXPECT_FALSE(ringing.Tag("To").empty());
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.body(), kAnswer);
  EXPECT_EQ(answer.Tag("To"), ringing.Tag("To"));
  EXPECT_EQ(answer.Get("Session-Expires"), "1800;refresher=uac");
  EXPECT_EQ(answer.Get("Require"), "timer");
  EXPECT_NE(answer.Get("Contact").find(ContactUri()), std::string::npos);
  EXPECT_EQ(recorder_.Count("confirmed in-1"), 0u);
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
  recorder_.Expect("changed in-1");
  stack_->signaling().Bye("in-1", {.sip_status = 0, .q850_cause = 16, .text = "Bye"});
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Tag("From"), answer.Tag("To"));
  EXPECT_EQ(bye.Tag("To"), "caller");
  EXPECT_EQ(bye.Get("Reason"), "Q.850;cause=16;text=\"Bye\"");
  peer_.Reply(bye, "200 OK", "");
}

TEST_F(IncomingCallFlowTest, AnswerIsRepeatedUntilTheAck) {
  config_.timers.t1 = std::chrono::milliseconds(20);
  config_.timers.t2 = std::chrono::milliseconds(40);
  Begin();
  SendToStack(Invite());
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kAnswer);
  peer_.ExpectStatus(200, "INVITE");
  peer_.ExpectStatus(200, "INVITE");
  peer_.ExpectStatus(200, "INVITE");
  // Never acknowledged: the call ends by itself.
  const SipText bye = peer_.ExpectRequest("BYE");
  recorder_.Expect("ended in-1 408");
  EXPECT_EQ(Count(SipCounter::kAckTimeout), 1u);
}

TEST_F(IncomingCallFlowTest, ReliableProgressHoldsTheAnswerBack) {  // Covers: C3 C8
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel, precondition\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  EXPECT_TRUE(recorder_.incoming->supports_100rel);
  EXPECT_TRUE(recorder_.incoming->supports_precondition);
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText progress = peer_.ExpectStatus(183, "INVITE");
  EXPECT_EQ(progress.Get("Require"), "100rel");
  EXPECT_EQ(progress.body(), kAnswer);
  // Repeated, since it was not acknowledged; neither 180 nor 200 overtakes it.
  EXPECT_EQ(peer_.Expect([](const SipText& m) { return m.status() > 100; }, "a response").status(), 183);
  PeerRequest wrong = Prack(invite, progress, 2);
  wrong.headers = "RAck: 1 1 INVITE\r\n";
  if (progress.Get("RSeq") == "1") wrong.headers = "RAck: 2 1 INVITE\r\n";
  SendToStack(wrong);
  peer_.ExpectStatus(481, "PRACK");
  SendToStack(Prack(invite, progress, 2));
  peer_.ExpectStatus(200, "PRACK");
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.body(), "") << "the answer went out reliably before";
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
}

TEST_F(IncomingCallFlowTest, ReliableResponsesGoOneByOneAndUpdateWorks) {  // Covers: C3 C5
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText first = peer_.ExpectStatus(183, "INVITE");
  // An UPDATE before the exchange is over is refused.
  PeerRequest early = Next(invite, first, "UPDATE", 2);
  early.headers = "Contact: <" + peer_.uri() + ">\r\n";
  early.body = kOffer2;
  SendToStack(early);
  EXPECT_FALSE(peer_.ExpectStatus(500, "UPDATE").Get("Retry-After").empty());
  SendToStack(Prack(invite, first, 3));
  peer_.ExpectStatus(200, "PRACK");
  const SipText second = peer_.ExpectStatus(180, "INVITE");
  EXPECT_EQ(std::atoi(second.Get("RSeq").c_str()), std::atoi(first.Get("RSeq").c_str()) + 1);
  SendToStack(Prack(invite, second, 4));
  peer_.ExpectStatus(200, "PRACK");
  early.cseq = 5;
  SendToStack(early);
  recorder_.Expect("offer in-1 caller");
  stack_->signaling().SendAnswer("in-1", "caller", kAnswer2);
  EXPECT_EQ(peer_.ExpectStatus(200, "UPDATE").body(), kAnswer2);
  // Ours, in the early dialog.
  stack_->signaling().SendOffer("in-1", "caller", kOffer);
  const SipText update = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(update.body(), kOffer);
  peer_.Reply(update, "200 OK", "", CalleeHeaders(), kAnswer);
  recorder_.Expect("answer in-1 caller");
  stack_->signaling().Accept("in-1", kAnswer);
  EXPECT_EQ(peer_.ExpectStatus(200, "INVITE").body(), "");
}

TEST_F(IncomingCallFlowTest, MissingPrackFailsTheCall) {  // Covers: C3
  config_.timers.t1 = std::chrono::milliseconds(10);
  config_.timers.t2 = std::chrono::milliseconds(40);
  Begin();
  SendToStack(Invite("Supported: 100rel\r\n"));
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  peer_.ExpectStatus(504, "INVITE");
  recorder_.Expect("cancelled in-1 504");
  EXPECT_EQ(Count(SipCounter::kPrackTimeout), 1u);
}

TEST_F(IncomingCallFlowTest, OfferlessInviteIsAnsweredInTheAck) {  // Covers: C13
  Begin();
  const PeerRequest invite = Invite("", "");
  SendToStack(invite);
  recorder_.Expect("incoming");
  EXPECT_FALSE(recorder_.incoming->sdp);
  stack_->signaling().SendProgress("in-1", 183, kOffer);
  EXPECT_EQ(peer_.ExpectStatus(183, "INVITE").body(), "") << "an offer never goes unreliably";
  stack_->signaling().Accept("in-1", kOffer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.body(), kOffer);
  PeerRequest ack = Next(invite, answer, "ACK", 1);
  ack.body = kAnswer;
  SendToStack(ack);
  recorder_.Expect("answer in-1 caller");
  recorder_.Expect("confirmed in-1");
}

TEST_F(IncomingCallFlowTest, OfferlessInviteIsAnsweredInThePrack) {  // Covers: C13
  Begin();
  const PeerRequest invite = Invite("Require: 100rel\r\n", "");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, kOffer);
  const SipText progress = peer_.ExpectStatus(183, "INVITE");
  EXPECT_EQ(progress.body(), kOffer);
  PeerRequest prack = Prack(invite, progress, 2);
  prack.body = kAnswer;
  SendToStack(prack);
  peer_.ExpectStatus(200, "PRACK");
  recorder_.Expect("answer in-1 caller");
  stack_->signaling().Accept("in-1", kOffer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.body(), "");
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
}

TEST_F(IncomingCallFlowTest, AckWithoutTheAnswerEndsTheCall) {
  Begin();
  const PeerRequest invite = Invite("", "");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kOffer);
  SendToStack(Next(invite, peer_.ExpectStatus(200, "INVITE"), "ACK", 1));
  peer_.ExpectRequest("BYE");
  recorder_.Expect("ended in-1 488");
}

TEST_F(IncomingCallFlowTest, AnsweredElsewhere) {  // Covers: C9
  Begin();
  const PeerRequest invite = Invite();
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  peer_.ExpectStatus(180, "INVITE");
  SendToStack(Cancel(invite, "SIP;cause=200;text=\"Call completed elsewhere\""));
  peer_.ExpectStatus(200, "CANCEL");
  peer_.ExpectStatus(487, "INVITE");
  recorder_.Expect("cancelled in-1 200");
  EXPECT_EQ(recorder_.last_reason.text, "Call completed elsewhere");
  stack_->signaling().Accept("in-1", kAnswer);  // too late, and ignored
}

TEST_F(IncomingCallFlowTest, CancelBeforeTheCallHasAName) {
  Begin();
  const PeerRequest invite = Invite();
  SendToStack(invite);
  peer_.ExpectStatus(100, "INVITE");
  SendToStack(Cancel(invite, ""));
  peer_.ExpectStatus(487, "INVITE");
  recorder_.Expect("cancelled in-1 0");
  for (const std::string_view method : {"INVITE", "CANCEL"})
    EXPECT_EQ(Requests(TrafficDirection::kReceived, method), 1u) << method;
  EXPECT_EQ(Responses(TrafficDirection::kSent, "CANCEL", 200), 1u);
  ExpectResponses(TrafficDirection::kSent, "INVITE", 487, 1);
}

TEST_F(IncomingCallFlowTest, AnswerCrossesTheCancel) {  // Covers: C9
  Begin();
  const PeerRequest invite = Invite();
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  SendToStack(Cancel(invite, "SIP;cause=200"));
  peer_.ExpectStatus(481, "CANCEL");
  SendToStack(Next(invite, answer, "ACK", 1));
  PeerRequest bye = Next(invite, answer, "BYE", 2);
  bye.headers = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
  SendToStack(bye);
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended in-1 200");
}

TEST_F(IncomingCallFlowTest, BusyUnknownAndWithheld) {  // Covers: C8 C11
  Begin();
  PeerRequest invite = Invite("Privacy: id\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->caller_uri, "");
  EXPECT_EQ(recorder_.incoming->caller_display_name, "");
  stack_->signaling().Reject("in-1", 486, {.sip_status = 486, .q850_cause = 17, .text = ""});
  EXPECT_EQ(peer_.ExpectStatus(486, "INVITE").Get("Reason"), "Q.850;cause=17");

  recorder_.next_call_id = std::nullopt;
  SendToStack(Invite());
  EXPECT_TRUE(strand_.RunUntil([&] { return recorder_.Count("incoming") == 2; }));
  peer_.ExpectStatus(404, "INVITE");
  PeerRequest stranger = Invite();
  stranger.uri = ContactUri("STRANGER");
  SendToStack(stranger);
  peer_.ExpectStatus(404, "INVITE");
  EXPECT_EQ(Count(SipCounter::kRefusedUnknownToken), 2u);
  EXPECT_EQ(recorder_.Count("incoming"), 2u);
}

TEST_F(IncomingCallFlowTest, CommandsFromInsideTheNotificationAreNotLost) {
  Begin();
  recorder_.during_incoming = [&] { stack_->signaling().SendProgress("in-1", 180, std::nullopt); };
  SendToStack(Invite());
  recorder_.Expect("incoming");
  peer_.ExpectStatus(180, "INVITE");
}

TEST_F(IncomingCallFlowTest, TwoDevicesOfOneNumberAreTwoCalls) {
  Begin();
  auto second = Registration("r2");
  second.contact_token = "OTHER";
  stack_->registrar().Restore(second, {.next_hop = peer_.uri(), .snapshot = ""});
  Settle();
  PeerRequest invite = Invite();
  SendToStack(invite);
  recorder_.Expect("incoming");
  recorder_.next_call_id = "in-2";
  invite.uri = ContactUri("OTHER");
  invite.branch = FreshBranch();
  SendToStack(invite);  // same Call-ID, CSeq and From tag: a fork, not a merged request
  recorder_.Expect("incoming", 2);
  stack_->signaling().SendProgress("in-2", 180, std::nullopt);
  const SipText two = peer_.ExpectStatus(180, "INVITE");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText one = peer_.ExpectStatus(180, "INVITE");
  EXPECT_NE(one.Tag("To"), two.Tag("To"));
}

TEST_F(IncomingCallFlowTest, OverloadIsRefusedWithRetryAfter) {  // Covers: C27
  config_.max_incoming_invites = 1;
  Begin();
  SendToStack(Invite());
  recorder_.Expect("incoming");
  SendToStack(Invite());
  EXPECT_EQ(peer_.ExpectStatus(503, "INVITE").Get("Retry-After"), "5");
  EXPECT_EQ(Count(SipCounter::kRefusedOverload), 1u);
}

TEST_F(IncomingCallFlowTest, PeerRefreshesTheSessionOrLosesIt) {  // Covers: C15
  config_.session_expires = std::chrono::seconds(3);
  config_.min_session_expires = std::chrono::seconds(1);
  Begin();
  const PeerRequest invite = Invite("Supported: timer\r\nSession-Expires: 3;refresher=uac\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.Get("Session-Expires"), "3;refresher=uac");
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
  PeerRequest update = Next(invite, answer, "UPDATE", 2);
  update.headers = "Contact: <" + peer_.uri() + ">\r\nSupported: timer\r\nSession-Expires: 3;refresher=uac\r\n";
  SendToStack(update);
  EXPECT_EQ(peer_.ExpectStatus(200, "UPDATE").Get("Session-Expires"), "3;refresher=uac");
  peer_.ExpectRequest("BYE");
  recorder_.Expect("ended in-1 408");
}

TEST_F(IncomingCallFlowTest, WhereTheCallerWantsItWeRefreshTheSession) {  // Covers: C15 C26
  config_.session_expires = std::chrono::seconds(2);
  config_.min_session_expires = std::chrono::seconds(1);
  Begin();
  const std::string ours = "0123456789abcdef0123456789abcdef";
  const std::string theirs = "fedcba9876543210fedcba9876543210";
  recorder_.next_call_id = ours;
  const PeerRequest invite =
      Invite("Supported: timer\r\nSession-Expires: 1;refresher=uas\r\nAllow: INVITE, UPDATE\r\nSession-ID: " + theirs +
             ";remote=00000000000000000000000000000000\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Accept(ours, kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.Get("Session-Expires"), "1;refresher=uas");
  EXPECT_EQ(answer.Get("Session-ID"), ours + ";remote=" + theirs);
  SendToStack(Next(invite, answer, "ACK", 1));
  const SipText update = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(update.Get("Session-Expires"), "1;refresher=uac")
      << "the roles are those of this request (RFC 4028 section 7.4)";
  EXPECT_EQ(update.Get("Session-ID"), ours + ";remote=" + theirs);
}

TEST_F(IncomingCallFlowTest, TooSmallAnIntervalIs422) {  // Covers: C15
  Begin();
  SendToStack(Invite("Supported: timer\r\nSession-Expires: 30\r\n"));
  EXPECT_EQ(peer_.ExpectStatus(422, "INVITE").Get("Min-SE"), "90");
  EXPECT_EQ(Count(SipCounter::kRefusedIntervalTooSmall), 1u);
}

TEST_F(IncomingCallFlowTest, RestoredBindingAndDialog) {  // Covers: T6
  Begin();
  const auto [invite, answer] = Connect();
  recorder_.Expect("changed in-1");
  RestartStack();
  RestoreRegistration();
  stack_->signaling().Restore("in-1", recorder_.snapshots["in-1"]);
  Settle();
  // The binding still takes calls, the dialog its BYE.
  recorder_.next_call_id = "in-2";
  SendToStack(Invite());
  recorder_.Expect("incoming", 2);
  SendToStack(Next(invite, answer, "BYE", 2));
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended in-1 0");
}

// Between the socket and the last record of the store nobody may hear that a number or a dialog is not there.
TEST_F(IncomingCallFlowTest, NobodyIsUnknownBeforeTheRestorationIsOver) {  // Covers: T6
  Begin();
  const auto [invite, answer] = Connect();
  recorder_.Expect("changed in-1");
  config_.waits_for_restore = true;
  RestartStack();
  SendToStack(Invite());
  EXPECT_EQ(peer_.ExpectStatus(503, "INVITE").Get("Retry-After"), "1");
  EXPECT_EQ(Count(SipCounter::kRefusedNotRestored), 1u);
  const PeerRequest bye = Next(invite, answer, "BYE", 2);
  SendToStack(bye);
  ExpectCount(SipCounter::kDroppedNotRestored, 1);
  RestoreRegistration();
  stack_->signaling().Restore("in-1", recorder_.snapshots["in-1"]);
  stack_->SetRestored();
  Settle();
  SendToStack(bye);
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended in-1 0");
  recorder_.next_call_id = "in-2";
  SendToStack(Invite());
  recorder_.Expect("incoming", 2);
}

// Calls go on, and numbers that are known again are called, while others are still being read.
TEST_F(IncomingCallFlowTest, DialogsAreServedBeforeTheLastRegistrationIsRestored) {  // Covers: T6
  Begin();
  const auto [invite, answer] = Connect();
  recorder_.Expect("changed in-1");
  config_.waits_for_restore = true;
  RestartStack();
  stack_->signaling().Restore("in-1", recorder_.snapshots["in-1"]);
  stack_->SetDialogsRestored();
  Settle();
  SendToStack(Invite());
  EXPECT_EQ(peer_.ExpectStatus(480, "INVITE").Get("Retry-After"), "1") << "one number, not everything";
  PeerRequest notify = Next(invite, answer, "NOTIFY", 2);
  notify.to = "<sip:+34600000001@ims.test>;tag=nobodys";
  notify.headers = "Event: reg\r\nSubscription-State: active\r\n";
  SendToStack(notify);
  EXPECT_EQ(peer_.ExpectStatus(500, "NOTIFY").Get("Retry-After"), "1") << "its registration may come back";
  SendToStack(Next(invite, answer, "BYE", 3));
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended in-1 0");
  RestoreRegistration();
  recorder_.next_call_id = "in-2";
  SendToStack(Invite());
  recorder_.Expect("incoming", 2);
  stack_->SetRestored();
  Settle();
  notify.cseq = 4;
  SendToStack(notify);
  peer_.ExpectStatus(481, "NOTIFY");
}

// Networks put other things beside the session description: here ISUP, which need not be understood (RFC 3204).
TEST_F(IncomingCallFlowTest, ASessionDescriptionInAMultipartBody) {  // Covers: C30
  Begin();
  const auto wrap = [](const std::string& sdp) {
    return "--b\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: "
           "signal;handling=optional\r\n\r\nx\r\n"
           "--b\r\nContent-Type: application/sdp\r\n\r\n" +
           sdp + "\r\n--b--\r\n";
  };
  PeerRequest invite = Invite("Content-Type: multipart/mixed;boundary=\"b\"\r\n", wrap(kOffer));
  SendToStack(invite);
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->sdp, kOffer);
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
  const std::string other = std::string(kOffer) + "a=x\r\n";
  PeerRequest update = Next(invite, answer, "UPDATE", 2);
  update.headers = "Contact: <" + peer_.uri() + ">\r\nContent-Type: multipart/mixed;boundary=b\r\n";
  update.body = wrap(other);
  SendToStack(update);
  recorder_.Expect("offer in-1 caller");
  EXPECT_EQ(recorder_.sdps["offer in-1 caller"], other);
}

TEST_F(IncomingCallFlowTest, OfferlessReinvite) {  // Covers: C13
  Begin();
  const auto [invite, answer] = Connect();
  PeerRequest reinvite = Next(invite, answer, "INVITE", 2);
  reinvite.headers = "Contact: <" + peer_.uri() + ">\r\n";
  SendToStack(reinvite);
  recorder_.Expect("offer in-1 caller");
  stack_->signaling().SendAnswer("in-1", "", kOffer2);
  EXPECT_EQ(peer_.ExpectStatus(200, "INVITE").body(), kOffer2);
  PeerRequest ack = Next(invite, answer, "ACK", 2);
  ack.body = kAnswer2;
  SendToStack(ack);
  recorder_.Expect("answer in-1 caller");
  EXPECT_EQ(recorder_.sdps["answer in-1 caller"], kAnswer2);
}

// What was answered was not wanted any more: both sides are made one again by an offer of ours.
TEST_F(IncomingCallFlowTest, AReinviteThatWasTakenBackIsNotAgreed) {  // Covers: C5
  Begin();
  const auto [invite, answer] = Connect();
  PeerRequest reinvite = Next(invite, answer, "INVITE", 2);
  reinvite.branch = FreshBranch();
  reinvite.body = kOffer2;
  SendToStack(reinvite);
  recorder_.Expect("offer in-1 caller");
  SendToStack(Cancel(reinvite, ""));
  peer_.ExpectStatus(487, "INVITE");
  stack_->signaling().SendAnswer("in-1", "", kAnswer2);
  recorder_.Expect("offer stale in-1");
  stack_->signaling().SendOffer("in-1", "", kOffer);
  EXPECT_EQ(peer_.ExpectRequest("INVITE").body(), kOffer);
}

// A call is no way to flood the app with holds and digits; it can still be ended.
TEST_F(IncomingCallFlowTest, TooManyRequestsInACallAreToldToWait) {
  Begin();
  const auto [invite, answer] = Connect();
  for (uint32_t cseq = 2; cseq < 102; ++cseq) SendToStack(Next(invite, answer, "UPDATE", cseq));
  EXPECT_EQ(peer_.ExpectStatus(500, "UPDATE").Get("Retry-After"), "5");
  EXPECT_GE(Count(SipCounter::kRefusedBusyDialog), 1u);
  SendToStack(Next(invite, answer, "BYE", 102));
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended in-1 0");
}

TEST_F(IncomingCallFlowTest, WhoSentTheCallOn) {  // Covers: C28
  Begin();
  SendToStack(
      Invite("History-Info: <sip:+34600000005@ims.test>;index=1, "
             "<sip:+34600000001@ims.test;cause=408>;index=1.1;mp=1\r\n"));
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->diversions,
            (std::vector<call::Diversion>{{"sip:+34600000005@ims.test", call::Diversion::Reason::kNoAnswer}}));
  stack_->signaling().Reject("in-1", 486, {});
}

TEST_F(IncomingCallFlowTest, DigitsByInfoGoOneByOne) {  // Covers: C14
  Begin();
  const auto [invite, answer] = Connect();
  stack_->signaling().SendDigits("in-1", "5#");
  const SipText first = peer_.ExpectRequest("INFO");
  EXPECT_EQ(first.Get("Content-Type"), "application/dtmf-relay");
  EXPECT_EQ(first.body(), "Signal=5\r\nDuration=160\r\n");
  peer_.Reply(first, "200 OK", "");
  const SipText second = peer_.ExpectRequest("INFO");
  EXPECT_EQ(second.body(), "Signal=#\r\nDuration=160\r\n");
  stack_->signaling().SendDigits("in-1", "12");
  Settle();
  peer_.Reply(second, "415 Unsupported Media Type", "");
  ExpectCount(SipCounter::kDigitRefused, 1);
  EXPECT_EQ(Count(SipCounter::kDigitSent), 2u) << "who refuses one is not sent the others";
}

TEST_F(IncomingCallFlowTest, DigitsByInfoAnswerAChallenge) {  // Covers: C14
  Begin();
  Connect();
  stack_->signaling().SendDigits("in-1", "5");
  const SipText first = peer_.ExpectRequest("INFO");
  peer_.Reply(first, "407 Proxy Authentication Required", "",
              "Proxy-Authenticate: Digest realm=\"ims.test\",nonce=\"n1\",algorithm=MD5,qop=\"auth\"\r\n");
  const SipText second =
      peer_.Expect([&](const SipText& m) { return m.method() == "INFO" && m.Get("CSeq") != first.Get("CSeq"); },
                   "INFO with an answer");
  EXPECT_NE(second.Get("Proxy-Authorization").find("nonce=\"n1\""), std::string::npos);
  EXPECT_EQ(second.body(), first.body());
  peer_.Reply(second, "407 Proxy Authentication Required", "",
              "Proxy-Authenticate: Digest realm=\"ims.test\",nonce=\"n2\",algorithm=MD5,qop=\"auth\"\r\n");
  ExpectCount(SipCounter::kDigitRefused, 1);
}

TEST_F(IncomingCallFlowTest, DigitsOfTheNetworkByInfo) {  // Covers: C14
  Begin();
  const auto [invite, answer] = Connect();
  uint32_t cseq = 1;
  const auto send = [&, &invite = invite, &answer = answer](const std::string& type, const std::string& body) {
    PeerRequest info = Next(invite, answer, "INFO", ++cseq);
    info.headers = "Content-Type: " + type + "\r\n";
    info.body = body;
    SendToStack(info);
    return peer_.Expect(
        [&](const SipText& m) { return m.status() > 100 && m.Get("CSeq") == std::to_string(cseq) + " INFO"; },
        "response to INFO");
  };
  EXPECT_EQ(send("application/dtmf-relay", "Signal=5\r\nDuration=250\r\n").status(), 200);
  recorder_.Expect("digit in-1 5 250");
  EXPECT_EQ(send("application/dtmf", "#").status(), 200);
  recorder_.Expect("digit in-1 # 160");
  EXPECT_EQ(send("application/dtmf-relay", "Signal=many\r\n").status(), 400);
  const SipText other = send("application/broadsoft", "event talk");
  EXPECT_EQ(other.status(), 415);
  EXPECT_EQ(other.Get("Accept"), "application/dtmf-relay, application/dtmf");
  EXPECT_EQ(Count(SipCounter::kDigitReceived), 2u);
  EXPECT_EQ(Count(SipCounter::kRefusedBadBody), 2u);
}

TEST_F(IncomingCallFlowTest, AnotherTakesThePlaceOfTheCaller) {  // Covers: C19
  Begin();
  const auto [first, answer] = Connect();
  const std::string dialog = first.call_id + ";to-tag=" + answer.Tag("To") + ";from-tag=caller";
  PeerRequest invite = Invite("Replaces: " + dialog + "\r\nRequire: replaces\r\n", kOffer2);
  invite.from = "\"Carol\" <sip:+34600000004@ims.test>;tag=carol";
  invite.headers.replace(invite.headers.find("P-Asserted-Identity"),
                         invite.headers.find("P-Called") - invite.headers.find("P-Asserted-Identity"),
                         "P-Asserted-Identity: <sip:+34600000004@ims.test>\r\n");
  SendToStack(invite);
  recorder_.Expect("offer in-1 carol");
  EXPECT_EQ(recorder_.Count("incoming"), 1u) << "no new call";
  // One after the other.
  PeerRequest crossing = Invite("Replaces: " + dialog + "\r\n", kOffer2);
  SendToStack(crossing);
  peer_.ExpectStatus(491, "INVITE");
  stack_->signaling().SendAnswer("in-1", "carol", kAnswer2);
  const SipText taken =
      peer_.Expect([&](const SipText& m) { return m.status() == 200 && m.Get("Call-ID") == invite.call_id; },
                   "200 to the INVITE with Replaces");
  EXPECT_EQ(taken.body(), kAnswer2);
  recorder_.Expect("replaced in-1 carol sip:+34600000004@ims.test");
  SendToStack(Next(invite, taken, "ACK", 1));
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Get("Call-ID"), first.call_id);
  // Bob hangs up as well.
  SendToStack(Next(first, answer, "BYE", 2));
  peer_.Expect([&](const SipText& m) { return m.status() == 200 && m.Get("CSeq") == "2 BYE"; },
               "200 to the crossing BYE");
  peer_.Reply(bye, "200 OK", "");
  // The call goes on with Carol, and its snapshot with her dialog.
  stack_->signaling().SendOffer("in-1", "", kOffer);
  const SipText update =
      peer_.Expect([](const SipText& m) { return m.method() == "UPDATE" || m.method() == "INVITE"; }, "our offer");
  EXPECT_EQ(update.Get("Call-ID"), invite.call_id);
  recorder_.Expect("changed in-1", 2);
  EXPECT_NE(recorder_.snapshots["in-1"].find(invite.call_id), std::string::npos);
  stack_->signaling().Bye("in-1", {.sip_status = 0, .q850_cause = 16, .text = "Bye"});
  const SipText end = peer_.ExpectRequest("BYE");
  EXPECT_EQ(end.Get("Call-ID"), invite.call_id);
  EXPECT_EQ(recorder_.Count("ended in-1 200"), 0u);
  EXPECT_EQ(Count(SipCounter::kDialogReplaced), 1u);
}

TEST_F(IncomingCallFlowTest, ADialogThatCannotBeReplacedStays) {  // Covers: C19
  Begin();
  const auto [first, answer] = Connect();
  const std::string dialog = first.call_id + ";to-tag=" + answer.Tag("To") + ";from-tag=caller";
  const auto try_with = [&](const std::string& headers) {
    PeerRequest invite = Invite(headers, kOffer2);
    invite.from = "<sip:+34600000004@ims.test>;tag=other";
    SendToStack(invite);
    return invite;
  };
  try_with("Replaces: nobody;to-tag=a;from-tag=b\r\n");
  peer_.ExpectStatus(481, "INVITE");
  try_with("Replaces: " + dialog + ";early-only\r\n");
  peer_.ExpectStatus(486, "INVITE");
  try_with("Replaces: x;to-tag=1\r\n");
  peer_.ExpectStatus(400, "INVITE");
  // Refused by the call logic, and given up by its sender: twice the old dialog is still there for the next.
  try_with("Replaces: " + dialog + "\r\n");
  recorder_.Expect("offer in-1 other");
  stack_->signaling().SendAnswer("in-1", "other", std::nullopt);
  peer_.ExpectStatus(488, "INVITE");
  Settle();
  const PeerRequest cancelled = try_with("Replaces: " + dialog + "\r\n");
  recorder_.Expect("offer in-1 other", 2);
  SendToStack(Cancel(cancelled, ""));
  peer_.ExpectStatus(487, "INVITE");
  try_with("Replaces: " + dialog + "\r\n");
  recorder_.Expect("offer in-1 other", 3);
  EXPECT_EQ(Count(SipCounter::kRefusedReplaces), 3u);
  stack_->signaling().Bye("in-1", {.sip_status = 0, .q850_cause = 16, .text = "Bye"});
  EXPECT_EQ(peer_.ExpectRequest("BYE").Get("Call-ID"), first.call_id);
}

}  // namespace
}  // namespace byon::sip::test
