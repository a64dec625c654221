#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/codec/loss_concealer.h"

namespace byon::codec {

// ITU-T G.711: one octet to and from 16-bit linear (the 14- and 13-bit values of the tables, shifted to
// the top).
int16_t MuLawToLinear(uint8_t octet);
int16_t ALawToLinear(uint8_t octet);
uint8_t LinearToMuLaw(int16_t sample);
uint8_t LinearToALaw(int16_t sample);

class G711Decoder final : public AudioDecoder {
 public:
  explicit G711Decoder(Codec codec) : codec_(codec), concealer_(8000) {}

  int sample_rate_hz() const override { return 8000; }
  std::optional<PayloadDescription> Describe(base::ByteSpan payload) const override;
  size_t Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) override;
  bool decodes_in_parts() const override { return true; }
  bool DecodeRedundancy(base::ByteSpan, std::span<int16_t>) override { return false; }
  void ConcealLoss(std::span<int16_t> out) override { concealer_.Conceal(out); }
  void ConcealDelay(std::span<int16_t> out) override { concealer_.Conceal(out); }
  void AcceptLoss(uint32_t, base::ByteSpan) override {}  // each octet stands for itself
  void BridgeLoss(base::ByteSpan next_payload, std::span<int16_t> out) override;
  bool bridges_losses() const override { return true; }
  // G.711 describes no noise: what was heard last fades out.
  void GenerateComfortNoise(std::span<int16_t> out) override { concealer_.Conceal(out); }
  void Reset() override { concealer_.Reset(); }

 private:
  void ToLinear(base::ByteSpan payload, std::span<int16_t> out) const;

  Codec codec_;
  LossConcealer concealer_;
};

class G711Encoder final : public AudioEncoder {
 public:
  explicit G711Encoder(const CodecFormat& format);

  int sample_rate_hz() const override { return 8000; }
  EncodedPayload Encode(const AudioFrame& frame, base::MutableByteSpan out) override;
  void DropPending() override { pending_.clear(); }

 private:
  Codec codec_;
  size_t bytes_per_packet_;
  std::vector<std::byte> pending_;  // reserved at construction
};

}  // namespace byon::codec
