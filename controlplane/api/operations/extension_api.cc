#include "controlplane/api/operations/extension_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/operations/call_reader.h"
#include "controlplane/api/operations/location_reader.h"
#include "controlplane/api/operations/registration_api.h"
#include "controlplane/api/operations/resources.h"
#include "controlplane/api/paging.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/auth/turn_credential.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxDigits = 32;

bool HasEventScope(const auth::VerifiedToken& token) {
  return token.HasScope(CreateScope(EventType::kSessionInvitation)) ||
         token.HasScope(CreateScope(EventType::kSessionStatus)) ||
         token.HasScope(CreateScope(EventType::kRegistrationEnds)) ||
         token.HasScope(CreateScope(EventType::kMessageReceived)) ||
         token.HasScope(CreateScope(EventType::kPresenceChanged));
}

// The deviceId in the query, empty when there is none; nothing after the error was answered.
std::optional<std::string> DeviceOfQuery(const ExchangePointer& exchange) {
  const bool has_device = HasQuery(exchange->request.query, "deviceId");
  std::string device_id = QueryValue(exchange->request.query, "deviceId").value_or("");
  if (!has_device || IsUuid(device_id)) return device_id;
  exchange->Fail(InvalidArgument("The query parameter deviceId must be a UUID."));
  return std::nullopt;
}

}  // namespace

void ExtensionApi::Config(const ExchangePointer& exchange) {
  json body{{"issuer", page_.issuer},     {"clientId", page_.client_id}, {"scopes", page_.scopes},
            {"resource", page_.resource}, {"apiRoot", page_.api_root},   {"gatewayVersion", page_.version}};
  body["emergency"] = {{"policy", page_.routes_emergencies ? "route" : "refuse"}, {"numbers", page_.emergency_numbers}};
  if (!page_.push.types.empty()) body["push"]["types"] = page_.push.types;
  if (!page_.push.vapid_public_key.empty()) body["push"]["vapidPublicKey"] = page_.push.vapid_public_key;
  exchange->SendJson(200, body);
}

void ExtensionApi::CreateChannel(const ExchangePointer& exchange) {
  if (!HasEventScope(*exchange->token)) return exchange->Fail(PermissionDenied());
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  ObjectReader reader(*body, "", mistakes);
  reader.Require("deviceId");
  const std::string device_id = reader.Text("deviceId", 36).value_or("");
  if (reader.Has("deviceId") && !IsUuid(device_id)) reader.Mistake("deviceId", "must be a UUID");
  const auto number = reader.Text("phoneNumber", 128);
  if (number && !IsPhoneNumber(*number)) {
    reader.Mistake("phoneNumber", "must be a number in E.164 form with a leading +");
  }
  reader.Finish();
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  const gateway::Principal& who = exchange->who;
  using gateway::ErrorCode;
  if (who.is_two_legged && !number) return exchange->Fail(ErrorOf({ErrorCode::kMissingIdentifier, ""}));
  if (!who.is_two_legged && number) return exchange->Fail(ErrorOf({ErrorCode::kUnnecessaryIdentifier, ""}));
  const auto opened = channels_.Open(Owner::Of(who), DeviceKeyOf(who, device_id, number.value_or("")));
  if (const auto* error = std::get_if<ApiError>(&opened)) return exchange->Fail(*error);
  const std::string& id = std::get<Channel*>(opened)->id;
  exchange->SendJson(201, {{"channelId", id}, {"channelUrl", channel_url_base_ + id}});
}

void ExtensionApi::DeleteChannel(const ExchangePointer& exchange) {
  if (!HasEventScope(*exchange->token)) return exchange->Fail(PermissionDenied());
  if (!channels_.is_restored()) return exchange->Fail(ErrorOf(gateway::StillRestoring()));
  if (!channels_.Delete(Owner::Of(exchange->who), exchange->ids[0])) return exchange->Fail(NotFound());
  exchange->Send(EmptyResponse(204));
}

void ExtensionApi::ListRegistrations(const ExchangePointer& exchange) {
  if (service_.is_restoring()) return exchange->Fail(ErrorOf(gateway::StillRestoring()));
  const auto page = Page::Of(exchange);
  if (!page) return;
  const gateway::RegistrationPage found = service_.ListRegistrationPage(exchange->who, page->first, page->per_page);
  json list = json::array();
  for (const gateway::Registration& one : found.registrations) {
    json body = RegistrationBody(one);
    body["deviceId"] = one.device_id;
    list.push_back(std::move(body));
  }
  const std::string last_key = found.registrations.empty() ? "" : found.registrations.back().registration_id;
  SendPage(*exchange, *page, list, found.total, last_key);
}

void ExtensionApi::ListCalls(const ExchangePointer& exchange) {
  if (!service_.are_calls_known()) return exchange->Fail(ErrorOf(gateway::StillRestoring()));
  const auto device_id = DeviceOfQuery(exchange);
  if (!device_id) return;
  const auto page = Page::Of(exchange);
  if (!page) return;
  const gateway::CallPage found = service_.ListCallPage(exchange->who, *device_id, page->first, page->per_page);
  json list = json::array();
  for (const gateway::MediaSession& session : found.calls) list.push_back(CallBody(session));
  SendPage(*exchange, *page, list, found.total, found.calls.empty() ? "" : found.calls.back().media_session_id);
}

