#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controlplane/gateway/runtime_ports.h"

namespace byon::gateway {

// An alarm on an Asio timer; `executor` is the gateway's strand.
class AsioAlarm final : public Alarm {
 public:
  explicit AsioAlarm(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}
  ~AsioAlarm() override { Cancel(); }
  void Set(call::Deadline deadline, std::function<void()> ring) override;
  void Cancel() override;

 private:
  boost::asio::steady_timer timer_;
  // Tells a handler that was already queued when the alarm was set again or cancelled.
  std::shared_ptr<uint64_t> generation_ = std::make_shared<uint64_t>(0);
};

}  // namespace byon::gateway
