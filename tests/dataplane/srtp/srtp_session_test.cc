#include "dataplane/srtp/srtp_session.h"

#include <gtest/gtest.h>

#include <tuple>

#include "dataplane/base/random.h"
#include "tests/dataplane/srtp/srtp_test_support.h"

namespace byon::srtp {
namespace {

class SrtpSessionTest : public testing::TestWithParam<std::tuple<SrtpBackend, SrtpProfile>> {
 protected:
  void SetUp() override {
    if (!IsAvailable(backend())) GTEST_SKIP() << "backend not available on this machine";
  }
  SrtpBackend backend() const { return std::get<0>(GetParam()); }
  SrtpProfile profile() const { return std::get<1>(GetParam()); }
  Endpoint MakeEndpoint(uint8_t seed = 1) { return {backend(), SomeKeying(profile(), seed)}; }
};

TEST_P(SrtpSessionTest, RtpOfEveryLengthComesBack) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  for (uint16_t length = 0; length < 300; ++length) {
    const Packet packet = MakeRtp(7, length, length);
    const auto sealed = sender.ProtectRtp(packet);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), packet.size() + TagBytes(profile()));
    if (length >= 16) {
      EXPECT_NE(Packet(sealed->begin() + 12, sealed->begin() + 28), Packet(packet.begin() + 12, packet.begin() + 28));
    }
    const auto opened = receiver.UnprotectRtp(*sealed);
    ASSERT_TRUE(opened.ok()) << length;
    EXPECT_EQ(*opened, packet);
  }
}

TEST_P(SrtpSessionTest, HeaderWithCsrcsAndExtensionStaysInTheClear) {
  Packet packet = FromHex(
      "92ef0001000003c000000007"
      "11111111"
      "22222222"
      "bede0001"
      "10ff0000");
  const size_t header = packet.size();
  packet.insert(packet.end(), 40, std::byte{0x5a});
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  const auto sealed = sender.ProtectRtp(packet);
  ASSERT_TRUE(sealed.ok());
  EXPECT_TRUE(std::equal(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(header), sealed->begin()));
  EXPECT_EQ(*receiver.UnprotectRtp(*sealed), packet);
}

TEST_P(SrtpSessionTest, AgreesWithLibsrtpBothWaysAcrossRollOver) {
  const auto keying = SomeKeying(profile());
  Endpoint ours_out = MakeEndpoint(), ours_in = MakeEndpoint();
  LibsrtpSession theirs_out(keying, LibsrtpSession::Way::kOutbound);
  LibsrtpSession theirs_in(keying, LibsrtpSession::Way::kInbound);
  base::Random random(42);
  uint32_t sequence = 30'000;  // reaches roll-over counter 2
  for (int i = 0; i < 3'000; ++i) {
    sequence += 1 + random.NextBelow(100);
    const Packet packet = MakeRtp(0x12345678, static_cast<uint16_t>(sequence), random.NextBelow(200));
    const auto ours = ours_out.ProtectRtp(packet);
    const auto theirs = theirs_out.ProtectRtp(packet);
    ASSERT_TRUE(ours.ok() && theirs.has_value());
    ASSERT_EQ(*ours, *theirs) << "packet " << i;
    ASSERT_EQ(*ours_in.UnprotectRtp(*theirs), packet);
    ASSERT_EQ(theirs_in.UnprotectRtp(*ours), packet);
  }
}

TEST_P(SrtpSessionTest, RtcpAgreesWithLibsrtpBothWays) {
  const auto keying = SomeKeying(profile());
  Endpoint ours_out = MakeEndpoint(), ours_in = MakeEndpoint();
  LibsrtpSession theirs_out(keying, LibsrtpSession::Way::kOutbound);
  LibsrtpSession theirs_in(keying, LibsrtpSession::Way::kInbound);
  const Packet packet = MakeRtcp(99);
  ASSERT_TRUE(ours_out.ProtectRtcp(packet).ok());  // libsrtp2 starts with index 1, RFC 3711 with 0
  for (int i = 0; i < 100; ++i) {
    const auto ours = ours_out.ProtectRtcp(packet);
    const auto theirs = theirs_out.ProtectRtcp(packet);
    ASSERT_TRUE(ours.ok() && theirs.has_value());
    ASSERT_EQ(*ours, *theirs);
    ASSERT_EQ(*ours_in.UnprotectRtcp(*theirs), packet);
    ASSERT_EQ(theirs_in.UnprotectRtcp(*ours), packet);
  }
}

