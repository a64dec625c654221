#include "tests/controlplane/sip/outgoing_call_fixture.h"

namespace byon::sip::test {
namespace {

TEST_F(OutgoingCallFlowTest, InviteCarriesWhatACarrierAsksFor) {  // Covers: C1 R7 R8
  Begin();
  auto outgoing = Outgoing();
  outgoing.display_name = "Eve \"x\"\r\nVia: evil";
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.start_line(), "INVITE tel:+34600000002 SIP/2.0");
  EXPECT_EQ(invite.Get("From").substr(0, invite.Get("From").find(";tag")),
            "\"Eve \\\"x\\\"Via: evil\" <sip:+34600000001@ims.test>");
  EXPECT_EQ(invite.All("Via").size(), 1u);
  EXPECT_EQ(invite.All("Route"),
            (std::vector<std::string>{"<" + peer_.uri() + ";lr>", "<sip:orig@127.0.0.20:5060;lr>"}));
  EXPECT_EQ(invite.Get("P-Preferred-Identity"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(invite.Get("P-Preferred-Service"), "urn:urn-7:3gpp-service.ims.icsi.mmtel");
  EXPECT_EQ(invite.Get("Accept-Contact"), "*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"");
  EXPECT_EQ(invite.Get("Supported"), "100rel, timer, precondition, replaces, histinfo, 199");
  EXPECT_EQ(invite.Get("P-Early-Media"), "supported");
  EXPECT_EQ(invite.Get("Session-Expires"), "1800");
  EXPECT_EQ(invite.Get("Min-SE"), "90");
  EXPECT_EQ(invite.Get("P-Access-Network-Info"), config_.access_network_info);
  EXPECT_EQ(invite.Get("Privacy"), "");
  EXPECT_EQ(invite.Get("User-Agent"), "");
  for (const char* method : {"PRACK", "UPDATE", "INFO", "MESSAGE"})
    EXPECT_NE(invite.Get("Allow").find(method), std::string::npos) << method;
  EXPECT_EQ(invite.Get("Accept"), "application/sdp, application/3gpp-ims+xml, multipart/mixed");
  for (const char* tag : {";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"", ";audio"}) {
    EXPECT_NE(invite.Get("Contact").find(tag), std::string::npos) << tag;
  }
  EXPECT_NE(invite.Get("Contact").find("<" + ContactUri() + ">"), std::string::npos);
  EXPECT_EQ(invite.body(), kOffer);
}

TEST_F(OutgoingCallFlowTest, AnonymousAndTrustedNode) {  // Covers: C23 T5
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "v";
  Begin();
  auto outgoing = Outgoing();
  outgoing.is_anonymous = true;
  outgoing.binding.service_route = {"<" + peer_.uri() + ";lr>"};
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("From").find("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), 0u);
  EXPECT_EQ(invite.Get("Privacy"), "id");
  EXPECT_EQ(invite.Get("P-Asserted-Identity"), "<sip:+34600000001@ims.test>, <tel:+34600000001>");
  EXPECT_EQ(invite.Get("P-Preferred-Identity"), "");
  EXPECT_EQ(invite.All("Route").size(), 1u);
}

// The leg to a user's phone is the caller's call: nothing in it is of the user whom it was for, nor of his access.
TEST_F(OutgoingCallFlowTest, AForwardedCallStaysItsCallers) {  // Covers: C40
  Begin();
  auto outgoing = Outgoing();
  outgoing.target_uri = "sip:934600000001@ims.test";
  outgoing.forwarded.emplace();
  call::ForwardedCall& forwarded = *outgoing.forwarded;
  forwarded.caller = {.from_uri = "sip:+34600000003@ims.test",
                      .display_name = "Carol",
                      .asserted_uris = {"sip:+34600000003@ims.test", "tel:+34600000003"},
                      .privacy = {}};
  forwarded.called_uri = "sip:+34600000001@ims.test";
  forwarded.diversions = {{"tel:+34600000008", call::Diversion::Reason::kBusy}};
  forwarded.max_forwards = 41;
  forwarded.is_psap_callback = true;
  forwarded.policy = {
      .next_hop = peer_.uri(), .asserts_caller = true, .diversion = call::DiversionHeader::kHistoryInfo};
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("From").find("\"Carol\" <sip:+34600000003@ims.test>;tag="), 0u);
  EXPECT_EQ(invite.Get("P-Asserted-Identity"), "<sip:+34600000003@ims.test>, <tel:+34600000003>");
  EXPECT_EQ(invite.Get("P-Preferred-Identity"), "");
  EXPECT_EQ(invite.Get("Privacy"), "");
  EXPECT_EQ(invite.Get("P-Access-Network-Info"), "");
  EXPECT_EQ(invite.Get("Max-Forwards"), "41");
  EXPECT_EQ(invite.Get("Priority"), "psap-callback");
  EXPECT_EQ(invite.All("Route"), std::vector<std::string>{"<" + peer_.uri() + ";lr>"});
  const std::vector<std::string> history = {"<tel:+34600000008>;index=1",
                                            "<sip:+34600000001@ims.test;cause=486>;index=1.1;mp=1",
                                            "<sip:934600000001@ims.test;cause=302>;index=1.1.1;mp=1.1"};
  EXPECT_EQ(invite.All("History-Info"), history);
  peer_.Reply(invite, "486 Busy Here", "b");
  peer_.ExpectRequest("ACK");
  recorder_.Expect("failed out-1 486");

  // Without trust nobody's word counts, and what is withheld stays so.
  outgoing.call_id = "out-2";
  forwarded.caller.privacy = "id";
  forwarded.policy.asserts_caller = false;
  forwarded.policy.diversion = call::DiversionHeader::kDiversion;
  stack_->signaling().Invite(outgoing);
  const SipText withheld = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(withheld.Get("From").find("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), 0u);
  EXPECT_EQ(withheld.Get("P-Asserted-Identity"), "");
  EXPECT_EQ(withheld.Get("Privacy"), "id");
  const std::vector<std::string> diversion = {"<sip:+34600000001@ims.test>;reason=unconditional;privacy=off",
                                              "<tel:+34600000008>;reason=user-busy;privacy=off"};
  EXPECT_EQ(withheld.All("Diversion"), diversion);
}

TEST_F(OutgoingCallFlowTest, EarlyMediaIsOpenedAndClosedByPrackAndUpdate) {  // Covers: C7
  Begin();
  const SipText invite = InviteOnce();
  const auto update = [&](uint32_t cseq, const std::string& early_media) {
    SendToStack({.method = "UPDATE",
                 .uri = ContactUri(),
                 .from = invite.Get("To") + ";tag=forkA",
                 .to = invite.Get("From"),
                 .call_id = invite.Get("Call-ID"),
                 .cseq = cseq,
                 .headers = CalleeHeaders("P-Early-Media: " + early_media + "\r\n"),
                 .body = "",
                 .branch = ""});
  };
  peer_.Reply(invite, "183 Session Progress", "forkA", Reliable(1), kAnswer);
  peer_.Reply(peer_.ExpectRequest("PRACK"), "200 OK", "", "P-Early-Media: sendrecv\r\n");
  recorder_.Expect("early media out-1 forkA sendrecv");
  update(1, "inactive");
  peer_.ExpectStatus(200, "UPDATE");
  recorder_.Expect("early media out-1 forkA inactive");
  peer_.Reply(invite, "200 OK", "forkA", CalleeHeaders());
  recorder_.Expect("answered out-1 forkA");
  update(2, "sendrecv");
  peer_.ExpectStatus(200, "UPDATE");
  EXPECT_EQ(recorder_.Count("early media out-1 forkA sendrecv"), 1u) << "of an answered call it says nothing";
}

TEST_F(OutgoingCallFlowTest, ForkedCallWithPrackAndUpdateOnEachFork) {  // Covers: C3 C5 C6
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "100 Trying", "");
  peer_.Reply(invite, "183 Session Progress", "forkA", Reliable(1), kAnswer);
  const SipText prack_a = peer_.ExpectRequest("PRACK");
  EXPECT_EQ(prack_a.Get("RAck"), "1 " + invite.Get("CSeq"));
  EXPECT_EQ(prack_a.Tag("To"), "forkA");
  EXPECT_EQ(prack_a.request_uri(), peer_.uri());
  peer_.Reply(prack_a, "200 OK", "");
  peer_.Reply(invite, "183 Session Progress", "forkB", Reliable(7), kAnswer2);
  const SipText prack_b = peer_.ExpectRequest("PRACK");
  EXPECT_EQ(prack_b.Get("RAck"), "7 " + invite.Get("CSeq"));
  EXPECT_EQ(prack_b.Tag("To"), "forkB");
  peer_.Reply(prack_b, "200 OK", "");
  recorder_.Expect("progress out-1 forkA 183 reliable");
  recorder_.Expect("progress out-1 forkB 183 reliable");
  EXPECT_EQ(recorder_.sdps["progress out-1 forkB 183 reliable"], kAnswer2);

  stack_->signaling().SendOffer("out-1", "forkA", kOffer2);
  const SipText update = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(update.Tag("To"), "forkA");
  EXPECT_EQ(update.body(), kOffer2);
  peer_.Reply(update, "200 OK", "", CalleeHeaders(), kAnswer2);
  recorder_.Expect("answer out-1 forkA");

  // A repeated and an early one are not shown, the next one is.
  peer_.Reply(invite, "183 Session Progress", "forkB", Reliable(7), kAnswer2);
  peer_.Reply(invite, "180 Ringing", "forkB", Reliable(9));
  peer_.Reply(invite, "180 Ringing", "forkB", Reliable(8));
  EXPECT_EQ(peer_.ExpectRequest("PRACK").Get("RAck"), "8 " + invite.Get("CSeq"));
  recorder_.Expect("progress out-1 forkB 180 reliable");
  EXPECT_EQ(recorder_.Count("progress out-1 forkB 183 reliable"), 1u);
  EXPECT_EQ(recorder_.Count("progress out-1 forkB 180 reliable"), 1u);

  const SipText ack = Answer(invite, "forkB");
  EXPECT_EQ(ack.Get("CSeq"), std::to_string(std::atoi(invite.Get("CSeq").c_str())) + " ACK");
  // The other fork answers too: ACK and BYE for it, and nothing for the winner.
  peer_.Reply(invite, "200 OK", "forkA", CalleeHeaders(), kAnswer);
  EXPECT_EQ(peer_.ExpectRequest("ACK").Tag("To"), "forkA");
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Tag("To"), "forkA");
  // Behind what went out in that dialog before it was left (RFC 3261 section 12.2.1.1).
  EXPECT_GT(std::atoi(bye.Get("CSeq").c_str()), std::atoi(update.Get("CSeq").c_str()));
  peer_.Reply(bye, "200 OK", "");
  EXPECT_EQ(Count(SipCounter::kForkAnsweredTwice), 1u);
  EXPECT_EQ(recorder_.Count("answered out-1 forkA"), 0u);

  // A lost ACK is sent again.
  peer_.Reply(invite, "200 OK", "forkB", CalleeHeaders(), kAnswer);
  EXPECT_EQ(peer_.ExpectRequest("ACK").Tag("To"), "forkB");
}

// RFC 7989: one name of the call, ours being the one in our logs.
TEST_F(OutgoingCallFlowTest, TheCallHasOneNameForEverybody) {  // Covers: C26
  Begin();
  const std::string ours = "0123456789abcdef0123456789abcdef";
  const std::string theirs = "fedcba9876543210fedcba9876543210";
  stack_->signaling().Invite(Outgoing(ours));
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("Session-ID"), ours + ";remote=00000000000000000000000000000000");
  peer_.Reply(invite, "200 OK", "t1", CalleeHeaders("Session-ID: " + theirs + ";remote=" + ours + "\r\n"), kAnswer);
  EXPECT_EQ(peer_.ExpectRequest("ACK").Get("Session-ID"), ours + ";remote=" + theirs);
  recorder_.Expect("changed " + ours);
  PeerRequest update = InDialog(invite, "t1", "UPDATE", 10);
  update.headers = CalleeHeaders("Session-ID: nonsense\r\n");
  update.body = kOffer2;
  SendToStack(update);
  recorder_.Expect("offer " + ours + " t1");
  stack_->signaling().SendAnswer(ours, "t1", kAnswer2);
  EXPECT_EQ(peer_.ExpectStatus(200, "UPDATE").Get("Session-ID"), ours + ";remote=" + theirs)
      << "what is none changes nothing";
  RestartStack();
  stack_->signaling().Restore(ours, recorder_.snapshots[ours]);
  stack_->signaling().Bye(ours, {});
  EXPECT_EQ(peer_.ExpectRequest("BYE").Get("Session-ID"), ours + ";remote=" + theirs) << "nor does a restart";
  // A name that is no UUID is not shown.
  stack_->signaling().Invite(Outgoing("out-2"));
  const SipText other = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(other.Get("Session-ID").size(), ours.size() * 2 + 8);
  EXPECT_EQ(other.Get("Session-ID").find("out-2"), std::string::npos);
}

// The P-CSCF is overloaded (RFC 3261 section 21.5.4); one 503 may be a far gateway's.
TEST_F(OutgoingCallFlowTest, NewCallsWaitForAPcscfThatIsBusy) {  // Covers: C27
  Begin();
  const auto refuse = [&](const std::string& id, const std::string& status, const std::string& headers) {
    stack_->signaling().Invite(Outgoing(id));
    peer_.Reply(peer_.ExpectRequest("INVITE"), status, "t", headers);
    peer_.ExpectRequest("ACK");
    recorder_.Expect("failed " + id + " " + status.substr(0, 3));
  };
  const std::string busy = "503 Service Unavailable";
  refuse("a", busy, "Retry-After: 3600\r\n");
  refuse("b", busy, "Retry-After: 3600\r\n");
  refuse("c", "486 Busy Here", "");
  refuse("d", busy, "Retry-After: 3600\r\n");
  refuse("e", busy, "Retry-After: 3600\r\n");
  refuse("f", busy, "Retry-After: 3600\r\n");
  EXPECT_EQ(Count(SipCounter::kInviteHeldBack), 0u);
  const uint64_t sent = Count(SipCounter::kInviteSent);
  stack_->signaling().Invite(Outgoing("g"));
  recorder_.Expect("failed g 503");
  EXPECT_EQ(Count(SipCounter::kInviteHeldBack), 1u);
  EXPECT_EQ(Count(SipCounter::kInviteSent), sent);
  // A call for help does not ask.
  call::OutgoingInvite help = Outgoing("h");
  help.target_uri = "urn:service:sos";
  help.emergency = call::EmergencyInvite{};
  stack_->signaling().Invite(help);
  EXPECT_EQ(peer_.ExpectRequest("INVITE").request_uri(), "urn:service:sos");
}

// As its own P-CSCF a trusted node is told by nobody that its S-CSCF is gone (TS 23.380 section 4.3.4).
TEST_F(OutgoingCallFlowTest, ATrustedNodeRestoresItselfWhenItsScscfIsSilent) {  // Covers: R14 T5
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "v";
  FakePeer scscf("127.0.0.85");
  config_.allowed_peers = {scscf.address()};
  config_.timers.invite_deadline = std::chrono::seconds(1);
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText first = peer_.ExpectRequest("REGISTER");
  peer_.Reply(first, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  call::OutgoingInvite outgoing = Outgoing();
  outgoing.binding.service_route = {"<" + scscf.uri() + ";lr>"};
  stack_->signaling().Invite(outgoing);
  scscf.ExpectRequest("INVITE");
  recorder_.Expect("failed out-1 504");
  EXPECT_EQ(recorder_.last_reason.text, call::kRestorationText);
  stack_->registrar().Register(Registration());
  EXPECT_NE(peer_.ExpectRequest("REGISTER").Get("Call-ID"), first.Get("Call-ID"))
      << "an initial registration, at the I-CSCF";
}

TEST_F(OutgoingCallFlowTest, RouteSetOfTheDialogIsReversed) {  // Covers: C6
  Begin();
  const SipText invite = InviteOnce();
  const SipText ack =
      Answer(invite, "t1", "Record-Route: <sip:far.example;lr>\r\nRecord-Route: <" + peer_.uri() + ";lr>\r\n");
  EXPECT_EQ(ack.All("Route"), (std::vector<std::string>{"<" + peer_.uri() + ";lr>", "<sip:far.example;lr>"}));
  stack_->signaling().Bye("out-1", {.sip_status = 0, .q850_cause = 16, .text = ""});
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Get("Reason"), "Q.850;cause=16");
  EXPECT_EQ(bye.All("Route").size(), 2u);
}

TEST_F(OutgoingCallFlowTest, AStrangersAddressIsNeverSentTo) {  // Covers: T2
  Begin();
  FakePeer stranger("127.0.0.77");
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "200 OK", "t1",
              "Contact: <" + stranger.uri() + ">\r\nRecord-Route: <" + stranger.uri() + ";lr>\r\n", kAnswer);
  // Through the P-CSCF instead, with the route as it was asked for.
  const SipText ack = peer_.ExpectRequest("ACK");
  EXPECT_EQ(ack.Get("Route"), "<" + stranger.uri() + ";lr>");
}

TEST_F(OutgoingCallFlowTest, CancelBeforeAndAfterRinging) {  // Covers: C10
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders());
  recorder_.Expect("progress out-1 t1 180");
  stack_->signaling().Cancel("out-1", {.sip_status = 487, .q850_cause = 0, .text = "gone"});
  const SipText cancel = peer_.ExpectRequest("CANCEL");
  EXPECT_EQ(cancel.Get("Via"), invite.Get("Via"));
  EXPECT_EQ(cancel.Get("Reason"), "SIP;cause=487;text=\"gone\"");
  peer_.Reply(cancel, "200 OK", "t1");
  peer_.Reply(invite, "487 Request Terminated", "t1");
  peer_.ExpectRequest("ACK");
  recorder_.Expect("failed out-1 487");
}

TEST_F(OutgoingCallFlowTest, CancelWaitsForTheFirstProvisional) {
  Begin();
  const SipText invite = InviteOnce();
  stack_->signaling().Cancel("out-1", {});
  peer_.Reply(invite, "100 Trying", "");
  const SipText cancel = peer_.ExpectRequest("CANCEL");
  peer_.Reply(cancel, "200 OK", "");
  peer_.Reply(invite, "487 Request Terminated", "t1");
  recorder_.Expect("failed out-1 487");
}

TEST_F(OutgoingCallFlowTest, AnswerCrossesTheCancel) {
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders());
  recorder_.Expect("progress out-1 t1 180");
  stack_->signaling().Cancel("out-1", {});
  peer_.Reply(peer_.ExpectRequest("CANCEL"), "200 OK", "t1");
  peer_.Reply(invite, "200 OK", "t1", CalleeHeaders(), kAnswer);
  peer_.ExpectRequest("ACK");
  const SipText bye = peer_.ExpectRequest("BYE");
  peer_.Reply(bye, "200 OK", "");
  recorder_.Expect("failed out-1 487");
  EXPECT_EQ(recorder_.Count("answered out-1 t1"), 0u);
}

TEST_F(OutgoingCallFlowTest, BusyIsReportedWithItsPhrase) {  // Covers: C11
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "486 Busy Here", "t1", "Reason: Q.850;cause=17\r\n");
  peer_.ExpectRequest("ACK");
  recorder_.Expect("failed out-1 486");
  EXPECT_EQ(recorder_.last_reason.text, "Busy Here");
  EXPECT_EQ(recorder_.last_reason.q850_cause, 17);
}

