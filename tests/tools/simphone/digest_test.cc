#include "tools/simphone/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace byon::simphone {
namespace {

using testing::HasSubstr;

// RFC 7616 section 3.9.1.
constexpr const char* kNonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
constexpr const char* kCnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
DigestChallenge ChallengeOf(const std::string& algorithm) {
  return {"http-auth@example.org", kNonce, "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", algorithm, true};
}

TEST(DigestTest, Md5VectorOfRfc7616) {
  const std::string value =
      MakeAuthorization(ChallengeOf("MD5"), {"Mufasa", "Circle of Life"}, "GET", "/dir/index.html", 1, kCnonce);
  EXPECT_THAT(value, HasSubstr("response=\"8ca523f5e9506fed4657c9700eebdbec\""));
  EXPECT_THAT(value, HasSubstr("nc=00000001"));
}

TEST(DigestTest, Sha256VectorOfRfc7616) {
  const std::string value =
      MakeAuthorization(ChallengeOf("SHA-256"), {"Mufasa", "Circle of Life"}, "GET", "/dir/index.html", 1, kCnonce);
  EXPECT_THAT(value, HasSubstr("response="
                               "\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
                               "\""));
}

TEST(DigestTest, ReadsAChallengeWithCommasInQuotes) {
  const auto challenge = DigestChallenge::Parse(
      "Digest realm=\"a, b\", nonce=\"n==\", algorithm=SHA-256, qop=\"auth,auth-int\", "
      "opaque=\"o\"");
  ASSERT_TRUE(challenge);
  EXPECT_EQ(challenge->realm, "a, b");
  EXPECT_EQ(challenge->nonce, "n==");
  EXPECT_EQ(challenge->opaque, "o");
  EXPECT_TRUE(challenge->has_qop_auth);
}

TEST(DigestTest, RefusesWhatItCannotAnswer) {
  EXPECT_FALSE(DigestChallenge::Parse("Basic realm=\"x\""));
  EXPECT_FALSE(DigestChallenge::Parse("Digest realm=\"x\", nonce=\"n\", algorithm=AKAv1-MD5"));
  EXPECT_FALSE(DigestChallenge::Parse("Digest realm=\"x\""));
}

}  // namespace
}  // namespace byon::simphone
