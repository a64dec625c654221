// What the network does to a call: responses, answers, offers and ends.
#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/call/call.h"
#include "controlplane/sdp/whole_offer.h"

namespace byon::call {
namespace {

// The one dialog of an incoming call, as the media plane knows it.
constexpr char kIncomingStream[] = "in";

std::string SipText(int status_code, const std::string& phrase) {
  return "SIP " + std::to_string(status_code) + (phrase.empty() ? "" : " " + phrase);
}

// Whether early media towards us is authorised (RFC 5009 section 8): the directions stand in the order of the media
// lines, and ours has one. Nothing where the header names none.
std::optional<bool> IsAuthorised(std::string_view early_media) {
  while (!early_media.empty()) {
    const size_t end = std::min(early_media.find(','), early_media.size());
    std::string_view item = early_media.substr(0, end);
    early_media.remove_prefix(std::min(end + 1, early_media.size()));
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_first_of(" \t;"));
    if (item == "sendrecv" || item == "sendonly") return true;
    if (item == "recvonly" || item == "inactive") return false;
  }
  return std::nullopt;
}

// What a callee may have its caller told before it answers; nobody is bound to send few responses.
constexpr int kMaxReports = 32;
// One element that takes emergency calls after the other may be silent before one answers; SIP itself gives each of
// them a few seconds.
constexpr std::chrono::seconds kEmergencyPatience{60};

const EndReason kNotAcceptable{.sip_status = 488, .text = "Not Acceptable Here"};

}  // namespace

void Call::StartInvite(Now now) {
  std::optional<sdp::Preconditions> preconditions;
  if (config_.ims.use_preconditions) preconditions.emplace();
  invite_.sdp =
      sdp_.ims.BuildOffer(sdp_.ims.offered_audio(), record_.locals.ims,
                          {record_.sdp_session_id, record_.ims_sdp_version}, sdp::Direction::kSendRecv, preconditions);
  sip_state_ = SipState::kInviting;
  Emit(SendInvite{invite_});
  if (record_.emergency == Emergency::kNone) ring_deadline_ = now.steady + config_.ring_timeout;
  if (record_.emergency == Emergency::kCall) progress_deadline_ = now.steady + kEmergencyPatience;
  Emit(Persist{});
}

void Call::OnProgress(const Progress& progress, Now now) {
  if (is_ended() || sip_state_ != SipState::kInviting) return;
  progress_deadline_ = kNoDeadline;
  create_deadline_ = kNoDeadline;
  Complete(std::exchange(create_request_, 0));
  if (progress.status_code == 100) return;
  if (progress.status_code == 199) return LeaveEarlyDialog(progress.dialog_id);
  Dialog& dialog = DialogOf(progress.dialog_id);
  if (dialog.offered.receive.empty()) dialog.offered = sdp_.ims.offered_audio();
  if (const auto is_authorised = progress.early_media ? IsAuthorised(*progress.early_media) : std::nullopt) {
    dialog.is_early_media_authorised = *is_authorised;
    dialog.is_early_media_gated = !*is_authorised;
  }
  bool has_media = false;
  if (progress.sdp) {
    std::string error;
    // A description we cannot use is only early media that we do not hear; the call may still do
    // well.
    has_media = TakeRemoteAnswer(progress.dialog_id, *progress.sdp, &error);
  }
  if (dialog.remote && (has_media || progress.early_media)) UseDialog(progress.dialog_id);
  Trigger trigger = TriggerOfProvisional(progress.status_code);
  bool shows_answer =
      (has_media || (trigger == Trigger::kAlerting && config_.answers_with_ringing)) && !record_.answer_sdp;
  if (shows_answer) record_.answer_sdp = web_answer_;
  if (trigger == Trigger::kAlerting) {
    is_alerting_ = true;
    if (record_.part == Part::kPhoneLeg)
      Emit(TellPartner{.partner = record_.partner, .news = PartnerNews::kRinging, .reason = {}, .now = now});
  }
  if (record_.part == Part::kReferral) {
    Emit(TellPartner{.partner = record_.partner,
                     .news = PartnerNews::kReferralProgress,
                     .reason = {.sip_status = progress.status_code, .text = progress.phrase},
                     .now = now});
  }
  const std::string reason = SipText(progress.status_code, progress.phrase);
  const bool is_news = reason != record_.reason && record_.sequence_number < kMaxReports;
  if (shows_answer || is_news) Move(trigger, reason, now);
  UpdateRingback();
  ConfirmPreconditions(progress.dialog_id);
  SendDueLocation(progress.dialog_id, false);
}

