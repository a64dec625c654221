#include "controlplane/operators/operator_dispatcher.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/api/channel/channel_connection.h"
#include "controlplane/auth/base64url.h"

namespace byon::operators {
namespace {

using nlohmann::json;

std::string Token(const std::string& issuer) {
  return auth::EncodeBase64Url(R"({"alg":"ES256"})") + "." + auth::EncodeBase64Url(json{{"iss", issuer}}.dump()) +
         ".c2ln";
}

class FakeSession final : public api::WebSocketSession {
 public:
  void Send(std::string text) override { sent.push_back(std::move(text)); }
  void Close(uint16_t code, std::string) override { closed_with = code; }
  std::vector<std::string> sent;
  uint16_t closed_with = 0;
};

// Writes down what it gets.
class FakeApplication final : public api::HttpApplication {
 public:
  void HandleRequest(api::HttpRequest request, api::Respond respond) override {
    heard.push_back(request.method + " " + request.path);
    respond({200, {}, name});
  }
  std::unique_ptr<api::WebSocketHandler> OpenWebSocket(const api::HttpRequest& request,
                                                       std::shared_ptr<api::WebSocketSession>) override {
    class Handler final : public api::WebSocketHandler {
     public:
      explicit Handler(FakeApplication& owner) : owner_(owner) {}
      void OnMessage(std::string text) override { owner_.heard.push_back("message " + text); }
      void OnClosed() override { owner_.heard.push_back("closed"); }

     private:
      FakeApplication& owner_;
    };
    heard.push_back("open " + request.path);
    return std::make_unique<Handler>(*this);
  }
  std::string name;
  std::string lacks;
  std::vector<std::string> heard;
};

class FakeTimers final : public api::Timers {
 public:
  std::shared_ptr<void> After(std::chrono::milliseconds, std::function<void()> ring) override {
    auto alarm = std::make_shared<std::function<void()>>(std::move(ring));
    last = alarm;
    return alarm;
  }
  std::weak_ptr<std::function<void()>> last;
};

// north has a host; west has none and serves strangers where `has_west`.
class OperatorDispatcherTest : public ::testing::Test {
 protected:
  explicit OperatorDispatcherTest(bool has_west = true) {
    std::vector<OperatorEntry> entries{{"north", {"north.example"}, {"https://id.north", "https://id.both"}, {}},
                                       {"south", {"south.example"}, {"https://id.south", "https://id.both"}, {}}};
    if (has_west) entries.push_back({"west", {}, {"https://id.west"}, {}});
    std::vector<OperatorDoor> doors;
    for (size_t i = 0; i < entries.size(); ++i) {
      applications_[i].name = entries[i].id;
      doors.push_back({applications_[i], [this, i] { return applications_[i].lacks; }});
    }
    dispatcher_ = std::make_unique<OperatorDispatcher>(OperatorDirectory(entries), doors, "/root",
                                                       OperatorDispatcher::Ports{timers_, [] { return "id"; }});
  }

  api::HttpResponse Request(const std::string& host, const std::string& path, const std::string& token = "") {
    api::HttpRequest request;
    request.method = "GET";
    request.path = "/root" + path;
    request.headers["host"] = host;
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    std::vector<api::HttpResponse> responses;
    dispatcher_->HandleRequest(std::move(request), [&](api::HttpResponse one) { responses.push_back(std::move(one)); });
    EXPECT_EQ(responses.size(), 1u);
    return responses.at(0);
  }
  std::unique_ptr<api::WebSocketHandler> Open(const std::string& host,
                                              const std::string& subprotocol = "byon.events.v1",
                                              const std::string& token = "") {
    api::HttpRequest request;
    request.path = "/root/byon/v1/channels";
    request.headers["host"] = host;
    request.subprotocol = subprotocol;
    if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
    session_ = std::make_shared<FakeSession>();
    return dispatcher_->OpenWebSocket(request, session_);
  }
  static std::string Auth(const std::string& token) { return json{{"type", "auth"}, {"token", token}}.dump(); }

