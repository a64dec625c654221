#include "controlplane/call/call_registry.h"

#include <algorithm>
#include <utility>

#include "controlplane/call/address.h"

namespace byon::call {
namespace {

// Bounds what a network can teach us, so that it cannot fill the memory.
constexpr size_t kMaxLearnedNumbers = 64;
// Emergency calls of one user at a time: more than anybody in need makes, few enough that a stolen token stops nobody
// else's.
constexpr uint32_t kMaxEmergencyCalls = 4;
// Callbacks of emergency services that ring at once on one registration, whatever goes on there. Anybody may write
// "psap-callback" where a network does not take it away: the next ones are calls like any other.
constexpr uint32_t kMaxCallbacks = 2;
constexpr char kUseYourPhone[] = "Emergency calls are not possible here, use your phone.";

std::string UserKey(const CallOwner& owner) { return owner.client_id + '\n' + owner.user; }

}  // namespace

CallRegistry::CallRegistry(CallConfig config)
    : config_(std::move(config)),
      negotiators_(config_),
      emergency_numbers_(config_.emergency_numbers),
      emergency_services_(config_.emergency.services) {}

bool CallRegistry::IsEmergency(const std::string& receiver_address) const {
  return IsEmergencyAddress(receiver_address, emergency_numbers_);
}

// Asks for nothing but what the operator asks for: limits are for calls that can wait.
std::optional<Refusal> CallRegistry::CheckEmergency(const OutgoingRequest& request) const {
  if (!config_.emergency.is_routed || request.uses_trunk) return Refusal{RefusalKind::kEmergency, kUseYourPhone};
  if (config_.emergency.needs_location && request.location.empty()) {
    return Refusal{RefusalKind::kEmergency,
                   "Emergency calls need to know where you are here, and it is not known: use your phone."};
  }
  uint32_t live = 0;
  if (const auto ids = by_user_.find(UserKey(request.owner)); ids != by_user_.end()) {
    for (const CallId& id : ids->second) {
      const Call& call = *calls_.at(id).call;
      live += !call.is_ended() && call.record().emergency == Emergency::kCall;
    }
  }
  if (live >= kMaxEmergencyCalls)
    return Refusal{RefusalKind::kQuotaExceeded, "This user has as many emergency calls as anybody may have."};
  return std::nullopt;
}

std::optional<Refusal> CallRegistry::CheckTarget(const std::string& address) const {
  // First of all, and whatever else is wrong: who dials for help must learn at once that it is not
  // here.
  if (IsEmergency(address)) return Refusal{RefusalKind::kEmergency, kUseYourPhone};
  if (IsBarredAddress(address, config_.barred_prefixes)) {
    return Refusal{RefusalKind::kBarred, "The operator does not let this number be called from here."};
  }
  return std::nullopt;
}

std::optional<Refusal> CallRegistry::CheckQuota(const OutgoingRequest& request) const {
  if (is_full()) return Refusal{RefusalKind::kQuotaExceeded, "There are as many calls as the operator may have."};
  if (!request.uses_trunk &&
      CountActive(by_registration_, request.owner.registration_id) >= config_.max_calls_per_registration) {
    return Refusal{RefusalKind::kQuotaExceeded, "This registration has as many calls as it may have."};
  }
  if (CountActive(by_user_, UserKey(request.owner)) >= config_.max_calls_per_user) {
    return Refusal{RefusalKind::kQuotaExceeded, "This user has as many calls as allowed."};
  }
  return std::nullopt;
}

std::optional<Refusal> CallRegistry::CheckOutgoing(const OutgoingRequest& request) const {
  if (auto refusal = CheckTarget(request.receiver_address)) return refusal;
  if (!TargetUriOf(request.receiver_address)) {
    return Refusal{RefusalKind::kInvalidArgument, "The receiverAddress is not an address that can be called."};
  }
  return CheckQuota(request);
}

// Nothing, and why in `refusal`, when the browser's offer cannot be used.
std::optional<OutgoingSetup> CallRegistry::SetUp(OutgoingRequest request, std::string target_uri,
                                                 Refusal& refusal) const {
  auto offer = negotiators_.web.ReadOffer(request.offer_sdp);
  if (!offer) {
    refusal = {RefusalKind::kInvalidArgument, offer.error().message};
    return std::nullopt;
  }
  OutgoingSetup setup;
  setup.id = request.id;
  setup.sdp_session_id = request.sdp_session_id;
  setup.owner = std::move(request.owner);
  setup.binding = std::move(request.binding);
  setup.is_anonymous = request.originator_address == kAnonymousAddress;
  setup.originator_address = std::move(request.originator_address);
  setup.originator_name = CleanDisplayName(request.originator_name);
  setup.target_uri = std::move(target_uri);
  setup.is_emergency = request.is_emergency;
  setup.location = std::move(request.location);
  setup.receiver_address = std::move(request.receiver_address);
  setup.receiver_name = CleanDisplayName(request.receiver_name);
  setup.offer_sdp = std::move(request.offer_sdp);
  setup.client_correlator = std::move(request.client_correlator);
  setup.uses_trunk = request.uses_trunk;
  setup.max_duration = request.max_duration;
  setup.offer = std::move(offer).value();
  return setup;
}

void CallRegistry::CreateOutgoing(OutgoingRequest request, RequestId id, Now now) {
  const CallId call_id = request.id;
  // First of all, and whatever else is wrong: who dials for help must learn at once where it is not here.
  request.is_emergency = request.is_emergency || IsEmergency(request.receiver_address);
  std::string target = request.is_emergency ? EmergencyServiceOf(request.receiver_address, emergency_services_) : "";
  if (auto refusal = request.is_emergency ? CheckEmergency(request) : CheckOutgoing(request)) {
    const bool is_told_to_phone = refusal->kind == RefusalKind::kEmergency;
    if (is_told_to_phone) {
      actions_.push_back(
          {call_id, NotifyEmergency{EmergencyStep::kRefused, target, !request.location.empty(), request.owner}});
    }
    return Refuse(call_id, id, std::move(*refusal));
  }
  if (!request.is_emergency) target = *TargetUriOf(request.receiver_address);
  Refusal refusal;
  auto setup = SetUp(std::move(request), std::move(target), refusal);
  if (!setup) return Refuse(call_id, id, std::move(refusal));
  Adopt(Call::StartOutgoing(config_, negotiators_, std::move(*setup), id, now));
}

void CallRegistry::RejectIncoming(const CallId& id, int status_code, const std::string& phrase) {
  constexpr int kUserBusy = 17;  // Q.850
  const int cause = status_code == 486 ? kUserBusy : 0;
  actions_.push_back({id, SendReject{status_code, {.sip_status = status_code, .q850_cause = cause, .text = phrase}}});
  actions_.push_back({id, Forget{}});
}

// An emergency service calls back: it rings whatever goes on, beyond the operator's bound too, but not without one.
bool CallRegistry::RingsAnyway(const IncomingRequest& request) const {
  if (!request.invite.is_psap_callback) return false;
  if (config_.max_calls != 0 && active_count_ >= config_.max_calls + config_.max_calls / 8 + 1) return false;
  const auto calls = FindByRegistration(request.owner.registration_id);
  return std::count_if(calls.begin(), calls.end(), [](const Call* call) {
           const CallRecord& record = call->record();
           return !call->is_ended() && record.emergency == Emergency::kCallback && record.part != Part::kFork;
         }) < kMaxCallbacks;
}

void CallRegistry::CreateIncoming(IncomingRequest request, Now now) {
  // Our own call to the user's phone has come back to the user's devices. Of the refusals of one class a proxy
  // passes on the lowest (RFC 3261 section 16.7): the phone's own, 480 or 486, shall win.
  if (RefusesOwnTransfer(request)) return RejectIncoming(request.id, 488, "Not Acceptable Here");
  const bool is_callback = RingsAnyway(request);
  if (!is_callback && !request.is_available && !request.fork) {
    return RejectIncoming(request.id, 480, "Temporarily Unavailable");
  }
  if (!is_callback && !request.fork && IsBusy(request.owner, request.binding.impu, request.invite.sip_call_id)) {
    return RejectIncoming(request.id, 486, "Busy Here");
  }
  // This device is not available; the number's others may be.
  if (!is_callback && is_full()) return RejectIncoming(request.id, 480, "Temporarily Unavailable");
  IncomingSetup setup;
  if (request.invite.sdp) {
    auto offer = negotiators_.ims.ReadOffer(*request.invite.sdp);
    if (!offer || offer->is_disabled) return RejectIncoming(request.id, 488, "Not Acceptable Here");
    // Where the option tag was taken out on the way nobody waits (RFC 3312 section 11).
    if (offer->needs_unknown_preconditions && request.invite.supports_precondition) {
      return RejectIncoming(request.id, 580, "Precondition Failure");
    }
    setup.offer = std::move(offer).value();
  }
  setup.id = request.id;
  setup.sdp_session_id = request.sdp_session_id;
  setup.owner = request.owner;
  setup.binding = request.binding;
  setup.sip_call_id = request.invite.sip_call_id;
  setup.caller_address = ShownCallerOf(request.invite.caller, config_.home_domain);
  setup.caller_name = CleanDisplayName(request.invite.caller.display_name);
  setup.caller_assurance = AssuranceOf(request.invite.caller);
  setup.called_address = ShownAddressOf(request.invite.called_uri, config_.home_domain);
  setup.supports_100rel = request.invite.supports_100rel;
  setup.supports_precondition = request.invite.supports_precondition;
  setup.is_psap_callback = is_callback;
  if (request.fork) return CreateFork(std::move(request), std::move(setup), now);
  Adopt(Call::StartIncoming(config_, negotiators_, std::move(setup), now));
}

void CallRegistry::Restore(CallRecord record, Now now) {
  Adopt(Call::Restore(config_, negotiators_, std::move(record), now));
}

void CallRegistry::Adopt(std::unique_ptr<Call> call) {
  Call& reference = *call;
  CallId id = reference.record().id;
  const bool has_dialog = !reference.is_ended() && !reference.is_branch();
  if (reference.signalling_id() != id && has_dialog) dialog_owners_[reference.signalling_id()] = id;
  if (reference.record().part == Part::kPhoneLeg) phone_legs_.insert(id);
  by_user_[UserKey(reference.record().owner)].insert(id);
  by_registration_[reference.record().owner.registration_id].insert(id);
  by_client_[reference.record().owner.client_id].insert(id);
  by_number_[reference.record().binding.impu].insert(id);
  calls_[id].impu = reference.record().binding.impu;
  calls_[id].call = std::move(call);
  Touch(reference);
}

void CallRegistry::ChangeStatus(const CallId& id, const StatusRequest& request, RequestId request_id, Now now) {
  auto it = calls_.find(id);
  if (it == calls_.end()) {
    actions_.push_back({id, CompleteRequest{request_id, Refusal{RefusalKind::kNotFound, "No such call."}}});
    return;
  }
  it->second.call->ChangeStatus(request, request_id, now);
  Touch(*it->second.call);
}

void CallRegistry::Delete(const CallId& id, RequestId request_id, Now now) {
  auto it = calls_.find(id);
  if (it == calls_.end()) {
    actions_.push_back({id, CompleteRequest{request_id, Refusal{RefusalKind::kNotFound, "No such call."}}});
    return;
  }
  it->second.call->Delete(request_id, now);
  Touch(*it->second.call);
}

void CallRegistry::EndCallsOf(const std::string& registration_id, const std::string& reason, Now now) {
  for (const Call* call : FindByRegistration(registration_id)) {
    if (call->record().part != Part::kDevice || call->record().emergency != Emergency::kNone) continue;
    Apply(CallId(call->record().id), [&](Call& c) { c.EndByGateway(reason, now); });
  }
}

void CallRegistry::EndAll(const std::string& reason, Now now) {
  std::vector<CallId> ids;
  for (const auto& [id, entry] : calls_) ids.push_back(id);
  for (const CallId& id : ids) {
    Apply(id, [&](Call& c) { c.EndByGateway(reason, now); });
  }
}

void CallRegistry::EndUnanswered(const std::string& reason, Now now) {
  std::vector<CallId> ids;
  for (const auto& [id, entry] : calls_) {
    if (!IsAnswered(entry.call->status())) ids.push_back(id);
  }
  constexpr int kTemporaryFailure = 41;  // Q.850
  for (const CallId& id : ids) {
    Apply(id, [&](Call& c) {
      c.EndByGateway(reason, now, {.q850_cause = kTemporaryFailure, .text = "Temporary failure"});
    });
  }
}

void CallRegistry::Apply(const CallId& id, const std::function<void(Call&)>& input) {
  auto it = calls_.find(id);
  if (it == calls_.end()) return;
  input(*it->second.call);
  Touch(*it->second.call);
}

void CallRegistry::Refuse(const CallId& id, RequestId request, Refusal refusal) {
  actions_.push_back({id, CompleteRequest{request, std::move(refusal)}});
}

void CallRegistry::OnAsserted(const CallId& id, const std::string& uri) {
  if (IsEmergency(uri)) Apply(id, [](Call& call) { call.OnEmergencyAnswer(); });
}

void CallRegistry::LearnEmergencyNumber(const CallId& id, const std::string& service_urn) {
  const Call* call = Find(id);
  if (!call || emergency_numbers_.size() >= config_.emergency_numbers.size() + kMaxLearnedNumbers) return;
  std::string number = DialledNumberOf(call->record().receiver_address, config_.home_domain);
  if (number.empty()) return;
  auto known = std::find(emergency_numbers_.begin(), emergency_numbers_.end(), number);
  if (!service_urn.empty()) emergency_services_[number] = service_urn;
  if (known == emergency_numbers_.end()) emergency_numbers_.push_back(std::move(number));
}

void CallRegistry::HandleTimeout(Now now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.steady) {
    CallId id = deadlines_.begin()->second;
    Apply(id, [&](Call& call) { call.HandleTimeout(now); });
  }
}

