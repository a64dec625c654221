#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using http_client::Response;

constexpr const char* kSubscriptions = "/webrtc-events-subscriptions/v0.3/subscriptions";
const std::string kPrefix = "org.camaraproject.webrtc-events-subscriptions.v0.";

class SubscriptionApiTest : public ApiTest {
 protected:
  json Wanted() const {
    return {{"protocol", "HTTP"},
            {"sink", "https://app.example.com/sink"},
            {"sinkCredential",
             {{"credentialType", "ACCESSTOKEN"},
              {"accessToken", "secret"},
              {"accessTokenType", "bearer"},
              {"accessTokenExpiresUtc", FormatDateTime(time_.now() + seconds(3600))}}},
            {"types", {kPrefix + "session-status", kPrefix + "session-invitation", kPrefix + "registration-ends"}},
            {"config", {{"subscriptionDetail", {{"deviceId", kDevice}}}}}};
  }
  std::string Create(json wanted) {
    const Reply reply = Request("POST", kSubscriptions, wanted);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.body.value("id", "");
  }
  std::string Create() { return Create(Wanted()); }
  void Happen(const gateway::Event& event, const std::string& user = "alice") { hub_->OnEvent(Device(user), event); }
  size_t Deliveries() const {
    size_t count = 0;
    for (const auto& sent : http_.sent) count += sent.request.method == "POST" ? 1 : 0;
    return count;
  }
  json LastDelivery() const { return json::parse(http_.sent.back().request.body); }
};

TEST_F(SubscriptionApiTest, CreatesAndShows) {
  json wanted = Wanted();
  wanted["config"]["subscriptionExpireTime"] = FormatDateTime(time_.now() + seconds(7200));
  for (const char* path : {kSubscriptions, "/webrtc-events-subscriptions/v0.3rc1/subscriptions"}) {
    const Reply made = Request("POST", path, wanted);
    ASSERT_EQ(made.status, 201) << made.body;
    json expected = wanted;
    expected.erase("sinkCredential");  // never shown
    expected["id"] = made.body["id"];
    expected["startsAt"] = FormatDateTime(time_.now());
    expected["expiresAt"] = wanted["config"]["subscriptionExpireTime"];
    expected["status"] = "ACTIVE";
    EXPECT_EQ(made.body, expected);
    const std::string id = made.body["id"];
    EXPECT_EQ(Request("GET", std::string(path) + "/" + id).body, expected);
    EXPECT_EQ(Request("GET", path).body, json::array({expected}));
    EXPECT_EQ(Request("DELETE", std::string(path) + "/" + id).status, 204);
    EXPECT_EQ(Request("GET", std::string(path) + "/" + id).Short(), "404 NOT_FOUND");
    EXPECT_EQ(Request("DELETE", std::string(path) + "/" + id).Short(), "404 NOT_FOUND");
  }
  EXPECT_EQ(Request("GET", std::string(kSubscriptions) + "/").Short(), "400 INVALID_ARGUMENT");
}

