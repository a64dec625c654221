#include "controlplane/gateway/asio_alarm.h"

namespace byon::gateway {

void AsioAlarm::Set(call::Deadline deadline, std::function<void()> ring) {
  uint64_t mine = ++*generation_;
  timer_.expires_at(deadline);
  timer_.async_wait([ring = std::move(ring), generation = generation_, mine](const boost::system::error_code& error) {
    if (!error && *generation == mine) ring();
  });
}

void AsioAlarm::Cancel() {
  ++*generation_;
  timer_.cancel();
}

}  // namespace byon::gateway
