#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "tests/controlplane/registration/registration_harness.h"

namespace byon::registration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Registration, BindsAndIsFoundAfterTheNetworksAnswer) {
  Harness h;
  h.Create();
  auto sent = h.Take<SendRegister>();
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->registration.impu, "sip:+34600000001@ims.example");
  EXPECT_EQ(sent->registration.contact_token, "token-r1");
  EXPECT_EQ(sent->registration.expires, 600000s);
  EXPECT_EQ(h.Outcome(), "pending");
  EXPECT_FALSE(h.registry.Find("r1"));
  EXPECT_FALSE(h.registry.FindByContactToken("token-r1"));
  h.Registered();
  EXPECT_EQ(h.Outcome(), "ok");
  ASSERT_TRUE(h.registry.Find("r1"));
  ASSERT_TRUE(h.registry.FindByContactToken("token-r1"));
  EXPECT_EQ(h.registry.FindByContactToken("token-r1")->id, "r1");
  EXPECT_EQ(h.registry.Find("r1")->expires_at, h.now.wall + 3600s);
  EXPECT_EQ(h.registry.FindByDevice("device").size(), 1u);
  EXPECT_TRUE(h.Take<Persist>());
}

TEST(Registration, InstanceIdIsStableAndOfItsPairOnly) {  // Covers: R2
  std::string id = InstanceIdOf("+34600000001", "device");
  EXPECT_THAT(id, MatchesRegex("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(id, InstanceIdOf("+34600000001", "device"));
  EXPECT_NE(id, InstanceIdOf("+34600000002", "device"));
  EXPECT_NE(id, InstanceIdOf("+34600000001", "other"));
}

TEST(Registration, ExpiryIsKeptCappedOrRefused) {
  auto expiry = [](std::optional<std::chrono::seconds> wish) -> std::optional<std::chrono::seconds> {
    Harness h;
    h.Create("r1", wish);
    h.Registered();
    const auto record = h.registry.Find("r1");
    if (!record) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::seconds>(record->expires_at - h.now.wall);
  };
  EXPECT_EQ(expiry({}), 3600s);
  EXPECT_EQ(expiry(1000s), 1000s);
  EXPECT_EQ(expiry(60s), 60s);
  EXPECT_EQ(expiry(1000000s), 86400s);
  EXPECT_FALSE(expiry(58s));
  EXPECT_FALSE(expiry(-10s));
  Harness h;
  h.Create("r1", 10s);
  EXPECT_THAT(h.Outcome(), HasSubstr("at least 60 seconds"));
  EXPECT_EQ(h.kind, RefusalKind::kOutOfRange);
  EXPECT_FALSE(h.Take<SendRegister>());
}

TEST(Registration, OneOfAKindAtATime) {
  Harness h;
  h.Create("r1");
  h.Take<SendRegister>();
  h.Create("r2");  // the first is still on its way
  EXPECT_THAT(h.Outcome(), HasSubstr("already exists"));
  EXPECT_EQ(h.kind, RefusalKind::kAlreadyExists);
  h.Registered();
  h.Outcome();
  h.Create("r3");
  EXPECT_THAT(h.Outcome(), HasSubstr("already exists"));
  h.Create("r4", {}, {"client", "user", "+34600000009", "device"});  // another line
  EXPECT_EQ(h.Outcome(), "pending");
  h.registry.Delete("r1", 8, h.now);
  h.Outcome();
  h.Create("r5");
  EXPECT_EQ(h.Outcome(), "pending");
}

TEST(Registration, Limits) {
  RegistrationConfig config;
  config.max_registrations_per_user = 3;
  config.max_registrations_per_msisdn = 2;
  config.max_devices_per_user = 2;
  Harness h(config);
  h.Create("a", {}, {"c", "u", "+1", "d1"});
  h.Create("b", {}, {"c", "u", "+1", "d2"});
  h.Create("c", {}, {"c", "u", "+2", "d3"});
  EXPECT_THAT(h.Outcome(), HasSubstr("device instances"));
  EXPECT_EQ(h.kind, RefusalKind::kMaxDevices);
  h.Create("d", {}, {"c", "other", "+1", "d1"});
  EXPECT_THAT(h.Outcome(), HasSubstr("per MSISDN"));
  h.Create("e", {}, {"c", "u", "+2", "d1"});
  EXPECT_EQ(h.Outcome(), "pending");
  h.Create("f", {}, {"c", "u", "+3", "d1"});
  EXPECT_THAT(h.Outcome(), HasSubstr("per user"));
  config.max_registrations = 1;
  Harness all(config);
  all.Create("a", {}, {"c", "u", "+1", "d1"});
  all.Create("b", {}, {"c", "other", "+2", "d2"});
  EXPECT_THAT(all.Outcome(), HasSubstr("as many registrations as the operator may have"));
  EXPECT_EQ(all.kind, RefusalKind::kQuotaExceeded);
}

TEST(Registration, FailsAtOnceWithItsReason) {
  auto fail = [](int code, bool is_final) {
    Harness h;
    h.Create();
    h.Fail(code, {}, is_final);
    EXPECT_NE(h.Outcome(), "pending");
    EXPECT_FALSE(h.registry.Find("r1"));
    h.Create();  // and can be tried again
    EXPECT_TRUE(h.Take<SendRegister>());
    return h.kind;
  };
  EXPECT_EQ(fail(403, true), RefusalKind::kNotApplicable);
  EXPECT_EQ(fail(404, false), RefusalKind::kNotApplicable);
  EXPECT_EQ(fail(503, false), RefusalKind::kUnavailable);
  EXPECT_EQ(fail(408, false), RefusalKind::kTimeout);
}

TEST(Registration, RefreshesByTheRuleOfTheStandard) {  // Covers: R9
  Harness long_one;
  long_one.Start(7200s, 80000s);
  auto wait = long_one.Next();
  EXPECT_TRUE(long_one.Take<SendRegister>());
  EXPECT_LE(wait, 6600s);
  EXPECT_GE(wait, 2999s);  // the first one may be earlier
  long_one.Registered();
  wait = long_one.Next();
  EXPECT_TRUE(long_one.Take<SendRegister>());
  EXPECT_LE(wait, 6600s);
  EXPECT_GE(wait, 6299s);  // jitter only makes it earlier
  Harness short_one;
  short_one.Start(600s, 80000s);
  wait = short_one.Next();
  EXPECT_TRUE(short_one.Take<SendRegister>());
  EXPECT_LE(wait, 300s);
  EXPECT_GE(wait, 29s);
}

TEST(Registration, RetriesWithBackOffUntilTheBindingEnds) {  // Covers: R10
  Harness h;
  h.Start(7200s, 80000s);
  h.Next();
  EXPECT_TRUE(h.Take<SendRegister>());
  std::vector<std::chrono::seconds> waits;
  while (true) {
    h.Fail(503);
    waits.push_back(h.Next());
    if (!h.Take<SendRegister>()) break;
  }
  EXPECT_GE(waits[0], 15s);
  EXPECT_LE(waits[0], 30s);
  EXPECT_GE(waits[1], 30s);
  EXPECT_LE(waits[1], 60s);
  EXPECT_GE(waits[3], 120s);
  auto end = h.Take<NotifyEnd>();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->is_expired);
  EXPECT_THAT(end->description, HasSubstr("did not prolong"));
}

TEST(Registration, HonoursRetryAfter) {  // Covers: R10 C27
  Harness h;
  h.Start(7200s, 80000s);
  h.Next();
  h.Take<SendRegister>();
  h.Fail(503, 77s);
  EXPECT_EQ(h.Next(), 77s);
  EXPECT_TRUE(h.Take<SendRegister>());
  h.Registered();
  EXPECT_FALSE(h.Take<NotifyEnd>());
}

TEST(Registration, EndsWhenARefreshIsRefusedForGood) {
  Harness h;
  h.Start();
  h.Fail(403, {}, true);
  EXPECT_THAT(h.Take<NotifyEnd>()->description, HasSubstr("SIP 403"));
  EXPECT_FALSE(h.registry.Find("r1"));
}

TEST(Registration, ExpiresExactlyThen) {
  Harness h;
  h.Start(600000s, 100s);
  h.Advance(99999ms);
  EXPECT_FALSE(h.Take<NotifyEnd>());
  h.Advance(1ms);
  auto end = h.Take<NotifyEnd>();
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->is_expired);
  EXPECT_TRUE(h.Take<EndCalls>());
  EXPECT_TRUE(h.Take<Erase>());
  EXPECT_TRUE(h.Take<SendDeregister>());
  EXPECT_FALSE(h.registry.Find("r1"));
  EXPECT_FALSE(h.registry.FindByContactToken("token-r1"));
  h.registry.OnDeregisterDone("r1", h.now);
  EXPECT_EQ(h.registry.NextDeadline(), kNever);
}

