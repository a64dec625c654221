#include "tools/load/processes.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace byon::load {
namespace {

namespace fs = std::filesystem;

std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

pid_t NumberOf(const fs::path& path) {
  const std::string name = path.filename().string();
  pid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

// The numbered entries of a directory of /proc.
std::vector<pid_t> Numbers(const fs::path& directory) {
  std::vector<pid_t> numbers;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(directory, gone)) {
    if (const pid_t number = NumberOf(entry.path()); number != 0) numbers.push_back(number);
  }
  return numbers;
}

// User and system time, in clock ticks (proc_pid_stat(5), fields 14 and 15).
int64_t TicksOf(const fs::path& stat) {
  const std::string line = FirstLine(stat);
  const size_t behind_name = line.rfind(')');
  if (behind_name == std::string::npos) return 0;
  std::istringstream fields(line.substr(behind_name + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  int64_t user = 0, system = 0;
  fields >> user >> system;
  return user + system;
}

fs::path ProcOf(pid_t pid) { return fs::path("/proc") / std::to_string(pid); }

std::map<pid_t, int64_t> ThreadTicks(pid_t pid) {
  std::map<pid_t, int64_t> ticks;
  const fs::path tasks = ProcOf(pid) / "task";
  for (const pid_t thread : Numbers(tasks)) ticks[thread] = TicksOf(tasks / std::to_string(thread) / "stat");
  return ticks;
}

double RssMib(pid_t pid) {
  std::istringstream fields(FirstLine(ProcOf(pid) / "statm"));
  double pages = 0, resident = 0;
  fields >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace

ProcessWatch::ProcessWatch(std::vector<pid_t> pids) : pids_(std::move(pids)) {
  if (pids_.empty()) {
    for (const pid_t pid : Numbers("/proc")) {
      // The kernel keeps fifteen characters of a name.
      const std::string name = FirstLine(ProcOf(pid) / "comm");
      if (name == "byon-dataplane" || name == "byon-controlpla") pids_.push_back(pid);
    }
  }
  for (const pid_t pid : pids_) first_rss_mib_[pid] = RssMib(pid);
}

void ProcessWatch::Restart(int64_t now_ns) {
  since_ns_ = now_ns;
  before_.clear();
  for (const pid_t pid : pids_) before_[pid].ticks = ThreadTicks(pid);
}

std::vector<ProcessUse> ProcessWatch::Use(int64_t now_ns) const {
  std::vector<ProcessUse> uses;
  const double seconds = static_cast<double>(std::max<int64_t>(now_ns - since_ns_, 1)) / 1e9;
  const double percent_per_tick = 100.0 / static_cast<double>(sysconf(_SC_CLK_TCK)) / seconds;
  for (const auto& [pid, before] : before_) {
    ProcessUse use{.pid = pid,
                   .name = FirstLine(ProcOf(pid) / "comm"),
                   .rss_mib = RssMib(pid),
                   .rss_before_mib = first_rss_mib_.at(pid)};
    if (use.name.empty()) continue;
    if (use.name == "byon-controlpla") use.name = "byon-controlplane";
    for (const auto& [thread, ticks] : ThreadTicks(pid)) {
      const auto earlier = before.ticks.find(thread);
      const double percent =
          static_cast<double>(ticks - (earlier == before.ticks.end() ? 0 : earlier->second)) * percent_per_tick;
      use.cpu_percent += percent;
      if (percent <= use.hottest_thread_percent) continue;
      use.hottest_thread_percent = percent;
      use.hottest_thread = FirstLine(ProcOf(pid) / "task" / std::to_string(thread) / "comm");
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

Machine DescribeMachine() {
  Machine machine;
  machine.cpus = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
  utsname names{};
  if (uname(&names) == 0) machine.kernel = std::string(names.sysname) + " " + names.release;
  std::ifstream info("/proc/cpuinfo");
  constexpr std::array<std::string_view, 6> kFeatures = {"aes", "avx2", "avx512f", "avx512bw", "vaes", "gfni"};
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name") && machine.processor.empty()) machine.processor = value;
    if (!line.starts_with("flags") || !machine.features.empty()) continue;
    const std::string flags = " " + value + " ";
    for (const std::string_view feature : kFeatures) {
      if (flags.find(" " + std::string(feature) + " ") != std::string::npos) {
        machine.features += (machine.features.empty() ? "" : " ") + std::string(feature);
      }
    }
  }
  return machine;
}

}  // namespace byon::load
