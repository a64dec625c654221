#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "tools/simphone/session_description.h"

namespace byon::simphone {

// One speech codec with its RTP payload format, both ways, on 20 ms frames.
class PhoneCodec {
 public:
  // nullptr when the codec or its parameters are not known.
  static std::unique_ptr<PhoneCodec> Make(const AudioFormat& format);

  uint32_t sample_rate_hz() const { return static_cast<uint32_t>(encoder_->sample_rate_hz()); }
  size_t samples_per_frame() const { return sample_rate_hz() / 50; }
  // Encodes one frame of samples_per_frame() samples. Empty: nothing to send (DTX).
  std::vector<std::byte> Encode(std::span<const int16_t> samples);
  // Decodes a payload of one or more frames. Empty: not decodable.
  std::vector<int16_t> Decode(base::ByteSpan payload);
  // The codec mode request the last payload carried; -1: none (RFC 4867 section 4.3.1).
  int last_mode_request() const { return last_mode_request_; }

 private:
  PhoneCodec() = default;
  uint32_t clock_rate_hz_ = 8000;
  std::unique_ptr<codec::AudioEncoder> encoder_;
  std::unique_ptr<codec::AudioDecoder> decoder_;
  int last_mode_request_ = -1;
};

}  // namespace byon::simphone
