#include "controlplane/store/sqlite_store.h"

#include <sys/stat.h>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "controlplane/store/sqlite_database.h"

namespace byon::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr size_t kPageRecords = 1000;

int64_t ToMilliseconds(system_clock::time_point time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

int64_t NowMilliseconds() { return ToMilliseconds(system_clock::now()); }

struct Write {
  Kind kind{};
  std::string key;
  std::optional<std::string> value;  // none: delete
  int64_t expires_at_ms = 0;
};

}  // namespace

class SqliteStore::Writer {
 public:
  explicit Writer(SqliteStoreConfig config) : config_(std::move(config)) {
    Open();
    thread_ = std::thread([this] { Run(); });
  }

  ~Writer() {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void Append(Write write) {
    {
      const std::lock_guard lock(mutex_);
      if (writes_.size() >= config_.max_pending) {
        ++stats_.dropped_writes;
        has_dropped_ = true;
        return;
      }
      writes_.push_back(std::move(write));
    }
    wake_.notify_one();
  }

  void ReadPage(Kind kind, std::string after, std::function<void(Page)> done) {
    Ask([this, kind, after = std::move(after), done = std::move(done)](bool) {
      auto page = Read([&] { return database_->Load(kind, after, kPageRecords, NowMilliseconds()); });
      done({std::move(page.good), std::move(page.last_key)});
    });
  }

  void ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) {
    Ask([this, kind, keys = std::move(keys), done = std::move(done)](bool) {
      done(std::move(Read([&] { return database_->LoadKeys(kind, keys, NowMilliseconds()); }).good));
    });
  }

  void Flush() {
    std::promise<void> promise;
    auto future = promise.get_future();
    Ask([&promise](bool) { promise.set_value(); });
    future.get();
  }

  // Runs on the writer thread after every earlier write, or after the try that failed.
  void Ask(std::function<void(bool are_safe)> question) {
    {
      const std::lock_guard lock(mutex_);
      questions_.push_back(std::move(question));
    }
    wake_.notify_one();
  }

  SqliteStoreStats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  // Runs on the writer thread. What cannot be read is as if it were not there: the operator is told.
  template <typename Load>
  SqliteDatabase::Page Read(Load load) {
    try {
      SqliteDatabase::Page page = load();
      if (page.quarantined == 0) return page;
      {
        const std::lock_guard lock(mutex_);
        stats_.quarantined_records += page.quarantined;
      }
      config_.warn(std::to_string(page.quarantined) + " damaged records were set aside in " + config_.path);
      return page;
    } catch (const SqliteError& error) {
      config_.warn("cannot read " + config_.path + ": " + error.what());
      return {};
    }
  }

  void Open() {
    // Tokens of webhook sinks are in there: nobody else may read it.
    const mode_t old_mask = ::umask(S_IRWXG | S_IRWXO);
    try {
      OpenOrReplace();
    } catch (const SqliteError& error) {
      ::umask(old_mask);
      throw std::runtime_error("store.path: cannot open " + config_.path + ": " + error.what());
    }
    ::umask(old_mask);
  }

  void OpenOrReplace() {
    try {
      database_ = std::make_unique<SqliteDatabase>(config_.path);
    } catch (const SqliteError& error) {
      if (!error.is_corruption()) throw;
      database_.reset();
      const std::string aside = config_.path + ".corrupt-" + std::to_string(NowMilliseconds());
      for (const char* suffix : {"", "-wal", "-shm"}) {
        std::rename((config_.path + suffix).c_str(), (aside + suffix).c_str());
      }
      stats_.was_file_quarantined = true;
      config_.warn(config_.path + " is damaged; it was moved to " + aside + " and a new store begun");
      database_ = std::make_unique<SqliteDatabase>(config_.path);
    }
  }

