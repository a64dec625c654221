#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using gateway::ErrorCode;
using ::testing::_;
using ::testing::AllOf;
using ::testing::Field;
using ::testing::Return;

constexpr const char* kSessions = "/webrtc-registration/v0.4/sessions";

class RegistrationApiTest : public ApiTest {};

TEST_F(RegistrationApiTest, CreatesWithTheNumberOfTheToken) {
  for (const char* path : {kSessions, "/webrtc-registration/v0.4rc1/sessions"}) {
    EXPECT_CALL(service_, CreateRegistration(AllOf(Field(&gateway::Principal::client_id, "web"),
                                                   Field(&gateway::Principal::subject, "alice"),
                                                   Field(&gateway::Principal::phone_number, "+34600000001")),
                                             AllOf(Field(&gateway::RegistrationRequest::device_id, kDevice),
                                                   Field(&gateway::RegistrationRequest::phone_number, std::nullopt)),
                                             _))
        .WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
    const Reply reply = Request("POST", path, json{{"deviceId", kDevice}});
    EXPECT_EQ(reply.status, 201);
    EXPECT_EQ(reply.body, (json{{"registrationId", "reg-1"},
                                {"regInfo", {{"phoneNumber", "+34600000001"}, {"regStatus", "Registered"}}},
                                {"expiresAt", FormatDateTime(time_.now() + seconds(3600))}}))
        << "nothing but CAMARA's members";
  }
}

TEST_F(RegistrationApiTest, GivesTheChannelToThoseWhoAsk) {
  EXPECT_CALL(service_, CreateRegistration).Times(2).WillRepeatedly([this](auto, auto, auto done) {
    done(ARegistration());
  });
  const Reply first = Request("POST", kSessions, json{{"deviceId", kDevice}}, {{"x-byon-extensions", "channel"}});
  const std::string id = first.body["channelId"];
  EXPECT_EQ(first.body["channelUrl"], "wss://gw.example/byon/v1/channels/" + id);
  const Reply second = Request("POST", kSessions, json{{"deviceId", kDevice}}, {{"x-byon-extensions", "channel"}});
  EXPECT_EQ(second.body["channelId"], id) << "one channel for one device";
}

TEST_F(RegistrationApiTest, PassesTheExpiryOn) {
  const WallTime wanted = time_.now() + seconds(600);
  EXPECT_CALL(service_, CreateRegistration(_, Field(&gateway::RegistrationRequest::expire_time, wanted), _))
      .WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}, {"registrationExpireTime", FormatDateTime(wanted)}})
                .status,
            201);
}

TEST_F(RegistrationApiTest, RefusesBadBodies) {
  const json bad[] = {json::object(),
                      {{"deviceId", "no-uuid"}},
                      {{"deviceId", 5}},
                      {{"deviceId", nullptr}},
                      {{"deviceId", kDevice}, {"extra", 1}},
                      {{"deviceId", kDevice}, {"registrationExpireTime", "tomorrow"}},
                      {{"deviceId", kDevice}, {"registrationExpireTime", "2030-01-01T00:00:00"}},
                      {{"deviceId", kDevice}, {"phoneNumber", "0034600"}},
                      json::array({kDevice})};
  for (const json& body : bad) EXPECT_EQ(Request("POST", kSessions, body).Short(), "400 INVALID_ARGUMENT") << body;
  for (const char* body : {"{", "{\"deviceId\":\"x\",\"deviceId\":\"y\"}", "\"text\"", "null", "[[[[[["}) {
    EXPECT_EQ(Request("POST", kSessions, std::string(body)).Short(), "400 INVALID_ARGUMENT") << body;
  }
  EXPECT_EQ(Request("POST", kSessions, std::string()).Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("POST", kSessions, std::string("{}"), {{"content-type", "text/plain"}}).Short(),
            "415 UNSUPPORTED_MEDIA_TYPE");
}

TEST_F(RegistrationApiTest, AcceptsACharset) {
  EXPECT_CALL(service_, CreateRegistration).WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
  EXPECT_EQ(
      Request("POST", kSessions, json{{"deviceId", kDevice}}, {{"content-type", "Application/JSON; charset=UTF-8"}})
          .status,
      201);
}

