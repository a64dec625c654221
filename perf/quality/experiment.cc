#include "perf/quality/experiment.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>

#include "dataplane/base/random.h"
#include "perf/quality/gateway_run.h"
#include "perf/quality/unscaled_output.h"
#include "perf/quality/wav_file.h"

namespace byon::quality {
namespace {

using base::TimeDelta;
using base::Timestamp;

// Of the unscaled output: what was waited is never caught up in it.
constexpr DelayRange kGatewayDelays = {-0.7, 1.5};

bool HasEvent(const Weather& weather) { return weather.stall > TimeDelta(); }

void ForEachInParallel(size_t count, int threads, const std::function<void(size_t)>& run) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) run(i);
  };
  std::vector<std::jthread> workers;
  for (int i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
}

void Append(Scores& scores, const std::vector<PartScore>& parts) {
  for (const PartScore& part : parts) {
    scores.stoi.push_back(part.stoi);
    scores.lsd_db.push_back(part.lsd_db);
  }
}

// One seed of a row.
struct Run {
  std::vector<PartScore> parts;
  std::vector<double> added_ms;  // piece by piece
  GatewayRun gateway;
  Timestamp scored_from;
  double arrival_p95_ms = 0;
  double fixed_delay_ms = 0;
  size_t lost_frames = 0;  // 20 ms each
  double speech_back_ms = 0;
  double recovery_ms = 0;
};

double SpeechBackMs(const GatewayRun& run, Timestamp stall_end) {
  for (const TickRecord& tick : run.ticks) {
    if (tick.at >= stall_end && tick.is_speech) return (tick.at - stall_end).seconds() * 1000;
  }
  return INFINITY;
}

double RecoveryMs(const GatewayRun& run, Timestamp stall_start, Timestamp stall_end) {
  constexpr float kSameDelayMs = 20;
  float before_ms = 0;
  Timestamp last_off = stall_end;
  for (const TickRecord& tick : run.ticks) {
    if (tick.at < stall_start) before_ms = tick.delay_ms;
    if (tick.at >= stall_end && tick.delay_ms > before_ms + kSameDelayMs) last_off = tick.at;
  }
  return (last_off - stall_end).seconds() * 1000;
}

// Where the gateway changed its speed, and where its delay jumped otherwise: it waited, or cut. By
// its own account, in the time of the output. `codec_s`: by what its encoder delays that.
struct GatewayTimeLine {
  std::vector<SpeedChange> changes;
  std::vector<double> jumps_s;
};
GatewayTimeLine TimeLine(const GatewayRun& run, double codec_s) {
  constexpr double kLeastJumpMs = 3;
  GatewayTimeLine line;
  size_t made_up_since = 0;  // first of the ticks without speech just before
  for (size_t i = 0; i < run.ticks.size(); ++i) {
    const TickRecord& tick = run.ticks[i];
    const double at_s = static_cast<double>(i) * 0.02 + codec_s;
    if (tick.inserted_s != 0) line.changes.push_back({at_s, tick.inserted_s});
    const double change_ms = i == 0 ? 0 : tick.delay_ms - run.ticks[i - 1].delay_ms;
    const bool is_jump = std::abs(change_ms - tick.inserted_s * 1000) > kLeastJumpMs;
    if (!tick.is_speech && !is_jump) continue;
    if (is_jump) {
      const size_t waited_since = i - std::min<size_t>(i, tick.made_up);
      for (size_t k = std::min(made_up_since, waited_since); k <= i; ++k) {
        line.jumps_s.push_back(static_cast<double>(k) * 0.02 + codec_s);
      }
    }
    made_up_since = i + 1;
  }
  return line;
}

size_t LostFrames(const CodecChoice& codec, const std::vector<Payload>& packets, const Trace& trace, size_t from) {
  size_t lost = 0;
  for (size_t i = from; i < packets.size(); ++i) {
    if (trace.is_lost[i] && IsSent(codec, packets[i])) ++lost;
  }
  return lost * static_cast<size_t>(codec.frames_per_packet());
}

