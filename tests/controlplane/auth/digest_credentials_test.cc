#include "controlplane/auth/digest_credentials.h"

#include <gtest/gtest.h>

namespace byon::auth {
namespace {

// RFC 7616 section 3.9.1.
std::string Header(const std::string& algorithm, const std::string& response) {
  return "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=" +
         algorithm +
         ", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, "
         "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"" +
         response + "\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
}
constexpr char kMd5[] = "8ca523f5e9506fed4657c9700eebdbec";
constexpr char kSha256[] = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";

TEST(DigestCredentialsTest, Rfc7616Section391) {
  for (const auto& [algorithm, response] : {std::pair("MD5", kMd5), std::pair("SHA-256", kSha256)}) {
    const auto credentials = ParseDigestCredentials(Header(algorithm, response));
    ASSERT_TRUE(credentials) << algorithm;
    EXPECT_EQ(credentials->username, "Mufasa");
    EXPECT_EQ(credentials->nonce_count, 1u);
    EXPECT_TRUE(IsDigestResponseRight(*credentials, "GET", "Circle of Life")) << algorithm;
    EXPECT_FALSE(IsDigestResponseRight(*credentials, "GET", "circle of life"));
    EXPECT_FALSE(IsDigestResponseRight(*credentials, "PUT", "Circle of Life"));
  }
}

TEST(DigestCredentialsTest, AgreesWithTheClientsSide) {
  DigestSession session(
      *ParseDigestChallenge("Digest realm=\"r \\\"x\\\"\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"));
  for (uint32_t count = 1; count < 20; ++count) {
    const auto credentials = ParseDigestCredentials(session.Authorize("REGISTER", "sip:x", "u", "p", "c"));
    ASSERT_TRUE(credentials);
    EXPECT_EQ(credentials->nonce_count, count);
    EXPECT_TRUE(IsDigestResponseRight(*credentials, "REGISTER", "p"));
  }
}

TEST(DigestCredentialsTest, RefusesWhatIsIncompleteOrAmbiguous) {
  const std::string good = Header("MD5", kMd5);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_TRUE(ParseDigestCredentials(good));
  for (const char* member : {"username=\"Mufasa\", ", "realm=\"http-auth@example.org\", ", "uri=\"/dir/index.html\", ",
                             "nc=00000001, ", "qop=auth, "}) {
    EXPECT_FALSE(ParseDigestCredentials(with(member, ""))) << member;
  }
  EXPECT_FALSE(ParseDigestCredentials(good + ", username=\"Scar\"")) << "which one is it?";
  EXPECT_FALSE(ParseDigestCredentials(with("nc=00000001", "nc=00000000")));
  EXPECT_FALSE(ParseDigestCredentials(with("nc=00000001", "nc=1")));
  EXPECT_FALSE(ParseDigestCredentials(with("nc=00000001", "nc=0000000g")));
  EXPECT_FALSE(ParseDigestCredentials(with("qop=auth", "qop=auth-int")));
  EXPECT_FALSE(ParseDigestCredentials(with("algorithm=MD5", "algorithm=MD5-sess")));
  EXPECT_FALSE(ParseDigestCredentials(with("algorithm=MD5", "algorithm=SHA-256"))) << "a response of the wrong length";
  EXPECT_FALSE(ParseDigestCredentials(with(kMd5, "zz")));
  EXPECT_FALSE(ParseDigestCredentials("Basic dTpw"));
  EXPECT_FALSE(ParseDigestCredentials("Digest"));
  EXPECT_FALSE(ParseDigestCredentials("Digest " + std::string(5000, 'x')));
}

}  // namespace
}  // namespace byon::auth
