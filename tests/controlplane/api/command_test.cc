// Commands on the event channel: the REST operations by another way.
#include "controlplane/api/channel/command_table.h"

#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using gateway::ErrorCode;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::Return;

class CommandTest : public ApiTest {
 protected:
  CommandTest() {
    EXPECT_CALL(service_, RenewToken).Times(::testing::AnyNumber());
    Connect();
  }

  void Connect(const json& auth = {{"deviceId", kDevice}}) {
    session_ = std::make_shared<FakeSession>();
    HttpRequest request;
    request.method = "GET";
    request.path = "/byon/v1/channels";
    handler_ = application_->OpenWebSocket(request, session_);
    json first = auth;
    first["type"] = "auth";
    first["token"] = token_;
    handler_->OnMessage(first.dump());
  }
  json Run(json command) {
    const size_t before = session_->sent.size();
    if (!command.contains("id")) command["id"] = "r" + std::to_string(++count_);
    handler_->OnMessage(command.dump());
    if (session_->sent.size() == before) return {};
    const json answer = session_->Last();
    EXPECT_EQ(answer.value("id", ""), command["id"]);
    return answer;
  }
  static std::string Short(const json& answer) {
    return std::to_string(answer.value("status", 0)) + " " + answer.value("body", json::object()).value("code", "");
  }
  json ACall() const {
    return {{"originatorAddress", "tel:+34600000001"},
            {"receiverAddress", "tel:+34600000002"},
            {"offer", {{"sdp", "v=0\r\n"}}}};
  }

  std::shared_ptr<FakeSession> session_;
  std::unique_ptr<WebSocketHandler> handler_;
  int count_ = 0;
};

TEST_F(CommandTest, NeedsNoRestAtAll) {
  const json ready = session_->Last();
  ASSERT_EQ(ready["type"], "ready") << ready;
  EXPECT_TRUE(channels_->Exists(ready["channelId"]));
  EXPECT_EQ(ready["commands"].size(), Commands().size());

  EXPECT_CALL(service_, CreateRegistration(Field(&gateway::Principal::subject, "alice"),
                                           Field(&gateway::RegistrationRequest::device_id, kDevice), _))
      .WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
  const json registered =
      Run({{"command", "registration.create"}, {"body", {{"deviceId", kDevice}}}, {"correlator", "my-1"}});
  EXPECT_EQ(registered["status"], 201);
  EXPECT_EQ(registered["correlator"], "my-1");
  EXPECT_EQ(registered["body"]["registrationId"], "reg-1");

  EXPECT_CALL(service_, CreateCall(_,
                                   AllOf(Field(&gateway::CallRequest::registration_id, "reg-1"),
                                         Field(&gateway::CallRequest::client_correlator, "key-1")),
                                   _))
      .WillOnce([this](auto, auto, auto done) { done(ASession()); });
  const json call = Run({{"command", "call.create"},
                         {"params", {{"registrationId", "reg-1"}, {"idempotencyKey", "key-1"}}},
                         {"body", ACall()}});
  EXPECT_EQ(call["status"], 201);
  EXPECT_EQ(call["body"]["mediaSessionId"], "ms-1");

  EXPECT_CALL(service_, ChangeStatus(_, "ms-1", Field(&gateway::StatusChange::status, call::Status::kHold), _))
      .WillOnce([this](auto&, auto&, auto, auto done) { done(ASession(call::Status::kHold)); });
  EXPECT_EQ(Run({{"command", "call.status"},
                 {"params", {{"mediaSessionId", "ms-1"}}},
                 {"body", {{"status", "Hold"}}}})["body"]["status"],
            "Hold");

  EXPECT_CALL(service_, DeleteCall(_, "ms-1", _)).WillOnce([](auto&, auto&, auto done) { done(gateway::Done{}); });
  const json ended = Run({{"command", "call.delete"}, {"params", {{"mediaSessionId", "ms-1"}}}});
  EXPECT_EQ(ended["status"], 204);
  EXPECT_FALSE(ended.contains("body"));
}