TEST_F(RegistrationApiTest, TellsTheTwoKindsOfTokensApart) {
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}}).Short(),
            "422 UNNECESSARY_IDENTIFIER");
  json claims = Claims();
  claims.erase("phone_number");
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}}).Short(), "422 SERVICE_NOT_APPLICABLE");
  token_ = TwoLeggedToken();
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}}).Short(), "422 MISSING_IDENTIFIER");
  EXPECT_CALL(service_, CreateRegistration(Field(&gateway::Principal::is_two_legged, true),
                                           Field(&gateway::RegistrationRequest::phone_number, "+34600000001"), _))
      .WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}}).status, 201);
}

TEST_F(RegistrationApiTest, AServerRegistersTheNumbersThatItMaySpeakFor) {
  token_ = TwoLeggedToken();
  for (const std::vector<std::string>& ranges :
       {std::vector<std::string>{"+3460000001", "+35"}, std::vector<std::string>{}}) {
    server_ranges_ = ranges;
    Start();
    for (const char* path : {kSessions, "/webrtc-registration/v0.3/sessions"}) {
      const Reply refused = Request("POST", path, json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}});
      EXPECT_EQ(refused.Short(), "403 PERMISSION_DENIED") << path;
    }
  }
  server_ranges_ = {"+35", "+34600"};
  Start();
  EXPECT_CALL(service_, CreateRegistration).WillOnce([this](auto, auto, auto done) { done(ARegistration()); });
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}}).status, 201);
}

TEST_F(RegistrationApiTest, SpeaksTheGatewaysErrorsInCamarasWords) {
  const std::pair<ErrorCode, const char*> errors[] = {
      {ErrorCode::kInvalidArgument, "400 INVALID_ARGUMENT"},
      {ErrorCode::kOutOfRange, "400 OUT_OF_RANGE"},
      {ErrorCode::kPermissionDenied, "403 PERMISSION_DENIED"},
      {ErrorCode::kInvalidTokenContext, "403 INVALID_TOKEN_CONTEXT"},
      {ErrorCode::kMaxRegistrationsPerUser, "403 MAX_REGISTRATION_PER_USER"},
      {ErrorCode::kMaxRegistrationsPerMsisdn, "403 MAX_REGISTRATION_PER_MSISDN"},
      {ErrorCode::kMaxDevicesPerUser, "403 MAX_DEVICES_PER_USER"},
      {ErrorCode::kNotFound, "404 NOT_FOUND"},
      {ErrorCode::kAlreadyExists, "409 ALREADY_EXISTS"},
      {ErrorCode::kIncompatibleState, "409 INCOMPATIBLE_STATE"},
      {ErrorCode::kUnnecessaryIdentifier, "422 UNNECESSARY_IDENTIFIER"},
      {ErrorCode::kMissingIdentifier, "422 MISSING_IDENTIFIER"},
      {ErrorCode::kServiceNotApplicable, "422 SERVICE_NOT_APPLICABLE"},
      {ErrorCode::kQuotaExceeded, "429 QUOTA_EXCEEDED"},
      {ErrorCode::kTooManyRequests, "429 TOO_MANY_REQUESTS"},
      {ErrorCode::kInternal, "500 INTERNAL"},
      {ErrorCode::kEmergencyNotSupported, "501 CALLTYPE_EMERGENCY_NOT_SUPPORTED"},
      {ErrorCode::kUnavailable, "503 UNAVAILABLE"},
      {ErrorCode::kTimeout, "504 TIMEOUT"},
  };
  for (const auto& [code, expected] : errors) {
    EXPECT_CALL(service_, CreateRegistration).WillOnce([error = code](auto, auto, auto done) {
      done(gateway::Error{error, std::string("bad \xff text ") + std::string(700, 'x')});
    });
    EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}}).Short(), expected);
    time_.Advance(seconds(1));
  }
}

TEST_F(RegistrationApiTest, Lists) {
  EXPECT_CALL(service_, ListRegistrations(_, kDevice))
      .WillOnce(Return(std::vector{ARegistration()}))
      .WillOnce(Return(std::vector<gateway::Registration>{}));
  const std::string target = std::string(kSessions) + "?deviceId=" + kDevice;
  EXPECT_EQ(Request("GET", target).body[0]["registrationId"], "reg-1");
  const Reply none = Request("GET", target);
  EXPECT_EQ(none.status, 200);
  EXPECT_EQ(none.body, json::array());
  EXPECT_EQ(Request("GET", kSessions).Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("GET", std::string(kSessions) + "?deviceId=x").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("GET", std::string(kSessions) + "/").Short(), "400 INVALID_ARGUMENT");
}

