#include "dataplane/dtls/dtls_transport.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/dataplane/dtls/dtls_test_support.h"

namespace byon::dtls {
namespace {

using base::TimeDelta;
using srtp::SrtpProfile;

constexpr TimeDelta kLimit = TimeDelta::Seconds(40);

bool AreEqual(const srtp::SrtpKeyingMaterial& a, const srtp::SrtpKeyingMaterial& b) {
  return a.profile == b.profile && std::ranges::equal(a.key(), b.key()) && std::ranges::equal(a.salt(), b.salt());
}

class DtlsTransportTest : public testing::Test {
 protected:
  DtlsTransportTest()
      : client_identity_(Identity::Make()),
        server_identity_(Identity::Make()),
        client_(client_identity_, DtlsRole::kClient),
        server_(server_identity_, DtlsRole::kServer) {}

  void TrustEachOther() {
    client_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
    server_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  }
  void Start() {
    client_.transport.Start(clock_.now());
    server_.transport.Start(clock_.now());
  }
  void ExpectConnected() {
    ASSERT_NE(client_.connected(), nullptr);
    ASSERT_NE(server_.connected(), nullptr);
    EXPECT_TRUE(AreEqual(client_.connected()->local, server_.connected()->remote));
    EXPECT_TRUE(AreEqual(client_.connected()->remote, server_.connected()->local));
    EXPECT_FALSE(AreEqual(client_.connected()->local, client_.connected()->remote));
    EXPECT_EQ(client_.connected()->version, "DTLSv1.2");
    EXPECT_TRUE(client_.transport.is_connected());
  }
  // A full handshake over a clean link.
  void Connect() {
    TrustEachOther();
    Start();
    SimulatedLink(clock_, client_, server_, {}).Run(kLimit);
    ExpectConnected();
  }

