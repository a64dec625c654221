#include "controlplane/auth/digest.h"
#include "tests/controlplane/auth/aka_network.h"
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class RegistrationFlowTest : public StackFixture {
 protected:
  static std::string Challenge(const std::string& nonce, const std::string& more = "") {
    return "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"" + nonce + "\", qop=\"auth\"" + more +
           "\r\n";
  }
  static std::string Parameter(const std::string& header, const std::string& name) {
    const size_t start = header.find(name + "=");
    if (start == std::string::npos) return "";
    size_t from = start + name.size() + 1;
    const bool is_quoted = header[from] == '"';
    if (is_quoted) ++from;
    return header.substr(from, header.find_first_of(is_quoted ? "\"" : ",", from) - from);
  }
  static bool IsRight(const SipText& request, auth::DigestAlgorithm algorithm) {
    const std::string header = request.Get("Authorization");
    const auto hash = [&](const std::string& text) { return auth::DigestHex(algorithm, text); };
    const std::string ha1 = hash("+34600000001@ims.test:ims.test:secret");
    const std::string ha2 = hash(request.method() + ":" + Parameter(header, "uri"));
    return Parameter(header, "response") ==
           hash(ha1 + ":" + Parameter(header, "nonce") + ":" + Parameter(header, "nc") + ":" +
                Parameter(header, "cnonce") + ":auth:" + ha2);
  }
  void RegisterOnce() {
    stack_->registrar().Register(Registration());
    peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
    recorder_.Expect("registered r1");
  }
};

TEST_F(RegistrationFlowTest, ChallengeThenRegistered) {  // Covers: R1 R2 R3 R6 R7 R8
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText first = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(first.start_line(), "REGISTER sip:ims.test SIP/2.0");
  EXPECT_EQ(first.Get("Contact"),
            "<" + ContactUri() +
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
  EXPECT_EQ(recorder_.registered->service_route,
            std::vector<std::string>{"<sip:orig@127.0.0.20:5060;lr>"});
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
    peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg",
                Challenge("n" + std::to_string(i)));
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
  config_.timers.register_deadline = std::chrono::milliseconds(200);
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
  SendToStack({.method = "INVITE", .uri = ContactUri(), .from = "<sip:x@ims.test>;tag=f", .to = "<sip:+34600000001@ims.test>",
               .call_id = "nobody", .cseq = 1, .headers = "Contact: <" + peer_.uri() + ">\r\n", .body = kOffer, .branch = ""});
  peer_.ExpectStatus(404, "INVITE");
}

