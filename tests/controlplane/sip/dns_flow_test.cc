// P-CSCFs found by DNS: a real resolver, a name server of the test, registrations that follow.
#include <boost/asio/io_context.hpp>

#include "controlplane/dns/location_watch.h"
#include "controlplane/dns/resolver.h"
#include "tests/controlplane/dns/fake_name_server.h"
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

using dns::RecordType;
using std::chrono::milliseconds;

class DnsFlowTest : public StackFixture {
 protected:
  DnsFlowTest() {
    config_.next_hops.clear();
    config_.finds_next_hops = true;
    config_.resubscribe_window = std::chrono::seconds(1);
  }
  // On the test's own thread: one event loop for name service and strand.
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < deadline) io_.run_one_for(milliseconds(20));
    return condition();
  }
  void Look() {
    const bool is_first = watch_ == nullptr;
    if (is_first) {
      resolver_ = std::make_unique<dns::Resolver>(
          io_.get_executor(), dns::ServerList{.servers = {{"127.0.0.1", names_.port()}}, .timeout = milliseconds(500)});
      watch_ = std::make_unique<dns::LocationWatch>(
          dns::LocateRequest{.domain = "core.test"},
          dns::LocationWatch::Ports{
              .lookup = [this](const std::string& name, RecordType type,
                               dns::Resolver::Handler handler) { resolver_->Resolve(name, type, std::move(handler)); },
              .random = [](uint32_t) { return 0u; },
              .after =
                  [this](milliseconds, std::function<void()> ring) {
                    ring_ = std::move(ring);
                    return std::make_shared<int>(0);
                  }},
          [this](const std::vector<dns::Target>& targets) {
            std::vector<std::string> hops;
            for (const auto& target : targets)
              hops.push_back("sip:" + target.address + ":" + std::to_string(target.port));
            stack_->SetNextHops(hops);
          });
    }
    ring_ = nullptr;
    watch_->Start();
    ASSERT_TRUE(RunUntil([this] { return ring_ != nullptr; }));
  }
  // Records that hold for no time, so that the next look asks anew.
  void Publish(const std::vector<const FakePeer*>& best_first) {
    names_.Clear();
    names_.Add("core.test", RecordType::kNaptr, 0, dns::test::NaptrData(1, 1, "s", "SIP+D2U", "_sip._udp.core.test"));
    uint16_t priority = 0;
    for (const FakePeer* peer : best_first) {
      names_.Add("_sip._udp.core.test", RecordType::kSrv, 0,
                 dns::test::ServiceData(++priority, 1, peer->port(), "p.core.test"));
    }
    names_.Add("p.core.test", RecordType::kA, 0, dns::test::AddressData("127.0.0.1"));
  }
  void Answer(FakePeer& peer, int expires = 600000) {
    peer.Reply(peer.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders(expires));
  }

  dns::test::FakeNameServer names_;
  FakePeer other_{"127.0.0.1"};
  boost::asio::io_context io_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::unique_ptr<dns::LocationWatch> watch_;
  std::function<void()> ring_;
};

TEST_F(DnsFlowTest, ARegistrationWaitsForTheFirstAnswer) {  // Covers: R18
  StartStack();
  stack_->registrar().Register(Registration());
  Publish({&peer_, &other_});
  Look();
  Answer(peer_);
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->next_hop, peer_.uri());
  EXPECT_EQ(Count(SipCounter::kRegisterHopFailover), 0u);
}

TEST_F(DnsFlowTest, WithoutAnAnswerItFailsForNow) {  // Covers: R18
  config_.timers.register_deadline = milliseconds(50);
  StartStack();
  stack_->registrar().Register(Registration());
  recorder_.Expect("register failed r1 503");
  stack_->registrar().Deregister("r1");
  recorder_.Expect("deregistered r1");
}

TEST_F(DnsFlowTest, TheNextOfTheListWhenTheFirstIsSilent) {  // Covers: R18 R10
  config_.timers.register_deadline = milliseconds(1000);
  Publish({&other_, &peer_});
  StartStack();
  Look();
  stack_->registrar().Register(Registration());
  Answer(peer_);
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->next_hop, peer_.uri());
  // The same list in the other order: what is known of each stays.
  Publish({&peer_, &other_});
  Look();
  auto second = Registration("r2");
  second.contact_token = "SECOND";
  stack_->registrar().Register(second);
  Answer(peer_);
  recorder_.Expect("registered r2");
}

TEST_F(DnsFlowTest, RegistrationsLeaveAPcscfThatIsNoLongerListed) {  // Covers: R18 R15
  Publish({&peer_});
  StartStack();
  Look();
  stack_->registrar().Register(Registration());
  Answer(peer_);
  recorder_.Expect("registered r1");
  Publish({&other_});
  Look();
  Answer(other_);
  recorder_.Expect("registered r1", 2);
  EXPECT_EQ(recorder_.registered->next_hop, other_.uri());
  // Nobody is dropped when the name service forgets everything.
  names_.Clear();
  Look();
  stack_->registrar().Register(Registration());
  Answer(other_);
  recorder_.Expect("registered r1", 3);
}

TEST_F(DnsFlowTest, ARestoredBindingStaysWhereItWas) {  // Covers: R18 T6
  StartStack();
  RestoreRegistration();
  // Before any answer, a call comes from there.
  SendToStack({.method = "INVITE",
               .uri = ContactUri(),
               .from = "<sip:b@ims.test>;tag=f",
               .to = "<sip:+34600000001@ims.test>",
               .call_id = "in",
               .headers = CalleeHeaders(),
               .body = kOffer,
               .branch = ""});
  recorder_.Expect("incoming");
  stack_->signaling().Reject("in-1", 486, {});
  peer_.ExpectStatus(486, "INVITE");
  Publish({&other_, &peer_});
  Look();
  stack_->registrar().Register(Registration());
  Answer(peer_);
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->next_hop, peer_.uri());
}

}  // namespace
}  // namespace byon::sip::test