// The network opens or closes early media by itself, an announcement being over, say (RFC 5009 section 8).
void Call::OnEarlyMedia(const DialogId& dialog_id, const std::string& directions) {
  const auto dialog = dialogs_.find(dialog_id);
  const auto is_authorised = IsAuthorised(directions);
  const bool is_early = record_.is_originating && sip_state_ == SipState::kInviting && dialog != dialogs_.end();
  if (is_ended() || !is_early || !is_authorised) return;
  dialog->second.is_early_media_authorised = *is_authorised;
  dialog->second.is_early_media_gated = !*is_authorised;
  if (dialog->second.remote && (*is_authorised || dialog_id == record_.dialog_id)) UseDialog(DialogId(dialog_id));
  UpdateRingback();
}

// One of those who were alerted is no more (RFC 6228): what was heard of it stops, another is heard or the ringback
// tone.
void Call::LeaveEarlyDialog(const DialogId& id) {
  dialogs_.erase(id);
  if (id != record_.dialog_id) return;
  record_.dialog_id.clear();
  is_ims_media_flowing_ = false;
  const auto other =
      std::find_if(dialogs_.begin(), dialogs_.end(), [](const auto& entry) { return entry.second.remote.has_value(); });
  if (other != dialogs_.end()) {
    UseDialog(DialogId(other->first));
  } else if (applied_ims_ && applied_ims_->direction != sdp::Direction::kInactive) {
    applied_ims_->direction = sdp::Direction::kInactive;
    MediaChange change{.ims = applied_ims_};
    change.stream_id = applied_stream_;
    Emit(ModifyMedia{++last_change_id_, std::move(change)});
  }
  UpdateRingback();
}

void Call::OnAnswered(const DialogId& dialog_id, const std::optional<std::string>& sdp, Now now) {
  if (is_ended() || sip_state_ != SipState::kInviting) return;
  create_deadline_ = kNoDeadline;
  Complete(std::exchange(create_request_, 0));
  Dialog& dialog = DialogOf(dialog_id);
  if (dialog.offered.receive.empty()) dialog.offered = sdp_.ims.offered_audio();
  std::string error = "The network's answer has no media";
  bool is_good = sdp ? TakeRemoteAnswer(dialog_id, *sdp, &error) : dialog.remote.has_value();
  if (!is_good) {
    sip_state_ = SipState::kConfirmed;
    return Fail(error, kNotAcceptable, 488, now);
  }
  Answered(dialog_id, is_network_pull_ ? "Call moved here" : SipText(200, "OK"), now);
}

void Call::Answered(const DialogId& dialog_id, const std::string& reason, Now now) {
  std::erase_if(dialogs_, [&](const auto& entry) { return entry.first != dialog_id; });
  if (!record_.answer_sdp) record_.answer_sdp = web_answer_;
  record_.dialog_id = dialog_id;
  SendDueLocation(dialog_id, true);
  Move(Trigger::kAnswered, reason, now);
  UseDialog(dialog_id);
  UpdateRingback();
  if (is_fork_leg_) {
    Emit(TellPartner{.partner = record_.partner, .news = PartnerNews::kBranchAnswered, .reason = {}, .now = now});
  } else if (record_.part == Part::kPhoneLeg) {
    Emit(JoinMedia{record_.partner});
  }
  if (record_.part == Part::kReferral) {
    Emit(TellPartner{.partner = record_.partner, .news = PartnerNews::kReferralAnswered, .reason = {}, .now = now});
  }
}

void Call::OnFailed(const EndReason& reason, Now now) {
  if (is_ended() || sip_state_ != SipState::kInviting) return;
  if (reason.sip_status == 504 && reason.text == kRestorationText && !was_restored_) {
    // The network lost our registration: once it is made anew, the INVITE is sent again
    // (TS 23.380).
    was_restored_ = awaits_binding_ = true;
    sip_state_ = SipState::kNone;
    dialogs_.clear();
    progress_deadline_ = now.steady + config_.progress_timeout;
    Emit(RenewBinding{});
    return;
  }
  if (GoesOnAsEmergency(reason, now)) return;
  sip_state_ = SipState::kEnded;
  failure_status_ = reason.sip_status;
  std::string text = SipText(reason.sip_status, reason.text);
  // Nobody but ourselves has said anything.
  if (was_refused_here_ && reason.sip_status == 488) text = SipText(480, "Temporarily Unavailable");
  // The network knows the number for an emergency one and will not carry it (TS 24.229
  // section 5.1.6).
  const bool is_for_help = record_.emergency == Emergency::kCall;
  if (reason.text == kEmergencyServiceText || is_for_help) {
    text = is_for_help && reason.sip_status != 380 ? "The emergency call failed (" + text + "), use your phone"
                                                   : "Emergency calls are not possible here, use your phone";
    TellEmergency(EmergencyStep::kUsePhone);
  }
  Move(TriggerOfFinal(reason.sip_status, reason.q850_cause), text, now);
  Finish(now);
}

