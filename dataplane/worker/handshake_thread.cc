#include "dataplane/worker/handshake_thread.h"

#include <algorithm>
#include <utility>

namespace byon::worker {
namespace {

// Unread reports are retried this often.
constexpr base::TimeDelta kMaxWait = base::TimeDelta::Milliseconds(20);

}  // namespace

HandshakeThread::HandshakeThread(const dtls::DtlsContext& context, srtp::SrtpBackend backend,
                                 std::vector<HandshakeMailbox*> mailboxes, Clock clock)
    : service_(context, backend, mailboxes), clock_(std::move(clock)) {
  for (HandshakeMailbox* mailbox : mailboxes) mailbox->signal = &signal_;
  thread_ = std::thread([this] { Run(); });
}

HandshakeThread::~HandshakeThread() {
  must_stop_.store(true);
  signal_.Notify();
  thread_.join();
}

void HandshakeThread::Run() {
  while (!must_stop_.load()) {
    const base::Timestamp now = clock_();
    if (service_.RunOnce(now)) continue;
    const base::TimeDelta until_timer = service_.NextDeadline() - now;
    signal_.WaitFor(std::clamp(until_timer, base::TimeDelta(), kMaxWait));
  }
}

}  // namespace byon::worker
