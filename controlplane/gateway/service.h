#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/call/call_action.h"
#include "controlplane/call/media_control.h"
#include "controlplane/call/status.h"
#include "controlplane/emergency/location.h"
#include "controlplane/messaging/message.h"
#include "controlplane/presence/presence_book.h"

// What the web side may ask of the gateway, without a word of HTTP or JSON: the CAMARA resources as
// plain types. Served by Gateway, used by every API (REST, WebSocket, SIP over WebSocket).
namespace byon::gateway {

using WallTime = std::chrono::system_clock::time_point;

// Who asks, as proved by a verified access token.
struct Principal {
  std::string client_id;
  std::string subject;                      // end user; empty with a 2-legged token
  std::optional<std::string> phone_number;  // +E.164, of the token; never with a 2-legged token
  bool is_two_legged = false;
  WallTime token_expires_at;
  std::string campaign_id{};  // of a visitor (click to call), who has no number; else empty

  bool is_visitor() const { return !campaign_id.empty(); }
};

enum class ErrorCode {
  kInvalidArgument,      // 400
  kOutOfRange,           // 400
  kPermissionDenied,     // 403
  kInvalidTokenContext,  // 403
  kMaxRegistrationsPerUser,
  kMaxRegistrationsPerMsisdn,
  kMaxDevicesPerUser,
  kNotFound,               // 404
  kAlreadyExists,          // 409
  kIncompatibleState,      // 409
  kUnnecessaryIdentifier,  // 422
  kMissingIdentifier,      // 422
  kServiceNotApplicable,   // 422
  kQuotaExceeded,          // 429
  kTooManyRequests,        // 429
  kInternal,               // 500
  kEmergencyNotSupported,  // 501
  kUnavailable,            // 503
  kTimeout,                // 504
};
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;                                // one sentence, safe to show
  std::optional<std::chrono::seconds> retry_after{};  // with 429 and 503, where it is known
};
// After a restart, of what may only not have been read from the store yet.
inline Error StillRestoring() {
  return {ErrorCode::kUnavailable,
          "The gateway has just started and does not know everything again yet; try again in a moment.",
          std::chrono::seconds(2)};
}
template <typename T>
using Outcome = std::variant<T, Error>;
template <typename T>
using Callback = std::function<void(Outcome<T>)>;
struct Done {};

// ---- registrations

struct RegistrationRequest {
  std::string device_id;                    // uuid
  std::optional<std::string> phone_number;  // only with a 2-legged token
  std::optional<WallTime> expire_time;
};
struct Registration {
  std::string registration_id;
  std::string device_id;
  std::string phone_number;
  WallTime expires_at;
};

// A part of a list, and how long the whole is.
struct RegistrationPage {
  std::vector<Registration> registrations;
  size_t total = 0;
};

// ---- calls

struct Sdp {
  std::string sdp;
};
struct CallRequest {
  std::string media_session_id;  // unguessable; empty: made by the gateway
  std::string registration_id;
  std::string originator_address;  // tel:, sip:, sip:anonymous@anonymous.invalid
  std::string receiver_address;
  std::string originator_name;
  std::string receiver_name;
  std::string offer_sdp;
  bool is_emergency = false;
  std::string client_correlator;  // idempotency key; may be empty
  emergency::Location location;   // of the caller; used for emergency calls only
};
struct StatusChange {
  call::Status status = call::Status::kInitial;
  std::optional<std::string> offer_sdp;
  std::optional<std::string> answer_sdp;
  std::optional<std::string> location_json;
};
// The CAMARA media session as one device sees it.
struct MediaSession {
  std::string media_session_id;
  std::string registration_id;
  std::string device_id;
  std::string originator_address;
  std::string originator_name;
  std::optional<call::Assurance> originator_assurance{};  // of an incoming call's caller, unless he is withheld
  std::string receiver_address;
  std::string receiver_name;
  call::Status status = call::Status::kInitial;
  std::string reason;             // of the last change, e.g. "SIP 486 Busy Here"
  std::string client_correlator;  // of the request that made it; may be empty
  std::optional<std::string> offer_sdp;
  std::optional<std::string> answer_sdp;
  call::Emergency emergency = call::Emergency::kNone;
  bool is_originating = true;
  int sequence_number = 0;
  WallTime created_at;
  std::optional<WallTime> connected_at;
  // Of events, for the operator's log: the network's names of the call (Call-ID, icid); empty: not known.
  std::string sip_call_id{};
  std::string charging_id{};
};