void Call::OnCancelled(const EndReason& reason, Now now) {
  if (is_ended()) return;
  sip_state_ = SipState::kEnded;
  if (fork_) fork_->end = reason;
  std::string text = "Call cancelled by originator";
  if (reason.sip_status == 200) {
    text = "Call completed elsewhere";  // RFC 3326 section 2
  } else if (reason.sip_status != 0) {
    text = SipText(reason.sip_status, reason.text);
  }
  Move(Trigger::kRemoteCancel, text, now);
  Finish(now);
}

// The other side has handed the call on: same call, another party.
void Call::OnReplaced(const DialogId& dialog_id, const Party& party, Now now) {
  if (is_ended()) return;
  const std::string shown = ShownCallerOf(party, config_.home_domain);
  (record_.is_originating ? record_.receiver_address : record_.originator_address) = shown;
  (record_.is_originating ? record_.receiver_name : record_.originator_name) = CleanDisplayName(party.display_name);
  record_.originator_assurance = record_.is_originating ? std::nullopt : AssuranceOf(party);
  if (sip_state_ == SipState::kInviting) {
    create_deadline_ = kNoDeadline;
    Complete(std::exchange(create_request_, 0));
    return Answered(dialog_id, "Call picked up", now);
  }
  if (record_.is_originating) {
    std::erase_if(dialogs_, [&](const auto& entry) { return entry.first != dialog_id; });
  }
  UseDialog(dialog_id);
  Notify(record_.status, "Call transferred by the other side", std::nullopt);
}

void Call::OnEnded(const EndReason& reason, Now now) {
  if (is_ended()) return;
  sip_state_ = SipState::kEnded;
  if (referral_) {
    // Whoever sent us elsewhere need not wait until somebody answers there (RFC 5589 section 6.1).
    referral_->is_dialog_over = true;
    ApplyIms();
    return UpdateRingback();
  }
  if (network_move_ && TakesEndAsMove(reason, now)) return;
  std::string text = record_.is_originating ? "Call terminated by receiver" : "Call terminated by originator";
  bool is_elsewhere = reason.sip_status == 200 && !record_.is_originating;
  if (is_elsewhere) {
    text = "Call completed elsewhere";
  } else if (reason.sip_status != 0) {
    text = SipText(reason.sip_status, reason.text);
  }
  if (pull_) pull_->outcome = {.partner = {}, .reason = reason, .is_dialog_over = true};
  Move(Trigger::kRemoteBye, text, now);
  Finish(now);
}

void Call::OnDialogChanged(std::string snapshot, std::string sip_call_id) {
  if (is_ended()) return;
  if (!sip_call_id.empty()) record_.sip_call_id = std::move(sip_call_id);
  record_.dialog_snapshot = std::move(snapshot);
  Emit(Persist{});
}

void Call::OnBindingRenewed(const SipBinding& binding, Now now) {
  if (is_ended()) return;
  record_.binding = binding;
  Emit(Persist{});
  if (!std::exchange(awaits_binding_, false)) return;
  invite_.binding = binding;
  ++record_.ims_sdp_version;
  StartInvite(now);
}

// ---- offers and answers

// Our description to the caller, made once: the answer to its offer, or our offer when it sent
// none.
const std::string& Call::IncomingDescription() {
  if (!incoming_description_.empty()) return incoming_description_;
  sdp::OriginId origin{record_.sdp_session_id, record_.ims_sdp_version};
  Dialog& dialog = DialogOf({});
  if (!ims_offer_) {
    dialog.offered = sdp_.ims.offered_audio();
    dialog.is_offer_asked = true;
    incoming_description_ = sdp_.ims.BuildOffer(dialog.offered, record_.locals.ims, origin, sdp::Direction::kSendRecv);
    return incoming_description_;
  }
  std::optional<sdp::Preconditions> preconditions;
  if (ims_offer_->preconditions) {
    preconditions = *ims_offer_->preconditions;
    preconditions->is_local_met = true;  // the port towards the network is open
    preconditions->wants_confirmation = !preconditions->is_remote_met;
  }
  dialog.offered = ims_offer_->media.audio;
  incoming_description_ =
      sdp_.ims.BuildAnswer(*ims_offer_, record_.locals.ims, origin, sdp::Direction::kSendRecv, preconditions);
  return incoming_description_;
}

