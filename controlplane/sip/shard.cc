#include "controlplane/sip/shard.h"

#include "controlplane/sip/request_policy.h"

namespace byon::sip {
namespace {

constexpr size_t kMinBranchLength = 8;  // the magic cookie and something behind it

std::vector<IpAddress> AllowedPeers(const SipConfig& config) {
  std::vector<IpAddress> allowed;
  for (const std::string& hop : config.next_hops) {
    const auto uri = ParseUri(hop);
    if (const auto address = uri ? IpAddress::Parse(uri->host) : std::nullopt) {
      allowed.push_back(*address);
    }
  }
  for (const std::string& peer : config.allowed_peers) {
    if (const auto address = IpAddress::Parse(peer)) allowed.push_back(*address);
  }
  return allowed;
}

}  // namespace

Shard::Shard(const SipConfig& config, unsigned index, SipCounters& counters,
             CredentialSource* credentials, Hooks hooks)
    : counters_(counters),
      hooks_(std::move(hooks)),
      peers_(AllowedPeers(config), config.requests_per_second_per_peer),
      hops_(config.next_hops.size()),
      transactions_(config, index, counters, *this),
      context_{.config = config,
               .shard = index,
               .counters = counters,
               .credentials = credentials,
               .thread = thread_,
               .transactions = transactions_,
               .peers = peers_,
               .hops = hops_,
               .notify_calls = hooks_.notify_calls,
               .notify_registrations = hooks_.notify_registrations,
               .on_binding_gone = hooks_.on_binding_gone} {}

Shard::~Shard() { Stop(); }

bool Shard::Start() {
  thread_.Start();
  bool is_open = false;
  thread_.PostAndWait([&] {
    registrations_ = std::make_unique<RegistrationClient>(context_);
    calls_ = std::make_unique<CallTable>(context_, *registrations_);
    calls_->on_incoming = [this](uint64_t key, call::IncomingInvite invite) {
      hooks_.on_incoming(context_.shard, key, std::move(invite));
    };
    calls_->on_gone = hooks_.on_gone;
    pager_ = std::make_unique<Pager>(context_, *registrations_);
    pager_->on_page = [this](uint64_t key, messaging::IncomingPage page) {
      const messaging::PageHandle handle{context_.shard, key};
      hooks_.notify_pager([handle, page = std::move(page)](messaging::PagerObserver& observer) {
        observer.OnPage(handle, page);
      });
    };
    pager_->on_answered = [this](std::string id, int status, std::string phrase) {
      hooks_.notify_pager([id, status, phrase](messaging::PagerObserver& observer) {
        observer.OnPageAnswered(id, status, phrase);
      });
    };
    events_ = std::make_unique<EventClient>(context_, *registrations_);
    events_->notify = hooks_.notify_events;
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
    events_.reset();
    pager_.reset();
    calls_.reset();
    monitor_.reset();
    registrations_.reset();
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

void Shard::PostEvents(std::function<void(EventClient&)> task) {
  thread_.Post([this, run = std::move(task)] { run(*events_); });
}

bool Shard::Admit(const IpAddress& source, const MessageView& request, std::string_view branch) {
  switch (peers_.Check(source, SipThread::Clock::now())) {
    case PeerFilter::Verdict::kUnknownPeer:
      counters_.Add(SipCounter::kDroppedUnknownPeer);
      return false;
    case PeerFilter::Verdict::kRateLimited:
      counters_.Add(SipCounter::kDroppedRateLimited);
      return false;
    case PeerFilter::Verdict::kAccept:
      break;
  }
  if (!request.is_request()) return true;
  if (branch.size() < kMinBranchLength || !EqualsIgnoringCase(branch.substr(0, 7), "z9hG4bK")) {
    counters_.Add(SipCounter::kDroppedBadBranch);
    return false;
  }
  return true;
}

void Shard::HandleRequest(std::unique_ptr<ServerTransaction> transaction,
                          const MessageView& request) {
  const std::string method = request.method();
  // A CANCEL that found its INVITE was answered below.
  if (method == "CANCEL") return RefuseNoDialog(context_, *transaction);
  if (RefuseUnprocessable(context_, *transaction, request)) return;
  if (!request.to_tag().empty()) {
    if (calls_->HandleInDialog(transaction, request)) return;
    if (method == "NOTIFY" && registrations_->HandleNotify(*transaction, request)) return;
    if (method == "NOTIFY" && events_->HandleNotify(*transaction, request)) return;
    return RefuseNoDialog(context_, *transaction);
  }
  if (method == "INVITE") return calls_->HandleInvite(std::move(transaction), request);
  if (method == "MESSAGE") return pager_->HandleMessage(std::move(transaction), request);
  RefuseMethod(context_, *transaction, request);
}

}  // namespace byon::sip