Run RunSeed(Laboratory& laboratory, const Row& row, uint64_t seed) {
  const bool has_event = HasEvent(row.weather);
  const Laboratory::Call& call = laboratory.CallFor(has_event);
  const auto& frames = laboratory.Frames(row.path.in, row.weather.loss + row.weather.burst_loss, has_event);
  const Trace trace = MakeTrace(row.weather, frames.size(), Laboratory::kStart, seed, row.path.in.packet_time());
  const auto lead_packets = static_cast<size_t>(std::ceil(call.script.lead_s / row.path.in.packet_time().seconds()));
  // Anywhere in the 20 ms, another place for every seed.
  const auto phase = TimeDelta::Microseconds(base::Random(seed * 7919).NextBelow(20'000));
  Run run;
  run.gateway = RunGateway(row.path, frames, trace, lead_packets, phase);
  run.scored_from = trace.sent_at[lead_packets];
  run.arrival_p95_ms = trace.ArrivalP95Ms(trace.sent_at[lead_packets]);
  run.fixed_delay_ms = phase.seconds() * 1000;
  while (trace.LateShare(run.scored_from, run.fixed_delay_ms) > 0.01) run.fixed_delay_ms += 20;
  run.lost_frames = LostFrames(row.path.in, frames, trace, lead_packets);
  if (has_event) {
    const Timestamp stall_start = Laboratory::kStart + row.weather.stall_at;
    const Timestamp stall_end = stall_start + row.weather.stall;
    run.speech_back_ms = SpeechBackMs(run.gateway, stall_end);
    run.recovery_ms = RecoveryMs(run.gateway, stall_start, stall_end);
  }
  const double library_delay_s = laboratory.LibraryDelaySeconds(row.path);
  const auto [changes, jumps] = TimeLine(run.gateway, row.path.out ? library_delay_s : 0);
  const UnscaledOutput unscaled(run.gateway.output, changes);
  std::vector<double> jumps_s;
  for (const double jump : jumps) jumps_s.push_back(unscaled.FromOutput(jump));
  const SearchedOutput output(unscaled.signal());
  const auto& parts = call.parts.at(run.gateway.output.rate_hz);
  for (size_t i = 0; i < parts.size(); ++i) {
    const double start_s = call.script.parts[i].start_s;
    run.parts.push_back(ScorePart(parts[i], output, start_s, kGatewayDelays, jumps_s));
    for (const AlignedPiece& piece : run.parts.back().pieces) {
      if (!piece.is_found) continue;
      const double said_s = start_s + piece.start_s + piece.length_s / 2;
      const double played_s = unscaled.ToOutput(said_s + piece.delay_s) + phase.seconds();
      const double arrived_s = said_s / (1 + row.weather.drift) + Trace::kTransit.seconds();
      run.added_ms.push_back((played_s - arrived_s - library_delay_s) * 1000);
    }
  }
  return run;
}

// What was said, and what is heard through the gateway and through the library chain.
void WriteWavs(Laboratory& laboratory, const Row& row, const Run& run, const std::filesystem::path& folder) {
  const bool has_event = HasEvent(row.weather);
  const auto& frames = laboratory.Frames(row.path.in, row.weather.loss + row.weather.burst_loss, has_event);
  const Trace trace = MakeTrace(row.weather, frames.size(), Laboratory::kStart, 1, row.path.in.packet_time());
  std::string name = row.name();
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == '>' || c == '%'; }, '-');
  std::ranges::replace(name, ' ', '_');
  const Signal said = Resample(laboratory.CallFor(has_event).script.audio, row.path.rate_hz());
  const Signal library = RunLibraryChain(row.path, frames, trace.is_lost, Concealment::kLibrary,
                                         {row.weather.listener_loss, trace.is_lost_to_listener});
  const bool is_written = WriteWav(folder / (name + ".said.wav"), said) &&
                          WriteWav(folder / (name + ".library.wav"), library) &&
                          WriteWav(folder / (name + ".gateway.wav"), run.gateway.output);
  if (!is_written) std::fprintf(stderr, "quality: cannot write to %s\n", folder.c_str());
}

LibraryRow LibraryRowOf(const Row& row) {
  LibraryRow library{row.path, row.weather.loss, row.weather.burst_loss};
  library.listener_loss = row.weather.listener_loss;
  return library;
}

bool IsComparedWithUsual(const Row& row) {
  return row.path.out && row.path.out->codec == CodecKind::kOpus &&
         (row.weather.name == "clean" || row.weather.listener_loss > 0);
}

double Mean(const std::vector<double>& values) { return MeanOf(values).mean; }

RowResult Summarise(const Row& row, const std::vector<Run>& runs) {
  RowResult result;
  result.row = row;
  std::vector<double> added, arrival, claimed, target, fixed_delay;
  GatewayCounts total;
  double frames = 0, lost = 0, late = 0;
  for (const Run& run : runs) {
    Append(result.ours, run.parts);
    added.insert(added.end(), run.added_ms.begin(), run.added_ms.end());
    arrival.push_back(run.arrival_p95_ms);
    fixed_delay.push_back(run.fixed_delay_ms);
    result.speech_back_ms = std::max(result.speech_back_ms, run.speech_back_ms);
    result.recovery_ms = std::max(result.recovery_ms, run.recovery_ms);
    for (const TickRecord& tick : run.gateway.ticks) {
      if (tick.at < run.scored_from) continue;
      claimed.push_back(tick.delay_ms);
      target.push_back(tick.target_ms);
    }
    const GatewayCounts& counts = run.gateway.scored;
    total.received_packets += counts.received_packets;
    total.dropped_packets += counts.dropped_packets;
    total.concealed_frames += counts.concealed_frames;
    total.recovered_frames += counts.recovered_frames;
    total.removed_samples += counts.removed_samples;
    total.inserted_samples += counts.inserted_samples;
    frames += static_cast<double>(counts.ticks_with_audio);
    lost += static_cast<double>(run.lost_frames);
    late += std::max(0.0, static_cast<double>(counts.concealed_frames + counts.recovered_frames) -
                              static_cast<double>(run.lost_frames));
  }
  frames = std::max(frames, 1.0);
  const double samples = frames * result.row.path.rate_hz() / 50;
  result.delay_mean_ms = Mean(added);
  result.delay_p95_ms = Percentile(added, 0.95);
  result.claimed_delay_ms = Mean(claimed);
  result.target_delay_ms = Mean(target);
  result.arrival_p95_ms = Mean(arrival);
  result.fixed_delay_ms = Mean(fixed_delay);
  result.lost = lost / frames;
  result.late = late / frames;
  result.dropped =
      static_cast<double>(total.dropped_packets) / std::max<double>(1, static_cast<double>(total.received_packets));
  result.concealed = static_cast<double>(total.concealed_frames) / frames;
  result.recovered = static_cast<double>(total.recovered_frames) / frames;
  result.inserted = static_cast<double>(total.inserted_samples) / samples;
  result.removed = static_cast<double>(total.removed_samples) / samples;
  const auto& ticks = runs.front().gateway.ticks;
  for (size_t i = 0; i < ticks.size(); i += 5) {
    result.delay_track_ms.push_back(ticks[i].delay_ms);
    result.target_track_ms.push_back(ticks[i].target_ms);
  }
  return result;
}

}  // namespace

