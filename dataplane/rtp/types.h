#pragma once

#include <compare>
#include <cstdint>

namespace byon::rtp {

// Synchronization source, RFC 3550 section 3.
struct Ssrc {
  uint32_t value = 0;
  constexpr auto operator<=>(const Ssrc&) const = default;
};

// Seven bits.
struct PayloadType {
  uint8_t value = 0;
  constexpr auto operator<=>(const PayloadType&) const = default;
};

// A wrapping counter: it has no order. Compare through base::SequenceUnwrapper<uint16_t>.
struct SequenceNumber {
  uint16_t value = 0;
  constexpr bool operator==(const SequenceNumber&) const = default;
  constexpr SequenceNumber operator+(int32_t steps) const { return {static_cast<uint16_t>(value + steps)}; }
  constexpr SequenceNumber& operator++() { return ++value, *this; }
};

// A wrapping counter in units of the payload's clock: it has no order either.
struct RtpTimestamp {
  uint32_t value = 0;
  constexpr bool operator==(const RtpTimestamp&) const = default;
  constexpr RtpTimestamp operator+(int64_t units) const {
    return {static_cast<uint32_t>(value + static_cast<uint64_t>(units))};
  }
  // The signed way from `other` to here, at most half the circle.
  constexpr int32_t operator-(RtpTimestamp other) const { return static_cast<int32_t>(value - other.value); }
};

}  // namespace byon::rtp
