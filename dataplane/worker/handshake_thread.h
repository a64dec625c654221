#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/worker/handshake_service.h"

namespace byon::worker {

// Runs a HandshakeService on an ordinary thread of its own, on a core that no worker has.
class HandshakeThread {
 public:
  using Clock = std::function<base::Timestamp()>;  // the workers' clock

  // Sets the signal of each mailbox and starts: before any worker that uses them runs.
  HandshakeThread(const dtls::DtlsContext& context, srtp::SrtpBackend backend, std::vector<HandshakeMailbox*> mailboxes,
                  Clock clock);
  // Stops: after the workers.
  ~HandshakeThread();
  HandshakeThread(const HandshakeThread&) = delete;
  HandshakeThread& operator=(const HandshakeThread&) = delete;

 private:
  void Run();

  HandshakeSignal signal_;
  HandshakeService service_;
  Clock clock_;
  std::atomic<bool> must_stop_{false};
  std::thread thread_;
};

}  // namespace byon::worker