bool Call::TakeRemoteAnswer(const DialogId& dialog_id, const std::string& sdp, std::string* error) {
  Dialog& dialog = DialogOf(dialog_id);
  auto answer = sdp_.ims.ReadAnswer(sdp, dialog.offered);
  if (!answer) {
    *error = answer.error().message;
    return false;
  }
  dialog.remote = answer->media;
  if (answer->preconditions) dialog.preconditions = answer->preconditions;
  return true;
}

void Call::OnRemoteOffer(const DialogId& dialog_id, const std::optional<std::string>& sdp, Now now) {
  if (is_ended()) return;
  Dialog& dialog = DialogOf(dialog_id);
  if (!sdp) {
    // Who asks for our offer may be about to put somebody else into the call (RFC 3725): it gets all that we can.
    dialog.offered =
        sdp::WholeOffer(sdp_.ims.offered_audio(), dialog.remote ? dialog.remote->audio : sdp::AudioFormat());
    dialog.is_offer_asked = true;
    Emit(SendSdpAnswer{dialog_id,
                       sdp_.ims.BuildOffer(dialog.offered, record_.locals.ims,
                                           {record_.sdp_session_id, ++record_.ims_sdp_version}, LocalDirection())});
    return;
  }
  auto offer = sdp_.ims.ReadOffer(*sdp);
  if (!offer) {
    Emit(SendSdpAnswer{dialog_id, std::nullopt});
    return;
  }
  std::optional<sdp::Preconditions> preconditions;
  if (offer->preconditions && uses_preconditions_) {
    dialog.preconditions = offer->preconditions;
    preconditions = offer->preconditions;
    preconditions->is_local_met = !record_.is_originating || is_access_connected_;
    preconditions->wants_confirmation = false;
  }
  dialog.remote = offer->media;
  if (offer->is_disabled) dialog.remote->direction = sdp::Direction::kInactive;
  dialog.offered = offer->media.audio;
  Emit(SendSdpAnswer{
      dialog_id, sdp_.ims.BuildAnswer(*offer, record_.locals.ims, {record_.sdp_session_id, ++record_.ims_sdp_version},
                                      LocalDirection(), preconditions)});
  if (!IsAnswered(record_.status)) {
    if (!record_.is_originating || dialog_id == record_.dialog_id) UseDialog(dialog_id);
    if (fork_) {
      for (const CallId& branch : fork_->open) {
        Emit(TellPartner{.partner = branch, .news = PartnerNews::kForkOffer, .reason = {}, .now = now});
      }
    }
    const bool is_ready = sip_state_ == SipState::kIncoming && is_media_ready_ && !WaitsForCaller();
    if (is_ready && !is_invitation_sent_) InviteDevice(now);
    return;
  }
  ApplyIms();
  UpdateRemoteHold(dialog.remote->direction, now);
}

void Call::OnRemoteAnswer(const DialogId& dialog_id, const std::string& sdp, Now now) {
  if (is_ended()) return;
  const bool was_asked = std::exchange(DialogOf(dialog_id).is_offer_asked, false);
  if (pull_ && !was_asked) return FinishPull(dialog_id, sdp, now);
  std::string error;
  bool is_good = TakeRemoteAnswer(dialog_id, sdp, &error);
  if (pull_) return;  // the offer that moves the call is still on its way
  bool is_awaited = web_change_ && web_change_->awaits_network && !was_asked;
  if (!is_good) {
    if (is_awaited) {
      AbandonWebChange(RefusalKind::kUnavailable, error);
      return SendDirectionOffer();  // the network has taken what we can not
    }
    // Without any answer there is no media; with an earlier one the call goes on as it was.
    if (!DialogOf(dialog_id).remote) Fail(error, kNotAcceptable, 488, now);
    return;
  }
  if (record_.is_originating && !IsAnswered(record_.status) && dialog_id != record_.dialog_id) return;
  UseDialog(dialog_id);
  // Held or resumed by an answer, to the offer that the other side has asked for: so B2BUAs and 3PCC do it (RFC 3725).
  if (was_asked && IsAnswered(record_.status)) UpdateRemoteHold(DialogOf(dialog_id).remote->direction, now);
  if (is_awaited) {
    web_change_->awaits_network = false;
    ChangeAccess();
    FinishWebChange(now);
  }
}

