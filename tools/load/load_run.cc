#include "tools/load/load_run.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "tools/load/clock.h"

namespace byon::load {
namespace {

constexpr double kLoopSeconds = 20;
constexpr auto kTurn = std::chrono::milliseconds(2);
constexpr size_t kEndingAtOnce = 64;
// Calls that are not connected so long after the ramp are not waited for.
constexpr base::TimeDelta kPatience = base::TimeDelta::Seconds(15);

std::string RandomText(base::Random& random, size_t length) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string text;
  for (size_t i = 0; i < length; ++i) text += kLetters[random.NextBelow(kLetters.size())];
  return text;
}

double BusiestPercent(const std::vector<WorkerUse>& before, const std::vector<WorkerUse>& now, base::TimeDelta between,
                      std::vector<double>* all) {
  double busiest = 0;
  for (const WorkerUse& worker : now) {
    uint64_t earlier = 0;
    for (const WorkerUse& old : before) {
      if (old.worker == worker.worker) earlier = old.busy_ns;
    }
    const double percent = 100.0 * static_cast<double>(worker.busy_ns - earlier) /
                           static_cast<double>(std::max<int64_t>(between.nanoseconds(), 1));
    if (all != nullptr) all->push_back(percent);
    busiest = std::max(busiest, percent);
  }
  return busiest;
}

uint64_t LateTicks(const std::vector<WorkerUse>& workers) {
  uint64_t sum = 0;
  for (const WorkerUse& worker : workers) sum += worker.late_ticks;
  return sum;
}

// `heard` is what the gateway knew of the leg whose packets it received in this direction, before
// it missed any.
void Add(DirectionResult& way, const SideCounts& sender, const SideCounts& receiver, const LegFigures& final,
         const LegFigures& sending_leg, const LegFigures& heard) {
  way.sent += sender.sent;
  way.lost_by_weather += sender.lost_by_weather;
  way.reached_gateway += final.packets_received;
  if (final.counts_rtcp) way.reached_gateway -= std::min(sender.rtcp_sent, final.packets_received);
  if (sending_leg.packets_sent) way.gateway_sent = way.gateway_sent.value_or(0) + *sending_leg.packets_sent;
  way.received += receiver.received.packets;
  way.lost_behind += receiver.received.lost;
  way.reordered += receiver.received.reordered;
  way.duplicates += receiver.received.duplicates;
  way.new_sources += receiver.received.new_sources;
  way.undecryptable += receiver.undecryptable;
  way.unexpected_payload_type += receiver.unexpected_payload_type;
  way.concealed_frames += heard.concealed_frames;
  way.late_packets += heard.late_packets;
  way.added_latency_ms += (heard.added_latency_ms - way.added_latency_ms) / static_cast<double>(way.calls + 1);
  way.round_trip_ms += (sender.round_trip_ms - way.round_trip_ms) / static_cast<double>(way.calls + 1);
  ++way.calls;
  if (heard.mos_mean == 0) return;
  way.mos_mean += (heard.mos_mean - way.mos_mean) / static_cast<double>(++way.mos_calls);
  if (heard.mos_worst > 0)
    way.mos_worst = way.mos_worst == 0 ? heard.mos_worst : std::min(way.mos_worst, heard.mos_worst);
}

}  // namespace

LoadRun::LoadRun(const Profile& profile, MediaNode& node, std::string name, std::vector<pid_t> pids, OnSecond on_second)
    : profile_(profile),
      node_(node),
      name_(std::move(name)),
      on_second_(std::move(on_second)),
      engine_(profile),
      plan_(profile),
      browser_speech_(BrowserFormat(profile.use_dtx), kLoopSeconds, profile.seed),
      processes_(pids),
      processes_of_second_(std::move(pids)) {
  for (size_t i = 0; i < profile.codecs.size(); ++i) {
    phone_speech_.push_back(
        std::make_unique<EncodedSpeech>(profile.codecs[i].format, kLoopSeconds, profile.seed + 1 + i));
  }
}

LoadRun::~LoadRun() = default;

void LoadRun::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

