#include "controlplane/api/application.h"

#include <nlohmann/json.hpp>

#include "controlplane/api/asyncapi_document.h"
#include "controlplane/api/bearer.h"
#include "controlplane/api/openapi_document.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/auth/address_ranges.h"

namespace byon::api {
namespace {

// Requests for emergency calls a second that are taken over every other rate: far more than there is need for, few
// enough that a stolen token gets nothing out of it. Who has not shown a token yet counts by where he is: nobody can
// use up what others may need.
constexpr double kCallsForHelpPerNetwork = 5;
constexpr double kCallsForHelpPerUser = 2;

constexpr std::string_view kChannelsPath = "/byon/v1/channels/";

std::string ChannelUrlBase(const ApiConfig& config) {
  std::string url = config.public_url;
  if (url.starts_with("http")) url.replace(0, 4, "ws");  // http to ws, https to wss
  return url + config.api_root + std::string(kChannelsPath);
}

ConnectionConfig ConnectionSettings(const ApiConfig& config) {
  ConnectionConfig connections = config.connections;
  connections.api_root = config.api_root;
  return connections;
}

PageConfig WithRoot(const ApiConfig& config) {
  PageConfig page = config.page;
  page.api_root = config.public_url + config.api_root;
  return page;
}

}  // namespace

Application::Application(ApiConfig config, ApiPorts ports)
    : config_(std::move(config)),
      ports_(std::move(ports)),
      router_(config_.api_root),
      in_all_(config_.requests_per_second),
      per_user_(config_.requests_per_second_per_user),
      per_client_(config_.requests_per_second_per_client),
      help_per_network_(kCallsForHelpPerNetwork),
      help_per_user_(kCallsForHelpPerUser),
      registrations_(ports_.service, ports_.channels, ChannelUrlBase(config_)),
      calls_(ports_.service, ports_.visitors, ports_.events.home_domain(), ports_.now, ports_.new_id),
      subscriptions_(ports_.subscriptions, ports_.service, ports_.now, config_.may_use_private_networks),
      extensions_(ports_.service, ports_.channels, WithRoot(config_), config_.ice, ports_.now, ChannelUrlBase(config_)),
      push_(ports_.service, config_.page.push) {
  const Dialect r3_1{Release::kR3_1, config_.r3_1};
  for (const std::string version : {"/v0.4", "/v0.4rc1"}) {
    AddRegistrationRoutes("/webrtc-registration" + version, r3_1);
    AddCallRoutes("/webrtc-call-handling" + version, r3_1);
  }
  for (const std::string version : {"/v0.3", "/v0.3rc1"}) {
    AddSubscriptionRoutes("webrtc-events-subscriptions", version, r3_1);
  }
  if (config_.r2_2) {
    const Dialect r2_2{Release::kR2_2, *config_.r2_2};
    AddRegistrationRoutes("/webrtc-registration/v0.3", r2_2);
    AddCallRoutes("/webrtc-call-handling/v0.3", r2_2);
    AddSubscriptionRoutes("webrtc-events", "/v0.2", r2_2);
  }
  AddExtensionRoutes();
  AddPushRoutes();
  if (ports_.messaging != nullptr) AddMessageRoutes();
  if (ports_.presence != nullptr) AddPresenceRoutes();
  if (ports_.click_to_call != nullptr) AddClickToCallRoutes();
  AddDocumentRoutes();
  AddHealthRoutes();
}

void Application::AddRegistrationRoutes(const std::string& base, Dialect dialect) {
  const auto add = [&](const char* method, const char* path, const char* verb, auto operation) {
    router_.Add({method, base + path, std::string("webrtc-registration:sessions:") + verb, false, dialect,
                 [this, operation](const ExchangePointer& exchange) { (registrations_.*operation)(exchange); }});
  };
  add("POST", "/sessions", "create", &RegistrationApi::Create);
  if (!dialect.is_r2_2()) {
    add("GET", "/sessions", "read", &RegistrationApi::List);
    add("GET", "/sessions/{id}", "read", &RegistrationApi::Get);
  }
  add("PUT", "/sessions/{id}", "write", &RegistrationApi::Update);
  add("DELETE", "/sessions/{id}", "delete", &RegistrationApi::Delete);
}

void Application::AddCallRoutes(const std::string& base, Dialect dialect) {
  const auto add = [&](const char* method, const char* path, const char* verb, auto operation) {
    router_.Add({method, base + path, std::string("webrtc-call-handling:sessions:") + verb, false, dialect,
                 [this, operation](const ExchangePointer& exchange) { (calls_.*operation)(exchange); },
                 !dialect.is_r2_2()});
  };
  add("POST", "/sessions", "create", &CallApi::Create);
  add("GET", "/sessions/{id}", "read", &CallApi::Get);
  add("PUT", "/sessions/{id}/status", "write", &CallApi::ChangeStatus);
  // The flow documents leave out "/status".
  if (dialect.is_compat()) add("PUT", "/sessions/{id}", "write", &CallApi::ChangeStatus);
  // What is left of "/sessions//status" when slashes are merged on the way: an empty id.
  router_.Add(
      {"PUT", base + "/sessions/status", "webrtc-call-handling:sessions:write", false, dialect,
       [](const ExchangePointer& exchange) { exchange->Fail(InvalidArgument("The id in the path is missing.")); }});
  add("DELETE", "/sessions/{id}", "delete", &CallApi::Delete);
}

void Application::AddSubscriptionRoutes(const std::string& api, const std::string& version, Dialect dialect) {
  const std::string base = "/" + api + version;
  const auto add = [&](const char* method, const char* path, const std::string& scope, auto operation) {
    router_.Add({method, base + path, scope, false, dialect, [this, operation](const ExchangePointer& exchange) {
                   if (!ports_.subscriptions.is_restored()) return exchange->Fail(ErrorOf(gateway::StillRestoring()));
                   (subscriptions_.*operation)(exchange);
                 }});
  };
  add("POST", "/subscriptions", "", &SubscriptionApi::Create);  // a scope for each type
  add("GET", "/subscriptions", api + ":read", &SubscriptionApi::List);
  add("GET", "/subscriptions/{id}", api + ":read", &SubscriptionApi::Get);
  if (!dialect.is_r2_2()) add("PUT", "/subscriptions/{id}", api + ":update", &SubscriptionApi::Update);
  add("DELETE", "/subscriptions/{id}", api + ":delete", &SubscriptionApi::Delete);
}

void Application::AddExtensionRoutes() {
  const auto add = [this](const char* method, const std::string& path, const char* scope, auto operation,
                          bool is_for_visitors = false) {
    router_.Add({method,
                 "/byon/v1" + path,
                 scope,
                 false,
                 {},
                 [this, operation](const ExchangePointer& exchange) { (extensions_.*operation)(exchange); },
                 is_for_visitors});
  };
  add("POST", "/channels", "", &ExtensionApi::CreateChannel, true);  // one of the events' scopes
  add("DELETE", "/channels/{id}", "", &ExtensionApi::DeleteChannel, true);
  add("GET", "/registrations", "webrtc-registration:sessions:read", &ExtensionApi::ListRegistrations);
  add("GET", "/ice-servers", "webrtc-call-handling:sessions:read", &ExtensionApi::IceServers, true);
  add("GET", "/calls", "webrtc-call-handling:sessions:read", &ExtensionApi::ListCalls, true);
  add("GET", "/calls/{id}", "webrtc-call-handling:sessions:read", &ExtensionApi::CallDetails, true);
  add("PUT", "/calls/{id}/location", "webrtc-call-handling:sessions:write", &ExtensionApi::ChangeLocation);
  add("POST", "/calls/{id}/dtmf", "webrtc-call-handling:sessions:write", &ExtensionApi::SendDtmf, true);
  add("POST", "/calls/{id}/playback", "webrtc-call-handling:sessions:write", &ExtensionApi::Play);
  add("DELETE", "/calls/{id}/playback", "webrtc-call-handling:sessions:write", &ExtensionApi::StopPlaying);
  add("GET", "/calls/{id}/quality", "webrtc-call-handling:sessions:read", &ExtensionApi::Quality, true);
  add("POST", "/calls/{id}/transfer", "webrtc-call-handling:sessions:write", &ExtensionApi::Transfer);
  add("DELETE", "/calls/{id}/transfer", "webrtc-call-handling:sessions:write", &ExtensionApi::CancelTransfer);
  add("GET", "/calls-elsewhere", "webrtc-call-handling:sessions:read", &ExtensionApi::ListElsewhere);
  add("POST", "/calls-elsewhere/{id}/pull", "webrtc-call-handling:sessions:create", &ExtensionApi::Pull);
  router_.Add({"GET", "/byon/v1/config", "", true, {}, [this](const auto& e) { extensions_.Config(e); }});
  for (const char* path : {"/byon/v1/channels", "/byon/v1/channels/{id}"}) {
    router_.Add({"GET", path, "", true, {}, [](const auto& e) {
                   HttpResponse response = ErrorResponse({426, "UPGRADE_REQUIRED", "Open this URL as a WebSocket."});
                   response.headers.emplace_back("Upgrade", "websocket");
                   e->Send(std::move(response));
                 }});
  }
}

void Application::AddPushRoutes() {
  const auto add = [this](const char* method, const char* verb, auto operation) {
    router_.Add({method,
                 "/byon/v1/registrations/{id}/push",
                 std::string("webrtc-registration:sessions:") + verb,
                 false,
                 {},
                 [this, operation](const ExchangePointer& exchange) { (push_.*operation)(exchange); }});
  };
  add("PUT", "write", &PushApi::Set);
  add("GET", "read", &PushApi::Get);
  add("DELETE", "write", &PushApi::Delete);
}

void Application::AddMessageRoutes() {
  messages_.emplace(*ports_.messaging);
  const auto add = [this](const char* method, const char* path, const char* scope, auto operation) {
    router_.Add({method,
                 std::string("/byon/v1/messages") + path,
                 scope,
                 false,
                 {},
                 [this, operation](const ExchangePointer& exchange) { ((*messages_).*operation)(exchange); }});
  };
  add("POST", "", kWriteMessages, &MessageApi::Send);
  add("GET", "", kReadMessages, &MessageApi::List);
  add("GET", "/{id}", kReadMessages, &MessageApi::Get);
  add("POST", "/{id}/read", kWriteMessages, &MessageApi::MarkRead);
  add("DELETE", "/{id}", kWriteMessages, &MessageApi::Delete);
}

void Application::AddPresenceRoutes() {
  presence_.emplace(*ports_.presence);
  const auto add = [this](const char* method, const char* path, const char* scope, auto operation) {
    router_.Add({method,
                 std::string("/byon/v1/presence") + path,
                 scope,
                 false,
                 {},
                 [this, operation](const ExchangePointer& exchange) { ((*presence_).*operation)(exchange); }});
  };
  add("GET", "", kReadPresence, &PresenceApi::List);
  add("GET", "/{id}", kReadPresence, &PresenceApi::Get);
  add("PUT", "/{id}", kWritePresence, &PresenceApi::Watch);
  add("DELETE", "/{id}", kWritePresence, &PresenceApi::Unwatch);
}

void Application::AddClickToCallRoutes() {
  click_to_call_.emplace(*ports_.click_to_call, *ports_.visitors, ports_.now, ports_.new_id);
  const auto add = [this](const char* method, const char* path, const char* scope, auto operation,
                          bool is_for_visitors = false) {
    router_.Add({method,
                 std::string("/byon/v1/click-to-call") + path,
                 scope,
                 false,
                 {},
                 [this, operation](const ExchangePointer& exchange) { ((*click_to_call_).*operation)(exchange); },
                 is_for_visitors});
  };
  add("POST", "/tokens", kWriteClickToCall, &ClickToCallApi::IssueToken);
  add("DELETE", "/tokens/{id}", kWriteClickToCall, &ClickToCallApi::RevokeToken);
  add("GET", "/campaigns", kReadClickToCall, &ClickToCallApi::ListCampaigns);
  add("GET", "/visit", "webrtc-call-handling:sessions:create", &ClickToCallApi::Visit, true);
}

// What describes the interface, for people and generators.
void Application::AddDocumentRoutes() {
  const auto add = [this](const char* path, std::string_view text) {
    router_.Add({"GET", path, "", true, {}, [text](const ExchangePointer& exchange) {
                   exchange->Send({200, {{"Content-Type", "application/yaml"}}, std::string(text)});  // RFC 9512
                 }});
  };
  add("/openapi", kOpenApi);
  add("/asyncapi", kAsyncApi);
}

void Application::AddHealthRoutes() {
  router_.Add({"GET", "/livez", "", true, {}, [](const auto& e) { e->SendJson(200, {{"status", "live"}}); }});
  router_.Add({"GET", "/readyz", "", true, {}, [this](const auto& e) {
                 const std::string missing = ports_.unreadiness();
                 e->SendJson(missing.empty() ? 200 : 503,
                             {{"status", missing.empty() ? "ready" : "not ready"}, {"missing", missing}});
               }});
}

ExchangePointer Application::Begin(HttpRequest request, Respond respond) {
  auto exchange = std::make_shared<Exchange>();
  const std::string* sent = request.Header("x-correlator");
  const bool is_bad = sent != nullptr && !IsCorrelator(*sent);
  const std::string correlator = sent != nullptr && !is_bad && !sent->empty() ? *sent : ports_.new_id();
  exchange->request = std::move(request);
  // Weak, or the exchange would keep itself alive through its own callback.
  exchange->respond = [this, correlator, weak = std::weak_ptr<Exchange>(exchange),
                       respond = std::move(respond)](HttpResponse response) {
    response.headers.emplace_back("x-correlator", correlator);
    if (const auto self = weak.lock()) ports_.observer(self->request, response.status, correlator);
    respond(std::move(response));
  };
  if (!is_bad) return exchange;
  exchange->Fail(InvalidArgument("The header x-correlator is malformed."));
  return nullptr;
}

void Application::HandleRequest(HttpRequest request, Respond respond) {
  const ExchangePointer exchange = Begin(std::move(request), std::move(respond));
  const Route* route = exchange == nullptr ? nullptr : FindRoute(exchange);
  if (route == nullptr) return;
  if (route->is_public) return route->handle(exchange);
  if (MayGoOn(exchange)) Authenticate(exchange, *route);
}

void Application::RunCommand(HttpRequest request, std::shared_ptr<const auth::VerifiedToken> token, Respond respond) {
  const ExchangePointer exchange = Begin(std::move(request), std::move(respond));
  const Route* route = exchange == nullptr ? nullptr : FindRoute(exchange);
  if (route == nullptr) return;
  if (!MayGoOn(exchange)) return;
  exchange->token = std::move(token);
  Perform(exchange, *route);
}

bool Application::IsCallForHelp(const Exchange& exchange, RateLimiter& of_calls, const std::string& key) const {
  const HttpRequest& request = exchange.request;
  const bool is_call = request.method == "POST" && request.path.ends_with("/sessions") &&
                       request.path.find("/webrtc-call-handling/") != std::string::npos;
  if (!is_call) return false;
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object()) return false;
  const auto text = [&body](const char* name) {
    const auto member = body.find(name);
    return member != body.end() && member->is_string() ? member->get<std::string>() : std::string();
  };
  const bool is_for_help = text("callType") == "EMERGENCY" || ports_.service.IsEmergency(text("receiverAddress"));
  return is_for_help && of_calls.Take(key, ports_.now());
}

