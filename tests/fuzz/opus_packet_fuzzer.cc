#include <array>
#include <memory>
#include <span>

#include "dataplane/codec/audio_decoder.h"

// A stream of Opus payloads, each behind two octets of length: described, decoded, and asked for the
// redundancy of the one before; some come late, some of these not at all.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::codec;
  if (size == 0) return 0;
  const int rate_hz = (data[0] & 1) != 0 ? 16'000 : 48'000;
  const auto decoder = MakeAudioDecoder({.codec = Codec::kOpus}, rate_hz);
  auto rest = std::as_bytes(std::span(data, size)).subspan(1);
  static std::array<int16_t, 48 * kMaxOpusPacketMs> samples;
  while (rest.size() >= 2) {
    const size_t length = std::to_integer<size_t>(rest[0]) << 8 | std::to_integer<size_t>(rest[1]);
    rest = rest.subspan(2);
    const auto payload = rest.first(std::min(length, rest.size()));
    rest = rest.subspan(payload.size());
    const auto description = decoder->Describe(payload);
    if (!description) continue;
    if (description->duration > 5760 || description->duration == 0) __builtin_trap();
    const auto lost = std::span(samples).first(static_cast<size_t>(rate_hz) / 50);
    if (length % 4 == 1) decoder->ConcealDelay(lost);
    if (length % 8 == 1) decoder->AcceptLoss(static_cast<uint32_t>(length) * 120, payload);
    if (description->has_redundancy && !decoder->DecodeRedundancy(payload, lost)) {
      decoder->ConcealLoss(lost);
    }
    const size_t written = decoder->Decode(payload, 0, samples);
    const size_t expected = size_t{description->duration} * static_cast<size_t>(rate_hz) / 48'000;
    if (written != 0 && written != expected) __builtin_trap();
  }
  return 0;
}
