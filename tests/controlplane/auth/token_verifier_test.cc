#include "controlplane/auth/token_verifier.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "controlplane/auth/number_ranges.h"
#include "controlplane/auth/unproved_claims.h"
#include "tests/controlplane/auth/test_issuer.h"

namespace byon::auth {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::system_clock;
using test::TestIssuer;

// One issuer for all tests: RSA keys are dear to make.
TestIssuer& Issuer() {
  static TestIssuer issuer;
  return issuer;
}

TokenPolicy Policy() {
  TokenPolicy policy;
  policy.issuers = {Issuer().issuer(), "https://other.example"};
  policy.audiences = {"https://gw.example/webrtc"};
  return policy;
}

std::string VerdictOf(const std::string& token, const TokenPolicy& policy, const std::string& jwks) {
  const auto jwt = ParseJwt(policy, token);
  if (!jwt) return std::string(ToString(jwt.error()));
  const auto keys = JwkSet::Parse(jwks);
  if (!keys) return "no keys";
  const auto verified = VerifyJwt(policy, *jwt, *keys, system_clock::now());
  return verified ? "good" : std::string(ToString(verified.error()));
}
std::string VerdictOf(const std::string& token) { return VerdictOf(token, Policy(), Issuer().Jwks()); }

std::string VerdictOfClaims(const std::function<void(json&)>& change) {
  json claims = Issuer().Claims();
  change(claims);
  return VerdictOf(Issuer().Token(claims));
}
std::string VerdictOfHeader(const std::function<void(json&)>& change) {
  json header = Issuer().Header("ES256");
  change(header);
  return VerdictOf(Issuer().Sign(header, Issuer().Claims(), "ES256"));
}

int64_t Now() { return std::chrono::duration_cast<seconds>(system_clock::now().time_since_epoch()).count(); }

class EveryAlgorithm : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithm, ::testing::Values("ES256", "RS256", "PS256", "EdDSA"));

TEST_P(EveryAlgorithm, AcceptsAGoodToken) {
  EXPECT_EQ(VerdictOf(Issuer().Token(Issuer().Claims(), GetParam())), "good");
}

TEST_P(EveryAlgorithm, RefusesAChangedToken) {
  std::string token = Issuer().Token(Issuer().Claims(), GetParam());
  const size_t dot = token.rfind('.');
  std::string other = Issuer().Token(
      json(Issuer().Claims()).patch(json::parse(R"([{"op":"replace","path":"/sub","value":"mallory"}])")), GetParam());
  const std::string mixed = other.substr(0, other.rfind('.')) + token.substr(dot);
  EXPECT_EQ(VerdictOf(mixed), "bad_signature");
  EXPECT_EQ(VerdictOf(token.substr(0, dot + 1)), "malformed");
  EXPECT_EQ(VerdictOf(token.substr(0, dot + 1) + EncodeBase64Url(std::string(64, '\0'))), "bad_signature");
}

TEST_P(EveryAlgorithm, IsRefusedWhenThePolicyDoesNotNameIt) {
  TokenPolicy policy = Policy();
  std::erase(policy.algorithms, *ParseAlgorithm(GetParam()));
  EXPECT_EQ(VerdictOf(Issuer().Token(Issuer().Claims(), GetParam()), policy, Issuer().Jwks()), "algorithm_not_allowed");
}

TEST(TokenVerifierTest, TellsWhatTheTokenSays) {
  const TokenPolicy policy = Policy();
  const json claims = Issuer().Claims();
  const auto jwt = ParseJwt(policy, Issuer().Token(claims));
  ASSERT_TRUE(jwt.ok());
  const auto token = VerifyJwt(policy, *jwt, *JwkSet::Parse(Issuer().Jwks()), system_clock::now());
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->issuer, "https://idp.example");
  EXPECT_EQ(token->client_id, "web");
  EXPECT_EQ(token->subject, "alice");
  EXPECT_EQ(token->phone_number, "+34600000001");
  EXPECT_FALSE(token->is_two_legged);
  EXPECT_TRUE(token->HasScope("a:write"));
  EXPECT_FALSE(token->HasScope("a:writ"));
  EXPECT_EQ(token->expires_at, WallTime(seconds(claims["exp"].get<int64_t>())));
}

TEST(TokenVerifierTest, KnowsATokenWithoutAUser) {
  for (const bool has_subject : {false, true}) {
    json claims = Issuer().Claims();
    claims["sub"] = "web";
    if (!has_subject) claims.erase("sub");
    claims.erase("phone_number");
    TokenPolicy policy = Policy();
    policy.server_clients = {{"web", Issuer().issuer(), {"+3460"}}};
    const auto jwt = ParseJwt(policy, Issuer().Token(claims));
    const auto token = VerifyJwt(policy, *jwt, *JwkSet::Parse(Issuer().Jwks()), system_clock::now());
    ASSERT_TRUE(token.ok());
    EXPECT_TRUE(token->is_two_legged);
    EXPECT_EQ(token->subject, "");
    EXPECT_EQ(token->number_ranges, std::vector<std::string>{"+3460"});
    EXPECT_FALSE(token->phone_number.has_value()) << "a client has no number of its own";
  }
}

