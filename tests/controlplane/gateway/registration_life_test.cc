// Registrations from POST to their end, and what they mean to their calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/gateway/gateway.h"
#include "controlplane/gateway/register_watch.h"
#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using namespace std::chrono_literals;
using call::Status;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

TEST(Gateway, RegistersAndTellsTheExpiry) {
  World w;
  auto done = w.Register();
  EXPECT_FALSE(done->has_value());
  ASSERT_EQ(w.registrar.registered.size(), 1u);
  EXPECT_EQ(w.registrar.registered[0].impu, "sip:+34600000001@ims.example");
  w.GrantRegistration();
  auto registration = std::get<Registration>(**done);
  EXPECT_EQ(registration.phone_number, "+34600000001");
  EXPECT_EQ(registration.expires_at, w.clock.now.wall + 3600s);
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), 1u);
  EXPECT_EQ(w.gateway->stats().registrations, 1u);
}

TEST(Gateway, PhoneNumberRulesOfBothTokenTypes) {
  World w;
  auto error = [&](Principal who, std::optional<std::string> number) {
    ErrorCode code{};
    w.gateway->CreateRegistration(who, {"d", number, {}},
                                  [&](Outcome<Registration> o) { code = std::get<Error>(o).code; });
    return code;
  };
  Principal user = w.user;
  EXPECT_EQ(error(user, "+34600000001"), ErrorCode::kUnnecessaryIdentifier);
  Principal machine = user;
  machine.is_two_legged = true;
  machine.phone_number.reset();
  EXPECT_EQ(error(machine, std::nullopt), ErrorCode::kMissingIdentifier);
  EXPECT_EQ(error(machine, "+39000000000"), ErrorCode::kPermissionDenied);
  user.phone_number = "+39000000000";
  EXPECT_EQ(error(user, std::nullopt), ErrorCode::kServiceNotApplicable);
  user.phone_number.reset();
  EXPECT_EQ(error(user, std::nullopt), ErrorCode::kInvalidTokenContext);
}

TEST(Gateway, ARegistrationThatIsEndedTakesItsCallsAlong) {
  World w;
  std::string registration = w.Registered();
  std::string id = w.ConnectedCall();
  w.events.texts.clear();
  w.gateway->OnNetworkDeregistered(registration, {registration::SipDeregistered::Event::kRejected, {}});
  EXPECT_THAT(w.events.texts, ElementsAre("status Terminated 2", "ends terminated"));
  EXPECT_THAT(w.sip.log, Contains("bye " + id));
  EXPECT_THAT(w.registrar.log, Contains("deregister " + registration));
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), 0u);
}

// The network serves no request of a user that it has just forgotten (TS 24.229 section 5.1.1.6.1).
TEST(Gateway, CallsAreReleasedBeforeTheirRegistrationIs) {  // Covers: R11
  World w;
  const std::string registration = w.Registered();
  const std::string connected = w.ConnectedCall();
  const std::string ringing = w.Call();
  bool is_told = false;
  w.registrar.on_deregister = [&] {
    is_told = true;
    EXPECT_THAT(w.sip.log, Contains("bye " + connected));
    EXPECT_THAT(w.sip.log, Contains("cancel " + ringing));
  };
  w.gateway->DeleteRegistration(w.user, registration, [](auto) {});
  EXPECT_TRUE(is_told);
}

TEST(Gateway, ABusyNetworksRetryAfterReachesTheClient) {  // Covers: C27
  World w;
  const auto outcome = w.Register();
  w.gateway->OnRegisterFailed(w.registrar.registered.back().id, {503, "Busy", 90s, false});
  const auto error = std::get<Error>(**outcome);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.retry_after, 90s);
}

