#include "controlplane/api/application.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

constexpr size_t kMaxTokenBytes = 16 * 1024;
constexpr std::string_view kChannelsPath = "/byon/v1/channels/";

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

// The token of "Authorization: Bearer <token>" (RFC 6750 section 2.1); never of the URL.
std::optional<std::string> BearerOf(const HttpRequest& request) {
  const std::string* header = request.Header("authorization");
  if (header == nullptr || header->size() > kMaxTokenBytes) return std::nullopt;
  const size_t space = header->find(' ');
  if (space == header->npos || !EqualsIgnoringCase(header->substr(0, space), "Bearer")) return std::nullopt;
  const size_t start = header->find_first_not_of(' ', space);
  if (start == header->npos) return std::nullopt;
  std::string token = header->substr(start);
  while (token.ends_with(' ')) token.pop_back();
  if (token.find(' ') != token.npos) return std::nullopt;
  return token;
}

// A token offered as subprotocol "byon.bearer.<token>".
std::optional<std::string> SubprotocolToken(const HttpRequest& request) {
  constexpr std::string_view kPrefix = "byon.bearer.";
  const std::string* header = request.Header("sec-websocket-protocol");
  if (header == nullptr) return std::nullopt;
  const size_t at = header->find(kPrefix);
  if (at == header->npos) return std::nullopt;
  const size_t start = at + kPrefix.size();
  return header->substr(start, header->find_first_of(", ", start) - start);
}