TEST_F(SubscriptionApiTest, RefusesEachBadRequestWithItsCode) {
  const std::pair<std::function<void(json&)>, const char*> cases[] = {
      {[](json& b) { b["protocol"] = "MQTT3"; }, "400 INVALID_PROTOCOL"},
      {[](json& b) { b.erase("protocol"); }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["sink"] = "http://app.example.com/sink"; }, "400 INVALID_SINK"},
      {[](json& b) { b["sink"] = "https://"; }, "400 INVALID_SINK"},
      {[](json& b) { b["sink"] = 5; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["sink"] = "https://a.example/" + std::string(1024, 'x'); }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["sinkCredential"]["credentialType"] = "PLAIN"; }, "400 INVALID_CREDENTIAL"},
      {[](json& b) { b["sinkCredential"]["accessTokenType"] = "mac"; }, "400 INVALID_TOKEN"},
      {[](json& b) { b["sinkCredential"]["accessToken"] = "a\r\nb"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["sinkCredential"].erase("accessToken"); }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["sinkCredential"]["accessTokenExpiresUtc"] = "2020-01-01T00:00:00Z"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["sinkCredential"]["extra"] = 1; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["types"] = json::array(); }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["types"][0] = kPrefix + "subscription-ended"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) {
         b["types"] = {kPrefix + "session-status", kPrefix + "session-status"};
       },
       "400 INVALID_ARGUMENT"},
      {[](json& b) { b["types"] = kPrefix + "session-status"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"].erase("subscriptionDetail"); }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"]["subscriptionDetail"]["deviceId"] = "x"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"]["subscriptionDetail"]["registrationId"] = "x"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"]["subscriptionExpireTime"] = "2024-01-01T00:00:00Z"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"]["subscriptionMaxEvents"] = 0; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"]["subscriptionMaxEvents"] = 1.5; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["config"]["initialEvent"] = "yes"; }, "400 INVALID_ARGUMENT"},
      {[](json& b) { b["x"] = 1; }, "400 INVALID_ARGUMENT"},
  };
  for (const auto& [change, expected] : cases) {
    json body = Wanted();
    change(body);
    EXPECT_EQ(Request("POST", kSubscriptions, body).Short(), expected) << body.dump().substr(0, 300);
  }
  EXPECT_EQ(subscriptions_->size(), 0u);
}

TEST_F(SubscriptionApiTest, WantsTheScopeOfEachType) {
  json claims = Claims();
  claims["scope"] = CreateScope(EventType::kSessionStatus);
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("POST", kSubscriptions, Wanted()).Short(), "403 SUBSCRIPTION_MISMATCH");
  json one = Wanted();
  one["types"] = {kPrefix + "session-status"};
  Create(one);
  EXPECT_EQ(Request("GET", kSubscriptions).Short(), "403 PERMISSION_DENIED");
}

TEST_F(SubscriptionApiTest, KnowsDuplicatesAndQuota) {
  Create();
  EXPECT_EQ(Request("POST", kSubscriptions, Wanted()).Short(), "409 ALREADY_EXISTS");
  for (int i = 1; i < 100; ++i) {
    json other = Wanted();
    other["sink"] = "https://app.example.com/" + std::to_string(i);
    Create(other);
    time_.Advance(milliseconds(50));
  }
  json last = Wanted();
  last["sink"] = "https://app.example.com/last";
  EXPECT_EQ(Request("POST", kSubscriptions, last).Short(), "429 QUOTA_EXCEEDED");
  json on_another_device = last;
  on_another_device["config"]["subscriptionDetail"]["deviceId"] = "0b4d7c0e-5a3f-4b7e-9f6b-2f3f6d1c0a11";
  EXPECT_EQ(Request("POST", kSubscriptions, on_another_device).Short(), "429 QUOTA_EXCEEDED");
  token_ = Token("bob");
  Create(last);
}

// A16: nobody sees or touches another user's subscription.
TEST_F(SubscriptionApiTest, IsOnlyForItsOwner) {
  const std::string target = std::string(kSubscriptions) + "/" + Create();
  token_ = Token("bob");
  EXPECT_EQ(Request("GET", target).Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("DELETE", target).Short(), "404 NOT_FOUND");
  EXPECT_EQ(
      Request("PUT", target, json{{"config", {{"subscriptionExpireTime", FormatDateTime(time_.now() + seconds(60))}}}})
          .Short(),
      "404 NOT_FOUND");
  EXPECT_EQ(Request("GET", kSubscriptions).body, json::array());
  token_ = TwoLeggedToken();
  EXPECT_EQ(Request("GET", target).Short(), "404 NOT_FOUND");
  Happen(gateway::SessionStatus{ASession(), std::nullopt}, "bob");
  EXPECT_EQ(Deliveries(), 0u) << "an event of another user with the same deviceId";
}

