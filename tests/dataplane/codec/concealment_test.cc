#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/codec/loss_concealer.h"
#include "dataplane/codec/pitch.h"
#include "dataplane/codec/time_scaler.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::codec {
namespace {

double Rms(std::span<const int16_t> samples) {
  double power = 0;
  for (int16_t sample : samples) power += double{1} * sample * sample;
  return std::sqrt(power / static_cast<double>(samples.size()));
}

TEST(PitchTest, FindsThePeriod) {
  std::vector<int16_t> signal(1000);
  for (size_t i = 0; i < signal.size(); ++i) {
    signal[i] = static_cast<int16_t>(i % 131 < 20 ? 8000 : -1000);
  }
  const PitchMatch match = FindPitch(signal, 320, 40, 250);
  EXPECT_EQ(match.lag, 131u);
  EXPECT_GT(match.correlation, 0.99);
}

TEST(PitchTest, SilenceRepeatsItself) {
  const std::vector<int16_t> silence(600);
  EXPECT_EQ(FindPitch(silence, 160, 40, 200).correlation, 1);
}

class ConcealmentTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Rates, ConcealmentTest, ::testing::Values(8000, 16'000));

TEST_P(ConcealmentTest, AToneGoesOnThroughALostFrame) {
  const int rate = GetParam();
  LossConcealer concealer(rate);
  test::SineSource sine(rate, 210, 8000);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50));
  std::vector<int16_t> all;
  for (int i = 0; i < 20; ++i) {
    sine.Fill(frame);
    i == 12 ? concealer.Conceal(frame) : concealer.Accept(frame);
    if (i >= 11 && i <= 13) all.insert(all.end(), frame.begin(), frame.end());
  }
  const auto fit = test::FitTone(all, rate, 210);
  EXPECT_NEAR(test::Decibels(fit.amplitude / 8000), 0, 1);
  EXPECT_GT(fit.snr_db, 15);
}

TEST_P(ConcealmentTest, NoiseStaysNoiseOfItsLevel) {
  const int rate = GetParam();
  LossConcealer concealer(rate);
  base::Random random(4);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50));
  for (int i = 0; i < 10; ++i) {
    for (int16_t& sample : frame) sample = static_cast<int16_t>(random.NextBelow(4000)) - 2000;
    concealer.Accept(frame);
  }
  const double before = Rms(frame);
  concealer.Conceal(frame);
  EXPECT_NEAR(test::Decibels(Rms(frame) / before), 0, 3);
}

TEST_P(ConcealmentTest, NothingJumpsAtEitherEnd) {
  const int rate = GetParam();
  LossConcealer concealer(rate);
  test::SpeechSource speech(rate);
  base::Random random(8);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50));
  int16_t last = 0;
  int largest_good = 0;
  int largest_seam = 0;
  for (int i = 0; i < 500; ++i) {
    speech.Fill(frame);
    const bool was_concealing = concealer.is_concealing();
    const bool is_lost = random.NextUnit() < 0.1;
    for (size_t k = 1; !is_lost && k < frame.size(); ++k) {
      largest_good = std::max(largest_good, std::abs(frame[k] - frame[k - 1]));
    }
    is_lost ? concealer.Conceal(frame) : concealer.Accept(frame);
    if (i > 10 && (is_lost || was_concealing)) {
      largest_seam = std::max(largest_seam, std::abs(frame[0] - last));
    }
    last = frame.back();
  }
  EXPECT_LT(largest_seam, 1.2 * largest_good);
}

