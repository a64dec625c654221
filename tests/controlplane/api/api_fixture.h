#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/api/application.h"
#include "controlplane/api/event_hub.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/store/memory_store.h"
#include "tests/controlplane/auth/test_issuer.h"

namespace byon::api {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Time that only moves when the test says so.
class FakeTime final : public Timers {
 public:
  // The real time of the start, because token issuer and stores look at the real clock.
  WallTime now() const { return now_; }
  std::shared_ptr<void> After(milliseconds delay, std::function<void()> ring) override {
    auto alarm = std::make_shared<Alarm>(Alarm{now_ + delay, ++count_, std::move(ring)});
    alarms_.push_back(alarm);
    return alarm;
  }
  void Advance(milliseconds by) {
    const WallTime end = now_ + by;
    while (auto next = TakeNext(end)) {
      now_ = std::max(now_, next->at);
      auto ring = std::move(next->ring);
      next.reset();
      ring();
    }
    now_ = end;
  }

 private:
  struct Alarm {
    WallTime at;
    int number;
    std::function<void()> ring;
  };
  std::shared_ptr<Alarm> TakeNext(WallTime end) {
    std::shared_ptr<Alarm> best;
    size_t best_at = 0;
    for (size_t i = 0; i < alarms_.size(); ++i) {
      auto alarm = alarms_[i].lock();
      if (!alarm || alarm->at > end) continue;
      if (!best || std::pair(alarm->at, alarm->number) < std::pair(best->at, best->number)) {
        best = std::move(alarm);
        best_at = i;
      }
    }
    if (best) alarms_.erase(alarms_.begin() + static_cast<std::ptrdiff_t>(best_at));
    return best;
  }
  WallTime now_ = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  int count_ = 0;
  std::vector<std::weak_ptr<Alarm>> alarms_;
};

// Answers by URL; what has no answer waits until the test gives one.
class FakeHttpClient final : public http_client::HttpClient {
 public:
  struct Sent {
    http_client::Request request;
    std::function<void(http_client::Result)> done;
  };
  void Send(http_client::Request request, std::function<void(http_client::Result)> done) override {
    const auto it = answers.find(request.url);
    sent.push_back({request, it == answers.end() ? done : nullptr});
    if (it != answers.end()) done(it->second);
  }
  void AnswerLast(http_client::Result result) {
    auto done = std::move(sent.back().done);
    ASSERT_TRUE(done) << "was answered already";
    sent.back().done = nullptr;
    done(std::move(result));
  }
  std::map<std::string, http_client::Result> answers;
  std::deque<Sent> sent;  // stable under Send from a callback
};

class MockService : public gateway::Service {
 public:
  using Registration = gateway::Registration;
  using MediaSession = gateway::MediaSession;
  using Principal = gateway::Principal;
  MOCK_METHOD(void, CreateRegistration, (const Principal&, gateway::RegistrationRequest, gateway::Callback<Registration>), (override));
  MOCK_METHOD(gateway::Outcome<Registration>, GetRegistration, (const Principal&, const std::string&), (override));
  MOCK_METHOD(std::vector<Registration>, ListRegistrations, (const Principal&, const std::string&), (override));
  MOCK_METHOD(void, UpdateRegistration, (const Principal&, const std::string&, std::optional<WallTime>, gateway::Callback<Registration>), (override));
  MOCK_METHOD(void, DeleteRegistration, (const Principal&, const std::string&, gateway::Callback<gateway::Done>), (override));
  MOCK_METHOD(void, RenewToken, (const Principal&, const gateway::DeviceKey&), (override));
  MOCK_METHOD(gateway::Outcome<Registration>, SetPushSubscription, (const Principal&, const std::string&, std::string), (override));
  MOCK_METHOD(gateway::Outcome<std::string>, GetPushSubscription, (const Principal&, const std::string&), (override));
  MOCK_METHOD(void, CreateCall, (const Principal&, gateway::CallRequest, gateway::Callback<MediaSession>), (override));
  MOCK_METHOD(gateway::Outcome<MediaSession>, GetCall, (const Principal&, const std::string&), (override));
  MOCK_METHOD(std::vector<MediaSession>, ListCalls, (const Principal&, const std::string&), (override));
  MOCK_METHOD(void, ChangeStatus, (const Principal&, const std::string&, gateway::StatusChange, gateway::Callback<MediaSession>), (override));
  MOCK_METHOD(void, DeleteCall, (const Principal&, const std::string&, gateway::Callback<gateway::Done>), (override));
  MOCK_METHOD(gateway::Outcome<gateway::CallDetails>, GetCallDetails, (const Principal&, const std::string&), (override));
  MOCK_METHOD(void, SendDtmf, (const Principal&, const std::string&, const std::string&, gateway::Callback<gateway::Done>), (override));
  MOCK_METHOD(void, GetQuality, (const Principal&, const std::string&, gateway::Callback<gateway::MediaQuality>), (override));
  MOCK_METHOD(void, TransferCall, (const Principal&, const std::string&, gateway::TransferRequest, gateway::Callback<MediaSession>), (override));
  MOCK_METHOD(void, CancelTransfer, (const Principal&, const std::string&, gateway::Callback<gateway::Done>), (override));
  MOCK_METHOD(std::vector<gateway::CallElsewhere>, ListElsewhere, (const Principal&, const std::string&), (override));
  MOCK_METHOD(void, PullCall, (const Principal&, gateway::PullRequest, gateway::Callback<MediaSession>), (override));
};

// What the server's half of a WebSocket would send.
class FakeSession final : public WebSocketSession {
 public:
  void Send(std::string text) override { sent.push_back(std::move(text)); }
  void Close(uint16_t code, std::string) override { closed_with = code; }
  json Last() const { return sent.empty() ? json() : json::parse(sent.back()); }
  std::vector<std::string> sent;
  uint16_t closed_with = 0;
};

inline constexpr const char* kDevice = "550e8400-e29b-41d4-a716-446655440000";
inline constexpr const char* kIssuer = "https://idp.example";
inline constexpr const char* kAudience = "https://gw.example/webrtc";

// The whole API without sockets: requests go in, answers come out.
class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(Strictness strictness = Strictness::kStrict) : strictness_(strictness) {
    http_.answers[std::string(kIssuer) + "/.well-known/openid-configuration"] = http_client::Response{
        200, json{{"issuer", kIssuer}, {"jwks_uri", "https://idp.example/jwks"},
                  {"introspection_endpoint", "https://idp.example/introspect"}}.dump()};
    http_.answers["https://idp.example/jwks"] = http_client::Response{200, Issuer().Jwks()};
    Start();
  }

