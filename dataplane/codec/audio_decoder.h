#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/codec_format.h"

namespace byon::codec {

// What a payload holds, found without decoding it.
struct PayloadDescription {
  uint32_t duration = 0;  // in units of the RTP clock
  // Neither speech nor other audio that would be missed: comfort noise parameters or nothing. After it
  // a gap in the timestamps is silence, not loss.
  bool is_dtx = false;
  bool has_redundancy = false;  // of the packet before it: DecodeRedundancy() is of use
  std::optional<uint8_t> codec_mode_request;  // AMR: a CMR that names a mode
  int amr_mode = -1;                          // AMR: of the last speech frame; -1 for none
};

// Turns the payloads of one stream into mono samples. Payloads come in order of their timestamps; what
// is missing in between is asked for by ConcealLoss() or GenerateComfortNoise(). Construction
// allocates, nothing else does.
class AudioDecoder {
 public:
  virtual ~AudioDecoder() = default;
  virtual int sample_rate_hz() const = 0;

  // Nothing when the payload format forbids the payload; such a payload must not be decoded.
  virtual std::optional<PayloadDescription> Describe(base::ByteSpan payload) const = 0;

  // Decodes a whole payload without the audio of its first `skip` RTP clock units, which were played
  // already. Returns the samples written to `out`, which has room for the payload's duration.
  virtual size_t Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) = 0;
  // Fills `out`, the lost audio just before `next_payload`, from the redundancy in that. False, with
  // nothing done, when it has none.
  [[nodiscard]] virtual bool DecodeRedundancy(base::ByteSpan next_payload,
                                              std::span<int16_t> out) = 0;
  // Fills `out` (2.5 to 120 ms, a multiple of 2.5 ms) with what may replace lost audio.
  virtual void ConcealLoss(std::span<int16_t> out) = 0;
  // The same for audio that is late and may still come, at most 240 ms. The decoder stands still: what is late is decoded
  // next as if nothing had been, or AcceptLoss() says that it is lost.
  virtual void ConcealDelay(std::span<int16_t> out) = 0;
  // Of what ConcealDelay() has stood for just now, `duration` RTP clock units are lost. `next_payload` is decoded next when
  // it comes right behind them, else empty.
  virtual void AcceptLoss(uint32_t duration, base::ByteSpan next_payload) = 0;
  // As ConcealLoss() when `next_payload`, the next to be decoded, comes right behind `out`.
  virtual void BridgeLoss(base::ByteSpan next_payload, std::span<int16_t> out) = 0;
  // Whether BridgeLoss() does better than ConcealLoss().
  virtual bool bridges_losses() const = 0;
  // Fills `out` (2.5 to 120 ms, a multiple of 2.5 ms) with the background noise last described.
  virtual void GenerateComfortNoise(std::span<int16_t> out) = 0;
  // The samples so far are forgotten: another source follows.
  virtual void Reset() = 0;
};

// `sample_rate_hz` is what Opus is decoded to (8000, 16000 or 48000); the others have their own rate.
// The format has passed CheckFormat().
std::unique_ptr<AudioDecoder> MakeAudioDecoder(const CodecFormat& format, int sample_rate_hz);

}  // namespace byon::codec
