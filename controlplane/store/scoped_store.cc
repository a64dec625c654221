#include "controlplane/store/scoped_store.h"

#include <functional>
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

void ScopedStore::ReadPage(Kind kind, std::string after, std::function<void(Page)> done) {
  // An owner's records stand together, behind its bare prefix.
  if (after.empty()) after = prefix_;
  store_.ReadPage(kind, std::move(after), [prefix = prefix_, done = std::move(done)](Page page) {
    const auto is_own = [&prefix](const Record& record) {
      return prefix.empty() ? !record.key.starts_with(kMark) : record.key.starts_with(prefix);
    };
    if (!prefix.empty() && !page.records.empty() && !is_own(page.records.back())) page.next.reset();
    std::erase_if(page.records, std::not_fn(is_own));
    for (Record& record : page.records) record.key.erase(0, prefix.size());
    done(std::move(page));
  });
}

void ScopedStore::ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) {
  for (std::string& key : keys) key.insert(0, prefix_);
  store_.ReadKeys(kind, std::move(keys), [prefix = prefix_, done = std::move(done)](std::vector<Record> records) {
    for (Record& record : records) record.key.erase(0, prefix.size());
    done(std::move(records));
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
