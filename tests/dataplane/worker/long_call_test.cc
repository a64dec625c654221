#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dataplane/support/call_simulation.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using testing::IsEmpty;
using testing::SizeIs;

// G.711 on both legs, so that an hour is cheap; everything but the codecs is as in any call. In an
// hour the sequence numbers wrap twice (65,536 packets are 21.8 minutes) and so does SRTP's ROC count.
TEST(LongCallTest, AnHourPassesWithoutAGap) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, PcmuFormat(), PcmuFormat());
  ASSERT_EQ(call.Create(call.MakeAccessRemote(), call.MakeImsRemote()), worker::CommandStatus::kDone);
  ASSERT_TRUE(call.RunUntil([&] { return call.browser().is_dtls_connected(); }, TimeDelta::Seconds(5)));
  for (int minute = 0; minute < 60; ++minute) {
    call.Run(TimeDelta::Seconds(60));
    call.browser().talker().ForgetSamples();
    call.ims().talker().ForgetSamples();
  }
  for (RtpTalker* talker : {&call.browser().talker(), &call.ims().talker()}) {
    EXPECT_GE(talker->received().packets, 179'900u);
    EXPECT_EQ(talker->received().sequence_gaps, 0u);
    EXPECT_EQ(talker->received().timestamp_breaks, 0u);
    EXPECT_EQ(talker->received().ssrc_changes, 0u);
  }
  EXPECT_EQ(call.browser().srtp_failures(), 0u);
  EXPECT_NEAR(static_cast<double>(call.ims().rtcp().size()), 720, 60);
  EXPECT_NEAR(static_cast<double>(call.browser().rtcp().size()), 720, 60);
  const session::SessionStats stats = call.Stats();
  EXPECT_EQ(stats.access.packets_lost, 0);
  EXPECT_EQ(stats.ims.packets_lost, 0);
  EXPECT_EQ(stats.ims.concealed_frames, 0u);
  EXPECT_LE(stats.ims.playout_delay_ms, 60);
  EXPECT_THAT(call.Events<session::MediaTimeout>(), IsEmpty());
  EXPECT_THAT(call.Events<session::ConsentLost>(), IsEmpty());
  EXPECT_THAT(call.Events<session::MediaStarted>(), SizeIs(2));
  EXPECT_EQ(call.io().lent_buffers(), 0u);
}

}  // namespace
}  // namespace byon::test