TEST_F(OutgoingCallFlowTest, SessionIntervalTooSmallIsRaised) {  // Covers: C15
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "422 Session Interval Too Small", "t1", "Min-SE: 3600\r\n");
  peer_.ExpectRequest("ACK");
  const SipText again = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(again.Get("Session-Expires"), "3600");
  EXPECT_EQ(again.Get("Min-SE"), "3600");
  EXPECT_EQ(again.Get("Call-ID"), invite.Get("Call-ID"));
  EXPECT_GT(std::atoi(again.Get("CSeq").c_str()), std::atoi(invite.Get("CSeq").c_str()));
}

TEST_F(OutgoingCallFlowTest, ChallengedInviteIsAnsweredOnce) {
  Begin();
  const SipText invite = InviteOnce();
  const std::string challenge = "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"n1\", qop=\"auth\"\r\n";
  peer_.Reply(invite, "407 Proxy Authentication Required", "t1", challenge);
  const SipText again = peer_.ExpectRequest("INVITE");
  EXPECT_NE(again.Get("Proxy-Authorization").find("uri=\"tel:+34600000002\""), std::string::npos);
  peer_.Reply(again, "407 Proxy Authentication Required", "t2", challenge);
  recorder_.Expect("failed out-1 407");
}

// Every attempt carries credentials, each with a count of its own, and a nonce may grow old in between (RFC
// 7616 3.4, 3.5).
TEST_F(OutgoingCallFlowTest, AChallengedCallIsSentAgainWithItsCredentials) {  // Covers: R3 C15
  Begin();
  const auto challenge = [](const std::string& nonce) {
    return "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"" + nonce + "\", qop=\"auth\"";
  };
  const auto proves = [](const SipText& request, const std::string& nonce, const std::string& count) {
    const std::string line = request.Get("Proxy-Authorization");
    EXPECT_NE(line.find("nonce=\"" + nonce + "\""), std::string::npos) << line;
    EXPECT_NE(line.find("nc=" + count), std::string::npos) << line;
  };
  peer_.Reply(InviteOnce(), "407 Proxy Authentication Required", "t1", challenge("n1") + "\r\n");
  const SipText proved = peer_.ExpectRequest("INVITE");
  proves(proved, "n1", "00000001");
  peer_.Reply(proved, "422 Session Interval Too Small", "t2", "Min-SE: 3600\r\n");
  const SipText longer = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(longer.Get("Session-Expires"), "3600");
  proves(longer, "n1", "00000002");
  peer_.Reply(longer, "407 Proxy Authentication Required", "t3", challenge("n2") + "\r\n");
  const SipText renewed = peer_.ExpectRequest("INVITE");
  proves(renewed, "n2", "00000001");
  peer_.Reply(renewed, "407 Proxy Authentication Required", "t4", challenge("n3") + ", stale=true\r\n");
  const SipText fresh = peer_.ExpectRequest("INVITE");
  proves(fresh, "n3", "00000001");
  // The registrar's side asks as well.
  peer_.Reply(fresh, "401 Unauthorized", "t5",
              "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"s1\", qop=\"auth\"\r\n");
  const SipText both = peer_.ExpectRequest("INVITE");
  proves(both, "n3", "00000002");
  EXPECT_NE(both.Get("Authorization").find("nonce=\"s1\""), std::string::npos);
  const SipText ack = Answer(both, "t6");
  EXPECT_EQ(ack.Get("Authorization"), both.Get("Authorization"));
  EXPECT_EQ(ack.Get("Proxy-Authorization"), both.Get("Proxy-Authorization"));
}