TEST_F(SubscriptionApiTest, DeliversCloudEvents) {
  const std::string id = Create();
  gateway::MediaSession session = ASession(call::Status::kRinging);
  session.receiver_address = "tel:112;phone-context=+34";
  Happen(gateway::SessionStatus{session, R"({"shape":"Circle"})"});
  ASSERT_EQ(Deliveries(), 1u);
  const auto& sent = http_.sent.back().request;
  EXPECT_EQ(sent.url, "https://app.example.com/sink");
  EXPECT_FALSE(sent.may_use_private_addresses);
  std::map<std::string, std::string> headers(sent.headers.begin(), sent.headers.end());
  EXPECT_EQ(headers["Content-Type"], "application/cloudevents+json");
  EXPECT_EQ(headers["Authorization"], "Bearer secret");
  const json event = LastDelivery();
  EXPECT_EQ(headers["x-correlator"], event["id"]);
  EXPECT_EQ(event["type"], kPrefix + "session-status");
  EXPECT_EQ(event["specversion"], "1.0");
  EXPECT_EQ(event["source"], "https://gw.example");
  EXPECT_EQ(event["datacontenttype"], "application/json");
  EXPECT_EQ(event["time"], FormatDateTime(time_.now()));
  EXPECT_EQ(event["data"], (json{{"subscriptionId", id},
                                 {"mediaSessionId", "ms-1"},
                                 {"originatorAddress", "tel:+34600000001"},
                                 {"originatorName", "Alice"},
                                 {"receiverAddress", "sip:112@ims.test"},
                                 {"status", "Ringing"},
                                 {"reason", "SIP 180 Ringing"},
                                 {"sequenceNumber", 3},
                                 {"offer", {{"sdp", "v=0\r\n"}}},
                                 {"locationDetails", {{"shape", "Circle"}}}}));
  http_.AnswerLast(Response{204, ""});
  EXPECT_THAT(observed_, ::testing::Contains(::testing::HasSubstr("webhook_event_delivered")));
  Happen(gateway::RegistrationEnds{"reg-1", true, "over"});
  EXPECT_EQ(LastDelivery()["data"], (json{{"subscriptionId", id},
                                          {"registrationId", "reg-1"},
                                          {"terminationReason", "REGISTRATION_EXPIRED"},
                                          {"terminationDescription", "over"}}));
  http_.AnswerLast(Response{204, ""});
  gateway::MediaSession invited = ASession();
  invited.originator_assurance = {false, call::NumberCheck::kFailed};
  Happen(gateway::SessionInvitation{invited});
  EXPECT_EQ(LastDelivery()["type"], kPrefix + "session-invitation");
  EXPECT_EQ(LastDelivery()["data"]["originatorIdentity"], json::parse(R"({"asserted":false,"verification":"failed"})"));
  http_.AnswerLast(Response{204, ""});
  Happen(gateway::DtmfReceived{"ms-1", "5", 100});
  EXPECT_EQ(Deliveries(), 3u) << "our own event type is not CAMARA's";
}

TEST_F(SubscriptionApiTest, KeepsOrderAndRetries) {
  Create();
  for (int i = 1; i <= 3; ++i) {
    gateway::MediaSession session = ASession();
    session.sequence_number = i;
    Happen(gateway::SessionStatus{session, std::nullopt});
  }
  ASSERT_EQ(Deliveries(), 1u) << "one at a time";
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 1);
  http_.AnswerLast(Response{503, ""});
  EXPECT_EQ(Deliveries(), 1u);
  time_.Advance(milliseconds(499));
  EXPECT_EQ(Deliveries(), 1u);
  time_.Advance(milliseconds(1));
  ASSERT_EQ(Deliveries(), 2u);
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 1) << "the same again";
  http_.AnswerLast(http_client::Failure::kTimeout);
  time_.Advance(milliseconds(1000));
  http_.AnswerLast(Response{200, ""});
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 2);
  http_.AnswerLast(Response{400, ""});
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 3) << "a final answer: the next";
}

TEST_F(SubscriptionApiTest, ComesAgainWhenTheSinkSays) {
  Create();
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  http_.AnswerLast(Response{429, "", seconds(7)});
  time_.Advance(milliseconds(6999));
  EXPECT_EQ(Deliveries(), 1u);
  time_.Advance(milliseconds(1));
  EXPECT_EQ(Deliveries(), 2u);
  http_.AnswerLast(Response{503, "", seconds(86400)});
  time_.Advance(seconds(120));
  EXPECT_EQ(Deliveries(), 3u) << "not as late as it likes";
}

