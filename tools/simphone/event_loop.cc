#include "tools/simphone/event_loop.h"

#include <poll.h>
#include <time.h>

#include <algorithm>
#include <vector>

namespace byon::simphone {

EventLoop::TimerId EventLoop::RunAt(Clock::time_point when, std::function<void()> action) {
  const TimerId id = ++last_id_;
  timers_.emplace(when, Timer{id, std::move(action)});
  return id;
}

void EventLoop::Cancel(TimerId id) {
  const auto found = std::find_if(timers_.begin(), timers_.end(), [id](auto& t) { return t.second.id == id; });
  if (found != timers_.end()) timers_.erase(found);
}

void EventLoop::Run() {
  running_ = true;
  while (running_) {
    WaitForReaders();
    RunDueTimers();
  }
}

void EventLoop::RunDueTimers() {
  const Clock::time_point now = Clock::now();
  while (running_ && !timers_.empty() && timers_.begin()->first <= now) {
    auto node = timers_.extract(timers_.begin());
    node.mapped().action();
  }
}

void EventLoop::WaitForReaders() {
  std::vector<pollfd> polled;
  for (const auto& reader : readers_) polled.push_back({reader.first, POLLIN, 0});
  timespec timeout{1, 0};
  if (!timers_.empty()) {
    const auto left = std::max(Clock::duration::zero(), timers_.begin()->first - Clock::now());
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
    if (ns < 1'000'000'000) timeout = {0, static_cast<long>(ns)};
  }
  if (ppoll(polled.data(), polled.size(), &timeout, nullptr) <= 0) return;
  for (const pollfd& entry : polled) {
    if (entry.revents == 0 || !running_) continue;
    const auto found = readers_.find(entry.fd);
    if (found == readers_.end()) continue;  // an earlier handler closed it
    const std::function<void()> handler = found->second;
    handler();
  }
}

}  // namespace byon::simphone
