#pragma once

#include <cstdint>

#include "dataplane/base/time.h"

namespace byon::io {

// What a worker does when nothing is to be done.
enum class IdlePolicy : uint8_t {
  kSpin,   // polls again: one CPU at 100 %, shortest delay
  kPause,  // a few microseconds of pause instructions between polls: kinder to the sibling thread
  kSleep,  // naps of 200 us: about 4 % of a CPU, up to 0.2 ms of delay
  kBlock,  // waits in the kernel for a packet or the next tick; a NIC queue, which has nothing to wait
           // on, sleeps instead
};

inline constexpr base::TimeDelta kIdleNap = base::TimeDelta::Microseconds(200);

// Spends idle time of the calling thread up to `until` by kSpin, kPause or kSleep (kBlock as kSleep).
void SpendIdleTime(IdlePolicy policy, base::Timestamp now, base::Timestamp until);
// Lets short naps be short: timer slack of 1 us. Once on each worker's thread that may sleep.
void PrepareNaps();

}  // namespace byon::io