TEST_F(SubscriptionApiTest, ARenewedCredentialDeliversWhatTheOldOneCouldNot) {
  const std::string target = std::string(kSubscriptions) + "/" + Create();
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  http_.AnswerLast(Response{401, ""});
  EXPECT_EQ(Deliveries(), 1u);
  const json renewal{{"sinkCredential",
                      {{"credentialType", "ACCESSTOKEN"},
                       {"accessToken", "fresh"},
                       {"accessTokenType", "bearer"},
                       {"accessTokenExpiresUtc", FormatDateTime(time_.now() + seconds(7200))}}}};
  EXPECT_EQ(Request("PUT", target, renewal).status, 200);
  ASSERT_EQ(Deliveries(), 2u) << "at once";
  const auto& headers = http_.sent.back().request.headers;
  EXPECT_THAT(headers, ::testing::Contains(::testing::Pair("Authorization", "Bearer fresh")));
  http_.AnswerLast(Response{204, ""});
  time_.Advance(seconds(60));
  EXPECT_EQ(Deliveries(), 2u) << "once";
}

TEST_F(SubscriptionApiTest, ASinkThatRefusesWithoutACredentialIsNotAskedAgain) {
  json wanted = Wanted();
  wanted.erase("sinkCredential");
  Create(wanted);
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  http_.AnswerLast(Response{401, ""});
  time_.Advance(seconds(60));
  EXPECT_EQ(Deliveries(), 1u);
}

TEST_F(SubscriptionApiTest, GivesUpAfterItsAttempts) {
  Create();
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  for (int i = 0; i < 7; ++i) {
    http_.AnswerLast(Response{500, ""});
    time_.Advance(seconds(30));
  }
  EXPECT_EQ(Deliveries(), 8u);
  http_.AnswerLast(Response{500, ""});
  time_.Advance(seconds(60));
  EXPECT_EQ(Deliveries(), 8u);
  EXPECT_THAT(observed_, ::testing::Contains(::testing::HasSubstr("webhook_event_lost")));
}

// Sent on behalf of its owner, who has a bounded number under way. What found no place was not tried.
TEST_F(SubscriptionApiTest, WaitsForAPlaceWithoutLosingAttempts) {
  Create();
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  const http_client::Request of_alice = http_.sent.back().request;
  EXPECT_THAT(of_alice.account, ::testing::EndsWith("\nalice"));
  EXPECT_EQ(of_alice.max_of_account, 16u);
  for (int i = 0; i < 50; ++i) {
    http_.AnswerLast(http_client::Failure::kBusy);
    time_.Advance(milliseconds(500));
  }
  ASSERT_EQ(Deliveries(), 51u);
  http_.AnswerLast(Response{200, ""});
  EXPECT_THAT(observed_, ::testing::Not(::testing::Contains(::testing::HasSubstr("webhook_event_lost"))));
}

TEST_F(SubscriptionApiTest, BoundsItsQueue) {
  subscription_config_.webhooks.queue_events = 2;
  Start();
  Create();
  for (int i = 1; i <= 5; ++i) {
    gateway::MediaSession session = ASession();
    session.sequence_number = i;
    Happen(gateway::SessionStatus{session, std::nullopt});
  }
  http_.AnswerLast(Response{204, ""});
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 5) << "the newest tells the state";
  http_.AnswerLast(Response{204, ""});
  EXPECT_EQ(Deliveries(), 2u);
}

TEST_F(SubscriptionApiTest, EndsWhenTheSinkIsGone) {
  const std::string target = std::string(kSubscriptions) + "/" + Create();
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  http_.AnswerLast(Response{410, ""});
  EXPECT_EQ(Request("GET", target).Short(), "404 NOT_FOUND");
  EXPECT_EQ(Deliveries(), 1u) << "no farewell to one who has left";
}