struct CallPage {
  std::vector<MediaSession> calls;
  size_t total = 0;  // of the whole list
};
// What the network said of a call: a SIP response, or the Reason header of CANCEL or BYE (RFC 3326).
struct SipCause {
  int sip_status = 0;  // 0: none
  int q850_cause = 0;  // 0: none
  std::string text;
};
// One step in the life of a call; sequence_number 0 when the device was not told.
struct CallChange {
  WallTime at;
  call::Status status = call::Status::kInitial;
  int sequence_number = 0;
  std::string reason;
  std::optional<SipCause> cause;  // absent when the device or the gateway did it
};
// Who a call was for before it was sent on to this number.
struct Diversion {
  std::string address;  // as a caller's is shown; anonymous where it is withheld
  std::string reason;   // unknown | unconditional | busy | no-answer | unreachable | deflection
};
struct CallDetails {
  MediaSession session;
  std::optional<SipCause> cause;  // the last that the network said
  std::vector<CallChange> history;
  std::vector<Diversion> diversions{};  // the first one first
  std::string diverted_to{};            // a call of the device: to whom it was sent on; empty: not told
};
// An announcement or a tone in a call; neither stops what plays.
struct PlaybackRequest {
  bool is_for_peer = false;  // else for the device
  std::string announcement;  // by its name at the operator
  call::Tone tone = call::Tone::kNone;
  bool is_looped = false;
};
// Where a call is to be moved to while it goes on.
struct TransferRequest {
  std::string to_address;  // tel: or sip:; empty: the user's own phone
};
// A call of the user that goes on elsewhere and may be taken over.
struct CallElsewhere {
  MediaSession session;
  bool is_on_phone = false;  // else on another device
  // is_on_phone: the phone's own, which never went through here; its mediaSessionId is of use for PullRequest only.
  bool is_of_network = false;
};
struct CallElsewherePage {
  std::vector<CallElsewhere> calls;
  size_t total = 0;  // of the whole list
};
struct PullRequest {
  std::string call_id;          // of a CallElsewhere
  std::string registration_id;  // of the device that takes it over
  std::string offer_sdp;
};
// Quality of a call, for the page and the operator; not part of CAMARA.
struct MediaQuality {
  using Leg = call::MediaStats::Leg;
  Leg access;
  Leg ims;
  std::map<std::string, uint64_t> drops;
};

// ---- events

// Devices are told apart by who they belong to: a deviceId alone is not globally unique.
struct DeviceKey {
  std::string client_id;
  std::string user;  // subject; the phone number with 2-legged tokens
  std::string device_id;
  auto operator<=>(const DeviceKey&) const = default;
};
struct SessionInvitation {
  MediaSession session;
};
struct SessionStatus {
  MediaSession session;
  std::optional<std::string> location_json;
};
struct RegistrationEnds {
  std::string registration_id;
  bool is_expired = false;  // REGISTRATION_EXPIRED, else NETWORK_TERMINATED
  std::string description;
};
struct DtmfReceived {  // extension
  std::string media_session_id;
  std::string digit;
  int duration_ms = 0;
};
struct EmergencyNotice {  // extension
  std::string media_session_id;
  call::EmergencyStep step = call::EmergencyStep::kRefused;
  std::string service_urn;  // with kRouted
  bool has_location = false;
};
struct TransferProgress {  // extension
  std::string media_session_id;
  call::TransferState state = call::TransferState::kStarted;
  std::string reason;  // why it failed
};
// Extension: the network moves the other side of a call to somebody else; the session goes on.
struct ReferralProgress {
  std::string media_session_id;
  call::TransferState state = call::TransferState::kStarted;  // kStarted, kRinging, kCompleted, kFailed
  std::string target_address;
  std::string reason;  // why it failed
};
// Extension: of a message of the device's number; MessageReceived once for each device that comes.
struct MessageReceived {
  std::string registration_id;
  messaging::Message message;
};
struct MessageStatus {
  std::string registration_id;
  messaging::Message message;
};
// Extension: call state of the device's own number or of one that it watches.
struct PresenceChanged {
  std::string registration_id;
  presence::PresenceState state;
};
using Event = std::variant<SessionInvitation, SessionStatus, RegistrationEnds, DtmfReceived, TransferProgress,
                           ReferralProgress, MessageReceived, MessageStatus, PresenceChanged, EmergencyNotice>;

// Where events go: subscriptions and channels of the device.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvent(const DeviceKey& device, const Event& event) = 0;
};

