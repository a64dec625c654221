#include "controlplane/sip/shard.h"

#include "controlplane/sip/request_policy.h"

namespace byon::sip {
namespace {

constexpr size_t kMinBranchLength = 8;  // the magic cookie and something behind it

constexpr std::chrono::milliseconds kTlsSweep{1000};
constexpr std::chrono::milliseconds kReconnectDelay{30000};

std::vector<IpAddress> AllowedPeers(const SipConfig& config, const HopList& hops) {
  std::vector<IpAddress> allowed;
  const auto allow = [&allowed](const std::string& hop) {
    const auto uri = ParseUri(hop);
    if (const auto address = uri ? IpAddress::Parse(uri->host) : std::nullopt) allowed.push_back(*address);
  };
  for (size_t hop = 0; hop < hops.size(); ++hop) allow(hops.uri(hop));
  for (const std::string& hop : config.trunk.next_hops) allow(hop);
  for (const std::string& hop : config.emergency_next_hops) allow(hop);
  for (const std::string& peer : config.allowed_peers) {
    if (const auto address = IpAddress::Parse(peer)) allowed.push_back(*address);
  }
  return allowed;
}

// The other network's elements are its own, not the core's. One at an address that is the core's too is the core's.
std::map<IpAddress, std::string> TrunkNames(const SipConfig& config) {
  std::map<IpAddress, std::string> names;
  if (config.trunk.domain.empty()) return names;
  const auto address_of = [](const std::string& hop) {
    const auto uri = ParseUri(hop);
    return uri ? IpAddress::Parse(uri->host) : std::nullopt;
  };
  for (const std::string& hop : config.trunk.next_hops) {
    if (const auto address = address_of(hop)) names[*address] = config.trunk.domain;
  }
  for (const std::string& hop : config.next_hops) {
    if (const auto address = address_of(hop)) names.erase(*address);
  }
  return names;
}

}  // namespace

Shard::Shard(const SipConfig& config, unsigned index, SipCounters& counters, CredentialSource* credentials, Hooks hooks)
    : counters_(counters),
      hooks_(std::move(hooks)),
      peers_({}, config.requests_per_second_per_peer),
      hop_list_(config.next_hops),
      hops_(hop_list_.size()),
      trunk_hops_(config.trunk.next_hops.size()),
      emergency_hops_(config.emergency_next_hops.size()),
      restored_(config.waits_for_restore ? Restored::kNothing : Restored::kAll),
      transactions_(config, index, counters, *this),
      context_{.config = config,
               .shard = index,
               .counters = counters,
               .credentials = credentials,
               .thread = thread_,
               .transactions = transactions_,
               .peers = peers_,
               .hop_list = hop_list_,
               .hops = hops_,
               .trunk_hops = trunk_hops_,
               .emergency_hops = emergency_hops_,
               .call_hold = call_hold_,
               .notify_calls = hooks_.notify_calls,
               .notify_registrations = hooks_.notify_registrations,
               .on_binding_gone = hooks_.on_binding_gone,
               .dialog_contact = nullptr,
               .on_hops_changed = [this] { HandleHopsChanged(); },
               .tls_refusal = nullptr} {
  peers_.SetAllowed(AllowedPeers(config, hop_list_));
}

Shard::~Shard() { Stop(); }

bool Shard::Start() {
  thread_.Start();
  bool is_open = false;
  thread_.PostAndWait([&] {
    registrations_ = std::make_unique<RegistrationClient>(context_);
    context_.dialog_contact = [this](const std::string& token) { return registrations_->DialogContactOf(token); };
    calls_ = std::make_unique<CallTable>(context_, *registrations_);
    calls_->on_incoming = [this](uint64_t key, call::IncomingInvite invite) {
      hooks_.on_incoming(context_.shard, key, std::move(invite));
    };
    calls_->on_gone = hooks_.on_gone;
    pager_ = std::make_unique<Pager>(context_, *registrations_);
    pager_->on_page = [this](uint64_t key, messaging::IncomingPage page) {
      const messaging::PageHandle handle{context_.shard, key};
      hooks_.notify_pager(
          [handle, page = std::move(page)](messaging::PagerObserver& observer) { observer.OnPage(handle, page); });
    };
    pager_->on_answered = [this](std::string id, int status, std::string phrase) {
      hooks_.notify_pager(
          [id, status, phrase](messaging::PagerObserver& observer) { observer.OnPageAnswered(id, status, phrase); });
    };
    events_ = std::make_unique<EventClient>(context_, *registrations_);
    events_->notify = hooks_.notify_events;
    devices_ = std::make_unique<DeviceFinder>(context_, *registrations_);
    if (context_.config.tls) OpenTls();
    is_open = transactions_.Open(thread_.root());
    if (is_open) {
      monitor_ = std::make_unique<HopMonitor>(context_, [this](size_t hop) { registrations_->MoveAwayFrom(hop); });
    }
  });
  if (!is_open) Stop();
  return is_open;
}

void Shard::Stop() {
  thread_.Stop([this] {
    // First of all, so that no transaction is answered because it is taken down.
    transactions_.Close();
    devices_.reset();
    events_.reset();
    pager_.reset();
    calls_.reset();
    monitor_.reset();
    registrations_.reset();
    tls_timer_.reset();
    tls_.reset();
  });
}

void Shard::OpenTls() {
  const SipConfig& config = context_.config;
  tls_ = std::make_unique<TlsSessions>(config.tls->peer_name.empty() ? config.home_domain : config.tls->peer_name,
                                       TrunkNames(config));
  tls_->may_connect = [this](const IpAddress& peer) { return peers_.IsAllowed(peer); };
  tls_->on_stranger = [this] { counters_.Add(SipCounter::kDroppedUnknownPeer); };
  tls_->on_refused = [this] { counters_.Add(SipCounter::kTlsRefused); };
  tls_->on_connection_lost = [this](const IpAddress& peer) { HandleConnectionLost(peer); };
  context_.tls_refusal = [this] { return tls_->RecentRefusal(SipThread::Clock::now()); };
  tls_timer_ = std::make_unique<ScopedTimer>(thread_);
  SweepTls();
}

void Shard::SweepTls() {
  tls_->Sweep(SipThread::Clock::now());
  tls_timer_->Set(kTlsSweep, [this] { SweepTls(); });
}

void Shard::HandleConnectionLost(const IpAddress& peer) {
  counters_.Add(SipCounter::kConnectionLost);
  const auto now = SipThread::Clock::now();
  const auto last = connection_lost_at_.find(peer);
  // A peer that takes connections only to drop them is not asked all the time (RFC 5626 section 4.5).
  const bool is_again = last != connection_lost_at_.end() && now - last->second < 2 * kReconnectDelay;
  connection_lost_at_[peer] = now;
  for (size_t hop = 0; hop < hop_list_.size(); ++hop) {
    const auto uri = ParseUri(hop_list_.uri(hop));
    const auto address = uri ? IpAddress::Parse(uri->host) : std::nullopt;
    if (address != peer) continue;
    registrations_->RenewThrough(hop, is_again ? kReconnectDelay : std::chrono::milliseconds(0));
  }
}

void Shard::PostNextHops(std::vector<std::string> best_first) {
  thread_.Post([this, best_first = std::move(best_first)] {
    for (const size_t hop : hop_list_.Replace(best_first, registrations_->HopsInUse())) {
      hops_.Forget(hop);
      monitor_->Forget(hop);
    }
    HandleHopsChanged();
    registrations_->HandleHopsChanged();
    monitor_->Update();
  });
}

void Shard::HandleHopsChanged() {
  hops_.SetOrder(hop_list_.size(), hop_list_.listed());
  peers_.SetAllowed(AllowedPeers(context_.config, hop_list_));
}

void Shard::PostRestored(Restored what) {
  thread_.Post([this, what] {
    restored_ = what;
    // Bindings that were read after the list of P-CSCFs was found may be through one that is not on it.
    if (what == Restored::kAll) registrations_->HandleHopsChanged();
  });
}

void Shard::PostCalls(std::function<void(CallTable&)> task) {
  thread_.Post([this, run = std::move(task)] { run(*calls_); });
}

void Shard::PostRegistrations(std::function<void(RegistrationClient&)> task) {
  thread_.Post([this, run = std::move(task)] { run(*registrations_); });
}

void Shard::PostPager(std::function<void(Pager&)> task) {
  thread_.Post([this, run = std::move(task)] { run(*pager_); });
}

void Shard::PostDevices(std::function<void(DeviceFinder&)> task) {
  thread_.Post([this, run = std::move(task)] { run(*devices_); });
}

void Shard::PostEvents(std::function<void(EventClient&)> task) {
  thread_.Post([this, run = std::move(task)] { run(*events_); });
}

MessageSink::Admission Shard::Admit(const IpAddress& source, const MessageView& request, std::string_view branch) {
  // A flood must not keep an emergency service from calling back.
  const bool is_new = request.is_request() && request.to_tag().empty() && !IsPsapCallback(request);
  switch (peers_.Check(source, is_new ? PeerFilter::Request::kNew : PeerFilter::Request::kInDialog,
                       SipThread::Clock::now())) {
    case PeerFilter::Verdict::kUnknownPeer: counters_.Add(SipCounter::kDroppedUnknownPeer); return Admission::kDrop;
    case PeerFilter::Verdict::kRateLimited: counters_.Add(SipCounter::kDroppedRateLimited); return Admission::kDrop;
    case PeerFilter::Verdict::kBusy: counters_.Add(SipCounter::kRefusedRateLimited); return Admission::kBusy;
    case PeerFilter::Verdict::kAccept: break;
  }
  if (!request.is_request()) {
    // The answer to a re-INVITE of the process before: who is told that there is no such call would lose it. It comes
    // again.
    const bool are_dialogs_known = restored_ != Restored::kNothing;
    if (!are_dialogs_known) counters_.Add(SipCounter::kDroppedNotRestored);
    return are_dialogs_known ? Admission::kTake : Admission::kDrop;
  }
  if (branch.size() < kMinBranchLength || !EqualsIgnoringCase(branch.substr(0, 7), "z9hG4bK")) {
    counters_.Add(SipCounter::kDroppedBadBranch);
    return Admission::kDrop;
  }
  // What belongs to a dialog that may come back is not told that there is none: over UDP its peer asks again. Over a
  // connection it does not, and is told when to (HandleRequest).
  const bool is_repeated = request.Header("Via").value_or("").starts_with("SIP/2.0/UDP");
  if (restored_ == Restored::kNothing && !request.to_tag().empty() && (is_repeated || request.method() == "ACK")) {
    counters_.Add(SipCounter::kDroppedNotRestored);
    return Admission::kDrop;
  }
  return Admission::kTake;
}

// For a number that may be registered but is not known again yet: 404 would be final.
bool Shard::MayBeRestoredYet(const MessageView& request) const {
  if (restored_ == Restored::kAll) return false;
  const auto uri = ParseUri(request.request_uri());
  return !uri || !registrations_->KnowsToken(uri->user);
}

void Shard::HandleRequest(std::unique_ptr<ServerTransaction> transaction, const MessageView& request) {
  const std::string method = request.method();
  // A CANCEL that found its INVITE was answered below.
  if (method == "CANCEL") return RefuseNoDialog(context_, *transaction);
  if (RefuseUnprocessable(context_, *transaction, request)) return;
  if (restored_ == Restored::kNothing && method != "OPTIONS") return RefuseUntilRestored(context_, *transaction, 503);
  if (!request.to_tag().empty()) {
    if (calls_->HandleInDialog(transaction, request)) return;
    if (method == "NOTIFY") transaction->SetAccessNetworkInfo(context_.config.access_network_info);
    if (method == "NOTIFY" && registrations_->HandleNotify(*transaction, request)) return;
    if (method == "NOTIFY" && events_->HandleNotify(*transaction, request)) return;
    if (method == "NOTIFY" && devices_->HandleNotify(*transaction, request)) return;
    transaction->SetAccessNetworkInfo({});
    // A subscription rests with its registration.
    if (method == "NOTIFY" && restored_ != Restored::kAll) return RefuseUntilRestored(context_, *transaction, 500);
    return RefuseNoDialog(context_, *transaction);
  }
  if ((method == "INVITE" || method == "MESSAGE") && MayBeRestoredYet(request))
    return RefuseUntilRestored(context_, *transaction, 480);
  if (method == "INVITE") return calls_->HandleInvite(std::move(transaction), request);
  if (method == "MESSAGE") return pager_->HandleMessage(std::move(transaction), request);
  RefuseMethod(context_, *transaction, request);
}

}  // namespace byon::sip
