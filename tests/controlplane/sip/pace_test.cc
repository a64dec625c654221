#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "controlplane/sip/registrations/deadline_wheel.h"
#include "controlplane/sip/registrations/renewal_queue.h"
#include "controlplane/sip/registrations/resubscribe_pace.h"

// What bindings wait for: one by one, and each in its time.
namespace byon::sip {
namespace {

using namespace std::chrono_literals;
using Time = DeadlineWheel::Time;

TEST(DeadlineWheelTest, EachComesInItsTickWhateverItsDistance) {
  std::mt19937 random(7);
  const Time start = Time(17h + 123ms);
  DeadlineWheel wheel(start);
  std::map<uint32_t, Time> due;
  const std::chrono::milliseconds distances[] = {10s, 20min, 20h, 600'000s};
  for (uint32_t i = 0; i < 4000; ++i) {
    due[i] = start + std::chrono::milliseconds(random() % static_cast<uint32_t>(distances[i % 4].count()));
    wheel.Add(i, due[i]);
  }
  EXPECT_EQ(wheel.size(), due.size());
  Time now = start;
  while (wheel.NextLook() != Time::max()) {
    ASSERT_GT(wheel.NextLook(), now - DeadlineWheel::kTick);
    now = std::max(now, wheel.NextLook());
    for (const uint32_t what : wheel.Take(now, SIZE_MAX)) {
      ASSERT_TRUE(due.contains(what)) << "twice";
      ASSERT_LE(due[what], now) << "before its time";
      ASSERT_LT(now - due[what], DeadlineWheel::kTick) << "late";
      due.erase(what);
    }
  }
  EXPECT_TRUE(due.empty());
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(DeadlineWheelTest, TheSameWhenItIsLookedAtSeldom) {
  std::mt19937 random(8);
  DeadlineWheel wheel(Time(1h));
  std::multiset<Time> due;
  for (uint32_t i = 0; i < 3000; ++i) {
    const Time when = Time(1h) + std::chrono::milliseconds(random() % 90'000'000);
    due.insert(when);
    wheel.Add(i, when);
  }
  for (Time now(1h); now < Time(27h); now += std::chrono::seconds(random() % 5000)) {
    const size_t taken = wheel.Take(now, SIZE_MAX).size();
    // One that is due within the tick may still be in there.
    const auto surely = static_cast<size_t>(std::distance(due.begin(), due.upper_bound(now - DeadlineWheel::kTick)));
    const auto perhaps = static_cast<size_t>(std::distance(due.begin(), due.upper_bound(now)));
    ASSERT_GE(3000 - wheel.size(), surely);
    ASSERT_LE(3000 - wheel.size(), perhaps) << taken;
  }
}

TEST(DeadlineWheelTest, MoreThanAPaceAllowsWaitsForTheNextTick) {
  DeadlineWheel wheel(Time(1h));
  for (uint32_t i = 0; i < 1000; ++i) wheel.Add(i, Time(1h));
  EXPECT_EQ(wheel.Take(Time(1h), 300).size(), 300u);
  EXPECT_EQ(wheel.NextLook(), Time(1h) + DeadlineWheel::kTick);
  EXPECT_EQ(wheel.Take(Time(1h) + DeadlineWheel::kTick, 300).front(), 300u);
  EXPECT_EQ(wheel.size(), 400u);
}

// Two shards of a hundred, of thirty-six thousand, of a million registrations after a restart.
TEST(ResubscribePaceTest, TwentyASecondOrAllWithinHalfAnHour) {  // Covers: R20
  for (const int count : {100, 36'000, 1'000'000}) {
    std::map<int64_t, int> seconds;
    for (const unsigned shard : {0U, 1U}) {
      ResubscribePace pace(shard, 2);
      for (int i = 0; i < count / 2; ++i) ++seconds[pace.Next() / 1s];
    }
    const int most =
        std::max_element(seconds.begin(), seconds.end(), [](auto& a, auto& b) { return a.second < b.second; })->second;
    EXPECT_LE(most, std::max(20, count / 1800 + 20)) << count;
    EXPECT_LT(seconds.rbegin()->first, std::min(1800, count / 20 + 1)) << count;
  }
}

std::vector<BindingTable::Ticket> Tickets(uint32_t count) {
  std::vector<BindingTable::Ticket> tickets(count);
  for (uint32_t i = 0; i < count; ++i) tickets[i] = i;
  return tickets;
}

TEST(RenewalQueueTest, ManyLeaveAPCscfAtAnEvenPaceAndNoneTwice) {  // Covers: R15
  RenewalQueue queue;
  const Time start(1h);
  queue.Add(Tickets(10'000), {.hop = 1, .is_only_while_unusable = true}, start + 5s, 100s);
  EXPECT_TRUE(queue.Take(start + 4999ms, SIZE_MAX).empty());
  EXPECT_EQ(queue.NextTake(), start + 5s);
  std::set<BindingTable::Ticket> seen;
  for (Time now = start + 5s; queue.NextTake() != Time::max(); now += 20ms) {
    const auto taken = queue.Take(now, SIZE_MAX);
    EXPECT_LE(taken.size(), 3u);
    for (const auto& one : taken) EXPECT_TRUE(seen.insert(one.ticket).second);
    ASSERT_LT(now, start + 106s);
  }
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(RenewalQueueTest, NoMoreThanAThousandASecondHoweverShortTheWindow) {  // Covers: R15
  RenewalQueue queue;
  queue.Add(Tickets(100'000), {.hop = 0}, Time(1h), 1s);
  size_t taken = 0;
  for (Time now(1h); now < Time(1h) + 10s; now += 20ms) taken += queue.Take(now, SIZE_MAX).size();
  EXPECT_NEAR(static_cast<double>(taken), 10'000, 30);
}

TEST(RenewalQueueTest, WhoHadNoRoomComesLaterAndNotAllAtOnce) {  // Covers: R15
  RenewalQueue queue;
  queue.Add(Tickets(5000), {.hop = 0}, Time(1h), 5s);
  for (Time now(1h); now < Time(1h) + 3s; now += 20ms) EXPECT_TRUE(queue.Take(now, 0).empty());
  EXPECT_LE(queue.Take(Time(1h) + 3s, SIZE_MAX).size(), 20u);
}

TEST(RenewalQueueTest, TheSameReasonAgainTakesThePlaceOfTheFirst) {
  RenewalQueue queue;
  queue.Add(Tickets(100), {.hop = 3}, Time(1h), 1s);
  queue.Add(Tickets(50), {.hop = 3}, Time(1h), 1s);
  queue.Add(Tickets(10), {.hop = 4}, Time(1h), 1s);
  EXPECT_EQ(queue.Take(Time(2h), SIZE_MAX).size(), 60u);
  queue.Add({}, {.hop = 4}, Time(1h), 1s);
  EXPECT_EQ(queue.NextTake(), Time::max());
}

Binding Whole() {
  Binding binding;
  binding.wanted = {"r1", "sip:+34600000001@ims.test", "+34600000001@ims.test", "urn:uuid:1", "TOKEN", 600'000s};
  binding.Reset();
  binding.cseq = 3;
  binding.path = {"<sip:p1;lr>", "<sip:p2;lr>"};
  binding.service_route = {"<sip:s;lr>"};
  binding.is_registered = true;
  return binding;
}

TEST(BindingTableTest, ASubscriptionRestsWithItsBinding) {
  BindingTable table;
  Binding binding = Whole();
  table.Put(binding);
  EXPECT_FALSE(table.Get("r1")->reg_event);
  const SubscriptionState state{.call_id = "c",
                                .local_tag = "l",
                                .remote_tag = "r",
                                .remote_target = "sip:n@10.0.0.1",
                                .route_set = {"<sip:a;lr>", "<sip:b;lr>"},
                                .cseq = 7,
                                .remote_cseq = 8,
                                .expires_s = 600'000,
                                .next_send = Time(100h)};
  binding.reg_event = state;
  table.Put(binding);
  const auto found = table.Get("r1");
  EXPECT_EQ(found->reg_event, state);
  EXPECT_EQ(found->path, binding.path);
  EXPECT_EQ(table.IdsOf(BindingTable::TicketOf("r1")), std::vector<std::string>{"r1"});
  // Refused: it is remembered that there was one.
  binding.reg_event = SubscriptionState{};
  table.Put(binding);
  EXPECT_EQ(table.Get("r1")->reg_event, SubscriptionState{});
  // Kept by ticks, never earlier than it was.
  binding.reg_event->next_send = Time(100h + 1ms);
  table.Put(binding);
  EXPECT_EQ(table.Get("r1")->reg_event->next_send, Time(100h + 250ms));
}

}  // namespace
}  // namespace byon::sip