// Whether the operator's own rate allows one more request, before a token costs a signature; else it was answered.
bool Application::MayGoOn(const ExchangePointer& exchange) {
  if (config_.requests_per_second <= 0 || in_all_.Take("", ports_.now())) return true;
  if (IsCallForHelp(*exchange, help_per_network_, auth::NetworkOf(exchange->request.remote_address))) return true;
  exchange->Fail({429, "TOO_MANY_REQUESTS", "Rate limit reached."});
  return false;
}

// The operation that was asked for; null after the error was answered.
const Route* Application::FindRoute(const ExchangePointer& exchange) {
  Router::Match match = router_.Find(exchange->request.method, exchange->request.path);
  if (match.route == nullptr && match.allowed.empty()) {
    exchange->Fail(NotFound());
    return nullptr;
  }
  if (match.route == nullptr) {
    std::string allow;
    for (const std::string& method : match.allowed) allow += (allow.empty() ? "" : ", ") + method;
    HttpResponse response = ErrorResponse({405, "METHOD_NOT_ALLOWED", "The method is not allowed for this resource."});
    response.headers.emplace_back("Allow", allow);
    exchange->Send(std::move(response));
    return nullptr;
  }
  if (match.is_malformed) {
    exchange->Fail(InvalidArgument("The path is malformed."));
    return nullptr;
  }
  exchange->ids = std::move(match.ids);
  exchange->dialect = match.route->dialect;
  return match.route;
}

