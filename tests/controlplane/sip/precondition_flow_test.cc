// Resources that must be there before anybody is alerted (RFC 3312): what the headers say of them, and what is not ours
// to promise.
#include "controlplane/sip/text/precondition_lines.h"
#include "tests/controlplane/sip/incoming_call_fixture.h"
#include "tests/controlplane/sip/outgoing_call_fixture.h"

namespace byon::sip::test {
namespace {

// A description with these lines; `mandatory`: of our end.
std::string Caring(bool is_mandatory = true) {
  return std::string(kAnswer) +
         "m=audio 4000 RTP/AVP 97\r\na=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos " +
         (is_mandatory ? "mandatory" : "optional") + " local sendrecv\r\na=des:qos optional remote sendrecv\r\n";
}

TEST(PreconditionLinesTest, AreFoundAndTakenOut) {  // Covers: C4
  EXPECT_EQ(ReadPreconditionUse(kOffer), PreconditionUse());
  EXPECT_EQ(ReadPreconditionUse(""), PreconditionUse());
  EXPECT_EQ(ReadPreconditionUse(Caring()), (PreconditionUse{.is_used = true, .is_mandatory = true}));
  EXPECT_EQ(ReadPreconditionUse(Caring(false)), (PreconditionUse{.is_used = true, .is_mandatory = false}));
  EXPECT_EQ(ReadPreconditionUse("a=des:qos mandatory local sendrecv"), (PreconditionUse{true, true})) << "no line end";
  EXPECT_EQ(WithoutPreconditions(Caring() + "a=conf:qos remote sendrecv\r\na=sendrecv\r\n"),
            std::string(kAnswer) + "m=audio 4000 RTP/AVP 97\r\na=sendrecv\r\n");
  EXPECT_EQ(WithoutPreconditions("a=sendrecv"), "a=sendrecv");
}

class CalledWithPreconditionsTest : public IncomingCallFlowTest {};

TEST_F(CalledWithPreconditionsTest, EveryAnswerThatHasThemRequiresThem) {  // Covers: C4 C8
  config_.precondition = false;                                            // of our own calls
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel, timer\r\nRequire: precondition\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, Caring());
  const SipText progress = peer_.ExpectStatus(183, "INVITE");
  EXPECT_EQ(progress.Get("Require"), "100rel, precondition");
  EXPECT_EQ(progress.Get("Supported"), "100rel, timer, precondition, replaces, histinfo");
  SendToStack(Prack(invite, progress, 2));
  peer_.ExpectStatus(200, "PRACK");

  PeerRequest update = Next(invite, progress, "UPDATE", 3);
  update.headers = "Contact: <" + peer_.uri() + ">\r\nRequire: precondition\r\n";
  update.body = kOffer2;
  SendToStack(update);
  recorder_.Expect("offer in-1 caller");
  stack_->signaling().SendAnswer("in-1", "caller", Caring());
  const SipText agreed = peer_.ExpectStatus(200, "UPDATE");
  EXPECT_EQ(agreed.Get("Require"), "precondition");
  EXPECT_EQ(agreed.Get("Supported"), progress.Get("Supported"));

  // What has no description says nothing of them.
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText ringing = peer_.ExpectStatus(180, "INVITE");
  EXPECT_EQ(ringing.Get("Require"), "100rel");
  EXPECT_EQ(ringing.Get("Supported"), "100rel, timer, replaces, histinfo");
}

TEST_F(CalledWithPreconditionsTest, NothingIsRequiredOfWhoDoesNotKnowThem) {  // Covers: C4
  Begin();
  SendToStack(Invite("Supported: 100rel\r\n"));
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, Caring());
  const SipText progress = peer_.ExpectStatus(183, "INVITE");
  EXPECT_EQ(progress.Get("Require"), "100rel");
  EXPECT_TRUE(progress.Get("Supported").find("precondition") != std::string::npos);
}

class CallingWithPreconditionsTest : public OutgoingCallFlowTest {};

TEST_F(CallingWithPreconditionsTest, TheFirstOfferSupportsAndLaterOnesRequireThem) {  // Covers: C4 C5
  config_.precondition = false;
  Begin();
  const SipText invite = InviteOnce();
  EXPECT_EQ(invite.Get("Supported"), "100rel, timer, replaces, histinfo, 199");
  peer_.Reply(invite, "183 Session Progress", "t1", CalleeHeaders("Require: 100rel, precondition\r\nRSeq: 1\r\n"),
              Caring());
  peer_.Reply(peer_.ExpectRequest("PRACK"), "200 OK", "");
  recorder_.Expect("progress out-1 t1 183 reliable");
  stack_->signaling().SendOffer("out-1", "t1", Caring());
  const SipText update = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(update.Get("Require"), "precondition");
  EXPECT_EQ(update.Get("Supported"), "100rel, timer, precondition, replaces, histinfo");
  peer_.Reply(update, "200 OK", "", CalleeHeaders(), Caring());
  recorder_.Expect("answer out-1 t1");
  // Optional resources are offered, not required.
  stack_->signaling().SendOffer("out-1", "t1", Caring(false));
  const SipText optional = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(optional.Get("Require"), "");
  EXPECT_EQ(optional.Get("Supported"), update.Get("Supported"));
}

TEST_F(CallingWithPreconditionsTest, WhereTheyFailTheCallGoesWithoutThem) {  // Covers: C4
  Begin();
  call::OutgoingInvite outgoing = Outgoing();
  outgoing.sdp = Caring();
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("Require"), "") << "of an initial INVITE nothing is required (TS 24.229 section 5.1.3.1)";
  EXPECT_NE(invite.Get("Supported").find("precondition"), std::string::npos);
  peer_.Reply(invite, "580 Precondition Failure", "t1");
  const SipText plain = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(plain.body(), WithoutPreconditions(Caring()));
  EXPECT_EQ(plain.Get("Supported").find("precondition"), std::string::npos);
  EXPECT_GT(std::atoi(plain.Get("CSeq").c_str()), std::atoi(invite.Get("CSeq").c_str()));
  // Not for ever.
  peer_.Reply(plain, "580 Precondition Failure", "t2");
  recorder_.Expect("failed out-1 580");
}

}  // namespace
}  // namespace byon::sip::test
