#include "dataplane/codec/resampler.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "tests/dataplane/support/audio_signal.h"

namespace byon::codec {
namespace {

std::vector<int16_t> Resample(int from_hz, int to_hz, double tone_hz, double amplitude) {
  Resampler resampler(from_hz, to_hz);
  test::SineSource sine(from_hz, tone_hz, amplitude);
  std::vector<int16_t> in(static_cast<size_t>(from_hz / 50));
  std::vector<int16_t> out(static_cast<size_t>(to_hz / 50));
  std::vector<int16_t> all;
  for (int i = 0; i < 50; ++i) {
    sine.Fill(in);
    EXPECT_EQ(resampler.Process(in, out), out.size());
    if (i >= 10) all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

class ResamplerTest : public ::testing::TestWithParam<std::tuple<int, int>> {};
INSTANTIATE_TEST_SUITE_P(Rates, ResamplerTest,
                         ::testing::Combine(::testing::Values(8000, 16'000, 48'000),
                                            ::testing::Values(8000, 16'000, 48'000)));

TEST_P(ResamplerTest, PassBandIsFlatAndClean) {
  const auto [from_hz, to_hz] = GetParam();
  const double edge = 0.425 * std::min(from_hz, to_hz);  // 3.4 of 8 kHz
  for (const double share : {0.05, 0.2, 0.5, 0.8, 1.0}) {
    const auto out = Resample(from_hz, to_hz, share * edge, 10'000);
    const auto fit = test::FitTone(out, to_hz, share * edge);
    EXPECT_NEAR(test::Decibels(fit.amplitude / 10'000), 0, 0.1) << share * edge;
    EXPECT_GT(fit.snr_db, 65) << share * edge;
  }
}

class DownsamplerTest : public ::testing::TestWithParam<std::tuple<int, int>> {};
INSTANTIATE_TEST_SUITE_P(Rates, DownsamplerTest,
                         ::testing::Values(std::tuple(16'000, 8000), std::tuple(48'000, 8000),
                                           std::tuple(48'000, 16'000)));

TEST_P(DownsamplerTest, WhatWouldFoldIsGone) {
  const auto [from_hz, to_hz] = GetParam();
  // From where a fold would land in the flat pass band.
  for (double tone_hz = 0.575 * to_hz; tone_hz < 0.5 * from_hz; tone_hz += 0.1 * to_hz) {
    const auto out = Resample(from_hz, to_hz, tone_hz, 20'000);
    double power = 0;
    for (int16_t sample : out) power += double{1} * sample * sample;
    const double rms = std::sqrt(power / static_cast<double>(out.size()));
    EXPECT_LT(test::Decibels(rms / (20'000 / std::sqrt(2))), -65) << tone_hz;
  }
}

TEST(ResamplerTest, FullScaleDoesNotWrap) {
  Resampler resampler(8000, 48'000);
  std::vector<int16_t> in(160);
  for (size_t i = 0; i < in.size(); ++i) in[i] = i / 10 % 2 == 0 ? 32767 : -32768;
  std::vector<int16_t> out(960);
  resampler.Process(in, out);
  for (size_t i = 1; i < out.size(); ++i) EXPECT_LT(std::abs(out[i] - out[i - 1]), 40'000);
}

}  // namespace
}  // namespace byon::codec
