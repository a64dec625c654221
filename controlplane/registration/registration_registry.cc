#include "controlplane/registration/registration_registry.h"

#include <algorithm>

namespace byon::registration {
namespace {

using std::chrono::seconds;

// TS 24.229 section 5.1.1.4.1: long registrations are refreshed 600 s before they end, others at
// half.
constexpr seconds kLongRegistration{1200};
constexpr seconds kRefreshMargin{600};

// RFC 5626 section 4.5, as TS 24.229 section 5.1.1.2.1 refers to it.
constexpr seconds kBackOffBase{30};
constexpr seconds kBackOffMax{1800};

constexpr seconds kProbationDefault{30};

// How long a DELETE waits for the network before it is answered all the same.
constexpr seconds kDeregisterPatience{3};
// A de-registration that was never answered is forgotten.
constexpr seconds kDeregisterLimit{40};

std::string UserKey(const RegistrationOwner& owner) { return owner.client_id + '\n' + owner.user; }

}  // namespace

RegistrationRegistry::RegistrationRegistry(RegistrationConfig config, uint64_t seed)
    : config_(config), random_state_(seed) {}

// splitmix64: jitter only, nothing secret comes from it.
uint64_t RegistrationRegistry::Random() {
  uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// ---- requests

std::variant<WallTime, Refusal> RegistrationRegistry::ExpiryOf(std::optional<WallTime> wish,
                                                               WallTime now) const {
  if (!wish) return now + config_.default_expiry;
  // The client's clock and ours read whole seconds; one of difference is no offence.
  if (*wish + seconds(1) < now + config_.min_expiry) {
    return Refusal{RefusalKind::kOutOfRange, "The registrationExpireTime must be at least " +
                                                 std::to_string(config_.min_expiry.count()) +
                                                 " seconds from now."};
  }
  return std::min(*wish, now + config_.max_expiry);
}

std::optional<Refusal> RegistrationRegistry::CheckLimits(const RegistrationOwner& owner) const {
  auto ids_of = [](const auto& index, const std::string& key) {
    auto it = index.find(key);
    return it == index.end() ? std::set<RegistrationId>() : it->second;
  };
  std::set<std::string> devices;
  auto of_user = ids_of(by_user_, UserKey(owner));
  for (const RegistrationId& id : of_user) {
    const RegistrationOwner& other = entries_.at(id).record.owner;
    if (other == owner) {
      return Refusal{RefusalKind::kAlreadyExists,
                     "An active registration already exists for this deviceId and phoneNumber."};
    }
    devices.insert(other.device_id);
  }
  if (config_.max_registrations != 0 && entries_.size() >= config_.max_registrations) {
    return Refusal{RefusalKind::kQuotaExceeded, "There are as many registrations as the operator may have."};
  }
  if (of_user.size() >= config_.max_registrations_per_user) {
    return Refusal{RefusalKind::kMaxPerUser,
                   "The maximum number of service registrations per user has been reached"};
  }
  if (!devices.contains(owner.device_id) && devices.size() >= config_.max_devices_per_user) {
    return Refusal{RefusalKind::kMaxDevices,
                   "The maximum number of device instances per user has been reached"};
  }
  if (ids_of(by_msisdn_, owner.phone_number).size() >= config_.max_registrations_per_msisdn) {
    return Refusal{RefusalKind::kMaxPerMsisdn,
                   "The maximum number of service registrations per MSISDN has been reached"};
  }
  return std::nullopt;
}

void RegistrationRegistry::Create(CreateRequest request, RequestId id, Now now) {
  auto expiry = ExpiryOf(request.expire_time, now.wall);
  auto refusal = CheckLimits(request.owner);
  if (auto* out_of_range = std::get_if<Refusal>(&expiry)) refusal = *out_of_range;
  if (refusal) {
    actions_.push_back(CompleteRequest{id, *refusal});
    return;
  }
  Entry& entry = entries_[request.id];
  RegistrationRecord& record = entry.record;
  record.id = request.id;
  record.instance_id = InstanceIdOf(request.owner.phone_number, request.owner.device_id);
  record.owner = std::move(request.owner);
  record.impu = std::move(request.impu);
  record.impi = std::move(request.impi);
  record.contact_token = std::move(request.contact_token);
  record.expires_at = std::get<WallTime>(expiry);
  record.token_expires_at = request.token_expires_at;
  entry.request = id;
  AddToIndexes(record);
  SendRefresh(entry);
  Index(entry);
}

void RegistrationRegistry::Update(const RegistrationId& id, std::optional<WallTime> expire_time,
                                  WallTime token_expires_at, RequestId request, Now now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state != State::kRegistered) {
    actions_.push_back(
        CompleteRequest{request, Refusal{RefusalKind::kNotFound, "No such registration."}});
    return;
  }
  auto expiry = ExpiryOf(expire_time, now.wall);
  if (auto* refusal = std::get_if<Refusal>(&expiry)) {
    actions_.push_back(CompleteRequest{request, *refusal});
    return;
  }
  entry->record.expires_at = std::get<WallTime>(expiry);
  entry->record.token_expires_at = std::max(entry->record.token_expires_at, token_expires_at);
  if (!expire_time) ProlongForPush(entry->record, now);
  ScheduleLife(*entry, now);
  actions_.push_back(Persist{id});
  actions_.push_back(CompleteRequest{request, entry->record});
}

void RegistrationRegistry::Delete(const RegistrationId& id, RequestId request, Now now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state == State::kEnding) {
    actions_.push_back(
        CompleteRequest{request, Refusal{RefusalKind::kNotFound, "No such registration."}});
    return;
  }
  // Whoever still waits for the registration learns that it is gone.
  if (entry->request != 0) {
    actions_.push_back(CompleteRequest{
        entry->request,
        Refusal{RefusalKind::kUnavailable, "The registration was deleted meanwhile."}});
  }
  entry->request = request;
  End(*entry, false, "", false, now);
}

