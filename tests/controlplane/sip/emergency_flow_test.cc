// The INVITE of an emergency call, and what the network says of emergencies.
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

constexpr char kPlace[] = "<?xml version=\"1.0\"?>\r\n<presence>here</presence>\r\n";

class EmergencyFlowTest : public StackFixture {
 protected:
  EmergencyFlowTest() : first_("127.0.0.83"), second_("127.0.0.84") {
    config_.timers.invite_deadline = std::chrono::seconds(1);
  }
  void Begin() {
    StartStack();
    RestoreRegistration();
  }
  call::OutgoingInvite Help(const std::string& location = kPlace) const {
    call::OutgoingInvite invite = Outgoing();
    invite.target_uri = "urn:service:sos.fire";
    invite.emergency = call::EmergencyInvite{location};
    return invite;
  }
  std::string Headers(const FakePeer& peer, const std::string& more = "") const {
    return "Contact: <" + peer.uri() + ">\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n" + more;
  }
  // What stands between the boundaries of a multipart body, by content type.
  static std::map<std::string, std::string> Parts(const SipText& message) {
    std::map<std::string, std::string> parts;
    const std::string type = message.Get("Content-Type");
    const size_t quote = type.find("boundary=\"");
    EXPECT_EQ(type.find("multipart/mixed;"), 0u) << type;
    if (quote == std::string::npos) return parts;
    const std::string delimiter = "--" + type.substr(quote + 10, type.size() - quote - 11);
    const std::string& body = message.body();
    EXPECT_TRUE(body.ends_with("\r\n" + delimiter + "--\r\n")) << body;
    for (size_t at = body.find(delimiter); at != std::string::npos;) {
      const size_t begin = at + delimiter.size() + 2;
      const size_t end = body.find("\r\n" + delimiter, begin);
      if (end == std::string::npos) break;
      const std::string part = body.substr(begin, end - begin);
      const size_t blank = part.find("\r\n\r\n");
      const std::string headers = part.substr(0, blank);
      const size_t name = headers.find("Content-Type: ") + 14;
      parts[headers.substr(name, headers.find("\r\n", name) - name)] = part.substr(blank + 4);
      const size_t id = headers.find("Content-ID: ");
      if (id != std::string::npos) parts["id"] = headers.substr(id + 12, headers.find("\r\n", id) - id - 12);
      at = end + 2;
    }
    return parts;
  }

  FakePeer first_;
  FakePeer second_;
};

TEST_F(EmergencyFlowTest, ToTheElementsThatTakeThemWithIdentityAndPlace) {  // Covers: C18
  config_.emergency_next_hops = {first_.uri(), second_.uri()};
  Begin();
  call::OutgoingInvite help = Help();
  stack_->signaling().Invite(help);
  const SipText invite = first_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.start_line(), "INVITE urn:service:sos.fire SIP/2.0");
  EXPECT_EQ(invite.Get("To"), "<urn:service:sos.fire>");
  EXPECT_EQ(invite.All("Route"), std::vector<std::string>{"<" + first_.uri() + ";lr>"});
  EXPECT_EQ(invite.Get("P-Asserted-Identity"), "<sip:+34600000001@ims.test>, <tel:+34600000001>");
  EXPECT_EQ(invite.Get("P-Access-Network-Info"), config_.access_network_info);
  EXPECT_EQ(invite.Get("Geolocation-Routing"), "yes");
  for (const char* other : {"Privacy", "Accept-Contact", "P-Preferred-Service", "P-Preferred-Identity"})
    EXPECT_EQ(invite.Get(other), "") << other;
  auto parts = Parts(invite);
  EXPECT_EQ(parts["application/sdp"], kOffer);
  EXPECT_EQ(parts["application/pidf+xml"], kPlace);
  EXPECT_EQ("<cid:" + parts["id"].substr(1), invite.Get("Geolocation"));
  first_.Reply(invite, "200 OK", "t1", Headers(first_), kAnswer);
  first_.ExpectRequest("ACK");
  recorder_.Expect("answered out-1 t1");
  // What follows is about media alone.
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  const SipText reinvite = first_.ExpectRequest("INVITE");
  EXPECT_EQ(reinvite.body(), kOffer2);
  EXPECT_EQ(reinvite.Get("Geolocation"), "");
  EXPECT_EQ(Count(SipCounter::kEmergencyInviteSent), 1u);
}

TEST_F(EmergencyFlowTest, TheServiceCanCallBackByNumber) {  // Covers: C18
  config_.emergency_next_hops = {first_.uri()};
  Begin();
  call::OutgoingInvite help = Help();
  help.binding.associated_uris = {"sip:+34600000001@ims.test"};
  stack_->signaling().Invite(help);
  EXPECT_EQ(first_.ExpectRequest("INVITE").Get("P-Asserted-Identity"),
            "<sip:+34600000001@ims.test>, <tel:+34600000001>");
}

