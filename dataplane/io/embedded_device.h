#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/io/hand_over.h"
#include "dataplane/net/socket_address.h"

struct rte_mempool;
struct rte_ring;

namespace byon::io {

// Which worker polls a port's socket.
enum class EmbeddedSteering : uint8_t {
  kOwner,  // the worker that owns the port
  kHash,   // any worker, by a hash of the port, as a NIC without port filters steers: datagrams
           // reach their owner by hand-over
};

struct EmbeddedConfig {
  size_t worker_count = 1;
  EmbeddedSteering steering = EmbeddedSteering::kOwner;
  size_t mbuf_count = 8191;  // of 2 KB, all workers together
};

// A DPDK port made of kernel UDP sockets: a pair of rings a worker under rte_eth_from_rings, so
// that everything above, and every DPDK tool, sees an ordinary port. Needs no privileges, no
// hugepages and no NIC. Shared by the workers' EmbeddedPorts; made and destroyed on the main
// thread.
class EmbeddedDevice {
 public:
  // `hand_over` must outlive the device. The error is a sentence.
  static base::Result<std::unique_ptr<EmbeddedDevice>, std::string> Create(const EmbeddedConfig& config,
                                                                           HandOver& hand_over);
  ~EmbeddedDevice();

 private:
  friend class EmbeddedPort;

  // One UDP port's socket. `fd` is written last when it opens and first when it closes, because
  // another worker may be polling it.
  struct Socket {
    std::atomic<int> fd{-1};
    net::SocketAddress local;
    uint8_t dscp = 0;
    uint8_t poller = 0;
  };
  struct alignas(64) Queue {
    rte_ring* rx = nullptr;
    rte_ring* tx = nullptr;
    int epoll_fd = -1;
    std::atomic<uint64_t> polls{0};  // grows with each look at the sockets
  };

  EmbeddedDevice(const EmbeddedConfig& config, HandOver& hand_over);
  // The error's sentence, empty when all went well.
  std::string Open();
  size_t PollerOf(uint16_t port, size_t owner) const;

  EmbeddedConfig config_;
  HandOver& hand_over_;
  rte_mempool* pool_ = nullptr;
  uint16_t port_id_ = 0;
  bool is_started_ = false;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::unique_ptr<std::array<Socket, 65536>> sockets_;
};

}  // namespace byon::io