// Called on the gateway's strand; callbacks come on the same strand, possibly before the call
// returns. A resource of somebody else is kNotFound: other client, other user (CAMARA design guide
// section 6.7).
class Service {
 public:
  virtual ~Service() = default;

  // A restart is not through yet: lists lack something, what is not found is kUnavailable, nothing new is registered.
  virtual bool is_restoring() const { return false; }
  // Calls, and the registrations that have one, are known before that.
  virtual bool are_calls_known() const { return true; }
  // Answers after the network's 200 to the REGISTER.
  virtual void CreateRegistration(const Principal& who, RegistrationRequest request, Callback<Registration> done) = 0;
  virtual Outcome<Registration> GetRegistration(const Principal& who, const std::string& id) = 0;
  // Of all devices when `device_id` is empty.
  virtual std::vector<Registration> ListRegistrations(const Principal& who, const std::string& device_id) = 0;
  // Of all devices, those from `first` on and `count` at most: a 2-legged client may have very many. Their order is the
  // same in every call while none comes or goes.
  virtual RegistrationPage ListRegistrationPage(const Principal& who, size_t first, size_t count) = 0;
  // Also binds the registration to the new token's life.
  virtual void UpdateRegistration(const Principal& who, const std::string& id, std::optional<WallTime> expire_time,
                                  Callback<Registration> done) = 0;
  virtual void DeleteRegistration(const Principal& who, const std::string& id, Callback<Done> done) = 0;
  // A fresh token of the same user was seen (event channel): registrations of the device live on.
  virtual void RenewToken(const Principal& who, const DeviceKey& device) = 0;
  // Where the device can be woken while it sleeps; the text is opaque here, empty takes it away. A registration that
  // has it needs no fresh token and lives on for GatewayConfig::registration.push_expiry.
  virtual Outcome<Registration> SetPushSubscription(const Principal& who, const std::string& id,
                                                    std::string subscription) = 0;
  // Empty: none.
  virtual Outcome<std::string> GetPushSubscription(const Principal& who, const std::string& id) = 0;

  // Is this an address for help, listed or learnt?
  virtual bool IsEmergency(const std::string& receiver_address) const = 0;
  // Answers when the INVITE is on its way (100 Trying or later) or has failed at once.
  virtual void CreateCall(const Principal& who, CallRequest request, Callback<MediaSession> done) = 0;
  virtual Outcome<MediaSession> GetCall(const Principal& who, const std::string& id) = 0;
  // Live calls; of all devices when `device_id` is empty.
  virtual std::vector<MediaSession> ListCalls(const Principal& who, const std::string& device_id) = 0;
  // `count` of them from the one at `first` on: a server has as many as all its users together.
  virtual CallPage ListCallPage(const Principal& who, const std::string& device_id, size_t first, size_t count) = 0;
  virtual void ChangeStatus(const Principal& who, const std::string& id, StatusChange change,
                            Callback<MediaSession> done) = 0;
  virtual void DeleteCall(const Principal& who, const std::string& id, Callback<Done> done) = 0;

  // Extensions.
  virtual Outcome<CallDetails> GetCallDetails(const Principal& who, const std::string& id) = 0;
  // Tells the emergency service that the call is with where the caller is now; answers when the network has taken it.
  virtual void ChangeLocation(const Principal& who, const std::string& id, const emergency::Location& location,
                              Callback<Done> done) = 0;
  virtual void SendDtmf(const Principal& who, const std::string& id, const std::string& digits,
                        Callback<Done> done) = 0;
  // While the call is connected. kNotFound for an announcement that there is not.
  virtual void Play(const Principal& who, const std::string& id, PlaybackRequest request, Callback<Done> done) = 0;
  virtual void GetQuality(const Principal& who, const std::string& id, Callback<MediaQuality> done) = 0;
  // Moves a connected call to another phone: the other side and this phone are joined when it answers,
  // and the session ends. Answers when that has begun; TransferProgress tells the rest.
  virtual void TransferCall(const Principal& who, const std::string& id, TransferRequest request,
                            Callback<MediaSession> done) = 0;
  virtual void CancelTransfer(const Principal& who, const std::string& id, Callback<Done> done) = 0;
  // Calls that the device could take over: `count` of them from the one at `first` on.
  virtual CallElsewherePage ListElsewhere(const Principal& who, const std::string& device_id, size_t first,
                                          size_t count) = 0;
  // Answers with the new session and the answer to its offer; it is Connected when the other side has
  // followed. Until then the call stays where it is.
  virtual void PullCall(const Principal& who, PullRequest request, Callback<MediaSession> done) = 0;
};

}  // namespace byon::gateway
