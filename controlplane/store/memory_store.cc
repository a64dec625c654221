#include "controlplane/store/memory_store.h"

namespace byon::store {
namespace {

constexpr size_t kPageRecords = 1000;

}  // namespace

void MemoryStore::Put(Kind kind, std::string_view key, std::string_view value,
                      std::optional<std::chrono::system_clock::time_point> expires_at) {
  const std::lock_guard lock(mutex_);
  records_[{kind, std::string(key)}] = Record{std::string(key), std::string(value), expires_at};
}

void MemoryStore::Delete(Kind kind, std::string_view key) {
  const std::lock_guard lock(mutex_);
  records_.erase({kind, std::string(key)});
}

void MemoryStore::ReadPage(Kind kind, std::string after, std::function<void(Page)> done) {
  const auto now = std::chrono::system_clock::now();
  Page page;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = records_.upper_bound({kind, std::move(after)}); it != records_.end() && it->first.first == kind;) {
      if (page.records.size() == kPageRecords) {
        page.next = page.records.back().key;
        break;
      }
      if (it->second.expires_at && *it->second.expires_at <= now) {
        it = records_.erase(it);
        continue;
      }
      page.records.push_back(it->second);
      ++it;
    }
  }
  done(std::move(page));
}

void MemoryStore::ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) {
  const auto now = std::chrono::system_clock::now();
  std::vector<Record> found;
  {
    const std::lock_guard lock(mutex_);
    for (std::string& key : keys) {
      const auto it = records_.find({kind, std::move(key)});
      if (it != records_.end() && (!it->second.expires_at || *it->second.expires_at > now)) found.push_back(it->second);
    }
  }
  done(std::move(found));
}

}  // namespace byon::store