TEST_F(CommandTest, EveryCommandReachesItsOperation) {
  const auto not_found = gateway::Error{ErrorCode::kNotFound, ""};
  EXPECT_CALL(service_, CreateRegistration).WillOnce([&](auto, auto, auto done) { done(not_found); });
  EXPECT_CALL(service_, GetRegistration(_, "x/ y")).WillOnce([&](auto&, auto&) { return not_found; });
  EXPECT_CALL(service_, UpdateRegistration(_, "x/ y", _, _)).WillOnce([&](auto&, auto&, auto, auto done) {
    done(not_found);
  });
  EXPECT_CALL(service_, DeleteRegistration(_, "x/ y", _)).WillOnce([&](auto&, auto&, auto done) { done(not_found); });
  EXPECT_CALL(service_, ListRegistrations(_, kDevice)).WillOnce(Return(std::vector<gateway::Registration>{}));
  EXPECT_CALL(service_, ListRegistrationPage(_, 0u, 1000u)).WillOnce(Return(gateway::RegistrationPage{}));
  EXPECT_CALL(service_, GetCallDetails(_, "x/ y")).WillOnce([&](auto&, auto&) { return not_found; });
  EXPECT_CALL(service_, CreateCall).WillOnce([&](auto, auto, auto done) { done(not_found); });
  EXPECT_CALL(service_, GetCall(_, "x/ y")).WillRepeatedly([&](auto&, auto&) { return not_found; });
  EXPECT_CALL(service_, ChangeStatus(_, "x/ y", _, _)).WillOnce([&](auto&, auto&, auto, auto done) {
    done(not_found);
  });
  EXPECT_CALL(service_, DeleteCall(_, "x/ y", _)).WillOnce([&](auto&, auto&, auto done) { done(not_found); });
  EXPECT_CALL(service_, ListCallPage(_, kDevice, 0u, 1000u)).WillOnce(Return(gateway::CallPage{}));
  EXPECT_CALL(service_, SendDtmf(_, "x/ y", "1", _)).WillOnce([&](auto&, auto&, auto&, auto done) { done(not_found); });
  EXPECT_CALL(service_, GetQuality(_, "x/ y", _)).WillOnce([&](auto&, auto&, auto done) { done(not_found); });
  EXPECT_CALL(service_, SetPushSubscription(_, "x/ y", _)).WillOnce([&](auto&, auto&, auto) { return not_found; });
  EXPECT_CALL(service_, GetPushSubscription(_, "x/ y")).Times(2).WillRepeatedly([&](auto&, auto&) {
    return not_found;
  });
  EXPECT_CALL(service_, TransferCall(_, "x/ y", _, _)).WillOnce([&](auto&, auto&, auto, auto done) {
    done(not_found);
  });
  EXPECT_CALL(service_, CancelTransfer(_, "x/ y", _)).WillOnce([&](auto&, auto&, auto done) { done(not_found); });
  EXPECT_CALL(service_, ListElsewhere(_, kDevice, 0u, _)).WillOnce(Return(gateway::CallElsewherePage{}));
  EXPECT_CALL(service_, ChangeLocation(_, "x/ y", _, _)).WillOnce([&](auto&, auto&, auto&, auto done) {
    done(not_found);
  });
  EXPECT_CALL(service_, PullCall(_, _, _)).WillOnce([&](auto&, auto request, auto done) {
    EXPECT_EQ(request.call_id, "x/ y");
    done(not_found);
  });
  EXPECT_CALL(service_, Play(_, "x/ y", _, _)).Times(2).WillRepeatedly([&](auto&, auto&, auto, auto done) {
    done(not_found);
  });
  const std::map<std::string, json> bodies = {
      {"call.play", {{"to", "self"}, {"tone", "busy"}}},
      {"push.set", {{"type", "fcm"}, {"token", "t"}}},
      {"registration.create", {{"deviceId", kDevice}}},
      {"call.create", ACall()},
      {"call.status", {{"status", "Hold"}}},
      {"call.dtmf", {{"digits", "1"}}},
      {"call.location", json::parse(R"({"civicAddress": {"country": "ES", "A3": "Madrid"}})")},
      {"call.transfer", {{"to", "phone"}}},
      {"subscription.create", json::parse(R"({"protocol": "HTTP", "sink": "https://hook.example/",
                                                "types": ["org.camaraproject.webrtc-events-subscriptions.v0.session-status"], "config": {"subscriptionDetail": {"deviceId": "550e8400-e29b-41d4-a716-446655440000"}}})")},
      {"subscription.update", json::object()},
      {"visitor.token.create", {{"campaignId", "shop"}}},
      {"call.pull", json::parse(R"({"registrationId": "r", "offer": {"sdp": "v=0"}})")}};
  for (const Command& command : Commands()) {
    const std::string name(command.name);
    json message{{"command", name}, {"params", json::object()}};
    const std::string path(command.path);
    if (const size_t open = path.find('{'); open != path.npos) {
      message["params"][path.substr(open + 1, path.find('}') - open - 1)] = "x/ y";
    }
    if (command.query.starts_with("deviceId")) message["params"]["deviceId"] = kDevice;
    if (command.query == "to") message["params"]["to"] = "self";
    if (!command.header.empty()) message["params"]["registrationId"] = "reg-1";
    if (bodies.contains(name)) message["body"] = bodies.at(name);
    const json answer = Run(message);
    const int status = answer.value("status", 0);
    EXPECT_TRUE(status == 200 || status == 201 || Short(answer) == "404 NOT_FOUND") << name << " " << answer;
  }
}

