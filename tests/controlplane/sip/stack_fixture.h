#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/sip/sip_stack.h"
#include "tests/controlplane/sip/fake_peer.h"

namespace byon::sip::test {

// The strand of a test: tasks run in the test's own thread while it waits for something.
class TestStrand {
 public:
  SipStack::Executor Executor() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      has_task_.notify_one();
    };
  }
  // Runs tasks until the condition holds; false after 20 seconds.
  bool RunUntil(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        if (!has_task_.wait_until(lock, deadline, [this] { return !tasks_.empty(); })) return false;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_task_;
  std::deque<std::function<void()>> tasks_;
};

// Writes down what the stack says, one line an event: "answered call-1 tagA sdp".
class Recorder : public call::SipSignalingObserver, public registration::SipRegistrarObserver {
 public:
  explicit Recorder(TestStrand& strand) : strand_(strand) {}

  std::vector<std::string> events;
  std::map<std::string, std::string> snapshots;  // by call id, last
  std::map<std::string, std::string> sdps;       // by event line without its SDP, last
  std::optional<registration::SipRegistered> registered;
  std::optional<registration::SipRegisterFailure> failure;
  std::optional<call::IncomingInvite> incoming;
  std::optional<call::Referral> referral;
  std::vector<call::RegisteredDevice> devices;
  std::optional<std::string> next_call_id = "in-1";  // what OnIncomingInvite returns
  std::function<void()> during_incoming;
  std::function<void()> during_failure;  // once
  call::EndReason last_reason;
  std::map<std::string, std::pair<std::string, std::string>> names;  // Call-ID and icid, by call id
  std::vector<call::Diversion> diversions;                           // of a call of ours

  bool Has(const std::string& event) const { return std::find(events.begin(), events.end(), event) != events.end(); }
  size_t Count(const std::string& event) const {
    return static_cast<size_t>(std::count(events.begin(), events.end(), event));
  }
  // Waits for an event, and fails the test with all that did come.
  void Expect(const std::string& event, size_t times = 1) {
    EXPECT_TRUE(strand_.RunUntil([&] { return Count(event) >= times; }))
        << "missing: " << event << "\nseen: " << testing::PrintToString(events);
  }

  std::optional<call::CallId> OnIncomingInvite(call::IncomingInvite invite) override {
    incoming = std::move(invite);
    events.push_back("incoming");
    if (during_incoming) during_incoming();
    return next_call_id;
  }
  void OnProgress(const call::CallId& id, call::Progress progress) override {
    const std::string line = "progress " + id + " " + progress.dialog_id + " " + std::to_string(progress.status_code) +
                             (progress.is_reliable ? " reliable" : "");
    Add(line, progress.sdp);
  }
  void OnAnswered(const call::CallId& id, const call::DialogId& dialog, std::optional<std::string> sdp) override {
    Add("answered " + id + " " + dialog, sdp);
  }
  void OnAsserted(const call::CallId& id, const std::string& uri) override {
    events.push_back("asserted " + id + " " + uri);
  }
  void OnNamed(const call::CallId& id, const std::string& sip_call_id, const std::string& charging_id) override {
    names[id] = {sip_call_id, charging_id};
  }
  void OnDiverted(const call::CallId& id, std::vector<call::Diversion> value, const std::string& target) override {
    diversions = std::move(value);
    events.push_back("diverted " + id + ' ' + target);
  }
  void OnFailed(const call::CallId& id, call::EndReason reason) override {
    End("failed " + id + " " + std::to_string(reason.sip_status), reason);
    if (const auto again = std::exchange(during_failure, nullptr)) again();
  }
  void OnCancelled(const call::CallId& id, call::EndReason reason) override {
    End("cancelled " + id + " " + std::to_string(reason.sip_status), reason);
  }
  void OnConfirmed(const call::CallId& id) override { events.push_back("confirmed " + id); }
  void OnRemoteOffer(const call::CallId& id, const call::DialogId& dialog, std::optional<std::string> sdp) override {
    Add("offer " + id + " " + dialog, sdp);
  }
  void OnRemoteAnswer(const call::CallId& id, const call::DialogId& dialog, std::string sdp) override {
    Add("answer " + id + " " + dialog, sdp);
  }
  void OnEarlyMedia(const call::CallId& id, const call::DialogId& dialog, const std::string& directions) override {
    events.push_back("early media " + id + " " + dialog + " " + directions);
  }
  void OnOfferFailed(const call::CallId& id, const call::DialogId&, int status) override {
    events.push_back("offer failed " + id + " " + std::to_string(status));
  }
  void OnOfferStale(const call::CallId& id, const call::DialogId&) override { events.push_back("offer stale " + id); }
  void OnLocationAnswered(const call::CallId& id, int status) override {
    events.push_back("location " + id + " " + std::to_string(status));
  }
  void OnReplaced(const call::CallId& id, const call::DialogId& dialog, call::Party party) override {
    events.push_back("replaced " + id + " " + dialog + " " + party.uri);
  }
  void OnReferral(const call::CallId& id, call::Referral value) override {
    referral = std::move(value);
    events.push_back("referral " + id + ' ' + referral->target_uri);
  }
  void OnDevices(const call::CallId& id, std::vector<call::RegisteredDevice> found) override {
    devices = std::move(found);
    events.push_back("devices " + id);
  }
  void OnReferred(const call::CallId& id, int status, std::string phrase) override {
    events.push_back("referred " + id + " " + std::to_string(status) + (phrase.empty() ? "" : " " + phrase));
  }
  void OnDigit(const call::CallId& id, char digit, int duration_ms) override {
    events.push_back("digit " + id + " " + digit + " " + std::to_string(duration_ms));
  }
  void OnEnded(const call::CallId& id, call::EndReason reason) override {
    End("ended " + id + " " + std::to_string(reason.sip_status), reason);
  }
  void OnDialogChanged(const call::CallId& id, std::string snapshot, std::string) override {
    snapshots[id] = std::move(snapshot);
    events.push_back("changed " + id);
  }

