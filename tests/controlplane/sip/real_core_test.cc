// The stack against a real P-CSCF and S-CSCF: two users of one gateway register and call each other.
#include "tests/controlplane/sip/kamailio_core.h"
#include "tests/controlplane/sip/stack_fixture.h"
#include "tests/controlplane/sip/tls_peer.h"

namespace byon::sip::test {
namespace {

class NumberPasswords : public CredentialSource {
 public:
  std::optional<std::string> Password(const std::string& impi) override {
    return "pw" + impi.substr(0, impi.find('@'));
  }
};

class RealCoreTest : public testing::Test {
 protected:
  RealCoreTest() : recorder_(strand_) {}
  ~RealCoreTest() override {
    if (stack_) stack_->Stop();
  }
  void SetUp() override {
    if (!KamailioCore::IsInstalled()) GTEST_SKIP() << "no Kamailio on this host";
    PrepareCore();
    ASSERT_TRUE(core_.Start());
    config_.local_address = core_.Address(40);
    config_.local_port = 5070;
    config_.home_domain = "ims.test";
    config_.next_hops = {"sip:" + core_.Address(10) + ":5060"};
    config_.access_network_info = "IEEE-802.11;i-wlan-node-id=000000000000";
  }
  virtual void PrepareCore() {}
  void StartStack() {
    stack_ = std::make_unique<SipStack>(config_, strand_.Executor(), &passwords_);
    const auto error = stack_->Start(&recorder_, &recorder_);
    ASSERT_FALSE(error) << *error;
  }
  static registration::SipRegistration User(const std::string& number, const std::string& token) {
    return {.id = token,
            .impu = "sip:" + number + "@ims.test",
            .impi = number + "@ims.test",
            .instance_id = "urn:uuid:00000000-0000-4000-8000-" + number.substr(1) + "0",
            .contact_token = token,
            .expires = std::chrono::seconds(600000)};
  }
  registration::SipRegistered Register(const registration::SipRegistration& user) {
    stack_->registrar().Register(user);
    recorder_.Expect("registered " + user.id);
    EXPECT_TRUE(recorder_.registered);
    return recorder_.registered.value_or(registration::SipRegistered());
  }
  call::OutgoingInvite Outgoing(const std::string& id, const registration::SipRegistration& from,
                                const registration::SipRegistered& registered, const std::string& to) {
    call::OutgoingInvite invite;
    invite.call_id = id;
    invite.binding = {.registration_id = from.id,
                      .impu = from.impu,
                      .contact_token = from.contact_token,
                      .instance_id = from.instance_id,
                      .next_hop = registered.next_hop,
                      .service_route = registered.service_route,
                      .associated_uris = registered.associated_uris};
    invite.target_uri = "tel:" + to;
    invite.sdp = kOffer;
    return invite;
  }

  TestStrand strand_;
  Recorder recorder_;
  NumberPasswords passwords_;
  KamailioCore core_;
  SipConfig config_;
  std::unique_ptr<SipStack> stack_;
};

TEST_F(RealCoreTest, RegistersAndCalls) {  // Covers: R1 R3 C1
  StartStack();
  const auto alice = User("+34600000001", "TOKENA");
  const auto bob = User("+34600000002", "TOKENB");
  Register(bob);
  const auto registered = Register(alice);
  EXPECT_EQ(registered.service_route, std::vector<std::string>{"<sip:orig@" + core_.Address(20) + ":5060;lr>"});
  EXPECT_EQ(registered.associated_uris, (std::vector<std::string>{"sip:+34600000001@ims.test", "tel:+34600000001"}));

  // A call with reliable progress, both ways of changing it, and BYE. Its INVITE is long: TCP.
  stack_->signaling().Invite(Outgoing("a-1", alice, registered, "+34600000002"));
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->contact_token, "TOKENB");
  EXPECT_EQ(recorder_.incoming->caller.uri, "sip:+34600000001@ims.test") << "as the P-CSCF asserts";
  EXPECT_EQ(recorder_.incoming->called_uri, "sip:+34600000002@ims.test");
  EXPECT_TRUE(recorder_.incoming->supports_100rel);
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  const auto progressed = [&](const std::string& end) {
    return strand_.RunUntil([&] {
      return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                         [&](const std::string& e) { return e.starts_with("progress a-1") && e.ends_with(end); });
    });
  };
  EXPECT_TRUE(progressed(" 183 reliable"));
  EXPECT_TRUE(progressed(" 180 reliable"));
  stack_->signaling().Accept("in-1", kAnswer);
  recorder_.Expect("confirmed in-1");
  const auto answered = std::find_if(recorder_.events.begin(), recorder_.events.end(),
                                     [](const std::string& e) { return e.starts_with("answered a-1 "); });
  ASSERT_NE(answered, recorder_.events.end());
  const std::string bob_tag = answered->substr(answered->rfind(' ') + 1);

