#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "controlplane/auth/base64url.h"
#include "controlplane/push/apns.h"
#include "controlplane/push/fcm.h"
#include "controlplane/push/web_push.h"
#include "tests/controlplane/push/fakes.h"
#include "tests/controlplane/push/rsa_key.h"

namespace byon::push {
namespace {

using nlohmann::json;
using std::chrono::minutes;
using std::chrono::seconds;

auth::SigningKey NewKey() {
  return auth::SigningKey::FromPem(auth::SigningKey::NewP256Pem(), auth::Algorithm::kEs256).value();
}

json PartOf(const std::string& token, int part) {
  const size_t first = token.find('.');
  const size_t second = token.find('.', first + 1);
  const std::string text = part == 0 ? token.substr(0, first) : token.substr(first + 1, second - first - 1);
  return json::parse(auth::DecodeBase64Url(text).value());
}

class ProviderTest : public ::testing::Test {
 protected:
  void Send(Provider& provider, const Subscription& to) {
    outcome_.reset();
    provider.Send(to, {"0123456789abcdef0123456789abcdef", R"({"x":1})", time_.now() + seconds(90)},
                  [this](Outcome outcome) { outcome_ = std::move(outcome); });
  }
  // What the provider makes of an answer to a message.
  Verdict VerdictOf(Provider& provider, const Subscription& to, http_client::Result result) {
    Send(provider, to);
    http_.Answer(std::move(result));
    return outcome_.value().verdict;
  }
  Verdict VerdictOf(Provider& provider, const Subscription& to, int status, std::string body = "") {
    return VerdictOf(provider, to, http_client::Response{status, std::move(body), seconds(0)});
  }
  const http_client::Request& last() const { return http_.sent.back().request; }

