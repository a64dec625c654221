#include "dataplane/dtls/fingerprint.h"

#include <gtest/gtest.h>

#include "dataplane/dtls/dtls_certificate.h"
#include "dataplane/dtls/dtls_context.h"

namespace byon::dtls {
namespace {

const std::string kSha256Text =
    "6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:"
    "08";

TEST(Fingerprint, ParsesAndPrintsTheFormOfRfc8122) {
  const auto fingerprint = DtlsFingerprint::Parse("sha-256", kSha256Text);
  ASSERT_TRUE(fingerprint.has_value());
  EXPECT_EQ(fingerprint->algorithm, FingerprintAlgorithm::kSha256);
  EXPECT_EQ(fingerprint->digest()[0], std::byte{0x6b});
  EXPECT_EQ(fingerprint->digest()[31], std::byte{0x08});
  EXPECT_EQ(fingerprint->ToText(), kSha256Text);
}

TEST(Fingerprint, CaseDoesNotMatter) {
  std::string lower = kSha256Text;
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(DtlsFingerprint::Parse("SHA-256", lower), DtlsFingerprint::Parse("sha-256", kSha256Text));
}

TEST(Fingerprint, LongerDigestsHaveTheirLengths) {
  const auto text_of = [](size_t bytes) {
    std::string text = "00";
    for (size_t i = 1; i < bytes; ++i) text += ":00";
    return text;
  };
  EXPECT_TRUE(DtlsFingerprint::Parse("sha-384", text_of(48)).has_value());
  EXPECT_TRUE(DtlsFingerprint::Parse("sha-512", text_of(64)).has_value());
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-512", text_of(48)).has_value());
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-256", text_of(33)).has_value());
}

TEST(Fingerprint, BrokenHashesAreRefused) {
  const std::string sha1 = "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-1", sha1).has_value());
  EXPECT_FALSE(DtlsFingerprint::Parse("md5", sha1.substr(0, 47)).has_value());
  EXPECT_FALSE(DtlsFingerprint::Parse("", kSha256Text).has_value());
}

TEST(Fingerprint, MalformedValuesAreRefused) {
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-256", "").has_value());
  std::string text = kSha256Text;
  text[2] = '-';
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-256", text).has_value());
  text = kSha256Text;
  text[0] = 'G';
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-256", text).has_value());
  EXPECT_FALSE(DtlsFingerprint::Parse("sha-256", kSha256Text + ":").has_value());
}

TEST(DtlsCertificate, EveryOneIsNew) {
  const auto a = DtlsCertificate::Generate();
  const auto b = DtlsCertificate::Generate();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->fingerprint().algorithm, FingerprintAlgorithm::kSha256);
  EXPECT_FALSE(a->fingerprint() == b->fingerprint());
}

TEST(DtlsContext, WithoutProfilesThereIsNone) {
  const auto certificate = DtlsCertificate::Generate();
  const auto context = DtlsContext::Create(*certificate, {});
  ASSERT_FALSE(context.ok());
  EXPECT_EQ(context.error(), "no SRTP profile is given");
}

}  // namespace
}  // namespace byon::dtls
