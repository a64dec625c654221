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

// One by one, so that `visit` may write.
void MemoryStore::ForEach(Kind kind, const std::function<void(Record)>& visit) {
  const auto now = std::chrono::system_clock::now();
  std::unique_lock lock(mutex_);
  for (auto it = records_.lower_bound({kind, ""}); it != records_.end() && it->first.first == kind;) {
    if (it->second.expires_at && *it->second.expires_at <= now) {
      it = records_.erase(it);
      continue;
    }
    Record record = it->second;
    const auto key = it->first;
    lock.unlock();
    visit(std::move(record));
    lock.lock();
    it = records_.upper_bound(key);
  }
}

}  // namespace byon::store
