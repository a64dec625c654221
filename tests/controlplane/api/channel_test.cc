#include <deque>

#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using ::testing::_;
using ::testing::Return;

class ChannelTest : public ApiTest {
 protected:
  ChannelTest() { EXPECT_CALL(service_, RenewToken).Times(::testing::AnyNumber()); }

  std::string CreateChannel() {
    const Reply reply = Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}});
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.body.value("channelId", "");
  }
  struct Socket {
    std::shared_ptr<FakeSession> session = std::make_shared<FakeSession>();
    std::unique_ptr<WebSocketHandler> handler;
    void Say(const json& message) { handler->OnMessage(message.dump()); }
  };
  Socket Open(const std::string& id, std::map<std::string, std::string> headers = {}, const std::string& query = "") {
    Socket socket;
    HttpRequest request;
    request.method = "GET";
    request.path = "/byon/v1/channels/" + id;
    request.query = query;
    request.headers = std::move(headers);
    socket.handler = application_->OpenWebSocket(request, socket.session);
    return socket;
  }
  Socket OpenAs(const std::string& id, const std::string& token) {
    Socket socket = Open(id);
    socket.Say({{"type", "auth"}, {"token", token}});
    return socket;
  }
  std::string Happen(int sequence = 1, const std::string& user = "alice") {
    gateway::MediaSession session = ASession(call::Status::kRinging);
    session.sequence_number = sequence;
    hub_->OnEvent(Device(user), gateway::SessionStatus{session, std::nullopt});
    return "";
  }
  static std::vector<int> Sequence(const Socket& socket) {
    std::vector<int> numbers;
    for (const std::string& text : socket.session->sent) {
      const json message = json::parse(text);
      if (message.contains("specversion")) numbers.push_back(message["data"]["sequenceNumber"]);
    }
    return numbers;
  }
};

TEST_F(ChannelTest, OpensAndCarriesEvents) {
  const std::string id = CreateChannel();
  EXPECT_EQ(CreateChannel(), id);
  EXPECT_CALL(service_, RenewToken(_, Device()));
  Socket socket = OpenAs(id, token_);
  EXPECT_EQ(socket.session->Last()["type"], "ready");
  EXPECT_EQ(socket.session->Last()["channelId"], id);
  Happen(7);
  const json event = socket.session->Last();
  EXPECT_EQ(event["type"], TypeName(EventType::kSessionStatus));
  EXPECT_EQ(event["data"]["sequenceNumber"], 7);
  EXPECT_FALSE(event["data"].contains("subscriptionId"));
  hub_->OnEvent(Device(), gateway::DtmfReceived{"ms-1", "5", 120});
  EXPECT_EQ(socket.session->Last()["type"], "org.byon-gateway.events.v1.dtmf-received");
  EXPECT_EQ(socket.session->Last()["data"], (json{{"mediaSessionId", "ms-1"}, {"digit", "5"}, {"durationMs", 120}}));
}

TEST_F(ChannelTest, TakesTheTokenFromHeaderOrSubprotocolToo) {
  const std::string id = CreateChannel();
  EXPECT_EQ(Open(id, {{"authorization", "Bearer " + token_}}).session->Last()["type"], "ready");
  EXPECT_EQ(Open(id, {{"sec-websocket-protocol", "byon.events.v1, byon.bearer." + token_}}).session->Last()["type"],
            "ready");
}

TEST_F(ChannelTest, RefusesStrangers) {
  const std::string id = CreateChannel();
  EXPECT_EQ(OpenAs(id, "nonsense").session->closed_with, 0) << "an opaque token is being introspected";
  EXPECT_EQ(OpenAs(id, token_ + "x").session->closed_with, kCloseUnauthorized);
  EXPECT_EQ(OpenAs(id, Token("bob")).session->closed_with, kCloseForbidden);
  EXPECT_EQ(OpenAs("other", token_).session->closed_with, kCloseNoChannel);
  json claims = Claims();
  claims["scope"] = "openid";
  EXPECT_EQ(OpenAs(id, Issuer().Token(claims)).session->closed_with, kCloseForbidden);
  Socket early = Open(id);
  early.Say({{"ack", "x"}});
  EXPECT_EQ(early.session->closed_with, kCloseUnauthorized);
  EXPECT_EQ(Request("DELETE", "/byon/v1/channels/nothing").Short(), "404 NOT_FOUND");
  token_ = Token("bob");
  EXPECT_EQ(Request("DELETE", "/byon/v1/channels/" + id).Short(), "404 NOT_FOUND");
}

