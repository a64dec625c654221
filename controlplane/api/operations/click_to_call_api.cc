#include "controlplane/api/operations/click_to_call_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using click_to_call::Campaign;
using click_to_call::Refusal;
using click_to_call::TokenRefusal;
using nlohmann::json;

constexpr size_t kMaxCampaignId = 64;
constexpr size_t kMaxName = 128;
constexpr int64_t kMostCalls = 1000;
constexpr int64_t kLongestLifetimeS = 86'400;

// Tokens are a server's to ask for: a user's own token must not make more of its kind.
bool IsServer(const ExchangePointer& exchange) {
  if (exchange->who.is_two_legged) return true;
  exchange->Fail({403, "INVALID_TOKEN_CONTEXT", "This needs a two-legged access token."});
  return false;
}

ApiError ErrorOf(TokenRefusal refusal) {
  switch (refusal) {
    case TokenRefusal::kUnknownCampaign:
      return {404, "IDENTIFIER_NOT_FOUND", "There is no such campaign of this client."};
    case TokenRefusal::kTooManyCalls: return OutOfRange("calls is more than the campaign allows for a token.");
    case TokenRefusal::kTooLong: return OutOfRange("lifetimeSeconds is more than the campaign allows.");
    case TokenRefusal::kTooManyTokens: return {429, "QUOTA_EXCEEDED", "There are as many tokens as there may be.", 10};
  }
  return {500, "INTERNAL", "Unknown server error."};
}

bool IsOf(const Campaign& campaign, const std::string& client_id) {
  return std::find(campaign.clients.begin(), campaign.clients.end(), client_id) != campaign.clients.end();
}

json CampaignBody(const Campaign& campaign, const gateway::CampaignUse& use,
                  const click_to_call::CampaignFigures& figures) {
  json refused = json::object();
  for (size_t i = 0; i < figures.refused.size(); ++i) {
    refused[std::string(ToString(static_cast<Refusal>(i)))] = figures.refused[i];
  }
  return {{"campaignId", campaign.id},
          {"name", campaign.name},
          {"receiverAddress", "tel:" + campaign.called_number},
          {"numbers", campaign.calling_numbers.size()},
          {"numbersBusy", use.numbers_busy},
          {"maxCalls", campaign.max_calls},
          {"calls", use.calls},
          {"callsStarted", figures.calls_started},
          {"tokensIssued", figures.tokens},
          {"refused", std::move(refused)}};
}

}  // namespace

click_to_call::TokenRequest ReadTokenRequest(const json& body, Mistakes& mistakes) {
  ObjectReader reader(body, "", mistakes);
  click_to_call::TokenRequest request;
  reader.Require("campaignId");
  request.campaign_id = reader.Text("campaignId", kMaxCampaignId).value_or("");
  if (const auto calls = reader.Integer("calls", 1, kMostCalls)) request.calls = static_cast<uint32_t>(*calls);
  if (const auto lifetime = reader.Integer("lifetimeSeconds", 1, kLongestLifetimeS)) {
    request.lifetime = std::chrono::seconds(*lifetime);
  }
  request.originator_name = reader.Text("originatorName", kMaxName).value_or("");
  if (!IsPlainText(request.originator_name)) reader.Mistake("originatorName", "must not contain control characters");
  reader.Finish();
  return request;
}

void ClickToCallApi::IssueToken(const ExchangePointer& exchange) {
  if (!IsServer(exchange)) return;
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes;
  const click_to_call::TokenRequest request = ReadTokenRequest(*body, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  const auto issued = click_to_call_.Issue(exchange->who.client_id, request, new_id_(), new_id_(), now_());
  if (!issued) return exchange->Fail(ErrorOf(issued.error()));
  exchange->SendJson(201, {{"tokenId", issued->record.id},
                           {"token", issued->text},
                           {"campaignId", issued->record.campaign_id},
                           {"calls", issued->record.calls},
                           {"startBefore", FormatDateTime(issued->record.start_before)}});
}

void ClickToCallApi::RevokeToken(const ExchangePointer& exchange) {
  if (!IsServer(exchange)) return;
  const bool is_gone = click_to_call_.Revoke(exchange->who.client_id, exchange->ids[0], now_());
  is_gone ? exchange->Send(EmptyResponse(204)) : exchange->Fail(NotFound());
}

void ClickToCallApi::ListCampaigns(const ExchangePointer& exchange) {
  if (!IsServer(exchange)) return;
  json list = json::array();
  for (const Campaign& campaign : click_to_call_.campaigns()) {
    if (!IsOf(campaign, exchange->who.client_id)) continue;
    list.push_back(CampaignBody(campaign, visitors_.UseOf(campaign.id), click_to_call_.FiguresOf(campaign.id)));
  }
  exchange->SendJson(200, list);
}

void ClickToCallApi::Visit(const ExchangePointer& exchange) {
  const Campaign* campaign = click_to_call_.Find(exchange->who.campaign_id);
  const auto* token = click_to_call_.TokenOf(exchange->who.subject, now_());
  if (campaign == nullptr || token == nullptr) {
    return exchange->Fail({403, "INVALID_TOKEN_CONTEXT", "The access token is none of a visitor."});
  }
  exchange->SendJson(200, {{"campaignId", campaign->id},
                           {"name", campaign->name},
                           {"receiverAddress", "tel:" + campaign->called_number},
                           {"callsLeft", token->calls_left},
                           {"startBefore", FormatDateTime(token->start_before)},
                           {"maxCallSeconds", campaign->max_call.count()}});
}

}  // namespace byon::api
