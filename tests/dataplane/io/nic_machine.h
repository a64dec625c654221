#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/base/time.h"
#include "dataplane/io/lcore_thread.h"
#include "dataplane/io/nic_port.h"
#include "dataplane/net/socket_address.h"

namespace byon::io::test {

template <typename T>
T Take(base::Result<T, std::string> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().c_str());
    std::abort();
  }
  return std::move(result).value();
}

// A device with its workers' ports, polled by the test's own thread.
struct Machine {
  explicit Machine(const NicConfig& config);

  std::unique_ptr<HandOver> hand_over;
  std::unique_ptr<NicDevice> device;
  std::vector<std::unique_ptr<NicPort>> ports;
};

struct Received {
  size_t worker = 0;
  std::string payload;
  net::SocketAddress source;
  net::SocketAddress destination;
};

// Polls all workers until `is_done`. False when three seconds have passed.
bool PumpUntil(Machine& machine, std::vector<Received>& received, const std::function<bool()>& is_done);
// One turn of every worker's loop.
void Pump(Machine& machine, std::vector<Received>& received);
void Send(NicPort& port, const net::SocketAddress& source, const net::SocketAddress& destination,
          std::string_view payload, base::Timestamp now = MonotonicNow());

// Moves the process into a network namespace of its own, as root there. Empty, or why it cannot.
std::string EnterNetworkNamespace();
// Empty, or which of the commands failed.
std::string RunCommands(std::initializer_list<const char*> commands);

}  // namespace byon::io::test
