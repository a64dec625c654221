#include "perf/quality/weather.h"

#include <algorithm>
#include <cmath>

#include "dataplane/base/random.h"
#include "perf/quality/statistics.h"

namespace byon::quality {
namespace {

using base::TimeDelta;
using base::Timestamp;

constexpr TimeDelta kBurst = TimeDelta::Milliseconds(60);  // mean
constexpr TimeDelta kFrameTime = TimeDelta::Milliseconds(20);
constexpr TimeDelta kReorderDelay = TimeDelta::Milliseconds(25);
constexpr TimeDelta kSpacing = TimeDelta::Microseconds(50);  // of packets let go at once

// Independent series of draws of one seed.
enum class Series : uint64_t { kLoss = 1, kBurstStart, kBurstLength, kJitter, kReorder, kDuplicate, kListenerLoss };

base::Random Draws(uint64_t seed, Series series) { return base::Random(seed * 1000 + static_cast<uint64_t>(series)); }

TimeDelta Ms(double ms) { return TimeDelta::Nanoseconds(static_cast<int64_t>(ms * 1e6)); }

double Exponential(base::Random& random, double mean) { return -mean * std::log(1 - random.NextUnit()); }

// Time on the way, packet by packet.
class JitterSource {
 public:
  JitterSource(JitterProfile profile, uint64_t seed) : profile_(profile), random_(Draws(seed, Series::kJitter)) {
    uplink_phase_ms_ = random_.NextUnit() * kDrxCycleMs;
    downlink_phase_ms_ = random_.NextUnit() * kDrxCycleMs;
  }

  TimeDelta Next(Timestamp sent_at) {
    const double now_ms = static_cast<double>(sent_at.nanoseconds()) / 1e6;
    switch (profile_) {
      case JitterProfile::kNone: return {};
      case JitterProfile::kLteDrx40: return Ms(LteDrx(now_ms));
      case JitterProfile::kUniform40: return Ms(random_.NextUnit() * 40);
      case JitterProfile::kWifi: return Ms(Wifi(now_ms));
      case JitterProfile::kCrossTraffic: return Ms(CrossTraffic());
    }
    return {};
  }

 private:
  static constexpr double kDrxCycleMs = 40;
  static constexpr double kBlockErrors = 0.1;
  static constexpr double kRetransmissionMs = 8;

  double Link(double now_ms, double phase_ms) {
    const double cycles = std::ceil((now_ms - phase_ms) / kDrxCycleMs);
    double sent_ms = phase_ms + cycles * kDrxCycleMs;
    while (random_.NextUnit() < kBlockErrors) sent_ms += kRetransmissionMs;
    return sent_ms;
  }
  double LteDrx(double now_ms) { return Link(Link(now_ms, uplink_phase_ms_), downlink_phase_ms_) - now_ms; }
  double Wifi(double now_ms) {
    if (random_.NextUnit() < 0.02) blocked_until_ms_ = now_ms + 20 + 40 * random_.NextUnit();
    const double wait = std::max(0.0, blocked_until_ms_ - now_ms);
    return wait + Exponential(random_, 5);
  }
  double CrossTraffic() {
    queue_ms_ = std::max(0.0, queue_ms_ - 2);  // of the 20 ms between two packets
    if (random_.NextUnit() < 0.006) queue_ms_ += 40 + 80 * random_.NextUnit();
    return queue_ms_ + 3 * random_.NextUnit();
  }

