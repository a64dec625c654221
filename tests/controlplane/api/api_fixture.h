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
  std::shared_ptr<void> After(milliseconds delay, std::function<void()> ring) override;
  void Advance(milliseconds by);

 private:
  struct Alarm {
    WallTime at;
    int number;
    std::function<void()> ring;
  };
  std::shared_ptr<Alarm> TakeNext(WallTime end);
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
  void Send(http_client::Request request, std::function<void(http_client::Result)> done) override;
  void AnswerLast(http_client::Result result);
  std::map<std::string, http_client::Result> answers;
  std::deque<Sent> sent;  // stable under Send from a callback
};

class MockService : public gateway::Service {
 public:
  using Registration = gateway::Registration;
  using MediaSession = gateway::MediaSession;
  using Principal = gateway::Principal;
  // Out of line, as everything of this fixture that is big: ten test files include it.
  MockService();
  ~MockService() override;
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
  json Last() const;
  std::vector<std::string> sent;
  uint16_t closed_with = 0;
};

inline constexpr const char* kDevice = "550e8400-e29b-41d4-a716-446655440000";
inline constexpr const char* kIssuer = "https://idp.example";
inline constexpr const char* kAudience = "https://gw.example/webrtc";

// The whole API without sockets: requests go in, answers come out.
class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(Strictness strictness = Strictness::kStrict);
  ~ApiTest() override;

  static test::TestIssuer& Issuer();

  // Makes (or makes anew, as after a restart) everything but the store and the world outside.
  void Start();

  static std::string AllScopes();
  json Claims(const std::string& user = "alice", const std::string& number = "+34600000001") const;
  std::string Token(const std::string& user = "alice") const;
  std::string TwoLeggedToken() const;

  struct Reply {
    int status = 0;
    json body;
    std::string text;  // of RequestText
    std::map<std::string, std::string> headers;
    std::string code() const;
    std::string Short() const { return std::to_string(status) + " " + code(); }
  };
  Reply Request(const std::string& method, const std::string& target, const std::string& body = "",
                std::map<std::string, std::string> headers = {});
  Reply Request(const std::string& method, const std::string& target, const json& body,
                std::map<std::string, std::string> headers = {});

  // A document that is not JSON.
  Reply RequestText(const std::string& method, const std::string& path);

  gateway::Registration ARegistration() const;
  gateway::MediaSession ASession(call::Status status = call::Status::kInitial) const;
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