TEST_F(OutgoingCallFlowTest, AChallengedPrackAndUpdateAreAnswered) {  // Covers: C3 R3
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "183 Session Progress", "t1", Reliable(1), kAnswer);
  const std::string challenge = "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"n1\", qop=\"auth\"\r\n";
  const SipText prack = peer_.ExpectRequest("PRACK");
  peer_.Reply(prack, "401 Unauthorized", "", challenge);
  const SipText proved = peer_.ExpectRequest("PRACK");
  EXPECT_NE(proved.Get("Authorization").find("nonce=\"n1\""), std::string::npos);
  EXPECT_EQ(proved.Get("RAck"), prack.Get("RAck"));
  EXPECT_GT(std::atoi(proved.Get("CSeq").c_str()), std::atoi(prack.Get("CSeq").c_str()));
  peer_.Reply(proved, "200 OK", "");
  recorder_.Expect("progress out-1 t1 183 reliable");
  stack_->signaling().SendOffer("out-1", "t1", kOffer2);
  peer_.Reply(peer_.ExpectRequest("UPDATE"), "401 Unauthorized", "", challenge);
  const SipText update = peer_.ExpectRequest("UPDATE");
  EXPECT_NE(update.Get("Authorization").find("nc=00000001"), std::string::npos);
  peer_.Reply(update, "491 Request Pending", "", "Retry-After: 0\r\n");
  EXPECT_NE(peer_.ExpectRequest("UPDATE").Get("Authorization").find("nc=00000002"), std::string::npos);
}