  SimulatedClock clock_;
  Identity client_identity_;
  Identity server_identity_;
  Peer client_;
  Peer server_;
};

TEST_F(DtlsTransportTest, BothRolesConnectWithTheSameKeys) {
  Connect();
  EXPECT_EQ(client_.connected()->local.profile, SrtpProfile::kAeadAes128Gcm);
  EXPECT_TRUE(client_.transport.NextDeadline().is_infinite());
  EXPECT_TRUE(server_.transport.NextDeadline().is_infinite());
}

TEST_F(DtlsTransportTest, NoDatagramExceedsTheMtu) {
  TrustEachOther();
  Start();
  for (int round = 0; round < 4; ++round) {
    for (auto [from, to] : {std::pair(&client_, &server_), std::pair(&server_, &client_)}) {
      for (const Datagram& datagram : PollAll(from->transport)) {
        EXPECT_LE(datagram.size(), DtlsTransport::kMtu);
        to->transport.HandleDatagram(datagram, clock_.now());
      }
    }
  }
  EXPECT_TRUE(client_.transport.is_connected());
}

class DtlsWeatherTest : public DtlsTransportTest, public testing::WithParamInterface<uint64_t> {};

TEST_P(DtlsWeatherTest, ConnectsThroughLossReorderingAndDuplicates) {
  TrustEachOther();
  Start();
  SimulatedLink link(clock_, client_, server_, {.loss = 0.2, .duplicate = 0.2, .max_delay_ms = 60, .seed = GetParam()});
  link.Run(kLimit);
  ExpectConnected();
  link.RunQuiet(kLimit);  // nothing that comes late takes the connection down
  EXPECT_TRUE(client_.transport.is_connected() && server_.transport.is_connected());
  EXPECT_EQ(client_.events.size(), 1u);
  EXPECT_EQ(server_.events.size(), 1u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, DtlsWeatherTest, testing::Range<uint64_t>(1, 31));

TEST_F(DtlsTransportTest, ALostLastFlightIsSentAgain) {
  TrustEachOther();
  Start();
  const auto deliver = [this](Peer& from, Peer& to) {
    for (const Datagram& d : PollAll(from.transport)) to.transport.HandleDatagram(d, clock_.now());
  };
  deliver(client_, server_);
  deliver(server_, client_);
  deliver(client_, server_);
  server_.CollectEvents();
  ASSERT_NE(server_.connected(), nullptr);
  EXPECT_FALSE(PollAll(server_.transport).empty());  // lost
  ASSERT_FALSE(client_.transport.is_connected());
  const base::Timestamp deadline = client_.transport.NextDeadline();
  EXPECT_EQ((deadline - clock_.now()).milliseconds(), 100);
  clock_.Advance(deadline - clock_.now());
  client_.transport.HandleTimeout(clock_.now());
  deliver(client_, server_);
  deliver(server_, client_);
  client_.CollectEvents();
  ExpectConnected();
}

TEST_F(DtlsTransportTest, SilenceEndsTheHandshake) {
  TrustEachOther();
  Start();
  SimulatedLink(clock_, client_, server_, {.loss = 1.0}).Run(kLimit);
  ASSERT_NE(client_.failed(), nullptr);
  ASSERT_NE(server_.failed(), nullptr);
  EXPECT_EQ(client_.failed()->cause, FailureCause::kHandshake);
  EXPECT_EQ(server_.failed()->cause, FailureCause::kHandshake);
  EXPECT_TRUE(client_.transport.NextDeadline().is_infinite());
}

TEST_F(DtlsTransportTest, AWrongFingerprintGivesNoKeysToTheClient) {
  client_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  server_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  Start();
  SimulatedLink(clock_, client_, server_, {}).RunQuiet(kLimit);
  ASSERT_NE(client_.failed(), nullptr);
  EXPECT_EQ(client_.failed()->cause, FailureCause::kFingerprintMismatch);
  EXPECT_EQ(client_.connected(), nullptr);
  EXPECT_EQ(server_.connected(), nullptr);
  ASSERT_NE(server_.failed(), nullptr);  // told by an alert
  EXPECT_EQ(server_.failed()->cause, FailureCause::kHandshake);
}

TEST_F(DtlsTransportTest, AWrongFingerprintGivesNoKeysToTheServer) {
  client_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
  server_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
  Start();
  SimulatedLink(clock_, client_, server_, {}).RunQuiet(kLimit);
  ASSERT_NE(server_.failed(), nullptr);
  EXPECT_EQ(server_.failed()->cause, FailureCause::kFingerprintMismatch);
  EXPECT_EQ(server_.connected(), nullptr);
  EXPECT_EQ(client_.connected(), nullptr);
}

TEST_F(DtlsTransportTest, KeysWaitForTheFingerprint) {
  client_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
  Start();
  SimulatedLink(clock_, client_, server_, {}).RunQuiet(kLimit);
  EXPECT_TRUE(server_.events.empty());
  EXPECT_FALSE(server_.transport.is_connected());
  server_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  server_.CollectEvents();
  ExpectConnected();
}

TEST_F(DtlsTransportTest, AWrongFingerprintAfterTheHandshakeGivesNoKeys) {
  client_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
  Start();
  SimulatedLink(clock_, client_, server_, {}).RunQuiet(kLimit);
  server_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
  server_.CollectEvents();
  ASSERT_NE(server_.failed(), nullptr);
  EXPECT_EQ(server_.failed()->cause, FailureCause::kFingerprintMismatch);
  EXPECT_EQ(server_.connected(), nullptr);
  // The right one comes too late.
  server_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  server_.CollectEvents();
  EXPECT_EQ(server_.connected(), nullptr);
}

TEST_F(DtlsTransportTest, AnyFingerprintOfTheStrongestAlgorithmWillDo) {
  client_.transport.SetRemoteFingerprints(
      {{client_identity_.certificate.fingerprint(), server_identity_.certificate.fingerprint()}});
  server_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  Start();
  SimulatedLink(clock_, client_, server_, {}).Run(kLimit);
  ExpectConnected();
}

TEST_F(DtlsTransportTest, AWeakerFingerprintDoesNotOutvoteAStrongerOne) {
  DtlsFingerprint wrong_sha512;
  wrong_sha512.algorithm = FingerprintAlgorithm::kSha512;
  client_.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint(), wrong_sha512}});
  server_.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  Start();
  SimulatedLink(clock_, client_, server_, {}).RunQuiet(kLimit);
  ASSERT_NE(client_.failed(), nullptr);
  EXPECT_EQ(client_.failed()->cause, FailureCause::kFingerprintMismatch);
}

TEST_F(DtlsTransportTest, TheServersOrderOfProfilesWins) {
  const SrtpProfile server_order[] = {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm};
  const Identity picky = Identity::Make(server_order);
  Peer server(picky, DtlsRole::kServer);
  client_.transport.SetRemoteFingerprints({{picky.certificate.fingerprint()}});
  server.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
  client_.transport.Start(clock_.now());
  SimulatedLink(clock_, client_, server, {}).Run(kLimit);
  ASSERT_NE(client_.connected(), nullptr);
  EXPECT_EQ(client_.connected()->local.profile, SrtpProfile::kAes128CmSha1_80);
  EXPECT_EQ(client_.connected()->local.salt().size(), 14u);
  ASSERT_NE(server.connected(), nullptr);
  EXPECT_TRUE(AreEqual(client_.connected()->local, server.connected()->remote));
}

