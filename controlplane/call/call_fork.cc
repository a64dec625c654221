// An INVITE that the gateway itself forks: the caller's side is a call of its own, each device rings in a call that
// answers to it, and so does the leg to the phone. Whoever answers first has the caller: a device takes the dialog over
// as if the INVITE had been its own; with the phone the two network sides are joined, as for a call that was moved
// there.
#include <utility>

#include "controlplane/call/call.h"

namespace byon::call {
namespace {

constexpr int kQ850UserBusy = 17;
const EndReason kElsewhere{.sip_status = 200, .text = "Call completed elsewhere"};  // RFC 3326

}  // namespace

std::string_view ToString(ForkStep step) {
  switch (step) {
    case ForkStep::kStarted: return "started";
    case ForkStep::kDevice: return "device";
    case ForkStep::kPhone: return "phone";
    case ForkStep::kRefused: return "refused";
    case ForkStep::kCancelled: return "cancelled";
    case ForkStep::kMerged: return "merged";
    case ForkStep::kLoop: return "loop";
    case ForkStep::kNoPhone: return "no_phone";
  }
  return "cancelled";
}

std::unique_ptr<Call> Call::StartFork(const CallConfig& config, const Negotiators& negotiators, IncomingSetup setup,
                                      ForkSetup fork, Now now) {
  auto call = StartIncoming(config, negotiators, std::move(setup), now);
  call->record_.part = Part::kFork;
  call->is_access_connected_ = true;  // there is no browser to wait for
  call->fork_ = std::make_unique<Fork>();
  call->fork_->setup = std::move(fork);
  call->Emit(NotifyFork{ForkStep::kStarted});
  return call;
}

// Those who are to ring come to be in the registry.
void Call::BeginFork(Now now) {
  is_invitation_sent_ = true;
  ring_deadline_ = kNoDeadline;  // each of them has its own
  for (const ForkTarget& device : fork_->setup.devices) fork_->open.insert(device.id);
  if (!fork_->setup.phone_leg.empty()) fork_->open.insert(fork_->setup.phone_leg);
  Emit(TellPartner{.partner = record_.id, .news = PartnerNews::kForkReady, .reason = {}, .now = now});
}

std::unique_ptr<Call> Call::StartBranch(const Call& fork, const ForkTarget& target, Now now) {
  std::unique_ptr<Call> call(new Call(fork.config_, fork.sdp_));
  const CallRecord& of = fork.record_;
  CallRecord& record = call->record_;
  record.id = target.id;
  record.owner = target.owner;
  record.binding = target.binding;
  record.is_originating = false;
  record.originator_address = of.originator_address;
  record.originator_name = of.originator_name;
  record.originator_assurance = of.originator_assurance;
  record.receiver_address = of.receiver_address;
  record.emergency = of.emergency;
  record.created_at = now.wall;
  record.sip_call_id = of.sip_call_id;
  record.signalling_id = of.id;
  call->fork_id_ = of.id;
  call->sip_state_ = SipState::kIncoming;
  call->supports_100rel_ = fork.supports_100rel_;
  call->uses_preconditions_ = fork.uses_preconditions_;
  call->ims_offer_ = fork.ims_offer_;
  call->FollowFork(fork);
  call->duration_deadline_ = fork.duration_deadline_;
  MediaChange initial;
  initial.is_ims_ipv6 = sdp::IsIpv6(of.locals.ims.rtp.ip);
  call->Emit(CreateMedia{std::move(initial)});
  call->Emit(Persist{});
  return call;
}

// What the caller's description says by now, and whether it has one of ours.
void Call::FollowFork(const Call& fork) {
  dialogs_ = fork.dialogs_;
  record_.sdp_session_id = fork.record_.sdp_session_id;
  record_.ims_sdp_version = fork.record_.ims_sdp_version;
  is_described_ = !fork.incoming_description_.empty();
  if (is_media_ready_) ApplyIms();
}

std::unique_ptr<Call> Call::StartForkedPhoneLeg(const Call& fork, Now now) {
  const ForkSetup& setup = fork.fork_->setup;
  auto call = StartBeside(fork, Part::kPhoneLeg, setup.phone_leg, setup.sdp_session_id, now);
  call->is_fork_leg_ = true;
  call->record_.originator_address = fork.record_.originator_address;
  call->record_.originator_name = fork.record_.originator_name;
  call->record_.receiver_address = setup.phone_address;
  call->invite_.target_uri = setup.phone_uri;
  call->invite_.forwarded = setup.forwarded;
  MediaChange initial;
  initial.beside = fork.record_.id;
  initial.is_ims_ipv6 = sdp::IsIpv6(fork.record_.locals.ims.rtp.ip);
  call->Emit(CreateMedia{std::move(initial)});
  call->Emit(Persist{});
  return call;
}

bool Call::IsCallingPhone() const {
  return fork_ && !is_ended() && !fork_->is_settled && !fork_->setup.phone_leg.empty() &&
         (!is_invitation_sent_ || fork_->open.contains(fork_->setup.phone_leg));
}

// ---- the caller's side

// True when it was news of a branch.
bool Call::OnForkNews(const TellPartner& news, Now now) {
  if (!fork_) return false;
  constexpr int kRinging = 180;
  switch (news.news) {
    case PartnerNews::kRinging:
    case PartnerNews::kBranchProgress: {
      const int status = news.news == PartnerNews::kRinging ? kRinging : news.reason.sip_status;
      const bool is_news = sip_state_ == SipState::kIncoming && !is_caller_alerted_;
      // Early media of one branch is not for a caller for whom others ring too: a tone is (TS 24.628 section 4.7).
      if (is_news) Emit(SendProvisional{status, std::nullopt});
      is_caller_alerted_ = is_caller_alerted_ || status == kRinging;
      return true;
    }
    case PartnerNews::kBranchAnswered: OnBranchAnswered(news.from, now); return true;
    case PartnerNews::kBranchRefused: OnBranchRefused(news.from, news.reason, now); return true;
    case PartnerNews::kJoined: return true;
    case PartnerNews::kFailed:
      if (!fork_->is_settled) {
        OnBranchRefused(news.from, news.reason, now);
      } else {
        record_.partner.clear();
        Fail(news.reason.text, {.sip_status = 500, .text = "Media failure"}, 500, now);
      }
      return true;
    default: return false;
  }
}

void Call::OnBranchAnswered(const CallId& branch, Now now) {
  fork_->open.erase(branch);
  fork_->is_settled = true;
  fork_->end = kElsewhere;
  EndBranches(now);
  if (branch != fork_->setup.phone_leg) {
    Emit(NotifyFork{ForkStep::kDevice});
    sip_state_ = SipState::kEnded;  // the dialog lives on, but not here
    Move(Trigger::kRemoteCancel, "Answered on a device", now);
    return Finish(now);
  }
  Emit(NotifyFork{ForkStep::kPhone});
  Emit(SendAccept{IncomingDescription()});
  record_.part = Part::kAway;
  record_.partner = branch;
  ++record_.sequence_number;  // from here on the user's devices may see it, and take it over
  Move(Trigger::kPutConnected, "Answered on the phone", now);
  ApplyIms();
  Emit(TellPartner{.partner = branch, .news = PartnerNews::kForkJoin, .reason = {}, .now = now});
}

void Call::OnBranchRefused(const CallId& branch, const EndReason& reason, Now now) {
  if (fork_->open.erase(branch) == 0 || fork_->is_settled) return;
  fork_->responses.Add(reason.sip_status);
  const bool is_global = reason.sip_status >= 600;
  if (!is_global && !fork_->open.empty()) return;
  const int status = is_global ? reason.sip_status : fork_->responses.Best();
  fork_->is_settled = true;
  fork_->end = {.sip_status = status, .text = is_global ? "Declined elsewhere" : ""};
  Emit(NotifyFork{ForkStep::kRefused});
  const int cause = status == 486 || status == 600 ? kQ850UserBusy : 0;
  Fail("Nobody has taken the call", {.sip_status = status, .q850_cause = cause, .text = reason.text}, status, now);
}

void Call::EndBranches(Now now) {
  if (!fork_) return;
  if (!fork_->is_settled) Emit(NotifyFork{ForkStep::kCancelled});
  fork_->is_settled = true;
  for (const CallId& branch : std::exchange(fork_->open, {})) {
    Emit(TellPartner{.partner = branch, .news = PartnerNews::kForkOver, .reason = fork_->end, .now = now});
  }
}

// ---- the branches

void Call::TellFork(PartnerNews news, const EndReason& reason, Now now) {
  Emit(TellPartner{.partner = fork_id_, .news = news, .reason = reason, .now = now});
  if (news != PartnerNews::kBranchProgress) fork_id_.clear();
}

bool Call::OnBranchNews(const TellPartner& news, Now now) {
  if (news.news == PartnerNews::kForkJoin) {
    Emit(JoinMedia{record_.partner});
    return true;
  }
  if (news.news != PartnerNews::kForkOver) return false;
  if (is_fork_leg_) {
    record_.partner.clear();
    Fail(news.reason.text.empty() ? "The caller has given up" : news.reason.text, news.reason, 0, now);
  } else {
    fork_id_.clear();
    OnCancelled(news.reason, now);
  }
  return true;
}

// The caller was told where the fork's media is: it learns where the device's is. Not before it could answer that.
void Call::OnConfirmed() {
  if (is_ended() || !std::exchange(is_described_, false)) return;
  SendDirectionOffer();
}

}  // namespace byon::call