TEST_P(ConcealmentTest, ItEndsInSilence) {
  const int rate = GetParam();
  LossConcealer concealer(rate);
  test::SineSource sine(rate, 300, 20'000);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50));
  for (int i = 0; i < 5; ++i) sine.Fill(frame), concealer.Accept(frame);
  for (int i = 0; i < 10; ++i) concealer.Conceal(frame);
  for (int i = 0; i < 50; ++i) {
    concealer.Conceal(frame);
    EXPECT_THAT(frame, ::testing::Each(0));
  }
}

TEST_P(ConcealmentTest, AnyInputStaysWithinItsPeak) {
  const int rate = GetParam();
  base::Random random(77);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50));
  for (int round = 0; round < 100; ++round) {
    LossConcealer concealer(rate);
    int peak = 0;
    for (int i = 0; i < 3; ++i) {
      // Squares, pulses, noise and extremes.
      const unsigned kind = random.NextBelow(4);
      for (size_t k = 0; k < frame.size(); ++k) {
        frame[k] = kind == 0   ? static_cast<int16_t>(k / 7 % 2 == 0 ? 32767 : -32768)
                   : kind == 1 ? static_cast<int16_t>(k % 90 == 0 ? 32767 : 0)
                   : kind == 2 ? static_cast<int16_t>(random.NextU32())
                               : int16_t{-32768};
        peak = std::max(peak, std::abs(int{frame[k]}));
      }
      concealer.Accept(frame);
    }
    for (int i = 0; i < 4; ++i) {
      concealer.Conceal(frame);
      for (int16_t sample : frame) ASSERT_LE(std::abs(int{sample}), peak);
    }
  }
}

// A tone whose frame 12 of 20 is lost and bridged, from frame 11 to 13.
std::vector<int16_t> BridgedTone(int rate, double drift) {
  LossConcealer concealer(rate);
  std::vector<std::vector<int16_t>> frames(20, std::vector<int16_t>(static_cast<size_t>(rate / 50)));
  double phase = 0, frequency = 170;
  for (auto& frame : frames) {
    for (int16_t& sample : frame) {
      // The fundamental and its octave, gliding.
      sample = static_cast<int16_t>(6000 * std::sin(phase) + 3000 * std::sin(2 * phase));
      phase += 2 * 3.14159265358979 * frequency / rate;
      frequency *= 1 + drift / rate;
    }
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    i == 12 ? concealer.Bridge(frames[13], frames[12]) : concealer.Accept(frames[i]);
  }
  std::vector<int16_t> all;
  for (size_t i = 11; i <= 13; ++i) all.insert(all.end(), frames[i].begin(), frames[i].end());
  return all;
}

TEST_P(ConcealmentTest, ABridgedToneIsNeverWeakNorOutOfStep) {
  const int rate = GetParam();
  for (const double drift : {0.0, -1.5, 1.5}) {  // to 3 % of pitch in 20 ms
    const auto all = BridgedTone(rate, drift);
    const size_t frame = all.size() / 3;
    const double around = Rms(std::span(all).first(frame));
    for (size_t at = frame; at < 2 * frame; at += frame / 4) {
      const double level = Rms(std::span(all).subspan(at, frame / 2));
      EXPECT_NEAR(test::Decibels(level / around), 0, 2) << drift << " " << at;
    }
  }
}

TEST_P(ConcealmentTest, ABridgeMeetsBothEnds) {
  const int rate = GetParam();
  LossConcealer concealer(rate);
  test::SpeechSource speech(rate);
  base::Random random(8);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50)), next = frame;
  int16_t last = 0;
  int largest_good = 0, largest_seam = 0;
  speech.Fill(next);
  for (int i = 0; i < 500; ++i) {
    std::swap(frame, next);
    speech.Fill(next);
    if (i > 10 && i % 10 == 0) {
      concealer.Bridge(next, frame);
      largest_seam = std::max({largest_seam, std::abs(frame[0] - last), std::abs(next[0] - frame.back())});
    } else {
      for (size_t k = 1; k < frame.size(); ++k) {
        largest_good = std::max(largest_good, std::abs(frame[k] - frame[k - 1]));
      }
      concealer.Accept(frame);
    }
    last = frame.back();
  }
  EXPECT_LT(largest_seam, 1.2 * largest_good);
}

