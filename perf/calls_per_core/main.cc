// How many calls one worker carries: the real worker with its sessions, SRTP, jitter buffers and
// codecs on simulated packet I/O, until its first tick comes late. See perf/calls_per_core/run.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "perf/calls_per_core/conversation.h"
#include "perf/calls_per_core/cpu_profile.h"
#include "perf/dataplane/worker_calls.h"

namespace byon::perf {
namespace {

using base::TimeDelta;
using codec::Codec;

// Of Opus <-> AMR-WB 12.65 without DTX.
constexpr double kGoalCores = 0.010;
constexpr size_t kGoalCalls = 80;
constexpr size_t kMostFunctions = 40;
constexpr size_t kMaxCalls = 3000;  // more would take gigabytes

struct Options {
  bool is_check = false;
  bool is_quick = false;
  std::string only;
  std::string json;
  bool shows_functions = false;
  size_t calls = 0;  // 0: as many as go cleanly
  std::vector<std::string> speech;
};

struct Scenario {
  const char* name;
  Codec access;
  Codec ims;
  uint8_t mode;
  bool use_dtx;
  bool use_batch;
  enum Towards : uint8_t { kSpeech, kCelt, kSilk0 } opus;  // what the browser is sent
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
    {"pcmu pcma", Codec::kPcmu, Codec::kPcma, 0, false, true, Scenario::kSpeech},
};
constexpr std::string_view kGoalScenario = "celt amr-wb-12.65 batch";

struct Outcome {
  size_t calls = 0;
  double cores = 0;  // of all calls
  uint64_t late_ticks = 0;
  size_t heap_bytes_per_call = 0;
  double lanes = 0;  // frames in a pass of the batch encoder
  // Of packets that leave, with four fifths of the most clean calls.
  double lateness_p50_ms = 0, lateness_p99_ms = 0;
  std::array<double, kPartCount> parts{};
  std::vector<std::pair<std::string, double>> functions;
};

class Measurement {
 public:
  Measurement(const Scenario& scenario, const Conversation& conversation, bool is_quick)
      : use_batch_(scenario.use_batch),
        browser_(EncodeOf(scenario, scenario.access, 111, conversation, 0)),
        phone_(EncodeOf(scenario, scenario.ims, 107, conversation, 1)),
        measured_(TimeDelta::Milliseconds(is_quick ? 1000 : 4000)) {}

  Outcome Run(size_t calls) const {
    WorkerCalls worker(ConfigFor(calls));
    worker.Run(TimeDelta::Milliseconds(500));  // jitter buffers fill
    const uint64_t late_before = worker.Stats().late_ticks;
    const auto busy_before = worker.busy();
    const codec::AmrWbBatch* const batch = worker.batch();
    const uint64_t frames_before = batch ? batch->frames() : 0;
    const uint64_t passes_before = batch ? batch->passes() : 0;
    const CpuProfile profile(worker.is_working());
    worker.Run(measured_);
    Outcome outcome{.calls = calls};
    const auto spent = static_cast<double>((worker.busy() - busy_before).count());
    outcome.cores = spent / static_cast<double>(measured_.nanoseconds());
    outcome.late_ticks = worker.Stats().late_ticks - late_before;
    outcome.heap_bytes_per_call = worker.heap_bytes_per_call();
    outcome.parts = profile.Shares();
    outcome.functions = profile.Functions(kMostFunctions);
    if (batch && batch->passes() > passes_before) {
      outcome.lanes = static_cast<double>(batch->frames() - frames_before) /
                      static_cast<double>(batch->passes() - passes_before);
    }
    return outcome;
  }

  // The most calls without a late tick, to 2 %.
  Outcome FindMostCleanCalls() const {
    const Outcome probe = Run(24);
    const double capacity = 24 / probe.cores;
    size_t clean = 0, too_many = std::min(static_cast<size_t>(capacity * 1.15), kMaxCalls);
    std::optional<Outcome> best;
    size_t next = static_cast<size_t>(capacity * 0.9);
    for (int run = 0; run < 8 && too_many - clean > std::max(clean / 50, size_t{1}); ++run) {
      const Outcome outcome = Run(std::clamp(next, size_t{1}, kMaxCalls));
      if (outcome.late_ticks == 0) {
        clean = outcome.calls;
        best = outcome;
      } else {
        too_many = outcome.calls;
      }
      next = clean == 0 ? too_many * 8 / 10 : (clean + too_many) / 2;
    }
    Outcome outcome = best.value_or(probe);
    MeasureLateness(outcome, outcome.calls * 4 / 5);
    return outcome;
  }

  Outcome RunAndMeasureLateness(size_t calls) const {
    Outcome outcome = Run(calls);
    MeasureLateness(outcome, calls);
    return outcome;
  }
  void MeasureLateness(Outcome& outcome, size_t calls) const {
    WorkerCalls worker(ConfigFor(std::max(calls, size_t{1})));
    SendTimes times;
    worker.Watch(times);
    worker.Run(TimeDelta::Milliseconds(1000));
    // A machine that stops for a moment spoils one of them.
    std::array<std::pair<double, double>, 5> runs;  // p99, p50
    for (auto& [p99, p50] : runs) {
      times.ForgetFigures();
      worker.Run(measured_);
      p99 = times.lateness().QuantileMs(0.99);
      p50 = times.lateness().QuantileMs(0.5);
    }
    std::ranges::sort(runs);
    std::tie(outcome.lateness_p99_ms, outcome.lateness_p50_ms) = runs[runs.size() / 2];
  }

