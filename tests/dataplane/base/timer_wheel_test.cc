#include "dataplane/base/timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace byon::base {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;

constexpr TimeDelta kMs = TimeDelta::Milliseconds(1);

Timestamp At(int64_t ms) { return Timestamp::FromMilliseconds(5'000 + ms); }

TEST(TimerWheelTest, EveryMemberTicksOnceATurn) {
  TimerWheel<int> wheel(100);
  std::map<int, std::vector<int64_t>> ticks;
  for (int i = 0; i < 45; ++i) ASSERT_LT(wheel.Add(i), 20u);
  for (int64_t ms = 0; ms < 200; ++ms) {
    wheel.Advance(At(ms), [&](std::span<int> members, Timestamp due) {
      for (const int member : members) ticks[member].push_back((due - At(0)).milliseconds());
    });
  }
  ASSERT_THAT(ticks, SizeIs(45));
  for (const auto& [member, times] : ticks) {
    ASSERT_THAT(times, SizeIs(10)) << member;
    for (size_t i = 1; i < times.size(); ++i) EXPECT_EQ(times[i] - times[i - 1], 20);
  }
}

TEST(TimerWheelTest, SpreadsMembersEvenly) {
  TimerWheel<int> wheel(1000);
  std::vector<int> per_slot(20);
  for (int i = 0; i < 200; ++i) ++per_slot[wheel.Add(i)];
  EXPECT_THAT(per_slot, Each(10));
}

TEST(TimerWheelTest, FillsGroupsAndKeepsThemApart) {
  TimerWheel<int> wheel(1000, 8);
  std::vector<size_t> slots;
  for (int i = 0; i < 8; ++i) slots.push_back(wheel.Add(i));
  EXPECT_THAT(slots, Each(slots[0]));
  for (int i = 8; i < 32; ++i) slots.push_back(wheel.Add(i));
  std::map<size_t, int> members;
  for (const size_t slot : slots) ++members[slot];
  ASSERT_THAT(members, SizeIs(4));  // a quarter of the turn apart
  for (const auto& [slot, count] : members) {
    EXPECT_EQ(count, 8);
    EXPECT_EQ(slot % 5, slots[0] % 5);
  }
  // Who leaves makes room in a group that is there.
  wheel.Remove(slots[9], 9);
  wheel.Remove(slots[17], 17);
  wheel.Remove(slots[18], 18);
  EXPECT_EQ(wheel.Add(100), slots[9]);
  EXPECT_EQ(wheel.Add(101), slots[17]);
  EXPECT_EQ(wheel.Add(102), slots[17]);
}

TEST(TimerWheelTest, GroupsAreSpreadEvenly) {
  TimerWheel<int> wheel(1000, 8);
  std::vector<size_t> per_slot(20);
  for (int i = 0; i < 480; ++i) ++per_slot[wheel.Add(i)];
  EXPECT_THAT(per_slot, Each(24u));
  for (int i = 480; i < 1000; ++i) ASSERT_LT(wheel.Add(i), 20u);
  EXPECT_EQ(wheel.Add(1000), 20u);
}

TEST(TimerWheelTest, FillsTheSlotThatWasEmptied) {
  TimerWheel<int> wheel(100);
  std::vector<size_t> slot_of;
  for (int i = 0; i < 40; ++i) slot_of.push_back(wheel.Add(i));
  wheel.Remove(slot_of[7], 7);
  wheel.Remove(slot_of[27], 27);
  EXPECT_EQ(slot_of[7], slot_of[27]);
  EXPECT_EQ(wheel.Add(100), slot_of[7]);
  EXPECT_EQ(wheel.Add(101), slot_of[7]);
  EXPECT_EQ(wheel.size(), 40u);
}

TEST(TimerWheelTest, RefusesMoreThanItsCapacity) {
  TimerWheel<int> wheel(3);
  for (int i = 0; i < 3; ++i) EXPECT_LT(wheel.Add(i), 20u);
  EXPECT_EQ(wheel.Add(3), 20u);
}

TEST(TimerWheelTest, ServesMissedSlotsInOrderWhenLate) {
  TimerWheel<int> wheel(20);
  for (int i = 0; i < 20; ++i) (void)wheel.Add(i);
  std::vector<int64_t> due_times;
  const auto record = [&](std::span<int>, Timestamp due) { due_times.push_back((due - At(0)).milliseconds()); };
  wheel.Advance(At(0), record);
  wheel.Advance(At(5), record);
  EXPECT_THAT(due_times, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(TimerWheelTest, ServesAsManySlotsAsItIsTold) {
  TimerWheel<int> wheel(100);
  for (int i = 0; i < 5; ++i) ASSERT_LT(wheel.Add(i), 20u);
  size_t served = 0;
  const auto serve = [&](std::span<int>, Timestamp) { ++served; };
  wheel.Advance(At(0), serve);
  wheel.Advance(At(19), serve);
  ASSERT_EQ(served, 5u);
  for (size_t turn = 1; turn <= 5; ++turn) {
    EXPECT_LE(wheel.NextDeadline(At(39)), At(39)) << "what is left is due";
    wheel.Advance(At(39), serve, 1);
    EXPECT_EQ(served, 5u + turn);
  }
  wheel.Advance(At(39), serve, 1);
  EXPECT_EQ(served, 10u);
}

TEST(TimerWheelTest, GivesUpTicksAfterALongStall) {
  TimerWheel<int> wheel(20);
  for (int i = 0; i < 20; ++i) (void)wheel.Add(i);
  int served = 0;
  const auto count = [&](std::span<int> members, Timestamp) { served += static_cast<int>(members.size()); };
  wheel.Advance(At(0), count);
  served = 0;
  const int64_t given_up = wheel.Advance(At(10'000), count);
  EXPECT_GT(given_up, 9'800);
  EXPECT_LE(served, 101);
  served = 0;
  EXPECT_EQ(wheel.Advance(At(10'020), count), 0);
  EXPECT_EQ(served, 20);  // and goes on at its pace
}

TEST(TimerWheelTest, DeadlineIsThatOfTheNextSlotInUse) {
  TimerWheel<int> wheel(20);
  EXPECT_TRUE(wheel.NextDeadline(At(0)).is_infinite());
  (void)wheel.Add(1);
  const auto ignore = [](std::span<int>, Timestamp) {};
  wheel.Advance(At(0), ignore);
  EXPECT_EQ(wheel.NextDeadline(At(0)), At(20));
  wheel.Advance(At(12), ignore);
  EXPECT_EQ(wheel.NextDeadline(At(12)), At(20));
  (void)wheel.Add(2);
  EXPECT_EQ(wheel.NextDeadline(At(12)), At(20));
  wheel.Advance(At(20), ignore);
  EXPECT_EQ(wheel.NextDeadline(At(20)), At(20) + kMs * 10);  // half a turn away
}

}  // namespace
}  // namespace byon::base
