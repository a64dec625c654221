#include "controlplane/registration/registration_registry.h"

#include <algorithm>
#include <utility>

namespace byon::registration {
namespace {

using std::chrono::seconds;

// Of those that are counted: the wait grows no further.
constexpr uint8_t kMostFailures = 7;

constexpr seconds kProbationDefault{30};
// A network that asks for more is asked again after so long, and no binding is believed to last longer unless we asked
// for it.
constexpr seconds kLongestWait{7 * 24 * 3600};

// How long a DELETE waits for the network before it is answered all the same.
constexpr seconds kDeregisterPatience{3};
// A de-registration that was never answered is forgotten.
constexpr seconds kDeregisterLimit{40};

// When all end: so many wait for the network's answer at a time, and so many more are begun in a tick, 5,000 a second.
constexpr size_t kMostEnding = 500;
constexpr size_t kMostEndingInATick = 50;
constexpr std::chrono::milliseconds kEndTick{10};

}  // namespace

RegistrationRegistry::RegistrationRegistry(RegistrationConfig config, uint64_t seed) : config_(config), times_(seed) {}

void RegistrationRegistry::Refresh(const RegistrationId& id) {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kRegistered || entry->is_refresh_pending) return;
  SendRefresh(*entry);
  table_.Put(*entry);
}

void RegistrationRegistry::Restore(RegistrationRecord record, Now now) {
  Entry entry;
  entry.record = std::move(record);
  entry.state = State::kRegistered;
  actions_.push_back(RestoreSip{ToSip(entry.record), entry.record.registered});
  tokens_count_from_ = std::max(tokens_count_from_, now.steady + config_.token_grace);
  const RefreshTimes::Restored times = times_.AfterRestart(entry.record, now);
  entry.sip_expiry_deadline = times.sip_expiry;
  SetRefresh(entry, times.refresh);
  ScheduleLife(entry, now);
  table_.Put(entry);
}

void RegistrationRegistry::OnAllRestored(Now now) { tokens_count_from_ = now.steady + config_.token_grace; }

void RegistrationRegistry::EndAll(const std::string& reason, Now now) {
  end_reason_ = reason;
  ending_ = table_.Tickets();
  EndSome(now);
}

// Who is not reached before the process has to go is found in the store by the next one, and expires in the network.
void RegistrationRegistry::EndSome(Now now) {
  for (size_t ended = 0;
       ended < kMostEndingInATick && !ending_.empty() && table_.size() - table_.registered_count() < kMostEnding;) {
    const RegistrationTable::Ticket ticket = ending_.back();
    ending_.pop_back();
    for (Entry& entry : table_.Of(ticket)) {
      if (entry.state == State::kEnding) continue;
      End(std::move(entry), false, end_reason_, false, now);
      ++ended;
    }
  }
  end_some_at_ = ending_.empty() ? kNever : now.steady + kEndTick;
}

void RegistrationRegistry::OnNotKept(const RegistrationId& id, Now now) {
  auto entry = table_.Get(id);
  if (entry && entry->state != State::kEnding) End(std::move(*entry), false, "", false, now);
}

// ---- the network

void RegistrationRegistry::OnRegistered(const RegistrationId& id, SipRegistered registered, Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state == State::kEnding) return;
  entry->is_refresh_pending = false;
  entry->failures = 0;
  const seconds granted = std::min(registered.expires, std::max(config_.sip_expiry, kLongestWait));
  registered.expires = granted;
  entry->has_new_texts = true;
  entry->record.registered = std::move(registered);
  entry->record.sip_expires_at = now.wall + granted;
  entry->sip_expiry_deadline = now.steady + granted;
  const bool is_first = entry->state == State::kRegistering;
  SetRefresh(*entry, times_.AfterSuccess(granted, is_first, config_.refresh_jitter, now.steady));
  entry->state = State::kRegistered;
  ScheduleLife(*entry, now);
  const RequestId request = is_first ? std::exchange(entry->request, 0) : 0;
  table_.Put(*entry);
  actions_.push_back(Persist{id});
  if (is_first) actions_.push_back(CompleteRequest{request, std::move(entry->record), true, true});
}

