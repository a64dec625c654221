#pragma once

#include <array>
#include <optional>

#include "dataplane/codec/amr_library.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/loss_concealer.h"

namespace byon::codec {

// AMR and AMR-WB payloads to samples. Lost and damaged speech is concealed here, by the LossConcealer; where
// the frame behind the loss is there already, it is decoded ahead of its time and led over to. Meanwhile the
// decoder's memory is kept near the encoder's by a stand-in for what is lost: the frame behind it, or the last
// good one again, or (a loss of AMR that comes alone) the library's own concealment. In discontinuous
// transmission the libraries make the comfort noise.
class AmrDecoder final : public AudioDecoder {
 public:
  explicit AmrDecoder(const CodecFormat& format);

  int sample_rate_hz() const override { return library_.sample_rate_hz(); }
  std::optional<PayloadDescription> Describe(base::ByteSpan payload) const override;
  size_t Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) override;
  bool decodes_in_parts() const override { return true; }
  bool DecodeRedundancy(base::ByteSpan next_payload, std::span<int16_t> out) override;
  void ConcealLoss(std::span<int16_t> out) override;
  void ConcealDelay(std::span<int16_t> out) override;
  void AcceptLoss(uint32_t duration, base::ByteSpan next_payload) override;
  void BridgeLoss(base::ByteSpan next_payload, std::span<int16_t> out) override;
  bool bridges_losses() const override { return true; }
  void GenerateComfortNoise(std::span<int16_t> out) override;
  void Reset() override;

 private:
  void DecodeFrame(const AmrFrame& frame, std::span<int16_t> out);
  void ConcealFrame(std::span<int16_t> out);
  void CarryMemoryOver(const AmrFrame* next, std::span<int16_t> out);
  bool TakeAhead(const AmrFrame& frame, std::span<int16_t> out);

  Codec codec_;
  bool is_octet_aligned_;
  size_t samples_per_frame_;
  AmrLibraryDecoder library_;
  LossConcealer concealer_;
  bool is_in_dtx_ = false;               // the last good frame was SID
  std::optional<AmrFrame> last_speech_;  // the last good frame, when it was speech
  int lost_in_a_row_ = 0;
  size_t delayed_samples_ = 0;  // by ConcealDelay(), since anything else
  // The frame behind a bridged loss, which is decoded already.
  std::optional<AmrFrame> ahead_;
  std::array<int16_t, 320> ahead_samples_{};
};

}  // namespace byon::codec
