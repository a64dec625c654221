#include "controlplane/api/asio_timers.h"

#include <boost/asio/steady_timer.hpp>

namespace byon::api {
namespace {

struct Timer {
  explicit Timer(const boost::asio::any_io_executor& executor) : timer(executor) {}
  boost::asio::steady_timer timer;
};

}  // namespace

std::shared_ptr<void> AsioTimers::After(std::chrono::milliseconds delay, std::function<void()> ring) {
  auto timer = std::make_shared<Timer>(strand_);
  timer->timer.expires_after(delay);
  // A handler that was queued just before the handle was dropped must stay silent too.
  timer->timer.async_wait(
      [ring = std::move(ring), alive = std::weak_ptr<Timer>(timer)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) ring();
      });
  return timer;
}

}  // namespace byon::api
