#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/base/random.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using session::DropReason;
using testing::IsEmpty;
using testing::SizeIs;
using worker::CommandStatus;

const net::SocketAddress kStranger = *net::SocketAddress::Parse("198.51.100.66:6666");

class AttackTest : public testing::Test {
 protected:
  net::SocketAddress AccessAddress() { return call_.MakeSessionConfig().access.address; }
  net::SocketAddress ImsAddress() { return call_.MakeSessionConfig().ims.rtp; }
  void Inject(const net::SocketAddress& from, const net::SocketAddress& to, std::vector<std::byte> payload) {
    call_.io().Deliver({from, to, std::move(payload)});
    call_.Step();
  }
  bool TonesPass() {
    call_.Run(TimeDelta::Seconds(2));
    return TonePurity(call_.ims().talker().LastSamples(16'000), 16'000, 440) > 0.95 &&
           TonePurity(call_.browser().talker().LastSamples(48'000), 48'000, 880) > 0.95;
  }
  static std::vector<std::byte> Bytes(size_t size, uint8_t first) {
    std::vector<std::byte> bytes(size, std::byte{0x41});
    bytes[0] = std::byte{first};
    return bytes;
  }

  CallSimulation call_;
};

// Attack A03: a ClientHello of anybody must not cost a byte of state, nor disturb the real one.
TEST_F(AttackTest, DtlsBeforeIceIsIgnored) {
  call_.browser().does_ice = false;
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), call_.MakeImsRemote()), CommandStatus::kDone);
  call_.browser().StartDtls(call_.now());
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_GT(call_.Drops(DropReason::kUnverifiedSource), 0u);
  EXPECT_EQ(call_.handshake_service().association_count(), 0u);
  EXPECT_FALSE(call_.browser().is_dtls_connected());
  call_.browser().does_ice = true;
  call_.Run(TimeDelta::Milliseconds(100));
  // OpenSSL retransmits by the real clock: a new start stands for that here.
  call_.browser().StartDtls(call_.now());
  EXPECT_TRUE(call_.RunUntil([&] { return call_.browser().is_dtls_connected(); }, TimeDelta::Seconds(3)));
}

TEST_F(AttackTest, DtlsOfAStrangerDuringTheCallIsIgnored) {
  call_.Connect();
  call_.ForgetAstray();
  for (int i = 0; i < 100; ++i) Inject(kStranger, AccessAddress(), Bytes(200, 22));
  EXPECT_EQ(call_.Drops(DropReason::kUnverifiedSource), 100u);
  EXPECT_THAT(call_.astray(), IsEmpty());
  EXPECT_TRUE(TonesPass());
}

TEST_F(AttackTest, NotAByteGoesToWhoDoesNotKnowThePassword) {
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), call_.MakeImsRemote()), CommandStatus::kDone);
  FakeBrowser& browser = call_.browser();
  const auto check = browser.MakeCheck(true, browser.username(), "a-wrong-password-22-chars");
  Inject(kStranger, AccessAddress(), check);
  Inject(kStranger, AccessAddress(), browser.MakeCheck(true, "none:brws", "gateway-password-of-22-ch"));
  auto without_integrity = std::vector<std::byte>(check.begin(), check.begin() + 20);
  without_integrity[2] = without_integrity[3] = std::byte{0};
  Inject(kStranger, AccessAddress(), without_integrity);
  EXPECT_THAT(call_.astray(), IsEmpty());
  const worker::WorkerStats stats = call_.WorkerStats();
  EXPECT_EQ(stats.drops.of(ice::DropReason::kBadIntegrity), 1u);
  EXPECT_EQ(stats.drops.of(ice::DropReason::kUnknownUsername), 1u);
  EXPECT_EQ(stats.drops.of(ice::DropReason::kMissingUsername), 1u);
}

TEST_F(AttackTest, ReplayedSrtpIsRefused) {
  call_.Connect();
  const std::vector<std::byte> packet = call_.browser().last_sent_srtp();
  const uint64_t received = call_.Stats().access.packets_received;
  for (int i = 0; i < 10; ++i) Inject(call_.browser().address(), AccessAddress(), packet);
  EXPECT_EQ(call_.WorkerStats().drops.of(srtp::DropReason::kReplayed), 10u);
  EXPECT_LE(call_.Stats().access.packets_received, received + 1);
  EXPECT_TRUE(TonesPass());
}

