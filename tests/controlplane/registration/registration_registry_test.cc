#include "controlplane/registration/registration_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace byon::registration {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class Harness {
 public:
  explicit Harness(RegistrationConfig config = {}) : registry(config, 1) {}

  Now now{SteadyTime(1h), WallTime(std::chrono::hours(500000))};
  RegistrationRegistry registry;
  std::vector<Action> actions;

  void Drain() {
    while (auto action = registry.PollAction()) actions.push_back(std::move(*action));
  }
  template <typename T>
  std::optional<T> Take() {
    Drain();
    for (auto it = actions.begin(); it != actions.end(); ++it) {
      if (auto* found = std::get_if<T>(&*it)) {
        T result = std::move(*found);
        actions.erase(it);
        return result;
      }
    }
    return std::nullopt;
  }
  std::string Outcome() {
    auto done = Take<CompleteRequest>();
    if (!done) return "pending";
    if (auto* refusal = std::get_if<Refusal>(&done->outcome)) {
      kind = refusal->kind;
      return refusal->message;
    }
    return "ok";
  }
  void Create(const std::string& id = "r1", std::optional<std::chrono::seconds> expiry = {},
              RegistrationOwner owner = {"client", "user", "+34600000001", "device"}) {
    CreateRequest request;
    request.id = id;
    request.contact_token = "token-" + id;
    request.owner = std::move(owner);
    request.impu = "sip:" + request.owner.phone_number + "@ims.example";
    request.impi = request.owner.phone_number + "@ims.example";
    if (expiry) request.expire_time = now.wall + *expiry;
    request.token_expires_at = now.wall + 24h;
    registry.Create(std::move(request), 7, now);
  }
  void Registered(std::chrono::seconds granted = 7200s, const std::string& id = "r1") {
    SipRegistered registered;
    registered.expires = granted;
    registered.next_hop = "sip:10.0.0.1:5060;lr";
    registered.service_route = {"<sip:orig@scscf;lr>"};
    registered.associated_uris = {"sip:+34600000001@ims.example"};
    registered.snapshot = "s";
    registry.OnRegistered(id, registered, now);
  }
  void Start(std::chrono::seconds granted = 7200s, std::optional<std::chrono::seconds> expiry = {}) {
    Create("r1", expiry);
    Registered(granted);
    Drain();
    actions.clear();
  }
  void Fail(int code, std::optional<std::chrono::seconds> retry_after = {}, bool is_final = false) {
    registry.OnRegisterFailed("r1", {code, "Phrase", retry_after, is_final}, now);
  }
  void Advance(std::chrono::milliseconds time) {
    now.steady += time;
    now.wall += time;
    registry.HandleTimeout(now);
  }
  // Moves on to the next deadline and tells how long that was.
  std::chrono::seconds Next() {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(registry.NextDeadline() - now.steady);
    Advance(wait);
    return std::chrono::duration_cast<std::chrono::seconds>(wait);
  }
  RefusalKind kind{};
};

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

// So many REGISTERs in each second from now on, of a network that grants at once; the clock runs as the deadlines come.
std::vector<int> RefreshesEachSecond(Harness& h, std::chrono::seconds time, std::chrono::seconds granted) {
  std::vector<int> counts(static_cast<size_t>(time.count()));
  const SteadyTime start = h.now.steady;
  while (h.registry.NextDeadline() < start + time) {
    h.Advance(
        std::max(std::chrono::duration_cast<std::chrono::milliseconds>(h.registry.NextDeadline() - h.now.steady), 0ms) +
        1ms);
    while (auto action = h.registry.PollAction()) {
      const auto* sent = std::get_if<SendRegister>(&*action);
      if (sent == nullptr) continue;
      const auto second = static_cast<size_t>((h.now.steady - start) / 1s);
      if (second < counts.size()) ++counts[second];
      h.Registered(granted, sent->registration.id);
    }
  }
  return counts;
}

// A storm: all of them within ten seconds.
std::vector<RegistrationRecord> Storm(Harness& h, int count, std::chrono::seconds granted) {
  for (int i = 0; i < count; ++i) {
    const std::string number = "+3460000" + std::to_string(1000 + i);
    h.Create("r" + number, 80000s, {"client", "user" + number, number, "device"});
    h.Registered(granted, "r" + number);
    h.Advance(std::chrono::milliseconds(10'000 / count));
    h.Drain();
    h.actions.clear();
  }
  std::vector<RegistrationRecord> records;
  h.registry.ForEach([&](const RegistrationRecord& record) { records.push_back(record); });
  return records;
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
