#pragma once

#include <array>
#include <memory>

#include "dataplane/codec/audio_encoder.h"

struct OpusEncoder;

namespace byon::codec {

// Mono samples at 8, 16 or 48 kHz to Opus packets of 20, 40 or 60 ms.
class OpusAudioEncoder final : public AudioEncoder {
 public:
  OpusAudioEncoder(const CodecFormat& format, int sample_rate_hz);

  int sample_rate_hz() const override { return sample_rate_hz_; }
  EncodedPayload Encode(const AudioFrame& frame, base::MutableByteSpan out) override;
  void DropPending() override { pending_samples_ = 0; }
  void SetExpectedLoss(double fraction) override;

 private:
  struct Deleter {
    void operator()(::OpusEncoder* encoder) const;
  };
  int sample_rate_hz_;
  size_t samples_per_packet_;
  std::unique_ptr<::OpusEncoder, Deleter> encoder_;
  size_t pending_samples_ = 0;
  bool has_sent_dtx_ = false;  // silence was announced; the next silent packets are not sent
  std::array<int16_t, 3 * kMaxFrameSamples> pending_{};
};

}  // namespace byon::codec
