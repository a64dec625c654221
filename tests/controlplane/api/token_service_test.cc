#include "controlplane/store/memory_store.h"
#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using auth::TokenFailure;
using http_client::Response;

class TokenServiceTest : public ::testing::Test {
 protected:
  static test::TestIssuer& Issuer() {
    static test::TestIssuer issuer(kIssuer);
    return issuer;
  }
  json Claims() const { return Issuer().Claims(time_.now()); }
  void Make(bool has_introspection = false) {
    TokenServiceConfig config;
    config.policy.issuers = {kIssuer};
    config.policy.audiences = {kAudience};
    if (has_introspection) config.introspection = IntrospectionConfig{"", "gate way", "s:cret", seconds(60)};
    service_ = std::make_unique<TokenService>(
        config, http_, [this] { return time_.now(); }, time_);
    service_->set_observer([this](std::string_view event, const std::string& detail) {
      observed_.push_back(std::string(event) + " " + detail);
    });
  }
  std::string Verify(const std::string& token, const std::string& address = "192.0.2.1") {
    std::string verdict = "waiting";
    last_verdict_ = std::make_shared<std::string>(verdict);
    service_->Verify(token, address, [out = last_verdict_](const TokenVerdict& result) {
      *out = result ? "good " + (*result)->subject : std::string(ToString(result.error()));
    });
    return *last_verdict_;
  }
  // Answers all introspections that are under way, as they stand in line; how many they were.
  size_t AnswerIntrospections(const http_client::Result& result) {
    size_t count = 0;
    for (size_t i = 0; i < http_.sent.size(); ++i) {
      if (http_.sent[i].request.url != "https://idp.example/introspect" || !http_.sent[i].done) continue;
      ++count;
      std::exchange(http_.sent[i].done, nullptr)(result);
    }
    return count;
  }
  size_t IntrospectionsUnderWay() const {
    return static_cast<size_t>(
        std::count_if(http_.sent.begin(), http_.sent.end(), [](const FakeHttpClient::Sent& sent) {
          return sent.request.url == "https://idp.example/introspect" && sent.done;
        }));
  }
  std::string GoodAnswer() const {
    json answer = Claims();
    answer["active"] = true;
    answer["token_type"] = "Bearer";
    return answer.dump();
  }
  void AnswerDiscovery() {
    http_.AnswerLast(Response{200, json{{"issuer", kIssuer},
                                        {"jwks_uri", "https://idp.example/jwks"},
                                        {"introspection_endpoint", "https://idp.example/introspect"}}
                                       .dump()});
  }
  void Ready() {
    service_->Start();
    AnswerDiscovery();
    http_.AnswerLast(Response{200, Issuer().Jwks()});
  }

  FakeTime time_;
  FakeHttpClient http_;
  std::unique_ptr<TokenService> service_;
  std::shared_ptr<std::string> last_verdict_;
  std::vector<std::string> observed_;
};

TEST_F(TokenServiceTest, FetchesKeysBeforeTheFirstToken) {
  Make();
  service_->Start();
  EXPECT_FALSE(service_->is_ready());
  EXPECT_EQ(http_.sent.back().request.url, "https://idp.example/.well-known/openid-configuration");
  AnswerDiscovery();
  EXPECT_EQ(http_.sent.back().request.url, "https://idp.example/jwks");
  EXPECT_EQ(Verify(Issuer().Token(Claims())), "waiting");
  http_.AnswerLast(Response{200, Issuer().Jwks()});
  EXPECT_EQ(*last_verdict_, "good alice");
  EXPECT_TRUE(service_->is_ready());
  EXPECT_EQ(Verify(Issuer().Token(Claims())), "good alice");
  EXPECT_EQ(http_.sent.size(), 2u);
}

TEST_F(TokenServiceTest, TellsWhoCameWithATokenThatIsRefused) {
  Make();
  Ready();
  observed_.clear();
  json claims = Claims();
  claims["exp"] = 1;
  Verify(Issuer().Token(claims), "192.0.2.7");
  Verify("nonsense", "2001:db8::1");
  ASSERT_EQ(observed_.size(), 2u);
  EXPECT_EQ(observed_[0],
            "token_refused expired from 192.0.2.7, says it is of client " + claims["client_id"].get<std::string>());
  EXPECT_EQ(observed_[1], "token_refused malformed from 2001:db8::1");
}