void RegistrationRegistry::OnRegisterFailed(const RegistrationId& id, const SipRegisterFailure& failure, Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state == State::kEnding) return;
  entry->is_refresh_pending = false;
  std::string sip = "SIP " + std::to_string(failure.status_code) + " " + failure.phrase;
  if (entry->state == State::kRegistering) {
    Refusal refusal{RefusalKind::kUnavailable, "The network does not take registrations now: " + sip,
                    failure.retry_after};
    bool is_denied = failure.is_final || failure.status_code == 403 || failure.status_code == 404;
    if (failure.status_code == 408) refusal = {RefusalKind::kTimeout, "The network did not answer in time"};
    if (is_denied) {
      refusal = {RefusalKind::kNotApplicable, "The network does not serve this phone number: " + sip};
    }
    actions_.push_back(CompleteRequest{entry->request, std::move(refusal)});
    Remove(*entry);
    return;
  }
  if (failure.is_final) {
    End(std::move(*entry), false, "The network refused to prolong the registration: " + sip, true, now);
    return;
  }
  if (entry->failures < kMostFailures) ++entry->failures;
  SetRefresh(*entry, times_.AfterFailure(entry->failures, failure.retry_after, now.steady));
  table_.Put(*entry);
}

void RegistrationRegistry::OnDeregisterDone(const RegistrationId& id, Now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kEnding) return;
  Remove(*entry);
  if (entry->request != 0) actions_.push_back(CompleteRequest{entry->request, std::move(entry->record)});
}

// TS 24.229 section 5.1.1.7.
void RegistrationRegistry::OnNetworkDeregistered(const RegistrationId& id, const SipDeregistered& deregistered,
                                                 Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kRegistered) return;
  switch (deregistered.event) {
    case SipDeregistered::Event::kRejected:
      return End(std::move(*entry), false, "The network ended the registration", true, now);
    case SipDeregistered::Event::kUnregistered:
    case SipDeregistered::Event::kExpired:
      return End(std::move(*entry), false, "The network no longer knows the registration", true, now);
    case SipDeregistered::Event::kDeactivated:
    case SipDeregistered::Event::kShortened:
      if (!entry->is_refresh_pending) SendRefresh(*entry);
      return table_.Put(*entry);
    case SipDeregistered::Event::kProbation: {
      const seconds wait = std::min(deregistered.retry_after.value_or(kProbationDefault), kLongestWait);
      SetRefresh(*entry, times_.AfterProbation(wait, now.steady));
      // Nothing is bound until then; what would have expired is gone already.
      entry->sip_expiry_deadline = kNever;
      return table_.Put(*entry);
    }
  }
}

// ---- timers

void RegistrationRegistry::ScheduleLife(Entry& entry, Now now) {
  entry.expiry_deadline = now.steady + (entry.record.expires_at - now.wall);
  entry.token_deadline = kNever;
  if (entry.record.push.empty()) {
    const SteadyTime natural = now.steady + (entry.record.token_expires_at + config_.token_grace - now.wall);
    entry.token_deadline = std::max(natural, tokens_count_from_);
  }
  if (const auto use = uses_.find(entry.record.id); use != uses_.end()) use->second.is_overdue = false;
  Spare(entry, now);
}

// Whoever has a call keeps what has run out until it is over, and a while longer.
void RegistrationRegistry::Spare(Entry& entry, Now now) {
  const auto use = uses_.find(entry.record.id);
  if (use == uses_.end() || use->second.until <= now.steady) return;
  for (SteadyTime* deadline : {&entry.expiry_deadline, &entry.token_deadline}) {
    if (*deadline > now.steady) continue;
    *deadline = use->second.until;
    use->second.is_overdue = true;
  }
}

void RegistrationRegistry::SetInUse(const RegistrationId& id, bool is_in_use, Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kRegistered) return;
  uses_[id].until = is_in_use ? kNever : now.steady + config_.token_grace;
  // What was put off for the call's sake has a time again.
  ScheduleLife(*entry, now);
  const bool is_soon = std::min(entry->expiry_deadline, entry->token_deadline) <= now.steady + config_.token_grace;
  if (!is_in_use && !is_soon) uses_.erase(id);
  table_.Put(*entry);
}

