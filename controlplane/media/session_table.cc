#include "controlplane/media/session_table.h"

#include <utility>

namespace byon::media {

SessionTable::Session* SessionTable::Find(const call::CallId& id) {
  auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : &it->second;
}

const SessionTable::Session* SessionTable::Find(const call::CallId& id) const {
  auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : &it->second;
}

bool SessionTable::IsOpen(const call::CallId& id) const {
  const Session* session = Find(id);
  return session && !session->is_closing;
}

void SessionTable::Erase(const call::CallId& id) {
  auto session = sessions_.extract(id);
  if (session.empty()) return;
  for (Command& command : session.mapped().queue) {
    if (command.drop) post_(std::move(command.drop));
  }
}

void SessionTable::Enqueue(const call::CallId& id, std::function<void()> run, std::function<void()> drop) {
  sessions_.at(id).queue.push_back({std::move(run), std::move(drop)});
  Run(id);
}

void SessionTable::DropQueue(const call::CallId& id) {
  Session* session = Find(id);
  if (!session) return;
  for (Command& command : std::exchange(session->queue, {})) {
    if (command.drop) post_(std::move(command.drop));
  }
}

void SessionTable::Run(const call::CallId& id) {
  Session* session = Find(id);
  if (!session || session->is_busy || session->is_sought || session->queue.empty()) return;
  session->is_busy = true;
  Command command = std::move(session->queue.front());
  session->queue.pop_front();
  command.run();
}

void SessionTable::Next(const call::CallId& id) {
  Session* session = Find(id);
  if (!session) return;
  session->is_busy = false;
  Run(id);
}

}  // namespace byon::media
