// byon-dataplane: reads its configuration, makes the parts, wires them, runs until a signal.

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dataplane/config/announcement_files.h"
#include "dataplane/config/dataplane_config.h"
#include "dataplane/config/log.h"
#include "dataplane/dtls/dtls_certificate.h"
#include "dataplane/dtls/dtls_context.h"
#include "dataplane/io/eal_guard.h"
#include "dataplane/io/embedded_port.h"
#include "dataplane/io/hand_over.h"
#include "dataplane/io/lcore_thread.h"
#include "dataplane/io/nic_port.h"
#include "dataplane/io/scheduling.h"
#include "dataplane/rpc/rpc_server.h"
#include "dataplane/worker/handshake_thread.h"
#include "dataplane/worker/worker.h"

namespace byon {
namespace {

using config::DataplaneConfig;
using config::Log;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr char kUsage[] =
    "byon-dataplane [--config FILE] [--check-config] [--print-config-schema] [--version] "
    "[--help]\n";
constexpr base::TimeDelta kWallClockInterval = base::TimeDelta::Seconds(10);

struct Arguments {
  std::optional<std::string> config_file;
  bool check_only = false;
};

// CPUs as "0,1,4".
std::string CpuList(const std::vector<unsigned>& cpus) {
  std::string list;
  for (const unsigned cpu : cpus) list += (list.empty() ? "" : ",") + std::to_string(cpu);
  return list;
}

size_t MbufCount(const DataplaneConfig& config) { return std::max<size_t>(16'384, 8'192 * config.workers.count) - 1; }

io::EalConfig EalConfigOf(const DataplaneConfig& config) {
  io::EalConfig eal;
  const std::string all_cpus = CpuList(io::AllowedCpus());
  eal.worker_cpus = config.workers.cpus;
  if (eal.worker_cpus.empty()) eal.worker_cpus.assign(config.workers.count, all_cpus);
  eal.control_cpus = config.workers.control_cpus.empty() ? all_cpus : config.workers.control_cpus;
  // An mbuf takes 2.2 KB of the heap; without hugepages its pool is spread over 4 KB pages.
  eal.memory_mb = config.port.memory_mb.value_or(static_cast<uint32_t>(64 + MbufCount(config) * 45 / 10 / 1024));
  eal.use_hugepages = config.port.use_hugepages;
  eal.enable_telemetry = config.port.enable_telemetry;
  eal.file_prefix = "byon-" + config.node_id;
  if (config.port.ethdev) {
    const std::string& device = config.port.ethdev->device;
    (device.starts_with("net_") ? eal.vdevs : eal.pci_devices).push_back(device);
  }
  return eal;
}

io::NicConfig NicConfigOf(const DataplaneConfig& config) {
  const config::EthdevConfig& ethdev = *config.port.ethdev;
  io::NicConfig nic;
  nic.device = ethdev.device.substr(0, ethdev.device.find(','));
  nic.worker_count = config.workers.count;
  nic.mbuf_count = MbufCount(config);
  if (ethdev.mac) nic.host.mac = *ethdev.mac;
  nic.host.vlan_id = ethdev.vlan;
  nic.host.mtu_bytes = ethdev.mtu;
  for (const auto& host : {ethdev.ipv4, ethdev.ipv6}) {
    if (!host) continue;
    nic.host.addresses.push_back({host->address, host->prefix.length});
    if (host->gateway) nic.host.gateways.push_back(*host->gateway);
  }
  return nic;
}

rpc::LegAddresses LegOf(const config::LegConfig& leg) {
  return {leg.ipv4, leg.ipv6, leg.advertised_ipv4, leg.advertised_ipv6, leg.dscp};
}

session::MediaLimit LimitOf(const config::MediaLimitConfig& limit) {
  return {limit.packets_per_second, limit.kilobits_per_second * 1000};
}

std::vector<srtp::SrtpProfile> ProfilesOf(const DataplaneConfig& config) {
  std::vector<srtp::SrtpProfile> profiles;
  for (const std::string& name : config.media.srtp_profiles) {
    profiles.push_back(name == "AEAD_AES_128_GCM"   ? srtp::SrtpProfile::kAeadAes128Gcm
                       : name == "AEAD_AES_256_GCM" ? srtp::SrtpProfile::kAeadAes256Gcm
                                                    : srtp::SrtpProfile::kAes128CmSha1_80);
  }
  if (profiles.empty()) {
    const auto defaults = dtls::DtlsContext::DefaultProfiles();
    profiles.assign(defaults.begin(), defaults.end());
  }
  return profiles;
}

base::Result<srtp::SrtpBackend, std::string> BackendOf(const DataplaneConfig& config) {
  if (config.media.srtp_backend == "openssl") return srtp::SrtpBackend::kOpenSsl;
  if (config.media.srtp_backend == "auto") return srtp::DefaultSrtpBackend();
  if (srtp::IsAvailable(srtp::SrtpBackend::kIpsecMb)) return srtp::SrtpBackend::kIpsecMb;
  return std::string("media.srtp_backend is \"ipsec-mb\", but this processor has no AES-NI; use auto or openssl.");
}

// The packet I/O of all workers, of either kind.
class Ports {
 public:
  // The error is a sentence.
  static base::Result<std::unique_ptr<Ports>, std::string> Create(const DataplaneConfig& config) {
    auto hand_over = io::HandOver::Create(config.workers.count);
    if (!hand_over) return hand_over.error();
    std::unique_ptr<Ports> ports(new Ports());
    ports->hand_over_ = std::move(hand_over).value();
    std::string error = config.port.ethdev ? ports->OpenNic(config) : ports->OpenEmbedded(config);
    if (!error.empty()) return error;
    return ports;
  }
  worker::PacketIo& at(size_t worker) { return *ports_[worker]; }
  std::map<std::string, uint64_t> Drops() const {
    std::map<std::string, uint64_t> drops;
    for (const io::IoDropCounters* counters : drops_) {
      for (size_t i = 0; i < io::kDropReasonCount; ++i) {
        const auto reason = static_cast<io::DropReason>(i);
        drops[std::string(io::DropReasonName(reason))] += counters->of(reason);
      }
    }
    return drops;
  }

