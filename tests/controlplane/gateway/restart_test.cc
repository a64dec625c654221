#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/gateway/call_trace.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/gateway/readiness.h"
#include "controlplane/gateway/record_json.h"
#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using namespace std::chrono_literals;
using call::Status;
using ::testing::ElementsAre;

TEST(Gateway, RemembersWhatTheNetworkSaidBeforeARestart) {
  World w;
  w.Registered();
  std::string ended = w.Call();
  w.gateway->OnProgress(ended, {"A", 180, "Ringing", {}, {}, false});
  w.gateway->OnFailed(ended, {486, 17, "Busy Here" + std::string(5000, '!')});
  std::string alive = w.ConnectedCall();
  w.gateway->OnNamed(alive, "their-call-id" + std::string(1000, '!'), "their-icid");
  w.gateway->OnDiverted(alive, {{"tel:+34600000002", call::Diversion::Reason::kBusy}}, "sip:+34600000003@ims.test");
  w.gateway->OnNamed("nobody", "x", "y");  // leaves nothing behind
  const auto details = [&w](const std::string& id) {
    return std::get<CallDetails>(w.gateway->GetCallDetails(w.user, id));
  };
  const size_t steps = details(alive).history.size();
  w.store.Put(store::Kind::kCallTrace, "nobody's", R"({"v":1,"changes":[],"diversions":[],"last":null})", {});
  w.store.Put(store::Kind::kCallTrace, "broken", R"({"v":1,"changes":[{}],"last":null})", {});
  w.Restart();
  EXPECT_EQ(w.gateway->stats().unreadable_records, 1u);
  EXPECT_EQ(w.store.CountOf(store::Kind::kCallTrace), 2u);
  EXPECT_EQ(details(ended).cause->q850_cause, 17);
  ASSERT_EQ(details(ended).history.size(), 3u);
  EXPECT_EQ(details(ended).history[1].cause->sip_status, 180);
  EXPECT_FALSE(details(ended).history[0].cause);
  EXPECT_EQ(details(ended).history[2].cause->text.size(), 256u);
  // The living one goes on where it was.
  EXPECT_EQ(details(alive).history.size(), steps);
  EXPECT_EQ(details(alive).diversions.at(0).reason, "busy");
  EXPECT_EQ(details(alive).diverted_to, "tel:+34600000003");
  w.gateway->OnEnded(alive, {0, 16, "Terminated"});
  ASSERT_TRUE(w.events.last_session);
  EXPECT_EQ(w.events.last_session->charging_id, "their-icid");
  EXPECT_TRUE(w.events.last_session->sip_call_id.starts_with("their-call-id"));
  EXPECT_EQ(w.events.last_session->sip_call_id.size(), 256u);
  EXPECT_EQ(details(alive).history.size(), steps + 1);
  w.Advance(61s);
  EXPECT_EQ(std::get<Error>(w.gateway->GetCallDetails(w.user, ended)).code, ErrorCode::kNotFound);
  EXPECT_EQ(w.store.CountOf(store::Kind::kCallTrace), 0u);
}

TEST(Gateway, ACorrelatorStillNamesItsCallAfterARestart) {
  World w;
  w.Registered();
  CallRequest request = w.Request();
  request.client_correlator = "abc";
  std::string id;
  w.gateway->CreateCall(w.user, request, [](auto) {});
  id = w.media.created[0].first;
  w.Restart();
  const size_t before = w.media.created.size();
  std::string again;
  w.gateway->CreateCall(w.user, request,
                        [&](Outcome<MediaSession> o) { again = std::get<MediaSession>(o).media_session_id; });
  EXPECT_EQ(again, id);
  EXPECT_EQ(w.media.created.size(), before) << "no second call";
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, id)).client_correlator, "abc");
  // Once the call is forgotten its correlator is free again.
  w.Advance(std::chrono::minutes(2));
  w.gateway->CreateCall(w.user, request, [](auto) {});
  EXPECT_EQ(w.media.created.size(), before + 1);
}