TEST_F(TokenServiceTest, SaysUnavailableWhileItHasNoKeys) {
  Make();
  service_->Start();
  Verify(Issuer().Token(Claims()));
  http_.AnswerLast(http_client::Failure::kUnreachable);
  EXPECT_EQ(*last_verdict_, "identity_provider_unavailable");
  EXPECT_EQ(Verify(Issuer().Token(Claims())), "identity_provider_unavailable") << "no second fetch within 10 s";
  EXPECT_EQ(http_.sent.size(), 1u);
  time_.Advance(seconds(10));
  EXPECT_EQ(http_.sent.size(), 2u) << "tried again by itself";
  AnswerDiscovery();
  http_.AnswerLast(Response{200, Issuer().Jwks()});
  EXPECT_EQ(Verify(Issuer().Token(Claims())), "good alice");
}

TEST_F(TokenServiceTest, TakesARotatedKeyAndFetchesAtMostOnceInTenSeconds) {
  Make();
  Ready();
  test::TestIssuer rotated(kIssuer);
  rotated.Rotate();
  time_.Advance(seconds(11));
  const size_t before = http_.sent.size();
  EXPECT_EQ(Verify(rotated.Token(Claims())), "waiting");
  http_.AnswerLast(Response{200, rotated.Jwks()});
  EXPECT_EQ(*last_verdict_, "good alice");
  for (int i = 0; i < 100; ++i) {
    json header = rotated.Header("ES256");
    header["kid"] = "invented-" + std::to_string(i);
    EXPECT_EQ(Verify(rotated.Sign(header, Claims(), "ES256")), "unknown_key");
  }
  EXPECT_EQ(http_.sent.size(), before + 1);
}

TEST_F(TokenServiceTest, KeepsItsKeysWhileTheProviderIsDown) {
  Make();
  Ready();
  for (int hour = 0; hour < 25; ++hour) {
    time_.Advance(seconds(3600));
    json claims = Claims();
    claims["exp"] = claims["exp"].get<int64_t>() + 3600 * (hour + 2);
    EXPECT_EQ(Verify(Issuer().Token(claims)), "good alice");
    if (http_.sent.back().done) http_.AnswerLast(http_client::Failure::kTimeout);
  }
}

// A key that its issuer has withdrawn proves nothing any more, also not for a token that was found good before.
TEST_F(TokenServiceTest, AWithdrawnKeyEndsWhatItProved) {
  Make();
  Ready();
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 10 * 3600;
  const std::string stolen = Issuer().Token(claims);
  EXPECT_EQ(Verify(stolen), "good alice");
  test::TestIssuer rotated(kIssuer);
  rotated.Rotate();
  // Nobody brings a token of the new key: the next fetch is due when the keys are ten minutes old.
  time_.Advance(seconds(599));
  const size_t before = http_.sent.size();
  EXPECT_EQ(Verify(stolen), "good alice");
  EXPECT_EQ(http_.sent.size(), before);
  time_.Advance(seconds(1));
  Verify(stolen);
  ASSERT_EQ(http_.sent.size(), before + 1);
  http_.AnswerLast(Response{200, rotated.Jwks()});
  EXPECT_EQ(Verify(stolen), "unknown_key");
  // Another user's token of a newer key makes the gateway ask sooner.
  EXPECT_EQ(Verify(rotated.Token(claims)), "good alice");
  test::TestIssuer again(kIssuer);
  again.Rotate();
  again.Rotate();
  time_.Advance(seconds(11));
  Verify(again.Token(claims));
  http_.AnswerLast(Response{200, again.Jwks()});
  EXPECT_EQ(*last_verdict_, "good alice");
  EXPECT_EQ(Verify(rotated.Token(claims)), "unknown_key");
}

TEST_F(TokenServiceTest, AVerdictOutlivesAFetchOfTheSameKeys) {
  Make();
  Ready();
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 3600;
  const std::string token = Issuer().Token(claims);
  time_.Advance(seconds(600));
  EXPECT_EQ(Verify(token), "good alice");
  http_.AnswerLast(Response{200, Issuer().Jwks()});
  EXPECT_EQ(Verify(token), "good alice");
  EXPECT_TRUE(service_->is_ready());
}

