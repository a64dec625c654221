#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/load/processes.h"
#include "tools/load/profile.h"
#include "tools/load/run_result.h"

namespace byon::load {

// What a report says beside the figures.
struct ReportHead {
  std::string version;
  std::string started;  // ISO 8601
  std::string profile_name;
  std::string profile_yaml;
  std::string node_id, node_version;
  unsigned workers = 0;
  Machine machine;
};

// One try of a search for the limit.
struct Step {
  size_t calls = 0;
  bool is_clean = false, is_load_limit = false;
  double worker_busy_percent = 0;
  double load_cpu_percent = 0;
  double lateness_p99_ms = 0;
  std::string first_reason;
};

struct Report {
  ReportHead head;
  RunResult result;  // of a search: of the highest clean load
  Verdict verdict;
  std::vector<Step> steps;
  std::optional<size_t> limit;  // the highest number of calls that went cleanly
};

// As JSON: times in ms, shares in percent.
std::string ToJson(const Report& report);
// One page with everything in it.
std::string ToHtml(const Report& report);
// What a terminal shows at the end.
std::string ToText(const Report& report);

}  // namespace byon::load
