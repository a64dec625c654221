// The network moves a call to the user's phone: inter-UE transfer (TS 24.337 clause 10), and the REFER by which two
// sides that are joined here find each other without us. A leg of the call asks for it, and tells how it goes.
#include <algorithm>

#include "controlplane/call/call.h"

namespace byon::call {
namespace {

// Between the two ways in which the end of a move is told: the NOTIFY and the BYE of the old dialog.
constexpr std::chrono::seconds kReleasePatience{2};
constexpr int kCompletedElsewhere = 200;  // RFC 3326, in Reason
constexpr char kMovedText[] = "Call moved to another phone";

const EndReason kClearing{.q850_cause = 16, .text = "Normal call clearing"};

// The one phone among the devices, where there is one and it can be named: of several each is as good as another.
std::string PhoneOf(std::vector<RegisteredDevice> devices, const std::vector<std::string>& own_instances) {
  std::erase_if(devices, [&](const RegisteredDevice& device) {
    return std::find(own_instances.begin(), own_instances.end(), device.instance_id) != own_instances.end();
  });
  const auto is_phone = [](const RegisteredDevice& device) { return device.is_phone; };
  if (std::any_of(devices.begin(), devices.end(), is_phone)) std::erase_if(devices, std::not_fn(is_phone));
  return devices.size() == 1 ? devices.front().gruu : std::string();
}

}  // namespace

// ---- the leg

std::unique_ptr<Call> Call::StartMove(const Call& moved, MoveSetup setup, Now now) {
  auto call = StartBeside(moved, Part::kMove, setup.referral.id, 0, now);
  call->record_.binding = setup.referral.binding;
  call->record_.receiver_address = std::move(setup.receiver_address);
  call->is_media_closed_ = true;  // there is none
  call->duration_deadline_ = kNoDeadline;
  call->asked_ = std::make_unique<OutgoingReferral>(std::move(setup.referral));
  call->asked_->within.empty() ? call->AskForDevices() : call->SendMove(now);
  return call;
}

void Call::AskForDevices() {
  awaits_devices_ = true;
  Emit(FindDevices{record_.binding});
}

void Call::OnDevices(const std::vector<RegisteredDevice>& devices, Now now) {
  if (is_ended() || !std::exchange(awaits_devices_, false)) return;
  std::vector<std::string>& excluded = asked_ ? asked_->excluded_instances : invite_.excluded_instances;
  std::vector<std::string> own = excluded;
  own.push_back(record_.binding.instance_id);
  if (std::string gruu = PhoneOf(devices, own); !gruu.empty()) {
    std::string& phone = !asked_                ? invite_.target_uri
                         : asked_->is_to_holder ? asked_->refer_to_uri
                                                : asked_->target_uri;
    phone = std::move(gruu);
    excluded.clear();
  }
  if (asked_) return SendMove(now);
  if (is_media_ready_) StartInvite(now);
}

void Call::SendMove(Now now) {
  sip_state_ = SipState::kReferring;
  progress_deadline_ = now.steady + config_.progress_timeout;
  Emit(SendReferral{*asked_});
}

void Call::OnReferred(int status_code, const std::string& phrase, Now now) {
  if (is_ended() || sip_state_ != SipState::kReferring) return;
  const auto tell = [&](PartnerNews news) {
    Emit(TellPartner{.partner = record_.partner, .news = news, .reason = {}, .now = now});
  };
  if (status_code < 200) {
    if (progress_deadline_ != kNoDeadline) {
      progress_deadline_ = kNoDeadline;
      ring_deadline_ = now.steady + config_.ring_timeout;
      tell(PartnerNews::kMoving);
    }
    constexpr int kRinging = 180;
    if (status_code == kRinging && !std::exchange(is_alerting_, true)) tell(PartnerNews::kRinging);
    return;
  }
  sip_state_ = SipState::kEnded;
  failure_status_ = status_code;
  record_.status = Status::kTerminated;
  record_.reason = "SIP " + std::to_string(status_code) + (phrase.empty() ? "" : " " + phrase);
  if (status_code < 300) {
    tell(PartnerNews::kMoved);
    record_.partner.clear();
  }
  Finish(now);
}

// ---- the call that is moved

void Call::BeginMove(const CallId& leg) {
  network_move_ = std::make_unique<NetworkMove>();
  network_move_->leg = leg;
}

void Call::OnMoved(Now now) {
  if (!network_move_) return;
  network_move_->is_done = true;
  if (!is_on_device()) return Fail("The two sides have found each other", kClearing, 0, now);
  record_.partner.clear();
  Emit(NotifyTransfer{TransferState::kCompleted, {}});
  if (network_move_->end) return EndMoved(now);
  // Whoever has moved it ends what is left (TS 24.337 clause 10.3); else we do (RFC 5589 section 6.1).
  release_deadline_ = now.steady + kReleasePatience;
}

void Call::OnMoveFailed(const TellPartner& news, Now now) {
  const std::unique_ptr<NetworkMove> move = std::move(network_move_);
  if (!is_on_device()) return;  // all stays as it is
  release_deadline_ = kNoDeadline;
  record_.partner.clear();
  Emit(Persist{});
  Emit(NotifyTransfer{news.is_cancelled ? TransferState::kCancelled : TransferState::kFailed, news.reason.text});
  if (move->end) OnEnded(*move->end, now);
}

// The dialog has ended. Has the call moved, or is it over? Where nobody has said so yet, somebody soon may.
bool Call::TakesEndAsMove(const EndReason& reason, Now now) {
  if (!is_on_device()) return false;
  if (network_move_->is_done) {
    EndMoved(now);
    return true;
  }
  if (!network_move_->is_accepted) return false;
  if (reason.sip_status == kCompletedElsewhere) {
    Emit(NotifyTransfer{TransferState::kCompleted, {}});
    EndMoved(now);
    return true;
  }
  network_move_->end = reason;
  release_deadline_ = now.steady + kReleasePatience;
  return true;
}

void Call::OnReleaseTimeout(Now now) {
  if (network_move_->is_done) {
    EndSip(kClearing, 0, now);
    return EndMoved(now);
  }
  const EndReason end = network_move_->end.value_or(kClearing);
  Emit(NotifyTransfer{TransferState::kFailed, "The call has ended"});
  network_move_->is_accepted = false;
  OnEnded(end, now);
}

void Call::EndMoved(Now now) {
  Move(Trigger::kRemoteBye, kMovedText, now);
  Finish(now);
}

}  // namespace byon::call
