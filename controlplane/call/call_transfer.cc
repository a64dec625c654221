// Moving a call: from its device to a phone, and from there, or from one device, to another device.
#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/call/call.h"

namespace byon::call {
namespace {

const EndReason kElsewhere{.sip_status = 200, .text = "Call completed elsewhere"};  // RFC 3326
const EndReason kClearing{.q850_cause = 16, .text = "Normal call clearing"};

}  // namespace

std::string_view ToString(TransferState state) {
  switch (state) {
    case TransferState::kStarted: return "Started";
    case TransferState::kRinging: return "Ringing";
    case TransferState::kCompleted: return "Completed";
    case TransferState::kFailed: return "Failed";
    case TransferState::kCancelled: return "Cancelled";
  }
  return "Failed";
}

// ---- to the phone: a second dialog is set up beside the call; when it is answered the media plane joins
// the two network sides, and the device has left.

std::unique_ptr<Call> Call::StartPhoneLeg(const Call& moved, PhoneLegSetup setup, Now now) {
  auto call = StartBeside(moved, Part::kPhoneLeg, std::move(setup.id), setup.sdp_session_id, now);
  call->record_.receiver_address = std::move(setup.receiver_address);
  // The own phone knows a number that is withheld, and is asked by it.
  call->invite_.is_anonymous = call->invite_.is_anonymous && setup.target_uri != moved.record_.binding.impu;
  call->invite_.target_uri = std::move(setup.target_uri);
  call->invite_.excluded_instances = std::move(setup.excluded_instances);
  call->move_id_ = std::move(setup.move_id);
  if (setup.finds_phone) call->AskForDevices();
  MediaChange initial;
  initial.beside = moved.record_.id;
  initial.is_ims_ipv6 = sdp::IsIpv6(moved.record_.locals.ims.rtp.ip);
  call->Emit(CreateMedia{std::move(initial)});
  call->Emit(Persist{});
  return call;
}

// What it has in common with the leg of a referral.
std::unique_ptr<Call> Call::StartBeside(const Call& of, Part part, CallId id, uint64_t sdp_session_id, Now now) {
  std::unique_ptr<Call> call(new Call(of.config_, of.sdp_));
  const CallRecord& other = of.record_;
  CallRecord& record = call->record_;
  record.id = std::move(id);
  record.owner = other.owner;
  record.binding = other.binding;
  record.is_originating = true;
  record.originator_address = other.is_originating ? other.originator_address : other.receiver_address;
  record.created_at = now.wall;
  record.sdp_session_id = sdp_session_id;
  record.part = part;
  record.partner = other.id;
  call->invite_.call_id = record.id;
  call->invite_.binding = record.binding;
  // Who has withheld the number once has not agreed to show it to somebody else.
  call->invite_.is_anonymous = record.originator_address == kAnonymousAddress;
  call->is_access_connected_ = true;  // there is no browser to wait for
  call->progress_deadline_ = now.steady + of.config_.progress_timeout;
  call->duration_deadline_ = now.steady + of.config_.max_duration;
  return call;
}

std::optional<Refusal> Call::CheckTransfer() const {
  if (is_ended() || record_.status != Status::kConnected || !is_on_device()) {
    return Refusal{RefusalKind::kIncompatibleState,
                   "Only a connected call can be moved; a held one is to be resumed first."};
  }
  if (record_.emergency != Emergency::kNone) {
    return Refusal{RefusalKind::kIncompatibleState, "A call with an emergency service stays where it is."};
  }
  if (!record_.partner.empty() || web_change_ || !lent_to_.empty() || referral_ || network_move_) {
    return Refusal{RefusalKind::kIncompatibleState, "An earlier change is still under way."};
  }
  return std::nullopt;
}

void Call::BeginTransfer(const CallId& phone_leg) {
  record_.partner = phone_leg;
  Emit(Persist{});
  Emit(NotifyTransfer{TransferState::kStarted, {}});
}

void Call::CancelTransfer(RequestId id, Now now) {
  if (is_ended() || !is_on_device() || record_.partner.empty()) {
    return Refuse(id, RefusalKind::kIncompatibleState, "The call is not being moved.");
  }
  if (network_move_ && network_move_->is_accepted) {
    return Refuse(id, RefusalKind::kIncompatibleState,
                  "The network is moving the call, which cannot be stopped from here: decline it on the phone.");
  }
  Emit(TellPartner{
      .partner = record_.partner, .news = PartnerNews::kEnded, .reason = kClearing, .is_cancelled = true, .now = now});
  Complete(id);
}

void Call::OnMediaJoined(const std::optional<std::string>& error, Now now) {
  if (is_ended() || record_.part != Part::kPhoneLeg) return;
  if (error) {
    return Fail("The media could not be joined: " + *error, {.sip_status = 500, .text = "Media failure"}, 500, now);
  }
  is_joined_ = true;
  Emit(TellPartner{.partner = record_.partner, .news = PartnerNews::kJoined, .reason = {}, .now = now});
}

// The device's part is over, the call's is not.
void Call::LeaveDevice(Now now) {
  Emit(NotifyTransfer{TransferState::kCompleted, {}});
  if (web_change_) {
    Refuse(web_change_->request, RefusalKind::kIncompatibleState, "The call has left this device.");
    web_change_.reset();
  }
  media_deadline_ = create_deadline_ = kNoDeadline;
  record_.reason = "Call moved to another phone";
  ++record_.sequence_number;
  record_.part = Part::kAway;
  // What holds or is held is between the network's sides now. First of all, so that whoever follows the user's calls
  // knows that this one is not over.
  Emit(Persist{});
  NotifyDevice event{false, view(), std::nullopt};
  event.view.status = Status::kTerminated;
  Emit(std::move(event));
  (void)now;
}

// ---- back to a device: its media is connected first, then the network is told of the new address.

std::unique_ptr<Call> Call::StartPull(const CallConfig& config, const Negotiators& negotiators, const Call& pulled,
                                      PullSetup setup, RequestId request, Now now) {
  std::unique_ptr<Call> call(new Call(config, negotiators));
  const CallRecord& of = pulled.record_;
  CallRecord& record = call->record_;
  record.id = std::move(setup.id);
  record.owner = std::move(setup.owner);
  record.binding = of.binding;
  record.is_originating = true;
  const bool is_withheld = of.is_originating && of.originator_address == kAnonymousAddress;
  record.originator_address = is_withheld ? of.originator_address : std::move(setup.originator_address);
  record.receiver_address = of.is_originating ? of.receiver_address : of.originator_address;
  record.receiver_name = of.is_originating ? of.receiver_name : of.originator_name;
  record.offer_sdp = std::move(setup.offer_sdp);
  record.access = setup.offer.media;
  record.created_at = now.wall;
  record.sdp_session_id = of.sdp_session_id;
  record.signalling_id = pulled.signalling_id();
  call->create_request_ = request;
  call->web_change_ = std::make_unique<WebChange>();
  call->web_change_->offer = std::move(setup.offer);
  call->pull_ = std::make_unique<Pull>();
  call->pull_->from = of.id;
  MediaChange initial{.access = record.access};
  initial.is_ims_ipv6 = sdp::IsIpv6(of.locals.ims.rtp.ip);
  call->Emit(CreateMedia{std::move(initial)});
  call->progress_deadline_ = now.steady + config.progress_timeout;
  // However often it moves, it is one call.
  call->duration_deadline_ = std::min(pulled.duration_deadline_, now.steady + config.max_duration);
  return call;
}

std::optional<Refusal> Call::CheckPull() const {
  const bool is_talking = record_.part == Part::kAway || (is_on_device() && record_.status == Status::kConnected);
  if (is_ended() || !is_talking) {
    return Refusal{RefusalKind::kIncompatibleState, "Only a connected call can be taken over."};
  }
  if (record_.emergency != Emergency::kNone) {
    return Refusal{RefusalKind::kIncompatibleState, "A call with an emergency service stays where it is."};
  }
  if (!lent_to_.empty() || web_change_ || referral_ || network_move_ || (is_on_device() && !record_.partner.empty())) {
    return Refusal{RefusalKind::kIncompatibleState, "The call is being moved already."};
  }
  return std::nullopt;
}

Call::LentDialog Call::Lend(const CallId& to) {
  lent_to_ = to;
  return {DialogOf(record_.dialog_id), record_.dialog_id,       record_.binding,
          record_.sdp_session_id,      record_.ims_sdp_version, record_.dialog_snapshot,
          record_.is_held_remotely,    record_.connected_at,    record_.sip_call_id};
}

void Call::TakeDialog(LentDialog lent) {
  if (is_ended() || !pull_) return;
  pull_->has_dialog = true;
  record_.binding = std::move(lent.binding);
  record_.sdp_session_id = lent.sdp_session_id;
  record_.ims_sdp_version = lent.ims_sdp_version;
  record_.dialog_snapshot = std::move(lent.snapshot);
  record_.sip_call_id = std::move(lent.sip_call_id);
  record_.dialog_id = lent.dialog_id;
  record_.is_held_remotely = lent.is_held_remotely;
  Dialog& dialog = dialogs_[lent.dialog_id];
  dialog = std::move(lent.dialog);
  SendDirectionOffer();
}

void Call::FinishPull(const DialogId& dialog_id, const std::string& sdp, Now now) {
  // An incoming call's dialog has no name of its own; from now on the tag is its name.
  auto dialog = dialogs_.extract(record_.dialog_id);
  dialogs_.clear();
  if (!dialog.empty()) dialogs_[dialog_id] = std::move(dialog.mapped());
  record_.dialog_id = dialog_id;
  std::string error;
  if (!TakeRemoteAnswer(dialog_id, sdp, &error)) {
    pull_->outcome.must_offer_again = true;
    return Fail(error, {}, 0, now);
  }
  const std::unique_ptr<Pull> pull = std::move(pull_);
  Emit(TellPartner{.partner = pull->from, .news = PartnerNews::kTookDialog, .reason = {}, .now = now});
  Move(Trigger::kAnswered, "Call moved here", now);
  UseDialog(dialog_id);
  if (record_.is_held_remotely) Move(Trigger::kRemoteHold, "Call held by the other side", now);
}

// ---- both

void Call::TellPartnersOfEnd(Now now) {
  EndBranches(now);
  if (const std::unique_ptr<PendingReferral> referral = std::move(referral_)) {
    Emit(TellPartner{.partner = referral->leg, .news = PartnerNews::kEnded, .reason = kClearing, .now = now});
  }
  if (record_.part == Part::kReferral && !record_.partner.empty()) {
    Emit(TellPartner{.partner = std::exchange(record_.partner, {}),
                     .news = PartnerNews::kReferralFailed,
                     .reason = {.sip_status = failure_status_, .text = record_.reason},
                     .now = now});
  }
  if (!record_.partner.empty()) {
    const bool is_attempt = (record_.part == Part::kPhoneLeg && !is_joined_) || record_.part == Part::kMove;
    Emit(TellPartner{.partner = std::exchange(record_.partner, {}),
                     .news = is_attempt ? PartnerNews::kFailed : PartnerNews::kEnded,
                     .reason = {.sip_status = is_attempt ? failure_status_ : 0, .text = record_.reason},
                     .is_cancelled = is_cancelled_,
                     .now = now});
  }
  const std::unique_ptr<NetworkMove> move = std::move(network_move_);
  if (move && !move->is_done) {
    Emit(TellPartner{.partner = move->leg, .news = PartnerNews::kEnded, .reason = kClearing, .now = now});
  }
  if (!lent_to_.empty()) {
    Emit(TellPartner{.partner = std::exchange(lent_to_, {}),
                     .news = PartnerNews::kEnded,
                     .reason = {.text = record_.reason},
                     .now = now});
  }
  if (std::unique_ptr<Pull> pull = std::move(pull_); pull && pull->has_dialog) {
    TellPartner news = std::move(pull->outcome);
    // Our offer has left, and may be taken still: the network is told the address that counts.
    news.must_offer_again = news.must_offer_again || !(pull->is_refused || news.is_dialog_over);
    news.partner = pull->from;
    news.news = PartnerNews::kReturnsDialog;
    news.ims_sdp_version = record_.ims_sdp_version;
    news.now = now;
    Emit(std::move(news));
  }
}

void Call::OnPartner(const TellPartner& news, Now now) {
  if (is_ended() || OnForkNews(news, now) || OnBranchNews(news, now)) return;
  switch (news.news) {
    case PartnerNews::kRinging:
      if (is_on_device()) Emit(NotifyTransfer{TransferState::kRinging, {}});
      return;
    case PartnerNews::kMoving:
      if (network_move_) network_move_->is_accepted = true;
      return;
    case PartnerNews::kMoved: return OnMoved(now);
    case PartnerNews::kJoined: return LeaveDevice(now);
    case PartnerNews::kFailed:
      if (network_move_) return OnMoveFailed(news, now);
      record_.partner.clear();
      Emit(Persist{});
      return Emit(
          NotifyTransfer{news.is_cancelled ? TransferState::kCancelled : TransferState::kFailed, news.reason.text});
    case PartnerNews::kEnded: {
      if (pull_) return Fail("The call has ended elsewhere", {}, 0, now);
      is_cancelled_ = news.is_cancelled;
      if (is_joined_ || record_.part == Part::kAway) record_.partner.clear();
      const bool was_taken = news.reason.sip_status == kElsewhere.sip_status;
      return Fail("The other side has ended", was_taken ? kElsewhere : kClearing, 487, now);
    }
    case PartnerNews::kTookDialog: {
      lent_to_.clear();
      sip_state_ = SipState::kEnded;  // the dialog lives on, but not here
      const CallId partner = std::exchange(record_.partner, {});
      Move(Trigger::kRemoteBye, "Call moved to another device", now);
      Finish(now);
      if (!partner.empty())
        Emit(TellPartner{.partner = partner, .news = PartnerNews::kEnded, .reason = kElsewhere, .now = now});
      return;
    }
    case PartnerNews::kReturnsDialog:
      lent_to_.clear();
      record_.ims_sdp_version = std::max(record_.ims_sdp_version, news.ims_sdp_version);
      if (news.is_dialog_over) return OnEnded(news.reason, now);
      if (news.must_offer_again) SendDirectionOffer();
      return;
    case PartnerNews::kReferralProgress: return OnReferralProgress(news.reason);
    case PartnerNews::kReferralFailed: return OnReferralFailed(news.reason, now);
    default: return;  // the registry's, or of a fork
  }
}

}  // namespace byon::call