// Attack A07: bad tags from the right address cost a check each and nothing else.
TEST_F(AttackTest, ForgedSrtpDoesNotHangUpTheCall) {
  call_.Connect();
  std::vector<std::byte> packet = call_.browser().last_sent_srtp();
  for (int i = 0; i < 1'000; ++i) {
    const int sequence = 5'000 + i;  // ahead of the call's, so that no replay window spares the check
    packet[2] = static_cast<std::byte>(sequence >> 8);
    packet[3] = static_cast<std::byte>(sequence);
    packet.back() ^= std::byte{1};
    call_.io().Deliver({call_.browser().address(), AccessAddress(), packet});
  }
  call_.Run(TimeDelta::Milliseconds(100));
  EXPECT_EQ(call_.WorkerStats().drops.of(srtp::DropReason::kAuthFailed), 1'000u);
  EXPECT_TRUE(TonesPass());
}

// A client with the keys of its call sends what no call needs: it is charged for all of it, and what is above its
// limit is not even decrypted.
TEST_F(AttackTest, AFloodOfAClientWithKeysIsHeldToItsLimit) {
  call_.Connect();
  constexpr int kPacketsPerMs = 4;
  constexpr int kMilliseconds = 1'500;
  const auto flood = [this](int number) {
    std::vector<std::byte> packet(100);
    rtp::RtpPacketBuilder builder(packet, {.payload_type = {77},
                                           .sequence_number = {static_cast<uint16_t>(number)},
                                           .timestamp = {static_cast<uint32_t>(number)},
                                           .ssrc = {0xbad}});
    builder.SetPayload(std::vector<std::byte>(88));
    (void)builder.Finish();
    call_.browser().SendProtected(packet);
  };
  for (int ms = 0; ms < kMilliseconds; ++ms) {
    for (int i = 0; i < kPacketsPerMs; ++i) flood(ms * kPacketsPerMs + i);
    call_.Step();
  }
  const session::MediaLimit limit;
  const double let_through = limit.packets_per_second * (1 + kMilliseconds / 1e3);
  const double sent = (kPacketsPerMs + 0.05) * kMilliseconds;
  EXPECT_NEAR(static_cast<double>(call_.Drops(DropReason::kMediaOverBudget)), sent - let_through, 100);
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_TRUE(TonesPass());
}

// The same of the network: an endpoint that is in the call may be broken, or somebody else by now.
TEST_F(AttackTest, AFloodOfTheNetworkIsHeldToItsLimit) {
  call_.Connect();
  constexpr int kPacketsPerMs = 4;
  constexpr int kMilliseconds = 1'500;
  std::vector<std::byte> packet = Bytes(45, 0x80);
  packet[1] = std::byte{101};  // a payload type that was not agreed on: nothing of it is heard
  const uint64_t strange = call_.Drops(DropReason::kImsMediaOverBudget);
  for (int ms = 0; ms < kMilliseconds; ++ms) {
    for (int i = 0; i < kPacketsPerMs; ++i) {
      call_.ims().Send(packet);
      // Nobody else can use it up.
      call_.io().Deliver({kStranger, ImsAddress(), packet});
    }
    call_.Step();
  }
  const session::MediaLimit limit;
  const double let_through = limit.packets_per_second * (1 + kMilliseconds / 1e3);
  const double sent = (kPacketsPerMs + 0.05) * kMilliseconds;
  EXPECT_EQ(strange, 0u);
  EXPECT_NEAR(static_cast<double>(call_.Drops(DropReason::kImsMediaOverBudget)), sent - let_through, 100);
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_TRUE(TonesPass());
}

// Attack A07 again: bad tags cost nobody's budget.
TEST_F(AttackTest, ForgedSrtpDoesNotUseUpWhatTheClientMaySend) {
  call_.Connect();
  std::vector<std::byte> packet = call_.browser().last_sent_srtp();
  packet.back() ^= std::byte{1};
  for (int i = 0; i < 3'000; ++i) {
    packet[3] = static_cast<std::byte>(std::to_integer<int>(packet[3]) + 1);
    call_.io().Deliver({call_.browser().address(), AccessAddress(), packet});
  }
  call_.Run(TimeDelta::Milliseconds(100));
  EXPECT_EQ(call_.Drops(DropReason::kMediaOverBudget), 0u);
  EXPECT_TRUE(TonesPass());
}

// Who sees nothing of the call does not know its SSRC.
TEST_F(AttackTest, SrtpOfAStrangerIsNotEvenChecked) {
  call_.Connect();
  std::vector<std::byte> packet = call_.browser().last_sent_srtp();
  packet[8] ^= std::byte{1};
  for (int i = 0; i < 1'000; ++i) call_.io().Deliver({kStranger, AccessAddress(), packet});
  call_.Run(TimeDelta::Milliseconds(100));
  EXPECT_EQ(call_.Drops(DropReason::kUnverifiedSource), 1'000u);
  EXPECT_EQ(call_.WorkerStats().drops.of(srtp::DropReason::kAuthFailed), 0u);
}

TEST_F(AttackTest, SrtpBeforeTheHandshakeIsDropped) {
  call_.browser().does_dtls = false;
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), call_.MakeImsRemote()), CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(100));
  Inject(call_.browser().address(), AccessAddress(), Bytes(100, 0x80));
  EXPECT_EQ(call_.Drops(DropReason::kNoSrtpKeys), 1u);
}

// Attacks A01 and A02: RTP bleed and injection on the plain side.
TEST_F(AttackTest, RtpOfAStrangerIsNeitherPlayedNorAnswered) {
  call_.Connect();
  for (int i = 0; i < 500; ++i) {
    auto packet = Bytes(60, 0x80);
    packet[1] = std::byte{107};
    packet[3] = static_cast<std::byte>(i);
    Inject(kStranger, ImsAddress(), packet);
  }
  EXPECT_EQ(call_.Drops(DropReason::kStrangeSource), 500u);
  EXPECT_THAT(call_.astray(), IsEmpty());
  EXPECT_TRUE(TonesPass());
}

