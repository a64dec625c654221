#include "dataplane/codec/amr_encoder.h"

#include <algorithm>

namespace byon::codec {

AmrEncoder::AmrEncoder(const CodecFormat& format, AmrWbBatch* batch)
    : codec_(format.codec),
      is_octet_aligned_(format.amr.octet_align),
      frames_per_packet_(format.ptime_ms / size_t{kFrameMs}),
      batch_(format.codec == Codec::kAmrWb ? batch : nullptr),
      modes_(format.codec, format.amr) {
  if (batch_) {
    batch_call_.emplace(format.amr.use_dtx);
  } else {
    library_.emplace(format.codec, format.amr.use_dtx);
  }
}

// Modes change on the border of a frame-block; one packet may hold several.
EncodedPayload AmrEncoder::Encode(const AudioFrame& frame, base::MutableByteSpan out) {
  if (StartEncode(frame)) return FinishEncode(out);
  return Packetize(library_->Encode(modes_.NextMode(), frame.view()), out);
}

bool AmrEncoder::StartEncode(const AudioFrame& frame) {
  if (!batch_) return false;
  batch_->Add(*batch_call_, frame.view(), modes_.NextMode());
  return true;
}

EncodedPayload AmrEncoder::FinishEncode(base::MutableByteSpan out) {
  return Packetize(batch_->Take(*batch_call_), out);
}

EncodedPayload AmrEncoder::Packetize(const AmrFrame& frame, base::MutableByteSpan out) {
  pending_.PushBack(frame);
  if (pending_.size() < frames_per_packet_) return {};

  const std::span<const AmrFrame> frames(pending_.begin(), pending_.size());
  EncodedPayload payload{.frames = static_cast<int>(frames.size())};
  const bool has_speech =
      std::ranges::any_of(frames, [this](const AmrFrame& f) { return IsAmrSpeech(codec_, f.frame_type); });
  const bool has_sid =
      std::ranges::any_of(frames, [this](const AmrFrame& f) { return IsAmrSid(codec_, f.frame_type); });
  if (has_speech || has_sid) {
    payload.bytes = WriteAmrPayload(codec_, is_octet_aligned_, mode_request_, frames, out);
    payload.starts_talkspurt = has_speech && was_silent_;
  }
  was_silent_ = !has_speech;
  pending_.Clear();
  return payload;
}

}  // namespace byon::codec