TEST_F(ChannelTest, WaitsFiveSecondsForTheToken) {
  Socket socket = Open(CreateChannel());
  time_.Advance(milliseconds(4999));
  EXPECT_EQ(socket.session->closed_with, 0);
  time_.Advance(milliseconds(1));
  EXPECT_EQ(socket.session->closed_with, kCloseAuthTimeout);
}

TEST_F(ChannelTest, ClosesOnMessagesItDoesNotKnow) {
  const std::string id = CreateChannel();
  for (const char* text : {"", "[]", "5", "{", "{}", R"({"type":"dance"})", R"({"ack":5})", R"({"type":"token"})",
                           R"({"type":"auth","token":"x"})", R"({"a":{"a":{"a":{"a":{}}}}})"}) {
    Socket socket = OpenAs(id, token_);
    socket.handler->OnMessage(text);
    EXPECT_EQ(socket.session->closed_with, kCloseBadMessage) << text;
  }
  Socket noisy = OpenAs(id, token_);
  for (int i = 0; i < 200 && noisy.session->closed_with == 0; ++i) noisy.Say({{"type", "ping"}});
  EXPECT_EQ(noisy.session->closed_with, 1008);
}

TEST_F(ChannelTest, AnswersPings) {
  Socket socket = OpenAs(CreateChannel(), token_);
  socket.Say({{"type", "ping"}});
  EXPECT_EQ(socket.session->Last()["type"], "pong");
}

TEST_F(ChannelTest, ReplaysWhatWasNotAcknowledged) {
  const std::string id = CreateChannel();
  Socket first = OpenAs(id, token_);
  for (int i = 1; i <= 4; ++i) Happen(i);
  const std::string second_id = json::parse(first.session->sent[2])["id"];
  first.Say({{"ack", second_id}});
  first.handler->OnClosed();
  first.handler.reset();
  Happen(5);
  Socket second = OpenAs(id, token_);
  EXPECT_EQ(Sequence(second), std::vector<int>{}) << "it waits for what the client has to say";
  Happen(6);
  time_.Advance(milliseconds(200));
  EXPECT_EQ(Sequence(second), (std::vector<int>{3, 4, 5, 6}));
  Happen(7);
  EXPECT_EQ(Sequence(second), (std::vector<int>{3, 4, 5, 6, 7}));
}

TEST_F(ChannelTest, ResumesAfterTheLastEventSeen) {
  const std::string id = CreateChannel();
  Socket first = OpenAs(id, token_);
  for (int i = 1; i <= 3; ++i) Happen(i);
  const std::string seen = json::parse(first.session->sent[2])["id"];
  first.handler->OnClosed();
  Socket second = OpenAs(id, token_);
  second.Say({{"resume", seen}});
  EXPECT_EQ(Sequence(second), std::vector<int>{3});
  second.handler->OnClosed();
  Socket third = Open(id, {{"authorization", "Bearer " + token_}}, "resume=" + seen);
  EXPECT_EQ(Sequence(third), std::vector<int>{3}) << "by the URL, and twice the same";
}

TEST_F(ChannelTest, TellsOfAGapAndThePresentState) {
  channel_config_.replay_events = 2;
  Start();
  const std::string id = CreateChannel();
  Socket first = OpenAs(id, token_);
  for (int i = 1; i <= 5; ++i) Happen(i);
  const std::string seen = json::parse(first.session->sent[1])["id"];
  first.handler->OnClosed();
  EXPECT_CALL(service_, ListCalls(_, kDevice)).WillOnce([this](auto&, auto&) {
    gateway::MediaSession live = ASession(call::Status::kConnected);
    live.sequence_number = 9;
    gateway::MediaSession ended = ASession(call::Status::kTerminated);
    return std::vector{live, ended};
  });
  Socket second = OpenAs(id, token_);
  second.Say({{"resume", seen}});
  EXPECT_EQ(json::parse(second.session->sent[1])["type"], "gap");
  EXPECT_EQ(Sequence(second), (std::vector<int>{9, 4, 5}));
}

