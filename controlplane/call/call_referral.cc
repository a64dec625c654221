// The network moves the other side of a call: REFER (RFC 3515, RFC 5589). A second dialog is set up beside the call,
// from the same media address; when it is answered the two change places, and the old one ends. The browser notices a
// new voice. Also: a device takes over a call that the user's phone has made without us.
#include "controlplane/call/call.h"

namespace byon::call {
namespace {

// Who sent us elsewhere ends the old dialog when it is told of the answer (RFC 5589 section 6.1); else we do.
constexpr std::chrono::seconds kReleasePatience{2};

}  // namespace

std::unique_ptr<Call> Call::StartReferral(const Call& referred, ReferralSetup setup, Now now) {
  auto call = StartBeside(referred, Part::kReferral, std::move(setup.id), setup.sdp_session_id, now);
  const CallRecord& of = referred.record_;
  call->record_.originator_name = of.is_originating ? of.originator_name : of.receiver_name;
  call->record_.receiver_address = std::move(setup.target_address);
  call->record_.locals = of.locals;
  call->invite_.target_uri = std::move(setup.target_uri);
  call->invite_.display_name = call->record_.originator_name;
  call->invite_.replaces = std::move(setup.replaces);
  call->invite_.referred_by = std::move(setup.referred_by);
  call->is_media_ready_ = true;
  call->is_media_closed_ = true;  // the media session is the call's
  call->StartInvite(now);
  return call;
}

int Call::CheckReferral() const {
  constexpr int kNoDialog = 481;
  constexpr int kDecline = 603;
  constexpr int kPending = 491;
  if (is_ended()) return kNoDialog;
  if (!is_on_device() || invite_.uses_trunk) return kDecline;
  const bool is_busy = web_change_ || referral_ || pull_ || !record_.partner.empty() || !lent_to_.empty();
  return !IsAnswered(record_.status) || is_busy ? kPending : 0;
}

void Call::BeginReferral(const ReferralSetup& setup) {
  referral_ = std::make_unique<PendingReferral>();
  referral_->leg = setup.id;
  referral_->target_address = setup.target_address;
  constexpr int kAccepted = 202;
  Emit(AnswerReferral{kAccepted});
  Emit(NotifyReferral{TransferState::kStarted, setup.target_address, {}});
}

void Call::OnReferralProgress(const EndReason& response) {
  if (!referral_) return;
  Emit(ReportReferral{response.sip_status, response.text});
  constexpr int kRinging = 180;
  if (response.sip_status != kRinging || referral_->is_alerting) return;
  referral_->is_alerting = true;
  Emit(NotifyReferral{TransferState::kRinging, referral_->target_address, {}});
  UpdateRingback();
}

void Call::OnReferralFailed(const EndReason& response, Now now) {
  const std::unique_ptr<PendingReferral> referral = std::move(referral_);
  if (!referral) return;
  constexpr int kUnavailable = 503;
  const bool is_known = response.sip_status >= 300;
  Emit(ReportReferral{is_known ? response.sip_status : kUnavailable, is_known ? "Failed" : "Service Unavailable"});
  Emit(NotifyReferral{TransferState::kFailed, referral->target_address, response.text});
  UpdateRingback();
  if (!referral->is_dialog_over) return;
  Move(Trigger::kRemoteBye, "The other side has left, and the call could not be transferred: " + response.text, now);
  Finish(now);
}

void Call::SwapDialogs(Call& leg, Now now) {
  const std::unique_ptr<PendingReferral> referral = std::move(referral_);
  Dialog fresh = std::move(leg.DialogOf(leg.record_.dialog_id));
  Dialog old = std::move(DialogOf(record_.dialog_id));
  const DialogId fresh_id = leg.record_.dialog_id;
  CallId own_name = signalling_id();
  record_.signalling_id = leg.signalling_id();
  leg.record_.signalling_id = std::move(own_name);
  std::swap(record_.binding, leg.record_.binding);
  std::swap(record_.dialog_id, leg.record_.dialog_id);
  std::swap(record_.dialog_snapshot, leg.record_.dialog_snapshot);
  std::swap(record_.sip_call_id, leg.record_.sip_call_id);
  std::swap(record_.sdp_session_id, leg.record_.sdp_session_id);
  std::swap(record_.ims_sdp_version, leg.record_.ims_sdp_version);
  if (!record_.is_originating) record_.dialog_id.clear();
  far_stream_ = fresh_id;
  dialogs_.clear();
  dialogs_[record_.dialog_id] = std::move(fresh);
  leg.dialogs_.clear();
  leg.dialogs_[leg.record_.dialog_id] = std::move(old);

  leg.record_.partner.clear();
  leg.progress_deadline_ = leg.ring_deadline_ = kNoDeadline;
  leg.Emit(ReportReferral{200, "OK"});
  if (referral->is_dialog_over) {
    leg.sip_state_ = SipState::kEnded;
    leg.Move(Trigger::kRemoteBye, "Call transferred", now);
    leg.Finish(now);
  } else {
    leg.release_deadline_ = now.steady + kReleasePatience;
    leg.Emit(Persist{});
  }

  sip_state_ = SipState::kConfirmed;
  (record_.is_originating ? record_.receiver_address : record_.originator_address) = referral->target_address;
  (record_.is_originating ? record_.receiver_name : record_.originator_name).clear();
  record_.originator_assurance.reset();
  const std::string reason = "Call transferred by the other side";
  const Dialog& dialog = dialogs_[record_.dialog_id];
  const bool is_held = dialog.remote && !sdp::MaySend(dialog.remote->direction);
  const bool was_held = std::exchange(record_.is_held_remotely, is_held);
  ApplyIms();
  UpdateRingback();
  Emit(NotifyReferral{TransferState::kCompleted, referral->target_address, {}});
  if (record_.is_held_locally) SendDirectionOffer();  // the new one was promised both directions
  const bool has_changed = !record_.is_held_locally && was_held != is_held &&
                           Move(is_held ? Trigger::kRemoteHold : Trigger::kRemoteResume, reason, now);
  if (!has_changed || !is_held) Notify(record_.status, reason, std::nullopt);
}

// ---- from the user's own phone

std::unique_ptr<Call> Call::StartNetworkPull(const CallConfig& config, const Negotiators& negotiators,
                                             NetworkPullSetup setup, RequestId request, Now now) {
  auto call = StartOutgoing(config, negotiators, std::move(setup.call), request, now);
  call->invite_.replaces = std::move(setup.replaces);
  if (config.move.pulls_by_server) {  // TS 24.337 clause 10.2.2.2
    call->invite_.target_uri = config.move.server_uri;
    call->invite_.names_target_dialog = config.move.names_target_dialog;
  }
  call->is_network_pull_ = true;
  return call;
}

}  // namespace byon::call
