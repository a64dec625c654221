#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/base/prefetch.h"
#include "dataplane/session/media_session.h"

namespace byon::session {

// A worker's sessions, found by local UDP port: one array look-up a packet. A port number belongs to
// one session whatever the address family. All memory is taken at construction.
class SessionTable {
 public:
  struct Match {
    MediaSession* session = nullptr;
    LocalPort port = LocalPort::kAccess;
  };

  explicit SessionTable(size_t capacity);

  // Whether a session with one of these local ports is here.
  bool IsPortTaken(const SessionConfig& config) const;
  bool is_full() const { return sessions_.size() == capacity_; }
  // Only when neither of the above is true.
  MediaSession* Insert(std::unique_ptr<MediaSession> session);
  // Null when there is no such session.
  std::unique_ptr<MediaSession> Remove(SessionHandle handle);

  // Asks for the memory that FindByPort() looks at.
  void Prefetch(uint16_t port) const { base::Prefetch(&ports_[port]); }
  // `session` is null when nobody has the port.
  Match FindByPort(uint16_t port) const { return ports_[port]; }
  MediaSession* FindByHandle(SessionHandle handle) const {
    MediaSession* session = ports_[AccessPortOf(handle)].session;
    return session && session->handle() == handle ? session : nullptr;
  }

  size_t size() const { return sessions_.size(); }
  auto begin() const { return sessions_.begin(); }
  auto end() const { return sessions_.end(); }

 private:
  const size_t capacity_;
  std::vector<Match> ports_;  // by UDP port number
  std::vector<std::unique_ptr<MediaSession>> sessions_;
};

}  // namespace byon::session
