#include "dataplane/quality/quality_meter.h"

#include <gtest/gtest.h>

#include "dataplane/quality/e_model.h"

namespace byon::quality {
namespace {

using base::TimeDelta;
using base::Timestamp;

constexpr uint64_t kFrames = 250;  // of 5 s

// A leg whose intervals the test describes.
class Leg {
 public:
  Leg() { meter.Update(totals, state, now); }
  void Interval(uint64_t concealed, uint64_t runs, uint64_t comfort_noise = 0) {
    totals.frames_played += kFrames;
    totals.concealed_frames += concealed;
    totals.concealment_runs += runs;
    totals.comfort_noise_frames += comfort_noise;
    totals.payload_bytes += kFrames * 80;  // 32 kbit/s
    totals.packets.expected += kFrames;
    totals.packets.lost += concealed;
    now += QualityMeter::kInterval;
    meter.Update(totals, state, now);
  }

  QualityMeter meter;
  StreamTotals totals;
  StreamState state;
  Timestamp now = Timestamp::FromMilliseconds(1000);
};

TEST(QualityMeter, SaysNothingBeforeTheFirstIntervalOrWithoutSpeech) {
  Leg leg;
  EXPECT_FALSE(leg.meter.latest() || leg.meter.call());
  EXPECT_EQ(leg.meter.worst_mos(), 0);
  leg.Interval(0, 0, kFrames);  // comfort noise only
  EXPECT_FALSE(leg.meter.latest());
}

TEST(QualityMeter, ACleanCallIsAsGoodAsItsCodec) {
  Leg leg;
  leg.state.codec = codec::Codec::kAmrWb;
  leg.state.amr_mode = 2;
  leg.Interval(0, 0);
  ASSERT_TRUE(leg.meter.latest());
  EXPECT_TRUE(leg.meter.latest()->is_wideband);
  EXPECT_NEAR(leg.meter.latest()->r_factor, 116, 1e-9);
  EXPECT_NEAR(leg.meter.latest()->mos_conversational, 4.3371, 5e-4);
  leg.state.codec = codec::Codec::kPcma;
  leg.Interval(0, 0);
  EXPECT_FALSE(leg.meter.latest()->is_wideband);
  EXPECT_NEAR(leg.meter.latest()->r_factor, 93.2, 0.05);
}

TEST(QualityMeter, LossAndDelayShowInTheIntervalTheyHappen) {
  Leg leg;
  leg.Interval(0, 0);
  const double clean = leg.meter.latest()->mos_conversational;
  leg.Interval(25, 25);
  const double lossy = leg.meter.latest()->mos_conversational;
  EXPECT_NEAR(leg.meter.latest()->concealed_share, 0.1, 1e-9);
  EXPECT_NEAR(leg.meter.latest()->loss_rate, 0.1, 1e-9);
  EXPECT_LT(lossy, clean - 0.3);
  leg.Interval(25, 5);
  EXPECT_LT(leg.meter.latest()->mos_conversational, lossy);  // the same loss in bursts
  leg.Interval(0, 0);
  EXPECT_NEAR(leg.meter.latest()->mos_conversational, clean, 1e-9);
  leg.state.network_delay = TimeDelta::Milliseconds(300);
  leg.Interval(0, 0);
  EXPECT_NEAR(leg.meter.latest()->one_way_delay_ms, 326, 1e-9);
  EXPECT_LT(leg.meter.latest()->mos_conversational, clean - 0.2);
  EXPECT_NEAR(leg.meter.latest()->mos_listening, clean, 1e-9);
}

TEST(QualityMeter, SilenceDoesNotDiluteLoss) {
  Leg leg;
  leg.Interval(20, 20, 150);  // 100 frames of speech
  EXPECT_NEAR(leg.meter.latest()->concealed_share, 0.2, 1e-9);
}

TEST(QualityMeter, TheCallsFiguresAreMeanAndWorst) {
  Leg leg;
  leg.Interval(0, 0);
  leg.Interval(50, 10);
  const double bad = leg.meter.latest()->mos_conversational;
  leg.Interval(0, 0);
  const auto call = leg.meter.call();
  ASSERT_TRUE(call);
  EXPECT_NEAR(call->concealed_share, 0.2 / 3, 1e-9);
  EXPECT_GT(call->mos_conversational, bad);
  EXPECT_LT(call->mos_conversational, leg.meter.latest()->mos_conversational);
  EXPECT_DOUBLE_EQ(leg.meter.worst_mos(), bad);
}

}  // namespace
}  // namespace byon::quality
