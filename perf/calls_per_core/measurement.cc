#include "perf/calls_per_core/measurement.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace byon::perf {
namespace {

using base::TimeDelta;
using codec::Codec;

constexpr size_t kMostFunctions = 40;

}  // namespace

Measurement::Measurement(const Scenario& scenario, const Conversation& conversation, bool is_quick, CallPorts* ports)
    : scenario_(scenario),
      ports_(ports),
      browser_(EncodeOf(scenario, scenario.access, 111, conversation, 0)),
      phone_(EncodeOf(scenario, scenario.ims, 107, conversation, 1)),
      measured_(TimeDelta::Milliseconds(is_quick ? 1000 : 4000)) {}

std::unique_ptr<CallPorts::Plugged> Measurement::Plug() const {
  if (scenario_.port == PortKind::kMemory) return nullptr;
  return ports_->Plug(scenario_.port, 1);
}

WorkerCalls::Config Measurement::ConfigFor(size_t calls, const Wire* wire) const {
  return {.count = calls,
          .from_browser = &browser_,
          .from_phone = &phone_,
          .use_amr_wb_batch = scenario_.use_batch,
          .wire = wire};
}

Outcome Measurement::Run(size_t calls) const {
  const auto plugged = Plug();
  WorkerCalls worker(ConfigFor(calls, plugged ? &plugged->wire(0) : nullptr));
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
    outcome.lanes =
        static_cast<double>(batch->frames() - frames_before) / static_cast<double>(batch->passes() - passes_before);
  }
  return outcome;
}

Outcome Measurement::FindMostCleanCalls() const {
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

Outcome Measurement::RunAndMeasureLateness(size_t calls) const {
  Outcome outcome = Run(calls);
  MeasureLateness(outcome, calls);
  return outcome;
}

void Measurement::MeasureLateness(Outcome& outcome, size_t calls) const {
  const auto plugged = Plug();
  WorkerCalls worker(ConfigFor(std::max(calls, size_t{1}), plugged ? &plugged->wire(0) : nullptr));
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

Media Measurement::EncodeOf(const Scenario& scenario, Codec codec, uint8_t payload_type,
                            const Conversation& conversation, int person) {
  pipeline::StreamFormat format = FormatOf(codec, payload_type);
  if (codec == Codec::kAmrWb || codec == Codec::kAmr) format.codec.amr.initial_mode = scenario.mode;
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

}  // namespace byon::perf