TEST_F(ChannelTest, ForgetsOldEvents) {
  const std::string id = CreateChannel();
  Happen(1);
  time_.Advance(seconds(121));
  Happen(2);
  EXPECT_CALL(service_, ListCalls).WillOnce(Return(std::vector<gateway::MediaSession>{}));
  Socket socket = OpenAs(id, token_);
  time_.Advance(milliseconds(200));
  EXPECT_EQ(Sequence(socket), std::vector<int>{2});
}

TEST_F(ChannelTest, OutlivesARestart) {
  const std::string id = CreateChannel();
  Happen(1);
  Happen(2);
  Start();
  EXPECT_EQ(CreateChannel(), id);
  Happen(3);
  Socket socket = OpenAs(id, token_);
  time_.Advance(milliseconds(200));
  EXPECT_EQ(Sequence(socket), (std::vector<int>{1, 2, 3}));
  socket.Say({{"ack", json::parse(socket.session->sent.back())["id"]}});
  socket.handler->OnClosed();
  Start();
  Socket again = OpenAs(id, token_);
  time_.Advance(milliseconds(200));
  EXPECT_EQ(Sequence(again), std::vector<int>{}) << "acknowledged is forgotten for good";
}

// Of many channels and subscriptions: until all are known nobody is told that there is none, nor gets a second one.
TEST_F(ChannelTest, WhatARestartHasNotReadYetMayBeAskedForAgain) {  // Covers: T6
  const std::string id = CreateChannel();
  Happen(1);
  int made = 0;
  const auto new_id = [&made] { return "o-" + std::to_string(++made); };
  ChannelRegistry others(ChannelConfig{}, {store_, [this] { return time_.now(); }, new_id});
  for (int user = 0; user < 250; ++user) {
    const std::string name = "user" + std::to_string(user);
    others.Open({"web", name}, {"web", name, kDevice});
  }
  std::deque<std::function<void()>> posted;
  post_ = [&posted](std::function<void()> task) { posted.push_back(std::move(task)); };
  Start();
  const std::string subscriptions = "/webrtc-events-subscriptions/v0.3/subscriptions";
  size_t steps = 0;
  for (; !posted.empty(); ++steps) {
    if (!channels_->is_restored()) {
      EXPECT_EQ(Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}}).Short(), "503 UNAVAILABLE");
      EXPECT_EQ(Request("DELETE", "/byon/v1/channels/" + id).Short(), "503 UNAVAILABLE");
      EXPECT_EQ(OpenAs(id, token_).session->closed_with, 1013);
    }
    if (!subscriptions_->is_restored()) {
      EXPECT_EQ(Request("GET", subscriptions).Short(), "503 UNAVAILABLE");
      EXPECT_EQ(Request("DELETE", subscriptions + "/sub-1").Short(), "503 UNAVAILABLE");
    }
    const size_t before = channels_->size();
    auto task = std::move(posted.front());
    posted.pop_front();
    task();
    EXPECT_LE(channels_->size() - before, 251u);
  }
  EXPECT_GE(steps, 5u);
  EXPECT_TRUE(channels_->is_restored() && subscriptions_->is_restored());
  EXPECT_EQ(channels_->size(), 251u);
  EXPECT_EQ(CreateChannel(), id);
  Socket socket = OpenAs(id, token_);
  time_.Advance(milliseconds(200));
  EXPECT_EQ(Sequence(socket), std::vector<int>{1});
  EXPECT_EQ(Request("GET", subscriptions).status, 200);
}

TEST_F(ChannelTest, GivesWayToANewerConnection) {
  const std::string id = CreateChannel();
  Socket first = OpenAs(id, token_);
  Socket second = OpenAs(id, token_);
  EXPECT_EQ(first.session->closed_with, kCloseReplaced);
  first.handler->OnClosed();
  Happen(1);
  EXPECT_EQ(Sequence(second), std::vector<int>{1}) << "the old one's end does not touch the new one";
}

