#include "controlplane/registration/registration_registry.h"

#include <algorithm>
#include <set>
#include <utility>

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
// A network that asks for more is asked again after so long, and no binding is believed to last longer unless we asked
// for it.
constexpr seconds kLongestWait{7 * 24 * 3600};

// How long a DELETE waits for the network before it is answered all the same.
constexpr seconds kDeregisterPatience{3};
// A de-registration that was never answered is forgotten.
constexpr seconds kDeregisterLimit{40};

// Bindings that are overdue after a restart: so many REGISTERs in each slot of the plan at once, more only where all of
// them would not be through in the time.
constexpr uint32_t kCatchUpRoom = 5;
constexpr seconds kCatchUpTime{600};
constexpr seconds kCatchUpLeast{10};  // for those that are about to expire
constexpr int kLooks = 16;

constexpr seconds kFirstRefreshSpread{3600};

// When all end: so many wait for the network's answer at a time, and so many more are begun in a tick, 5,000 a second.
constexpr size_t kMostEnding = 500;
constexpr size_t kMostEndingInATick = 50;
constexpr std::chrono::milliseconds kEndTick{10};

seconds RefreshDelay(seconds granted) { return granted > kLongRegistration ? granted - kRefreshMargin : granted / 2; }

std::vector<RegistrationRecord> Confirmed(std::vector<Entry> entries) {
  std::vector<RegistrationRecord> records;
  for (Entry& entry : entries) {
    if (entry.state == State::kRegistered) records.push_back(std::move(entry.record));
  }
  return records;
}

}  // namespace

RegistrationRegistry::RegistrationRegistry(RegistrationConfig config, uint64_t seed)
    : config_(config), random_state_(seed) {}

// splitmix64: nothing secret comes from it.
uint64_t RegistrationRegistry::Random() {
  uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// ---- requests

std::variant<WallTime, Refusal> RegistrationRegistry::ExpiryOf(std::optional<WallTime> wish, WallTime now) const {
  if (!wish) return now + config_.default_expiry;
  // The client's clock and ours read whole seconds; one of difference is no offence.
  if (*wish + seconds(1) < now + config_.min_expiry) {
    return Refusal{RefusalKind::kOutOfRange, "The registrationExpireTime must be at least " +
                                                 std::to_string(config_.min_expiry.count()) + " seconds from now."};
  }
  return std::min(*wish, now + config_.max_expiry);
}

std::optional<Refusal> RegistrationRegistry::CheckLimits(const RegistrationOwner& owner) const {
  if (!end_reason_.empty()) return Refusal{RefusalKind::kUnavailable, end_reason_};
  std::set<std::string> devices;
  size_t of_user = 0;
  for (const Entry& other : table_.FindByUser(owner.client_id, owner.user)) {
    if (other.state == State::kEnding) continue;
    if (other.record.owner == owner) {
      return Refusal{RefusalKind::kAlreadyExists,
                     "An active registration already exists for this deviceId and phoneNumber."};
    }
    ++of_user;
    devices.insert(other.record.owner.device_id);
  }
  if (config_.max_registrations != 0 && table_.size() >= config_.max_registrations) {
    return Refusal{RefusalKind::kQuotaExceeded, "There are as many registrations as the operator may have."};
  }
  if (of_user >= config_.max_registrations_per_user) {
    return Refusal{RefusalKind::kMaxPerUser, "The maximum number of service registrations per user has been reached"};
  }
  if (!devices.contains(owner.device_id) && devices.size() >= config_.max_devices_per_user) {
    return Refusal{RefusalKind::kMaxDevices, "The maximum number of device instances per user has been reached"};
  }
  const auto of_number = table_.FindByNumber(owner.phone_number);
  const auto alive = std::count_if(of_number.begin(), of_number.end(),
                                   [](const Entry& entry) { return entry.state != State::kEnding; });
  if (static_cast<size_t>(alive) >= config_.max_registrations_per_msisdn) {
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
  Entry entry;
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
  SendRefresh(entry);
  table_.Put(entry);
}

void RegistrationRegistry::Update(const RegistrationId& id, std::optional<WallTime> expire_time,
                                  WallTime token_expires_at, RequestId request, Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kRegistered) {
    actions_.push_back(CompleteRequest{request, Refusal{RefusalKind::kNotFound, "No such registration."}});
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
  table_.Put(*entry);
  actions_.push_back(Persist{id});
  actions_.push_back(CompleteRequest{request, entry->record, true});
}

void RegistrationRegistry::Delete(const RegistrationId& id, RequestId request, Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state == State::kEnding) {
    actions_.push_back(CompleteRequest{request, Refusal{RefusalKind::kNotFound, "No such registration."}});
    return;
  }
  // Whoever still waits for the registration learns that it is gone.
  if (entry->request != 0) {
    actions_.push_back(
        CompleteRequest{entry->request, Refusal{RefusalKind::kUnavailable, "The registration was deleted meanwhile."}});
  }
  entry->request = request;
  End(std::move(*entry), false, "", false, now);
}

void RegistrationRegistry::RenewToken(const std::string& client_id, const std::string& user,
                                      const std::string& device_id, const std::string& phone_number,
                                      WallTime token_expires_at, Now now) {
  for (Entry& entry : table_.FindByUser(client_id, user)) {
    const bool is_theirs = entry.state != State::kEnding && entry.record.owner.device_id == device_id &&
                           entry.record.owner.phone_number == phone_number;
    if (!is_theirs || entry.record.token_expires_at >= token_expires_at) continue;
    entry.record.token_expires_at = token_expires_at;
    if (entry.state == State::kRegistered) {
      ProlongForPush(entry.record, now);
      ScheduleLife(entry, now);
      actions_.push_back(Persist{entry.record.id});
    }
    table_.Put(entry);
  }
}

// A sleeping client cannot prolong its registration itself.
void RegistrationRegistry::ProlongForPush(RegistrationRecord& record, Now now) const {
  if (record.push.empty()) return;
  record.expires_at = std::max(record.expires_at, now.wall + config_.push_expiry);
}

void RegistrationRegistry::SetPush(const RegistrationId& id, std::string push, Now now) {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kRegistered) return;
  const bool is_taken_away = push.empty() && !entry->record.push.empty();
  entry->record.push = std::move(push);
  entry->has_new_texts = true;
  if (is_taken_away) {
    // As long as any other client may have it from now on.
    entry->record.expires_at = std::min(entry->record.expires_at, now.wall + config_.max_expiry);
  }
  ProlongForPush(entry->record, now);
  ScheduleLife(*entry, now);
  table_.Put(*entry);
  actions_.push_back(Persist{id});
}

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
  ScheduleRestored(entry, now);
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
  ScheduleRefresh(*entry, granted, now);
  bool is_first = entry->state == State::kRegistering;
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
    Refusal refusal{RefusalKind::kUnavailable, "The network does not take registrations now: " + sip};
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
  ScheduleRetry(*entry, failure.retry_after, now);
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
      SetRefresh(*entry, plan_.Earliest(now.steady + wait, now.steady + wait + wait / 10, 1));
      // Nothing is bound until then; what would have expired is gone already.
      entry->sip_expiry_deadline = kNever;
      return table_.Put(*entry);
    }
  }
}