Deadline CallRegistry::NextDeadline() const { return deadlines_.empty() ? kNoDeadline : deadlines_.begin()->first; }

std::optional<RegistrationUse> CallRegistry::PollUse() {
  if (changed_uses_.empty()) return std::nullopt;
  RegistrationUse use = std::move(changed_uses_.front());
  changed_uses_.pop_front();
  return use;
}

std::optional<CallAction> CallRegistry::PollAction() {
  if (actions_.empty()) return std::nullopt;
  CallAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

const Call* CallRegistry::Find(const CallId& id) const {
  auto it = calls_.find(id);
  return it == calls_.end() ? nullptr : it->second.call.get();
}

std::vector<const Call*> CallRegistry::FindByRegistration(const std::string& registration_id) const {
  std::vector<const Call*> found;
  auto ids = by_registration_.find(registration_id);
  if (ids == by_registration_.end()) return found;
  for (const CallId& id : ids->second) found.push_back(calls_.at(id).call.get());
  return found;
}

std::vector<const Call*> CallRegistry::FindByClient(const std::string& client_id) const {
  std::vector<const Call*> found;
  const auto ids = by_client_.find(client_id);
  if (ids == by_client_.end()) return found;
  for (const CallId& id : ids->second) found.push_back(calls_.at(id).call.get());
  return found;
}

uint32_t CallRegistry::CountActive(const Index& index, const std::string& key) const {
  uint32_t count = 0;
  if (auto ids = index.find(key); ids != index.end()) {
    for (const CallId& id : ids->second) {
      const Call& call = *calls_.at(id).call;
      // The leg to the phone is no call of its own, nor are those of a REFER or the caller's side of a fork.
      const Part part = call.record().part;
      count += !call.is_ended() && (part == Part::kDevice || part == Part::kAway);
    }
  }
  return count;
}

// Takes what an input left behind: actions and a new deadline; forgets the call when it is over.
void CallRegistry::Touch(Call& call) {
  const CallId id = call.record().id;
  bool is_over = false;
  for (Action& action : call.TakeActions()) {
    is_over = is_over || std::holds_alternative<Forget>(action);
    if (auto* news = std::get_if<TellPartner>(&action)) {
      news->from = id;
      news_.emplace_back(id, std::move(*news));
      continue;
    }
    actions_.push_back({id, std::move(action)});
  }
  Entry& entry = calls_.at(id);
  deadlines_.erase({entry.deadline, id});
  // Of a fork those count who ring, or the one who has answered.
  bool is_active = !is_over && !call.is_ended() && call.record().part != Part::kFork && !call.is_fork_leg();
  if (is_active != entry.is_counted) is_active ? ++active_count_ : --active_count_;
  entry.is_counted = is_active;
  const bool is_use = is_active && call.record().part == Part::kDevice;
  if (is_use != std::exchange(entry.is_use, is_use)) CountUse(call.record().owner.registration_id, is_use);
  if (is_over) {
    Remove(id);
  } else {
    entry.deadline = call.NextDeadline();
    if (entry.deadline != kNoDeadline) deadlines_.insert({entry.deadline, id});
  }
  DeliverAll();
}

void CallRegistry::CountUse(const std::string& registration_id, bool is_used) {
  size_t& count = uses_[registration_id];
  is_used ? ++count : --count;
  const bool is_first_or_last = count == (is_used ? 1 : 0);
  if (count == 0) uses_.erase(registration_id);
  if (is_first_or_last) changed_uses_.push_back({registration_id, is_used});
}

void CallRegistry::Remove(const CallId& id) {
  auto it = calls_.find(id);
  const CallOwner& owner = it->second.call->record().owner;
  phone_legs_.erase(id);
  pulls_.erase(id);
  if (auto dialog = dialog_owners_.find(it->second.call->signalling_id());
      dialog != dialog_owners_.end() && dialog->second == id) {
    dialog_owners_.erase(dialog);
  }
  auto drop = [&](Index& index, const std::string& key) {
    auto ids = index.find(key);
    ids->second.erase(id);
    if (ids->second.empty()) index.erase(ids);
  };
  drop(by_user_, UserKey(owner));
  drop(by_registration_, owner.registration_id);
  drop(by_client_, owner.client_id);
  drop(by_number_, it->second.impu);
  calls_.erase(it);
}

}  // namespace byon::call
