#include "tests/controlplane/sip/outgoing_call_fixture.h"

namespace byon::sip::test {
namespace {

TEST_F(OutgoingCallFlowTest, HoldPeerHoldAndBye) {  // Covers: C12 C10
  Begin();
  const SipText invite = InviteOnce();
  Answer(invite, "t1");
  recorder_.Expect("changed out-1");
  // Ours.
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  const SipText reinvite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(reinvite.Tag("To"), "t1");
  EXPECT_EQ(reinvite.body(), kOffer2);
  peer_.Reply(reinvite, "200 OK", "", CalleeHeaders(), kAnswer2);
  EXPECT_EQ(peer_.ExpectRequest("ACK").Get("CSeq"), std::to_string(std::atoi(reinvite.Get("CSeq").c_str())) + " ACK");
  recorder_.Expect("answer out-1 t1");
  EXPECT_EQ(recorder_.sdps["answer out-1 t1"], kAnswer2);
  peer_.Reply(reinvite, "200 OK", "", CalleeHeaders(), kAnswer2);
  peer_.ExpectRequest("ACK");
  // Theirs.
  PeerRequest theirs = InDialog(invite, "t1", "INVITE", 10);
  theirs.headers = CalleeHeaders();
  theirs.body = kOffer;
  SendToStack(theirs);
  recorder_.Expect("offer out-1 t1");
  stack_->signaling().SendAnswer("out-1", "t1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_EQ(answer.body(), kAnswer);
  PeerRequest ack = InDialog(invite, "t1", "ACK", 10);
  SendToStack(ack);
  // An offer that we do not like.
  PeerRequest update = InDialog(invite, "t1", "UPDATE", 11);
  update.headers = CalleeHeaders();
  update.body = kOffer2;
  SendToStack(update);
  recorder_.Expect("offer out-1 t1", 2);
  stack_->signaling().SendAnswer("out-1", "t1", std::nullopt);
  peer_.ExpectStatus(488, "UPDATE");
  // The same session again: a refresh, which nobody has to think about.
  update.cseq = 12;
  update.body = kOffer;
  SendToStack(update);
  EXPECT_EQ(peer_.ExpectStatus(200, "UPDATE").body(), kAnswer);
  // BYE.
  PeerRequest bye = InDialog(invite, "t1", "BYE", 13);
  bye.headers = "Reason: Q.850;cause=16;text=\"Terminated\"\r\n";
  SendToStack(bye);
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended out-1 0");
  EXPECT_EQ(recorder_.last_reason.q850_cause, 16);
  bye.cseq = 14;
  bye.branch.clear();
  ExpectCount(SipCounter::kRefusedNoDialog, 0);
}

TEST_F(OutgoingCallFlowTest, GlareIsAnsweredAndRetried) {  // Covers: C5
  Begin();
  const SipText invite = InviteOnce();
  Answer(invite, "t1");
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  const SipText reinvite = peer_.ExpectRequest("INVITE");
  PeerRequest theirs = InDialog(invite, "t1", "INVITE", 10);
  theirs.headers = CalleeHeaders();
  theirs.body = kOffer;
  SendToStack(theirs);
  const SipText refused = peer_.ExpectStatus(491, "INVITE");
  EXPECT_EQ(Count(SipCounter::kRefusedGlare), 1u);
  const auto start = std::chrono::steady_clock::now();
  peer_.Reply(reinvite, "491 Request Pending", "");
  peer_.ExpectRequest("ACK");
  const SipText again = peer_.ExpectRequest("INVITE");
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_GE(waited, std::chrono::milliseconds(2000)) << "the owner of the Call-ID waits 2.1 to 4 s";
  EXPECT_EQ(again.body(), kOffer2);
  peer_.Reply(again, "488 Not Acceptable Here", "");
  recorder_.Expect("offer failed out-1 488");
  EXPECT_EQ(Count(SipCounter::kOfferGlareRetry), 1u);
}

// The peer's exchange came between: what we had to say is older than what was agreed (RFC 3264 section 8).
TEST_F(OutgoingCallFlowTest, AnOfferThatWasOvertakenIsMadeAnew) {  // Covers: C5
  Begin();
  const SipText invite = InviteOnce();
  Answer(invite, "t1");
  const auto update_of_theirs = [&](uint32_t cseq, const std::string& body) {
    PeerRequest update = InDialog(invite, "t1", "UPDATE", cseq);
    update.headers = CalleeHeaders();
    update.body = body;
    SendToStack(update);
  };
  // It waits because of glare.
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  peer_.Reply(peer_.ExpectRequest("INVITE"), "491 Request Pending", "");
  update_of_theirs(10, kOffer);
  recorder_.Expect("offer out-1 t1");
  stack_->signaling().SendAnswer("out-1", "", kAnswer2);
  peer_.ExpectStatus(200, "UPDATE");
  recorder_.Expect("offer stale out-1");
  stack_->signaling().SendOffer("out-1", "", kOffer);
  const SipText anew = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(anew.body(), kOffer);
  peer_.Reply(anew, "200 OK", "", CalleeHeaders(), kAnswer);
  peer_.ExpectRequest("ACK");
  recorder_.Expect("answer out-1 t1");
  // It waits behind an offer that is not answered yet.
  update_of_theirs(11, kOffer2);
  recorder_.Expect("offer out-1 t1", 2);
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  stack_->signaling().SendAnswer("out-1", "", kAnswer);
  peer_.ExpectStatus(200, "UPDATE");
  recorder_.Expect("offer stale out-1", 2);
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  EXPECT_EQ(peer_.ExpectRequest("INVITE").body(), kOffer2);
}

TEST_F(OutgoingCallFlowTest, DeadDialogEndsTheCall) {
  Begin();
  Answer(InviteOnce(), "t1");
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  peer_.Reply(peer_.ExpectRequest("INVITE"), "481 Call/Transaction Does Not Exist", "");
  recorder_.Expect("ended out-1 481");
}

TEST_F(OutgoingCallFlowTest, UnansweredOfferOfThePeerTimesOut) {
  config_.timers.answer_deadline = std::chrono::milliseconds(100);
  Begin();
  const SipText invite = InviteOnce();
  Answer(invite, "t1");
  PeerRequest update = InDialog(invite, "t1", "UPDATE", 10);
  update.headers = CalleeHeaders();
  update.body = kOffer2;
  SendToStack(update);
  peer_.ExpectStatus(500, "UPDATE");
  EXPECT_EQ(Count(SipCounter::kAnswerTimeout), 1u);
}

TEST_F(OutgoingCallFlowTest, WeRefreshTheSession) {  // Covers: C15
  config_.session_expires = std::chrono::seconds(4);
  config_.min_session_expires = std::chrono::seconds(4);
  Begin();
  const SipText invite = InviteOnce();
  EXPECT_EQ(invite.Get("Session-Expires"), "4");
  Answer(invite, "t1", "Session-Expires: 4;refresher=uac\r\nRequire: timer\r\n");
  const SipText update = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(update.Get("Session-Expires"), "4;refresher=uac");
  EXPECT_EQ(update.body(), "");
  // UPDATE is refused: from now on by re-INVITE with the session as it is.
  peer_.Reply(update, "405 Method Not Allowed", "");
  const SipText reinvite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(reinvite.body(), kOffer);
  peer_.Reply(reinvite, "200 OK", "",
              "Contact: <" + peer_.uri() + ">\r\nAllow: INVITE\r\nSession-Expires: 4;refresher=uac\r\n", kAnswer);
  peer_.ExpectRequest("ACK");
  EXPECT_EQ(peer_.ExpectRequest("INVITE").body(), kOffer) << "and again half an interval later";
  EXPECT_EQ(recorder_.Count("answer out-1 t1"), 0u) << "nobody asked";
}

TEST_F(OutgoingCallFlowTest, SessionExpiresWhenThePeerDoesNotRefresh) {  // Covers: C15
  config_.session_expires = std::chrono::seconds(1);
  config_.min_session_expires = std::chrono::seconds(1);
  Begin();
  Answer(InviteOnce(), "t1", "Session-Expires: 1;refresher=uas\r\nRequire: timer\r\n");
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Get("Reason"), "SIP;cause=408;text=\"Session expired\"");
  recorder_.Expect("ended out-1 408");
  EXPECT_EQ(Count(SipCounter::kSessionExpired), 1u);
}

TEST_F(OutgoingCallFlowTest, RestoredDialogTakesAndGivesRequests) {  // Covers: T6
  Begin();
  const SipText invite = InviteOnce();
  Answer(invite, "t1");
  recorder_.Expect("changed out-1");
  RestartStack();
  stack_->signaling().Restore("out-1", recorder_.snapshots["out-1"]);
  Settle();
  PeerRequest theirs = InDialog(invite, "t1", "INVITE", 10);
  theirs.headers = CalleeHeaders();
  theirs.body = kOffer2;
  SendToStack(theirs);
  recorder_.Expect("offer out-1 t1");
  stack_->signaling().SendAnswer("out-1", "", kAnswer2);
  peer_.ExpectStatus(200, "INVITE");
  SendToStack(InDialog(invite, "t1", "ACK", 10));
  stack_->signaling().SendOffer("out-1", "", kOffer);
  const SipText reinvite = peer_.ExpectRequest("INVITE");
  EXPECT_GT(std::atoi(reinvite.Get("CSeq").c_str()), std::atoi(invite.Get("CSeq").c_str()));
  peer_.Reply(reinvite, "200 OK", "", CalleeHeaders(), kAnswer);
  recorder_.Expect("answer out-1 t1");
  stack_->signaling().Bye("out-1", {});
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Get("Call-ID"), invite.Get("Call-ID"));
  EXPECT_EQ(bye.Tag("From"), invite.Tag("From"));
  EXPECT_EQ(bye.Tag("To"), "t1");
  peer_.Reply(bye, "200 OK", "");
}

// The peer counts from the last refresh, of which the new process knows nothing.
TEST_F(OutgoingCallFlowTest, ARestoredSessionIsRefreshedSoon) {  // Covers: C15 T6
  config_.session_expires = config_.min_session_expires = std::chrono::seconds(48);
  Begin();
  Answer(InviteOnce(), "t1", "Session-Expires: 48;refresher=uac\r\nRequire: timer\r\n");
  recorder_.Expect("changed out-1");
  RestartStack();
  stack_->signaling().Restore("out-1", recorder_.snapshots["out-1"]);
  // Within 6 s; half an interval would be longer than anything is waited for here.
  EXPECT_EQ(peer_.ExpectRequest("UPDATE").Get("Session-Expires"), "48;refresher=uac");
}

TEST_F(OutgoingCallFlowTest, AReinviteThatARestartCutOffIsAcknowledgedAndRepeated) {  // Covers: T6
  Begin();
  const SipText invite = InviteOnce();
  Answer(invite, "t1");
  recorder_.Expect("changed out-1");
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  const SipText reinvite = peer_.ExpectRequest("INVITE");
  config_.waits_for_restore = true;
  RestartStack();
  peer_.Reply(reinvite, "200 OK", "", CalleeHeaders(), kAnswer2);
  ExpectCount(SipCounter::kDroppedNotRestored, 1);
  stack_->signaling().Restore("out-1", recorder_.snapshots["out-1"]);
  stack_->SetRestored();
  Settle();
  peer_.Reply(reinvite, "200 OK", "", CalleeHeaders(), kAnswer2);
  const SipText next = peer_.Expect([](const SipText& m) { return m.is_request() && m.method() != "INVITE"; }, "ACK");
  EXPECT_EQ(next.method(), "ACK") << "no BYE before it either";
  EXPECT_EQ(next.Get("CSeq"), std::to_string(std::atoi(reinvite.Get("CSeq").c_str())) + " ACK");
  recorder_.Expect("offer stale out-1");
}

TEST_F(OutgoingCallFlowTest, DamagedSnapshotEndsTheCall) {
  Begin();
  stack_->signaling().Restore("lost", "byon-sip-dialog 1\nshard 0\n");
  recorder_.Expect("ended lost 500");
}

}  // namespace
}  // namespace byon::sip::test
