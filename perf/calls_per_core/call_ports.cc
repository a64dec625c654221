#include "perf/calls_per_core/call_ports.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "dataplane/base/check.h"

namespace byon::perf {
namespace {

using base::TimeDelta;
using base::Timestamp;

const net::IpAddress kNear = net::IpAddress::V4(10, 96, 0, 1);
const net::IpAddress kFar = net::IpAddress::V4(10, 96, 0, 2);
constexpr uint16_t kProbePort = 9;

template <typename T>
std::string Take(base::Result<std::unique_ptr<T>, std::string> result, std::unique_ptr<T>& place) {
  if (!result) return result.error();
  place = std::move(result).value();
  return "";
}

io::NicConfig ConfigOf(const char* device, const net::IpAddress& ip) {
  io::NicConfig config;
  config.device = device;
  config.worker_count = CallPorts::kWorkers;
  config.mbuf_count = 8191;
  config.host.addresses = {{ip, 24}};
  return config;
}

void SendProbe(worker::PacketIo& from, const net::SocketAddress& source, const net::SocketAddress& destination,
               Timestamp now) {
  const worker::TxBuffer buffer = from.Allocate();
  BYON_CHECK(buffer, "there are buffers");
  const worker::OutgoingDatagram probe{buffer, 1, source, destination};
  buffer.data[0] = std::byte{0};
  from.Send(std::span(&probe, 1), now);
  from.Flush(now);
}

size_t TakeAll(worker::PacketIo& port, Timestamp now) {
  std::array<worker::ReceivedDatagram, 64> taken;
  const size_t count = port.ReceiveBurst(taken, now);
  port.Release(std::span(taken).first(count));
  port.Flush(now);
  return count;
}

// Until packets pass both ways: links come up, and neighbours learn of each other.
void WarmUp(const Wire& wire) {
  const net::SocketAddress near{wire.gateway, kProbePort}, far = wire.browser;
  BYON_CHECK(wire.near->OpenPort(near) == worker::OpenPortResult::kOpened, "the port is free");
  bool has_reached_near = false, has_reached_far = false;
  auto now = Timestamp::FromMilliseconds(900'000);  // before the calls
  for (int i = 0; i < 5000 && !(has_reached_near && has_reached_far); ++i) {
    SendProbe(*wire.near, near, far, now);
    SendProbe(*wire.far, far, near, now);
    has_reached_near |= TakeAll(*wire.near, now) > 0;
    has_reached_far |= TakeAll(*wire.far, now) > 0;
    now += TimeDelta::Milliseconds(10);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  BYON_CHECK(has_reached_near && has_reached_far, "the two sides of a port find each other");
  wire.near->ClosePort(near);
  while (TakeAll(*wire.near, now) + TakeAll(*wire.far, now) > 0) {
  }
}

}  // namespace

base::Result<std::unique_ptr<CallPorts>, std::string> CallPorts::Open() {
  // Three sockets a call.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  io::EalConfig config;
  const std::vector<unsigned> cpus = io::AllowedCpus();
  for (size_t i = 0; i < kWorkers; ++i) {
    config.worker_cpus.push_back(std::to_string(cpus[i % cpus.size()]));
  }
  for (const unsigned cpu : cpus) {
    if (!config.control_cpus.empty()) config.control_cpus += ',';
    config.control_cpus += std::to_string(cpu);
  }
  config.memory_mb = 512;
  const std::string socket = ",socket=byon-perf-" + std::to_string(getpid()) + ",socket-abstract=yes";
  config.vdevs = {"net_memif0,role=server,id=0" + socket, "net_memif1,role=client,id=0" + socket};
  config.file_prefix = "byon-perf-" + std::to_string(getpid());
  auto eal = io::EalGuard::Start(config);
  if (!eal) return eal.error();
  std::unique_ptr<CallPorts> ports(new CallPorts(std::move(eal).value()));
  if (std::string error = ports->OpenDevices(); !error.empty()) return error;
  return ports;
}

// The ends of memif tell each other of their end, and DPDK's interrupt thread, which hears it, cannot be asked whether
// it has: it must not find the other one's memory gone.
CallPorts::~CallPorts() {
  constexpr std::chrono::milliseconds kHearing{200};
  for (auto* const device : {&far_, &near_}) {
    device->reset();
    std::this_thread::sleep_for(kHearing);
  }
}

std::string CallPorts::OpenDevices() {
  std::string error = Take(io::HandOver::Create(kWorkers), near_hand_over_);
  if (error.empty()) error = Take(io::HandOver::Create(kWorkers), far_hand_over_);
  if (error.empty()) error = Take(io::HandOver::Create(2), embedded_hand_over_);
  if (error.empty()) {
    error = Take(io::NicDevice::Create(ConfigOf("net_memif0", kNear), *near_hand_over_), near_);
  }
  if (error.empty()) {
    error = Take(io::NicDevice::Create(ConfigOf("net_memif1", kFar), *far_hand_over_), far_);
  }
  if (error.empty()) {
    io::EmbeddedConfig embedded;
    embedded.worker_count = 2;
    error = Take(io::EmbeddedDevice::Create(embedded, *embedded_hand_over_), embedded_);
  }
  return error;
}

std::unique_ptr<CallPorts::Plugged> CallPorts::Plug(PortKind kind, size_t workers) {
  BYON_CHECK(kind != PortKind::kEmbedded || workers == 1, "the other queue is the far side");
  auto plugged = std::make_unique<Plugged>();
  for (size_t i = 0; i < workers; ++i) PlugOne(kind, i, *plugged);
  for (const Wire& wire : plugged->wires_) WarmUp(wire);
  return plugged;
}

void CallPorts::PlugOne(PortKind kind, size_t worker, Plugged& plugged) {
  constexpr auto kSpin = io::IdlePolicy::kSpin;  // nobody waits
  Wire wire;
  std::unique_ptr<worker::PacketIo> near, far;
  if (kind == PortKind::kEmbedded) {
    near = std::make_unique<io::EmbeddedPort>(*embedded_, 0, kSpin);
    far = std::make_unique<io::EmbeddedPort>(*embedded_, 1, kSpin);
    wire.gateway = net::IpAddress::V4(127, 0, 0, 1);
    wire.peer = net::IpAddress::V4(127, 0, 0, 2);
  } else {
    near = std::make_unique<io::NicPort>(*near_, worker, kSpin);
    far = std::make_unique<io::NicPort>(*far_, worker, kSpin);
    wire.gateway = kNear;
    wire.peer = kFar;
  }
  wire.first_port = static_cast<uint16_t>(10'000 + 12'000 * worker);
  wire.browser = {wire.peer, static_cast<uint16_t>(30'500 + 10 * worker)};
  wire.phone = {wire.peer, static_cast<uint16_t>(30'502 + 10 * worker)};
  for (const uint16_t port : {wire.browser.port, wire.phone.port, static_cast<uint16_t>(wire.phone.port + 1)}) {
    far->ClosePort({wire.peer, port});  // of the last one that was plugged in
    BYON_CHECK(far->OpenPort({wire.peer, port}) == worker::OpenPortResult::kOpened, "the ends have ports");
  }
  wire.near = near.get();
  wire.far = far.get();
  plugged.ports_.push_back(std::move(near));
  plugged.ports_.push_back(std::move(far));
  plugged.wires_.push_back(wire);
}

}  // namespace byon::perf