TEST(Gateway, NobodyIsToldOfARegistrationThatWouldNotOutliveTheProcess) {
  World w;
  w.store.is_slow = true;
  const auto outcome = w.Register();
  w.GrantRegistration();
  EXPECT_FALSE(*outcome) << "the disk has not answered";
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), 1u);
  w.store.Answer(true);
  EXPECT_TRUE(std::holds_alternative<Registration>(**outcome));
}

TEST(Gateway, ARegistrationThatCannotBeStoredEndsInTheNetworkToo) {
  World w;
  w.store.is_slow = true;
  const auto outcome = w.Register();
  w.GrantRegistration();
  w.store.Answer(false);
  EXPECT_EQ(std::get<Error>(**outcome).code, ErrorCode::kUnavailable);
  EXPECT_THAT(w.registrar.log, ElementsAre("deregister " + w.registrar.registered[0].id));
  EXPECT_EQ(w.gateway->stats().registrations, 0u);
  EXPECT_THAT(w.events.texts, testing::IsEmpty()) << "its device was never told that there is one";
}

// The process may be gone before the disk has answered.
TEST(Gateway, AnswersOfTheDiskToOneThatIsGoneAreNobodys) {
  World w;
  w.store.is_slow = true;
  const auto outcome = w.Register();
  w.GrantRegistration();
  w.gateway.reset();
  w.store.Answer(true);
  EXPECT_FALSE(*outcome);
}

TEST(Gateway, GoesOnAfterARestart) {
  World w;
  std::string registration = w.Registered();
  std::string id = w.ConnectedCall();
  w.gateway->OnDialogChanged(id, "dialog", "sip-call-id");
  std::string early = w.Call();  // not answered yet
  w.Restart();
  EXPECT_THAT(w.registrar.log, ElementsAre("restore " + registration + " snapshot"));
  EXPECT_THAT(w.sip.log, ElementsAre("restore " + id + " dialog"));
  EXPECT_EQ(w.media.adopted, std::vector<std::string>{id});
  EXPECT_THAT(w.events.texts, ElementsAre("status Failed 1"));
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, early)).status, Status::kFailed);
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, id)).status, Status::kConnected);
  EXPECT_EQ(w.gateway->ListRegistrations(w.user, "device").size(), 1u);
  // It still hears the network, the browser and the client.
  w.sip.log.clear();
  w.gateway->OnRemoteOffer(id, "A", call::PhoneSdp("sendonly"));
  EXPECT_THAT(w.sip.log, ElementsAre("answer sdp"));
  w.gateway->DeleteCall(w.user, id, [](auto) {});
  EXPECT_THAT(w.sip.log, ElementsAre("answer sdp", "bye " + id));
  // And an INVITE finds its registration by the same token.
  EXPECT_FALSE(w.Incoming().empty());
}

// As many more registrations as wanted, like the one there is but of other numbers and devices.
void KeepMany(World& w, const std::string& id, int count) {
  const std::string token = w.registrar.registered.back().contact_token;
  const std::string kept = w.store.ValueOf(store::Kind::kRegistration, id);
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(10000 + i);  // before any id in the order of keys
    std::string copy = call::Replace(kept, "\"id\":\"" + id + '"', "\"id\":\"" + name + '"');
    copy = call::Replace(copy, "\"contact_token\":\"" + token + '"', "\"contact_token\":\"t" + name + '"');
    copy = call::Replace(copy, "\"device_id\":\"device\"", "\"device_id\":\"device" + name + '"');
    w.store.Put(store::Kind::kRegistration, name, copy, {});
  }
}