TEST_F(RegistrationApiTest, ListsAllDevicesOfAUser) {
  gateway::Registration other = ARegistration();
  other.device_id = "550e8400-e29b-41d4-a716-446655440001";
  EXPECT_CALL(service_, ListRegistrationPage(_, 0u, 1000u))
      .WillOnce(Return(gateway::RegistrationPage{{ARegistration(), other}, 2}));
  const Reply reply = Request("GET", "/byon/v1/registrations");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("X-Total-Count"), "2");
  EXPECT_EQ(reply.headers.at("Content-Last-Key"), "reg-1");
  EXPECT_FALSE(reply.headers.contains("Link"));
  ASSERT_EQ(reply.body.size(), 2u);
  EXPECT_EQ(reply.body[0]["deviceId"], kDevice);
  EXPECT_EQ(reply.body[1]["deviceId"], other.device_id);
  EXPECT_EQ(reply.body[1]["regInfo"]["phoneNumber"], "+34600000001");
}

// CAMARA API design guide, "Pagination": pages from 0, 206 of a part, 400 beyond the end; RFC 8288.
TEST_F(RegistrationApiTest, AServerReadsItsRegistrationsPageByPage) {
  token_ = TwoLeggedToken();
  std::vector<std::pair<size_t, size_t>> asked;
  EXPECT_CALL(service_, ListRegistrationPage).WillRepeatedly([&](auto&, size_t first, size_t count) {
    asked.emplace_back(first, count);
    gateway::RegistrationPage page{{}, 45};
    for (size_t i = first; i < 45 && page.registrations.size() < count; ++i) {
      page.registrations.push_back(ARegistration());
      page.registrations.back().registration_id = "reg-" + std::to_string(i);
    }
    return page;
  });
  const std::string list = "/byon/v1/registrations";
  const auto link = [&](int page) { return "<" + list + "?page=" + std::to_string(page) + "&perPage=20>; rel="; };
  const Reply first = Request("GET", list + "?perPage=20");
  EXPECT_EQ(first.status, 206);
  EXPECT_EQ(first.body.size(), 20u);
  EXPECT_EQ(first.headers.at("X-Total-Count"), "45");
  EXPECT_EQ(first.headers.at("Content-Last-Key"), "reg-19");
  EXPECT_EQ(first.headers.at("Link"), link(1) + "\"next\", " + link(0) + "\"first\", " + link(2) + "\"last\"");
  const Reply second = Request("GET", list + "?page=1&perPage=20");
  EXPECT_EQ(second.headers.at("Link"),
            link(2) + "\"next\", " + link(0) + "\"prev\", " + link(0) + "\"first\", " + link(2) + "\"last\"");
  const Reply last = Request("GET", list + "?perPage=20&page=2");
  EXPECT_EQ(last.status, 206);
  EXPECT_EQ(last.body.size(), 5u);
  EXPECT_EQ(last.headers.at("Content-Last-Key"), "reg-44");
  EXPECT_EQ(last.headers.at("Link").find("next"), std::string::npos);
  EXPECT_EQ(Request("GET", list + "?page=1&perPage=20&seek=7").body.size(), 18u);
  EXPECT_EQ(Request("GET", list).status, 200) << "all of them";
  EXPECT_EQ(asked, (std::vector<std::pair<size_t, size_t>>{{0, 20}, {20, 20}, {40, 20}, {27, 20}, {0, 1000}}));
  EXPECT_EQ(Request("GET", list + "?page=3&perPage=20").Short(), "400 OUT_OF_RANGE");
  for (const char* bad : {"page=-1", "page=x", "page=", "page=1.5", "page=99999999999999999999", "perPage=0",
                          "perPage=1001", "perPage=%zz", "seek=-2"}) {
    EXPECT_EQ(Request("GET", list + "?" + bad).Short(), "400 INVALID_ARGUMENT") << bad;
  }
}

TEST_F(RegistrationApiTest, AnEmptyListIsWhole) {
  EXPECT_CALL(service_, ListRegistrationPage).WillOnce(Return(gateway::RegistrationPage{}));
  const Reply reply = Request("GET", "/byon/v1/registrations?perPage=5");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, json::array());
  EXPECT_EQ(reply.headers.at("X-Total-Count"), "0");
}

