#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <memory>
#include <string>

#include "controlplane/runtime/config.h"
#include "controlplane/runtime/log.h"

namespace byon {

// The server, the store and the operators behind them, made and wired in one place.
class ControlPlane {
 public:
  // Opens the store, binds every socket and restores what an earlier process left. Throws std::runtime_error
  // with one sentence when something cannot be had.
  ControlPlane(const runtime::LoadedConfig& loaded, const std::string& version, boost::asio::io_context& context,
               runtime::Logger& log);
  // Everything stops; calls and registrations live on in the store, the dataplane and the network.
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  unsigned http_port() const;
  unsigned metrics_port() const;  // 0: not served
  // Ends what the next process cannot take up: calls that nobody has answered yet.
  void HandOver();
  // Ends all calls and registrations towards the network, these at a pace: service is over, nobody will restore them.
  void EndService();
  // The network has heard of the end of all registrations.
  bool HasEnded() const;

 private:
  struct Rooms;
  std::unique_ptr<Rooms> rooms_;
};

}  // namespace byon
