#include <numeric>

#include "tests/controlplane/sip/registration_fixture.h"

namespace byon::sip::test {
namespace {

TEST_F(RegistrationFlowTest, ChallengeThenRegistered) {  // Covers: R1 R2 R3 R6 R7 R8
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText first = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(first.start_line(), "REGISTER sip:ims.test SIP/2.0");
  EXPECT_EQ(first.Get("Contact"), "<" + ContactUri() +
                                      ">;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\""
                                      ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\";audio");
  EXPECT_EQ(first.Get("Expires"), "600000");
  EXPECT_EQ(first.Get("Supported"), "path, gruu");
  EXPECT_EQ(first.Get("Route"), "<" + peer_.uri() + ";lr>");
  EXPECT_EQ(first.Get("P-Access-Network-Info"), config_.access_network_info);
  EXPECT_NE(first.Get("Authorization").find("username=\"+34600000001@ims.test\""), std::string::npos);
  EXPECT_NE(first.Get("Authorization").find("nonce=\"\""), std::string::npos);
  peer_.Reply(first, "401 Unauthorized", "reg", Challenge("n1"));

  const SipText second = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(second.Get("Call-ID"), first.Get("Call-ID"));
  EXPECT_EQ(std::atoi(second.Get("CSeq").c_str()), std::atoi(first.Get("CSeq").c_str()) + 1);
  EXPECT_TRUE(IsRight(second, auth::DigestAlgorithm::kMd5));
  EXPECT_EQ(Parameter(second.Get("Authorization"), "nc"), "00000001");
  peer_.Reply(second, "200 OK", "reg", AcceptHeaders(7200));
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->expires.count(), 7200);
  EXPECT_EQ(recorder_.registered->next_hop, peer_.uri());
  EXPECT_EQ(recorder_.registered->service_route, std::vector<std::string>{"<sip:orig@127.0.0.20:5060;lr>"});
  EXPECT_EQ(recorder_.registered->associated_uris,
            (std::vector<std::string>{"sip:+34600000001@ims.test", "tel:+34600000001"}));

  // The refresh uses the nonce again, then starts counting anew with the next one.
  stack_->registrar().Register(Registration());
  const SipText refresh = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(refresh.Get("Call-ID"), first.Get("Call-ID"));
  EXPECT_EQ(Parameter(refresh.Get("Authorization"), "nc"), "00000002");
  EXPECT_TRUE(IsRight(refresh, auth::DigestAlgorithm::kMd5));
  peer_.Reply(refresh, "401 Unauthorized", "reg", Challenge("n2", ", stale=true"));
  const SipText answered = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(Parameter(answered.Get("Authorization"), "nc"), "00000001");
  EXPECT_EQ(Parameter(answered.Get("Authorization"), "nonce"), "n2");
  peer_.Reply(answered, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);

  EXPECT_EQ(Requests(TrafficDirection::kSent, "REGISTER"), 4u);
  ExpectResponses(TrafficDirection::kReceived, "REGISTER", 401, 2);
  ExpectResponses(TrafficDirection::kReceived, "REGISTER", 200, 2);
  const auto trips = stack_->counters().traffic.RoundTripsOf(SipTraffic::MethodIndex("REGISTER"));
  EXPECT_EQ(std::accumulate(trips.counts.begin(), trips.counts.end(), uint64_t{0}), 4u);
  EXPECT_GT(trips.sum_s, 0);
}

TEST_F(RegistrationFlowTest, PrefersSha256) {  // Covers: R3
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg",
              Challenge("n1") + Challenge("n1", ", algorithm=SHA-256"));
  EXPECT_TRUE(IsRight(peer_.ExpectRequest("REGISTER"), auth::DigestAlgorithm::kSha256));
}

TEST_F(RegistrationFlowTest, WrongTwiceIsFinal) {  // Covers: R3
  StartStack();
  stack_->registrar().Register(Registration());
  for (int i = 0; i < 3; ++i) {
    peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", Challenge("n" + std::to_string(i)));
  }
  recorder_.Expect("register failed r1 401 final");
  EXPECT_EQ(Count(SipCounter::kRegisterSent), 3u);
}