TEST_F(RegistrationApiTest, DescribesItself) {
  for (const char* path : {"/openapi", "/asyncapi"}) {
    const Reply reply = RequestText("GET", path);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("Content-Type"), "application/yaml");
    EXPECT_TRUE(reply.text.starts_with(std::string(path).substr(1) + ": ")) << reply.text.substr(0, 40);
  }
}

TEST_F(RegistrationApiTest, GetsUpdatesAndDeletes) {
  EXPECT_CALL(service_, GetRegistration(_, "reg-1")).WillOnce([this](auto&, auto&) { return ARegistration(); });
  EXPECT_EQ(Request("GET", std::string(kSessions) + "/reg-1").status, 200);
  EXPECT_CALL(service_, UpdateRegistration(_, "reg-1", std::optional<WallTime>(), _))
      .Times(2)
      .WillRepeatedly([this](auto&, auto&, auto, auto done) { done(ARegistration()); });
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/reg-1").status, 204);
  const Reply updated = Request("PUT", std::string(kSessions) + "/reg-1", json::object());
  EXPECT_EQ(updated.status, 200);
  EXPECT_TRUE(updated.body.contains("expiresAt"));
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/reg-1", json{{"deviceId", kDevice}}).Short(),
            "400 INVALID_ARGUMENT");
  EXPECT_CALL(service_, DeleteRegistration(_, "reg-1", _)).WillOnce([](auto&, auto&, auto done) {
    done(gateway::Done{});
  });
  const Reply gone = Request("DELETE", std::string(kSessions) + "/reg-1", std::string(), {{"x-correlator", "c-1"}});
  EXPECT_EQ(gone.status, 204);
  EXPECT_EQ(gone.headers.at("x-correlator"), "c-1");
  EXPECT_CALL(service_, GetRegistration(_, "r%2")).WillOnce([](auto&, auto&) {
    return gateway::Error{ErrorCode::kNotFound, ""};
  });
  EXPECT_EQ(Request("GET", std::string(kSessions) + "/r%252").Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("GET", std::string(kSessions) + "/r%2").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("GET", std::string(kSessions) + "/" + std::string(257, 'x')).Short(), "400 INVALID_ARGUMENT");
}

TEST_F(RegistrationApiTest, EchoesTheCorrelatorOnEveryAnswer) {
  EXPECT_EQ(Request("POST", kSessions, json::object(), {{"x-correlator", "a-_:;./<>{}9"}}).headers.at("x-correlator"),
            "a-_:;./<>{}9");
  const Reply bad = Request("POST", kSessions, json{{"deviceId", kDevice}}, {{"x-correlator", "a b"}});
  EXPECT_EQ(bad.Short(), "400 INVALID_ARGUMENT");
  EXPECT_NE(bad.headers.at("x-correlator"), "a b");
  EXPECT_EQ(Request("GET", kSessions, std::string(), {{"x-correlator", std::string(257, 'a')}}).Short(),
            "400 INVALID_ARGUMENT");
}

TEST_F(RegistrationApiTest, AsksForTokenAndScope) {
  const std::map<std::string, std::string> bad[] = {{{"authorization", ""}},
                                                    {{"authorization", "Basic abc"}},
                                                    {{"authorization", "Bearer"}},
                                                    {{"authorization", "Bearer a b"}},
                                                    {{"authorization", "Bearer " + Token() + "x"}}};
  for (const auto& headers : bad) {
    const Reply reply = Request("POST", kSessions, json{{"deviceId", kDevice}}.dump(), headers);
    EXPECT_EQ(reply.Short(), "401 UNAUTHENTICATED");
    EXPECT_EQ(reply.headers.at("WWW-Authenticate").substr(0, 6), "Bearer");
  }
  EXPECT_EQ(Request("GET", std::string(kSessions) + "?access_token=" + token_, std::string(), {{"authorization", ""}})
                .Short(),
            "401 UNAUTHENTICATED");
  json claims = Claims();
  claims["scope"] = "webrtc-registration:sessions:read";
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("POST", kSessions, json{{"deviceId", kDevice}}).Short(), "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("PUT", std::string(kSessions) + "/r", json::object()).Short(), "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("DELETE", std::string(kSessions) + "/r").Short(), "403 PERMISSION_DENIED");
}

