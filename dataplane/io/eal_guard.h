#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace byon::io {

// How the DPDK environment abstraction layer starts.
struct EalConfig {
  // CPUs of each worker's thread, one entry a worker: "3", "0-1", "2,4". At least one.
  std::vector<std::string> worker_cpus;
  // CPUs of the main lcore: everything that is not a worker. Threads started later inherit it.
  std::string control_cpus;
  uint32_t memory_mb = 128;  // without hugepages: the whole heap, mbufs included
  bool use_hugepages = false;
  std::vector<std::string> pci_devices;  // "0000:03:00.0"; none: the PCI bus is not looked at
  std::vector<std::string> vdevs;        // "net_af_packet0,iface=eth1"
  std::string file_prefix = "byon-dataplane";
  bool enable_telemetry = false;  // DPDK's own socket in the run-time directory
};

// The CPUs that this process may run on.
std::vector<unsigned> AllowedCpus();

// rte_eal_init's arguments for `config`, program name first. Without hugepages DPDK 22.11 needs
// --no-shconf instead of --in-memory; lcores are given as id@cpus, so that any number of workers
// runs on any number of CPUs. Worker i is lcore i + 1, the main lcore is 0.
std::vector<std::string> BuildEalArguments(const EalConfig& config);

// The EAL from start to clean-up: once in a process (a second start fails).
class EalGuard {
 public:
  // Main thread, which becomes the main lcore. The error is a sentence.
  static base::Result<EalGuard, std::string> Start(const EalConfig& config);
  ~EalGuard();
  EalGuard(EalGuard&& other) noexcept;
  EalGuard& operator=(EalGuard&&) = delete;

 private:
  EalGuard() = default;
  bool is_owner_ = true;
};

}  // namespace byon::io
