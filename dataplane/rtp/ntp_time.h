#pragma once

#include <compare>
#include <cstdint>

#include "dataplane/base/time.h"

namespace byon::rtp {

// Wall-clock time as RTCP carries it: 32 bits of seconds since 1900 and 32 bits of fraction (RFC
// 3550 section 4). It wraps in 2036, so only differences mean anything: there is no order.
class NtpTime {
 public:
  constexpr NtpTime() = default;
  constexpr explicit NtpTime(uint64_t value) : value_(value) {}
  // From the time since 1970-01-01T00:00:00Z.
  static NtpTime FromUnix(base::TimeDelta since_unix_epoch);

  constexpr uint64_t value() const { return value_; }
  constexpr uint32_t seconds() const { return static_cast<uint32_t>(value_ >> 32); }
  constexpr uint32_t fraction() const { return static_cast<uint32_t>(value_); }
  // The middle 32 bits, in units of 1/65536 s: LSR and DLSR (RFC 3550 section 6.4.1).
  constexpr uint32_t compact() const { return static_cast<uint32_t>(value_ >> 16); }

  // The signed time from `other` to here.
  base::TimeDelta operator-(NtpTime other) const;
  constexpr bool operator==(const NtpTime&) const = default;

 private:
  uint64_t value_ = 0;
};

// Between the compact form (1/65536 s) and TimeDelta. Negative lengths become 0, long ones
// saturate.
uint32_t CompactNtpFromTimeDelta(base::TimeDelta delta);
base::TimeDelta TimeDeltaFromCompactNtp(uint32_t compact);

}  // namespace byon::rtp
