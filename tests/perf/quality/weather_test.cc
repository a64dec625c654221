#include "perf/quality/weather.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "perf/quality/plan.h"

namespace byon::quality {
namespace {

using base::TimeDelta;
using base::Timestamp;

constexpr Timestamp kStart = Timestamp::FromMilliseconds(50'000);
constexpr size_t kPackets = 20'000;

double LostShare(const Trace& trace) {
  return static_cast<double>(trace.LostSince(0)) / static_cast<double>(trace.is_lost.size());
}

TEST(WeatherTest, LosesWhatItSays) {
  EXPECT_EQ(MakeTrace({}, kPackets, kStart, 1).arrivals.size(), kPackets);
  EXPECT_NEAR(LostShare(MakeTrace({.loss = 0.05}, kPackets, kStart, 1)), 0.05, 0.005);
  EXPECT_NEAR(LostShare(MakeTrace({.burst_loss = 0.1}, kPackets, kStart, 1)), 0.1, 0.015);
  const Trace to_listener = MakeTrace({.listener_loss = 0.05}, kPackets, kStart, 1);
  EXPECT_EQ(LostShare(to_listener), 0);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(to_listener.is_lost_to_listener, true)) /
                  static_cast<double>(to_listener.is_lost_to_listener.size()),
              0.05, 0.005);
}

TEST(WeatherTest, BurstsAreThreePacketsOnAverage) {
  const Trace trace = MakeTrace({.burst_loss = 0.02}, kPackets, kStart, 1);
  size_t bursts = 0;
  for (size_t i = 1; i < kPackets; ++i) {
    if (trace.is_lost[i] && !trace.is_lost[i - 1]) ++bursts;
  }
  EXPECT_NEAR(static_cast<double>(trace.LostSince(0)) / static_cast<double>(bursts), 3, 0.4);
  const auto packet_time = base::TimeDelta::Milliseconds(60);
  const Trace long_packets = MakeTrace({.burst_loss = 0.05}, kPackets, kStart, 1, packet_time);
  EXPECT_NEAR(LostShare(long_packets), 0.05, 0.015);
  EXPECT_EQ(long_packets.sent_at[10] - kStart, packet_time * 10);
}

TEST(WeatherTest, LessLossLosesNothingElse) {
  const Trace little = MakeTrace({.loss = 0.05}, kPackets, kStart, 3);
  const Trace much = MakeTrace({.loss = 0.10}, kPackets, kStart, 3);
  for (size_t i = 0; i < kPackets; ++i) EXPECT_LE(little.is_lost[i], much.is_lost[i]);
}

TEST(WeatherTest, TheSeedDecides) {
  const Weather weather{.loss = 0.1, .jitter = JitterProfile::kWifi, .reorder = 0.1, .duplicate = 0.1};
  const auto same = [](const Trace& a, const Trace& b) {
    return std::ranges::equal(a.arrivals, b.arrivals,
                              [](const auto& x, const auto& y) { return x.packet == y.packet && x.at == y.at; });
  };
  const Trace trace = MakeTrace(weather, 500, kStart, 1);
  EXPECT_TRUE(same(trace, MakeTrace(weather, 500, kStart, 1)));
  EXPECT_FALSE(same(trace, MakeTrace(weather, 500, kStart, 2)));
}

TEST(WeatherTest, JitterDelaysWithinItsProfileAndKeepsTheOrder) {
  for (const char* name : kJitterWeathers) {
    const Trace trace = MakeTrace(FindWeather(name), kPackets, kStart, 1);
    TimeDelta least = TimeDelta::Seconds(9), most;
    for (size_t i = 0; i < trace.arrivals.size(); ++i) {
      EXPECT_EQ(trace.arrivals[i].packet, i);
      const TimeDelta above = trace.arrivals[i].at - trace.sent_at[i] - Trace::kTransit;
      least = std::min(least, above);
      most = std::max(most, above);
    }
    EXPECT_GE(least, TimeDelta()) << name;
    EXPECT_LE(least, TimeDelta::Milliseconds(1)) << name;
    EXPECT_GE(most, TimeDelta::Milliseconds(30)) << name;
    EXPECT_LE(most, TimeDelta::Milliseconds(400)) << name;
    EXPECT_GT(trace.ArrivalP95Ms(kStart), 20) << name;
  }
}

TEST(WeatherTest, AFastSendersPacketsComeSooner) {
  const Trace trace = MakeTrace({.drift = 0.025}, 4101, kStart, 1);
  // 4,100 intervals of its clock are 4,000 of ours.
  EXPECT_NEAR((trace.sent_at.back() - kStart).seconds(), 80, 1e-6);
}

TEST(WeatherTest, AStallEndsInABurstAndAnOutageDoesNot) {
  const auto arrivals_between = [](const Trace& trace, double from_s, double to_s) {
    return std::ranges::count_if(trace.arrivals, [=](const Trace::Arrival& arrival) {
      const double at_s = (arrival.at - kStart).seconds();
      return at_s >= from_s && at_s < to_s;
    });
  };
  Weather weather{.stall_at = TimeDelta::Seconds(1), .stall = TimeDelta::Seconds(2)};
  const Trace stall = MakeTrace(weather, 500, kStart, 1);
  EXPECT_EQ(stall.arrivals.size(), 500u);
  EXPECT_EQ(arrivals_between(stall, 1, 3), 0);
  EXPECT_EQ(arrivals_between(stall, 3, 3.01), 101);
  weather.loses_stalled = true;
  const Trace outage = MakeTrace(weather, 500, kStart, 1);
  EXPECT_EQ(outage.arrivals.size(), 400u);
  EXPECT_EQ(outage.LostSince(0), 100u);
}

TEST(WeatherTest, ReorderedPacketsArriveBehindTheirSuccessorsAndDuplicatesTwice) {
  const Trace reordered = MakeTrace({.reorder = 0.05}, kPackets, kStart, 1);
  size_t behind = 0;
  for (size_t i = 1; i < reordered.arrivals.size(); ++i) {
    if (reordered.arrivals[i].packet < reordered.arrivals[i - 1].packet) ++behind;
  }
  EXPECT_NEAR(static_cast<double>(behind) / kPackets, 0.05, 0.01);
  const Trace twice = MakeTrace({.duplicate = 0.1}, kPackets, kStart, 1);
  EXPECT_NEAR(static_cast<double>(twice.arrivals.size()) / kPackets, 1.1, 0.02);
}

}  // namespace
}  // namespace byon::quality
