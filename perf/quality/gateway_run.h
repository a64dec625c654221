#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/base/time.h"
#include "perf/quality/call_path.h"
#include "perf/quality/signal.h"
#include "perf/quality/weather.h"

namespace byon::quality {

// Totals of the gateway at one moment.
struct GatewayCounts {
  uint64_t received_packets = 0;
  uint64_t ticks_with_audio = 0;
  uint64_t concealed_frames = 0;  // 20 ms each
  uint64_t recovered_frames = 0;  // from redundancy
  uint64_t comfort_noise_frames = 0;
  uint64_t removed_samples = 0;
  uint64_t inserted_samples = 0;
  uint64_t dropped_packets = 0;  // arrived, but too late, or cut away to bring the delay down

  GatewayCounts operator-(const GatewayCounts& other) const;
};

// What the gateway says of itself after a tick.
struct TickRecord {
  base::Timestamp at;
  float delay_ms = 0;
  float target_ms = 0;
  double inserted_s = 0;  // by time scaling; below zero: removed
  // Frames counted as made up; those of a wait are counted with the tick that ends it.
  uint64_t made_up = 0;
  bool is_speech = false;  // decoded audio, nothing made up
};

struct GatewayRun {
  Signal output;  // 20 ms for each tick, silence where nothing was sent
  std::vector<TickRecord> ticks;
  GatewayCounts scored;    // without the lead
  double cpu_seconds = 0;  // of this thread inside the gateway's code
};

// Plays the frames over the network of `trace` through the product's pipeline, or through its
// receiving half when the path has no way out. `tick_phase`: of the gateway's 20 ms ticks against
// the sender's packets. `lead_packets`: sent before what is scored.
GatewayRun RunGateway(const CallPath& path, const std::vector<Payload>& frames, const Trace& trace, size_t lead_packets,
                      base::TimeDelta tick_phase);

}  // namespace byon::quality