// It is asked again soon: until then its tokens cannot be judged.
TEST_F(TokenServiceTest, AnEmptyKeySetTakesBackAllKeys) {
  store::MemoryStore store;
  Make();
  service_->KeepKeysIn(store);
  Ready();
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 10 * 3600;
  const std::string token = Issuer().Token(claims);
  EXPECT_EQ(Verify(token), "good alice");
  time_.Advance(seconds(601));
  EXPECT_EQ(Verify(token), "good alice");
  http_.AnswerLast(Response{200, "<html>a proxy's error page</html>"});
  EXPECT_EQ(Verify(token), "good alice") << "no key set says nothing of the keys";
  time_.Advance(seconds(10));
  AnswerDiscovery();
  http_.AnswerLast(Response{200, R"({"keys":[]})"});
  EXPECT_EQ(Verify(token), "identity_provider_unavailable");
  EXPECT_FALSE(service_->is_ready());
  EXPECT_TRUE(store.LoadAll(store::Kind::kIssuerKeys).empty());
  time_.Advance(seconds(10));
  AnswerDiscovery();
  http_.AnswerLast(Response{200, Issuer().Jwks()});
  EXPECT_EQ(Verify(token), "good alice");
  EXPECT_TRUE(service_->is_ready());
}

// A restart while the identity provider is down.
TEST_F(TokenServiceTest, KeysOutliveTheProcess) {
  store::MemoryStore store;
  Make();
  service_->KeepKeysIn(store);
  Ready();
  time_.Advance(seconds(3600));
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 50 * 3600;
  Make();
  service_->KeepKeysIn(store);
  EXPECT_TRUE(service_->is_ready());
  service_->Start();
  EXPECT_EQ(http_.sent.back().request.url, "https://idp.example/.well-known/openid-configuration")
      << "newer ones are wanted";
  http_.AnswerLast(http_client::Failure::kUnreachable);
  EXPECT_EQ(Verify(Issuer().Token(claims)), "good alice");
  // A key that the kept ones lack cannot be judged; those of another issuer and what is no key are forgotten.
  test::TestIssuer rotated(kIssuer);
  rotated.Rotate();
  EXPECT_EQ(Verify(rotated.Token(claims)), "unknown_key");
  store.Put(store::Kind::kIssuerKeys, "https://former.example", Issuer().Jwks(), time_.now() + std::chrono::hours(48));
  store.Put(store::Kind::kIssuerKeys, kIssuer, "{}", time_.now() + std::chrono::hours(48));
  Make();
  service_->KeepKeysIn(store);
  EXPECT_FALSE(service_->is_ready());
  EXPECT_TRUE(store.LoadAll(store::Kind::kIssuerKeys).empty());
}

TEST_F(TokenServiceTest, KeysAgeThroughRestarts) {
  store::MemoryStore store;
  Make();
  service_->KeepKeysIn(store);
  Ready();
  json claims = Claims();
  claims["exp"] = claims["exp"].get<int64_t>() + 100 * 3600;
  for (int restart = 0; restart < 47; ++restart) {
    time_.Advance(seconds(3600));
    Make();
    service_->KeepKeysIn(store);
    service_->Start();
    http_.AnswerLast(http_client::Failure::kUnreachable);
  }
  EXPECT_EQ(Verify(Issuer().Token(claims)), "good alice");
  time_.Advance(seconds(3600));
  EXPECT_FALSE(service_->is_ready()) << "48 h are over";
}

TEST_F(TokenServiceTest, RefusesForeignDiscovery) {
  Make();
  service_->Start();
  http_.AnswerLast(
      Response{200, json{{"issuer", "https://mallory.example"}, {"jwks_uri", "https://mallory.example/jwks"}}.dump()});
  EXPECT_EQ(http_.sent.size(), 1u);
  EXPECT_THAT(observed_, ::testing::Contains(::testing::HasSubstr("not its own document")));
}

TEST_F(TokenServiceTest, RemembersAVerdictUntilTheTokenEnds) {
  Make();
  Ready();
  const std::string token = Issuer().Token(Claims());
  EXPECT_EQ(Verify(token), "good alice");
  time_.Advance(seconds(3700));
  EXPECT_EQ(Verify(token), "expired");
}

