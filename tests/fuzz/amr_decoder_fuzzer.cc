#include <array>
#include <memory>
#include <span>

#include "dataplane/codec/audio_decoder.h"

// A stream of payloads for one decoder: an octet of choices, then payloads each behind its length. A
// length of 255 is a lost packet, 254 one whose successor is known. All frame types, bad frames and homing frames reach the libraries.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::codec;
  if (size == 0) return 0;
  CodecFormat format;
  format.codec = (data[0] & 1) != 0 ? Codec::kAmrWb : Codec::kAmr;
  format.amr.octet_align = (data[0] & 2) != 0;
  const auto decoder = MakeAudioDecoder(format, 0);
  auto rest = std::as_bytes(std::span(data, size)).subspan(1);
  static std::array<int16_t, 16 * kMaxPacketMs> samples;
  const auto lost = std::span(samples).first(decoder->sample_rate_hz() / 50);
  while (!rest.empty()) {
    auto length = std::to_integer<size_t>(rest[0]);
    rest = rest.subspan(1);
    if (length == 255) {
      decoder->ConcealLoss(lost);
      continue;
    }
    const bool is_behind_loss = length == 254 && !rest.empty();
    if (is_behind_loss) {
      length = std::to_integer<size_t>(rest[0]);
      rest = rest.subspan(1);
    }
    const auto payload = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(payload.size());
    if (is_behind_loss) decoder->BridgeLoss(payload, lost);
    const auto description = decoder->Describe(payload);
    if (!description) continue;
    const size_t written = decoder->Decode(payload, 0, samples);
    if (written * 1000 !=
        size_t{description->duration} * static_cast<size_t>(decoder->sample_rate_hz()) * 1000 /
            ClockRateHz(format.codec)) {
      __builtin_trap();
    }
  }
  return 0;
}
