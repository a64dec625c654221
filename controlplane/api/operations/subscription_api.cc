#include "controlplane/api/operations/subscription_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxSink = 1024;
constexpr size_t kMaxToken = 8192;
constexpr size_t kMaxId = 256;

// A mistake in the form comes before the errors that have codes of their own.
struct Problem {
  Mistakes mistakes;
  std::optional<ApiError> special;

  void Special(const char* code, const char* message, int status = 400) {
    if (!special) special = ApiError{status, code, message};
  }
  std::optional<ApiError> First() const {
    if (!mistakes.empty()) return InvalidArgument(mistakes.first);
    return special;
  }
};

bool IsTokenText(const std::string& token) {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<SinkCredential> ReadCredential(ObjectReader& reader, WallTime now, Problem& problem) {
  const json* object = reader.Object("sinkCredential");
  if (object == nullptr) return std::nullopt;
  ObjectReader inner(*object, "sinkCredential", problem.mistakes);
  inner.Require("credentialType");
  const auto type = inner.Text("credentialType", 64);
  if (type && *type != "ACCESSTOKEN") {
    problem.Special("INVALID_CREDENTIAL", "Only Access token is supported");
    return std::nullopt;  // another type has other members
  }
  for (const char* name : {"accessToken", "accessTokenExpiresUtc", "accessTokenType"}) inner.Require(name);
  const auto token_type = inner.Text("accessTokenType", 64);
  if (token_type && *token_type != "bearer") {
    problem.Special("INVALID_TOKEN", "Only bearer token is supported");
  }
  SinkCredential credential;
  credential.access_token = inner.Text("accessToken", kMaxToken).value_or("");
  if (inner.Has("accessToken") && !IsTokenText(credential.access_token)) {
    inner.Mistake("accessToken", "must be a bearer token");
  }
  const auto expires_at = inner.DateTime("accessTokenExpiresUtc");
  credential.expires_at = expires_at.value_or(now);
  if (expires_at && *expires_at <= now) inner.Mistake("accessTokenExpiresUtc", "must be in the future");
  inner.Finish();
  return credential;
}

std::vector<EventType> ReadTypes(ObjectReader& reader, const Dialect& dialect, Problem& problem) {
  std::vector<EventType> types;
  reader.Require("types");
  const json* list = reader.Array("types");
  if (list == nullptr) return types;
  const size_t most = dialect.is_r2_2() ? 3 : 6;  // CAMARA's three, and ours
  if (list->empty() || list->size() > most) {
    reader.Mistake("types", "must have 1 to " + std::to_string(most) + " entries");
  }
  if (dialect.is_r2_2() && !dialect.is_compat() && list->size() > 1) {
    problem.Special("MULTIEVENT_SUBSCRIPTION_NOT_SUPPORTED", "Multi event types subscription not managed", 422);
  }
  for (const json& one : *list) {
    const auto type = one.is_string() ? ParseSubscribableType(one.get<std::string>(), dialect.release) : std::nullopt;
    if (!type) {
      reader.Mistake("types", "has an unknown event type");
    } else if (std::find(types.begin(), types.end(), *type) != types.end()) {
      reader.Mistake("types", "names an event type twice");
    } else {
      types.push_back(*type);
    }
  }
  return types;
}

void ReadDetail(const json& detail, const Dialect& dialect, Subscription& wanted, Mistakes& mistakes) {
  ObjectReader reader(detail, "config.subscriptionDetail", mistakes);
  if (!dialect.is_r2_2()) reader.Require("deviceId");
  wanted.device_id = reader.Text("deviceId", 36).value_or("");
  if (reader.Has("deviceId") && !IsUuid(wanted.device_id)) reader.Mistake("deviceId", "must be a UUID");
  if (dialect.is_r2_2()) {
    reader.Require("registrationId");
    wanted.registration_id = reader.Text("registrationId", kMaxId).value_or("");
    wanted.session_id = reader.Text("sessionId", kMaxId).value_or("");
    // The specification's own example calls it so.
    if (dialect.is_compat() && wanted.session_id.empty()) {
      wanted.session_id = reader.Text("mediaSessionId", kMaxId).value_or("");
    }
  } else if (dialect.is_compat()) {
    reader.Ignore("registrationId");
  }
  reader.Finish();
}

}  // namespace

