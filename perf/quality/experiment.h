#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "perf/quality/call_path.h"
#include "perf/quality/laboratory.h"
#include "perf/quality/statistics.h"
#include "perf/quality/weather.h"

namespace byon::quality {

// One line of the result: a path in some weather.
struct Row {
  CallPath path;
  Weather weather;
  int times_seeds = 1;  // more calls, where what is to be told apart is little

  std::string name() const { return path.name() + " / " + weather.name; }
};

// Of every recording under every seed, in the same order everywhere.
struct Scores {
  std::vector<double> stoi;
  std::vector<double> lsd_db;
};

struct RowResult {
  Row row;
  Scores ours;
  Scores library;  // the library chain with ideal timing, losses of the same seeds
  Scores repeat;   // AMR only: the same with the last 20 ms again in place of what is lost
  Scores usual;    // to Opus, without loss before the gateway: the same with OpusToListener::kUsual
  // What the gateway adds to the delay of the library chain, as heard, piece of speech by piece.
  double delay_mean_ms = 0;
  double delay_p95_ms = 0;
  double claimed_delay_ms = 0;  // the gateway's own statistics, mean
  double target_delay_ms = 0;   // mean
  double arrival_p95_ms = 0;    // of the network, above its fastest
  // What play-out that knew the network in advance but could not change its delay would need: the least with which
  // at most 1 % of the packets come too late, on the ticks of the session.
  double fixed_delay_ms = 0;
  // Shares, 0 to 1.
  double lost = 0;       // by the network
  double late = 0;       // concealed although not lost, of the frames
  double dropped = 0;    // arrived and thrown away, of the packets
  double concealed = 0;  // of the frames
  double recovered = 0;
  double inserted = 0;  // by stretching, of the samples
  double removed = 0;
  // With a stall: from its end to the first speech, the worst seed.
  double speech_back_ms = 0;
  // From its end until the gateway's delay stays within 20 ms of the one before it, the worst seed.
  double recovery_ms = 0;
  std::vector<float> delay_track_ms;  // first seed, claimed, every 100 ms
  std::vector<float> target_track_ms;
};

struct Settings {
  int seeds = 6;
  int threads = 2;
  std::function<void(size_t done, size_t of)> progress;  // rows; may be null
  std::filesystem::path wav_folder;                      // of the first seed's calls, to listen to; empty for none
};

// Runs all rows, each under every seed. Deterministic: the same recordings and settings give the
// same figures.
std::vector<RowResult> RunRows(Laboratory& laboratory, const std::vector<Row>& rows, const Settings& settings);

// The library chain alone, where no row has its loss: how good it is there is what a row is held
// to.
std::vector<Scores> RunLibraryRows(Laboratory& laboratory, const std::vector<LibraryRow>& rows,
                                   const Settings& settings);

// CPU time of the gateway's code a tick in one weather over that in another, the least of five runs
// each.
double CpuRatio(Laboratory& laboratory, const CallPath& path, const Weather& weather, const Weather& baseline);

}  // namespace byon::quality
