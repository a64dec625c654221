#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>

#include "controlplane/store/memory_store.h"
#include "controlplane/store/scoped_store.h"
#include "controlplane/store/slice_reader.h"
#include "controlplane/store/sqlite_store.h"

namespace byon::store {
namespace {

using std::chrono::hours;
using std::chrono::system_clock;

class StoreFile {
 public:
  StoreFile() {
    std::string name = (std::filesystem::temp_directory_path() / "byon-store-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~StoreFile() { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ / "state.db"; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

std::vector<std::string> Values(Store& store, Kind kind) {
  std::vector<std::string> values;
  for (const Record& record : store.LoadAll(kind)) values.push_back(record.key + "=" + record.value);
  return values;
}

void KeepsNewestByKindAndKey(Store& store) {
  store.Put(Kind::kCall, "a", "1", std::nullopt);
  store.Put(Kind::kCall, "a", "2", std::nullopt);
  store.Put(Kind::kChannel, "a", "3", std::nullopt);
  store.Put(Kind::kCall, "b", std::string("\0x", 2), std::nullopt);
  store.Put(Kind::kCall, "c", "gone", std::nullopt);
  store.Delete(Kind::kCall, "c");
  store.Put(Kind::kCall, "old", "x", system_clock::now() - hours(1));
  store.Put(Kind::kCall, "young", "y", system_clock::now() + hours(1));
  EXPECT_EQ(Values(store, Kind::kCall), (std::vector<std::string>{"a=2", std::string("b=\0x", 4), "young=y"}));
  EXPECT_EQ(Values(store, Kind::kChannel), std::vector<std::string>{"a=3"});
}

TEST(MemoryStoreTest, KeepsNewestByKindAndKey) {
  MemoryStore store;
  KeepsNewestByKindAndKey(store);
}

TEST(SqliteStoreTest, KeepsNewestByKindAndKey) {
  const StoreFile file;
  SqliteStore store({.path = file.path()});
  KeepsNewestByKindAndKey(store);
}

// Pages of all sizes: what one owner reads is his, all of it and once.
void OwnersReadPageByPage(Store& store) {
  const std::vector<std::pair<std::string, int>> owners{{"", 1500}, {"north", 2500}, {"north-sea", 1000}, {"south", 0}};
  for (const auto& [name, count] : owners) {
    ScopedStore scoped(store, name);
    for (int i = 0; i < count; ++i) scoped.Put(Kind::kCall, std::to_string(10000 + i), name, std::nullopt);
  }
  for (const auto& [name, count] : owners) {
    ScopedStore scoped(store, name);
    std::vector<std::string> keys;
    scoped.ForEach(Kind::kCall, [&, &name = name](const Record& record) {
      EXPECT_EQ(record.value, name);
      keys.push_back(record.key);
    });
    EXPECT_EQ(keys.size(), static_cast<size_t>(count)) << name;
    EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
    std::promise<std::vector<Record>> promise;
    scoped.Put(Kind::kCall, "old", "v", system_clock::now() - hours(1));
    scoped.ReadKeys(Kind::kCall, {"10999", "nobody", "old", "10000"},
                    [&](std::vector<Record> found) { promise.set_value(std::move(found)); });
    const auto found = promise.get_future().get();
    EXPECT_EQ(found.size(), count > 0 ? 2u : 0u) << name;
    for (const Record& record : found) EXPECT_TRUE(record.key == "10999" || record.key == "10000") << record.key;
  }
}

TEST(ScopedStoreTest, OwnersReadPageByPage) {
  MemoryStore memory;
  OwnersReadPageByPage(memory);
  const StoreFile file;
  SqliteStore sqlite({.path = file.path()});
  OwnersReadPageByPage(sqlite);
}

TEST(ScopedStoreTest, OwnersDoNotSeeEachOther) {
  MemoryStore store;
  ScopedStore nameless(store, "");
  ScopedStore north(store, "north");
  ScopedStore north_sea(store, "north-sea");
  nameless.Put(Kind::kChannel, "c/1", "of all", std::nullopt);
  north.Put(Kind::kChannel, "c/1", "of north", std::nullopt);
  north_sea.Put(Kind::kChannel, "e/1/2", "of the sea", std::nullopt);
  EXPECT_EQ(Values(nameless, Kind::kChannel), std::vector<std::string>{"c/1=of all"});
  EXPECT_EQ(Values(north, Kind::kChannel), std::vector<std::string>{"c/1=of north"});
  EXPECT_EQ(Values(north_sea, Kind::kChannel), std::vector<std::string>{"e/1/2=of the sea"});
  EXPECT_EQ(Values(store, Kind::kChannel).front(), "@north-sea/e/1/2=of the sea");
  north.Delete(Kind::kChannel, "c/1");
  EXPECT_EQ(Values(nameless, Kind::kChannel), std::vector<std::string>{"c/1=of all"});
  EXPECT_TRUE(Values(north, Kind::kChannel).empty());
}

TEST(ScopedStoreTest, RecordsOfOwnersThatAreGoneAreRemoved) {
  MemoryStore store;
  ScopedStore(store, "").Put(Kind::kCall, "a", "1", std::nullopt);
  ScopedStore(store, "north").Put(Kind::kCall, "a", "2", std::nullopt);
  ScopedStore(store, "north").Put(Kind::kRegistration, "r", "3", std::nullopt);
  ScopedStore(store, "south").Put(Kind::kCall, "a", "4", std::nullopt);
  using Removed = std::map<std::string, RemovedRecords>;
  EXPECT_EQ(RemoveOtherScopes(store, {"south", ""}),
            (Removed{{"north", {{Kind::kRegistration, 1}, {Kind::kCall, 1}}}}));
  EXPECT_EQ(Values(store, Kind::kCall), (std::vector<std::string>{"@south/a=4", "a=1"}));
  EXPECT_TRUE(Values(store, Kind::kRegistration).empty());
  EXPECT_EQ(RemoveOtherScopes(store, {"south"}), (Removed{{"", {{Kind::kCall, 1}}}}));
}

TEST(SqliteStoreTest, OutlivesItsProcess) {
  const StoreFile file;
  const auto expiry = std::chrono::time_point_cast<std::chrono::milliseconds>(system_clock::now() + hours(2));
  {
    SqliteStore store({.path = file.path()});
    store.Put(Kind::kRegistration, "r", "value", expiry);
    store.Flush();
    // A second reader sees what Flush promised, while the first is still there: nothing waits for exit.
    SqliteStore other({.path = file.path()});
    EXPECT_EQ(Values(other, Kind::kRegistration), std::vector<std::string>{"r=value"});
  }
  SqliteStore store({.path = file.path()});
  const std::vector<Record> records = store.LoadAll(Kind::kRegistration);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].expires_at, expiry);
}

TEST(SqliteStoreTest, TellsWhenWritesAreSafe) {
  const StoreFile file;
  SqliteStore store({.path = file.path()});
  store.Put(Kind::kMessage, "m", "value", std::nullopt);
  std::promise<std::vector<std::string>> seen;
  store.AfterWrites([&](bool are_safe) {
    EXPECT_TRUE(are_safe);
    SqliteStore other({.path = file.path()});
    seen.set_value(Values(other, Kind::kMessage));
  });
  EXPECT_EQ(seen.get_future().get(), std::vector<std::string>{"m=value"});
}

TEST(SqliteStoreTest, VisitsManyInOrderAndMayBeWrittenMeanwhile) {
  const StoreFile file;
  SqliteStore store({.path = file.path()});
  constexpr int kMany = 2500;  // more than two pages
  for (int i = 0; i < kMany; ++i) {
    char key[8];
    std::snprintf(key, sizeof(key), "%05d", i);
    store.Put(Kind::kRegistration, key, "v", std::nullopt);
  }
  store.Put(Kind::kRegistration, std::string_view("00007\0x", 7), "behind a key that it begins with", std::nullopt);
  store.Put(Kind::kCall, "00000", "of another kind", std::nullopt);
  std::vector<std::string> keys;
  store.ForEach(Kind::kRegistration, [&](const Record& record) {
    keys.push_back(record.key);
    store.Delete(Kind::kRegistration, record.key);
  });
  EXPECT_EQ(keys.size(), kMany + 1u);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_TRUE(store.LoadAll(Kind::kRegistration).empty());
  EXPECT_EQ(store.LoadAll(Kind::kCall).size(), 1u);
}

TEST(SqliteStoreTest, ARecordTakesNoPageOfItsOwn) {
  const StoreFile file;
  {
    SqliteStore store({.path = file.path()});
    for (int i = 0; i < 1000; ++i) {
      store.Put(Kind::kRegistration, std::to_string(i * 7919 % 1000), std::string(1200, 'v'), std::nullopt);
    }
  }
  EXPECT_LT(std::filesystem::file_size(file.path()), 2'500'000u);
}

TEST(SqliteStoreTest, SaysWhenWritesAreNotSafe) {
  const StoreFile file;
  SqliteStore store({.path = file.path()});
  store.Flush();
  // Somebody holds the file for longer than a writer waits.
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(file.path().c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  store.Put(Kind::kRegistration, "r", "value", std::nullopt);
  std::promise<bool> answer;
  store.AfterWrites([&](bool are_safe) { answer.set_value(are_safe); });
  EXPECT_FALSE(answer.get_future().get());
  ASSERT_EQ(sqlite3_exec(raw, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  // It was tried again.
  std::vector<std::string> values;
  for (int i = 0; i < 100 && values.empty(); ++i) values = Values(store, Kind::kRegistration);
  EXPECT_EQ(values, std::vector<std::string>{"r=value"});
}

TEST(SqliteStoreTest, NobodyElseMayRead) {
  const StoreFile file;
  SqliteStore store({.path = file.path()});
  store.Put(Kind::kCall, "a", "1", std::nullopt);
  store.Flush();
  struct stat status {};
  ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(SqliteStoreTest, SetsADamagedFileAsideAndBeginsANewOne) {
  const StoreFile file;
  std::ofstream(file.path()) << std::string(8192, 'x');
  std::vector<std::string> warnings;
  SqliteStore store({.path = file.path(), .warn = [&](const std::string& w) { warnings.push_back(w); }});
  store.Put(Kind::kCall, "a", "1", std::nullopt);
  EXPECT_EQ(Values(store, Kind::kCall), std::vector<std::string>{"a=1"});
  EXPECT_TRUE(store.stats().was_file_quarantined);
  ASSERT_EQ(warnings.size(), 1u);
  bool is_aside = false;
  for (const auto& entry : std::filesystem::directory_iterator(file.directory())) {
    is_aside |= entry.path().string().find(".corrupt-") != std::string::npos;
  }
  EXPECT_TRUE(is_aside);
}

TEST(SqliteStoreTest, QuarantinesADamagedRecordOnce) {
  const StoreFile file;
  {
    SqliteStore store({.path = file.path()});
    store.Put(Kind::kCall, "bad", "precious", std::nullopt);
    store.Put(Kind::kCall, "good", "1", std::nullopt);
  }
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(file.path().c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "UPDATE record SET value=CAST('preciouz' AS BLOB) WHERE value=CAST('precious' AS BLOB)",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(raw);
  SqliteStore store({.path = file.path()});
  EXPECT_EQ(Values(store, Kind::kCall), std::vector<std::string>{"good=1"});
  EXPECT_EQ(store.stats().quarantined_records, 1u);
  EXPECT_EQ(Values(store, Kind::kCall), std::vector<std::string>{"good=1"});
  EXPECT_EQ(store.stats().quarantined_records, 1u);
}

TEST(SqliteStoreTest, TellsWhyItCannotOpen) {
  try {
    const SqliteStore store({.path = "/nonexistent-directory/state.db"});
    FAIL() << "opened";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent-directory/state.db"), std::string::npos);
  }
}

TEST(SqliteStoreTest, PurgesTheExpired) {
  const StoreFile file;
  SqliteStore store({.path = file.path(), .purge_interval = std::chrono::seconds(0)});
  store.Put(Kind::kCall, "old", "x", system_clock::now() - hours(1));
  store.Flush();
  store.Flush();  // the purge of the first turn has happened before the second answer
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(file.path().c_str(), &raw), SQLITE_OK);
  sqlite3_stmt* count = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(raw, "SELECT count(*) FROM record", -1, &count, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_step(count), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(count, 0), 0);
  sqlite3_finalize(count);
  sqlite3_close(raw);
}

TEST(SqliteStoreTest, KeepsTheOrderOfManyWrites) {
  const StoreFile file;
  SqliteStore store({.path = file.path()});
  for (int i = 0; i < 2000; ++i) {
    store.Put(Kind::kChannel, "k" + std::to_string(i % 10), std::to_string(i), std::nullopt);
  }
  const std::vector<Record> records = store.LoadAll(Kind::kChannel);
  ASSERT_EQ(records.size(), 10u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(records[static_cast<size_t>(i)].value, std::to_string(1990 + i));
}

// What waits for the strand, run one by one.
class SliceReaderTest : public ::testing::Test {
 protected:
  SliceReaderTest() {
    for (int i = 0; i < 2345; ++i) store_.Put(Kind::kWatch, std::to_string(100000 + i), "value", {});
  }
  MemoryStore store_;
  std::deque<std::function<void()>> posted_;
  SliceReader reader_{store_, [this](std::function<void()> task) { posted_.push_back(std::move(task)); }};
  std::vector<std::string> keys_;
  bool is_done_ = false;

  void ReadAll() {
    reader_.ReadAll(
        Kind::kWatch, [this](Record& record) { keys_.push_back(record.key); }, [this] { is_done_ = true; });
  }
  void RunOne() {
    const auto task = std::move(posted_.front());
    posted_.pop_front();
    task();
  }
};

TEST_F(SliceReaderTest, TakesAllInOrderAndFewAtATime) {
  ReadAll();
  EXPECT_TRUE(keys_.empty());
  for (size_t known = 0; !posted_.empty(); known = keys_.size()) {
    RunOne();
    EXPECT_LE(keys_.size() - known, SliceReader::kSlice);
  }
  EXPECT_TRUE(is_done_);
  EXPECT_EQ(keys_.size(), 2345u);
  EXPECT_TRUE(std::is_sorted(keys_.begin(), keys_.end()));
  EXPECT_EQ(std::adjacent_find(keys_.begin(), keys_.end()), keys_.end());
}

TEST_F(SliceReaderTest, TakesThoseOfSomeKeysOnly) {
  reader_.ReadKeys(
      Kind::kWatch, {"100007", "nobody", "102000"}, [this](Record& record) { keys_.push_back(record.key); },
      [this] { is_done_ = true; });
  while (!posted_.empty()) RunOne();
  EXPECT_TRUE(is_done_);
  EXPECT_EQ(keys_, (std::vector<std::string>{"100007", "102000"}));
}

TEST_F(SliceReaderTest, TellsNobodyOnceItIsStopped) {
  ReadAll();
  while (keys_.empty()) RunOne();
  const size_t known = keys_.size();
  reader_.Stop();
  while (!posted_.empty()) RunOne();
  EXPECT_EQ(keys_.size(), known);
  EXPECT_FALSE(is_done_);
}

TEST_F(SliceReaderTest, IsThroughAtOnceWhereNothingLeadsAway) {
  SliceReader reader(store_, nullptr);
  reader.ReadAll(
      Kind::kWatch, [this](Record& record) { keys_.push_back(record.key); }, [this] { is_done_ = true; });
  EXPECT_TRUE(is_done_);
  EXPECT_EQ(keys_.size(), 2345u);
}

}  // namespace
}  // namespace byon::store