void RegistrationRegistry::RenewToken(const std::string& client_id, const std::string& user,
                                      const std::string& device_id, WallTime token_expires_at,
                                      Now now) {
  auto ids = by_device_.find(device_id);
  if (ids == by_device_.end()) return;
  for (const RegistrationId& id : ids->second) {
    Entry& entry = entries_.at(id);
    bool is_theirs = entry.record.owner.client_id == client_id && entry.record.owner.user == user;
    if (!is_theirs || entry.record.token_expires_at >= token_expires_at) continue;
    entry.record.token_expires_at = token_expires_at;
    if (entry.state != State::kRegistered) continue;
    ProlongForPush(entry.record, now);
    ScheduleLife(entry, now);
    actions_.push_back(Persist{id});
  }
}

// A sleeping client cannot prolong its registration itself.
void RegistrationRegistry::ProlongForPush(RegistrationRecord& record, Now now) const {
  if (record.push.empty()) return;
  record.expires_at = std::max(record.expires_at, now.wall + config_.push_expiry);
}

void RegistrationRegistry::SetPush(const RegistrationId& id, std::string push, Now now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state != State::kRegistered) return;
  const bool is_taken_away = push.empty() && !entry->record.push.empty();
  entry->record.push = std::move(push);
  if (is_taken_away) {
    // As long as any other client may have it from now on.
    entry->record.expires_at = std::min(entry->record.expires_at, now.wall + config_.max_expiry);
  }
  ProlongForPush(entry->record, now);
  ScheduleLife(*entry, now);
  actions_.push_back(Persist{id});
}

void RegistrationRegistry::Refresh(const RegistrationId& id) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state != State::kRegistered || entry->is_refresh_pending) return;
  SendRefresh(*entry);
  Index(*entry);
}

void RegistrationRegistry::Restore(RegistrationRecord record, Now now) {
  Entry& entry = entries_[record.id];
  entry.record = std::move(record);
  entry.state = State::kRegistered;
  const RegistrationRecord& kept = entry.record;
  AddToIndexes(kept);
  by_token_[kept.contact_token] = kept.id;
  actions_.push_back(RestoreSip{ToSip(kept), kept.registered});
  auto left = std::chrono::duration_cast<seconds>(kept.sip_expires_at - now.wall);
  entry.sip_expiry_deadline = now.steady + std::max(left, seconds(0));
  ScheduleRefresh(entry, std::max(left, seconds(0)), now);
  ScheduleLife(entry, now);
}