RunResult LoadRun::Run(const std::atomic<bool>& is_interrupted) {
  start_ = phase_start_ = last_second_ = MonotonicNow();
  next_second_ = start_ + base::TimeDelta::Seconds(1);
  result_.calls_wanted = profile_.calls;
  result_.latest_ms = profile_.latest_ms;
  events_before_ = node_.events();
  workers_of_second_ = node_.ReadWorkers();
  processes_of_second_.Restart(start_.nanoseconds());
  while (phase_ != Phase::kEnd || !calls_.empty()) {
    Turn();
    const base::Timestamp now = MonotonicNow();
    if (is_interrupted && phase_ != Phase::kEnd) {
      if (phase_ == Phase::kMeasure) FinishMeasure(now);
      phase_ = Phase::kEnd;
      phase_start_ = now;
    }
    ChangePhase(now);
    if (phase_ == Phase::kEnd) {
      // Some at a time: their packets count to the last, and a wave of commands would disturb them.
      size_t ending = calls_.size() - pending_ - connected_;
      for (auto& [id, call] : calls_) {
        if (ending >= kEndingAtOnce) break;
        if (call.is_ending || !call.is_connected) continue;
        EndCall(id);
        ++ending;
      }
      if (now - phase_start_ > kPatience) break;  // what is left counts as unknown
    } else {
      const size_t wanted = plan_.Wanted(now - start_, MeasuredFor(now));
      // A failed call is not made again: what is refused would be refused for ever.
      for (size_t alive = result_.failed + pending_ + connected_; alive < wanted; ++alive) {
        StartCall();
      }
      if (profile_.hold > base::TimeDelta()) EndWhatIsOver(now);
    }
    if (now >= next_second_) EverySecond(now);
  }
  result_.unknown_ends += calls_.size();
  for (const auto& [id, call] : calls_) {
    engine_.Remove(id);
    node_.Close(call.session_id, [](const auto&) {});
  }
  node_.WaitForAll();  // answers name this object
  const NodeEvents events = node_.events();
  result_.session_failed = events.session_failed - events_before_.session_failed;
  result_.media_timeouts = events.media_timeout - events_before_.media_timeout;
  result_.consent_lost = events.consent_lost - events_before_.consent_lost;
  return std::move(result_);
}

void LoadRun::EndWhatIsOver(base::Timestamp now) {
  for (const auto& [id, call] : calls_) {
    if (call.ends && *call.ends <= now && !call.is_ending) EndCall(id);
  }
}

void LoadRun::Turn() {
  std::vector<std::function<void()>> tasks;
  {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kTurn, [this] { return !tasks_.empty(); });
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
  for (const CallNews& news : engine_.TakeNews()) OnNews(news);
}

void LoadRun::StartCall() {
  const uint64_t id = next_id_++;
  Call& call = calls_[id];
  call.session_id = name_ + "-" + std::to_string(id);
  call.codec = plan_.NextCodec();
  call.asked = MonotonicNow();
  ++pending_;
  ++result_.started;
  CallSetup setup;
  setup.id = id;
  setup.codec = &profile_.codecs[call.codec];
  setup.browser_speech = &browser_speech_;
  setup.phone_speech = phone_speech_[call.codec].get();
  setup.own_ice = {RandomText(plan_.random(), 4), RandomText(plan_.random(), 24)};
  setup.is_probe = id <= profile_.probe_calls;
  setup.seed = plan_.random().NextU64();
  setup.sockets = engine_.SocketsOf(id);
  const CallRequest request{.id = call.session_id,
                            .codec = setup.codec,
                            .browser_ice = setup.own_ice,
                            .browser_fingerprint = engine_.fingerprint(),
                            .sockets = setup.sockets};
  node_.SetUp(request, [this, id, setup](const base::Result<NodeEnds, std::string>& ends) {
    if (ends) {
      CallSetup ready = setup;
      ready.gateway = *ends;
      engine_.Add(std::move(ready));
    }
    Post([this, id, problem = ends ? std::string() : ends.error()] { OnCreated(id, problem); });
  });
}

void LoadRun::OnCreated(uint64_t id, const std::string& problem) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (!problem.empty()) return Fail(id, problem);
  found->second.created = MonotonicNow();
  result_.setup.create.Add((found->second.created - found->second.asked).microseconds());
}

void LoadRun::OnNews(const CallNews& news) {
  const auto found = calls_.find(news.call);
  if (found == calls_.end()) return;
  Call& call = found->second;
  switch (news.kind) {
    case CallNews::Kind::kIceConnected:
      call.ice = news.at;
      result_.setup.ice.Add((news.at - std::max(call.created, call.asked)).microseconds());
      return;
    case CallNews::Kind::kDtlsConnected:
      call.keys = news.at;
      call.is_connected = true;
      --pending_;
      ++connected_;
      ++result_.connected;
      result_.peak = std::max(result_.peak, connected_);
      result_.setup.dtls.Add((news.at - call.ice).microseconds());
      if (const auto hold = plan_.NextHold()) call.ends = news.at + *hold;
      return;
    case CallNews::Kind::kMediaBothWays:
      result_.setup.media.Add((news.at - call.keys).microseconds());
      result_.setup.total.Add((news.at - call.asked).microseconds());
      return;
    case CallNews::Kind::kFailed: return Fail(news.call, news.reason);
    case CallNews::Kind::kStopped:
      call.browser = news.browser;
      call.phone = news.phone;
      return CloseCall(news.call);
  }
}

void LoadRun::Fail(uint64_t id, const std::string& reason) {
  Call& call = calls_.at(id);
  ++result_.failed;
  ++result_.failures[reason];
  if (!call.is_connected) {
    --pending_;
  } else if (!call.is_ending) {
    --connected_;
  }
  engine_.Remove(id);
  node_.Close(call.session_id, [](const auto&) {});
  calls_.erase(id);
}

void LoadRun::EndCall(uint64_t id) {
  Call& call = calls_.at(id);
  call.is_ending = true;
  --connected_;
  // The gateway's figures of how it went, before it misses what is not sent any more.
  node_.Ask(call.session_id, [this, id](const base::Result<CallFigures, std::string>& figures) {
    Post([this, id, figures] {
      const auto found = calls_.find(id);
      if (found == calls_.end()) return;
      if (figures) found->second.last_figures = *figures;
      engine_.Stop(id);
    });
  });
}