// RFC 6442, TS 24.229 section 5.1.3.1: an UPDATE without an offer, in an early dialog as well.
TEST_F(EmergencyFlowTest, ANewPlaceGoesInAnUpdate) {  // Covers: C18
  config_.timers.invite_deadline = std::chrono::seconds(20);
  Begin();
  stack_->signaling().Invite(Outgoing());
  const SipText invite = peer_.ExpectRequest("INVITE");
  peer_.Reply(invite, "180 Ringing", "t1", CalleeHeaders());
  recorder_.Expect("progress out-1 t1 180");
  stack_->signaling().SendLocation("out-1", "t1", kPlace);
  const SipText early = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(early.Get("Content-Type"), "application/pidf+xml");
  EXPECT_EQ(early.body(), kPlace);
  EXPECT_EQ("<cid:" + early.Get("Content-ID").substr(1), early.Get("Geolocation"));
  EXPECT_EQ(early.Get("P-Access-Network-Info"), config_.access_network_info);
  peer_.Reply(early, "200 OK", "", CalleeHeaders());
  recorder_.Expect("location out-1 200");
  peer_.Reply(invite, "200 OK", "t1", CalleeHeaders("Session-Expires: 1800;refresher=uac\r\n"), kAnswer);
  recorder_.Expect("answered out-1 t1");
  peer_.ExpectRequest("ACK");
  // It waits for an exchange that is under way, and refreshes the session as that does.
  stack_->signaling().SendOffer("out-1", "", kOffer2);
  stack_->signaling().SendLocation("out-1", "", kPlace);
  const SipText reinvite = peer_.ExpectRequest("INVITE");
  peer_.Reply(reinvite, "200 OK", "", CalleeHeaders("Session-Expires: 1800;refresher=uac\r\n"), kAnswer2);
  const SipText later = peer_.ExpectRequest("UPDATE");
  EXPECT_EQ(later.body(), kPlace);
  EXPECT_EQ(later.Get("Session-Expires"), "1800;refresher=uac");
  peer_.Reply(later, "424 Bad Location Information", "");
  recorder_.Expect("location out-1 424");
  EXPECT_EQ(recorder_.Count("offer failed out-1 424"), 0u) << "the media has nothing to do with it";
  stack_->signaling().SendLocation("out-1", "nobody", kPlace);
  recorder_.Expect("location out-1 481");
}

TEST_F(EmergencyFlowTest, APeerThatTakesNoUpdateIsNotAsked) {  // Covers: C18
  config_.timers.invite_deadline = std::chrono::seconds(20);
  Begin();
  stack_->signaling().Invite(Outgoing());
  const SipText invite = peer_.ExpectRequest("INVITE");
  peer_.Reply(invite, "200 OK", "t1", "Contact: <" + peer_.uri() + ">\r\nAllow: INVITE, ACK, BYE\r\n", kAnswer);
  recorder_.Expect("answered out-1 t1");
  stack_->signaling().SendLocation("out-1", "", kPlace);
  recorder_.Expect("location out-1 405");
}

TEST_F(EmergencyFlowTest, AnotherElementWhenOneIsSilentOrFails) {  // Covers: C18
  config_.emergency_next_hops = {first_.uri(), second_.uri()};
  Begin();
  stack_->signaling().Invite(Help());
  first_.ExpectRequest("INVITE");  // says nothing
  const SipText second = second_.ExpectRequest("INVITE");
  EXPECT_EQ(Parts(second)["application/pidf+xml"], kPlace);
  second_.Reply(second, "500 Server Internal Error", "t", "");
  second_.ExpectRequest("ACK");
  // The first one has been tried: nobody is left.
  recorder_.Expect("failed out-1 500");
  // Its silence of before keeps nobody from trying it again.
  call::OutgoingInvite again = Help();
  again.call_id = "out-2";
  stack_->signaling().Invite(again);
  const SipText retried = second_.ExpectRequest("INVITE");
  second_.Reply(retried, "503 Service Unavailable", "t", "Retry-After: 100\r\n");
  first_.Expect(
      [&](const SipText& m) {
        return m.method() == "INVITE" && m.is_request() && m.Get("Call-ID") != retried.Get("Call-ID");
      },
      "INVITE");
}

TEST_F(EmergencyFlowTest, ADeadElementCostsSecondsOnly) {  // Covers: C18
  config_.emergency_next_hops = {first_.uri(), second_.uri()};
  config_.timers.invite_deadline = std::chrono::minutes(5);  // longer than anything is waited for here
  Begin();
  stack_->signaling().Invite(Help());
  second_.ExpectRequest("INVITE");
}