bool IsSink(const std::string& url, bool may_be_private) {
  if (!url.starts_with("https://") || url.size() > kMaxSink || !IsPlainText(url)) return false;
  if (url.find_first_of(" \"<>\\^`{|}#") != std::string::npos) return false;
  const std::string authority = url.substr(8, url.find_first_of("/?", 8) - 8);
  if (authority.empty() || authority.find('@') != std::string::npos) return false;
  const bool is_v6 = authority.starts_with('[');
  const size_t colon = is_v6 ? authority.find("]:") : authority.rfind(':');
  std::string host = is_v6 ? authority.substr(0, authority.find(']') + 1) : authority.substr(0, colon);
  if (colon != std::string::npos) {
    const std::string port = authority.substr(colon + (is_v6 ? 2 : 1));
    if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), ::isdigit)) return false;
  }
  std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return std::tolower(c); });
  if (host.empty()) return false;
  if (may_be_private) return true;
  while (host.ends_with('.')) host.pop_back();
  if (host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local") || host.ends_with(".internal") ||
      host.find('.') == std::string::npos) {
    return is_v6;
  }
  // All kinds of spelling of an IPv4 address (decimal, octal, hex, short) begin their last part with a digit;
  // no public top-level domain does. Those in dotted decimal are judged by the address filter.
  const std::string last = host.substr(host.rfind('.') + 1);
  const bool is_dotted = std::count(host.begin(), host.end(), '.') == 3 &&
                         std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || ::isdigit(c) != 0; });
  return last.empty() || ::isdigit(static_cast<unsigned char>(last[0])) == 0 || is_dotted;
}

std::optional<ApiError> SubscriptionApi::ResolveRegistration(const Exchange& exchange, Subscription& wanted) const {
  const auto found = service_.GetRegistration(exchange.who, wanted.registration_id);
  const auto* registration = std::get_if<gateway::Registration>(&found);
  const bool is_other_device =
      registration != nullptr && !wanted.device_id.empty() && wanted.device_id != registration->device_id;
  if (registration != nullptr && !is_other_device) {
    wanted.device_id = registration->device_id;
    wanted.is_for_registration = true;
    return std::nullopt;
  }
  // The flow documents subscribe before they register: the device alone will do.
  const auto* error = std::get_if<gateway::Error>(&found);
  if (error != nullptr && error->code == gateway::ErrorCode::kUnavailable) return ErrorOf(*error);
  if (registration == nullptr && exchange.dialect.is_compat() && !wanted.device_id.empty()) return std::nullopt;
  return ApiError{403, "SUBSCRIPTION_MISMATCH", "registrationId is not consistent with access token."};
}

