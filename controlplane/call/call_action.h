#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "controlplane/call/call_record.h"
#include "controlplane/call/media_control.h"
#include "controlplane/call/sip_signaling.h"
#include "controlplane/call/status.h"

namespace byon::call {

// Both clocks at one moment: the steady one for deadlines, the wall's for what people read.
struct Now {
  std::chrono::steady_clock::time_point steady;
  std::chrono::system_clock::time_point wall;
};
using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

// A request of the web side that waits for its outcome; given by the caller, 0 is nobody.
using RequestId = uint64_t;

// A call as its device sees it.
struct CallView {
  CallId id;
  std::string registration_id;
  std::string device_id;
  std::string originator_address;
  std::string originator_name;
  std::optional<Assurance> originator_assurance;
  std::string receiver_address;
  std::string receiver_name;
  Status status = Status::kInitial;
  std::string reason;  // of the last change
  std::optional<std::string> offer_sdp;
  std::optional<std::string> answer_sdp;
  bool is_originating = true;
  int sequence_number = 0;  // of the last event
  std::chrono::system_clock::time_point created_at;
  std::optional<std::chrono::system_clock::time_point> connected_at;
  std::string client_correlator;  // of the request that made it; may be empty
  Emergency emergency = Emergency::kNone;
};

enum class RefusalKind : uint8_t {
  kInvalidArgument,
  kNotFound,
  kIncompatibleState,
  kEmergency,
  kBarred,
  kQuotaExceeded,
  kUnavailable,
};
struct Refusal {
  RefusalKind kind = RefusalKind::kInvalidArgument;
  std::string message;
};

// ---- what a call wants done; carried out in order

struct SendInvite {
  OutgoingInvite invite;
};
// The registration is to be made anew; OnBindingRenewed follows when that has worked.
struct RenewBinding {};
struct SendCancel {
  EndReason reason;
};
struct SendProvisional {
  int status_code = 0;
  std::optional<std::string> sdp;
};
struct SendAccept {
  std::string sdp;
};
struct SendReject {
  int status_code = 0;
  EndReason reason;
};
struct SendSdpOffer {
  DialogId dialog_id;
  std::string sdp;
};
struct SendSdpAnswer {
  DialogId dialog_id;
  std::optional<std::string> sdp;  // nothing: 488
};
struct SendLocation {
  DialogId dialog_id;
  std::string document;  // application/pidf+xml
};
struct SendBye {
  EndReason reason;
};

// Of a REFER of ours.
struct FindDevices {
  SipBinding binding;
};
struct SendReferral {
  OutgoingReferral referral;
};
struct LeaveReferral {};

// Of a REFER of the network.
struct AnswerReferral {
  int status_code = 0;
};
struct ReportReferral {
  int status_code = 0;
  std::string phrase;
};

struct CreateMedia {
  MediaChange initial;
};
struct ModifyMedia {
  uint64_t change_id = 0;
  MediaChange change;
};
struct CloseMedia {
  std::string reason;
};
struct PlayTone {
  Leg leg = Leg::kAccess;
  Tone tone = Tone::kNone;
};

// The media of the partner is to be joined with this call's; OnMediaJoined follows.
struct JoinMedia {
  CallId peer;
};
// How moving the call to another place goes.
enum class TransferState : uint8_t { kStarted, kRinging, kCompleted, kFailed, kCancelled };
std::string_view ToString(TransferState state);
struct NotifyTransfer {
  TransferState state = TransferState::kStarted;
  std::string reason;
};

// How it goes when the network moves the other side of a call (RFC 5589); kStarted to kFailed.
struct NotifyReferral {
  TransferState state = TransferState::kStarted;
  std::string target_address;  // as a party is shown
  std::string reason;
};

// Something happened that has to do with an emergency service; never carries a number.
enum class EmergencyStep : uint8_t {
  kRefused,   // not possible here: the client was told to use the phone
  kRouted,    // on its way to the service
  kAnswered,  // an ordinary call has reached one
  kCallback,  // one calls back
  kUsePhone,  // the network knows the number for one, and will not carry the call
};
std::string_view ToString(EmergencyStep step);
struct NotifyEmergency {
  EmergencyStep step = EmergencyStep::kRefused;
  std::string service_urn;  // where it is known
  bool has_location = false;
  CallOwner owner;
};

// What calls that belong together tell each other. The registry delivers it.
enum class PartnerNews : uint8_t {
  kRinging,           // the phone is alerted
  kJoined,            // the phone is in the call
  kFailed,            // the phone will not be
  kEnded,             // the other part is over
  kWantsDialog,       // another device is ready to take the call
  kTookDialog,        // and has it
  kReturnsDialog,     // or could not take it
  kReferralProgress,  // a provisional response of whom the network has sent us to
  kReferralAnswered,  // who is in the call now
  kReferralFailed,    // or will not be
  kMoving,            // the network has taken up our REFER
  kMoved,             // and done what it asks for
  kForkReady,         // of a fork, to the registry: its branches may ring
  kBranchProgress,    // what a device wants its caller told
  kBranchAnswered,    // a device or the phone has the call
  kBranchRefused,     // or does not want it
  kForkJoin,          // to the phone's leg: its caller has been answered
  kForkOver,          // to a branch: somebody else has the call, or nobody
  kForkOffer,         // to a branch, through the registry: the caller's media has changed
};
struct TellPartner {
  CallId partner;
  CallId from{};  // filled in by the registry
  PartnerNews news = PartnerNews::kEnded;
  EndReason reason;
  bool is_cancelled = false;      // kFailed
  bool is_dialog_over = false;    // kReturnsDialog
  bool must_offer_again = false;  // kReturnsDialog: the network sends its media elsewhere now
  uint64_t ims_sdp_version = 0;   // kReturnsDialog
  Now now{};
};

// What became of an INVITE that the gateway forked, or of the leg to the phone.
enum class ForkStep : uint8_t {
  kStarted,
  kDevice,     // a device has answered
  kPhone,      // the phone has
  kRefused,    // nobody took it
  kCancelled,  // the caller gave up, or the gateway did
  kMerged,     // the INVITE came more than once, for several contacts (RFC 3261 section 8.2.2.2)
  kLoop,       // the phone's leg has come back
  kNoPhone,    // the phone was left out: it would have been a loop
};
std::string_view ToString(ForkStep step);
struct NotifyFork {
  ForkStep step = ForkStep::kStarted;
};

// The device is told: an invitation (first event of an incoming call) or a change of status.
struct NotifyDevice {
  bool is_invitation = false;
  CallView view;
  std::optional<std::string> location_json;
};
// The outcome of a request.
struct CompleteRequest {
  RequestId request = 0;
  std::variant<CallView, Refusal> outcome;
};
// What must survive a restart has changed.
struct Persist {};
// The call is over and forgotten.
struct Forget {};

using Action = std::variant<SendInvite, RenewBinding, SendCancel, SendProvisional, SendAccept, SendReject, SendSdpOffer,
                            SendSdpAnswer, SendLocation, SendBye, FindDevices, SendReferral, LeaveReferral,
                            AnswerReferral, ReportReferral, CreateMedia, ModifyMedia, CloseMedia, PlayTone, JoinMedia,
                            NotifyTransfer, NotifyReferral, NotifyEmergency, NotifyFork, TellPartner, NotifyDevice,
                            CompleteRequest, Persist, Forget>;

}  // namespace byon::call
