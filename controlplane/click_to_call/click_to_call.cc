#include "controlplane/click_to_call/click_to_call.h"

#include <algorithm>

#include "controlplane/auth/address_ranges.h"
#include "controlplane/auth/sha256.h"

namespace byon::click_to_call {

using std::chrono::seconds;

namespace {

// A line gets free when a call ends; nobody knows when that will be.
constexpr seconds kBusyRetry{10};
// Between the longest call and the end of its token: hanging up and reading how it ended.
constexpr seconds kTokenGrace{60};

// All that a visitor's token opens; which operations serve visitors at all is said by the API's routes.
constexpr const char* kVisitorScopes[] = {
    "webrtc-call-handling:sessions:create",
    "webrtc-call-handling:sessions:read",
    "webrtc-call-handling:sessions:write",
    "webrtc-call-handling:sessions:delete",
    "webrtc-events-subscriptions:org.camaraproject.webrtc-events-subscriptions.v0.session-status:create",
};

seconds RoundedUp(SteadyTime::duration wait) { return std::max(seconds(1), std::chrono::ceil<seconds>(wait)); }

std::string AddressKey(const Campaign& campaign, const std::string& address) {
  return campaign.id + '\n' + auth::NetworkOf(address);
}

}  // namespace

std::string_view ToString(Refusal refusal) {
  switch (refusal) {
    case Refusal::kForeignOrigin: return "foreignOrigin";
    case Refusal::kTokenSpent: return "tokenSpent";
    case Refusal::kTokenTooOld: return "tokenTooOld";
    case Refusal::kTokenBusy: return "tokenBusy";
    case Refusal::kAddressRate: return "addressRate";
    case Refusal::kCampaignRate: return "campaignRate";
    case Refusal::kCampaignFull: return "campaignFull";
    case Refusal::kPoolBusy: return "poolBusy";
    case Refusal::kCount: break;
  }
  return "unknown";
}

ClickToCall::ClickToCall(std::vector<Campaign> campaigns, std::string operator_id, std::string own_origin,
                         store::Store& store)
    : campaigns_(std::move(campaigns)),
      operator_id_(std::move(operator_id)),
      own_origin_(std::move(own_origin)),
      tokens_(store) {}

const Campaign* ClickToCall::Find(const std::string& campaign_id) const {
  const auto found =
      std::find_if(campaigns_.begin(), campaigns_.end(), [&](const Campaign& one) { return one.id == campaign_id; });
  return found == campaigns_.end() ? nullptr : &*found;
}

const CampaignFigures& ClickToCall::FiguresOf(const std::string& campaign_id) const {
  static const CampaignFigures kNone;
  const auto known = figures_.find(campaign_id);
  return known == figures_.end() ? kNone : known->second;
}

base::Result<IssuedToken, TokenRefusal> ClickToCall::Issue(const std::string& client_id, const TokenRequest& request,
                                                           const std::string& id, const std::string& secret,
                                                           WallTime now) {
  const Campaign* campaign = Find(request.campaign_id);
  const bool is_own = campaign != nullptr && std::find(campaign->clients.begin(), campaign->clients.end(), client_id) !=
                                                 campaign->clients.end();
  if (!is_own) return TokenRefusal::kUnknownCampaign;
  const uint32_t calls = request.calls.value_or(1);
  if (calls == 0 || calls > campaign->calls_per_token) return TokenRefusal::kTooManyCalls;
  const seconds lifetime = request.lifetime.value_or(campaign->token_lifetime);
  if (lifetime < seconds(1) || lifetime > campaign->token_lifetime) return TokenRefusal::kTooLong;
  TokenRecord record;
  record.id = id;
  record.secret_hash = auth::Sha256Hex(secret);
  record.campaign_id = campaign->id;
  record.client_id = client_id;
  record.originator_name = request.originator_name;
  record.calls = record.calls_left = calls;
  record.start_before = now + lifetime;
  record.ends_at = record.start_before + campaign->max_call + kTokenGrace;
  if (!tokens_.Add(record, now)) return TokenRefusal::kTooManyTokens;
  ++figures_[campaign->id].tokens;
  return IssuedToken{TokenText{operator_id_, id, secret}.ToString(), std::move(record)};
}

bool ClickToCall::Revoke(const std::string& client_id, const std::string& token_id, WallTime now) {
  const TokenRecord* record = tokens_.FindById(token_id, now);
  if (record == nullptr || record->client_id != client_id) return false;
  tokens_.Delete(std::string(token_id));
  return true;
}

base::Result<auth::VerifiedToken, auth::TokenFailure> ClickToCall::Verify(const std::string& token,
                                                                          WallTime now) const {
  const auto text = TokenText::Parse(token);
  if (!text) return auth::TokenFailure::kMalformed;
  const TokenRecord* record = text->operator_id == operator_id_ ? tokens_.Find(*text, now) : nullptr;
  // A campaign that the operator has taken out of the configuration takes its tokens along.
  if (record == nullptr || Find(record->campaign_id) == nullptr) return auth::TokenFailure::kInactive;
  auth::VerifiedToken verified;
  verified.issuer = "byon-visit";
  verified.client_id = std::string(auth::kVisitorClient) + record->campaign_id;
  verified.subject = record->id;
  verified.campaign_id = record->campaign_id;
  verified.scopes.assign(std::begin(kVisitorScopes), std::end(kVisitorScopes));
  verified.expires_at = record->ends_at;
  return verified;
}

bool ClickToCall::IsAllowedOrigin(const Campaign& campaign, const std::string& origin) const {
  const auto& allowed = campaign.allowed_origins;
  if (allowed.empty() || origin == own_origin_) return true;
  return std::find(allowed.begin(), allowed.end(), origin) != allowed.end();
}

std::optional<Refused> ClickToCall::Check(const Campaign& campaign, const Attempt& attempt, const LiveCalls& live,
                                          SteadyTime steady, WallTime wall) const {
  if (!IsAllowedOrigin(campaign, attempt.origin)) return Refused{Refusal::kForeignOrigin};
  const TokenRecord* token = tokens_.FindById(attempt.token_id, wall);
  if (token == nullptr || token->start_before <= wall) return Refused{Refusal::kTokenTooOld};
  if (token->calls_left == 0) return Refused{Refusal::kTokenSpent};
  if (live.of_token > 0) return Refused{Refusal::kTokenBusy, kBusyRetry};
  auto wait = by_address_.WaitFor(AddressKey(campaign, attempt.address), campaign.calls_per_minute_per_address, steady);
  if (wait > wait.zero()) return Refused{Refusal::kAddressRate, RoundedUp(wait)};
  wait = by_campaign_.WaitFor(campaign.id, campaign.calls_per_minute, steady);
  if (wait > wait.zero()) return Refused{Refusal::kCampaignRate, RoundedUp(wait)};
  if (live.of_campaign >= campaign.max_calls) return Refused{Refusal::kCampaignFull, kBusyRetry};
  return std::nullopt;
}

std::variant<std::string, Refused> ClickToCall::Admit(const Campaign& campaign, const Attempt& attempt,
                                                      const LiveCalls& live, SteadyTime steady, WallTime wall) {
  auto refused = Check(campaign, attempt, live, steady, wall);
  std::optional<std::string> number;
  if (!refused) {
    number = pools_[campaign.id].Choose(campaign.calling_numbers, live.of_number, campaign.max_calls_per_number);
    if (!number) refused = Refused{Refusal::kPoolBusy, kBusyRetry};
  }
  if (number) return *number;
  ++figures_[campaign.id].refused[static_cast<size_t>(refused->cause)];
  return *refused;
}

void ClickToCall::Begin(const Campaign& campaign, const Attempt& attempt, SteadyTime steady) {
  tokens_.Spend(attempt.token_id);
  by_campaign_.Add(campaign.id, steady);
  if (campaign.calls_per_minute_per_address != 0) by_address_.Add(AddressKey(campaign, attempt.address), steady);
  ++figures_[campaign.id].calls_started;
}

}  // namespace byon::click_to_call