TEST_F(RegistrationFlowTest, ForeignRealmGetsNoAnswer) {  // Covers: R3
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg",
              "WWW-Authenticate: Digest realm=\"evil.example\", nonce=\"n\", qop=\"auth\"\r\n");
  recorder_.Expect("register failed r1 401 final");
  EXPECT_EQ(Count(SipCounter::kChallengeForeignRealm), 1u);
  EXPECT_EQ(Count(SipCounter::kRegisterSent), 1u);
}

TEST_F(RegistrationFlowTest, UnusableChallengeIsFinal) {
  StartStack();
  auto registration = Registration();
  registration.impi = "nobody@ims.test";
  stack_->registrar().Register(registration);
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", Challenge("n1"));
  recorder_.Expect("register failed r1 401 final");
  EXPECT_EQ(Count(SipCounter::kChallengeUnusable), 1u);
}

TEST_F(RegistrationFlowTest, IntervalTooBriefRaisesExpires) {  // Covers: R5
  StartStack();
  auto registration = Registration();
  registration.expires = std::chrono::seconds(30);
  stack_->registrar().Register(registration);
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "423 Interval Too Brief", "reg", "Min-Expires: 60\r\n");
  const SipText again = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(again.Get("Expires"), "60");
  peer_.Reply(again, "200 OK", "reg", AcceptHeaders(60));
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->expires.count(), 60);
}

TEST_F(RegistrationFlowTest, NobodyIsBoundForACentury) {  // Covers: R5 R9
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText first = peer_.ExpectRequest("REGISTER");
  peer_.Reply(first, "423 Interval Too Brief", "reg", "Min-Expires: 604800\r\n");
  const SipText again = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(again.Get("Expires"), "604800");
  const std::string contact = "Contact: <" + ContactUri() + ">;expires=4294967295\r\n";
  peer_.Reply(again, "200 OK", "reg", contact);
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->expires.count(), 604800) << "what was asked for";
  stack_->registrar().Register(Registration("r2"));
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "423 Interval Too Brief", "reg", "Min-Expires: 4294967295\r\n");
  recorder_.Expect("register failed r2 423 final");
}

TEST_F(RegistrationFlowTest, SilentPcscfIsLeftForTheNext) {  // Covers: R10
  FakePeer silent("127.0.0.1");
  config_.next_hops = {silent.uri(), peer_.uri()};
  config_.timers.register_deadline = std::chrono::seconds(1);
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText unanswered = silent.ExpectRequest("REGISTER");
  const SipText second = peer_.ExpectRequest("REGISTER");
  EXPECT_NE(second.Get("Call-ID"), unanswered.Get("Call-ID")) << "a new initial registration";
  peer_.Reply(second, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->next_hop, peer_.uri());
  EXPECT_EQ(Count(SipCounter::kRegisterHopFailover), 1u);
  EXPECT_EQ(Count(SipCounter::kRegisterTimeout), 1u);
  EXPECT_EQ(stack_->counters().traffic.NoAnswers(SipTraffic::MethodIndex("REGISTER"), NoAnswer::kTimeout), 1u);
}

TEST_F(RegistrationFlowTest, AllPcscfsBusyReportsRetryAfter) {  // Covers: R10
  FakePeer other("127.0.0.1");
  config_.next_hops = {peer_.uri(), other.uri()};
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "503 Service Unavailable", "reg");
  other.Reply(other.ExpectRequest("REGISTER"), "503 Service Unavailable", "reg", "Retry-After: 17\r\n");
  recorder_.Expect("register failed r1 503");
  EXPECT_EQ(recorder_.failure->retry_after, std::chrono::seconds(17));
  // Of a registration that never was, nothing stays behind.
  SendToStack({.method = "INVITE",
               .uri = ContactUri(),
               .from = "<sip:x@ims.test>;tag=f",
               .to = "<sip:+34600000001@ims.test>",
               .call_id = "nobody",
               .cseq = 1,
               .headers = "Contact: <" + peer_.uri() + ">\r\n",
               .body = kOffer,
               .branch = ""});
  peer_.ExpectStatus(404, "INVITE");
}

TEST_F(RegistrationFlowTest, ForbiddenIsFinal) {  // Covers: R10
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "403 Forbidden", "reg");
  recorder_.Expect("register failed r1 403 final");
  EXPECT_EQ(recorder_.failure->phrase, "Forbidden");
}

