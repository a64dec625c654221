// What the web side asks of the registry, and what it finds there.
#include <algorithm>
#include <set>
#include <utility>

#include "controlplane/registration/registration_registry.h"

namespace byon::registration {
namespace {

using std::chrono::seconds;

std::vector<RegistrationRecord> Confirmed(std::vector<Entry> entries) {
  std::vector<RegistrationRecord> records;
  for (Entry& entry : entries) {
    if (entry.state == State::kRegistered) records.push_back(std::move(entry.record));
  }
  return records;
}

}  // namespace

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
  if (const auto overdue = FindOverdue(request.owner); overdue && end_reason_.empty()) {
    return Update(*overdue, request.expire_time, request.token_expires_at, id, now);
  }
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

// ---- look-up

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

}  // namespace byon::registration