  FakeApplication applications_[3];
  FakeTimers timers_;
  std::shared_ptr<FakeSession> session_;
  std::unique_ptr<OperatorDispatcher> dispatcher_;
};
class OnlyNamedOperatorsTest : public OperatorDispatcherTest {
 protected:
  OnlyNamedOperatorsTest() : OperatorDispatcherTest(false) {}
};

TEST_F(OperatorDispatcherTest, ARequestReachesItsOperator) {
  EXPECT_EQ(Request("south.example", "/x").body, "south");
  EXPECT_EQ(Request("south.example", "/x", Token("https://id.north")).body, "south");
  EXPECT_EQ(Request("gw.example", "/x", Token("https://id.north")).body, "north");
  EXPECT_EQ(Request("gw.example", "/byon/v1/config").body, "west");
  EXPECT_EQ(applications_[1].heard, (std::vector<std::string>{"GET /root/x", "GET /root/x"}));
}

TEST_F(OperatorDispatcherTest, ATokenThatTellsTooLittleIsRefusedInCamarasWords) {
  const api::HttpResponse response = Request("gw.example", "/x", Token("https://id.both"));
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(json::parse(response.body)["code"], "INVALID_TOKEN_CONTEXT");
  EXPECT_EQ(response.headers.back(), (std::pair<std::string, std::string>{"x-correlator", "id"}));
  EXPECT_EQ(Request("north.example", "/x", Token("https://id.both")).body, "north");
}

TEST_F(OnlyNamedOperatorsTest, NobodysHostHasNoConfiguration) {
  EXPECT_EQ(Request("gw.example", "/byon/v1/config").status, 404);
  EXPECT_EQ(Request("gw.example", "/openapi").body, "north");  // the same for all
  EXPECT_EQ(Request("south.example", "/byon/v1/config").body, "south");
}

TEST_F(OperatorDispatcherTest, IsReadyWhenOneOperatorIs) {
  applications_[0].lacks = "dataplane";
  api::HttpResponse response = Request("gw.example", "/readyz");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(json::parse(response.body)["operators"],
            (json{{"north", "dataplane"}, {"south", "ready"}, {"west", "ready"}}));
  applications_[1].lacks = applications_[2].lacks = "keys";
  EXPECT_EQ(Request("gw.example", "/readyz").status, 503);
  EXPECT_EQ(Request("north.example", "/readyz").body, "north");
}

TEST_F(OperatorDispatcherTest, AWebSocketOnAnOperatorsHostIsItsOwnAtOnce) {
  ASSERT_TRUE(Open("south.example"));
  EXPECT_EQ(applications_[1].heard, std::vector<std::string>{"open /root/byon/v1/channels"});
  ASSERT_TRUE(Open("gw.example", "byon.events.v1", Token("https://id.north")));
  EXPECT_EQ(applications_[0].heard.size(), 1u);
  ASSERT_TRUE(Open("gw.example", "sip"));
  EXPECT_EQ(applications_[2].heard.size(), 1u);
}

TEST_F(OperatorDispatcherTest, AnUndecidedWebSocketGoesWhereItsFirstTokenSays) {
  const auto handler = Open("gw.example");
  ASSERT_TRUE(handler);
  handler->OnMessage(R"({"type":"ping"})");
  EXPECT_EQ(session_->sent, std::vector<std::string>{R"({"type":"pong"})"});
  handler->OnMessage(Auth(Token("https://id.south")));
  handler->OnMessage("more");
  handler->OnClosed();
  EXPECT_EQ(applications_[1].heard,
            (std::vector<std::string>{"open /root/byon/v1/channels", "message " + Auth(Token("https://id.south")),
                                      "message more", "closed"}));
  EXPECT_TRUE(timers_.last.expired());
  EXPECT_EQ(session_->closed_with, 0);
}

TEST_F(OperatorDispatcherTest, AnUndecidedWebSocketMustDecide) {
  const auto closes = [this](const std::string& message) {
    const auto handler = Open("gw.example");
    handler->OnMessage(message);
    handler->OnMessage(message);
    handler->OnClosed();
    return session_->closed_with;
  };
  EXPECT_EQ(closes("[]"), api::kCloseBadMessage);
  EXPECT_EQ(closes("{\"type\":"), api::kCloseBadMessage);
  EXPECT_EQ(closes(R"({"type":"auth"})"), api::kCloseBadMessage);
  EXPECT_EQ(closes(R"({"ack":"1"})"), api::kCloseUnauthorized);
  EXPECT_EQ(closes(Auth(Token("https://id.both"))), api::kCloseForbidden);
  const auto silent = Open("gw.example");
  (*timers_.last.lock())();
  EXPECT_EQ(session_->closed_with, api::kCloseAuthTimeout);
  for (const FakeApplication& one : applications_) EXPECT_TRUE(one.heard.empty());
}

TEST_F(OnlyNamedOperatorsTest, SipOnNobodysHostIsRefused) {
  EXPECT_FALSE(Open("gw.example", "sip"));
  EXPECT_EQ(session_->closed_with, 1008);
}

}  // namespace
}  // namespace byon::operators
