// Several operators in one file: what they share, what is their own, and what cannot stand side by side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/runtime/config.h"

namespace byon::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kCommon = R"(http: {public_url: "https://gw.example:8443", cors_origins: ["https://all.example"]}
registration: {default_expires_s: 300, max_expires_s: 900}
dataplanes: [{address: "127.0.0.1:50051"}]
)";
// Two that differ in everything; the tests put more keys in front.
const std::string kNorth = R"(id: north, oauth: {issuers: [{issuer: "http://idp-north"}], audience: [a]},
    ims: {home_domain: north.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"]}})";
const std::string kSouth = R"(id: south, oauth: {issuers: [{issuer: "http://idp-south"}], audience: [b]},
    ims: {home_domain: south.test, local: "127.0.0.2:5070", next_hops: ["127.0.0.20:5060"]}})";

LoadedConfig Parse(const std::string& text) { return ParseConfig(text, "file.yaml", "/"); }
LoadedConfig Two(const std::string& of_north, const std::string& of_south, const std::string& common = "") {
  return Parse(kCommon + common + "operators:\n  - {" + of_north + kNorth + "\n  - {" + of_south + kSouth + "\n");
}
std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

TEST(OperatorsConfigTest, AFileWithoutListIsOneOperator) {
  const LoadedConfig loaded = Parse(kCommon + R"(oauth: {issuers: [{issuer: "http://idp"}], audience: [a]}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"]}
)");
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  ASSERT_EQ(loaded.operators.size(), 1u);
  EXPECT_EQ(loaded.operators[0].id, kDefaultOperator);
  EXPECT_THAT(loaded.operators[0].hosts, IsEmpty());
  EXPECT_EQ(loaded.operators[0].config.http.public_url, "https://gw.example:8443");
  EXPECT_EQ(loaded.operators[0].config.ims.home_domain, "ims.test");
}

TEST(OperatorsConfigTest, OwnKeysLieOverTheCommonOnes) {
  const LoadedConfig loaded = Two(
      "hosts: [North.Example], number_ranges: [\"+3460\"], registration: {max_expires_s: 600},", "limits: {calls: 7},");
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  ASSERT_EQ(loaded.operators.size(), 2u);
  const OperatorConfig& north = loaded.operators[0];
  EXPECT_EQ(north.id, "north");
  EXPECT_THAT(north.hosts, ElementsAre("north.example"));
  EXPECT_THAT(north.number_ranges, ElementsAre("+3460"));
  EXPECT_EQ(north.config.ims.home_domain, "north.test");
  EXPECT_EQ(north.config.registration.default_expires.count(), 300);
  EXPECT_EQ(north.config.registration.max_expires.count(), 600);
  EXPECT_EQ(north.config.limits.calls, 0u);
  EXPECT_EQ(north.config.dataplanes.size(), 1u);
  EXPECT_THAT(north.config.http.cors_origins, ElementsAre("https://all.example"));
  const OperatorConfig& south = loaded.operators[1];
  EXPECT_EQ(south.config.registration.max_expires.count(), 900);
  EXPECT_EQ(south.config.limits.calls, 7u);
  EXPECT_EQ(south.config.oauth.issuers[0].issuer, "http://idp-south");
}

TEST(OperatorsConfigTest, ThePublicUrlIsTheFirstHostUnlessGiven) {
  const LoadedConfig derived = Two("hosts: [north.example], ", "hosts: [\"south.example:444\"], ");
  ASSERT_THAT(derived.mistakes, IsEmpty());
  EXPECT_EQ(derived.config.http.public_url, "https://gw.example:8443");
  EXPECT_EQ(derived.operators[0].config.http.public_url, "https://north.example:8443");
  EXPECT_EQ(derived.operators[1].config.http.public_url, "https://south.example:444");
  const LoadedConfig given =
      Two("hosts: [north.example], http: {public_url: \"https://North.example\", cors_origins: []}, ", "");
  ASSERT_THAT(given.mistakes, IsEmpty());
  EXPECT_EQ(given.operators[0].config.http.public_url, "https://North.example");
  EXPECT_THAT(given.operators[0].config.http.cors_origins, IsEmpty());
  EXPECT_EQ(given.operators[1].config.http.public_url, "https://gw.example:8443");
  EXPECT_THAT(
      Two("hosts: [north.example], http: {public_url: \"https://other.example\"}, ", "").mistakes,
      ElementsAre(HasSubstr("operators.0.http.public_url is \"https://other.example\"; its host must be one of")));
}

TEST(OperatorsConfigTest, WhatIsMissingIsMissingWithTheOperator) {
  const LoadedConfig loaded =
      Parse(kCommon + "operators:\n  - {" + kNorth + "\n  - {id: south, ims: {home_domain: s.test}}\n");
  EXPECT_THAT(loaded.mistakes,
              ::testing::UnorderedElementsAre("file.yaml:7: operators.1.oauth is missing; it has no default.",
                                              "file.yaml:7: operators.1.ims.local is missing; it has no default."));
  EXPECT_THAT(Parse(kCommon + "operators: []\n").mistakes, ElementsAre(HasSubstr("operators is empty")));
  EXPECT_THAT(Parse(kCommon).mistakes,
              ::testing::UnorderedElementsAre(HasSubstr("oauth is missing"), HasSubstr("ims is missing")));
}

