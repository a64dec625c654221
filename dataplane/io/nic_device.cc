#include "dataplane/io/nic_device.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/base/check.h"

namespace byon::io {
namespace {

// Drivers that hand over what the kernel holds: a local sender's UDP checksum may not be finished
// there (veth, bridges), and they do not say so. The kernel has checked what came over a wire.
constexpr std::string_view kKernelDrivers[] = {"net_af_packet", "net_af_xdp", "net_pcap", "net_tap"};
constexpr uint64_t kWantedRxOffloads = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
constexpr uint64_t kWantedTxOffloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;

std::string Because(int error) { return rte_strerror(error < 0 ? -error : error); }

}  // namespace

NicDevice::NicDevice(const NicConfig& config, HandOver& hand_over)
    : config_(config), hand_over_(hand_over), local_ips_(std::make_unique<std::array<net::IpAddress, 65536>>()) {
  BYON_CHECK(config.worker_count == hand_over.worker_count(), "both know the same workers");
}

base::Result<std::unique_ptr<NicDevice>, std::string> NicDevice::Create(const NicConfig& config, HandOver& hand_over) {
  std::unique_ptr<NicDevice> device(new NicDevice(config, hand_over));
  std::string error = device->CheckAddresses();
  if (error.empty()) error = device->Open();
  if (!error.empty()) return "the port " + config.device + " does not open: " + error;
  return device;
}

std::string NicDevice::CheckAddresses() const {
  const net::IpHostConfig& host = config_.host;
  if (host.addresses.empty()) return "it has no IP address";
  if (host.addresses.size() > net::RouteTable::kMaxConnected) return "more than 16 IP addresses";
  if (host.mtu_bytes < 1280 || host.mtu_bytes > 9000) return "the MTU is not in 1280 to 9000";
  if (host.vlan_id && (*host.vlan_id < 1 || *host.vlan_id > 4094)) {
    return "the VLAN is not in 1 to 4094";
  }
  for (const net::IpHostConfig::Address& address : host.addresses) {
    if (address.prefix_length > (address.ip.is_v4() ? 32 : 128)) {
      return "the prefix of " + address.ip.ToString() + " is too long";
    }
    if (address.ip.is_unspecified() || address.ip.is_multicast() || address.ip.is_broadcast() ||
        address.ip.is_loopback()) {
      return address.ip.ToString() + " cannot be a port's address";
    }
  }
  return "";
}

std::string NicDevice::Open() {
  if (rte_eth_dev_get_port_by_name(config_.device.c_str(), &port_id_) != 0) {
    return "DPDK knows no device of that name (is it bound to a DPDK driver, or given as a vdev?)";
  }
  rte_eth_dev_info info;
  if (const int result = rte_eth_dev_info_get(port_id_, &info); result != 0) {
    return Because(result);
  }
  const size_t queues = std::min<size_t>(info.max_rx_queues, info.max_tx_queues);
  if (queues < config_.worker_count) {
    return "it has " + std::to_string(queues) + " queue pairs for " + std::to_string(config_.worker_count) + " workers";
  }
  rx_offloads_ = info.rx_offload_capa & kWantedRxOffloads;
  tx_offloads_ = info.tx_offload_capa & kWantedTxOffloads;
  const std::string_view driver = info.driver_name;
  config_.host.verify_udp_checksum =
      std::find(std::begin(kKernelDrivers), std::end(kKernelDrivers), driver) == std::end(kKernelDrivers);
  config_.host.offload_udp_checksum = (tx_offloads_ & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;

  rte_eth_conf port_config{};
  port_config.rxmode.offloads = rx_offloads_;
  port_config.txmode.offloads = tx_offloads_;
  const uint64_t hash = info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
  if (config_.worker_count > 1 && hash != 0) {
    port_config.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    port_config.rx_adv_conf.rss_conf.rss_hf = hash;
  }
  const auto count = static_cast<uint16_t>(config_.worker_count);
  if (const int result = rte_eth_dev_configure(port_id_, count, count, &port_config); result != 0) {
    return Because(result);
  }
  // Some virtual devices have a fixed MTU and say so by refusing.
  if (const int result = rte_eth_dev_set_mtu(port_id_, static_cast<uint16_t>(config_.host.mtu_bytes));
      result != 0 && config_.host.mtu_bytes > 1500) {
    return "it refuses an MTU of " + std::to_string(config_.host.mtu_bytes) + ": " + Because(result);
  }
  if (std::string error = SetUpQueues(); !error.empty()) return error;
  if (std::string error = ChooseMac(); !error.empty()) return error;
  if (const int result = rte_eth_dev_start(port_id_); result != 0) return Because(result);
  is_started_ = true;
  ListenToGroups(has_foreign_mac_);
  return "";
}

std::string NicDevice::SetUpQueues() {
  // Whole frames in one buffer: a packet in pieces would have to be joined before it is decrypted.
  const size_t frame_bytes = config_.host.mtu_bytes + net::kEthernetHeaderBytes + net::kVlanTagBytes;
  const size_t room = std::max<size_t>(RTE_MBUF_DEFAULT_DATAROOM, frame_bytes);
  const size_t share = config_.mbuf_count / (4 * (config_.worker_count + 1));
  const std::string name = "nic_" + std::to_string(port_id_);
  pool_ = rte_pktmbuf_pool_create(name.c_str(), static_cast<unsigned>(config_.mbuf_count),
                                  static_cast<unsigned>(std::min<size_t>(256, share)), 0,
                                  static_cast<uint16_t>(room + RTE_PKTMBUF_HEADROOM), rte_eth_dev_socket_id(port_id_));
  if (pool_ == nullptr) return std::string("no memory for packets: ") + Because(rte_errno);
  uint16_t rx_descriptors = config_.descriptors;
  uint16_t tx_descriptors = config_.descriptors;
  int result = rte_eth_dev_adjust_nb_rx_tx_desc(port_id_, &rx_descriptors, &tx_descriptors);
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(port_id_));
  for (uint16_t q = 0; q < config_.worker_count && result == 0; ++q) {
    result = rte_eth_rx_queue_setup(port_id_, q, rx_descriptors, socket, nullptr, pool_);
    if (result == 0) result = rte_eth_tx_queue_setup(port_id_, q, tx_descriptors, socket, nullptr);
  }
  return result == 0 ? "" : "its queues do not set up: " + Because(result);
}

std::string NicDevice::ChooseMac() {
  rte_ether_addr address;
  if (config_.host.mac.is_zero()) {
    if (const int result = rte_eth_macaddr_get(port_id_, &address); result != 0) {
      return "it has no MAC address: " + Because(result);
    }
    std::memcpy(config_.host.mac.octets.data(), address.addr_bytes, RTE_ETHER_ADDR_LEN);
    return config_.host.mac.is_zero() ? "it has no MAC address: give one" : "";
  }
  if (config_.host.mac.is_group()) {
    return config_.host.mac.ToString() + " is a group address";
  }
  std::memcpy(address.addr_bytes, config_.host.mac.octets.data(), RTE_ETHER_ADDR_LEN);
  // A device that keeps its own address can still take ours in promiscuous mode.
  has_foreign_mac_ = rte_eth_dev_default_mac_addr_set(port_id_, &address) != 0;
  return "";
}

// Neighbour discovery comes to multicast groups.
void NicDevice::ListenToGroups(bool has_foreign_mac) {
  if (has_foreign_mac || rte_eth_allmulticast_enable(port_id_) != 0) {
    (void)rte_eth_promiscuous_enable(port_id_);
  }
}

NicDevice::~NicDevice() {
  if (is_started_) {
    (void)rte_eth_dev_stop(port_id_);
    (void)rte_eth_dev_close(port_id_);
  }
  rte_mempool_free(pool_);
}

}  // namespace byon::io