TEST_F(TokenServiceTest, IntrospectsOpaqueTokens) {
  Make(true);
  Ready();
  EXPECT_EQ(Verify("opaque-1"), "waiting");
  const auto first = last_verdict_;
  EXPECT_EQ(Verify("opaque-1"), "waiting") << "joins the question under way";
  const auto& request = http_.sent.back().request;
  EXPECT_EQ(request.url, "https://idp.example/introspect");
  EXPECT_EQ(request.body, "token=opaque-1&token_type_hint=access_token");
  const std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
  EXPECT_EQ(headers.at("Authorization"), "Basic Z2F0ZSUyMHdheTpzJTNBY3JldA==");  // gate%20way:s%3Acret
  json answer = Claims();
  answer["active"] = true;
  answer["token_type"] = "Bearer";
  http_.AnswerLast(Response{200, answer.dump()});
  EXPECT_EQ(*first, "good alice");
  EXPECT_EQ(*last_verdict_, "good alice");
  const size_t sent = http_.sent.size();
  EXPECT_EQ(Verify("opaque-1"), "good alice");
  EXPECT_EQ(http_.sent.size(), sent) << "remembered";
  time_.Advance(seconds(61));
  EXPECT_EQ(Verify("opaque-1"), "waiting") << "a revoked token is noticed after a minute";
  http_.AnswerLast(Response{200, R"({"active":false})"});
  EXPECT_EQ(*last_verdict_, "inactive");
  EXPECT_EQ(Verify("opaque-1"), "inactive");
  EXPECT_EQ(http_.sent.size(), sent + 1) << "a bad token is not asked for again at once";
}

TEST_F(TokenServiceTest, AnIntrospectionThatFailsIsNotTheTokensFault) {
  Make(true);
  Ready();
  for (const http_client::Result& result :
       {http_client::Result(Response{500, ""}), http_client::Result(Response{200, "<html>"}),
        http_client::Result(http_client::Failure::kTimeout),
        http_client::Result(Response{401, R"({"error":"invalid_client"})"}),
        http_client::Result(Response{400, R"({"error":"invalid_client"})"}),
        http_client::Result(Response{400, "<html>"})}) {
    EXPECT_EQ(Verify("opaque"), "waiting");
    http_.AnswerLast(result);
    EXPECT_EQ(*last_verdict_, "identity_provider_unavailable");
  }
}

// Whoever sends invented tokens gets through to the provider so fast only; others are asked about all the same.
TEST_F(TokenServiceTest, ANetworkWithManyBadTokensWaits) {
  Make(true);
  Ready();
  size_t asked = 0;
  std::string verdict;
  for (int i = 0; i < 150; ++i) {
    verdict = Verify("invented-" + std::to_string(i), "2001:db8::" + std::to_string(i));
    asked += AnswerIntrospections(Response{200, R"({"active":false})"});
  }
  EXPECT_EQ(asked, 100u);
  EXPECT_EQ(verdict, "too_many_bad_tokens") << "a network of IPv6 counts as one";
  EXPECT_EQ(Verify("invented-0", "2001:db8::1"), "inactive") << "what is known needs no question";
  EXPECT_EQ(Verify("good", "2001:db8:0:1::1"), "waiting");
  EXPECT_EQ(AnswerIntrospections(Response{200, GoodAnswer()}), 1u);
  EXPECT_EQ(*last_verdict_, "good alice");
  time_.Advance(seconds(1));
  EXPECT_EQ(Verify("invented-later", "2001:db8::1"), "waiting");
}

// An office behind one address that comes back at once, and a provider that is down, cost nobody anything.
TEST_F(TokenServiceTest, GoodTokensAndOutagesDoNotCountAgainstANetwork) {
  Make(true);
  Ready();
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Verify("good-" + std::to_string(i)), "waiting");
    AnswerIntrospections(i % 2 == 0 ? http_client::Result(Response{200, GoodAnswer()})
                                    : http_client::Result(http_client::Failure::kTimeout));
    EXPECT_EQ(*last_verdict_, i % 2 == 0 ? "good alice" : "identity_provider_unavailable");
  }
}

TEST_F(TokenServiceTest, AsksAFewQuestionsAtATimeInTheirOrder) {
  Make(true);
  Ready();
  std::vector<std::shared_ptr<std::string>> verdicts;
  for (int i = 0; i < 30; ++i) {
    Verify("token-" + std::to_string(i), "192.0.2." + std::to_string(i));
    verdicts.push_back(last_verdict_);
  }
  EXPECT_EQ(IntrospectionsUnderWay(), Introspector::kMaxUnderWay);
  EXPECT_EQ(http_.sent.back().request.body, "token=token-11&token_type_hint=access_token");
  // One that stood in line for too long is not asked about any more.
  time_.Advance(seconds(6));
  std::exchange(http_.sent.back().done, nullptr)(http_client::Failure::kTimeout);
  EXPECT_EQ(IntrospectionsUnderWay(), Introspector::kMaxUnderWay - 1);
  for (size_t i = 11; i < verdicts.size(); ++i) EXPECT_EQ(*verdicts[i], "identity_provider_unavailable") << i;
  EXPECT_EQ(*verdicts[0], "waiting");
  EXPECT_EQ(AnswerIntrospections(Response{200, GoodAnswer()}), Introspector::kMaxUnderWay - 1);
  EXPECT_EQ(*verdicts[0], "good alice");
  // Those that waited for a place are asked about as places come free.
  for (int i = 0; i < 30; ++i) Verify("again-" + std::to_string(i), "192.0.2." + std::to_string(i));
  EXPECT_EQ(AnswerIntrospections(Response{200, GoodAnswer()}), 30u);
  EXPECT_EQ(*last_verdict_, "good alice");
}

