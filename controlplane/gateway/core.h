#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "controlplane/call/call_registry.h"
#include "controlplane/gateway/call_trace.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/registration/registration_registry.h"

namespace byon::gateway {

// A call that the user's phone has without us.
struct Gateway::NetworkCall {
  CallElsewhere shown;
  call::ReplacedDialog dialog;
};

// The two registries, and the hands that carry out what they ask for.
class Gateway::Core {
 public:
  Core(GatewayConfig config, GatewayPorts ports);
  ~Core();

  call::Now Read() const { return ports.clock.Read(); }
  registration::Now ReadForRegistration() const {
    call::Now now = ports.clock.Read();
    return {now.steady, now.wall};
  }

  // Carries out every action that is waiting, also those that arise meanwhile, and sets the alarm.
  // An input that comes while this runs only leaves its actions behind.
  void Drain();
  // The same, but not from within the present call.
  void DrainLater();
  void HandleAlarm();

  using CallWaiter = std::function<void(std::variant<call::CallView, call::Refusal>)>;
  using RegistrationWaiter = std::function<void(std::variant<registration::RegistrationRecord, registration::Refusal>)>;
  // Passes on a call's outcome as the web side wants it.
  CallWaiter ToSession(Callback<MediaSession> done) const;
  // Passes on a registration's outcome as the web side wants it; `new_id`: of the one that was asked for, empty when it
  // was there before.
  RegistrationWaiter ToRegistered(std::string new_id, Callback<Registration> done) const;
  uint64_t Await(CallWaiter waiter);
  uint64_t Await(RegistrationWaiter waiter);

  // What runs things on the strand, never once this is gone; itself on any thread.
  std::function<void(std::function<void()>)> Poster() const;
  // On the strand when everything before is safe in the store, or could not be written; never once this is gone.
  void AfterWrites(std::function<void(bool are_safe)> done);
  void TellOfLine(const registration::RegistrationId& id, LineUp how) const;

  // What `who` may see; nothing otherwise.
  // Whether the registration is of the number that a user's present token names: numbers go from one person to another.
  static bool SpeaksFor(const Principal& who, const registration::RegistrationRecord& record);
  // What the client and its user made, whatever number the token names now.
  std::optional<registration::RegistrationRecord> FindOwnRegistration(const Principal& who,
                                                                      const std::string& id) const;
  // The same where the token speaks for it.
  std::optional<registration::RegistrationRecord> FindRegistration(const Principal& who, const std::string& id) const;
  const call::Call* FindCall(const Principal& who, const std::string& id) const;
  // The registrations that `who` may see; of one device, or of all when it is empty.
  std::vector<registration::RegistrationRecord> RegistrationsOf(const Principal& who,
                                                                const std::string& device_id) const;
  std::vector<registration::RegistrationRecord> RegistrationsOfNumber(const Principal& who,
                                                                      const std::string& phone_number) const;
  // Their calls, ended ones too.
  std::vector<const call::Call*> CallsOf(const Principal& who, const std::string& device_id) const;
  // Those of them that go on here, a visitor's included.
  std::vector<const call::Call*> LiveCallsOf(const Principal& who, const std::string& device_id) const;
  // Digits to the network's side go by INFO: so configured, and there is no other way.
  bool SendsDigitsByInfo(const call::Call& call) const {
    return config.call.sends_digits_by_info && !call.takes_telephone_events();
  }
  // The calls that the user's own phones have without us, and that may be taken over.
  std::vector<NetworkCall> NetworkCallsOf(const std::string& phone_number) const;
  // Whom a call of this registration's number is for, where the gateway forks: its devices and its phone.
  call::ForkSetup ForkOf(const registration::RegistrationRecord& reached, bool is_callback) const;
  // Hands what the network said of a call to it.
  void Apply(const call::CallId& id, SipCause cause, const std::function<void(call::Call&)>& input);
  // The call as the web side knows it.
  MediaSession SessionOf(const call::CallView& view) const;
  call::SipBinding BindingOf(const registration::RegistrationRecord& record) const;
  // Where a caller is, for an emergency service: as his device says, else as his line is known; empty where neither is.
  std::string LocationOf(const registration::RegistrationRecord& record, const emergency::Location& of_device) const;
  Line LineOf(const registration::RegistrationRecord& record) const;
  // Live calls of the visitors of a campaign; of one of them, or of all when the id is empty.
  std::vector<const call::Call*> CallsOfVisitors(const click_to_call::Campaign& campaign,
                                                 const std::string& token_id) const;

  void Audit(std::string_view what, const registration::RegistrationRecord& of, const std::string& call_id = "") const;
  // What is not there is perhaps only not there yet.
  Error NotFound() const;
  void RenewToken(const Principal& who, const DeviceKey& device);

  const GatewayConfig config;
  GatewayPorts ports;
  Restored restored = Restored::kAll;
  const DialogDirectory* dialogs = nullptr;  // of numbers in the network; null: nobody knows
  call::CallRegistry calls;
  registration::RegistrationRegistry registrations;
  GatewayStats stats;
  std::vector<LineObserver*> line_observers;
  CallTraces traces;
  // Calls by their idempotency key, for as long as they are known.
  std::unordered_map<std::string, call::CallId> correlators;
  void RememberCorrelator(const call::CallOwner& owner, const std::string& client_correlator, const call::CallId& id);
  // The call that was asked for with this key already; null when there is none.
  const call::Call* FindRepeated(const call::CallOwner& owner, const std::string& client_correlator) const;
  static std::string CorrelatorKey(const call::CallOwner& owner, const std::string& client_correlator);
  void PersistTrace(const call::CallId& id);

 private:
  void Execute(const call::CallId& id, call::Action& action);
  void Execute(registration::Action& action);
  void Complete(registration::CompleteRequest& request);
  void CompleteWhenKept(registration::CompleteRequest request);
  void SetAlarm();
  void AddStep(const call::Call& call, std::string reason);
  void TellOfReferral(const call::CallId& id, const call::NotifyReferral& news);
  void TellOfTransfer(const call::CallId& id, const call::NotifyTransfer& news);
  void TellOfEmergency(const call::CallId& id, call::NotifyEmergency& news);
  void CountStart(const call::CallId& id);
  void CountEvent(const call::NotifyDevice& event);
  void PersistCall(const call::CallId& id);
  std::optional<WallTime> ExpiryOf(const call::Call& call) const;

  std::unordered_map<uint64_t, CallWaiter> call_waiters_;
  std::unordered_map<uint64_t, RegistrationWaiter> registration_waiters_;
  std::unordered_set<call::CallId> connected_;
  std::unordered_map<call::CallId, std::string> correlator_keys_;
  uint64_t last_request_ = 0;
  bool is_draining_ = false;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);  // read and written on the strand only
};

MediaSession ToMediaSession(const call::CallView& view);
Registration ToRegistration(const registration::RegistrationRecord& record);
Error ToError(const call::Refusal& refusal);
Error ToError(const registration::Refusal& refusal);

}  // namespace byon::gateway
