#include "dataplane/io/lcore_thread.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <time.h>

#include <utility>

#include "dataplane/base/check.h"

namespace byon::io {
namespace {

int64_t Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int RunBody(void* argument) {
  (*static_cast<std::function<void()>*>(argument))();
  return 0;
}

}  // namespace

base::Timestamp MonotonicNow() { return base::Timestamp::FromNanoseconds(Read(CLOCK_MONOTONIC)); }

base::TimeDelta WallClockOffset() { return base::TimeDelta::Nanoseconds(Read(CLOCK_REALTIME) - Read(CLOCK_MONOTONIC)); }

LcoreThread::LcoreThread(size_t worker, std::function<void()> body)
    : lcore_(static_cast<unsigned>(worker) + 1), body_(std::move(body)) {
  BYON_CHECK(rte_lcore_is_enabled(lcore_) == 1, "EalConfig names every worker's CPUs");
  BYON_CHECK(rte_eal_remote_launch(&RunBody, &body_, lcore_) == 0, "one body an lcore at a time");
}

LcoreThread::~LcoreThread() { rte_eal_wait_lcore(lcore_); }

}  // namespace byon::io