  void OnRegistered(const std::string& id, registration::SipRegistered value) override {
    registered = std::move(value);
    events.push_back("registered " + id);
  }
  void OnRegisterFailed(const std::string& id, registration::SipRegisterFailure value) override {
    failure = std::move(value);
    events.push_back("register failed " + id + " " + std::to_string(failure->status_code) +
                     (failure->is_final ? " final" : ""));
  }
  void OnDeregisterDone(const std::string& id) override { events.push_back("deregistered " + id); }
  void OnNetworkDeregistered(const std::string& id, registration::SipDeregistered value) override {
    events.push_back("network deregistered " + id + " " + std::to_string(static_cast<int>(value.event)));
  }

 private:
  void Add(const std::string& line, const std::optional<std::string>& sdp) {
    events.push_back(line);
    sdps[line] = sdp.value_or("");
  }
  void End(const std::string& line, const call::EndReason& reason) {
    last_reason = reason;
    events.push_back(line);
  }

  TestStrand& strand_;
};

class OnePassword : public CredentialSource {
 public:
  std::optional<std::string> Password(const std::string& impi) override {
    if (impi.find("nobody") != std::string::npos || isim) return std::nullopt;
    return "secret";
  }
  std::optional<auth::AkaAnswer> Authenticate(const std::string&, const auth::AkaChallenge& challenge) override {
    return isim ? std::optional(isim->Authenticate(challenge)) : std::nullopt;
  }
  uint64_t SequenceNumber(const std::string&) override { return isim ? isim->highest_sequence_number() : 0; }
  void RestoreSequenceNumber(const std::string&, uint64_t highest) override {
    if (isim) isim->Restore(highest);
  }

  std::optional<auth::SoftwareIsim> isim;  // then the number has no password
};

inline constexpr const char* kOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=offer\r\n";
inline constexpr const char* kAnswer = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=answer\r\n";
inline constexpr const char* kOffer2 = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=offer2\r\n";
inline constexpr const char* kAnswer2 = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=answer2\r\n";

// A stack, its strand and a P-CSCF of the test.
class StackFixture : public testing::Test {
 protected:
  // `address`: of both, IPv6 in brackets.
  explicit StackFixture(const std::string& address = "127.0.0.1") : recorder_(strand_), host_(address), peer_(address) {
    config_.local_address = address.starts_with("[") ? address.substr(1, address.size() - 2) : address;
    config_.local_port = FreePort();
    config_.home_domain = "ims.test";
    config_.next_hops = {peer_.uri()};
    config_.udp_mtu = 65535;
    config_.reg_event = false;
    config_.access_network_info = "IEEE-802.11;i-wlan-node-id=000000000000";
  }
  ~StackFixture() override {
    if (stack_) stack_->Stop();
  }

