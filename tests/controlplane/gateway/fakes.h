#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/gateway/gateway.h"
#include "tests/controlplane/call/call_harness.h"

// A gateway with everything around it faked, and a clock that the test moves.
namespace byon::gateway {

class FakeClock final : public Clock {
 public:
  call::Now now{std::chrono::steady_clock::time_point(std::chrono::hours(1)),
                std::chrono::system_clock::time_point(std::chrono::hours(500000))};
  call::Now Read() const override { return now; }
};

class FakeIds final : public IdSource {
 public:
  std::string NewId() override { return "id" + std::to_string(++last_); }
  uint64_t NewNumber() override { return ++last_; }

 private:
  uint64_t last_ = 0;
};

class FakeAlarm final : public Alarm {
 public:
  void Set(call::Deadline deadline, std::function<void()> ring) override {
    deadline_ = deadline;
    ring_ = std::move(ring);
  }
  void Cancel() override { ring_ = nullptr; }
  // Rings as often as something is due.
  void RunUntil(call::Deadline now) {
    while (ring_ && deadline_ <= now) std::exchange(ring_, nullptr)();
  }

 private:
  call::Deadline deadline_{};
  std::function<void()> ring_;
};

class FakeSip final : public call::SipSignaling {
 public:
  std::vector<call::OutgoingInvite> invites;
  std::vector<call::OutgoingReferral> referrals;
  std::string last_search;
  std::vector<std::string> log;

  void Invite(call::OutgoingInvite invite) override { invites.push_back(std::move(invite)); }
  void Cancel(const std::string& id, const call::EndReason&) override { log.push_back("cancel " + id); }
  void SendProgress(const std::string&, int code, std::optional<std::string> sdp) override {
    log.push_back("progress " + std::to_string(code) + (sdp ? " sdp" : ""));
  }
  void Accept(const std::string& id, std::string) override { log.push_back("accept " + id); }
  void Reject(const std::string& id, int code, const call::EndReason&) override {
    log.push_back("reject " + std::to_string(code) + ' ' + id);
  }
  void SendOffer(const std::string&, const std::string&, std::string) override { log.push_back("offer"); }
  void SendAnswer(const std::string&, const std::string&, std::optional<std::string> sdp) override {
    log.push_back(sdp ? "answer sdp" : "answer 488");
  }
  std::string location;  // the last that was sent
  void SendLocation(const std::string& id, const std::string& dialog, std::string document) override {
    location = std::move(document);
    log.push_back("location " + dialog + ' ' + id);
  }
  void SendDigits(const std::string& id, const std::string& digits) override {
    log.push_back("digits " + digits + ' ' + id);
  }
  void AnswerReferral(const std::string& id, int status) override {
    log.push_back("refer " + std::to_string(status) + ' ' + id);
  }
  void ReportReferral(const std::string& id, int status, const std::string&) override {
    log.push_back("notify " + std::to_string(status) + ' ' + id);
  }
  void Bye(const std::string& id, const call::EndReason&) override { log.push_back("bye " + id); }
  void FindDevices(const std::string& id, const call::SipBinding& binding) override {
    log.push_back("find devices of " + binding.impu);
    last_search = id;
  }
  void Refer(call::OutgoingReferral referral) override { referrals.push_back(std::move(referral)); }
  void LeaveReferral(const std::string& id) override { log.push_back("leave referral " + id); }
  void Restore(const std::string& id, const std::string& snapshot) override {
    log.push_back("restore " + id + ' ' + snapshot);
  }
};

class FakeRegistrar final : public registration::SipRegistrar {
 public:
  std::vector<registration::SipRegistration> registered;
  std::vector<std::string> log;

  void Register(const registration::SipRegistration& r) override { registered.push_back(r); }
  void Deregister(const std::string& id) override {
    log.push_back("deregister " + id);
    if (on_deregister) on_deregister();
  }
  std::function<void()> on_deregister;
  void Restore(const registration::SipRegistration& r, const registration::SipRegistered& kept) override {
    log.push_back("restore " + r.id + ' ' + kept.snapshot);
  }
};

class FakeMedia final : public call::MediaControl {
 public:
  call::MediaObserver* observer = nullptr;
  std::vector<std::pair<std::string, call::MediaChange>> created;
  std::vector<std::string> log;
  std::vector<std::string> adopted;
  std::string digits;

  void Ready(const std::string& id) { observer->OnMediaReady(id, 0, call::Locals()); }