  stack_->signaling().SendOffer("a-1", "", kOffer2);
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("offer in-1 "); });
  }));
  stack_->signaling().SendAnswer("in-1", "", kAnswer2);
  recorder_.Expect("answer a-1 " + bob_tag);
  EXPECT_EQ(recorder_.sdps["answer a-1 " + bob_tag], kAnswer2);

  stack_->signaling().Bye("in-1", {.sip_status = 0, .q850_cause = 16, .text = ""});
  recorder_.Expect("ended a-1 0");
  EXPECT_EQ(recorder_.last_reason.q850_cause, 16);

  // Cancelled, refused, unknown, emergency.
  recorder_.next_call_id = "in-2";
  stack_->signaling().Invite(Outgoing("a-2", alice, registered, "+34600000002"));
  recorder_.Expect("incoming", 2);
  stack_->signaling().SendProgress("in-2", 180, std::nullopt);
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("progress a-2"); });
  }));
  stack_->signaling().Cancel("a-2", {.sip_status = 487, .q850_cause = 0, .text = "gave up"});
  recorder_.Expect("failed a-2 487");
  recorder_.Expect("cancelled in-2 487");
  recorder_.next_call_id = "in-3";
  stack_->signaling().Invite(Outgoing("a-3", alice, registered, "+34600000002"));
  recorder_.Expect("incoming", 3);
  stack_->signaling().Reject("in-3", 486, {});
  recorder_.Expect("failed a-3 486");
  stack_->signaling().Invite(Outgoing("a-4", alice, registered, "+34699999999"));
  recorder_.Expect("failed a-4 480");
  auto emergency = Outgoing("a-5", alice, registered, "");
  emergency.target_uri = "sip:112@ims.test;user=phone";
  stack_->signaling().Invite(emergency);
  recorder_.Expect("failed a-5 380");
  EXPECT_EQ(recorder_.last_reason.text, call::kEmergencyServiceText);

  // The operator removes Bob.
  core_.RemoveRegistrations("+34600000002");
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("network deregistered TOKENB"); });
  }));
  stack_->registrar().Deregister("TOKENA");
  recorder_.Expect("deregistered TOKENA");
}

TEST_F(RealCoreTest, TwoDevicesRingAndOneAnswers) {  // Covers: C9 R2
  StartStack();
  const auto alice = User("+34600000001", "TOKENA");
  const auto web = User("+34600000002", "TOKENW");
  auto tablet = User("+34600000002", "TOKENT");
  tablet.instance_id = "urn:uuid:00000000-0000-4000-8000-000000000009";
  Register(web);
  Register(tablet);
  const auto registered = Register(alice);
  recorder_.during_incoming = [&] { recorder_.next_call_id = "in-" + recorder_.incoming->contact_token; };
  stack_->signaling().Invite(Outgoing("a-1", alice, registered, "+34600000002"));
  recorder_.Expect("incoming", 2);
  stack_->signaling().SendProgress("in-TOKENW", 180, std::nullopt);
  stack_->signaling().SendProgress("in-TOKENT", 180, std::nullopt);
  stack_->signaling().Accept("in-TOKENT", kAnswer);
  recorder_.Expect("confirmed in-TOKENT");
  recorder_.Expect("cancelled in-TOKENW 200");
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("answered a-1"); });
  }));
  stack_->signaling().Bye("a-1", {});
  recorder_.Expect("ended in-TOKENT 0");
}

