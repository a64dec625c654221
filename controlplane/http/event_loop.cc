#include "controlplane/http/event_loop.h"

#include <ev.h>

#include <stdexcept>

namespace byon::http {

EventLoop::EventLoop(std::function<void()> each_second)
    : each_second_(std::move(each_second)), loop_(ev_loop_new(EVFLAG_AUTO)), timer_(std::make_unique<ev_timer>()) {
  if (loop_ == nullptr) throw std::runtime_error("The system gives no event loop for http.listen.");
  ev_timer_init(
      timer_.get(), [](struct ev_loop*, ev_timer* timer, int) { static_cast<EventLoop*>(timer->data)->each_second_(); },
      1.0, 1.0);
  timer_->data = this;
  ev_timer_start(loop_, timer_.get());
}

EventLoop::~EventLoop() {
  ev_timer_stop(loop_, timer_.get());
  ev_loop_destroy(loop_);
}

void EventLoop::RunOnce() { ev_run(loop_, EVRUN_ONCE); }

}  // namespace byon::http
