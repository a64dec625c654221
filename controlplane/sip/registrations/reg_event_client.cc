#include "controlplane/sip/registrations/reg_event_client.h"

#include <algorithm>
#include <utility>

namespace byon::sip {

using registration::RegistrationId;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = SipThread::Clock;

namespace {

// At most 2,000 SUBSCRIBEs a second of those that are due; a notifier that was gone is not overrun when it is back.
constexpr size_t kMostInATick = 500;
// And so many wait for an answer at a time: what is overdue does not become a storm of retransmissions where answers
// are slow.
constexpr size_t kMostAtWork = 1000;
// How much earlier than due a SUBSCRIBE within a dialog may be sent, so that many do not come at once; the first one
// leaves the crowd in which the registrations came. What begins anew may come later by half of its wait.
constexpr milliseconds kJitter = seconds(300);
constexpr milliseconds kFirstJitter = seconds(3600);
constexpr uint32_t kFirstRequests = 2;  // the SUBSCRIBE, and once more with an answer to a challenge

Clock::time_point SpreadOf(const SubscriptionState& state, Clock::time_point due) {
  const auto delay = std::max(std::chrono::duration_cast<milliseconds>(due - Clock::now()), milliseconds(0));
  if (state.remote_tag.empty()) return due + RandomDelay(milliseconds(0), delay / 2);
  const bool is_first = state.cseq <= kFirstRequests;
  return due - RandomDelay(milliseconds(0),
                           is_first ? std::min(kFirstJitter, delay * 9 / 10) : std::min(kJitter, delay / 10));
}

}  // namespace

RegEventClient::RegEventClient(ShardContext& context, Bindings& bindings)
    : context_(context),
      bindings_(bindings),
      wheel_(Clock::now()),
      restored_pace_(context.shard, context.config.shards),
      timer_(context.thread) {}

void RegEventClient::Subscribe(const RegistrationId& id) {
  bool is_new = false;
  bindings_.Change(id, [&](Binding& binding) {
    is_new = !binding.reg_event || (binding.is_subscription_owed && !at_work_.contains(id));
    if (is_new) binding.BeginRegEvent();
  });
  if (is_new) Wake(id, {}).Send();
}

// A new dialog each, at a pace; whose REGISTER comes before does it then.
void RegEventClient::SubscribeLater(Binding& binding) {
  binding.BeginRegEvent();
  binding.is_subscription_owed = true;
  binding.reg_event->next_send = std::max(began_ + restored_pace_.Next(), Clock::now());
  wheel_.Add(BindingTable::TicketOf(binding.wanted.id), *binding.reg_event->next_send);
  ArmTimer();
}

RegSubscription& RegEventClient::Wake(const RegistrationId& id, SubscriptionState state) {
  auto& subscription = at_work_[id];
  subscription = std::make_unique<RegSubscription>(context_, *this, id, std::move(state));
  return *subscription;
}

void RegEventClient::OnSubscriptionWaiting(const std::string& id) {
  const auto found = at_work_.find(id);
  if (found == at_work_.end()) return;
  SubscriptionState state = found->second->state();
  if (state.next_send) state.next_send = SpreadOf(state, *state.next_send);
  at_work_.erase(found);
  Rest(id, std::move(state));
}

// A binding that has lost its subscription meanwhile stays without.
void RegEventClient::Rest(const RegistrationId& id, SubscriptionState state) {
  const auto next_send = state.next_send;
  bool is_kept = false;
  bindings_.Change(id, [&](Binding& binding) {
    is_kept = binding.reg_event.has_value();
    if (is_kept) binding.reg_event = std::move(state);
  });
  if (!is_kept || !next_send) return;
  wheel_.Add(BindingTable::TicketOf(id), *next_send);
  ArmTimer();
}

void RegEventClient::SendDue() {
  armed_for_ = Clock::time_point::max();
  const auto now = Clock::now();
  const size_t room = kMostAtWork - std::min(kMostAtWork, at_work_.size());
  for (const BindingTable::Ticket ticket : wheel_.Take(now, std::min(kMostInATick, room))) {
    for (const RegistrationId& id : bindings_.IdsOf(ticket)) {
      auto binding = at_work_.contains(id) ? std::nullopt : bindings_.Peek(id);
      // The wheel may have had it for another time, or for another binding.
      const bool is_due =
          binding && binding->reg_event && binding->reg_event->next_send && *binding->reg_event->next_send <= now;
      if (!is_due) continue;
      if (binding->is_subscription_owed) {
        bindings_.Change(id, [](Binding& begun) { begun.is_subscription_owed = false; });
      }
      Wake(id, std::move(*binding->reg_event)).Send();
    }
  }
  ArmTimer();
}

void RegEventClient::ArmTimer() {
  const auto next = wheel_.NextLook();
  if (next >= armed_for_) return;
  armed_for_ = next;
  timer_.Set(std::chrono::ceil<milliseconds>(next - Clock::now()), [this] { SendDue(); });
}

bool RegEventClient::HandleNotify(ServerTransaction& transaction, const MessageView& request) {
  const auto uri = ParseUri(request.request_uri());
  const RegistrationId id = uri ? bindings_.IdOfToken(uri->user) : RegistrationId();
  if (id.empty()) return false;
  if (const auto busy = at_work_.find(id); busy != at_work_.end()) {
    if (!busy->second->HandleNotify(transaction, request)) return false;
    // One that the network has ended while its SUBSCRIBE was under way rests until it begins anew.
    if (busy->second->is_busy()) return true;
    auto node = at_work_.extract(busy);
    Rest(id, node.mapped()->state());
    return true;
  }
  auto binding = bindings_.Peek(id);
  if (!binding || !binding->reg_event || binding->reg_event->call_id != request.call_id()) return false;
  const SubscriptionState before = *binding->reg_event;
  RegSubscription awake(context_, *this, id, std::move(*binding->reg_event));
  if (!awake.HandleNotify(transaction, request)) return false;
  if (awake.state() == before) return true;
  if (awake.state().next_send == before.next_send) {
    bindings_.Change(id, [&](Binding& resting) {
      if (resting.reg_event) resting.reg_event = awake.state();
    });
  } else {
    Rest(id, awake.state());
  }
  return true;
}

EventSubscription::Target RegEventClient::SubscriptionTargetOf(const std::string& id) const {
  const Binding binding = bindings_.Peek(id).value_or(Binding());
  const std::string next_hop = binding.hop < context_.hop_list.size() ? context_.hop_list.uri(binding.hop) : "";
  const std::string identity = ClaimedSipIdentity(binding.wanted.impu, binding.associated_uris);
  return {.resource = identity,
          .impu = identity,
          .impi = binding.wanted.impi,
          .contact_token = binding.wanted.contact_token,
          .next_hop = next_hop,
          .routes = context_.OriginatingRoutes(next_hop, binding.service_route)};
}

void RegEventClient::OnDocument(const std::string& id, const Reginfo& document) {
  const auto binding = bindings_.Peek(id);
  if (!binding) return;
  const OwnContact own{.token = binding->wanted.contact_token,
                       .instance_id = binding->wanted.instance_id,
                       .aor = ClaimedSipIdentity(binding->wanted.impu, binding->associated_uris),
                       .call_id = binding->call_id,
                       .cseq = binding->cseq};
  const ReginfoVerdict verdict = JudgeReginfo(document, own, binding->listing);
  using Kind = ReginfoVerdict::Kind;
  const bool is_listed = verdict.kind == Kind::kListed;
  const bool is_settled = is_listed && (binding->is_in_doubt || binding->was_checked);
  if (verdict.listing != binding->listing || is_settled) {
    bindings_.Change(id, [&](Binding& changed) {
      changed.listing = verdict.listing;
      if (is_listed) changed.is_in_doubt = changed.was_checked = false;
    });
  }
  if (verdict.kind == Kind::kDoubtful) return bindings_.OnContactDoubtful(id);
  if (verdict.kind == Kind::kRemoved) bindings_.OnContactTerminated(id, verdict.removed);
}

}  // namespace byon::sip