TEST_F(RealCoreTest, WrongPasswordIsFinal) {
  StartStack();
  auto mallory = User("+34600000001", "TOKENM");
  mallory.impi = "+34600000009@ims.test";
  stack_->registrar().Register(mallory);
  recorder_.Expect("register failed TOKENM 401 final");
}

TEST_F(RealCoreTest, ARestartKeepsTheCallAndTheBindings) {  // Covers: T6
  StartStack();
  const auto alice = User("+34600000001", "TOKENA");
  const auto bob = User("+34600000002", "TOKENB");
  const auto bob_registered = Register(bob);
  const auto registered = Register(alice);
  stack_->signaling().Invite(Outgoing("a-1", alice, registered, "+34600000002"));
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kAnswer);
  recorder_.Expect("changed in-1");
  recorder_.Expect("changed a-1");

  stack_->Stop();
  stack_.reset();
  StartStack();
  stack_->registrar().Restore(bob, bob_registered);
  stack_->registrar().Restore(alice, registered);
  stack_->signaling().Restore("a-1", recorder_.snapshots["a-1"]);
  stack_->signaling().Restore("in-1", recorder_.snapshots["in-1"]);
  stack_->signaling().SendOffer("in-1", "", kOffer2);
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("offer a-1 "); });
  }));
  stack_->signaling().SendAnswer("a-1", "", kAnswer2);
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("answer in-1 "); });
  }));
  stack_->signaling().Bye("a-1", {});
  recorder_.Expect("ended in-1 0");
  // A refresh goes on where the first process was, and new calls reach the restored binding.
  Register(bob);
  recorder_.next_call_id = "in-2";
  stack_->signaling().Invite(Outgoing("a-2", alice, registered, "+34600000002"));
  recorder_.Expect("incoming", 2);
}

class RealTlsCoreTest : public RealCoreTest {
 protected:
  void PrepareCore() override {
    std::string name = (std::filesystem::temp_directory_path() / "byon-tls-core-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    const TestAuthority authority(folder_, "carrier");
    authority.Issue("pcscf", {.common_name = "P-CSCF", .alternative_names = "DNS:pcscf.ims.test"});
    authority.Issue("gateway", {.common_name = "gateway", .alternative_names = "DNS:gateway.ims.test"});
    core_.UseTls((folder_ / "pcscf").string(), authority.ca_file());
    config_.tls = SipTls{.ca_file = authority.ca_file(),
                         .certificate_file = (folder_ / "gateway.pem").string(),
                         .private_key_file = (folder_ / "gateway.key").string(),
                         .peer_name = "pcscf.ims.test"};
  }
  ~RealTlsCoreTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::filesystem::path folder_;
};

// The call comes back to us over a connection that the P-CSCF opens, with certificates both ways.
TEST_F(RealTlsCoreTest, RegistersAndCallsOverTls) {  // Covers: T1
  config_.next_hops = {"sip:" + core_.Address(10) + ":5061;transport=tls"};
  StartStack();
  const auto alice = User("+34600000001", "TOKENA");
  const auto bob = User("+34600000002", "TOKENB");
  Register(bob);
  const auto registered = Register(alice);
  stack_->signaling().Invite(Outgoing("a-1", alice, registered, "+34600000002"));
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 180, std::nullopt);
  stack_->signaling().Accept("in-1", kAnswer);
  recorder_.Expect("confirmed in-1");
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("answered a-1 "); });
  }));
  stack_->signaling().Bye("a-1", {});
  recorder_.Expect("ended in-1 0");
  core_.RemoveRegistrations("+34600000002");
  EXPECT_TRUE(strand_.RunUntil([&] {
    return std::any_of(recorder_.events.begin(), recorder_.events.end(),
                       [](const std::string& e) { return e.starts_with("network deregistered TOKENB"); });
  }));
}

}  // namespace
}  // namespace byon::sip::test
