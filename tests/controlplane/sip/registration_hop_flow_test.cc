#include "tests/controlplane/sip/registration_fixture.h"

namespace byon::sip::test {
namespace {

// Two P-CSCFs: peer_ is the second.
class TwoHopsTest : public RegistrationFlowTest {
 protected:
  TwoHopsTest() {
    config_.next_hops = {first_.uri(), peer_.uri()};
    config_.timers.register_deadline = std::chrono::seconds(1);
  }
  void RegisterAt(FakePeer& hop, const std::string& id) {
    auto registration = Registration(id);
    registration.contact_token = "TOKEN" + id;
    stack_->registrar().Register(registration);
    hop.Reply(hop.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
    recorder_.Expect("registered " + id);
  }
  static bool IsRegister(const SipText& message) { return message.method() == "REGISTER"; }

  FakePeer first_{"127.0.0.1"};
};

TEST_F(TwoHopsTest, AHopThatWasSilentIsNotTriedByTheNext) {  // Covers: R10 R15
  StartStack();
  RegisterAt(peer_, "r1");
  first_.ExpectRequest("REGISTER");
  RegisterAt(peer_, "r2");
  EXPECT_TRUE(first_.IsQuiet(std::chrono::milliseconds(100), [](const SipText& message) {
    return message.Get("Contact").find("TOKENr2") != std::string::npos;
  }));
  EXPECT_EQ(Count(SipCounter::kRegisterTimeout), 1u);
}

TEST_F(TwoHopsTest, RetryAfterHoldsForEverybody) {  // Covers: R10 C27
  StartStack();
  stack_->registrar().Register(Registration());
  first_.Reply(first_.ExpectRequest("REGISTER"), "503 Service Unavailable", "reg", "Retry-After: 60\r\n");
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  RegisterAt(peer_, "r2");
  EXPECT_TRUE(first_.IsQuiet(std::chrono::milliseconds(100), IsRegister));
}

TEST_F(TwoHopsTest, RegistrationsLeaveAHopThatDied) {  // Covers: R15
  config_.keepalive = std::chrono::seconds(1);
  StartStack();
  const SipText question = first_.ExpectRequest("OPTIONS");
  EXPECT_EQ(question.Get("Max-Forwards"), "0");
  first_.Reply(question, "483 Too Many Hops", "p");
  RegisterAt(first_, "r1");
  // From now on the first says nothing.
  SipText moved = peer_.Expect(
      [this](const SipText& message) {
        if (message.method() == "OPTIONS") peer_.Reply(message, "200 OK", "p");
        return IsRegister(message);
      },
      "REGISTER");
  EXPECT_EQ(moved.Get("Route"), "<" + peer_.uri() + ";lr>");
  peer_.Reply(moved, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  EXPECT_EQ(recorder_.registered->next_hop, peer_.uri());
  EXPECT_EQ(Count(SipCounter::kHopLost), 1u);
}

// Its host still answers, but nobody listens there any more: the kernel says so at once.
TEST_F(TwoHopsTest, RegistrationsLeaveAHopWhoseProcessEnded) {  // Covers: R15
  config_.keepalive = std::chrono::seconds(1);
  auto ending = std::make_unique<FakePeer>("127.0.0.1");
  config_.next_hops[0] = ending->uri();
  StartStack();
  RegisterAt(*ending, "r1");
  ending.reset();
  const SipText moved = peer_.Expect(
      [this](const SipText& message) {
        if (message.method() == "OPTIONS") peer_.Reply(message, "200 OK", "p");
        return IsRegister(message);
      },
      "REGISTER");
  peer_.Reply(moved, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  EXPECT_EQ(Count(SipCounter::kHopLost), 1u);
}

TEST_F(TwoHopsTest, ACallThroughADeadHopAsksForANewRegistration) {  // Covers: R14 R15
  config_.timers.invite_deadline = std::chrono::seconds(1);
  StartStack();
  RegisterAt(first_, "r1");
  auto outgoing = Outgoing("c1");
  outgoing.binding.next_hop = first_.uri();
  stack_->signaling().Invite(outgoing);
  first_.ExpectRequest("INVITE");
  recorder_.Expect("failed c1 504");
  EXPECT_EQ(recorder_.last_reason.text, call::kRestorationText);
  RegisterAt(peer_, "r1");
}

TEST_F(TwoHopsTest, ACallToAHopWhoseProcessEndedAsksForItAtOnce) {  // Covers: R15
  auto ending = std::make_unique<FakePeer>("127.0.0.1");
  config_.next_hops[0] = ending->uri();
  StartStack();
  RegisterAt(*ending, "r1");
  auto outgoing = Outgoing("c1");
  outgoing.binding.next_hop = ending->uri();
  ending.reset();
  stack_->signaling().Invite(outgoing);
  recorder_.Expect("failed c1 504");
  EXPECT_EQ(recorder_.last_reason.text, call::kRestorationText);
}

}  // namespace
}  // namespace byon::sip::test
