// CAMARA r2.2 (webrtc-registration v0.3, webrtc-call-handling v0.3, webrtc-events v0.2) over the same core.
#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using call::Status;
using gateway::ErrorCode;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::Return;

constexpr const char* kRegistrations = "/webrtc-registration/v0.3/sessions";
constexpr const char* kCalls = "/webrtc-call-handling/v0.3/sessions";
constexpr const char* kSubscriptions = "/webrtc-events/v0.2/subscriptions";
const std::map<std::string, std::string> kWithRegistration = {{"registrationid", "reg-1"}};

class R22Test : public CompatApiTest {
 protected:
  json ACall() const {
    return {{"originatorAddress", "tel:+34600000001"},
            {"receiverAddress", "tel:+34600000002"},
            {"offer", {{"sdp", "v=0\r\n"}}}};
  }
  json ASubscription() const {
    return {{"protocol", "HTTP"},
            {"sink", "https://app.example.com/sink"},
            {"types", {"org.camaraproject.webrtc-events.v0.session-status"}},
            {"config", {{"subscriptionDetail", {{"registrationId", "reg-1"}}}}}};
  }
  // The registration reg-1 is known.
  void KnowRegistration() {
    EXPECT_CALL(service_, GetRegistration(_, "reg-1")).WillRepeatedly([this](auto&, auto&) { return ARegistration(); });
  }
  std::string Subscribe(const json& wanted) {
    const Reply made = Request("POST", kSubscriptions, wanted);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.body.value("id", "");
  }
  size_t Deliveries() const {
    return static_cast<size_t>(std::count_if(http_.sent.begin(), http_.sent.end(),
                                             [](const auto& sent) { return sent.request.method == "POST"; }));
  }
};
class StrictR22Test : public R22Test {
 protected:
  StrictR22Test() {
    r2_2_ = Strictness::kStrict;
    Start();
  }
};

