#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace byon::metrics {

// Answers GET /metrics on a listener of its own, one request a connection. Whoever can reach it may read it, so it
// belongs on loopback or into the network of the operations staff. Bounded: 16 connections at a time, 8 KiB and 10 s
// each; whoever is over is cut off. Everything runs on the strand.
class MetricsServer {
 public:
  // Calls back with the text, once, now or later, on the strand.
  using Collect = std::function<void(std::function<void(std::string)>)>;

  // Listens at once; throws std::runtime_error with one sentence when it cannot. `address`: an IP literal; `port` 0:
  // any free one.
  MetricsServer(boost::asio::any_io_executor strand, const std::string& address, uint16_t port, Collect collect);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  uint16_t port() const;

 private:
  class Listener;
  std::shared_ptr<Listener> listener_;
};

}  // namespace byon::metrics
