#include "tests/controlplane/sip/incoming_call_fixture.h"

namespace byon::sip::test {
namespace {

TEST_F(IncomingCallFlowTest, RingsAnswersAndHangsUp) {  // Covers: C8
  Begin();
  const PeerRequest invite = Invite("Supported: timer\r\nSession-Expires: 1800\r\n");
  SendToStack(invite);
  peer_.ExpectStatus(100, "INVITE");
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->contact_token, "TOKEN");
  EXPECT_EQ(recorder_.incoming->caller.uri, "sip:+34600000003@ims.test");
  EXPECT_EQ(recorder_.incoming->called_uri, "sip:+34600000001@ims.test");
  EXPECT_EQ(recorder_.incoming->sdp, kOffer);
  EXPECT_FALSE(recorder_.incoming->supports_100rel);
  // What goes with it where it is sent on.
  EXPECT_EQ(recorder_.incoming->caller_identity.asserted_uris.size(), 2u);
  EXPECT_EQ(recorder_.incoming->sip_call_id, invite.call_id);
  EXPECT_EQ(recorder_.incoming->from_tag, "caller");
  EXPECT_LE(recorder_.incoming->max_forwards, 70);
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

// RFC 3262 section 3: it is on its way when the user answers at once.
TEST_F(IncomingCallFlowTest, APrackThatCrossesTheAnswerIsTaken) {  // Covers: C3
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText ringing = peer_.ExpectStatus(180, "INVITE");
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  SendToStack(Prack(invite, ringing, 2));
  peer_.ExpectStatus(200, "PRACK");
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
  SendToStack(Prack(invite, ringing, 3));
  peer_.ExpectStatus(481, "PRACK");
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
  EXPECT_EQ(recorder_.incoming->caller.uri, "");
  EXPECT_EQ(recorder_.incoming->caller.display_name, "");
  stack_->signaling().Reject("in-1", 486, {.sip_status = 486, .q850_cause = 17, .text = ""});
  EXPECT_EQ(peer_.ExpectStatus(486, "INVITE").Get("Reason"), "Q.850;cause=17");

  recorder_.next_call_id = std::nullopt;
  SendToStack(Invite());
  EXPECT_TRUE(strand_.RunUntil([&] { return recorder_.Count("incoming") == 2; }));
  peer_.ExpectStatus(480, "INVITE");
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

}  // namespace
}  // namespace byon::sip::test
