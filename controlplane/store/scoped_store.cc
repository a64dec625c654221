#include "controlplane/store/scoped_store.h"

#include <utility>

namespace byon::store {
namespace {

// No key of a room begins so: they begin with an id or a letter and a slash.
constexpr char kMark = '@';

std::string PrefixOf(const std::string& scope) { return scope.empty() ? "" : kMark + scope + "/"; }

std::string ScopeOf(std::string_view key) {
  return key.starts_with(kMark) ? std::string(key.substr(1, key.find('/') - 1)) : "";
}

}  // namespace

ScopedStore::ScopedStore(Store& store, const std::string& scope) : store_(store), prefix_(PrefixOf(scope)) {}

void ScopedStore::Put(Kind kind, std::string_view key, std::string_view value,
                      std::optional<std::chrono::system_clock::time_point> expires_at) {
  store_.Put(kind, prefix_ + std::string(key), value, expires_at);
}

void ScopedStore::Delete(Kind kind, std::string_view key) { store_.Delete(kind, prefix_ + std::string(key)); }

void ScopedStore::ForEach(Kind kind, const std::function<void(Record)>& visit) {
  store_.ForEach(kind, [&](Record record) {
    if (prefix_.empty() ? record.key.starts_with(kMark) : !record.key.starts_with(prefix_)) return;
    record.key.erase(0, prefix_.size());
    visit(std::move(record));
  });
}

std::map<std::string, RemovedRecords> RemoveOtherScopes(Store& store, const std::set<std::string>& kept) {
  std::map<std::string, RemovedRecords> removed;
  for (const Kind kind : kKinds) {
    store.ForEach(kind, [&](const Record& record) {
      const std::string scope = ScopeOf(record.key);
      if (kept.contains(scope)) return;
      store.Delete(kind, record.key);
      ++removed[scope][kind];
    });
  }
  return removed;
}

}  // namespace byon::store
