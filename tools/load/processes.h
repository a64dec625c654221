#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace byon::load {

// A process by its use of the machine since the watch began.
struct ProcessUse {
  pid_t pid = 0;
  std::string name;
  double cpu_percent = 0;     // of one processor
  double rss_mib = 0;         // now
  double rss_before_mib = 0;  // when the watch began
  std::string hottest_thread;
  double hottest_thread_percent = 0;
};

// Watches processes through /proc. A process that ends is left out from then on.
class ProcessWatch {
 public:
  // `pids`, or with none all of this machine that are called byon-dataplane or byon-controlplane.
  explicit ProcessWatch(std::vector<pid_t> pids);
  // The use since the last Restart(); `now_ns` is on the same clock for both.
  void Restart(int64_t now_ns);
  std::vector<ProcessUse> Use(int64_t now_ns) const;

 private:
  struct Threads {
    std::map<pid_t, int64_t> ticks;
  };
  std::vector<pid_t> pids_;
  std::map<pid_t, double> first_rss_mib_;
  std::map<pid_t, Threads> before_;
  int64_t since_ns_ = 0;
};

// What this machine is, for reports.
struct Machine {
  std::string processor;
  unsigned cpus = 0;
  std::string kernel;
  std::string features;  // of those that codecs and ciphers use
};
Machine DescribeMachine();

}  // namespace byon::load
