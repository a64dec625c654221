#pragma once

#include <functional>
#include <memory>

struct ev_loop;
struct ev_timer;

namespace byon::http {

// libev's loop, on which libwebsockets runs: it waits by epoll. The library's own loop asks the kernel for every
// open connection by poll() at each turn: milliseconds at some ten thousand.
class EventLoop {
 public:
  // `each_second` is called within RunOnce().
  explicit EventLoop(std::function<void()> each_second);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Waits for the next events and deals with them.
  void RunOnce();
  ev_loop* get() const { return loop_; }

 private:
  std::function<void()> each_second_;
  ev_loop* loop_ = nullptr;
  std::unique_ptr<ev_timer> timer_;
};

}  // namespace byon::http
