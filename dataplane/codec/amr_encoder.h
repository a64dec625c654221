#pragma once

#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/codec/amr_library.h"
#include "dataplane/codec/amr_mode_control.h"
#include "dataplane/codec/amr_wb_batch.h"
#include "dataplane/codec/audio_encoder.h"

namespace byon::codec {

// Samples to AMR and AMR-WB payloads, one or several frames each. With DTX a packet that holds only
// NO_DATA is not sent. AMR-WB is encoded by the library or by a batch, the same bits either way.
class AmrEncoder final : public AudioEncoder {
 public:
  // `batch` is for AMR-WB only; null: the library. It must outlive the encoder's use.
  explicit AmrEncoder(const CodecFormat& format, AmrWbBatch* batch = nullptr);

  int sample_rate_hz() const override { return static_cast<int>(ClockRateHz(codec_)); }
  EncodedPayload Encode(const AudioFrame& frame, base::MutableByteSpan out) override;
  bool StartEncode(const AudioFrame& frame) override;
  EncodedPayload FinishEncode(base::MutableByteSpan out) override;
  void DropPending() override { pending_.Clear(); }
  void RequestMode(uint8_t mode) override { modes_.RequestMode(mode); }
  void SetModeRequest(uint8_t mode) override { mode_request_ = mode; }
  int amr_mode() const override { return modes_.current(); }

 private:
  // What is complete with `frame`.
  EncodedPayload Packetize(const AmrFrame& frame, base::MutableByteSpan out);

  Codec codec_;
  bool is_octet_aligned_;
  size_t frames_per_packet_;
  AmrWbBatch* batch_;  // one of the two encodes:
  std::optional<AmrWbBatch::Call> batch_call_;
  std::optional<AmrLibraryEncoder> library_;
  AmrModeControl modes_;
  uint8_t mode_request_ = kNoModeRequest;
  bool was_silent_ = false;
  base::FixedVector<AmrFrame, kMaxAmrFramesPerPacket> pending_;
};

}  // namespace byon::codec
