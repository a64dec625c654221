#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

struct su_root_s;
struct su_timer_s;
struct su_msg_s;

namespace byon::sip {

// One thread with sofia-sip's event loop: tasks come in from any thread, timers run on it. Everything
// that touches the library happens here.
class SipThread {
 public:
  using Task = std::function<void()>;
  using Clock = std::chrono::steady_clock;
  using TimerId = std::pair<Clock::time_point, uint64_t>;  // when, and which of those; second 0: none

  SipThread();
  ~SipThread();
  SipThread(const SipThread&) = delete;
  SipThread& operator=(const SipThread&) = delete;

  void Start();
  // Runs `last` on the thread, then ends it. Tasks posted later are dropped.
  void Stop(Task last);
  // Any thread. In order.
  void Post(Task task);
  // Any other thread: runs the task and waits for its end.
  void PostAndWait(const Task& task);

  // On the thread only.
  TimerId After(std::chrono::milliseconds delay, Task task);
  void Cancel(TimerId id);
  su_root_s* root() { return root_; }

 private:
  void Run();
  void DrainTasks();
  void RunDueTimers();
  void ArmTimer();
  void PostLocked(Task task);
  static void OnWake(void* magic, su_msg_s** message, void* argument);
  static void OnTimer(void* magic, su_timer_s* timer, void* argument);

  su_root_s* root_ = nullptr;
  su_timer_s* timer_ = nullptr;
  std::map<TimerId, Task> timers_;
  uint64_t last_timer_ = 0;

  std::mutex mutex_;  // guards the two below, and keeps the loop alive while a Post wakes it
  std::vector<Task> tasks_;
  bool is_accepting_ = false;
  std::thread thread_;
};

// A deadline that dies with its owner; setting it anew replaces it.
class ScopedTimer {
 public:
  explicit ScopedTimer(SipThread& thread) : thread_(thread) {}
  ~ScopedTimer() { Clear(); }
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;

  void Set(std::chrono::milliseconds delay, SipThread::Task task) {
    Clear();
    id_ = thread_.After(delay, [this, run = std::move(task)] {
      id_ = {};
      const SipThread::Task keep = run;  // the task may destroy this timer
      keep();
    });
  }
  void Clear() {
    if (is_set()) thread_.Cancel(id_);
    id_ = {};
  }
  bool is_set() const { return id_.second != 0; }

 private:
  SipThread& thread_;
  SipThread::TimerId id_{};
};

}  // namespace byon::sip
