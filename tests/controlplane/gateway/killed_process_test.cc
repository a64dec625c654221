#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <set>

#include "controlplane/store/sqlite_store.h"
#include "tests/controlplane/gateway/fakes.h"

// A gateway on a real store, in a process that is killed while it tells clients of their registrations.
namespace byon::gateway {
namespace {

// The strand of the process to be killed.
class Strand {
 public:
  void Post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    has_task_.notify_one();
  }
  void RunOne() {
    std::unique_lock lock(mutex_);
    has_task_.wait(lock, [this] { return !tasks_.empty(); });
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_task_;
  std::deque<std::function<void()>> tasks_;
};

// Registers one after the other until it is killed, and writes the id of each to `pipe` as soon as its client is told.
[[noreturn]] void RegisterForEver(const std::string& path, int pipe) {
  World w;
  store::SqliteStore store({.path = path});
  Strand strand;
  SystemIdSource ids;
  w.gateway = std::make_unique<Gateway>(
      w.config, GatewayPorts{w.sip, w.registrar, w.media, store, w.subscribers, w.events, w.clock, ids, w.alarm,
                             nullptr, [&](auto task) { strand.Post(std::move(task)); }});
  for (int i = 0;; ++i) {
    w.user.subject = "user" + std::to_string(i);
    w.user.phone_number = "+34600" + std::to_string(100000 + i);
    bool is_told = false;
    w.gateway->CreateRegistration(w.user, {"device", {}, {}}, [&](const Outcome<Registration>& outcome) {
      const std::string line = std::get<Registration>(outcome).registration_id + "\n";
      if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
      is_told = true;
    });
    w.GrantRegistration();
    while (!is_told) strand.RunOne();
  }
}

// What it told before it was killed; it is killed as soon as it has told so much.
std::set<std::string> ToldBeforeDeath(const std::string& path, size_t lines) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t process = ::fork();
  if (process == 0) RegisterForEver(path, ends[1]);
  ::close(ends[1]);
  std::string text;
  char buffer[4096];
  bool is_killed = false;
  for (ssize_t size = 0; (size = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(size));
    if (!is_killed && static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >= lines) {
      is_killed = ::kill(process, SIGKILL) == 0;
    }
  }
  ::close(ends[0]);
  ::waitpid(process, nullptr, 0);
  EXPECT_TRUE(is_killed) << "it ended by itself";
  std::set<std::string> told;
  for (size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    told.insert(text.substr(begin, end - begin));
  }
  return told;
}

TEST(KilledProcess, LosesNoRegistrationThatAClientWasToldOf) {
  std::string name = (std::filesystem::temp_directory_path() / "byon-killed-XXXXXX").string();
  const std::filesystem::path directory = ::mkdtemp(name.data());
  for (size_t round = 1; round <= 8; ++round) {
    const std::string path = directory / ("store" + std::to_string(round) + ".db");
    const std::set<std::string> told = ToldBeforeDeath(path, round * 5);
    EXPECT_GE(told.size(), round * 5);
    store::SqliteStore store({.path = path});
    std::set<std::string> kept;
    store.ForEach(store::Kind::kRegistration, [&](const store::Record& record) { kept.insert(record.key); });
    for (const std::string& id : told) EXPECT_TRUE(kept.contains(id)) << "round " << round << ": " << id;
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace byon::gateway
