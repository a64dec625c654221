// REGISTER: who may, for how long, and what becomes of it.
#include "tests/controlplane/web_sip/web_sip_fixture.h"

namespace byon::web_sip {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class RegistrationTest : public WebSipTest {
 protected:
  int Status(Client& client, const RequestParts& parts, const std::string& uri = "sip:ims.test") {
    client.Send(Text("REGISTER", uri, parts));
    return client.NextStatus();
  }
  // Answers the challenge as RFC 7616 says.
  RequestParts Digest(const SipMessage& challenge, const std::string& algorithm, const std::string& password, int cseq,
                      const std::string& user = kAlice) {
    RequestParts parts = RegisterParts(cseq);
    parts.call_id = "reg-" + algorithm;
    for (const std::string& value : challenge.All("WWW-Authenticate")) {
      const auto read = auth::ParseDigestChallenge(value);
      if (!read || value.find("algorithm=" + algorithm) == value.npos) continue;
      parts.headers.back().second =
          auth::DigestSession(*read).Authorize("REGISTER", "sip:ims.test", user, password, "c0ffee");
    }
    return parts;
  }
  SipMessage Challenge(Client& client) {
    RequestParts parts = RegisterParts();
    parts.headers.pop_back();
    client.Send(Text("REGISTER", "sip:ims.test", parts));
    return client.Next();
  }
};

TEST_F(RegistrationTest, ATokenRegistersTheNumberItNames) {
  Client& client = Connect();
  client.Send(Text("REGISTER", "sip:ims.test", RegisterParts()));
  EXPECT_FALSE(client.has_news()) << "the network's answer comes first";
  ASSERT_EQ(world_.registrar.registered.size(), 1u);
  EXPECT_EQ(world_.registrar.registered[0].impu, "sip:+34600000001@ims.example");
  world_.GrantRegistration();
  const SipMessage ok = client.Next();
  EXPECT_EQ(ok.status(), 200);
  EXPECT_THAT(ok.Text("Contact"), HasSubstr("<sip:alice@c.invalid;transport=ws>;+sip.instance=\"<urn:uuid:"));
  EXPECT_THAT(ok.Text("Contact"), HasSubstr(";reg-id=1;expires=300"));
  EXPECT_EQ(ok.Text("P-Associated-URI"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(world_.gateway->ListRegistrations(world_.user, kInstance).size(), 0u) << "another client's";
  EXPECT_EQ(Count(Counter::kRegistered), 1u);
  EXPECT_EQ(web_sip_->lines(), 1u);
}

TEST_F(RegistrationTest, WithoutCredentialsAllSchemesAreOffered) {
  Client& client = Connect();
  const SipMessage challenge = Challenge(client);
  EXPECT_EQ(challenge.status(), 401);
  const auto offers = challenge.All("WWW-Authenticate");
  ASSERT_EQ(offers.size(), 3u);
  EXPECT_THAT(offers[0], HasSubstr("Bearer authz_server=\"https://idp.example\", scope=\"webrtc-registration"));
  EXPECT_THAT(offers[1], HasSubstr("algorithm=SHA-256"));
  EXPECT_THAT(offers[2], HasSubstr("algorithm=MD5")) << "last: browsers' libraries take the last one";
  EXPECT_EQ(Count(Counter::kChallenged), 1u);
}

TEST_F(RegistrationTest, DigestRegistersToo) {
  for (const char* algorithm : {"MD5", "SHA-256"}) {
    Client& client = Connect();
    const SipMessage challenge = Challenge(client);
    client.Send(Text("REGISTER", "sip:ims.test", Digest(challenge, algorithm, kPassword, 2)));
    if (!client.has_news()) world_.GrantRegistration();
    EXPECT_EQ(client.NextStatus(), 200) << algorithm;
    Advance(seconds(2));
    // The same answer again is a replay.
    client.Send(Text("REGISTER", "sip:ims.test", Digest(challenge, algorithm, kPassword, 3)));
    const SipMessage again = client.Next();
    EXPECT_EQ(again.status(), 401);
    EXPECT_THAT(again.All("WWW-Authenticate")[1], HasSubstr("stale=true"));
    client.Lose();
  }
}

TEST_F(RegistrationTest, WrongDigestsAreRefused) {
  Client& client = Connect();
  EXPECT_EQ(Status(client, Digest(Challenge(client), "MD5", "wrong", 2)), 401);
  EXPECT_EQ(Status(client, Digest(Challenge(client), "MD5", kPassword, 3, "+34600000009")), 401) << "no such number";
  Advance(seconds(3));
  EXPECT_EQ(Status(client, Digest(Challenge(client), "MD5", "\n", 4, "+34600000009")), 401);
  Advance(seconds(3));
  RequestParts foreign = Digest(Challenge(client), "MD5", kPassword, 5);
  auto& value = foreign.headers.back().second;
  value.replace(value.find("realm=\"ims.test\""), 16, "realm=\"else\"");
  EXPECT_EQ(Status(client, foreign), 401);
  const SipMessage old = Challenge(client);
  Advance(std::chrono::minutes(6));
  EXPECT_EQ(Count(Counter::kIdleConnection), 1u) << "and nobody registered on it";
  Client& late = Connect();
  EXPECT_EQ(Status(late, Digest(old, "MD5", kPassword, 6)), 401) << "a nonce of another connection";
  EXPECT_GE(Count(Counter::kBadCredentials), 5u);
  EXPECT_EQ(web_sip_->lines(), 0u);
}

TEST_F(RegistrationTest, PasswordsCannotBeTriedFast) {
  int refused = 0;
  for (int i = 0; i < 20 && refused == 0; ++i) {
    Client& client = Connect();
    refused += Status(client, Digest(Challenge(client), "MD5", "guess" + std::to_string(i), 2)) == 503;
  }
  EXPECT_EQ(refused, 1);
  EXPECT_GE(Count(Counter::kRateLimited), 1u);
}

TEST_F(RegistrationTest, BadTokensAreRefused) {
  Client& client = Connect();
  RequestParts parts = RegisterParts();
  parts.headers.back().second = "Bearer nonsense";
  client.Send(Text("REGISTER", "sip:ims.test", parts));
  const SipMessage refused = client.Next();
  EXPECT_EQ(refused.status(), 401);
  EXPECT_THAT(refused.All("WWW-Authenticate")[0], HasSubstr("error=\"invalid_token\""));
  auto claims = Claims();
  claims["exp"] = claims["iat"].get<int64_t>() - 1000;
  parts.headers.back().second = "Bearer " + Issuer().Token(claims);
  EXPECT_EQ(Status(client, parts), 401) << "expired";
  claims = Claims();
  claims["scope"] = "openid";
  parts.headers.back().second = "Bearer " + Issuer().Token(claims);
  EXPECT_EQ(Status(client, parts), 403) << "no scope";
  claims = Claims();
  claims["phone_number"] = "+34600000002";
  parts.headers.back().second = "Bearer " + Issuer().Token(claims);
  EXPECT_EQ(Status(client, parts), 403) << "another number's token";
  claims = Claims();
  claims["sub"] = claims["client_id"];
  claims.erase("phone_number");
  parts.headers.back().second = "Bearer " + Issuer().Token(claims);
  EXPECT_EQ(Status(client, parts), 401) << "nobody's token";
  EXPECT_EQ(Count(Counter::kForbidden), 2u);
}

TEST_F(RegistrationTest, AnotherUserOnTheSameConnectionIsForbidden) {
  Client& client = Registered();
  auto claims = Claims();
  claims["sub"] = "mallory";
  RequestParts parts = RegisterParts(2);
  parts.headers.back().second = "Bearer " + Issuer().Token(claims);
  EXPECT_EQ(Status(client, parts), 403);
}

TEST_F(RegistrationTest, BadRequestsAreRefused) {
  Client& client = Connect();
  EXPECT_EQ(Status(client, RegisterParts(), "sip:else.test"), 404);
  RequestParts parts = RegisterParts();
  parts.to = "<sip:+34600000002@ims.test>";
  EXPECT_EQ(Status(client, parts), 403);
  parts = RegisterParts(1, "59");
  client.Send(Text("REGISTER", "sip:ims.test", parts));
  const SipMessage brief = client.Next();
  EXPECT_EQ(brief.status(), 423);
  EXPECT_EQ(brief.Text("Min-Expires"), "60");
  EXPECT_EQ(Status(client, RegisterParts(1, "soon")), 400);
  parts = RegisterParts();
  parts.headers[0].second = "*";
  EXPECT_EQ(Status(client, parts), 400) << "* needs Expires: 0";
  parts.headers[0].second = "<sip:a b@c>";
  EXPECT_EQ(Status(client, parts), 400);
  parts.headers[0].second = Contact() + ", <sip:other@c.invalid>";
  EXPECT_EQ(Status(client, parts), 403);
  Advance(seconds(5));
  EXPECT_EQ(Count(Counter::kUnknownDomain), 1u);
  EXPECT_EQ(Count(Counter::kIntervalTooBrief), 1u);
  EXPECT_EQ(Count(Counter::kTooManyRegistrations), 1u);
}

TEST_F(RegistrationTest, ARefreshKeepsTheRegistrationAndAnOldRequestIsRefused) {
  Client& client = Registered();
  Advance(seconds(100));
  EXPECT_EQ(Status(client, RegisterParts(2, "600")), 200);
  EXPECT_EQ(world_.registrar.registered.size(), 1u) << "the network hears nothing of it";
  EXPECT_EQ(Status(client, RegisterParts(2, "600")), 500);
  EXPECT_EQ(Count(Counter::kOldSequence), 1u);
  EXPECT_EQ(web_sip_->lines(), 1u);
}

TEST_F(RegistrationTest, AnotherDeviceNeedsAnotherConnection) {
  Client& client = Registered();
  RequestParts parts = RegisterParts(2);
  parts.headers[0].second = Contact("550e8400-e29b-41d4-a716-446655440001");
  EXPECT_EQ(Status(client, parts), 403);
  EXPECT_EQ(Count(Counter::kTooManyRegistrations), 1u);
}

TEST_F(RegistrationTest, ExpiresZeroAndStarEndIt) {
  Client& client = Registered();
  client.Send(Text("REGISTER", "sip:ims.test", RegisterParts(2, "0")));
  EXPECT_FALSE(client.has_news());
  world_.gateway->OnDeregisterDone(world_.registrar.registered.back().id);
  const SipMessage ok = client.Next();
  EXPECT_EQ(ok.status(), 200);
  EXPECT_EQ(ok.Count("Contact"), 0u);
  client.Send(Text("REGISTER", "sip:ims.test", RegisterParts(3)));
  world_.GrantRegistration();
  EXPECT_EQ(client.NextStatus(), 200);
  RequestParts star = RegisterParts(4, "0");
  star.headers[0].second = "*";
  client.Send(Text("REGISTER", "sip:ims.test", star));
  world_.gateway->OnDeregisterDone(world_.registrar.registered.back().id);
  EXPECT_EQ(client.NextStatus(), 200);
  EXPECT_EQ(web_sip_->lines(), 0u);
}

TEST_F(RegistrationTest, WithoutContactTheBindingsAreListed) {
  Client& client = Registered();
  RequestParts parts = RegisterParts(2);
  parts.headers = {{"Authorization", Bearer()}};
  client.Send(Text("REGISTER", "sip:ims.test", parts));
  EXPECT_THAT(client.Next().Text("Contact"), HasSubstr("expires=300"));
}

TEST_F(RegistrationTest, TheNetworksEndClosesTheConnection) {
  Client& client = Registered();
  world_.gateway->OnNetworkDeregistered(world_.registrar.registered.back().id, {});
  Advance(seconds(0));
  EXPECT_EQ(client.session->closed_with, 1008);
  EXPECT_EQ(web_sip_->lines(), 0u);
}

TEST_F(RegistrationTest, ALostConnectionDoesNotEndIt) {
  Registered().Lose();
  EXPECT_EQ(web_sip_->lines(), 1u);
  Client& back = Connect();
  RequestParts parts = RegisterParts();
  parts.call_id = "reg-2";
  EXPECT_EQ(Status(back, parts), 200) << "at once: the network knows the device";
  EXPECT_EQ(world_.registrar.registered.size(), 1u);
}

TEST_F(RegistrationTest, WithoutInstanceTheContactNamesTheDevice) {
  const auto first = DeviceIdOf(*sip::ParseNameAddr("<sip:a@x.invalid>"), kAlice);
  EXPECT_EQ(first, DeviceIdOf(*sip::ParseNameAddr("<sip:a@x.invalid>;expires=5"), kAlice));
  EXPECT_NE(first, DeviceIdOf(*sip::ParseNameAddr("<sip:b@x.invalid>"), kAlice));
  EXPECT_NE(first, DeviceIdOf(*sip::ParseNameAddr("<sip:a@x.invalid>"), "+34600000002"));
  EXPECT_EQ(first.size(), 36u);
  EXPECT_EQ(first[14], '8');
}

TEST_F(RegistrationTest, ConnectionsAreBounded) {
  Client& client = Connect();
  client.Send("\r\n\r\n");
  EXPECT_EQ(client.session->sent.back(), "\r\n") << "RFC 5626 section 4.4.1";
  client.seen = 1;
  for (int i = 0; i < 200; ++i) client.Send("\r\n");
  EXPECT_EQ(client.session->closed_with, 1008);
  Client& garbage = Connect();
  garbage.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(Count(Counter::kBadVersion), 1u);
  garbage.Send("nonsense");
  EXPECT_EQ(garbage.session->closed_with, 1002);
  EXPECT_EQ(Count(Counter::kMalformed), 1u);
  Client& silent = Connect();
  Advance(seconds(31));
  EXPECT_EQ(silent.session->closed_with, 1008);
  EXPECT_EQ(Count(Counter::kIdleConnection), 1u);
}

TEST_F(RegistrationTest, OneUsersRequestsAreBounded) {
  Client& client = Registered();
  int status = 200;
  for (int cseq = 2; cseq < 30 && status == 200; ++cseq) status = Status(client, RegisterParts(cseq));
  EXPECT_EQ(status, 503);
}

TEST_F(RegistrationTest, OtherMethodsNeedADialog) {
  Client& client = Connect();
  client.Send(Text("OPTIONS", "sip:ims.test"));
  const SipMessage options = client.Next();
  EXPECT_EQ(options.status(), 200);
  EXPECT_THAT(options.Text("Allow"), HasSubstr("INVITE"));
  for (const char* method : {"BYE", "UPDATE", "INFO", "REFER"}) {
    client.Send(Text(method, "sip:ims.test"));
    EXPECT_EQ(client.NextStatus(), 481) << method;
  }
  for (const char* method : {"MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY"}) {
    client.Send(Text(method, "sip:ims.test"));
    EXPECT_EQ(client.NextStatus(), 405) << method;
  }
  RequestParts in_dialog;
  in_dialog.to += ";tag=x";
  client.Send(Text("BYE", "sip:ims.test", in_dialog));
  EXPECT_EQ(client.NextStatus(), 401) << "who asks?";
  EXPECT_EQ(Count(Counter::kMethodNotAllowed), 4u);
}

// Texts wait for a client that is away, but not for one whose line has ended while texts wait for others.
TEST_F(RegistrationTest, TextsForLinesThatAreGoneDoNotStay) {
  const gateway::Principal who{.client_id = "web", .subject = "alice", .phone_number = kAlice};
  auto claims = Claims();
  claims["scope"] = claims["scope"].get<std::string>() + " byon:messages:read";
  const std::string bearer = "Bearer " + Issuer().Token(claims);
  const auto register_device = [&](const std::string& name, int cseq) -> Client& {
    Client& client = Connect();
    RequestParts parts = RegisterParts(cseq);
    parts.call_id = name;
    parts.headers[0].second = Contact("550e8400-e29b-41d4-a716-44665544000" + name);
    parts.headers.back().second = bearer;
    client.Send(Text("REGISTER", "sip:ims.test", parts));
    if (!client.has_news()) world_.GrantRegistration();
    EXPECT_EQ(client.session->sent.empty(), false);
    return client;
  };
  std::vector<gateway::DeviceKey> devices;
  std::vector<std::string> ids;
  for (const std::string name : {"0", "1", "2"}) {
    register_device(name, 1).Lose();
    ids.push_back(world_.registrar.registered.back().id);
    const auto made = world_.gateway->GetRegistration(who, ids.back());
    devices.push_back({"web", "alice", std::get<gateway::Registration>(made).device_id});
    messaging::Message message;
    message.id = "m" + name;
    message.number = kAlice;
    message.peer = "tel:+34600000002";
    message.text = "hello";
    if (name == "2") {  // the other two have ended by then
      for (size_t i = 0; i < 2; ++i) web_sip_->OnEvent(devices[i], gateway::RegistrationEnds{ids[i], true, "expired"});
    }
    web_sip_->OnEvent(devices.back(), gateway::MessageReceived{ids.back(), message});
  }
  const auto texts_for = [&](const std::string& name) {
    const Client& client = register_device(name, 2);
    return std::count_if(client.session->sent.begin(), client.session->sent.end(),
                         [](const std::string& text) { return text.starts_with("MESSAGE "); });
  };
  EXPECT_EQ(texts_for("2"), 1);
  EXPECT_EQ(texts_for("0"), 0);
  EXPECT_EQ(texts_for("1"), 0);
}

}  // namespace
}  // namespace byon::web_sip
