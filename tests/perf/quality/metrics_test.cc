#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "perf/quality/log_spectral_distance.h"
#include "perf/quality/spectrum.h"
#include "perf/quality/statistics.h"
#include "perf/quality/stoi.h"
#include "perf/quality/wav_file.h"
#include "tests/perf/quality/test_speech.h"

namespace byon::quality {
namespace {

constexpr int kRateHz = 10'000;
constexpr size_t kSamples = 30'000;

double Rms(const std::vector<double>& samples) {
  double sum = 0;
  for (const double sample : samples) sum += sample * sample;
  return std::sqrt(sum / static_cast<double>(samples.size()));
}

// The vector's signal with white noise at a ratio to its level.
Signal WithNoise(double snr_db) {
  auto samples = Syllables(kSamples);
  const double level = Rms(samples) * std::sqrt(3.0) * std::pow(10, -snr_db / 20);
  const auto noise = Noise(kSamples, 77);
  for (size_t i = 0; i < kSamples; ++i) samples[i] += level * noise[i];
  return ToSignal(samples, kRateHz);
}

TEST(StoiTest, EqualSignalsGiveOne) {
  const Signal clean = ToSignal(Syllables(kSamples), kRateHz);
  EXPECT_NEAR(Stoi(clean, clean), 1, 1e-6);
  Signal louder = clean;
  for (float& sample : louder.samples) sample *= 3;
  EXPECT_NEAR(Stoi(clean, louder), 1, 1e-6);  // level does not matter
}

// Computed by a second implementation, in Python with NumPy, from the paper.
TEST(StoiTest, AgreesWithAnIndependentImplementation) {
  const Signal clean = ToSignal(Syllables(kSamples), kRateHz);
  const std::pair<double, double> vectors[] = {{20, 0.93152}, {10, 0.83500}, {5, 0.79008},
                                               {0, 0.73577},  {-5, 0.66141}, {-10, 0.56758}};
  for (const auto& [snr_db, expected] : vectors) {
    EXPECT_NEAR(Stoi(clean, WithNoise(snr_db)), expected, 2e-4) << snr_db;
  }
  Signal clipped = clean;
  for (float& sample : clipped.samples) sample = std::clamp(sample, -1500.0f, 1500.0f);
  EXPECT_NEAR(Stoi(clean, clipped), 0.84412, 2e-4);
  Signal with_gaps = clean;
  for (const ptrdiff_t gap : {5000, 12'000}) {
    std::fill_n(with_gaps.samples.begin() + gap, 600, 0.0f);
  }
  EXPECT_NEAR(Stoi(clean, with_gaps), 0.89433, 2e-4);
}

TEST(StoiTest, TooLittleSpeechGivesZero) {
  const Signal clean = ToSignal(Syllables(3000), kRateHz);
  EXPECT_EQ(Stoi(clean, clean), 0);
  EXPECT_EQ(Stoi({kRateHz, {}}, {kRateHz, {}}), 0);
}

TEST(LogSpectralDistanceTest, IsZeroForEqualSignalsAndKnownForAGain) {
  const Recording recording = TestRecording("speech", 2);
  const Signal clean = Resample(recording.audio, 16'000);
  EXPECT_EQ(LogSpectralDistance(clean, clean), 0);
  // Twice as loud is 6.02 dB everywhere, less where the floor takes part.
  Signal louder = clean;
  for (float& sample : louder.samples) sample *= 2;
  EXPECT_NEAR(LogSpectralDistance(clean, louder), 6.0, 1.5);
  EXPECT_LT(LogSpectralDistance(clean, louder), 6.03);
}

TEST(LogSpectralDistanceTest, GrowsWithNoise) {
  const Signal clean = ToSignal(Syllables(kSamples), kRateHz);
  const Signal at_8k = Resample(clean, 8000);
  double last = 0;
  for (const double snr_db : {40.0, 20.0, 10.0, 0.0}) {
    const double distance = LogSpectralDistance(at_8k, Resample(WithNoise(snr_db), 8000));
    EXPECT_GT(distance, last) << snr_db;
    last = distance;
  }
}

TEST(ResampleTest, KeepsATonesLevelAndPlace) {
  for (const auto& [from_hz, to_hz] : {std::pair(48'000, 16'000), {16'000, 10'000}, {8000, 10'000}, {16'000, 48'000}}) {
    Signal tone{from_hz, std::vector<float>(static_cast<size_t>(from_hz))};
    const auto at = [](double n, int rate_hz) { return 1000 * std::sin(2 * std::numbers::pi * 440 * n / rate_hz); };
    for (size_t i = 0; i < tone.samples.size(); ++i) {
      tone.samples[i] = static_cast<float>(at(static_cast<double>(i), from_hz));
    }
    const Signal out = Resample(tone, to_hz);
    ASSERT_EQ(out.samples.size(), static_cast<size_t>(to_hz));
    for (size_t i = 1000; i < out.samples.size() - 1000; i += 37) {
      EXPECT_NEAR(out.samples[i], at(static_cast<double>(i), to_hz), 2) << from_hz << ' ' << to_hz;
    }
  }
}

TEST(ResampleTest, RemovesWhatTheLowerRateCannotCarry) {
  Signal tone{48'000, std::vector<float>(48'000)};
  for (size_t i = 0; i < tone.samples.size(); ++i) {
    tone.samples[i] =
        static_cast<float>(10'000 * std::sin(2 * std::numbers::pi * 9500 * static_cast<double>(i) / 48'000));
  }
  const Signal out = Resample(tone, 16'000);
  for (size_t i = 1000; i < 15'000; ++i) EXPECT_LT(std::abs(out.samples[i]), 10);
}

TEST(WavFileTest, HoldsTheSamplesBehindItsHeader) {
  const auto path = std::filesystem::path(testing::TempDir()) / "quality_test.wav";
  ASSERT_TRUE(WriteWav(path, {16'000, {0, 1, -1, 40'000, -40'000}}));
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(path);
  ASSERT_EQ(bytes.size(), 44u + 10u);
  EXPECT_EQ(bytes.substr(0, 4) + bytes.substr(8, 8), "RIFFWAVEfmt ");
  EXPECT_EQ(bytes.substr(24, 4), std::string("\x80\x3e\0\0", 4));  // 16,000 Hz
  EXPECT_EQ(bytes.substr(44), std::string("\0\0\x01\0\xff\xff\xff\x7f\0\x80", 10));
  EXPECT_FALSE(WriteWav(path / "no_folder" / "x.wav", {16'000, {}}));
}

TEST(SpectrumTest, InverseUndoesForward) {
  const Spectrum spectrum(64);
  std::vector<float> samples(64);
  const auto noise = Noise(64, 5);
  std::copy(noise.begin(), noise.end(), samples.begin());
  const auto back = spectrum.Inverse(spectrum.Forward(samples));
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(back[i], samples[i], 1e-5);
}

TEST(StatisticsTest, ConfidenceIsStudents) {
  const Estimate estimate = MeanOf({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(estimate.mean, 2.5);
  EXPECT_NEAR(estimate.half_width, 3.182 * 1.290994 / 2, 1e-3);
  EXPECT_EQ(MeanOf({7}).half_width, 0);
  // What both share does not widen the interval.
  EXPECT_NEAR(PairedDifference({10, 20, 30}, {9, 19, 29}).half_width, 0, 1e-12);
  EXPECT_NEAR(PairedDifference({10, 20, 30}, {9, 19, 29}).mean, 1, 1e-12);
  // Beyond the table: 2.042 at 30 degrees of freedom.
  std::vector<double> many(31, 0.0);
  many[0] = 1;
  const double deviation = std::sqrt((1 - 1.0 / 31) / 30);
  EXPECT_NEAR(MeanOf(many).half_width, 2.042 * deviation / std::sqrt(31.0), 1e-4);
}

TEST(StatisticsTest, PercentileIsTheNearestRank) {
  EXPECT_EQ(Percentile({5, 1, 4, 2, 3}, 0.5), 3);
  EXPECT_EQ(Percentile({5, 1, 4, 2, 3}, 0.95), 5);
  EXPECT_EQ(Percentile({}, 0.95), 0);
}

}  // namespace
}  // namespace byon::quality
