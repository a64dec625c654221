#include "controlplane/call/call.h"

#include <algorithm>

namespace byon::call {
namespace {

// A POST is answered when the network has said something, but not much later than a person notices.
constexpr std::chrono::seconds kCreateAnswerDelay{1};

constexpr int kQ850NormalClearing = 16;

}  // namespace

std::unique_ptr<Call> Call::StartOutgoing(const CallConfig& config, const Negotiators& negotiators, OutgoingSetup setup,
                                          RequestId request, Now now) {
  std::unique_ptr<Call> call(new Call(config, negotiators));
  CallRecord& record = call->record_;
  record.id = setup.id;
  record.owner = std::move(setup.owner);
  record.binding = setup.binding;
  record.is_originating = true;
  record.originator_address = std::move(setup.originator_address);
  record.originator_name = std::move(setup.originator_name);
  record.receiver_address = std::move(setup.receiver_address);
  record.receiver_name = std::move(setup.receiver_name);
  record.offer_sdp = std::move(setup.offer_sdp);
  record.client_correlator = std::move(setup.client_correlator);
  record.max_duration = setup.max_duration;
  record.created_at = now.wall;
  record.sdp_session_id = setup.sdp_session_id;
  record.access = setup.offer.media;
  call->invite_.call_id = setup.id;
  call->invite_.binding = std::move(setup.binding);
  call->invite_.target_uri = std::move(setup.target_uri);
  call->invite_.display_name = record.originator_name;
  call->invite_.is_anonymous = setup.is_anonymous;
  call->invite_.uses_trunk = setup.uses_trunk;
  call->location_ = std::move(setup.location);
  call->create_request_ = request;
  call->web_change_ = std::make_unique<WebChange>();
  call->web_change_->offer = std::move(setup.offer);
  call->duration_deadline_ = now.steady + call->MaxDuration();
  if (setup.is_emergency) call->BecomeEmergency(call->invite_.target_uri);
  call->Emit(CreateMedia{MediaChange{.access = record.access}});
  call->progress_deadline_ = now.steady + config.progress_timeout;
  call->Emit(Persist{});
  return call;
}

std::unique_ptr<Call> Call::StartIncoming(const CallConfig& config, const Negotiators& negotiators, IncomingSetup setup,
                                          Now now) {
  std::unique_ptr<Call> call(new Call(config, negotiators));
  CallRecord& record = call->record_;
  record.id = std::move(setup.id);
  record.owner = std::move(setup.owner);
  record.binding = std::move(setup.binding);
  record.is_originating = false;
  record.originator_address = std::move(setup.caller_address);
  record.originator_name = std::move(setup.caller_name);
  record.originator_assurance = setup.caller_assurance;
  record.receiver_address = std::move(setup.called_address);
  record.created_at = now.wall;
  record.sdp_session_id = setup.sdp_session_id;
  record.sip_call_id = std::move(setup.sip_call_id);
  call->sip_state_ = SipState::kIncoming;
  call->supports_100rel_ = setup.supports_100rel;
  // Where the option tag was taken out on the way, the caller waits for nobody and will not say when it is ready (RFC
  // 3312 section 11, TS 24.229 section 5.1.4.1). Nor can who has no reliable answers (section 4 there).
  call->uses_preconditions_ = setup.supports_precondition && setup.supports_100rel;
  if (setup.offer && !call->uses_preconditions_) setup.offer->preconditions.reset();
  MediaChange initial;
  if (setup.offer) {
    Dialog& dialog = call->DialogOf({});
    dialog.remote = setup.offer->media;
    dialog.preconditions = setup.offer->preconditions;
    initial.is_ims_ipv6 = setup.offer->media.rtp && sdp::IsIpv6(setup.offer->media.rtp->ip);
    call->ims_offer_ = std::move(setup.offer);
  }
  if (setup.is_psap_callback) {
    record.emergency = Emergency::kCallback;
  } else {
    call->duration_deadline_ = now.steady + config.max_duration;
  }
  call->Emit(CreateMedia{initial});
  call->Emit(Persist{});
  return call;
}

std::unique_ptr<Call> Call::Restore(const CallConfig& config, const Negotiators& negotiators, CallRecord record,
                                    Now now) {
  std::unique_ptr<Call> call(new Call(config, negotiators));
  call->record_ = std::move(record);
  call->is_invitation_sent_ = call->is_known_to_device();
  if (call->is_ended()) {
    call->forget_deadline_ = now.steady + config.tombstone;
    call->is_media_closed_ = true;
    call->sip_state_ = SipState::kEnded;
    return call;
  }
  call->is_media_closed_ = call->record_.part == Part::kReferral;  // it never had any
  if (!call->record_.is_confirmed) {
    call->Fail("The gateway was restarted before the call was answered", {}, 0, now);
    return call;
  }
  call->sip_state_ = SipState::kConfirmed;
  if (call->is_on_device()) call->record_.partner.clear();  // the phone was still ringing
  call->is_joined_ = call->record_.part == Part::kPhoneLeg;
  if (call->record_.part == Part::kReferral) call->release_deadline_ = now.steady;
  call->is_media_ready_ = true;
  call->is_access_connected_ = true;
  Dialog& dialog = call->DialogOf(call->record_.dialog_id);
  dialog.remote = call->record_.ims;
  if (dialog.remote) dialog.offered = dialog.remote->audio;
  call->applied_access_hold_.reset();
  call->applied_ims_hold_.reset();
  // The tone of a move of the other side, which has not outlived the restart.
  call->is_ringback_on_ = call->record_.is_held_remotely;
  call->UpdateRingback();
  if (call->record_.emergency != Emergency::kNone) return call;  // as long as it takes
  auto age = now.wall - call->record_.created_at;
  call->duration_deadline_ =
      now.steady +
      std::max(std::chrono::duration_cast<std::chrono::seconds>(call->MaxDuration() - age), std::chrono::seconds(0));
  return call;
}

std::chrono::seconds Call::MaxDuration() const {
  const std::chrono::seconds of_all = config_.max_duration;
  return std::min(of_all, record_.max_duration.value_or(of_all));
}

CallView Call::view() const {
  return {record_.id,
          record_.owner.registration_id,
          record_.owner.device_id,
          record_.originator_address,
          record_.originator_name,
          record_.originator_assurance,
          record_.receiver_address,
          record_.receiver_name,
          status(),
          record_.reason,
          record_.offer_sdp,
          record_.answer_sdp,
          record_.is_originating,
          record_.sequence_number,
          record_.created_at,
          record_.connected_at,
          record_.client_correlator,
          record_.emergency};
}

std::vector<Action> Call::TakeActions() { return std::exchange(actions_, {}); }

Deadline Call::NextDeadline() const {
  return std::min({create_deadline_, progress_deadline_, ring_deadline_, media_deadline_, duration_deadline_,
                   forget_deadline_, release_deadline_});
}

void Call::HandleTimeout(Now now) {
  auto is_due = [&](Deadline& deadline) {
    if (deadline > now.steady) return false;
    deadline = kNoDeadline;
    return true;
  };
  if (is_due(forget_deadline_)) {
    Emit(Forget{});
    return;
  }
  if (is_ended()) return;
  if (is_due(release_deadline_)) {
    if (network_move_) return OnReleaseTimeout(now);
    return Fail("Call transferred", {.q850_cause = kQ850NormalClearing, .text = "Normal call clearing"}, 0, now);
  }
  if (is_due(create_deadline_)) Complete(std::exchange(create_request_, 0));
  if (is_due(progress_deadline_)) {
    Fail("The network did not answer", {.sip_status = 408, .text = "Request Timeout"}, 408, now);
    return;
  }
  if (is_due(ring_deadline_)) {
    failure_status_ = 408;
    EndSip({.sip_status = 408, .text = "Request Timeout"}, 480, now);
    Move(Trigger::kRingTimeout, "Nobody answered in time", now);
    Finish(now);
    return;
  }
  if (is_due(media_deadline_)) {
    Fail("The browser's media did not connect in time", {.sip_status = 500, .text = "Media timeout"}, 500, now);
    return;
  }
  if (is_due(duration_deadline_)) {
    Fail("The longest allowed duration is over", {.q850_cause = kQ850NormalClearing}, 480, now);
  }
}

void Call::EndByGateway(const std::string& reason, Now now, const EndReason& sip_reason) {
  Fail(reason, sip_reason, 480, now);
}

// Decides, and on a change tells the device. True when the status or its report changed.
bool Call::Move(Trigger trigger, const std::string& reason, Now now, const std::optional<std::string>& location) {
  Decision decision = Decide(record_.status, role(), trigger);
  if (decision.verdict != Verdict::kChange) return false;
  bool was_answered = IsAnswered(record_.status);
  record_.status = decision.to;
  if (!was_answered && decision.to == Status::kConnected) Connect(now);
  Notify(decision.reported, reason, location);
  return true;
}

void Call::Notify(Status reported, const std::string& reason, const std::optional<std::string>& location) {
  record_.reason = reason;
  Emit(Persist{});
  if (!is_on_device()) return;
  // A device never hears of an incoming call that ended before its invitation.
  if (!record_.is_originating && !is_invitation_sent_) return;
  ++record_.sequence_number;
  NotifyDevice event{false, view(), location};
  event.view.status = reported;
  Emit(std::move(event));
}

void Call::Complete(RequestId request, std::optional<Status> echo) {
  if (request == 0) return;
  CallView result = view();
  if (echo) result.status = *echo;
  Emit(CompleteRequest{request, std::move(result)});
}

void Call::Refuse(RequestId request, RefusalKind kind, std::string message) {
  if (request != 0) Emit(CompleteRequest{request, Refusal{kind, std::move(message)}});
}

void Call::Connect(Now now) {
  record_.connected_at = now.wall;
  record_.is_confirmed = true;
  sip_state_ = SipState::kConfirmed;
  location_.clear();
  invite_.emergency.reset();
  progress_deadline_ = ring_deadline_ = kNoDeadline;
  if (!is_access_connected_) media_deadline_ = now.steady + config_.media_setup_timeout;
}

// After the last change of status: nothing but the tombstone is left.
void Call::Finish(Now now) {
  if (!is_media_closed_) Emit(CloseMedia{record_.reason});
  is_media_closed_ = true;
  sip_state_ = SipState::kEnded;
  create_deadline_ = progress_deadline_ = ring_deadline_ = media_deadline_ = duration_deadline_ = release_deadline_ =
      kNoDeadline;
  forget_deadline_ = now.steady + config_.tombstone;
  TellPartnersOfEnd(now);
  Complete(std::exchange(create_request_, 0));
  Refuse(std::exchange(location_request_, 0), RefusalKind::kIncompatibleState, "The call has ended.");
  if (web_change_) {
    Refuse(web_change_->request, RefusalKind::kIncompatibleState, "The call has ended.");
    web_change_.reset();
  }
}

// Ends the call towards the network in the way its state asks for.
void Call::EndSip(const EndReason& reason, int reject_status, Now now) {
  switch (sip_state_) {
    case SipState::kInviting: Emit(SendCancel{reason}); break;
    case SipState::kIncoming:
      if (is_branch()) {
        TellFork(PartnerNews::kBranchRefused, {.sip_status = reject_status, .text = reason.text}, now);
      } else {
        Emit(SendReject{reject_status, reason});
      }
      break;
    case SipState::kConfirmed: Emit(SendBye{reason}); break;
    case SipState::kReferring: Emit(LeaveReferral{}); break;
    case SipState::kNone:
    case SipState::kEnded: break;
  }
  sip_state_ = SipState::kEnded;
}

void Call::Fail(const std::string& reason, const EndReason& sip_reason, int reject_status, Now now) {
  if (is_ended()) return;
  failure_status_ = sip_reason.sip_status;
  EndSip(sip_reason, reject_status, now);
  const bool is_help_missing = record_.emergency == Emergency::kCall && !IsAnswered(record_.status);
  if (is_help_missing) TellEmergency(EmergencyStep::kUsePhone);
  Move(Trigger::kGatewayFailure, is_help_missing ? reason + ", use your phone" : reason, now);
  Finish(now);
}

// ---- media

// Of the speech in the network: as negotiated, and before that the best that we may get.
uint32_t Call::NetworkRateHz() const {
  if (record_.ims) return record_.ims->audio.send.clock_rate_hz;
  if (ims_offer_) return ims_offer_->media.audio.send.clock_rate_hz;
  uint32_t rate_hz = 8000;
  for (const sdp::AudioCodec& codec : sdp_.ims.offered_audio().receive) {
    rate_hz = std::max(rate_hz, codec.clock_rate_hz);
  }
  return rate_hz;
}

void Call::OnMediaReady(uint64_t change_id, MediaLocals locals, Now now) {
  if (is_ended()) return;
  record_.locals = std::move(locals);
  if (change_id == 0) {
    is_media_ready_ = true;
    if (awaits_devices_) return;
    if (!is_on_device() && !fork_) return StartInvite(now);
    if (record_.is_originating) {
      web_answer_ = sdp_.web.BuildAnswer(*web_change_->offer, record_.locals.access,
                                         {record_.sdp_session_id, record_.web_sdp_version}, NetworkRateHz());
      web_change_.reset();
      if (pull_ || is_network_pull_) {
        record_.answer_sdp = web_answer_;
        Complete(std::exchange(create_request_, 0));
        Move(Trigger::kSessionProgress, "The call is being moved here", now);
        return;
      }
      StartInvite(now);
      create_deadline_ = now.steady + kCreateAnswerDelay;
      return;
    }
    if (!fork_) {
      record_.offer_sdp = sdp_.web.BuildOffer(record_.locals.access, {record_.sdp_session_id, record_.web_sdp_version},
                                              NetworkRateHz());
    }
    ring_deadline_ = now.steady + config_.ring_timeout;
    ApplyIms();
    WaitsForCaller() ? SendEarlyDescription(now) : InviteDevice(now);
    return;
  }
  if (web_change_ && web_change_->awaited_change == change_id) {
    web_change_->awaited_change.reset();
    FinishWebChange(now);
  }
}

void Call::OnMediaRefused(uint64_t change_id, const std::string& reason, Now now) {
  if (is_ended()) return;
  if (change_id == 0) {
    is_media_closed_ = true;
    if (RequestId request = std::exchange(create_request_, 0)) {
      Refuse(request, RefusalKind::kUnavailable, "No media resources are free: " + reason + ".");
      record_.status = Status::kFailed;  // nobody knows of the call yet
      record_.reason = reason;
      Emit(Persist{});
      Emit(Forget{});
      return;
    }
    Fail("No media resources are free: " + reason, {.sip_status = 503, .text = "Service Unavailable"}, 503, now);
    return;
  }
  if (web_change_ && web_change_->awaited_change == change_id) {
    const bool does_network_know = web_change_->hold.has_value();
    AbandonWebChange(RefusalKind::kUnavailable, "The media could not be changed: " + reason + ".");
    if (does_network_know) SendDirectionOffer();
    return;
  }
  Fail("The media could not be changed: " + reason, {.sip_status = 500, .text = "Media failure"}, 500, now);
}

void Call::OnAccessConnected(Now now) {
  if (is_ended()) return;
  is_access_connected_ = true;
  media_deadline_ = kNoDeadline;
  std::vector<DialogId> ids;
  for (const auto& [id, dialog] : dialogs_) ids.push_back(id);
  for (const DialogId& id : ids) ConfirmPreconditions(id);
  if (is_network_pull_ && sip_state_ == SipState::kNone && is_media_ready_ && !awaits_binding_) {
    StartInvite(now);
    // Nobody is alerted: it is taken over at once, or not at all.
    ring_deadline_ = now.steady + config_.progress_timeout;
  }
  if (pull_ && !std::exchange(pull_->has_asked, true)) {
    Emit(TellPartner{.partner = pull_->from, .news = PartnerNews::kWantsDialog, .reason = {}, .now = now});
  }
}

void Call::OnMediaStarted(Leg leg, const DialogId& stream_id) {
  if (is_ended() || leg != Leg::kIms || stream_id != applied_stream_) return;
  is_ims_media_flowing_ = true;
  UpdateRingback();
}

void Call::OnMediaEnded(MediaEnd end, const std::string& detail, Now now) {
  if (is_ended()) return;
  bool is_silence = end == MediaEnd::kAccessTimeout || end == MediaEnd::kImsTimeout;
  const bool is_of_network = end == MediaEnd::kImsTimeout || end == MediaEnd::kSessionLost;
  if (!is_on_device() && !is_of_network) return;  // nobody talks there any more
  bool may_be_silent =
      !IsAnswered(record_.status) || record_.is_held_locally || record_.is_held_remotely || referral_ != nullptr;
  if (is_silence && may_be_silent) return;
  if (end == MediaEnd::kSessionLost) is_media_closed_ = true;
  std::string reason(ToString(end));
  if (!detail.empty()) reason += ": " + detail;
  Fail(reason, {.sip_status = 500, .q850_cause = 0, .text = "Media failure"}, 480, now);
}

std::string_view ToString(MediaEnd end) {
  switch (end) {
    case MediaEnd::kAccessTimeout: return "No media came from the browser";
    case MediaEnd::kImsTimeout: return "No media came from the network";
    case MediaEnd::kConsentLost: return "The browser can no longer be reached";
    case MediaEnd::kIceFailed: return "ICE failed";
    case MediaEnd::kDtlsFailed: return "DTLS failed";
    case MediaEnd::kSessionLost: return "The media session was lost";
  }
  return "Media failure";
}

}  // namespace byon::call