// Two P-CSCFs: peer_ is the second.
class TwoHopsTest : public RegistrationFlowTest {
 protected:
  TwoHopsTest() {
    config_.next_hops = {first_.uri(), peer_.uri()};
    config_.timers.register_deadline = std::chrono::milliseconds(200);
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
  config_.keepalive = std::chrono::milliseconds(300);
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
  config_.keepalive = std::chrono::milliseconds(300);
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
  config_.timers.invite_deadline = std::chrono::milliseconds(200);
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

TEST_F(RegistrationFlowTest, ForbiddenIsFinal) {  // Covers: R10
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "403 Forbidden", "reg");
  recorder_.Expect("register failed r1 403 final");
  EXPECT_EQ(recorder_.failure->phrase, "Forbidden");
}

TEST_F(RegistrationFlowTest, DeregistersOurContactOnly) {  // Covers: R11
  StartStack();
  RegisterOnce();
  stack_->registrar().Deregister("r1");
  const SipText request = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(request.Get("Expires"), "0");
  EXPECT_EQ(request.Get("Contact").find("<" + ContactUri() + ">"), 0u);
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

TEST_F(RegistrationFlowTest, TrustedNodeNeedsNoChallenge) {  // Covers: T5
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "visited.test";
  config_.originating_ioi = "gw.test";
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText request = peer_.ExpectRequest("REGISTER");
  EXPECT_NE(request.Get("Authorization").find("integrity-protected=\"auth-done\""), std::string::npos);
  EXPECT_EQ(request.Get("Path"),
            "<sip:TOKEN@127.0.0.1:" + std::to_string(config_.local_port) + ";lr>");
  EXPECT_EQ(request.Get("Require"), "path");
  EXPECT_EQ(request.Get("P-Visited-Network-ID"), "\"visited.test\"");
  EXPECT_NE(request.Get("P-Charging-Vector").find("icid-value="), std::string::npos);
  EXPECT_EQ(request.Get("Route"), "");
  // Nobody may draw a password out of it.
  peer_.Reply(request, "401 Unauthorized", "reg", Challenge("n1"));
  recorder_.Expect("register failed r1 401 final");
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

TEST_F(RegistrationFlowTest, EachShardHasItsPortAndKeepsItsNumbers) {
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

// A number with an ISIM (RFC 3310, TS 24.229 section 5.1.1.5).
class AkaRegistrationTest : public RegistrationFlowTest {
 protected:
  AkaRegistrationTest() { passwords_.isim.emplace(network_.keys); }
  std::string AkaChallenge(uint64_t sqn) const {
    return Challenge(network_.Nonce(sqn), ", algorithm=AKAv1-MD5");
  }
  bool IsProof(const SipText& request, uint64_t sqn) const {
    const std::string header = request.Get("Authorization");
    const auto md5 = [](const std::string& text) {
      return auth::DigestHex(auth::DigestAlgorithm::kMd5, text);
    };
    return Parameter(header, "nonce") == network_.Nonce(sqn) &&
           Parameter(header, "response") ==
               md5(md5("+34600000001@ims.test:ims.test:" + network_.expected_response()) + ":" +
                   network_.Nonce(sqn) + ":" + Parameter(header, "nc") + ":" +
                   Parameter(header, "cnonce") + ":auth:" + md5("REGISTER:sip:ims.test"));
  }

  auth::test::AkaNetwork network_;
};

TEST_F(AkaRegistrationTest, TheIsimProvesItselfAndItsAnswerServesTheRefresh) {  // Covers: R4
  StartStack();
  stack_->registrar().Register(Registration());
  // A password would be weaker: it is not even asked for.
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg",
              Challenge("n1") + AkaChallenge(33));
  const SipText answered = peer_.ExpectRequest("REGISTER");
  EXPECT_TRUE(IsProof(answered, 33)) << answered.Get("Authorization");
  peer_.Reply(answered, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  stack_->registrar().Register(Registration());
  const SipText refresh = peer_.ExpectRequest("REGISTER");
  EXPECT_TRUE(IsProof(refresh, 33));
  EXPECT_EQ(Parameter(refresh.Get("Authorization"), "nc"), "00000002");
}

TEST_F(AkaRegistrationTest, NumbersThatPartedAreBroughtTogether) {  // Covers: R4
  passwords_.isim->Restore(33 * 1000);
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", AkaChallenge(33));
  const SipText resync = peer_.ExpectRequest("REGISTER");
  EXPECT_EQ(Parameter(resync.Get("Authorization"), "auts").size(), 20u);
  peer_.Reply(resync, "401 Unauthorized", "reg", AkaChallenge(33 * 1001));
  const SipText answered = peer_.ExpectRequest("REGISTER");
  EXPECT_TRUE(IsProof(answered, 33 * 1001));
  peer_.Reply(answered, "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  EXPECT_EQ(Count(SipCounter::kAkaResync), 1u);
}

TEST_F(AkaRegistrationTest, AForeignNetworkIsToldTwiceAndLeft) {  // Covers: R4
  StartStack();
  stack_->registrar().Register(Registration());
  network_.keys.k[3] ^= 1;
  SipText request = peer_.ExpectRequest("REGISTER");
  for (int i = 1; i <= 3; ++i) {
    peer_.Reply(request, "401 Unauthorized", "reg", AkaChallenge(33 * static_cast<uint64_t>(i)));
    if (i == 3) break;
    request = peer_.ExpectRequest("REGISTER");
    EXPECT_EQ(Parameter(request.Get("Authorization"), "response"), "");
    EXPECT_EQ(request.Get("Authorization").find("auts"), std::string::npos);
  }
  recorder_.Expect("register failed r1 401 final");
  EXPECT_EQ(Count(SipCounter::kAkaNotTheNetwork), 3u);
  EXPECT_EQ(Count(SipCounter::kRegisterSent), 3u);
}

TEST_F(AkaRegistrationTest, ARestartTakesNoOldChallengeForANewOne) {  // Covers: R4 T6
  StartStack();
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", AkaChallenge(33 * 7));
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1");
  const auto registered = *recorder_.registered;
  EXPECT_EQ(registered.snapshot.find(network_.Nonce(33 * 7)), std::string::npos)
      << "a used nonce is of no use";
  passwords_.isim.emplace(network_.keys);
  RestartStack();
  stack_->registrar().Restore(Registration(), registered);
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg", AkaChallenge(33 * 7));
  EXPECT_EQ(Parameter(peer_.ExpectRequest("REGISTER").Get("Authorization"), "auts").size(), 20u);
}

class RegEventTest : public RegistrationFlowTest {
 protected:
  void SetUp() override {
    config_.reg_event = true;
    StartStack();
    RegisterOnce();
    subscribe_ = peer_.ExpectRequest("SUBSCRIBE");
  }
  void Notify(const std::string& body, const std::string& state = "active;expires=600000") {
    SendToStack({.method = "NOTIFY",
                 .uri = ContactUri(),
                 .from = subscribe_.Get("To") + ";tag=notifier",
                 .to = subscribe_.Get("From"),
                 .call_id = subscribe_.Get("Call-ID"),
                 .cseq = ++cseq_,
                 .headers = "Event: reg\r\nSubscription-State: " + state +
                            "\r\nContent-Type: application/reginfo+xml\r\n",
                 .body = body,
                 .branch = ""});
  }
  static std::string Document(const std::string& uri, const std::string& state,
                              const std::string& event) {
    return "<?xml version=\"1.0\"?><reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"1\" "
           "state=\"full\"><registration aor=\"sip:+34600000001@ims.test\" id=\"a\" state=\"active\">"
           "<contact id=\"p\" state=\"active\" event=\"registered\"><uri>sip:phone@10.0.0.1</uri>"
           "</contact><contact id=\"c\" state=\"" +
           state + "\" event=\"" + event + "\"><uri>" + uri + "</uri></contact></registration></reginfo>";
  }

  SipText subscribe_;
  uint32_t cseq_ = 0;
};

TEST_F(RegEventTest, SubscribesAndHearsOfRemoval) {  // Covers: R12 R13
  EXPECT_EQ(subscribe_.request_uri(), "sip:+34600000001@ims.test");
  EXPECT_EQ(subscribe_.Get("Event"), "reg");
  EXPECT_EQ(subscribe_.Get("Accept"), "application/reginfo+xml");
  EXPECT_EQ(subscribe_.All("Route").size(), 2u);
  // The NOTIFY may come before the 200.
  Notify(Document(ContactUri(), "active", "registered"));
  peer_.ExpectStatus(200, "NOTIFY");
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\nContact: <" + peer_.uri() + ">\r\n");
  Notify(Document("sip:other@10.0.0.2", "terminated", "rejected"));
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "terminated", "rejected"));
  peer_.ExpectStatus(200, "NOTIFY");
  recorder_.Expect("network deregistered r1 0");
  EXPECT_EQ(Count(SipCounter::kNetworkDeregistered), 1u);
}

TEST_F(RegEventTest, EachEventHasItsMeaning) {  // Covers: R13
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify(Document(ContactUri(), "active", "shortened"));
  recorder_.Expect("network deregistered r1 5");
  Notify(Document(ContactUri(), "terminated", "probation"));
  recorder_.Expect("network deregistered r1 2");
}

TEST_F(RegEventTest, MalformedDocumentChangesNothing) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier", "Expires: 600000\r\n");
  Notify("<reginfo><registration>");
  peer_.ExpectStatus(200, "NOTIFY");
  Notify(Document(ContactUri(), "terminated", "deactivated"));
  recorder_.Expect("network deregistered r1 1");
  EXPECT_EQ(Count(SipCounter::kRegEventMalformed), 1u);
  EXPECT_EQ(recorder_.Count("network deregistered r1 1"), 1u);
}

TEST_F(RegEventTest, RefreshesAtHalfOfAShortInterval) {  // Covers: R12
  peer_.Reply(subscribe_, "200 OK", "notifier",
              "Expires: 1\r\nContact: <" + peer_.uri() + ">\r\nRecord-Route: <" + peer_.uri() +
                  ";lr>\r\n");
  const SipText refresh = peer_.ExpectRequest("SUBSCRIBE");
  EXPECT_EQ(refresh.Get("Call-ID"), subscribe_.Get("Call-ID"));
  EXPECT_EQ(refresh.Tag("To"), "notifier");
  EXPECT_EQ(refresh.Get("Route"), "<" + peer_.uri() + ";lr>");
}

TEST_F(RegEventTest, RefusedSubscriptionIsCountedAndLeftAlone) {
  peer_.Reply(subscribe_, "489 Bad Event", "notifier");
  ExpectCount(SipCounter::kRegEventRefused, 1);
  // The next thing the network hears is the refresh of the binding, and no SUBSCRIBE after it.
  stack_->registrar().Register(Registration());
  peer_.Reply(peer_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders());
  recorder_.Expect("registered r1", 2);
  stack_->registrar().Deregister("r1");
  const SipText next = peer_.Expect([](const SipText& m) { return m.is_request(); }, "anything");
  EXPECT_EQ(next.method(), "REGISTER");
}

TEST_F(RegEventTest, ForeignNotifyGets481) {
  subscribe_ = SipText("SUBSCRIBE x SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: z\r\n\r\n");
  Notify(Document(ContactUri(), "terminated", "rejected"));
  peer_.ExpectStatus(481, "NOTIFY");
}

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
  EXPECT_TRUE(peer_.ExpectRequest("INVITE").Get("Contact").starts_with("<" + gruu + ">"));
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