TEST_F(RegistrationApiTest, KnowsItsPathsAndMethods) {
  EXPECT_EQ(Request("GET", "/nothing").Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("GET", "/webrtc-registration/v0.2/sessions").Short(), "404 NOT_FOUND");
  const Reply reply = Request("PATCH", kSessions, json::object());
  EXPECT_EQ(reply.Short(), "405 METHOD_NOT_ALLOWED");
  EXPECT_EQ(reply.headers.at("Allow"), "POST, GET");
}

TEST_F(RegistrationApiTest, LimitsOneUsersRate) {
  EXPECT_CALL(service_, ListRegistrations).WillRepeatedly(Return(std::vector<gateway::Registration>{}));
  const std::string target = std::string(kSessions) + "?deviceId=" + kDevice;
  int refused = 0;
  for (int i = 0; i < 150; ++i) refused += Request("GET", target).status == 429 ? 1 : 0;
  EXPECT_EQ(refused, 50) << "a burst of twice the rate passes";
  token_ = Token("bob");
  EXPECT_EQ(Request("GET", target).status, 200) << "others are not touched";
  token_ = Token();
  time_.Advance(seconds(1));
  EXPECT_EQ(Request("GET", target).status, 200);
}

TEST_F(RegistrationApiTest, LimitsTheRateOfAllTogetherBeforeATokenIsLookedAt) {
  requests_per_second_ = 10;
  Start();
  EXPECT_CALL(service_, ListRegistrations).WillRepeatedly(Return(std::vector<gateway::Registration>{}));
  const std::string target = std::string(kSessions) + "?deviceId=" + kDevice;
  std::map<int, int> seen;
  for (int i = 0; i < 60; ++i) {
    token_ = i % 2 == 0 ? Token("user-" + std::to_string(i)) : "no token";
    ++seen[Request("GET", target).status];
  }
  EXPECT_EQ(seen, (std::map<int, int>{{200, 10}, {401, 10}, {429, 40}}));
  EXPECT_EQ(Request("GET", "/livez").status, 200) << "what costs nothing is not counted";
  time_.Advance(seconds(1));
  token_ = Token();
  EXPECT_EQ(Request("GET", target).status, 200);
}

TEST_F(RegistrationApiTest, ANumberOfAnotherOperatorIsForbidden) {
  number_ranges_ = {"+3470", "+3480"};
  Start();
  const std::string target = std::string(kSessions) + "?deviceId=" + kDevice;
  EXPECT_EQ(Request("GET", target).Short(), "403 INVALID_TOKEN_CONTEXT");
  EXPECT_CALL(service_, ListRegistrations).WillRepeatedly(Return(std::vector<gateway::Registration>{}));
  token_ = Issuer().Token(Claims("alice", "+34700000001"));
  EXPECT_EQ(Request("GET", target).status, 200);
  token_ = TwoLeggedToken();
  EXPECT_EQ(Request("GET", target).status, 200) << "a server's numbers come in its requests";
}

TEST_F(RegistrationApiTest, LimitsAServersRateByItsClient) {
  EXPECT_CALL(service_, ListRegistrationPage).WillRepeatedly(Return(gateway::RegistrationPage{}));
  token_ = TwoLeggedToken();
  int refused = 0;
  std::string retry_after;
  for (int i = 0; i < 500; ++i) {
    const Reply reply = Request("GET", "/byon/v1/registrations");
    if (reply.status == 429) {
      ++refused;
      retry_after = reply.headers.at("Retry-After");
    }
  }
  EXPECT_EQ(refused, 100) << "a burst of twice the rate passes";
  EXPECT_EQ(retry_after, "1");
}

TEST_F(RegistrationApiTest, TellsItsHealthAndConfiguration) {
  EXPECT_EQ(Request("GET", "/livez", std::string(), {{"authorization", ""}}).status, 200);
  EXPECT_EQ(Request("GET", "/readyz", std::string(), {{"authorization", ""}}).status, 200);
  const Reply config = Request("GET", "/byon/v1/config", std::string(), {{"authorization", ""}});
  EXPECT_EQ(config.body["clientId"], "byon-web");
  EXPECT_EQ(config.body["scopes"], json::array({"openid"}));
  EXPECT_EQ(config.body["apiRoot"], "https://gw.example");
  EXPECT_EQ(config.body["resource"], kAudience);
}

}  // namespace
}  // namespace byon::api