TEST_F(SubscriptionApiTest, SaysFarewell) {
  const std::pair<const char*, std::function<void(const std::string&)>> ends[] = {
      {"SUBSCRIPTION_DELETED",
       [this](const std::string& id) { Request("DELETE", std::string(kSubscriptions) + "/" + id); }},
      {"SUBSCRIPTION_EXPIRED", [this](const std::string&) { time_.Advance(seconds(600)); }},
      {"ACCESS_TOKEN_EXPIRED",
       [this](const std::string& id) {
         Request("PUT", std::string(kSubscriptions) + "/" + id,
                 json{{"sinkCredential",
                       {{"credentialType", "ACCESSTOKEN"},
                        {"accessToken", "t2"},
                        {"accessTokenType", "bearer"},
                        {"accessTokenExpiresUtc", FormatDateTime(time_.now() + seconds(60))}}}});
         time_.Advance(seconds(55));
       }},
  };
  for (const auto& [reason, end] : ends) {
    json wanted = Wanted();
    wanted["config"]["subscriptionExpireTime"] = FormatDateTime(time_.now() + seconds(600));
    const std::string id = Create(wanted);
    end(id);
    const json event = LastDelivery();
    EXPECT_EQ(event["type"], kPrefix + "subscription-ended");
    EXPECT_EQ(event["data"]["subscriptionId"], id);
    EXPECT_EQ(event["data"]["terminationReason"], reason);
    http_.AnswerLast(Response{204, ""});
    EXPECT_EQ(subscriptions_->size(), 0u);
  }
}

TEST_F(SubscriptionApiTest, EndsAfterItsNumberOfEvents) {
  json wanted = Wanted();
  wanted["config"]["subscriptionMaxEvents"] = 2;
  Create(wanted);
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  EXPECT_EQ(subscriptions_->size(), 1u);
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  EXPECT_EQ(subscriptions_->size(), 0u);
  http_.AnswerLast(Response{204, ""});
  http_.AnswerLast(Response{204, ""});
  EXPECT_EQ(LastDelivery()["data"]["terminationReason"], "MAX_EVENTS_REACHED");
}

TEST_F(SubscriptionApiTest, Updates) {
  const std::string target = std::string(kSubscriptions) + "/" + Create();
  const std::string later = FormatDateTime(time_.now() + seconds(999));
  const Reply reply = Request("PUT", target, json{{"config", {{"subscriptionExpireTime", later}}}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["expiresAt"], later);
  for (const json& body :
       {json::object(), json{{"sink", "https://x.example"}},
        json{{"config", {{"subscriptionDetail", {{"deviceId", kDevice}}}}}},
        json{{"config", {{"subscriptionExpireTime", "2020-01-01T00:00:00Z"}}}}, json{{"config", json::object()}}}) {
    EXPECT_EQ(Request("PUT", target, body).Short(), "400 INVALID_ARGUMENT") << body;
  }
  EXPECT_EQ(Request("PUT", target, json{{"sinkCredential", {{"credentialType", "OTHER"}}}}).Short(),
            "400 INVALID_CREDENTIAL");
  EXPECT_EQ(Request("PUT", std::string(kSubscriptions) + "/none", json{{"config", {{"subscriptionExpireTime", later}}}})
                .Short(),
            "404 NOT_FOUND");
}

TEST_F(SubscriptionApiTest, OutlivesARestart) {
  const std::string id = Create();
  const Reply before = Request("GET", std::string(kSubscriptions) + "/" + id);
  store_.Put(store::Kind::kSubscription, "poisoned", "{\"v\":99}", std::nullopt);
  Start();
  EXPECT_EQ(Request("GET", std::string(kSubscriptions) + "/" + id).body, before.body);
  EXPECT_EQ(subscriptions_->size(), 1u);
  Happen(gateway::SessionStatus{ASession(), std::nullopt});
  EXPECT_EQ(Deliveries(), 1u);
}

TEST_F(SubscriptionApiTest, WhatWaitedForItsSinkIsSentAfterARestart) {
  const std::string id = Create();
  for (int i = 1; i <= 3; ++i) {
    gateway::MediaSession session = ASession();
    session.sequence_number = i;
    Happen(gateway::SessionStatus{session, std::nullopt});
  }
  http_.AnswerLast(Response{204, ""});
  http_.AnswerLast(http_client::Failure::kUnreachable);
  ASSERT_EQ(store_.LoadAll(store::Kind::kWebhookEvent).size(), 2u);
  store_.Put(store::Kind::kWebhookEvent, "gone/0000000000000001", R"({"v":1,"id":"e","text":"{}"})", std::nullopt);
  store_.Put(store::Kind::kWebhookEvent, id + "/zz", "no JSON", std::nullopt);
  Start();
  EXPECT_EQ(store_.LoadAll(store::Kind::kWebhookEvent).size(), 2u) << "what belongs to nobody goes";
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 2);
  Happen(gateway::SessionStatus{ASession(call::Status::kRinging), std::nullopt});
  http_.AnswerLast(Response{204, ""});
  EXPECT_EQ(LastDelivery()["data"]["sequenceNumber"], 3);
  http_.AnswerLast(Response{204, ""});
  EXPECT_EQ(LastDelivery()["data"]["status"], "Ringing") << "the new one comes last";
  http_.AnswerLast(Response{204, ""});
  EXPECT_TRUE(store_.LoadAll(store::Kind::kWebhookEvent).empty());
}

