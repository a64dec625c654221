// byon-load: plays calls against a running dataplane and says how they went.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>

#include "tools/load/gateway_node.h"
#include "tools/load/limit_search.h"
#include "tools/load/load_run.h"
#include "tools/load/ng_node.h"
#include "tools/load/options.h"
#include "tools/load/report.h"

namespace {

using namespace byon::load;

std::atomic<bool> is_interrupted = false;

void OnSignal(int) { is_interrupted = true; }

std::string NowText() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

void ShowSecond(LoadRun::Phase phase, const RunResult& result) {
  constexpr const char* kNames[] = {"ramp", "settle", "measure", "end"};
  const Second& second = result.seconds.back();
  char line[200];
  std::snprintf(line, sizeof line,
                "%5.0f s  %-7s  %5zu calls  %4zu set-ups/s  %llu failed  worker %5.1f %%  late p99 "
                "%6.2f ms  load %5.1f %%",
                second.at, kNames[static_cast<size_t>(phase)], second.calls, second.setups,
                static_cast<unsigned long long>(second.failed), second.worker_busy_percent, second.lateness_p99_ms,
                second.load_cpu_percent);
  // A terminal keeps one line; a file keeps them all.
  std::cerr << (isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "") << line << (isatty(STDERR_FILENO) != 0 ? "" : "\n")
            << std::flush;
}

RunResult RunOnce(const Options& options, const Profile& profile, MediaNode& node, size_t number) {
  LoadRun run(profile, node, node.controller_id() + "-" + std::to_string(number), options.pids,
              options.is_quiet ? LoadRun::OnSecond() : ShowSecond);
  RunResult result = run.Run(is_interrupted);
  if (!options.is_quiet && isatty(STDERR_FILENO) != 0) std::cerr << "\r\033[K";
  return result;
}

Step ToStep(const RunResult& result, const Verdict& verdict) {
  Step step{.calls = result.calls_wanted, .is_clean = verdict.is_clean, .is_load_limit = verdict.is_load_limit};
  for (const double percent : result.worker_busy_percent)
    step.worker_busy_percent = std::max(step.worker_busy_percent, percent);
  step.load_cpu_percent = result.load_cpu_percent;
  Histogram lateness = result.to_phone.times.arrivals.lateness;
  lateness.Merge(result.to_browser.times.arrivals.lateness);
  step.lateness_p99_ms = lateness.QuantileMs(0.99);
  if (!verdict.reasons.empty())
    step.first_reason = verdict.is_load_limit ? verdict.reasons.back() : verdict.reasons.front();
  return step;
}

// Fills the report with the highest clean load, or with the first one when none is.
void FindLimit(const Options& options, size_t room, MediaNode& node, Report& report) {
  LimitSearch search(options.profile.calls, std::max<size_t>(room, 1));
  for (size_t number = 1; !is_interrupted; ++number) {
    const auto calls = search.Next();
    if (!calls) break;
    Profile profile = options.profile;
    profile.calls = *calls;
    RunResult result = RunOnce(options, profile, node, 2 * number);
    Verdict verdict = Judge(result);
    // What else runs on the machine disturbs now and then; too many calls do so each time.
    if (!verdict.is_clean && !is_interrupted) {
      result = RunOnce(options, profile, node, 2 * number + 1);
      verdict = Judge(result);
    }
    if (is_interrupted) break;
    search.Tell(verdict.is_clean);
    report.steps.push_back(ToStep(result, verdict));
    if (!options.is_quiet) {
      std::cerr << *calls
                << " calls: " << (verdict.is_clean ? "clean" : "not clean: " + report.steps.back().first_reason)
                << "\n";
    }
    if (verdict.is_clean || report.steps.size() == 1) {
      report.result = std::move(result);
      report.verdict = verdict;
    }
  }
  report.limit = search.best();
}

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) std::cerr << "byon-load: " << path << " cannot be written.\n";
  return file.good();
}

std::unique_ptr<MediaNode> MakeNode(const Options& options) {
  if (options.ng.empty()) return std::make_unique<GatewayNode>(options.node, options.profile);
  return std::make_unique<NgNode>(options.ng, options.profile, options.ng_opus);
}

int Run(const Options& options) {
  const std::unique_ptr<MediaNode> node = MakeNode(options);
  const auto description = node->Describe();
  if (!description) {
    std::cerr << "byon-load: " << description.error() << "\n";
    return 3;
  }
  if (description->is_draining) {
    std::cerr << "byon-load: the dataplane at " << options.node.target << " drains and takes no calls.\n";
    return 3;
  }
  node->Watch();
  Report report;
  report.head = {.version = BYON_VERSION,
                 .started = NowText(),
                 .profile_name = options.profile_name,
                 .profile_yaml = options.profile_yaml,
                 .node_id = description->id,
                 .node_version = description->version,
                 .workers = description->workers,
                 .machine = DescribeMachine()};
  if (options.finds_limit) {
    FindLimit(options, description->room, *node, report);
  } else {
    report.result = RunOnce(options, options.profile, *node, 0);
    report.verdict = Judge(report.result);
  }
  std::cout << ToText(report);
  bool is_written = true;
  if (!options.json_file.empty()) is_written &= Write(options.json_file, ToJson(report));
  if (!options.html_file.empty()) is_written &= Write(options.html_file, ToHtml(report));
  return report.verdict.is_clean && is_written ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = ParseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    std::cerr << "byon-load: " << options.error() << "\n";
    return 2;
  }
  switch (options->action) {
    case Options::Action::kHelp: std::cout << kUsage; return 0;
    case Options::Action::kVersion: std::cout << "byon-load " << BYON_VERSION << "\n"; return 0;
    case Options::Action::kPrintProfile: std::cout << options->profile_yaml; return 0;
    case Options::Action::kRun: break;
  }
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  try {
    return Run(*options);
  } catch (const std::exception& problem) {
    std::cerr << "byon-load: " << problem.what() << "\n";
    return 3;
  }
}