void ExtensionApi::CallDetails(const ExchangePointer& exchange) {
  const auto outcome = service_.GetCallDetails(exchange->who, exchange->ids[0]);
  if (const auto* details = exchange->Unwrap(outcome)) exchange->SendJson(200, CallDetailsBody(*details));
}

void ExtensionApi::IceServers(const ExchangePointer& exchange) {
  json servers = json::array();
  if (!ice_.stun_urls.empty()) servers.push_back({{"urls", ice_.stun_urls}});
  const WallTime expires_at = now_() + ice_.ttl;
  if (!ice_.turn_urls.empty()) {
    const Owner owner = Owner::Of(exchange->who);
    const auto login = auth::MakeTurnCredential(ice_.turn_secret, owner.client_id + '\n' + owner.user, expires_at);
    servers.push_back({{"urls", ice_.turn_urls}, {"username", login.username}, {"credential", login.password}});
  }
  exchange->SendJson(200, {{"iceServers", servers}, {"expiresAt", FormatDateTime(expires_at)}});
}

void ExtensionApi::SendDtmf(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  ObjectReader reader(*body, "", mistakes);
  reader.Require("digits");
  const std::string digits = reader.Text("digits", kMaxDigits).value_or("");
  const auto is_digit = [](char c) { return std::string_view("0123456789*#ABCD").find(c) != std::string_view::npos; };
  if (reader.Has("digits") && (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit))) {
    reader.Mistake("digits", "must be 1 to 32 of 0-9, *, #, A-D");
  }
  reader.Finish();
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  service_.SendDtmf(exchange->who, exchange->ids[0], digits,
                    [exchange](const gateway::Outcome<gateway::Done>& outcome) {
                      if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
                    });
}

void ExtensionApi::ChangeLocation(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  const emergency::Location location = ReadCallerLocation(*body, "", mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  if (location.is_empty())
    return exchange->Fail(InvalidArgument("The location must have coordinates or a civicAddress."));
  service_.ChangeLocation(exchange->who, exchange->ids[0], location,
                          [exchange](const gateway::Outcome<gateway::Done>& outcome) {
                            if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
                          });
}

void ExtensionApi::Play(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes;
  auto request = ReadPlaybackRequest(*body, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  service_.Play(exchange->who, exchange->ids[0], std::move(request),
                [exchange](const gateway::Outcome<gateway::Done>& outcome) {
                  if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
                });
}

void ExtensionApi::StopPlaying(const ExchangePointer& exchange) {
  const std::string to = QueryValue(exchange->request.query, "to").value_or("");
  if (to != "self" && to != "peer")
    return exchange->Fail(InvalidArgument("The query parameter to must be self or peer."));
  gateway::PlaybackRequest nothing;
  nothing.is_for_peer = to == "peer";
  service_.Play(exchange->who, exchange->ids[0], std::move(nothing),
                [exchange](const gateway::Outcome<gateway::Done>& outcome) {
                  if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
                });
}

void ExtensionApi::Quality(const ExchangePointer& exchange) {
  service_.GetQuality(exchange->who, exchange->ids[0],
                      [exchange](const gateway::Outcome<gateway::MediaQuality>& outcome) {
                        if (const auto* quality = exchange->Unwrap(outcome)) {
                          exchange->SendJson(200, QualityBody(*quality));
                        }
                      });
}

void ExtensionApi::Transfer(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  auto request = ReadTransferRequest(*body, exchange->dialect, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  service_.TransferCall(exchange->who, exchange->ids[0], std::move(request),
                        [exchange](const gateway::Outcome<gateway::MediaSession>& outcome) {
                          if (const auto* session = exchange->Unwrap(outcome))
                            exchange->SendJson(202, CallBody(*session));
                        });
}

void ExtensionApi::CancelTransfer(const ExchangePointer& exchange) {
  service_.CancelTransfer(exchange->who, exchange->ids[0], [exchange](const gateway::Outcome<gateway::Done>& outcome) {
    if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
  });
}

void ExtensionApi::ListElsewhere(const ExchangePointer& exchange) {
  if (service_.is_restoring()) return exchange->Fail(ErrorOf(gateway::StillRestoring()));
  const auto device_id = DeviceOfQuery(exchange);
  if (!device_id) return;
  const auto page = Page::Of(exchange);
  if (!page) return;
  const gateway::CallElsewherePage found =
      service_.ListElsewhere(exchange->who, *device_id, page->first, page->per_page);
  json list = json::array();
  for (const gateway::CallElsewhere& call : found.calls) list.push_back(CallElsewhereBody(call));
  SendPage(*exchange, *page, list, found.total, found.calls.empty() ? "" : found.calls.back().session.media_session_id);
}

void ExtensionApi::Pull(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  auto request = ReadPullRequest(*body, exchange->dialect, mistakes);
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  request.call_id = exchange->ids[0];
  service_.PullCall(exchange->who, std::move(request),
                    [exchange](const gateway::Outcome<gateway::MediaSession>& outcome) {
                      if (const auto* session = exchange->Unwrap(outcome)) exchange->SendJson(201, CallBody(*session));
                    });
}

}  // namespace byon::api