  static test::TestIssuer& Issuer() {
    static test::TestIssuer issuer(kIssuer);
    return issuer;
  }

  // Makes (or makes anew, as after a restart) everything but the store and the world outside.
  void Start() {
    application_.reset();
    hub_.reset();
    channels_.reset();
    subscriptions_.reset();
    tokens_.reset();
    TokenServiceConfig tokens;
    tokens.policy.issuers = {kIssuer};
    tokens.policy.audiences = {kAudience};
    tokens.policy.number_ranges = number_ranges_;
    tokens.introspection = TokenServiceConfig::Introspection{"", "gateway", "s:cret", seconds(60)};
    const Clock now = [this] { return time_.now(); };
    const auto new_id = [this] { return "id-" + std::to_string(++ids_); };
    tokens_ = std::make_unique<TokenService>(tokens, http_, now, time_);
    tokens_->Start();
    events_ = std::make_unique<CloudEventFactory>("https://gw.example", "ims.test", now, new_id);
    subscriptions_ = std::make_unique<SubscriptionRegistry>(
        subscription_config_, SubscriptionRegistry::Ports{http_, time_, store_, *events_, now, new_id,
                                                          [this](std::string_view event, const std::string& detail) {
                                                            observed_.push_back(std::string(event) + " " + detail);
                                                          }});
    channels_ = std::make_unique<ChannelRegistry>(channel_config_, ChannelRegistry::Ports{store_, now, new_id});
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
    config.page = {kIssuer, "byon-web", {"openid"}, kAudience, "", "1.0", push_};
    application_ = std::make_unique<Application>(
        config, ApiPorts{service_, *tokens_, *subscriptions_, *channels_, *events_, time_, now, new_id,
                         [this] { return unreadiness_; },
                         [this](const HttpRequest&, int status, const std::string&) { statuses_.push_back(status); },
                         messaging_, presence_});
  }

