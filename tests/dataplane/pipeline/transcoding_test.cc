#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::test {
namespace {

using codec::Codec;
using pipeline::StreamFormat;

struct Chain {
  std::string name;
  StreamFormat receive;
  StreamFormat send;
  double highest_hz;  // of the narrower side
};

std::vector<Chain> Chains() {
  const StreamFormat opus = OpusFormat();
  const StreamFormat amr_wb = AmrWbFormat();
  const StreamFormat amr = AmrFormat();
  const StreamFormat pcmu = G711Format(Codec::kPcmu);
  const StreamFormat pcma = G711Format(Codec::kPcma);
  StreamFormat amr_wb_aligned = amr_wb;
  amr_wb_aligned.codec.amr.octet_align = true;
  StreamFormat amr_40 = amr;
  amr_40.codec.ptime_ms = 40;
  StreamFormat opus_60 = opus;
  opus_60.codec.ptime_ms = 60;
  StreamFormat amr_wb_240 = amr_wb;
  amr_wb_240.codec.ptime_ms = 240;
  StreamFormat pcmu_100 = pcmu;
  pcmu_100.codec.ptime_ms = 100;
  return {
      {"OpusToAmrWb", opus, amr_wb, 1760},
      {"AmrWbToOpus", amr_wb, opus, 1760},
      {"OpusToAmrWbAligned", opus, amr_wb_aligned, 1760},
      {"AmrWbAlignedToOpus60", amr_wb_aligned, opus_60, 1760},
      {"OpusToAmr", opus, amr, 1760},
      {"AmrToOpus", amr, opus, 1760},
      {"Opus60ToAmr40", opus_60, amr_40, 1760},
      {"Amr40ToOpus", amr_40, opus, 1760},
      {"PcmuToAmrWb", pcmu, amr_wb, 1760},
      {"AmrWbToPcma", amr_wb, pcma, 1760},
      {"OpusToPcma", opus, pcma, 1760},
      {"PcmaToOpus", pcma, opus, 1760},
      {"PcmuToPcma", pcmu, pcma, 1760},
      {"OpusToOpus", opus, opus, 1760},
      {"AmrToPcmu", amr, pcmu, 1760},
      {"AmrWbToAmr", amr_wb, amr, 1760},
      {"AmrWb240ToOpus", amr_wb_240, opus, 1760},
      {"Pcmu100ToAmrWb", pcmu_100, amr_wb, 1760},
  };
}

class TranscodingTest : public ::testing::TestWithParam<Chain> {};

TEST_P(TranscodingTest, KeepsTonesInPitchAndLevel) {
  const Chain& chain = GetParam();
  PipelineHarness call(chain.receive, chain.send);
  for (const double hz : {440.0, 880.0, 1320.0, 1760.0}) {
    SineSource sine(call.sender.sample_rate_hz(), hz, 8000);
    call.Run(TimeDelta::Milliseconds(600), [&](auto samples) { sine.Fill(samples); });
    call.Run(TimeDelta::Milliseconds(600), [&](auto samples) { sine.Fill(samples); });
    const std::vector<int16_t> all = call.Decoded();
    const auto last = std::span(all).last(static_cast<size_t>(call.decoded_rate_hz()) / 2);
    const ToneFit fit = FitTone(last, call.decoded_rate_hz(), hz);
    EXPECT_NEAR(Decibels(fit.amplitude / 8000), 0, 1.0) << hz << " Hz";
    EXPECT_GT(fit.snr_db, 20) << hz << " Hz";
  }
  EXPECT_EQ(call.pipeline.stats().concealed_frames, 0u);
  EXPECT_EQ(call.pipeline.stats().late_packets, 0u);
}

INSTANTIATE_TEST_SUITE_P(AllChains, TranscodingTest, ::testing::ValuesIn(Chains()),
                         [](const auto& chain) { return chain.param.name; });

}  // namespace
}  // namespace byon::test