bool RegistrationRegistry::IsOverdue(const RegistrationId& id) const {
  const auto use = uses_.find(id);
  return use != uses_.end() && use->second.is_overdue;
}

std::optional<RegistrationId> RegistrationRegistry::FindOverdue(const RegistrationOwner& owner) const {
  if (uses_.empty()) return std::nullopt;
  for (const Entry& entry : table_.FindByUser(owner.client_id, owner.user)) {
    const bool is_theirs = entry.state == State::kRegistered && entry.record.owner == owner;
    if (is_theirs && IsOverdue(entry.record.id)) return entry.record.id;
  }
  return std::nullopt;
}

void RegistrationRegistry::SetRefresh(Entry& entry, SteadyTime when) {
  times_.Replace(entry.refresh_deadline, when);
  entry.refresh_deadline = when;
}

void RegistrationRegistry::SendRefresh(Entry& entry) {
  entry.is_refresh_pending = true;
  SetRefresh(entry, kNever);
  actions_.push_back(SendRegister{ToSip(entry.record)});
}

void RegistrationRegistry::HandleTimeout(Now now) {
  times_.Forget(now.steady);
  while (table_.NextDeadline() <= now.steady) HandleEntryTimeout(*table_.First(), now);
  if (end_some_at_ <= now.steady) EndSome(now);
}

void RegistrationRegistry::HandleEntryTimeout(Entry entry, Now now) {
  if (entry.state == State::kEnding) {
    if (entry.request == 0) return Remove(entry);
    const RequestId request = std::exchange(entry.request, 0);
    entry.ending_deadline = now.steady + kDeregisterLimit;
    table_.Put(entry);
    actions_.push_back(CompleteRequest{request, std::move(entry.record)});
    return;
  }
  Spare(entry, now);
  if (entry.expiry_deadline <= now.steady)
    return End(std::move(entry), true, "The registration has expired", false, now);
  if (entry.token_deadline <= now.steady && now.steady < tokens_count_from_) {
    entry.token_deadline = tokens_count_from_;
  } else if (entry.token_deadline <= now.steady) {
    return End(std::move(entry), false, "The access token expired and no fresh one came", false, now);
  }
  if (entry.sip_expiry_deadline <= now.steady) {
    return End(std::move(entry), false, "The network did not prolong the registration in time", true, now);
  }
  if (entry.refresh_deadline <= now.steady) SendRefresh(entry);
  table_.Put(entry);
}

SteadyTime RegistrationRegistry::NextDeadline() const { return std::min(table_.NextDeadline(), end_some_at_); }

// ---- ends

void RegistrationRegistry::End(Entry entry, bool is_expired, const std::string& description, bool is_network_told,
                               Now now) {
  const RegistrationId id = entry.record.id;
  bool was_registered = entry.state == State::kRegistered;
  entry.state = State::kEnding;
  uses_.erase(id);
  SetRefresh(entry, kNever);
  entry.ending_deadline = now.steady + (is_network_told ? kDeregisterLimit : kDeregisterPatience);
  table_.Put(entry);
  actions_.push_back(EndCalls{id, description.empty() ? "The registration was deleted" : description});
  if (was_registered && !description.empty()) {
    actions_.push_back(NotifyEnd{std::move(entry.record), is_expired, description});
  }
  actions_.push_back(Erase{id});
  // Even where the network ended it by itself: the registrar forgets its side, and its own contact
  // is all that is named, so nothing else can be hurt.
  actions_.push_back(SendDeregister{id});
}

void RegistrationRegistry::Remove(const Entry& entry) {
  times_.Replace(entry.refresh_deadline, kNever);
  uses_.erase(entry.record.id);
  table_.Erase(entry.record.id);
}

SipRegistration RegistrationRegistry::ToSip(const RegistrationRecord& record) const {
  return {record.id, record.impu, record.impi, record.instance_id, record.contact_token, config_.sip_expiry};
}

std::optional<Action> RegistrationRegistry::PollAction() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace byon::registration
