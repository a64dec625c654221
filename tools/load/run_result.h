#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/load/histogram.h"
#include "tools/load/media_engine.h"
#include "tools/load/processes.h"

namespace byon::load {

// One way of the media, over all calls from their beginning to their end.
struct DirectionResult {
  uint64_t sent = 0;  // by the load, what the weather left
  uint64_t lost_by_weather = 0;
  uint64_t reached_gateway = 0;          // by the gateway's own count
  std::optional<uint64_t> gateway_sent;  // nothing: the node does not count
  uint64_t received = 0;                 // by the load
  uint64_t lost_behind = 0;              // sequence numbers of the gateway that never came
  uint64_t reordered = 0, duplicates = 0, new_sources = 0, undecryptable = 0, unexpected_payload_type = 0;
  // Of what the gateway received in this direction, by its own figures.
  uint64_t concealed_frames = 0, late_packets = 0;
  double mos_mean = 0, mos_worst = 0;  // 0: no estimate
  double added_latency_ms = 0;         // mean over calls
  double round_trip_ms = 0;            // mean over calls, by RTCP
  uint64_t calls = 0;                  // behind the means
  uint64_t mos_calls = 0;
  DirectionTimes times;  // while measured
  // May be below zero by packets that were still on their way.
  int64_t lost_before() const { return static_cast<int64_t>(sent) - static_cast<int64_t>(reached_gateway); }
};

struct SetupTimes {
  Histogram create;  // CreateSession and ModifySession, from request to answer
  Histogram ice;     // from there to the first answered check
  Histogram dtls;    // from there to keys
  Histogram media;   // from keys to a packet of the gateway on both sides
  Histogram total;
};

struct Second {
  double at = 0;  // s since the start
  bool is_measured = false;
  size_t calls = 0;                // with keys
  size_t setups = 0;               // that got keys in this second
  uint64_t failed = 0;             // so far
  double worker_busy_percent = 0;  // the busiest worker
  double gateway_cpu_percent = 0;  // all its processes
  double load_cpu_percent = 0;     // the media thread
  double lateness_p99_ms = 0;      // of this second, both directions
  uint64_t late_ticks = 0;         // of this second
};

struct RunResult {
  size_t calls_wanted = 0;
  double latest_ms = 0;  // of the profile
  uint64_t started = 0, connected = 0, failed = 0;
  size_t peak = 0;                           // at once
  std::map<std::string, uint64_t> failures;  // by reason
  SetupTimes setup;
  DirectionResult to_phone, to_browser;
  std::map<std::string, uint64_t> drops;  // of these sessions, by the gateway's reason
  uint64_t late_ticks = 0;                // while measured
  std::vector<double> worker_busy_percent;
  std::vector<ProcessUse> processes;
  uint64_t session_failed = 0, media_timeouts = 0, consent_lost = 0;
  uint64_t unknown_ends = 0;  // calls whose final figures the gateway did not give
  Histogram send_lateness;
  uint64_t socket_overflow = 0;
  double load_cpu_percent = 0;
  double measured_seconds = 0;
  std::vector<Second> seconds;
};

// What the figures mean.
struct Verdict {
  // Nothing was lost, beside what the weather does, and nothing late: no tick by the gateway's own
  // count or, with a limit in the profile, no more than a hundredth of its packets.
  bool is_clean = false;
  bool is_load_limit = false;        // the load itself was too slow: nothing is said about the gateway
  std::vector<std::string> reasons;  // sentences; empty when clean
};
Verdict Judge(const RunResult& result);

}  // namespace byon::load