void LoadRun::CloseCall(uint64_t id) {
  node_.Close(calls_.at(id).session_id, [this, id](const base::Result<CallFigures, std::string>& figures) {
    Post([this, id, figures] { OnClosed(id, figures); });
  });
}

void LoadRun::OnClosed(uint64_t id, const base::Result<CallFigures, std::string>& figures) {
  engine_.Remove(id);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const Call call = std::move(found->second);
  calls_.erase(found);
  if (!figures || !call.last_figures) {
    ++result_.unknown_ends;
    return;
  }
  Add(result_.to_phone, call.browser, call.phone, figures->access, figures->ims, call.last_figures->access);
  Add(result_.to_browser, call.phone, call.browser, figures->ims, figures->access, call.last_figures->ims);
  for (const auto& [reason, count] : figures->drops) result_.drops[reason] += count;
}

std::optional<base::TimeDelta> LoadRun::MeasuredFor(base::Timestamp now) const {
  if (phase_ != Phase::kMeasure) return std::nullopt;
  return now - phase_start_;
}

void LoadRun::ChangePhase(base::Timestamp now) {
  const auto enter = [&](Phase phase) {
    phase_ = phase;
    phase_start_ = now;
  };
  if (phase_ == Phase::kRamp) {
    if (!ramp_done_ && result_.started >= profile_.calls) ramp_done_ = now;
    if (ramp_done_ && (pending_ == 0 || now - *ramp_done_ > kPatience)) {
      // Nobody to measure.
      enter(connected_ == 0 && profile_.hold == base::TimeDelta() ? Phase::kEnd : Phase::kSettle);
    }
  } else if (phase_ == Phase::kSettle && now - phase_start_ >= profile_.settle) {
    enter(Phase::kMeasure);
    BeginMeasure(now);
  } else if (phase_ == Phase::kMeasure && now - phase_start_ >= profile_.measured) {
    FinishMeasure(now);
    enter(Phase::kEnd);
  }
}

void LoadRun::BeginMeasure(base::Timestamp now) {
  engine_.Measure(true);
  workers_at_measure_ = node_.ReadWorkers();
  report_at_measure_ = engine_.Report();
  processes_.Restart(now.nanoseconds());
}

void LoadRun::FinishMeasure(base::Timestamp now) {
  engine_.Measure(false);
  const EngineReport report = engine_.Report();
  const auto workers = node_.ReadWorkers();
  const base::TimeDelta length = now - phase_start_;
  result_.measured_seconds = length.seconds();
  result_.to_browser.times = report.to_browser;
  result_.to_phone.times = report.to_phone;
  result_.send_lateness = report.send_lateness;
  result_.socket_overflow = report.socket_overflow;
  result_.load_cpu_percent = 100.0 * static_cast<double>(report.cpu_ns - report_at_measure_.cpu_ns) /
                             static_cast<double>(std::max<int64_t>(length.nanoseconds(), 1));
  result_.processes = processes_.Use(now.nanoseconds());
  if (!workers || !workers_at_measure_) return;
  result_.late_ticks = LateTicks(*workers) - LateTicks(*workers_at_measure_);
  (void)BusiestPercent(*workers_at_measure_, *workers, length, &result_.worker_busy_percent);
}

void LoadRun::EverySecond(base::Timestamp now) {
  const base::TimeDelta length = now - last_second_;
  const EngineReport report = engine_.Report();
  const auto workers = node_.ReadWorkers();
  Second second;
  second.at = (now - start_).seconds();
  second.is_measured = phase_ == Phase::kMeasure;
  second.calls = connected_;
  second.setups = result_.connected - connected_before_;
  second.failed = result_.failed;
  second.load_cpu_percent = 100.0 * static_cast<double>(report.cpu_ns - report_of_second_.cpu_ns) /
                            static_cast<double>(std::max<int64_t>(length.nanoseconds(), 1));
  Histogram lateness = report.to_browser.arrivals.lateness.Since(report_of_second_.to_browser.arrivals.lateness);
  lateness.Merge(report.to_phone.arrivals.lateness.Since(report_of_second_.to_phone.arrivals.lateness));
  second.lateness_p99_ms = lateness.QuantileMs(0.99);
  if (workers && workers_of_second_) {
    second.worker_busy_percent = BusiestPercent(*workers_of_second_, *workers, length, nullptr);
    second.late_ticks = LateTicks(*workers) - LateTicks(*workers_of_second_);
  }
  for (const ProcessUse& use : processes_of_second_.Use(now.nanoseconds()))
    second.gateway_cpu_percent += use.cpu_percent;
  processes_of_second_.Restart(now.nanoseconds());
  result_.seconds.push_back(second);
  workers_of_second_ = workers;
  report_of_second_ = report;
  connected_before_ = result_.connected;
  last_second_ = now;
  next_second_ = std::max(next_second_ + base::TimeDelta::Seconds(1), now);
  if (on_second_) on_second_(phase_, result_);
}

}  // namespace byon::load