void RegistrationRegistry::EndAll(const std::string& reason, Now now) {
  std::vector<RegistrationId> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry.state != State::kEnding) ids.push_back(id);
  }
  for (const RegistrationId& id : ids) End(entries_.at(id), false, reason, false, now);
}

// ---- the network

void RegistrationRegistry::OnRegistered(const RegistrationId& id, SipRegistered registered,
                                        Now now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state == State::kEnding) return;
  entry->is_refresh_pending = false;
  entry->failures = 0;
  seconds granted = registered.expires;
  entry->record.registered = std::move(registered);
  entry->record.sip_expires_at = now.wall + granted;
  entry->sip_expiry_deadline = now.steady + granted;
  ScheduleRefresh(*entry, granted, now);
  bool is_first = entry->state == State::kRegistering;
  entry->state = State::kRegistered;
  by_token_[entry->record.contact_token] = id;
  ScheduleLife(*entry, now);
  actions_.push_back(Persist{id});
  if (is_first)
    actions_.push_back(CompleteRequest{std::exchange(entry->request, 0), entry->record});
}

void RegistrationRegistry::OnRegisterFailed(const RegistrationId& id,
                                            const SipRegisterFailure& failure, Now now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state == State::kEnding) return;
  entry->is_refresh_pending = false;
  std::string sip = "SIP " + std::to_string(failure.status_code) + " " + failure.phrase;
  if (entry->state == State::kRegistering) {
    Refusal refusal{RefusalKind::kUnavailable,
                    "The network does not take registrations now: " + sip};
    bool is_denied = failure.is_final || failure.status_code == 403 || failure.status_code == 404;
    if (failure.status_code == 408)
      refusal = {RefusalKind::kTimeout, "The network did not answer in time"};
    if (is_denied) {
      refusal = {RefusalKind::kNotApplicable,
                 "The network does not serve this phone number: " + sip};
    }
    actions_.push_back(CompleteRequest{entry->request, std::move(refusal)});
    Remove(id);
    return;
  }
  if (failure.is_final) {
    End(*entry, false, "The network refused to prolong the registration: " + sip, true, now);
    return;
  }
  ScheduleRetry(*entry, failure.retry_after, now);
}

void RegistrationRegistry::OnDeregisterDone(const RegistrationId& id, Now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state != State::kEnding) return;
  if (entry->request != 0) actions_.push_back(CompleteRequest{entry->request, entry->record});
  Remove(id);
}

// TS 24.229 section 5.1.1.7.
void RegistrationRegistry::OnNetworkDeregistered(const RegistrationId& id,
                                                 const SipDeregistered& deregistered, Now now) {
  Entry* entry = FindEntry(id);
  if (!entry || entry->state != State::kRegistered) return;
  switch (deregistered.event) {
    case SipDeregistered::Event::kRejected:
      return End(*entry, false, "The network ended the registration", true, now);
    case SipDeregistered::Event::kUnregistered:
    case SipDeregistered::Event::kExpired:
      return End(*entry, false, "The network no longer knows the registration", true, now);
    case SipDeregistered::Event::kDeactivated:
    case SipDeregistered::Event::kShortened:
      if (!entry->is_refresh_pending) SendRefresh(*entry);
      return Index(*entry);
    case SipDeregistered::Event::kProbation:
      entry->refresh_deadline = now.steady + deregistered.retry_after.value_or(kProbationDefault);
      // Nothing is bound until then; what would have expired is gone already.
      entry->sip_expiry_deadline = kNever;
      return Index(*entry);
  }
}

// ---- timers

void RegistrationRegistry::ScheduleLife(Entry& entry, Now now) {
  entry.expiry_deadline = now.steady + (entry.record.expires_at - now.wall);
  entry.token_deadline =
      entry.record.push.empty()
          ? now.steady + (entry.record.token_expires_at + config_.token_grace - now.wall)
          : kNever;
  Index(entry);
}

