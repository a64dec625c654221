#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/api/application.h"
#include "controlplane/api/events/event_hub.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/store/memory_store.h"
#include "tests/controlplane/api/fakes.h"
#include "tests/controlplane/auth/test_issuer.h"

namespace byon::api {

using std::chrono::seconds;

class MockService : public gateway::Service {
 public:
  using Registration = gateway::Registration;
  using MediaSession = gateway::MediaSession;
  using Principal = gateway::Principal;
  // Out of line, as everything of this fixture that is big: ten test files include it.
  MockService();
  ~MockService() override;
  MOCK_METHOD(void, CreateRegistration,
              (const Principal&, gateway::RegistrationRequest, gateway::Callback<Registration>), (override));
  MOCK_METHOD(gateway::Outcome<Registration>, GetRegistration, (const Principal&, const std::string&), (override));
  MOCK_METHOD(std::vector<Registration>, ListRegistrations, (const Principal&, const std::string&), (override));
  MOCK_METHOD(gateway::RegistrationPage, ListRegistrationPage, (const Principal&, size_t, size_t), (override));
  MOCK_METHOD(void, UpdateRegistration,
              (const Principal&, const std::string&, std::optional<WallTime>, gateway::Callback<Registration>),
              (override));
  MOCK_METHOD(void, DeleteRegistration, (const Principal&, const std::string&, gateway::Callback<gateway::Done>),
              (override));
  MOCK_METHOD(void, RenewToken, (const Principal&, const gateway::DeviceKey&), (override));
  MOCK_METHOD(gateway::Outcome<Registration>, SetPushSubscription, (const Principal&, const std::string&, std::string),
              (override));
  MOCK_METHOD(gateway::Outcome<std::string>, GetPushSubscription, (const Principal&, const std::string&), (override));
  MOCK_METHOD(bool, IsEmergency, (const std::string&), (const, override));
  MOCK_METHOD(void, CreateCall, (const Principal&, gateway::CallRequest, gateway::Callback<MediaSession>), (override));
  MOCK_METHOD(gateway::Outcome<MediaSession>, GetCall, (const Principal&, const std::string&), (override));
  MOCK_METHOD(std::vector<MediaSession>, ListCalls, (const Principal&, const std::string&), (override));
  MOCK_METHOD(gateway::CallPage, ListCallPage, (const Principal&, const std::string&, size_t, size_t), (override));
  MOCK_METHOD(void, ChangeStatus,
              (const Principal&, const std::string&, gateway::StatusChange, gateway::Callback<MediaSession>),
              (override));
  MOCK_METHOD(void, DeleteCall, (const Principal&, const std::string&, gateway::Callback<gateway::Done>), (override));
  MOCK_METHOD(gateway::Outcome<gateway::CallDetails>, GetCallDetails, (const Principal&, const std::string&),
              (override));
  MOCK_METHOD(void, ChangeLocation,
              (const Principal&, const std::string&, const emergency::Location&, gateway::Callback<gateway::Done>),
              (override));
  MOCK_METHOD(void, SendDtmf,
              (const Principal&, const std::string&, const std::string&, gateway::Callback<gateway::Done>), (override));
  MOCK_METHOD(void, Play,
              (const Principal&, const std::string&, gateway::PlaybackRequest, gateway::Callback<gateway::Done>),
              (override));
  MOCK_METHOD(void, GetQuality, (const Principal&, const std::string&, gateway::Callback<gateway::MediaQuality>),
              (override));
  MOCK_METHOD(void, TransferCall,
              (const Principal&, const std::string&, gateway::TransferRequest, gateway::Callback<MediaSession>),
              (override));
  MOCK_METHOD(void, CancelTransfer, (const Principal&, const std::string&, gateway::Callback<gateway::Done>),
              (override));
  MOCK_METHOD(gateway::CallElsewherePage, ListElsewhere, (const Principal&, const std::string&, size_t, size_t),
              (override));
  MOCK_METHOD(void, PullCall, (const Principal&, gateway::PullRequest, gateway::Callback<MediaSession>), (override));
};

inline constexpr const char* kDevice = "550e8400-e29b-41d4-a716-446655440000";

// The whole API without sockets: requests go in, answers come out.
class ApiTest : public ::testing::Test {
 protected:
  // How what is restored is taken a little at a time; null: at once, when Start() begins.
  std::function<void(std::function<void()>)> post_;
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
  std::string remote_address_ = "192.0.2.1";
  std::vector<std::string> server_ranges_{"+"};  // what the client of TwoLeggedToken may speak for
  std::vector<std::string> number_ranges_;
  gateway::MessagingService* messaging_ = nullptr;
  gateway::PresenceService* presence_ = nullptr;
  gateway::VisitorService* visitors_ = nullptr;
  click_to_call::ClickToCall* click_to_call_ = nullptr;
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
