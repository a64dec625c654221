#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/base/random.h"

namespace byon::codec {

// Packet loss concealment on decoded samples, for codecs without a good one of their own: the last
// 30 ms are taken apart into a spectral envelope (linear prediction) and an excitation; the excitation
// goes on with its pitch, mixed with noise as far as it was unvoiced, and fades out.
class LossConcealer {
 public:
  explicit LossConcealer(int sample_rate_hz);  // 8000 or 16000

  // Takes good samples just before they are played, and blends their start when a loss came before.
  void Accept(std::span<int16_t> good);
  void Conceal(std::span<int16_t> out);
  void Reset();
  bool is_concealing() const { return is_concealing_; }

 private:
  static constexpr size_t kMaxOrder = 16;
  static constexpr size_t kMaxHistory = 880;  // 55 ms at 16 kHz
  static constexpr size_t kMaxLag = 320;      // 20 ms at 16 kHz

  void Analyse();
  void FindEnvelope();
  void FindExcitation();
  float NextSample();
  void Remember(std::span<const int16_t> samples);

  size_t history_samples_;
  size_t order_;
  size_t samples_per_ms_;
  std::array<int16_t, kMaxHistory> history_{};
  bool is_concealing_ = false;

  std::array<float, kMaxOrder + 1> envelope_{};  // prediction error filter, [0] = 1
  std::array<float, kMaxOrder> synthesis_{};     // last outputs before the gain, newest first
  std::array<float, kMaxLag> cycle_{};           // the excitation's last pitch cycle
  size_t lag_ = 0;
  size_t cycle_position_ = 0;
  float voicing_ = 0;      // 0 noise to 1 pitch
  float noise_level_ = 0;  // rms of the excitation
  float peak_ = 0;         // of the history: no output is louder
  size_t concealed_samples_ = 0;
  base::Random random_{0x6c6f7373};
};

}  // namespace byon::codec
