#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/call/call_action.h"
#include "controlplane/call/call_config.h"
#include "controlplane/call/call_record.h"
#include "controlplane/call/fork_responses.h"
#include "controlplane/call/sip_signaling.h"
#include "controlplane/call/status_machine.h"

namespace byon::call {

struct Negotiators {
  explicit Negotiators(const CallConfig& config) : web(config.web_rtc), ims(config.ims) {}
  sdp::WebRtcNegotiator web;
  sdp::ImsNegotiator ims;
};

struct OutgoingSetup {
  CallId id;
  uint64_t sdp_session_id = 0;
  CallOwner owner;
  SipBinding binding;
  std::string originator_address;
  std::string originator_name;
  std::string receiver_address;
  std::string receiver_name;
  std::string target_uri;
  bool is_anonymous = false;
  std::string offer_sdp;
  sdp::WebRtcOffer offer;
  std::string client_correlator;
  bool uses_trunk = false;
  std::optional<std::chrono::seconds> max_duration{};
  bool is_emergency = false;  // target_uri is the service's then
  std::string location;       // for an emergency, and for a call that the network says is one
};

struct IncomingSetup {
  CallId id;
  uint64_t sdp_session_id = 0;
  CallOwner owner;
  SipBinding binding;
  std::string caller_address;
  std::string caller_name;
  std::optional<Assurance> caller_assurance;  // of a caller who is named
  std::string called_address;
  std::optional<sdp::ImsOffer> offer;  // absent: offerless INVITE
  bool supports_100rel = false;
  bool supports_precondition = false;
  bool is_psap_callback = false;
  std::string sip_call_id{};
};

// A device that is to ring for an INVITE that the gateway forks.
struct ForkTarget {
  CallId id;  // new
  CallOwner owner;
  SipBinding binding;
};

// Whom else but the device that the network has reached an INVITE is for.
struct ForkSetup {
  std::vector<ForkTarget> devices;
  CallId phone_leg;  // new; empty: the phone is left out
  uint64_t sdp_session_id = 0;
  std::string phone_uri;
  std::string phone_address;  // as it is shown
  ForwardedCall forwarded;
};

// The leg of a call that is moved to a phone, or to another number.
struct PhoneLegSetup {
  CallId id;
  uint64_t sdp_session_id = 0;
  std::string target_uri;
  std::string receiver_address;
  std::vector<std::string> excluded_instances;  // must not ring
  bool finds_phone = false;                     // the own phone's GRUU is asked for first
  CallId move_id;                               // of the leg that may follow (MoveConfig::ToPhone::kRefer)
};

// The leg that asks the network to move a call.
struct MoveSetup {
  OutgoingReferral referral;
  std::string receiver_address;
};

// A device takes a call over that is elsewhere.
struct PullSetup {
  CallId id;
  CallOwner owner;
  std::string originator_address;
  std::string offer_sdp;
  sdp::WebRtcOffer offer;
};

// The leg towards whom the network sends a call's other side to.
struct ReferralSetup {
  CallId id;
  uint64_t sdp_session_id = 0;
  std::string target_uri;
  std::string target_address;  // as it is shown
  std::optional<ReplacedDialog> replaces;
  std::string referred_by;
};

// A call of the user's phone that a device takes over: an INVITE to the own number with Replaces.
struct NetworkPullSetup {
  OutgoingSetup call;
  ReplacedDialog replaces;
};

// A client's PUT.
struct StatusRequest {
  Status status = Status::kInitial;
  std::optional<std::string> offer_sdp;
  std::optional<std::string> answer_sdp;
  std::optional<std::string> location_json;
};

// One call of one device: it wires the status table, the two negotiators and the timers together.
// Every input may leave actions; the owner takes and carries them out in order. Sans-IO: time is an
// argument.
class Call {
 public:
  static std::unique_ptr<Call> StartOutgoing(const CallConfig& config, const Negotiators& negotiators,
                                             OutgoingSetup setup, RequestId request, Now now);
  static std::unique_ptr<Call> StartIncoming(const CallConfig& config, const Negotiators& negotiators,
                                             IncomingSetup setup, Now now);
  // A call of an earlier process. One that was not answered yet ends here: its dialog is lost.
  static std::unique_ptr<Call> Restore(const CallConfig& config, const Negotiators& negotiators, CallRecord record,
                                       Now now);