TEST(Gateway, ManyRegistrationsAreRestoredBetweenOtherThings) {  // Covers: T6
  World w;
  const std::string id = w.Registered();
  KeepMany(w, id, 1000);
  w.posts = true;
  w.store.page_size = 250;
  w.Restart();
  EXPECT_TRUE(w.gateway->is_restoring());
  const auto code = [&](const std::string& which) {
    const auto outcome = w.gateway->GetRegistration(w.user, which);
    const auto* error = std::get_if<Error>(&outcome);
    return error != nullptr ? std::optional(error->code) : std::nullopt;
  };
  size_t known = 0;
  size_t slices = 0;
  for (int step = 0; step < 1000 && w.gateway->is_restoring(); ++step) {
    // Nobody is told that something is not there that may be.
    EXPECT_EQ(code("nobody"), ErrorCode::kUnavailable);
    EXPECT_EQ(code("10000"), known > 0 ? std::nullopt : std::optional(ErrorCode::kUnavailable));
    const auto created = w.Register();
    EXPECT_EQ(std::get<Error>(**created).code, ErrorCode::kUnavailable);
    EXPECT_TRUE(std::get<Error>(**created).retry_after);
    if (code(id)) {
      w.gateway->CreateCall(w.user, w.Request(), [&](const Outcome<MediaSession>& called) {
        EXPECT_EQ(std::get<Error>(called).code, ErrorCode::kUnavailable);
      });
    }
    w.RunPosted(1);
    const size_t now = w.gateway->stats().registrations;
    EXPECT_LE(now - known, 100u) << "at once";
    slices += now > known;
    known = now;
  }
  EXPECT_GE(slices, 10u);
  EXPECT_FALSE(w.gateway->is_restoring());
  EXPECT_EQ(w.gateway->stats().registrations, 1001u);
  EXPECT_EQ(code("nobody"), ErrorCode::kNotFound);
}

TEST(Gateway, CallsAreRestoredBeforeThousandsOfRegistrations) {  // Covers: T6
  World w;
  const std::string registration = w.Registered();
  const std::string id = w.ConnectedCall();
  w.gateway->OnDialogChanged(id, "dialog", "sip-call-id");
  KeepMany(w, registration, 300);
  w.posts = true;
  std::vector<Restored> told;
  w.sip.log.clear();
  w.Build();
  w.gateway->Restore([&](Restored what) { told.push_back(what); });
  while (told.empty()) w.RunPosted(1);
  EXPECT_THAT(told, ElementsAre(Restored::kCalls));
  EXPECT_TRUE(w.gateway->are_calls_known() && w.gateway->is_restoring());
  EXPECT_EQ(w.gateway->ListCalls(w.user, "device").size(), 1u);
  EXPECT_THAT(w.sip.log, ElementsAre("restore " + id + " dialog"));
  EXPECT_EQ(w.media.adopted, std::vector<std::string>{id});
  EXPECT_EQ(w.gateway->stats().registrations, 1u) << "the call's own";
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, id)).status, Status::kConnected);
  EXPECT_FALSE(w.Incoming().empty());
  // What ends meanwhile does not come back with the others.
  w.gateway->DeleteRegistration(w.user, registration, [](auto) {});
  w.gateway->OnDeregisterDone(registration);
  w.RunPosted();
  EXPECT_THAT(told, ElementsAre(Restored::kCalls, Restored::kAll));
  EXPECT_EQ(w.gateway->stats().registrations, 300u);
  EXPECT_EQ(std::get<Error>(w.gateway->GetRegistration(w.user, registration)).code, ErrorCode::kNotFound);
}

// More of them than are read at once: none is there without its call, to be ended or deleted in between.
TEST(Gateway, RegistrationsComeTogetherWithTheirCalls) {  // Covers: T6
  World w;
  const std::string registration = w.Registered();
  const std::string id = w.ConnectedCall();
  w.gateway->OnDialogChanged(id, "dialog", "sip-call-id");
  KeepMany(w, registration, 100);
  const std::string call = w.store.ValueOf(store::Kind::kCall, id);
  for (int i = 10000; i < 10100; ++i) {
    const std::string name = std::to_string(i);
    const std::string copy = call::Replace(call, "\"id\":\"" + id + '"', "\"id\":\"c" + name + '"');
    w.store.Put(
        store::Kind::kCall, "c" + name,
        call::Replace(copy, "\"registration_id\":\"" + registration + '"', "\"registration_id\":\"" + name + '"'), {});
  }
  w.clock.now.wall += 2h;  // the process was away: the time of all of them is over
  w.posts = true;
  w.Restart();
  while (!w.gateway->are_calls_known()) {
    w.Advance(1s);
    w.gateway->DeleteRegistration(w.user, "10000", [](const Outcome<Done>& outcome) {
      EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::kUnavailable);
    });
    EXPECT_EQ(w.gateway->stats().registrations, 0u);
    ASSERT_TRUE(w.RunPosted(1));
  }
  EXPECT_EQ(w.media.adopted.size(), 101u);
  w.RunPosted();
  w.Advance(10min);
  EXPECT_EQ(w.gateway->stats().calls, 101u);
  EXPECT_EQ(w.gateway->stats().registrations, 101u);
  w.gateway->DeleteCall(w.user, "c10000", [](auto) {});
  w.Advance(120s);
  EXPECT_EQ(w.gateway->stats().registrations, 100u);
  EXPECT_THAT(w.registrar.log, testing::Contains("deregister 10000"));
}

