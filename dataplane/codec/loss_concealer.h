#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/codec/speech_extrapolator.h"

namespace byon::codec {

// Packet loss concealment on decoded samples, for codecs without a good one of their own: speech goes on from
// before the loss and fades out; where what comes behind the loss is known, it is led over to that.
class LossConcealer {
 public:
  explicit LossConcealer(int sample_rate_hz);  // 8000 or 16000

  // Takes good samples just before they are played, and blends their start when a loss came before that
  // Conceal() filled.
  void Accept(std::span<int16_t> good);
  void Conceal(std::span<int16_t> out);
  // The same when `next`, 20 ms or more, comes right behind `out` and is accepted then: the last 20 ms of
  // `out` lead over to it.
  void Bridge(std::span<const int16_t> next, std::span<int16_t> out);
  void Reset();
  bool is_concealing() const { return is_concealing_; }

 private:
  static constexpr size_t kMaxHistory = 880;  // 55 ms at 16 kHz
  static constexpr size_t kMaxFrame = 320;    // 20 ms at 16 kHz

  void Start();
  float NextSample();
  void Remember(std::span<const int16_t> samples);
  std::span<const int16_t> history() const { return std::span(history_).first(history_samples_); }

  size_t history_samples_;
  size_t samples_per_ms_;
  std::array<int16_t, kMaxHistory> history_{};
  bool is_concealing_ = false;
  SpeechExtrapolator forward_;
  size_t concealed_samples_ = 0;
};

}  // namespace byon::codec
