#pragma once

#include <memory>
#include <vector>

#include "dataplane/codec/audio_encoder.h"

struct OpusEncoder;

namespace byon::codec {

// Mono samples at 8, 16 or 48 kHz to Opus packets of 20, 40 or 60 ms. Adaptive coding takes CELT where
// it has the bandwidth and the bit rate to be as good as SILK, and SILK, which can repeat what was lost
// (in-band FEC), from the first report of loss until none has been lost for a while; libopus leads over.
class OpusAudioEncoder final : public AudioEncoder {
 public:
  OpusAudioEncoder(const CodecFormat& format, int sample_rate_hz);

  int sample_rate_hz() const override { return sample_rate_hz_; }
  EncodedPayload Encode(const AudioFrame& frame, base::MutableByteSpan out) override;
  void DropPending() override { pending_samples_ = 0; }
  void SetExpectedLoss(double fraction) override;

 private:
  void UseTransform(bool is_transform);

  struct Deleter {
    void operator()(::OpusEncoder* encoder) const;
  };
  int sample_rate_hz_;
  size_t samples_per_packet_;
  std::unique_ptr<::OpusEncoder, Deleter> encoder_;
  size_t pending_samples_ = 0;
  int speech_bitrate_bps_;
  int transform_bitrate_bps_;
  bool is_told_of_more_ = false;  // loss, or it would not repeat
  bool may_transform_ = false;    // CELT, when the network allows
  bool is_transform_ = false;
  int told_loss_percent_ = 0;     // libopus starts with none
  int samples_since_loss_ = 0;    // while SILK stands in for CELT
  bool has_sent_dtx_ = false;     // silence was announced; the next silent packets are not sent
  std::vector<int16_t> pending_;  // a packet of several frames; else none
};

}  // namespace byon::codec