  static std::string AllScopes() {
    std::string scopes = "openid byon:messages:read byon:messages:write byon:presence:read byon:presence:write";
    for (const char* api : {"webrtc-registration", "webrtc-call-handling"}) {
      for (const char* verb : {"create", "read", "write", "delete"}) {
        scopes += std::string(" ") + api + ":sessions:" + verb;
      }
    }
    for (const char* verb : {"read", "update", "delete"}) scopes += std::string(" webrtc-events-subscriptions:") + verb;
    for (const char* verb : {"read", "delete"}) scopes += std::string(" webrtc-events:") + verb;
    for (const EventType type : {EventType::kSessionInvitation, EventType::kSessionStatus, EventType::kRegistrationEnds}) {
      for (const Release release : {Release::kR2_2, Release::kR3_1}) scopes += " " + CreateScope(type, release);
    }
    return scopes;
  }
  json Claims(const std::string& user = "alice", const std::string& number = "+34600000001") const {
    json claims = Issuer().Claims(time_.now());
    claims["sub"] = user;
    claims["phone_number"] = number;
    claims["scope"] = AllScopes();
    return claims;
  }
  std::string Token(const std::string& user = "alice") const { return Issuer().Token(Claims(user)); }
  std::string TwoLeggedToken() const {
    json claims = Claims();
    claims["sub"] = claims["client_id"];
    claims.erase("phone_number");
    return Issuer().Token(claims);
  }

  struct Reply {
    int status = 0;
    json body;
    std::string text;  // of RequestText
    std::map<std::string, std::string> headers;
    std::string code() const { return body.is_object() ? body.value("code", "") : ""; }
    std::string Short() const { return std::to_string(status) + " " + code(); }
  };
  Reply Request(const std::string& method, const std::string& target, const std::string& body = "",
                std::map<std::string, std::string> headers = {}) {
    HttpRequest request;
    request.method = method;
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
  Reply Request(const std::string& method, const std::string& target, const json& body,
                std::map<std::string, std::string> headers = {}) {
    return Request(method, target, body.dump(), std::move(headers));
  }

  // A document that is not JSON.
  Reply RequestText(const std::string& method, const std::string& path) {
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

  gateway::Registration ARegistration() const {
    return {"reg-1", kDevice, "+34600000001", time_.now() + seconds(3600)};
  }
  gateway::MediaSession ASession(call::Status status = call::Status::kInitial) const {
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
  gateway::DeviceKey Device(const std::string& user = "alice") const { return {"web", user, kDevice}; }

  const Strictness strictness_;
  double requests_per_second_ = 0;
  std::vector<std::string> number_ranges_;
  gateway::MessagingService* messaging_ = nullptr;
  gateway::PresenceService* presence_ = nullptr;
  IceConfig ice_;
  PushApiConfig push_{{"web-push", "fcm"}, "BPublicKey", {"push.example", "*.push.example"}};
  std::optional<Strictness> r2_2_ = Strictness::kCompat;
  FakeTime time_;
  FakeHttpClient http_;
  store::MemoryStore store_;
  ::testing::StrictMock<MockService> service_;
  SubscriptionConfig subscription_config_;
  ChannelConfig channel_config_;
  std::string unreadiness_;
  std::vector<std::string> observed_;
  std::vector<int> statuses_;
  int ids_ = 0;
  std::string token_ = Token();
  std::unique_ptr<TokenService> tokens_;
  std::unique_ptr<CloudEventFactory> events_;
  std::unique_ptr<SubscriptionRegistry> subscriptions_;
  std::unique_ptr<ChannelRegistry> channels_;
  std::unique_ptr<EventHub> hub_;
  std::unique_ptr<Application> application_;
};

class CompatApiTest : public ApiTest {
 protected:
  CompatApiTest() : ApiTest(Strictness::kCompat) {}
};

}  // namespace byon::api