void Call::OnOfferFailed(const DialogId& dialog_id, int status_code, Now now) {
  if (is_ended()) return;
  // No answer to what the other side had asked for: all stays as it was, and what we want ourselves is still to be
  // sent.
  if (std::exchange(DialogOf(dialog_id).is_offer_asked, false)) return;
  if (pull_) {
    pull_->is_refused = true;
    return Fail("The network refused to move the call: " + SipText(status_code, ""), {}, 0, now);
  }
  if (web_change_ && web_change_->awaits_network) {
    AbandonWebChange(RefusalKind::kUnavailable,
                     "The network refused the change with SIP " + std::to_string(status_code) + ".");
    return;
  }
  // Resources that cannot be had: the callee will refuse or ring all the same.
  DialogOf(dialog_id).is_precondition_confirmed = true;
  // The dialog is gone without a BYE (RFC 3261 section 12.2.1.2).
  bool is_dialog_dead = IsAnswered(record_.status) && (status_code == 481 || status_code == 408);
  if (is_dialog_dead) Fail(SipText(status_code, "to a change of media"), {.sip_status = status_code}, 0, now);
}

// What was to be sent waited, and an exchange of the other side came first: it is said anew, as things are now.
void Call::OnOfferStale(const DialogId& dialog_id) {
  if (is_ended()) return;
  for (auto& [id, dialog] : dialogs_) dialog.is_offer_asked = false;
  if (IsAnswered(record_.status) || pull_) return SendDirectionOffer();
  const auto early = dialogs_.find(dialog_id);
  if (early == dialogs_.end()) return;
  early->second.is_precondition_confirmed = false;
  ConfirmPreconditions(dialog_id);
}

// ---- media of the network's side

void Call::UseDialog(const DialogId& id) {
  record_.dialog_id = record_.is_originating ? id : DialogId();
  ApplyIms();
}

// Tells the media plane what the dialog in use says, as far as it may flow now.
void Call::ApplyIms() {
  const Dialog& dialog = DialogOf(record_.dialog_id);
  if (!dialog.remote || is_media_closed_) return;
  record_.ims = dialog.remote;
  sdp::ImsMedia media = *dialog.remote;
  sdp::Direction allowed = sdp::Direction::kSendRecv;
  if (!IsAnswered(record_.status)) {
    // Nobody is heard before having answered.
    if (!record_.is_originating) allowed = sdp::Direction::kRecvOnly;
    if (dialog.is_early_media_gated) allowed = sdp::Direction::kInactive;
  }
  const HoldAudio access_hold = AccessHold(dialog);
  const HoldAudio ims_hold = ImsHold();
  if (record_.is_held_locally) {
    const bool has_audio = ims_hold.kind != HoldAudio::Kind::kNone;
    allowed = has_audio ? sdp::Direction::kSendOnly : sdp::Direction::kInactive;
  }
  if (referral_ && referral_->is_dialog_over) allowed = sdp::Direction::kInactive;  // nobody is there
  media.direction = sdp::Intersect(media.direction, allowed);
  DialogId stream = record_.is_originating ? record_.dialog_id : far_stream_.empty() ? kIncomingStream : far_stream_;
  const bool is_hold_applied = applied_access_hold_ == access_hold && applied_ims_hold_ == ims_hold;
  if (applied_ims_ == media && applied_stream_ == stream && is_hold_applied) return;
  if (applied_stream_ != stream) is_ims_media_flowing_ = false;
  applied_ims_ = media;
  applied_stream_ = stream;
  MediaChange change{.ims = media};
  change.stream_id = stream;
  if (applied_access_hold_ != access_hold) change.access_hold = access_hold;
  if (applied_ims_hold_ != ims_hold) change.ims_hold = ims_hold;
  applied_access_hold_ = access_hold;
  applied_ims_hold_ = ims_hold;
  Emit(ModifyMedia{++last_change_id_, std::move(change)});
  Emit(Persist{});
}

