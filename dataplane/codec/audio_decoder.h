#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/codec/payload_description.h"

namespace byon::codec {

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
  // Whether `out` may be shorter, 20 ms or more: what does not fit in is asked for afterwards, by `skip`.
  virtual bool decodes_in_parts() const = 0;
  // Fills `out`, the lost audio just before `next_payload`, from the redundancy in that. False, with
  // nothing done, when it has none.
  [[nodiscard]] virtual bool DecodeRedundancy(base::ByteSpan next_payload, std::span<int16_t> out) = 0;
  // Fills `out` (2.5 to 120 ms, a multiple of 2.5 ms) with what may replace lost audio.
  virtual void ConcealLoss(std::span<int16_t> out) = 0;
  // The same for audio that is late and may still come, at most 240 ms. The decoder stands still: what is late is
  // decoded next as if nothing had been, or AcceptLoss() says that it is lost.
  virtual void ConcealDelay(std::span<int16_t> out) = 0;
  // Of what ConcealDelay() has stood for just now, `duration` RTP clock units are lost. `next_payload` is decoded next
  // when it comes right behind them, else empty.
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
