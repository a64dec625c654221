#include "controlplane/store/sqlite_database.h"

namespace byon::store {
namespace {

// FNV-1a: enough to notice a flipped bit, which is all it is for.
int64_t Checksum(std::string_view key, std::string_view value) {
  uint64_t hash = 14695981039346656037ULL;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xffU) * 1099511628211ULL;
  };
  add(key);
  add(value);
  return static_cast<int64_t>(hash);
}

void BindText(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_blob64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT);
}

std::string ColumnText(sqlite3_stmt* statement, int index) {
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, index));
  const void* bytes = sqlite3_column_blob(statement, index);
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

}  // namespace

SqliteDatabase::SqliteDatabase(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) Fail(code);
  sqlite3_busy_timeout(handle_.get(), 2000);
  // Of a new file. A registration is about a kilobyte: in pages of 4 KB, of which a row may have a quarter, each would
  // take an overflow page of its own (4.7 KB a record on disk instead of 1.4).
  Run("PRAGMA page_size=8192");
  // WAL with synchronous=NORMAL survives the death of the process; only a power cut may take the last
  // moments, and those belong to calls that the power cut ended too.
  Run("PRAGMA journal_mode=WAL");
  Run("PRAGMA synchronous=NORMAL");
  Run("PRAGMA trusted_schema=OFF");
  Run("CREATE TABLE IF NOT EXISTS record(kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
      " expires_at_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID");
  Run("CREATE TABLE IF NOT EXISTS quarantine(kind INTEGER, key BLOB, value BLOB, at_ms INTEGER)");
  const Statement check = Prepare("PRAGMA quick_check(1)");
  if (sqlite3_step(check.get()) != SQLITE_ROW || ColumnText(check.get(), 0) != "ok") {
    throw SqliteError(SQLITE_CORRUPT, "the database is damaged");
  }
  put_ = Prepare(
      "INSERT INTO record VALUES(?1,?2,?3,?4,?5) ON CONFLICT(kind,key) DO UPDATE SET "
      "value=excluded.value, expires_at_ms=excluded.expires_at_ms, checksum=excluded.checksum");
  delete_ = Prepare("DELETE FROM record WHERE kind=?1 AND key=?2");
  purge_ = Prepare("DELETE FROM record WHERE expires_at_ms>0 AND expires_at_ms<=?1");
  load_ = Prepare(
      "SELECT key,value,expires_at_ms,checksum FROM record WHERE kind=?1 AND "
      "(expires_at_ms=0 OR expires_at_ms>?2) AND key>=?3 ORDER BY key LIMIT ?4");
  find_ = Prepare(
      "SELECT key,value,expires_at_ms,checksum FROM record WHERE kind=?1 AND "
      "(expires_at_ms=0 OR expires_at_ms>?2) AND key=?3 LIMIT ?4");
}

void SqliteDatabase::Rollback() noexcept { sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr); }

void SqliteDatabase::Put(Kind kind, std::string_view key, std::string_view value, int64_t expires_at_ms) {
  sqlite3_bind_int(put_.get(), 1, static_cast<int>(kind));
  BindText(put_.get(), 2, key);
  BindText(put_.get(), 3, value);
  sqlite3_bind_int64(put_.get(), 4, expires_at_ms);
  sqlite3_bind_int64(put_.get(), 5, Checksum(key, value));
  Step(put_.get());
}

void SqliteDatabase::Delete(Kind kind, std::string_view key) {
  sqlite3_bind_int(delete_.get(), 1, static_cast<int>(kind));
  BindText(delete_.get(), 2, key);
  Step(delete_.get());
}

void SqliteDatabase::Purge(int64_t now_ms) {
  sqlite3_bind_int64(purge_.get(), 1, now_ms);
  Step(purge_.get());
}

SqliteDatabase::Page SqliteDatabase::Load(Kind kind, const std::string& after, size_t most, int64_t now_ms) {
  Page page;
  std::vector<Record> bad;
  // The next key there can be.
  page.last_key = Collect(load_.get(), kind, after.empty() ? after : after + '\0', most, now_ms, page.good, bad);
  Quarantine(kind, bad, now_ms);
  page.quarantined = bad.size();
  return page;
}

SqliteDatabase::Page SqliteDatabase::LoadKeys(Kind kind, const std::vector<std::string>& keys, int64_t now_ms) {
  Page page;
  std::vector<Record> bad;
  for (const std::string& key : keys) Collect(find_.get(), kind, key, 1, now_ms, page.good, bad);
  Quarantine(kind, bad, now_ms);
  page.quarantined = bad.size();
  return page;
}

std::optional<std::string> SqliteDatabase::Collect(sqlite3_stmt* statement, Kind kind, std::string_view key,
                                                   size_t most, int64_t now_ms, std::vector<Record>& good,
                                                   std::vector<Record>& bad) {
  sqlite3_bind_int(statement, 1, static_cast<int>(kind));
  sqlite3_bind_int64(statement, 2, now_ms);
  BindText(statement, 3, key);
  sqlite3_bind_int64(statement, 4, static_cast<int64_t>(most));
  std::optional<std::string> last_key;
  int code = SQLITE_ROW;
  size_t seen = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    Record record{ColumnText(statement, 0), ColumnText(statement, 1), std::nullopt};
    const int64_t expires_at_ms = sqlite3_column_int64(statement, 2);
    if (expires_at_ms != 0) {
      record.expires_at = std::chrono::system_clock::time_point(std::chrono::milliseconds(expires_at_ms));
    }
    const bool is_good = sqlite3_column_int64(statement, 3) == Checksum(record.key, record.value);
    if (++seen == most) last_key = record.key;
    (is_good ? good : bad).push_back(std::move(record));
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (code != SQLITE_DONE) Fail(code);
  return last_key;
}

void SqliteDatabase::Quarantine(Kind kind, const std::vector<Record>& bad, int64_t now_ms) {
  for (const Record& record : bad) {
    const Statement keep = Prepare("INSERT INTO quarantine VALUES(?1,?2,?3,?4)");
    sqlite3_bind_int(keep.get(), 1, static_cast<int>(kind));
    BindText(keep.get(), 2, record.key);
    BindText(keep.get(), 3, record.value);
    sqlite3_bind_int64(keep.get(), 4, now_ms);
    Step(keep.get());
    Delete(kind, record.key);
  }
}

void SqliteDatabase::Run(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Fail(code);
}

SqliteDatabase::Statement SqliteDatabase::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql, -1, &statement, nullptr);
  if (code != SQLITE_OK) Fail(code);
  return Statement(statement);
}

void SqliteDatabase::Step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (code != SQLITE_DONE) Fail(code);
}

void SqliteDatabase::Fail(int code) {
  throw SqliteError(code & 0xff, handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code));
}

}  // namespace byon::store
