#include "perf/calls_per_core/two_workers.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/dtls/dtls_context.h"
#include "dataplane/io/lcore_thread.h"
#include "dataplane/worker/handshake_thread.h"

namespace byon::perf {
namespace {

using base::TimeDelta;

constexpr int kRounds = 3;
constexpr std::chrono::milliseconds kControlInterval{5};
constexpr int kStatsEvery = 20;  // intervals

dtls::DtlsContext MakeContext() {
  auto certificate = dtls::DtlsCertificate::Generate();
  BYON_CHECK(certificate.ok(), "a certificate can be made");
  auto context = dtls::DtlsContext::Create(*certificate, dtls::DtlsContext::DefaultProfiles());
  BYON_CHECK(context.ok(), "a context can be made");
  return std::move(context).value();
}

struct Figures {
  uint64_t late_ticks = 0;
  double cores = 0;  // of a worker
};

// `workers` workers with `calls` calls each.
class Together {
 public:
  Together(const Measurement& measurement, CallPorts& ports, size_t workers, size_t calls)
      : measurement_(measurement),
        calls_count_(calls),
        plugged_(ports.Plug(PortKind::kMemif, workers)),
        calls_(workers),
        made_(static_cast<ptrdiff_t>(workers) + 1),
        go_(static_cast<ptrdiff_t>(workers) + 1),
        begun_(static_cast<ptrdiff_t>(workers)) {}

  Figures Run() {
    std::vector<std::unique_ptr<io::LcoreThread>> threads;
    for (size_t i = 0; i < calls_.size(); ++i) {
      threads.push_back(std::make_unique<io::LcoreThread>(i, [this, i] { Work(i); }));
    }
    made_.arrive_and_wait();
    const dtls::DtlsContext context = MakeContext();
    std::vector<worker::HandshakeMailbox*> mailboxes;
    for (const auto& calls : calls_) mailboxes.push_back(&calls->handshakes());
    std::optional<worker::HandshakeThread> handshakes;
    handshakes.emplace(context, srtp::DefaultSrtpBackend(), mailboxes, &io::MonotonicNow);
    go_.arrive_and_wait();
    Control();
    threads.clear();
    handshakes.reset();
    return {late_ticks_, cores_ / static_cast<double>(calls_.size())};
  }

 private:
  void Work(size_t index) {
    WorkerCalls::Config config = measurement_.ConfigFor(calls_count_, &plugged_->wire(index));
    config.has_control_thread = true;
    calls_[index] = std::make_unique<WorkerCalls>(config);
    WorkerCalls& calls = *calls_[index];
    made_.arrive_and_wait();
    go_.arrive_and_wait();
    calls.Run(TimeDelta::Milliseconds(500));  // jitter buffers fill
    begun_.arrive_and_wait();
    const uint64_t late_before = calls.Stats().late_ticks;
    const auto busy_before = calls.busy();
    calls.Run(measurement_.measured());
    const uint64_t late = calls.Stats().late_ticks - late_before;
    const auto busy = static_cast<double>((calls.busy() - busy_before).count());
    late_ticks_ += late;
    cores_ += busy / static_cast<double>(measurement_.measured().nanoseconds());
    ++finished_;
    // Nobody measures alone.
    while (finished_ < calls_.size()) calls.Run(TimeDelta::Milliseconds(20));
    ++left_;
  }

  // Between the workers' start and their end.
  void Control() {
    for (int i = 0; left_ < calls_.size(); ++i) {
      for (const auto& calls : calls_) {
        while (calls->mailbox().reports.Pop()) {
        }
        if (i % kStatsEvery != 0) continue;
        (void)calls->mailbox().commands.Push(
            {.id = 2, .body = worker::GetWorkerStats{std::make_unique<worker::WorkerStats>()}});
      }
      std::this_thread::sleep_for(kControlInterval);
    }
  }

  const Measurement& measurement_;
  const size_t calls_count_;
  const std::unique_ptr<CallPorts::Plugged> plugged_;
  std::vector<std::unique_ptr<WorkerCalls>> calls_;
  std::barrier<> made_, go_, begun_;
  std::atomic<uint64_t> late_ticks_{0};
  std::atomic<double> cores_{0};  // of all
  std::atomic<size_t> finished_{0};
  std::atomic<size_t> left_{0};
};

// The most calls of each worker without a late tick, to 1 %.
size_t MostCleanCalls(const Measurement& measurement, CallPorts& ports, size_t workers) {
  const auto run = [&](size_t calls) { return Together(measurement, ports, workers, calls).Run(); };
  const double capacity = 24 / run(24).cores;
  size_t clean = 0, too_many = std::min(static_cast<size_t>(capacity * 1.15), kMaxCalls);
  size_t next = static_cast<size_t>(capacity * 0.95);
  for (int i = 0; i < 9 && too_many - clean > std::max(clean / 100, size_t{1}); ++i) {
    next = std::clamp(next, size_t{1}, kMaxCalls);
    (run(next).late_ticks == 0 ? clean : too_many) = next;
    next = clean == 0 ? too_many * 9 / 10 : (clean + too_many) / 2;
  }
  return clean;
}

size_t Median(std::vector<size_t> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

TwoWorkersOutcome MeasureTwoWorkers(const Measurement& measurement, CallPorts& ports) {
  TwoWorkersOutcome outcome;
  std::vector<size_t> one, two;
  for (int round = 0; round < kRounds; ++round) {
    one.push_back(MostCleanCalls(measurement, ports, 1));
    two.push_back(2 * MostCleanCalls(measurement, ports, 2));
    if (round > 0) outcome.rounds += ' ';
    outcome.rounds += std::to_string(one.back());
    outcome.rounds += '/';
    outcome.rounds += std::to_string(two.back());
  }
  outcome.one = Median(one);
  outcome.two = Median(two);
  return outcome;
}

}  // namespace byon::perf
