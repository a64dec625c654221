#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/dataplane/support/call_simulation.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using session::Leg;
using testing::IsEmpty;
using testing::SizeIs;
using worker::CommandStatus;

TEST(SilenceTest, ASilentBrowserIsToldAfter30Seconds) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  call.Connect();
  call.browser().does_media = false;
  call.Run(TimeDelta::Seconds(29));
  EXPECT_THAT(call.Events<session::MediaTimeout>(), IsEmpty());
  call.Run(TimeDelta::Seconds(36));
  const auto timeouts = call.Events<session::MediaTimeout>();
  ASSERT_THAT(timeouts, SizeIs(2));  // at 30 s and at 60 s
  EXPECT_EQ(timeouts[0].leg, Leg::kAccess);
  EXPECT_NEAR(timeouts[0].silent_ms, 30'000, 40);
  EXPECT_NEAR(timeouts[1].silent_ms, 60'000, 40);
}

TEST(SilenceTest, ASilentPhoneIsToldAfter60Seconds) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  call.Connect();
  call.ims().does_media = false;
  call.Run(TimeDelta::Seconds(59));
  EXPECT_THAT(call.Events<session::MediaTimeout>(), IsEmpty());
  call.Run(TimeDelta::Seconds(3));
  const auto timeouts = call.Events<session::MediaTimeout>();
  ASSERT_THAT(timeouts, SizeIs(1));
  EXPECT_EQ(timeouts[0].leg, Leg::kIms);
}

TEST(SilenceTest, NobodyIsMissedOnHold) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  call.Connect();
  session::ImsRemote hold = call.MakeImsRemote();
  hold.direction = session::Direction::kSendOnly;
  ASSERT_EQ(call.Modify({.ims = hold}), CommandStatus::kDone);
  call.ims().does_media = false;
  call.Run(TimeDelta::Seconds(100));
  EXPECT_THAT(call.Events<session::MediaTimeout>(), IsEmpty());
}

// RFC 7675 section 5.1, by our rule for a lite agent: 30 s without anything authentic.
TEST(SilenceTest, MediaStopsWhenConsentIsLost) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  call.Connect();
  call.browser().does_ice = false;
  call.browser().does_media = false;
  ASSERT_TRUE(call.RunUntil([&] { return !call.Events<session::ConsentLost>().empty(); }, TimeDelta::Seconds(32)));
  const uint64_t received = call.browser().talker().received().packets;
  call.Run(TimeDelta::Seconds(2));
  EXPECT_EQ(call.browser().talker().received().packets, received);
  EXPECT_EQ(call.Stats().access_state, session::TransportState::kConsentLost);
  // What the peer sends under the dead credentials is not taken either.
  call.browser().does_media = true;
  call.Run(TimeDelta::Milliseconds(100));
  EXPECT_GT(call.Drops(session::DropReason::kUnverifiedSource), 0u);

  // An ICE restart brings the call back, on the same DTLS association.
  const ice::IceCredentials renewed{"newg", "another-gateway-password-x"};
  ASSERT_EQ(call.Modify({.restart_ice = renewed}), CommandStatus::kDone);
  call.browser().SetRemoteCredentials(renewed);
  call.browser().does_ice = true;
  call.Run(TimeDelta::Seconds(2));
  EXPECT_GT(call.browser().talker().received().packets, received + 80);
  EXPECT_EQ(call.Stats().access_state, session::TransportState::kDtlsConnected);
}

TEST(SilenceTest, MediaAloneKeepsConsent) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  call.Connect();
  call.browser().does_ice = false;
  call.Run(TimeDelta::Seconds(40));
  EXPECT_THAT(call.Events<session::ConsentLost>(), IsEmpty());
}

TEST(SilenceTest, ABrowserThatNeverConnectsIsGivenUp) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  call.browser().does_ice = false;
  ASSERT_EQ(call.Create(call.MakeAccessRemote(), std::nullopt), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(31));
  const auto failures = call.Events<session::SessionFailed>();
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].cause, session::FailureCause::kIceTimeout);
}

// A phone that sends nothing in silence, on a network that loses the packet which says that it begins.
TEST(SilenceTest, SilenceWhoseBeginningWasLostIsNoBadQuality) {
  pipeline::StreamFormat quiet = AmrWbFormat();
  quiet.codec.amr.use_dtx = true;
  CallSimulation call(dtls::DtlsRole::kClient, {}, OpusFormat(), quiet);
  call.Connect();
  constexpr size_t kMostSidBytes = 12 + 8;
  bool was_speech = false;
  int lost = 0;
  call.filter = [&](const TestDatagram& datagram) {
    if (datagram.destination != call.MakeSessionConfig().ims.rtp) return true;
    const bool is_speech = datagram.payload.size() > kMostSidBytes;
    const bool is_beginning = std::exchange(was_speech, is_speech) && !is_speech;
    lost += is_beginning;
    return !is_beginning;
  };
  for (int turn = 0; turn < 12; ++turn) {
    call.ims().talker().set_amplitude(turn % 2 == 0 ? 8000 : 0);
    call.Run(TimeDelta::Seconds(1));
  }
  const session::SessionStats stats = call.Stats();
  ASSERT_GE(lost, 5);
  EXPECT_EQ(stats.ims.packets_lost, lost);
  EXPECT_LE(stats.ims.concealed_frames, static_cast<uint64_t>(lost) * 2);
  EXPECT_GT(stats.ims.worst_mos, 3.5);
}

}  // namespace
}  // namespace byon::test
