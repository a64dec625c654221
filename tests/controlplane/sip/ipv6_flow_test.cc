// The flows again where the core speaks IPv6 (TS 23.228 section 5.1: a UE and its P-CSCF may).
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class Ipv6FlowTest : public StackFixture {
 protected:
  Ipv6FlowTest() : StackFixture("[::1]") {}

  void Register() {
    StartStack();
    stack_->registrar().Register(Registration());
    SipText request = peer_.ExpectRequest("REGISTER");
    EXPECT_NE(request.Get("Via").find("SIP/2.0/UDP [::1]:" + std::to_string(config_.local_port)), std::string::npos)
        << request.Get("Via");
    EXPECT_NE(request.Get("Contact").find("@[::1]:" + std::to_string(config_.local_port)), std::string::npos)
        << request.Get("Contact");
    peer_.Reply(request, "401 Unauthorized", "reg",
                "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"n\", qop=\"auth\"\r\n");
    request = peer_.ExpectRequest("REGISTER");
    EXPECT_FALSE(request.Get("Authorization").empty());
    peer_.Reply(request, "200 OK", "reg",
                "Contact: <" + ContactUri() +
                    ">;expires=600000\r\n"
                    "Service-Route: <sip:orig@[2001:db8::20]:5060;lr>\r\nPath: <sip:term@[2001:db8::10];lr>\r\n"
                    "P-Associated-URI: <sip:+34600000001@ims.test>\r\n");
    recorder_.Expect("registered r1");
    ASSERT_TRUE(recorder_.registered);
    EXPECT_EQ(recorder_.registered->service_route, std::vector<std::string>{"<sip:orig@[2001:db8::20]:5060;lr>"});
  }
};

TEST_F(Ipv6FlowTest, RegistersAndCalls) {  // Covers: T4
  Register();
  stack_->signaling().Invite(Outgoing());
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("Route"), "<sip:[::1]:" + std::to_string(peer_.port()) + ";lr>");
  peer_.Reply(invite, "180 Ringing", "b", CalleeHeaders());
  recorder_.Expect("progress out-1 b 180");
  peer_.Reply(invite, "200 OK", "b", CalleeHeaders(), kAnswer);
  EXPECT_EQ(peer_.ExpectRequest("ACK").request_uri(), peer_.uri());
  recorder_.Expect("answered out-1 b");
  stack_->signaling().Bye("out-1", {});
  const SipText bye = peer_.ExpectRequest("BYE");
  EXPECT_EQ(bye.request_uri(), peer_.uri());
  peer_.Reply(bye, "200 OK", "");
}

TEST_F(Ipv6FlowTest, TheElementThatChargesIsNamedAsAHost) {  // Covers: T4
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "v";
  StartStack();
  stack_->registrar().Register(Registration());
  EXPECT_TRUE(peer_.ExpectRequest("REGISTER").Get("P-Charging-Vector").ends_with(";icid-generated-at=[::1]"));
  stack_->signaling().Invite(Outgoing());
  EXPECT_TRUE(peer_.ExpectRequest("INVITE").Get("P-Charging-Vector").ends_with(";icid-generated-at=[::1]"));
}

TEST_F(Ipv6FlowTest, IsCalled) {  // Covers: T4
  Register();
  PeerRequest invite{.method = "INVITE",
                     .uri = ContactUri(),
                     .from = "<tel:+34600000002>;tag=a",
                     .to = "<sip:+34600000001@ims.test>",
                     .call_id = "in@six",
                     .headers = CalleeHeaders(),
                     .body = kOffer};
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  EXPECT_NE(answer.Get("Contact").find("@[::1]:"), std::string::npos) << answer.Get("Contact");
  PeerRequest ack = invite;
  ack.method = "ACK";
  ack.to = answer.Get("To");
  ack.body.clear();
  SendToStack(ack);
  recorder_.Expect("confirmed in-1");
  PeerRequest bye = ack;
  bye.method = "BYE";
  bye.cseq = 2;
  SendToStack(bye);
  peer_.ExpectStatus(200, "BYE");
  recorder_.Expect("ended in-1 0");
}

}  // namespace
}  // namespace byon::sip::test
