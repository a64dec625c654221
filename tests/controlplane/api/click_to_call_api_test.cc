// Click to call: tokens for a business's server, and what a visitor's token opens.
#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using ::testing::_;
using ::testing::Return;

constexpr const char* kTokens = "/byon/v1/click-to-call/tokens";
constexpr const char* kSessions = "/webrtc-call-handling/v0.4/sessions";

click_to_call::Campaign Campaign(const std::string& id, const std::string& client) {
  click_to_call::Campaign campaign;
  campaign.id = id;
  campaign.name = "The " + id;
  campaign.called_number = "+34910000100";
  campaign.calling_numbers = {"+34910000001"};
  campaign.clients = {client};
  return campaign;
}

// Takes every call, or refuses it with what the test says.
class FakeVisitors final : public gateway::VisitorService {
 public:
  void CreateVisitorCall(const gateway::Principal& who, gateway::VisitorCallRequest request,
                         gateway::Callback<gateway::MediaSession> done) override {
    visitor = who;
    wanted = std::move(request);
    ++calls;
    if (error) return done(*error);
    gateway::MediaSession session;
    session.media_session_id = "ms-1";
    session.originator_address = "tel:+34910000001";
    session.receiver_address = "tel:+34910000100";
    session.offer_sdp = wanted.offer_sdp;
    done(session);
  }
  gateway::CampaignUse UseOf(const std::string&) const override { return {3, 1}; }

  gateway::Principal visitor;
  gateway::VisitorCallRequest wanted;
  std::optional<gateway::Error> error;
  int calls = 0;
};

class ClickToCallApiTest : public ApiTest {
 protected:
  ClickToCallApiTest() {
    visitors_ = &fake_;
    click_to_call_ = &campaigns_;
    Start();
  }
  // The base's, for bodies that are text.
  Reply Request(const std::string& method, const std::string& target, const std::string& body = "",
                std::map<std::string, std::string> headers = {}) {
    return ApiTest::Request(method, target, body, std::move(headers));
  }
  Reply AskForToken(const std::string& body = R"({"campaignId": "shop"})") {
    return Request("POST", kTokens, body, {{"authorization", "Bearer " + TwoLeggedToken()}});
  }
  std::string VisitorToken() { return AskForToken().body.value("token", ""); }
  std::map<std::string, std::string> As(const std::string& token) { return {{"authorization", "Bearer " + token}}; }

  FakeVisitors fake_;
  click_to_call::ClickToCall campaigns_{
      {Campaign("shop", "web"), Campaign("bank", "bank-backend")}, "default", "https://gw.example", store_};
};