// What may pass does not end a binding that is good until it expires: it is tried again (TS 24.229 section 5.1.1.4.1).
TEST_F(RegistrationFlowTest, OnlyARefusalOfTheNumberIsFinal) {  // Covers: R10
  StartStack();
  RegisterOnce();
  for (const std::string answer :
       {"400 Bad Request", "421 Extension Required", "480 Temporarily Unavailable", "482 Loop Detected",
        "494 Security Agreement Required", "500 Server Internal Error", "504 Server Time-out"}) {
    stack_->registrar().Register(Registration());
    peer_.Reply(peer_.ExpectRequest("REGISTER"), answer, "reg");
    recorder_.Expect("register failed r1 " + answer.substr(0, 3));
  }
  SendToStack({.method = "INVITE",
               .uri = ContactUri(),
               .from = "<sip:x@ims.test>;tag=f",
               .to = "<sip:+34600000001@ims.test>",
               .call_id = "still",
               .cseq = 1,
               .headers = "Contact: <" + peer_.uri() + ">\r\n",
               .body = kOffer,
               .branch = ""});
  recorder_.Expect("incoming");
  for (const std::string answer : {"403 Forbidden", "404 Not Found", "410 Gone", "603 Decline"}) {
    const std::string id = "r" + answer.substr(0, 3);
    stack_->registrar().Register(Registration(id));
    peer_.Reply(peer_.ExpectRequest("REGISTER"), answer, "reg");
    recorder_.Expect("register failed " + id + " " + answer.substr(0, 3) + " final");
  }
}