  // Towards the phone, for a call that is to leave its device.
  static std::unique_ptr<Call> StartPhoneLeg(const Call& moved, PhoneLegSetup setup, Now now);
  // On a device that takes `pulled` over once its media is connected.
  static std::unique_ptr<Call> StartPull(const CallConfig& config, const Negotiators& negotiators, const Call& pulled,
                                         PullSetup setup, RequestId request, Now now);

  static std::unique_ptr<Call> StartMove(const Call& moved, MoveSetup setup, Now now);
  // An INVITE that the gateway forks (call_fork.cc): the caller's side, a device that rings for it, the user's phone.
  static std::unique_ptr<Call> StartFork(const CallConfig& config, const Negotiators& negotiators, IncomingSetup setup,
                                         ForkSetup fork, Now now);
  static std::unique_ptr<Call> StartBranch(const Call& fork, const ForkTarget& target, Now now);
  static std::unique_ptr<Call> StartForkedPhoneLeg(const Call& fork, Now now);

  static std::unique_ptr<Call> StartReferral(const Call& referred, ReferralSetup setup, Now now);
  // The INVITE goes out when the browser's media is connected: until then, and when it fails, the phone has the call.
  static std::unique_ptr<Call> StartNetworkPull(const CallConfig& config, const Negotiators& negotiators,
                                                NetworkPullSetup setup, RequestId request, Now now);

  const CallRecord& record() const { return record_; }
  CallView view() const;
  // As its device sees it: a call that has left it has ended.
  // Can digits go to the network's side in its media (RFC 4733)?
  bool takes_telephone_events() const { return !record_.ims || !record_.ims->audio.telephone_events.empty(); }
  Status status() const { return record_.part == Part::kAway ? Status::kTerminated : record_.status; }
  // What the signalling calls it.
  const CallId& signalling_id() const { return record_.signalling_id.empty() ? record_.id : record_.signalling_id; }
  bool is_ended() const { return IsTerminal(record_.status); }
  // Its device has heard of it; not of an incoming call whose caller is not ready.
  bool is_known_to_device() const { return record_.is_originating || record_.sequence_number > 0; }
  // On its way to a device that takes it over.
  bool is_being_pulled() const { return pull_ != nullptr; }
  std::vector<Action> TakeActions();
  Deadline NextDeadline() const;
  void HandleTimeout(Now now);

  // The client.
  void ChangeStatus(const StatusRequest& request, RequestId id, Now now);
  void Delete(RequestId id, Now now);
  // Where the caller is now, to the emergency service that the call is with (call_emergency.cc).
  void ChangeLocation(std::string document, RequestId id);
  // The device sleeps and is being woken: the caller is told that it rings.
  void AlertCaller(Now now);
  // The gateway ends the call by itself: registration gone, end of service.
  void EndByGateway(const std::string& reason, Now now,
                    const EndReason& sip_reason = {.q850_cause = 16, .text = "Normal call clearing"});