TEST(Registration, UpdateCountsFromNow) {
  Harness h;
  h.Start(600000s, 100s);
  h.Advance(90s);
  h.registry.Update("r1", {}, h.now.wall + 24h, 9, h.now);
  EXPECT_EQ(h.Outcome(), "ok");
  EXPECT_EQ(h.registry.Find("r1")->expires_at, h.now.wall + 3600s);
  h.Advance(3599s);
  EXPECT_FALSE(h.Take<NotifyEnd>());
  h.registry.Update("r1", h.now.wall + 5s, h.now.wall, 9, h.now);
  EXPECT_EQ(h.Outcome(), "The registrationExpireTime must be at least 60 seconds from now.");
  h.Advance(1s);
  EXPECT_TRUE(h.Take<NotifyEnd>()->is_expired);
  h.registry.Update("r1", {}, h.now.wall, 9, h.now);
  EXPECT_EQ(h.Outcome(), "No such registration.");
}

TEST(Registration, LivesAsLongAsFreshTokensCome) {
  Harness h;
  h.Start(600000s, 80000s);
  h.registry.RenewToken("client", "stranger", "device", "+34600000001", h.now.wall + 48h, h.now);
  h.registry.RenewToken("client", "user", "device", "+34600000001", h.now.wall + 1h, h.now);   // older: no harm
  h.registry.RenewToken("client", "user", "device", "+34600000002", h.now.wall + 48h, h.now);  // another number's
  EXPECT_FALSE(h.Take<Persist>());
  Harness dying(RegistrationConfig{.max_expiry = std::chrono::seconds(1000000)});
  dying.Start(600000s, 900000s);
  dying.Advance(24h + 119s);
  EXPECT_FALSE(dying.Take<NotifyEnd>());
  dying.Advance(1s);
  auto end = dying.Take<NotifyEnd>();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->is_expired);
  EXPECT_THAT(end->description, HasSubstr("access token"));
  Harness renewed(RegistrationConfig{.max_expiry = std::chrono::seconds(1000000)});
  renewed.Start(600000s, 900000s);
  renewed.registry.RenewToken("client", "user", "device", "+34600000001", renewed.now.wall + 48h, renewed.now);
  renewed.Advance(30h);
  EXPECT_FALSE(renewed.Take<NotifyEnd>());
}