TEST_P(SrtpSessionTest, EveryFlippedBitIsRefusedAndLeavesNoTrace) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  const Packet packet = MakeRtp(7, 1, 20);
  const Packet sealed = *sender.ProtectRtp(packet);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Packet forged = sealed;
    forged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    const auto result = receiver.UnprotectRtp(forged);
    ASSERT_FALSE(result.ok()) << "bit " << bit;
    EXPECT_TRUE(result.error() == DropReason::kAuthFailed || result.error() == DropReason::kMalformed);
  }
  EXPECT_TRUE(receiver.session().Positions().empty());
  EXPECT_EQ(*receiver.UnprotectRtp(sealed), packet);
}

TEST_P(SrtpSessionTest, EveryFlippedBitOfRtcpIsRefused) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  const Packet packet = MakeRtcp(7);
  const Packet sealed = *sender.ProtectRtcp(packet);
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Packet forged = sealed;
    forged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    ASSERT_FALSE(receiver.UnprotectRtcp(forged).ok()) << "bit " << bit;
  }
  EXPECT_EQ(*receiver.UnprotectRtcp(sealed), packet);
}

TEST_P(SrtpSessionTest, AReplayIsRefusedOnceAndAgain) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  const Packet sealed = *sender.ProtectRtp(MakeRtp(7, 100));
  ASSERT_TRUE(receiver.UnprotectRtp(sealed).ok());
  EXPECT_EQ(receiver.UnprotectRtp(sealed).error(), DropReason::kReplayed);
  EXPECT_EQ(receiver.UnprotectRtp(sealed).error(), DropReason::kReplayed);

  const Packet report = *sender.ProtectRtcp(MakeRtcp(7));
  ASSERT_TRUE(receiver.UnprotectRtcp(report).ok());
  EXPECT_EQ(receiver.UnprotectRtcp(report).error(), DropReason::kReplayed);
}

TEST_P(SrtpSessionTest, TheWindowIs128PacketsToTheLast) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  std::vector<Packet> sealed;
  for (uint16_t i = 0; i < 200; ++i) sealed.push_back(*sender.ProtectRtp(MakeRtp(7, i)));
  ASSERT_TRUE(receiver.UnprotectRtp(sealed[199]).ok());
  EXPECT_EQ(receiver.UnprotectRtp(sealed[199 - 128]).error(), DropReason::kTooOld);
  EXPECT_TRUE(receiver.UnprotectRtp(sealed[199 - 127]).ok());
  EXPECT_EQ(receiver.UnprotectRtp(sealed[199 - 127]).error(), DropReason::kReplayed);
  for (size_t i = 73; i < 199; ++i) EXPECT_TRUE(receiver.UnprotectRtp(sealed[i]).ok()) << i;
}

TEST_P(SrtpSessionTest, ReorderingAcrossRollOverIsUnderstood) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  std::vector<Packet> plain, sealed;
  for (uint32_t i = 65'500; i < 65'600; ++i) {
    plain.push_back(MakeRtp(7, static_cast<uint16_t>(i)));
    sealed.push_back(*sender.ProtectRtp(plain.back()));
  }
  ASSERT_TRUE(receiver.UnprotectRtp(sealed[0]).ok());
  for (size_t i = 1; i + 1 < sealed.size(); i += 2) {  // 2 1 4 3 6 5: over the border as well
    EXPECT_EQ(*receiver.UnprotectRtp(sealed[i + 1]), plain[i + 1]);
    EXPECT_EQ(*receiver.UnprotectRtp(sealed[i]), plain[i]);
  }
  const auto positions = receiver.session().Positions();
  ASSERT_EQ(positions.size(), 1u);
  EXPECT_EQ(*positions[0].highest_rtp_index >> 16, 1u);
}

