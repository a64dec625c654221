#include <gtest/gtest.h>

#include "dataplane/srtp/session_keys.h"
#include "dataplane/srtp/srtp_transform.h"
#include "tests/dataplane/srtp/srtp_test_support.h"

namespace byon::srtp {
namespace {

class RfcVectors : public testing::TestWithParam<SrtpBackend> {
 protected:
  void SetUp() override {
    if (!IsAvailable(GetParam())) GTEST_SKIP() << "backend not available on this machine";
  }
};

// RFC 3711 appendix B.3.
TEST(KeyDerivation, Rfc3711AppendixB3) {
  const auto keying =
      MakeKeying(SrtpProfile::kAes128CmSha1_80, "e1f97a0d3e018be0d64fa32c06de4139", "0ec675ad498afeebb6960b3aabe6");
  Packet cipher_key(16), salt(14), auth_key(94);
  DeriveSessionKey(keying, KeyLabel::kRtpCipher, cipher_key);
  DeriveSessionKey(keying, KeyLabel::kRtpSalt, salt);
  DeriveSessionKey(keying, KeyLabel::kRtpAuth, auth_key);
  EXPECT_EQ(cipher_key, FromHex("c61e7a93744f39ee10734afe3ff7a087"));
  EXPECT_EQ(salt, FromHex("30cbbc08863d8c85d49db34a9ae1"));
  EXPECT_EQ(auth_key, FromHex("cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee0"
                              "49646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc256d6e"
                              "919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2"));
}

// RFC 3711 appendix B.2: the key stream shows when zeros are encrypted.
TEST_P(RfcVectors, AesCmKeyStreamRfc3711AppendixB2) {
  const auto transform = MakeSrtpTransform(GetParam());
  const auto keys = MakePacketKeys(GetParam(), SrtpProfile::kAes128CmSha1_80,
                                   FromHex("2b7e151628aed2a6abf7158809cf4f3c"), Packet(20));
  Packet text(48);
  PacketJob job;
  job.keys = keys.get();
  job.profile = SrtpProfile::kAes128CmSha1_80;
  std::ranges::copy(FromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"), job.iv.begin());
  job.payload = text;
  job.authenticated = text;
  transform->Protect(std::span(&job, 1));
  EXPECT_EQ(text, FromHex("e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3b"
                          "b0a2e8dd477901e4fca894c0"));
}

// Sections 16.1.1 and 16.2.1 of RFC 7714 give session keys, not master keys: the cipher is tried.
void TryAead(SrtpBackend backend, SrtpProfile profile, const Packet& key, const Packet& iv, const Packet& associated,
             const Packet& plain, const Packet& sealed) {
  const auto transform = MakeSrtpTransform(backend);
  const auto keys = MakePacketKeys(backend, profile, key, {});
  PacketJob job;
  job.keys = keys.get();
  job.profile = profile;
  std::ranges::copy(iv, job.iv.begin());
  job.authenticated = associated;
  Packet text = plain;
  job.payload = text;
  transform->Protect(std::span(&job, 1));
  const Packet expected_text(sealed.begin(), sealed.end() - 16);
  const Packet expected_tag(sealed.end() - 16, sealed.end());
  EXPECT_EQ(text, expected_text);
  EXPECT_EQ(Packet(job.tag.begin(), job.tag.end()), expected_tag);

  transform->Unprotect(std::span(&job, 1));
  EXPECT_TRUE(job.is_authentic);
  EXPECT_EQ(text, plain);
}

constexpr std::string_view kRtpHeader = "8040f17b8041f8d35501a0b2";
constexpr std::string_view kRtpPayload = "47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
// Salt 517569642070726f2071756f XOR (0000, SSRC, ROC 0, SEQ f17b).
constexpr std::string_view kRtpIv = "51753c6580c2726f20718414";

TEST_P(RfcVectors, Aes128GcmRtpRfc7714Section16_1) {
  TryAead(GetParam(), SrtpProfile::kAeadAes128Gcm, FromHex("000102030405060708090a0b0c0d0e0f"), FromHex(kRtpIv),
          FromHex(kRtpHeader), FromHex(kRtpPayload),
          FromHex("f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d"
                  "7f27beb16a9152cf765ee4390cce"));
}

TEST_P(RfcVectors, Aes256GcmRtpRfc7714Section16_2) {
  TryAead(GetParam(), SrtpProfile::kAeadAes256Gcm,
          FromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), FromHex(kRtpIv),
          FromHex(kRtpHeader), FromHex(kRtpPayload),
          FromHex("32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3"
                  "db36dfffd6b0f9bb7878d7a76c13"));
}

constexpr std::string_view kRtcpPayload =
    "4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
// Header of the sender report and the index word 5d4 with the E flag.
constexpr std::string_view kRtcpAssociated = "81c8000d4d617273800005d4";
// Salt XOR (0000, SSRC 4d617273, 0000, index 000005d4).
constexpr std::string_view kRtcpIv = "517524055203726f207170bb";

TEST_P(RfcVectors, Aes128GcmRtcpRfc7714Section17_1) {
  TryAead(GetParam(), SrtpProfile::kAeadAes128Gcm, FromHex("000102030405060708090a0b0c0d0e0f"), FromHex(kRtcpIv),
          FromHex(kRtcpAssociated), FromHex(kRtcpPayload),
          FromHex("63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded"
                  "0bb9275bc84aa45896cf4d2fc5abf87245d9eade"));
}

TEST_P(RfcVectors, Aes256GcmRtcpRfc7714Section17_3) {
  TryAead(GetParam(), SrtpProfile::kAeadAes256Gcm,
          FromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), FromHex(kRtcpIv),
          FromHex(kRtcpAssociated), FromHex(kRtcpPayload),
          FromHex("d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047"
                  "6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be"));
}

// Tagging only (E = 0): packet and index word are associated data, sections 17.2 and 17.4.
TEST_P(RfcVectors, Aes128GcmRtcpTaggingOnlyRfc7714Section17_2) {
  TryAead(GetParam(), SrtpProfile::kAeadAes128Gcm, FromHex("000102030405060708090a0b0c0d0e0f"), FromHex(kRtcpIv),
          FromHex("81c8000d4d617273" + std::string(kRtcpPayload) + "000005d4"), {},
          FromHex("841dd9683dd78ec92ae58790125f62b3"));
}

TEST_P(RfcVectors, Aes256GcmRtcpTaggingOnlyRfc7714Section17_4) {
  TryAead(GetParam(), SrtpProfile::kAeadAes256Gcm,
          FromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), FromHex(kRtcpIv),
          FromHex("81c8000d4d617273" + std::string(kRtcpPayload) + "000005d4"), {},
          FromHex("91db4afbfeee5a978fab4393ed2615fe"));
}

