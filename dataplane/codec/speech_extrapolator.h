#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/base/random.h"

namespace byon::codec {

// Goes on with speech where it breaks off: its end is taken apart into a spectral envelope (linear
// prediction) and an excitation, which goes on with its pitch, mixed with noise as far as it was unvoiced. The
// longer it goes on, the more noise.
class SpeechExtrapolator {
 public:
  struct Pitch {
    size_t lag = 0;     // samples
    float voicing = 0;  // 0 noise to 1 pitch
  };

  SpeechExtrapolator(int sample_rate_hz, uint64_t random_seed);  // 8000 or 16000

  // Goes on behind `past`, 20 ms or more of which the last 32 ms count. `expected`: what its pitch is most
  // likely near to; looked for anew when it is not voiced.
  void Start(std::span<const int16_t> past, const Pitch& expected);
  float Next();

  const Pitch& pitch() const { return pitch_; }

 private:
  static constexpr size_t kMaxOrder = 16;
  static constexpr size_t kMaxLag = 320;  // 20 ms at 16 kHz

  void FindEnvelope(std::span<const int16_t> past);
  void FindPitchOf(std::span<const int16_t> past, const Pitch& expected);
  void FindExcitation(std::span<const int16_t> past);

  size_t order_;
  size_t samples_per_ms_;
  std::array<float, kMaxOrder + 1> envelope_{};  // prediction error filter, [0] = 1
  std::array<float, kMaxOrder> synthesis_{};     // last outputs, newest first
  std::array<float, kMaxLag> cycle_{};           // the excitation's last pitch cycle
  Pitch pitch_;
  size_t cycle_position_ = 0;
  float noise_level_ = 0;  // rms of the excitation
  float peak_ = 0;         // of the past: no output is louder
  size_t made_samples_ = 0;
  base::Random random_;
};

}  // namespace byon::codec
