#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "controlplane/api/token_service.h"
#include "controlplane/auth/digest.h"
#include "controlplane/web_sip/web_sip.h"
#include "tests/controlplane/api/fakes.h"
#include "tests/controlplane/auth/test_issuer.h"
#include "tests/controlplane/gateway/fakes.h"

// SIP clients on WebSockets that are none, a real gateway behind, a network and a clock that the test moves.
namespace byon::web_sip {

inline constexpr char kAlice[] = "+34600000001";
inline constexpr char kAor[] = "sip:+34600000001@ims.test";
inline constexpr char kPassword[] = "correct horse";
inline constexpr char kInstance[] = "550e8400-e29b-41d4-a716-446655440000";

class FakePasswords final : public WebPasswords {
 public:
  std::optional<std::string> WebPassword(const std::string& number) const override {
    if (number == kAlice) return kPassword;
    return std::nullopt;
  }
};

// One WebSocket: what the test sends, and what came back.
struct Client {
  std::shared_ptr<api::FakeSession> session = std::make_shared<api::FakeSession>();
  std::unique_ptr<api::WebSocketHandler> handler;
  size_t seen = 0;

  void Send(const std::string& text) { handler->OnMessage(text); }
  bool has_news() const { return seen < session->sent.size(); }
  // The next message, which must be there and be SIP.
  SipMessage Next() {
    if (!has_news()) {
      ADD_FAILURE() << "nothing was sent";
      return SipMessage::Response(999, "");
    }
    auto message = SipMessage::Parse(session->sent[seen++]);
    EXPECT_TRUE(message.ok()) << session->sent[seen - 1];
    return message ? std::move(message).value() : SipMessage::Response(999, "");
  }
  int NextStatus() { return Next().status(); }
  void Lose() { handler->OnClosed(); }
};

struct RequestParts {
  std::string from = std::string("<") + kAor + ">;tag=f1";
  std::string to = std::string("<") + kAor + ">";
  std::string call_id = "call-1";
  int cseq = 1;
  std::string branch;  // empty: a new one
  std::vector<std::pair<std::string, std::string>> headers;
  std::string content_type = "application/sdp";
  std::string body;
};

class WebSipTest : public ::testing::Test {
 protected:
  WebSipTest() {
    const std::string idp = api::kIssuer;
    http_.answers[idp + "/.well-known/openid-configuration"] =
        http_client::Response{200, nlohmann::json{{"issuer", idp}, {"jwks_uri", idp + "/jwks"}}.dump()};
    http_.answers[idp + "/jwks"] = http_client::Response{200, Issuer().Jwks()};
    api::TokenServiceConfig tokens;
    tokens.policy.issuers = {idp};
    tokens.policy.audiences = {api::kAudience};
    tokens_ = std::make_unique<api::TokenService>(
        tokens, http_, [this] { return time_.now(); }, time_);
    tokens_->Start();
    world_.clock.now.wall = time_.now();
    config_.domain = "ims.test";
    config_.host = "gw.example";
    config_.authz_server = idp;
    config_.digest_algorithms = {auth::DigestAlgorithm::kSha256, auth::DigestAlgorithm::kMd5};
    Start();
  }
  void Start() {
    web_sip_ = std::make_unique<WebSip>(
        config_,
        WebSipPorts{*world_.gateway, *tokens_, passwords_, time_, [this] { return time_.now(); },
                    [this] { return "n" + std::to_string(++ids_); }, [](std::string_view, const std::string&) {}});
    world_.events.next = web_sip_.get();
  }
  ~WebSipTest() override {
    for (auto& client : clients_) client->Lose();
    world_.events.next = nullptr;
  }

  static test::TestIssuer& Issuer() {
    static test::TestIssuer issuer(api::kIssuer);
    return issuer;
  }
  nlohmann::json Claims() const {
    auto claims = Issuer().Claims(time_.now());
    claims["scope"] =
        "webrtc-registration:sessions:create webrtc-registration:sessions:delete "
        "webrtc-call-handling:sessions:create webrtc-call-handling:sessions:write";
    claims["phone_number"] = kAlice;
    return claims;
  }
  std::string Bearer() const { return "Bearer " + Issuer().Token(Claims()); }

  Client& Connect() {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    api::HttpRequest request;
    request.path = "/sip";
    request.remote_address = "192.0.2.1";
    client.handler = web_sip_->Open(request, client.session);
    return client;
  }
  std::string Text(const std::string& method, const std::string& uri, const RequestParts& parts = {}) {
    const std::string branch = parts.branch.empty() ? "z9hG4bKt" + std::to_string(++branches_) : parts.branch;
    SipMessage message = SipMessage::Request(method, uri);
    message.Add("Via", "SIP/2.0/WS c.invalid;branch=" + branch).Add("Max-Forwards", "70");
    message.Add("From", parts.from).Add("To", parts.to).Add("Call-ID", parts.call_id);
    message.Add("CSeq", std::to_string(parts.cseq) + ' ' + method);
    for (const auto& [name, value] : parts.headers) message.Add(name, value);
    if (!parts.body.empty()) message.SetBody(parts.content_type, parts.body);
    return message.Serialize();
  }
  static std::string Contact(const std::string& instance = kInstance) {
    return "<sip:alice@c.invalid;transport=ws>;+sip.instance=\"<urn:uuid:" + instance + ">\";reg-id=1";
  }
  RequestParts RegisterParts(int cseq = 1, const std::string& expires = "300") {
    RequestParts parts;
    parts.call_id = "reg";
    parts.cseq = cseq;
    parts.headers = {{"Contact", Contact()}, {"Expires", expires}, {"Authorization", Bearer()}};
    return parts;
  }
  // A client that has registered with a token.
  Client& Registered() {
    Client& client = Connect();
    client.Send(Text("REGISTER", "sip:ims.test", RegisterParts()));
    if (!client.has_news()) world_.GrantRegistration();
    EXPECT_EQ(client.NextStatus(), 200);
    return client;
  }
  void Advance(std::chrono::milliseconds by) {
    time_.Advance(by);
    world_.Advance(by);
  }
  uint64_t Count(Counter counter) const { return web_sip_->counters().Get(counter); }

  api::FakeTime time_;
  api::FakeHttpClient http_;
  gateway::World world_;
  FakePasswords passwords_;
  WebSipConfig config_;
  std::unique_ptr<api::TokenService> tokens_;
  std::unique_ptr<WebSip> web_sip_;
  std::vector<std::unique_ptr<Client>> clients_;
  int ids_ = 0;
  int branches_ = 0;
};

}  // namespace byon::web_sip
