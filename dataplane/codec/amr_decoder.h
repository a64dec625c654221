#pragma once

#include "dataplane/codec/amr_library.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/loss_concealer.h"

namespace byon::codec {

// AMR and AMR-WB payloads to samples. Lost and damaged speech is concealed here: the AMR-WB library does it
// worse than repeating 20 ms, so the last good frame is decoded once more, which keeps the decoder's memory
// near the encoder's, and from the second lost frame on the LossConcealer is heard. The AMR library keeps
// its own memory, and the LossConcealer is heard from the first. In discontinuous transmission the
// libraries make the comfort noise.
class AmrDecoder final : public AudioDecoder {
 public:
  explicit AmrDecoder(const CodecFormat& format);

  int sample_rate_hz() const override { return library_.sample_rate_hz(); }
  std::optional<PayloadDescription> Describe(base::ByteSpan payload) const override;
  size_t Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) override;
  bool DecodeRedundancy(base::ByteSpan next_payload, std::span<int16_t> out) override;
  void ConcealLoss(std::span<int16_t> out) override;
  void GenerateComfortNoise(std::span<int16_t> out) override;
  void Reset() override;

 private:
  void DecodeFrame(const AmrFrame& frame, std::span<int16_t> out);
  void ConcealFrame(std::span<int16_t> out);

  Codec codec_;
  bool is_octet_aligned_;
  size_t samples_per_frame_;
  AmrLibraryDecoder library_;
  LossConcealer concealer_;
  bool is_in_dtx_ = false;  // the last good frame was SID
  std::optional<AmrFrame> last_speech_;  // the last good frame, when it was speech
  int lost_in_a_row_ = 0;
};

}  // namespace byon::codec