TEST_F(CommandTest, ListsComeInPagesAsOverRest) {
  EXPECT_CALL(service_, ListRegistrationPage(_, 7u, 5u)).Times(2).WillRepeatedly([this](auto&, auto, auto) {
    return gateway::RegistrationPage{{ARegistration()}, 8};
  });
  for (const char* params :
       {R"({"page": 1, "perPage": 5, "seek": 2})", R"({"page": "1", "perPage": "5", "seek": "2"})"}) {
    const json answer = Run({{"command", "device.list"}, {"params", json::parse(params)}});
    EXPECT_EQ(answer["status"], 206) << answer;
    EXPECT_EQ(answer["totalCount"], 8);
    EXPECT_EQ(answer["lastKey"], "reg-1");
    EXPECT_EQ(answer["body"].size(), 1u);
  }
  EXPECT_CALL(service_, ListCallPage(_, "", 0u, 2u)).WillOnce(Return(gateway::CallPage{{ASession(), ASession()}, 3}));
  const json calls = Run({{"command", "call.list"}, {"params", {{"perPage", 2}}}});
  EXPECT_EQ(calls["status"], 206) << calls;
  EXPECT_EQ(calls["totalCount"], 3);
  EXPECT_CALL(service_, ListElsewhere(_, "", 0u, _)).WillOnce(Return(gateway::CallElsewherePage{}));
  const json none = Run({{"command", "call.elsewhere"}, {"params", {{"page", 0}}}});
  EXPECT_EQ(none["status"], 200) << none;
  EXPECT_EQ(none["totalCount"], 0);
  EXPECT_FALSE(none.contains("lastKey"));
  for (const char* params : {R"({"page": -1})", R"({"page": 1.5})", R"({"perPage": 1e300})", R"({"seek": "x"})",
                             R"({"perPage": 0})", R"({"page": true})"}) {
    EXPECT_EQ(Short(Run({{"command", "device.list"}, {"params", json::parse(params)}})), "400 INVALID_ARGUMENT")
        << params;
  }
  EXPECT_EQ(Short(Run({{"command", "device.list"}, {"params", {{"deviceId", kDevice}}}})), "400 INVALID_ARGUMENT")
      << "none of its own";
}

TEST_F(CommandTest, ErrorsAreThoseOfRest) {
  const json missing = Run({{"command", "registration.create"}, {"body", json::object()}});
  EXPECT_EQ(Short(missing), "400 INVALID_ARGUMENT");
  EXPECT_EQ(missing["body"]["message"], "Expected property is missing: deviceId");
  EXPECT_EQ(Short(Run({{"command", "registration.create"}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.get"}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.get"}, {"params", {{"mediaSessionId", ""}}}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.get"}, {"params", {{"mediaSessionId", 5}}}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.get"}, {"params", {{"mediaSessionId", "a"}, {"other", "b"}}}})),
            "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.get"}, {"params", {{"mediaSessionId", "a"}}}, {"body", json::object()}})),
            "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.create"}, {"params", {{"registrationId", "a\r\nb"}}}, {"body", ACall()}})),
            "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "call.melt"}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "device.list"}, {"surprise", 1}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Short(Run({{"command", "device.list"}, {"correlator", "a b"}})), "400 INVALID_ARGUMENT");
  EXPECT_EQ(session_->closed_with, 0) << "a wrong command costs nobody the connection";
}

TEST_F(CommandTest, WithoutAnIdThereIsNoAnswer) {
  for (const json& id : {json(), json(""), json(7), json(std::string(65, 'x')), json("a\nb")}) {
    Connect();
    json message{{"command", "device.list"}};
    if (!id.is_null()) message["id"] = id;
    handler_->OnMessage(message.dump());
    EXPECT_EQ(session_->closed_with, kCloseBadMessage) << id;
  }
}

TEST_F(CommandTest, ScopesAreThoseOfTheConnectionsToken) {
  json claims = Claims();
  claims["scope"] = CreateScope(EventType::kSessionStatus) + " webrtc-registration:sessions:create";
  token_ = Issuer().Token(claims);
  Connect();
  EXPECT_EQ(Short(Run({{"command", "call.create"}, {"params", {{"registrationId", "reg-1"}}}, {"body", ACall()}})),
            "403 PERMISSION_DENIED");
  claims = Claims();
  handler_->OnMessage(json{{"type", "token"}, {"token", Issuer().Token(claims)}}.dump());
  EXPECT_CALL(service_, CreateCall).WillOnce([this](auto, auto, auto done) { done(ASession()); });
  EXPECT_EQ(Run({{"command", "call.create"}, {"params", {{"registrationId", "reg-1"}}}, {"body", ACall()}})["status"],
            201)
      << "the renewed token counts";
}

