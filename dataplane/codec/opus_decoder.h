#pragma once

#include <memory>
#include <optional>

#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/loss_concealer.h"

struct OpusDecoder;

namespace byon::codec {

// Opus packets to mono samples at 8, 16 or 48 kHz: libopus mixes stereo down and decodes only the band
// that the rate holds. In-band FEC and comfort noise are libopus's. So is concealment at 48 kHz, of late packets as of
// lost ones; below, libopus only carries its memory over a loss, and the LossConcealer is heard.
class OpusAudioDecoder final : public AudioDecoder {
 public:
  explicit OpusAudioDecoder(int sample_rate_hz);

  int sample_rate_hz() const override { return sample_rate_hz_; }
  std::optional<PayloadDescription> Describe(base::ByteSpan payload) const override;
  size_t Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) override;
  bool decodes_in_parts() const override { return false; }
  bool DecodeRedundancy(base::ByteSpan next_payload, std::span<int16_t> out) override;
  void ConcealLoss(std::span<int16_t> out) override;
  void ConcealDelay(std::span<int16_t> out) override;
  void AcceptLoss(uint32_t duration, base::ByteSpan next_payload) override;
  void BridgeLoss(base::ByteSpan, std::span<int16_t> out) override { ConcealLoss(out); }
  bool bridges_losses() const override { return false; }
  void GenerateComfortNoise(std::span<int16_t> out) override;
  void Reset() override;

 private:
  struct Deleter {
    void operator()(::OpusDecoder* decoder) const;
  };
  void CarryMemoryOver(std::span<int16_t> out);
  size_t Accept(std::span<int16_t> out);

  int sample_rate_hz_;
  std::unique_ptr<::OpusDecoder, Deleter> decoder_;
  std::optional<LossConcealer> concealer_;
  size_t delayed_samples_ = 0;  // by ConcealDelay(), since anything else
};

}  // namespace byon::codec