TEST_F(EmergencyFlowTest, WithoutSuchElementsTheWayOfTheRegistration) {  // Covers: C18
  Begin();
  stack_->signaling().Invite(Help(""));
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.start_line(), "INVITE urn:service:sos.fire SIP/2.0");
  EXPECT_EQ(invite.Get("P-Preferred-Identity"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(invite.Get("P-Asserted-Identity"), "") << "the P-CSCF's to say";
  EXPECT_EQ(invite.Get("Geolocation"), "");
  EXPECT_EQ(invite.body(), kOffer);
}

TEST_F(EmergencyFlowTest, ARefusedPlaceIsLeftOut) {  // Covers: C18
  config_.emergency_next_hops = {first_.uri()};
  Begin();
  stack_->signaling().Invite(Help());
  first_.Reply(first_.ExpectRequest("INVITE"), "424 Bad Location Information", "t", "Geolocation-Error: 100\r\n");
  first_.ExpectRequest("ACK");
  const SipText again = first_.ExpectRequest("INVITE");
  EXPECT_EQ(again.body(), kOffer);
  EXPECT_EQ(again.Get("Geolocation"), "");
  ExpectCount(SipCounter::kLocationRefused, 1);
  // One that knows no multipart body.
  first_.Reply(again, "486 Busy Here", "t", "");
  first_.ExpectRequest("ACK");
  call::OutgoingInvite other = Help();
  other.call_id = "out-2";
  stack_->signaling().Invite(other);
  first_.Reply(first_.ExpectRequest("INVITE"), "415 Unsupported Media Type", "t", "Accept: application/sdp\r\n");
  EXPECT_EQ(first_.ExpectRequest("INVITE").body(), kOffer);
}

TEST_F(EmergencyFlowTest, OnlyAServiceIsCalledAsOne) {  // Covers: C18 T3
  Begin();
  for (const char* target :
       {"tel:+34600000002", "urn:service:sos.x>\r\nX: y", "urn:service:other", "urn:service:sos."}) {
    call::OutgoingInvite invite = Help();
    invite.call_id = std::string("bad ") + target;
    invite.target_uri = target;
    stack_->signaling().Invite(invite);
    recorder_.Expect("failed " + invite.call_id + " 484");
  }
  call::OutgoingInvite plain = Outgoing("plain");
  plain.target_uri = "urn:service:sos";
  stack_->signaling().Invite(plain);
  recorder_.Expect("failed plain 484");
  EXPECT_EQ(Count(SipCounter::kInviteSent), 0u);
}

TEST_F(EmergencyFlowTest, TheServiceOfA380AndTheIdentityOfAnAnswer) {  // Covers: C18
  Begin();
  stack_->signaling().Invite(Outgoing("a"));
  peer_.Reply(
      peer_.ExpectRequest("INVITE"), "380 Alternative Service", "t",
      "Contact: <urn:service:sos.fire>\r\nP-Asserted-Identity: <sip:orig@127.0.0.20:5060;lr>\r\nContent-Type: "
      "application/3gpp-ims+xml\r\n",
      "<ims-3gpp "
      "version=\"1\"><alternative-service><type>emergency</type><reason>r</reason></alternative-service></ims-3gpp>");
  recorder_.Expect("failed a 380");
  EXPECT_EQ(recorder_.last_reason.service_urn, "urn:service:sos.fire");
  stack_->signaling().Invite(Outgoing("b"));
  const SipText invite = peer_.ExpectRequest("INVITE");
  const std::string asserted = CalleeHeaders("P-Asserted-Identity: <tel:112;phone-context=+34>\r\n");
  peer_.Reply(invite, "180 Ringing", "t1", asserted);
  recorder_.Expect("progress b t1 180");
  peer_.Reply(invite, "200 OK", "t1", asserted, kAnswer);
  recorder_.Expect("answered b t1");
  EXPECT_EQ(recorder_.Count("asserted b tel:112;phone-context=+34"), 1u) << "once";
}

// Whoever is called could otherwise turn every call to him into one for help, and his number into an emergency number.
TEST_F(EmergencyFlowTest, NoPhraseOfACalleeMakesACallOneForHelp) {  // Covers: C18 T3
  Begin();
  for (const auto& [status, phrase] : std::initializer_list<std::pair<int, const char*>>{
           {486, call::kEmergencyServiceText}, {380, call::kEmergencyServiceText}, {504, call::kRestorationText}}) {
    const std::string id = "c" + std::string(phrase) + std::to_string(status);
    stack_->signaling().Invite(Outgoing(id));
    peer_.Reply(peer_.ExpectRequest("INVITE"), std::to_string(status) + " " + phrase, "t");
    recorder_.Expect("failed " + id + " " + std::to_string(status));
    EXPECT_NE(recorder_.last_reason.text, phrase);
  }
}

TEST_F(EmergencyFlowTest, ACallbackIsTakenInAFloodToo) {  // Covers: C18
  config_.max_incoming_invites = 0;
  Begin();
  const auto call = [&](const std::string& id, const std::string& more) {
    SendToStack({.method = "INVITE",
                 .uri = ContactUri(),
                 .from = "<sip:112@ims.test>;tag=n",
                 .to = "<sip:+34600000001@ims.test>",
                 .call_id = id,
                 .cseq = 1,
                 .headers = CalleeHeaders(more),
                 .body = kOffer,
                 .branch = ""});
  };
  call("flood", "");
  EXPECT_EQ(peer_.ExpectStatus(503, "INVITE").Get("Call-ID"), "flood");
  call("back", "Priority: PSAP-Callback\r\n");
  recorder_.Expect("incoming");
  EXPECT_TRUE(recorder_.incoming->is_psap_callback);
}

}  // namespace
}  // namespace byon::sip::test
