#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/call/call_config.h"
#include "controlplane/call/media_control.h"
#include "controlplane/call/sip_signaling.h"
#include "controlplane/click_to_call/click_to_call.h"
#include "controlplane/gateway/audit.h"
#include "controlplane/gateway/dialog_directory.h"
#include "controlplane/gateway/line_directory.h"
#include "controlplane/gateway/push_directory.h"
#include "controlplane/gateway/runtime_ports.h"
#include "controlplane/gateway/service.h"
#include "controlplane/gateway/subscriber_directory.h"
#include "controlplane/gateway/visitor_service.h"
#include "controlplane/registration/registration_config.h"
#include "controlplane/registration/sip_registrar.h"
#include "controlplane/store/store.h"

namespace byon::registration {
struct RegistrationRecord;
}

namespace byon::gateway {

struct GatewayConfig {
  call::CallConfig call;
  registration::RegistrationConfig registration;
  bool pulls_calls = false;  // of the user's phone, by INVITE with Replaces to the own number
};

// Everything the gateway speaks to; all outlive it, all are used on its strand only.
struct GatewayPorts {
  call::SipSignaling& sip;
  registration::SipRegistrar& registrar;
  call::MediaControl& media;
  store::Store& store;
  const SubscriberDirectory& subscribers;
  EventSink& events;
  const Clock& clock;
  IdSource& ids;
  Alarm& alarm;
  click_to_call::ClickToCall* click_to_call = nullptr;  // null: no visitors here
  // Leads from the store's threads to the strand; null where the store answers on it.
  std::function<void(std::function<void()>)> post = nullptr;
  AuditTrail audit = nullptr;  // may be null
};

// How much of what an earlier process left in the store is taken up: calls with their registrations come first.
enum class Restored : uint8_t { kNothing, kCalls, kAll };
// What others have to take up before: it ends by calling what it is given, on the strand. Each may be null.
struct RestoreBefore {
  std::function<void(std::function<void()>)> calls;
  std::function<void(std::function<void()>)> lines;  // LineObservers hear of none before
};

// For metrics and health.
struct GatewayStats {
  size_t registrations = 0;
  size_t calls = 0;  // not ended
  uint64_t calls_started = 0;
  uint64_t calls_connected = 0;
  std::map<std::string, uint64_t> calls_ended;  // by status
  std::map<std::string, uint64_t> emergencies;  // by call::EmergencyStep
  std::map<std::string, uint64_t> transfers;    // steps of calls being moved, by state
  std::map<std::string, uint64_t> forks;        // of INVITEs by the gateway, by call::ForkStep
  std::map<std::string, uint64_t> referrals;    // of calls whose other side is moved by the network
  uint64_t unreadable_records = 0;              // of the store, at start
};

// Joins the two cores (calls, registrations) to SIP, media, the store and the web side: it carries
// out what they ask for and tells them what happened. All methods on one strand.
class Gateway final : public Service,
                      public VisitorService,
                      public LineDirectory,
                      public PushDirectory,
                      public call::SipSignalingObserver,
                      public registration::SipRegistrarObserver,
                      public call::MediaObserver {
 public:
  Gateway(GatewayConfig config, GatewayPorts ports);
  ~Gateway() override;
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Where the calls of users' own phones are seen; before Restore, outlives the gateway. Only with
  // GatewayConfig::pulls_calls.
  void SetDialogDirectory(const DialogDirectory* dialogs);
  // Hears of registrations that come and go; before Restore, outlives the gateway.
  void AddLineObserver(LineObserver* observer);
  // Takes up what an earlier process left in the store; once, before anything else is called. The
  // SIP and media ports must be started. It goes on between other things on the strand (GatewayPorts::post; without it,
  // it is done when this returns); `tell` hears of what is done. Until then is_restoring(), and what is not known is
  // kUnavailable.
  void Restore(std::function<void(Restored)> tell = nullptr, RestoreBefore before = {});
  // Before a process that is only to be replaced stops, and its successor restores: ends what cannot be handed over.
  void HandOver();
  // Ends every registration and call towards the network, for an orderly end of service.
  void EndService(const std::string& reason);
  Restored restored() const;
  // The network has been told of all registrations, as far as it answers.
  bool HasEnded() const;
  GatewayStats stats() const;

  // Service
  bool is_restoring() const override;
  bool are_calls_known() const override;
  void CreateRegistration(const Principal& who, RegistrationRequest request, Callback<Registration> done) override;
  Outcome<Registration> GetRegistration(const Principal& who, const std::string& id) override;
  RegistrationPage ListRegistrationPage(const Principal& who, size_t first, size_t count) override;
  std::vector<Registration> ListRegistrations(const Principal& who, const std::string& device_id) override;
  void UpdateRegistration(const Principal& who, const std::string& id, std::optional<WallTime> expire_time,
                          Callback<Registration> done) override;
  void DeleteRegistration(const Principal& who, const std::string& id, Callback<Done> done) override;
  void RenewToken(const Principal& who, const DeviceKey& device) override;
  Outcome<Registration> SetPushSubscription(const Principal& who, const std::string& id,
                                            std::string subscription) override;
  Outcome<std::string> GetPushSubscription(const Principal& who, const std::string& id) override;
  bool IsEmergency(const std::string& receiver_address) const override;
  void CreateCall(const Principal& who, CallRequest request, Callback<MediaSession> done) override;
  Outcome<MediaSession> GetCall(const Principal& who, const std::string& id) override;
  std::vector<MediaSession> ListCalls(const Principal& who, const std::string& device_id) override;
  CallPage ListCallPage(const Principal& who, const std::string& device_id, size_t first, size_t count) override;
  void ChangeStatus(const Principal& who, const std::string& id, StatusChange change,
                    Callback<MediaSession> done) override;
  void DeleteCall(const Principal& who, const std::string& id, Callback<Done> done) override;
  Outcome<CallDetails> GetCallDetails(const Principal& who, const std::string& id) override;
  void ChangeLocation(const Principal& who, const std::string& id, const emergency::Location& location,
                      Callback<Done> done) override;
  void SendDtmf(const Principal& who, const std::string& id, const std::string& digits, Callback<Done> done) override;
  void Play(const Principal& who, const std::string& id, PlaybackRequest request, Callback<Done> done) override;
  void GetQuality(const Principal& who, const std::string& id, Callback<MediaQuality> done) override;
  void TransferCall(const Principal& who, const std::string& id, TransferRequest request,
                    Callback<MediaSession> done) override;
  void CancelTransfer(const Principal& who, const std::string& id, Callback<Done> done) override;
  CallElsewherePage ListElsewhere(const Principal& who, const std::string& device_id, size_t first,
                                  size_t count) override;
  void PullCall(const Principal& who, PullRequest request, Callback<MediaSession> done) override;

  // VisitorService
  void CreateVisitorCall(const Principal& who, VisitorCallRequest request, Callback<MediaSession> done) override;
  CampaignUse UseOf(const std::string& campaign_id) const override;

  // LineDirectory
  std::vector<Line> LinesOf(const Principal& who, const std::string& phone_number) const override;
  std::optional<Line> FindLine(const Principal& who, const std::string& registration_id) const override;
  std::vector<Line> LinesOfNumber(const std::string& phone_number) const override;
  std::optional<Line> FindByContactToken(const std::string& contact_token) const override;
  std::vector<MediaSession> LiveCallsOn(const std::string& registration_id) const override;

  // PushDirectory
  std::string PushSubscriptionOf(const std::string& registration_id) const override;
  void DropPushSubscription(const std::string& registration_id, const std::string& subscription) override;
  void AlertCaller(const std::string& media_session_id) override;

  // call::SipSignalingObserver
  std::optional<call::CallId> OnIncomingInvite(call::IncomingInvite invite) override;
  void OnProgress(const call::CallId& call_id, call::Progress progress) override;
  void OnAnswered(const call::CallId& call_id, const call::DialogId& dialog_id,
                  std::optional<std::string> sdp) override;
  void OnEarlyMedia(const call::CallId& call_id, const call::DialogId& dialog_id,
                    const std::string& directions) override;
  void OnAsserted(const call::CallId& call_id, const std::string& uri) override;
  void OnNamed(const call::CallId& call_id, const std::string& sip_call_id, const std::string& charging_id) override;
  void OnDiverted(const call::CallId& call_id, std::vector<call::Diversion> diversions,
                  const std::string& target_uri) override;
  void OnFailed(const call::CallId& call_id, call::EndReason reason) override;
  void OnCancelled(const call::CallId& call_id, call::EndReason reason) override;
  void OnConfirmed(const call::CallId& call_id) override;
  void OnRemoteOffer(const call::CallId& call_id, const call::DialogId& dialog_id,
                     std::optional<std::string> sdp) override;
  void OnRemoteAnswer(const call::CallId& call_id, const call::DialogId& dialog_id, std::string sdp) override;
  void OnOfferStale(const call::CallId& call_id, const call::DialogId& dialog_id) override;
  void OnOfferFailed(const call::CallId& call_id, const call::DialogId& dialog_id, int status_code) override;
  void OnLocationAnswered(const call::CallId& call_id, int status_code) override;
  void OnReplaced(const call::CallId& call_id, const call::DialogId& dialog_id, call::Party party) override;
  void OnReferral(const call::CallId& call_id, call::Referral referral) override;
  void OnDevices(const call::CallId& call_id, std::vector<call::RegisteredDevice> devices) override;
  void OnReferred(const call::CallId& id, int status_code, std::string phrase) override;
  void OnDigit(const call::CallId& call_id, char digit, int duration_ms) override;
  void OnEnded(const call::CallId& call_id, call::EndReason reason) override;
  void OnDialogChanged(const call::CallId& call_id, std::string dialog_snapshot, std::string sip_call_id) override;

  // registration::SipRegistrarObserver
  void OnRegistered(const registration::RegistrationId& id, registration::SipRegistered registered) override;
  void OnRegisterFailed(const registration::RegistrationId& id, registration::SipRegisterFailure failure) override;
  void OnDeregisterDone(const registration::RegistrationId& id) override;
  void OnNetworkDeregistered(const registration::RegistrationId& id,
                             registration::SipDeregistered deregistered) override;

  // call::MediaObserver
  void OnMediaReady(const call::CallId& call_id, uint64_t change_id, call::MediaLocals locals) override;
  void OnMediaRefused(const call::CallId& call_id, uint64_t change_id, std::string reason) override;
  void OnAccessConnected(const call::CallId& call_id) override;
  void OnMediaStarted(const call::CallId& call_id, call::Leg leg, const call::DialogId& stream_id) override;
  void OnDtmf(const call::CallId& call_id, call::Leg leg, std::string digit, int duration_ms) override;
  void OnMediaEnded(const call::CallId& call_id, call::MediaEnd end, std::string detail) override;

 private:
  class Restoration;
  class Core;  // the cores, their actions and who waits for an outcome
  struct NetworkCall;
  void PullFromNetwork(const registration::RegistrationRecord& record, const NetworkCall& of_phone,
                       std::string offer_sdp, Callback<MediaSession> done);
  std::unique_ptr<Core> core_;
  std::unique_ptr<Restoration> restoration_;  // null before Restore()
};

}  // namespace byon::gateway
