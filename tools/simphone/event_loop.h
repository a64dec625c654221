#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

namespace byon::simphone {

// One thread, readable descriptors and timers.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;
  using TimerId = uint64_t;

  void WatchReadable(int fd, std::function<void()> handler) { readers_[fd] = std::move(handler); }
  void Unwatch(int fd) { readers_.erase(fd); }

  // Runs `action` once; the id is never reused and never zero.
  TimerId RunAt(Clock::time_point when, std::function<void()> action);
  TimerId RunAfter(Milliseconds delay, std::function<void()> action) {
    return RunAt(Clock::now() + delay, std::move(action));
  }
  // Cancelling a timer that has run, or id zero, does nothing.
  void Cancel(TimerId id);

  // Runs until Stop().
  void Run();
  void Stop() { running_ = false; }

 private:
  void RunDueTimers();
  void WaitForReaders();

  struct Timer {
    TimerId id;
    std::function<void()> action;
  };
  std::map<int, std::function<void()>> readers_;
  std::multimap<Clock::time_point, Timer> timers_;
  TimerId last_id_ = 0;
  bool running_ = false;
};

}  // namespace byon::simphone