// ---- timers

void RegistrationRegistry::ScheduleLife(Entry& entry, Now now) const {
  entry.expiry_deadline = now.steady + (entry.record.expires_at - now.wall);
  entry.token_deadline = entry.record.push.empty()
                             ? now.steady + (entry.record.token_expires_at + config_.token_grace - now.wall)
                             : kNever;
}

void RegistrationRegistry::ScheduleRefresh(Entry& entry, seconds granted, Now now) {
  const seconds delay = RefreshDelay(granted);
  // The first one goes out early enough to leave the crowd in which the registration came.
  const bool is_first = entry.state == State::kRegistering;
  const seconds earlier =
      is_first ? std::min(kFirstRefreshSpread, delay * 9 / 10) : std::min(config_.refresh_jitter, delay / 10);
  const SteadyTime latest = now.steady + std::max(delay, seconds(1));
  SetRefresh(entry, plan_.Emptiest(latest - earlier, latest, Random()));
}

// Each keeps the time that it had: these were spread when they were chosen. After a restart many may be overdue, of
// those that expired meanwhile all: they are caught up with one by one.
void RegistrationRegistry::ScheduleRestored(Entry& entry, Now now) {
  using std::chrono::milliseconds;
  const auto left =
      std::max(std::chrono::duration_cast<milliseconds>(entry.record.sip_expires_at - now.wall), milliseconds(0));
  const seconds granted = entry.record.registered.expires;
  const milliseconds due = left - (granted - RefreshDelay(granted));
  if (due > milliseconds(0)) {
    entry.sip_expiry_deadline = now.steady + left;
    const SteadyTime latest = now.steady + due;
    const SteadyTime had = entry.record.refresh_at ? now.steady + (*entry.record.refresh_at - now.wall) : now.steady;
    if (had > now.steady && had <= latest) return SetRefresh(entry, had);
    const SteadyTime earliest = std::max(latest - kFirstRefreshSpread, now.steady + seconds(1));
    return SetRefresh(entry, RoomiestOfSome(std::min(earliest, latest), latest));
  }
  // It was not the network that did not prolong it: nobody's registration ends for having to wait here.
  entry.sip_expiry_deadline = kNever;
  const auto window =
      left > milliseconds(0) ? std::clamp<milliseconds>(left / 2, kCatchUpLeast, kCatchUpTime) : kCatchUpTime;
  SetRefresh(entry, CatchUpTime(now.steady + seconds(1), now.steady + window));
}

