#include <gtest/gtest.h>

#include "tests/dataplane/dtls/dtls_test_support.h"
#include "tests/dataplane/dtls/openssl_peer.h"

namespace byon::dtls {
namespace {

using srtp::SrtpProfile;

class OpenSslInterop : public testing::Test {
 protected:
  OpenSslInterop() : identity_(Identity::Make()) {}

  // Runs a handshake of ours against plain OpenSSL.
  void Run(Peer& ours, OpenSslPeer& theirs) {
    ours.transport.Start(clock_.now());
    std::vector<Datagram> to_us = theirs.Step({});
    for (int round = 0; round < 10; ++round) {
      for (const Datagram& datagram : to_us) ours.transport.HandleDatagram(datagram, clock_.now());
      ours.CollectEvents();
      to_us = theirs.Step(PollAll(ours.transport));
    }
  }
  // Ours as `role` against OpenSSL with `options`; the certificate is trusted by `algorithm`.
  void Connect(DtlsRole role, const OpenSslPeer::Options& options,
               FingerprintAlgorithm algorithm = FingerprintAlgorithm::kSha256) {
    ours_.emplace(identity_, role);
    theirs_.emplace(role == DtlsRole::kClient ? DtlsRole::kServer : DtlsRole::kClient, options);
    ours_->transport.SetRemoteFingerprints({{theirs_->fingerprint(algorithm)}});
    Run(*ours_, *theirs_);
  }