TEST(OperatorsConfigTest, OnlyWhatIsAnOperatorsMayBeItsOwn) {
  EXPECT_THAT(Two("limits: {body_bytes: 5000}, ", "").mistakes,
              ElementsAre(HasSubstr("operators.0.limits.body_bytes is not a key")));
  EXPECT_THAT(Two("http: {listen: \"127.0.0.1:1\"}, ", "").mistakes,
              ElementsAre(HasSubstr("operators.0.http.listen is not a key")));
  EXPECT_THAT(Two("store: {kind: memory}, ", "").mistakes, ElementsAre(HasSubstr("operators.0.store is not a key")));
  EXPECT_THAT(Two("number_ranges: [\"0034\"], ", "").mistakes,
              ElementsAre(HasSubstr("the beginning of numbers with a leading +")));
  EXPECT_THAT(Two("hosts: [\"https://x\"], ", "").mistakes, ElementsAre(HasSubstr("a host name or IP address")));
}

TEST(OperatorsConfigTest, AMistakeIsToldOnceAndWhereItStands) {
  EXPECT_THAT(Two("registration: {min_expires_s: 400}, ", "").mistakes,
              ElementsAre("file.yaml:5: operators.0.registration.default_expires_s must not be below min_expires_s nor "
                          "above max_expires_s."));
  EXPECT_THAT(Two("", "", "webhooks: {ca_file: nowhere.pem}\n").mistakes,
              ElementsAre("file.yaml:4: webhooks.ca_file is \"/nowhere.pem\"; that file cannot be read."));
  EXPECT_THAT(Two("webhooks: {ca_file: nowhere.pem}, ", "").mistakes,
              ElementsAre("file.yaml:5: operators.0.webhooks.ca_file is \"/nowhere.pem\"; that file cannot be read."));
}

TEST(OperatorsConfigTest, NoTwoHaveOneIdHostOrSocket) {
  EXPECT_THAT(
      Parse(kCommon + "operators:\n  - {" + kNorth + "\n  - {" + Replaced(kSouth, "south", "north") + "\n").mistakes,
      ElementsAre("file.yaml:7: operators.1.id is \"north\"; another operator has that id already."));
  EXPECT_THAT(
      Two("hosts: [a.example], ", "hosts: [b.example, A.example], ").mistakes,
      ElementsAre(HasSubstr("operators.1.hosts.1 is \"a.example\"; that host belongs to operator north already.")));
  EXPECT_THAT(Two("hosts: [a.example, a.example], ", "").mistakes, ElementsAre(HasSubstr("stands in the list twice")));
  EXPECT_THAT(
      Parse(kCommon + "operators:\n  - {" + kNorth + "\n  - {" + Replaced(kSouth, "127.0.0.2", "127.0.0.1") + "\n")
          .mistakes,
      ElementsAre(HasSubstr("operators.1.ims.local is \"127.0.0.1:5070\"; operator north speaks SIP there already")));
  // Each shard has a port.
  const auto shards = [](const std::string& port) {
    return Parse(kCommon + "operators:\n  - {" + Replaced(kNorth, "ims: {", "ims: {shards: 3, ") + "\n  - {" +
                 Replaced(kSouth, "127.0.0.2:5070", "127.0.0.1:" + port) + "\n")
        .mistakes;
  };
  EXPECT_THAT(shards("5072"), ElementsAre(HasSubstr("speaks SIP there already")));
  EXPECT_THAT(shards("5073"), IsEmpty());
}

TEST(OperatorsConfigTest, OperatorsOfOneIssuerAreToldApart) {
  const auto mistakes = [](const std::string& of_north, const std::string& of_south) {
    return Parse(kCommon + "operators:\n  - {" + of_north + kNorth + "\n  - {" + of_south +
                 Replaced(kSouth, "idp-south", "idp-north") + "\n")
        .mistakes;
  };
  EXPECT_THAT(mistakes("", ""),
              ElementsAre(HasSubstr("operators.1.oauth.issuers has \"http://idp-north\" like operator "
                                    "north; both need hosts, or both need number_ranges.")));
  EXPECT_THAT(mistakes("hosts: [n.example], ", "number_ranges: [\"+3461\"], "),
              ElementsAre(HasSubstr("both need hosts")));
  EXPECT_THAT(mistakes("hosts: [n.example], ", "hosts: [s.example], "), IsEmpty());
  EXPECT_THAT(mistakes("number_ranges: [\"+3460\"], ", "number_ranges: [\"+3461\", \"+35\"], "), IsEmpty());
  EXPECT_THAT(mistakes("number_ranges: [\"+3460\"], ", "number_ranges: [\"+35\", \"+34605\"], "),
              ElementsAre(HasSubstr(
                  "operators.1.number_ranges.1 is \"+34605\"; it overlaps with \"+3460\" of operator north")));
  EXPECT_THAT(mistakes("number_ranges: [\"+3460\"], ", "number_ranges: [\"+34\"], "),
              ElementsAre(HasSubstr("overlaps")));
}

TEST(OperatorsConfigTest, WhatNamesNoOperatorNeedsHosts) {
  const std::string introspection =
      "oauth: {issuers: [{issuer: \"http://x\"}], audience: [a], introspection: "
      "{client_id: g, client_secret_file: /dev/null}}\n";
  EXPECT_THAT(Two("", "", introspection).mistakes,
              ElementsAre(HasSubstr("oauth.introspection is there for operator north too")));
  EXPECT_THAT(Two("hosts: [n.example], ", "hosts: [s.example], ", introspection).mistakes, IsEmpty());
  EXPECT_THAT(Two("", "", "sip_websocket: {enabled: true}\n").mistakes,
              ElementsAre(HasSubstr("operators.1.sip_websocket.enabled is true; that needs hosts")));
  EXPECT_THAT(Two("", "hosts: [s.example], ", "sip_websocket: {enabled: true}\n").mistakes, IsEmpty());
}

}  // namespace
}  // namespace byon::runtime
