#include "controlplane/operators/operator_directory.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"

namespace byon::operators {
namespace {

using nlohmann::json;

// Nobody signed it: the directory must not care.
std::string TokenOf(const json& claims) {
  return auth::EncodeBase64Url(R"({"alg":"ES256"})") + "." + auth::EncodeBase64Url(claims.dump()) + ".c2ln";
}
std::string Token(const std::string& issuer, const std::string& number = "") {
  json claims{{"iss", issuer}};
  if (!number.empty()) claims["phone_number"] = number;
  return TokenOf(claims);
}

OperatorEntry Entry(std::string id, std::vector<std::string> hosts, std::vector<std::string> issuers,
                    std::vector<std::string> ranges = {}) {
  return {std::move(id), std::move(hosts), std::move(issuers), std::move(ranges)};
}

// 0 and 1 by host, 2 and 3 by number at one issuer.
OperatorDirectory Four() {
  return OperatorDirectory({Entry("north", {"north.example"}, {"https://id.north"}),
                            Entry("south", {"south.example:8443", "south.example"}, {"https://id.south"}),
                            Entry("east", {}, {"https://id.shared", "https://id.east"}, {"+3460", "+3461"}),
                            Entry("west", {}, {"https://id.shared"}, {"+3470"})});
}

TEST(OperatorDirectoryTest, AHostBelongsToOne) {
  const OperatorDirectory directory = Four();
  EXPECT_EQ(directory.OfHost("north.example"), 0u);
  EXPECT_EQ(directory.OfHost("NORTH.example:443"), 0u);
  EXPECT_EQ(directory.OfHost("north.example."), 0u);
  EXPECT_EQ(directory.OfHost("north.example.:8080"), 0u);
  EXPECT_EQ(directory.OfHost("south.example:8443"), 1u);
  EXPECT_EQ(directory.OfHost("gw.example"), std::nullopt);
  EXPECT_EQ(directory.OfHost(""), std::nullopt);
  EXPECT_EQ(directory.OfHost(":8080"), std::nullopt);
  EXPECT_EQ(directory.OfHost("["), std::nullopt);
  EXPECT_EQ(directory.OfHost(std::string(10'000, 'a')), std::nullopt);
}

TEST(OperatorDirectoryTest, APortNarrowsAHost) {
  const OperatorDirectory directory(
      {Entry("any", {"gw.example", "[2001:db8::1]"}, {}), Entry("one", {"gw.example:8443", "[2001:db8::1]:8443"}, {})});
  EXPECT_EQ(directory.OfHost("gw.example"), 0u);
  EXPECT_EQ(directory.OfHost("gw.example:8443"), 1u);
  EXPECT_EQ(directory.OfHost("gw.example:8444"), 0u);
  EXPECT_EQ(directory.OfHost("[2001:DB8::1]"), 0u);
  EXPECT_EQ(directory.OfHost("[2001:db8::1]:8443"), 1u);
}

TEST(OperatorDirectoryTest, TheHostDecidesWhateverTheTokenSays) {
  const OperatorDirectory directory = Four();
  EXPECT_EQ(directory.OfToken("north.example", Token("https://id.south")), 0u);
  EXPECT_EQ(directory.OfToken("south.example", Token("https://id.shared", "+34600000001")), 1u);
  EXPECT_EQ(directory.OfToken("south.example", "opaque"), 1u);
}

TEST(OperatorDirectoryTest, ElsewhereTheIssuerDecides) {
  const OperatorDirectory directory = Four();
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.north")), 0u);
  EXPECT_EQ(directory.OfToken("", Token("https://id.south")), 1u);
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.east", "+34999")), 2u);
}

TEST(OperatorDirectoryTest, AmongSeveralOfOneIssuerTheNumberDecides) {
  const OperatorDirectory directory = Four();
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.shared", "+34600000001")), 2u);
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.shared", "tel:+34610000001")), 2u);
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.shared", "+34700000001")), 3u);
  // Neither guessed nor given to the first: the token does not tell.
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.shared", "+34800000001")), std::nullopt);
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.shared")), std::nullopt);
  EXPECT_EQ(directory.OfToken("gw.example", TokenOf({{"iss", "https://id.shared"}, {"phone_number", 34600000001}})),
            std::nullopt);
}

TEST(OperatorDirectoryTest, EachReadsTheNumberFromItsOwnClaim) {
  OperatorEntry east = Entry("east", {}, {"i"}, {"+3460"});
  OperatorEntry west = Entry("west", {}, {"i"}, {"+3470"});
  west.number_claim = "msisdn";
  const OperatorDirectory directory({east, west});
  EXPECT_EQ(directory.OfToken("", TokenOf({{"iss", "i"}, {"msisdn", "+34700000001"}})), 1u);
  EXPECT_EQ(directory.OfToken("", TokenOf({{"iss", "i"}, {"phone_number", "+34700000001"}})), std::nullopt);
}

TEST(OperatorDirectoryTest, WhoShowsNothingIsServedByTheFirstWithoutHosts) {
  const OperatorDirectory directory = Four();
  EXPECT_EQ(directory.OfStranger("gw.example"), 2u);
  EXPECT_EQ(directory.OfStranger("north.example"), 0u);
  EXPECT_EQ(directory.OfToken("gw.example", Token("https://id.nobody")), 2u);
  const OperatorDirectory all_named({Entry("a", {"a"}, {"i"}), Entry("b", {"b"}, {"j"})});
  EXPECT_EQ(all_named.OfStranger("c"), std::nullopt);
  EXPECT_EQ(all_named.OfToken("c", Token("nobody")), 0u);
}

TEST(OperatorDirectoryTest, AnOpaqueTokenIsShownToNoSecondIdentityProvider) {
  OperatorEntry a = Entry("a", {"a"}, {"i"});
  OperatorEntry b = Entry("b", {"b"}, {"j"});
  b.introspects = true;
  EXPECT_EQ(OperatorDirectory({a, b}).OfToken("c", "opaque"), 1u);
  EXPECT_EQ(OperatorDirectory({a, b}).OfToken("c", "eyJ.no-json.x"), 1u);
  a.introspects = true;
  EXPECT_EQ(OperatorDirectory({a, b}).OfToken("c", "opaque"), 0u);
  EXPECT_EQ(OperatorDirectory({a, b}).OfToken("b", "opaque"), 1u);
}

TEST(OperatorDirectoryTest, AVisitorsTokenNamesTheOperatorThatGaveItOut) {
  const OperatorDirectory directory = Four();
  EXPECT_EQ(directory.OfToken("gw.example", "byon-visit.west.id.secret"), 3u);
  EXPECT_EQ(directory.OfToken("gw.example", "byon-visit.north.id.secret"), 0u);
  EXPECT_EQ(directory.OfToken("south.example", "byon-visit.north.id.secret"), 1u) << "the host decides first";
  EXPECT_EQ(directory.OfToken("gw.example", "byon-visit.nobody.id.secret"), 2u) << "who says no";
}

TEST(OperatorDirectoryTest, ASingleOperatorHasEveryHost) {
  const OperatorDirectory directory({Entry("only", {"a.example"}, {"i"})});
  EXPECT_EQ(directory.OfHost("elsewhere"), 0u);
  EXPECT_EQ(directory.OfToken("elsewhere", Token("nobody")), 0u);
}

}  // namespace
}  // namespace byon::operators