  FakeTime time_;
  FakeHttp http_;
  const Clock now_ = [this] { return time_.now(); };
  std::optional<Outcome> outcome_;
};

class WebPushTest : public ProviderTest {
 protected:
  WebPushTest() {
    config_.subject = "mailto:push@example.com";
    config_.allowed_hosts = {"push.example"};
    provider_ = std::make_unique<WebPush>(config_, NewKey(), http_, now_);
    to_.endpoint = "https://push.example/p/1";
    to_.receiver = {EphemeralKey::Generate().public_point(), std::string(16, 'a')};
  }
  WebPushConfig config_;
  std::unique_ptr<WebPush> provider_;
  WebPushSubscription to_;
};

TEST_F(WebPushTest, SaysHowLongAndHowUrgent) {
  Send(*provider_, to_);
  const auto& sent = http_.sent.back();
  EXPECT_EQ(sent.request.url, to_.endpoint);
  EXPECT_EQ(sent.Header("TTL"), "90");
  EXPECT_EQ(sent.Header("Urgency"), "high");
  EXPECT_EQ(sent.Header("Topic"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(sent.Header("Content-Encoding"), "aes128gcm");
  EXPECT_EQ(sent.request.body.size(), 1024u + 103u);
  EXPECT_FALSE(sent.request.may_use_private_addresses);
  EXPECT_FALSE(sent.request.may_use_http2);
  const std::string token = sent.Header("Authorization").substr(8);
  EXPECT_EQ(PartOf(token, 1)["aud"], "https://push.example");
}

TEST_F(WebPushTest, JudgesTheAnswer) {
  EXPECT_EQ(VerdictOf(*provider_, to_, 201), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf(*provider_, to_, 404), Verdict::kGone);
  EXPECT_EQ(VerdictOf(*provider_, to_, 410), Verdict::kGone);
  EXPECT_EQ(VerdictOf(*provider_, to_, 403), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 413), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 503), Verdict::kRetry);
  EXPECT_EQ(VerdictOf(*provider_, to_, http_client::Failure::kTimeout), Verdict::kRetry);
  EXPECT_EQ(VerdictOf(*provider_, to_, http_client::Failure::kRefusedAddress), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, http_client::Response{429, "", seconds(7)}), Verdict::kRetry);
  EXPECT_EQ(outcome_->retry_after, seconds(7));
}

TEST_F(WebPushTest, SendsNothingWhereItMayNot) {
  to_.expires_at = time_.now();
  Send(*provider_, to_);
  EXPECT_EQ(outcome_->verdict, Verdict::kGone);
  to_.expires_at.reset();
  to_.endpoint = "https://other.example/p";
  Send(*provider_, to_);
  EXPECT_EQ(outcome_->verdict, Verdict::kRefused);
  EXPECT_TRUE(http_.sent.empty());
}

class ApnsTest : public ProviderTest {
 protected:
  ApnsTest() {
    config_.key_id = "ABC1234567";
    config_.team_id = "DEF1234567";
    config_.bundle_id = "com.example.phone";
    provider_ = std::make_unique<Apns>(config_, NewKey(), http_, now_);
  }
  ApnsConfig config_;
  std::unique_ptr<Apns> provider_;
  const ApnsSubscription to_{std::string(64, 'a'), false};
};

TEST_F(ApnsTest, SendsAVoipPush) {
  Send(*provider_, to_);
  const auto& sent = http_.sent.back();
  EXPECT_EQ(sent.request.url, "https://api.push.apple.com/3/device/" + to_.token);
  EXPECT_TRUE(sent.request.may_use_http2);
  EXPECT_EQ(sent.Header("apns-push-type"), "voip");
  EXPECT_EQ(sent.Header("apns-topic"), "com.example.phone.voip");
  EXPECT_EQ(sent.Header("apns-priority"), "10");
  EXPECT_EQ(sent.Header("apns-expiration"), "1800000090");
  EXPECT_EQ(sent.Header("apns-collapse-id"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(json::parse(sent.request.body), json::parse(R"({"aps":{},"byon":{"x":1}})"));
  const std::string token = sent.Header("authorization").substr(7);
  EXPECT_EQ(PartOf(token, 0), json::parse(R"({"alg":"ES256","kid":"ABC1234567"})"));
  EXPECT_EQ(PartOf(token, 1), json::parse(R"({"iss":"DEF1234567","iat":1800000000})"));
  Send(*provider_, ApnsSubscription{to_.token, true});
  EXPECT_EQ(last().url, "https://api.sandbox.push.apple.com/3/device/" + to_.token);
}

TEST_F(ApnsTest, JudgesTheAnswer) {
  const auto reason = [](const char* name) { return std::string(R"({"reason":")") + name + "\"}"; };
  EXPECT_EQ(VerdictOf(*provider_, to_, 200), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf(*provider_, to_, 410, reason("Unregistered")), Verdict::kGone);
  EXPECT_EQ(VerdictOf(*provider_, to_, 400, reason("BadDeviceToken")), Verdict::kGone);
  EXPECT_EQ(VerdictOf(*provider_, to_, 400, reason("BadTopic")), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 400, "junk"), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 429), Verdict::kRetry);
  EXPECT_EQ(VerdictOf(*provider_, to_, 503), Verdict::kRetry);
  EXPECT_EQ(VerdictOf(*provider_, to_, http_client::Failure::kTls), Verdict::kRetry);
}

TEST_F(ApnsTest, RenewsItsTokenAsOftenAsItMayAndMust) {
  const auto token = [this] {
    EXPECT_EQ(VerdictOf(*provider_, to_, 200), Verdict::kAccepted);
    return http_.sent.back().Header("authorization");
  };
  const std::string first = token();
  time_.Advance(minutes(39));
  EXPECT_EQ(token(), first);
  time_.Advance(minutes(1));
  const std::string second = token();
  EXPECT_NE(second, first);
  // A fresh one that is called expired is no reason for the next one.
  EXPECT_EQ(VerdictOf(*provider_, to_, 403, R"({"reason":"ExpiredProviderToken"})"), Verdict::kRefused);
  EXPECT_EQ(token(), second);
  time_.Advance(minutes(20));
  EXPECT_EQ(VerdictOf(*provider_, to_, 403, R"({"reason":"ExpiredProviderToken"})"), Verdict::kRetry);
  EXPECT_NE(token(), second);
}

class FcmTest : public ProviderTest {
 protected:
  FcmTest() {
    json file{{"project_id", "byon-test"},
              {"client_email", "push@byon-test.example"},
              {"private_key_id", "k1"},
              {"private_key", test::RsaKeyPem()},
              {"token_uri", "https://oauth2.example/token"}};
    account_ = file;
    provider_ = std::make_unique<Fcm>(FcmConfig{}, ReadServiceAccount(file.dump()).value(), http_, now_);
  }
  void Authorize() { http_.Answer(200, R"({"access_token":"t1","expires_in":3600})"); }