// What else was kept comes in its turn: whom to tell before calls, what belongs to a number before the number is up.
TEST(Gateway, OthersTakeUpWhatTheyKeptBeforeCallsAndBeforeLines) {  // Covers: T6
  World w;
  const std::string registration = w.Registered();
  const std::string id = w.ConnectedCall();
  KeepMany(w, registration, 150);
  struct Lines final : LineObserver {
    void OnLineUp(const Line&, LineUp) override { ++up; }
    void OnLineDown(const std::string&) override {}
    int up = 0;
  } lines;
  w.posts = true;
  w.Build();
  w.gateway->AddLineObserver(&lines);
  std::function<void()> calls;
  std::function<void()> others;
  w.gateway->Restore(nullptr,
                     {.calls = [&](auto go_on) { calls = go_on; }, .lines = [&](auto go_on) { others = go_on; }});
  w.RunPosted();
  EXPECT_FALSE(w.gateway->are_calls_known());
  EXPECT_EQ(std::get<Error>(w.gateway->GetCall(w.user, id)).code, ErrorCode::kUnavailable);
  calls();
  w.RunPosted();
  EXPECT_TRUE(w.gateway->are_calls_known() && w.gateway->is_restoring());
  EXPECT_EQ(w.gateway->LiveCallsOn(registration).size(), 1u);
  EXPECT_EQ(lines.up, 0);
  others();
  w.RunPosted();
  EXPECT_FALSE(w.gateway->is_restoring());
  EXPECT_EQ(lines.up, 151);
}

// Who needs help is sent to the phone, not told to come again.
TEST(Gateway, ACallForHelpDoesNotWaitForTheRestoration) {  // Covers: C18
  World w;
  w.config.call.emergency = {.is_routed = true, .needs_location = false};
  w.Build();
  w.Registered();
  w.posts = true;
  w.Restart();
  CallRequest request = w.Request();
  const auto answer = [&] {
    std::optional<Error> error;
    w.gateway->CreateCall(w.user, request, [&](const Outcome<MediaSession>& o) {
      if (std::holds_alternative<Error>(o)) error = std::get<Error>(o);
    });
    return error;
  };
  EXPECT_EQ(answer()->code, ErrorCode::kUnavailable);
  request.receiver_address = "tel:112";
  const auto refused = answer();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ErrorCode::kEmergencyNotSupported);
  EXPECT_THAT(refused->message, testing::HasSubstr("use your phone"));
  w.RunPosted();
  EXPECT_FALSE(answer()) << "it goes out";
}

TEST(Readiness, WaitsForCallsAndAWhileForRegistrations) {
  EXPECT_EQ(MissingFromRestart(Restored::kNothing, 0s), "calls of before the restart");
  EXPECT_EQ(MissingFromRestart(Restored::kNothing, 1h), "calls of before the restart");
  EXPECT_EQ(MissingFromRestart(Restored::kCalls, 9999ms), "registrations of before the restart");
  EXPECT_EQ(MissingFromRestart(Restored::kCalls, 10s), "") << "who is known is served while the others come";
  EXPECT_EQ(MissingFromRestart(Restored::kAll, 0s), "");
}

