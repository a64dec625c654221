// Messages and presence: bodies, queries, scopes and events.
#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using gateway::Outcome;
using messaging::Message;
using presence::PresenceState;

class FakeMessaging final : public gateway::MessagingService {
 public:
  Outcome<Message> SendMessage(const gateway::Principal&, gateway::MessageRequest request) override {
    sent.push_back(request);
    if (error) return *error;
    Message made = AMessage();
    made.text = request.text;
    return made;
  }
  Outcome<Message> GetMessage(const gateway::Principal&, const std::string& id) override {
    if (id != "m1") return gateway::Error{gateway::ErrorCode::kNotFound, ""};
    return AMessage();
  }
  Outcome<std::vector<Message>> ListMessages(const gateway::Principal&, const gateway::MessageQuery& wanted) override {
    query = wanted;
    return std::vector<Message>{AMessage()};
  }
  Outcome<gateway::Done> MarkMessageRead(const gateway::Principal&, const std::string& id) override {
    read = id;
    return gateway::Done{};
  }
  Outcome<gateway::Done> DeleteMessage(const gateway::Principal&, const std::string& id) override {
    deleted = id;
    return gateway::Done{};
  }
  static Message AMessage() {
    Message message;
    message.id = "m1";
    message.number = "+34600000001";
    message.peer = "tel:+34600000002";
    message.text = "hi";
    message.state = messaging::MessageState::kFailed;
    message.cause_status = 480;
    message.transaction_key = "never shown";
    return message;
  }
  std::vector<gateway::MessageRequest> sent;
  gateway::MessageQuery query;
  std::string read;
  std::string deleted;
  std::optional<gateway::Error> error;
};

class FakePresence final : public gateway::PresenceService {
 public:
  Outcome<gateway::PresenceList> GetPresence(const gateway::Principal&, const std::string&) override {
    return gateway::PresenceList{AState("+34600000001"), {AState("+34600000002")}};
  }
  Outcome<PresenceState> GetWatched(const gateway::Principal&, const std::string&, const std::string& target) override {
    return AState(target);
  }
  Outcome<PresenceState> WatchNumber(const gateway::Principal&, const std::string&,
                                     const std::string& target) override {
    watched = target;
    return AState(target);
  }
  Outcome<gateway::Done> UnwatchNumber(const gateway::Principal&, const std::string&, const std::string&) override {
    return gateway::Error{gateway::ErrorCode::kNotFound, ""};
  }
  static PresenceState AState(const std::string& number) {
    PresenceState state;
    state.number = number;
    state.availability = presence::Availability::kOnThePhone;
    presence::DialogEntry dialog;
    dialog.id = "1";
    dialog.call_id = "secret";
    dialog.phase = presence::DialogPhase::kConfirmed;
    dialog.remote_uri = "sip:+34600000003@ims.test";
    state.dialogs.push_back(dialog);
    return state;
  }
  std::string watched;
};

class MessageApiTest : public ApiTest {
 protected:
  void SetUp() override {
    messaging_ = &messages_;
    presence_ = &states_;
    Start();
  }
  FakeMessaging messages_;
  FakePresence states_;
};

TEST_F(MessageApiTest, SendsWhatTheBodySays) {
  const Reply reply = Request(
      "POST", "/byon/v1/messages",
      std::string(
          R"({"to":"tel:+34600000002","text":"h\u00e9 \ud83d\ude00","registrationId":"reg-1","deliveryReport":true})"),
      {{"idempotency-key", "key-1"}});
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body["text"], "h\xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(reply.body["from"], "tel:+34600000001");
  EXPECT_EQ(reply.body["to"], "tel:+34600000002");
  EXPECT_EQ(reply.body["cause"]["sipStatus"], 480);
  EXPECT_EQ(reply.body.dump().find("never shown"), std::string::npos);
  ASSERT_EQ(messages_.sent.size(), 1u);
  EXPECT_EQ(messages_.sent[0].client_correlator, "key-1");
  EXPECT_EQ(messages_.sent[0].registration_id, "reg-1");
  EXPECT_TRUE(messages_.sent[0].wants_report);
}