// Of speech, what leads over to the next frame is nearer to what was lost than what only goes on.
TEST_P(ConcealmentTest, ABridgeIsNearerThanGoingOn) {
  const int rate = GetParam();
  test::SpeechSource speech(rate);
  std::vector<std::vector<int16_t>> frames(400, std::vector<int16_t>(static_cast<size_t>(rate / 50)));
  for (auto& frame : frames) speech.Fill(frame);
  double errors[2] = {};
  for (const bool is_bridged : {false, true}) {
    LossConcealer concealer(rate);
    for (size_t i = 0; i + 1 < frames.size(); ++i) {
      auto frame = frames[i];
      if (i % 7 != 6) {
        concealer.Accept(frame);
        continue;
      }
      is_bridged ? concealer.Bridge(frames[i + 1], frame) : concealer.Conceal(frame);
      for (size_t k = 0; k < frame.size(); ++k) {
        errors[is_bridged] += std::pow(double{1} * frame[k] - frames[i][k], 2);
      }
    }
  }
  EXPECT_LT(errors[true], 0.8 * errors[false]);
}

TEST_P(ConcealmentTest, ABridgeOverAnythingIsBounded) {
  const int rate = GetParam();
  base::Random random(78);
  std::vector<int16_t> frame(static_cast<size_t>(rate / 50)), next = frame;
  const auto fill = [&](std::span<int16_t> samples, int peak) {
    const unsigned kind = random.NextBelow(4);
    for (size_t k = 0; k < samples.size(); ++k) {
      samples[k] = static_cast<int16_t>(
          kind == 0   ? (k / 7 % 2 == 0 ? peak : -peak)
          : kind == 1 ? (k % 90 == 0 ? peak : 0)
          : kind == 2 ? static_cast<int>(random.NextBelow(2 * static_cast<unsigned>(peak) + 1)) - peak
                      : 0);
    }
  };
  for (int round = 0; round < 200; ++round) {
    LossConcealer concealer(rate);
    const int peak = static_cast<int>(random.NextBelow(20'000));
    for (int i = 0; i < 3; ++i) fill(frame, peak), concealer.Accept(frame);
    for (unsigned lost = random.NextBelow(3); lost > 0; --lost) concealer.Conceal(frame);
    fill(next, peak);
    // Steps of 2.5 ms, to 40.
    std::vector<int16_t> out(static_cast<size_t>(rate / 400) * (1 + random.NextBelow(16)));
    concealer.Bridge(next, out);
    for (int16_t sample : out) ASSERT_LE(std::abs(int{sample}), peak * 1.5 + 1);
    EXPECT_FALSE(concealer.is_concealing());
  }
}

class TimeScalerTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Rates, TimeScalerTest, ::testing::Values(8000, 16'000, 48'000));

TEST_P(TimeScalerTest, CompressingATonePreservesIt) {
  const int rate = GetParam();
  const TimeScaler scaler(rate);
  test::SineSource sine(rate, 200, 8000);
  std::vector<int16_t> samples(static_cast<size_t>(rate * 60 / 1000));
  sine.Fill(samples);
  const size_t removed = scaler.Compress(samples, TimeScaler::Urgency::kUnheard);
  ASSERT_GT(removed, 0u);
  EXPECT_LE(removed, scaler.max_period_samples());
  EXPECT_EQ(removed % static_cast<size_t>(rate / 200), 0u);  // whole periods
  const auto rest = std::span(samples).first(samples.size() - removed);
  EXPECT_GT(test::FitTone(rest, rate, 200).snr_db, 35);
}

TEST_P(TimeScalerTest, NoMoreIsRemovedThanAllowed) {
  const int rate = GetParam();
  const TimeScaler scaler(rate);
  test::SineSource sine(rate, 250, 8000);
  std::vector<int16_t> samples(static_cast<size_t>(rate * 60 / 1000));
  const auto period = static_cast<size_t>(rate / 250);
  for (const size_t most : {size_t{0}, period / 2, period, period + 1, 2 * period}) {
    sine.Fill(samples);
    const size_t removed = scaler.Compress(samples, TimeScaler::Urgency::kUnheard, most);
    EXPECT_LE(removed, most);
    if (most >= period) {
      EXPECT_EQ(removed % period, 0u);
    }
    EXPECT_EQ(removed != 0, most >= period) << most;
  }
}

// Two tones that meet only now and then: between what nobody hears and what must be.
TEST_P(TimeScalerTest, UrgencyIsWhatMayBeHeard) {
  const int rate = GetParam();
  const TimeScaler scaler(rate);
  base::Random random(12);
  int removed_by[3] = {};
  for (int round = 0; round < 100; ++round) {
    std::vector<int16_t> samples(static_cast<size_t>(rate * 40 / 1000));
    const double noise = round * 80.0;
    test::SineSource sine(rate, 200, 4000);
    sine.Fill(samples);
    for (int16_t& sample : samples) {
      sample = static_cast<int16_t>(sample + noise * (random.NextUnit() - 0.5));
    }
    const TimeScaler::Urgency all[] = {TimeScaler::Urgency::kUnheard, TimeScaler::Urgency::kHardlyHeard,
                                       TimeScaler::Urgency::kForced};
    for (size_t i = 0; i < 3; ++i) {
      auto copy = samples;
      if (scaler.Compress(copy, all[i]) != 0) ++removed_by[i];
    }
  }
  EXPECT_GT(removed_by[0], 20);
  EXPECT_GT(removed_by[1], removed_by[0] + 10);
  EXPECT_GE(removed_by[2], removed_by[1]);
}

TEST_P(TimeScalerTest, StretchingATonePreservesIt) {
  const int rate = GetParam();
  const TimeScaler scaler(rate);
  test::SineSource sine(rate, 200, 8000);
  std::vector<int16_t> history(static_cast<size_t>(rate * 20 / 1000));
  sine.Fill(history);
  std::vector<int16_t> buffer(static_cast<size_t>(rate * 60 / 1000));
  const size_t count = buffer.size() / 2;
  sine.Fill(std::span(buffer).first(count));
  const size_t inserted = scaler.Stretch(history, buffer, count, TimeScaler::Urgency::kUnheard);
  ASSERT_GT(inserted, 0u);
  std::vector<int16_t> all = history;
  all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(count + inserted));
  EXPECT_GT(test::FitTone(all, rate, 200).snr_db, 35);
}

