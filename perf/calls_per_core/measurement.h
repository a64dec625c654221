#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "perf/calls_per_core/call_ports.h"
#include "perf/calls_per_core/conversation.h"
#include "perf/calls_per_core/cpu_profile.h"
#include "perf/dataplane/worker_calls.h"

namespace byon::perf {

inline constexpr size_t kMaxCalls = 3000;  // more would take gigabytes

struct Scenario {
  const char* name;
  codec::Codec access;
  codec::Codec ims;
  uint8_t mode;
  bool use_dtx;
  bool use_batch;
  enum Towards : uint8_t { kSpeech, kCelt, kSilk0 } opus;  // what the browser is sent
  PortKind port = PortKind::kMemory;
};

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

// The calls of one scenario on one worker.
class Measurement {
 public:
  // `ports` may be null where the scenario needs none.
  Measurement(const Scenario& scenario, const Conversation& conversation, bool is_quick, CallPorts* ports);

  Outcome Run(size_t calls) const;
  // The most calls without a late tick, to 2 %.
  Outcome FindMostCleanCalls() const;
  Outcome RunAndMeasureLateness(size_t calls) const;

  WorkerCalls::Config ConfigFor(size_t calls, const Wire* wire) const;
  base::TimeDelta measured() const { return measured_; }

 private:
  std::unique_ptr<CallPorts::Plugged> Plug() const;
  void MeasureLateness(Outcome& outcome, size_t calls) const;
  static Media EncodeOf(const Scenario& scenario, codec::Codec codec, uint8_t payload_type,
                        const Conversation& conversation, int person);

  const Scenario scenario_;
  CallPorts* const ports_;
  const Media browser_;
  const Media phone_;
  const base::TimeDelta measured_;
};

}  // namespace byon::perf
