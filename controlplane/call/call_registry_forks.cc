// Incoming calls: who is busy, and the INVITEs that the gateway itself forks to devices and phone.
#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/call/call_registry.h"

namespace byon::call {
namespace {

constexpr int kLoopDetected = 482;

}  // namespace

// Without call waiting a number is busy on all its devices when somebody talks or is being called on one of them: what
// its caller hears must not depend on which of them that is. An INVITE that the core has forked to several devices is
// one call, and one that has gone to the phone occupies no device.
bool CallRegistry::IsBusy(const CallOwner& owner, const std::string& impu, const std::string& sip_call_id) const {
  const auto occupies = [](const Call& call) { return !call.is_ended() && call.record().part == Part::kDevice; };
  uint32_t here = 0;
  for (const Call* call : FindByRegistration(owner.registration_id)) here += occupies(*call);
  if (here >= (config_.is_call_waiting_allowed ? config_.max_calls_per_registration : 1)) return true;
  const auto ids = by_number_.find(impu);
  if (config_.is_call_waiting_allowed || impu.empty() || ids == by_number_.end()) return false;
  return std::any_of(ids->second.begin(), ids->second.end(), [&](const CallId& id) {
    const Call& call = *calls_.at(id).call;
    const bool is_same = !sip_call_id.empty() && call.record().sip_call_id == sip_call_id;
    return occupies(call) && !is_same;
  });
}

void CallRegistry::TellFork(const CallId& id, ForkStep step) { actions_.push_back({id, NotifyFork{step}}); }

// Its caller's side is in the registry from here on; the branches follow when it is ready.
void CallRegistry::CreateFork(IncomingRequest request, IncomingSetup setup, Now now) {
  const IncomingInvite& invite = request.invite;
  ForkSetup& fork = *request.fork;
  fork.forwarded.caller = invite.caller_identity;
  fork.forwarded.called_uri = request.binding.impu;
  fork.forwarded.diversions = invite.diversions;
  fork.forwarded.from_tag = invite.from_tag;
  fork.forwarded.max_forwards = invite.max_forwards - 1;
  fork.forwarded.is_psap_callback = setup.is_psap_callback;
  fork.forwarded.policy = config_.fork.policy;
  const auto number_of = [this](const std::string& uri) { return ShownAddressOf(uri, config_.home_domain); };
  const std::string own = number_of(request.binding.impu);
  // Of forks of this number that are under way: the leg to the phone has come back, or the core has forked the INVITE
  // to several of our contacts, whose devices ring already.
  bool is_phone_ringing_for_caller = false;
  if (const auto ids = by_number_.find(request.binding.impu); ids != by_number_.end()) {
    for (const CallId& id : ids->second) {
      const Call& other = *calls_.at(id).call;
      const ForkSetup* known = other.fork_setup();
      if (known == nullptr || other.is_ended()) continue;
      if (!invite.session_id.empty() && invite.session_id == known->phone_leg) {
        TellFork(request.id, ForkStep::kLoop);
        return RejectIncoming(request.id, kLoopDetected, "Loop Detected");
      }
      const bool is_same = !invite.sip_call_id.empty() && other.record().sip_call_id == invite.sip_call_id &&
                           known->forwarded.from_tag == invite.from_tag;
      if (is_same) {
        TellFork(request.id, ForkStep::kMerged);
        // Not 482, which many a proxy would take for the best of what it gets (RFC 3261 section 16.7).
        return RejectIncoming(request.id, 488, "Not Acceptable Here");
      }
      is_phone_ringing_for_caller =
          is_phone_ringing_for_caller ||
          (other.IsCallingPhone() && other.record().originator_address == setup.caller_address);
    }
  }
  // Where a core takes all marks off the leg and brings it back, it may ring the devices again, but the phone never.
  const bool was_diverted_here =
      std::any_of(invite.diversions.begin(), invite.diversions.end(),
                  [&](const Diversion& one) { return !one.uri.empty() && number_of(one.uri) == own; });
  if (fork.forwarded.max_forwards <= 0 || was_diverted_here || is_phone_ringing_for_caller || fork.phone_uri.empty()) {
    TellFork(request.id, ForkStep::kNoPhone);
    fork.phone_leg.clear();
  }
  if (!setup.is_psap_callback) {
    std::erase_if(fork.devices, [&](const ForkTarget& device) {
      return IsBusy(device.owner, device.binding.impu, invite.sip_call_id);
    });
  }
  if (fork.devices.empty() && fork.phone_leg.empty()) return RejectIncoming(request.id, 486, "Busy Here");
  Adopt(Call::StartFork(config_, negotiators_, std::move(setup), std::move(fork), now));
}

void CallRegistry::StartBranches(const Call& fork, Now now) {
  const ForkSetup& setup = *fork.fork_setup();
  const CallId id = fork.record().id;
  for (const ForkTarget& device : setup.devices) {
    if (!Find(id)->is_ended()) Adopt(Call::StartBranch(fork, device, now));
  }
  if (!setup.phone_leg.empty() && !Find(id)->is_ended()) Adopt(Call::StartForkedPhoneLeg(fork, now));
}

// A device or the phone has answered. True when the caller was still there for it.
bool CallRegistry::GiveForkedDialog(const CallId& branch, const CallId& fork) {
  const auto caller = calls_.find(fork);
  const Call* answered = Find(branch);
  if (answered == nullptr || caller == calls_.end() || caller->second.call->is_ended()) return false;
  if (answered->record().part == Part::kDevice) dialog_owners_[fork] = branch;
  return true;
}

}  // namespace byon::call
