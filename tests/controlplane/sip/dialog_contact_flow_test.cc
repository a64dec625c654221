#include "tests/controlplane/sip/registration_fixture.h"

namespace byon::sip::test {
namespace {

class DialogContactTest : public RegistrationFlowTest {
 protected:
  // Contact of an INVITE behind a registration with this answer.
  std::string ContactAfter(const std::string& contact_parameters, const std::string& headers = "") {
    stack_->registrar().Register(Registration());
    peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg",
                "Contact: <" + ContactUri() + ">;expires=3600" + contact_parameters + "\r\n" + headers);
    recorder_.Expect("registered r1", ++registrations_);
    const std::string id = "out-" + std::to_string(registrations_);
    stack_->signaling().Invite(Outgoing(id));
    const SipText invite = peer_.ExpectRequest("INVITE");
    peer_.Reply(invite, "486 Busy Here", "b");
    peer_.ExpectRequest("ACK");
    const std::string contact = invite.Get("Contact");
    return contact.substr(0, contact.find('>') + 1);
  }
  size_t registrations_ = 0;
};

TEST_F(DialogContactTest, TheGruuOfTheRegistration) {  // Covers: R16
  config_.uses_gruu = true;
  StartStack();
  EXPECT_EQ(ContactAfter(""), "<" + ContactUri() + ">");
  const std::string gruu = "sip:+34600000001@ims.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
  EXPECT_EQ(ContactAfter(";pub-gruu=\"" + gruu + "\""), "<" + gruu + ">");
  // It is part of what a restart takes up.
  const auto registered = *recorder_.registered;
  RestartStack();
  stack_->registrar().Restore(Registration(), registered);
  stack_->signaling().Invite(Outgoing("again"));
  const SipText again = peer_.ExpectRequest("INVITE");
  EXPECT_TRUE(again.Get("Contact").starts_with("<" + gruu + ">"));
  peer_.Reply(again, "486 Busy Here", "b");
  peer_.ExpectRequest("ACK");
  // It would name whom the caller hides (RFC 5627 section 3.1.2).
  call::OutgoingInvite hidden = Outgoing("hidden");
  hidden.is_anonymous = true;
  stack_->signaling().Invite(hidden);
  const SipText anonymous = peer_.ExpectRequest("INVITE");
  EXPECT_TRUE(anonymous.Get("Contact").starts_with("<" + ContactUri() + ">"));
  peer_.Reply(anonymous, "486 Busy Here", "b");
  peer_.ExpectRequest("ACK");
  EXPECT_EQ(ContactAfter(";pub-gruu=\"sip:x>@y\""), "<" + ContactUri() + ">") << "unusable in a message";
}

TEST_F(DialogContactTest, WithoutTheWishAGruuIsNotUsed) {  // Covers: R16
  StartStack();
  EXPECT_EQ(ContactAfter(";pub-gruu=\"sip:a@ims.test;gr=1\""), "<" + ContactUri() + ">");
}

TEST_F(DialogContactTest, OutboundKeepsDialogsOnTheFlow) {  // Covers: R17
  config_.uses_outbound = true;
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText request = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(request.Get("Supported"), "path, gruu, outbound");
  EXPECT_TRUE(request.Get("Contact").ends_with(";reg-id=1"));
  peer_.Reply(request, "200 OK", "reg", "Contact: <" + ContactUri() + ">;expires=3600\r\nRequire: outbound\r\n");
  recorder_.Expect("registered r1", ++registrations_);
  EXPECT_EQ(ContactAfter(";reg-id=1", "Require: outbound\r\n"), "<" + ContactUri() + ";ob>");
  EXPECT_EQ(ContactAfter(""), "<" + ContactUri() + ">") << "the registrar did not take it";
}

TEST_F(DialogContactTest, AFirstHopWithoutOutboundIsTakenAsItIs) {  // Covers: R17
  config_.uses_outbound = true;
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "439 First Hop Lacks Outbound Support", "reg");
  const SipText again = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(again.Get("Supported"), "path, gruu");
  EXPECT_EQ(again.Get("Contact").find("reg-id"), std::string::npos);
  peer_.Reply(again, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
}

}  // namespace
}  // namespace byon::sip::test