  void Create(const std::string& id, call::MediaChange initial) override {
    created.emplace_back(id, std::move(initial));
  }
  void Modify(const std::string& id, uint64_t, call::MediaChange) override { log.push_back("modify " + id); }
  void Close(const std::string& id, const std::string&) override { log.push_back("close " + id); }
  void Join(const std::string& id, const std::string& peer,
            std::function<void(std::optional<std::string>)> done) override {
    log.push_back("join " + id + ' ' + peer);
    done(std::nullopt);
  }
  void PlayTone(const std::string&, call::Leg, call::Tone) override { log.push_back("tone"); }
  void Play(const std::string& id, call::Playback playback, std::function<void(call::PlayOutcome)> done) override {
    log.push_back("play " + id + (playback.leg == call::Leg::kIms ? " ims " : " access ") + playback.announcement);
    done(playback.announcement == "unknown" ? call::PlayOutcome::kUnknownAnnouncement : call::PlayOutcome::kDone);
  }
  void SendDtmf(const std::string&, const std::string& d,
                std::function<void(std::optional<std::string>)> done) override {
    digits = d;
    done(std::nullopt);
  }
  void GetStats(const std::string&, std::function<void(std::optional<call::MediaStats>)> done) override {
    call::MediaStats stats;
    stats.ims.packets_sent = 50;
    done(stats);
  }
  void Adopt(std::vector<std::string> calls) override { adopted = std::move(calls); }
};

class FakeStore final : public store::Store {
 public:
  void Put(store::Kind kind, std::string_view key, std::string_view value,
           std::optional<WallTime> expires_at) override {
    std::string name(key);
    records_[{kind, name}] = {name, std::string(value), expires_at};
  }
  void Delete(store::Kind kind, std::string_view key) override { records_.erase({kind, std::string(key)}); }
  void ReadPage(store::Kind kind, std::string after, std::function<void(Page)> done) override {
    Page page;
    for (auto it = records_.upper_bound({kind, after}); it != records_.end() && it->first.first == kind; ++it) {
      page.records.push_back(it->second);
      if (page.records.size() == page_size) page.next = it->first.second;
      if (page.next) break;
    }
    done(std::move(page));
  }
  void ReadKeys(store::Kind kind, std::vector<std::string> keys,
                std::function<void(std::vector<store::Record>)> done) override {
    std::vector<store::Record> found;
    for (const std::string& key : keys) {
      const auto it = records_.find({kind, key});
      if (it != records_.end()) found.push_back(it->second);
    }
    done(std::move(found));
  }
  size_t page_size = 1000;
  void Flush() override {}
  // A slow or a broken disk: kept until the test answers them.
  void AfterWrites(std::function<void(bool)> done) override {
    if (!is_slow) return done(true);
    waiting.push_back(std::move(done));
  }
  void Answer(bool are_safe) {
    for (auto& done : std::exchange(waiting, {})) done(are_safe);
  }
  bool is_slow = false;
  std::vector<std::function<void(bool)>> waiting;
  size_t CountOf(store::Kind kind) { return LoadAll(kind).size(); }
  std::string ValueOf(store::Kind kind, const std::string& key) { return records_.at({kind, key}).value; }

 private:
  std::map<std::pair<store::Kind, std::string>, store::Record> records_;
};

class FakeSubscribers final : public SubscriberDirectory {
 public:
  std::optional<Subscriber> Find(const std::string& number) const override {
    if (!number.starts_with("+34")) return std::nullopt;
    return Subscriber{"sip:" + number + "@ims.example", number + "@ims.example", location};
  }
  emergency::Location location;  // of every line
};

class FakeEvents final : public EventSink {
 public:
  std::vector<std::string> texts;
  std::vector<DeviceKey> devices;
  std::optional<MediaSession> last_session;  // of a status
  EventSink* next = nullptr;                 // hears everything too

  void OnEvent(const DeviceKey& device, const Event& event) override {
    if (next != nullptr) next->OnEvent(device, event);
    devices.push_back(device);
    auto text = [](const MediaSession& s) {
      return std::string(ToString(s.status)) + ' ' + std::to_string(s.sequence_number);
    };
    if (auto* e = std::get_if<SessionInvitation>(&event)) texts.push_back("invitation " + text(e->session));
    if (auto* e = std::get_if<SessionStatus>(&event)) {
      texts.push_back("status " + text(e->session));
      last_session = e->session;
    }
    if (auto* e = std::get_if<RegistrationEnds>(&event)) {
      texts.push_back(e->is_expired ? "ends expired" : "ends terminated");
    }
    if (auto* e = std::get_if<DtmfReceived>(&event)) texts.push_back("dtmf " + e->digit);
    if (auto* e = std::get_if<EmergencyNotice>(&event))
      texts.push_back("emergency " + std::string(call::ToString(e->step)));
    if (auto* e = std::get_if<TransferProgress>(&event)) {
      texts.push_back("transfer " + std::string(call::ToString(e->state)));
    }
    if (auto* e = std::get_if<ReferralProgress>(&event)) {
      texts.push_back("referral " + std::string(call::ToString(e->state)) + ' ' + e->target_address);
    }
  }
};

class World {
 public:
  World() { Build(); }

