// Registrations that register anew without being told to: their P-CSCF or its list has changed, or the network seems to
// have forgotten them.
#include <algorithm>
#include <utility>

#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/text/reginfo.h"

namespace byon::sip {

using registration::RegistrationId;
using registration::SipDeregistered;
using std::chrono::milliseconds;

namespace {

// So many are at work at the same time when those of a P-CSCF register again: a network that answers slowly is not
// overrun.
constexpr size_t kMostRenewing = 2000;
constexpr milliseconds kRenewalTick{20};
constexpr size_t kMostChecksInATick = 10;

// Whether two URIs lead to one element, however its port is written.
bool IsSameElement(const std::string& a, const std::string& b) {
  const auto left = ParseUri(a);
  const auto right = ParseUri(b);
  const auto port = [](const auto& uri) { return uri.port != 0 ? uri.port : uri.scheme == "sips" ? 5061 : 5060; };
  return left && right && EqualsIgnoringCase(left->host, right->host) && port(*left) == port(*right);
}

}  // namespace

void RegistrationClient::RequireInitial(const RegistrationId& id) {
  if (!IsAtRest(id)) return;
  Change(id, [](Binding& binding) { binding.Reset(); });
  reg_events_.Drop(id);  // it went down with the node that held it
}

bool RegistrationClient::IsOfOwnWay(const RegistrationId& id, const MessageView& response) const {
  const auto trusted = RestorationUris(id);
  const auto asserted = response.Headers("P-Asserted-Identity");
  return std::any_of(asserted.begin(), asserted.end(), [&](const std::string& value) {
    const auto who = ParseNameAddr(value);
    return who && std::any_of(trusted.begin(), trusted.end(),
                              [&](const std::string& uri) { return IsSameElement(uri, who->uri); });
  });
}

// A callee can answer so too: only who is on the way of this registration's own requests may send it into a new one.
void RegistrationClient::HeedRestoration(const RegistrationId& id, const MessageView& response) {
  if (response.is_empty() || response.status() != 504) return;
  if (FirstElementText(response.part("application/3gpp-ims+xml"), "type") != "restoration") return;
  if (!IsOfOwnWay(id, response)) return;
  // Not now: what was answered is on the stack, and goes with the registration.
  context_.thread.After(milliseconds(0), [this, id = RegistrationId(id)] {
    const auto binding = Peek(id);
    if (!binding || !binding->is_registered || !IsAtRest(id)) return;
    RequireInitial(id);
    Start(*Take(id), Operation::kRegister);
  });
}

// At the start, when the P-CSCFs are still being looked up: not for longer than they may take to answer.
void RegistrationClient::WaitForHops(Record& record) {
  if (record.operation == Operation::kDeregister && !record.is_registered) return FinishDeregister(record);
  const RegistrationId id = record.wanted.id;
  waiting_for_hops_.insert(id);
  record.deadline->Set(context_.config.timers.register_deadline, [this, id] {
    waiting_for_hops_.erase(id);
    const auto found = records_.find(id);
    if (found != records_.end()) Fail(found->second, 503, MessageView(nullptr), false);
  });
}

void RegistrationClient::HandleHopsChanged() {
  if (context_.hop_list.listed().empty()) return;
  for (const RegistrationId& id : std::exchange(waiting_for_hops_, {})) {
    const auto found = records_.find(id);
    if (found == records_.end() || found->second.operation == Operation::kIdle) continue;
    found->second.deadline->Clear();
    Start(found->second, std::exchange(found->second.operation, Operation::kIdle));
  }
  for (const size_t hop : bindings_.HopsOfRegistered()) {
    if (!context_.hop_list.is_listed(hop)) MoveAwayFrom(hop);
  }
}

void RegistrationClient::MoveAwayFrom(size_t hop) {
  RegisterLater({.hop = hop, .is_only_while_unusable = true}, milliseconds(0));
}

void RegistrationClient::RenewThrough(size_t hop, milliseconds earliest) { RegisterLater({.hop = hop}, earliest); }

void RegistrationClient::RegisterLater(RenewalQueue::Reason reason, milliseconds earliest) {
  renewals_.Add(bindings_.RegisteredThrough(reason.hop), reason, SipThread::Clock::now() + earliest,
                context_.config.resubscribe_window);
  // Not now: what broke the connection is on the stack.
  renewal_timer_.Set(milliseconds(0), [this] { RenewThose(); });
}

void RegistrationClient::RenewThose() {
  const size_t room = kMostRenewing - std::min(kMostRenewing, records_.size());
  for (const RenewalQueue::Renewal& renewal : renewals_.Take(SipThread::Clock::now(), room)) Renew(renewal);
  const auto next = renewals_.NextTake();
  if (next == RenewalQueue::Time::max()) return;
  const auto wait = std::chrono::ceil<milliseconds>(next - SipThread::Clock::now());
  renewal_timer_.Set(std::max(wait, kRenewalTick), [this] { RenewThose(); });
}

void RegistrationClient::Renew(const RenewalQueue::Renewal& renewal) {
  const size_t hop = renewal.reason.hop;
  if (renewal.reason.is_only_while_unusable && context_.hops.IsUsable(hop, SipThread::Clock::now())) return;
  for (const RegistrationId& id : bindings_.IdsOf(renewal.ticket)) {
    const auto binding = IsAtRest(id) ? bindings_.Get(id) : std::nullopt;
    const bool is_still_there = binding && binding->is_registered && binding->hop == hop;
    if (is_still_there) Start(*Take(id), Operation::kRegister);
  }
}

void RegistrationClient::OnContactDoubtful(const RegistrationId& id) {
  bool is_new = false;
  Change(id, [&](Binding& binding) {
    is_new = binding.is_registered && !binding.is_in_doubt && !binding.was_checked;
    binding.is_in_doubt = binding.is_in_doubt || is_new;
  });
  if (!is_new) return;
  doubtful_.emplace_back(SipThread::Clock::now() + context_.config.timers.reg_event_doubt, BindingTable::TicketOf(id));
  if (!doubt_timer_.is_set()) doubt_timer_.Set(context_.config.timers.reg_event_doubt, [this] { CheckDoubtful(); });
}

// A REGISTER tells, and binds anew what was lost; what the network wants to be rid of it refuses.
void RegistrationClient::CheckDoubtful() {
  const auto now = SipThread::Clock::now();
  for (size_t room = kMostChecksInATick;
       room > 0 && records_.size() < kMostRenewing && !doubtful_.empty() && doubtful_.front().first <= now; --room) {
    const BindingTable::Ticket ticket = doubtful_.front().second;
    doubtful_.pop_front();
    for (const RegistrationId& id : bindings_.IdsOf(ticket)) {
      const auto binding = Peek(id);
      if (!binding || !binding->is_in_doubt) continue;
      Change(id, [](Binding& checked) {
        checked.is_in_doubt = false;
        checked.was_checked = true;
      });
      if (!binding->is_registered || !IsAtRest(id)) continue;  // one is under way
      context_.counters.Add(SipCounter::kRegEventDoubt);
      Start(*Take(id), Operation::kRegister);
    }
  }
  if (doubtful_.empty()) return;
  const auto wait = std::chrono::ceil<milliseconds>(doubtful_.front().first - now);
  doubt_timer_.Set(std::max(wait, kRenewalTick), [this] { CheckDoubtful(); });
}

void RegistrationClient::OnContactTerminated(const RegistrationId& id, SipDeregistered deregistered) {
  const auto record = records_.find(id);
  // Our own removal is in the network's documents too.
  if (record != records_.end() && record->second.operation == Operation::kDeregister) return;
  if (!Peek(id)) return;
  context_.counters.Add(SipCounter::kNetworkDeregistered);
  context_.notify_registrations([id, deregistered](registration::SipRegistrarObserver& observer) {
    observer.OnNetworkDeregistered(id, deregistered);
  });
  if (deregistered.event == SipDeregistered::Event::kShortened) return;
  Change(id, [](Binding& binding) {
    binding.is_registered = false;
    binding.Reset();  // what comes next is an initial registration
  });
  // Not now: the subscription is on the stack.
  context_.thread.After(milliseconds(0), [this, id = RegistrationId(id)] {
    const auto binding = Peek(id);
    if (binding && IsAtRest(id) && !binding->is_registered) Forget(id);
  });
}

}  // namespace byon::sip
