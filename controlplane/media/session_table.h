#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "controlplane/media/dataplane_client.h"

namespace byon::media {

// Which session is on which node, and the commands that wait for each: one of a session is under
// way at a time, so that they keep their order. Used on the strand only.
class SessionTable {
 public:
  static constexpr size_t kNoNode = SIZE_MAX;

  struct Command {
    std::function<void()> run;   // ends in Next(), or in Erase()
    std::function<void()> drop;  // when the session ends first; empty when nobody waits
  };
  struct Session {
    size_t node = kNoNode;
    bool is_created = false;  // the node has confirmed it
    bool is_sought = false;   // of an earlier process, not found yet: its commands wait
    bool is_closing = false;
    bool is_busy = false;  // a command is under way
    std::deque<Command> queue;
  };

  explicit SessionTable(DataplaneClient::Post post) : post_(std::move(post)) {}

  Session& Add(const call::CallId& id) { return sessions_[id]; }
  Session* Find(const call::CallId& id);
  const Session* Find(const call::CallId& id) const;
  // Known, and nobody has closed it.
  bool IsOpen(const call::CallId& id) const;
  // Tells those whose commands have not run.
  void Erase(const call::CallId& id);

  // The session must be known.
  void Enqueue(const call::CallId& id, std::function<void()> run, std::function<void()> drop = {});
  void DropQueue(const call::CallId& id);
  // Runs the next command unless one is under way.
  void Run(const call::CallId& id);
  // The command under way is done.
  void Next(const call::CallId& id);

  auto begin() const { return sessions_.begin(); }
  auto end() const { return sessions_.end(); }

 private:
  DataplaneClient::Post post_;
  std::unordered_map<call::CallId, Session> sessions_;
};

}  // namespace byon::media
