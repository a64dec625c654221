#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/dtls/dtls_context.h"
#include "dataplane/dtls/dtls_transport.h"
#include "dataplane/worker/handshake_mailbox.h"

namespace byon::worker {

// The DTLS associations of some workers' sessions: takes their requests, runs the handshakes, builds
// SRTP state from the keys and reports it. Sans-IO: whoever owns the thread calls RunOnce(). Free to
// use the heap, and slow (about 2 ms a handshake): that is why it is not in the workers.
class HandshakeService {
 public:
  // A worker with this many reports unread gets no more of its requests served.
  static constexpr size_t kMaxUnreadReports = 512;

  // `context` and the mailboxes must outlive the service. The backend is the workers'.
  HandshakeService(const dtls::DtlsContext& context, srtp::SrtpBackend backend,
                   std::vector<HandshakeMailbox*> mailboxes);

  // Serves at most one request of each mailbox, in turn, and the timers. True when something was done.
  bool RunOnce(base::Timestamp now);
  // When RunOnce() has something to do by itself.
  base::Timestamp NextDeadline() const;
  size_t association_count() const;

 private:
  using Key = std::pair<uint64_t, uint32_t>;  // session, association
  struct Client {
    HandshakeMailbox* mailbox = nullptr;
    std::map<Key, dtls::DtlsTransport> associations;
    std::deque<session::HandshakeReport> unread;  // that found no room in the ring
  };

  bool ServeClient(Client& client, base::Timestamp now);
  void ServeRequest(Client& client, session::HandshakeRequest request, base::Timestamp now);
  bool ServeTimers(base::Timestamp now);
  void Drain(Client& client, const Key& key, dtls::DtlsTransport& transport);
  void ReportEvent(Client& client, const Key& key, dtls::DtlsTransport& transport, dtls::DtlsEvent event);
  void Post(Client& client, session::HandshakeReport report);

  const dtls::DtlsContext& context_;
  const srtp::SrtpBackend backend_;
  std::deque<Client> clients_;  // pointers into it are keys
  // Associations that wait for a timer: handshakes under way, not the connected ones.
  std::map<std::pair<Client*, Key>, base::Timestamp> deadlines_;
};

}  // namespace byon::worker
