#pragma once

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/store/store.h"

namespace byon::store {

// The statements of the store on one connection; one thread at a time. Every method throws
// SqliteError when SQLite refuses.
class SqliteError : public std::exception {
 public:
  SqliteError(int code, std::string text) : code_(code), text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }
  // The file is damaged or not a database at all.
  bool is_corruption() const { return code_ == SQLITE_CORRUPT || code_ == SQLITE_NOTADB; }

 private:
  int code_;
  std::string text_;
};

class SqliteDatabase {
 public:
  // Opens or creates, and checks the whole file (PRAGMA quick_check).
  explicit SqliteDatabase(const std::string& path);

  void Begin() { Run("BEGIN IMMEDIATE"); }
  void Commit() { Run("COMMIT"); }
  void Rollback() noexcept;
  // Expiry in milliseconds since 1970, 0 for none.
  void Put(Kind kind, std::string_view key, std::string_view value, int64_t expires_at_ms);
  void Delete(Kind kind, std::string_view key);
  void Purge(int64_t now_ms);
  struct Page {
    std::vector<Record> good;
    uint64_t quarantined = 0;
    std::optional<std::string> last_key;  // where the next page goes on; none: this was the last
  };
  // The records of a kind whose keys are behind `after`, in order; at most so many. Empty: from the first one on.
  Page Load(Kind kind, const std::string& after, size_t most, int64_t now_ms);
  // Those with these keys.
  Page LoadKeys(Kind kind, const std::vector<std::string>& keys, int64_t now_ms);

 private:
  struct CloseDatabase {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  // Adds what a prepared SELECT of both finds; returns the last key where there were `most` of them.
  std::optional<std::string> Collect(sqlite3_stmt* statement, Kind kind, std::string_view key, size_t most,
                                     int64_t now_ms, std::vector<Record>& good, std::vector<Record>& bad);
  void Quarantine(Kind kind, const std::vector<Record>& bad, int64_t now_ms);
  void Run(const char* sql);
  Statement Prepare(const char* sql);
  void Step(sqlite3_stmt* statement);
  [[noreturn]] void Fail(int code);

  std::unique_ptr<sqlite3, CloseDatabase> handle_;
  Statement put_, delete_, purge_, load_, find_;
};

}  // namespace byon::store