TEST_F(RegistrationFlowTest, DeregistersOurContactOnly) {  // Covers: R11
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText bound = peer_.ExpectRequest("REGISTER");
  peer_.Reply(bound, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  stack_->registrar().Deregister("r1");
  const SipText request = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(request.Get("Expires"), "0");
  ASSERT_EQ(request.All("Contact").size(), 1u);
  EXPECT_EQ(request.Get("Contact"), bound.Get("Contact")) << "no other, and no second one behind a comma";
  EXPECT_EQ(request.Get("To"), bound.Get("To"));
  EXPECT_EQ(request.Get("Call-ID"), bound.Get("Call-ID"));
  EXPECT_EQ(std::stoi(request.Get("CSeq")), std::stoi(bound.Get("CSeq")) + 1);
  peer_.Reply(request, "481 Whatever", "reg");
  recorder_.Expect("deregistered r1");
  stack_->registrar().Deregister("unknown");
  recorder_.Expect("deregistered unknown");
}

TEST_F(RegistrationFlowTest, DeregisterDuringRegisterComesAfterIt) {
  StartStack();
  stack_->registrar().Register(Registration());
  stack_->registrar().Deregister("r1");
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
  const SipText second = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(second.Get("Expires"), "0");
  peer_.Reply(second, "200 OK", "reg");
  recorder_.Expect("deregistered r1");
}

TEST_F(RegistrationFlowTest, TrustedNodeNeedsNoChallenge) {  // Covers: T5 R19
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "visited.test";
  config_.originating_ioi = "gw.test";
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText request = peer_.ExpectRequest("REGISTER");
  EXPECT_NE(request.Get("Authorization").find("integrity-protected=\"auth-done\""), std::string::npos);
  EXPECT_EQ(request.Get("Path"), "<sip:TOKEN@127.0.0.1:" + std::to_string(config_.local_port) + ";lr>");
  EXPECT_EQ(request.Get("Require"), "path");
  EXPECT_EQ(request.Get("P-Visited-Network-ID"), "\"visited.test\"");
  EXPECT_NE(request.Get("P-Charging-Vector").find("icid-value="), std::string::npos);
  EXPECT_EQ(request.Get("Route"), "");
  // Nobody may draw a password out of it.
  peer_.Reply(request, "401 Unauthorized", "reg", Challenge("n1"));
  recorder_.Expect("register failed r1 401 final");
}

// It is the P-CSCF there, which gives every request outside of dialogs its charging identifier.
TEST_F(RegistrationFlowTest, ATrustedNodesSubscribeCanBeCharged) {  // Covers: R12
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "visited.test";
  config_.originating_ioi = "gw.test";
  config_.reg_event = true;
  StartStack();
  RegisterOnce();
  const std::string vector = peer_.ExpectRequest("SUBSCRIBE").Get("P-Charging-Vector");
  EXPECT_NE(vector.find("icid-value=\""), std::string::npos);
  EXPECT_NE(vector.find(";icid-generated-at=127.0.0.1;orig-ioi=\"gw.test\""), std::string::npos);
}

TEST_F(RegistrationFlowTest, RestoredBindingGoesOnWithItsCallId) {  // Covers: T6
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText first = peer_.ExpectRequest("REGISTER");
  peer_.Reply(first, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  const auto registered = *recorder_.registered;
  RestartStack();
  stack_->registrar().Restore(Registration(), registered);
  stack_->registrar().Register(Registration());
  const SipText next = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(next.Get("Call-ID"), first.Get("Call-ID"));
  EXPECT_GT(std::atoi(next.Get("CSeq").c_str()), std::atoi(first.Get("CSeq").c_str()));
}

TEST_F(RegistrationFlowTest, UnusableIdentityIsRefusedHere) {
  StartStack();
  auto registration = Registration();
  registration.contact_token = "a>;x";
  stack_->registrar().Register(registration);
  recorder_.Expect("register failed r1 400 final");
  EXPECT_EQ(Count(SipCounter::kInvalidTarget), 1u);
}

TEST_F(RegistrationFlowTest, EachShardHasItsPortAndKeepsItsNumbers) {  // Covers: R20
  config_.shards = 3;
  while (true) {  // three free ports in a row
    stack_ = std::make_unique<SipStack>(config_, strand_.Executor(), &passwords_);
    if (!stack_->Start(&recorder_, &recorder_)) break;
    config_.local_port = FreePort();
  }
  std::set<std::string> ports;
  for (int i = 0; i < 30; ++i) {
    const std::string number = "+346000000" + std::to_string(10 + i);
    auto registration = Registration("r" + std::to_string(i));
    registration.impu = "sip:" + number + "@ims.test";
    registration.contact_token = "T" + std::to_string(i);
    stack_->registrar().Register(registration);
    const SipText request = peer_.ExpectRequest("REGISTER");
    const std::string contact = request.Get("Contact");
    const std::string port = contact.substr(contact.rfind(':', contact.find('>')) + 1, 5);
    EXPECT_NE(request.Get("Via").find(":" + port + ";"), std::string::npos) << "the shard's own socket";
    ports.insert(port);
    peer_.Reply(request, "200 OK", "reg", AcceptHeaders());
    recorder_.Expect("registered " + registration.id);
    // A call of the number, and one to it, go through the same shard.
    if (i % 10 != 0) continue;
    auto outgoing = Outgoing("out-" + registration.id);
    outgoing.binding.registration_id = registration.id;
    outgoing.binding.impu = registration.impu;
    outgoing.binding.contact_token = registration.contact_token;
    stack_->signaling().Invite(outgoing);
    const SipText invite = peer_.ExpectRequest("INVITE");
    EXPECT_NE(invite.Get("Contact").find(":" + port + ">"), std::string::npos);
    peer_.Reply(invite, "486 Busy Here", "b");
    recorder_.Expect("failed " + outgoing.call_id + " 486");
    const auto restored = *recorder_.registered;
    stack_->registrar().Deregister(registration.id);
    const SipText end = peer_.ExpectRequest("REGISTER");
    EXPECT_NE(end.Get("Contact").find(":" + port + ">"), std::string::npos);
    peer_.Reply(end, "200 OK", "reg");
    recorder_.Expect("deregistered " + registration.id);
    stack_->registrar().Restore(registration, restored);
    stack_->registrar().Register(registration);
    const SipText again = peer_.ExpectRequest("REGISTER");
    EXPECT_NE(again.Get("Contact").find(":" + port + ">"), std::string::npos);
    peer_.Reply(again, "200 OK", "reg", AcceptHeaders());
    recorder_.Expect("registered " + registration.id, 2);
  }
  EXPECT_EQ(ports.size(), 3u);
}

}  // namespace
}  // namespace byon::sip::test