TEST(Registration, DeleteWaitsForTheNetworkButNotForLong) {
  Harness h;
  h.Start();
  h.registry.Delete("r1", 5, h.now);
  EXPECT_EQ(h.Outcome(), "pending");
  EXPECT_EQ(h.Take<SendDeregister>()->id, "r1");
  EXPECT_FALSE(h.Take<NotifyEnd>());  // it was the device's own wish
  h.registry.OnDeregisterDone("r1", h.now);
  EXPECT_EQ(h.Outcome(), "ok");
  Harness slow;
  slow.Start();
  slow.registry.Delete("r1", 5, slow.now);
  slow.Advance(3s);
  EXPECT_EQ(slow.Outcome(), "ok");
  slow.registry.Delete("r1", 6, slow.now);
  EXPECT_EQ(slow.Outcome(), "No such registration.");
  slow.Advance(40s);
  EXPECT_EQ(slow.registry.NextDeadline(), kNever);
}

TEST(Registration, NetworkDeregistration) {  // Covers: R13
  using Event = SipDeregistered::Event;
  for (Event event : {Event::kRejected, Event::kUnregistered, Event::kExpired}) {
    Harness h;
    h.Start();
    h.registry.OnNetworkDeregistered("r1", {event, {}}, h.now);
    auto end = h.Take<NotifyEnd>();
    ASSERT_TRUE(end);
    EXPECT_FALSE(end->is_expired);
    EXPECT_TRUE(h.Take<EndCalls>());
  }
  for (Event event : {Event::kDeactivated, Event::kShortened}) {
    Harness h;
    h.Start();
    h.registry.OnNetworkDeregistered("r1", {event, {}}, h.now);
    EXPECT_TRUE(h.Take<SendRegister>());
    EXPECT_TRUE(h.registry.Find("r1"));
  }
  Harness h;
  h.Start();
  h.registry.OnNetworkDeregistered("r1", {Event::kProbation, 45s}, h.now);
  EXPECT_EQ(h.Next(), 45s);
  EXPECT_TRUE(h.Take<SendRegister>());
}

TEST(Registration, ANetworkThatAsksForACenturyIsAskedAgainWithinAWeek) {
  Harness h;
  h.Start(std::chrono::seconds(4294967295));
  EXPECT_LE(h.registry.Find("r1")->registered.expires, 7 * 24h);
  EXPECT_LE(h.registry.Find("r1")->sip_expires_at, h.now.wall + 7 * 24h);
  h.registry.SetPush("r1", "p", h.now);  // no token ends it before
  h.registry.OnNetworkDeregistered("r1", {SipDeregistered::Event::kProbation, std::chrono::seconds(2147483647)}, h.now);
  h.registry.Update("r1", h.now.wall + 24h, h.now.wall + 24h, 8, h.now);
  EXPECT_EQ(h.registry.size(), 1u);
  EXPECT_LE(h.registry.NextDeadline() - h.now.steady, 24h);
}

