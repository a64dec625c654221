#include "controlplane/sip/sip_stack.h"

#include <functional>
#include <map>
#include <vector>

#include "controlplane/sip/shard.h"
#include "controlplane/sip/text/dialog_state.h"
#include "controlplane/sip/text/field_text.h"
#include "controlplane/sip/tls/tls_files.h"
#include "dataplane/base/check.h"

namespace byon::sip {

using call::CallId;
using call::DialogId;
using call::EndReason;
using registration::RegistrationId;
using registration::SipRegistered;
using registration::SipRegistration;

namespace {

constexpr size_t kRestoredAhead = 1000;

}  // namespace

// The strand's side: knows which shard has which call and registration, and turns calls of the two
// interfaces into messages to the shards and back.
class SipStack::Facade : public call::SipSignaling,
                         public registration::SipRegistrar,
                         public messaging::PagerSignaling,
                         public presence::EventSignaling {
 public:
  Facade(SipConfig config, Executor post, CredentialSource* credentials)
      : config_(std::move(config)), post_(std::move(post)), credentials_(credentials) {}

  std::optional<std::string> Start(call::SipSignalingObserver* calls,
                                   registration::SipRegistrarObserver* registrations) {
    if (auto error = Validate(config_)) return error;
    if (config_.tls) {
      if (auto error = CheckTlsFiles(*config_.tls)) return error;
    }
    calls_ = calls;
    registrations_ = registrations;
    is_alive_ = std::make_shared<bool>(true);
    for (unsigned i = 0; i < config_.shards; ++i) {
      shards_.push_back(std::make_unique<Shard>(config_, i, counters, credentials_, MakeHooks()));
      if (shards_.back()->Start()) continue;
      Stop();
      return std::string("sip.local_address: cannot bind ") + (config_.tls ? "TLS" : "UDP and TCP") + " port " +
             std::to_string(config_.local_port + i) + " of " + config_.local_address;
    }
    return std::nullopt;
  }

  void Stop() {
    if (is_alive_) *is_alive_ = false;
    for (auto& shard : shards_) shard->Stop();
    shards_.clear();
  }

  void SetNextHops(const std::vector<std::string>& best_first) {
    if (best_first.empty()) return;
    for (auto& shard : shards_) shard->PostNextHops(best_first);
  }
  void SetRestored(Shard::Restored what) {
    for (auto& shard : shards_) shard->PostRestored(what);
  }

  // ---- SipSignaling

  void Invite(call::OutgoingInvite invite) override {
    if (shards_.empty()) return;
    const unsigned shard = ShardOf(invite.binding.impu, invite.binding.registration_id);
    call_shards_[invite.call_id] = shard;
    shards_[shard]->PostCalls([invite = std::move(invite)](CallTable& table) { table.Invite(invite); });
  }
  void Cancel(const CallId& call_id, const EndReason& reason) override {
    WithCall(call_id, [reason](Call& call) { call.Cancel(reason); });
  }
  void SendProgress(const CallId& call_id, int status_code, std::optional<std::string> sdp) override {
    WithCall(call_id, [=](Call& call) { call.SendProgress(status_code, sdp); });
  }
  void Accept(const CallId& call_id, std::string sdp) override {
    WithCall(call_id, [=](Call& call) { call.Accept(sdp); });
  }
  void Reject(const CallId& call_id, int status_code, const EndReason& reason) override {
    WithCall(call_id, [=](Call& call) { call.Reject(status_code, reason); });
  }
  void SendOffer(const CallId& call_id, const DialogId& dialog_id, std::string sdp) override {
    WithCall(call_id, [=](Call& call) { call.SendOffer(dialog_id, sdp); });
  }
  void SendAnswer(const CallId& call_id, const DialogId& dialog_id, std::optional<std::string> sdp) override {
    WithCall(call_id, [=](Call& call) { call.SendAnswer(dialog_id, sdp); });
  }
  void SendDigits(const CallId& call_id, const std::string& digits) override {
    WithCall(call_id, [digits](Call& call) { call.SendDigits(digits); });
  }
  void SendLocation(const CallId& call_id, const DialogId& dialog_id, std::string document) override {
    WithCall(call_id, [=](Call& call) { call.SendLocation(dialog_id, document); });
  }
  void AnswerReferral(const CallId& call_id, int status_code) override {
    WithCall(call_id, [status_code](Call& call) { call.AnswerReferral(status_code); });
  }
  void ReportReferral(const CallId& call_id, int status_code, const std::string& phrase) override {
    WithCall(call_id, [status_code, phrase](Call& call) { call.ReportReferral(status_code, phrase); });
  }
  void Bye(const CallId& call_id, const EndReason& reason) override {
    WithCall(call_id, [reason](Call& call) { call.Bye(reason); });
  }
  void FindDevices(const CallId& call_id, const call::SipBinding& binding) override {
    if (shards_.empty()) return;
    shards_[ShardOf(binding.impu, binding.registration_id)]->PostDevices(
        [call_id, binding](DeviceFinder& finder) { finder.Find(call_id, binding); });
  }
  // Where the dialog is that it names; one that is gone is missed there.
  void Refer(call::OutgoingReferral referral) override {
    if (shards_.empty()) return;
    const auto found = call_shards_.find(referral.named);
    const unsigned shard =
        found != call_shards_.end() ? found->second : ShardOf(referral.binding.impu, referral.binding.registration_id);
    shards_[shard]->PostCalls([referral = std::move(referral)](CallTable& table) { table.refers().Refer(referral); });
  }
  void LeaveReferral(const CallId& id) override {
    for (auto& shard : shards_) {
      shard->PostCalls([id](CallTable& table) { table.refers().Leave(id); });
    }
  }
  void Restore(const CallId& call_id, const std::string& dialog_snapshot) override {
    auto state = ParseDialog(dialog_snapshot);
    if (!state || state->shard >= shards_.size()) {
      // Not from inside the caller: the observer hears of it like of everything else.
      PostToStrand([this, call_id] {
        calls_->OnEnded(call_id, {.sip_status = 500, .q850_cause = 0, .text = "Snapshot unusable"});
      });
      return;
    }
    call_shards_[call_id] = state->shard;
    shards_[state->shard]->PostCalls(
        [call_id, state = std::move(*state)](CallTable& table) { table.Restore(call_id, state); });
  }

  // ---- SipRegistrar

  void Register(const SipRegistration& registration) override {
    if (shards_.empty()) return;
    const unsigned shard = ShardOf(registration.impu, registration.id);
    shards_[shard]->PostRegistrations([registration](RegistrationClient& client) { client.Register(registration); });
  }
  void Deregister(const RegistrationId& id) override {
    if (shards_.empty()) return;
    const unsigned shard = ShardOf({}, id);
    moved_registrations_.erase(id);
    shards_[shard]->PostEvents([id](EventClient& client) { client.Deregister(id); });
  }
  void Restore(const SipRegistration& registration, const SipRegistered& registered) override {
    if (shards_.empty()) return;
    const auto shard = static_cast<unsigned>(
        ShardOfSnapshot(registered.snapshot).value_or(ShardOf(registration.impu, registration.id)));
    if (shard != ShardOf(registration.impu, registration.id)) moved_registrations_[registration.id] = shard;
    shards_[shard]->PostRegistrations(
        [registration, registered](RegistrationClient& client) { client.Restore(registration, registered); });
    // A million of them are read from the store faster than they are put to rest; in between each takes some kilobytes.
    if (++restored_ % kRestoredAhead == 0) shards_[shard]->WaitForPosted();
  }

  // ---- PagerSignaling

  void Send(messaging::OutgoingPage page) override {
    if (shards_.empty()) return;
    const unsigned shard = ShardOf(page.binding.impu, page.binding.registration_id);
    shards_[shard]->PostPager([page = std::move(page)](Pager& pager) { pager.Send(page); });
  }
  void Answer(const messaging::PageHandle& handle, int status) override {
    if (handle.shard >= shards_.size()) return;
    shards_[handle.shard]->PostPager([key = handle.key, status](Pager& pager) { pager.Answer(key, status); });
  }

  // ---- EventSignaling

  void Watch(presence::WatchRequest request) override {
    if (shards_.empty()) return;
    const unsigned shard = ShardOf(request.binding.impu, request.binding.registration_id);
    // The number's registrations may be spread over shards: the old one lets go.
    const auto known = event_shards_.find(request.id);
    if (known != event_shards_.end() && known->second != shard) Unwatch(request.id);
    event_shards_[request.id] = shard;
    shards_[shard]->PostEvents([request = std::move(request)](EventClient& client) { client.Watch(request); });
  }
  void Unwatch(const std::string& id) override {
    const auto known = event_shards_.extract(id);
    if (known.empty() || shards_.empty()) return;
    shards_[known.mapped()]->PostEvents([id](EventClient& client) { client.Unwatch(id); });
  }
  void Publish(presence::Publication publication) override {
    if (shards_.empty()) return;
    const unsigned shard = ShardOf(publication.binding.impu, publication.binding.registration_id);
    const auto known = event_shards_.find(publication.id);
    if (known != event_shards_.end() && known->second != shard) Unpublish(publication.id);
    event_shards_[publication.id] = shard;
    shards_[shard]->PostEvents(
        [publication = std::move(publication)](EventClient& client) { client.Publish(publication); });
  }
  void Unpublish(const std::string& id) override {
    const auto known = event_shards_.extract(id);
    if (known.empty() || shards_.empty()) return;
    shards_[known.mapped()]->PostEvents([id](EventClient& client) { client.Unpublish(id); });
  }

  void SetObservers(messaging::PagerObserver* pages, presence::EventObserver* events) {
    pages_ = pages;
    events_ = events;
  }

  SipCounters counters;

 private:
  // A binding keeps its shard, whose port is in its Contact, over restarts with another number of shards.
  unsigned ShardOf(const std::string& impu, const RegistrationId& id) const {
    const auto moved = moved_registrations_.find(id);
    if (moved != moved_registrations_.end()) return moved->second;
    return static_cast<unsigned>(std::hash<std::string>()(id.empty() ? impu : id) % shards_.size());
  }
  std::optional<uint64_t> ShardOfSnapshot(const std::string& snapshot) const {
    auto reader = FieldReader::Parse("byon-sip-registration 1", snapshot);
    if (!reader) return std::nullopt;
    const uint64_t shard = reader->Number("shard", shards_.size() - 1);
    return reader->ok() ? std::optional(shard) : std::nullopt;
  }

  void PostToStrand(std::function<void()> task) {
    post_([is_alive = is_alive_, run = std::move(task)] {
      if (*is_alive) run();
    });
  }

  Shard::Hooks MakeHooks() {
    return {.notify_calls =
                [this](std::function<void(call::SipSignalingObserver&)> run) {
                  PostToStrand([this, run = std::move(run)] { run(*calls_); });
                },
            .notify_registrations =
                [this](std::function<void(registration::SipRegistrarObserver&)> run) {
                  PostToStrand([this, run = std::move(run)] { run(*registrations_); });
                },
            .on_incoming =
                [this](unsigned shard, uint64_t key, call::IncomingInvite invite) {
                  PostToStrand([this, shard, key, invite = std::move(invite)]() mutable {
                    ShowIncoming(shard, key, std::move(invite));
                  });
                },
            .notify_pager =
                [this](std::function<void(messaging::PagerObserver&)> run) {
                  PostToStrand([this, run = std::move(run)] { run(pages_ != nullptr ? *pages_ : nobody_); });
                },
            .notify_events =
                [this](std::function<void(presence::EventObserver&)> run) {
                  PostToStrand([this, run = std::move(run)] {
                    if (events_ != nullptr) run(*events_);
                  });
                },
            .on_gone = [this](CallId id) { PostToStrand([this, id = std::move(id)] { call_shards_.erase(id); }); },
            .on_binding_gone =
                [this](RegistrationId id) {
                  PostToStrand([this, id = std::move(id)] { moved_registrations_.erase(id); });
                }};
  }

  // The observer may use the id it is about to return: those commands wait for it.
  void ShowIncoming(unsigned shard, uint64_t key, call::IncomingInvite invite) {
    is_showing_incoming_ = true;
    const std::optional<CallId> id = calls_->OnIncomingInvite(std::move(invite));
    is_showing_incoming_ = false;
    if (id) call_shards_[*id] = shard;
    shards_[shard]->PostCalls([key, id](CallTable& table) { table.AssignId(key, id); });
    auto early = std::move(early_commands_);
    early_commands_.clear();
    for (auto& [call_id, command] : early) WithCall(call_id, std::move(command));
  }

  void WithCall(const CallId& call_id, std::function<void(Call&)> command) {
    const auto found = call_shards_.find(call_id);
    if (found == call_shards_.end()) {
      if (is_showing_incoming_) early_commands_.emplace_back(call_id, std::move(command));
      return;
    }
    if (shards_.empty()) return;
    shards_[found->second]->PostCalls([call_id, run = std::move(command)](CallTable& table) {
      if (Call* call = table.FindById(call_id)) run(*call);
    });
  }

  // Where nobody takes messages, none is swallowed.
  class Nobody : public messaging::PagerObserver {
   public:
    explicit Nobody(messaging::PagerSignaling& pager) : pager_(pager) {}
    void OnPage(messaging::PageHandle handle, messaging::IncomingPage) override { pager_.Answer(handle, 480); }
    void OnPageAnswered(const std::string&, int, std::string) override {}

   private:
    messaging::PagerSignaling& pager_;
  };

  const SipConfig config_;
  const Executor post_;
  CredentialSource* const credentials_;
  call::SipSignalingObserver* calls_ = nullptr;
  registration::SipRegistrarObserver* registrations_ = nullptr;
  messaging::PagerObserver* pages_ = nullptr;
  presence::EventObserver* events_ = nullptr;
  Nobody nobody_{*this};
  std::shared_ptr<bool> is_alive_;  // read and written on the strand only
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<CallId, unsigned> call_shards_;
  size_t restored_ = 0;
  std::map<RegistrationId, unsigned> moved_registrations_;  // shards other than by their ids
  std::map<std::string, unsigned> event_shards_;            // of watches and publications
  bool is_showing_incoming_ = false;
  std::vector<std::pair<CallId, std::function<void(Call&)>>> early_commands_;
};

SipStack::SipStack(SipConfig config, Executor post, CredentialSource* credentials)
    : facade_(std::make_unique<Facade>(std::move(config), std::move(post), credentials)) {}

SipStack::~SipStack() { Stop(); }

std::optional<std::string> SipStack::Start(call::SipSignalingObserver* calls,
                                           registration::SipRegistrarObserver* registrations) {
  return facade_->Start(calls, registrations);
}

void SipStack::SetNextHops(const std::vector<std::string>& best_first) { facade_->SetNextHops(best_first); }
void SipStack::SetDialogsRestored() { facade_->SetRestored(Shard::Restored::kDialogs); }
void SipStack::SetRestored() { facade_->SetRestored(Shard::Restored::kAll); }
void SipStack::Stop() { facade_->Stop(); }
call::SipSignaling& SipStack::signaling() { return *facade_; }
registration::SipRegistrar& SipStack::registrar() { return *facade_; }
void SipStack::SetObservers(messaging::PagerObserver* pages, presence::EventObserver* events) {
  facade_->SetObservers(pages, events);
}
messaging::PagerSignaling& SipStack::pager() { return *facade_; }
presence::EventSignaling& SipStack::events() { return *facade_; }
const SipCounters& SipStack::counters() const { return facade_->counters; }

}  // namespace byon::sip