  JitterProfile profile_;
  base::Random random_;
  double uplink_phase_ms_ = 0;
  double downlink_phase_ms_ = 0;
  double blocked_until_ms_ = 0;
  double queue_ms_ = 0;
};

// Above that of the fastest packet.
std::vector<TimeDelta> DrawJitter(const Weather& weather, const std::vector<Timestamp>& sent_at, uint64_t seed) {
  JitterSource source(weather.jitter, seed);
  std::vector<TimeDelta> jitter;
  for (const Timestamp sent : sent_at) jitter.push_back(source.Next(sent));
  if (jitter.empty()) return jitter;
  const TimeDelta least = *std::ranges::min_element(jitter);
  for (TimeDelta& one : jitter) one = one - least;
  return jitter;
}

std::vector<bool> DrawLosses(const Weather& weather, size_t packets, uint64_t seed, TimeDelta packet_time) {
  const double burst_packets = kBurst.seconds() / packet_time.seconds();
  base::Random loss = Draws(seed, Series::kLoss);
  base::Random burst_start = Draws(seed, Series::kBurstStart);
  base::Random burst_length = Draws(seed, Series::kBurstLength);
  const double start = weather.burst_loss / (burst_packets - (burst_packets - 1) * weather.burst_loss);
  std::vector<bool> is_lost(packets);
  size_t burst_end = 0;
  for (size_t i = 0; i < packets; ++i) {
    const bool is_single = loss.NextUnit() < weather.loss;
    const bool starts = burst_start.NextUnit() < start;
    const double unit = burst_length.NextUnit();
    if (starts && i >= burst_end) {
      // Geometric with the mean wanted.
      burst_end = i + 1 + static_cast<size_t>(std::log(1 - unit) / std::log(1 - 1 / burst_packets));
    }
    is_lost[i] = is_single || i < burst_end;
  }
  return is_lost;
}

std::vector<bool> DrawListenerLosses(double share, size_t packets, uint64_t seed) {
  base::Random loss = Draws(seed, Series::kListenerLoss);
  std::vector<bool> is_lost(packets);
  for (size_t i = 0; i < packets; ++i) is_lost[i] = loss.NextUnit() < share;
  return is_lost;
}

}  // namespace

Trace MakeTrace(const Weather& weather, size_t packets, Timestamp start, uint64_t seed, TimeDelta packet_time) {
  Trace trace;
  trace.is_lost = DrawLosses(weather, packets, seed, packet_time);
  // 20 ms packets, some more than the sender's: the gateway sends on while it waits, and for a while at the end.
  const auto sent_on =
      static_cast<size_t>(static_cast<double>(packets) * (packet_time.seconds() / kFrameTime.seconds()) * 1.1) + 400;
  trace.is_lost_to_listener = DrawListenerLosses(weather.listener_loss, sent_on, seed);
  const double interval_ns = static_cast<double>(packet_time.nanoseconds()) / (1 + weather.drift);
  for (size_t i = 0; i < packets; ++i) {
    const double sent_ns = static_cast<double>(i) * interval_ns;
    trace.sent_at.push_back(start + TimeDelta::Nanoseconds(static_cast<int64_t>(sent_ns)));
  }
  const std::vector<TimeDelta> jitter = DrawJitter(weather, trace.sent_at, seed);
  base::Random reorder = Draws(seed, Series::kReorder);
  base::Random duplicate = Draws(seed, Series::kDuplicate);
  const Timestamp stall_start = start + weather.stall_at;
  const Timestamp stall_end = stall_start + weather.stall;
  Timestamp last = start;
  for (size_t i = 0; i < packets; ++i) {
    Timestamp at = trace.sent_at[i] + Trace::kTransit + jitter[i];
    const bool is_late = reorder.NextUnit() < weather.reorder;
    const bool is_twice = duplicate.NextUnit() < weather.duplicate;
    if (weather.stall > TimeDelta() && at >= stall_start && at < stall_end) {
      if (weather.loses_stalled) trace.is_lost[i] = true;
      at = stall_end;
    }
    if (trace.is_lost[i]) continue;
    at = std::max(at, last + kSpacing);
    last = at;
    if (is_late) at += kReorderDelay;
    trace.arrivals.push_back({static_cast<uint32_t>(i), at});
    if (is_twice) trace.arrivals.push_back({static_cast<uint32_t>(i), at + kSpacing});
  }
  std::ranges::stable_sort(trace.arrivals, {}, &Trace::Arrival::at);
  return trace;
}

std::vector<double> Trace::DelaysMs(Timestamp from) const {
  std::vector<double> above_ms;
  for (const Arrival& arrival : arrivals) {
    const Timestamp sent = sent_at[arrival.packet];
    if (sent >= from) above_ms.push_back((arrival.at - sent - kTransit).seconds() * 1000);
  }
  return above_ms;
}

double Trace::ArrivalP95Ms(Timestamp from) const { return Percentile(DelaysMs(from), 0.95); }

double Trace::LateShare(Timestamp from, double delay_ms) const {
  const auto delays_ms = DelaysMs(from);
  const auto late = std::ranges::count_if(delays_ms, [=](double delay) { return delay > delay_ms; });
  return static_cast<double>(late) / std::max(1.0, static_cast<double>(delays_ms.size()));
}

size_t Trace::LostSince(size_t from) const {
  return static_cast<size_t>(std::count(is_lost.begin() + static_cast<ptrdiff_t>(from), is_lost.end(), true));
}

}  // namespace byon::quality
