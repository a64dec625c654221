#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "controlplane/api/clock_and_timers.h"

namespace byon::api {

class AsioTimers final : public Timers {
 public:
  explicit AsioTimers(boost::asio::any_io_executor strand) : strand_(std::move(strand)) {}
  std::shared_ptr<void> After(std::chrono::milliseconds delay, std::function<void()> ring) override;

 private:
  boost::asio::any_io_executor strand_;
};

}  // namespace byon::api
