// Calls over the interconnection: no registration behind them, an identity of the gateway's, several hops.
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class TrunkFlowTest : public StackFixture {
 protected:
  TrunkFlowTest() : first_("127.0.0.81"), second_("127.0.0.82") {
    config_.trunk = {.next_hops = {first_.uri(), second_.uri()},
                     .domain = "peer.test",
                     .has_charging_vector = true,
                     .originating_ioi = "ioi.test",
                     .numbers = {"+34910000001"},
                     .incoming_status = 404};
    config_.timers.invite_deadline = std::chrono::seconds(1);
  }
  call::OutgoingInvite Visitor(const std::string& id = "v") const {
    call::OutgoingInvite invite;
    invite.call_id = id;
    invite.binding.registration_id = "click-to-call:shop";
    invite.binding.impu = "sip:+34910000001@ims.test";
    invite.binding.contact_token = "VISIT";
    invite.binding.associated_uris = {"sip:+34910000001@ims.test", "tel:+34910000001"};
    invite.target_uri = "tel:+34910000100";
    invite.sdp = kOffer;
    invite.uses_trunk = true;
    return invite;
  }
  std::string Headers(const FakePeer& peer) const {
    return "Contact: <" + peer.uri() + ">\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n";
  }
  PeerRequest FromNetwork(const std::string& uri) {
    return {.method = "INVITE",
            .uri = uri,
            .from = "<sip:+34600000009@peer.test>;tag=n",
            .to = "<" + uri + ">",
            .call_id = "in-" + std::to_string(++count_),
            .cseq = 1,
            .headers = "Contact: <" + first_.uri() + ">\r\n",
            .body = "",
            .branch = ""};
  }
  int Answer(const std::string& uri) {
    const PeerRequest request = FromNetwork(uri);
    first_.SendTo(host_, config_.local_port, Wire(first_, request));
    return first_
        .Expect([&](const SipText& m) { return m.status() > 100 && m.Get("Call-ID") == request.call_id; }, "answer")
        .status();
  }

  FakePeer first_;
  FakePeer second_;
  int count_ = 0;
};

TEST_F(TrunkFlowTest, TheInviteIsThatOfAnInterconnection) {  // Covers: C33
  StartStack();
  stack_->signaling().Invite(Visitor());
  const SipText invite = first_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.request_uri(), "sip:+34910000100@peer.test;user=phone");
  EXPECT_EQ(invite.Get("From").substr(0, invite.Get("From").find(";tag")), "<sip:+34910000001@ims.test;user=phone>");
  EXPECT_EQ(invite.Get("P-Asserted-Identity"), "<sip:+34910000001@ims.test;user=phone>, <tel:+34910000001>");
  EXPECT_NE(invite.Get("P-Charging-Vector").find(";orig-ioi=\"ioi.test\""), std::string::npos);
  EXPECT_EQ(invite.All("Route"), std::vector<std::string>{"<" + first_.uri() + ";lr>"});
  for (const char* ue : {"P-Preferred-Identity", "P-Access-Network-Info", "Accept-Contact", "Privacy"})
    EXPECT_EQ(invite.Get(ue), "") << ue;
  first_.Reply(invite, "183 Session Progress", "t1", Headers(first_), kAnswer);
  recorder_.Expect("progress v t1 183");
  first_.Reply(invite, "200 OK", "t1", Headers(first_), kAnswer);
  recorder_.Expect("answered v t1");
  first_.ExpectRequest("ACK");
  stack_->signaling().SendOffer("v", "", kOffer2);
  const SipText reinvite = first_.ExpectRequest("INVITE");
  EXPECT_EQ(reinvite.Get("P-Access-Network-Info"), "");
  first_.Reply(reinvite, "200 OK", "", Headers(first_), kAnswer2);
  first_.ExpectRequest("ACK");
  // Hung up at the other side: the peer of the trunk is let in.
  first_.SendTo(host_, config_.local_port,
                Wire(first_, {.method = "BYE",
                              .uri = ContactUri("VISIT"),
                              .from = invite.Get("To") + ";tag=t1",
                              .to = invite.Get("From"),
                              .call_id = invite.Get("Call-ID"),
                              .cseq = 7,
                              .headers = "",
                              .body = "",
                              .branch = ""}));
  recorder_.Expect("ended v 0");
}