  void Run() {
    auto next_purge = steady_clock::now() + config_.purge_interval;
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait_until(lock, next_purge, [this] { return is_stopping_ || !writes_.empty() || !questions_.empty(); });
      std::deque<Write> writes;
      std::deque<std::function<void(bool)>> questions;
      writes.swap(writes_);
      questions.swap(questions_);
      const bool has_lost = std::exchange(has_dropped_, false);
      const bool is_last = is_stopping_;
      lock.unlock();
      const bool are_safe = Apply(std::move(writes)) && !has_lost;
      for (const auto& question : questions) question(are_safe);
      if (steady_clock::now() >= next_purge) {
        Guarded([this] { database_->Purge(NowMilliseconds()); });
        next_purge = steady_clock::now() + config_.purge_interval;
      }
      lock.lock();
      if (is_last && writes_.empty() && questions_.empty()) return;
    }
  }

  // False when they could not be written; they may be later.
  bool Apply(std::deque<Write> writes) {
    if (writes.empty()) return true;
    const uint64_t count = writes.size();
    const bool is_done = Guarded([this, &writes] {
      database_->Begin();
      for (const Write& write : writes) {
        if (write.value) {
          database_->Put(write.kind, write.key, *write.value, write.expires_at_ms);
        } else {
          database_->Delete(write.kind, write.key);
        }
      }
      database_->Commit();
    });
    const std::lock_guard lock(mutex_);
    (is_done ? stats_.written : stats_.failed_writes) += count;
    if (is_done || is_stopping_) return is_done;
    // A full disk may have room again: the writes go first in the queue for another try, as long as the
    // queue has room for them.
    if (writes.size() + writes_.size() > config_.max_pending) {
      stats_.dropped_writes += count;
      return false;
    }
    for (auto it = writes.rbegin(); it != writes.rend(); ++it) writes_.push_front(std::move(*it));
    return false;
  }

  template <typename Work>
  bool Guarded(Work work) {
    try {
      work();
      has_warned_ = false;
      return true;
    } catch (const SqliteError& error) {
      database_->Rollback();
      if (!has_warned_) config_.warn("cannot write " + config_.path + ": " + error.what());
      has_warned_ = true;
      std::this_thread::sleep_for(milliseconds(200));  // a failing disk is not asked faster than that
      return false;
    }
  }

  const SqliteStoreConfig config_;
  std::unique_ptr<SqliteDatabase> database_;
  bool has_warned_ = false;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Write> writes_;
  std::deque<std::function<void(bool)>> questions_;
  bool has_dropped_ = false;  // since the last questions were asked
  SqliteStoreStats stats_;
  bool is_stopping_ = false;
  std::thread thread_;
};

SqliteStore::SqliteStore(SqliteStoreConfig config) : writer_(std::make_unique<Writer>(std::move(config))) {}
SqliteStore::~SqliteStore() = default;

void SqliteStore::Put(Kind kind, std::string_view key, std::string_view value,
                      std::optional<system_clock::time_point> expires_at) {
  writer_->Append(
      {kind, std::string(key), std::string(value), expires_at ? std::max<int64_t>(1, ToMilliseconds(*expires_at)) : 0});
}

void SqliteStore::Delete(Kind kind, std::string_view key) {
  writer_->Append({kind, std::string(key), std::nullopt, 0});
}

void SqliteStore::ReadPage(Kind kind, std::string after, std::function<void(Page)> done) {
  writer_->ReadPage(kind, std::move(after), std::move(done));
}
void SqliteStore::ReadKeys(Kind kind, std::vector<std::string> keys, std::function<void(std::vector<Record>)> done) {
  writer_->ReadKeys(kind, std::move(keys), std::move(done));
}
void SqliteStore::Flush() { writer_->Flush(); }
void SqliteStore::AfterWrites(std::function<void(bool)> done) { writer_->Ask(std::move(done)); }
SqliteStoreStats SqliteStore::stats() const { return writer_->stats(); }

}  // namespace byon::store
