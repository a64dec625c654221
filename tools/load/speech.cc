#include "tools/load/speech.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "dataplane/base/random.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "tools/load/onset_detector.h"

namespace byon::load {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

// One resonance of the vocal tract.
class Resonance {
 public:
  Resonance(double frequency_hz, double bandwidth_hz, int sample_rate_hz)
      : radius_(std::exp(-std::numbers::pi * bandwidth_hz / sample_rate_hz)),
        twice_cosine_(2 * radius_ * std::cos(kTwoPi * frequency_hz / sample_rate_hz)) {}
  double Next(double input) {
    const double out = input * (1 - radius_) + twice_cosine_ * last_ - radius_ * radius_ * before_;
    before_ = last_;
    last_ = out;
    return out;
  }

 private:
  double radius_, twice_cosine_;
  double last_ = 0, before_ = 0;
};

// Appends `count` samples of voiced sound at about -20 dB under full scale.
void AppendUtterance(std::vector<int16_t>& samples, size_t count, int sample_rate_hz, base::Random& random) {
  Resonance first(400 + 400 * random.NextUnit(), 80, sample_rate_hz);
  Resonance second(1100 + 900 * random.NextUnit(), 120, sample_rate_hz);
  const double pitch_hz = 95 + 120 * random.NextUnit();
  const double syllables_hz = 3 + 2 * random.NextUnit();
  double phase = 1;
  std::vector<double> voice(count);
  double power = 0;
  for (size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / sample_rate_hz;
    phase += pitch_hz * (1 + 0.1 * std::sin(kTwoPi * 0.8 * t)) / sample_rate_hz;
    const double pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const double excitation = pulse * std::sqrt(sample_rate_hz) + 0.02 * (random.NextUnit() - 0.5);
    const double loudness = 0.6 + 0.4 * std::cos(kTwoPi * syllables_hz * t);  // never silent inside
    voice[i] = loudness * (first.Next(excitation) + 0.7 * second.Next(excitation));
    power += voice[i] * voice[i];
  }
  const double gain = 3300 / std::sqrt(power / static_cast<double>(std::max<size_t>(count, 1)) + 1e-12);
  for (const double value : voice) {
    samples.push_back(static_cast<int16_t>(std::clamp(value * gain, -30'000.0, 30'000.0)));
  }
}

void AppendPause(std::vector<int16_t>& samples, size_t count, base::Random& random) {
  for (size_t i = 0; i < count; ++i) samples.push_back(static_cast<int16_t>(random.NextBelow(17)) - 8);
}

}  // namespace

std::vector<int16_t> MakeSpeech(int sample_rate_hz, double seconds, uint64_t seed) {
  base::Random random(seed);
  const auto in_samples = [&](double length) {
    // Whole frames: every utterance begins with a frame.
    return static_cast<size_t>(std::lround(length * 50)) * codec::SamplesPerFrame(sample_rate_hz);
  };
  const size_t total = in_samples(seconds);
  std::vector<int16_t> samples;
  while (samples.size() < total) {
    AppendPause(samples, in_samples(0.5 + 0.6 * random.NextUnit()), random);
    AppendUtterance(samples, in_samples(0.6 + 1.0 * random.NextUnit()), sample_rate_hz, random);
  }
  samples.resize(total);
  // The loop closes in a pause, so that the codec's memory is the same on both sides of the seam.
  const size_t end = std::min(total, in_samples(0.3));
  base::Random noise(seed + 1);
  for (size_t i = total - end; i < total; ++i) {
    samples[i] = static_cast<int16_t>(static_cast<int>(noise.NextBelow(17)) - 8);
  }
  return samples;
}

EncodedSpeech::EncodedSpeech(const codec::CodecFormat& format, double seconds, uint64_t seed) {
  const auto clock = static_cast<int>(codec::ClockRateHz(format.codec));
  const auto encoder = codec::MakeAudioEncoder(format, clock);
  const auto decoder = codec::MakeAudioDecoder(format, clock);
  const int rate = encoder->sample_rate_hz();
  const std::vector<int16_t> speech = MakeSpeech(rate, seconds, seed);
  OnsetDetector detector(decoder->sample_rate_hz());
  codec::AudioFrame frame;
  frame.SetRate(rate);
  std::array<std::byte, codec::kMaxEncodedBytes> payload;
  std::array<int16_t, codec::kMaxFrameSamples> decoded;
  for (size_t start = 0; start + frame.samples_per_channel <= speech.size(); start += frame.samples_per_channel) {
    std::copy_n(speech.begin() + static_cast<ptrdiff_t>(start), frame.samples_per_channel, frame.samples.begin());
    const codec::EncodedPayload encoded = encoder->Encode(frame, payload);
    Frame& added = frames_.emplace_back();
    if (encoded.bytes == 0) {
      detector.TakeSilence(20'000);
      continue;
    }
    added.offset = payloads_.size();
    added.bytes = encoded.bytes;
    added.marker = encoded.starts_talkspurt;
    payloads_.insert(payloads_.end(), payload.begin(), payload.begin() + static_cast<ptrdiff_t>(encoded.bytes));
    const size_t count = decoder->Decode(base::ByteSpan(payload).first(encoded.bytes), 0, decoded);
    added.onset_us = detector.Take(std::span(decoded).first(count));
  }
}

}  // namespace byon::load