// Tried again as ever, but no time heals it: the operator hears of it, and not each time.
TEST(RegisterWatch, SaysWhatTheOperatorHasToChange) {  // Covers: R10
  World w;
  std::vector<std::string> said;
  RegisterWatch watch(*w.gateway, w.clock, [&](const std::string& what) { said.push_back(what); });
  const auto outcome = w.Register();
  const auto fail = [&](int status) {
    watch.OnRegisterFailed(w.registrar.registered.back().id, {status, "No", {}, false});
  };
  fail(421);
  EXPECT_TRUE(outcome->has_value()) << "and the gateway hears of it too";
  fail(421);
  fail(503);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], testing::AllOf(testing::HasSubstr("SIP 421"), testing::HasSubstr("security agreement")));
  fail(494);
  fail(305);
  ASSERT_EQ(said.size(), 3u);
  EXPECT_THAT(said[2], testing::HasSubstr("ims.next_hops"));
  w.Advance(RegisterWatch::kInterval);
  fail(421);
  ASSERT_EQ(said.size(), 4u);
  EXPECT_THAT(said[3], testing::HasSubstr("1 more"));
}

// Neither does a page whose sign-in has ended lose the call that is being spoken in, nor one that forgot to prolong.
TEST(Gateway, ACallOutlivesTheTimeAndTheTokenOfItsRegistration) {
  World w;
  w.user.token_expires_at = w.clock.now.wall + 10min;
  const std::string registration = w.Registered();
  const std::string id = w.ConnectedCall();
  const auto status = [&] { return std::get<MediaSession>(w.gateway->GetCall(w.user, id)).status; };
  const auto live = [&w](int hours) {
    for (int i = 0; i < hours * 12; ++i) {
      const size_t before = w.registrar.registered.size();
      w.Advance(5min);
      if (w.registrar.registered.size() > before) w.GrantRegistration();
    }
  };
  live(3);
  EXPECT_EQ(status(), Status::kConnected);
  EXPECT_GT(w.registrar.registered.size(), 1u) << "refreshed all the while";
  // Who calls now finds the number's other devices: this one is there for its call alone.
  const std::string another = w.Incoming();
  EXPECT_THAT(w.sip.log, Contains("reject 480 " + another));
  EXPECT_THAT(w.events.texts, Not(Contains("invitation Initial 1")));
  w.Restart();
  live(1);
  EXPECT_EQ(status(), Status::kConnected);
  EXPECT_EQ(w.gateway->stats().registrations, 1u);
  // What the user had as long as the call went on ends as it would have ended before.
  w.gateway->DeleteCall(w.user, id, [](auto) {});
  EXPECT_THAT(w.sip.log, Contains("bye " + id));
  w.Advance(119s);
  EXPECT_EQ(w.gateway->stats().registrations, 1u);
  w.Advance(1s);
  EXPECT_EQ(w.gateway->stats().registrations, 0u);
  EXPECT_THAT(w.events.texts, Contains("ends expired"));
  EXPECT_THAT(w.registrar.log, Contains("deregister " + registration));
}

// An emergency service that calls back rings all the same.
TEST(Gateway, ACallbackOfAnEmergencyServiceReachesADeviceThatIsThereForItsCallAlone) {
  World w;
  w.Registered();
  w.ConnectedCall();
  w.Advance(3601s);
  call::IncomingInvite invite;
  invite.contact_token = w.registrar.registered.back().contact_token;
  invite.caller.uri = "tel:+34600000003";
  invite.called_uri = "tel:+34600000001";
  invite.sdp = call::PhoneSdp();
  invite.is_psap_callback = true;
  const auto id = w.gateway->OnIncomingInvite(std::move(invite));
  ASSERT_TRUE(id);
  w.Advance(0ms);
  w.media.Ready(*id);
  EXPECT_THAT(w.sip.log, Not(Contains("reject 480 " + *id)));
  EXPECT_THAT(w.events.texts, Contains(testing::StartsWith("invitation")));
}

TEST(Gateway, TellsWhoDidWhatForTheAudit) {
  World w;
  const std::string registration = w.Registered();
  const std::string call = w.ConnectedCall();
  w.gateway->UpdateRegistration(w.user, registration, std::nullopt, [](auto) {});
  w.Advance(3600s);
  w.Register();  // the client thinks that it is over: it is there for its call
  w.gateway->DeleteRegistration(w.user, registration, [](auto) {});
  std::vector<std::string> what;
  for (const AuditEntry& entry : w.audit) {
    what.emplace_back(entry.what);
    EXPECT_EQ(entry.client_id, "app");
    EXPECT_EQ(entry.user, "alice");
    EXPECT_EQ(entry.phone_number, "+34600000001");
    EXPECT_EQ(entry.registration_id, registration);
    EXPECT_EQ(entry.call_id, entry.what == "call_created" ? call : "");
  }
  EXPECT_THAT(what, ElementsAre("registration_created", "call_created", "registration_prolonged",
                                "registration_taken_over", "registration_deleted"));
}

