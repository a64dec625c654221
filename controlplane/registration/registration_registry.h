#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "controlplane/registration/refresh_times.h"
#include "controlplane/registration/registration_config.h"
#include "controlplane/registration/registration_record.h"
#include "controlplane/registration/registration_table.h"
#include "controlplane/registration/sip_registrar.h"

namespace byon::registration {

enum class RefusalKind : uint8_t {
  kOutOfRange,
  kAlreadyExists,
  kNotFound,
  kMaxPerUser,
  kMaxPerMsisdn,
  kMaxDevices,
  kQuotaExceeded,  // of all users together
  kNotApplicable,  // the network does not serve this number
  kUnavailable,
  kTimeout,
};
struct Refusal {
  RefusalKind kind = RefusalKind::kNotFound;
  std::string message;
  std::optional<std::chrono::seconds> retry_after{};  // as the network asks
};

struct CreateRequest {
  RegistrationId id;          // new, unguessable
  std::string contact_token;  // the same
  RegistrationOwner owner;
  std::string impu;
  std::string impi;
  std::optional<WallTime> expire_time;
  WallTime token_expires_at;
};

// ---- what a registration wants done; carried out in order

struct SendRegister {
  SipRegistration registration;
};
struct SendDeregister {
  RegistrationId id;
};
struct RestoreSip {
  SipRegistration registration;
  SipRegistered registered;
};
struct CompleteRequest {
  RequestId request = 0;
  std::variant<RegistrationRecord, Refusal> outcome;
  // Not before what is to be persisted is safe: the client relies on it from then on. Of a new registration that could
  // not be kept OnNotKept() is to be told.
  bool must_be_kept = false;
  bool is_new = false;
};
// The device is to be told that its registration ended without its doing.
struct NotifyEnd {
  RegistrationRecord record;
  bool is_expired = false;  // else the network, or a token that was not renewed
  std::string description;
};
// Calls of the registration end; it is found no more.
struct EndCalls {
  RegistrationId id;
  std::string reason;
};
struct Persist {
  RegistrationId id;
};
struct Erase {
  RegistrationId id;
};
using Action =
    std::variant<SendRegister, SendDeregister, RestoreSip, CompleteRequest, NotifyEnd, EndCalls, Persist, Erase>;

// All registrations and their timers: CAMARA's expiry, the access token's, and the SIP binding's
// with refresh, retry and back-off. Inputs leave actions behind; the owner polls until there are
// none. Sans-IO: time is an argument, the seed makes jitter and back-off differ between processes.
class RegistrationRegistry {
 public:
  RegistrationRegistry(RegistrationConfig config, uint64_t seed);

  // Completed after the network's answer. Refused at once for a bad expiry, a duplicate or a limit. One that is overdue
  // is taken up again, as by Update.
  void Create(CreateRequest request, RequestId id, Now now);
  // The new life counts from now (CAMARA webrtc-registration, PUT); absent: the default.
  void Update(const RegistrationId& id, std::optional<WallTime> expire_time, WallTime token_expires_at,
              RequestId request, Now now);
  // Completed when the network has been told, or after a short while.
  void Delete(const RegistrationId& id, RequestId request, Now now);
  // A fresh token of the same user on the same device. It prolongs what is registered for the number that it names; who
  // has lost a number does not keep it.
  void RenewToken(const std::string& client_id, const std::string& user, const std::string& device_id,
                  const std::string& phone_number, WallTime token_expires_at, Now now);
  // Where the sleeping device can be woken; empty: nowhere, and the registration needs its token again.
  void SetPush(const RegistrationId& id, std::string push, Now now);
  // Its first call has begun, or its last one has ended. Meanwhile, and for the grace after, neither its time nor its
  // token ends it: it is overdue, refreshed as ever, and ends as it would have.
  void SetInUse(const RegistrationId& id, bool is_in_use, Now now);
  // There for a call alone: nobody new is to be let in.
  bool IsOverdue(const RegistrationId& id) const;
  // Registers anew at once, because the network seems to have forgotten.
  void Refresh(const RegistrationId& id);
  void Restore(RegistrationRecord record, Now now);
  // A restart is through: until then no client could bring a fresh token, and from now on each has the grace for it.
  void OnAllRestored(Now now);
  // A new one could not be stored: it ends, as if it had never been.
  void OnNotKept(const RegistrationId& id, Now now);
  // Ends all of them, at a pace that the network's answers give, and takes no new ones.
  void EndAll(const std::string& reason, Now now);
  // All of them are ended, and the network has been told.
  bool HasEnded() const { return ending_.empty() && table_.size() == 0; }

