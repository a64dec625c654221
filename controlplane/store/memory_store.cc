#include "controlplane/store/memory_store.h"

namespace byon::store {

void MemoryStore::Put(Kind kind, std::string_view key, std::string_view value,
                      std::optional<std::chrono::system_clock::time_point> expires_at) {
  const std::lock_guard lock(mutex_);
  records_[{kind, std::string(key)}] = Record{std::string(key), std::string(value), expires_at};
}

void MemoryStore::Delete(Kind kind, std::string_view key) {
  const std::lock_guard lock(mutex_);
  records_.erase({kind, std::string(key)});
}

std::vector<Record> MemoryStore::LoadAll(Kind kind) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::system_clock::now();
  std::vector<Record> found;
  for (auto it = records_.begin(); it != records_.end();) {
    if (it->second.expires_at && *it->second.expires_at <= now) {
      it = records_.erase(it);
      continue;
    }
    if (it->first.first == kind) found.push_back(it->second);
    ++it;
  }
  return found;
}

}  // namespace byon::store
