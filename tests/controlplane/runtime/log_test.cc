#include "controlplane/runtime/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "controlplane/runtime/audit_line.h"

namespace byon::runtime {
namespace {

using namespace std::string_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

struct Captured {
  explicit Captured(LogOptions options)
      : logger(std::move(options), [this](std::string_view line) { lines.emplace_back(line); }) {}
  std::string Last() {
    logger.Flush();
    return lines.empty() ? "" : lines.back();
  }
  std::vector<std::string> lines;
  Logger logger;
};

TEST(LogTest, WritesKeysAndValues) {
  Captured log({.node = "gw-1"});
  log.logger.Info("registered", {{"call_id", "abc"}, {"count", 5}, {"text", "two words"}, {"empty", ""}});
  EXPECT_THAT(log.Last(),
              EndsWith("level=info node=gw-1 event=registered call_id=abc count=5 text=\"two words\" empty=\"\"\n"));
}

TEST(LogTest, TheAuditNamesNobodyInFull) {
  Captured log({.operator_id = "north"});
  WriteAudit(log.logger, {"call_created", "web-app", "alice@example.org", "+34600000001", "reg-1", "call-1"});
  EXPECT_THAT(log.Last(),
              EndsWith("operator=north event=audit what=call_created client=web-app user=" +
                       PseudonymOf("alice@example.org") + " number=+346*****001 registration=reg-1 call=call-1\n"));
  // The same in each line, and no number in any log's eyes.
  EXPECT_EQ(PseudonymOf("alice@example.org").size(), 12u);
  EXPECT_NE(PseudonymOf("alice@example.org"), PseudonymOf("bob@example.org"));
  for (int user = 0; user < 1000; ++user) {
    const std::string name = PseudonymOf(std::to_string(user));
    EXPECT_EQ(MaskNumbers(name), name);
  }
  WriteAudit(log.logger, {"registration_created", "server", "", "+34600000001", "reg-1", ""});
  EXPECT_THAT(log.Last(), HasSubstr(" user=\"\" "));
}

TEST(LogTest, NothingAPeerSendsMakesALine) {
  for (const bool is_json : {false, true}) {
    Captured log({.is_json = is_json});
    log.logger.Info("e", {{"reason", "a\r\nlevel=error \"x\" \\ \x1b[31m \xff %n%s\0z"s}});
    const std::string line = log.Last();
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_THAT(line, HasSubstr("a\\u000d\\u000alevel=error \\\"x\\\""));
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    if (is_json) {
      EXPECT_TRUE(nlohmann::json::accept(line)) << line;
    }
  }
}

TEST(LogTest, MasksNumbersEverywhere) {
  EXPECT_EQ(MaskNumber("+34600000001"), "+346*****001");
  EXPECT_EQ(MaskNumber("12345"), "1****");
  EXPECT_EQ(MaskNumbers("sip:+34600000001@ims.test SIP 486 Busy, 34600000002;x"),
            "sip:+346*****001@ims.test SIP 486 Busy, 3460****002;x");
  EXPECT_EQ(MaskNumbers("/byon/v1/presence/%2B34600000001 %2b34600000001"),
            "/byon/v1/presence/%2B3460****001 %2b3460****001");
  EXPECT_EQ(MaskNumbers("id a34600000001 0123456789abcdef 1234567890123456"),
            "id a34600000001 0123456789abcdef 1234567890123456");
  Captured log({});
  log.logger.Info("call", {{"to", "tel:+34600000001"}});
  EXPECT_THAT(log.Last(), HasSubstr("to=tel:+346*****001\n"));
  Captured full({.shows_full_numbers = true});
  full.logger.Info("call", {{"to", "tel:+34600000001"}});
  EXPECT_THAT(full.Last(), HasSubstr("to=tel:+34600000001\n"));
}

TEST(LogTest, KeepsItsLevelAndBounds) {
  Captured log({.level = LogLevel::kWarning});
  log.logger.Info("quiet");
  EXPECT_EQ(log.Last(), "");
  log.logger.Warning("loud", {{"x", std::string(100'000, 'x')}});
  EXPECT_LT(log.Last().size(), 2300u);
}

}  // namespace
}  // namespace byon::runtime
