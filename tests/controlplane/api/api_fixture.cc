#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {

MockService::MockService() = default;
MockService::~MockService() = default;

ApiTest::ApiTest(Strictness strictness) : strictness_(strictness) {
  EXPECT_CALL(service_, IsEmergency).Times(::testing::AnyNumber());  // false
  http_.answers[std::string(kIssuer) + "/.well-known/openid-configuration"] =
      http_client::Response{200, json{{"issuer", kIssuer},
                                      {"jwks_uri", "https://idp.example/jwks"},
                                      {"introspection_endpoint", "https://idp.example/introspect"}}
                                     .dump()};
  http_.answers["https://idp.example/jwks"] = http_client::Response{200, Issuer().Jwks()};
  Start();
}

ApiTest::~ApiTest() = default;

test::TestIssuer& ApiTest::Issuer() {
  static test::TestIssuer issuer(kIssuer);
  return issuer;
}

void ApiTest::Start() {
  application_.reset();
  hub_.reset();
  channels_.reset();
  subscriptions_.reset();
  tokens_.reset();
  TokenServiceConfig tokens;
  tokens.policy.issuers = {kIssuer};
  tokens.policy.audiences = {kAudience};
  tokens.policy.number_ranges = number_ranges_;
  tokens.policy.server_clients = {{"web", kIssuer, server_ranges_}};
  tokens.introspection = IntrospectionConfig{"", "gateway", "s:cret", seconds(60)};
  const Clock now = [this] { return time_.now(); };
  const auto new_id = [this] { return "id-" + std::to_string(++ids_); };
  tokens_ = std::make_unique<TokenService>(tokens, http_, now, time_);
  if (click_to_call_ != nullptr) {
    tokens_->set_visitor_tokens(
        [](const std::string& token) { return click_to_call::TokenText::Parse(token).has_value(); },
        [this](const std::string& token, WallTime at) { return click_to_call_->Verify(token, at); });
  }
  tokens_->Start();
  events_ = std::make_unique<CloudEventFactory>("https://gw.example", "ims.test", now, new_id);
  subscriptions_ = std::make_unique<SubscriptionRegistry>(
      subscription_config_, SubscriptionRegistry::Ports{http_, time_, store_, *events_, now, new_id,
                                                        [this](std::string_view event, const std::string& detail) {
                                                          observed_.push_back(std::string(event) + " " + detail);
                                                        },
                                                        post_});
  channels_ = std::make_unique<ChannelRegistry>(channel_config_, ChannelRegistry::Ports{store_, now, new_id, post_});
  subscriptions_->Restore();
  channels_->Restore();
  hub_ = std::make_unique<EventHub>(*events_, *subscriptions_, *channels_);
  ApiConfig config;
  config.public_url = "https://gw.example";
  config.r3_1 = strictness_;
  config.r2_2 = r2_2_;
  config.requests_per_second = requests_per_second_;
  config.requests_per_second_per_user = 50;
  config.requests_per_second_per_client = 200;
  config.ice = ice_;
  config.page = {.issuer = kIssuer,
                 .client_id = "byon-web",
                 .scopes = {"openid"},
                 .resource = kAudience,
                 .version = "1.0",
                 .push = push_};
  application_ = std::make_unique<Application>(
      config, ApiPorts{service_, *tokens_, *subscriptions_, *channels_, *events_, time_, now, new_id,
                       [this] { return unreadiness_; },
                       [this](const HttpRequest&, int status, const std::string&) { statuses_.push_back(status); },
                       messaging_, presence_, visitors_, click_to_call_});
}