TEST_F(ClickToCallApiTest, ABusinesssServerGetsATokenForItsOwnCampaign) {
  const Reply issued =
      AskForToken(R"({"campaignId": "shop", "calls": 2, "lifetimeSeconds": 60, "originatorName": "Jane"})");
  EXPECT_EQ(issued.status, 201);
  EXPECT_EQ(issued.body["campaignId"], "shop");
  EXPECT_EQ(issued.body["calls"], 2);
  EXPECT_EQ(issued.body["startBefore"], FormatDateTime(time_.now() + seconds(60)));
  EXPECT_EQ(AskForToken(R"({"campaignId": "bank"})").Short(), "404 IDENTIFIER_NOT_FOUND") << "another client's";
  EXPECT_EQ(AskForToken(R"({"campaignId": "shop", "calls": 4})").Short(), "400 OUT_OF_RANGE");
  EXPECT_EQ(AskForToken(R"({"campaignId": "shop", "lifetimeSeconds": 301})").Short(), "400 OUT_OF_RANGE");
  EXPECT_EQ(AskForToken(R"({"campaignId": "shop", "calls": 0})").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(AskForToken(R"({"campaignId": "shop", "calls": 1.5})").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(AskForToken(R"({"campaignId": "shop", "originatorName": "a\u0000b"})").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(AskForToken(R"({"campaign": "shop"})").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("POST", kTokens, R"({"campaignId": "shop"})").Short(), "403 INVALID_TOKEN_CONTEXT")
      << "a user's own token";
}

TEST_F(ClickToCallApiTest, ScopesAreAskedFor) {
  json claims = Claims();
  claims["sub"] = claims["client_id"];
  claims.erase("phone_number");
  claims["scope"] = "byon:click-to-call:read";
  const auto reader = As(Issuer().Token(claims));
  EXPECT_EQ(Request("POST", kTokens, R"({"campaignId": "shop"})", reader).Short(), "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("GET", "/byon/v1/click-to-call/campaigns", "", reader).status, 200);
}

TEST_F(ClickToCallApiTest, ATokenTakenBackServesNoMore) {
  const json issued = AskForToken().body;
  const std::string path = std::string(kTokens) + "/" + issued.value("tokenId", "");
  EXPECT_EQ(Request("GET", "/byon/v1/click-to-call/visit", "", As(issued["token"])).status, 200);
  EXPECT_EQ(Request("DELETE", path, "", As(TwoLeggedToken())).status, 204);
  EXPECT_EQ(Request("DELETE", path, "", As(TwoLeggedToken())).Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("GET", "/byon/v1/click-to-call/visit", "", As(issued["token"])).Short(), "401 UNAUTHENTICATED");
}

TEST_F(ClickToCallApiTest, TheBusinessSeesHowItsCampaignsGo) {
  AskForToken();
  const Reply list = Request("GET", "/byon/v1/click-to-call/campaigns", "", As(TwoLeggedToken()));
  ASSERT_EQ(list.body.size(), 1u) << list.body;
  EXPECT_EQ(list.body[0]["campaignId"], "shop");
  EXPECT_EQ(list.body[0]["calls"], 3);
  EXPECT_EQ(list.body[0]["numbersBusy"], 1);
  EXPECT_EQ(list.body[0]["tokensIssued"], 1);
  EXPECT_EQ(list.body[0]["refused"]["poolBusy"], 0);
  EXPECT_EQ(Request("GET", "/byon/v1/click-to-call/campaigns").Short(), "403 INVALID_TOKEN_CONTEXT");
}

TEST_F(ClickToCallApiTest, AVisitorCallsWithAnOfferAlone) {
  const auto visitor = [&] {
    auto headers = As(VisitorToken());
    headers["origin"] = "https://shop.example";
    headers["idempotency-key"] = "key";
    return headers;
  }();
  const Reply made = Request("POST", kSessions, R"({"offer": {"sdp": "v=0"}})", visitor);
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.body["receiverAddress"], "tel:+34910000100");
  EXPECT_EQ(fake_.visitor.campaign_id, "shop");
  EXPECT_FALSE(fake_.visitor.subject.empty());
  EXPECT_EQ(fake_.wanted.place.origin, "https://shop.example");
  EXPECT_EQ(fake_.wanted.client_correlator, "key");
  EXPECT_FALSE(fake_.wanted.receiver_address);
  // What it asks for is passed on to be judged, and nothing else is taken.
  EXPECT_EQ(
      Request("POST", kSessions, R"({"offer": {"sdp": "v=0"}, "receiverAddress": "tel:+34600000002"})", visitor).status,
      201);
  EXPECT_EQ(fake_.wanted.receiver_address, "tel:+34600000002");
  for (const char* bad :
       {R"({})", R"({"offer": {"sdp": ""}})", R"({"offer": {"sdp": "v=0"}, "originatorName": "Police"})",
        R"({"offer": {"sdp": "v=0"}, "receiverAddress": "javascript:x"})"}) {
    EXPECT_EQ(Request("POST", kSessions, bad, visitor).Short(), "400 INVALID_ARGUMENT") << bad;
  }
  EXPECT_EQ(fake_.calls, 2);
}

TEST_F(ClickToCallApiTest, LimitsSayWhenToComeAgain) {
  const auto visitor = As(VisitorToken());
  fake_.error = gateway::Error{gateway::ErrorCode::kTooManyRequests, "Too many.", seconds(42)};
  const Reply limited = Request("POST", kSessions, R"({"offer": {"sdp": "v=0"}})", visitor);
  EXPECT_EQ(limited.Short(), "429 TOO_MANY_REQUESTS");
  EXPECT_EQ(limited.headers.at("Retry-After"), "42");
  fake_.error = gateway::Error{gateway::ErrorCode::kUnavailable, "All lines are busy.", seconds(10)};
  const Reply busy = Request("POST", kSessions, R"({"offer": {"sdp": "v=0"}})", visitor);
  EXPECT_EQ(busy.Short(), "503 UNAVAILABLE");
  EXPECT_EQ(busy.headers.at("Retry-After"), "10");
}

TEST_F(ClickToCallApiTest, ForgedAndExpiredTokensAreRefused) {
  const std::string token = VisitorToken();
  const size_t asked = http_.sent.size();
  for (const std::string& bad :
       {token + "x", token.substr(0, token.size() - 1), std::string("byon-visit.default.id-1.guess"),
        std::string("byon-visit.other") + token.substr(18)}) {
    EXPECT_EQ(Request("POST", kSessions, R"({"offer": {"sdp": "v=0"}})", As(bad)).Short(), "401 UNAUTHENTICATED")
        << bad;
  }
  time_.Advance(seconds(300));
  EXPECT_EQ(Request("POST", kSessions, R"({"offer": {"sdp": "v=0"}})", As(token)).Short(), "401 UNAUTHENTICATED");
  EXPECT_EQ(http_.sent.size(), asked) << "no identity provider sees a visitor's token";
  EXPECT_EQ(fake_.calls, 0);
}

TEST_F(ClickToCallApiTest, NothingElseIsOpenToVisitors) {
  const auto visitor = As(VisitorToken());
  const std::pair<const char*, const char*> closed[] = {
      {"POST", "/webrtc-registration/v0.4/sessions"},
      {"GET", "/webrtc-registration/v0.4/sessions"},
      {"PUT", "/webrtc-registration/v0.4/sessions/x"},
      {"POST", "/webrtc-registration/v0.3/sessions"},
      {"POST", "/webrtc-call-handling/v0.3/sessions"},
      {"POST", "/webrtc-events-subscriptions/v0.3/subscriptions"},
      {"POST", "/webrtc-events/v0.2/subscriptions"},
      {"GET", "/byon/v1/registrations"},
      {"POST", "/byon/v1/calls/x/transfer"},
      {"DELETE", "/byon/v1/calls/x/transfer"},
      {"GET", "/byon/v1/calls-elsewhere"},
      {"POST", "/byon/v1/calls-elsewhere/x/pull"},
      {"PUT", "/byon/v1/registrations/x/push"},
      {"POST", "/byon/v1/click-to-call/tokens"},
      {"GET", "/byon/v1/click-to-call/campaigns"},
  };
  for (const auto& [method, path] : closed) {
    const std::string body = method == std::string("GET") || method == std::string("DELETE") ? "" : "{}";
    EXPECT_EQ(Request(method, path, body, visitor).Short(), "403 PERMISSION_DENIED") << method << " " << path;
  }
  EXPECT_CALL(service_, ListCallPage(_, "", 0u, 1000u)).WillOnce(Return(gateway::CallPage{}));
  EXPECT_EQ(Request("GET", "/byon/v1/calls", "", visitor).status, 200);
  EXPECT_EQ(Request("GET", "/byon/v1/ice-servers", "", visitor).status, 200);
  EXPECT_EQ(Request("GET", "/byon/v1/click-to-call/visit", "", As(Token())).Short(), "403 INVALID_TOKEN_CONTEXT")
      << "a user's";
}

TEST_F(ClickToCallApiTest, OneChannelATokenWithThePagesOrigin) {
  const std::string token = VisitorToken();
  const Reply channel = Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}}.dump(), As(token));
  ASSERT_EQ(channel.status, 201);
  EXPECT_EQ(
      Request("POST", "/byon/v1/channels", json{{"deviceId", "550e8400-e29b-41d4-a716-446655440009"}}.dump(), As(token))
          .body,
      channel.body)
      << "the same, whatever the page calls its device";
  EXPECT_CALL(service_, RenewToken(_, _));
  auto session = std::make_shared<FakeSession>();
  HttpRequest upgrade;
  upgrade.method = "GET";
  upgrade.path = "/byon/v1/channels";
  upgrade.headers["origin"] = "https://shop.example";
  upgrade.remote_address = "192.0.2.7";
  const auto socket = application_->OpenWebSocket(upgrade, session);
  socket->OnMessage(json{{"type", "auth"}, {"token", token}, {"deviceId", kDevice}}.dump());
  ASSERT_EQ(session->Last().value("type", ""), "ready");
  socket->OnMessage(
      R"({"id": "1", "command": "call.create", "params": {"idempotencyKey": "k"}, "body": {"offer": {"sdp": "v=0"}}})");
  EXPECT_EQ(session->Last()["status"], 201) << session->Last();
  EXPECT_EQ(fake_.wanted.place.origin, "https://shop.example");
  EXPECT_EQ(fake_.wanted.place.address, "192.0.2.7");
  socket->OnMessage(R"({"id": "2", "command": "visit.get"})");
  EXPECT_EQ(session->Last()["body"]["name"], "The shop");
  socket->OnMessage(R"({"id": "3", "command": "registration.create", "body": {}})");
  EXPECT_EQ(session->Last()["status"], 403);
  // The hangover of another visitor's events: none.
  hub_->OnEvent({"click-to-call:shop", fake_.visitor.subject, fake_.visitor.subject},
                gateway::SessionStatus{ASession(call::Status::kRinging), {}});
  EXPECT_EQ(session->Last()["data"]["status"], "Ringing");
  const size_t told = session->sent.size();
  hub_->OnEvent({"click-to-call:shop", "another", "another"}, gateway::SessionStatus{ASession(), {}});
  EXPECT_EQ(session->sent.size(), told);
  socket->OnClosed();
}

}  // namespace
}  // namespace byon::api
