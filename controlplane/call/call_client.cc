// What the client asks of a call: its PUTs and its DELETE.
#include "controlplane/call/call.h"

namespace byon::call {
namespace {

constexpr int kQ850NormalClearing = 16;
constexpr int kQ850UserBusy = 17;

const EndReason kHangUp{.q850_cause = kQ850NormalClearing, .text = "Normal call clearing"};

std::string PhraseOf(int status_code) {
  if (status_code == 486) return "Busy Here";
  if (status_code == 480) return "Temporarily Unavailable";
  return "Decline";
}

}  // namespace

void Call::ChangeStatus(const StatusRequest& request, RequestId id, Now now) {
  if (!is_on_device()) {
    return Refuse(id, RefusalKind::kIncompatibleState, "The call has left this device.");
  }
  Trigger trigger = TriggerOfPut(request.status);
  Decision decision = Decide(record_.status, role(), trigger);
  if (decision.verdict == Verdict::kRefuse) {
    Refuse(id, RefusalKind::kIncompatibleState,
           "The status cannot become " + std::string(ToString(request.status)) + " while it is " +
               std::string(ToString(record_.status)) + ".");
    return;
  }
  if (is_ended()) return Complete(id);
  if (trigger == Trigger::kPutTerminated) {
    EndSip(kHangUp, 480, now);
    Move(trigger, record_.is_originating ? "Call terminated by originator" : "Call terminated by receiver", now,
         request.location_json);
    Finish(now);
    return Complete(id);
  }
  if (!record_.is_originating && !IsAnswered(record_.status)) {
    return ChangeIncoming(request, trigger, id, now);
  }
  bool is_hold_change = trigger == Trigger::kPutHold || trigger == Trigger::kPutResume;
  if (request.offer_sdp || is_hold_change) return ChangeMedia(request, trigger, id, now);
  // The same status again, perhaps with a new location.
  if (request.location_json) Notify(record_.status, "Location update", request.location_json);
  Complete(id);
}

void Call::Delete(RequestId id, Now now) {
  if (is_ended() || !is_on_device()) return Complete(id);
  bool was_answered = IsAnswered(record_.status);
  bool is_decline = !was_answered && !record_.is_originating;
  EndReason reason = kHangUp;
  if (is_decline) reason = {.sip_status = config_.decline_status, .text = PhraseOf(config_.decline_status)};
  Complete(id);
  EndSip(reason, config_.decline_status, now);
  std::string text = record_.is_originating ? "Call terminated by originator" : "Call terminated by receiver";
  if (is_decline) text = "Call declined by receiver";
  if (!was_answered && record_.is_originating) text = "Call cancelled by originator";
  Move(Trigger::kDelete, text, now);
  Finish(now);
}

// PUTs of the called side before it has answered.
void Call::ChangeIncoming(const StatusRequest& request, Trigger trigger, RequestId id, Now now) {
  if (request.offer_sdp) {
    return Refuse(id, RefusalKind::kInvalidArgument, "The offer is the gateway's: send an answer.");
  }
  bool is_away = trigger == Trigger::kPutNotReachable;
  if (trigger == Trigger::kPutDeclined || trigger == Trigger::kPutBusy || is_away) {
    bool is_busy = trigger == Trigger::kPutBusy;
    int status_code = is_away ? 480 : is_busy ? 486 : 603;
    EndSip({.sip_status = status_code, .q850_cause = is_busy ? kQ850UserBusy : 0, .text = PhraseOf(status_code)},
           status_code, now);
    std::string text = is_away   ? "The receiver is not reachable"
                       : is_busy ? "The receiver is busy"
                                 : "Call declined by receiver";
    Move(trigger, text, now, request.location_json);
    Finish(now);
    return Complete(id);
  }
  if (!is_invitation_sent_) return Refuse(id, RefusalKind::kIncompatibleState, "The caller is not ready yet.");
  bool is_new_answer = request.answer_sdp && !record_.answer_sdp;
  if (request.answer_sdp && !TakeAnswer(request, id)) return;
  if (trigger == Trigger::kPutConnected) {
    if (!record_.answer_sdp) {
      return Refuse(id, RefusalKind::kInvalidArgument, "The call cannot be connected without an answer.");
    }
    Emit(SendAccept{IncomingDescription()});
    if (is_branch()) TellFork(PartnerNews::kBranchAnswered, {}, now);
    Move(trigger, "Call answered by receiver", now, request.location_json);
    ApplyIms();
    return Complete(id);
  }
  bool has_changed =
      Move(trigger, std::string("Receiver is ") + (trigger == Trigger::kPutRinging ? "alerting" : "preparing"), now,
           request.location_json);
  if (trigger == Trigger::kPutInProgress && (has_changed || is_new_answer)) SendEarlyDescription(now);
  if (trigger == Trigger::kPutRinging && (has_changed || is_new_answer)) {
    if (is_new_answer && supports_100rel_) SendEarlyDescription(now);
    if (has_changed && !is_caller_alerted_) SendRinging(now);
  }
  Complete(id);
}

// The browser's answer, in whichever PUT carries it first. False when the request was refused.
bool Call::TakeAnswer(const StatusRequest& request, RequestId id) {
  if (record_.answer_sdp) {
    if (*record_.answer_sdp == *request.answer_sdp) return true;  // clients repeat it
    Refuse(id, RefusalKind::kIncompatibleState, "The answer was given already and cannot be changed.");
    return false;
  }
  auto media = sdp_.web.ReadAnswer(*request.answer_sdp);
  if (!media) {
    Refuse(id, RefusalKind::kInvalidArgument, media.error().message);
    return false;
  }
  record_.answer_sdp = *request.answer_sdp;
  record_.access = *media;
  Emit(ModifyMedia{++last_change_id_, MediaChange{.access = record_.access}});
  return true;
}

// 183, with our description when the answer is known, so that early media may flow to the browser.
void Call::SendEarlyDescription(Now now) {
  if (is_branch()) return TellFork(PartnerNews::kBranchProgress, {.sip_status = 183, .text = {}}, now);
  // An unreliable 183 cannot carry our offer for an offerless INVITE (RFC 3262 section 5).
  bool may_carry_sdp = ims_offer_ ? true : supports_100rel_;
  bool has_sdp = may_carry_sdp && (record_.answer_sdp || WaitsForCaller());
  std::optional<std::string> sdp;
  if (has_sdp) sdp = IncomingDescription();
  Emit(SendProvisional{183, std::move(sdp)});
}

void Call::AlertCaller(Now now) {
  const bool is_waiting = sip_state_ == SipState::kIncoming && is_invitation_sent_;
  if (!is_waiting || is_caller_alerted_ || record_.status != Status::kInitial) return;
  SendRinging(now);
}

void Call::SendRinging(Now now) {
  is_caller_alerted_ = true;
  if (is_branch()) return TellFork(PartnerNews::kBranchProgress, {.sip_status = 180, .text = {}}, now);
  Emit(SendProvisional{180, std::nullopt});
}

// The device rings from now on. Not before the caller's resources are there: they may never be, and nobody shall be
// alerted for a call that cannot be had (RFC 3312 section 6).
void Call::InviteDevice(Now now) {
  if (fork_) return BeginFork(now);
  record_.reason = "Incoming call";
  is_invitation_sent_ = true;
  ++record_.sequence_number;
  Emit(Persist{});
  Emit(NotifyDevice{true, view(), std::nullopt});
  if (record_.emergency == Emergency::kCallback) TellEmergency(EmergencyStep::kCallback);
}

// A new offer of the client, hold and resume: the media plane follows the offer, the network hears
// of a change of direction only.
void Call::ChangeMedia(const StatusRequest& request, Trigger trigger, RequestId id, Now now) {
  if (web_change_ || !lent_to_.empty()) {
    return Refuse(id, RefusalKind::kIncompatibleState, "An earlier change is still under way.");
  }
  auto change = std::make_unique<WebChange>();
  change->request = id;
  change->location_json = request.location_json;
  std::optional<bool> wants_hold;
  // A repeated Hold with an offer renews the media (ICE restart): whoever holds the call goes on doing so.
  const bool is_renewal = trigger == Trigger::kPutHold && record_.status == Status::kHold && request.offer_sdp;
  if (trigger == Trigger::kPutHold && !is_renewal) wants_hold = true;
  if (trigger == Trigger::kPutResume) wants_hold = false;
  if (wants_hold == false && !record_.is_held_locally) {
    return Refuse(id, RefusalKind::kIncompatibleState, "The other side holds the call.");
  }
  if (request.offer_sdp) {
    auto offer = sdp_.web.ReadOffer(*request.offer_sdp, record_.access->gateway_dtls_role);
    if (!offer) return Refuse(id, RefusalKind::kInvalidArgument, offer.error().message);
    change->offer = std::move(offer).value();
    change->offer_sdp = *request.offer_sdp;
    // Without a word about it in the status, the direction of the offer says what is wanted.
    if (!wants_hold && IsAnswered(record_.status)) {
      wants_hold = !sdp::MaySend(change->offer->media.direction) || (is_renewal && record_.is_held_locally);
    }
  }
  if (wants_hold && *wants_hold != record_.is_held_locally) change->hold = wants_hold;
  if (change->hold && (!record_.partner.empty() || referral_)) {
    return Refuse(id, RefusalKind::kIncompatibleState, "The call is being moved.");
  }
  web_change_ = std::move(change);
  if (web_change_->hold) {
    record_.is_held_locally = *web_change_->hold;
    web_change_->awaits_network = true;
    SendDirectionOffer();
    ApplyIms();
  } else {
    ChangeAccess();
  }
  FinishWebChange(now);
}

// The media plane takes the client's new offer. Not before the network has agreed to what it wants: an offer that is
// refused changes nothing (RFC 3264 section 8), and ICE credentials could not be taken back.
void Call::ChangeAccess() {
  if (!web_change_->offer || !is_media_ready_) return;
  MediaChange media{.access = web_change_->offer->media};
  media.restart_ice = media.access->ice_ufrag != record_.access->ice_ufrag;
  web_change_->awaited_change = ++last_change_id_;
  Emit(ModifyMedia{last_change_id_, std::move(media)});
}

// Ends the change once nothing is awaited any more.
void Call::FinishWebChange(Now now) {
  if (!web_change_ || web_change_->awaited_change || web_change_->awaits_network) return;
  std::unique_ptr<WebChange> change = std::move(web_change_);
  bool had_answer = record_.answer_sdp.has_value();
  if (change->offer) {
    record_.access = change->offer->media;
    record_.offer_sdp = change->offer_sdp;
    web_answer_ = sdp_.web.BuildAnswer(*change->offer, record_.locals.access,
                                       {record_.sdp_session_id, ++record_.web_sdp_version}, NetworkRateHz());
    if (had_answer || !record_.is_originating) record_.answer_sdp = web_answer_;
  }
  std::optional<Status> echo;
  if (change->hold) {
    Trigger trigger = *change->hold ? Trigger::kPutHold : Trigger::kPutResume;
    if (!*change->hold && record_.is_held_remotely) {
      Notify(Status::kHold, "The other side still holds the call", change->location_json);
    } else if (Move(trigger, *change->hold ? "Call held" : "Call resumed", now, change->location_json)) {
      echo = *change->hold ? Status::kHold : Status::kResume;
    } else {
      Notify(record_.status, "Call held", change->location_json);
    }
  } else if (change->offer) {
    Notify(record_.status, "Session description updated", change->location_json);
  }
  Complete(change->request, echo);
}

void Call::AbandonWebChange(RefusalKind kind, const std::string& message) {
  std::unique_ptr<WebChange> change = std::move(web_change_);
  if (change->hold) {
    record_.is_held_locally = !*change->hold;
    ApplyIms();
  }
  Refuse(change->request, kind, message);
}

}  // namespace byon::call
