#pragma once

#include <ctime>

#include "dataplane/base/time.h"

namespace byon::load {

inline int64_t ReadClockNs(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}
inline base::Timestamp MonotonicNow() { return base::Timestamp::FromNanoseconds(ReadClockNs(CLOCK_MONOTONIC)); }

}  // namespace byon::load