// A token without a user speaks for many: nobody comes by one because an identity provider leaves `sub` out, or because
// he calls himself like a client.
TEST(TokenVerifierTest, OnlyServersComeWithoutAUser) {
  for (const bool has_subject : {false, true}) {
    json claims = Issuer().Claims();
    claims["sub"] = "web";
    if (!has_subject) claims.erase("sub");
    TokenPolicy policy = Policy();
    const auto verdict = [&] { return VerdictOf(Issuer().Token(claims), policy, Issuer().Jwks()); };
    EXPECT_EQ(verdict(), "no_user") << "it is no server";
    policy.server_clients = {{"web", "https://other.example", {"+"}}, {"pbx", Issuer().issuer(), {"+"}}};
    EXPECT_EQ(verdict(), "no_user") << "another issuer's is";
    policy.server_clients.push_back({"web", Issuer().issuer(), {"+"}});
    EXPECT_EQ(verdict(), "no_user") << "a number is a user's";
    claims.erase("phone_number");
    EXPECT_EQ(verdict(), "good");
  }
  const json answer{{"active", true}, {"token_type", "Bearer"}, {"client_id", "web"}, {"exp", Now() + 60}};
  const auto opaque = VerifyIntrospection(Policy(), Issuer().issuer(), answer.dump(), system_clock::now());
  ASSERT_FALSE(opaque.ok());
  EXPECT_EQ(opaque.error(), TokenFailure::kNoUser);
}

TEST(TokenVerifierTest, UsersOfTwoIssuersAreTwo) {
  TokenPolicy policy = Policy();
  policy.issuers = {"https://other.example", Issuer().issuer()};
  const auto jwt = ParseJwt(policy, Issuer().Token(Issuer().Claims()));
  const auto token = VerifyJwt(policy, *jwt, *JwkSet::Parse(Issuer().Jwks()), system_clock::now());
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->subject, Issuer().issuer() + "\nalice");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["sub"] = "https://other.example\nalice"; }), "bad_claim")
      << "nobody names himself so";
}

TEST(TokenVerifierTest, NamesOfTheGatewaysOwnClientsAreNobodysElse) {
  for (const char* name : {"sip-digest", "click-to-call:shop"}) {
    EXPECT_EQ(VerdictOfClaims([name](json& c) { c["client_id"] = name; }), "bad_claim") << name;
  }
}

// A13: none, symmetric algorithms with the public key, odd spellings.
TEST(TokenVerifierTest, RefusesOtherAlgorithms) {
  for (const char* name : {"none", "None", "nOnE", "NONE", "HS256", "es256", "ES384", "RS512", "dir", ""}) {
    EXPECT_EQ(VerdictOfHeader([name](json& header) { header["alg"] = name; }), "algorithm_not_allowed") << name;
  }
  EXPECT_EQ(VerdictOfHeader([](json& header) { header.erase("alg"); }), "algorithm_not_allowed");
  EXPECT_EQ(VerdictOfHeader([](json& header) { header["alg"] = 1; }), "algorithm_not_allowed");
  EXPECT_EQ(VerdictOfHeader([](json& header) { header["alg"] = json::array({"ES256"}); }), "algorithm_not_allowed");
}

TEST(TokenVerifierTest, RefusesAnAlgorithmThatTheKeyIsNotFor) {
  // Signed by the RSA key as PS256, but the header says RS256 with the PS256 key's kid and so on.
  json header = Issuer().Header("ES256");
  header["kid"] = Issuer().Kid("RS256");
  EXPECT_EQ(VerdictOf(Issuer().Sign(header, Issuer().Claims(), "ES256")), "unknown_key");
  header = Issuer().Header("RS256");
  header["kid"] = Issuer().Kid("PS256");
  EXPECT_EQ(VerdictOf(Issuer().Sign(header, Issuer().Claims(), "RS256")), "unknown_key");
}