TEST_F(OutgoingCallFlowTest, ForeignRealmInACallGetsNoPassword) {
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "401 Unauthorized", "t1",
              "WWW-Authenticate: Digest realm=\"evil\", nonce=\"n\", qop=\"auth\"\r\n");
  recorder_.Expect("failed out-1 401");
  EXPECT_EQ(Count(SipCounter::kChallengeForeignRealm), 1u);
}

TEST_F(OutgoingCallFlowTest, EmergencyAndRestorationBodies) {  // Covers: C18 R14
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText first = peer_.ExpectRequest("REGISTER");
  peer_.Reply(first, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  const auto body = [](const std::string& type) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ims-3gpp version=\"1\"><alternative-service>"
           "<type>" +
           type + "</type><reason>r</reason></alternative-service></ims-3gpp>";
  };
  const std::string type = "Content-Type: application/3gpp-ims+xml\r\n";
  stack_->signaling().Invite(Outgoing("a"));
  peer_.Reply(peer_.ExpectRequest("INVITE"), "380 Alternative Service", "t",
              "P-Asserted-Identity: <sip:term@127.0.0.10;lr>\r\n" + type, body("emergency"));
  recorder_.Expect("failed a 380");
  EXPECT_EQ(recorder_.last_reason.text, call::kEmergencyServiceText);
  // A callee does not make its number one of the emergency services.
  stack_->signaling().Invite(Outgoing("callee"));
  peer_.Reply(peer_.ExpectRequest("INVITE"), "380 Alternative Service", "t", type, body("emergency"));
  recorder_.Expect("failed callee 380");
  EXPECT_EQ(recorder_.last_reason.text, "Alternative Service");
  stack_->signaling().Invite(Outgoing("b"));
  peer_.Reply(peer_.ExpectRequest("INVITE"), "504 Server Time-out", "t",
              "P-Asserted-Identity: <sip:term@127.0.0.10;lr>\r\n" + type, body("restoration"));
  recorder_.Expect("failed b 504");
  EXPECT_EQ(recorder_.last_reason.text, call::kRestorationText);
  // What follows is a new initial registration, with a Call-ID of its own.
  stack_->registrar().Register(Registration());
  const SipText anew = peer_.ExpectRequest("REGISTER");
  EXPECT_NE(anew.Get("Call-ID"), first.Get("Call-ID"));
  peer_.Reply(anew, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  stack_->signaling().Invite(Outgoing("c"));
  peer_.Reply(peer_.ExpectRequest("INVITE"), "504 Server Time-out", "t",
              "P-Asserted-Identity: <sip:stranger@127.0.0.99;lr>\r\n" + type, body("restoration"));
  recorder_.Expect("failed c 504");
  EXPECT_EQ(recorder_.last_reason.text, "Server Time-out");
}

TEST_F(OutgoingCallFlowTest, SilentNetworkFailsTheCallSoon) {  // Covers: R15
  config_.timers.invite_deadline = std::chrono::milliseconds(150);
  Begin();
  const SipText invite = InviteOnce();
  recorder_.Expect("failed out-1 408");
  // It did get through after all: taken back.
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders());
  peer_.ExpectRequest("CANCEL");
}

