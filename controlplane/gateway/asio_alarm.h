#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controlplane/gateway/runtime_ports.h"

namespace byon::gateway {

// An alarm on an Asio timer; `executor` is the gateway's strand.
class AsioAlarm final : public Alarm {
 public:
  explicit AsioAlarm(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}
  void Set(call::Deadline deadline, std::function<void()> ring) override;
  void Cancel() override;

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace byon::gateway
