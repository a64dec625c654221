#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/codec/speech_extrapolator.h"

namespace byon::codec {

// Fills a gap of up to 20 ms whose both ends are known: what goes on from before it fades into what comes out at
// its end, taken backwards from there. Pitch rarely stays the same over a gap, so the former is first stretched
// or squeezed until it meets the latter in phase.
class SpeechBridge {
 public:
  explicit SpeechBridge(int sample_rate_hz)  // 8000 or 16000
      : sample_rate_hz_(sample_rate_hz), samples_per_ms_(static_cast<size_t>(sample_rate_hz) / 1000) {}

  static constexpr size_t kMaxForward = 31 * 16;
  // So many samples of what goes on are needed for a gap of `gap_samples`.
  size_t ForwardSamples(size_t gap_samples) const { return gap_samples + (kMaxShiftMs + kMatchMs) * samples_per_ms_; }
  // `last`: the sample before the gap; `forward` and its `pitch`: what goes on from there; `next`: 20 ms or more
  // from behind the gap. Fills `out`.
  void Build(float last, std::span<const float> forward, const SpeechExtrapolator::Pitch& pitch,
             std::span<const int16_t> next, std::span<float> out) const;

 private:
  static constexpr size_t kMaxShiftMs = 3;
  static constexpr size_t kMatchMs = 8;

  int FindShift(std::span<const float> forward, const SpeechExtrapolator::Pitch& pitch, std::span<const int16_t> next,
                size_t gap_samples) const;

  int sample_rate_hz_;
  size_t samples_per_ms_;
};

}  // namespace byon::codec