TEST_F(DtlsTransportTest, WithoutACommonProfileThereAreNoKeys) {
  const SrtpProfile only_gcm_256[] = {SrtpProfile::kAeadAes256Gcm};
  const SrtpProfile only_cm[] = {SrtpProfile::kAes128CmSha1_80};
  const Identity a = Identity::Make(only_gcm_256), b = Identity::Make(only_cm);
  Peer client(a, DtlsRole::kClient), server(b, DtlsRole::kServer);
  client.transport.SetRemoteFingerprints({{b.certificate.fingerprint()}});
  server.transport.SetRemoteFingerprints({{a.certificate.fingerprint()}});
  client.transport.Start(clock_.now());
  SimulatedLink(clock_, client, server, {}).RunQuiet(kLimit);
  ASSERT_NE(client.failed(), nullptr);
  ASSERT_NE(server.failed(), nullptr);
  EXPECT_EQ(client.failed()->cause, FailureCause::kNoSrtpProfile);
  EXPECT_EQ(server.failed()->cause, FailureCause::kNoSrtpProfile);
  EXPECT_EQ(client.connected(), nullptr);
  EXPECT_EQ(server.connected(), nullptr);
}

// Browsers with post-quantum key shares send their ClientHello in pieces.
TEST_F(DtlsTransportTest, AFragmentedClientHelloIsReadInAnyOrder) {
  for (int order = 0; order < 4; ++order) {
    Peer client(client_identity_, DtlsRole::kClient), server(server_identity_, DtlsRole::kServer);
    server.transport.SetRemoteFingerprints({{client_identity_.certificate.fingerprint()}});
    client.transport.SetRemoteFingerprints({{server_identity_.certificate.fingerprint()}});
    client.transport.Start(clock_.now());
    auto fragments = Refragment(PollAll(client.transport).at(0), 60, 0);
    ASSERT_GE(fragments.size(), 3u);
    if (order == 1) std::ranges::reverse(fragments);
    if (order == 2) fragments.insert(fragments.begin() + 1, fragments[0]);  // duplicate
    if (order == 3) std::swap(fragments[0], fragments[1]);
    for (const Datagram& fragment : fragments) {
      EXPECT_TRUE(PollAll(server.transport).empty()) << "answered half a ClientHello";
      server.transport.HandleDatagram(fragment, clock_.now());
    }
    SimulatedLink(clock_, client, server, {}).Run(kLimit);
    EXPECT_NE(client.connected(), nullptr) << "order " << order;
    EXPECT_NE(server.connected(), nullptr) << "order " << order;
  }
}

// Firefox cuts its retransmission at other offsets than the first transmission.
TEST_F(DtlsTransportTest, FragmentsOfTwoRetransmissionsWithOtherBordersFitTogether) {
  TrustEachOther();
  Start();
  const Datagram hello = PollAll(client_.transport).at(0);
  const auto first_cut = Refragment(hello, 100, 0);
  const auto second_cut = Refragment(hello, 70, 20);
  server_.transport.HandleDatagram(first_cut[0], clock_.now());  // the rest of it is lost
  for (size_t i = 1; i < second_cut.size(); ++i) {               // and the first of the second
    server_.transport.HandleDatagram(second_cut[i], clock_.now());
  }
  SimulatedLink(clock_, client_, server_, {}).Run(kLimit);
  ExpectConnected();
}

TEST_F(DtlsTransportTest, JunkNeitherHelpsNorHurts) {
  TrustEachOther();
  Start();
  base::Random random(3);
  const auto throw_junk = [&](Peer& at) {
    for (size_t size = 1; size < 200; ++size) {
      Datagram junk(size);
      for (std::byte& b : junk) b = static_cast<std::byte>(random.NextBelow(256));
      junk[0] = static_cast<std::byte>(20 + random.NextBelow(44));
      at.transport.HandleDatagram(junk, clock_.now());
    }
    for (int type = 20; type < 26; ++type) {  // well-formed headers around nothing or one byte
      for (const size_t size : {size_t{1}, size_t{12}, size_t{13}, size_t{14}}) {
        Datagram record(14);
        base::ByteWriter writer(record);
        writer.WriteU8(static_cast<uint8_t>(type));
        writer.WriteU16(0xfefd);
        writer.WriteU64(1);
        writer.WriteU16(static_cast<uint16_t>(size > 13 ? 1 : 0));
        writer.WriteU8(0);
        record.resize(size);
        if (type != 21 && type != 22) at.transport.HandleDatagram(record, clock_.now());
      }
    }
  };
  throw_junk(client_);
  throw_junk(server_);
  EXPECT_TRUE(client_.events.empty());
  SimulatedLink(clock_, client_, server_, {}).Run(kLimit);
  ExpectConnected();
  throw_junk(client_);
  throw_junk(server_);
  client_.CollectEvents();
  server_.CollectEvents();
  EXPECT_EQ(client_.events.size(), 1u);
  EXPECT_EQ(server_.events.size(), 1u);
  EXPECT_TRUE(server_.transport.is_connected());
}

