#pragma once

#include <map>
#include <set>
#include <string>

#include "controlplane/store/store.h"

namespace byon::store {

// One owner's part of a store: its records carry its name, and it sees no others. The owner without a name has
// the records without one, as a store of one owner alone would keep them. Thread-safety is the store's.
class ScopedStore final : public Store {
 public:
  // `scope` has no slash; the store outlives this.
  ScopedStore(Store& store, const std::string& scope);

  void Put(Kind kind, std::string_view key, std::string_view value,
           std::optional<std::chrono::system_clock::time_point> expires_at) override;
  void Delete(Kind kind, std::string_view key) override;
  // A page may have none of its owner's records and yet not be the last.
  void ReadPage(Kind kind, std::string after, std::function<void(Page)> done) override;
  void ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) override;
  void Flush() override { store_.Flush(); }
  void AfterWrites(std::function<void(bool are_safe)> done) override { store_.AfterWrites(std::move(done)); }

 private:
  Store& store_;
  const std::string prefix_;  // "@scope/"; empty for the owner without a name
};

// What was removed of one owner, by kind.
using RemovedRecords = std::map<Kind, size_t>;

// Deletes the records of all owners but these; blocks, so for start-up only.
[[nodiscard]] std::map<std::string, RemovedRecords> RemoveOtherScopes(Store& store, const std::set<std::string>& kept);

}  // namespace byon::store
