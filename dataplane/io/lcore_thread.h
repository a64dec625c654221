#pragma once

#include <cstddef>
#include <functional>

#include "dataplane/base/time.h"

namespace byon::io {

// The clock of all workers: CLOCK_MONOTONIC.
base::Timestamp MonotonicNow();
// What the wall clock (since 1970) is ahead of MonotonicNow().
base::TimeDelta WallClockOffset();

// Runs a function on a worker's lcore until it returns.
class LcoreThread {
 public:
  // `body` must return after whatever the owner uses to stop it; it is not interrupted.
  LcoreThread(size_t worker, std::function<void()> body);
  // Waits for the body.
  ~LcoreThread();
  LcoreThread(const LcoreThread&) = delete;
  LcoreThread& operator=(const LcoreThread&) = delete;

 private:
  unsigned lcore_;
  std::function<void()> body_;
};

}  // namespace byon::io