// A14: nothing in the header leads to a key but the kid.
TEST(TokenVerifierTest, IgnoresKeysThatTheTokenBrings) {
  TestIssuer mallory("https://idp.example");
  json header = mallory.Header("ES256");
  header["jwk"] = mallory.Jwk("ES256");
  header["jku"] = "https://mallory.example/jwks";
  header["x5u"] = "https://mallory.example/cert";
  header["x5c"] = json::array({"MIIB"});
  EXPECT_EQ(VerdictOf(mallory.Sign(header, Issuer().Claims(), "ES256")), "bad_signature");
  header["kid"] = "mallory";
  EXPECT_EQ(VerdictOf(mallory.Sign(header, Issuer().Claims(), "ES256")), "unknown_key");
  for (const std::string& kid : {std::string("../../etc/passwd"), std::string("' OR 1=1 --"), std::string(900, 'k')}) {
    EXPECT_EQ(VerdictOfHeader([&](json& h) { h["kid"] = kid; }), "unknown_key") << kid.substr(0, 20);
  }
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["kid"] = std::string(4000, 'k'); }), "malformed");
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["kid"] = 7; }), "malformed");
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["kid"] = nullptr; }), "malformed");
}

TEST(TokenVerifierTest, RefusesHeadersItMustUnderstand) {
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["crit"] = json::array({"exp"}); }), "critical_header");
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["b64"] = false; }), "critical_header");
}

// A15: an ID token is no access token.
TEST(TokenVerifierTest, ChecksTheType) {
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["typ"] = "application/AT+JWT"; }), "good");
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["typ"] = "JWT"; }), "type_not_allowed");
  EXPECT_EQ(VerdictOfHeader([](json& h) { h["typ"] = "logout+jwt"; }), "type_not_allowed");
  EXPECT_EQ(VerdictOfHeader([](json& h) { h.erase("typ"); }), "type_not_allowed");
  TokenPolicy policy = Policy();
  policy.types.push_back("JWT");
  json header = Issuer().Header("ES256");
  header["typ"] = "JWT";
  EXPECT_EQ(VerdictOf(Issuer().Sign(header, Issuer().Claims(), "ES256"), policy, Issuer().Jwks()), "good");
}

TEST(TokenVerifierTest, ChecksTheTimes) {
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = Now() - 31; }), "expired");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = Now() - 20; }), "good") << "within the leeway";
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["nbf"] = Now() + 60; }), "not_yet_valid");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["nbf"] = Now() + 20; }), "good");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["iat"] = Now() + 600; }), "not_yet_valid");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c.erase("exp"); }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = "tomorrow"; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = -5; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = 1e300; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = nullptr; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["exp"] = static_cast<double>(Now()) + 100.5; }), "good");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["nbf"] = "0"; }), "bad_claim");
  std::string claims = Issuer().Claims().dump();
  const size_t at = claims.find("\"exp\":");
  claims.replace(at, claims.find(',', at) - at, "\"exp\":1e400");
  EXPECT_EQ(VerdictOf(Issuer().SignText(Issuer().Header("ES256").dump(), claims, "ES256")), "malformed");
}

TEST(TokenVerifierTest, ChecksTheAudience) {
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["aud"] = json::array({"x", "https://gw.example/webrtc"}); }), "good");
  for (const json& audience :
       {json("https://gw.example"), json("https://gw.example/webrtc/"), json(""), json(json::array()),
        json(json::array({1, "https://gw.example/webrtc"})), json({{"https://gw.example/webrtc", 1}}), json(nullptr)}) {
    EXPECT_EQ(VerdictOfClaims([&](json& c) { c["aud"] = audience; }), "wrong_audience") << audience;
  }
  EXPECT_EQ(VerdictOfClaims([](json& c) { c.erase("aud"); }), "wrong_audience");
}

TEST(TokenVerifierTest, ChecksTheIssuer) {
  for (const json& issuer : {json("https://idp.example/"), json("https://idp.example.mallory.example"),
                             json("https://idp"), json(""), json(nullptr), json(5)}) {
    EXPECT_EQ(VerdictOfClaims([&](json& c) { c["iss"] = issuer; }), "unknown_issuer") << issuer;
  }
}

TEST(TokenVerifierTest, ChecksIdentityClaims) {
  EXPECT_EQ(VerdictOfClaims([](json& c) { c.erase("client_id"); }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) {
              c.erase("client_id");
              c["azp"] = "web";
            }),
            "good");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["sub"] = 5; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["sub"] = "a\r\nb"; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["sub"] = std::string(2000, 'a'); }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["phone_number"] = "tel:+34600000001"; }), "good");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c.erase("phone_number"); }), "good");
  for (const char* number : {"34600000001", "+0600000001", "+34 600", "+3460000000a", "+1234", "+1234567890123456",
                             "+34600000001;x", "sip:a@b"}) {
    EXPECT_EQ(VerdictOfClaims([&](json& c) { c["phone_number"] = number; }), "bad_claim") << number;
  }
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["scope"] = json::array({"a", "b"}); }), "good");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["scope"] = 5; }), "bad_claim");
  EXPECT_EQ(VerdictOfClaims([](json& c) { c["cnf"] = {{"jkt", "x"}}; }), "sender_constrained");
}

