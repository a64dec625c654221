#include "dataplane/io/idle_policy.h"

#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>

namespace byon::io {
namespace {
constexpr int kPausesAPoll = 64;  // 2 to 9 us, by the processor
}

void SpendIdleTime(IdlePolicy policy, base::Timestamp now, base::Timestamp until) {
  switch (policy) {
    case IdlePolicy::kSpin: return;
    case IdlePolicy::kPause:
      for (int i = 0; i < kPausesAPoll; ++i) rte_pause();
      return;
    case IdlePolicy::kSleep:
    case IdlePolicy::kBlock: break;
  }
  if (until <= now) return;
  const timespec nap{0, static_cast<long>(std::min(until - now, kIdleNap).nanoseconds())};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
}

void PrepareNaps() { (void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); }

}  // namespace byon::io
