// A registration whose time or token runs out while its device is in a call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/controlplane/registration/registration_harness.h"

namespace byon::registration {
namespace {

using ::testing::HasSubstr;

constexpr auto kGrace = RegistrationConfig{}.token_grace;

TEST(RegistrationInCall, TimeRunsOutWhenTheCallIsOver) {
  Harness h;
  h.Start(7200s, 100s);
  h.Advance(50s);
  h.registry.SetInUse("r1", true, h.now);
  EXPECT_FALSE(h.registry.IsOverdue("r1"));
  for (int i = 0; i < 12; ++i) {  // hours, with their refreshes
    h.Advance(1000s);
    if (h.Take<SendRegister>()) h.Registered();
    EXPECT_TRUE(h.registry.IsOverdue("r1"));
  }
  EXPECT_FALSE(h.Take<EndCalls>());
  EXPECT_TRUE(h.registry.FindByContactToken("token-r1"));
  h.registry.SetInUse("r1", false, h.now);
  h.Advance(kGrace - 1s);
  EXPECT_FALSE(h.Take<NotifyEnd>());
  h.Advance(1s);
  EXPECT_TRUE(h.Take<NotifyEnd>()->is_expired) << "as it would have ended";
  EXPECT_TRUE(h.Take<SendDeregister>());
  EXPECT_FALSE(h.registry.IsOverdue("r1"));
}

TEST(RegistrationInCall, IsRefreshedInTheNetworkAndLostThereAllTheSame) {
  Harness h;
  h.Start(7200s, 100s);
  h.registry.SetInUse("r1", true, h.now);
  h.Advance(100s);
  h.Next();
  EXPECT_TRUE(h.Take<SendRegister>());
  h.Fail(403, {}, true);
  EXPECT_THAT(h.Take<NotifyEnd>()->description, HasSubstr("SIP 403"));
  EXPECT_TRUE(h.Take<EndCalls>());
}

TEST(RegistrationInCall, ATokenThatIsRenewedMeanwhileTakesItUpAgain) {
  Harness h(RegistrationConfig{.max_expiry = std::chrono::seconds(1000000)});
  h.Start(600000s, 900000s);
  h.registry.SetInUse("r1", true, h.now);
  h.Advance(24h + kGrace);
  EXPECT_TRUE(h.registry.IsOverdue("r1"));
  h.registry.RenewToken("client", "user", "device", "+34600000001", h.now.wall + 1h, h.now);
  EXPECT_FALSE(h.registry.IsOverdue("r1"));
  h.registry.SetInUse("r1", false, h.now);
  h.Advance(1h + kGrace - 1s);
  EXPECT_FALSE(h.Take<NotifyEnd>());
  h.Advance(1s);
  EXPECT_THAT(h.Take<NotifyEnd>()->description, HasSubstr("access token"));
}

// Its client may well think that it is over, and register anew.
TEST(RegistrationInCall, APostOfItsDeviceTakesItUpAgain) {
  Harness h;
  h.Start(600000s, 100s);
  h.registry.SetInUse("r1", true, h.now);
  h.Create("r2");
  EXPECT_THAT(h.Outcome(), HasSubstr("already exists")) << "it is not over";
  h.Advance(100s);
  h.Create("r3", {}, {"client", "user", "+34600000001", "another"});
  EXPECT_EQ(h.Outcome(), "pending") << "another device has its own";
  h.Create("r4", 500s);
  const auto done = h.Take<CompleteRequest>();
  ASSERT_TRUE(done);
  const auto* record = std::get_if<RegistrationRecord>(&done->outcome);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->id, "r1");
  EXPECT_EQ(record->expires_at, h.now.wall + 500s);
  EXPECT_TRUE(done->must_be_kept);
  EXPECT_FALSE(h.registry.IsOverdue("r1"));
  h.registry.SetInUse("r1", false, h.now);
  h.Advance(499s);
  EXPECT_FALSE(h.Take<NotifyEnd>());
  h.Advance(1s);
  EXPECT_TRUE(h.Take<NotifyEnd>());
}

TEST(RegistrationInCall, WhatEndsARegistrationOtherwiseEndsItStill) {
  const auto ended = [](auto end) {
    Harness h;
    h.Start(7200s, 100s);
    h.registry.SetInUse("r1", true, h.now);
    h.Advance(100s);
    EXPECT_TRUE(h.registry.IsOverdue("r1"));
    end(h);
    EXPECT_FALSE(h.registry.IsOverdue("r1"));
    return h.Take<EndCalls>().has_value();
  };
  EXPECT_TRUE(ended([](Harness& h) { h.registry.Delete("r1", 1, h.now); }));
  EXPECT_TRUE(ended([](Harness& h) { h.registry.EndAll("The service stops", h.now); }));
  EXPECT_TRUE(ended([](Harness& h) {
    h.registry.OnNetworkDeregistered("r1", {SipDeregistered::Event::kRejected, {}}, h.now);
  }));
}

TEST(RegistrationInCall, OutlivesARestart) {
  Harness old;
  old.Start(7200s, 100s);
  old.registry.SetInUse("r1", true, old.now);
  old.Advance(3000s);
  Harness h;
  h.now = old.now;
  h.registry.Restore(*old.registry.Find("r1"), h.now);
  h.registry.SetInUse("r1", true, h.now);  // its call, before the clock is looked at
  h.Advance(1000s);
  EXPECT_TRUE(h.registry.Find("r1"));
  h.registry.SetInUse("r1", false, h.now);
  h.Advance(kGrace);
  EXPECT_TRUE(h.Take<NotifyEnd>()->is_expired);
}

// Whatever happens, and in whatever order: it is there while a call is, or its time and token are good, or the call
// ended within the grace; and never otherwise.
TEST(RegistrationInCall, LivesExactlyAsLongAsItMay) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    const auto upto = [&random](int most) { return static_cast<int>(random() % static_cast<uint64_t>(most)); };
    Harness h;
    h.Start(1200s, 1000s);
    WallTime expires = h.now.wall + 1000s;
    WallTime token = h.now.wall + 24h;
    bool is_in_use = false;
    WallTime last_use{};
    const auto is_due = [&] {
      const WallTime natural = std::min(expires, token + kGrace);
      return !is_in_use && h.now.wall >= std::max(natural, last_use);
    };
    for (int step = 0; step < 300 && !h.Take<NotifyEnd>(); ++step) {
      switch (upto(6)) {
        case 0:
          if (is_in_use) last_use = h.now.wall + kGrace;
          is_in_use = !is_in_use;
          h.registry.SetInUse("r1", is_in_use, h.now);
          break;
        case 1:
          expires = std::max(expires, h.now.wall + kGrace + std::chrono::seconds(upto(2000)));
          h.registry.Update("r1", expires, h.now.wall, 0, h.now);
          break;
        case 2:
          token = std::max(token, h.now.wall + std::chrono::seconds(upto(600)));
          h.registry.RenewToken("client", "user", "device", "+34600000001", token, h.now);
          break;
        default: {
          // As the alarm rings: at each deadline, none of them missed.
          const SteadyTime until = h.now.steady + std::chrono::seconds(upto(seed % 2 == 0 ? 300 : 3000));
          while (h.registry.NextDeadline() <= until && h.registry.Find("r1")) {
            const WallTime before = h.now.wall;
            const bool was_due = is_due();
            h.Advance(std::chrono::ceil<std::chrono::milliseconds>(
                std::max(h.registry.NextDeadline() - h.now.steady, SteadyTime::duration(0))));
            ASSERT_FALSE(was_due) << seed << ' ' << step << ' ' << (h.now.wall - before).count();
            if (h.Take<SendRegister>()) h.Registered(1200s);
          }
          if (h.registry.Find("r1")) h.Advance(std::chrono::ceil<std::chrono::milliseconds>(until - h.now.steady));
        }
      }
      const bool is_there = h.registry.Find("r1").has_value();
      ASSERT_EQ(is_there, !is_due()) << "seed " << seed << " step " << step;
      if (!is_there) {
        EXPECT_TRUE(h.Take<EndCalls>());
        break;
      }
    }
  }
}

}  // namespace
}  // namespace byon::registration
