#include "controlplane/json/strict_json.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace byon::json {
namespace {

TEST(StrictJsonTest, ParsesWhatIsJson) {
  const auto value = ParseStrict(R"({"a":[1,-2.5e3,true,null,"\u20ac\ud83d\ude00"],"b":{"c":"é"}})");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ((*value)["a"][4], "€😀");
  EXPECT_EQ((*value)["b"]["c"], "é");
  EXPECT_TRUE(ParseStrict(" 5 ").has_value());
}

TEST(StrictJsonTest, RefusesNamesGivenTwice) {
  EXPECT_FALSE(ParseStrict(R"({"a":1,"a":2})").has_value());
  EXPECT_FALSE(ParseStrict(R"({"a":1,"\u0061":2})").has_value());
  EXPECT_FALSE(ParseStrict(R"([{"x":{"a":1,"b":2,"a":1}}])").has_value());
  EXPECT_TRUE(ParseStrict(R"([{"a":1},{"a":1},{"b":{"a":1},"a":2}])").has_value());
}

TEST(StrictJsonTest, KeepsItsLimits) {
  const std::string deep = std::string(32, '[') + std::string(32, ']');
  EXPECT_TRUE(ParseStrict(deep).has_value());
  EXPECT_FALSE(ParseStrict("[" + deep + "]").has_value());
  EXPECT_FALSE(ParseStrict(std::string(100'000, '[')).has_value());
  EXPECT_FALSE(ParseStrict("[1,2,3,4]", {.max_values = 4}).has_value());
  EXPECT_TRUE(ParseStrict("[1,2,3,4]", {.max_values = 5}).has_value());
  EXPECT_FALSE(ParseStrict(std::string(1000, ' ') + "1", {.max_bytes = 1000}).has_value());
}

TEST(StrictJsonTest, RefusesWhatIsNot) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "{]",
                           "[1,]",
                           "{\"a\":1,}",
                           "nul",
                           "01",
                           "1.",
                           "+1",
                           "NaN",
                           "'a'",
                           "\"\t\"",
                           "\"\\x\"",
                           "\"\\ud800\"",
                           "\"\xc3\x28\"",
                           "\"\xed\xa0\x80\"",
                           "1e400",
                           "-1e999",
                           "[1]]",
                           "/**/1",
                           "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(ParseStrict(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseStrict(std::string_view("1\0", 2)).has_value());
  EXPECT_FALSE(ParseStrict(std::string_view("{}\0x", 4)).has_value());
}

// JSONTestSuite: every n_ file refused, every y_ file accepted but the two that name a member twice.
TEST(StrictJsonTest, JsonTestSuite) {
  const std::filesystem::path folder =
      std::filesystem::path(BYON_SOURCE_ROOT) / "../shared/corpora/json-testsuite/test_parsing";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "shared/corpora/json-testsuite is not beside the checkout";
  int checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const std::string name = entry.path().filename().string();
    const bool is_accepted = ParseStrict(text.str(), {.max_bytes = 1 << 20}).has_value();
    if (name.starts_with("n_")) {
      EXPECT_FALSE(is_accepted) << name;
    }
    if (name.starts_with("y_")) {
      EXPECT_EQ(is_accepted, !name.starts_with("y_object_duplicated_key")) << name;
    }
    ++checked;
  }
  EXPECT_GT(checked, 300);
}

}  // namespace
}  // namespace byon::json
