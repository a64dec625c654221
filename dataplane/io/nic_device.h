#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/base/result.h"
#include "dataplane/io/hand_over.h"
#include "dataplane/net/ip_host.h"
#include "dataplane/net/socket_address.h"

struct rte_mempool;

namespace byon::io {

struct NicConfig {
  // The device as DPDK names it: "0000:03:00.0", or a vdev's name, "net_af_packet0" (which the EAL
  // was given with its arguments).
  std::string device;
  size_t worker_count = 1;
  // An all-zero MAC is the device's own. verify_udp_checksum and offload_udp_checksum are set by
  // what the device can do.
  net::IpHostConfig host;
  size_t mbuf_count = 16383;
  uint16_t descriptors = 1024;  // a queue
};

// An Ethernet device with one rx and one tx queue a worker. Shared by the workers' NicPorts; made
// and destroyed on the main thread.
class NicDevice {
 public:
  // `hand_over` must outlive the device. The error is a sentence.
  static base::Result<std::unique_ptr<NicDevice>, std::string> Create(const NicConfig& config, HandOver& hand_over);
  ~NicDevice();
  NicDevice(const NicDevice&) = delete;
  NicDevice& operator=(const NicDevice&) = delete;

  const net::MacAddress& mac() const { return config_.host.mac; }

 private:
  friend class NicPort;

  NicDevice(const NicConfig& config, HandOver& hand_over);
  // Each answers the error's sentence, empty when all went well.
  std::string CheckAddresses() const;
  std::string Open();
  std::string SetUpQueues();
  std::string ChooseMac();
  void ListenToGroups(bool has_foreign_mac);

  NicConfig config_;
  HandOver& hand_over_;
  rte_mempool* pool_ = nullptr;
  uint16_t port_id_ = 0;
  bool is_started_ = false;
  bool has_foreign_mac_ = false;
  uint64_t rx_offloads_ = 0;
  uint64_t tx_offloads_ = 0;
  // What each UDP port was opened on; an entry is touched by the port's owner only.
  std::unique_ptr<std::array<net::IpAddress, 65536>> local_ips_;
};

}  // namespace byon::io