void RegistrationRegistry::ScheduleRefresh(Entry& entry, seconds granted, Now now) {
  seconds delay = granted > kLongRegistration ? granted - kRefreshMargin : granted / 2;
  seconds jitter = std::min(config_.refresh_jitter, delay / 10);
  if (jitter > seconds(0)) {
    delay -= seconds(static_cast<int64_t>(Random() % (static_cast<uint64_t>(jitter.count()) + 1)));
  }
  entry.refresh_deadline = now.steady + std::max(delay, seconds(1));
  Index(entry);
}

void RegistrationRegistry::ScheduleRetry(Entry& entry, std::optional<seconds> retry_after,
                                         Now now) {
  seconds delay = kBackOffMax;
  // 30 s doubled six times is beyond the cap.
  if (entry.failures < 6) delay = std::min(kBackOffMax, kBackOffBase * (1 << entry.failures));
  ++entry.failures;
  delay = delay / 2 +
          seconds(static_cast<int64_t>(Random() % static_cast<uint64_t>(delay.count() / 2 + 1)));
  entry.refresh_deadline = now.steady + retry_after.value_or(delay);
  Index(entry);
}

void RegistrationRegistry::SendRefresh(Entry& entry) {
  entry.is_refresh_pending = true;
  entry.refresh_deadline = kNever;
  actions_.push_back(SendRegister{ToSip(entry.record)});
}

void RegistrationRegistry::HandleTimeout(Now now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.steady) {
    HandleEntryTimeout(entries_.at(deadlines_.begin()->second), now);
  }
}

void RegistrationRegistry::HandleEntryTimeout(Entry& entry, Now now) {
  if (entry.state == State::kEnding) {
    if (entry.request != 0) {
      actions_.push_back(CompleteRequest{std::exchange(entry.request, 0), entry.record});
      entry.ending_deadline = now.steady + kDeregisterLimit;
      return Index(entry);
    }
    return Remove(RegistrationId(entry.record.id));
  }
  if (entry.expiry_deadline <= now.steady)
    return End(entry, true, "The registration has expired", false, now);
  if (entry.token_deadline <= now.steady) {
    return End(entry, false, "The access token expired and no fresh one came", false, now);
  }
  if (entry.sip_expiry_deadline <= now.steady) {
    return End(entry, false, "The network did not prolong the registration in time", true, now);
  }
  if (entry.refresh_deadline <= now.steady) SendRefresh(entry);
  Index(entry);
}

SteadyTime RegistrationRegistry::NextDeadline() const {
  return deadlines_.empty() ? kNever : deadlines_.begin()->first;
}

// ---- ends

void RegistrationRegistry::End(Entry& entry, bool is_expired, const std::string& description,
                               bool is_network_told, Now now) {
  const RegistrationId id = entry.record.id;
  bool was_registered = entry.state == State::kRegistered;
  entry.state = State::kEnding;
  DropFromIndexes(entry.record);
  actions_.push_back(
      EndCalls{id, description.empty() ? "The registration was deleted" : description});
  if (was_registered && !description.empty()) {
    actions_.push_back(NotifyEnd{entry.record, is_expired, description});
  }
  actions_.push_back(Erase{id});
  // Even where the network ended it by itself: the registrar forgets its side, and its own contact
  // is all that is named, so nothing else can be hurt.
  actions_.push_back(SendDeregister{id});
  entry.ending_deadline = now.steady + (is_network_told ? kDeregisterLimit : kDeregisterPatience);
  Index(entry);
}

void RegistrationRegistry::Remove(const RegistrationId& id) {
  auto it = entries_.find(id);
  if (it == entries_.end()) return;
  deadlines_.erase({it->second.indexed_deadline, id});
  DropFromIndexes(it->second.record);
  entries_.erase(it);
}

void RegistrationRegistry::AddToIndexes(const RegistrationRecord& record) {
  by_device_[record.owner.device_id].insert(record.id);
  by_user_[UserKey(record.owner)].insert(record.id);
  by_msisdn_[record.owner.phone_number].insert(record.id);
}

