#include "dataplane/io/eal_guard.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>

#include <utility>

namespace byon::io {

std::vector<unsigned> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<std::string> BuildEalArguments(const EalConfig& config) {
  std::string lcores = "0@(" + config.control_cpus + ")";
  for (size_t i = 0; i < config.worker_cpus.size(); ++i) {
    lcores += "," + std::to_string(i + 1) + "@(" + config.worker_cpus[i] + ")";
  }
  std::vector<std::string> arguments = {"byon-dataplane", "--lcores", lcores, "--file-prefix=" + config.file_prefix,
                                        "--log-level=warning"};
  if (config.use_hugepages) {
    // Freed as they were allocated: an IOMMU's mapping is undone whole or not at all.
    arguments.insert(arguments.end(), {"--in-memory", "--single-file-segments", "--match-allocations"});
  } else {
    // --no-huge implies legacy memory, which 22.11 does not combine with --in-memory.
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  arguments.insert(arguments.end(), {"-m", std::to_string(config.memory_mb)});
  if (config.pci_devices.empty()) {
    // Root with hugepages would get physical addresses, which vdevs do not need.
    arguments.insert(arguments.end(), {"--no-pci", "--iova-mode=va"});
  }
  for (const std::string& device : config.pci_devices) {
    arguments.insert(arguments.end(), {"-a", device});
  }
  for (const std::string& device : config.vdevs) arguments.push_back("--vdev=" + device);
  if (!config.enable_telemetry) arguments.push_back("--no-telemetry");
  return arguments;
}

base::Result<EalGuard, std::string> EalGuard::Start(const EalConfig& config) {
  std::vector<std::string> arguments = BuildEalArguments(config);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    std::string command;
    for (size_t i = 1; i < arguments.size(); ++i) command += " " + arguments[i];
    return std::string("DPDK does not start: ") + rte_strerror(rte_errno) + " (arguments" + command + ")";
  }
  return EalGuard();
}

EalGuard::EalGuard(EalGuard&& other) noexcept : is_owner_(std::exchange(other.is_owner_, false)) {}

EalGuard::~EalGuard() {
  if (is_owner_) rte_eal_cleanup();
}

}  // namespace byon::io
