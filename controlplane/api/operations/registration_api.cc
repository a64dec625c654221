#include "controlplane/api/operations/registration_api.h"

#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/operations/resources.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/auth/number_ranges.h"

namespace byon::api {

using gateway::ErrorCode;
using nlohmann::json;

gateway::DeviceKey DeviceKeyOf(const gateway::Principal& who, const std::string& device_id,
                               const std::string& phone_number) {
  if (who.is_visitor())
    return {who.client_id, who.subject, who.subject};  // one device a token, whatever it calls itself
  return {who.client_id, who.is_two_legged ? phone_number : who.subject, device_id};
}

json RegistrationApi::Body(const Exchange& exchange, const gateway::Registration& registration) {
  json body = RegistrationBody(registration);
  if (!exchange.wants_channel()) return body;
  const auto channel = channels_.Open(Owner::Of(exchange.who),
                                      DeviceKeyOf(exchange.who, registration.device_id, registration.phone_number));
  if (const auto* opened = std::get_if<Channel*>(&channel)) {
    body["channelId"] = (*opened)->id;
    body["channelUrl"] = channel_url_base_ + (*opened)->id;
  }
  return body;
}

void RegistrationApi::Answer(const ExchangePointer& exchange, int status, const gateway::Registration& registration) {
  exchange->SendJson(status, Body(*exchange, registration));
}

void RegistrationApi::Create(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  ObjectReader reader(*body, "", mistakes);
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
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  if (exchange->dialect.is_r2_2()) return CreateAsR2_2(exchange, std::move(request));
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
  if (!MayRegister(exchange, request.phone_number.value_or(""))) return;
  service_.CreateRegistration(who, std::move(request),
                              [this, exchange](const gateway::Outcome<gateway::Registration>& outcome) {
                                if (const auto* made = exchange->Unwrap(outcome)) Answer(exchange, 201, *made);
                              });
}

// Whether a server may register this number; else it was answered, in the words that do not tell whether the number
// exists.
bool RegistrationApi::MayRegister(const ExchangePointer& exchange, const std::string& number) {
  const std::vector<std::string>& ranges = exchange->token->number_ranges;
  if (!exchange->who.is_two_legged || (!ranges.empty() && auth::IsInRanges(number, ranges))) return true;
  exchange->Fail(
      {403, "PERMISSION_DENIED", "The API consumer is not authorized to register the requested phoneNumber."});
  return false;
}

// r2.2 knows no 409: a device that registers again is the same device, and its registration is prolonged.
void RegistrationApi::CreateAsR2_2(const ExchangePointer& exchange, gateway::RegistrationRequest request) {
  const gateway::Principal& who = exchange->who;
  if (!who.is_two_legged) request.phone_number.reset();  // not a member of r2.2; the token has the number
  const auto number = who.is_two_legged ? request.phone_number : who.phone_number;
  if (!number) {
    return exchange->Fail(ErrorOf({ErrorCode::kInvalidTokenContext, "The access token names no phone number."}));
  }
  if (!MayRegister(exchange, *number)) return;
  service_.CreateRegistration(
      who, request, [this, exchange, request, number](const gateway::Outcome<gateway::Registration>& outcome) {
        const auto* error = std::get_if<gateway::Error>(&outcome);
        if (error == nullptr) return Answer(exchange, 200, std::get<gateway::Registration>(outcome));
        if (error->code == ErrorCode::kAlreadyExists) {
          for (const auto& known : service_.ListRegistrations(exchange->who, request.device_id)) {
            if (known.phone_number != *number) continue;
            return service_.UpdateRegistration(
                exchange->who, known.registration_id, request.expire_time,
                [this, exchange](const gateway::Outcome<gateway::Registration>& updated) {
                  const auto* same = exchange->Unwrap(updated);
                  if (same != nullptr) Answer(exchange, 200, *same);
                });
          }
        }
        exchange->Unwrap(outcome);
      });
}

void RegistrationApi::List(const ExchangePointer& exchange) {
  const auto device_id = QueryValue(exchange->request.query, "deviceId");
  if (!device_id || !IsUuid(*device_id)) {
    return exchange->Fail(InvalidArgument("The query parameter deviceId must be a UUID."));
  }
  if (service_.is_restoring()) return exchange->Fail(ErrorOf(gateway::StillRestoring()));
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
    Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
    ObjectReader reader(*body, "", mistakes);
    expire_time = reader.DateTime("registrationExpireTime");
    reader.Finish();
    if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  }
  const auto finish = [this, exchange](const gateway::Outcome<gateway::Registration>& outcome) {
    const auto* updated = exchange->Unwrap(outcome);
    if (updated == nullptr) return;
    // Without a body in the request the test plan wants none in the answer.
    if (!exchange->has_body() && !exchange->wants_channel()) return exchange->Send(EmptyResponse(204));
    Answer(exchange, 200, *updated);
  };
  service_.UpdateRegistration(
      exchange->who, exchange->ids[0], expire_time,
      [this, exchange, finish](const gateway::Outcome<gateway::Registration>& outcome) {
        const auto* error = std::get_if<gateway::Error>(&outcome);
        // In r2.2 a time out of range falls back to the server's own policy.
        if (exchange->dialect.is_r2_2() && error != nullptr && error->code == ErrorCode::kOutOfRange) {
          return service_.UpdateRegistration(exchange->who, exchange->ids[0], std::nullopt, finish);
        }
        finish(outcome);
      });
}

void RegistrationApi::Delete(const ExchangePointer& exchange) {
  service_.DeleteRegistration(exchange->who, exchange->ids[0],
                              [exchange](const gateway::Outcome<gateway::Done>& outcome) {
                                if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
                              });
}

}  // namespace byon::api