void Application::Authenticate(const ExchangePointer& exchange, const Route& route) {
  const auto token = BearerOf(exchange->request);
  if (!token) return exchange->Fail(Unauthenticated());
  ports_.tokens.Verify(*token, exchange->request.remote_address, [this, exchange, &route](TokenVerdict verdict) {
    OnToken(exchange, route, std::move(verdict));
  });
}

void Application::OnToken(const ExchangePointer& exchange, const Route& route, TokenVerdict verdict) {
  if (!verdict && verdict.error() == auth::TokenFailure::kUnavailable) {
    return exchange->Fail({503, "UNAVAILABLE", "The identity provider cannot be reached."});
  }
  if (!verdict && verdict.error() == auth::TokenFailure::kTooMany) {
    return exchange->Fail({429, "TOO_MANY_REQUESTS", "Too many access tokens from here were not accepted."});
  }
  if (!verdict && verdict.error() == auth::TokenFailure::kForeignNumber) {
    return exchange->Fail(
        {403, "INVALID_TOKEN_CONTEXT", "The access token's phone number is none of this operator's."});
  }
  if (!verdict) {
    HttpResponse response = ErrorResponse(Unauthenticated());
    response.headers.back().second = "Bearer error=\"invalid_token\"";
    return exchange->Send(std::move(response));
  }
  exchange->token = std::move(verdict).value();
  Perform(exchange, route);
}

