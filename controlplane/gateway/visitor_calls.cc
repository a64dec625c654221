// Click to call: calls of visitors, who have no registration.
#include <algorithm>
#include <set>

#include "controlplane/call/address.h"
#include "controlplane/gateway/core.h"

namespace byon::gateway {
namespace {

using click_to_call::Campaign;
using click_to_call::LiveCalls;
using click_to_call::Refusal;

Error ErrorOf(const click_to_call::Refused& refused) {
  const auto error = [&refused](ErrorCode code, const char* message) {
    return Error{code, message, refused.retry_after};
  };
  switch (refused.cause) {
    case Refusal::kForeignOrigin: return error(ErrorCode::kPermissionDenied, "This page may not call here.");
    case Refusal::kTokenSpent:
      return error(ErrorCode::kInvalidTokenContext, "All calls of the access token have been made.");
    case Refusal::kTokenTooOld:
      return error(ErrorCode::kInvalidTokenContext, "No call can begin with this access token any more.");
    case Refusal::kTokenBusy: return error(ErrorCode::kQuotaExceeded, "A call of this access token goes on already.");
    case Refusal::kAddressRate:
      return error(ErrorCode::kTooManyRequests, "There were too many calls from this network address.");
    case Refusal::kCampaignRate: return error(ErrorCode::kTooManyRequests, "There are too many calls at the moment.");
    case Refusal::kCampaignFull: return error(ErrorCode::kQuotaExceeded, "As many calls go on as there may be.");
    case Refusal::kPoolBusy:
    case Refusal::kCount: break;
  }
  return error(ErrorCode::kUnavailable, "All lines are busy.");
}

std::string NumberOf(const call::Call& call) { return call::PhoneNumberOf(call.record().binding.impu).value_or(""); }

}  // namespace

std::vector<const call::Call*> Gateway::Core::CallsOfVisitors(const Campaign& campaign,
                                                              const std::string& token_id) const {
  auto found = calls.FindByRegistration(RegistrationIdOf(campaign));
  std::erase_if(found, [&](const call::Call* call) {
    return call->is_ended() || (!token_id.empty() && call->record().owner.user != token_id);
  });
  return found;
}

// The calls themselves tell which number is in use and how many there are: nothing has to be given back when one ends,
// in whichever way, and a restart forgets nothing.
void Gateway::CreateVisitorCall(const Principal& who, VisitorCallRequest request, Callback<MediaSession> done) {
  click_to_call::ClickToCall* visitors = core_->ports.click_to_call;
  const Campaign* campaign = visitors == nullptr ? nullptr : visitors->Find(who.campaign_id);
  if (campaign == nullptr) return done(Error{ErrorCode::kInvalidTokenContext, "The access token names no campaign."});
  const std::string receiver = "tel:" + campaign->called_number;
  const std::string wanted = request.receiver_address.value_or(receiver);
  const bool is_emergency =
      request.is_emergency || call::IsEmergencyAddress(wanted, core_->config.call.emergency_numbers);
  if (is_emergency) {
    ++core_->stats.emergencies[std::string(call::ToString(call::EmergencyStep::kRefused))];
    return done(Error{ErrorCode::kEmergencyNotSupported, "Emergency calls are not possible here, use your phone."});
  }
  if (call::PhoneNumberOf(wanted) != campaign->called_number) {
    return done(Error{ErrorCode::kInvalidTokenContext, "receiverAddress is not consistent with access token."});
  }
  if (request.originator_address.value_or(std::string(call::kAnonymousAddress)) != call::kAnonymousAddress) {
    return done(Error{ErrorCode::kInvalidTokenContext, "originatorAddress is not consistent with access token."});
  }
  if (core_->restored == Restored::kNothing) return done(StillRestoring());
  const std::string registration_id = RegistrationIdOf(*campaign);
  const call::CallOwner owner{registration_id, who.client_id, who.subject, who.subject};
  if (const call::Call* call = core_->FindRepeated(owner, request.client_correlator)) {
    return done(core_->SessionOf(call->view()));
  }
  LiveCalls live;
  for (const Campaign& one : visitors->campaigns()) {  // campaigns may share numbers
    for (const call::Call* call : core_->CallsOfVisitors(one, "")) {
      ++live.of_number[NumberOf(*call)];
      if (&one != campaign) continue;
      ++live.of_campaign;
      live.of_token += call->record().owner.user == who.subject;
    }
  }
  const click_to_call::Attempt attempt{who.subject, request.place.origin, request.place.address};
  const call::Now now = core_->Read();
  const auto admitted = visitors->Admit(*campaign, attempt, live, now.steady, now.wall);
  if (const auto* refused = std::get_if<click_to_call::Refused>(&admitted)) return done(ErrorOf(*refused));
  const std::string& number = std::get<std::string>(admitted);
  const auto* token = visitors->TokenOf(who.subject, now.wall);

  call::OutgoingRequest outgoing;
  outgoing.id = request.media_session_id.empty() ? core_->ports.ids.NewId() : request.media_session_id;
  outgoing.sdp_session_id = core_->ports.ids.NewNumber() >> 2;
  outgoing.owner = owner;
  outgoing.binding.registration_id = registration_id;
  outgoing.binding.impu = "sip:" + number + "@" + core_->config.call.home_domain;
  // Of this call alone, and no registration's: an INVITE to it is for nobody.
  outgoing.binding.contact_token = core_->ports.ids.NewId();
  outgoing.binding.associated_uris = {outgoing.binding.impu, "tel:" + number};
  outgoing.originator_address = campaign->hides_calling_number ? std::string(call::kAnonymousAddress) : "tel:" + number;
  outgoing.originator_name = token == nullptr ? "" : token->originator_name;
  outgoing.receiver_address = receiver;
  outgoing.receiver_name = campaign->name;
  outgoing.offer_sdp = std::move(request.offer_sdp);
  outgoing.client_correlator = request.client_correlator;
  outgoing.uses_trunk = true;
  outgoing.max_duration = campaign->max_call;
  const call::CallId id = outgoing.id;
  auto finish = [this, done = std::move(done)](std::variant<call::CallView, call::Refusal> outcome) {
    if (auto* refusal = std::get_if<call::Refusal>(&outcome)) return done(ToError(*refusal));
    done(core_->SessionOf(std::get<call::CallView>(outcome)));
  };
  const uint64_t waiting = core_->Await(Core::CallWaiter(std::move(finish)));
  core_->calls.CreateOutgoing(std::move(outgoing), waiting, now);
  if (const call::Call* made = core_->calls.Find(id)) {
    visitors->Begin(*campaign, attempt, now.steady);
    core_->traces.Add(id, now.wall, core_->SessionOf(made->view()));
    core_->RememberCorrelator(owner, request.client_correlator, id);
    if (core_->ports.audit) core_->ports.audit({"call_created", who.client_id, who.subject, number, "", id});
  }
  core_->Drain();
}

CampaignUse Gateway::UseOf(const std::string& campaign_id) const {
  CampaignUse use;
  const Campaign* campaign = core_->ports.click_to_call ? core_->ports.click_to_call->Find(campaign_id) : nullptr;
  if (campaign == nullptr) return use;
  std::map<std::string, uint32_t> by_number;
  for (const Campaign& one : core_->ports.click_to_call->campaigns()) {
    for (const call::Call* call : core_->CallsOfVisitors(one, "")) {
      ++by_number[NumberOf(*call)];
      use.calls += &one == campaign;
    }
  }
  use.numbers_busy = static_cast<uint32_t>(
      std::count_if(campaign->calling_numbers.begin(), campaign->calling_numbers.end(), [&](const std::string& number) {
        const auto used = by_number.find(number);
        return used != by_number.end() && used->second >= campaign->max_calls_per_number;
      }));
  return use;
}

}  // namespace byon::gateway
