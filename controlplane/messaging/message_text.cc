#include "controlplane/messaging/message_text.h"

#include <algorithm>
#include <cstdint>

namespace byon::messaging {
namespace {

// The length of the well-formed sequence at the start, 0 for none (Unicode table 3-7).
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) -> unsigned { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto is_trail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return is_trail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool is_overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool is_surrogate = lead == 0xed && byte(1) > 0x9f;
    return is_trail(1) && is_trail(2) && !is_overlong && !is_surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool is_overlong = lead == 0xf0 && byte(1) < 0x90;
    const bool is_too_high = lead == 0xf4 && byte(1) > 0x8f;
    return is_trail(1) && is_trail(2) && is_trail(3) && !is_overlong && !is_too_high ? 4 : 0;
  }
  return 0;
}

// C0 and DEL, and C1, which UTF-8 writes as C2 80 to C2 9F.
bool IsControl(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7f;
  return lead == 0xc2 && static_cast<uint8_t>(sequence[1]) < 0xa0;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool IsMessageText(std::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    const char c = text.front();
    const bool is_space = length == 1 && (c == '\t' || c == '\n' || c == '\r');
    if (!is_space && IsControl(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string CleanText(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(1, SequenceLength(text));
    const std::string_view sequence = text.substr(0, length);
    if (sequence == "\r") {
      // Of CR LF the line feed follows.
      if (text.size() == 1 || text[1] != '\n') clean += '\n';
    } else if (sequence == "\t" || sequence == "\n" || !IsControl(sequence)) {
      clean += sequence;
    }
    text.remove_prefix(length);
  }
  return clean;
}

}  // namespace byon::messaging
