#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "dataplane/codec/opus_packet.h"
#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtcp_xr.h"
#include "tests/dataplane/support/call_simulation.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using session::Leg;
using testing::IsEmpty;
using testing::SizeIs;
using worker::CommandStatus;

TEST(CallReportTest, ReportsGoBothWays) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(12));
  ASSERT_GE(call.ims().rtcp().size(), 2u);
  ASSERT_GE(call.browser().rtcp().size(), 2u);
  const auto view = rtp::RtcpView::Parse(call.ims().rtcp().back(), false);
  ASSERT_TRUE(view.ok());
  const auto sr = view->begin()->ParseSenderReport();
  ASSERT_TRUE(sr);
  EXPECT_EQ(sr->sender.value, 0x1b1b1b1bu);
  ASSERT_EQ(sr->blocks.size(), 1u);
  EXPECT_EQ(sr->blocks[0].source.value, 0x1a1a1a1au);
  EXPECT_EQ(sr->blocks[0].cumulative_lost, 0);

  // The phone reports a round trip and loss.
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  const rtp::ReportBlock block{
      .source = sr->sender, .fraction_lost = 26, .last_sr = sr->info.ntp.compact(), .delay_since_last_sr = 0};
  builder.AddReceiverReport({0x1a1a1a1a}, std::span(&block, 1));
  const auto packet = *builder.Finish();
  call.ims().SendRtcp({packet.begin(), packet.end()});
  builder = rtp::RtcpBuilder(buffer);
  call.Run(TimeDelta::Milliseconds(10));
  const session::SessionStats stats = call.Stats();
  EXPECT_GT(stats.ims.round_trip_ms, 0);
  EXPECT_NEAR(stats.ims.fraction_lost_remote, 0.1, 0.01);
}

// RFC 3550 section 6.4.1: both timestamps of a sender report are of one instant, whatever else the worker had to do.
TEST(CallReportTest, ALateTickDoesNotBendTheClockOfSenderReports) {
  CallSimulation call;
  call.Connect();
  const auto turn = call.run_turn;
  int64_t steps = 0;
  call.run_turn = [&](base::Timestamp now) {
    if (++steps % 13 == 0) turn(now);  // ticks are up to 12 ms late
  };
  const size_t known = call.ims().rtcp().size();
  call.Run(TimeDelta::Seconds(60));
  std::vector<int64_t> offsets;  // of the RTP clock against the wall clock, in samples
  for (size_t i = known; i < call.ims().rtcp().size(); ++i) {
    const auto view = rtp::RtcpView::Parse(call.ims().rtcp()[i], false);
    const auto sr = view->begin()->ParseSenderReport();
    if (!sr) continue;
    const uint64_t wall_16k = (sr->info.ntp.value() >> 16) * 16'000 >> 16;
    const uint32_t offset = sr->info.rtp_timestamp.value - static_cast<uint32_t>(wall_16k);
    offsets.push_back(static_cast<int32_t>(offset));
  }
  ASSERT_GE(offsets.size(), 6u);
  for (const int64_t offset : offsets) EXPECT_LE(std::abs(offset - offsets[0]), 2);
}

TEST(CallReportTest, ACleanCallIsRatedAsGoodAsItsCodecs) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(12));
  const session::SessionStats stats = call.Stats();
  for (const session::LegStats* leg : {&stats.access, &stats.ims}) {
    ASSERT_TRUE(leg->quality && leg->quality_mean);
    EXPECT_TRUE(leg->quality->is_wideband);
    EXPECT_EQ(leg->quality->concealed_share, 0);
    EXPECT_GT(leg->quality->mos_conversational, 4.2);
    EXPECT_LE(leg->worst_mos, leg->quality_mean->mos_conversational + 1e-9);
    // A sine of amplitude 8000 is 12.2 dB below full scale.
    ASSERT_TRUE(leg->noise_level_dbm0);
  }
  EXPECT_EQ(stats.ims.sent_codec.view(), "AMR-WB mode 8");
  EXPECT_EQ(stats.access.sent_codec.view(), "opus");
}

