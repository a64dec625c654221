#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/io/eal_guard.h"
#include "dataplane/io/embedded_port.h"
#include "dataplane/io/nic_port.h"
#include "perf/dataplane/worker_calls.h"

namespace byon::perf {

enum class PortKind : uint8_t { kMemory, kEmbedded, kMemif };

// The real ports that calls can go over, both sides in this process: kernel sockets on loopback, and memif, DPDK's
// shared memory, under the NIC port. Made once, on the main thread; it starts DPDK.
class CallPorts {
 public:
  static constexpr size_t kWorkers = 2;

  ~CallPorts();
  CallPorts(const CallPorts&) = delete;
  CallPorts& operator=(const CallPorts&) = delete;

  // The error is a sentence.
  static base::Result<std::unique_ptr<CallPorts>, std::string> Open();

  // One end each of the wires of `workers` workers (embedded: one), as the program has them: devices, memory pools and
  // tables of ports are shared, queues are each worker's own. One at a time; before the devices.
  class Plugged {
   public:
    const Wire& wire(size_t worker) const { return wires_[worker]; }

   private:
    friend class CallPorts;
    std::vector<std::unique_ptr<worker::PacketIo>> ports_;
    std::vector<Wire> wires_;
  };
  std::unique_ptr<Plugged> Plug(PortKind kind, size_t workers);

 private:
  explicit CallPorts(io::EalGuard eal) : eal_(std::move(eal)) {}
  std::string OpenDevices();
  void PlugOne(PortKind kind, size_t worker, Plugged& plugged);

  io::EalGuard eal_;
  std::unique_ptr<io::HandOver> near_hand_over_, far_hand_over_, embedded_hand_over_;
  std::unique_ptr<io::NicDevice> near_, far_;
  std::unique_ptr<io::EmbeddedDevice> embedded_;  // worker 1 is the far side
};

}  // namespace byon::perf