  json account_;
  std::unique_ptr<Fcm> provider_;
  const FcmSubscription to_{"device:token"};
};

TEST_F(FcmTest, AsksForATokenOnceAndSendsData) {
  Send(*provider_, to_);
  ASSERT_EQ(http_.sent.size(), 1u);
  EXPECT_EQ(last().url, "https://oauth2.example/token");
  const std::string kStart = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
  ASSERT_TRUE(last().body.starts_with(kStart));
  const std::string assertion = last().body.substr(kStart.size());
  EXPECT_EQ(PartOf(assertion, 0), json::parse(R"({"typ":"JWT","alg":"RS256","kid":"k1"})"));
  EXPECT_EQ(PartOf(assertion, 1), json::parse(R"({"iss":"push@byon-test.example","aud":"https://oauth2.example/token",
    "scope":"https://www.googleapis.com/auth/firebase.messaging","iat":1800000000,"exp":1800003600})"));
  Send(*provider_, to_);
  EXPECT_EQ(http_.sent.size(), 1u) << "both wait for the same token";
  Authorize();
  ASSERT_EQ(http_.sent.size(), 3u);
  EXPECT_EQ(last().url, "https://fcm.googleapis.com/v1/projects/byon-test/messages:send");
  EXPECT_EQ(http_.sent.back().Header("Authorization"), "Bearer t1");
  EXPECT_EQ(json::parse(last().body), json::parse(R"({"message":{"token":"device:token","data":{"byon":"{\"x\":1}"},
    "android":{"priority":"HIGH","ttl":"90s","collapse_key":"0123456789abcdef0123456789abcdef"}}})"));
  http_.Answer(200, "{}");
  EXPECT_EQ(outcome_->verdict, Verdict::kAccepted);
  time_.Advance(minutes(59));
  Send(*provider_, to_);
  EXPECT_EQ(last().url, "https://oauth2.example/token");
}

TEST_F(FcmTest, JudgesTheAnswer) {
  Send(*provider_, to_);
  Authorize();
  http_.Answer(200);
  EXPECT_EQ(
      VerdictOf(*provider_, to_, 404, R"({"error":{"status":"NOT_FOUND","details":[{"errorCode":"UNREGISTERED"}]}})"),
      Verdict::kGone);
  EXPECT_EQ(
      VerdictOf(*provider_, to_, 400, R"({"error":{"status":"NOT_FOUND","details":[1,{"errorCode":"UNREGISTERED"}]}})"),
      Verdict::kGone);
  EXPECT_EQ(VerdictOf(*provider_, to_, 400, R"({"error":{"status":"INVALID_ARGUMENT"}})"), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 400, "junk"), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 403, "[]"), Verdict::kRefused);
  EXPECT_EQ(VerdictOf(*provider_, to_, 429), Verdict::kRetry);
  EXPECT_EQ(VerdictOf(*provider_, to_, 503), Verdict::kRetry);
}

TEST_F(FcmTest, ARevokedTokenIsFetchedAnewOnce) {
  Send(*provider_, to_);
  Authorize();
  http_.Answer(401);
  EXPECT_EQ(last().url, "https://oauth2.example/token");
  http_.Answer(200, R"({"access_token":"t2","expires_in":3600})");
  EXPECT_EQ(http_.sent.back().Header("Authorization"), "Bearer t2");
  http_.Answer(401);
  EXPECT_EQ(outcome_->verdict, Verdict::kRefused);
}

TEST_F(FcmTest, WithoutATokenNothingIsSent) {
  const auto with_token_answer = [this](http_client::Result result) {
    Send(*provider_, to_);
    http_.Answer(std::move(result));
    return outcome_.value().verdict;
  };
  EXPECT_EQ(with_token_answer(http_client::Response{503, "", {}}), Verdict::kRetry);
  EXPECT_EQ(with_token_answer(http_client::Failure::kUnreachable), Verdict::kRetry);
  EXPECT_EQ(with_token_answer(http_client::Response{400, R"({"error":"invalid_grant"})", {}}), Verdict::kRefused);
  EXPECT_EQ(with_token_answer(http_client::Response{200, "junk", {}}), Verdict::kRefused);
  EXPECT_EQ(with_token_answer(http_client::Response{200, R"({"access_token":1})", {}}), Verdict::kRefused);
}

TEST_F(FcmTest, AServiceAccountThatIsNoneIsRefused) {
  EXPECT_FALSE(ReadServiceAccount(""));
  EXPECT_FALSE(ReadServiceAccount("[]"));
  for (const auto& [member, value] : {std::pair<std::string, std::string>{"private_key", "junk"},
                                      {"project_id", "a/b"},
                                      {"client_email", ""},
                                      {"token_uri", "http://oauth2.example/token"},
                                      {"private_key", auth::SigningKey::NewP256Pem()}}) {
    json file = account_;
    file[member] = value;
    EXPECT_FALSE(ReadServiceAccount(file.dump())) << member;
  }
}

}  // namespace
}  // namespace byon::push