TEST(CallReportTest, LossOnOneLegIsRatedOnThatLeg) {
  CallSimulation call;
  call.Connect();
  int count = 0;
  call.filter = [&count](const TestDatagram& datagram) { return datagram.source.port != 40'000 || ++count % 10 != 0; };
  call.Run(TimeDelta::Seconds(15));
  const session::SessionStats stats = call.Stats();
  ASSERT_TRUE(stats.ims.quality && stats.access.quality);
  EXPECT_NEAR(stats.ims.quality->loss_rate, 0.1, 0.02);
  EXPECT_NEAR(stats.ims.quality->concealed_share, 0.1, 0.03);
  EXPECT_NEAR(stats.ims.quality->burst_ratio, 1, 0.1);
  EXPECT_LT(stats.ims.quality->mos_conversational, stats.access.quality->mos_conversational - 0.5);
  EXPECT_EQ(stats.access.quality->concealed_share, 0);
}

// The browser hears of loss early, and asks for nothing to be told twice: SAVPF.
TEST(CallReportTest, TheBrowserHearsOfLossWithinASecondAndAHalf) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(10));
  const size_t before = call.browser().rtcp().size();
  int count = 0;
  call.filter = [&](const TestDatagram& datagram) {
    return datagram.source != call.browser().address() || datagram.payload.size() < 50 || ++count % 5 != 0;
  };
  call.Run(TimeDelta::Milliseconds(1'700));
  ASSERT_GT(call.browser().rtcp().size(), before);
  const auto view = rtp::RtcpView::Parse(call.browser().rtcp().back(), false);
  const auto sr = view->begin()->ParseSenderReport();
  ASSERT_TRUE(sr && sr->blocks.size() == 1);
  EXPECT_GT(sr->blocks[0].fraction_lost, 5);
  EXPECT_GT(sr->blocks[0].cumulative_lost, 0);
}

TEST(CallReportTest, ThePhoneGetsVoipMetricsWhenItAsksForThem) {
  CallSimulation call;
  session::ImsRemote remote = call.MakeImsRemote();
  remote.rtcp_parameters = session::RtcpParameters{.wants_voip_metrics = true};
  ASSERT_EQ(call.Create(call.MakeAccessRemote(), remote), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(20));
  ASSERT_FALSE(call.ims().rtcp().empty());
  std::optional<rtp::ExtendedReport> extended;
  const auto view = rtp::RtcpView::Parse(call.ims().rtcp().back(), false);
  for (const rtp::RtcpBlockView& block : *view) {
    if (auto report = rtp::ParseExtendedReport(block)) extended = *report;
  }
  ASSERT_TRUE(extended && extended->voip_metrics.size() == 1);
  EXPECT_EQ(extended->voip_metrics[0].source.value, 0x1a1a1a1au);
  EXPECT_EQ(extended->voip_metrics[0].loss_rate, 0);
  EXPECT_GE(extended->voip_metrics[0].mos_lq, 40);
  // One gap since the beginning, but for the undecided 2.5 s.
  EXPECT_GT(extended->voip_metrics[0].gap_duration_ms, 9'000);
  EXPECT_LT(extended->voip_metrics[0].gap_duration_ms, 18'000);
}

// CELT cannot repeat what was lost. The browser's reports say whether it must: from the first loss on for ten seconds
// without one.
TEST(CallReportTest, OpusRepeatsItselfWhileTheBrowserReportsLoss) {
  pipeline::StreamFormat format = OpusFormat();
  format.codec.opus.use_inband_fec = true;
  format.codec.opus.coding = codec::OpusCoding::kAdaptive;
  CallSimulation call(dtls::DtlsRole::kClient, {}, format);
  call.Connect();
  const auto report = [&call](uint8_t fraction_lost) {
    std::array<std::byte, 64> buffer;
    rtp::RtcpBuilder builder(buffer);
    const rtp::ReportBlock block{.source = {call.MakeSessionConfig().access.ssrc}, .fraction_lost = fraction_lost};
    builder.AddReceiverReport({0xb0b0b0b0}, std::span(&block, 1));
    const auto packet = *builder.Finish();
    call.browser().SendProtectedRtcp({packet.begin(), packet.end()});
    call.Run(TimeDelta::Milliseconds(100));
  };
  // SILK and hybrid are configurations 0 to 15, CELT 16 to 31 (RFC 6716 section 3.1).
  const auto is_celt = [&call] {
    const auto& payload = call.browser().talker().received().last_audio;
    return !payload.empty() && std::to_integer<unsigned>(payload[0]) >> 3 >= 16;
  };
  report(0);
  EXPECT_TRUE(is_celt());
  report(10);  // of 256
  EXPECT_FALSE(is_celt());
  int repeating = 0;
  for (int i = 0; i < 20; ++i) {
    call.Run(TimeDelta::Milliseconds(20));
    const auto packet = codec::DescribeOpusPacket(call.browser().talker().received().last_audio);
    repeating += packet && packet->has_inband_fec;
  }
  EXPECT_GT(repeating, 10);
  report(0);
  call.Run(TimeDelta::Seconds(9));
  EXPECT_FALSE(is_celt());
  call.Run(TimeDelta::Milliseconds(1'500));
  EXPECT_TRUE(is_celt());
}

TEST(CallReportTest, MuxedRtcpGoesToTheRtpPort) {
  CallSimulation call;
  session::ImsRemote muxed = call.MakeImsRemote();
  muxed.rtcp_mux = true;
  muxed.rtcp_parameters = session::RtcpParameters{.is_avpf = true};
  muxed.dscp = 34;
  ASSERT_EQ(call.Create(call.MakeAccessRemote(), muxed), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(10));
  EXPECT_THAT(call.ims().rtcp(), IsEmpty());
  EXPECT_GE(call.ims().misplaced_rtcp().size(), 1u);
  EXPECT_EQ(call.ims().dscp(), 34);
}

TEST(CallReportTest, StatsTellBothLegs) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(4));
  const session::SessionStats stats = call.Stats();
  EXPECT_EQ(stats.handle, call.handle());
  EXPECT_EQ(stats.access_state, session::TransportState::kDtlsConnected);
  EXPECT_GE(stats.access.packets_received, 240u);
  EXPECT_GE(stats.access.packets_sent, 200u);
  EXPECT_GE(stats.ims.packets_received, 240u);
  EXPECT_GE(stats.ims.packets_sent, 200u);
  EXPECT_EQ(stats.access.packets_lost, 0);
  EXPECT_EQ(stats.access.codec.view(), "opus");
  EXPECT_EQ(stats.ims.codec.view().substr(0, 6), "AMR-WB");
  EXPECT_LT(stats.ims.jitter_ms, 2);
  EXPECT_GT(stats.ims.added_latency_ms, 0);
  EXPECT_LT(stats.ims.added_latency_ms, 100);
  const worker::WorkerStats worker = call.WorkerStats();
  EXPECT_EQ(worker.sessions, 1u);
  EXPECT_GE(worker.packets_received, 480u);
  EXPECT_GE(worker.packets_sent, 400u);
  EXPECT_EQ(worker.late_ticks, 0u);
  EXPECT_EQ(worker.events_lost, 0u);
}

}  // namespace
}  // namespace byon::test
