// Plays speech through the product's pipeline over simulated networks and says how it came out.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "perf/quality/experiment.h"
#include "perf/quality/plan.h"
#include "perf/quality/report.h"
#include "perf/quality/targets.h"

namespace byon::quality {
namespace {

constexpr const char* kUsage =
    R"(usage: quality [--quick] [--check] [--only TEXT] [--seeds N] [--threads N] [--itu-speech DIR] [--json FILE] [--wav DIR]
)";

struct Options {
  Extent extent = Extent::kFull;
  bool is_check = false;
  std::string only;
  std::string itu_folder;
  std::string json_file;
  Settings settings;
};

[[noreturn]] void Refuse(const std::string& reason) {
  std::fprintf(stderr, "quality: %s\n%s", reason.c_str(), kUsage);
  std::exit(2);
}

int ToCount(const std::string& name, const std::string& value) {
  char* end = nullptr;
  const long number = std::strtol(value.c_str(), &end, 10);
  if (value.empty() || *end != 0 || number < 1 || number > 100) {
    Refuse(name + " takes a number from 1 to 100, not '" + value + "'");
  }
  return static_cast<int>(number);
}

Options Parse(int argc, char** argv) {
  Options options;
  bool has_seeds = false;
  options.settings.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--quick") {
      options.extent = Extent::kQuick;
      continue;
    }
    if (name == "--check") {
      options.is_check = true;
      continue;
    }
    if (i + 1 == argc) Refuse("unknown argument, or one without its value: '" + name + "'");
    const std::string value = argv[++i];
    if (name == "--only")
      options.only = value;
    else if (name == "--seeds")
      options.settings.seeds = ToCount(name, value), has_seeds = true;
    else if (name == "--threads")
      options.settings.threads = ToCount(name, value);
    else if (name == "--itu-speech")
      options.itu_folder = value;
    else if (name == "--wav")
      options.settings.wav_folder = value;
    else if (name == "--json")
      options.json_file = value;
    else
      Refuse("unknown argument '" + name + "'");
  }
  if (options.extent == Extent::kQuick && !has_seeds) options.settings.seeds = 2;
  return options;
}

int Main(int argc, char** argv) {
  Options options = Parse(argc, argv);
  const auto started = std::chrono::steady_clock::now();
  const Material material = LoadMaterial(options.itu_folder);
  if (material.recordings.empty()) {
    Refuse("no speech: neither " + options.itu_folder + " nor Debian's pocketsphinx-testdata is there");
  }
  std::vector<Row> rows = PlanRows(options.extent);
  std::erase_if(rows, [&](const Row& row) { return row.name().find(options.only) == std::string::npos; });
  if (rows.empty()) Refuse("no row has '" + options.only + "' in its name");
  std::printf("speech: %s; %d seeds, %zu rows\n", material.description.c_str(), options.settings.seeds, rows.size());
  std::fflush(stdout);
  Laboratory laboratory(material.recordings);
  const bool is_watched = isatty(STDERR_FILENO) == 1;
  if (is_watched) {
    options.settings.progress = [](size_t done, size_t of) {
      std::fprintf(stderr, "\r%zu of %zu rows%s", done, of, done == of ? "\n" : "");
    };
  }
  const auto results = RunRows(laboratory, rows, options.settings);
  std::fputs(Table(results).c_str(), stdout);
  std::vector<Check> checks;
  if (options.is_check) {
    checks = CheckTargets(laboratory, results, options.settings);
    std::fputs(Table(checks).c_str(), stdout);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::printf("\n%zu rows in %.0f s\n", rows.size(), seconds);
  if (!options.json_file.empty()) {
    nlohmann::json json = {{"speech", material.description}, {"seeds", options.settings.seeds}, {"seconds", seconds}};
    for (const RowResult& result : results) json["rows"].push_back(ToJson(result));
    for (const Check& check : checks) json["checks"].push_back(ToJson(check));
    std::ofstream file(options.json_file);
    file << json.dump(1) << '\n';
    if (!file.flush()) Refuse("cannot write " + options.json_file);
  }
  const bool is_met = std::ranges::all_of(checks, &Check::is_met);
  return !options.is_check || (is_met && !checks.empty()) ? 0 : 1;
}

}  // namespace
}  // namespace byon::quality

int main(int argc, char** argv) { return byon::quality::Main(argc, argv); }
