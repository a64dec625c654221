#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/result.h"
#include "dataplane/io/idle_policy.h"

namespace byon::io {

// How the kernel shares CPUs between workers and everything else on the machine.
enum class Scheduling : uint8_t {
  kAuto,      // kRealtime where it can do no harm and the kernel permits it, else kNormal
  kNormal,    // as every other thread: what else runs may delay a tick by milliseconds
  kRealtime,  // SCHED_RR: before every ordinary thread
};

// Whether a new thread of this process could be made a real-time one (CAP_SYS_NICE or RLIMIT_RTPRIO).
bool MayRunRealtime();
// Makes the calling thread a real-time one; false when the kernel refuses.
[[nodiscard]] bool RunRealtime();

// What `wanted` comes to for `workers` threads on `cpus` CPUs: kNormal or kRealtime. A worker that never
// sleeps, or that has nobody's CPU beside its own, would keep the rest of the process waiting: there kAuto
// is kNormal. The error, of kRealtime only, is a sentence.
base::Result<Scheduling, const char*> ResolveScheduling(Scheduling wanted, IdlePolicy idle, size_t workers, size_t cpus,
                                                        bool is_permitted);

}  // namespace byon::io