 private:
  WorkerCalls::Config ConfigFor(size_t calls) const {
    return {.count = calls,
            .from_browser = &browser_,
            .from_phone = &phone_,
            .use_amr_wb_batch = use_batch_};
  }
  static Media EncodeOf(const Scenario& scenario, Codec codec, uint8_t payload_type,
                        const Conversation& conversation, int person) {
    pipeline::StreamFormat format = FormatOf(codec, payload_type);
    if (codec == Codec::kAmrWb || codec == Codec::kAmr)
      format.codec.amr.initial_mode = scenario.mode;
    format.codec.amr.use_dtx = scenario.use_dtx;
    format.codec.opus.use_inband_fec = true;
    const int rate_hz = static_cast<int>(codec::ClockRateHz(codec));
    Media media = EncodeMedia(format, conversation.At(person, rate_hz));
    // The browser itself sends as browsers do; this is for the gateway.
    codec::OpusParameters& opus = media.format.codec.opus;
    if (scenario.opus != Scenario::kSpeech) opus.coding = codec::OpusCoding::kAdaptive;
    if (scenario.opus == Scenario::kSilk0) opus.max_average_bitrate_bps = 32'000;
    return media;
  }

  const bool use_batch_;
  const Media browser_;
  const Media phone_;
  const TimeDelta measured_;
};

std::string Load() {
  std::ifstream file("/proc/loadavg");
  std::string one;
  file >> one;
  return one;
}

// Microseconds that a call takes of each 20 ms.
double PerFrame(const Outcome& outcome) {
  return outcome.cores / static_cast<double>(outcome.calls) * 20'000;
}

void PrintHeader() {
  std::printf("\n%-33s%7s%8s%8s%7s%6s%13s  us a call in 20 ms:", "", "clean", "core", "us of",
              "heap", "lanes", "late ms");
  std::printf("\n%-33s%7s%8s%8s%7s%6s%13s", "", "calls", "a call", "20 ms", "KB", "", "p50 p99 (80%)");
  for (size_t i = 0; i < kPartCount; ++i) {
    std::printf("%9s", std::string(PartName(static_cast<Part>(i))).c_str());
  }
  std::printf("\n");
}

void Print(const Scenario& scenario, const Outcome& outcome) {
  std::printf("%-33s%6zu%c%8.4f%8.1f%7.0f%6.1f%7.2f%6.2f", scenario.name, outcome.calls,
              outcome.calls == kMaxCalls ? '+' : ' ',
              outcome.cores / static_cast<double>(outcome.calls), PerFrame(outcome),
              static_cast<double>(outcome.heap_bytes_per_call) / 1024, outcome.lanes,
              outcome.lateness_p50_ms, outcome.lateness_p99_ms);
  for (const double share : outcome.parts) std::printf("%9.1f", share * PerFrame(outcome));
  std::printf("\n");
  std::fflush(stdout);
}

void PrintFunctions(const Outcome& outcome) {
  for (const auto& [name, share] : outcome.functions) {
    std::printf("%10.2f us  %s\n", share * PerFrame(outcome), name.c_str());
  }
}

void WriteJson(std::ofstream& file, const Scenario& scenario, const Outcome& outcome) {
  file << "{\"name\": \"" << scenario.name << "\", \"clean_calls\": " << outcome.calls
       << ", \"cores_per_call\": " << outcome.cores / static_cast<double>(outcome.calls)
       << ", \"heap_bytes_per_call\": " << outcome.heap_bytes_per_call
       << ", \"lanes\": " << outcome.lanes
       << ", \"lateness_p50_ms_at_80_percent\": " << outcome.lateness_p50_ms
       << ", \"lateness_p99_ms_at_80_percent\": " << outcome.lateness_p99_ms;
  for (size_t i = 0; i < kPartCount; ++i) {
    file << ", \"us " << PartName(static_cast<Part>(i))
         << "\": " << outcome.parts[i] * PerFrame(outcome);
  }
  file << "}\n";
}

int Main(const Options& options) {
  const Conversation conversation(options.speech);
  if (!conversation.is_complete()) {
    std::fprintf(stderr, "perf/run calls-per-core: a file of --speech cannot be read\n");
    return 2;
  }
  std::ofstream json(options.json);
  std::printf("%s; load %s at the start\n",
              options.speech.empty() ? "a made-up voice speaks" : "people speak", Load().c_str());
  PrintHeader();
  bool is_good = true;
  size_t measured = 0;
  for (const Scenario& scenario : kScenarios) {
    const std::string_view name = scenario.name;
    if (name.find(options.only) == name.npos) continue;
    ++measured;
    const Measurement measurement(scenario, conversation, options.is_quick);
    const Outcome outcome = options.calls == 0 ? measurement.FindMostCleanCalls()
                                               : measurement.RunAndMeasureLateness(options.calls);
    Print(scenario, outcome);
    if (options.shows_functions) PrintFunctions(outcome);
    if (json.is_open()) WriteJson(json, scenario, outcome);
    if (name != kGoalScenario) continue;
    is_good = outcome.calls >= kGoalCalls &&
              outcome.cores <= kGoalCores * static_cast<double>(outcome.calls);
  }
  std::printf("load %s at the end\n", Load().c_str());
  if (!options.is_check) return measured > 0 ? 0 : 2;
  std::printf("%s: %zu clean calls and %.3f of a core a call, %s\n", is_good ? "met" : "NOT MET",
              kGoalCalls, kGoalCores, std::string(kGoalScenario).c_str());
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
    } else if (argument == "--json" && i + 1 < argc) {
      options.json = argv[++i];
    } else if (argument == "--speech" && i + 1 < argc) {
      options.speech.emplace_back(argv[++i]);
    } else {
      std::fprintf(stderr,
                   "usage: perf/run calls-per-core [--check] [--quick] [--only TEXT] [--calls N] [--functions] [--json FILE] "
                   "[--speech FILE]...\n");
      return argument == "--help" ? 0 : 2;
    }
  }
  return byon::perf::Main(options);
}
