#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/codec/codec_format.h"

namespace byon::load {

// Something like a person speaking, in a loop: syllables of voiced sound with hard beginnings,
// pauses of half a second and more with faint noise. Mono, 16-bit.
std::vector<int16_t> MakeSpeech(int sample_rate_hz, double seconds, uint64_t seed);

// A loop of speech as payloads of 20 ms, encoded once for all calls.
class EncodedSpeech {
 public:
  struct Frame {
    size_t offset = 0;
    size_t bytes = 0;  // 0: nothing is sent (DTX)
    bool marker = false;
    // Speech begins in this frame, so many microseconds after its start when decoded as it is.
    std::optional<int64_t> onset_us;
  };

  EncodedSpeech(const codec::CodecFormat& format, double seconds, uint64_t seed);

  size_t frame_count() const { return frames_.size(); }
  const Frame& frame(size_t index) const { return frames_[index]; }
  base::ByteSpan payload(const Frame& frame) const {
    return base::ByteSpan(payloads_).subspan(frame.offset, frame.bytes);
  }

 private:
  std::vector<std::byte> payloads_;
  std::vector<Frame> frames_;
};

}  // namespace byon::load