TEST_F(CommandTest, NothingRunsBeforeTheToken) {
  session_ = std::make_shared<FakeSession>();
  HttpRequest request;
  request.method = "GET";
  request.path = "/byon/v1/channels";
  handler_ = application_->OpenWebSocket(request, session_);
  handler_->OnMessage(json{{"id", "r1"}, {"command", "device.list"}}.dump());
  EXPECT_EQ(session_->closed_with, kCloseUnauthorized);
}

TEST_F(CommandTest, AnswersComeAsTheyAreReadyAndOnlyOnce) {
  std::vector<gateway::Callback<gateway::Registration>> waiting;
  EXPECT_CALL(service_, CreateRegistration).WillRepeatedly([&](auto, auto, auto done) { waiting.push_back(done); });
  const auto start = [this](const std::string& id) {
    return Run({{"id", id}, {"command", "registration.create"}, {"body", {{"deviceId", kDevice}}}});
  };
  EXPECT_TRUE(start("a").is_null());
  EXPECT_TRUE(start("b").is_null());
  EXPECT_EQ(Short(start("a")), "400 INVALID_ARGUMENT") << "its first is unanswered";
  waiting[1](ARegistration());
  EXPECT_EQ(session_->Last()["id"], "b");
  waiting[0](ARegistration());
  EXPECT_EQ(session_->Last()["id"], "a");
  EXPECT_TRUE(start("a").is_null()) << "the id is free again";
  handler_->OnClosed();
  handler_.reset();
  const size_t before = session_->sent.size();
  waiting[2](ARegistration());
  EXPECT_EQ(session_->sent.size(), before) << "nobody is there any more";
}

TEST_F(CommandTest, UnansweredCommandsAreBounded) {
  EXPECT_CALL(service_, CreateRegistration).WillRepeatedly([](auto, auto, auto) {});
  for (int i = 0; i < 32; ++i) {
    EXPECT_TRUE(Run({{"command", "registration.create"}, {"body", {{"deviceId", kDevice}}}}).is_null());
    time_.Advance(milliseconds(50));
  }
  const json refused = Run({{"command", "device.list"}});
  EXPECT_EQ(Short(refused), "429 TOO_MANY_REQUESTS");
  EXPECT_EQ(refused["retryAfter"], 1);
}

TEST_F(CommandTest, AUsersRateIsOneForRestAndCommands) {
  EXPECT_CALL(service_, ListRegistrations).WillRepeatedly(Return(std::vector<gateway::Registration>{}));
  const std::string target = std::string("/webrtc-registration/v0.4/sessions?deviceId=") + kDevice;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Request("GET", target).status, 200);
  EXPECT_EQ(Short(Run({{"command", "registration.list"}, {"params", {{"deviceId", kDevice}}}})),
            "429 TOO_MANY_REQUESTS");
}

TEST_F(CommandTest, TheDeviceOfTheChannelMustBeNamed) {
  for (const json& auth :
       {json::object(), json{{"deviceId", "x"}}, json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}}}) {
    Connect(auth);
    EXPECT_EQ(session_->closed_with, kCloseBadMessage) << auth;
  }
  token_ = TwoLeggedToken();
  Connect({{"deviceId", kDevice}});
  EXPECT_EQ(session_->closed_with, kCloseBadMessage) << "with a 2-legged token the number too";
  Connect({{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}});
  EXPECT_EQ(session_->Last()["type"], "ready");
}

TEST_F(CommandTest, ChannelsAreBoundedHereToo) {
  std::vector<std::unique_ptr<WebSocketHandler>> connected;
  for (int i = 0; i < 30; ++i) {
    char device[40];
    std::snprintf(device, sizeof device, "550e8400-e29b-41d4-a716-4466554401%02d", i);
    Connect({{"deviceId", device}});
    connected.push_back(std::move(handler_));
  }
  EXPECT_EQ(session_->closed_with, kCloseTooManyChannels);
}

TEST_F(CommandTest, ForeignPathsAreNoChannels) {
  for (const char* path : {"/byon/v1/channels/", "/byon/v1/channelsx", "/", "/byon/v1/channels/%2"}) {
    auto session = std::make_shared<FakeSession>();
    HttpRequest request;
    request.method = "GET";
    request.path = path;
    auto handler = application_->OpenWebSocket(request, session);
    handler->OnMessage(json{{"type", "auth"}, {"token", token_}, {"deviceId", kDevice}}.dump());
    EXPECT_EQ(session->closed_with, kCloseNoChannel) << path;
  }
}

}  // namespace
}  // namespace byon::api
