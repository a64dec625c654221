#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/codec_format.h"

namespace byon::codec {

class AmrWbBatch;

// Largest payload any encoder writes.
inline constexpr size_t kMaxEncodedBytes = 1300;

struct EncodedPayload {
  size_t bytes = 0;               // 0: nothing is to be sent now
  int frames = 0;                 // 20 ms frames in it; it starts with the oldest, `frames - 1` before the last given
  bool starts_talkspurt = false;  // first speech after silence: the RTP marker bit
};

// Turns 20 ms frames into payloads. Construction allocates, nothing else does.
class AudioEncoder {
 public:
  virtual ~AudioEncoder() = default;
  virtual int sample_rate_hz() const = 0;

  // Takes the next frame, of sample_rate_hz(), and writes a payload to `out` (kMaxEncodedBytes) when
  // one is complete and worth sending: silence is not, with discontinuous transmission.
  virtual EncodedPayload Encode(const AudioFrame& frame, base::MutableByteSpan out) = 0;
  // Encode() in two steps, for encoders that work on the frames of several calls at once. False: this
  // one does not, call Encode(). True: the frame is taken, and FinishEncode() is to follow, best
  // after the frames of other calls.
  virtual bool StartEncode(const AudioFrame& /*frame*/) { return false; }
  virtual EncodedPayload FinishEncode(base::MutableByteSpan /*out*/) { return {}; }
  // Forgets frames that wait for their packet to fill: something else is sent in their place.
  virtual void DropPending() = 0;
  // The peer asks for an AMR mode (RFC 4867 section 4.3.1): the highest allowed one up to it is used.
  virtual void RequestMode(uint8_t /*mode*/) {}
  // What the peer is asked for in each payload: an AMR mode, or kNoModeRequest (RFC 4867).
  virtual void SetModeRequest(uint8_t /*mode*/) {}
  // The share of packets the receiver loses, 0 to 1: redundancy follows it.
  virtual void SetExpectedLoss(double /*fraction*/) {}
  // AMR mode in use, -1 for the others.
  virtual int amr_mode() const { return -1; }
};

// `sample_rate_hz` is what Opus is given (8000, 16000 or 48000); the others have their own rate. The
// format has passed CheckFormat(). With a `batch` AMR-WB is encoded there, else by the library; it must
// outlive every call to the encoder, which is then bound to the batch's thread.
std::unique_ptr<AudioEncoder> MakeAudioEncoder(const CodecFormat& format, int sample_rate_hz,
                                               AmrWbBatch* batch = nullptr);

}  // namespace byon::codec
