#include "controlplane/http/ping_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace byon::http {
namespace {

using std::chrono::seconds;

struct Peers {
  PingWheel::Time start{std::chrono::hours(1)};
  PingWheel wheel{seconds(20), seconds(45), start};
  std::map<uint64_t, PingWheel::Time> heard;

  void Add(uint64_t id, PingWheel::Time now) {
    heard[id] = now;
    wheel.Add(id);
  }
  PingWheel::Due At(seconds second) {
    return wheel.Advance(start + second, [this](uint64_t id) {
      const auto it = heard.find(id);
      return it == heard.end() ? std::nullopt : std::optional(it->second);
    });
  }
};

TEST(PingWheel, PingsAQuietPeerEachIntervalAndGivesASilentOneUpInTime) {
  Peers peers;
  peers.Add(7, peers.start);
  std::vector<int64_t> pings;
  std::optional<int64_t> closed;
  for (seconds second{1}; second < seconds(100); ++second) {
    const auto due = peers.At(second);
    if (!due.to_ping.empty()) pings.push_back(second.count());
    if (!due.to_close.empty()) closed = second.count();
    if (closed) break;
  }
  ASSERT_GE(pings.size(), 2U);
  EXPECT_GE(pings[0], 10);
  EXPECT_LE(pings[0], 20);
  EXPECT_EQ(pings[1] - pings[0], 20);
  EXPECT_EQ(closed, 45);
}

// Every interval that `events.ping_s` may be, with the server's own time of silence.
TEST(PingWheel, GivesNobodyUpWhoWasNotPingedTwice) {
  for (const seconds interval : {seconds(5), seconds(20), seconds(45), seconds(60), seconds(120)}) {
    PingWheel wheel(interval, seconds(45), PingWheel::Time{});
    wheel.Add(1);
    int pings = 0;
    std::optional<seconds> closed;
    for (seconds second{1}; second < seconds(600) && !closed; ++second) {
      const auto due =
          wheel.Advance(PingWheel::Time{} + second, [](uint64_t) { return std::optional(PingWheel::Time{}); });
      pings += static_cast<int>(due.to_ping.size());
      if (!due.to_close.empty()) closed = second;
    }
    EXPECT_GE(pings, 2) << interval.count();
    ASSERT_TRUE(closed.has_value()) << interval.count();
    EXPECT_LE(*closed, std::max(seconds(45), 2 * interval + seconds(1))) << interval.count();
  }
}

TEST(PingWheel, LeavesWhoSpeaksByItselfInPeace) {
  Peers peers;
  peers.Add(7, peers.start);
  for (seconds second{1}; second < seconds(300); ++second) {
    if (second.count() % 5 == 0) peers.heard[7] = peers.start + second;
    const auto due = peers.At(second);
    EXPECT_TRUE(due.to_ping.empty()) << second.count();
    EXPECT_TRUE(due.to_close.empty()) << second.count();
  }
}

TEST(PingWheel, NeverGivesUpWhoAnswersItsPings) {
  Peers peers;
  for (uint64_t id = 0; id < 50; ++id) peers.Add(id, peers.start);
  for (seconds second{1}; second < seconds(600); ++second) {
    const auto due = peers.At(second);
    EXPECT_TRUE(due.to_close.empty());
    for (const uint64_t id : due.to_ping) peers.heard[id] = peers.start + second;
  }
}

TEST(PingWheel, SpreadsThePingsOfThoseWhoCameTogether) {
  Peers peers;
  constexpr uint64_t kPeers = 10'000;
  for (uint64_t id = 0; id < kPeers; ++id) peers.Add(id, peers.start);
  size_t most = 0;
  size_t sum = 0;
  for (seconds second{1}; second <= seconds(200); ++second) {
    const auto due = peers.At(second);
    most = std::max(most, due.to_ping.size());
    sum += due.to_ping.size();
    for (const uint64_t id : due.to_ping) peers.heard[id] = peers.start + second;
  }
  EXPECT_LE(most, kPeers / 10);
  EXPECT_GE(sum, kPeers * 9);
}

TEST(PingWheel, CatchesUpAfterAPauseAndForgetsTheClosed) {
  Peers peers;
  peers.Add(1, peers.start);
  peers.Add(2, peers.start);
  peers.heard.erase(2);
  const auto due = peers.At(seconds(3600));
  EXPECT_EQ(due.to_close, std::vector<uint64_t>{1});
  EXPECT_TRUE(peers.At(seconds(3700)).to_close.empty());
}

}  // namespace
}  // namespace byon::http