void RegistrationRegistry::DropFromIndexes(const RegistrationRecord& record) {
  by_token_.erase(record.contact_token);
  auto drop = [&](std::map<std::string, std::set<RegistrationId>>& index, const std::string& key) {
    auto ids = index.find(key);
    if (ids == index.end()) return;
    ids->second.erase(record.id);
    if (ids->second.empty()) index.erase(ids);
  };
  drop(by_device_, record.owner.device_id);
  drop(by_user_, UserKey(record.owner));
  drop(by_msisdn_, record.owner.phone_number);
}

void RegistrationRegistry::Index(Entry& entry) {
  deadlines_.erase({entry.indexed_deadline, entry.record.id});
  entry.indexed_deadline = entry.ending_deadline;
  if (entry.state != State::kEnding) {
    entry.indexed_deadline = std::min({entry.expiry_deadline, entry.token_deadline,
                                       entry.sip_expiry_deadline, entry.refresh_deadline});
  }
  if (entry.indexed_deadline != kNever)
    deadlines_.insert({entry.indexed_deadline, entry.record.id});
}

// ---- look-up

SipRegistration RegistrationRegistry::ToSip(const RegistrationRecord& record) const {
  return {record.id,          record.impu,          record.impi,
          record.instance_id, record.contact_token, config_.sip_expiry};
}

RegistrationRegistry::Entry* RegistrationRegistry::FindEntry(const RegistrationId& id) {
  auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second;
}

const RegistrationRecord* RegistrationRegistry::Find(const RegistrationId& id) const {
  auto it = entries_.find(id);
  bool is_live = it != entries_.end() && it->second.state == State::kRegistered;
  return is_live ? &it->second.record : nullptr;
}

const RegistrationRecord* RegistrationRegistry::FindByContactToken(const std::string& token) const {
  auto it = by_token_.find(token);
  return it == by_token_.end() ? nullptr : Find(it->second);
}

std::vector<const RegistrationRecord*> RegistrationRegistry::FindByUser(
    const std::string& client_id, const std::string& user) const {
  std::vector<const RegistrationRecord*> found;
  auto ids = by_user_.find(client_id + '\n' + user);
  if (ids == by_user_.end()) return found;
  for (const RegistrationId& id : ids->second) {
    if (const RegistrationRecord* record = Find(id)) found.push_back(record);
  }
  return found;
}

std::vector<const RegistrationRecord*> RegistrationRegistry::FindByClient(
    const std::string& client_id) const {
  std::vector<const RegistrationRecord*> found;
  const std::string prefix = client_id + '\n';
  for (auto ids = by_user_.lower_bound(prefix); ids != by_user_.end() && ids->first.starts_with(prefix); ++ids) {
    for (const RegistrationId& id : ids->second) {
      if (const RegistrationRecord* record = Find(id)) found.push_back(record);
    }
  }
  return found;
}

std::vector<const RegistrationRecord*> RegistrationRegistry::FindByNumber(
    const std::string& phone_number) const {
  std::vector<const RegistrationRecord*> found;
  auto ids = by_msisdn_.find(phone_number);
  if (ids == by_msisdn_.end()) return found;
  for (const RegistrationId& id : ids->second) {
    if (const RegistrationRecord* record = Find(id)) found.push_back(record);
  }
  return found;
}

std::vector<const RegistrationRecord*> RegistrationRegistry::All() const {
  std::vector<const RegistrationRecord*> found;
  for (const auto& [token, id] : by_token_) {
    if (const RegistrationRecord* record = Find(id)) found.push_back(record);
  }
  return found;
}

std::vector<const RegistrationRecord*> RegistrationRegistry::FindByDevice(
    const std::string& device_id) const {
  std::vector<const RegistrationRecord*> found;
  auto ids = by_device_.find(device_id);
  if (ids == by_device_.end()) return found;
  for (const RegistrationId& id : ids->second) {
    if (const RegistrationRecord* record = Find(id)) found.push_back(record);
  }
  return found;
}

std::optional<Action> RegistrationRegistry::PollAction() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace byon::registration
