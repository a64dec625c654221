#include "dataplane/session/web_rtc_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/stun/stun_message_builder.h"
#include "tests/dataplane/support/fake_session_output.h"

namespace byon::session {
namespace {

using base::TimeDelta;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = HandshakeRequest::Kind;

const net::SocketAddress kLocal = *net::SocketAddress::Parse("192.0.2.1:20000");
const net::SocketAddress kRemote = *net::SocketAddress::Parse("198.51.100.7:50000");
const IceCredentials kGatewayIce{"gway", "gateway-password-of-22-ch"};
const base::Timestamp kStart = base::Timestamp::FromMilliseconds(10'000);

class WebRtcTransportTest : public testing::Test {
 protected:
  static dtls::DtlsFingerprint Fingerprint(uint8_t seed) {
    dtls::DtlsFingerprint fingerprint;
    fingerprint.digest_storage[0] = std::byte{seed};
    return fingerprint;
  }
  static AccessRemote Remote(dtls::DtlsRole role, uint8_t fingerprint = 1) {
    AccessRemote remote;
    remote.ice = IceCredentials{"brws", "browser-password-22-chars"};
    remote.fingerprints = {Fingerprint(fingerprint)};
    remote.gateway_dtls_role = role;
    return remote;
  }
  void Check(bool use_candidate = true) {
    std::array<std::byte, 256> buffer;
    stun::StunMessageBuilder builder(buffer, stun::MessageClass::kRequest, stun::kBindingMethod, {});
    builder.AddUsername("gway:brws");
    builder.AddPriority(1);
    builder.AddIceControlling(1);
    if (use_candidate) builder.AddUseCandidate();
    builder.AddMessageIntegrity(stun::IntegrityKey(base::AsBytes(kGatewayIce.pwd)));
    builder.AddFingerprint();
    (void)transport_.HandleDatagram(kRemote, *builder.Finish(), kStart, output_);
  }
  void Dtls() {
    const std::vector<std::byte> record(100, std::byte{22});
    (void)transport_.HandleDatagram(kRemote, record, kStart, output_);
  }
  HandshakeReport Report(HandshakeReport::Kind kind, uint32_t association) {
    HandshakeReport report;
    report.kind = kind;
    report.session = 1;
    report.association = association;
    if (kind == HandshakeReport::Kind::kConnected) {
      const srtp::SrtpKeyingMaterial keys;
      report.srtp.inbound = std::make_unique<srtp::SrtpSession>(srtp::SrtpBackend::kOpenSsl, keys);
      report.srtp.outbound = std::make_unique<srtp::SrtpSession>(srtp::SrtpBackend::kOpenSsl, keys);
    }
    return report;
  }
  std::vector<Kind> RequestKinds() {
    std::vector<Kind> kinds;
    for (const HandshakeRequest& request : output_.requests()) kinds.push_back(request.kind);
    return kinds;
  }

  DropCounters drops_;
  test::FakeSessionOutput output_;
  WebRtcTransport transport_{1, {kLocal, kGatewayIce, 5}, 46, drops_};
};

TEST_F(WebRtcTransportTest, AsServerItWaitsForTheClientHello) {
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  Check();
  EXPECT_THAT(output_.requests(), IsEmpty());
  Dtls();
  EXPECT_THAT(RequestKinds(), testing::ElementsAre(Kind::kStart, Kind::kDatagram));
  EXPECT_EQ(output_.requests()[0].role, dtls::DtlsRole::kServer);
  EXPECT_EQ(output_.requests()[0].fingerprints[0], Fingerprint(1));
}

TEST_F(WebRtcTransportTest, AsClientItStartsWithTheSelectedPair) {
  transport_.Apply(Remote(dtls::DtlsRole::kClient), kStart, output_);
  Check(/*use_candidate=*/false);
  EXPECT_THAT(output_.requests(), IsEmpty());
  Check();
  EXPECT_THAT(RequestKinds(), testing::ElementsAre(Kind::kStart));
}

TEST_F(WebRtcTransportTest, AClientThatFoundNoRoomTriesAgain) {
  transport_.Apply(Remote(dtls::DtlsRole::kClient), kStart, output_);
  output_.has_handshake_room = false;
  Check();
  EXPECT_FALSE(transport_.is_handshaking());
  output_.has_handshake_room = true;
  transport_.HandleTimeout(kStart + TimeDelta::Milliseconds(20), output_);
  EXPECT_TRUE(transport_.is_handshaking());
}

TEST_F(WebRtcTransportTest, FingerprintsThatFoundNoRoomAreSentLater) {
  AccessRemote without = Remote(dtls::DtlsRole::kServer);
  without.fingerprints.clear();
  transport_.Apply(without, kStart, output_);
  Check();
  Dtls();
  output_.requests().clear();
  output_.has_handshake_room = false;
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  output_.has_handshake_room = true;
  transport_.HandleTimeout(kStart + TimeDelta::Milliseconds(20), output_);
  ASSERT_THAT(RequestKinds(), testing::ElementsAre(Kind::kFingerprints));
  EXPECT_EQ(output_.requests()[0].fingerprints[0], Fingerprint(1));
}

TEST_F(WebRtcTransportTest, AnEarlyClientHelloIsServedBeforeTheAnswer) {
  Check();
  Dtls();
  ASSERT_THAT(RequestKinds(), testing::ElementsAre(Kind::kStart, Kind::kDatagram));
  EXPECT_EQ(output_.requests()[0].role, dtls::DtlsRole::kServer);
  EXPECT_TRUE(output_.requests()[0].fingerprints.empty());
  output_.requests().clear();
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  EXPECT_THAT(RequestKinds(), testing::ElementsAre(Kind::kFingerprints));
}

TEST_F(WebRtcTransportTest, AnAnswerInTheOtherRoleStartsOver) {
  Check();
  Dtls();
  output_.requests().clear();
  ASSERT_TRUE(transport_.MayApply(Remote(dtls::DtlsRole::kClient)));
  transport_.Apply(Remote(dtls::DtlsRole::kClient), kStart, output_);
  ASSERT_THAT(RequestKinds(), testing::ElementsAre(Kind::kStop, Kind::kStart));
  EXPECT_EQ(output_.requests()[1].role, dtls::DtlsRole::kClient);
}

TEST_F(WebRtcTransportTest, OldKeysServeUntilTheNewAssociationHasItsOwn) {
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  Check();
  Dtls();
  const uint32_t first = output_.requests()[0].association;
  HandshakeReport connected = Report(HandshakeReport::Kind::kConnected, first);
  transport_.HandleHandshake(connected, output_);
  const auto* old_keys = transport_.inbound();
  ASSERT_NE(old_keys, nullptr);

  EXPECT_FALSE(transport_.MayApply(Remote(dtls::DtlsRole::kClient)));
  EXPECT_TRUE(transport_.MayApply(Remote(dtls::DtlsRole::kClient, 2)));
  output_.requests().clear();
  transport_.Apply(Remote(dtls::DtlsRole::kClient, 2), kStart, output_);
  ASSERT_THAT(RequestKinds(), testing::ElementsAre(Kind::kStop, Kind::kStart));
  const uint32_t second = output_.requests()[1].association;
  EXPECT_NE(second, first);
  // What the old association still says is not for us.
  HandshakeReport closed = Report(HandshakeReport::Kind::kClosed, first);
  transport_.HandleHandshake(closed, output_);
  EXPECT_EQ(transport_.inbound(), old_keys);

  HandshakeReport renewed = Report(HandshakeReport::Kind::kConnected, second);
  transport_.HandleHandshake(renewed, output_);
  EXPECT_NE(transport_.inbound(), old_keys);
  EXPECT_EQ(renewed.srtp.inbound.get(), old_keys);  // handed back to be destroyed elsewhere
}

TEST_F(WebRtcTransportTest, AClosedAssociationTakesItsKeysAlong) {
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  Check();
  Dtls();
  const uint32_t association = output_.requests()[0].association;
  HandshakeReport connected = Report(HandshakeReport::Kind::kConnected, association);
  transport_.HandleHandshake(connected, output_);
  EXPECT_TRUE(transport_.may_send());
  HandshakeReport closed = Report(HandshakeReport::Kind::kClosed, association);
  transport_.HandleHandshake(closed, output_);
  EXPECT_FALSE(transport_.may_send());
  EXPECT_EQ(transport_.inbound(), nullptr);
  EXPECT_EQ(transport_.state(), TransportState::kFailed);
  std::vector<SessionEvent> events;
  while (const auto event = transport_.PollEvent()) events.push_back(*event);
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(std::get<SessionFailed>(events[2]).cause, FailureCause::kDtlsClosed);
}

TEST_F(WebRtcTransportTest, APeerWithoutAnSrtpProfileFails) {
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  Check();
  Dtls();
  HandshakeReport failed = Report(HandshakeReport::Kind::kFailed, output_.requests()[0].association);
  failed.cause = dtls::FailureCause::kNoSrtpProfile;
  transport_.HandleHandshake(failed, output_);
  (void)transport_.PollEvent();  // IceConnected
  const auto event = transport_.PollEvent();
  ASSERT_TRUE(event && std::holds_alternative<SessionFailed>(*event));
  EXPECT_EQ(std::get<SessionFailed>(*event).cause, FailureCause::kDtlsNoSrtpProfile);
}

TEST_F(WebRtcTransportTest, NothingIsSentWithoutKeysOrASelectedPair) {
  transport_.SendRtp(output_.Allocate(), 100, output_);
  transport_.SendRtcp(output_.Allocate(), 100, output_);
  EXPECT_EQ(drops_.of(DropReason::kNoDestination), 2u);
  EXPECT_EQ(output_.lent_buffers(), 0u);
}

TEST_F(WebRtcTransportTest, APacketWithoutRoomForItsTagIsNotSent) {
  transport_.Apply(Remote(dtls::DtlsRole::kServer), kStart, output_);
  Check();
  Dtls();
  HandshakeReport connected = Report(HandshakeReport::Kind::kConnected, output_.requests()[0].association);
  transport_.HandleHandshake(connected, output_);
  const size_t sent = output_.sent().size();
  transport_.SendRtp(output_.Allocate(), 1'490, output_);
  EXPECT_EQ(drops_.of(DropReason::kTooLargeToSend), 1u);
  EXPECT_THAT(output_.sent(), SizeIs(sent));
  EXPECT_EQ(output_.lent_buffers(), 0u);
}

}  // namespace
}  // namespace byon::session