TEST_P(TimeScalerTest, WhatDoesNotRepeatIsLeftAloneUnlessForced) {
  const int rate = GetParam();
  const TimeScaler scaler(rate);
  base::Random random(3);
  std::vector<int16_t> noise(static_cast<size_t>(rate * 40 / 1000));
  for (int16_t& sample : noise) sample = static_cast<int16_t>(random.NextBelow(16'000)) - 8000;
  std::vector<int16_t> buffer(noise.size() + scaler.max_period_samples());
  std::copy(noise.begin(), noise.end(), buffer.begin());
  EXPECT_EQ(scaler.Compress(noise, TimeScaler::Urgency::kUnheard), 0u);
  EXPECT_EQ(scaler.Stretch(noise, buffer, noise.size(), TimeScaler::Urgency::kUnheard), 0u);
}

TEST_P(TimeScalerTest, SilenceIsFree) {
  const TimeScaler scaler(GetParam());
  std::vector<int16_t> silence(static_cast<size_t>(GetParam() * 40 / 1000));
  EXPECT_GT(scaler.Compress(silence, TimeScaler::Urgency::kUnheard), 0u);
}

TEST_P(TimeScalerTest, TooFewSamplesAreLeftAlone) {
  const TimeScaler scaler(GetParam());
  std::vector<int16_t> few(static_cast<size_t>(GetParam() * 8 / 1000));
  EXPECT_EQ(scaler.Compress(few, TimeScaler::Urgency::kForced), 0u);
  EXPECT_EQ(scaler.Stretch(few, few, few.size(), TimeScaler::Urgency::kForced), 0u);
}

}  // namespace
}  // namespace byon::codec