void SubscriptionApi::Create(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  const Dialect& dialect = exchange->dialect;
  Problem problem;
  problem.mistakes.ignores_unknown_members = dialect.ignores_unknown_members();
  ObjectReader reader(*body, "", problem.mistakes);
  const WallTime now = now_();
  Subscription wanted;
  wanted.release = dialect.release;
  wanted.owner = Owner::Of(exchange->who);
  for (const char* name : {"protocol", "sink", "config"}) reader.Require(name);
  const auto protocol = reader.Text("protocol", 64);
  if (protocol && *protocol != "HTTP") problem.Special("INVALID_PROTOCOL", "Only HTTP is supported");
  wanted.sink = reader.Text("sink", kMaxSink).value_or("");
  if (reader.Has("sink") && !IsSink(wanted.sink, may_use_private_networks_)) {
    problem.Special("INVALID_SINK", "sink not valid for the specified protocol");
  }
  wanted.credential = ReadCredential(reader, now, problem);
  wanted.types = ReadTypes(reader, dialect, problem);
  std::optional<WallTime> expire_time;
  if (const json* config = reader.Object("config")) {
    ObjectReader inner(*config, "config", problem.mistakes);
    inner.Require("subscriptionDetail");
    if (const json* detail = inner.Object("subscriptionDetail")) {
      ReadDetail(*detail, dialect, wanted, problem.mistakes);
    }
    expire_time = inner.DateTime("subscriptionExpireTime");
    if (expire_time && *expire_time <= now) {
      if (!dialect.is_compat()) inner.Mistake("subscriptionExpireTime", "must be in the future");
      expire_time.reset();
    }
    wanted.max_events = inner.Integer("subscriptionMaxEvents", 1, 1'000'000);
    wanted.initial_event = inner.Boolean("initialEvent");
    inner.Finish();
  }
  reader.Finish();
  if (const auto error = problem.First()) return exchange->Fail(*error);
  for (const EventType type : wanted.types) {
    if (!exchange->token->HasScope(CreateScope(type, dialect.release))) {
      return exchange->Fail(
          {403, "SUBSCRIPTION_MISMATCH", "Inconsistent access token for requested events subscription"});
    }
  }
  if (dialect.is_r2_2()) {
    if (const auto error = ResolveRegistration(*exchange, wanted)) return exchange->Fail(*error);
  }
  const auto made = subscriptions_.Create(std::move(wanted), expire_time);
  if (const auto* error = std::get_if<ApiError>(&made)) return exchange->Fail(*error);
  exchange->SendJson(201, SubscriptionBody(*std::get<const Subscription*>(made)));
}

void SubscriptionApi::List(const ExchangePointer& exchange) {
  json list = json::array();
  for (const Subscription* one : subscriptions_.List(Owner::Of(exchange->who), exchange->dialect.release)) {
    if (list.size() < 100) list.push_back(SubscriptionBody(*one));
  }
  exchange->SendJson(200, list);
}

void SubscriptionApi::Get(const ExchangePointer& exchange) {
  const Subscription* found =
      subscriptions_.Find(Owner::Of(exchange->who), exchange->dialect.release, exchange->ids[0]);
  if (found == nullptr) return exchange->Fail(NotFound());
  exchange->SendJson(200, SubscriptionBody(*found));
}

void SubscriptionApi::Update(const ExchangePointer& exchange) {
  const auto body = exchange->BodyObject();
  if (!body) return;
  const Subscription* found =
      subscriptions_.Find(Owner::Of(exchange->who), exchange->dialect.release, exchange->ids[0]);
  if (found == nullptr) return exchange->Fail(NotFound());
  Problem problem;
  ObjectReader reader(*body, "", problem.mistakes);
  const WallTime now = now_();
  auto credential = ReadCredential(reader, now, problem);
  std::optional<WallTime> expire_time;
  if (const json* config = reader.Object("config")) {
    ObjectReader inner(*config, "config", problem.mistakes);
    expire_time = inner.DateTime("subscriptionExpireTime");
    if (expire_time && *expire_time <= now) inner.Mistake("subscriptionExpireTime", "must be in the future");
    const json* detail = exchange->dialect.is_compat() ? inner.Object("subscriptionDetail") : nullptr;
    if (detail != nullptr && detail->value("deviceId", json()) != found->device_id) {
      inner.Mistake("subscriptionDetail", "cannot be changed");
    }
    inner.Finish();
  }
  reader.Finish();
  if (!credential && !expire_time && problem.mistakes.empty() && !problem.special) {
    problem.mistakes.Add("Either sinkCredential or config.subscriptionExpireTime must be given.");
  }
  if (const auto error = problem.First()) return exchange->Fail(*error);
  const Subscription* updated = subscriptions_.Update(Owner::Of(exchange->who), exchange->dialect.release,
                                                      exchange->ids[0], std::move(credential), expire_time);
  exchange->SendJson(200, SubscriptionBody(*updated));
}

void SubscriptionApi::Delete(const ExchangePointer& exchange) {
  if (!subscriptions_.Delete(Owner::Of(exchange->who), exchange->dialect.release, exchange->ids[0]))
    return exchange->Fail(NotFound());
  exchange->Send(EmptyResponse(204));
}

}  // namespace byon::api
