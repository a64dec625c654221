#include "dataplane/io/scheduling.h"

#include <pthread.h>
#include <sched.h>

#include <thread>

namespace byon::io {
namespace {
// Above every ordinary thread, below the kernel's own (interrupt threads have 50).
constexpr int kPriority = 10;
}  // namespace

bool RunRealtime() {
  sched_param parameters{};
  parameters.sched_priority = kPriority;
  return pthread_setschedparam(pthread_self(), SCHED_RR, &parameters) == 0;
}

bool MayRunRealtime() {
  bool is_permitted = false;
  std::thread([&is_permitted] { is_permitted = RunRealtime(); }).join();
  return is_permitted;
}

base::Result<Scheduling, const char*> ResolveScheduling(Scheduling wanted, IdlePolicy idle, size_t workers, size_t cpus,
                                                        bool is_permitted) {
  if (wanted == Scheduling::kNormal) return Scheduling::kNormal;
  if (wanted == Scheduling::kRealtime) {
    if (is_permitted) return Scheduling::kRealtime;
    return "workers.scheduling is \"realtime\", but the kernel does not permit it; give the process "
           "CAP_SYS_NICE or an RLIMIT_RTPRIO of 10, or use auto or normal.";
  }
  const bool sleeps = idle == IdlePolicy::kSleep || idle == IdlePolicy::kBlock;
  const bool is_harmless = sleeps && cpus > workers;
  return is_permitted && is_harmless ? Scheduling::kRealtime : Scheduling::kNormal;
}

}  // namespace byon::io
