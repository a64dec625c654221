#include "dataplane/codec/speech_bridge.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace byon::codec {
namespace {

constexpr size_t kMaxGap = 320;        // 20 ms at 16 kHz
constexpr float kLeastVoicing = 0.3f;  // with less there is no phase to be met
constexpr float kLeastLikeness = 0.5f;

// Between the samples, by the cubic through the four around it (Catmull and Rom).
float At(float last, std::span<const float> samples, float position) {
  const auto whole = static_cast<ptrdiff_t>(position);
  const float t = position - static_cast<float>(whole);
  const auto sample = [&](ptrdiff_t i) {
    if (i < 0) return last;
    return samples[static_cast<size_t>(std::min(i, static_cast<ptrdiff_t>(samples.size()) - 1))];
  };
  const float a = sample(whole - 1), b = sample(whole), c = sample(whole + 1), d = sample(whole + 2);
  return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

struct Products {
  float forward = 0;  // energies
  float backward = 0;
  float cross = 0;
};

}  // namespace

// By how much later (samples) than the end of the gap `forward` is most like `next`.
int SpeechBridge::FindShift(std::span<const float> forward, const SpeechExtrapolator::Pitch& pitch,
                            std::span<const int16_t> next, size_t gap_samples) const {
  if (pitch.voicing < kLeastVoicing) return 0;
  const size_t window = std::min(kMatchMs * samples_per_ms_, next.size());
  // Beyond half a period another one is nearer; no voice changes its pitch faster than by a sixth in 20 ms.
  const auto most = static_cast<int>(std::min({kMaxShiftMs * samples_per_ms_, pitch.lag / 2, gap_samples / 6}));
  float best = kLeastLikeness;
  int shift = 0;
  for (int candidate = -most; candidate <= most; ++candidate) {
    const float* from = forward.data() + static_cast<ptrdiff_t>(gap_samples) + candidate;
    float cross = 0, ours = 1, theirs = 1;
    for (size_t i = 0; i < window; ++i) {
      const auto sample = static_cast<float>(next[i]);
      cross += from[i] * sample;
      ours += from[i] * from[i];
      theirs += sample * sample;
    }
    const float likeness = cross / std::sqrt(ours * theirs);
    if (likeness > best) best = likeness, shift = candidate;
  }
  return shift;
}

void SpeechBridge::Build(float last, std::span<const float> forward, const SpeechExtrapolator::Pitch& pitch,
                         std::span<const int16_t> next, std::span<float> out) const {
  const size_t gap = out.size();
  const int shift = FindShift(forward, pitch, next, gap);
  const float speed = 1 + static_cast<float>(shift) / static_cast<float>(gap);

  std::array<int16_t, kMaxGap> reversed;
  const auto past = std::span(reversed).first(20 * samples_per_ms_);
  std::reverse_copy(next.begin(), next.begin() + static_cast<ptrdiff_t>(past.size()), past.begin());
  SpeechExtrapolator backwards(sample_rate_hz_, 0x6b636162);
  backwards.Start(past, pitch);

  std::array<float, kMaxGap> there, back;
  Products sum{1, 1, 0};
  for (size_t i = gap; i-- > 0;) back[i] = backwards.Next();
  for (size_t i = 0; i < gap; ++i) {
    there[i] = At(last, forward, static_cast<float>(i) * speed);
    sum.forward += there[i] * there[i];
    sum.backward += back[i] * back[i];
    sum.cross += there[i] * back[i];
  }
  // As far as the two are not alike, their sum would be weaker than either.
  const float level_there = std::sqrt(sum.forward), level_back = std::sqrt(sum.backward);
  const float likeness = std::max(0.0f, sum.cross / (level_there * level_back));
  for (size_t i = 0; i < gap; ++i) {
    const float b = (static_cast<float>(i) + 0.5f) / static_cast<float>(gap);
    const float a = 1 - b;
    const float x = a * level_there, y = b * level_back;
    const float gain = (x + y) / std::sqrt(x * x + y * y + 2 * x * y * likeness);
    out[i] = gain * (a * there[i] + b * back[i]);
  }
}

}  // namespace byon::codec