// The network holds the browser: its own music, where it plays any, is heard first.
HoldAudio Call::AccessHold(const Dialog& dialog) const {
  const bool is_held = IsAnswered(record_.status) && !record_.is_held_locally && dialog.remote &&
                       !sdp::MaySend(dialog.remote->direction);
  if (!is_held) return {};
  HoldAudio audio = config_.hold_audio;
  audio.only_when_silent = audio.kind != HoldAudio::Kind::kNone;
  return audio;
}

HoldAudio Call::ImsHold() const { return record_.is_held_locally ? config_.hold_audio : HoldAudio{}; }

sdp::Direction Call::LocalDirection() const {
  return record_.is_held_locally ? sdp::Direction::kSendOnly : sdp::Direction::kSendRecv;
}

void Call::SendDirectionOffer() {
  Dialog& dialog = DialogOf(record_.dialog_id);
  if (dialog.remote) dialog.offered = dialog.remote->audio;
  sdp::Direction direction = LocalDirection();
  // Both sides hold: nothing flows either way (RFC 3264 section 8.4).
  if (record_.is_held_remotely) {
    direction = record_.is_held_locally ? sdp::Direction::kInactive : sdp::Direction::kRecvOnly;
  }
  Emit(SendSdpOffer{record_.dialog_id,
                    sdp_.ims.BuildOffer(dialog.offered, record_.locals.ims,
                                        {record_.sdp_session_id, ++record_.ims_sdp_version}, direction)});
}

// Tells a callee that waits for our resources that they are there: the browser is connected.
void Call::ConfirmPreconditions(const DialogId& id) {
  bool may_send = record_.is_originating && sip_state_ == SipState::kInviting && config_.ims.use_preconditions &&
                  is_access_connected_;
  if (!may_send || !dialogs_.contains(id)) return;
  Dialog& dialog = dialogs_[id];
  if (!dialog.remote || !dialog.preconditions || dialog.is_precondition_confirmed) return;
  dialog.is_precondition_confirmed = true;
  dialog.offered = dialog.remote->audio;
  sdp::Preconditions state = *dialog.preconditions;
  state.is_local_met = true;
  state.wants_confirmation = false;
  Emit(SendSdpOffer{
      id, sdp_.ims.BuildOffer(dialog.offered, record_.locals.ims, {record_.sdp_session_id, ++record_.ims_sdp_version},
                              sdp::Direction::kSendRecv, state)});
}

// The caller has resources to reserve before anybody may be alerted.
bool Call::WaitsForCaller() const {
  if (record_.is_originating || !supports_100rel_) return false;
  auto dialog = dialogs_.find(DialogId());
  if (dialog == dialogs_.end() || !dialog->second.preconditions) return false;
  const sdp::Preconditions& state = *dialog->second.preconditions;
  return state.is_remote_mandatory && !state.is_remote_met;
}

void Call::UpdateRemoteHold(sdp::Direction direction, Now now) {
  bool is_held = !sdp::MaySend(direction);
  // In answer to our own hold a peer may only receive or say nothing; that is not its hold.
  if (record_.is_held_locally && direction == sdp::Direction::kInactive) is_held = record_.is_held_remotely;
  if (is_held == record_.is_held_remotely) return;
  record_.is_held_remotely = is_held;
  Emit(Persist{});
  if (record_.is_held_locally) return;
  Move(is_held ? Trigger::kRemoteHold : Trigger::kRemoteResume,
       is_held ? "Call held by the other side" : "Call resumed by the other side", now);
}

// The caller hears a tone while the callee is alerted and no early media comes (TS 24.628
// section 4.7).
void Call::UpdateRingback() {
  bool has_early_media = false;
  // The other side is being moved: nobody is there, or music, until the new one answers.
  const bool is_moving = referral_ && referral_->is_alerting && (referral_->is_dialog_over || record_.is_held_remotely);
  if (auto dialog = dialogs_.find(record_.dialog_id); dialog != dialogs_.end() && !referral_) {
    bool is_gated = dialog->second.is_early_media_gated;
    has_early_media = dialog->second.is_early_media_authorised || (is_ims_media_flowing_ && !is_gated);
  }
  const bool is_calling = record_.is_originating && is_alerting_ && !has_early_media && !IsAnswered(record_.status);
  bool is_wanted = config_.plays_ringback && (is_calling || is_moving) && is_on_device() && !is_ended();
  if (is_wanted == is_ringback_on_) return;
  is_ringback_on_ = is_wanted;
  Emit(PlayTone{Leg::kAccess, is_wanted ? Tone::kRingback : Tone::kNone});
}

}  // namespace byon::call