TEST(TokenVerifierTest, RefusesTextsThatAreNoTokens) {
  for (const char* token : {"", ".", "..", "...", "a.b.c", "eyJ.eyJ.eyJ", "a.b", "a.b.c.d", "e30.e30.",
                            "e30.e30.AA=", "e30 .e30.AAAA", "W10.W10.AAAA"}) {
    EXPECT_EQ(VerdictOf(token), "malformed") << token;
  }
  EXPECT_EQ(VerdictOf(Issuer().SignText(R"({"alg":"ES256","alg":"none","typ":"at+jwt"})", "{}", "ES256")), "malformed");
  EXPECT_EQ(VerdictOf(std::string(20'000, 'a')), "malformed");
}

TEST(TokenVerifierTest, FollowsTheNumberClaimOfThePolicy) {
  TokenPolicy policy = Policy();
  policy.number_claim = "msisdn";
  json claims = Issuer().Claims();
  claims["msisdn"] = "+34600000099";
  const auto jwt = ParseJwt(policy, Issuer().Token(claims));
  const auto token = VerifyJwt(policy, *jwt, *JwkSet::Parse(Issuer().Jwks()), system_clock::now());
  EXPECT_EQ(token->phone_number, "+34600000099");
}

std::string Introspect(const json& answer) {
  const auto verdict = VerifyIntrospection(Policy(), "https://idp.example", answer.dump(), system_clock::now());
  return verdict ? "good" : std::string(ToString(verdict.error()));
}

TEST(NumberRangesTest, ANumberBeginsWithOne) {
  EXPECT_TRUE(IsInRanges("+34600000001", {}));
  EXPECT_TRUE(IsInRanges("+34600000001", {"+35", "+3460"}));
  EXPECT_FALSE(IsInRanges("+34600000001", {"+3461"}));
  EXPECT_FALSE(IsInRanges("+346", {"+3460"}));
}

TEST(UnprovedClaimsTest, TellsTextsOfAJwtWithoutItsKey) {
  const auto read = [](const std::string& claims) {
    return UnprovedClaims::Read(EncodeBase64Url(R"({"alg":"none"})") + "." + EncodeBase64Url(claims) + ".");
  };
  const auto claims = read(R"({"iss":"i","phone_number":"tel:+34600000001","exp":7,"aud":["a"]})");
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->Text("iss"), "i");
  EXPECT_EQ(claims->Text("exp"), "");
  EXPECT_EQ(claims->Text("aud"), "");
  EXPECT_EQ(claims->Number("phone_number"), "+34600000001");
  EXPECT_EQ(claims->Number("other"), "");
  EXPECT_FALSE(read("[]"));
  EXPECT_FALSE(read(R"({"iss":"i","iss":"j"})")) << "two readers must not read two issuers";
  EXPECT_FALSE(UnprovedClaims::Read("opaque"));
  EXPECT_FALSE(UnprovedClaims::Read("eyJ.*.x"));
  EXPECT_FALSE(UnprovedClaims::Read("eyJ" + std::string(20'000, 'a') + "..."));
}

TEST(IntrospectionTest, ReadsTheAnswer) {
  json answer = Issuer().Claims();
  answer["active"] = true;
  answer["token_type"] = "Bearer";
  EXPECT_EQ(Introspect(answer), "good");
  json without = answer;
  without.erase("aud");
  without.erase("iss");
  EXPECT_EQ(Introspect(without), "good");
  const std::pair<std::function<void(json&)>, const char*> wrong[] = {
      {[](json& a) { a["active"] = false; }, "inactive"},
      {[](json& a) { a["active"] = "true"; }, "identity_provider_unavailable"},
      {[](json& a) { a.erase("active"); }, "identity_provider_unavailable"},
      {[](json& a) { a.erase("token_type"); }, "type_not_allowed"},
      {[](json& a) { a["token_type"] = "DPoP"; }, "type_not_allowed"},
      {[](json& a) { a["iss"] = "https://mallory.example"; }, "unknown_issuer"},
      {[](json& a) { a["aud"] = "else"; }, "wrong_audience"},
      {[](json& a) { a["exp"] = 5; }, "expired"},
      {[](json& a) { a.erase("exp"); }, "bad_claim"},
      {[](json& a) { a["cnf"] = json::object(); }, "sender_constrained"},
  };
  for (const auto& [change, verdict] : wrong) {
    json bad = answer;
    change(bad);
    EXPECT_EQ(Introspect(bad), verdict);
  }
  const auto garbage = VerifyIntrospection(Policy(), "https://idp.example", "<html>", system_clock::now());
  EXPECT_EQ(garbage.error(), TokenFailure::kUnavailable);
}

}  // namespace
}  // namespace byon::auth