// A hundred thousand look for their time here one after the other: no one looks again where there is no room any more.
SteadyTime RegistrationRegistry::CatchUpTime(SteadyTime from, SteadyTime to) {
  const SteadyTime when = plan_.Earliest(std::clamp(catch_up_full_until_, from, to), to, kCatchUpRoom);
  const bool has_room = plan_.CountAt(when) < kCatchUpRoom;
  catch_up_full_until_ = std::max(catch_up_full_until_, has_room ? when : to);
  return has_room ? when : RoomiestOfSome(from, to);
}

// To look at all of them is too much for a hundred thousand registrations.
SteadyTime RegistrationRegistry::RoomiestOfSome(SteadyTime from, SteadyTime to) {
  const auto choices = static_cast<uint64_t>((to - from) / RefreshPlan::kSlot) + 1;
  SteadyTime best = to;
  for (int i = 0; i < kLooks; ++i) {
    const SteadyTime other = from + static_cast<int64_t>(Random() % choices) * RefreshPlan::kSlot;
    if (plan_.CountAt(other) < plan_.CountAt(best)) best = other;
  }
  return best;
}

void RegistrationRegistry::ScheduleRetry(Entry& entry, std::optional<seconds> retry_after, Now now) {
  seconds delay = kBackOffMax;
  // 30 s doubled six times is beyond the cap.
  if (entry.failures < 6) {
    delay = std::min(kBackOffMax, kBackOffBase * (1 << entry.failures));
    ++entry.failures;
  }
  delay = delay / 2 + seconds(static_cast<int64_t>(Random() % static_cast<uint64_t>(delay.count() / 2 + 1)));
  // What a busy network told many at the same time does not bring all of them back at the same time.
  const SteadyTime earliest = now.steady + retry_after.value_or(delay);
  SetRefresh(entry, plan_.Earliest(earliest, earliest + retry_after.value_or(delay) / 10, 1));
}

void RegistrationRegistry::SetRefresh(Entry& entry, SteadyTime when) {
  plan_.Remove(entry.refresh_deadline);
  entry.refresh_deadline = when;
  plan_.Add(when);
}

void RegistrationRegistry::SendRefresh(Entry& entry) {
  entry.is_refresh_pending = true;
  SetRefresh(entry, kNever);
  actions_.push_back(SendRegister{ToSip(entry.record)});
}

void RegistrationRegistry::HandleTimeout(Now now) {
  plan_.Forget(now.steady);
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
  plan_.Remove(entry.refresh_deadline);
  table_.Erase(entry.record.id);
}

// ---- look-up

SipRegistration RegistrationRegistry::ToSip(const RegistrationRecord& record) const {
  return {record.id, record.impu, record.impi, record.instance_id, record.contact_token, config_.sip_expiry};
}

std::optional<RegistrationRecord> RegistrationRegistry::Find(const RegistrationId& id) const {
  auto entry = table_.Get(id);
  if (!entry || entry->state != State::kRegistered) return std::nullopt;
  return std::move(entry->record);
}

std::optional<RegistrationRecord> RegistrationRegistry::FindByContactToken(const std::string& token) const {
  auto found = Confirmed(table_.FindByToken(token));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<RegistrationRecord> RegistrationRegistry::FindByDevice(const std::string& device_id) const {
  return Confirmed(table_.FindByDevice(device_id));
}

std::vector<RegistrationRecord> RegistrationRegistry::FindByUser(const std::string& client_id,
                                                                 const std::string& user) const {
  return Confirmed(table_.FindByUser(client_id, user));
}

std::vector<RegistrationRecord> RegistrationRegistry::FindByClient(const std::string& client_id) const {
  return Confirmed(table_.FindByClient(client_id));
}

RegistrationRegistry::ClientPage RegistrationRegistry::PageOfClient(const std::string& client_id, size_t first,
                                                                    size_t count) const {
  auto [entries, total] = table_.PageOfClient(client_id, first, count);
  return {Confirmed(std::move(entries)), total};
}

std::vector<RegistrationRecord> RegistrationRegistry::FindByNumber(const std::string& phone_number) const {
  return Confirmed(table_.FindByNumber(phone_number));
}

void RegistrationRegistry::ForEach(const std::function<void(const RegistrationRecord&)>& visit) const {
  table_.ForEach([&](const Entry& entry) {
    if (entry.state == State::kRegistered) visit(entry.record);
  });
}

std::optional<Action> RegistrationRegistry::PollAction() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace byon::registration
