#include "dataplane/rtp/rtcp_xr.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "tests/dataplane/support/hex.h"

namespace byon::rtp {
namespace {

using test::FromHex;
using test::ToHex;

std::optional<ExtendedReport> Parse(base::ByteSpan bytes) {
  const auto view = RtcpView::Parse(bytes);
  EXPECT_TRUE(view.ok());
  return view.ok() ? ParseExtendedReport(*view->begin()) : std::nullopt;
}

// Each octet from the figures of RFC 3611 sections 2, 4.4, 4.5 and 4.7.
constexpr std::string_view kHeader =
    "80cf0011"
    "11111111";
constexpr std::string_view kReferenceTime =
    "04000002"
    "0102030405060708";
constexpr std::string_view kDlrr =
    "05000003"
    "22222222"
    "03040506"
    "00010000";
constexpr std::string_view kVoipMetrics =
    "07000008"
    "33333333"
    "0d058002"   // loss 13, discard 5, burst density 128, gap density 2 (of 256)
    "01902328"   // burst 400 ms, gap 9000 ms
    "0055003c"   // round trip 85 ms, end system 60 ms
    "eec47f10"   // signal -18 dBm, noise -60 dBm, RERL unavailable, Gmin 16
    "527f2826"   // R 82, external R unavailable, MOS-LQ 4.0, MOS-CQ 3.8
    "b500003c"   // enhanced PLC, adaptive, rate 5; nominal 60 ms
    "007801f4";  // maximum 120 ms, absolute maximum 500 ms

ExtendedReport Whole() {
  ExtendedReport report;
  report.sender = {0x11111111};
  report.receiver_reference_time = NtpTime(0x0102030405060708);
  report.last_references.PushBack({{0x22222222}, 0x03040506, 0x10000});
  report.voip_metrics.PushBack({.source = {0x33333333},
                                .loss_rate = 13,
                                .discard_rate = 5,
                                .burst_density = 128,
                                .gap_density = 2,
                                .burst_duration_ms = 400,
                                .gap_duration_ms = 9000,
                                .round_trip_delay_ms = 85,
                                .end_system_delay_ms = 60,
                                .signal_level_dbm = -18,
                                .noise_level_dbm = -60,
                                .r_factor = 82,
                                .mos_lq = 40,
                                .mos_cq = 38,
                                .receiver_configuration = kEnhancedConcealment | kAdaptiveJitterBuffer | 5,
                                .jitter_buffer_nominal_ms = 60,
                                .jitter_buffer_maximum_ms = 120,
                                .jitter_buffer_absolute_maximum_ms = 500});
  return report;
}

TEST(RtcpXr, ReadsEveryField) {
  const std::string hex =
      std::string(kHeader) + std::string(kReferenceTime) + std::string(kDlrr) + std::string(kVoipMetrics);
  const auto report = Parse(FromHex(hex));
  ASSERT_TRUE(report);
  const ExtendedReport expected = Whole();
  EXPECT_EQ(report->sender, expected.sender);
  EXPECT_EQ(report->receiver_reference_time, expected.receiver_reference_time);
  ASSERT_EQ(report->last_references.size(), 1u);
  EXPECT_EQ(report->last_references[0], expected.last_references[0]);
  ASSERT_EQ(report->voip_metrics.size(), 1u);
  EXPECT_EQ(report->voip_metrics[0], expected.voip_metrics[0]);
}

TEST(RtcpXr, WritesTheSameOctets) {
  std::array<std::byte, 200> buffer;
  RtcpBuilder builder(buffer);
  builder.AddExtendedReport(Whole());
  const auto bytes = builder.Finish();
  ASSERT_TRUE(bytes);
  EXPECT_EQ(ToHex(*bytes),
            std::string(kHeader) + std::string(kReferenceTime) + std::string(kDlrr) + std::string(kVoipMetrics));
}

TEST(RtcpXr, UnknownBlocksAndWrongLengthsAreSteppedOver) {
  // A loss RLE block (1), then a reference time of a word too many, then a good one.
  const auto report = Parse(FromHex(std::string("80cf000a11111111") +
                                    "01000001"
                                    "22222222" +
                                    "04000003"
                                    "010203040506070809101112" +
                                    std::string(kReferenceTime)));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->receiver_reference_time, NtpTime(0x0102030405060708));
  EXPECT_TRUE(report->voip_metrics.empty());
}

TEST(RtcpXr, ABlockThatRunsPastTheEndSpoilsThePacket) {
  EXPECT_FALSE(
      Parse(FromHex("80cf0003"
                    "11111111"
                    "05000009"
                    "00000000")));
  EXPECT_FALSE(Parse(FromHex("80cf0000")));  // not even a sender
}

TEST(RtcpXr, AnEmptyReportIsOne) {
  const auto report = Parse(FromHex("80cf000111111111"));
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->empty());
}

TEST(RtcpXr, MoreEntriesThanAreKeptAreLeftOut) {
  std::string hex =
      "80cf007a11111111"
      "05000078";
  for (int i = 0; i < 40; ++i) hex += "222222220304050600010000";
  const auto report = Parse(FromHex(hex));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->last_references.size(), kMaxRtcpCount);
}

}  // namespace
}  // namespace byon::rtp
