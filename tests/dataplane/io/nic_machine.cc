#include "tests/dataplane/io/nic_machine.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>

namespace byon::io::test {

using base::TimeDelta;
using base::Timestamp;

Machine::Machine(const NicConfig& config)
    : hand_over(Take(HandOver::Create(config.worker_count, 256))), device(Take(NicDevice::Create(config, *hand_over))) {
  for (size_t i = 0; i < config.worker_count; ++i) {
    ports.push_back(std::make_unique<NicPort>(*device, i, IdlePolicy::kSpin));
  }
}

void Pump(Machine& machine, std::vector<Received>& received) {
  const Timestamp now = MonotonicNow();
  for (size_t worker = 0; worker < machine.ports.size(); ++worker) {
    std::array<worker::ReceivedDatagram, 32> datagrams;
    const size_t count = machine.ports[worker]->ReceiveBurst(datagrams, now);
    for (size_t i = 0; i < count; ++i) {
      received.push_back(
          {worker, std::string(base::AsText(datagrams[i].payload)), datagrams[i].source, datagrams[i].destination});
    }
    machine.ports[worker]->Release(std::span(datagrams).first(count));
    machine.ports[worker]->Flush(now);
  }
}

bool PumpUntil(Machine& machine, std::vector<Received>& received, const std::function<bool()>& is_done) {
  const Timestamp end = MonotonicNow() + TimeDelta::Seconds(3);
  while (!is_done()) {
    if (MonotonicNow() > end) return false;
    Pump(machine, received);
  }
  return true;
}

void Send(NicPort& port, const net::SocketAddress& source, const net::SocketAddress& destination,
          std::string_view payload, Timestamp now) {
  const worker::TxBuffer buffer = port.Allocate();
  ASSERT_TRUE(buffer);
  std::memcpy(buffer.data, payload.data(), payload.size());
  const worker::OutgoingDatagram datagram{buffer, payload.size(), source, destination, 46};
  port.Send(std::span(&datagram, 1), now);
  port.Flush(now);
}

std::string EnterNetworkNamespace() {
  const uid_t uid = geteuid();
  if (uid == 0) {
    if (unshare(CLONE_NEWNET) != 0) return std::string("unshare: ") + std::strerror(errno);
  } else {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      return std::string("unshare: ") + std::strerror(errno);
    }
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
    std::ofstream("/proc/self/gid_map") << "0 " << getegid() << " 1";
  }
  return RunCommands({"ip link set lo up"});
}

std::string RunCommands(std::initializer_list<const char*> commands) {
  for (const char* command : commands) {
    if (std::system((std::string(command) + " 2>/dev/null").c_str()) != 0) {
      return std::string("\"") + command + "\" failed: no permission, no iproute2 or no IPv6";
    }
  }
  return "";
}

}  // namespace byon::io::test