TEST_F(R22Test, RegistersWith200AndIgnoresWhatItDoesNotKnow) {
  EXPECT_CALL(service_, CreateRegistration(_, Field(&gateway::RegistrationRequest::phone_number, std::nullopt), _))
      .WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
  const Reply reply =
      Request("POST", kRegistrations, json{{"deviceId", kDevice}, {"phoneNumber", "+34600000009"}, {"new", 1}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["registrationId"], "reg-1");
  EXPECT_EQ(Request("POST", kRegistrations, json{{"deviceId", "x"}}).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(R22Test, RegisteringAgainProlongsTheSameRegistration) {
  EXPECT_CALL(service_, CreateRegistration).WillOnce([](auto, auto, auto done) {
    done(gateway::Error{ErrorCode::kAlreadyExists, ""});
  });
  gateway::Registration other_line = ARegistration();
  other_line.registration_id = "reg-other";
  other_line.phone_number = "+34600000005";
  EXPECT_CALL(service_, ListRegistrations(_, kDevice)).WillOnce(Return(std::vector{other_line, ARegistration()}));
  EXPECT_CALL(service_, UpdateRegistration(_, "reg-1", _, _)).WillOnce([this](auto&, auto&, auto, auto done) {
    done(ARegistration());
  });
  const Reply reply = Request("POST", kRegistrations, json{{"deviceId", kDevice}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["registrationId"], "reg-1");
}

TEST_F(R22Test, ARegistrationThatCannotBeFoundAgainIsStillADuplicate) {
  EXPECT_CALL(service_, CreateRegistration).WillOnce([](auto, auto, auto done) {
    done(gateway::Error{ErrorCode::kAlreadyExists, ""});
  });
  EXPECT_CALL(service_, ListRegistrations).WillOnce(Return(std::vector<gateway::Registration>{}));
  EXPECT_EQ(Request("POST", kRegistrations, json{{"deviceId", kDevice}}).Short(), "409 ALREADY_EXISTS");
}

TEST_F(R22Test, AnExpiryOutOfRangeFallsBackToThePolicy) {
  ::testing::InSequence sequence;
  EXPECT_CALL(service_, UpdateRegistration(_, "reg-1", ::testing::Ne(std::optional<WallTime>()), _))
      .WillOnce([](auto&, auto&, auto, auto done) {
        done(gateway::Error{ErrorCode::kOutOfRange, ""});
      });
  EXPECT_CALL(service_, UpdateRegistration(_, "reg-1", std::optional<WallTime>(), _))
      .WillOnce([this](auto&, auto&, auto, auto done) { done(ARegistration()); });
  const json body{{"registrationExpireTime", FormatDateTime(time_.now() + seconds(1))}};
  EXPECT_EQ(Request("PUT", std::string(kRegistrations) + "/reg-1", body).status, 200);
}

TEST_F(R22Test, HasNoGetOfRegistrations) {
  EXPECT_EQ(Request("GET", kRegistrations).Short(), "405 METHOD_NOT_ALLOWED");
  EXPECT_EQ(Request("GET", std::string(kRegistrations) + "/reg-1").Short(), "405 METHOD_NOT_ALLOWED");
  EXPECT_CALL(service_, DeleteRegistration(_, "reg-1", _)).WillOnce([](auto&, auto&, auto done) {
    done(gateway::Done{});
  });
  EXPECT_EQ(Request("DELETE", std::string(kRegistrations) + "/reg-1").status, 204);
}

TEST_F(R22Test, ATokenMustNameANumber) {
  token_ = TwoLeggedToken();
  EXPECT_EQ(Request("POST", kRegistrations, json{{"deviceId", kDevice}}).Short(), "403 INVALID_TOKEN_CONTEXT");
}

// Not known yet is no reason to tell the client that it is not its own.
TEST_F(R22Test, WhatARestartHasNotReadYetMayBeAskedForAgain) {
  EXPECT_CALL(service_, GetRegistration(_, "reg-1")).WillRepeatedly([](auto&, auto&) {
    return gateway::StillRestoring();
  });
  json call = ACall();
  call.erase("originatorAddress");
  const Reply refused = Request("POST", kCalls, call, kWithRegistration);
  EXPECT_EQ(refused.Short(), "503 UNAVAILABLE");
  EXPECT_TRUE(refused.headers.contains("Retry-After"));
  EXPECT_EQ(Request("POST", kSubscriptions, ASubscription()).Short(), "503 UNAVAILABLE");
}

// Whatever is known of the registration: the core says where help is to be had.
TEST_F(R22Test, ACallForHelpIsJudgedBeforeItsRegistration) {
  EXPECT_CALL(service_, GetRegistration).WillRepeatedly([](auto&, auto&) { return gateway::StillRestoring(); });
  EXPECT_CALL(service_, IsEmergency("tel:112")).WillRepeatedly(Return(true));
  EXPECT_CALL(service_, CreateCall(_, Field(&gateway::CallRequest::receiver_address, "tel:112"), _))
      .WillOnce([](auto, auto, auto done) {
        done(gateway::Error{ErrorCode::kEmergencyNotSupported, "Use your phone."});
      });
  json call = ACall();
  call.erase("originatorAddress");
  call["receiverAddress"] = "tel:112";
  EXPECT_EQ(Request("POST", kCalls, call, kWithRegistration).status, 501);
}

TEST_F(R22Test, CallsWithItsOwnBody) {
  EXPECT_CALL(service_, CreateCall(_,
                                   AllOf(Field(&gateway::CallRequest::client_correlator, "c-1"),
                                         Field(&gateway::CallRequest::offer_sdp, "v=0\r\n")),
                                   _))
      .WillOnce([this](auto, auto, auto done) {
        gateway::MediaSession session = ASession();
        session.client_correlator = "c-1";
        session.receiver_address = "tel:112;phone-context=+34";
        done(session);
      });
  json wanted = ACall();
  wanted["clientCorrelator"] = "c-1";
  wanted["callType"] = "whatever";
  const Reply reply = Request("POST", kCalls, wanted, kWithRegistration);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, (json{{"mediaSessionId", "ms-1"},
                              {"originatorAddress", "tel:+34600000001"},
                              {"originatorName", "Alice"},
                              {"receiverAddress", "sip:112@ims.test"},
                              {"status", "Initial"},
                              {"offer", {{"sdp", "v=0\r\n"}}},
                              {"clientCorrelator", "c-1"},
                              {"reason", "SIP 180 Ringing"},
                              {"sequenceNumber", 3}}));
}

TEST_F(R22Test, ACallMayComeBeforeItsOffer) {
  KnowRegistration();
  const Reply made = Request("POST", kCalls, json{{"receiverAddress", "tel:+34600000002"}, {"clientCorrelator", "c-2"}},
                             kWithRegistration);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.body["originatorAddress"], "tel:+34600000001") << "the registered number";
  EXPECT_EQ(made.body["status"], "Initial");
  EXPECT_FALSE(made.body.contains("offer"));
  const std::string target = std::string(kCalls) + "/" + made.body["mediaSessionId"].get<std::string>();
  EXPECT_EQ(Request("POST", kCalls, json{{"receiverAddress", "tel:+34600000002"}, {"clientCorrelator", "c-2"}},
                    kWithRegistration)
                .body["mediaSessionId"],
            made.body["mediaSessionId"])
      << "the correlator recovers it";
  EXPECT_EQ(Request("GET", target).body, made.body);
  EXPECT_EQ(Request("PUT", target + "/status", json{{"status", "Ringing"}}).Short(), "409 INCOMPATIBLE_STATE");
  EXPECT_EQ(Request("PUT", target + "/status", json{{"status", "Initial"}}).status, 200);
  token_ = Token("bob");
  EXPECT_CALL(service_, GetCall).WillOnce([](auto&, auto&) { return gateway::Error{ErrorCode::kNotFound, ""}; });
  EXPECT_EQ(Request("GET", target).Short(), "404 NOT_FOUND");
  token_ = Token();

  EXPECT_CALL(
      service_,
      CreateCall(_,
                 AllOf(Field(&gateway::CallRequest::media_session_id, made.body["mediaSessionId"].get<std::string>()),
                       Field(&gateway::CallRequest::receiver_address, "tel:+34600000002"),
                       Field(&gateway::CallRequest::registration_id, "reg-1")),
                 _))
      .WillOnce([](auto, auto, auto done) {
        done(gateway::Error{ErrorCode::kInvalidArgument, "bad SDP"});
      })
      .WillOnce([this](auto, auto, auto done) { done(ASession()); });
  const json offer{{"status", "InProgress"}, {"offer", {{"sdp", "v=0\r\n"}}}};
  EXPECT_EQ(Request("PUT", target + "/status", offer).Short(), "400 INVALID_ARGUMENT") << "and may be tried again";
  EXPECT_EQ(Request("PUT", target + "/status", offer).status, 200);
  EXPECT_CALL(service_, GetCall).WillOnce([this](auto&, auto&) { return ASession(Status::kRinging); });
  EXPECT_EQ(Request("GET", target).body["status"], "Ringing") << "a call like any other from now on";
}

TEST_F(R22Test, DraftsAreFewShortLivedAndDeletable) {
  KnowRegistration();
  const json wanted{{"receiverAddress", "tel:+34600000002"}};
  const Reply first = Request("POST", kCalls, wanted, kWithRegistration);
  const std::string target = std::string(kCalls) + "/" + first.body["mediaSessionId"].get<std::string>();
  EXPECT_EQ(Request("DELETE", target).status, 204);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Request("POST", kCalls, wanted, kWithRegistration).status, 201);
  EXPECT_EQ(Request("POST", kCalls, wanted, kWithRegistration).Short(), "429 QUOTA_EXCEEDED");
  EXPECT_CALL(service_, GetRegistration(_, "reg-2")).WillOnce([this](auto&, auto&) { return ARegistration(); });
  EXPECT_EQ(Request("POST", kCalls, wanted, {{"registrationid", "reg-2"}}).status, 201)
      << "each registration has its own";
  time_.Advance(seconds(61));
  EXPECT_EQ(Request("POST", kCalls, wanted, kWithRegistration).status, 201);
  EXPECT_CALL(service_, GetRegistration(_, "reg-2")).WillOnce([](auto&, auto&) {
    return gateway::Error{ErrorCode::kNotFound, ""};
  });
  EXPECT_EQ(Request("POST", kCalls, wanted, {{"registrationid", "reg-2"}}).Short(), "403 INVALID_TOKEN_CONTEXT");
  EXPECT_EQ(Request("POST", kCalls, json::object(), kWithRegistration).Short(), "400 INVALID_ARGUMENT")
      << "whom to call must be said";
}

TEST_F(R22Test, AStatusMayBeLeftOutOrWrapped) {
  EXPECT_CALL(service_, GetCall).WillRepeatedly([this](auto&, auto&) { return ASession(Status::kRinging); });
  std::vector<Status> asked;
  EXPECT_CALL(service_, ChangeStatus).WillRepeatedly([&](auto&, auto&, gateway::StatusChange change, auto done) {
    asked.push_back(change.status);
    done(ASession(change.status));
  });
  const std::string target = std::string(kCalls) + "/ms-1/status";
  EXPECT_EQ(Request("PUT", target, json{{"offer", {{"sdp", "v=0\r\n"}}}}).status, 200);
  EXPECT_EQ(Request("PUT", target, json{{"receiverSessionStatus", {{"status", "Connected"}}}}).status, 200);
  EXPECT_EQ(Request("PUT", target, json{{"status", "Hold"}, {"reason", "x"}, {"sequenceNumber", 9}}).status, 200);
  EXPECT_EQ(asked, (std::vector{Status::kRinging, Status::kConnected, Status::kHold}));
  EXPECT_EQ(Request("PUT", target, json{{"status", "Hold"}, {"receiverAddress", "tel:+34699999999"}}).Short(),
            "400 INVALID_ARGUMENT");
}

TEST_F(StrictR22Test, IsToTheLetterOfItsSpecification) {
  json local = ACall();
  local["receiverAddress"] = "tel:112;phone-context=+34";
  EXPECT_EQ(Request("POST", kCalls, local, kWithRegistration).Short(), "400 INVALID_ARGUMENT")
      << "its address pattern is the narrow one";
  json with_status = ACall();
  with_status["status"] = "Initial";
  EXPECT_EQ(Request("POST", kCalls, with_status, kWithRegistration).Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("PUT", std::string(kCalls) + "/ms-1", json{{"status", "Hold"}}).Short(), "405 METHOD_NOT_ALLOWED");
  KnowRegistration();
  json three = ASubscription();
  three["types"].push_back("org.camaraproject.webrtc-events.v0.session-invitation");
  EXPECT_EQ(Request("POST", kSubscriptions, three).Short(), "422 MULTIEVENT_SUBSCRIPTION_NOT_SUPPORTED");
  json past = ASubscription();
  past["config"]["subscriptionExpireTime"] = "2024-01-01T00:00:00Z";
  EXPECT_EQ(Request("POST", kSubscriptions, past).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(R22Test, SubscribesForARegistration) {
  KnowRegistration();
  const std::string id = Subscribe(ASubscription());
  const std::string target = std::string(kSubscriptions) + "/" + id;
  const Reply shown = Request("GET", target);
  EXPECT_EQ(shown.body["config"]["subscriptionDetail"], (json{{"registrationId", "reg-1"}, {"deviceId", kDevice}}));
  EXPECT_EQ(shown.body["types"], json::array({"org.camaraproject.webrtc-events.v0.session-status"}));
  EXPECT_EQ(Request("PUT", target, json::object()).Short(), "405 METHOD_NOT_ALLOWED");
  EXPECT_EQ(Request("GET", "/webrtc-events-subscriptions/v0.3/subscriptions/" + id).Short(), "404 NOT_FOUND")
      << "each release lists its own";
  EXPECT_EQ(Request("GET", "/webrtc-events-subscriptions/v0.3/subscriptions").body, json::array());

  gateway::MediaSession session = ASession(Status::kRinging);
  session.client_correlator = "c-1";
  hub_->OnEvent(Device(), gateway::SessionStatus{session, R"({"shape":"Circle"})"});
  ASSERT_EQ(Deliveries(), 1u);
  const json event = json::parse(http_.sent.back().request.body);
  EXPECT_EQ(event["type"], "org.camaraproject.webrtc-events.v0.session-status");
  EXPECT_EQ(event["data"]["clientCorrelator"], "c-1");
  EXPECT_FALSE(event["data"].contains("locationDetails")) << "r2.2 has none";
  http_.AnswerLast(http_client::Response{204, ""});
  session.registration_id = "reg-of-another-line";
  hub_->OnEvent(Device(), gateway::SessionStatus{session, std::nullopt});
  EXPECT_EQ(Deliveries(), 1u) << "only this registration's";

  Start();
  EXPECT_EQ(Request("GET", target).body, shown.body) << "after a restart too";
  EXPECT_EQ(Request("DELETE", target).status, 204);
  EXPECT_EQ(json::parse(http_.sent.back().request.body)["type"],
            "org.camaraproject.webrtc-events.v0.subscription-ended");
}

TEST_F(R22Test, SubscribesForOneSession) {
  KnowRegistration();
  for (const char* name : {"sessionId", "mediaSessionId"}) {
    json wanted = ASubscription();
    wanted["config"]["subscriptionDetail"][name] = "ms-1";
    const std::string id = Subscribe(wanted);
    const size_t before = Deliveries();
    gateway::MediaSession other = ASession();
    other.media_session_id = "ms-2";
    hub_->OnEvent(Device(), gateway::SessionStatus{other, std::nullopt});
    EXPECT_EQ(Deliveries(), before);
    hub_->OnEvent(Device(), gateway::SessionStatus{ASession(), std::nullopt});
    EXPECT_EQ(Deliveries(), before + 1);
    Request("DELETE", std::string(kSubscriptions) + "/" + id);
  }
}

TEST_F(R22Test, ARegistrationOfNobodyCannotBeSubscribedTo) {
  EXPECT_CALL(service_, GetRegistration).WillRepeatedly([](auto&, auto&) {
    return gateway::Error{ErrorCode::kNotFound, ""};
  });
  EXPECT_EQ(Request("POST", kSubscriptions, ASubscription()).Short(), "403 SUBSCRIPTION_MISMATCH");
  json with_device = ASubscription();
  with_device["config"]["subscriptionDetail"]["deviceId"] = kDevice;
  EXPECT_EQ(Request("POST", kSubscriptions, with_device).status, 201) << "as the flow documents do, before registering";
  json without = ASubscription();
  without["config"]["subscriptionDetail"] = json{{"deviceId", kDevice}};
  EXPECT_EQ(Request("POST", kSubscriptions, without).Short(), "400 INVALID_ARGUMENT");
  json foreign = ASubscription();
  foreign["types"] = {"org.camaraproject.webrtc-events-subscriptions.v0.session-status"};
  EXPECT_EQ(Request("POST", kSubscriptions, foreign).Short(), "400 INVALID_ARGUMENT")
      << "the types of the other release";
}

TEST_F(R22Test, WantsItsOwnScopes) {
  json claims = Claims();
  claims["scope"] = CreateScope(EventType::kSessionStatus);  // of r3.1
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("POST", kSubscriptions, ASubscription()).Short(), "403 SUBSCRIPTION_MISMATCH");
  EXPECT_EQ(Request("GET", kSubscriptions).Short(), "403 PERMISSION_DENIED");
}

TEST_F(R22Test, CanBeSwitchedOff) {
  r2_2_.reset();
  Start();
  for (const char* path : {kRegistrations, kCalls, kSubscriptions}) {
    EXPECT_EQ(Request("POST", path, json::object()).Short(), "404 NOT_FOUND") << path;
  }
}

}  // namespace
}  // namespace byon::api