  // Moving the call (call_transfer.cc).
  std::optional<Refusal> CheckTransfer() const;
  std::optional<Refusal> CheckPull() const;
  void BeginTransfer(const CallId& phone_leg);
  // Stops alerting the phone. Refused when there is nothing to be stopped.
  void CancelTransfer(RequestId id, Now now);
  void OnPartner(const TellPartner& news, Now now);
  // The network moves it (call_move.cc): `leg` asks for it.
  void BeginMove(const CallId& leg);
  const CallId& move_id() const { return move_id_; }
  const std::string& target_uri() const { return invite_.target_uri; }
  void OnDevices(const std::vector<RegisteredDevice>& devices, Now now);
  void OnReferred(int status_code, const std::string& phrase, Now now);
  // Forks (call_fork.cc).
  const ForkSetup* fork_setup() const { return fork_ ? &fork_->setup : nullptr; }
  bool is_branch() const { return !fork_id_.empty(); }
  bool is_fork_leg() const { return is_fork_leg_; }
  // Whether the phone is being called for this fork now.
  bool IsCallingPhone() const;
  void FollowFork(const Call& fork);
  // Our 200 was acknowledged.
  void OnConfirmed();
  // A REFER of the network (call_referral.cc). The status with which it is refused; 0: it may be taken up.
  int CheckReferral() const;
  void BeginReferral(const ReferralSetup& setup);
  bool IsReferredTo(const CallId& leg) const { return referral_ && referral_->leg == leg; }
  // The leg's dialog becomes the call's, and the other way round: the leg ends the old one.
  void SwapDialogs(Call& leg, Now now);
  // The leg to the phone has reached one of the user's own devices, which refused.
  void OnRefusedHere() { was_refused_here_ = true; }
  void OnMediaJoined(const std::optional<std::string>& error, Now now);
  // A dialog on its way to the device that takes the call over.
  struct LentDialog;
  LentDialog Lend(const CallId& to);
  void TakeDialog(LentDialog lent);

  // SipSignalingObserver
  void OnProgress(const Progress& progress, Now now);
  void OnAnswered(const DialogId& dialog_id, const std::optional<std::string>& sdp, Now now);
  void OnEarlyMedia(const DialogId& dialog_id, const std::string& directions);
  void OnFailed(const EndReason& reason, Now now);
  // An emergency service has the call.
  void OnEmergencyAnswer();
  void OnLocationAnswered(int status_code);
  void OnCancelled(const EndReason& reason, Now now);
  void OnRemoteOffer(const DialogId& dialog_id, const std::optional<std::string>& sdp, Now now);
  void OnRemoteAnswer(const DialogId& dialog_id, const std::string& sdp, Now now);
  void OnOfferFailed(const DialogId& dialog_id, int status_code, Now now);
  void OnOfferStale(const DialogId& dialog_id);
  void OnReplaced(const DialogId& dialog_id, const Party& party, Now now);
  void OnEnded(const EndReason& reason, Now now);
  void OnDialogChanged(std::string snapshot, std::string sip_call_id = {});
  // The call's registration was confirmed by the network just now.
  void OnBindingRenewed(const SipBinding& binding, Now now);

  // MediaObserver
  void OnMediaReady(uint64_t change_id, MediaLocals locals, Now now);
  void OnMediaRefused(uint64_t change_id, const std::string& reason, Now now);
  void OnAccessConnected(Now now);
  void OnMediaStarted(Leg leg, const DialogId& stream_id);
  void OnMediaEnded(MediaEnd end, const std::string& detail, Now now);

 private:
  // What SIP knows of the call.
  enum class SipState : uint8_t { kNone, kInviting, kIncoming, kConfirmed, kReferring, kEnded };

  // One dialog's offer/answer state; an incoming call has only one, under the empty id.
  struct Dialog {
    std::optional<sdp::ImsMedia> remote;
    sdp::AudioFormat offered;                         // of our last offer
    std::optional<sdp::Preconditions> preconditions;  // as the peer last stated them
    bool is_precondition_confirmed = false;
    bool is_offer_asked = false;  // our last offer is one that the peer asked for: no change of ours
    bool is_early_media_authorised = false;
    bool is_early_media_gated = false;
  };

  // A call of another place that is being taken over.
  struct Pull {
    CallId from;
    bool has_asked = false;
    bool has_dialog = false;
    bool is_refused = false;  // the network stays with the address that it has
    TellPartner outcome;      // should it fail
  };

  // The network is asked to move it, by `leg`.
  struct NetworkMove {
    CallId leg;
    bool is_accepted = false;
    bool is_done = false;
    std::optional<EndReason> end{};  // of our dialog, before it is known what became of the move
  };

  // The other side is being moved by the network.
  struct PendingReferral {
    CallId leg;
    std::string target_address;
    bool is_dialog_over = false;  // who sent us there has gone already
    bool is_alerting = false;
  };

  // An INVITE on its way to devices and phone.
  struct Fork {
    ForkSetup setup;
    std::set<CallId> open;  // branches without a final answer
    ForkResponses responses;
    EndReason end;  // what those who still ring are told
    bool is_settled = false;
  };

