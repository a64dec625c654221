#include "tools/load/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/load/report_page.h"

namespace byon::load {
namespace {

using nlohmann::ordered_json;

double Rounded(double value) { return std::round(value * 1000) / 1000; }

ordered_json Times(const Histogram& times) {
  ordered_json json;
  json["count"] = times.count();
  json["mean"] = Rounded(times.mean_ms());
  json["p50"] = Rounded(times.QuantileMs(0.5));
  json["p99"] = Rounded(times.QuantileMs(0.99));
  json["max"] = Rounded(times.max_ms());
  return json;
}

ordered_json Direction(const DirectionResult& way) {
  ordered_json json;
  json["sent"] = way.sent;
  json["lost_by_weather"] = way.lost_by_weather;
  json["reached_gateway"] = way.reached_gateway;
  json["lost_before_gateway"] = way.lost_before();
  if (way.gateway_sent) json["gateway_sent"] = *way.gateway_sent;
  json["received"] = way.received;
  json["lost_behind_gateway"] = way.lost_behind;
  json["reordered"] = way.reordered;
  json["duplicates"] = way.duplicates;
  json["source_changes"] = way.new_sources;
  json["undecryptable"] = way.undecryptable;
  json["unexpected_payload_type"] = way.unexpected_payload_type;
  json["delay_ms"] = Times(way.times.delay);
  json["lateness_ms"] = Times(way.times.arrivals.lateness);
  json["spacing_ms"] = Times(way.times.arrivals.spacing);
  json["added_latency_ms"] = Rounded(way.added_latency_ms);
  json["round_trip_ms"] = Rounded(way.round_trip_ms);
  json["concealed_frames"] = way.concealed_frames;
  json["late_packets"] = way.late_packets;
  json["mos_mean"] = Rounded(way.mos_mean);
  json["mos_worst"] = Rounded(way.mos_worst);
  return json;
}

ordered_json Head(const ReportHead& head) {
  ordered_json json;
  json["program"] = "byon-load";
  json["version"] = head.version;
  json["started"] = head.started;
  json["machine"]["processor"] = head.machine.processor;
  json["machine"]["cpus"] = head.machine.cpus;
  json["machine"]["features"] = head.machine.features;
  json["machine"]["kernel"] = head.machine.kernel;
  json["node"]["id"] = head.node_id;
  json["node"]["version"] = head.node_version;
  json["node"]["workers"] = head.workers;
  json["profile"]["name"] = head.profile_name;
  json["profile"]["yaml"] = head.profile_yaml;
  return json;
}

ordered_json Gateway(const RunResult& result) {
  ordered_json json;
  json["late_ticks"] = result.late_ticks;
  json["worker_busy_percent"] = ordered_json::array();
  for (const double percent : result.worker_busy_percent) json["worker_busy_percent"].push_back(Rounded(percent));
  json["processes"] = ordered_json::array();
  for (const ProcessUse& use : result.processes) {
    ordered_json one;
    one["name"] = use.name;
    one["pid"] = use.pid;
    one["cpu_percent"] = Rounded(use.cpu_percent);
    one["rss_mib"] = Rounded(use.rss_mib);
    one["rss_before_mib"] = Rounded(use.rss_before_mib);
    one["hottest_thread"] = use.hottest_thread;
    one["hottest_thread_percent"] = Rounded(use.hottest_thread_percent);
    json["processes"].push_back(std::move(one));
  }
  json["drops"] = result.drops;
  json["session_failed"] = result.session_failed;
  json["media_timeouts"] = result.media_timeouts;
  json["consent_lost"] = result.consent_lost;
  return json;
}

ordered_json Timeline(const RunResult& result) {
  ordered_json json = ordered_json::array();
  for (const Second& second : result.seconds) {
    ordered_json one;
    one["at"] = Rounded(second.at);
    one["measured"] = second.is_measured;
    one["calls"] = second.calls;
    one["setups"] = second.setups;
    one["failed"] = second.failed;
    one["worker_busy_percent"] = Rounded(second.worker_busy_percent);
    one["gateway_cpu_percent"] = Rounded(second.gateway_cpu_percent);
    one["load_cpu_percent"] = Rounded(second.load_cpu_percent);
    one["lateness_p99_ms"] = Rounded(second.lateness_p99_ms);
    one["late_ticks"] = second.late_ticks;
    json.push_back(std::move(one));
  }
  return json;
}

ordered_json Steps(const std::vector<Step>& steps) {
  ordered_json json = ordered_json::array();
  for (const Step& step : steps) {
    ordered_json one;
    one["calls"] = step.calls;
    one["clean"] = step.is_clean;
    one["load_limited"] = step.is_load_limit;
    one["worker_busy_percent"] = Rounded(step.worker_busy_percent);
    one["load_cpu_percent"] = Rounded(step.load_cpu_percent);
    one["lateness_p99_ms"] = Rounded(step.lateness_p99_ms);
    one["reason"] = step.first_reason;
    json.push_back(std::move(one));
  }
  return json;
}

ordered_json Build(const Report& report) {
  const RunResult& result = report.result;
  ordered_json json = Head(report.head);
  json["clean"] = report.verdict.is_clean;
  json["load_limited"] = report.verdict.is_load_limit;
  json["reasons"] = report.verdict.reasons;
  if (report.limit) json["limit_calls"] = *report.limit;
  json["calls"]["wanted"] = result.calls_wanted;
  json["calls"]["started"] = result.started;
  json["calls"]["connected"] = result.connected;
  json["calls"]["failed"] = result.failed;
  json["calls"]["peak"] = result.peak;
  json["calls"]["failures"] = result.failures;
  json["measured_seconds"] = Rounded(result.measured_seconds);
  json["setup_ms"]["create"] = Times(result.setup.create);
  json["setup_ms"]["ice"] = Times(result.setup.ice);
  json["setup_ms"]["dtls"] = Times(result.setup.dtls);
  json["setup_ms"]["media"] = Times(result.setup.media);
  json["setup_ms"]["total"] = Times(result.setup.total);
  json["to_phone"] = Direction(result.to_phone);
  json["to_browser"] = Direction(result.to_browser);
  json["gateway"] = Gateway(result);
  json["load"]["cpu_percent"] = Rounded(result.load_cpu_percent);
  json["load"]["send_lateness_ms"] = Times(result.send_lateness);
  json["load"]["socket_overflow"] = result.socket_overflow;
  json["steps"] = Steps(report.steps);
  json["timeline"] = Timeline(result);
  return json;
}

template <typename... Values>
std::string Line(const char* format, Values... values) {
  char text[240];
  std::snprintf(text, sizeof text, format, values...);
  return std::string(text) + "\n";
}

std::string TimesLine(const char* name, const Histogram& times) {
  if (times.count() == 0) return Line("  %-34s -", name);
  return Line("  %-34s %9.2f %9.2f %9.2f", name, times.QuantileMs(0.5), times.QuantileMs(0.99), times.max_ms());
}

std::string DirectionText(const char* name, const DirectionResult& way) {
  std::string text = Line("%s", name);
  text += Line("  %-34s %lld of %llu before the gateway, %llu of %llu behind it", "lost packets",
               static_cast<long long>(way.lost_before()), static_cast<unsigned long long>(way.sent),
               static_cast<unsigned long long>(way.lost_behind),
               static_cast<unsigned long long>(way.received + way.lost_behind));
  if (way.mos_mean > 0)
    text += Line("  %-34s %.2f, worst 5 s %.2f", "MOS as the gateway hears it", way.mos_mean, way.mos_worst);
  text += TimesLine("delay, speech to speech", way.times.delay);
  text += TimesLine("lateness of the gateway's packets", way.times.arrivals.lateness);
  text += TimesLine("uneven spacing of its packets", way.times.arrivals.spacing);
  return text;
}

}  // namespace

std::string ToJson(const Report& report) {
  return Build(report).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string ToHtml(const Report& report) {
  std::string json = Build(report).dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  // Inside a script element no text may look like its end.
  for (size_t at = json.find('<'); at != std::string::npos; at = json.find('<', at)) json.replace(at, 1, "\\u003c");
  std::string page(kReportPage);
  constexpr std::string_view kPlace = "/*REPORT*/null";
  page.replace(page.find(kPlace), kPlace.size(), json);
  return page;
}

std::string ToText(const Report& report) {
  const RunResult& result = report.result;
  std::string text = Line("\n%zu calls, %llu connected, %llu failed, measured for %.1f s", result.calls_wanted,
                          static_cast<unsigned long long>(result.connected),
                          static_cast<unsigned long long>(result.failed), result.measured_seconds);
  text += Line("  %-34s %9s %9s %9s", "ms", "p50", "p99", "max");
  text += TimesLine("set-up: session created", result.setup.create);
  text += TimesLine("        ICE", result.setup.ice);
  text += TimesLine("        DTLS", result.setup.dtls);
  text += TimesLine("        first packet both ways", result.setup.media);
  text += DirectionText("browser to phone", result.to_phone);
  text += DirectionText("phone to browser", result.to_browser);
  for (size_t i = 0; i < result.worker_busy_percent.size(); ++i) {
    text += Line("  %-34s %8.1f %% busy", ("worker " + std::to_string(i)).c_str(), result.worker_busy_percent[i]);
  }
  for (const ProcessUse& use : result.processes) {
    text += Line("  %-34s %8.1f %% CPU, %.0f MiB, %s %.1f %%", (use.name + " " + std::to_string(use.pid)).c_str(),
                 use.cpu_percent, use.rss_mib, use.hottest_thread.c_str(), use.hottest_thread_percent);
  }
  text += Line("  %-34s %8.1f %% CPU, sends %.2f ms late at p99", "byon-load's media thread", result.load_cpu_percent,
               result.send_lateness.QuantileMs(0.99));
  for (const Step& step : report.steps) {
    text += Line("  %6zu calls: %s%s", step.calls, step.is_clean ? "clean" : "not clean: ", step.first_reason.c_str());
  }
  if (report.limit) text += Line("limit: %zu calls", *report.limit);
  for (const std::string& reason : report.verdict.reasons) text += "- " + reason + "\n";
  text += report.verdict.is_load_limit ? "NOT MEASURED: the load generator was the bottleneck\n"
          : report.verdict.is_clean    ? "CLEAN: nothing lost, nothing late\n"
                                       : "NOT CLEAN\n";
  return text;
}

}  // namespace byon::load