std::string ChannelUrlBase(const ApiConfig& config) {
  std::string url = config.public_url;
  if (url.starts_with("http")) url.replace(0, 4, "ws");  // http to ws, https to wss
  return url + config.api_root + std::string(kChannelsPath);
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
      per_user_(config_.requests_per_second_per_user),
      registrations_(ports_.service, ports_.channels, ChannelUrlBase(config_)),
      calls_(ports_.service, config_.strictness),
      subscriptions_(ports_.subscriptions, ports_.now, config_.may_use_private_networks, config_.strictness),
      extensions_(ports_.service, ports_.channels, WithRoot(config_), ChannelUrlBase(config_)) {
  AddRoutes();
  AddHealthRoutes();
}

void Application::AddRoutes() {
  const auto add = [this](const char* method, const std::string& path, const char* scope, auto handle) {
    router_.Add({method, path, scope, false, handle});
  };
  for (const std::string base : {"/webrtc-registration/v0.4", "/webrtc-registration/v0.4rc1"}) {
    add("POST", base + "/sessions", "webrtc-registration:sessions:create", [this](const auto& e) { registrations_.Create(e); });
    add("GET", base + "/sessions", "webrtc-registration:sessions:read", [this](const auto& e) { registrations_.List(e); });
    add("GET", base + "/sessions/{id}", "webrtc-registration:sessions:read", [this](const auto& e) { registrations_.Get(e); });
    add("PUT", base + "/sessions/{id}", "webrtc-registration:sessions:write", [this](const auto& e) { registrations_.Update(e); });
    add("DELETE", base + "/sessions/{id}", "webrtc-registration:sessions:delete", [this](const auto& e) { registrations_.Delete(e); });
  }
  for (const std::string base : {"/webrtc-call-handling/v0.4", "/webrtc-call-handling/v0.4rc1"}) {
    const auto change = [this](const auto& e) { calls_.ChangeStatus(e); };
    add("POST", base + "/sessions", "webrtc-call-handling:sessions:create", [this](const auto& e) { calls_.Create(e); });
    add("GET", base + "/sessions/{id}", "webrtc-call-handling:sessions:read", [this](const auto& e) { calls_.Get(e); });
    add("PUT", base + "/sessions/{id}/status", "webrtc-call-handling:sessions:write", change);
    if (config_.strictness == Strictness::kCompat) {
      add("PUT", base + "/sessions/{id}", "webrtc-call-handling:sessions:write", change);
    }
    add("DELETE", base + "/sessions/{id}", "webrtc-call-handling:sessions:delete", [this](const auto& e) { calls_.Delete(e); });
  }
  for (const std::string base : {"/webrtc-events-subscriptions/v0.3", "/webrtc-events-subscriptions/v0.3rc1"}) {
    add("POST", base + "/subscriptions", "", [this](const auto& e) { subscriptions_.Create(e); });
    add("GET", base + "/subscriptions", "webrtc-events-subscriptions:read", [this](const auto& e) { subscriptions_.List(e); });
    add("GET", base + "/subscriptions/{id}", "webrtc-events-subscriptions:read", [this](const auto& e) { subscriptions_.Get(e); });
    add("PUT", base + "/subscriptions/{id}", "webrtc-events-subscriptions:update", [this](const auto& e) { subscriptions_.Update(e); });
    add("DELETE", base + "/subscriptions/{id}", "webrtc-events-subscriptions:delete", [this](const auto& e) { subscriptions_.Delete(e); });
  }
  add("POST", "/byon/v1/channels", "", [this](const auto& e) { extensions_.CreateChannel(e); });
  add("DELETE", "/byon/v1/channels/{id}", "", [this](const auto& e) { extensions_.DeleteChannel(e); });
  add("GET", "/byon/v1/calls", "webrtc-call-handling:sessions:read", [this](const auto& e) { extensions_.ListCalls(e); });
  add("POST", "/byon/v1/calls/{id}/dtmf", "webrtc-call-handling:sessions:write", [this](const auto& e) { extensions_.SendDtmf(e); });
  add("GET", "/byon/v1/calls/{id}/quality", "webrtc-call-handling:sessions:read", [this](const auto& e) { extensions_.Quality(e); });
  router_.Add({"GET", "/byon/v1/config", "", true, [this](const auto& e) { extensions_.Config(e); }});
  router_.Add({"GET", "/byon/v1/channels/{id}", "", true, [](const auto& e) {
                 HttpResponse response = ErrorResponse({426, "UPGRADE_REQUIRED", "Open this URL as a WebSocket."});
                 response.headers.emplace_back("Upgrade", "websocket");
                 e->Send(std::move(response));
               }});
}

void Application::AddHealthRoutes() {
  router_.Add({"GET", "/livez", "", true, [](const auto& e) { e->SendJson(200, {{"status", "live"}}); }});
  router_.Add({"GET", "/readyz", "", true, [this](const auto& e) {
                 const std::string missing = ports_.unreadiness();
                 e->SendJson(missing.empty() ? 200 : 503,
                             {{"status", missing.empty() ? "ready" : "not ready"}, {"missing", missing}});
               }});
}

void Application::HandleRequest(HttpRequest request, Respond respond) {
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
  if (is_bad) return exchange->Fail(InvalidArgument("The header x-correlator is malformed."));
  Dispatch(exchange);
}

void Application::Dispatch(const ExchangePointer& exchange) {
  Router::Match match = router_.Find(exchange->request.method, exchange->request.path);
  if (match.route == nullptr && match.allowed.empty()) return exchange->Fail(NotFound());
  if (match.route == nullptr) {
    std::string allow;
    for (const std::string& method : match.allowed) allow += (allow.empty() ? "" : ", ") + method;
    HttpResponse response = ErrorResponse({405, "METHOD_NOT_ALLOWED", "The method is not allowed for this resource."});
    response.headers.emplace_back("Allow", allow);
    return exchange->Send(std::move(response));
  }
  exchange->ids = std::move(match.ids);
  if (match.is_malformed) return exchange->Fail(InvalidArgument("The path is malformed."));
  if (match.route->is_public) return match.route->handle(exchange);
  Authenticate(exchange, *match.route);
}

void Application::Authenticate(const ExchangePointer& exchange, const Route& route) {
  const auto token = BearerOf(exchange->request);
  if (!token) return exchange->Fail(Unauthenticated());
  ports_.tokens.Verify(*token, [this, exchange, &route](TokenVerdict verdict) {
    OnToken(exchange, route, std::move(verdict));
  });
}

void Application::OnToken(const ExchangePointer& exchange, const Route& route, TokenVerdict verdict) {
  if (!verdict && verdict.error() == auth::TokenFailure::kUnavailable) {
    return exchange->Fail({503, "UNAVAILABLE", "The identity provider cannot be reached."});
  }
  if (!verdict) {
    HttpResponse response = ErrorResponse(Unauthenticated());
    response.headers.back().second = "Bearer error=\"invalid_token\"";
    return exchange->Send(std::move(response));
  }
  exchange->token = std::move(verdict).value();
  exchange->who = PrincipalOf(*exchange->token);
  const std::string user = exchange->who.client_id + '\n' + exchange->who.subject;
  // A 2-legged client is a server that speaks for many users; its rate is bounded by address.
  if (!exchange->who.is_two_legged && !per_user_.Take(user, ports_.now())) {
    return exchange->Fail({429, "TOO_MANY_REQUESTS", "Rate limit reached."});
  }
  if (!route.scope.empty() && !exchange->token->HasScope(route.scope)) {
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
  std::string id;
  if (request.path.starts_with(prefix)) id = PercentDecode(request.path.substr(prefix.size()), false).value_or("");
  auto token = BearerOf(request);
  if (!token) token = SubprotocolToken(request);
  return std::make_unique<ChannelConnection>(
      config_.connections,
      ChannelConnection::Ports{ports_.channels, ports_.tokens, ports_.service, ports_.events, ports_.timers,
                               ports_.now},
      std::move(id), std::move(session), std::move(token), QueryValue(request.query, "resume"));
}

}  // namespace byon::api