  // A client's new offer, hold or resume that waits for the media plane, the network or both.
  struct WebChange {
    RequestId request = 0;
    std::optional<sdp::WebRtcOffer> offer;
    std::string offer_sdp;
    std::optional<uint64_t> awaited_change;
    bool awaits_network = false;
    std::optional<bool> hold;  // wanted, when it changes
    std::optional<std::string> location_json;
  };

  Call(const CallConfig& config, const Negotiators& negotiators) : config_(config), sdp_(negotiators) {}
  // A leg of the same user beside the call `of`, to another party.
  static std::unique_ptr<Call> StartBeside(const Call& of, Part part, CallId id, uint64_t sdp_session_id, Now now);

  Role role() const { return record_.is_originating ? Role::kOriginating : Role::kTerminating; }
  Dialog& DialogOf(const DialogId& id) { return dialogs_[record_.is_originating ? id : DialogId()]; }
  template <typename T>
  void Emit(T action) {
    actions_.emplace_back(std::move(action));
  }

  // ---- outcome (call.cc)
  bool Move(Trigger trigger, const std::string& reason, Now now,
            const std::optional<std::string>& location = std::nullopt);
  void Notify(Status reported, const std::string& reason, const std::optional<std::string>& location);
  void Complete(RequestId request, std::optional<Status> echo = std::nullopt);
  void Refuse(RequestId request, RefusalKind kind, std::string message);
  void Connect(Now now);
  std::chrono::seconds MaxDuration() const;
  void Finish(Now now);
  void EndSip(const EndReason& reason, int reject_status, Now now);
  void Fail(const std::string& reason, const EndReason& sip_reason, int reject_status, Now now);

  // ---- the client's side (call_client.cc)
  void ChangeIncoming(const StatusRequest& request, Trigger trigger, RequestId id, Now now);
  bool TakeAnswer(const StatusRequest& request, RequestId id);
  void ChangeMedia(const StatusRequest& request, Trigger trigger, RequestId id, Now now);
  void ChangeAccess();
  void FinishWebChange(Now now);
  void AbandonWebChange(RefusalKind kind, const std::string& message);
  void InviteDevice(Now now);
  void SendRinging(Now now);
  void SendEarlyDescription(Now now);

  // ---- emergencies (call_emergency.cc)
  void BecomeEmergency(const std::string& service_urn);
  bool GoesOnAsEmergency(const EndReason& reason, Now now);
  void TellEmergency(EmergencyStep step);
  void SendDueLocation(const DialogId& dialog_id, bool is_answered);

  // ---- moving (call_transfer.cc)
  bool is_on_device() const { return record_.part == Part::kDevice; }
  void LeaveDevice(Now now);
  void FinishPull(const DialogId& dialog_id, const std::string& sdp, Now now);
  void TellPartnersOfEnd(Now now);
  void OnReferralProgress(const EndReason& response);
  void OnReferralFailed(const EndReason& response, Now now);

  // ---- moving by the network (call_move.cc)
  void AskForDevices();
  void SendMove(Now now);
  void OnMoved(Now now);
  void OnMoveFailed(const TellPartner& news, Now now);
  bool TakesEndAsMove(const EndReason& reason, Now now);
  void OnReleaseTimeout(Now now);
  void EndMoved(Now now);

  // ---- forks (call_fork.cc)
  void BeginFork(Now now);
  bool OnForkNews(const TellPartner& news, Now now);
  void OnBranchAnswered(const CallId& branch, Now now);
  void OnBranchRefused(const CallId& branch, const EndReason& reason, Now now);
  void EndBranches(Now now);
  bool OnBranchNews(const TellPartner& news, Now now);
  void TellFork(PartnerNews news, const EndReason& reason, Now now);

