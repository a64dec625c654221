#include "dataplane/rtp/ntp_time.h"

#include <algorithm>

namespace byon::rtp {
namespace {
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// From 1900-01-01 to 1970-01-01, RFC 868.
constexpr int64_t kUnixEpochInNtpSeconds = 2'208'988'800;
}  // namespace

NtpTime NtpTime::FromUnix(base::TimeDelta since_unix_epoch) {
  const int64_t total = since_unix_epoch.nanoseconds();
  int64_t seconds = total / kNanosecondsPerSecond;
  int64_t nanoseconds = total % kNanosecondsPerSecond;
  if (nanoseconds < 0) nanoseconds += kNanosecondsPerSecond, --seconds;
  const uint64_t fraction = (static_cast<uint64_t>(nanoseconds) << 32) / static_cast<uint64_t>(kNanosecondsPerSecond);
  return NtpTime(static_cast<uint64_t>(seconds + kUnixEpochInNtpSeconds) << 32 | fraction);
}

base::TimeDelta NtpTime::operator-(NtpTime other) const {
  const auto ticks = static_cast<int64_t>(value_ - other.value_);
  const int64_t seconds = ticks >> 32;
  const int64_t fraction = ticks & 0xffffffff;
  return base::TimeDelta::Nanoseconds(seconds * kNanosecondsPerSecond + (fraction * kNanosecondsPerSecond >> 32));
}

uint32_t CompactNtpFromTimeDelta(base::TimeDelta delta) {
  // Above 65536 s the field cannot say it.
  const int64_t ns = std::clamp<int64_t>(delta.nanoseconds(), 0, 65'535 * kNanosecondsPerSecond);
  return static_cast<uint32_t>((ns << 16) / kNanosecondsPerSecond);
}

base::TimeDelta TimeDeltaFromCompactNtp(uint32_t compact) {
  return base::TimeDelta::Nanoseconds(int64_t{compact} * kNanosecondsPerSecond >> 16);
}

}  // namespace byon::rtp