TEST_F(TokenServiceTest, BoundsTheLineOfQuestions) {
  Make(true);
  Ready();
  const auto address = [](size_t i) { return "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250); };
  for (size_t i = 0; i < Introspector::kMaxQuestions; ++i) {
    ASSERT_EQ(Verify("token-" + std::to_string(i), address(i)), "waiting");
  }
  EXPECT_EQ(Verify("one-more", address(5000)), "identity_provider_unavailable");
  EXPECT_EQ(Verify("token-999", address(999)), "waiting") << "joins the question";
}

// What is shaped like an encrypted or a torn JWT goes to introspection; a provider that cannot read it says 400.
TEST_F(TokenServiceTest, ATokenThatTheProviderCannotReadIsTheTokensFault) {
  Make(true);
  Ready();
  for (const std::string token : {"eyJhbGciOiJub25lIn0.e30", "eyJhbGciOiJkaXIifQ..a.b.c"}) {
    EXPECT_EQ(Verify(token), "waiting");
    http_.AnswerLast(Response{400, R"({"error":"invalid_request","error_description":"invalid token"})"});
    EXPECT_EQ(*last_verdict_, "malformed");
    EXPECT_EQ(Verify(token), "malformed") << "not asked for again at once";
  }
}

// Two identity providers with the same client id and subject are two users.
TEST_F(TokenServiceTest, KeepsIssuersApart) {
  test::TestIssuer second("https://second.example");
  TokenServiceConfig config;
  config.policy.issuers = {kIssuer, second.issuer()};
  config.policy.audiences = {kAudience};
  config.jwks_uris = {{kIssuer, "https://idp.example/jwks"}, {second.issuer(), "https://second.example/jwks"}};
  http_.answers["https://idp.example/jwks"] = Response{200, Issuer().Jwks()};
  http_.answers["https://second.example/jwks"] = Response{200, second.Jwks()};
  service_ = std::make_unique<TokenService>(
      config, http_, [this] { return time_.now(); }, time_);
  service_->Start();
  std::vector<std::string> clients;
  const auto note = [&](const TokenVerdict& verdict) {
    clients.push_back(verdict ? (*verdict)->client_id : "refused");
  };
  service_->Verify(Issuer().Token(Claims()), "", note);
  service_->Verify(second.Token(second.Claims(time_.now())), "", note);
  // Signed by the second, said to be of the first.
  service_->Verify(second.Token(Claims()), "", note);
  EXPECT_EQ(clients, (std::vector<std::string>{"web", "https://second.example|web", "refused"}));
}

TEST_F(TokenServiceTest, RefusesTextsThatAreNoTokens) {
  Make(true);
  Ready();
  const size_t sent = http_.sent.size();
  for (const std::string& token :
       {std::string(), std::string(5000, 'x'), std::string("a b"), std::string("a\r\nb"), std::string("eyJ.x.y")}) {
    EXPECT_EQ(Verify(token), "malformed") << token.substr(0, 10);
  }
  EXPECT_EQ(http_.sent.size(), sent);
  Make(false);
  EXPECT_EQ(Verify("opaque"), "malformed") << "no introspection configured";
}

TEST_F(TokenServiceTest, NoSecretIsEverObserved) {
  Make(true);
  Ready();
  Verify("opaque-secret");
  http_.AnswerLast(Response{200, R"({"active":false})"});
  Verify(Issuer().Token(Claims()) + "AAAA");
  for (const std::string& line : observed_) {
    EXPECT_EQ(line.find("opaque-secret"), std::string::npos);
    EXPECT_EQ(line.find("eyJ"), std::string::npos);
    EXPECT_EQ(line.find("s:cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace byon::api
