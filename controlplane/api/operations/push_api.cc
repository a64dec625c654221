#include "controlplane/api/operations/push_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"
#include "controlplane/push/subscription.h"

namespace byon::api {
namespace {

using nlohmann::json;

// Names the subscription without what it takes to use it.
json Body(const gateway::Registration& registration, const push::Subscription& subscription) {
  json body{{"registrationId", registration.registration_id},
            {"expiresAt", FormatDateTime(registration.expires_at)},
            {"type", push::TypeOf(subscription)}};
  if (const auto* web = std::get_if<push::WebPushSubscription>(&subscription)) body["endpoint"] = web->endpoint;
  if (const auto* apns = std::get_if<push::ApnsSubscription>(&subscription)) {
    body["environment"] = apns->is_sandbox ? "sandbox" : "production";
  }
  return body;
}

}  // namespace

void PushApi::Set(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  const auto read = push::ReadSubscription(*body);
  if (const auto* mistake = std::get_if<push::SubscriptionMistake>(&read)) {
    return exchange->Fail(InvalidArgument(mistake->sentence));
  }
  const auto& subscription = std::get<push::Subscription>(read);
  const std::string type(push::TypeOf(subscription));
  if (std::find(config_.types.begin(), config_.types.end(), type) == config_.types.end()) {
    return exchange->Fail(
        ErrorOf({gateway::ErrorCode::kServiceNotApplicable, "The gateway does not send pushes of type " + type + "."}));
  }
  const auto* web = std::get_if<push::WebPushSubscription>(&subscription);
  if (web != nullptr && !push::IsAllowedHost(web->endpoint, config_.web_push_hosts)) {
    return exchange->Fail(InvalidArgument("endpoint must be of a push service that this gateway speaks to."));
  }
  const auto outcome = service_.SetPushSubscription(exchange->who, exchange->ids[0], push::ToText(subscription));
  if (const auto* registration = exchange->Unwrap(outcome)) exchange->SendJson(200, Body(*registration, subscription));
}

void PushApi::Get(const ExchangePointer& exchange) {
  const auto kept = service_.GetPushSubscription(exchange->who, exchange->ids[0]);
  const auto* text = exchange->Unwrap(kept);
  if (text == nullptr) return;
  const auto subscription = push::ParseSubscription(*text);
  const auto registration = service_.GetRegistration(exchange->who, exchange->ids[0]);
  const auto* found = std::get_if<gateway::Registration>(&registration);
  if (!subscription || found == nullptr) return exchange->Fail(NotFound());
  exchange->SendJson(200, Body(*found, *subscription));
}

void PushApi::Delete(const ExchangePointer& exchange) {
  const auto kept = service_.GetPushSubscription(exchange->who, exchange->ids[0]);
  const auto* text = exchange->Unwrap(kept);
  if (text == nullptr) return;
  if (text->empty()) return exchange->Fail(NotFound());
  const auto outcome = service_.SetPushSubscription(exchange->who, exchange->ids[0], "");
  if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
}

}  // namespace byon::api
