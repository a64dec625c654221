#include "dataplane/io/embedded_device.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::io {
namespace {

constexpr unsigned kRingSize = 1024;
constexpr char kPortName[] = "byon_embedded";
constexpr char kDeviceName[] = "net_ring_byon_embedded";  // as the ring driver calls it
// mbufs that an lcore keeps at hand; what lies in the caches of others is lost to the pool.
unsigned PoolCache(const EmbeddedConfig& config) {
  const size_t share = config.mbuf_count / (4 * (config.worker_count + 1));
  return static_cast<unsigned>(std::min<size_t>(256, share));
}

}  // namespace

EmbeddedDevice::EmbeddedDevice(const EmbeddedConfig& config, HandOver& hand_over)
    : config_(config), hand_over_(hand_over), sockets_(std::make_unique<std::array<Socket, 65536>>()) {
  BYON_CHECK(config.worker_count == hand_over.worker_count(), "both know the same workers");
}

base::Result<std::unique_ptr<EmbeddedDevice>, std::string> EmbeddedDevice::Create(const EmbeddedConfig& config,
                                                                                  HandOver& hand_over) {
  std::unique_ptr<EmbeddedDevice> device(new EmbeddedDevice(config, hand_over));
  if (std::string error = device->Open(); !error.empty()) {
    return "the embedded port does not open: " + error;
  }
  return device;
}

std::string EmbeddedDevice::Open() {
  pool_ = rte_pktmbuf_pool_create("embedded", static_cast<unsigned>(config_.mbuf_count), PoolCache(config_), 0,
                                  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool_ == nullptr) return std::string("no memory for packets: ") + rte_strerror(rte_errno);
  std::vector<rte_ring*> rx_rings, tx_rings;
  for (size_t i = 0; i < config_.worker_count; ++i) {
    auto queue = std::make_unique<Queue>();
    const std::string suffix = std::to_string(i);
    constexpr unsigned kOneToOne = RING_F_SP_ENQ | RING_F_SC_DEQ;
    queue->rx = rte_ring_create(("embedded_rx_" + suffix).c_str(), kRingSize, SOCKET_ID_ANY, kOneToOne);
    queue->tx = rte_ring_create(("embedded_tx_" + suffix).c_str(), kRingSize, SOCKET_ID_ANY, kOneToOne);
    queue->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    rx_rings.push_back(queue->rx);
    tx_rings.push_back(queue->tx);
    queues_.push_back(std::move(queue));
    if (rx_rings.back() == nullptr || tx_rings.back() == nullptr) return "no memory for rings";
    if (queues_.back()->epoll_fd < 0) return "no file descriptor is left";
    // Port 0 stands for the wake-up by hand-over.
    epoll_event event{.events = EPOLLIN, .data = {.u32 = 0}};
    if (epoll_ctl(queues_.back()->epoll_fd, EPOLL_CTL_ADD, hand_over_.wake_fd(i), &event) != 0) {
      return "epoll refuses the wake-up descriptor";
    }
  }
  const auto count = static_cast<unsigned>(config_.worker_count);
  const int port = rte_eth_from_rings(kPortName, rx_rings.data(), count, tx_rings.data(), count, 0);
  if (port < 0) return std::string("no ring port: ") + rte_strerror(rte_errno);
  port_id_ = static_cast<uint16_t>(port);
  const rte_eth_conf port_config{};
  int result =
      rte_eth_dev_configure(port_id_, static_cast<uint16_t>(count), static_cast<uint16_t>(count), &port_config);
  for (uint16_t q = 0; q < count && result == 0; ++q) {
    result = rte_eth_rx_queue_setup(port_id_, q, kRingSize, 0, nullptr, pool_);
    if (result == 0) result = rte_eth_tx_queue_setup(port_id_, q, kRingSize, 0, nullptr);
  }
  if (result == 0) result = rte_eth_dev_start(port_id_);
  if (result != 0) return std::string("the ring port does not start: ") + rte_strerror(-result);
  is_started_ = true;
  return "";
}

EmbeddedDevice::~EmbeddedDevice() {
  for (Socket& socket : *sockets_) {
    if (const int fd = socket.fd.load(); fd >= 0) close(fd);
  }
  if (is_started_) rte_eth_dev_stop(port_id_);
  (void)rte_eal_hotplug_remove("vdev", kDeviceName);  // closes the port
  for (const auto& queue : queues_) {
    for (rte_ring* ring : {queue->rx, queue->tx}) {
      void* frame = nullptr;
      while (ring != nullptr && rte_ring_dequeue(ring, &frame) == 0) {
        rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
      }
      rte_ring_free(ring);
    }
    if (queue->epoll_fd >= 0) close(queue->epoll_fd);
  }
  rte_mempool_free(pool_);
}

size_t EmbeddedDevice::PollerOf(uint16_t port, size_t owner) const {
  if (config_.steering == EmbeddedSteering::kOwner) return owner;
  return (uint32_t{port} * 2654435761u >> 16) % config_.worker_count;  // Knuth's multiplicative hash
}

}  // namespace byon::io