// The reference packets of libsrtp's test driver: whole packets from master keys.
TEST_P(RfcVectors, LibsrtpReferencePacketsAesCm) {
  const auto keying =
      MakeKeying(SrtpProfile::kAes128CmSha1_80, "e1f97a0d3e018be0d64fa32c06de4139", "0ec675ad498afeebb6960b3aabe6");
  const Packet rtp = FromHex("800f1234decafbadcafebabeabababababababababababababababab");
  const Packet srtp = FromHex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
  const Packet rtcp = FromHex("81c8000bcafebabeabababababababababababababababab");
  const Packet srtcp = FromHex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
  Endpoint sender(GetParam(), keying), receiver(GetParam(), keying);
  EXPECT_EQ(*sender.ProtectRtp(rtp), srtp);
  EXPECT_EQ(*receiver.UnprotectRtp(srtp), rtp);
  ASSERT_TRUE(sender.ProtectRtcp(rtcp).ok());  // index 0; the vector has index 1
  EXPECT_EQ(*sender.ProtectRtcp(rtcp), srtcp);
  EXPECT_EQ(*receiver.UnprotectRtcp(srtcp), rtcp);
}

TEST_P(RfcVectors, LibsrtpReferencePacketsAesGcm) {
  const auto keying =
      MakeKeying(SrtpProfile::kAeadAes128Gcm, "000102030405060708090a0b0c0d0e0f", "a0a1a2a3a4a5a6a7a8a9aaab");
  const Packet rtp = FromHex("800f1234decafbadcafebabeabababababababababababababababab");
  const Packet srtp =
      FromHex("800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392");
  const Packet rtcp = FromHex("81c8000bcafebabeabababababababababababababababab");
  const Packet srtcp =
      FromHex("81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001");
  Endpoint sender(GetParam(), keying), receiver(GetParam(), keying);
  EXPECT_EQ(*sender.ProtectRtp(rtp), srtp);
  EXPECT_EQ(*receiver.UnprotectRtp(srtp), rtp);
  ASSERT_TRUE(sender.ProtectRtcp(rtcp).ok());
  EXPECT_EQ(*sender.ProtectRtcp(rtcp), srtcp);
  EXPECT_EQ(*receiver.UnprotectRtcp(srtcp), rtcp);
}

INSTANTIATE_TEST_SUITE_P(Backends, RfcVectors, testing::Values(SrtpBackend::kIpsecMb, SrtpBackend::kOpenSsl),
                         [](const auto& param_info) {
                           return param_info.param == SrtpBackend::kIpsecMb ? "IpsecMb" : "OpenSsl";
                         });

}  // namespace
}  // namespace byon::srtp