TEST_F(OutgoingCallFlowTest, TryingIsAnAnswerOfTheNetwork) {  // Covers: R15
  config_.timers.invite_deadline = std::chrono::milliseconds(150);
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "100 Trying", "");
  recorder_.Expect("progress out-1  100");
  // The callee is slow: nobody takes the call back, or the P-CSCF for dead.
  EXPECT_TRUE(peer_.IsQuiet(std::chrono::milliseconds(1300), [](const SipText& m) { return m.method() == "CANCEL"; }));
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders());
  recorder_.Expect("progress out-1 t1 180");
  Answer(invite, "t1");
}

TEST_F(OutgoingCallFlowTest, ACallSentAgainKeepsItsName) {  // Covers: R15
  config_.timers.t1 = std::chrono::milliseconds(10);
  Begin();
  InviteOnce();
  // Given up, the first is kept for an answer that comes after all; the second has the same name.
  stack_->signaling().Cancel("out-1", {});
  stack_->signaling().Invite(Outgoing());
  const SipText again = peer_.ExpectRequest("INVITE");
  Answer(again, "t1");
  // Whichever of two timers of the same length is the first to notice.
  EXPECT_TRUE(strand_.RunUntil([&] { return recorder_.Has("failed out-1 487") || recorder_.Has("failed out-1 408"); }));
  Settle();
  stack_->signaling().Bye("out-1", {});
  peer_.Reply(peer_.ExpectRequest("BYE"), "200 OK", "");
}

