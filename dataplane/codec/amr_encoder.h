#pragma once

#include "dataplane/base/fixed_vector.h"
#include "dataplane/codec/amr_library.h"
#include "dataplane/codec/amr_mode_control.h"
#include "dataplane/codec/audio_encoder.h"

namespace byon::codec {

// Samples to AMR and AMR-WB payloads, one or several frames each. With DTX a packet that holds only
// NO_DATA is not sent.
class AmrEncoder final : public AudioEncoder {
 public:
  explicit AmrEncoder(const CodecFormat& format);

  int sample_rate_hz() const override { return library_.sample_rate_hz(); }
  EncodedPayload Encode(const AudioFrame& frame, base::MutableByteSpan out) override;
  void DropPending() override { pending_.Clear(); }
  void RequestMode(uint8_t mode) override { modes_.RequestMode(mode); }
  void SetModeRequest(uint8_t mode) override { mode_request_ = mode; }
  int amr_mode() const override { return modes_.current(); }

 private:
  Codec codec_;
  bool is_octet_aligned_;
  size_t frames_per_packet_;
  AmrLibraryEncoder library_;
  AmrModeControl modes_;
  uint8_t mode_request_ = kNoModeRequest;
  bool was_silent_ = false;
  base::FixedVector<AmrFrame, kMaxAmrFramesPerPacket> pending_;
};

}  // namespace byon::codec
