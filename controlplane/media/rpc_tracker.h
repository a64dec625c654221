#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace byon::media {

// Knows every call that gRPC's threads still have in hand, so that a stop can cancel them and wait
// until none is left. Thread-safe.
class RpcTracker {
 public:
  // False after Stop: the call must not be started.
  [[nodiscard]] bool Begin(grpc::ClientContext* context) {
    std::lock_guard lock(mutex_);
    if (is_stopped_) return false;
    contexts_.insert(context);
    return true;
  }
  // The last thing a call's completion does.
  void End(grpc::ClientContext* context) {
    std::lock_guard lock(mutex_);
    contexts_.erase(context);
    done_.notify_all();
  }
  // The same for a timer of gRPC's, whose callback runs in any case. Cancel it before Stop.
  [[nodiscard]] bool BeginTimer() {
    std::lock_guard lock(mutex_);
    if (is_stopped_) return false;
    ++timers_;
    return true;
  }
  void EndTimer() {
    std::lock_guard lock(mutex_);
    --timers_;
    done_.notify_all();
  }
  void Stop() {
    std::unique_lock lock(mutex_);
    is_stopped_ = true;
    // A cancellation may run completions on this very thread, and those end other calls.
    for (grpc::ClientContext* context : std::vector(contexts_.begin(), contexts_.end())) {
      if (contexts_.contains(context)) context->TryCancel();
    }
    done_.wait(lock, [this] { return contexts_.empty() && timers_ == 0; });
  }

 private:
  std::recursive_mutex mutex_;
  std::condition_variable_any done_;
  std::set<grpc::ClientContext*> contexts_;
  int timers_ = 0;
  bool is_stopped_ = false;
};

}  // namespace byon::media