TEST_F(OutgoingCallFlowTest, ACallMadeAgainAtItsFailureKeepsItsName) {
  Begin();
  const SipText refused = InviteOnce();
  recorder_.during_failure = [this] { stack_->signaling().Invite(Outgoing()); };
  peer_.Reply(refused, "480 Temporarily Unavailable", "t0");
  recorder_.Expect("failed out-1 480");
  const SipText again = peer_.Expect(
      [&](const SipText& m) {
        return m.is_request() && m.method() == "INVITE" && m.Get("Call-ID") != refused.Get("Call-ID");
      },
      "INVITE");
  Answer(again, "t1");
  Settle();
  stack_->signaling().Bye("out-1", {});
  peer_.Reply(peer_.ExpectRequest("BYE"), "200 OK", "");
}

TEST_F(OutgoingCallFlowTest, AnAnswerWithoutATagIsNone) {
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "200 OK", "", CalleeHeaders(), kAnswer);
  recorder_.Expect("failed out-1 502");
}

TEST_F(OutgoingCallFlowTest, NothingUnsafeLeaves) {  // Covers: T3
  Begin();
  for (const char* target : {"tel:+34\r\nX: y", "tel:911>x", "sip:+34600;x@ims.test>", "http://x", "tel:abc", "",
                             "sip:a b@c", "sip:+34600x<@ims.test"}) {
    auto outgoing = Outgoing(std::string("bad ") + target);
    outgoing.target_uri = target;
    stack_->signaling().Invite(outgoing);
    recorder_.Expect("failed " + outgoing.call_id + " 484");
  }
  EXPECT_EQ(Count(SipCounter::kInviteSent), 0u);
  EXPECT_EQ(Count(SipCounter::kInvalidTarget), 8u);
}