 private:
  Ports() = default;
  template <typename Device, typename Port>
  std::string Open(base::Result<std::unique_ptr<Device>, std::string> device, std::unique_ptr<Device>& place,
                   const DataplaneConfig& config) {
    if (!device) return device.error();
    place = std::move(device).value();
    for (size_t i = 0; i < config.workers.count; ++i) {
      auto port = std::make_unique<Port>(*place, i, config.workers.idle);
      drops_.push_back(&port->drops());
      ports_.push_back(std::move(port));
    }
    return "";
  }
  std::string OpenEmbedded(const DataplaneConfig& config) {
    const io::EmbeddedConfig embedded{config.workers.count, config.port.steering, MbufCount(config)};
    return Open<io::EmbeddedDevice, io::EmbeddedPort>(io::EmbeddedDevice::Create(embedded, *hand_over_), embedded_,
                                                      config);
  }
  std::string OpenNic(const DataplaneConfig& config) {
    return Open<io::NicDevice, io::NicPort>(io::NicDevice::Create(NicConfigOf(config), *hand_over_), nic_, config);
  }

  std::unique_ptr<io::HandOver> hand_over_;
  std::unique_ptr<io::EmbeddedDevice> embedded_;
  std::unique_ptr<io::NicDevice> nic_;
  std::vector<std::unique_ptr<worker::PacketIo>> ports_;
  std::vector<const io::IoDropCounters*> drops_;
};

// The workers on their lcores, with their mailboxes and the thread of their handshakes.
class Workers {
 public:
  Workers(const DataplaneConfig& config, srtp::SrtpBackend backend, const dtls::DtlsContext& context, Ports& ports,
          bool is_realtime)
      : is_realtime_(is_realtime), mailboxes_(config.workers.count), handshake_mailboxes_(config.workers.count) {
    std::vector<worker::HandshakeMailbox*> handshakes;
    for (auto& mailbox : handshake_mailboxes_) {
      handshakes.push_back((mailbox = std::make_unique<worker::HandshakeMailbox>()).get());
    }
    handshake_thread_.emplace(context, backend, handshakes, &io::MonotonicNow);
    for (size_t i = 0; i < config.workers.count; ++i) {
      mailboxes_[i] = std::make_unique<worker::WorkerMailbox>();
      workers_.push_back(std::make_unique<worker::Worker>(
          worker::WorkerConfig{config.workers.sessions, backend, config.media.use_amr_wb_batch}, ports.at(i),
          *mailboxes_[i], *handshake_mailboxes_[i]));
      // The thread begins while workers_ still grows.
      threads_.push_back(
          std::make_unique<io::LcoreThread>(i, [this, worker = workers_.back().get()] { Run(*worker); }));
    }
  }
  ~Workers() {
    must_stop_ = true;
    threads_.clear();  // joins
    handshake_thread_.reset();
  }
  bool has_amr_wb_batch() const { return mailboxes_[0]->amr_wb_batch != nullptr; }
  std::vector<worker::WorkerMailbox*> mailboxes() {
    std::vector<worker::WorkerMailbox*> pointers;
    for (const auto& mailbox : mailboxes_) pointers.push_back(mailbox.get());
    return pointers;
  }

