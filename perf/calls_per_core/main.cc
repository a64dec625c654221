// How many calls one worker carries: the real worker with its sessions, SRTP, jitter buffers and
// codecs on simulated packet I/O, until its first tick comes late. See perf/calls_per_core/run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perf/calls_per_core/call_ports.h"
#include "perf/calls_per_core/conversation.h"
#include "perf/calls_per_core/measurement.h"
#include "perf/calls_per_core/two_workers.h"

namespace byon::perf {
namespace {

using codec::Codec;

// Of Opus <-> AMR-WB 12.65 without DTX.
constexpr double kGoalCores = 0.010;
constexpr size_t kGoalCalls = 80;
constexpr size_t kGoalHeapBytes = 128 * 1024;  // of a call
constexpr double kGoalRatio = 1.95;            // two workers to one

struct Options {
  bool is_check = false;
  bool is_quick = false;
  std::string only;
  std::string json;
  bool shows_functions = false;
  size_t workers = 1;
  size_t calls = 0;  // 0: as many as go cleanly
  std::vector<std::string> speech;
};

constexpr Codec kOpus = Codec::kOpus, kWb = Codec::kAmrWb;
// Towards the browser: SILK as media.opus_encoder "speech" has it; CELT and SILK of "adaptive", the
// latter as it is under loss but for the redundancy.
constexpr Scenario kScenarios[] = {
    {"silk-5 amr-wb-12.65 library", kOpus, kWb, 2, false, false, Scenario::kSpeech},
    {"silk-5 amr-wb-12.65 batch", kOpus, kWb, 2, false, true, Scenario::kSpeech},
    {"silk-0 amr-wb-12.65 batch", kOpus, kWb, 2, false, true, Scenario::kSilk0},
    {"celt amr-wb-12.65 library", kOpus, kWb, 2, false, false, Scenario::kCelt},
    {"celt amr-wb-12.65 batch", kOpus, kWb, 2, false, true, Scenario::kCelt},
    {"silk-5 amr-wb-12.65 dtx library", kOpus, kWb, 2, true, false, Scenario::kSpeech},
    {"silk-5 amr-wb-12.65 dtx batch", kOpus, kWb, 2, true, true, Scenario::kSpeech},
    {"celt amr-wb-12.65 dtx batch", kOpus, kWb, 2, true, true, Scenario::kCelt},
    {"silk-5 amr-wb-23.85 library", kOpus, kWb, 8, false, false, Scenario::kSpeech},
    {"silk-5 amr-wb-23.85 batch", kOpus, kWb, 8, false, true, Scenario::kSpeech},
    {"celt amr-wb-23.85 batch", kOpus, kWb, 8, false, true, Scenario::kCelt},
    {"silk-5 amr-12.2", kOpus, Codec::kAmr, 7, false, true, Scenario::kSpeech},
    {"silk-0 amr-12.2", kOpus, Codec::kAmr, 7, false, true, Scenario::kSilk0},
    {"silk-0 amr-12.2 dtx", kOpus, Codec::kAmr, 7, true, true, Scenario::kSilk0},
    {"opus opus (relayed)", kOpus, kOpus, 0, false, true, Scenario::kSpeech},
    {"opus opus (relayed) embedded", kOpus, kOpus, 0, false, true, Scenario::kSpeech, PortKind::kEmbedded},
    {"opus opus (relayed) memif", kOpus, kOpus, 0, false, true, Scenario::kSpeech, PortKind::kMemif},
    {"pcmu pcma", Codec::kPcmu, Codec::kPcma, 0, false, true, Scenario::kSpeech},
};
constexpr std::string_view kGoalScenario = "celt amr-wb-12.65 batch";

std::string Load() {
  std::ifstream file("/proc/loadavg");
  std::string one;
  file >> one;
  return one;
}

// Microseconds that a call takes of each 20 ms.
double PerFrame(const Outcome& outcome) { return outcome.cores / static_cast<double>(outcome.calls) * 20'000; }

void PrintHeader() {
  std::printf("\n%-33s%7s%8s%8s%7s%6s%13s  us a call in 20 ms:", "", "clean", "core", "us of", "heap", "lanes",
              "late ms");
  std::printf("\n%-33s%7s%8s%8s%7s%6s%13s", "", "calls", "a call", "20 ms", "KB", "", "p50 p99 (80%)");
  for (size_t i = 0; i < kPartCount; ++i) {
    std::printf("%9s", std::string(PartName(static_cast<Part>(i))).c_str());
  }
  std::printf("\n");
}

void Print(const Scenario& scenario, const Outcome& outcome) {
  std::printf("%-33s%6zu%c%8.4f%8.1f%7.0f%6.1f%7.2f%6.2f", scenario.name, outcome.calls,
              outcome.calls == kMaxCalls ? '+' : ' ', outcome.cores / static_cast<double>(outcome.calls),
              PerFrame(outcome), static_cast<double>(outcome.heap_bytes_per_call) / 1024, outcome.lanes,
              outcome.lateness_p50_ms, outcome.lateness_p99_ms);
  for (const double share : outcome.parts) std::printf("%9.1f", share * PerFrame(outcome));
  std::printf("\n");
  std::fflush(stdout);
}

void PrintTwoWorkersHeader() {
  std::printf("\nclean calls of a worker over memif, median of rounds in turn\n%-33s%10s%14s%8s\n", "", "one alone",
              "two together", "ratio");
}

void Print(const Scenario& scenario, const TwoWorkersOutcome& outcome) {
  std::printf("%-33s%10zu%14zu%8.2f   (%s)\n", scenario.name, outcome.one, outcome.two, outcome.ratio(),
              outcome.rounds.c_str());
  std::fflush(stdout);
}

void WriteJson(std::ofstream& file, const Scenario& scenario, const TwoWorkersOutcome& outcome) {
  file << "{\"name\": \"" << scenario.name << " two workers\", \"clean_calls_of_one\": " << outcome.one
       << ", \"clean_calls_of_two\": " << outcome.two << ", \"two_to_one\": " << outcome.ratio() << "}\n";
}

void PrintFunctions(const Outcome& outcome) {
  for (const auto& [name, share] : outcome.functions) {
    std::printf("%10.2f us  %s\n", share * PerFrame(outcome), name.c_str());
  }
}

void WriteJson(std::ofstream& file, const Scenario& scenario, const Outcome& outcome) {
  file << "{\"name\": \"" << scenario.name << "\", \"clean_calls\": " << outcome.calls
       << ", \"cores_per_call\": " << outcome.cores / static_cast<double>(outcome.calls)
       << ", \"heap_bytes_per_call\": " << outcome.heap_bytes_per_call << ", \"lanes\": " << outcome.lanes
       << ", \"lateness_p50_ms_at_80_percent\": " << outcome.lateness_p50_ms
       << ", \"lateness_p99_ms_at_80_percent\": " << outcome.lateness_p99_ms;
  for (size_t i = 0; i < kPartCount; ++i) {
    file << ", \"us " << PartName(static_cast<Part>(i)) << "\": " << outcome.parts[i] * PerFrame(outcome);
  }
  file << "}\n";
}

// Whether the goal, which is for one scenario, is met.
bool IsGood(std::string_view name, const Outcome& outcome) {
  return name != kGoalScenario ||
         (outcome.calls >= kGoalCalls && outcome.cores <= kGoalCores * static_cast<double>(outcome.calls) &&
          outcome.heap_bytes_per_call <= kGoalHeapBytes);
}

int Main(const Options& options) {
  const Conversation conversation(options.speech);
  if (!conversation.is_complete()) {
    std::fprintf(stderr, "perf/run calls-per-core: a file of --speech cannot be read\n");
    return 2;
  }
  std::ofstream json(options.json);
  std::printf("%s; load %s at the start\n", options.speech.empty() ? "a made-up voice speaks" : "people speak",
              Load().c_str());
  const auto has_name = [&](const Scenario& scenario) {
    return std::string_view(scenario.name).find(options.only) != std::string_view::npos;
  };
  std::unique_ptr<CallPorts> ports;
  std::string no_ports;  // why
  if (options.workers > 1 || std::ranges::any_of(kScenarios, [&](const Scenario& scenario) {
        return has_name(scenario) && scenario.port != PortKind::kMemory;
      })) {
    auto opened = CallPorts::Open();
    if (opened) {
      ports = std::move(opened).value();
    } else {
      no_ports = opened.error();
    }
  }
  if (options.workers > 1 && !ports) {
    std::fprintf(stderr, "perf/run calls-per-core: %s\n", no_ports.c_str());
    return 2;
  }
  options.workers > 1 ? PrintTwoWorkersHeader() : PrintHeader();
  bool is_good = true;
  size_t measured = 0;
  for (const Scenario& scenario : kScenarios) {
    // Two workers go over the NIC port's queues.
    if (!has_name(scenario) || (options.workers > 1 && scenario.port != PortKind::kMemory)) continue;
    if (scenario.port != PortKind::kMemory && !ports) {
      std::printf("%-33s  not measured: %s\n", scenario.name, no_ports.c_str());
      continue;
    }
    ++measured;
    const Measurement measurement(scenario, conversation, options.is_quick, ports.get());
    if (options.workers > 1) {
      const TwoWorkersOutcome outcome = MeasureTwoWorkers(measurement, *ports);
      Print(scenario, outcome);
      if (json.is_open()) WriteJson(json, scenario, outcome);
      is_good = is_good && (scenario.name != kGoalScenario || outcome.ratio() >= kGoalRatio);
      continue;
    }
    const Outcome outcome =
        options.calls == 0 ? measurement.FindMostCleanCalls() : measurement.RunAndMeasureLateness(options.calls);
    Print(scenario, outcome);
    if (options.shows_functions) PrintFunctions(outcome);
    if (json.is_open()) WriteJson(json, scenario, outcome);
    is_good = is_good && IsGood(scenario.name, outcome);
  }
  std::printf("load %s at the end\n", Load().c_str());
  if (!options.is_check) return measured > 0 ? 0 : 2;
  if (options.workers > 1) {
    std::printf("%s: two workers %.2f of one, %s\n", is_good ? "met" : "NOT MET", kGoalRatio,
                std::string(kGoalScenario).c_str());
  } else {
    std::printf("%s: %zu clean calls, %.3f of a core and %zu KB a call, %s\n", is_good ? "met" : "NOT MET", kGoalCalls,
                kGoalCores, kGoalHeapBytes / 1024, std::string(kGoalScenario).c_str());
  }
  return is_good && measured > 0 ? 0 : 1;
}

}  // namespace
}  // namespace byon::perf

int main(int argc, char** argv) {
  byon::perf::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--check") {
      options.is_check = true;
    } else if (argument == "--quick") {
      options.is_quick = true;
    } else if (argument == "--functions") {
      options.shows_functions = true;
    } else if (argument == "--only" && i + 1 < argc) {
      options.only = argv[++i];
    } else if (argument == "--calls" && i + 1 < argc) {
      options.calls = std::min<size_t>(std::strtoul(argv[++i], nullptr, 10), byon::perf::kMaxCalls);
    } else if (argument == "--workers" && i + 1 < argc &&
               (argv[i + 1] == std::string_view("1") || argv[i + 1] == std::string_view("2"))) {
      options.workers = std::strtoul(argv[++i], nullptr, 10);
    } else if (argument == "--json" && i + 1 < argc) {
      options.json = argv[++i];
    } else if (argument == "--speech" && i + 1 < argc) {
      options.speech.emplace_back(argv[++i]);
    } else {
      std::fprintf(stderr,
                   "usage: perf/run calls-per-core [--check] [--quick] [--only TEXT] [--workers 1|2] [--calls N] "
                   "[--functions] [--json FILE] "
                   "[--speech FILE]...\n");
      return argument == "--help" ? 0 : 2;
    }
  }
  return byon::perf::Main(options);
}