TEST_F(OutgoingCallFlowTest, OfferFailsWhereTheForkDoesNotAllowUpdate) {
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "183 Session Progress", "t1",
              "Contact: <" + peer_.uri() + ">\r\nAllow: INVITE\r\nRequire: 100rel\r\nRSeq: 1\r\n", kAnswer);
  peer_.Reply(peer_.ExpectRequest("PRACK"), "200 OK", "");
  recorder_.Expect("progress out-1 t1 183 reliable");
  stack_->signaling().SendOffer("out-1", "t1", kOffer2);
  recorder_.Expect("offer failed out-1 405");
}

TEST_F(OutgoingCallFlowTest, ALongInviteGoesByUdpWhereNobodyTakesTcp) {
  config_.udp_mtu = 600;
  Begin();
  // Nothing listens on TCP at the peer: the stack falls back to UDP, so the call is not lost.
  stack_->signaling().Invite(Outgoing());
  EXPECT_EQ(peer_.ExpectRequest("INVITE").body(), kOffer);
}

// What was agreed by UPDATE stands, whatever the 200 repeats of before it.
TEST_F(OutgoingCallFlowTest, OneAnswerIsAllThatCounts) {  // Covers: C3 C6
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "183 Session Progress", "t1", Reliable(1), kAnswer);
  peer_.Reply(peer_.ExpectRequest("PRACK"), "200 OK", "");
  recorder_.Expect("progress out-1 t1 183 reliable");
  PeerRequest update = InDialog(invite, "t1", "UPDATE", 10);
  update.headers = CalleeHeaders();
  update.body = kOffer2;
  SendToStack(update);
  recorder_.Expect("offer out-1 t1");
  stack_->signaling().SendAnswer("out-1", "t1", kAnswer2);
  peer_.ExpectStatus(200, "UPDATE");
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders(), kAnswer);
  recorder_.Expect("progress out-1 t1 180");
  EXPECT_EQ(recorder_.sdps["progress out-1 t1 180"], "");
  Answer(invite, "t1");
  EXPECT_EQ(recorder_.sdps["answered out-1 t1"], "");
}

