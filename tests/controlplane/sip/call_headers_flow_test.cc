// What the headers of calls tell the network of us, besides the call itself.
#include "controlplane/sip/text/header_text.h"
#include "tests/controlplane/sip/incoming_call_fixture.h"
#include "tests/controlplane/sip/outgoing_call_fixture.h"

namespace byon::sip::test {
namespace {

class CalledHeadersTest : public IncomingCallFlowTest {};

// TS 24.229 section 5.1.2A.2.
TEST_F(CalledHeadersTest, ResponsesTellTheAccessNetwork) {  // Covers: C8
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel\r\n");
  SendToStack(invite);
  EXPECT_EQ(peer_.ExpectStatus(100, "INVITE").Get("P-Access-Network-Info"), "");
  recorder_.Expect("incoming");
  const auto expect = [&](const SipText& response) {
    EXPECT_EQ(response.Get("P-Access-Network-Info"), config_.access_network_info) << response.start_line();
    return response;
  };
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText ringing = expect(peer_.ExpectStatus(180, "INVITE"));
  SendToStack(Prack(invite, ringing, 2));
  expect(peer_.ExpectStatus(200, "PRACK"));
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = expect(peer_.ExpectStatus(200, "INVITE"));
  SendToStack(Next(invite, answer, "ACK", 1));
  recorder_.Expect("confirmed in-1");
  PeerRequest info = Next(invite, answer, "INFO", 3);
  SendToStack(info);
  expect(peer_.ExpectStatus(200, "INFO"));
  SendToStack(Next(invite, answer, "BYE", 4));
  expect(peer_.ExpectStatus(200, "BYE"));

  // Whose dialog nobody knows is told nothing.
  PeerRequest stray = Next(invite, answer, "BYE", 5);
  stray.call_id = "nobody's";
  SendToStack(stray);
  EXPECT_EQ(peer_.ExpectStatus(481, "BYE").Get("P-Access-Network-Info"), "");
}

class TrustedNodeIsCalledTest : public IncomingCallFlowTest {
 protected:
  TrustedNodeIsCalledTest() {
    config_.profile = SipProfile::kTrustedNode;
    config_.visited_network_id = "v";
  }
  void BeginWithTwoIdentities() {
    StartStack();
    stack_->registrar().Restore(Registration(), {.expires = std::chrono::seconds(3600),
                                                 .next_hop = peer_.uri(),
                                                 .service_route = {},
                                                 .associated_uris = {"sip:+34600000001@ims.test", "tel:+34600000001"},
                                                 .snapshot = ""});
    Settle();
  }
  // P-Asserted-Identity of our 180 and our 200 to a call for `called`.
  std::string AssertedTo(const std::string& called) {
    PeerRequest invite = Invite();
    const std::string own = "P-Called-Party-ID: <sip:+34600000001@ims.test>";
    invite.headers.replace(invite.headers.find(own), own.size(), "P-Called-Party-ID: <" + called + ">");
    const std::string id = "in-" + std::to_string(calls_);
    recorder_.next_call_id = id;
    SendToStack(invite);
    recorder_.Expect("incoming", static_cast<size_t>(calls_));
    stack_->signaling().SendProgress(id, 180, std::nullopt);
    const std::string asserted = peer_.ExpectStatus(180, "INVITE").Get("P-Asserted-Identity");
    stack_->signaling().Accept(id, kAnswer);
    const SipText answer = peer_.ExpectStatus(200, "INVITE");
    EXPECT_EQ(answer.Get("P-Asserted-Identity"), asserted);
    SendToStack(Next(invite, answer, "ACK", 1));
    recorder_.Expect("confirmed " + id);
    return asserted;
  }
};

// TS 24.229 section 5.2.6.4.4: we are the P-CSCF there.
TEST_F(TrustedNodeIsCalledTest, ItSaysWhoAnswers) {  // Covers: T5 C23
  BeginWithTwoIdentities();
  EXPECT_EQ(AssertedTo("tel:+34600000001"), "<tel:+34600000001>") << "as it was called";
  EXPECT_EQ(AssertedTo("sip:+34999999999@ims.test"), "<sip:+34600000001@ims.test>") << "no identity of this user";
}

TEST_F(CalledHeadersTest, AUserDeviceAssertsNothing) {  // Covers: T5
  Begin();
  SendToStack(Invite());
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  EXPECT_EQ(peer_.ExpectStatus(180, "INVITE").Get("P-Asserted-Identity"), "");
}

// The caller's other devices are no unknown number: of the answers of a fork the lowest is taken.
TEST_F(CalledHeadersTest, AContactThatIsGoneIsNotAvailable) {  // Covers: C8
  Begin();
  const auto status_of = [&](const std::string& token) {
    PeerRequest invite = Invite();
    invite.uri = ContactUri(token);
    SendToStack(invite);
    return peer_
        .Expect([&](const SipText& m) { return m.status() > 100 && m.Get("Call-ID") == invite.call_id; }, "answer")
        .status();
  };
  EXPECT_EQ(status_of("0123456789abcdef0123456789abcdef"), 480);
  EXPECT_EQ(status_of("0123456789abcdef0123456789abcdeg"), 404) << "nothing that we ever gave away";
  EXPECT_EQ(status_of("nobody"), 404);
}

TEST_F(CalledHeadersTest, ARefusalSaysWhy) {
  Begin();
  const PeerRequest invite = Invite();
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Reject("in-1", 488, {.sip_status = 488, .q850_cause = 0, .text = ""});
  EXPECT_EQ(peer_.ExpectStatus(488, "INVITE").Get("Warning"),
            "305 " + host_ + ":" + std::to_string(config_.local_port) + " \"Incompatible media format\"");
}

TEST_F(CalledHeadersTest, AnEmptyProgressCostsNoRoundTrip) {  // Covers: C3
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  const SipText first = peer_.ExpectStatus(183, "INVITE");
  SendToStack(Prack(invite, first, 2));
  stack_->signaling().SendProgress("in-1", 183, std::nullopt);
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText next = peer_.Expect(
      [&](const SipText& m) {
        return m.status() > 100 && m.method() == "INVITE" && m.Get("RSeq") != first.Get("RSeq");
      },
      "the next progress");
  EXPECT_EQ(next.status(), 180);
}

// The network's records of a call are found by what it calls it.
TEST_F(CalledHeadersTest, TheNamesOfACallAreTold) {  // Covers: C26
  Begin();
  const PeerRequest invite = Invite("P-Charging-Vector: icid-value=\"a1;b\";icid-generated-at=192.0.2.1\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->sip_call_id, invite.call_id);
  EXPECT_EQ(recorder_.incoming->charging_id, "a1;b");
}

TEST(ChargingIdTest, IsReadOrLeft) {  // Covers: C26
  EXPECT_EQ(ParseChargingId("icid-value=1234bc9876e;icid-generated-at=192.0.2.7;orig-ioi=home.net"), "1234bc9876e");
  EXPECT_EQ(ParseChargingId("orig-ioi=x;icid-value=\"q\""), "q");
  for (const std::string& odd : {std::string(), std::string("icid-value"), std::string("icid-value="), std::string("x"),
                                 "icid-value=" + std::string(300, 'a')})
    EXPECT_EQ(ParseChargingId(odd), "") << odd;
}

class CallingHeadersTest : public OutgoingCallFlowTest {
 protected:
  static std::string IcidOf(const SipText& invite) { return ParseChargingId(invite.Get("P-Charging-Vector")); }
};

TEST_F(CallingHeadersTest, ACallHasOneIcidUntilTheNetworkTellsItsOwn) {  // Covers: C26 T5
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "v";
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "422 Session Interval Too Small", "t1", "Min-SE: 3600\r\n");
  const SipText again = peer_.ExpectRequest("INVITE");
  EXPECT_FALSE(IcidOf(invite).empty());
  EXPECT_EQ(IcidOf(again), IcidOf(invite));
  peer_.Reply(again, "180 Ringing", "t2", CalleeHeaders());
  recorder_.Expect("progress out-1 t2 180");
  EXPECT_EQ(recorder_.names["out-1"], std::pair(invite.Get("Call-ID"), IcidOf(invite)));
  Answer(again, "t2", "P-Charging-Vector: icid-value=theirs\r\n");
  EXPECT_EQ(recorder_.names["out-1"], std::pair(invite.Get("Call-ID"), std::string("theirs")));
}

TEST_F(CallingHeadersTest, ToWhomACallIsSentOnIsTold) {  // Covers: C28
  Begin();
  const SipText invite = InviteOnce();
  const std::string history =
      "History-Info: <tel:+34600000002>;index=1, <sip:+34600000003@ims.test;cause=486>;index=1.1;mp=1\r\n";
  peer_.Reply(invite, "181 Call Is Being Forwarded", "t1", CalleeHeaders(history));
  recorder_.Expect("diverted out-1 sip:+34600000003@ims.test;cause=486");
  ASSERT_EQ(recorder_.diversions.size(), 1u);
  EXPECT_EQ(recorder_.diversions[0].uri, "tel:+34600000002");
  EXPECT_EQ(recorder_.diversions[0].reason, call::Diversion::Reason::kBusy);
  // Once, and no more than may be known.
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders(history));
  recorder_.Expect("progress out-1 t1 180");
  EXPECT_EQ(recorder_.Count("diverted out-1 sip:+34600000003@ims.test;cause=486"), 1u);
  peer_.Reply(invite, "181 Call Is Being Forwarded", "t1",
              CalleeHeaders("History-Info: <tel:+34600000002>;index=1, "
                            "<sip:+34600000004@ims.test;cause=302?Privacy=history>;index=1.1;mp=1\r\n"));
  recorder_.Expect("diverted out-1 ");
}

TEST_F(CallingHeadersTest, ARedirectionSaysWhereTo) {  // Covers: C28
  Begin();
  peer_.Reply(InviteOnce(), "302 Moved Temporarily", "t1", "Contact: <tel:+34600000009>\r\n");
  recorder_.Expect("failed out-1 302");
  EXPECT_TRUE(recorder_.Has("diverted out-1 tel:+34600000009"));
}

// A temporary IMPU is made of the IMSI (TS 23.003 section 13.4B): no callee sees it.
TEST_F(CallingHeadersTest, TheCallerIsWhomTheNetworkKnows) {  // Covers: C1
  Begin();
  call::OutgoingInvite outgoing = Outgoing();
  outgoing.binding.impu = "sip:214010000000001@ims.mnc001.mcc214.3gppnetwork.org";
  outgoing.binding.associated_uris = {"tel:+34600000001", "sip:+34600000001@ims.test"};
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("From").substr(0, invite.Get("From").find(";tag")), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(invite.wire().find("21401"), std::string::npos);
}

// RFC 3261 section 12.1: it begins none.
TEST_F(CallingHeadersTest, ATryingWithATagIsNoDialog) {  // Covers: C6
  Begin();
  const SipText invite = InviteOnce();
  peer_.Reply(invite, "100 Trying", "t0");
  recorder_.Expect("progress out-1  100");
}

// RFC 3262 section 3: the 200 may overtake the PRACK of a 180.
TEST_F(CalledHeadersTest, APrackThatComesAfterTheAnswerIsTaken) {  // Covers: C3
  Begin();
  const PeerRequest invite = Invite("Supported: 100rel\r\n");
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  const SipText early = peer_.ExpectStatus(183, "INVITE");
  SendToStack(Prack(invite, early, 2));
  peer_.ExpectStatus(200, "PRACK");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const SipText ringing = peer_.ExpectStatus(180, "INVITE");
  stack_->signaling().Accept("in-1", kAnswer);
  peer_.ExpectStatus(200, "INVITE");
  SendToStack(Prack(invite, ringing, 3));
  peer_.ExpectStatus(200, "PRACK");
  PeerRequest unknown = Prack(invite, early, 4);
  SendToStack(unknown);
  peer_.ExpectStatus(481, "PRACK");
}

// The library writes the last parameter of a header only where the buffer is longer than it says.
class LongHeadersTest : public OutgoingCallFlowTest {};

TEST_F(LongHeadersTest, AChallengeIsReadToItsEnd) {  // Covers: R3
  Begin();
  // Each length, since where the end falls is what matters.
  for (size_t length = 60; length < 300; length += length < 120 || length > 240 ? 24 : 1) {
    const std::string id = "out-" + std::to_string(length);
    stack_->signaling().Invite(Outgoing(id));
    const SipText invite = peer_.ExpectRequest("INVITE");
    peer_.Reply(invite, "407 Proxy Authentication Required", "t",
                "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"" + std::string(length, 'n') +
                    "\", qop=\"auth\", algorithm=SHA-256\r\n");
    const SipText proved = peer_.ExpectRequest("INVITE");
    EXPECT_NE(proved.Get("Proxy-Authorization").find("algorithm=SHA-256"), std::string::npos) << length;
    peer_.Reply(proved, "486 Busy Here", "t");
    recorder_.Expect("failed " + id + " 486");
  }
}

TEST_F(LongHeadersTest, AContactIsReadToItsEnd) {  // Covers: R1 R9 R16
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText asked = peer_.ExpectRequest("REGISTER");
  const std::string contact = asked.Get("Contact");
  peer_.Reply(asked, "200 OK", "t",
              "Contact: " + contact +
                  ";pub-gruu=\"sip:+34600000001@ims.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\""
                  ";temp-gruu=\"sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@ims.test;gr\";expires=61\r\n");
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->expires, std::chrono::seconds(61));
}

}  // namespace
}  // namespace byon::sip::test