std::string ApiTest::AllScopes() {
  std::string scopes =
      "openid byon:messages:read byon:messages:write byon:presence:read byon:presence:write byon:click-to-call:read "
      "byon:click-to-call:write";
  for (const char* api : {"webrtc-registration", "webrtc-call-handling"}) {
    for (const char* verb : {"create", "read", "write", "delete"}) {
      scopes += std::string(" ") + api + ":sessions:" + verb;
    }
  }
  for (const char* verb : {"read", "update", "delete"}) scopes += std::string(" webrtc-events-subscriptions:") + verb;
  for (const char* verb : {"read", "delete"}) scopes += std::string(" webrtc-events:") + verb;
  for (const EventType type :
       {EventType::kSessionInvitation, EventType::kSessionStatus, EventType::kRegistrationEnds}) {
    for (const Release release : {Release::kR2_2, Release::kR3_1}) scopes += " " + CreateScope(type, release);
  }
  return scopes;
}

json ApiTest::Claims(const std::string& user, const std::string& number) const {
  json claims = Issuer().Claims(time_.now());
  claims["sub"] = user;
  claims["phone_number"] = number;
  claims["scope"] = AllScopes();
  return claims;
}

std::string ApiTest::Token(const std::string& user) const { return Issuer().Token(Claims(user)); }

std::string ApiTest::TwoLeggedToken() const {
  json claims = Claims();
  claims["sub"] = claims["client_id"];
  claims.erase("phone_number");
  return Issuer().Token(claims);
}

std::string ApiTest::Reply::code() const { return body.is_object() ? body.value("code", "") : ""; }

ApiTest::Reply ApiTest::Request(const std::string& method, const std::string& target, const std::string& body,
                                std::map<std::string, std::string> headers) {
  HttpRequest request;
  request.method = method;
  request.remote_address = remote_address_;
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  if (!headers.contains("authorization")) headers["authorization"] = "Bearer " + token_;
  if (headers["authorization"].empty()) headers.erase("authorization");
  if (!body.empty() && !headers.contains("content-type")) headers["content-type"] = "application/json";
  request.headers = std::move(headers);
  request.body = body;
  std::optional<HttpResponse> response;
  int answers = 0;
  application_->HandleRequest(std::move(request), [&](HttpResponse r) {
    response = std::move(r);
    ++answers;
  });
  EXPECT_EQ(answers, 1) << method << " " << target;
  Reply reply;
  if (!response) return reply;
  reply.status = response->status;
  for (const auto& [name, value] : response->headers) reply.headers[name] = value;
  if (!response->body.empty()) {
    EXPECT_EQ(reply.headers["Content-Type"], "application/json");
    reply.body = json::parse(response->body, nullptr, false);
    EXPECT_FALSE(reply.body.is_discarded()) << response->body;
  }
  if (reply.status >= 400) {
    EXPECT_EQ(reply.body.value("status", 0), reply.status) << response->body;
    EXPECT_LE(CharacterCount(reply.body.value("message", std::string(600, 'x'))), 512u);
  }
  EXPECT_TRUE(reply.headers.contains("x-correlator"));
  return reply;
}

ApiTest::Reply ApiTest::Request(const std::string& method, const std::string& target, const json& body,
                                std::map<std::string, std::string> headers) {
  return Request(method, target, body.dump(), std::move(headers));
}

ApiTest::Reply ApiTest::RequestText(const std::string& method, const std::string& path) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  Reply reply;
  application_->HandleRequest(std::move(request), [&reply](HttpResponse response) {
    reply.status = response.status;
    reply.text = std::move(response.body);
    for (const auto& [name, value] : response.headers) reply.headers[name] = value;
  });
  return reply;
}

gateway::Registration ApiTest::ARegistration() const {
  return {"reg-1", kDevice, "+34600000001", time_.now() + seconds(3600)};
}

gateway::MediaSession ApiTest::ASession(call::Status status) const {
  gateway::MediaSession session;
  session.media_session_id = "ms-1";
  session.registration_id = "reg-1";
  session.device_id = kDevice;
  session.originator_address = "tel:+34600000001";
  session.originator_name = "Alice";
  session.receiver_address = "tel:+34600000002";
  session.status = status;
  session.reason = "SIP 180 Ringing";
  session.offer_sdp = "v=0\r\n";
  session.sequence_number = 3;
  session.created_at = time_.now();
  return session;
}

}  // namespace byon::api
