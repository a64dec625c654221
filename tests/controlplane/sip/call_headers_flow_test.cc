// What the headers of calls tell the network of us, besides the call itself.
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

}  // namespace
}  // namespace byon::sip::test
