#include "dataplane/quality/e_model.h"

#include <gtest/gtest.h>

#include "dataplane/base/random.h"
#include "dataplane/quality/codec_impairment.h"

namespace byon::quality {
namespace {

using codec::Codec;

// G.107 section 7.7: all defaults give a rating of 93.2, which annex B makes an MOS of 4.41.
TEST(EModel, DefaultsGiveThePublishedRating) {
  EXPECT_NEAR(NarrowbandRating({}), 93.2, 0.05);
  EXPECT_NEAR(NarrowbandMos(NarrowbandRating({})), 4.41, 0.005);
}

// G.107 annex B table B.1, lower limits of the categories of satisfaction.
TEST(EModel, RatingsMapToThePublishedScores) {
  EXPECT_NEAR(NarrowbandMos(90), 4.34, 0.01);
  EXPECT_NEAR(NarrowbandMos(80), 4.03, 0.01);
  EXPECT_NEAR(NarrowbandMos(70), 3.60, 0.01);
  EXPECT_NEAR(NarrowbandMos(60), 3.10, 0.01);
  EXPECT_NEAR(NarrowbandMos(50), 2.58, 0.01);
  EXPECT_DOUBLE_EQ(NarrowbandMos(-5), 1);
  EXPECT_DOUBLE_EQ(NarrowbandMos(120), 4.5);
}

// G.113 appendix I: G.729A with voice activity detection has Ie 11 and Bpl 19; R is then 82.2.
TEST(EModel, ACodecsImpairmentIsTakenOff) {
  NarrowbandParameters g729{.equipment_impairment = 11, .loss_robustness = 19};
  EXPECT_NEAR(NarrowbandRating(g729), 82.2, 0.05);
  g729.loss_percent = 4;
  // Ie,eff = 11 + 84 * 4 / 23.
  EXPECT_NEAR(NarrowbandRating(g729), 93.2 - 25.6, 0.05);
}

// G.107.1 annex A and equation (7-15), by hand: Ie,WB 13 gives R 116 and Rx 89.92; 12.65 kbit/s in
// diotic listening (Ie 20, Bpl 4.3) under 2 % loss has Ie,eff 43.81.
TEST(EModel, WidebandVectors) {
  EXPECT_NEAR(WidebandMos(WidebandRating({})), 4.5, 1e-9);
  EXPECT_NEAR(WidebandMos(WidebandRating({.equipment_impairment = 13})), 4.3371, 5e-4);
  EXPECT_NEAR(WidebandMos(WidebandRating({.equipment_impairment = 41})), 3.5123, 5e-4);
  const WidebandParameters lossy{.equipment_impairment = 20, .loss_robustness = 4.3, .loss_percent = 2};
  EXPECT_NEAR(WidebandRating(lossy), 129 - 43.8095, 1e-3);
  EXPECT_NEAR(WidebandMos(WidebandRating(lossy)), 3.4062, 5e-4);
}

// G.107 section 7.4: what a way of up to 100 ms costs is echo alone; at 200 ms X is 1 in (7-29).
TEST(EModel, AbsoluteDelay) {
  EXPECT_DOUBLE_EQ(WidebandRating({.absolute_delay_ms = 100}), 129);
  EXPECT_NEAR(129 - WidebandRating({.absolute_delay_ms = 200}), 3.044, 0.001);
  EXPECT_NEAR(129 - WidebandRating({.absolute_delay_ms = 400}), 24.07, 0.01);
}

TEST(EModel, EchoIsHeardTheMoreTheLaterItComes) {
  double last = NarrowbandRating({});
  for (const double delay_ms : {20, 50, 100, 200, 400}) {
    const double rating = NarrowbandRating({.echo_delay_ms = delay_ms, .round_trip_delay_ms = 2 * delay_ms});
    EXPECT_LT(rating, last) << delay_ms;
    last = rating;
  }
  // Less echo loss is worse.
  EXPECT_LT(NarrowbandRating({.talker_echo_loudness = 45, .echo_delay_ms = 50}),
            NarrowbandRating({.talker_echo_loudness = 65, .echo_delay_ms = 50}));
}

// G.107 section 7.5: 1 for independent losses, more for bursts.
TEST(EModel, BurstRatio) {
  EXPECT_DOUBLE_EQ(BurstRatio(1, 0), 1);
  EXPECT_NEAR(BurstRatio(1 / 0.95, 0.05), 1, 1e-9);
  EXPECT_NEAR(BurstRatio(4, 0.05), 3.8, 1e-9);
  EXPECT_DOUBLE_EQ(BurstRatio(0, 0.5), 1);
}

// More loss, longer bursts, more delay or a worse codec never sound better; every score is one.
TEST(EModel, WorseConditionsNeverScoreBetter) {
  base::Random random(3);
  for (int i = 0; i < 2'000; ++i) {
    const NarrowbandParameters at{.absolute_delay_ms = random.NextUnit() * 600,
                                  .equipment_impairment = random.NextUnit() * 40,
                                  .loss_robustness = 4 + random.NextUnit() * 22,
                                  .loss_percent = random.NextUnit() * 30,
                                  .burst_ratio = 1 + random.NextUnit() * 6};
    const double rating = NarrowbandRating(at);
    const auto worse = [&](auto change) {
      NarrowbandParameters changed = at;
      change(changed);
      EXPECT_LE(NarrowbandRating(changed), rating + 1e-9) << i;
      EXPECT_LE(NarrowbandMos(NarrowbandRating(changed)), NarrowbandMos(rating) + 0.02) << i;
    };
    worse([](auto& p) { p.absolute_delay_ms += 10; });
    worse([](auto& p) { p.equipment_impairment += 5; });
    worse([](auto& p) { p.loss_percent += 1; });
    worse([](auto& p) { p.burst_ratio += 1; });
    worse([](auto& p) { p.loss_robustness -= 2; });
    EXPECT_GE(NarrowbandMos(rating), 1);
    EXPECT_LE(NarrowbandMos(rating), 4.5);
  }
}

TEST(CodecImpairment, EachModeHasItsOwn) {
  EXPECT_EQ(ImpairmentOf(Codec::kAmrWb, 2, 0).equipment_impairment, 13);
  EXPECT_EQ(ImpairmentOf(Codec::kAmrWb, 0, 0).equipment_impairment, 41);
  // Not a slip: G.113 rates 23.85 below 23.05.
  EXPECT_GT(ImpairmentOf(Codec::kAmrWb, 8, 0).equipment_impairment,
            ImpairmentOf(Codec::kAmrWb, 7, 0).equipment_impairment);
  EXPECT_EQ(ImpairmentOf(Codec::kAmr, 7, 0).equipment_impairment, 5);
  EXPECT_FALSE(ImpairmentOf(Codec::kAmr, 7, 0).is_wideband);
  EXPECT_TRUE(ImpairmentOf(Codec::kAmrWb, 2, 0).is_wideband);
  EXPECT_EQ(ImpairmentOf(Codec::kPcma, -1, 0).loss_robustness, 25.1);
  EXPECT_EQ(ImpairmentOf(Codec::kAmrWb, -1, 0).equipment_impairment, 13);
  EXPECT_EQ(ImpairmentOf(Codec::kAmr, 99, 0).equipment_impairment, 5);
}

TEST(CodecImpairment, MoreBitsMakeOpusBetter) {
  double last = 1000;
  for (double bitrate = 4'000; bitrate < 600'000; bitrate *= 1.1) {
    const double ie = ImpairmentOf(Codec::kOpus, -1, bitrate).equipment_impairment;
    EXPECT_LE(ie, last) << bitrate;
    EXPECT_GE(ie, 0) << bitrate;
    last = ie;
  }
  EXPECT_EQ(last, 0);
}

}  // namespace
}  // namespace byon::quality