TEST_F(ChannelTest, EndsWithItsToken) {
  json claims = Claims();
  const std::string id = CreateChannel();
  Socket socket = OpenAs(id, token_);
  time_.Advance(seconds(3600 - 62));
  EXPECT_EQ(socket.session->Last()["type"], "ready");
  time_.Advance(seconds(5));
  EXPECT_EQ(socket.session->Last()["type"], "token-expiring");
  time_.Advance(seconds(60));
  EXPECT_EQ(socket.session->closed_with, kCloseUnauthorized);
}

TEST_F(ChannelTest, LivesOnWithARenewedToken) {
  const std::string id = CreateChannel();
  Socket socket = OpenAs(id, token_);
  time_.Advance(seconds(3500));
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 3600;
  EXPECT_CALL(service_, RenewToken(_, Device()));
  socket.Say({{"type", "token"}, {"token", Issuer().Token(claims)}});
  EXPECT_EQ(socket.session->Last()["type"], "token-accepted");
  time_.Advance(seconds(200));
  EXPECT_EQ(socket.session->closed_with, 0);
  socket.Say({{"type", "token"}, {"token", Token("bob")}});
  EXPECT_EQ(socket.session->closed_with, kCloseForbidden) << "of somebody else";
}

TEST_F(ChannelTest, WarnsOfAShortTokenAtHalfItsLife) {
  json claims = Claims();
  claims["exp"] = claims["iat"].get<int64_t>() + 20;
  Socket socket = OpenAs(CreateChannel(), Issuer().Token(claims));
  time_.Advance(seconds(8));
  EXPECT_EQ(socket.session->Last()["type"], "ready");
  time_.Advance(seconds(4));
  EXPECT_EQ(socket.session->Last()["type"], "token-expiring");
}

TEST_F(ChannelTest, FollowsTheScopesOfTheToken) {
  json claims = Claims();
  claims["scope"] = CreateScope(EventType::kRegistrationEnds);
  Socket socket = OpenAs(CreateChannel(), Issuer().Token(claims));
  Happen(1);
  hub_->OnEvent(Device(), gateway::RegistrationEnds{"reg-1", false, ""});
  ASSERT_EQ(socket.session->sent.size(), 2u);
  EXPECT_EQ(socket.session->Last()["type"], TypeName(EventType::kRegistrationEnds));
}

TEST_F(ChannelTest, HearsOnlyItsOwnDevice) {
  Socket socket = OpenAs(CreateChannel(), token_);
  Happen(1, "bob");
  hub_->OnEvent({"other-client", "alice", kDevice}, gateway::RegistrationEnds{"r", false, ""});
  hub_->OnEvent({"web", "alice", "650e8400-e29b-41d4-a716-446655440000"}, gateway::RegistrationEnds{"r", false, ""});
  EXPECT_EQ(socket.session->sent.size(), 1u);
}

TEST_F(ChannelTest, IsDeleted) {
  const std::string id = CreateChannel();
  Socket socket = OpenAs(id, token_);
  EXPECT_EQ(Request("DELETE", "/byon/v1/channels/" + id).status, 204);
  EXPECT_EQ(socket.session->closed_with, kCloseNoChannel);
  EXPECT_EQ(OpenAs(id, token_).session->closed_with, kCloseNoChannel);
}

TEST_F(ChannelTest, IsBoundedPerUserAndForgottenUnused) {
  std::vector<Socket> connected;
  for (int i = 0; i < 20; ++i) {
    const std::string device = "550e8400-e29b-41d4-a716-4466554400" + std::to_string(10 + i);
    const Reply reply = Request("POST", "/byon/v1/channels", json{{"deviceId", device}});
    EXPECT_EQ(reply.status, 201);
    connected.push_back(OpenAs(reply.body.value("channelId", ""), token_));
  }
  EXPECT_EQ(Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}}).Short(), "429 QUOTA_EXCEEDED");
  for (const Socket& socket : connected) socket.handler->OnClosed();
  time_.Advance(seconds(86401));
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 90000;
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}}).status, 201);
  EXPECT_EQ(channels_->size(), 1u);
}