void Application::Perform(const ExchangePointer& exchange, const Route& route) {
  exchange->who = PrincipalOf(*exchange->token);
  // A 2-legged client is a server that speaks for many users.
  const gateway::Principal& who = exchange->who;
  const bool is_allowed = who.is_two_legged ? per_client_.Take(who.client_id, ports_.now())
                                            : per_user_.Take(who.client_id + '\n' + who.subject, ports_.now());
  if (!is_allowed && !IsCallForHelp(*exchange, help_per_user_, who.client_id + '\n' + who.subject)) {
    return exchange->Fail({429, "TOO_MANY_REQUESTS", "Rate limit reached."});
  }
  const bool is_closed = who.is_visitor() && !route.is_for_visitors;
  if (is_closed || (!route.scope.empty() && !exchange->token->HasScope(route.scope))) {
    HttpResponse response = ErrorResponse(PermissionDenied());
    response.headers.emplace_back("WWW-Authenticate", "Bearer error=\"insufficient_scope\"");
    return exchange->Send(std::move(response));
  }
  for (const std::string& id : exchange->ids) {
    if (id.empty()) {
      const bool is_subscription = exchange->request.path.find("/subscriptions/") != std::string::npos;
      return exchange->Fail(InvalidArgument(is_subscription ? "Expected property is missing: subscriptionId"
                                                            : "The id in the path is missing."));
    }
    if (id.size() > 256) return exchange->Fail(InvalidArgument("The id in the path is too long."));
  }
  route.handle(exchange);
}

