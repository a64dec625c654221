#include "dataplane/rpc/session_directory.h"

#include <algorithm>
#include <utility>

namespace byon::rpc {

SessionDirectory::SessionDirectory(uint16_t first_port, uint16_t last_port, size_t worker_count,
                                   size_t sessions_per_worker)
    : sessions_per_worker_(sessions_per_worker), ports_(first_port, last_port, worker_count), loads_(worker_count) {}

SessionRecordPtr SessionDirectory::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

SessionRecordPtr SessionDirectory::FindByHandle(worker::SessionHandle handle) const {
  const std::lock_guard lock(mutex_);
  const auto it = by_handle_.find(handle);
  return it == by_handle_.end() ? nullptr : it->second;
}

std::vector<SessionRecordPtr> SessionDirectory::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<SessionRecordPtr> records;
  for (const auto& [id, record] : by_id_) records.push_back(record);
  return records;
}

std::vector<SessionRecordPtr> SessionDirectory::OfController(const std::string& controller_id) const {
  std::vector<SessionRecordPtr> records = All();
  std::erase_if(records, [&](const SessionRecordPtr& record) { return record->controller_id != controller_id; });
  return records;
}

size_t SessionDirectory::size() const {
  const std::lock_guard lock(mutex_);
  return by_id_.size();
}

size_t SessionDirectory::capacity() const {
  return loads_.size() * std::min(sessions_per_worker_, ports_.blocks_per_worker());
}

SessionRecordPtr SessionDirectory::Add(const std::string& id, const std::string& controller_id,
                                       std::unique_lock<std::mutex>& lock, std::optional<size_t> on_worker) {
  auto record = std::make_shared<SessionRecord>();
  // First the session, then the directory: the order in which commands take them too.
  std::unique_lock own_lock(record->command_mutex);
  const std::lock_guard directory_lock(mutex_);
  if (const auto it = by_id_.find(id); it != by_id_.end()) return it->second;
  const auto least = on_worker ? loads_.begin() + static_cast<std::ptrdiff_t>(*on_worker)
                               : std::ranges::min_element(loads_, {}, &WorkerLoad::sessions);
  if (least->sessions >= sessions_per_worker_) return nullptr;
  record->id = id;
  record->controller_id = controller_id;
  record->worker = static_cast<size_t>(least - loads_.begin());
  record->created = Clock::now();
  lock = std::move(own_lock);
  ++least->sessions;
  by_id_.emplace(id, record);
  last_seen_[controller_id] = record->created;
  return record;
}

bool SessionDirectory::AssignPorts(SessionRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto fresh = ports_.Allocate(record.worker);
  if (record.ports.access != 0) ports_.Release(record.worker, record.ports);
  record.ports = fresh.value_or(SessionPorts{});
  return fresh.has_value();
}

void SessionDirectory::SetConfig(SessionRecord& record, session::SessionConfig config) {
  const std::lock_guard lock(mutex_);
  by_handle_.erase(record.config.handle);
  record.config = std::move(config);
  by_handle_[record.config.handle] = by_id_.at(record.id);
}

bool SessionDirectory::Remove(const SessionRecordPtr& record) {
  const std::lock_guard lock(mutex_);
  const auto it = by_id_.find(record->id);
  if (it == by_id_.end() || it->second != record) return false;
  by_id_.erase(it);
  by_handle_.erase(record->config.handle);
  if (record->ports.access != 0) ports_.Release(record->worker, record->ports);
  --loads_[record->worker].sessions;
  return true;
}

void SessionDirectory::Touch(const std::string& controller_id) {
  const std::lock_guard lock(mutex_);
  last_seen_[controller_id] = Clock::now();
}

std::vector<std::string> SessionDirectory::Expired(Clock::duration lease) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> expired;
  const Clock::time_point now = Clock::now();
  for (const auto& [id, record] : by_id_) {
    const auto seen = last_seen_.find(record->controller_id);
    if (seen != last_seen_.end() && now - seen->second <= lease) continue;
    if (std::ranges::find(expired, record->controller_id) == expired.end()) {
      expired.push_back(record->controller_id);
    }
  }
  return expired;
}

}  // namespace byon::rpc
