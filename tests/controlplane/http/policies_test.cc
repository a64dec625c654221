#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "controlplane/http/body_budget.h"
#include "controlplane/http/origin_policy.h"
#include "controlplane/http/rate_limiter.h"
#include "controlplane/http/request_framing.h"
#include "controlplane/http/request_target.h"
#include "controlplane/http/static_files.h"

namespace byon::http {
namespace {

int FaultOf(std::string_view length, std::string_view coding) {
  const auto verdict = JudgeFraming("POST", length, coding, 1000);
  const auto* fault = std::get_if<FramingFault>(&verdict);
  return fault == nullptr ? 0 : fault->http_status;
}

TEST(RequestFraming, TakesPlainLengthsUpToTheLimit) {
  EXPECT_EQ(std::get<BodyLength>(JudgeFraming("POST", "", "", 1000)).bytes, 0u);
  EXPECT_EQ(std::get<BodyLength>(JudgeFraming("PUT", "0", "", 1000)).bytes, 0u);
  EXPECT_EQ(std::get<BodyLength>(JudgeFraming("PATCH", "1000", "", 1000)).bytes, 1000u);
}

TEST(RequestFraming, EndsTheConnectionWhereABodyMightStillCome) {
  EXPECT_TRUE(std::get<BodyLength>(JudgeFraming("PUT", "", "", 1000)).must_close);
  EXPECT_FALSE(std::get<BodyLength>(JudgeFraming("PUT", "0", "", 1000)).must_close);
  EXPECT_FALSE(std::get<BodyLength>(JudgeFraming("GET", "", "", 1000)).must_close);
}

TEST(RequestFraming, RefusesABodyWhereNoneBelongs) {
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS"}) {
    EXPECT_TRUE(std::holds_alternative<FramingFault>(JudgeFraming(method, "5", "", 1000))) << method;
    EXPECT_TRUE(std::holds_alternative<BodyLength>(JudgeFraming(method, "0", "", 1000))) << method;
  }
}

TEST(RequestFraming, RefusesEverythingElse) {
  EXPECT_EQ(FaultOf("1001", ""), 413);
  EXPECT_EQ(FaultOf("99999999999999999999999", ""), 413);
  EXPECT_EQ(FaultOf("-5", ""), 400);
  EXPECT_EQ(FaultOf("+5", ""), 400);
  EXPECT_EQ(FaultOf("5,5", ""), 400);
  EXPECT_EQ(FaultOf("0x10", ""), 400);
  EXPECT_EQ(FaultOf(" 5", ""), 400);
  EXPECT_EQ(FaultOf("", "chunked"), 411);
  EXPECT_EQ(FaultOf("5", "chunked"), 411);
}

RequestTarget::Verdict VerdictOf(std::string_view line) {
  RequestTarget target;
  return target.Take(line);
}

TEST(RequestTarget, IsGoodUntilItsEnd) {
  for (const char* line : {"GET / HTTP/1.1\r\n", "\r\n\r\nGET /%41%c3%bc?a=%20 HTTP/1.1", "OPTIONS * HTTP/1.1",
                           "GET /\r\n", "GET\r\n", "GET /\xc3\xbc HTTP/1.1", "GET / HTTP/1.1\r\nX: %zz\x01"}) {
    EXPECT_EQ(VerdictOf(line), RequestTarget::Verdict::kGood) << line;
  }
  for (const char* line : {"", "\r\n", "GE", "GET ", "GET /%4", "GET /%", "GET /abc"}) {
    EXPECT_EQ(VerdictOf(line), RequestTarget::Verdict::kMore) << line;
  }
}

TEST(RequestTarget, HasNoControlCharactersAndWholeEscapes) {
  for (const char* line : {"GET /%00", "GET /?a=%00 ", "GET /%0d%0aX:", "GET /%1F", "GET /%7f", "GET /%zz", "GET /%4g",
                           "GET /% HTTP/1.1", "GET /%\r\n", "GET /a\tb", "GET /\x7f"}) {
    EXPECT_EQ(VerdictOf(line), RequestTarget::Verdict::kBad) << line;
  }
  EXPECT_EQ(VerdictOf(std::string_view("GET /\0 ", 7)), RequestTarget::Verdict::kBad);
}

TEST(RequestTarget, ComesInPieces) {
  for (const std::string line : {"GET /a%20b?c=%2F HTTP/1.1", "GET /a%20b?c=%0f HTTP/1.1"}) {
    for (size_t cut = 0; cut <= line.size(); ++cut) {
      RequestTarget target;
      target.Take(std::string_view(line).substr(0, cut));
      EXPECT_EQ(target.Take(std::string_view(line).substr(cut)), VerdictOf(line)) << line << cut;
    }
  }
}

TEST(OriginPolicy, OpensWebSocketsForOwnAndConfiguredPagesAndPrograms) {
  const OriginPolicy policy("https://gw.example", {"https://app.example"});
  EXPECT_TRUE(policy.MayOpenWebSocket("", "gw.example"));
  EXPECT_TRUE(policy.MayOpenWebSocket("https://gw.example", "gw.example"));
  EXPECT_TRUE(policy.MayOpenWebSocket("https://app.example", "gw.example"));
  EXPECT_TRUE(policy.MayOpenWebSocket("http://localhost:8080", "localhost:8080"));
  EXPECT_FALSE(policy.MayOpenWebSocket("https://evil.example", "gw.example"));
  EXPECT_FALSE(policy.MayOpenWebSocket("https://gw.example.evil", "gw.example"));
  EXPECT_FALSE(policy.MayOpenWebSocket("null", "gw.example"));
}

TEST(OriginPolicy, AnswersCorsOnlyToConfiguredPages) {
  const OriginPolicy policy("https://gw.example", {"https://app.example"});
  EXPECT_TRUE(policy.AnswerHeaders("").empty());
  EXPECT_TRUE(policy.AnswerHeaders("https://evil.example").empty());
  EXPECT_TRUE(policy.PreflightHeaders("https://evil.example").empty());
  EXPECT_FALSE(policy.AnswerHeaders("https://app.example").empty());
  EXPECT_GT(policy.PreflightHeaders("https://app.example").size(), policy.AnswerHeaders("https://app.example").size());
}

TEST(RateLimiter, AllowsABurstThenTheRate) {
  RateLimiter limiter(10);
  auto now = RateLimiter::Clock::time_point() + std::chrono::hours(1);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(limiter.TryTake("192.0.2.1", now));
  EXPECT_FALSE(limiter.TryTake("192.0.2.1", now));
  EXPECT_TRUE(limiter.TryTake("192.0.2.2", now));
  now += std::chrono::milliseconds(100);
  EXPECT_TRUE(limiter.TryTake("192.0.2.1", now));
  EXPECT_FALSE(limiter.TryTake("192.0.2.1", now));
}

TEST(RateLimiter, ForgetsAddressesThatCameOnce) {
  RateLimiter limiter(10);
  auto now = RateLimiter::Clock::time_point() + std::chrono::hours(1);
  for (int i = 0; i < 30'000; ++i) {
    (void)limiter.TryTake("a" + std::to_string(i), now);
    now += std::chrono::milliseconds(1);
  }
  EXPECT_LT(limiter.size(), 15'000u);
}

TEST(RateLimiter, SweepsSeldomWhileManyAddressesAreBusy) {
  RateLimiter limiter(10);
  const auto start = RateLimiter::Clock::time_point() + std::chrono::hours(1);
  // All within the time that a bucket is kept: a sweep finds nothing, so it must not be tried for each request.
  for (int i = 0; i < 60'000; ++i) EXPECT_TRUE(limiter.TryTake(std::to_string(i), start));
  EXPECT_EQ(limiter.size(), 60'000U);
  for (int i = 0; i < 30'000; ++i)
    EXPECT_TRUE(limiter.TryTake("b" + std::to_string(i), start + std::chrono::seconds(10)));
  EXPECT_LE(limiter.size(), 30'000U);
}

TEST(StaticFiles, HoldsTheWebClientAndNothingElse) {
  const StaticFiles files = StaticFiles::Embedded();
  ASSERT_NE(files.Find("/"), nullptr);
  EXPECT_EQ(files.Find("/"), files.Find("/index.html"));
  ASSERT_NE(files.Find("/sdk/byon.js"), nullptr);
  EXPECT_EQ(files.Find("/sdk/byon.js")->media_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(files.Find("/../meson.build"), nullptr);
  EXPECT_EQ(files.Find("/README.md"), nullptr);
  EXPECT_EQ(files.Find(""), nullptr);
}

TEST(StaticFiles, RefusesAFolderWithoutAnIndex) {
  EXPECT_THROW(StaticFiles::FromFolder("/nonexistent"), std::runtime_error);
}

TEST(BodyBudget, BoundsEachNetworkAndAllTogether) {
  using Verdict = BodyBudget::Verdict;
  const auto budget = std::make_shared<BodyBudget>(250, 100);
  BodyShare first(budget, "192.0.2.1");
  EXPECT_EQ(first.Take(60), Verdict::kTaken);
  EXPECT_EQ(first.Take(40), Verdict::kTaken);
  EXPECT_EQ(first.Take(1), Verdict::kNetworkIsFull);
  {
    BodyShare second(budget, "192.0.2.1");
    EXPECT_EQ(second.Take(1), Verdict::kNetworkIsFull);
    BodyShare other(budget, "192.0.2.2"), third(budget, "192.0.2.3");
    EXPECT_EQ(other.Take(100), Verdict::kTaken);
    EXPECT_EQ(third.Take(51), Verdict::kAllIsFull);
    EXPECT_EQ(third.Take(50), Verdict::kTaken);
    EXPECT_EQ(budget->used(), 250u);
  }
  EXPECT_EQ(budget->used(), 100u);
  BodyShare huge(budget, "192.0.2.4");
  EXPECT_EQ(huge.Take(std::numeric_limits<size_t>::max()), Verdict::kNetworkIsFull);
  EXPECT_EQ(huge.Take(100), Verdict::kTaken);
}

}  // namespace
}  // namespace byon::http
