#include "dataplane/pipeline/hold_audio.h"

#include <algorithm>
#include <cmath>

namespace byon::pipeline {
namespace {

// A pause between words is none of the line: 200 ms.
constexpr uint32_t kSilentTicks = 10;
// About -62 dBm0, the noise of a quiet room at the far end (RFC 3389 speaks of -dBov levels alike).
constexpr float kNoiseAmplitude = 40;
constexpr float kNoiseSmoothing = 0.35F;  // softer than white noise, which hisses

}  // namespace

void HoldAudioSource::Set(const HoldAudio& audio) {
  const bool is_same_clip =
      audio.kind == HoldAudio::Kind::kAnnouncement && audio_.kind == audio.kind && audio_.clip == audio.clip;
  audio_ = audio;
  if (is_same_clip) return;
  player_.Start(audio.kind == HoldAudio::Kind::kAnnouncement ? audio.clip : nullptr, true);
}

bool HoldAudioSource::IsWanted(bool has_audio) {
  silent_ticks_ = has_audio ? 0 : std::min(silent_ticks_ + 1, kSilentTicks);
  if (audio_.kind == HoldAudio::Kind::kNone) return false;
  return !audio_.only_when_silent || silent_ticks_ >= kSilentTicks;
}

void HoldAudioSource::Fill(codec::AudioFrame& frame) {
  switch (audio_.kind) {
    case HoldAudio::Kind::kComfortNoise: return FillNoise(frame);
    case HoldAudio::Kind::kAnnouncement: (void)player_.Fill(frame); return;
    case HoldAudio::Kind::kNone:
    case HoldAudio::Kind::kSilence: std::ranges::fill(frame.view(), int16_t{0}); return;
  }
}

void HoldAudioSource::FillNoise(codec::AudioFrame& frame) {
  for (int16_t& sample : frame.view()) {
    const auto white = static_cast<float>(random_.NextUnit() * 2 - 1) * kNoiseAmplitude;
    noise_ += (white - noise_) * kNoiseSmoothing;
    sample = static_cast<int16_t>(std::lrint(noise_));
  }
}

}  // namespace byon::pipeline
