#include "controlplane/push/subscription.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace byon::push {
namespace {

using nlohmann::json;

// RFC 8291 section 5.
constexpr char kWebPush[] =
    R"({"type":"web-push","endpoint":"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
  "keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}})";

json WebPushBody() { return json::parse(kWebPush); }
std::string MistakeIn(const json& body) {
  const auto read = ReadSubscription(body);
  const auto* mistake = std::get_if<SubscriptionMistake>(&read);
  return mistake == nullptr ? "" : mistake->sentence;
}
std::string MistakeOf(const std::string& text) { return MistakeIn(json::parse(text)); }

TEST(Subscription, ReadsWhatABrowserGives) {
  json body = WebPushBody();
  body["expirationTime"] = nullptr;
  EXPECT_EQ(MistakeIn(body), "");
  body["expirationTime"] = 1800000000123.0;
  const auto read = ReadSubscription(body);
  const auto& found = std::get<WebPushSubscription>(std::get<Subscription>(read));
  EXPECT_EQ(found.endpoint, body["endpoint"]);
  EXPECT_EQ(found.receiver.auth.size(), 16u);
  EXPECT_EQ(found.expires_at, WallTime(std::chrono::milliseconds(1800000000123)));
  EXPECT_EQ(TypeOf(found), "web-push");
}

TEST(Subscription, SurvivesTheStore) {
  json with_expiry = WebPushBody();
  with_expiry["expirationTime"] = 1800000000123.0;
  for (const json& body :
       {WebPushBody(), with_expiry, json::parse(R"({"type":"fcm","token":"abc:DEF_-."})"),
        json::parse(R"({"type":"apns","token":")" + std::string(64, 'a') + R"(","environment":"sandbox"})")}) {
    const auto read = ReadSubscription(body);
    ASSERT_TRUE(std::holds_alternative<Subscription>(read)) << body;
    const std::string text = ToText(std::get<Subscription>(read));
    const auto again = ParseSubscription(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(ToText(*again), text);
    EXPECT_EQ(TypeOf(*again), body["type"].get<std::string>());
  }
  EXPECT_FALSE(ParseSubscription(""));
  EXPECT_FALSE(ParseSubscription("[]"));
  EXPECT_FALSE(ParseSubscription(R"({"type":"pigeon"})"));
}

TEST(Subscription, NamesTheMistake) {
  EXPECT_EQ(MistakeOf("{}"), "type is missing.");
  EXPECT_EQ(MistakeOf(R"({"type":1})"), "type must be a text.");
  EXPECT_EQ(MistakeOf(R"({"type":"pigeon"})"), "type must be web-push, fcm or apns.");
  EXPECT_EQ(MistakeOf("[]"), "The subscription must be an object.");
  const auto with = [](const char* pointer, json value) {
    json body = WebPushBody();
    body[json::json_pointer(pointer)] = std::move(value);
    return MistakeIn(body);
  };
  EXPECT_EQ(with("/endpoint", "http://push.example.net/"), "endpoint must be an https URL of at most 2048 characters.");
  EXPECT_EQ(with("/endpoint", "https://a/" + std::string(2048, 'x')),
            "endpoint must be an https URL of at most 2048 characters.");
  EXPECT_EQ(with("/endpoint", nullptr), "endpoint must be a text.");
  EXPECT_EQ(with("/keys", 1), "keys must be an object with p256dh and auth.");
  EXPECT_EQ(with("/keys/auth", "BTBZ"), "keys.auth must be 16 bytes in base64url without padding.");
  EXPECT_EQ(with("/keys/p256dh", "B" + std::string(86, 'A')), "keys.p256dh must be a point of P-256.");
  EXPECT_EQ(with("/keys/other", "x"), "There is a member that this type does not have.");
  EXPECT_EQ(with("/expirationTime", -1), "expirationTime must be null or milliseconds since 1970.");
  EXPECT_EQ(with("/expirationTime", 1e300), "expirationTime must be null or milliseconds since 1970.");
  EXPECT_EQ(with("/expirationTime", "soon"), "expirationTime must be null or milliseconds since 1970.");
  EXPECT_EQ(with("/token", "x"), "There is a member that this type does not have.");
  const std::string kFcm = "token must be 1 to 4096 letters, digits, dots, colons, dashes and underscores.";
  EXPECT_EQ(MistakeOf(R"({"type":"fcm","token":""})"), kFcm);
  EXPECT_EQ(MistakeOf(R"({"type":"fcm","token":"a\r\nb"})"), kFcm);
  const std::string kApns = "token must be 64 to 200 hexadecimal digits.";
  EXPECT_EQ(MistakeOf(R"({"type":"apns","token":"abc"})"), kApns);
  EXPECT_EQ(MistakeOf(R"({"type":"apns","token":"../../)" + std::string(64, 'a') + "\"}"), kApns);
  EXPECT_EQ(MistakeOf(R"({"type":"apns","token":")" + std::string(64, 'a') + R"(","environment":"test"})"),
            "environment must be production or sandbox.");
}

TEST(Origin, IsThatOfAPlainHttpsUrl) {
  EXPECT_EQ(OriginOf("https://Push.Example.net/a?b"), "https://push.example.net");
  EXPECT_EQ(OriginOf("https://push.example.net:8443?x"), "https://push.example.net:8443");
  EXPECT_EQ(OriginOf("https://push.example.net:443/x"), "https://push.example.net");
  EXPECT_EQ(OriginOf("https://[::1]:8443/x"), "https://[::1]:8443");
  for (const char* bad :
       {"http://a/", "https://", "https:///x", "https://user@a/", "https://a:b/", "https://a:/", "https://a/#f",
        "https://a/ b", "https://a/\n", "https://[::1/", "https://[x]/", "https://a\\b/", "ftp://a/"}) {
    EXPECT_FALSE(OriginOf(bad)) << bad;
  }
}

TEST(AllowedHost, IsANameOrTheEndOfOne) {
  const std::vector<std::string> hosts{"fcm.googleapis.com", "*.push.apple.com"};
  EXPECT_TRUE(IsAllowedHost("https://FCM.googleapis.com/fcm/send/x", hosts));
  EXPECT_TRUE(IsAllowedHost("https://web.push.apple.com/x", hosts));
  for (const char* foreign :
       {"https://push.apple.com/", "https://evilpush.apple.com/", "https://fcm.googleapis.com.evil.example/",
        "https://127.0.0.1/", "https://fcm.googleapis.com@evil.example/", "http://fcm.googleapis.com/"}) {
    EXPECT_FALSE(IsAllowedHost(foreign, hosts)) << foreign;
  }
  EXPECT_TRUE(IsAllowedHost("https://127.0.0.1:1/", {"*"}));
}

}  // namespace
}  // namespace byon::push
