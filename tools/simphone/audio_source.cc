#include "tools/simphone/audio_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace byon::simphone {

MonoAudio MakeSteppedTones(uint32_t sample_rate_hz) {
  constexpr std::array<double, 4> kTonesHz = {440, 880, 1320, 1760};
  MonoAudio audio;
  audio.sample_rate_hz = sample_rate_hz;
  for (const double tone_hz : kTonesHz) {
    // Half a second holds a whole number of periods of each tone: no click between them.
    for (uint32_t n = 0; n < sample_rate_hz / 2; ++n) {
      const double phase = 2 * std::numbers::pi * tone_hz * n / sample_rate_hz;
      audio.samples.push_back(static_cast<int16_t>(std::lround(12000 * std::sin(phase))));
    }
  }
  return audio;
}

void AudioSource::Play(const std::string& what) {
  MonoAudio original;
  if (!what.empty() && what != "tones") original = ReadWav(what);
  what_ = what;
  original_ = std::move(original);
  position_ = 0;
  Convert();
}

void AudioSource::SetSampleRate(uint32_t sample_rate_hz) {
  if (sample_rate_hz == sample_rate_hz_ && !converted_.samples.empty()) return;
  position_ = position_ * sample_rate_hz / sample_rate_hz_;
  sample_rate_hz_ = sample_rate_hz;
  Convert();
}

void AudioSource::Convert() {
  if (what_.empty()) {
    converted_ = {sample_rate_hz_, {}};
  } else if (what_ == "tones") {
    converted_ = MakeSteppedTones(sample_rate_hz_);
  } else {
    converted_ = ResampleWhole(original_, sample_rate_hz_);
  }
}

void AudioSource::Skip(size_t count) { position_ += count; }

void AudioSource::Read(std::span<int16_t> samples) {
  const std::vector<int16_t>& loop = converted_.samples;
  for (int16_t& sample : samples) {
    sample = loop.empty() ? int16_t{0} : loop[position_ % loop.size()];
    ++position_;
  }
}

}  // namespace byon::simphone
