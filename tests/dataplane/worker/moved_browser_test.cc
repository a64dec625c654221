// A browser whose NAT has given it another address: heard from there at once, answered there after a check. And what
// others make of that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/base/bytes.h"
#include "dataplane/rtp/datagram_class.h"
#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using session::DropReason;
using testing::Each;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

const net::SocketAddress kNewPlace = *net::SocketAddress::Parse("198.51.100.7:50999");
const net::SocketAddress kStranger = *net::SocketAddress::Parse("198.51.100.66:6666");

class MovedBrowserTest : public testing::Test {
 protected:
  // From the new place comes everything but checks.
  void MoveWithoutACheck() {
    call_.browser().does_ice = false;
    call_.browser().MoveTo(kNewPlace);
    call_.ForgetAstray();
  }
  net::SocketAddress Gateway() { return call_.MakeSessionConfig().access.address; }
  // A packet with the call's SSRC, ahead of its sequence, and a tag that nobody made.
  std::vector<std::byte> Guess(int number) {
    std::vector<std::byte> packet = call_.browser().last_sent_srtp();
    const int sequence = 5'000 + number;
    packet[2] = static_cast<std::byte>(sequence >> 8);
    packet[3] = static_cast<std::byte>(sequence);
    return packet;
  }
  uint64_t Drops(DropReason reason) { return call_.Drops(reason); }
  uint64_t Drops(srtp::DropReason reason) { return call_.WorkerStats().drops.of(reason); }

  CallSimulation call_{dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat()};
};

TEST_F(MovedBrowserTest, IsHeardAtOnceAndAnsweredAfterItsCheck) {
  call_.Connect();
  const net::SocketAddress old_place = call_.browser().address();
  const uint64_t concealed = call_.Stats().access.concealed_frames;
  MoveWithoutACheck();
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_GT(TonePurity(call_.ims().talker().LastSamples(8'000), 8'000, 440), 0.95);
  EXPECT_EQ(call_.Stats().access.concealed_frames, concealed);
  EXPECT_EQ(Drops(DropReason::kUnverifiedSource), 0u);
  // Nothing went to a place that no check had come from.
  EXPECT_THAT(call_.astray(), Not(IsEmpty()));
  EXPECT_THAT(call_.astray(), Each(Field(&TestDatagram::destination, old_place)));

  call_.browser().does_ice = true;
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_GT(TonePurity(call_.browser().talker().LastSamples(4'000), 8'000, 880), 0.95);
}

TEST_F(MovedBrowserTest, ItsReportsAreTakenToo) {
  call_.Connect();
  MoveWithoutACheck();
  // A receiver report about our stream: all of it lost (RFC 3550 section 6.4.2).
  std::vector<std::byte> report(32);
  base::ByteWriter writer(report);
  writer.WriteU32(0x81c90007);
  writer.WriteU32(0xb0b0b0b0);
  writer.WriteU32(call_.MakeSessionConfig().access.ssrc);
  writer.WriteU32(0xff000000);
  call_.browser().SendProtectedRtcp(report);
  call_.Run(TimeDelta::Milliseconds(50));
  EXPECT_GT(call_.Stats().access.fraction_lost_remote, 0.9);
}

TEST_F(MovedBrowserTest, MediaAloneIsNoConsent) {
  call_.Connect();
  MoveWithoutACheck();
  call_.Run(TimeDelta::Seconds(32));
  EXPECT_EQ(call_.Events<session::ConsentLost>().size(), 1u);
  EXPECT_EQ(call_.Stats().access_state, session::TransportState::kConsentLost);
  // Without a selected pair there is no call that the browser could have moved with.
  EXPECT_GT(Drops(DropReason::kUnverifiedSource), 50u);
}

TEST_F(MovedBrowserTest, ASpyWhoSendsItsPacketsOnFirstGetsNothing) {
  call_.Connect();
  call_.ForgetAstray();
  call_.filter = [&](const TestDatagram& datagram) {
    const bool is_media = rtp::ClassifyDatagram(datagram.payload) == rtp::DatagramClass::kRtp;
    if (is_media && datagram.destination == Gateway()) {
      call_.io().Deliver({kStranger, datagram.destination, datagram.payload});
    }
    return true;
  };
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_GT(TonePurity(call_.ims().talker().LastSamples(8'000), 8'000, 440), 0.95);
  EXPECT_GT(TonePurity(call_.browser().talker().LastSamples(8'000), 8'000, 880), 0.95);
  EXPECT_NEAR(static_cast<double>(Drops(srtp::DropReason::kReplayed)), 100, 5);
  EXPECT_THAT(call_.astray(), IsEmpty());
}

TEST_F(MovedBrowserTest, ReplaysFromElsewhereAreRefused) {
  call_.Connect();
  const std::vector<std::byte> packet = call_.browser().last_sent_srtp();
  for (int i = 0; i < 10; ++i) call_.io().Deliver({kStranger, Gateway(), packet});
  call_.Run(TimeDelta::Milliseconds(10));
  EXPECT_EQ(Drops(srtp::DropReason::kReplayed), 10u);
}

TEST_F(MovedBrowserTest, AFloodOfGuessesIsHeldToItsBudgetAndDisturbsNobody) {
  call_.Connect();
  for (int i = 0; i < 10'000; ++i) {
    net::SocketAddress from = kStranger;
    from.port = static_cast<uint16_t>(1'024 + i);
    call_.io().Deliver({from, Gateway(), Guess(i)});
    if (i % 100 == 99) call_.Step();
  }
  call_.Run(TimeDelta::Seconds(1));
  const uint64_t tried = Drops(srtp::DropReason::kAuthFailed);
  EXPECT_GE(tried, 64u);
  EXPECT_LE(tried, 64u + 40u);
  EXPECT_EQ(tried + Drops(DropReason::kUnverifiedOverBudget), 10'000u);
  EXPECT_GT(TonePurity(call_.ims().talker().LastSamples(4'000), 8'000, 440), 0.95);
  EXPECT_GT(TonePurity(call_.browser().talker().LastSamples(4'000), 8'000, 880), 0.95);
}

// Once it is heard from its new place, it is past the budget that others use up.
TEST_F(MovedBrowserTest, AFloodDoesNotSilenceWhoIsHeardAlready) {
  call_.Connect();
  MoveWithoutACheck();
  call_.Run(TimeDelta::Milliseconds(100));
  const uint64_t concealed = call_.Stats().access.concealed_frames;
  for (int i = 0; i < 1'000; ++i) {
    for (int k = 0; k < 10; ++k) call_.io().Deliver({kStranger, Gateway(), Guess(i * 10 + k)});
    call_.Step();
  }
  EXPECT_GT(Drops(DropReason::kUnverifiedOverBudget), 9'000u);
  EXPECT_EQ(call_.Stats().access.concealed_frames, concealed);
  EXPECT_GT(TonePurity(call_.ims().talker().LastSamples(4'000), 8'000, 440), 0.95);
}

}  // namespace
}  // namespace byon::test
