#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/api/channel/channel_connection.h"
#include "controlplane/api/http_application.h"
#include "controlplane/api/operations/call_api.h"
#include "controlplane/api/operations/click_to_call_api.h"
#include "controlplane/api/operations/extension_api.h"
#include "controlplane/api/operations/message_api.h"
#include "controlplane/api/operations/presence_api.h"
#include "controlplane/api/operations/push_api.h"
#include "controlplane/api/operations/registration_api.h"
#include "controlplane/api/operations/subscription_api.h"
#include "controlplane/api/rate_limiter.h"
#include "controlplane/api/router.h"
#include "controlplane/api/token_service.h"

namespace byon::api {

struct ApiConfig {
  std::string public_url;  // as clients see it, without a trailing slash
  std::string api_root;    // path prefix, may be empty
  Strictness r3_1 = Strictness::kStrict;
  std::optional<Strictness> r2_2 = Strictness::kCompat;  // nothing: not served
  bool may_use_private_networks = false;                 // webhooks
  double requests_per_second = 0;                        // of all users and clients together; 0: no bound
  double requests_per_second_per_user = 50;
  double requests_per_second_per_client = 1000;  // with 2-legged tokens
  PageConfig page;                               // api_root is filled in here
  IceConfig ice;
  ConnectionConfig connections;
};

// Everything the application uses; all outlive it and live on its strand.
struct ApiPorts {
  gateway::Service& service;
  TokenService& tokens;
  SubscriptionRegistry& subscriptions;
  ChannelRegistry& channels;
  const CloudEventFactory& events;
  Timers& timers;
  Clock now;
  std::function<std::string()> new_id;
  // What is not ready yet, in words; empty: ready.
  std::function<std::string()> unreadiness;
  // Told of each answered request: for access logs.
  std::function<void(const HttpRequest&, int status, const std::string& correlator)> observer;
  gateway::MessagingService* messaging = nullptr;  // null: no messages here
  gateway::PresenceService* presence = nullptr;    // null: no presence here
  gateway::VisitorService* visitors = nullptr;     // null, as the next: no click to call here
  click_to_call::ClickToCall* click_to_call = nullptr;
};

// The whole web API: finds the operation, proves who asks, checks scopes and rates, and answers in CAMARA's
// words. The only entrance to gateway::Service.
class Application final : public HttpApplication {
 public:
  Application(ApiConfig config, ApiPorts ports);

  void HandleRequest(HttpRequest request, Respond respond) override;
  std::unique_ptr<WebSocketHandler> OpenWebSocket(const HttpRequest& request,
                                                  std::shared_ptr<WebSocketSession> session) override;

 private:
  void AddRegistrationRoutes(const std::string& base, Dialect dialect);
  void AddCallRoutes(const std::string& base, Dialect dialect);
  void AddSubscriptionRoutes(const std::string& api, const std::string& version, Dialect dialect);
  void AddExtensionRoutes();
  void AddPushRoutes();
  void AddMessageRoutes();
  void AddPresenceRoutes();
  void AddClickToCallRoutes();
  void AddDocumentRoutes();
  void AddHealthRoutes();
  // An exchange that answers with its correlator; nothing when the client's own was malformed and that was answered.
  ExchangePointer Begin(HttpRequest request, Respond respond);
  void RunCommand(HttpRequest request, std::shared_ptr<const auth::VerifiedToken> token, Respond respond);
  // Over a rate it may go on all the same: a call for help, and not one of too many.
  bool IsCallForHelp(const Exchange& exchange, RateLimiter& of_calls, const std::string& key) const;
  bool MayGoOn(const ExchangePointer& exchange);
  const Route* FindRoute(const ExchangePointer& exchange);
  void Dispatch(const ExchangePointer& exchange);
  void Authenticate(const ExchangePointer& exchange, const Route& route);
  void OnToken(const ExchangePointer& exchange, const Route& route, TokenVerdict verdict);
  // The token is good: what its rate, scope and ids allow is done.
  void Perform(const ExchangePointer& exchange, const Route& route);

  const ApiConfig config_;
  ApiPorts ports_;
  Router router_;
  RateLimiter in_all_;
  RateLimiter per_user_;
  RateLimiter per_client_;
  RateLimiter help_per_network_;
  RateLimiter help_per_user_;
  RegistrationApi registrations_;
  CallApi calls_;
  SubscriptionApi subscriptions_;
  ExtensionApi extensions_;
  PushApi push_;
  std::optional<MessageApi> messages_;
  std::optional<PresenceApi> presence_;
  std::optional<ClickToCallApi> click_to_call_;
};

}  // namespace byon::api
