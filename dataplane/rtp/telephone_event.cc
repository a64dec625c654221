#include "dataplane/rtp/telephone_event.h"

#include <string_view>

namespace byon::rtp {
namespace {
constexpr std::string_view kDigits = "0123456789*#ABCD";
}  // namespace

std::optional<TelephoneEvent> TelephoneEvent::Parse(base::ByteSpan payload) {
  base::ByteReader reader(payload);
  TelephoneEvent result;
  result.event = reader.ReadU8();
  const uint8_t flags = reader.ReadU8();
  result.is_end = (flags & 0x80) != 0;
  result.volume = flags & 0x3f;
  result.duration = reader.ReadU16();
  if (!reader.ok()) return std::nullopt;
  return result;
}

void TelephoneEvent::Serialize(base::ByteWriter& writer) const {
  writer.WriteU8(event);
  writer.WriteU8(static_cast<uint8_t>((is_end ? 0x80 : 0) | (volume & 0x3f)));
  writer.WriteU16(duration);
}

std::optional<uint8_t> EventFromDigit(char digit) {
  if (digit >= 'a' && digit <= 'd') digit = static_cast<char>(digit - 'a' + 'A');
  const size_t index = kDigits.find(digit);
  if (index == std::string_view::npos) return std::nullopt;
  return static_cast<uint8_t>(index);
}

std::optional<char> DigitFromEvent(uint8_t event) {
  if (event >= kDigits.size()) return std::nullopt;
  return kDigits[event];
}

}  // namespace byon::rtp