  // SipRegistrarObserver
  void OnRegistered(const RegistrationId& id, SipRegistered registered, Now now);
  void OnRegisterFailed(const RegistrationId& id, const SipRegisterFailure& failure, Now now);
  void OnDeregisterDone(const RegistrationId& id, Now now);
  void OnNetworkDeregistered(const RegistrationId& id, const SipDeregistered& deregistered, Now now);

  void HandleTimeout(Now now);
  SteadyTime NextDeadline() const;
  std::optional<Action> PollAction();

  // Only registrations that the network has confirmed and that have not ended; copies.
  std::optional<RegistrationRecord> Find(const RegistrationId& id) const;
  // The same for lists of many: nothing is unpacked.
  bool IsRegistered(const RegistrationId& id) const { return table_.IsRegistered(id); }
  std::optional<RegistrationRecord> FindByContactToken(const std::string& token) const;
  std::vector<RegistrationRecord> FindByDevice(const std::string& device_id) const;
  std::vector<RegistrationRecord> FindByUser(const std::string& client_id, const std::string& user) const;
  std::vector<RegistrationRecord> FindByNumber(const std::string& phone_number) const;
  // Of all users.
  std::vector<RegistrationRecord> FindByClient(const std::string& client_id) const;
  // The same, those from `first` on and `count` at most, at the price of these; in an order that holds while none comes
  // or goes.
  struct ClientPage {
    std::vector<RegistrationRecord> records;
    size_t total = 0;
  };
  ClientPage PageOfClient(const std::string& client_id, size_t first, size_t count) const;
  void ForEach(const std::function<void(const RegistrationRecord&)>& visit) const;
  size_t size() const { return table_.registered_count(); }

 private:
  void ProlongForPush(RegistrationRecord& record, Now now) const;
  std::variant<WallTime, Refusal> ExpiryOf(std::optional<WallTime> wish, WallTime now) const;
  std::optional<Refusal> CheckLimits(const RegistrationOwner& owner) const;
  SipRegistration ToSip(const RegistrationRecord& record) const;
  std::optional<RegistrationId> FindOverdue(const RegistrationOwner& owner) const;
  void ScheduleLife(Entry& entry, Now now);
  void Spare(Entry& entry, Now now);
  void SetRefresh(Entry& entry, SteadyTime when);
  void SendRefresh(Entry& entry);
  void End(Entry entry, bool is_expired, const std::string& description, bool is_network_told, Now now);
  void HandleEntryTimeout(Entry entry, Now now);
  void EndSome(Now now);
  void Remove(const Entry& entry);

  const RegistrationConfig config_;
  RegistrationTable table_;
  RefreshTimes times_;
  // Of those that have calls, or had one until a moment ago.
  struct Use {
    SteadyTime until = kNever;
    bool is_overdue = false;
  };
  std::unordered_map<RegistrationId, Use> uses_;
  SteadyTime tokens_count_from_{};  // after a restart clients have time to come back
  std::deque<Action> actions_;
  std::string end_reason_;                         // empty: service goes on
  std::vector<RegistrationTable::Ticket> ending_;  // those that EndAll has not come to yet
  SteadyTime end_some_at_ = kNever;
};

}  // namespace byon::registration
