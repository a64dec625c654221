#include "controlplane/runtime/subscriber_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace byon::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SubscriberFile::Loaded Parse(const std::string& text, SubscriberTemplate rule = {.home_domain = "ims.test"}) {
  return SubscriberFile::Parse(text, "s.yaml", ".", std::move(rule));
}

TEST(SubscriberFileTest, FindsLinesAndFallsBackToTheTemplate) {
  const auto loaded = Parse(R"(subscribers:
  - {number: "+34600000001", impi: "alice@priv", impu: "sip:alice@ims.test", password: "pw1"}
  - {number: "+34600000002", password: "pw2"}
)",
                            {.home_domain = "ims.test", .password = "pw{number}"});
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  const SubscriberFile& file = loaded.subscribers;
  EXPECT_EQ(file.size(), 2u);
  EXPECT_EQ(file.Find("+34600000001")->impi, "alice@priv");
  EXPECT_EQ(file.Find("+34600000001")->impu, "sip:alice@ims.test");
  EXPECT_EQ(file.Find("+34600000002")->impi, "+34600000002@ims.test");
  EXPECT_EQ(file.Find("+34600000003")->impu, "sip:+34600000003@ims.test");
  EXPECT_EQ(file.Password("alice@priv"), "pw1");
  EXPECT_EQ(file.Password("+34600000002@ims.test"), "pw2");
  EXPECT_EQ(file.Password("+34600000003@ims.test"), "pw+34600000003");
  EXPECT_EQ(file.Password("+34600000001@ims.test"), std::nullopt) << "alice's IMPI is another one";
  EXPECT_EQ(file.Password("x@ims.test"), std::nullopt);
  EXPECT_EQ(file.Password("+34600000003@else"), std::nullopt);
  EXPECT_EQ(file.Password(""), std::nullopt);
  EXPECT_FALSE(file.Find("34600000001").has_value());
  EXPECT_FALSE(file.Find("+34600000001;x").has_value());
}

TEST(SubscriberFileTest, OnlyListedNumbersHaveAPasswordForTheWeb) {
  const auto loaded =
      Parse("subscribers:\n  - {number: \"+34600000001\", password: pw1, web_password: \"of the web\"}\n",
            {.home_domain = "ims.test", .password = "pw{number}"});
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.subscribers.WebPassword("+34600000001"), "of the web");
  EXPECT_EQ(loaded.subscribers.WebPassword("+34600000002"), std::nullopt) << "the network's password is another one";
  EXPECT_THAT(Parse("subscribers:\n  - {number: \"+34600000001\", web_password: short}").mistakes,
              ElementsAre(HasSubstr("8 to 128 printable ASCII characters")));
  EXPECT_THAT(Parse("subscribers:\n  - {number: \"+34600000001\", web_password_file: nothing}").mistakes,
              ElementsAre(HasSubstr("cannot be read")));
}

TEST(SubscriberFileTest, ALineMayStayWhereItIs) {
  const auto location = [](const std::string& text) {
    return Parse("subscribers:\n  - {number: \"+34600000001\", location: " + text + "}\n");
  };
  const auto loaded =
      location("{latitude: 40.4, longitude: -3.7, radius: 20, civic: {country: ES, RD: Calle Mayor, HNO: \"1\"}}");
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  const emergency::Location found = loaded.subscribers.Find("+34600000001")->location;
  EXPECT_EQ(found.position->latitude, 40.4);
  EXPECT_EQ(found.position->radius_m, 20);
  EXPECT_EQ(found.civic.at("HNO"), "1");
  EXPECT_EQ(found.method, "Manual");
  EXPECT_TRUE(loaded.subscribers.Find("+34600000002")->location.is_empty());
  EXPECT_THAT(location("{latitude: 40.4}").mistakes, ElementsAre(HasSubstr("latitude and longitude together")));
  EXPECT_THAT(location("{latitude: 91, longitude: 0}").mistakes, ElementsAre(HasSubstr("location.latitude")));
  EXPECT_THAT(location("{civic: {country: ES, street: x}}").mistakes,
              ElementsAre(HasSubstr("location.civic.street is no element")));
  EXPECT_THAT(location("{civic: {country: Spain}}").mistakes, ElementsAre(HasSubstr("two capital letters")));
  EXPECT_THAT(location("{civic: {RD: x}}").mistakes, ElementsAre(HasSubstr("country")));
  EXPECT_THAT(location("{}").mistakes, ::testing::SizeIs(1));
}

TEST(SubscriberFileTest, AnIsimStandsInsteadOfAPassword) {
  const auto loaded = Parse(R"(subscribers:
  - {number: "+34600000001", isim: {k: "000102030405060708090a0b0c0d0e0f", opc: "FFfefdfcfbfaf9f8f7f6f5f4f3f2f1f0"}}
)",
                            {.home_domain = "ims.test", .password = "pw{number}"});
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  const auto& isims = loaded.subscribers.isims();
  ASSERT_TRUE(isims.contains("+34600000001@ims.test"));
  EXPECT_EQ(isims.at("+34600000001@ims.test").k[15], 0x0f);
  EXPECT_EQ(isims.at("+34600000001@ims.test").opc[0], 0xff);
  EXPECT_EQ(loaded.subscribers.Password("+34600000001@ims.test"), std::nullopt) << "not even the template's";
  EXPECT_THAT(Parse("subscribers:\n  - {number: \"+34600000001\", isim: {k: \"00\", opc: \"x\"}}").mistakes,
              ::testing::Each(HasSubstr("32 hexadecimal digits")));
  EXPECT_THAT(Parse("subscribers:\n  - {number: \"+34600000001\", password: pw1, isim: "
                    "{k: \"000102030405060708090a0b0c0d0e0f\", opc: \"000102030405060708090a0b0c0d0e0f\"}}")
                  .mistakes,
              ElementsAre(HasSubstr("allowed is one of them")));
}

TEST(SubscriberFileTest, HasNoPasswordWithoutATemplate) {
  EXPECT_EQ(Parse("subscribers: []").subscribers.Password("+34600000003@ims.test"), std::nullopt);
}

TEST(SubscriberFileTest, ListsMistakes) {
  EXPECT_THAT(Parse("subscribers:\n  - {number: 34600, nick: x}\n  - {number: \"0123\"}").mistakes,
              ::testing::UnorderedElementsAre(HasSubstr("s.yaml:2: subscribers.0.number is 34600; it must be text"),
                                              HasSubstr("subscribers.0.nick is not a key"),
                                              HasSubstr("s.yaml:3: subscribers.1.number is \"0123\"")));
  EXPECT_THAT(Parse("subscribers:\n  - {number: \"+34600000001\"}\n  - {number: \"+34600000001\"}").mistakes,
              ElementsAre(HasSubstr("stands there twice")));
  EXPECT_THAT(Parse("subscribers:\n  - {number: \"+34600000001\", password_file: nothing}").mistakes,
              ElementsAre(HasSubstr("cannot be read")));
}

}  // namespace
}  // namespace byon::runtime
