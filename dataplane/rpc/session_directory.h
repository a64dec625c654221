#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/rpc/port_allocator.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/session_change.h"
#include "dataplane/session/session_stats.h"
#include "dataplane/worker/commands.h"

namespace byon::rpc {

using Clock = std::chrono::steady_clock;

// What the control side remembers of a session. Shared by the gRPC threads that act on it.
struct SessionRecord {
  // Fixed at creation.
  std::string id;
  std::string controller_id;
  std::string request;  // the CreateSessionRequest, serialized, to know a repetition
  size_t worker = 0;
  Clock::time_point created;

  // Held during a command: commands of one session go one after the other.
  std::mutex command_mutex;
  // Under command_mutex.
  session::SessionAudio audio;
  std::string joined_with;  // the id of the other session; it may be gone
  bool owes_join = false;   // its audio is newer than what the other one decodes

  std::atomic<bool> is_open{false};
  std::atomic<session::TransportState> state{session::TransportState::kNew};

  // Under the directory's lock.
  session::SessionConfig config;
  SessionPorts ports;
  bool has_access_remote = false;
  bool has_ims_remote = false;
  std::deque<std::string> stream_ids;  // the last few of the IMS leg
};
using SessionRecordPtr = std::shared_ptr<SessionRecord>;

// The sessions of all workers by name and by handle, their ports, and when their controllers were
// last heard of. Any thread.
class SessionDirectory {
 public:
  SessionDirectory(uint16_t first_port, uint16_t last_port, size_t worker_count, size_t sessions_per_worker);

  SessionRecordPtr Find(const std::string& id) const;
  SessionRecordPtr FindByHandle(worker::SessionHandle handle) const;
  std::vector<SessionRecordPtr> All() const;
  std::vector<SessionRecordPtr> OfController(const std::string& controller_id) const;
  size_t size() const;
  size_t capacity() const;

  // Enters a new session, on the worker with the fewest, with its command_mutex held by the caller
  // of Add through `lock`. Returns the record of that name when there is one already (`lock` then
  // stays empty), and nothing when no worker has room.
  // `on_worker`: there and nowhere else.
  SessionRecordPtr Add(const std::string& id, const std::string& controller_id, std::unique_lock<std::mutex>& lock,
                       std::optional<size_t> on_worker = {});
  // Takes ports for the session, giving back those it had: behind all free ones. False when none is
  // left.
  [[nodiscard]] bool AssignPorts(SessionRecord& record);
  void SetConfig(SessionRecord& record, session::SessionConfig config);
  // Forgets the session and frees its ports. True the first time.
  bool Remove(const SessionRecordPtr& record);

  // Runs `function` on a record's fields that stand under the lock.
  template <typename Function>
  auto Access(Function function) const {
    const std::lock_guard lock(mutex_);
    return function();
  }

  void Touch(const std::string& controller_id);
  // Controllers with sessions that were not touched for `lease`.
  std::vector<std::string> Expired(Clock::duration lease) const;

 private:
  struct WorkerLoad {
    size_t sessions = 0;
  };
  mutable std::mutex mutex_;
  const size_t sessions_per_worker_;
  PortAllocator ports_;
  std::vector<WorkerLoad> loads_;
  std::unordered_map<std::string, SessionRecordPtr> by_id_;
  std::unordered_map<worker::SessionHandle, SessionRecordPtr> by_handle_;
  std::map<std::string, Clock::time_point> last_seen_;
};

}  // namespace byon::rpc