  SimulatedClock clock_;
  Identity identity_;
  std::optional<Peer> ours_;
  std::optional<OpenSslPeer> theirs_;
};

struct Case {
  DtlsRole role;
  const char* openssl_profile;
  SrtpProfile profile;
  FingerprintAlgorithm algorithm;
};

class OpenSslInteropKeys : public OpenSslInterop, public testing::WithParamInterface<Case> {};

TEST_P(OpenSslInteropKeys, BothSidesExportTheSameKeys) {
  const Case& c = GetParam();
  Connect(c.role, {.srtp_profiles = c.openssl_profile}, c.algorithm);
  ASSERT_TRUE(theirs_->is_done());
  ASSERT_NE(ours_->connected(), nullptr);
  const auto& local = ours_->connected()->local;
  const auto& remote = ours_->connected()->remote;
  EXPECT_EQ(local.profile, c.profile);
  const bool we_are_client = c.role == DtlsRole::kClient;
  const auto& client = we_are_client ? local : remote;
  const auto& server = we_are_client ? remote : local;
  std::vector<std::byte> expected;
  for (const base::ByteSpan part : {client.key(), server.key(), client.salt(), server.salt()}) {
    expected.insert(expected.end(), part.begin(), part.end());
  }
  EXPECT_EQ(theirs_->KeyingMaterial(expected.size()), expected);
}
INSTANTIATE_TEST_SUITE_P(
    RolesAndProfiles, OpenSslInteropKeys,
    testing::Values(
        Case{DtlsRole::kClient, "SRTP_AES128_CM_SHA1_80", SrtpProfile::kAes128CmSha1_80, FingerprintAlgorithm::kSha256},
        Case{DtlsRole::kServer, "SRTP_AES128_CM_SHA1_80", SrtpProfile::kAes128CmSha1_80, FingerprintAlgorithm::kSha384},
        Case{DtlsRole::kClient, "SRTP_AEAD_AES_128_GCM", SrtpProfile::kAeadAes128Gcm, FingerprintAlgorithm::kSha512},
        Case{DtlsRole::kServer, "SRTP_AEAD_AES_128_GCM", SrtpProfile::kAeadAes128Gcm, FingerprintAlgorithm::kSha512},
        Case{DtlsRole::kClient, "SRTP_AEAD_AES_256_GCM", SrtpProfile::kAeadAes256Gcm, FingerprintAlgorithm::kSha384},
        Case{DtlsRole::kServer, "SRTP_AEAD_AES_256_GCM", SrtpProfile::kAeadAes256Gcm, FingerprintAlgorithm::kSha256}));

// What Chromium offers, in its order: ours decides.
TEST_F(OpenSslInterop, AsServerOurOrderOfProfilesDecides) {
  Connect(DtlsRole::kServer, {.srtp_profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"});
  ASSERT_NE(ours_->connected(), nullptr);
  EXPECT_EQ(ours_->connected()->local.profile, SrtpProfile::kAeadAes128Gcm);
  EXPECT_EQ(theirs_->profile(), "SRTP_AEAD_AES_128_GCM");
}

TEST_F(OpenSslInterop, WithoutUseSrtpThereAreNoKeys) {
  for (const DtlsRole role : {DtlsRole::kClient, DtlsRole::kServer}) {
    Connect(role, {.srtp_profiles = ""});
    ASSERT_NE(ours_->failed(), nullptr);
    EXPECT_EQ(ours_->failed()->cause, FailureCause::kNoSrtpProfile);
    EXPECT_EQ(ours_->connected(), nullptr);
  }
}

TEST_F(OpenSslInterop, Dtls10IsRefused) {
  for (const DtlsRole role : {DtlsRole::kClient, DtlsRole::kServer}) {
    Connect(role, {.max_version = DTLS1_VERSION});
    ASSERT_NE(ours_->failed(), nullptr);
    EXPECT_EQ(ours_->failed()->cause, FailureCause::kHandshake);
    EXPECT_EQ(ours_->connected(), nullptr);
    EXPECT_FALSE(theirs_->is_done());
  }
}

TEST_F(OpenSslInterop, ACertificateOf64KilobytesIsRefused) {
  for (const DtlsRole role : {DtlsRole::kClient, DtlsRole::kServer}) {
    Connect(role, {.certificate_padding = 64 * 1024});
    ASSERT_NE(ours_->failed(), nullptr);
    EXPECT_EQ(ours_->failed()->cause, FailureCause::kHandshake);
  }
}

TEST_F(OpenSslInterop, AWrongFingerprintIsRefusedInBothRoles) {
  for (const DtlsRole role : {DtlsRole::kClient, DtlsRole::kServer}) {
    Peer ours(identity_, role);
    OpenSslPeer theirs(role == DtlsRole::kClient ? DtlsRole::kServer : DtlsRole::kClient, {});
    ours.transport.SetRemoteFingerprints({{identity_.certificate.fingerprint()}});
    Run(ours, theirs);
    ASSERT_NE(ours.failed(), nullptr);
    EXPECT_EQ(ours.failed()->cause, FailureCause::kFingerprintMismatch);
    EXPECT_EQ(ours.connected(), nullptr);
  }
}

TEST_F(OpenSslInterop, ApplicationDataIsIgnoredAndCloseNotifyEnds) {
  Connect(DtlsRole::kServer, {});
  ASSERT_TRUE(ours_->transport.is_connected());
  for (const Datagram& d : theirs_->SendApplicationData("sctp, perhaps")) {
    ours_->transport.HandleDatagram(d, clock_.now());
  }
  ours_->CollectEvents();
  EXPECT_TRUE(ours_->transport.is_connected());
  const auto shutdown = theirs_->Shutdown();
  for (const Datagram& d : shutdown) ours_->transport.HandleDatagram(d, clock_.now());
  ours_->CollectEvents();
  EXPECT_TRUE(ours_->closed());
}

// CVE-2026-75806's shape: a record of the new epoch shorter than its nonce and tag.
TEST_F(OpenSslInterop, UndersizedRecordsOfTheNewEpochAreDropped) {
  Connect(DtlsRole::kServer, {});
  for (uint16_t length = 0; length < 40; ++length) {
    Datagram record(13 + length);
    base::ByteWriter writer(record);
    writer.WriteU8(23);
    writer.WriteU16(0xfefd);
    writer.WriteU16(1);
    writer.WriteU32(0);
    writer.WriteU16(static_cast<uint16_t>(100 + length));
    writer.WriteU16(length);
    ours_->transport.HandleDatagram(record, clock_.now());
  }
  ours_->CollectEvents();
  EXPECT_TRUE(ours_->transport.is_connected());
  EXPECT_EQ(ours_->events.size(), 1u);
}

// CVE-2026-54874's shape: endless records of a future epoch before the handshake has ended.
TEST_F(OpenSslInterop, RecordsOfAFutureEpochDoNotPileUp) {
  Peer ours(identity_, DtlsRole::kServer);
  OpenSslPeer theirs(DtlsRole::kClient, {});
  ours.transport.SetRemoteFingerprints({{theirs.fingerprint(FingerprintAlgorithm::kSha256)}});
  for (const Datagram& d : theirs.Step({})) ours.transport.HandleDatagram(d, clock_.now());
  for (uint32_t i = 0; i < 20'000; ++i) {
    Datagram record(13 + 1000);
    base::ByteWriter writer(record);
    writer.WriteU8(23);
    writer.WriteU16(0xfefd);
    writer.WriteU16(1);
    writer.WriteU16(0);
    writer.WriteU32(i);
    writer.WriteU16(1000);
    ours.transport.HandleDatagram(record, clock_.now());
  }
  Run(ours, theirs);  // still able to finish
  EXPECT_NE(ours.connected(), nullptr);
}

}  // namespace
}  // namespace byon::dtls