TEST_F(OutgoingCallFlowTest, ManyEarlyDialogsAreBounded) {  // Covers: C6
  Begin();
  const SipText invite = InviteOnce();
  for (int i = 0; i < 60; ++i) {
    peer_.Reply(invite, "180 Ringing", "t" + std::to_string(i), CalleeHeaders());
  }
  peer_.Reply(invite, "486 Busy Here", "x");
  recorder_.Expect("failed out-1 486");
  EXPECT_EQ(std::count_if(recorder_.events.begin(), recorder_.events.end(),
                          [](const std::string& e) { return e.starts_with("progress"); }),
            40);
}

TEST_F(OutgoingCallFlowTest, AForkThatEndsMakesRoomAndALateOneMayAnswer) {  // Covers: C6
  Begin();
  const SipText invite = InviteOnce();
  for (int i = 0; i < 60; ++i) {
    const std::string tag = "t" + std::to_string(i);
    peer_.Reply(invite, "180 Ringing", tag, CalleeHeaders());
    recorder_.Expect("progress out-1 " + tag + " 180");
    peer_.Reply(invite, "199 Early Dialog Terminated", tag, CalleeHeaders());
    recorder_.Expect("progress out-1 " + tag + " 199");
  }
  // One of whom nothing was heard before answers.
  Answer(invite, "late");
}

}  // namespace
}  // namespace byon::sip::test