TEST(Gateway, NetworkDeregistrationIsTold) {
  World w;
  std::string registration = w.Registered();
  w.gateway->OnNetworkDeregistered(registration, {registration::SipDeregistered::Event::kRejected, {}});
  EXPECT_THAT(w.events.texts, ElementsAre("ends terminated"));
}

TEST(Gateway, DeleteRegistrationAnswersWhenTheNetworkHas) {
  World w;
  std::string registration = w.Registered();
  bool is_done = false;
  w.gateway->DeleteRegistration(w.user, registration, [&](auto) { is_done = true; });
  EXPECT_FALSE(is_done);
  w.gateway->OnDeregisterDone(registration);
  EXPECT_TRUE(is_done);
}

TEST(Gateway, PutRenewsARegistration) {
  World w;
  std::string registration = w.Registered();
  w.Advance(100s);
  WallTime expires_at{};
  w.gateway->UpdateRegistration(w.user, registration, w.clock.now.wall + 500s,
                                [&](Outcome<Registration> o) { expires_at = std::get<Registration>(o).expires_at; });
  EXPECT_EQ(expires_at, w.clock.now.wall + 500s);
}

TEST(Gateway, APushSubscriptionBelongsToItsRegistration) {
  World w;
  const std::string id = w.Registered();
  Principal stranger = w.user;
  stranger.subject = "mallory";
  EXPECT_EQ(std::get<Error>(w.gateway->SetPushSubscription(stranger, id, "theirs")).code, ErrorCode::kNotFound);
  EXPECT_EQ(std::get<Error>(w.gateway->GetPushSubscription(stranger, id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(std::get<std::string>(w.gateway->GetPushSubscription(w.user, id)), "");
  const auto made = w.gateway->SetPushSubscription(w.user, id, "ours");
  EXPECT_EQ(std::get<Registration>(made).expires_at, w.clock.now.wall + 604800s);
  w.Restart();
  EXPECT_EQ(w.gateway->PushSubscriptionOf(id), "ours");
  w.gateway->DropPushSubscription(id, "another");
  EXPECT_EQ(w.gateway->PushSubscriptionOf(id), "ours");
  w.gateway->DropPushSubscription(id, "ours");
  EXPECT_EQ(w.gateway->PushSubscriptionOf(id), "");
  EXPECT_EQ(w.gateway->PushSubscriptionOf("unknown"), "");
}

TEST(Gateway, ARegistrationThatCanBeWokenOutlivesItsToken) {
  World w;
  const std::string id = w.Registered();
  w.gateway->SetPushSubscription(w.user, id, "ours");
  const auto live = [&w](int hours) {
    for (int i = 0; i < hours; ++i) {
      w.Advance(1h);
      w.GrantRegistration();  // the network goes on with it
    }
  };
  live(25);  // the token ended an hour ago
  EXPECT_TRUE(std::holds_alternative<Registration>(w.gateway->GetRegistration(w.user, id)));
  // Its client comes back for a moment.
  w.user.token_expires_at = w.clock.now.wall + 1h;
  w.gateway->RenewToken(w.user, {"app", "alice", "device"});
  const auto seen = w.gateway->GetRegistration(w.user, id);
  EXPECT_EQ(std::get<Registration>(seen).expires_at, w.clock.now.wall + 604800s);
  live(2);
  // Without the subscription the token counts again, and it is over.
  w.gateway->DropPushSubscription(id, "ours");
  w.Advance(0ms);
  EXPECT_THAT(w.events.texts, ElementsAre("ends terminated"));
}

}  // namespace
}  // namespace byon::gateway