TEST(Registration, AStormSettlesIntoEvenRefreshes) {  // Covers: R9
  Harness h;
  Storm(h, 2000, 3600s);
  RefreshesEachSecond(h, 2h, 3600s);
  const auto counts = RefreshesEachSecond(h, 1h, 3600s);
  // Two thousand every 3000 s or a little sooner: less than one in a second, hardly two in the same quarter of it.
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 6);
  EXPECT_EQ(h.registry.size(), 2000u);
}

TEST(Registration, ABusyNetworksRetryAfterIsNoAppointmentForAll) {  // Covers: C27
  Harness h;
  const auto records = Storm(h, 500, 3600s);
  for (const RegistrationRecord& record : records) h.registry.Refresh(record.id);
  for (const RegistrationRecord& record : records)
    h.registry.OnRegisterFailed(record.id, {503, "Busy", 60s, false}, h.now);
  h.Drain();
  h.actions.clear();
  const auto counts = RefreshesEachSecond(h, 80s, 3600s);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.begin() + 60, 0), 0);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), 500);
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 100);
}

// Enough of them that texts are compressed: all come back as they were, by every index.
TEST(Registration, ThousandsAreFoundAsTheyWere) {
  Harness h;
  const auto records = Storm(h, 3000, 600s);
  EXPECT_EQ(h.registry.size(), 3000u);
  EXPECT_EQ(h.registry.FindByClient("client").size(), 3000u);
  EXPECT_EQ(h.registry.FindByDevice("device").size(), 3000u);
  for (const RegistrationRecord& record : records) {
    EXPECT_EQ(record.impu, "sip:" + record.owner.phone_number + "@ims.example");
    EXPECT_EQ(record.instance_id, InstanceIdOf(record.owner.phone_number, "device"));
    EXPECT_THAT(record.registered.service_route, ElementsAre("<sip:orig@scscf;lr>"));
    EXPECT_EQ(h.registry.FindByContactToken(record.contact_token)->id, record.id);
    EXPECT_EQ(h.registry.FindByNumber(record.owner.phone_number).size(), 1u);
    EXPECT_EQ(h.registry.FindByUser("client", record.owner.user).size(), 1u);
    h.registry.Delete(record.id, 0, h.now);
    h.registry.OnDeregisterDone(record.id, h.now);
  }
  EXPECT_EQ(h.registry.size(), 0u);
  EXPECT_EQ(h.registry.NextDeadline(), kNever);
}

TEST(Registration, AllEndTogether) {
  Harness h;
  h.Start();
  h.registry.EndAll("The service stops", h.now);
  EXPECT_EQ(h.Take<NotifyEnd>()->description, "The service stops");
  EXPECT_EQ(h.registry.size(), 0u);
  EXPECT_FALSE(h.registry.HasEnded()) << "the network has not answered";
  h.registry.OnDeregisterDone("r1", h.now);
  EXPECT_TRUE(h.registry.HasEnded());
}

TEST(Registration, AClientsAreReadPageByPage) {
  Harness h;
  for (int i = 0; i < 25; ++i) {
    const std::string n = std::to_string(i);
    h.Create("r" + n, {},
             {i % 5 == 4 ? "another" : "client", "user" + n, "+3460000" + std::to_string(1000 + i), "device" + n});
    if (i != 0) h.Registered(7200s, "r" + n);
  }
  // 20 of the client, of which the first was not confirmed.
  std::set<RegistrationId> seen;
  for (size_t first = 0; first < 19; first += 5) {
    const auto page = h.registry.PageOfClient("client", first, 5);
    EXPECT_EQ(page.total, 19u);
    EXPECT_EQ(page.records.size(), first == 15 ? 4u : 5u);
    for (const auto& record : page.records) {
      EXPECT_EQ(record.owner.client_id, "client");
      seen.insert(record.id);
    }
  }
  EXPECT_EQ(seen.size(), 19u) << "none twice, none missing";
  EXPECT_TRUE(h.registry.PageOfClient("client", 19, 5).records.empty());
  EXPECT_EQ(h.registry.PageOfClient("nobody", 0, 5).total, 0u);
}

TEST(Registration, IgnoresWhatItDoesNotKnow) {
  Harness h;
  h.Registered();
  h.Fail(500);
  h.registry.OnDeregisterDone("r1", h.now);
  h.registry.OnNetworkDeregistered("r1", {}, h.now);
  h.Drain();
  EXPECT_TRUE(h.actions.empty());
}

}  // namespace
}  // namespace byon::registration
