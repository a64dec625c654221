#include <gtest/gtest.h>

#include "controlplane/auth/base64url.h"
#include "controlplane/auth/signing_key.h"
#include "controlplane/push/content_encoding.h"
#include "controlplane/push/message_encryption.h"
#include "controlplane/push/web_push.h"

namespace byon::push {
namespace {

std::string FromBase64Url(std::string_view text) { return auth::DecodeBase64Url(text).value(); }

// RFC 8188 section 3.1.
TEST(Aes128GcmEncoding, WritesOneRecord) {
  const Aes128GcmEncoding encoding(FromBase64Url("yqdlZ-tYemfogSmv7Ws5PQ"), FromBase64Url("I1BsxtFttlv3u_Oo94xnmw"), "",
                                   4096);
  EXPECT_EQ(auth::EncodeBase64Url(encoding.Header() + encoding.Record(0, "I am the walrus", 0, true)),
            "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
}

// RFC 8188 section 3.2: a named key, a padded first record, a second one.
TEST(Aes128GcmEncoding, WritesTwoRecordsWithPadding) {
  const Aes128GcmEncoding encoding(FromBase64Url("BO3ZVPxUlnLORbVGMpbT1Q"), FromBase64Url("uNCkWiNYzKTnBN9ji3-qWA"),
                                   "a1", 25);
  const std::string body =
      encoding.Header() + encoding.Record(0, "I am th", 1, false) + encoding.Record(1, "e walrus", 0, true);
  EXPECT_EQ(auth::EncodeBase64Url(body),
            "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA");
}

// RFC 8291 section 5 and appendix A.
class MessageEncryption : public ::testing::Test {
 protected:
  const EphemeralKey key_ = EphemeralKey::From(
      FromBase64Url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
      FromBase64Url("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"));
  const Receiver receiver_{
      FromBase64Url("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
      FromBase64Url("BTBZMqHH6r4Tts7J_aSIgg")};
  const std::string salt_ = FromBase64Url("DGv6ra1nlYgDCS1FRnbzlw");
};

TEST_F(MessageEncryption, SharesTheSecretOfTheExample) {
  EXPECT_EQ(auth::EncodeBase64Url(key_.SharedSecret(receiver_.p256dh).value()),
            "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
}

TEST_F(MessageEncryption, WritesTheMessageOfTheExample) {
  const auto message = EncryptMessage("When I grow up, I want to be a watermelon", receiver_, key_, salt_, 0);
  ASSERT_TRUE(message);
  EXPECT_EQ(
      auth::EncodeBase64Url(*message),
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
      "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

TEST_F(MessageEncryption, PaddingHidesTheLength) {
  const auto message = [this](size_t size) {
    return EncryptMessage(std::string(size, 'x'), receiver_, key_, salt_, 1024)->size();
  };
  EXPECT_EQ(message(10), message(1024));
  EXPECT_EQ(message(1025), message(1024) + 1);
  EXPECT_EQ(message(kMaxMessageBytes), 4096u);
}

TEST_F(MessageEncryption, RefusesWhatCannotBeEncrypted) {
  EXPECT_FALSE(EncryptMessage(std::string(kMaxMessageBytes + 1, 'x'), receiver_, key_, salt_, 0));
  Receiver off_curve = receiver_;
  off_curve.p256dh.back() ^= 1;
  EXPECT_FALSE(EncryptMessage("x", off_curve, key_, salt_, 0));
  EXPECT_FALSE(IsP256Point(std::string(kP256PointBytes, '\0')));
  EXPECT_FALSE(IsP256Point("\x04"));
  EXPECT_TRUE(IsP256Point(receiver_.p256dh));
}

TEST_F(MessageEncryption, EveryMessageHasItsOwnKey) {
  EXPECT_NE(EphemeralKey::Generate().public_point(), EphemeralKey::Generate().public_point());
  EXPECT_TRUE(EncryptMessage("x", receiver_, EphemeralKey::Generate(), salt_, 0));
}

// The claims and the point of RFC 8292 section 2.4; its signature differs, as every ECDSA signature does.
// That ours are good is tested with SigningKey.
TEST(Vapid, SignsForEachPushServiceAndRenews) {
  const auto key = auth::SigningKey::FromPem(auth::SigningKey::NewP256Pem(), auth::Algorithm::kEs256).value();
  Vapid vapid(key, "mailto:push@example.com");
  const WallTime now{std::chrono::seconds(1453341205)};
  const std::string header = vapid.HeaderFor("https://push.example.net", now);
  ASSERT_TRUE(header.starts_with("vapid t="));
  const std::string token = header.substr(8, header.find(", k=") - 8);
  EXPECT_EQ(header.substr(header.find(", k=") + 4), vapid.public_key());
  EXPECT_EQ(FromBase64Url(vapid.public_key()), key.PublicPoint());
  const size_t first = token.find('.');
  const size_t second = token.rfind('.');
  EXPECT_EQ(FromBase64Url(token.substr(0, first)), R"({"typ":"JWT","alg":"ES256"})");
  EXPECT_EQ(FromBase64Url(token.substr(first + 1, second - first - 1)),
            R"({"aud":"https://push.example.net","exp":1453384405,"sub":"mailto:push@example.com"})");
  EXPECT_EQ(FromBase64Url(token.substr(second + 1)).size(), 64u);
  EXPECT_EQ(vapid.HeaderFor("https://push.example.net", now + std::chrono::hours(10)), header);
  EXPECT_NE(vapid.HeaderFor("https://push.example.net", now + std::chrono::hours(11)), header);
  EXPECT_NE(vapid.HeaderFor("https://other.example", now), header);
}

}  // namespace
}  // namespace byon::push
