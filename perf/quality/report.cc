#include "perf/quality/report.h"

#include "perf/quality/format.h"

namespace byon::quality {
namespace {

double Mean(const std::vector<double>& values) { return MeanOf(values).mean; }

nlohmann::json ToJson(const Scores& scores) {
  return {{"stoi", Mean(scores.stoi)},
          {"lsdDb", Mean(scores.lsd_db)},
          {"stoiSamples", scores.stoi},
          {"lsdDbSamples", scores.lsd_db}};
}

nlohmann::json ToJson(const Estimate& estimate) {
  return {{"mean", estimate.mean}, {"halfWidth95", estimate.half_width}};
}

}  // namespace

std::string Table(const std::vector<RowResult>& results) {
  std::string table;
  std::string path;
  for (const RowResult& r : results) {
    if (r.row.path.name() != path) {
      path = r.row.path.name();
      table += Format("\n%s\n%-22s %22s %14s  %13s %5s %6s %6s %6s %6s %6s %6s %6s\n", path.c_str(), "",
                      "STOI ours/lib/repeat", "ours-lib +-", "LSD ours/lib", "", "delay", "p95", "arr95", "lost%",
                      "late%", "conc%", "fec%");
      table.insert(table.size() - 1, Format(" %6s %6s %6s", "exp%", "acc%", "back"));
    }
    const Estimate gain = PairedDifference(r.ours.stoi, r.library.stoi);
    table +=
        Format("%-22s  %.4f %.4f %s %+.4f %.4f  %6.2f %6.2f      ", r.row.weather.name.c_str(), Mean(r.ours.stoi),
               Mean(r.library.stoi), r.repeat.stoi.empty() ? "     -" : Format("%.4f", Mean(r.repeat.stoi)).c_str(),
               gain.mean, gain.half_width, Mean(r.ours.lsd_db), Mean(r.library.lsd_db));
    table += Format("%6.1f %6.1f %6.1f %6.2f %6.2f %6.2f %6.2f %6.2f %6.2f", r.delay_mean_ms, r.delay_p95_ms,
                    r.arrival_p95_ms, r.lost * 100, r.late * 100, r.concealed * 100, r.recovered * 100,
                    r.inserted * 100, r.removed * 100);
    table += r.row.weather.stall > base::TimeDelta() ? Format(" %6.0f\n", r.speech_back_ms) : std::string("      -\n");
  }
  return table;
}

std::string Table(const std::vector<Check>& checks) {
  std::string table = "\n";
  size_t met = 0;
  for (const Check& check : checks) {
    if (check.is_met) ++met;
    table += Format("%-4s  %-10s  %-100s  %s\n", check.is_met ? "ok" : "FAIL", check.id.c_str(), check.target.c_str(),
                    check.figure.c_str());
  }
  return table + Format("%zu of %zu targets met\n", met, checks.size());
}

nlohmann::json ToJson(const Check& check) {
  return {{"id", check.id}, {"target", check.target}, {"figure", check.figure}, {"isMet", check.is_met}};
}

nlohmann::json ToJson(const RowResult& r) {
  nlohmann::json json = {{"path", r.row.path.name()},
                         {"weather", r.row.weather.name},
                         {"ours", ToJson(r.ours)},
                         {"library", ToJson(r.library)},
                         {"stoiGain", ToJson(PairedDifference(r.ours.stoi, r.library.stoi))},
                         {"lsdGainDb", ToJson(PairedDifference(r.library.lsd_db, r.ours.lsd_db))},
                         {"delayMs",
                          {{"mean", r.delay_mean_ms},
                           {"p95", r.delay_p95_ms},
                           {"claimedMean", r.claimed_delay_ms},
                           {"targetMean", r.target_delay_ms},
                           {"arrivalP95", r.arrival_p95_ms}}},
                         {"lost", r.lost},
                         {"late", r.late},
                         {"dropped", r.dropped},
                         {"concealed", r.concealed},
                         {"recovered", r.recovered},
                         {"inserted", r.inserted},
                         {"removed", r.removed},
                         {"delayTrackMs", r.delay_track_ms},
                         {"targetTrackMs", r.target_track_ms}};
  if (!r.repeat.stoi.empty()) json["repeat"] = ToJson(r.repeat);
  if (!r.usual.stoi.empty()) json["usual"] = ToJson(r.usual);
  if (r.row.weather.stall > base::TimeDelta()) {
    json["speechBackMs"] = r.speech_back_ms;
    json["recoveryMs"] = r.recovery_ms;
  }
  return json;
}

}  // namespace byon::quality
