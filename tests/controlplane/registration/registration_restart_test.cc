// What a process takes up that an earlier one left.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/controlplane/registration/registration_harness.h"

namespace byon::registration {
namespace {

TEST(Registration, IsRestoredWithoutAWordToTheNetwork) {  // Covers: T6
  Harness old;
  old.Start(7200s, 10000s);
  RegistrationRecord record = *old.registry.Find("r1");
  Harness h;
  h.now.wall += 1000s;  // the process was away
  h.registry.Restore(record, h.now);
  auto restored = h.Take<RestoreSip>();
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->registered.snapshot, "s");
  EXPECT_FALSE(h.Take<SendRegister>());
  EXPECT_TRUE(h.registry.FindByContactToken("token-r1"));
  EXPECT_LE(h.Next(), 5600s);
  EXPECT_TRUE(h.Take<SendRegister>());
}

TEST(Registration, ThatExpiredWhileTheProcessWasAwayEndsAtOnce) {
  Harness old;
  old.Start(7200s, 100s);
  RegistrationRecord record = *old.registry.Find("r1");
  Harness h;
  h.now.wall += 200s;
  h.registry.Restore(record, h.now);
  h.Advance(0ms);
  EXPECT_TRUE(h.Take<NotifyEnd>()->is_expired);
  EXPECT_TRUE(h.Take<SendDeregister>());
}

// Also those that have not been refreshed yet, whose times are spread over an hour: a restart brings nobody together.
TEST(Registration, EachKeepsItsTimeOverARestart) {  // Covers: R9 R15 T6
  Harness old;
  const auto records = Storm(old, 600, 7200s);
  for (const auto away : {10s, 4500s}) {  // before all of them are due, and when nearly half of them were
    Harness h;
    h.now.wall = old.now.wall + away;
    size_t missed = 0;
    for (const RegistrationRecord& record : records) {
      ASSERT_TRUE(record.refresh_at);
      h.registry.Restore(record, h.now);
      const auto restored = h.registry.Find(record.id)->refresh_at;
      ASSERT_TRUE(restored);
      if (*record.refresh_at > h.now.wall) {
        EXPECT_LE(std::chrono::abs(*restored - *record.refresh_at), 1ms);
      } else {
        ++missed;
        EXPECT_GT(*restored, h.now.wall);
        EXPECT_LE(*restored, record.sip_expires_at - 600s);
      }
    }
    EXPECT_EQ(missed > 0, away > 3000s);
    h.Drain();
    h.actions.clear();
    const auto counts = RefreshesEachSecond(h, 6611s - away, 7200s);
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 8) << away.count();
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 600) << away.count();
  }
}

// As a version kept it that did not write down when the next REGISTER is due.
TEST(Registration, WithoutAKnownTimeTheRefreshesAreSpreadOverAnHour) {  // Covers: R15
  Harness old;
  auto records = Storm(old, 600, 7200s);
  Harness h;
  h.now.wall = old.now.wall;
  for (RegistrationRecord& record : records) {
    record.refresh_at.reset();
    h.registry.Restore(std::move(record), h.now);
  }
  h.Drain();
  h.actions.clear();
  const auto counts = RefreshesEachSecond(h, 6600s, 7200s);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 8);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.begin() + 2900, 0), 0);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 600);
}

TEST(Registration, AfterARestartItsClientHasTimeToBringAFreshToken) {
  Harness old;
  old.Start(7200s, 10000s);
  RegistrationRecord record = *old.registry.Find("r1");
  record.token_expires_at = old.now.wall - 1h;
  for (const bool comes_back : {true, false}) {
    Harness h;
    h.registry.Restore(record, h.now);
    h.Advance(60s);
    h.Registered(7200s);  // its binding is refreshed meanwhile
    h.Advance(30s);
    h.registry.OnAllRestored(h.now);  // others took until now
    h.Advance(119s);
    EXPECT_FALSE(h.Take<NotifyEnd>());
    if (comes_back) h.registry.RenewToken("client", "user", "device", "+34600000001", h.now.wall + 1h, h.now);
    h.Advance(2s);
    EXPECT_EQ(h.Take<NotifyEnd>().has_value(), !comes_back);
  }
}

TEST(Registration, WhatIsOverdueAfterARestartGoesOutEvenlyAndEndsNobody) {  // Covers: R15 T6
  Harness old;
  const auto records = Storm(old, 2000, 3600s);
  for (const auto away : {3300s, 3500s, 5000s}) {  // refreshes overdue, nearly expired, all expired
    Harness h;
    h.now.wall = old.now.wall + away;
    for (const RegistrationRecord& record : records) h.registry.Restore(record, h.now);
    h.Drain();
    h.actions.clear();
    const auto counts = RefreshesEachSecond(h, 700s, 3600s);
    const int most = *std::max_element(counts.begin(), counts.end());
    EXPECT_LE(most, away == 3500s ? 45 : 21) << away.count();  // 3500 s leave 50 s for two thousand of them
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 2000) << away.count();
    EXPECT_EQ(h.registry.size(), 2000u);
  }
}

// More than go out at 20 a second in the 50 s that are left: every slot takes its share, from first to last.
TEST(Registration, WhatFindsNoRoomAfterARestartIsSpreadToo) {  // Covers: R15
  Harness old;
  const auto records = Storm(old, 2, 3600s);
  Harness h;
  h.now.wall = old.now.wall + 3500s;
  for (int i = 0; i < 3000; ++i) {
    RegistrationRecord record = records.front();
    record.id = "r" + std::to_string(i);
    record.contact_token = record.owner.device_id = record.owner.phone_number = record.id;
    h.registry.Restore(std::move(record), h.now);
  }
  h.Drain();
  h.actions.clear();
  const auto counts = RefreshesEachSecond(h, 49s, 3600s);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 80);
  EXPECT_GE(*std::min_element(counts.begin() + 2, counts.end() - 4), 50);
  EXPECT_EQ(h.registry.size(), 3000u);
}

TEST(Registration, WhoIsAboutToExpireAfterARestartWaitsForItsTurn) {  // Covers: R15 T6
  Harness old;
  Storm(old, 2000, 120s);
  RefreshesEachSecond(old, 300s, 120s);
  const size_t alive = old.registry.size();  // some wanted their refresh while the storm was on
  ASSERT_GT(alive, 1900u);
  Harness h;
  h.now.wall = old.now.wall + 100s;  // a third has up to 20 s left, the others have expired
  old.registry.ForEach([&](const RegistrationRecord& record) { h.registry.Restore(record, h.now); });
  h.Drain();
  h.actions.clear();
  const auto counts = RefreshesEachSecond(h, 30s, 120s);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 150);
  RefreshesEachSecond(h, 200s, 120s);
  EXPECT_EQ(h.registry.size(), alive);
}

}  // namespace
}  // namespace byon::registration