TEST_F(DtlsTransportTest, AnAlertInTheClearDoesNotCloseAConnection) {
  Connect();
  for (const unsigned description : {0u, 10u, 40u}) {  // close_notify, unexpected_message, failure
    Datagram alert(15);
    base::ByteWriter writer(alert);
    writer.WriteU8(21);
    writer.WriteU16(0xfefd);
    writer.WriteU64(77);  // epoch 0
    writer.WriteU16(2);
    writer.WriteU8(2);
    writer.WriteU8(static_cast<uint8_t>(description));
    client_.transport.HandleDatagram(alert, clock_.now());
    server_.transport.HandleDatagram(alert, clock_.now());
  }
  client_.CollectEvents();
  server_.CollectEvents();
  EXPECT_TRUE(client_.transport.is_connected() && server_.transport.is_connected());
  EXPECT_FALSE(client_.closed() || server_.closed());
}

TEST_F(DtlsTransportTest, CloseTellsThePeer) {
  Connect();
  client_.transport.Close();
  EXPECT_FALSE(client_.transport.is_connected());
  for (const Datagram& d : PollAll(client_.transport)) {
    server_.transport.HandleDatagram(d, clock_.now());
  }
  server_.CollectEvents();
  EXPECT_TRUE(server_.closed());
  EXPECT_FALSE(server_.transport.is_connected());
}

// Made as soon as there are keys, sent at the end of the call: in between the handshake may have to be repaired.
TEST_F(DtlsTransportTest, AFarewellMadeEarlyClosesThePeerLater) {
  TrustEachOther();
  Start();
  EXPECT_FALSE(server_.transport.MakeFarewell()) << "nothing to say goodbye to";
  const auto deliver = [this](Peer& from, Peer& to) {
    for (const Datagram& d : PollAll(from.transport)) to.transport.HandleDatagram(d, clock_.now());
  };
  deliver(client_, server_);
  deliver(server_, client_);
  deliver(client_, server_);
  ASSERT_TRUE(server_.transport.is_connected());
  const auto farewell = server_.transport.MakeFarewell();
  ASSERT_TRUE(farewell);
  EXPECT_FALSE(PollAll(server_.transport).empty()) << "the last flight, which is lost";
  clock_.Advance(client_.transport.NextDeadline() - clock_.now());
  client_.transport.HandleTimeout(clock_.now());
  deliver(client_, server_);
  deliver(server_, client_);
  client_.CollectEvents();
  server_.CollectEvents();
  ExpectConnected();
  EXPECT_FALSE(client_.closed());
  client_.transport.HandleDatagram(farewell->bytes(), clock_.now());
  client_.CollectEvents();
  EXPECT_TRUE(client_.closed());
  EXPECT_FALSE(client_.transport.is_connected());
}

TEST_F(DtlsTransportTest, MovesAsAValue) {
  TrustEachOther();
  Start();
  DtlsTransport moved = std::move(client_.transport);
  for (const Datagram& d : PollAll(moved)) server_.transport.HandleDatagram(d, clock_.now());
  for (const Datagram& d : PollAll(server_.transport)) moved.HandleDatagram(d, clock_.now());
  client_.transport = std::move(moved);
  SimulatedLink(clock_, client_, server_, {}).Run(kLimit);
  ExpectConnected();
}

TEST_F(DtlsTransportTest, AnOwnerThatNeverPollsCostsBoundedMemory) {
  TrustEachOther();
  Start();
  for (int i = 0; i < 200; ++i) {
    clock_.Advance(TimeDelta::Milliseconds(100));
    client_.transport.HandleTimeout(clock_.now());
  }
  EXPECT_LE(PollAll(client_.transport).size(), DtlsTransport::kMaxQueuedDatagrams);
}

}  // namespace
}  // namespace byon::dtls