TEST_F(ChannelTest, WhoeverLeftFirstMakesRoom) {
  std::vector<std::string> ids;
  std::vector<Socket> sockets;
  const auto open = [&](int i) {
    const Reply reply = Request("POST", "/byon/v1/channels",
                                json{{"deviceId", "550e8400-e29b-41d4-a716-4466554400" + std::to_string(10 + i)}});
    EXPECT_EQ(reply.status, 201) << i;
    ids.push_back(reply.body.value("channelId", ""));
    sockets.push_back(OpenAs(ids.back(), token_));
  };
  for (int i = 0; i < 20; ++i) open(i);
  for (const int i : {7, 3}) sockets[i].handler->OnClosed();
  open(20);
  EXPECT_EQ(OpenAs(ids[7], token_).session->closed_with, kCloseNoChannel);
  EXPECT_EQ(sockets[0].session->closed_with, 0) << "who is connected stays";
  // Back in time: that place is taken again.
  sockets[3] = OpenAs(ids[3], token_);
  EXPECT_EQ(sockets[3].session->Last()["type"], "ready");
  EXPECT_EQ(Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}}).Short(), "429 QUOTA_EXCEEDED");
  EXPECT_EQ(channels_->size(), 20u);
}

// However many lines and devices a 2-legged client names: its own are bounded, and those left first go first.
TEST_F(ChannelTest, IsBoundedPerTwoLeggedClient) {
  ChannelConfig config;
  config.max_per_client = 3;
  int last_id = 0;
  const ChannelRegistry::Ports ports{store_, [this] { return time_.now(); },
                                     [&last_id] { return "channel-" + std::to_string(++last_id); }};
  const auto open = [](ChannelRegistry& registry, const std::string& client, int line) {
    const std::string number = "+3460000000" + std::to_string(line);
    const auto opened = registry.Open({client, ""}, {client, number, kDevice});
    const auto* channel = std::get_if<Channel*>(&opened);
    return channel == nullptr ? std::string("none") : (*channel)->id;
  };
  std::string kept;
  {
    ChannelRegistry registry(config, ports);
    const std::string first = open(registry, "server", 1);
    for (int line = 2; line <= 9; ++line) {
      kept = open(registry, "server", line);
      time_.Advance(seconds(1));
      EXPECT_LE(registry.size(), 3u);
    }
    EXPECT_FALSE(registry.Exists(first));
    EXPECT_EQ(open(registry, "server", 9), kept) << "one that is there takes no new place";
    open(registry, "another", 1);
    EXPECT_EQ(registry.size(), 4u);
  }
  // After a restart the same holds, and the one whose last use is longest ago goes first.
  ChannelRegistry registry(config, ports);
  registry.Restore();
  EXPECT_EQ(registry.size(), 4u);
  open(registry, "server", 1);
  EXPECT_EQ(registry.size(), 4u);
  EXPECT_TRUE(registry.Exists(kept));
  // The connected ones stay.
  struct Listener final : ChannelListener {
    void OnEvent(const PendingEvent&) override {}
    void OnReplaced() override {}
    void OnDeleted() override {}
  } listener;
  std::vector<std::string> connected;
  for (int line = 1; line <= 3; ++line) {
    connected.push_back(open(registry, "server", line));
    registry.Attach(*registry.Find({"server", ""}, connected.back()), &listener);
  }
  EXPECT_EQ(open(registry, "server", 4), "none");
  registry.Detach(connected[1], &listener);
  EXPECT_NE(open(registry, "server", 4), "none");
  EXPECT_FALSE(registry.Exists(connected[1]));
}

TEST_F(ChannelTest, TwoLeggedClientsNameTheLine) {
  token_ = TwoLeggedToken();
  EXPECT_EQ(Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}}).Short(), "422 MISSING_IDENTIFIER");
  const Reply reply =
      Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}});
  Socket socket = OpenAs(reply.body["channelId"], token_);
  Happen(1, "+34600000001");
  EXPECT_EQ(Sequence(socket), std::vector<int>{1});
  token_ = Token();
  EXPECT_EQ(Request("POST", "/byon/v1/channels", json{{"deviceId", kDevice}, {"phoneNumber", "+34600000001"}}).Short(),
            "422 UNNECESSARY_IDENTIFIER");
}

TEST_F(ChannelTest, IsNoHttpResource) {
  const Reply reply = Request("GET", "/byon/v1/channels/x");
  EXPECT_EQ(reply.Short(), "426 UPGRADE_REQUIRED");
}

}  // namespace
}  // namespace byon::api