TEST_F(MessageApiTest, RefusesMalformedRequests) {
  for (const char* body : {R"({"text":"x"})", R"({"to":"tel:+34600000002"})", R"({"to":"bob","text":"x"})",
                           R"({"to":"tel:+34600000002","text":1})", R"({"to":"tel:+34600000002","text":"x","more":1})",
                           R"({"to":"tel:+34600000002\r\nX: y","text":"x"})", R"([])"}) {
    EXPECT_EQ(Request("POST", "/byon/v1/messages", std::string(body)).Short(), "400 INVALID_ARGUMENT") << body;
  }
  for (const char* query : {"limit=0", "limit=1000", "limit=1x", "peer=x", "phoneNumber=1", "before="}) {
    EXPECT_EQ(Request("GET", std::string("/byon/v1/messages?") + query).Short(), "400 INVALID_ARGUMENT") << query;
  }
  EXPECT_TRUE(messages_.sent.empty());
  messages_.error = gateway::Error{gateway::ErrorCode::kTooManyRequests, "slow down"};
  const Reply busy = Request("POST", "/byon/v1/messages", std::string(R"({"to":"tel:+34600000002","text":"x"})"));
  EXPECT_EQ(busy.Short(), "429 TOO_MANY_REQUESTS");
  EXPECT_TRUE(busy.headers.contains("Retry-After"));
}

TEST_F(MessageApiTest, ListsReadsAndDeletes) {
  const Reply list = Request("GET", "/byon/v1/messages?peer=tel%3A%2B34600000002&before=m9&limit=7");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body.size(), 1u);
  EXPECT_EQ(messages_.query.peer, "tel:+34600000002");
  EXPECT_EQ(messages_.query.before, "m9");
  EXPECT_EQ(messages_.query.limit, 7u);
  EXPECT_EQ(Request("GET", "/byon/v1/messages/m1").status, 200);
  EXPECT_EQ(Request("GET", "/byon/v1/messages/m2").Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("POST", "/byon/v1/messages/m1/read").status, 204);
  EXPECT_EQ(messages_.read, "m1");
  EXPECT_EQ(Request("DELETE", "/byon/v1/messages/m1").status, 204);
  EXPECT_EQ(messages_.deleted, "m1");
}

TEST_F(MessageApiTest, EachNeedsItsScope) {
  json claims = Claims();
  claims["scope"] = "webrtc-call-handling:sessions:create";
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("GET", "/byon/v1/messages").Short(), "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("POST", "/byon/v1/messages", std::string(R"({"to":"tel:+34600000002","text":"x"})")).Short(),
            "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("GET", "/byon/v1/presence").Short(), "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("PUT", "/byon/v1/presence/+34600000002").Short(), "403 PERMISSION_DENIED");
}

TEST_F(MessageApiTest, PresenceShowsCallsButNotTheirDialogs) {
  const Reply list = Request("GET", "/byon/v1/presence");
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body["own"]["state"], "on-the-phone");
  EXPECT_EQ(list.body["own"]["calls"][0]["peer"], "tel:+34600000003");
  EXPECT_EQ(list.body.dump().find("secret"), std::string::npos);
  EXPECT_EQ(Request("PUT", "/byon/v1/presence/%2B34600000002").status, 200);
  EXPECT_EQ(states_.watched, "+34600000002");
  EXPECT_EQ(Request("PUT", "/byon/v1/presence/bob").Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("DELETE", "/byon/v1/presence/+34600000002").Short(), "404 NOT_FOUND");
}

TEST_F(MessageApiTest, WebhooksTakeTheExtensionsEvents) {
  json claims = Claims();
  claims["scope"] = "byon:messages:read";
  token_ = Issuer().Token(claims);
  const auto subscribe = [&](const std::string& type) {
    return Request(
        "POST", "/webrtc-events-subscriptions/v0.3/subscriptions",
        std::string(R"({"protocol":"HTTP","sink":"https://sink.example/x","types":["org.byon-gateway.events.v1.)") +
            type + R"("],"config":{"subscriptionDetail":{"deviceId":")" + kDevice + "\"}}}");
  };
  EXPECT_EQ(subscribe("message-received").status, 201);
  EXPECT_EQ(subscribe("presence-changed").Short(), "403 SUBSCRIPTION_MISMATCH");
  EXPECT_EQ(subscribe("dtmf-received").Short(), "400 INVALID_ARGUMENT");
  hub_->OnEvent(Device(), gateway::MessageReceived{"reg-1", FakeMessaging::AMessage()});
  ASSERT_FALSE(http_.sent.empty());
  const json event = json::parse(http_.sent.back().request.body);
  EXPECT_EQ(event["type"], "org.byon-gateway.events.v1.message-received");
  EXPECT_EQ(event["data"]["messageId"], "m1");
  EXPECT_TRUE(event["data"].contains("subscriptionId"));
}

TEST_F(MessageApiTest, NotServedIsNotFound) {
  messaging_ = nullptr;
  presence_ = nullptr;
  Start();
  EXPECT_EQ(Request("GET", "/byon/v1/messages").Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("GET", "/byon/v1/presence").Short(), "404 NOT_FOUND");
}

}  // namespace
}  // namespace byon::api