 private:
  void Run(worker::Worker& worker) {
    io::PrepareNaps();
    if (is_realtime_) (void)io::RunRealtime();
    base::Timestamp next_wall_clock;
    while (!must_stop_.load(std::memory_order_relaxed)) {
      const base::Timestamp now = io::MonotonicNow();
      if (now >= next_wall_clock) {
        worker.SetWallClockOffset(io::WallClockOffset());
        next_wall_clock = now + kWallClockInterval;
      }
      worker.RunOnce(now);
    }
  }

  const bool is_realtime_;
  std::atomic<bool> must_stop_{false};
  std::vector<std::unique_ptr<worker::WorkerMailbox>> mailboxes_;
  std::vector<std::unique_ptr<worker::HandshakeMailbox>> handshake_mailboxes_;
  std::optional<worker::HandshakeThread> handshake_thread_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  std::vector<std::unique_ptr<io::LcoreThread>> threads_;
};

rpc::RpcConfig RpcConfigOf(const DataplaneConfig& config, const dtls::DtlsContext& context,
                           const pipeline::AnnouncementSet& announcements, const Ports& ports, const Log& log) {
  rpc::RpcConfig rpc;
  rpc.node_id = config.node_id;
  rpc.version = BYON_VERSION;
  rpc.listen = config.control.listen;
  if (const auto& tls = config.control.tls) rpc.tls = rpc::TlsFiles{tls->ca, tls->cert, tls->key};
  rpc.lease = config.control.lease;
  rpc.access = LegOf(config.media.access);
  rpc.ims = LegOf(config.media.ims);
  rpc.first_port = config.media.first_port;
  rpc.last_port = config.media.last_port;
  rpc.sessions_per_worker = config.workers.sessions;
  rpc.access_limit = LimitOf(config.media.access_limit);
  rpc.ims_limit = LimitOf(config.media.ims_limit);
  rpc.access_media_timeout = config.media.access_timeout;
  rpc.ims_media_timeout = config.media.ims_timeout;
  rpc.tones = config.media.tones;
  rpc.opus_coding = config.media.opus_coding;
  rpc.announcements = &announcements;
  rpc.fingerprint = context.fingerprint();
  rpc.io_drops = [&ports] { return ports.Drops(); };
  rpc.log_info = [&log](const std::string& line) { log.Info(line); };
  return rpc;
}

base::Result<io::Scheduling, const char*> SchedulingOf(const DataplaneConfig& config) {
  const config::WorkersConfig& workers = config.workers;
  return io::ResolveScheduling(workers.scheduling, workers.idle, workers.count, io::AllowedCpus().size(),
                               io::MayRunRealtime());
}

// Each session holds three sockets.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t BlockEndSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);  // threads started later inherit it
  signal(SIGPIPE, SIG_IGN);
  return set;
}

// Lets sessions end by themselves until the limit or a second signal.
void Drain(rpc::RpcServer& server, base::TimeDelta limit, const sigset_t& signals, const Log& log) {
  server.BeginDraining();
  log.Info("event=draining sessions=" + std::to_string(server.session_count()));
  const base::Timestamp end = io::MonotonicNow() + limit;
  const timespec poll{0, 100'000'000};
  while (server.session_count() > 0 && io::MonotonicNow() < end) {
    if (sigtimedwait(&signals, nullptr, &poll) > 0) break;
  }
}

int Fail(const Log& log, const std::string& sentence) {
  log.Error("event=start_failed reason=" + config::Quoted(sentence));
  return kExitFailed;
}

int Run(const DataplaneConfig& config) {
  const Log log(config.log_level);
  const sigset_t signals = BlockEndSignals();
  RaiseDescriptorLimit();
  const auto backend = BackendOf(config);
  if (!backend) return Fail(log, backend.error());
  const auto scheduling = SchedulingOf(config);
  if (!scheduling) return Fail(log, scheduling.error());
  const bool is_realtime = *scheduling == io::Scheduling::kRealtime;
  const auto certificate = dtls::DtlsCertificate::Generate();
  if (!certificate) return Fail(log, certificate.error());
  const auto context = dtls::DtlsContext::Create(*certificate, ProfilesOf(config));
  if (!context) return Fail(log, context.error());
  const auto announcements = config::ReadAnnouncements(config.media.announcements);
  if (!announcements) return Fail(log, announcements.error());
  const auto eal = io::EalGuard::Start(EalConfigOf(config));
  if (!eal) return Fail(log, eal.error());
  const auto ports = Ports::Create(config);
  if (!ports) return Fail(log, ports.error());
  Workers workers(config, *backend, *context, **ports, is_realtime);
  auto server = rpc::RpcServer::Start(RpcConfigOf(config, *context, *announcements, **ports, log), workers.mailboxes());
  if (!server) return Fail(log, server.error());
  const std::string port =
      (*server)->bound_port() > 0 ? " control_port=" + std::to_string((*server)->bound_port()) : "";
  log.Info("event=ready node=" + config.node_id + " version=" BYON_VERSION " workers=" +
           std::to_string(config.workers.count) + " port=" + (config.port.ethdev ? "ethdev" : "embedded") +
           " amr_wb_encoder=" + (workers.has_amr_wb_batch() ? "batch" : "library") + " scheduling=" +
           (is_realtime ? "realtime" : "normal") + " control=" + config::Quoted(config.control.listen) + port);

  int received = 0;
  sigwait(&signals, &received);
  Drain(**server, config.control.drain, signals, log);
  auto stopping = std::move(server).value();
  const size_t cut_off = stopping->session_count();
  stopping.reset();  // closes what is left, with BYE
  log.Info("event=stopped sessions_cut_off=" + std::to_string(cut_off));
  return 0;
}

// An exit status instead when there is nothing to run.
std::variant<Arguments, int> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--config" && i + 1 < argc) {
      arguments.config_file = argv[++i];
    } else if (argument == "--check-config") {
      arguments.check_only = true;
    } else if (argument == "--version") {
      std::puts("byon-dataplane " BYON_VERSION);
      return 0;
    } else if (argument == "--print-config-schema") {
      const std::string_view schema = config::ConfigSchema();
      std::fwrite(schema.data(), 1, schema.size(), stdout);
      return 0;
    } else if (argument == "--help" || argument == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    } else {
      std::fprintf(stderr, "byon-dataplane: %s is no argument, or lacks its value\n%s", argv[i], kUsage);
      return kExitUsage;
    }
  }
  return arguments;
}

int Main(int argc, char** argv) {
  const auto parsed = ParseArguments(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& arguments = std::get<Arguments>(parsed);
  const auto config = arguments.config_file ? config::ReadConfigFile(*arguments.config_file) : config::ParseConfig("");
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().c_str());
    return kExitUsage;
  }
  if (arguments.check_only) {
    std::puts("the configuration is valid");
    return 0;
  }
  return Run(*config);
}

}  // namespace
}  // namespace byon

int main(int argc, char** argv) { return byon::Main(argc, argv); }
