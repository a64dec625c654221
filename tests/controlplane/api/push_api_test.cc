#include "tests/controlplane/api/api_fixture.h"

namespace byon::api {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::Return;

constexpr char kPath[] = "/byon/v1/registrations/reg-1/push";
constexpr char kWebPush[] = R"({"type":"web-push","endpoint":"https://push.example/p/1",
  "keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}})";
constexpr char kFcm[] = R"({"token":"t","type":"fcm"})";

using PushApiTest = ApiTest;

TEST_F(PushApiTest, ConfigTellsWhatIsServed) {
  const Reply reply = Request("GET", "/byon/v1/config", std::string(), {{"authorization", ""}});
  EXPECT_EQ(reply.body["push"], json::parse(R"({"types":["web-push","fcm"],"vapidPublicKey":"BPublicKey"})"));
  push_ = {};
  Start();
  EXPECT_FALSE(Request("GET", "/byon/v1/config", std::string(), {{"authorization", ""}}).body.contains("push"));
}

TEST_F(PushApiTest, PutGetDelete) {
  std::string kept;
  EXPECT_CALL(service_, SetPushSubscription(_, "reg-1", _)).WillOnce([&](auto&, auto&, std::string text) {
    kept = std::move(text);
    return gateway::Outcome<gateway::Registration>(ARegistration());
  });
  const Reply put = Request("PUT", kPath, std::string(kWebPush));
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.body["type"], "web-push");
  EXPECT_EQ(put.body["endpoint"], "https://push.example/p/1");
  EXPECT_EQ(put.body["expiresAt"], FormatDateTime(ARegistration().expires_at));
  EXPECT_FALSE(put.body.contains("keys"));
  EXPECT_CALL(service_, GetPushSubscription(_, "reg-1")).WillRepeatedly([&](auto&, auto&) {
    return gateway::Outcome<std::string>(kept);
  });
  EXPECT_CALL(service_, GetRegistration(_, "reg-1")).WillRepeatedly(Return(ARegistration()));
  EXPECT_EQ(Request("GET", kPath).body, put.body);
  EXPECT_CALL(service_, SetPushSubscription(_, "reg-1", "")).WillOnce([&](auto&, auto&, auto) {
    kept.clear();
    return gateway::Outcome<gateway::Registration>(ARegistration());
  });
  EXPECT_EQ(Request("DELETE", kPath).status, 204);
  EXPECT_EQ(Request("GET", kPath).Short(), "404 NOT_FOUND");
  EXPECT_EQ(Request("DELETE", kPath).Short(), "404 NOT_FOUND");
}

TEST_F(PushApiTest, RefusesWhatItCannotUse) {
  EXPECT_EQ(Request("PUT", kPath, std::string(R"({"type":"pigeon"})")).Short(), "400 INVALID_ARGUMENT");
  EXPECT_EQ(Request("PUT", kPath, std::string("[]")).status, 400);
  EXPECT_EQ(Request("PUT", kPath).status, 400);
  const std::string apns = R"({"type":"apns","token":")" + std::string(64, 'a') + "\"}";
  EXPECT_EQ(Request("PUT", kPath, apns).Short(), "422 SERVICE_NOT_APPLICABLE");
  std::string foreign = kWebPush;
  foreign.replace(foreign.find("push.example"), 12, "127.0.0.1:22");
  const Reply reply = Request("PUT", kPath, foreign);
  EXPECT_EQ(reply.Short(), "400 INVALID_ARGUMENT");
  EXPECT_THAT(reply.body["message"].get<std::string>(), HasSubstr("push service that this gateway speaks to"));
  EXPECT_CALL(service_, SetPushSubscription(_, "reg-1", kFcm))
      .WillOnce(Return(gateway::Error{gateway::ErrorCode::kNotFound, ""}));
  EXPECT_EQ(Request("PUT", kPath, std::string(kFcm)).Short(), "404 NOT_FOUND");
}

TEST_F(PushApiTest, WantsTheScopesOfRegistrations) {
  json claims = Claims();
  claims["scope"] = "openid webrtc-registration:sessions:read";
  token_ = Issuer().Token(claims);
  EXPECT_EQ(Request("PUT", kPath, std::string(kFcm)).Short(), "403 PERMISSION_DENIED");
  EXPECT_EQ(Request("DELETE", kPath).Short(), "403 PERMISSION_DENIED");
}

TEST_F(PushApiTest, KnowsWhoIsConnectedAndWhoIsSilent) {
  const gateway::DeviceKey device = Device();
  EXPECT_FALSE(channels_->IsConnected(device));
  EXPECT_TRUE(channels_->IsSilentSince(device, time_.now()));
  Channel& channel = *std::get<Channel*>(channels_->Open({"web", "alice"}, device));
  EXPECT_FALSE(channels_->IsConnected(device));
  EXPECT_FALSE(channels_->IsSilentSince(device, time_.now()));
  const WallTime told_at = time_.now();
  channels_->Deliver(device, events_->Make(gateway::SessionInvitation{ASession()}));
  time_.Advance(seconds(1));
  EXPECT_TRUE(channels_->IsSilentSince(device, told_at));
  EXPECT_FALSE(channels_->IsSilentSince(device, told_at - seconds(1)));
  EXPECT_TRUE(channels_->Acknowledge(channel, channel.pending.front().id));
  EXPECT_FALSE(channels_->IsSilentSince(device, told_at));
}

}  // namespace
}  // namespace byon::api