  // ---- the network's side (call_network.cc)
  void StartInvite(Now now);
  void Answered(const DialogId& dialog_id, const std::string& reason, Now now);
  const std::string& IncomingDescription();
  bool TakeRemoteAnswer(const DialogId& dialog_id, const std::string& sdp, std::string* error);
  void LeaveEarlyDialog(const DialogId& id);
  void UseDialog(const DialogId& id);
  void ApplyIms();
  sdp::Direction LocalDirection() const;
  HoldAudio AccessHold(const Dialog& dialog) const;
  HoldAudio ImsHold() const;
  void SendDirectionOffer();
  void ConfirmPreconditions(const DialogId& id);
  bool WaitsForCaller() const;
  uint32_t NetworkRateHz() const;
  void UpdateRemoteHold(sdp::Direction direction, Now now);
  void UpdateRingback();

  const CallConfig& config_;
  const Negotiators& sdp_;
  CallRecord record_;
  SipState sip_state_ = SipState::kNone;
  std::vector<Action> actions_;

  OutgoingInvite invite_;
  std::string location_;  // of the caller; gone once the call is answered
  // It is to be told in the next dialog there is, or when the call is answered, where an early one did not take it.
  enum class LocationDue : uint8_t { kNo, kNow, kWhenAnswered };
  LocationDue location_due_ = LocationDue::kNo;
  RequestId location_request_ = 0;  // who waits for its answer
  bool supports_100rel_ = false;
  bool uses_preconditions_ = true;  // of an incoming call: both sides said so
  std::optional<sdp::ImsOffer> ims_offer_;
  std::string incoming_description_;  // our SDP towards the caller, the same in 183 and 200
  std::map<DialogId, Dialog> dialogs_;
  std::string web_answer_;  // built early, shown when the network has moved
  RequestId create_request_ = 0;
  std::unique_ptr<WebChange> web_change_;  // none most of the time
  std::unique_ptr<Pull> pull_;
  std::unique_ptr<PendingReferral> referral_;
  std::unique_ptr<NetworkMove> network_move_;
  std::unique_ptr<OutgoingReferral> asked_;  // of a leg that asks the network to move its partner
  CallId move_id_;
  bool awaits_devices_ = false;
  std::unique_ptr<Fork> fork_;
  CallId fork_id_;             // a branch's, until it has the call or has refused it
  bool is_fork_leg_ = false;   // the phone's branch
  bool is_described_ = false;  // of a branch: the caller has another description than ours
  bool is_network_pull_ = false;
  std::string far_stream_;     // of an incoming call whose other side was moved
  int failure_status_ = 0;     // of a leg, what the network said
  CallId lent_to_;             // the device that is taking the call over
  bool is_joined_ = false;     // a phone leg, with its call
  bool is_cancelled_ = false;  // a phone leg, by its user
  bool was_refused_here_ = false;
  uint64_t last_change_id_ = 0;
  std::optional<sdp::ImsMedia> applied_ims_;
  // Empty after a restart: what the media plane plays is not known.
  std::optional<HoldAudio> applied_access_hold_ = HoldAudio{};
  std::optional<HoldAudio> applied_ims_hold_ = HoldAudio{};
  DialogId applied_stream_;

  bool is_media_ready_ = false;
  bool is_media_closed_ = false;
  bool is_access_connected_ = false;
  bool is_invitation_sent_ = false;
  bool is_caller_alerted_ = false;
  bool awaits_binding_ = false;
  bool was_restored_ = false;  // TS 23.380: once a call
  bool is_alerting_ = false;
  bool is_ims_media_flowing_ = false;
  bool is_ringback_on_ = false;

  Deadline create_deadline_ = kNoDeadline;
  Deadline progress_deadline_ = kNoDeadline;
  Deadline ring_deadline_ = kNoDeadline;
  Deadline media_deadline_ = kNoDeadline;
  Deadline duration_deadline_ = kNoDeadline;
  Deadline forget_deadline_ = kNoDeadline;
  Deadline release_deadline_ = kNoDeadline;  // who sent us elsewhere may end the old dialog until then
};

struct Call::LentDialog {
  Dialog dialog;
  DialogId dialog_id;
  SipBinding binding;
  uint64_t sdp_session_id = 0;
  uint64_t ims_sdp_version = 0;
  std::string snapshot;
  bool is_held_remotely = false;
  std::optional<std::chrono::system_clock::time_point> connected_at;
  std::string sip_call_id;
};

}  // namespace byon::call