TEST_F(SubscriptionApiTest, TwoLeggedClientsHearTheDevicesTheyRegistered) {
  token_ = TwoLeggedToken();
  Create();
  Happen(gateway::SessionStatus{ASession(), std::nullopt}, "+34600000001");
  EXPECT_EQ(Deliveries(), 1u);
  Happen(gateway::SessionStatus{ASession(), std::nullopt}, "alice");
  http_.AnswerLast(Response{204, ""});
  EXPECT_EQ(Deliveries(), 1u);
}

// A26, the part that can be told from the URL; the rest is the address filter's.
TEST(SinkTest, RefusesUrlsThatPointInside) {
  for (const char* url :
       {"https://localhost/", "https://LOCALHOST.:443/x", "https://a.localhost", "https://printer.local/",
        "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://intranet/",
        "https://user@a.example/", "https://a.example:99999999/", "https://a.example:x/", "https://a.example/#f",
        "https:///x", "https://a b.example/", "ftp://a.example/", "HTTPS://a.example/"}) {
    const bool is_plain_spelling = std::string(url) == "https://0177.0.0.1/";  // dotted: judged when resolved
    EXPECT_EQ(IsSink(url, false), is_plain_spelling) << url;
  }
  for (const char* url : {"https://app.example.com/sink", "https://app.example.com:8443/a?b=c", "https://8.8.8.8/",
                          "https://[2606:4700::1]:443/"}) {
    EXPECT_TRUE(IsSink(url, false)) << url;
  }
  EXPECT_TRUE(IsSink("https://localhost:9443/", true));
}

class CompatSubscriptionTest : public CompatApiTest {};

TEST_F(CompatSubscriptionTest, AcceptsWhatTheFeatureFilesSend) {
  const json wanted{{"protocol", "HTTP"},
                    {"sink", "https://app.example.com/sink"},
                    {"types", {kPrefix + "session-status"}},
                    {"config",
                     {{"subscriptionDetail", {{"deviceId", kDevice}, {"registrationId", "x"}}},
                      {"subscriptionExpireTime", "2024-01-01T00:00:00Z"}}}};
  const Reply made = Request("POST", kSubscriptions, wanted);
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string target = std::string(kSubscriptions) + "/" + made.body["id"].get<std::string>();
  const std::string later = FormatDateTime(time_.now() + seconds(99));
  EXPECT_EQ(
      Request("PUT", target,
              json{{"config", {{"subscriptionExpireTime", later}, {"subscriptionDetail", {{"deviceId", kDevice}}}}}})
          .status,
      200);
  EXPECT_EQ(Request("PUT", target,
                    json{{"config", {{"subscriptionExpireTime", later}, {"subscriptionDetail", {{"deviceId", "x"}}}}}})
                .Short(),
            "400 INVALID_ARGUMENT");
}

}  // namespace
}  // namespace byon::api
