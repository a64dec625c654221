#include "dataplane/codec/amr_decoder.h"
#include "dataplane/codec/amr_encoder.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/codec/g711.h"
#include "dataplane/codec/opus_decoder.h"
#include "dataplane/codec/opus_encoder.h"

namespace byon::codec {

std::unique_ptr<AudioDecoder> MakeAudioDecoder(const CodecFormat& format, int sample_rate_hz) {
  switch (format.codec) {
    case Codec::kOpus: return std::make_unique<OpusAudioDecoder>(sample_rate_hz);
    case Codec::kAmrWb:
    case Codec::kAmr: return std::make_unique<AmrDecoder>(format);
    case Codec::kPcmu:
    case Codec::kPcma: return std::make_unique<G711Decoder>(format.codec);
  }
  return nullptr;
}

std::unique_ptr<AudioEncoder> MakeAudioEncoder(const CodecFormat& format, int sample_rate_hz, AmrWbBatch* batch) {
  switch (format.codec) {
    case Codec::kOpus: return std::make_unique<OpusAudioEncoder>(format, sample_rate_hz);
    case Codec::kAmrWb:
    case Codec::kAmr: return std::make_unique<AmrEncoder>(format, batch);
    case Codec::kPcmu:
    case Codec::kPcma: return std::make_unique<G711Encoder>(format);
  }
  return nullptr;
}

}  // namespace byon::codec