std::vector<RowResult> RunRows(Laboratory& laboratory, const std::vector<Row>& rows, const Settings& settings) {
  struct Job {
    size_t row = 0;
    uint64_t seed = 0;
  };
  std::vector<Job> jobs;
  std::vector<std::vector<Run>> runs(rows.size());
  std::vector<RowResult> results(rows.size());
  std::vector<std::atomic<size_t>> left(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto seeds = static_cast<size_t>(settings.seeds * rows[r].times_seeds);
    runs[r].resize(seeds);
    left[r] = seeds;
    for (uint64_t seed = 1; seed <= seeds; ++seed) jobs.push_back({r, seed});
  }
  std::atomic<size_t> done = 0;
  ForEachInParallel(jobs.size(), settings.threads, [&](size_t job) {
    const auto [r, seed] = jobs[job];
    const Row& row = rows[r];
    runs[r][seed - 1] = RunSeed(laboratory, row, seed);
    if (seed == 1 && !settings.wav_folder.empty()) {
      WriteWavs(laboratory, row, runs[r][0], settings.wav_folder);
    }
    const LibraryRow library = LibraryRowOf(row);
    (void)laboratory.Library(library, seed);
    if (--left[r] != 0) return;
    results[r] = Summarise(row, runs[r]);
    for (uint64_t s = 1; s <= runs[r].size(); ++s) {
      Append(results[r].library, laboratory.Library(library, s));
      if (IsComparedWithUsual(row)) {
        LibraryRow usual = library;
        usual.coding = OpusToListener::kUsual;
        Append(results[r].usual, laboratory.Library(usual, s));
      }
      if (row.path.in.codec == CodecKind::kOpus) continue;
      LibraryRow repeat = library;
      repeat.concealment = Concealment::kRepeat;
      Append(results[r].repeat, laboratory.Library(repeat, s));
    }
    runs[r].clear();
    if (settings.progress) settings.progress(++done, rows.size());
  });
  return results;
}

std::vector<Scores> RunLibraryRows(Laboratory& laboratory, const std::vector<LibraryRow>& rows,
                                   const Settings& settings) {
  const auto seeds_of = [&](const LibraryRow& row) { return static_cast<size_t>(settings.seeds * row.times_seeds); };
  std::vector<std::pair<size_t, uint64_t>> jobs;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (uint64_t seed = 1; seed <= seeds_of(rows[r]); ++seed) jobs.emplace_back(r, seed);
  }
  ForEachInParallel(jobs.size(), settings.threads,
                    [&](size_t job) { (void)laboratory.Library(rows[jobs[job].first], jobs[job].second); });
  std::vector<Scores> scores(rows.size());
  for (size_t r = 0; r < rows.size(); ++r) {
    for (uint64_t seed = 1; seed <= seeds_of(rows[r]); ++seed) {
      Append(scores[r], laboratory.Library(rows[r], seed));
    }
  }
  return scores;
}

double CpuRatio(Laboratory& laboratory, const CallPath& path, const Weather& weather, const Weather& baseline) {
  constexpr int kRuns = 5;
  const auto cost = [&](const Weather& one) {
    const auto& frames = laboratory.Frames(path.in, one.loss + one.burst_loss, false);
    const Trace trace = MakeTrace(one, frames.size(), Laboratory::kStart, 1);
    const GatewayRun run = RunGateway(path, frames, trace, 1, TimeDelta::Milliseconds(7));
    return run.cpu_seconds / static_cast<double>(run.ticks.size());
  };
  double least = INFINITY, least_baseline = INFINITY;
  for (int i = 0; i < kRuns; ++i) {
    least_baseline = std::min(least_baseline, cost(baseline));
    least = std::min(least, cost(weather));
  }
  return least / least_baseline;
}

}  // namespace byon::quality
