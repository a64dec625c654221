#include "dataplane/session/rtcp_reporter.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtcp_xr.h"
#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::session {
namespace {

using base::TimeDelta;
using base::Timestamp;

constexpr rtp::Ssrc kLocal{0x11111111};
constexpr rtp::Ssrc kRemote{0x22222222};
const Timestamp kStart = Timestamp::FromMilliseconds(50'000);

rtp::NtpTime WallClock(Timestamp now) {
  return rtp::NtpTime::FromUnix(TimeDelta::Seconds(1'700'000'000) + (now - Timestamp()));
}

class RtcpReporterTest : public testing::Test {
 protected:
  RtcpReporterTest() { reporter_.SetClockRates(16'000, 48'000); }

  void ReceiveRtp(uint16_t sequence, Timestamp now, rtp::Ssrc ssrc = kRemote) {
    std::array<std::byte, 64> buffer;
    rtp::RtpPacketBuilder builder(
        buffer,
        {.payload_type = {96}, .sequence_number = {sequence}, .timestamp = {uint32_t{sequence} * 320}, .ssrc = ssrc});
    builder.SetPayload(base::AsBytes("0123456789"));
    reporter_.OnRtpReceived(*rtp::RtpPacketView::Parse(*builder.Finish()), now);
  }
  rtp::RtcpView Report(Timestamp now) {
    const size_t size = reporter_.WriteReport(buffer_, now, WallClock(now));
    auto view = rtp::RtcpView::Parse(base::ByteSpan(buffer_).first(size), false);
    EXPECT_TRUE(view.ok());
    return *view;
  }

  std::array<std::byte, 1500> buffer_;
  RtcpReporter reporter_{kLocal, "cname@example", 7};
};

TEST_F(RtcpReporterTest, NothingIsDueOnASilentLeg) { EXPECT_FALSE(reporter_.IsDue(kStart + TimeDelta::Seconds(1000))); }

// RFC 3550 sections 6.2 and 6.3.1: half the minimum interval before the first report, then 5 s, each
// randomised over [0.5, 1.5].
TEST_F(RtcpReporterTest, IntervalsStayInTheirRange) {
  reporter_.OnRtpSent({0}, 80, kStart);
  Timestamp now = kStart;
  while (!reporter_.IsDue(now)) now += TimeDelta::Milliseconds(20);
  EXPECT_LE(now - kStart, TimeDelta::Milliseconds(5'020));
  TimeDelta total;
  for (int i = 0; i < 200; ++i) {
    const Timestamp last = now;
    (void)Report(now);
    while (!reporter_.IsDue(now)) now += TimeDelta::Milliseconds(20);
    EXPECT_GE(now - last, TimeDelta::Milliseconds(2'500));
    EXPECT_LE(now - last, TimeDelta::Milliseconds(7'520));
    total += now - last;
  }
  EXPECT_NEAR(total.seconds() / 200, 5.0, 0.4);
}

TEST_F(RtcpReporterTest, ReceiverReportWhileNothingWasSent) {
  for (uint16_t i = 0; i < 10; ++i) {
    ReceiveRtp(static_cast<uint16_t>(100 + i), kStart + TimeDelta::Milliseconds(20 * i));
  }
  ReceiveRtp(120, kStart + TimeDelta::Milliseconds(400));  // ten are missing
  const rtp::RtcpView view = Report(kStart + TimeDelta::Seconds(3));
  auto block = view.begin();
  const auto rr = block->ParseReceiverReport();
  ASSERT_TRUE(rr);
  EXPECT_EQ(rr->sender, kLocal);
  ASSERT_EQ(rr->blocks.size(), 1u);
  EXPECT_EQ(rr->blocks[0].source, kRemote);
  EXPECT_EQ(rr->blocks[0].cumulative_lost, 10);
  EXPECT_EQ(rr->blocks[0].extended_highest_sequence_number, 120u);
  const auto sdes = (++block)->ParseSourceDescriptions();
  ASSERT_TRUE(sdes);
  EXPECT_EQ(base::AsText((*sdes)[0].cname), "cname@example");
}

TEST_F(RtcpReporterTest, SenderReportMapsTheRtpClockToTheWallClock) {
  reporter_.OnRtpSent({1'000'000}, 80, kStart);
  reporter_.OnRtpSent({1'000'960}, 80, kStart + TimeDelta::Milliseconds(20));
  const Timestamp now = kStart + TimeDelta::Milliseconds(1'020);
  const auto sr = Report(now).begin()->ParseSenderReport();
  ASSERT_TRUE(sr);
  EXPECT_EQ(sr->info.packet_count, 2u);
  EXPECT_EQ(sr->info.octet_count, 160u);
  EXPECT_EQ(sr->info.rtp_timestamp.value, 1'000'960u + 48'000u);
  EXPECT_EQ(sr->info.ntp, WallClock(now));
}

TEST_F(RtcpReporterTest, RoundTripTimeFromTheReportOfOurReport) {
  reporter_.OnRtpSent({0}, 80, kStart);
  const auto sr = Report(kStart).begin()->ParseSenderReport();
  ASSERT_TRUE(sr);
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  // The peer held the report for 2 s; it came back 2.080 s after it left.
  const rtp::ReportBlock block{.source = kLocal,
                               .fraction_lost = 64,
                               .cumulative_lost = 3,
                               .last_sr = sr->info.ntp.compact(),
                               .delay_since_last_sr = rtp::CompactNtpFromTimeDelta(TimeDelta::Seconds(2))};
  builder.AddReceiverReport(kRemote, std::span(&block, 1));
  const Timestamp now = kStart + TimeDelta::Milliseconds(2'080);
  EXPECT_EQ(reporter_.HandleRtcp(*builder.Finish(), now, WallClock(now)), std::nullopt);
  ASSERT_TRUE(reporter_.sender().round_trip_time());
  EXPECT_NEAR(reporter_.sender().round_trip_time()->seconds(), 0.080, 0.001);
  EXPECT_DOUBLE_EQ(reporter_.sender().remote_fraction_lost(), 0.25);
}

TEST_F(RtcpReporterTest, OurReportAnswersThePeersSenderReport) {
  for (uint16_t i = 0; i < 5; ++i) ReceiveRtp(i, kStart);
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  const rtp::NtpTime peer_time(0x1122334455667788);
  builder.AddSenderReport(kRemote, {.ntp = peer_time}, {});
  EXPECT_EQ(reporter_.HandleRtcp(*builder.Finish(), kStart, WallClock(kStart)), std::nullopt);
  const auto rr = Report(kStart + TimeDelta::Milliseconds(1'500)).begin()->ParseReceiverReport();
  ASSERT_TRUE(rr && rr->blocks.size() == 1);
  EXPECT_EQ(rr->blocks[0].last_sr, peer_time.compact());
  EXPECT_NEAR(rr->blocks[0].delay_since_last_sr, 1.5 * 65536, 2);
}

TEST_F(RtcpReporterTest, TotalsGoOnOverAChangeOfSource) {
  for (uint16_t i = 0; i < 10; ++i) ReceiveRtp(i, kStart);
  for (uint16_t i = 0; i < 10; ++i) ReceiveRtp(static_cast<uint16_t>(7'000 + i), kStart, {0x33});
  EXPECT_EQ(reporter_.packets_received(), 20u);
  EXPECT_EQ(reporter_.bytes_received(), 200u);
  const auto rr = Report(kStart).begin()->ParseReceiverReport();
  ASSERT_TRUE(rr && rr->blocks.size() == 1);
  EXPECT_EQ(rr->blocks[0].source.value, 0x33u);
}

TEST_F(RtcpReporterTest, ByeOfTheSourceIsNoticed) {
  for (uint16_t i = 0; i < 5; ++i) ReceiveRtp(i, kStart);
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  builder.AddReceiverReport(kRemote, {});
  builder.AddBye(kRemote);
  EXPECT_EQ(reporter_.HandleRtcp(*builder.Finish(), kStart, WallClock(kStart)), std::nullopt);
  EXPECT_TRUE(reporter_.peer_said_bye());
}

TEST_F(RtcpReporterTest, TheLastPacketSaysBye) {
  reporter_.OnRtpSent({0}, 80, kStart);
  const size_t size = reporter_.WriteBye(buffer_, "call ended", kStart, WallClock(kStart));
  const auto view = rtp::RtcpView::Parse(base::ByteSpan(buffer_).first(size), false);
  ASSERT_TRUE(view.ok());
  bool has_bye = false;
  for (const rtp::RtcpBlockView& block : *view) {
    if (block.type() != rtp::RtcpType::kBye) continue;
    const auto bye = block.ParseBye();
    ASSERT_TRUE(bye);
    EXPECT_EQ(bye->sources[0], kLocal);
    EXPECT_EQ(base::AsText(bye->reason), "call ended");
    has_bye = true;
  }
  EXPECT_TRUE(has_bye);
}

// RFC 3550 section 6.4: SR only when something was sent within the last two intervals.
TEST_F(RtcpReporterTest, AHeldSenderTurnsReceiver) {
  reporter_.OnRtpSent({0}, 80, kStart);
  const auto type_at = [this](int64_t seconds) { return Report(kStart + TimeDelta::Seconds(seconds)).begin()->type(); };
  EXPECT_EQ(type_at(1), rtp::RtcpType::kSenderReport);
  EXPECT_EQ(type_at(6), rtp::RtcpType::kSenderReport);
  EXPECT_EQ(type_at(11), rtp::RtcpType::kReceiverReport);
  reporter_.OnRtpSent({960}, 80, kStart + TimeDelta::Seconds(12));
  EXPECT_EQ(type_at(16), rtp::RtcpType::kSenderReport);
}

TEST_F(RtcpReporterTest, ABodyThatContradictsItsHeaderIsCounted) {
  // A receiver report of two blocks that holds one; an XR block past the end.
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  const rtp::ReportBlock block{.source = kLocal};
  builder.AddReceiverReport(kRemote, std::span(&block, 1));
  auto bytes = *builder.Finish();
  buffer[0] = std::byte{0x82};
  EXPECT_EQ(reporter_.HandleRtcp(bytes, kStart, WallClock(kStart)), rtp::DropReason::kRtcpBadBody);
  const std::array<std::byte, 12> xr{std::byte{0x80}, std::byte{207}, {}, std::byte{2}, {},          {}, {},
                                     std::byte{1},    std::byte{5},   {}, {},           std::byte{9}};
  EXPECT_EQ(reporter_.HandleRtcp(xr, kStart, WallClock(kStart)), rtp::DropReason::kRtcpBadBody);
}

// ---- when -------------------------------------------------------------------------------------------

TimeDelta NextAfter(RtcpReporter& reporter, Timestamp now) {
  const Timestamp start = now;
  while (!reporter.IsDue(now) && now - start < TimeDelta::Seconds(600)) {
    now += TimeDelta::Milliseconds(20);
  }
  return now - start;
}

// RFC 4585: with feedback the sender hears of a loss within 1.5 s, else at the next regular report.
TEST_F(RtcpReporterTest, ALossIsToldEarlyWhereFeedbackIsAgreed) {
  for (const bool is_avpf : {false, true}) {
    RtcpReporter reporter(kLocal, "c", 11);
    reporter.SetClockRates(16'000, 16'000);
    reporter.SetParameters({.is_avpf = is_avpf});
    std::array<std::byte, 64> packet;
    Timestamp now = kStart;
    const auto receive = [&](uint16_t sequence) {
      rtp::RtpPacketBuilder builder(packet, {.payload_type = {96},
                                             .sequence_number = {sequence},
                                             .timestamp = {uint32_t{sequence} * 320},
                                             .ssrc = kRemote});
      builder.SetPayload(base::AsBytes("x"));
      reporter.OnRtpReceived(*rtp::RtpPacketView::Parse(*builder.Finish()), now);
    };
    for (uint16_t i = 0; i < 50; ++i, now += TimeDelta::Milliseconds(20)) receive(i);
    (void)reporter.WriteReport(buffer_, now, WallClock(now));
    receive(50);
    const TimeDelta calm = NextAfter(reporter, now);
    EXPECT_GE(calm, TimeDelta::Milliseconds(2'480));
    receive(55);
    const TimeDelta after_loss = NextAfter(reporter, now);
    if (is_avpf) {
      EXPECT_LE(after_loss, TimeDelta::Milliseconds(1'520));
      EXPECT_GE(after_loss, TimeDelta::Milliseconds(480));
    } else {
      EXPECT_EQ(after_loss, calm);
    }
  }
}

// RFC 3556: reports never take more than the bandwidth that was given; none without any.
TEST_F(RtcpReporterTest, BandwidthLimitsTheReports) {
  reporter_.SetParameters({.bandwidth_bps = 100});
  reporter_.OnRtpSent({0}, 80, kStart);
  Timestamp now = kStart;
  for (int i = 0; i < 40; ++i) {  // until the mean size is known
    now += NextAfter(reporter_, now);
    (void)Report(now);
  }
  double bits = 0;
  const Timestamp from = now;
  for (int i = 0; i < 100; ++i) {
    now += NextAfter(reporter_, now);
    bits += static_cast<double>(reporter_.WriteReport(buffer_, now, WallClock(now)) + 28) * 8;
  }
  EXPECT_LE(bits / (now - from).seconds(), 60);  // half of it: there are two of us
  reporter_.SetParameters({.bandwidth_bps = 0});
  EXPECT_FALSE(reporter_.IsDue(now + TimeDelta::Seconds(10'000)));
}

// ---- extended reports -------------------------------------------------------------------------------

std::optional<rtp::ExtendedReport> ExtendedOf(const rtp::RtcpView& view) {
  for (const rtp::RtcpBlockView& block : view) {
    if (block.type() == rtp::RtcpType::kExtendedReport) return rtp::ParseExtendedReport(block);
  }
  return std::nullopt;
}

TEST_F(RtcpReporterTest, NoExtendedReportWithoutNeed) {
  for (uint16_t i = 0; i < 400; ++i) ReceiveRtp(i, kStart);
  EXPECT_FALSE(ExtendedOf(Report(kStart)));
}

// RFC 3611 sections 4.4 and 4.5, both ends of it.
TEST_F(RtcpReporterTest, AReferenceTimeIsAnsweredOnceAndGivesTheRoundTrip) {
  RtcpReporter peer(kRemote, "peer", 9);
  peer.SetParameters({.answers_reference_time = true});
  std::array<std::byte, 500> buffer;
  const size_t size = peer.WriteReport(buffer, kStart, WallClock(kStart));
  const Timestamp arrival = kStart + TimeDelta::Milliseconds(30);
  EXPECT_EQ(reporter_.HandleRtcp(base::ByteSpan(buffer).first(size), arrival, WallClock(arrival)), std::nullopt);
  const Timestamp answered = arrival + TimeDelta::Milliseconds(1'700);
  const size_t answer = reporter_.WriteReport(buffer_, answered, WallClock(answered));
  const auto extended = ExtendedOf(*rtp::RtcpView::Parse(base::ByteSpan(buffer_).first(answer)));
  ASSERT_TRUE(extended);
  ASSERT_EQ(extended->last_references.size(), 1u);
  EXPECT_EQ(extended->last_references[0].receiver, kRemote);
  EXPECT_EQ(extended->last_references[0].last_rr, WallClock(kStart).compact());
  EXPECT_FALSE(extended->receiver_reference_time);
  const Timestamp back = answered + TimeDelta::Milliseconds(30);
  EXPECT_EQ(peer.HandleRtcp(base::ByteSpan(buffer_).first(answer), back, WallClock(back)), std::nullopt);
  ASSERT_TRUE(peer.round_trip_time());
  EXPECT_NEAR(peer.round_trip_time()->seconds(), 0.060, 0.001);
  EXPECT_FALSE(ExtendedOf(Report(answered + TimeDelta::Seconds(5))));
}

TEST_F(RtcpReporterTest, VoipMetricsTellLossDiscardsAndBursts) {
  pipeline::PipelineStats played;
  played.received_codec = codec::Codec::kAmrWb;
  played.received_amr_mode = 2;
  played.signal_level_dbm0 = -20.4F;
  played.added_latency_mean = TimeDelta::Milliseconds(45);
  reporter_.Watch(played);
  reporter_.SetParameters({.wants_voip_metrics = true});
  Timestamp now = kStart;
  // Every hundredth packet is lost alone, three in a row each 200, and every 50th comes too late.
  for (uint16_t i = 0; i < 4'000; ++i, now += TimeDelta::Milliseconds(20)) {
    const bool is_lost = i % 100 == 40 || (i % 200 >= 101 && i % 200 <= 103);
    ++played.frames_played;
    if (!is_lost) ReceiveRtp(i, now);
    if (i % 100 == 75) {
      std::array<std::byte, 64> late;
      rtp::RtpPacketBuilder builder(late, {.sequence_number = {i}, .ssrc = kRemote});
      builder.SetPayload(base::AsBytes("x"));
      reporter_.OnRtpTooLate(*rtp::RtpPacketView::Parse(*builder.Finish()), now);
    }
    reporter_.HandleTick(now);
  }
  const auto extended = ExtendedOf(Report(now));
  ASSERT_TRUE(extended && extended->voip_metrics.size() == 1);
  const rtp::VoipMetrics& metrics = extended->voip_metrics[0];
  EXPECT_EQ(metrics.source, kRemote);
  EXPECT_NEAR(metrics.loss_rate, 256 * 0.025, 1.01);
  EXPECT_NEAR(metrics.discard_rate, 256 * 0.01, 1.01);
  EXPECT_EQ(metrics.burst_density, 255);  // three of three
  EXPECT_EQ(metrics.burst_duration_ms, 60);
  EXPECT_NEAR(metrics.gap_duration_ms, 197 * 20, 200);
  EXPECT_EQ(metrics.gmin, 16);
  EXPECT_EQ(metrics.signal_level_dbm, -20);
  EXPECT_EQ(metrics.noise_level_dbm, 127);
  EXPECT_EQ(metrics.end_system_delay_ms, 45);
  EXPECT_EQ(metrics.mos_lq, 43);    // AMR-WB 12.65 without concealment
  EXPECT_EQ(metrics.r_factor, 90);  // 116 of 129
  EXPECT_EQ(metrics.receiver_configuration >> 4, 0b1011);
  EXPECT_EQ(metrics.jitter_buffer_absolute_maximum_ms, 500);
}

TEST_F(RtcpReporterTest, ThePeersMetricsOfOurStreamAreKept) {
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  builder.AddReceiverReport(kRemote, {});
  rtp::ExtendedReport report{.sender = kRemote};
  report.voip_metrics.PushBack({.source = {0x99}, .loss_rate = 1});
  report.voip_metrics.PushBack({.source = kLocal, .loss_rate = 26, .mos_lq = 37});
  builder.AddExtendedReport(report);
  EXPECT_EQ(reporter_.HandleRtcp(*builder.Finish(), kStart, WallClock(kStart)), std::nullopt);
  ASSERT_TRUE(reporter_.remote_metrics());
  EXPECT_EQ(reporter_.remote_metrics()->loss_rate, 26);
  EXPECT_EQ(reporter_.remote_metrics()->mos_lq, 37);
}

TEST_F(RtcpReporterTest, MalformedRtcpIsRefused) {
  const std::array<std::byte, 5> bytes{std::byte{0x80}, std::byte{201}, std::byte{0}, std::byte{9}, std::byte{1}};
  EXPECT_TRUE(reporter_.HandleRtcp(bytes, kStart, WallClock(kStart)).has_value());
}

}  // namespace
}  // namespace byon::session