TEST_F(AttackTest, AWrongFingerprintMeansNoMediaEver) {
  session::AccessRemote access = call_.MakeAccessRemote();
  access.fingerprints[0].digest_storage[3] ^= std::byte{1};
  ASSERT_EQ(call_.Create(access, call_.MakeImsRemote()), CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(3));
  const auto failures = call_.Events<session::SessionFailed>();
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].cause, session::FailureCause::kDtlsFingerprintMismatch);
  EXPECT_EQ(call_.ims().talker().received().packets, 0u);
  EXPECT_EQ(call_.browser().talker().received().packets, 0u);
  EXPECT_EQ(call_.Stats().access_state, session::TransportState::kFailed);
  Inject(call_.browser().address(), AccessAddress(), Bytes(100, 22));
  EXPECT_GE(call_.Drops(DropReason::kDtlsNotExpected), 1u);
}

TEST_F(AttackTest, AHandshakeThatNeverEndsFails) {
  call_.browser().does_dtls = false;
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), std::nullopt), CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(100));
  Inject(call_.browser().address(), AccessAddress(), Bytes(100, 22));
  call_.Run(TimeDelta::Seconds(32));
  const auto failures = call_.Events<session::SessionFailed>();
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].cause, session::FailureCause::kDtlsHandshake);
}

// Attack A04: the verified address itself floods with handshake records.
TEST_F(AttackTest, AFloodOfDtlsIsHeldToItsBudget) {
  call_.browser().does_dtls = false;
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), std::nullopt), CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(100));
  for (int i = 0; i < 5'000; ++i) {
    call_.io().Deliver({call_.browser().address(), AccessAddress(), Bytes(1'000, 22)});
  }
  call_.Run(TimeDelta::Milliseconds(100));
  EXPECT_GE(call_.Drops(DropReason::kDtlsOverBudget), 4'900u);
  EXPECT_LE(call_.handshake_service().association_count(), 1u);
}

TEST_F(AttackTest, DtlsThatFitsNoMessageIsDropped) {
  call_.browser().does_dtls = false;
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), std::nullopt), CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(100));
  Inject(call_.browser().address(), AccessAddress(), Bytes(1'501, 22));
  EXPECT_EQ(call_.Drops(DropReason::kDtlsTooLarge), 1u);
}

// Attack A06: every first byte and many lengths on every port.
TEST_F(AttackTest, JunkOnEveryPortIsCountedAndSurvived) {
  call_.Connect();
  call_.ForgetAstray();
  base::Random random(1);
  const session::SessionConfig config = call_.MakeSessionConfig();
  const net::SocketAddress from[] = {kStranger, call_.browser().address(), call_.ims().config().rtp,
                                     call_.ims().config().rtcp};
  for (int i = 0; i < 20'000; ++i) {
    const net::SocketAddress to[] = {config.access.address, config.ims.rtp, config.ims.rtcp};
    std::vector<std::byte> payload(random.NextBelow(i % 10 == 0 ? 1'500 : 64));
    for (std::byte& byte : payload) byte = static_cast<std::byte>(random.NextU32());
    if (!payload.empty()) payload[0] = static_cast<std::byte>(i);
    call_.io().Deliver({from[random.NextBelow(4)], to[random.NextBelow(3)], std::move(payload)});
    if (i % 64 == 0) call_.Step();
  }
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_THAT(call_.astray(), IsEmpty());
  EXPECT_EQ(call_.io().lent_buffers(), 0u);
  EXPECT_EQ(call_.io().unreleased_datagrams(), 0u);
  EXPECT_GT(call_.Drops(DropReason::kUnknownClass), 0u);
  EXPECT_GT(call_.Drops(DropReason::kUnexpectedClass), 0u);
}

TEST_F(AttackTest, NothingBreaksWithoutBuffers) {
  call_.Connect();
  call_.io().TakeBuffersAway();
  call_.Run(TimeDelta::Milliseconds(200));
  EXPECT_GE(call_.Drops(DropReason::kNoTxBuffer), 18u);
}

TEST_F(AttackTest, AFullHandshakeRingIsCounted) {
  call_.does_handshakes = false;
  ASSERT_EQ(call_.Create(call_.MakeAccessRemote(), std::nullopt), CommandStatus::kDone);
  while (call_.handshakes().requests.Push({})) {
  }
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_GT(call_.Drops(DropReason::kHandshakeBusy), 0u);
  call_.does_handshakes = true;  // it empties, and the browser's next ClientHello gets through
  call_.Run(TimeDelta::Milliseconds(500));
  call_.browser().StartDtls(call_.now());
  EXPECT_TRUE(call_.RunUntil([&] { return call_.browser().is_dtls_connected(); }, TimeDelta::Seconds(5)));
}

}  // namespace
}  // namespace byon::test
