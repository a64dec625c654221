#include <gtest/gtest.h>

#include "controlplane/auth/base64url.h"
#include "controlplane/auth/jwk_set.h"
#include "controlplane/auth/key_cache.h"
#include "controlplane/auth/verdict_cache.h"
#include "tests/controlplane/auth/test_issuer.h"

namespace byon::auth {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// RFC 7515 appendix C and RFC 4648 section 10.
TEST(Base64UrlTest, DecodesAndEncodes) {
  EXPECT_EQ(DecodeBase64Url("A-z_4ME"), std::string("\x03\xec\xff\xe0\xc1"));
  EXPECT_EQ(EncodeBase64Url("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(text)), text);
  }
  for (const char* bad : {"Zg==", "A", "A+/4", "Zh", "Zm9", "A b0", "AAAAA"}) {
    EXPECT_FALSE(DecodeBase64Url(bad).has_value()) << bad;
  }
}

std::optional<JwkSet> SetOf(const std::vector<json>& keys) { return JwkSet::Parse(json{{"keys", keys}}.dump()); }

TEST(JwkSetTest, SkipsKeysThatCannotBeUsed) {
  test::TestIssuer issuer;
  const json good = issuer.Jwk("ES256");
  const json rsa = issuer.Jwk("RS256");
  const auto skips = [](json key, const std::function<void(json&)>& change) {
    change(key);
    const auto set = SetOf({key});
    ASSERT_TRUE(set.has_value());
    EXPECT_EQ(set->size(), 0u) << key;
    EXPECT_EQ(set->skipped(), 1u);
  };
  EXPECT_EQ(SetOf({good, rsa})->size(), 2u);
  skips(good, [](json& k) { k["use"] = "enc"; });
  skips(good, [](json& k) { k["key_ops"] = json::array({"sign"}); });
  skips(good, [](json& k) { k["alg"] = "ES384"; });
  skips(good, [](json& k) { k["alg"] = "RS256"; });
  skips(good, [](json& k) { k["crv"] = "P-384"; });
  skips(good, [](json& k) { k["crv"] = "secp256k1"; });
  skips(good, [](json& k) { std::swap(k["x"], k["y"]); });  // off the curve
  skips(good, [](json& k) { k["x"] = EncodeBase64Url(std::string(32, '\0')); });
  skips(good, [](json& k) { k["x"] = EncodeBase64Url(std::string(31, '\1')); });
  skips(good, [](json& k) { k["kid"] = 5; });
  skips(good, [](json& k) { k["kty"] = "oct"; });
  skips(rsa, [](json& k) { k["e"] = "AQ"; });                                       // 1
  skips(rsa, [](json& k) { k["e"] = "Aw"; });                                       // 3
  skips(rsa, [](json& k) { k["e"] = "AQAA"; });                                     // 65536, even
  skips(rsa, [](json& k) { k["n"] = EncodeBase64Url(std::string(128, '\xff')); });  // 1024 bits
  skips(rsa, [](json& k) { k["n"] = EncodeBase64Url(std::string(256, '\xfe')); });  // even
  skips(rsa, [](json& k) { k["n"] = EncodeBase64Url(std::string(2048, '\xff')); });
  EXPECT_EQ(SetOf({json("text"), json(5)})->skipped(), 2u);
}

TEST(JwkSetTest, FindsByKidAndAlgorithm) {
  test::TestIssuer issuer;
  const auto set = JwkSet::Parse(issuer.Jwks());
  ASSERT_TRUE(set.has_value());
  EXPECT_NE(set->Find(Algorithm::kEs256, "k-ES256"), nullptr);
  EXPECT_EQ(set->Find(Algorithm::kRs256, "k-ES256"), nullptr);
  EXPECT_EQ(set->Find(Algorithm::kEs256, "k-other"), nullptr);
  EXPECT_EQ(set->Find(Algorithm::kEs256, std::nullopt), set->Find(Algorithm::kEs256, "k-ES256"));
  test::TestIssuer other;
  json second = other.Jwk("ES256");
  second["kid"] = "second";
  const auto two = SetOf({issuer.Jwk("ES256"), second});
  EXPECT_EQ(two->Find(Algorithm::kEs256, std::nullopt), nullptr) << "ambiguous";
  second["kid"] = "k-ES256";
  EXPECT_EQ(SetOf({issuer.Jwk("ES256"), second})->size(), 0u) << "one kid, two keys";
}

TEST(JwkSetTest, RefusesWhatIsNoSet) {
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[)", "null"}) {
    EXPECT_FALSE(JwkSet::Parse(text).has_value()) << text;
  }
}

TEST(JwkSetTest, StaysBoundedWithTenThousandKeys) {
  json keys = json::array();
  for (int i = 0; i < 10'000; ++i) keys.push_back({{"kty", "oct"}, {"k", "AAAA"}});
  const auto set = JwkSet::Parse(json{{"keys", keys}}.dump());
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->size(), 0u);
}

TEST(KeyCacheTest, FetchesOnceInTenSecondsHoweverManyKidsAreUnknown) {
  KeyCache cache;
  const WallTime start{hours(500'000)};
  EXPECT_TRUE(cache.ShouldFetch(false, start)) << "nothing there yet";
  cache.OnFetchStarted(start);
  EXPECT_FALSE(cache.ShouldFetch(true, start)) << "one is under way";
  cache.OnFetched(*SetOf({test::TestIssuer().Jwk("ES256")}), start);
  EXPECT_FALSE(cache.ShouldFetch(false, start + seconds(30)));
  EXPECT_FALSE(cache.ShouldFetch(true, start + seconds(9)));
  EXPECT_TRUE(cache.ShouldFetch(true, start + seconds(10)));
  EXPECT_TRUE(cache.ShouldFetch(false, start + minutes(10))) << "old";
  EXPECT_TRUE(cache.ShouldFetch(true, start - hours(1))) << "the clock was set back";
}

TEST(KeyCacheTest, KeysServeOnWhileTheIssuerIsDown) {
  KeyCache cache;
  const WallTime start{hours(500'000)};
  test::TestIssuer issuer;
  cache.OnFetchStarted(start);
  cache.OnFetched(*SetOf({issuer.Jwk("ES256")}), start);
  cache.OnFetchStarted(start + hours(1));
  cache.OnFetchFailed();
  EXPECT_EQ(cache.keys(start + hours(25)).size(), 1u);
  EXPECT_EQ(cache.keys(start + hours(48)).size(), 0u);
  EXPECT_TRUE(cache.ShouldFetch(false, start + hours(1) + seconds(10)));
}

TEST(VerdictCacheTest, RemembersUntilTheTime) {
  VerdictCache cache(2);
  const WallTime now{hours(500'000)};
  const auto token = std::make_shared<const VerifiedToken>();
  EXPECT_EQ(cache.Find("a", now), nullptr);
  cache.Insert("a", token, now + seconds(10), now);
  EXPECT_EQ(cache.Find("a", now + seconds(9)), token);
  EXPECT_EQ(cache.Find("b", now), nullptr);
  EXPECT_EQ(cache.Find("a", now + seconds(10)), nullptr);
  cache.Insert("old", token, now, now);
  EXPECT_EQ(cache.size(), 0u);
  for (const char* text : {"1", "2", "3", "4"}) cache.Insert(text, token, now + seconds(10), now);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Find("4", now), token);
}

TEST(VerdictCacheTest, WhatWasNotUsedForLongestMakesRoom) {
  VerdictCache cache(3);
  const WallTime now{hours(500'000)};
  const auto token = std::make_shared<const VerifiedToken>();
  for (const char* text : {"a", "b", "c"}) cache.Insert(text, token, now + hours(1), now);
  EXPECT_EQ(cache.Find("a", now), token);
  cache.Insert("d", token, now + hours(1), now);
  EXPECT_EQ(cache.Find("b", now), nullptr) << "a was asked for since";
  for (const char* text : {"c", "a", "d"}) EXPECT_EQ(cache.Find(text, now), token) << text;
  const auto renewed = std::make_shared<const VerifiedToken>();
  cache.Insert("c", renewed, now + hours(1), now);
  EXPECT_EQ(cache.size(), 3u) << "the same token again takes its own place";
  EXPECT_EQ(cache.Find("c", now), renewed);
  cache.Insert("e", token, now + hours(1), now);
  EXPECT_EQ(cache.Find("a", now), nullptr);
}

TEST(VerdictCacheTest, AnIssuersVerdictsGoTogether) {
  VerdictCache cache(10);
  const WallTime now{hours(500'000)};
  VerifiedToken of_one;
  of_one.issuer = "https://one.example";
  VerifiedToken of_other;
  of_other.issuer = "https://other.example";
  for (const char* text : {"1", "2", "3"})
    cache.Insert(text, std::make_shared<const VerifiedToken>(of_one), now + hours(1), now);
  cache.Insert("4", std::make_shared<const VerifiedToken>(of_other), now + hours(1), now);
  cache.ForgetIssuer("https://one.example");
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.Find("2", now), nullptr);
  EXPECT_NE(cache.Find("4", now), nullptr);
}

// A full cache makes room at once: were each of these to look at all that are there, this would take minutes.
TEST(VerdictCacheTest, AFullOneIsAsQuick) {
  constexpr size_t kEntries = 20'000;
  VerdictCache cache(kEntries);
  const WallTime now{hours(500'000)};
  const auto token = std::make_shared<const VerifiedToken>();
  for (size_t i = 0; i < 5 * kEntries; ++i) cache.Insert(std::to_string(i), token, now + hours(1), now);
  EXPECT_EQ(cache.size(), kEntries);
  EXPECT_EQ(cache.Find(std::to_string(4 * kEntries - 1), now), nullptr);
  EXPECT_EQ(cache.Find(std::to_string(4 * kEntries), now), token);
}

}  // namespace
}  // namespace byon::auth
