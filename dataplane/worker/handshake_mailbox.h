#pragma once

#include <chrono>
#include <semaphore>

#include "dataplane/base/spsc_ring.h"
#include "dataplane/base/time.h"
#include "dataplane/session/handshake_messages.h"

namespace byon::worker {

// Wakes the handshake thread: a futex call only when it sleeps.
class HandshakeSignal {
 public:
  void Notify() { semaphore_.release(); }
  // Returns when notified since the last call, or after `limit`.
  void WaitFor(base::TimeDelta limit) {
    if (!semaphore_.try_acquire_for(std::chrono::nanoseconds(limit.nanoseconds()))) return;
    while (semaphore_.try_acquire()) {
    }
  }

 private:
  std::counting_semaphore<> semaphore_{0};
};

// The mailbox between one worker and its handshake thread.
struct HandshakeMailbox {
  base::SpscRing<session::HandshakeRequest, 256> requests;  // worker -> handshake thread
  base::SpscRing<session::HandshakeReport, 256> reports;    // handshake thread -> worker
  HandshakeSignal* signal = nullptr;                        // set before the threads start; null in tests
};

}  // namespace byon::worker