TEST_P(SrtpSessionTest, AnOldPacketBeforeTheFirstKeepsRollOverCounterZero) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  ASSERT_TRUE(receiver.UnprotectRtp(*sender.ProtectRtp(MakeRtp(7, 5))).ok());
  // 65000 looks like 541 before the first; there is nothing before roll-over counter 0.
  EXPECT_TRUE(receiver.UnprotectRtp(*sender.ProtectRtp(MakeRtp(7, 65'000))).ok());
}

TEST_P(SrtpSessionTest, EightSsrcsAreSentAndNoMore) {
  Endpoint sender = MakeEndpoint();
  for (uint32_t ssrc = 0; ssrc < 8; ++ssrc) ASSERT_TRUE(sender.ProtectRtp(MakeRtp(ssrc, 1)).ok());
  EXPECT_EQ(sender.ProtectRtp(MakeRtp(8, 1)).error(), DropReason::kTooManySsrcs);
  EXPECT_EQ(sender.ProtectRtcp(MakeRtcp(8)).error(), DropReason::kTooManySsrcs);
}

TEST_P(SrtpSessionTest, TheLongestSilentSsrcMakesRoomAndDoesNotComeBack) {
  Endpoint receiver = MakeEndpoint();
  std::vector<Packet> repeated;
  const auto come_in = [&](uint32_t ssrc, uint16_t sequence) {
    Endpoint sender = MakeEndpoint();
    repeated.push_back(*sender.ProtectRtp(MakeRtp(ssrc, sequence)));
    return receiver.UnprotectRtp(repeated.back());
  };
  for (uint32_t ssrc = 0; ssrc < 8; ++ssrc) ASSERT_TRUE(come_in(ssrc, 1).ok());
  ASSERT_TRUE(come_in(0, 2).ok());
  EXPECT_TRUE(come_in(8, 1).ok());
  EXPECT_EQ(come_in(1, 2).error(), DropReason::kReplayed) << "silent for longer than 0";
  EXPECT_EQ(receiver.UnprotectRtcp(*MakeEndpoint().ProtectRtcp(MakeRtcp(1))).error(), DropReason::kReplayed);
  EXPECT_TRUE(come_in(0, 3).ok());
  // A microphone that is changed again and again is heard; in the end there is no telling what was heard before.
  constexpr auto kAll = static_cast<uint32_t>(SrtpSession::kMaxSsrcs + SrtpSession::kMaxGoneSsrcs);
  for (uint32_t ssrc = 9; ssrc < kAll; ++ssrc) ASSERT_TRUE(come_in(ssrc, 1).ok()) << ssrc;
  EXPECT_EQ(come_in(kAll, 1).error(), DropReason::kTooManySsrcs);
  EXPECT_EQ(receiver.UnprotectRtcp(*MakeEndpoint().ProtectRtcp(MakeRtcp(kAll))).error(), DropReason::kTooManySsrcs);
  for (const Packet& packet : repeated) EXPECT_FALSE(receiver.UnprotectRtp(packet).ok());
}

TEST_P(SrtpSessionTest, AForgedSsrcTakesNoPlaceInTheTable) {
  Endpoint stranger = MakeEndpoint(2), sender = MakeEndpoint(), receiver = MakeEndpoint();
  Packet forged = *stranger.ProtectRtp(MakeRtp(1, 1));
  for (uint8_t i = 0; i < 100; ++i) {
    forged[8] = static_cast<std::byte>(i);
    EXPECT_EQ(receiver.UnprotectRtp(forged).error(), DropReason::kAuthFailed);
  }
  EXPECT_TRUE(receiver.UnprotectRtp(*sender.ProtectRtp(MakeRtp(1, 1))).ok());
}

TEST_P(SrtpSessionTest, AnOutboundIndexIsNeverUsedTwice) {
  Endpoint sender = MakeEndpoint();
  ASSERT_TRUE(sender.ProtectRtp(MakeRtp(7, 500)).ok());
  EXPECT_EQ(sender.ProtectRtp(MakeRtp(7, 500)).error(), DropReason::kReplayed);
  EXPECT_EQ(sender.ProtectRtp(MakeRtp(7, 300)).error(), DropReason::kTooOld);
}

TEST_P(SrtpSessionTest, AResumedSenderContinuesBehindItsLastIndex) {
  Endpoint first = MakeEndpoint(), receiver = MakeEndpoint();
  for (uint32_t i = 65'000; i < 66'000; ++i) {
    ASSERT_TRUE(receiver.UnprotectRtp(*first.ProtectRtp(MakeRtp(7, static_cast<uint16_t>(i)))).ok());
  }
  ASSERT_TRUE(receiver.UnprotectRtcp(*first.ProtectRtcp(MakeRtcp(7))).ok());
  Endpoint second = MakeEndpoint();
  for (const StreamPosition& position : first.session().Positions()) {
    ASSERT_TRUE(second.session().Resume(position));
  }
  EXPECT_EQ(second.ProtectRtp(MakeRtp(7, static_cast<uint16_t>(65'999))).error(), DropReason::kReplayed);
  EXPECT_TRUE(receiver.UnprotectRtp(*second.ProtectRtp(MakeRtp(7, static_cast<uint16_t>(66'000)))).ok());
  EXPECT_TRUE(receiver.UnprotectRtcp(*second.ProtectRtcp(MakeRtcp(7))).ok());
}

TEST_P(SrtpSessionTest, TheLastIndexUnderAKeyIsTheLast) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  const StreamPosition near_end{7, (uint64_t{1} << 48) - 3, (uint32_t{1} << 31) - 1};
  ASSERT_TRUE(sender.session().Resume(near_end));
  ASSERT_TRUE(receiver.session().Resume(near_end));
  const auto penultimate = sender.ProtectRtp(MakeRtp(7, 0xfffe));
  ASSERT_TRUE(penultimate.ok());
  EXPECT_TRUE(receiver.UnprotectRtp(*penultimate).ok());
  const auto last = sender.ProtectRtp(MakeRtp(7, 0xffff));
  ASSERT_TRUE(last.ok());
  EXPECT_TRUE(receiver.UnprotectRtp(*last).ok());
  EXPECT_EQ(sender.ProtectRtp(MakeRtp(7, 0)).error(), DropReason::kKeyExhausted);
  Packet beyond = MakeRtp(7, 0);
  beyond.resize(beyond.size() + 16);
  EXPECT_EQ(receiver.UnprotectRtp(beyond).error(), DropReason::kKeyExhausted);

  ASSERT_TRUE(sender.ProtectRtcp(MakeRtcp(7)).ok());
  EXPECT_EQ(sender.ProtectRtcp(MakeRtcp(7)).error(), DropReason::kKeyExhausted);
}

TEST_P(SrtpSessionTest, TruncatedAndForeignPacketsAreMalformed) {
  Endpoint sender = MakeEndpoint(), receiver = MakeEndpoint();
  const Packet sealed = *sender.ProtectRtp(MakeRtp(7, 1, 0));
  for (size_t length = 0; length < sealed.size(); ++length) {
    const Packet cut(sealed.begin(), sealed.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_EQ(receiver.UnprotectRtp(cut).error(), DropReason::kMalformed) << length;
  }
  const Packet report = *sender.ProtectRtcp(MakeRtcp(7));
  for (size_t length = 0; length < 12 + TagBytes(profile()); ++length) {
    const Packet cut(report.begin(), report.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_EQ(receiver.UnprotectRtcp(cut).error(), DropReason::kMalformed) << length;
  }
  Packet version_1 = MakeRtp(7, 1);
  version_1[0] = std::byte{0x40};
  EXPECT_EQ(sender.ProtectRtp(version_1).error(), DropReason::kMalformed);
  EXPECT_EQ(sender.ProtectRtcp(version_1).error(), DropReason::kMalformed);
  Packet endless_extension = MakeRtp(7, 1);
  endless_extension[0] = std::byte{0x90};
  endless_extension[14] = endless_extension[15] = std::byte{0xff};
  EXPECT_EQ(sender.ProtectRtp(endless_extension).error(), DropReason::kMalformed);
}

TEST_P(SrtpSessionTest, WithoutRoomForTheTagNothingIsSent) {
  Endpoint sender = MakeEndpoint();
  Packet packet = MakeRtp(7, 1);
  const size_t length = packet.size();
  packet.resize(length + TagBytes(profile()) - 1);
  EXPECT_EQ(sender.session().ProtectRtp(sender.transform(), packet, length).error(), DropReason::kMalformed);
  Packet report = MakeRtcp(7);
  const size_t report_length = report.size();
  report.resize(report_length + TagBytes(profile()) + 3);
  EXPECT_EQ(sender.session().ProtectRtcp(sender.transform(), report, report_length).error(), DropReason::kMalformed);
}

INSTANTIATE_TEST_SUITE_P(All, SrtpSessionTest,
                         testing::Combine(testing::Values(SrtpBackend::kIpsecMb, SrtpBackend::kOpenSsl),
                                          testing::Values(SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm,
                                                          SrtpProfile::kAeadAes256Gcm)),
                         [](const auto& param_info) {
                           return std::string(std::get<0>(param_info.param) == SrtpBackend::kIpsecMb ? "IpsecMb"
                                                                                                     : "OpenSsl") +
                                  (std::get<1>(param_info.param) == SrtpProfile::kAes128CmSha1_80 ? "CmSha1"
                                   : std::get<1>(param_info.param) == SrtpProfile::kAeadAes128Gcm ? "Gcm128"
                                                                                                  : "Gcm256");
                         });

// RFC 3711 section 3.4: an authentic SRTCP packet may come unencrypted (E = 0).
TEST(UnencryptedRtcp, IsAcceptedWhenAuthentic) {
  for (const SrtpBackend backend : {SrtpBackend::kIpsecMb, SrtpBackend::kOpenSsl}) {
    if (!IsAvailable(backend)) continue;
    for (const SrtpProfile profile : {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm}) {
      const Packet sealed = SealUnencryptedRtcp(SomeKeying(profile), MakeRtcp(7), 5);
      Endpoint receiver(backend, SomeKeying(profile));
      EXPECT_EQ(*receiver.UnprotectRtcp(sealed), MakeRtcp(7));
      EXPECT_EQ(receiver.UnprotectRtcp(sealed).error(), DropReason::kReplayed);
      Packet forged = SealUnencryptedRtcp(SomeKeying(profile), MakeRtcp(7), 6);
      forged[20] ^= std::byte{1};
      EXPECT_EQ(receiver.UnprotectRtcp(forged).error(), DropReason::kAuthFailed);
    }
  }
}

}  // namespace
}  // namespace byon::srtp
