#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace byon::codec {

inline constexpr int kFrameMs = 20;
inline constexpr size_t kMaxFrameSamples = 960;  // 20 ms at 48 kHz
// The longest packet of any codec: 120 ms of Opus (RFC 6716 section 2.1.4), 240 ms of the others.
inline constexpr int kMaxOpusPacketMs = 120;
inline constexpr int kMaxPacketMs = 240;

constexpr size_t SamplesPerFrame(int sample_rate_hz) { return static_cast<size_t>(sample_rate_hz) * kFrameMs / 1000; }

// 20 ms of mono audio at 8, 16 or 48 kHz, 16-bit linear.
struct AudioFrame {
  int sample_rate_hz = 16'000;
  size_t samples_per_channel = 320;
  std::array<int16_t, kMaxFrameSamples> samples;  // only the first samples_per_channel have meaning

  static AudioFrame Silence(int sample_rate_hz) {
    AudioFrame frame;
    frame.SetRate(sample_rate_hz);
    for (int16_t& sample : frame.view()) sample = 0;
    return frame;
  }
  void SetRate(int rate_hz) {
    sample_rate_hz = rate_hz;
    samples_per_channel = SamplesPerFrame(rate_hz);
  }
  std::span<int16_t> view() { return {samples.data(), samples_per_channel}; }
  std::span<const int16_t> view() const { return {samples.data(), samples_per_channel}; }
};

}  // namespace byon::codec
