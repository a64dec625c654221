// Calls that move: to the phone and back, between devices, and where the network sends them.
#include <algorithm>

#include "controlplane/call/address.h"
#include "controlplane/call/call_registry.h"

namespace byon::call {

void CallRegistry::Transfer(TransferRequest request, RequestId request_id, Now now) {
  const auto it = calls_.find(request.call_id);
  if (it == calls_.end()) {
    return Refuse(request.call_id, request_id, {RefusalKind::kNotFound, "No such call."});
  }
  Call& call = *it->second.call;
  PhoneLegSetup setup;
  const bool is_own_phone = request.to_address.empty();
  if (is_own_phone && config_.move.to_phone == MoveConfig::ToPhone::kInterUe) {
    if (auto refusal = call.CheckTransfer()) return Refuse(request.call_id, request_id, std::move(*refusal));
    actions_.push_back({request.call_id, CompleteRequest{request_id, call.view()}});
    return MoveByNetwork(call, std::move(request), now);
  }
  if (is_own_phone) {
    setup.target_uri = call.record().binding.impu;
    setup.receiver_address = ShownAddressOf(setup.target_uri, config_.home_domain);
    setup.excluded_instances = std::move(request.excluded_instances);
  } else if (auto refusal = CheckTarget(request.to_address)) {
    return Refuse(request.call_id, request_id, std::move(*refusal));
  } else if (auto target = TargetUriOf(request.to_address)) {
    setup.target_uri = std::move(*target);
    setup.receiver_address = std::move(request.to_address);
  } else {
    return Refuse(
        request.call_id, request_id,
        {RefusalKind::kInvalidArgument, "The call cannot be moved there: \"to\" is no address that can be called."});
  }
  if (auto refusal = call.CheckTransfer()) return Refuse(request.call_id, request_id, std::move(*refusal));
  setup.id = request.phone_leg_id;
  setup.sdp_session_id = request.sdp_session_id;
  setup.finds_phone = is_own_phone && config_.move.finds_phone;
  setup.move_id = request.move_id;
  call.BeginTransfer(setup.id);
  actions_.push_back({request.call_id, CompleteRequest{request_id, call.view()}});
  Touch(call);
  Adopt(Call::StartPhoneLeg(call, std::move(setup), now));
}

// TS 24.337 clause 10.2.1.1, or 10.2.1.2 where the server is asked. Until the phone's own address is known, it is the
// number without our devices.
void CallRegistry::MoveByNetwork(Call& call, TransferRequest request, Now now) {
  const MoveConfig& config = config_.move;
  MoveSetup setup;
  OutgoingReferral& referral = setup.referral;
  referral.id = std::move(request.phone_leg_id);
  referral.binding = request.binding.impu.empty() ? call.record().binding : std::move(request.binding);
  referral.named = call.signalling_id();
  referral.is_to_holder = config.refers_to_server;
  referral.names_target_dialog = config.refers_to_server || config.names_target_dialog;
  const std::string& number = call.record().binding.impu;
  referral.target_uri = config.refers_to_server ? config.server_uri : number;
  referral.refer_to_uri = config.refers_to_server ? number : config.server_uri;
  referral.excluded_instances = std::move(request.excluded_instances);
  setup.receiver_address = ShownAddressOf(number, config_.home_domain);
  call.BeginTransfer(referral.id);
  call.BeginMove(referral.id);
  Touch(call);
  Adopt(Call::StartMove(call, std::move(setup), now));
}

// Both sides are joined here. If the far one calls the phone itself, in the place of our leg, this gateway is not
// needed any more; if not, nothing changes.
void CallRegistry::LeavePath(Call& call, const Call& leg, Now now) {
  MoveSetup setup;
  setup.referral.id = leg.move_id();
  setup.referral.binding = call.record().binding;
  setup.referral.named = leg.signalling_id();
  setup.referral.within = call.signalling_id();
  setup.referral.refer_to_uri = leg.target_uri();
  setup.receiver_address = leg.record().receiver_address;
  call.BeginMove(setup.referral.id);
  Adopt(Call::StartMove(call, std::move(setup), now));
}

void CallRegistry::CancelTransfer(const CallId& id, RequestId request_id, Now now) {
  if (!calls_.contains(id)) return Refuse(id, request_id, {RefusalKind::kNotFound, "No such call."});
  Apply(id, [&](Call& call) { call.CancelTransfer(request_id, now); });
}

void CallRegistry::Pull(PullRequest request, RequestId request_id, Now now) {
  const auto it = calls_.find(request.call_id);
  const auto refuse = [&](Refusal refusal) { Refuse(request.id, request_id, std::move(refusal)); };
  if (it == calls_.end()) return refuse({RefusalKind::kNotFound, "No such call."});
  const Call& pulled = *it->second.call;
  if (auto refusal = pulled.CheckPull()) return refuse(std::move(*refusal));
  // Each attempt has media of its own: one at a time.
  const auto attempt = pulls_.find(request.call_id);
  const Call* taker = attempt == pulls_.end() ? nullptr : Find(attempt->second);
  if (taker != nullptr && taker->is_being_pulled()) {
    return refuse({RefusalKind::kIncompatibleState, "The call is being moved already."});
  }
  if (is_full()) return refuse({RefusalKind::kQuotaExceeded, "There are as many calls as the operator may have."});
  auto offer = negotiators_.web.ReadOffer(request.offer_sdp);
  if (!offer) return refuse({RefusalKind::kInvalidArgument, offer.error().message});
  PullSetup setup;
  setup.id = request.id;
  setup.owner = std::move(request.owner);
  setup.originator_address = std::move(request.originator_address);
  setup.offer_sdp = std::move(request.offer_sdp);
  setup.offer = std::move(offer).value();
  pulls_[request.call_id] = request.id;
  // It gets the dialog when its media is connected; until then the dialog stays where it is.
  auto call = Call::StartPull(config_, negotiators_, pulled, std::move(setup), request_id, now);
  const CallId dialog = call->signalling_id();
  const auto owner = dialog_owners_.find(dialog);
  const std::optional<CallId> present = owner == dialog_owners_.end() ? std::nullopt : std::optional(owner->second);
  Adopt(std::move(call));
  present ? void(dialog_owners_[dialog] = *present) : void(dialog_owners_.erase(dialog));
}

// An emergency call stays where it began: its location and its callback belong to the phone.
void CallRegistry::PullFromNetwork(NetworkPullRequest request, RequestId request_id, Now now) {
  const CallId id = request.call.id;
  if (IsEmergencyAddress(request.call.receiver_address, emergency_numbers_)) {
    return Refuse(id, request_id, {RefusalKind::kEmergency, "An emergency call stays on the phone."});
  }
  if (auto refusal = CheckQuota(request.call)) return Refuse(id, request_id, std::move(*refusal));
  std::string own_number = request.call.binding.impu;
  Refusal refusal;
  auto setup = SetUp(std::move(request.call), std::move(own_number), refusal);
  if (!setup) return Refuse(id, request_id, std::move(refusal));
  NetworkPullSetup pull{std::move(*setup), std::move(request.replaces)};
  Adopt(Call::StartNetworkPull(config_, negotiators_, std::move(pull), request_id, now));
}

void CallRegistry::Refer(ReferralRequest request, Now now) {
  constexpr int kNoDialog = 481;
  constexpr int kDecline = 603;
  const auto answer = [&](int status) { actions_.push_back({request.call_id, AnswerReferral{status}}); };
  const auto it = calls_.find(request.call_id);
  if (it == calls_.end()) return answer(kNoDialog);
  Call& call = *it->second.call;
  if (const int status = call.CheckReferral()) return answer(status);
  auto target = ReferTargetOf(request.referral.target_uri);
  if (!target || CheckTarget(request.referral.target_uri) || CheckTarget(*target)) return answer(kDecline);
  ReferralSetup setup;
  setup.id = request.leg_id;
  setup.sdp_session_id = request.sdp_session_id;
  setup.target_address = ShownAddressOf(*target, config_.home_domain);
  setup.target_uri = std::move(*target);
  setup.replaces = std::move(request.referral.replaces);
  setup.referred_by = std::move(request.referral.referred_by);
  call.BeginReferral(setup);
  Touch(call);
  Adopt(Call::StartReferral(call, std::move(setup), now));
}

// Who the network has sent us to has answered: the call goes on there.
void CallRegistry::GiveReferredDialog(Call& leg, const TellPartner& news) {
  const auto to = calls_.find(news.partner);
  const bool is_wanted =
      to != calls_.end() && !to->second.call->is_ended() && to->second.call->IsReferredTo(leg.record().id);
  if (!is_wanted) {
    leg.EndByGateway("The call has ended meanwhile", news.now);
    return Touch(leg);
  }
  Call& call = *to->second.call;
  call.SwapDialogs(leg, news.now);
  dialog_owners_[call.signalling_id()] = call.record().id;
  dialog_owners_[leg.signalling_id()] = leg.record().id;
  Touch(leg);
  Touch(call);
}

// Answering it here would be no move at all. A core that knows RFC 3841 does not even ask.
bool CallRegistry::RefusesOwnTransfer(const IncomingRequest& request) {
  const auto number_of = [this](const std::string& uri) { return ShownAddressOf(uri, config_.home_domain); };
  return std::any_of(phone_legs_.begin(), phone_legs_.end(), [&](const CallId& id) {
    Call& leg = *calls_.at(id).call;
    const bool is_alerting = !leg.is_ended() && !IsAnswered(leg.status());
    const bool is_own = is_alerting && leg.record().binding.impu == request.binding.impu &&
                        number_of(request.invite.caller.uri) == number_of(request.binding.impu);
    if (is_own) leg.OnRefusedHere();
    return is_own;
  });
}

CallId CallRegistry::SignalledCall(const CallId& signalling_id) const {
  const auto owner = dialog_owners_.find(signalling_id);
  return owner == dialog_owners_.end() ? signalling_id : owner->second;
}

CallId CallRegistry::SignallingIdOf(const CallId& id) const {
  const Call* call = Find(id);
  return call ? call->signalling_id() : id;
}

void CallRegistry::DeliverAll() {
  if (is_delivering_) return;
  is_delivering_ = true;
  while (!news_.empty()) {
    const auto [from, news] = std::move(news_.front());
    news_.pop_front();
    Deliver(from, news);
  }
  is_delivering_ = false;
}

void CallRegistry::Deliver(const CallId& from, const TellPartner& news) {
  const auto to = calls_.find(news.partner);
  const bool is_gone = to == calls_.end() || to->second.call->is_ended();
  if (news.news == PartnerNews::kWantsDialog) {
    const auto asking = calls_.find(from);
    if (asking == calls_.end()) return;
    Call& taker = *asking->second.call;
    if (is_gone || to->second.call->CheckPull()) {
      taker.EndByGateway("The call has ended elsewhere", news.now);
    } else {
      dialog_owners_[taker.signalling_id()] = from;
      taker.TakeDialog(to->second.call->Lend(from));
    }
    return Touch(taker);
  }
  if (news.news == PartnerNews::kReferralAnswered) {
    const auto leg = calls_.find(from);
    if (leg != calls_.end() && !leg->second.call->is_ended()) GiveReferredDialog(*leg->second.call, news);
    return;
  }
  if (news.news == PartnerNews::kReturnsDialog) {
    const CallId dialog = SignallingIdOf(from);
    dialog_owners_.erase(dialog);
    if (dialog != news.partner) dialog_owners_[dialog] = news.partner;
  }
  if (news.news == PartnerNews::kForkReady && !is_gone) return StartBranches(*to->second.call, news.now);
  if (news.news == PartnerNews::kBranchAnswered && !GiveForkedDialog(from, news.partner)) {
    return Apply(CallId(from), [&](Call& branch) { branch.EndByGateway("The caller has given up", news.now); });
  }
  if (news.news == PartnerNews::kForkOffer) {
    const auto fork = calls_.find(from);
    const bool rings = !is_gone && fork != calls_.end() && to->second.call->is_branch();
    if (!rings) return;
    to->second.call->FollowFork(*fork->second.call);
    return Touch(*to->second.call);
  }
  if (is_gone) return;
  to->second.call->OnPartner(news, news.now);
  Touch(*to->second.call);
  if (news.news != PartnerNews::kJoined || config_.move.to_phone != MoveConfig::ToPhone::kRefer) return;
  const Call* leg = Find(from);
  if (leg != nullptr && !leg->is_ended() && !leg->move_id().empty()) LeavePath(*to->second.call, *leg, news.now);
}

}  // namespace byon::call