  // A port of 127.0.0.1 that no other test process of this host uses at the moment.
  static uint16_t FreePort();

  void StartStack() {
    stack_ = std::make_unique<SipStack>(config_, strand_.Executor(), &passwords_);
    const auto error = stack_->Start(&recorder_, &recorder_);
    ASSERT_FALSE(error) << *error;
  }
  // A new process takes over the port.
  void RestartStack() {
    stack_->Stop();
    stack_.reset();
    StartStack();
  }
  uint64_t Count(SipCounter counter) const { return stack_->counters().Get(counter); }
  uint64_t Requests(TrafficDirection direction, std::string_view method) const {
    return stack_->counters().traffic.Requests(direction, SipTraffic::MethodIndex(method));
  }
  uint64_t Responses(TrafficDirection direction, std::string_view method, int status) const {
    return stack_->counters().traffic.Responses(direction, SipTraffic::MethodIndex(method),
                                                SipTraffic::StatusIndex(status));
  }
  void ExpectResponses(TrafficDirection direction, std::string_view method, int status, uint64_t value) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (Responses(direction, method, status) < value && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_EQ(Responses(direction, method, status), value) << method << ' ' << status;
  }
  // Things that only the counters tell.
  void ExpectCount(SipCounter counter, uint64_t value) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (Count(counter) < value && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_EQ(Count(counter), value) << ToString(counter);
  }
  std::string ContactUri(const std::string& token = "TOKEN") const {
    return "sip:" + token + "@" + host_ + ":" + std::to_string(config_.local_port);
  }
  void SendToStack(const PeerRequest& request) { peer_.SendTo(host_, config_.local_port, Wire(peer_, request)); }

  static registration::SipRegistration Registration(const std::string& id = "r1") {
    return {.id = id,
            .impu = "sip:+34600000001@ims.test",
            .impi = "+34600000001@ims.test",
            .instance_id = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            .contact_token = "TOKEN",
            .expires = std::chrono::seconds(600000)};
  }
  std::string AcceptHeaders(int expires = 600000) const {
    return "Contact: <" + ContactUri() + ">;expires=" + std::to_string(expires) +
           "\r\nService-Route: <sip:orig@127.0.0.20:5060;lr>\r\nPath: <sip:term@127.0.0.10;lr>\r\n"
           "P-Associated-URI: <sip:+34600000001@ims.test>, <tel:+34600000001>\r\n";
  }
  // Brings the stack to a registered state without a network: as after a restart.
  void RestoreRegistration() {
    stack_->registrar().Restore(Registration(), {.expires = std::chrono::seconds(3600),
                                                 .next_hop = peer_.uri(),
                                                 .service_route = {"<sip:orig@127.0.0.20:5060;lr>"},
                                                 .associated_uris = {"sip:+34600000001@ims.test"},
                                                 .snapshot = ""});
    Settle();
  }
  // Commands run in order: when this one is through, so are those before it. Needed where a message
  // of the peer must not overtake a command.
  void Settle() {
    stack_->registrar().Deregister("barrier");
    recorder_.Expect("deregistered barrier");
    std::erase(recorder_.events, "deregistered barrier");
  }
  call::OutgoingInvite Outgoing(const std::string& call_id = "out-1") const {
    call::OutgoingInvite invite;
    invite.call_id = call_id;
    invite.binding = {.registration_id = "r1",
                      .impu = "sip:+34600000001@ims.test",
                      .contact_token = "TOKEN",
                      .instance_id = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                      .next_hop = peer_.uri(),
                      .service_route = {"<sip:orig@127.0.0.20:5060;lr>"},
                      .associated_uris = {"sip:+34600000001@ims.test", "tel:+34600000001"}};
    invite.target_uri = "tel:+34600000002";
    invite.sdp = kOffer;
    return invite;
  }
  // Headers of the callee in responses and requests: its Contact is the peer itself.
  std::string CalleeHeaders(const std::string& more = "") const {
    return "Contact: <" + peer_.uri() + ">\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n" + more;
  }

  TestStrand strand_;
  Recorder recorder_;
  OnePassword passwords_;
  const std::string host_;
  FakePeer peer_;
  SipConfig config_;
  std::unique_ptr<SipStack> stack_;
};

}  // namespace byon::sip::test
