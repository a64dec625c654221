#include "tools/simphone/phone_codec.h"

#include <algorithm>
#include <array>

namespace byon::simphone {

std::unique_ptr<PhoneCodec> PhoneCodec::Make(const AudioFormat& format) {
  const auto clock_rate_hz = static_cast<uint32_t>(format.clock_rate_hz);
  const auto name = codec::CodecFromName(format.name, clock_rate_hz);
  if (!name) return nullptr;
  codec::CodecFormat parameters;
  parameters.codec = *name;
  parameters.amr.octet_align = format.octet_align;
  for (const int mode : format.mode_set) {
    if (mode >= 0 && mode < 16) {
      parameters.amr.mode_set = static_cast<uint16_t>(parameters.amr.mode_set | 1 << mode);
    }
  }
  if (codec::CheckFormat(parameters)) return nullptr;
  std::unique_ptr<PhoneCodec> result(new PhoneCodec());
  result->clock_rate_hz_ = clock_rate_hz;
  result->encoder_ = codec::MakeAudioEncoder(parameters, format.clock_rate_hz);
  result->decoder_ = codec::MakeAudioDecoder(parameters, format.clock_rate_hz);
  return result;
}

std::vector<std::byte> PhoneCodec::Encode(std::span<const int16_t> samples) {
  codec::AudioFrame frame = codec::AudioFrame::Silence(encoder_->sample_rate_hz());
  std::copy(samples.begin(), samples.end(), frame.view().begin());
  std::array<std::byte, codec::kMaxEncodedBytes> buffer;
  const codec::EncodedPayload payload = encoder_->Encode(frame, buffer);
  return {buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(payload.bytes)};
}

std::vector<int16_t> PhoneCodec::Decode(base::ByteSpan payload) {
  const auto description = decoder_->Describe(payload);
  if (!description) return {};
  last_mode_request_ = description->codec_mode_request ? int{*description->codec_mode_request} : -1;
  std::vector<int16_t> samples(uint64_t{description->duration} * sample_rate_hz() / clock_rate_hz_);
  samples.resize(decoder_->Decode(payload, 0, samples));
  return samples;
}

}  // namespace byon::simphone
