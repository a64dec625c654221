#include "dataplane/session/rtcp_reporter.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
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
    rtp::RtpPacketBuilder builder(buffer, {.payload_type = {96},
                                           .sequence_number = {sequence},
                                           .timestamp = {uint32_t{sequence} * 320},
                                           .ssrc = ssrc});
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

TEST_F(RtcpReporterTest, NothingIsDueOnASilentLeg) {
  EXPECT_FALSE(reporter_.IsDue(kStart + TimeDelta::Seconds(1000)));
}

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
  const rtp::ReportBlock block{
      .source = kLocal,
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

TEST_F(RtcpReporterTest, MalformedRtcpIsRefused) {
  const std::array<std::byte, 5> bytes{std::byte{0x80}, std::byte{201}, std::byte{0},
                                       std::byte{9}, std::byte{1}};
  EXPECT_TRUE(reporter_.HandleRtcp(bytes, kStart, WallClock(kStart)).has_value());
}

}  // namespace
}  // namespace byon::session