TEST_F(TrunkFlowTest, PrivacyAndChargingAsConfigured) {  // Covers: C33
  config_.trunk.has_charging_vector = false;
  config_.trunk.domain.clear();
  StartStack();
  auto hidden = Visitor();
  hidden.is_anonymous = true;
  stack_->signaling().Invite(hidden);
  const SipText invite = first_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.request_uri(), "sip:+34910000100@ims.test;user=phone");
  EXPECT_EQ(invite.Get("From").find("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), 0u);
  EXPECT_EQ(invite.Get("Privacy"), "id");
  EXPECT_EQ(invite.Get("P-Asserted-Identity"), "<sip:+34910000001@ims.test;user=phone>, <tel:+34910000001>");
  EXPECT_EQ(invite.Get("P-Charging-Vector"), "");
}

TEST_F(TrunkFlowTest, ASilentHopIsLeftAndRemembered) {  // Covers: C33
  StartStack();
  stack_->signaling().Invite(Visitor());
  const SipText lost = first_.ExpectRequest("INVITE");
  const SipText found = second_.ExpectRequest("INVITE");
  EXPECT_NE(found.Get("Call-ID"), lost.Get("Call-ID"));
  // What does ring at the first after all is stopped.
  first_.Reply(lost, "180 Ringing", "late", Headers(first_));
  EXPECT_EQ(first_.ExpectRequest("CANCEL").Get("Call-ID"), lost.Get("Call-ID"));
  second_.Reply(found, "200 OK", "t2", Headers(second_), kAnswer);
  recorder_.Expect("answered v t2");
  EXPECT_EQ(recorder_.Count("progress v late 180"), 0u);
  // The next call does not wait for it.
  stack_->signaling().Invite(Visitor("w"));
  const SipText next = second_.Expect(
      [&](const SipText& m) {
        return m.method() == "INVITE" && m.is_request() && m.Get("Call-ID") != found.Get("Call-ID");
      },
      "INVITE");
  second_.Reply(next, "486 Busy Here", "t3");
  recorder_.Expect("failed w 486");
}

// RFC 3261 section 13.2.2.4: the hop that was left had the phone answered before the CANCEL came.
TEST_F(TrunkFlowTest, AnAnswerOfAHopThatWasLeftIsAcknowledgedAndEnded) {
  StartStack();
  stack_->signaling().Invite(Visitor());
  const SipText lost = first_.ExpectRequest("INVITE");
  second_.ExpectRequest("INVITE");
  first_.Reply(lost, "200 OK", "late", Headers(first_), kAnswer);
  first_.Reply(lost, "200 OK", "late", Headers(first_), kAnswer);
  EXPECT_EQ(first_.ExpectRequest("ACK").Tag("To"), "late");
  const SipText bye = first_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Get("Call-ID"), lost.Get("Call-ID"));
  EXPECT_EQ(bye.Tag("To"), "late");
  EXPECT_EQ(bye.Get("Max-Forwards"), "70");
  EXPECT_EQ(bye.Get("CSeq"), std::to_string(std::atoi(lost.Get("CSeq").c_str()) + 1000) + " BYE");
  EXPECT_NE(bye.Get("Reason"), "");
  EXPECT_GE(Count(SipCounter::kStrayAnswerEnded), 1u);
  EXPECT_EQ(recorder_.Count("answered v late"), 0u);
}

TEST_F(TrunkFlowTest, AnOverloadedHopSendsTheCallToTheOther) {  // Covers: C33
  StartStack();
  stack_->signaling().Invite(Visitor());
  first_.Reply(first_.ExpectRequest("INVITE"), "503 Service Unavailable", "t", "Retry-After: 60\r\n");
  const SipText invite = second_.ExpectRequest("INVITE");
  second_.Reply(invite, "503 Service Unavailable", "t", "");
  recorder_.Expect("failed v 503");
  EXPECT_EQ(recorder_.Count("failed v 503"), 1u);
}

TEST_F(TrunkFlowTest, WithoutATrunkNoCallLeaves) {
  config_.trunk.next_hops.clear();
  StartStack();
  stack_->signaling().Invite(Visitor());
  recorder_.Expect("failed v 484");
}

TEST_F(TrunkFlowTest, ANumberOfThePoolOnlyCalls) {
  StartStack();
  EXPECT_EQ(Answer("sip:+34910000001@" + host_ + ":" + std::to_string(config_.local_port)), 404);
  EXPECT_EQ(Answer("sip:+34910000001;x=y@" + host_ + ":" + std::to_string(config_.local_port)), 404);
  EXPECT_EQ(Count(SipCounter::kRefusedTrunkNumber), 2u);
  EXPECT_EQ(Answer("sip:VISIT@" + host_ + ":" + std::to_string(config_.local_port)), 404);
  EXPECT_EQ(Count(SipCounter::kRefusedUnknownToken), 1u);
}

TEST_F(TrunkFlowTest, OrIsNotAvailable) {
  config_.trunk.incoming_status = 480;
  StartStack();
  EXPECT_EQ(Answer("sip:+34910000001@" + host_ + ":" + std::to_string(config_.local_port)), 480);
}

TEST_F(TrunkFlowTest, TheSettingsAreChecked) {
  const auto error = [this](auto change) {
    SipConfig config = config_;
    change(config.trunk);
    return Validate(config).value_or("none");
  };
  EXPECT_EQ(error([](SipTrunk&) {}), "none");
  EXPECT_EQ(error([](SipTrunk& t) { t.next_hops = {"sip:sbc.example"}; }),
            "sip.trunk.next_hops: \"sip:sbc.example\" must be sip:IP[:port], an IP address");
  EXPECT_EQ(error([](SipTrunk& t) { t.domain = "a b"; }), "sip.trunk.domain: \"a b\" must be a domain name");
  EXPECT_EQ(error([](SipTrunk& t) { t.originating_ioi = "a\nb"; }),
            "sip.trunk.originating_ioi: must be printable text on one line");
  EXPECT_EQ(error([](SipTrunk& t) { t.incoming_status = 486; }), "sip.trunk.incoming_status: 486 must be 404 or 480");
}

}  // namespace
}  // namespace byon::sip::test
