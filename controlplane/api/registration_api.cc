#include "controlplane/api/registration_api.h"

#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/resources.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {

using nlohmann::json;

gateway::DeviceKey DeviceKeyOf(const gateway::Principal& who, const std::string& device_id,
                               const std::string& phone_number) {
  return {who.client_id, who.is_two_legged ? phone_number : who.subject, device_id};
}

json RegistrationApi::Body(const Exchange& exchange, const gateway::Registration& registration) {
  json body = RegistrationBody(registration);
  if (!exchange.wants_channel()) return body;
  const auto channel =
      channels_.Open(Owner::Of(exchange.who),
                     DeviceKeyOf(exchange.who, registration.device_id, registration.phone_number));
  if (const auto* opened = std::get_if<Channel*>(&channel)) {
    body["channelId"] = (*opened)->id;
    body["channelUrl"] = channel_url_base_ + (*opened)->id;
  }
  return body;
}

void RegistrationApi::Answer(const ExchangePointer& exchange, int status,
                             const gateway::Registration& registration) {
  exchange->SendJson(status, Body(*exchange, registration));
}

void RegistrationApi::Create(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  std::string mistake;
  ObjectReader reader(*body, "", mistake);
  gateway::RegistrationRequest request;
  reader.Require("deviceId");
  request.device_id = reader.Text("deviceId", 36).value_or("");
  if (reader.Has("deviceId") && !IsUuid(request.device_id)) reader.Mistake("deviceId", "must be a UUID");
  request.phone_number = reader.Text("phoneNumber", 128);
  if (request.phone_number && !IsPhoneNumber(*request.phone_number)) {
    reader.Mistake("phoneNumber", "must be a number in E.164 form with a leading +");
  }
  request.expire_time = reader.DateTime("registrationExpireTime");
  reader.Finish();
  if (!mistake.empty()) return exchange->Fail(InvalidArgument(mistake));
  using gateway::ErrorCode;
  const gateway::Principal& who = exchange->who;
  if (who.is_two_legged && !request.phone_number) {
    return exchange->Fail(ErrorOf({ErrorCode::kMissingIdentifier, ""}));
  }
  if (!who.is_two_legged && request.phone_number) {
    return exchange->Fail(ErrorOf({ErrorCode::kUnnecessaryIdentifier, ""}));
  }
  if (!who.is_two_legged && !who.phone_number) {
    return exchange->Fail(ErrorOf({ErrorCode::kServiceNotApplicable, "The access token names no phone number."}));
  }
  service_.CreateRegistration(who, std::move(request),
                              [this, exchange](const gateway::Outcome<gateway::Registration>& outcome) {
                                if (const auto* made = exchange->Unwrap(outcome)) Answer(exchange, 201, *made);
                              });
}

void RegistrationApi::List(const ExchangePointer& exchange) {
  const auto device_id = QueryValue(exchange->request.query, "deviceId");
  if (!device_id || !IsUuid(*device_id)) {
    return exchange->Fail(InvalidArgument("The query parameter deviceId must be a UUID."));
  }
  json list = json::array();
  for (const gateway::Registration& one : service_.ListRegistrations(exchange->who, *device_id)) {
    if (list.size() < 10) list.push_back(Body(*exchange, one));
  }
  exchange->SendJson(200, list);
}

void RegistrationApi::Get(const ExchangePointer& exchange) {
  const auto outcome = service_.GetRegistration(exchange->who, exchange->ids[0]);
  if (const auto* found = exchange->Unwrap(outcome)) Answer(exchange, 200, *found);
}

void RegistrationApi::Update(const ExchangePointer& exchange) {
  std::optional<WallTime> expire_time;
  if (exchange->has_body()) {
    const auto body = exchange->BodyObject();
    if (!body) return;
    std::string mistake;
    ObjectReader reader(*body, "", mistake);
    expire_time = reader.DateTime("registrationExpireTime");
    reader.Finish();
    if (!mistake.empty()) return exchange->Fail(InvalidArgument(mistake));
  }
  service_.UpdateRegistration(exchange->who, exchange->ids[0], expire_time,
                              [this, exchange](const gateway::Outcome<gateway::Registration>& outcome) {
                                const auto* updated = exchange->Unwrap(outcome);
                                if (updated == nullptr) return;
                                // Without a body in the request the test plan wants none in the answer.
                                if (!exchange->has_body() && !exchange->wants_channel()) {
                                  return exchange->Send(EmptyResponse(204));
                                }
                                Answer(exchange, 200, *updated);
                              });
}

void RegistrationApi::Delete(const ExchangePointer& exchange) {
  service_.DeleteRegistration(exchange->who, exchange->ids[0],
                              [exchange](const gateway::Outcome<gateway::Done>& outcome) {
                                if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
                              });
}

}  // namespace byon::api
