#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/store/store.h"

namespace byon::store {

struct SqliteStoreConfig {
  std::string path;
  // Writes waiting for a slow disk; beyond it the oldest waiting write of other keys is kept and the
  // new one is dropped and counted, so that memory stays bounded.
  size_t max_pending = 200'000;
  std::chrono::seconds purge_interval{60};
  // Told once for each thing an operator should see (quarantined file or record, failing disk).
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

struct SqliteStoreStats {
  uint64_t written = 0;
  uint64_t failed_writes = 0;
  uint64_t dropped_writes = 0;
  uint64_t quarantined_records = 0;
  bool was_file_quarantined = false;
};

// One SQLite file in WAL mode behind a writer thread of its own: callers only append to a queue. A file
// that is not a database is moved aside and a new one begun; a record whose checksum is wrong goes to
// a quarantine table and is never looked at again. Any thread.
class SqliteStore final : public Store {
 public:
  // Throws std::runtime_error with one sentence when the file can neither be opened nor replaced.
  explicit SqliteStore(SqliteStoreConfig config);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  void Put(Kind kind, std::string_view key, std::string_view value,
           std::optional<std::chrono::system_clock::time_point> expires_at) override;
  void Delete(Kind kind, std::string_view key) override;
  void ReadPage(Kind kind, std::string after, std::function<void(Page)> done) override;
  void ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) override;
  void Flush() override;
  void AfterWrites(std::function<void(bool are_safe)> done) override;
  SqliteStoreStats stats() const;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace byon::store
