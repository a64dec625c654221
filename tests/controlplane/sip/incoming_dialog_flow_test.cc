#include "tests/controlplane/sip/incoming_call_fixture.h"

namespace byon::sip::test {
namespace {

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
