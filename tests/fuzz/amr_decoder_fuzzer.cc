#include <array>
#include <memory>
#include <span>

#include "dataplane/codec/audio_decoder.h"

// A stream of payloads for one decoder: an octet of choices, then payloads each behind its length. A
// length of 255 is a lost packet, 254 one whose successor is known, 253 a late one that is lost, 252 one that comes.
// All frame types, bad frames and homing frames reach the libraries.
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
    const size_t kind = rest.empty() || length < 252 ? 0 : length;
    if (kind != 0) {
      length = std::to_integer<size_t>(rest[0]);
      rest = rest.subspan(1);
    }
    const auto payload = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(payload.size());
    if (kind == 254) decoder->BridgeLoss(payload, lost);
    if (kind == 253 || kind == 252) decoder->ConcealDelay(lost);
    if (kind == 253) decoder->AcceptLoss(static_cast<uint32_t>(lost.size()), payload);
    const auto description = decoder->Describe(payload);
    if (!description) continue;
    const size_t written = decoder->Decode(payload, 0, samples);
    if (written * 1000 != size_t{description->duration} * static_cast<size_t>(decoder->sample_rate_hz()) * 1000 /
                              ClockRateHz(format.codec)) {
      __builtin_trap();
    }
  }
  return 0;
}