TEST(Gateway, AFreshTokenCountsThoughItsRegistrationIsNotReadYet) {  // Covers: T6
  World w;
  w.user.token_expires_at = w.clock.now.wall + 10min;
  w.Registered();
  w.Advance(11min);  // its grace is not over
  w.posts = true;
  w.Restart();
  Principal fresh = w.user;
  fresh.token_expires_at = w.clock.now.wall + 1h;
  w.gateway->RenewToken(fresh, {"app", "alice", "device"});
  w.RunPosted();
  w.Advance(10min);
  EXPECT_EQ(w.gateway->stats().registrations, 1u);
}

TEST(Gateway, TheEndOfServiceEndsTheRestorationToo) {
  World w;
  const std::string id = w.Registered();
  KeepMany(w, id, 500);
  w.posts = true;
  w.Restart();
  while (w.gateway->stats().registrations == 0) w.RunPosted(1);
  const size_t known = w.gateway->stats().registrations;
  w.gateway->EndService("maintenance");
  for (int i = 0; i < 20 && !w.gateway->HasEnded(); ++i) {
    for (const std::string& line : std::vector<std::string>(std::move(w.registrar.log))) {
      if (line.starts_with("deregister ")) w.gateway->OnDeregisterDone(line.substr(11));
    }
    w.registrar.log.clear();
    w.RunPosted();
    w.Advance(10ms);
  }
  EXPECT_TRUE(w.gateway->HasEnded());
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), 501 - known) << "the next process finds those";
}

TEST(Gateway, EndsARestoredCallWithoutMedia) {
  World w;
  w.Registered();
  std::string id = w.ConnectedCall();
  w.Restart();
  w.gateway->OnMediaEnded(id, call::MediaEnd::kSessionLost, "");
  EXPECT_THAT(w.sip.log, testing::Contains("bye " + id));
  EXPECT_THAT(w.events.texts, ElementsAre("status Terminated 2"));
}

TEST(Gateway, DropsRecordsItCannotRead) {
  World w;
  w.store.Put(store::Kind::kCall, "x", "{broken", {});
  w.store.Put(store::Kind::kRegistration, "y", R"({"v":99})", {});
  w.Restart();
  EXPECT_EQ(w.gateway->stats().unreadable_records, 2u);
  EXPECT_EQ(w.store.CountOf(store::Kind::kCall), 0u);
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), 0u);
}

TEST(RecordJson, KeepsWhatIsKnownOfTheCaller) {
  World w;
  w.Registered();
  w.caller.assurance.number_check = call::NumberCheck::kFailed;
  const std::string json = w.store.ValueOf(store::Kind::kCall, w.Incoming());
  EXPECT_EQ(ReadCallRecord(json)->originator_assurance, w.caller.assurance);
  EXPECT_FALSE(ReadCallRecord(call::Replace(json, R"("number_check":2)", R"("number_check":9)")));
  EXPECT_FALSE(ReadCallRecord(call::Replace(json, "originator_assurance", "other"))->originator_assurance);
}

TEST(RecordJson, KeepsEverything) {
  World w;
  w.Registered();
  std::string id = w.ConnectedCall();
  w.gateway->OnDialogChanged(id, std::string("bytes \xff\x01", 8), "sip-call-id");
  std::string json = w.store.ValueOf(store::Kind::kCall, id);
  auto record = ReadCallRecord(json);
  ASSERT_TRUE(record);
  EXPECT_EQ(ToJson(*record), json);
  EXPECT_EQ(record->ims->audio.send.encoding_name, "AMR-WB");
  // A version before it wrote no word of redundancy.
  EXPECT_TRUE(ReadCallRecord(call::Replace(json, "\"red_payload_type\"", "\"other\"")));
  EXPECT_FALSE(ReadCallRecord(""));
  EXPECT_FALSE(ReadCallRecord("[]"));
  EXPECT_FALSE(ReadCallRecord(R"({"v":1})"));
  EXPECT_FALSE(ReadCallRecord(call::Replace(json, "\"Connected\"", "\"Odd\"")));
}

}  // namespace
}  // namespace byon::gateway