  FakeClock clock;
  FakeIds ids;
  FakeAlarm alarm;
  FakeSip sip;
  FakeRegistrar registrar;
  FakeMedia media;
  FakeStore store;
  FakeSubscribers subscribers;
  FakeEvents events;
  std::vector<AuditEntry> audit;
  GatewayConfig config{};
  std::unique_ptr<Gateway> gateway;
  Principal user{.client_id = "app",
                 .subject = "alice",
                 .phone_number = "+34600000001",
                 .token_expires_at = clock.now.wall + std::chrono::hours(24)};

  void Build() {
    gateway = std::make_unique<Gateway>(
        config, GatewayPorts{sip, registrar, media, store, subscribers, events, clock, ids, alarm, nullptr, Poster(),
                             [this](const AuditEntry& entry) { audit.push_back(entry); }});
    media.observer = gateway.get();
  }
  std::function<void(std::function<void()>)> Poster() {
    if (!posts) return nullptr;
    return [this](std::function<void()> task) { posted.push_back(std::move(task)); };
  }
  // What waits for the strand, where `posts` was set before Build(): runs so much of it.
  bool RunPosted(size_t count = SIZE_MAX) {
    for (; count > 0 && !posted.empty(); --count) {
      const auto task = std::move(posted.front());
      posted.pop_front();
      task();
    }
    return !posted.empty();
  }
  bool posts = false;
  std::deque<std::function<void()>> posted;

  // The process dies; its successor finds the store and the dataplane as they were.
  void Restart() {
    gateway.reset();
    posted.clear();
    sip.log.clear();
    registrar.log.clear();
    media.log.clear();
    events.texts.clear();
    Build();
    gateway->Restore();
  }
  void Advance(std::chrono::milliseconds time) {
    clock.now.steady += time;
    clock.now.wall += time;
    alarm.RunUntil(clock.now.steady);
  }
  std::shared_ptr<std::optional<Outcome<Registration>>> Register() {
    auto outcome = std::make_shared<std::optional<Outcome<Registration>>>();
    gateway->CreateRegistration(user, {"device", {}, {}},
                                [outcome](Outcome<Registration> o) { *outcome = std::move(o); });
    return outcome;
  }
  void GrantRegistration() {
    registration::SipRegistered granted;
    granted.expires = std::chrono::seconds(7200);
    granted.next_hop = "sip:10.0.0.1:5060;lr";
    granted.service_route = {"<sip:orig@scscf;lr>"};
    granted.snapshot = "snapshot";
    gateway->OnRegistered(registrar.registered.back().id, granted);
  }
  std::string Registered() {
    auto outcome = Register();
    GrantRegistration();
    return std::get<Registration>(**outcome).registration_id;
  }
  CallRequest Request() {
    return {.registration_id = registrar.registered.back().id,
            .originator_address = "tel:+34600000001",
            .receiver_address = "tel:+34600000002",
            .offer_sdp = sdp::kChromiumOffer};
  }
  // A call whose INVITE is out.
  std::string Call() {
    gateway->CreateCall(user, Request(), [](auto) {});
    std::string id = media.created.back().first;
    media.Ready(id);
    return id;
  }
  std::string ConnectedCall(const std::string& answer = call::PhoneSdp()) {
    std::string id = Call();
    gateway->OnAnswered(id, "A", answer);
    gateway->OnAccessConnected(id);
    return id;
  }
  call::Party caller{"tel:+34600000003", "", {true, call::NumberCheck::kUntold}};
  std::string Incoming() {
    call::IncomingInvite invite;
    invite.contact_token = registrar.registered.back().contact_token;
    invite.caller = caller;
    invite.called_uri = "tel:+34600000001";
    invite.sdp = call::PhoneSdp();
    invite.supports_100rel = true;
    auto id = gateway->OnIncomingInvite(std::move(invite));
    Advance(std::chrono::milliseconds(0));
    if (id) media.Ready(*id);
    return id.value_or("");
  }
};

}  // namespace byon::gateway