std::unique_ptr<WebSocketHandler> Application::OpenWebSocket(const HttpRequest& request,
                                                             std::shared_ptr<WebSocketSession> session) {
  const std::string prefix = config_.api_root + std::string(kChannelsPath);
  ChannelConnection::Opening opening;
  if (request.path.starts_with(prefix)) {
    // A name that cannot be one of ours is not taken for none.
    opening.channel_id = PercentDecode(request.path.substr(prefix.size()), false).value_or("?");
    if (opening.channel_id.empty()) opening.channel_id = "?";
  } else if (request.path + "/" != prefix) {
    opening.channel_id = "?";
  }
  opening.token = BearerOf(request);
  if (!opening.token) opening.token = SubprotocolToken(request);
  opening.resume = QueryValue(request.query, "resume");
  opening.device_id = QueryValue(request.query, "deviceId");
  opening.phone_number = QueryValue(request.query, "phoneNumber");
  opening.remote_address = request.remote_address;
  if (const std::string* origin = request.Header("origin")) opening.origin = *origin;
  return std::make_unique<ChannelConnection>(
      ConnectionSettings(config_),
      ChannelConnection::Ports{
          ports_.channels, ports_.tokens, ports_.service, ports_.events, ports_.timers, ports_.now,
          [this](HttpRequest command, std::shared_ptr<const auth::VerifiedToken> token, Respond respond) {
            RunCommand(std::move(command), std::move(token), std::move(respond));
          }},
      std::move(opening), std::move(session));
}

}  // namespace byon::api
