#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace byon::load {

// Commands that are under way. Thread-safe.
class PendingCount {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    --count_;
    done_.notify_all();
  }
  void WaitForNone() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  size_t count_ = 0;
};

}  // namespace byon::load
