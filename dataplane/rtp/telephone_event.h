#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace byon::rtp {

inline constexpr size_t kTelephoneEventBytes = 4;

// One report of a telephone-event payload (RFC 4733 section 2.3).
struct TelephoneEvent {
  uint8_t event = 0;  // 0-9 the digits, 10 *, 11 #, 12-15 A-D, others see the IANA registry
  bool is_end = false;
  uint8_t volume = 10;    // 0 to 63: power level in dBm0 without its sign
  uint16_t duration = 0;  // timestamp units since the event's start

  // Reads the first report. Nothing when fewer than four bytes are there.
  static std::optional<TelephoneEvent> Parse(base::ByteSpan payload);
  void Serialize(base::ByteWriter& writer) const;
  bool operator==(const TelephoneEvent&) const = default;
};

// Between an event code and its key, "0123456789*#ABCD" (RFC 4733 section 3.2). Lower-case a-d
// pass.
std::optional<uint8_t> EventFromDigit(char digit);
std::optional<char> DigitFromEvent(uint8_t event);

}  // namespace byon::rtp
