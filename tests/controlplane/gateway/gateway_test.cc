#include "controlplane/gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/gateway/call_trace.h"
#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using namespace std::chrono_literals;
using call::Status;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kBrowserAnswer = call::Replace(sdp::kChromiumOffer, "a=setup:actpass", "a=setup:active");

TEST(Gateway, StrangersSeeNothing) {
  World w;
  std::string id = w.Registered();
  std::string call_id = w.Call();
  Principal other_user = w.user;
  other_user.subject = "mallory";
  Principal other_client = w.user;
  other_client.client_id = "other-app";
  Principal machine{.client_id = "other-app", .is_two_legged = true};
  for (const Principal& who : {other_user, other_client, machine}) {
    EXPECT_EQ(std::get<Error>(w.gateway->GetRegistration(who, id)).code, ErrorCode::kNotFound);
    EXPECT_THAT(w.gateway->ListRegistrations(who, "device"), IsEmpty());
    EXPECT_EQ(std::get<Error>(w.gateway->GetCall(who, call_id)).code, ErrorCode::kNotFound);
    EXPECT_THAT(w.gateway->ListCalls(who, "device"), IsEmpty());
    w.gateway->DeleteCall(who, call_id,
                          [](Outcome<Done> o) { EXPECT_EQ(std::get<Error>(o).code, ErrorCode::kNotFound); });
    w.gateway->ChangeStatus(who, call_id, {Status::kHold, {}, {}, {}},
                            [](Outcome<MediaSession> o) { EXPECT_EQ(std::get<Error>(o).code, ErrorCode::kNotFound); });
    w.gateway->SendDtmf(who, call_id, "1",
                        [](Outcome<Done> o) { EXPECT_EQ(std::get<Error>(o).code, ErrorCode::kNotFound); });
    w.gateway->DeleteRegistration(who, id,
                                  [](Outcome<Done> o) { EXPECT_EQ(std::get<Error>(o).code, ErrorCode::kNotFound); });
  }
  // Another line of the same user's needs its own token.
  Principal other_line = w.user;
  other_line.phone_number = "+34600000002";
  EXPECT_THAT(w.gateway->ListRegistrations(other_line, "device"), IsEmpty());
  EXPECT_EQ(w.gateway->ListRegistrations(w.user, "device").size(), 1u);
  EXPECT_EQ(w.gateway->ListCalls(w.user, "device").size(), 1u);
}

// The operator gave the number to somebody else: tokens of its former user name another one, or none.
TEST(Gateway, WhoHasLostTheNumberCannotGoOnWithIt) {
  World w;
  const std::string id = w.Registered();
  Principal with_another = w.user;
  with_another.phone_number = "+34600000002";
  Principal with_none = w.user;
  with_none.phone_number.reset();
  for (Principal former : {with_another, with_none}) {
    former.token_expires_at = w.clock.now.wall + 48h;
    EXPECT_TRUE(std::holds_alternative<Error>(w.gateway->GetRegistration(former, id)));
    EXPECT_THAT(w.gateway->ListRegistrations(former, "device"), IsEmpty());
    EXPECT_TRUE(std::holds_alternative<Error>(w.gateway->SetPushSubscription(former, id, "ours")));
    EXPECT_TRUE(std::holds_alternative<Error>(w.gateway->GetPushSubscription(former, id)));
    EXPECT_THAT(w.gateway->LinesOf(former, ""), IsEmpty());
    EXPECT_FALSE(w.gateway->FindLine(former, id));
    std::optional<ErrorCode> refused;
    w.gateway->UpdateRegistration(former, id, {}, [&](Outcome<Registration> o) { refused = std::get<Error>(o).code; });
    EXPECT_EQ(refused, ErrorCode::kNotFound);
    refused.reset();
    w.gateway->CreateCall(former, w.Request(), [&](Outcome<MediaSession> o) { refused = std::get<Error>(o).code; });
    EXPECT_EQ(refused, ErrorCode::kInvalidTokenContext);
    w.gateway->RenewToken(former, {"app", "alice", "device"});
  }
  for (int i = 0; i < 60 && w.events.texts.empty(); ++i) {
    w.gateway->UpdateRegistration(w.user, id, {}, [](auto) {});
    w.Advance(30min);
    w.GrantRegistration();
  }
  EXPECT_THAT(w.events.texts, ElementsAre("ends terminated")) << "with the last token that named its number";
}

TEST(Gateway, WhoHasLostTheNumberMayGiveItsRegistrationBack) {
  World w;
  const std::string id = w.Registered();
  Principal former = w.user;
  former.phone_number = "+34600000002";
  bool is_done = false;
  w.gateway->DeleteRegistration(former, id, [&](Outcome<Done> o) { is_done = std::holds_alternative<Done>(o); });
  w.gateway->OnDeregisterDone(id);
  EXPECT_TRUE(is_done);
  EXPECT_TRUE(std::holds_alternative<Error>(w.gateway->GetRegistration(w.user, id)));
}

TEST(Gateway, ATwoLeggedClientsLinesAndCalls) {
  World w;
  Principal machine{.client_id = "app", .is_two_legged = true, .token_expires_at = w.user.token_expires_at};
  const auto Register = [&](const Principal& who, const std::string& device, std::optional<std::string> number) {
    std::string id;
    w.gateway->CreateRegistration(who, {device, number, {}},
                                  [&](Outcome<Registration> o) { id = std::get<Registration>(o).registration_id; });
    w.GrantRegistration();
    return id;
  };
  const std::string own = Register(machine, "d1", "+34600000001");
  const std::string of_user = Register(w.user, "d2", {});
  Principal stranger = machine;
  stranger.client_id = "other-app";
  const std::string other = Register(stranger, "d3", "+34600000001");

  const LineDirectory& lines = *w.gateway;
  EXPECT_EQ(lines.LinesOf(machine, "+34600000001").size(), 2u);
  EXPECT_THAT(lines.LinesOf(machine, "+34600000002"), IsEmpty());
  EXPECT_THAT(lines.LinesOf(machine, ""), IsEmpty());
  EXPECT_EQ(lines.LinesOf(stranger, "+34600000001").size(), 1u);
  EXPECT_EQ(lines.LinesOf(w.user, "").size(), 1u);
  EXPECT_THAT(lines.LinesOf(w.user, "+34600000002"), IsEmpty());
  EXPECT_TRUE(lines.FindLine(machine, own) && lines.FindLine(machine, of_user) && lines.FindLine(w.user, of_user));
  EXPECT_FALSE(lines.FindLine(machine, other));
  EXPECT_FALSE(lines.FindLine(w.user, own));
  EXPECT_FALSE(lines.FindLine(machine, ""));

  CallRequest request = w.Request();
  request.registration_id = own;
  w.gateway->CreateCall(machine, request, [](auto) {});
  const std::string call_id = w.media.created.back().first;
  for (const std::string device : {"", "d1"}) {
    const auto calls = w.gateway->ListCalls(machine, device);
    ASSERT_EQ(calls.size(), 1u) << device;
    EXPECT_EQ(calls.front().media_session_id, call_id);
    EXPECT_THAT(w.gateway->ListCalls(stranger, device), IsEmpty());
  }
  EXPECT_THAT(w.gateway->ListCalls(machine, "d2"), IsEmpty());
  const CallPage page = w.gateway->ListCallPage(machine, "", 0, 5);
  EXPECT_EQ(page.total, 1u);
  ASSERT_EQ(page.calls.size(), 1u);
  EXPECT_EQ(page.calls.front().media_session_id, call_id);
  const CallPage beyond = w.gateway->ListCallPage(machine, "", 1, 5);
  EXPECT_EQ(beyond.total, 1u);
  EXPECT_THAT(beyond.calls, IsEmpty());
  EXPECT_EQ(w.gateway->ListCallPage(stranger, "", 0, 5).total, 0u);
  // Whose registration has ended is not among them.
  w.gateway->DeleteRegistration(machine, own, [](const auto&) {});
  w.gateway->OnDeregisterDone(own);
  EXPECT_EQ(w.gateway->ListCallPage(machine, "", 0, 5).total, 0u);
}

TEST(Gateway, CallsOnlyAsTheRegisteredNumber) {  // Covers: R8
  World w;
  std::string id = w.Registered();
  auto error = [&](const std::string& registration, const std::string& originator) -> std::string {
    CallRequest request{.registration_id = registration,
                        .originator_address = originator,
                        .receiver_address = "tel:+34600000002",
                        .offer_sdp = sdp::kChromiumOffer};
    std::string message = "none";
    w.gateway->CreateCall(w.user, request, [&](Outcome<MediaSession> o) {
      if (auto* e = std::get_if<Error>(&o)) message = e->message;
    });
    return message;
  };
  EXPECT_EQ(error("r-unknown", "tel:+34600000001"), "registrationId is not consistent with access token.");
  EXPECT_EQ(error(id, "tel:+34600000009"), "originatorAddress is not consistent with access token.");
  EXPECT_EQ(error(id, "alice"), "originatorAddress is not consistent with access token.");
  EXPECT_EQ(error(id, "sip:anonymous@anonymous.invalid"), "none");
  w.media.Ready(w.media.created.back().first);
  EXPECT_TRUE(w.sip.invites.back().is_anonymous);
}

TEST(Gateway, EmergencyCallsGoNowhere) {  // Covers: C18
  World w;
  CallRequest request{.registration_id = w.Registered(),
                      .originator_address = "tel:+34600000001",
                      .receiver_address = "tel:112;phone-context=+34",
                      .offer_sdp = sdp::kChromiumOffer};
  ErrorCode code{};
  w.gateway->CreateCall(w.user, request, [&](Outcome<MediaSession> o) { code = std::get<Error>(o).code; });
  EXPECT_EQ(code, ErrorCode::kEmergencyNotSupported);
  EXPECT_TRUE(w.media.created.empty());
}

TEST(Gateway, EmergencyCallsGoWithThePlaceOfTheDeviceElseOfTheLine) {  // Covers: C18
  World w;
  w.config.call.emergency.is_routed = true;
  w.Build();
  w.subscribers.location.civic = {{"country", "ES"}, {"RD", "Calle Mayor"}};
  const auto place_of = [&](const std::string& id, CallRequest request) {
    request.media_session_id = id;
    w.gateway->CreateCall(w.user, request, [](auto) {});
    w.media.Ready(id);
    return w.sip.invites.back().emergency.value().location;
  };
  w.Registered();
  CallRequest help = w.Request();
  help.receiver_address = "tel:112;phone-context=+34";
  const std::string of_line = place_of("e1", help);
  EXPECT_NE(of_line.find("<ca:RD>Calle Mayor</ca:RD>"), std::string::npos) << of_line;
  EXPECT_NE(of_line.find("entity=\"sip:+34600000001@ims.example\""), std::string::npos);
  EXPECT_EQ(w.sip.invites.back().target_uri, "urn:service:sos");
  help.location.position = emergency::Position{.latitude = 1, .longitude = 2};
  const std::string of_device = place_of("e2", help);
  EXPECT_NE(of_device.find("<gml:pos>1.0000000 2.0000000</gml:pos>"), std::string::npos);
  EXPECT_EQ(of_device.find("Mayor"), std::string::npos);
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, "e1")).emergency, call::Emergency::kCall);
  EXPECT_EQ(w.gateway->stats().emergencies.at("routed"), 2u);
  EXPECT_EQ(w.store.ValueOf(store::Kind::kCall, "e1").find("Mayor"), std::string::npos) << "kept nowhere";
  // A successor knows what kind of call it is.
  w.gateway->OnAnswered("e1", "A", call::PhoneSdp());
  w.gateway->OnAccessConnected("e1");
  w.Restart();
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, "e1")).emergency, call::Emergency::kCall);
}

TEST(Gateway, TellsTheDeviceWhatTheNetworkSaysOfEmergencies) {  // Covers: C18
  World w;
  w.Registered();
  const std::string id = w.Call();
  w.gateway->OnAsserted(id, "urn:service:sos.police");
  w.gateway->OnFailed(id, {380, 0, call::kEmergencyServiceText});
  EXPECT_THAT(w.events.texts, ::testing::IsSupersetOf({"emergency answered", "emergency use-phone"}));
  EXPECT_EQ(std::get<CallDetails>(w.gateway->GetCallDetails(w.user, id)).session.emergency, call::Emergency::kAnswered);
}

TEST(Gateway, TellsAnEmergencyServiceOfANewPlace) {  // Covers: C18
  World w;
  w.config.call.emergency.is_routed = true;
  w.Build();
  w.Registered();
  const std::string id = w.Call();
  emergency::Location place;
  place.position = emergency::Position{.latitude = 40.5, .longitude = -3.7};
  std::vector<std::string> outcomes;
  const auto tell = [&](const std::string& call) {
    w.gateway->ChangeLocation(w.user, call, place, [&](Outcome<Done> outcome) {
      const auto* error = std::get_if<Error>(&outcome);
      outcomes.push_back(error ? error->message : "done");
    });
  };
  tell("nobody's");
  tell(id);
  w.gateway->OnAsserted(id, "urn:service:sos");
  w.gateway->OnAnswered(id, "A", call::PhoneSdp());
  tell(id);
  EXPECT_THAT(w.sip.log, ::testing::Contains("location A " + id));
  EXPECT_NE(w.sip.location.find("40.5000000 -3.7000000"), std::string::npos) << w.sip.location;
  w.gateway->OnLocationAnswered(id, 200);
  EXPECT_THAT(outcomes, ElementsAre(::testing::_, "Only an emergency service is told where the caller is.", "done"));
  EXPECT_EQ(w.store.ValueOf(store::Kind::kCall, id).find("40.5"), std::string::npos) << "kept nowhere";
}

TEST(Gateway, OutgoingCallFromPostToBye) {
  World w;
  w.Registered();
  std::string id = w.Call();
  EXPECT_EQ(w.sip.invites.back().binding.service_route, std::vector<std::string>{"<sip:orig@scscf;lr>"});
  w.gateway->OnProgress(id, {"A", 183, "Session Progress", call::PhoneSdp(), "sendrecv", true});
  w.gateway->OnProgress(id, {"A", 180, "Ringing", {}, {}, true});
  w.gateway->OnAnswered(id, "A", std::nullopt);
  w.gateway->OnDialogChanged(id, "dialog", "sip-call-id");
  w.gateway->OnAccessConnected(id);
  EXPECT_THAT(w.events.texts, ElementsAre("status InProgress 1", "status Ringing 2", "status Connected 3"));
  auto session = std::get<MediaSession>(w.gateway->GetCall(w.user, id));
  EXPECT_EQ(session.status, Status::kConnected);
  EXPECT_THAT(*session.answer_sdp, HasSubstr("a=ice-lite"));
  EXPECT_EQ(w.gateway->stats().calls_connected, 1u);
  bool is_done = false;
  w.gateway->DeleteCall(w.user, id, [&](Outcome<Done> o) { is_done = std::holds_alternative<Done>(o); });
  EXPECT_TRUE(is_done);
  EXPECT_THAT(w.sip.log, testing::Contains("bye " + id));
  EXPECT_THAT(w.media.log, testing::Contains("close " + id));
  EXPECT_EQ(w.gateway->stats().calls_ended.at("Terminated"), 1u);
  EXPECT_EQ(w.gateway->stats().calls, 0u);
  w.Advance(60s);
  EXPECT_EQ(std::get<Error>(w.gateway->GetCall(w.user, id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(w.store.CountOf(store::Kind::kCall), 0u);
}

TEST(Gateway, RegistersAnewAndCallsAgainAfterRestoration) {  // Covers: R14
  World w;
  w.Registered();
  std::string id = w.Call();
  w.gateway->OnFailed(id, {504, 0, call::kRestorationText});
  EXPECT_EQ(w.registrar.registered.size(), 2u);
  w.GrantRegistration();
  EXPECT_EQ(w.sip.invites.size(), 2u);
  EXPECT_EQ(w.sip.invites.back().call_id, id);
}

TEST(Gateway, RemembersWhatTheNetworkSaid) {
  World w;
  w.Registered();
  std::string id = w.Call();
  w.gateway->OnProgress(id, {"A", 180, "Ringing", {}, {}, false});
  w.Advance(5s);
  w.gateway->OnFailed(id, {486, 17, "Busy Here"});
  auto details = std::get<CallDetails>(w.gateway->GetCallDetails(w.user, id));
  EXPECT_EQ(details.session.status, Status::kBusy);
  EXPECT_EQ(details.cause->sip_status, 486);
  EXPECT_EQ(details.cause->q850_cause, 17);
  ASSERT_EQ(details.history.size(), 3u);
  EXPECT_EQ(details.history[0].status, Status::kInitial);
  EXPECT_FALSE(details.history[0].cause);
  EXPECT_EQ(details.history[1].status, Status::kRinging);
  EXPECT_EQ(details.history[1].cause->sip_status, 180);
  EXPECT_EQ(details.history[2].cause->text, "Busy Here");
  EXPECT_EQ(details.history[2].at - details.history[1].at, 5s);
  Principal stranger = w.user;
  stranger.subject = "stranger";
  EXPECT_EQ(std::get<Error>(w.gateway->GetCallDetails(stranger, id)).code, ErrorCode::kNotFound);
  w.Advance(60s);
  EXPECT_EQ(std::get<Error>(w.gateway->GetCallDetails(w.user, id)).code, ErrorCode::kNotFound);
}

TEST(Gateway, PlaysToEitherSideOfAConnectedCall) {
  World w;
  w.Registered();
  const std::string id = w.Call();
  const auto play = [&](const PlaybackRequest& request) {
    std::optional<Error> error;
    w.gateway->Play(w.user, id, request, [&](Outcome<Done> o) {
      if (auto* e = std::get_if<Error>(&o)) error = *e;
    });
    return error ? error->code : ErrorCode::kInternal;
  };
  EXPECT_EQ(play({.announcement = "welcome"}), ErrorCode::kIncompatibleState);
  w.gateway->OnAnswered(id, "A", call::PhoneSdp());
  w.gateway->OnAccessConnected(id);
  EXPECT_EQ(play({.announcement = "welcome"}), ErrorCode::kInternal) << "no error";
  EXPECT_EQ(w.media.log.back(), "play " + id + " access welcome");
  EXPECT_EQ(play({.is_for_peer = true, .tone = call::Tone::kBusy}), ErrorCode::kInternal);
  EXPECT_EQ(w.media.log.back(), "play " + id + " ims ");
  EXPECT_EQ(play({.announcement = "unknown"}), ErrorCode::kNotFound);
  Principal stranger = w.user;
  stranger.subject = "mallory";
  w.gateway->Play(stranger, id, {.announcement = "welcome"},
                  [](Outcome<Done> o) { EXPECT_EQ(std::get<Error>(o).code, ErrorCode::kNotFound); });
}

TEST(Gateway, WhatTheDeviceDidHasNoCauseOfTheNetwork) {
  World w;
  w.Registered();
  std::string id = w.Call();
  w.gateway->OnProgress(id, {"A", 180, "Ringing", {}, {}, false});
  w.gateway->DeleteCall(w.user, id, [](auto) {});
  auto details = std::get<CallDetails>(w.gateway->GetCallDetails(w.user, id));
  EXPECT_EQ(details.history.back().status, Status::kSessionCancelled);
  EXPECT_FALSE(details.history.back().cause);
}

TEST(Gateway, AnEndlessHistoryKeepsItsBeginningAndItsEnd) {
  CallTraces traces;
  MediaSession session;
  for (int i = 0; i < 200; ++i) {
    session.sequence_number = i;
    traces.Add("c", WallTime(), session);
  }
  auto history = traces.HistoryOf("c");
  ASSERT_EQ(history.size(), 64u);
  EXPECT_EQ(history.front().sequence_number, 0);
  EXPECT_EQ(history.back().sequence_number, 199);
}

TEST(Gateway, ListsWhatAUserHasOnAllDevices) {
  World w;
  w.Registered();
  std::string id = w.Call();
  EXPECT_EQ(w.gateway->ListRegistrations(w.user, "").size(), 1u);
  ASSERT_EQ(w.gateway->ListCalls(w.user, "").size(), 1u);
  EXPECT_EQ(w.gateway->ListCalls(w.user, "")[0].media_session_id, id);
  Principal stranger = w.user;
  stranger.subject = "stranger";
  EXPECT_TRUE(w.gateway->ListRegistrations(stranger, "").empty());
  EXPECT_TRUE(w.gateway->ListCalls(stranger, "").empty());
  Principal service{w.user.client_id, "", std::nullopt, true, w.user.token_expires_at};
  EXPECT_EQ(w.gateway->ListRegistrations(service, "").size(), 1u) << "all users of the client";
  EXPECT_EQ(w.gateway->ListRegistrationPage(service, 0, 10).registrations.size(), 1u);
  EXPECT_EQ(w.gateway->ListRegistrationPage(service, 0, 10).total, 1u);
  EXPECT_TRUE(w.gateway->ListRegistrationPage(service, 1, 10).registrations.empty());
  EXPECT_EQ(w.gateway->ListRegistrationPage(w.user, 0, 10).registrations.size(), 1u);
  EXPECT_TRUE(w.gateway->ListRegistrationPage(w.user, 1, 10).registrations.empty());
  EXPECT_EQ(w.gateway->ListRegistrationPage(stranger, 0, 10).total, 0u);
  service.client_id = "another";
  EXPECT_TRUE(w.gateway->ListRegistrations(service, "").empty());
}

TEST(Gateway, LearnsEmergencyNumbers) {  // Covers: C18
  World w;
  w.Registered();
  std::string id = w.Call();
  w.gateway->OnFailed(id, {380, 0, call::kEmergencyServiceText});
  ErrorCode code{};
  w.gateway->CreateCall(w.user, w.Request(), [&](Outcome<MediaSession> o) { code = std::get<Error>(o).code; });
  EXPECT_EQ(code, ErrorCode::kEmergencyNotSupported);
}

TEST(Gateway, CorrelatorMakesAPostIdempotent) {
  World w;
  w.Registered();
  CallRequest request = w.Request();
  request.client_correlator = "abc";
  w.gateway->CreateCall(w.user, request, [](auto) {});
  std::string second;
  w.gateway->CreateCall(w.user, request,
                        [&](Outcome<MediaSession> o) { second = std::get<MediaSession>(o).media_session_id; });
  ASSERT_EQ(w.media.created.size(), 1u);
  EXPECT_EQ(second, w.media.created[0].first);
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, second)).client_correlator, "abc");
}

TEST(Gateway, IncomingCallFromInvitationToConnected) {
  World w;
  w.Registered();
  std::string id = w.Incoming();
  EXPECT_THAT(w.events.texts, ElementsAre("invitation Initial 1"));
  EXPECT_EQ(w.events.devices.back().user, "alice");
  auto put = [&](Status status, std::optional<std::string> answer = {}) {
    Status echoed{};
    w.gateway->ChangeStatus(w.user, id, {status, {}, answer, {}},
                            [&](Outcome<MediaSession> o) { echoed = std::get<MediaSession>(o).status; });
    return echoed;
  };
  EXPECT_EQ(put(Status::kInProgress, kBrowserAnswer), Status::kInProgress);
  EXPECT_EQ(put(Status::kRinging), Status::kRinging);
  EXPECT_EQ(put(Status::kConnected), Status::kConnected);
  EXPECT_THAT(w.sip.log, ElementsAre("progress 183 sdp", "progress 180", "accept " + id));
}

TEST(Gateway, DigitsGoByInfoWhereTheMediaTakesNone) {  // Covers: C14
  std::string deaf = call::Replace(call::PhoneSdp(), " 101\r\n", "\r\n");
  deaf = call::Replace(deaf, "a=rtpmap:101 telephone-event/16000\r\n", "");
  const auto send = [](World& w, const std::string& answer) {
    w.Registered();
    const std::string id = w.ConnectedCall(answer);
    w.sip.log.clear();
    w.gateway->SendDtmf(w.user, id, "12#", [](Outcome<Done> o) { EXPECT_TRUE(std::holds_alternative<Done>(o)); });
    w.gateway->OnDtmf(id, call::Leg::kAccess, "5", 100);
    return id;
  };
  World w;
  w.config.call.sends_digits_by_info = true;
  w.Build();
  const std::string id = send(w, deaf);
  EXPECT_THAT(w.sip.log, ElementsAre("digits 12# " + id, "digits 5 " + id));
  EXPECT_EQ(w.media.digits, "");
  // Not where the media takes them, and not unless the operator wants it.
  World other;
  other.config.call.sends_digits_by_info = true;
  other.Build();
  send(other, call::PhoneSdp());
  EXPECT_THAT(other.sip.log, IsEmpty());
  EXPECT_EQ(other.media.digits, "12#");
  World plain;
  send(plain, deaf);
  EXPECT_THAT(plain.sip.log, IsEmpty());
}

TEST(Gateway, TellsWhoSentACallOn) {  // Covers: C28
  World w;
  w.Registered();
  call::IncomingInvite invite{.contact_token = w.registrar.registered[0].contact_token};
  invite.diversions = {{"sip:+34600000005@ims.test", call::Diversion::Reason::kNoAnswer},
                       {"", call::Diversion::Reason::kBusy}};
  auto id = w.gateway->OnIncomingInvite(std::move(invite));
  ASSERT_TRUE(id);
  w.Advance(0ms);
  w.media.Ready(*id);
  auto details = std::get<CallDetails>(w.gateway->GetCallDetails(w.user, *id));
  ASSERT_EQ(details.diversions.size(), 2u);
  EXPECT_EQ(details.diversions[0].address, "tel:+34600000005");
  EXPECT_EQ(details.diversions[0].reason, "no-answer");
  EXPECT_EQ(details.diversions[1].address, "sip:anonymous@anonymous.invalid");
}

// A page that asks for its calls rings for what it finds (RFC 3312 section 6: nobody is alerted yet).
TEST(Gateway, ACallWhoseCallerIsNotReadyIsNotThereForItsDevice) {  // Covers: C4
  const auto offer = [](const char* local) {
    return call::PhoneSdp("sendrecv", std::string("a=curr:qos local ") + local +
                                          "\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n");
  };
  World w;
  w.Registered();
  call::IncomingInvite invite{.contact_token = w.registrar.registered[0].contact_token, .sdp = offer("none")};
  invite.supports_100rel = invite.supports_precondition = true;
  const auto id = w.gateway->OnIncomingInvite(std::move(invite));
  ASSERT_TRUE(id);
  w.Advance(0ms);
  w.media.Ready(*id);
  EXPECT_THAT(w.gateway->ListCalls(w.user, ""), IsEmpty());
  EXPECT_EQ(std::get<Error>(w.gateway->GetCall(w.user, *id)).code, ErrorCode::kNotFound);
  w.gateway->OnRemoteOffer(*id, "caller", offer("sendrecv"));
  EXPECT_EQ(w.gateway->ListCalls(w.user, "").size(), 1u);
}

TEST(Gateway, UnknownContactTokenIsNobody) {
  World w;
  w.Registered();
  EXPECT_FALSE(w.gateway->OnIncomingInvite({.contact_token = "guess"}));
}

TEST(Gateway, RefusesAnIncomingCallOnlyAfterItsIdIsKnown) {
  World w;
  w.Registered();
  std::string token = w.registrar.registered[0].contact_token;
  auto id = w.gateway->OnIncomingInvite({.contact_token = token, .sdp = "junk"});
  ASSERT_TRUE(id);
  EXPECT_THAT(w.sip.log, IsEmpty());
  w.Advance(0ms);
  EXPECT_THAT(w.sip.log, ElementsAre("reject 488 " + *id));
  EXPECT_THAT(w.events.texts, IsEmpty());
}

TEST(Gateway, WakingADeviceLetsTheCallerHearItRingOnce) {
  World w;
  w.Registered();
  const std::string id = w.Incoming();
  w.gateway->AlertCaller(id);
  w.gateway->AlertCaller(id);
  EXPECT_THAT(w.sip.log, ElementsAre("progress 180"));
  w.gateway->ChangeStatus(w.user, id, {Status::kRinging, {}, {}, {}}, [](auto) {});
  EXPECT_THAT(w.sip.log, ElementsAre("progress 180"));
  w.gateway->ChangeStatus(w.user, id, {Status::kConnected, {}, kBrowserAnswer, {}}, [](auto) {});
  w.gateway->AlertCaller(id);
  EXPECT_THAT(w.sip.log, ElementsAre("progress 180", "accept " + id));
  w.gateway->AlertCaller("unknown");
}

TEST(Gateway, DigitsAndQuality) {
  World w;
  w.Registered();
  std::string ringing = w.Call();
  auto dtmf = [&](const std::string& id, const std::string& digits) {
    std::optional<ErrorCode> code;
    w.gateway->SendDtmf(w.user, id, digits, [&](Outcome<Done> o) {
      if (auto* e = std::get_if<Error>(&o)) code = e->code;
    });
    return code;
  };
  EXPECT_EQ(dtmf(ringing, "1"), ErrorCode::kIncompatibleState);
  w.gateway->OnFailed(ringing, {486, 0, "Busy Here"});
  std::string id = w.ConnectedCall();
  EXPECT_EQ(dtmf(id, ""), ErrorCode::kInvalidArgument);
  EXPECT_EQ(dtmf(id, "12a"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(dtmf(id, std::string(33, '1')), ErrorCode::kInvalidArgument);
  EXPECT_EQ(dtmf(id, "12*#A"), std::nullopt);
  EXPECT_EQ(w.media.digits, "12*#A");
  uint64_t sent = 0;
  w.gateway->GetQuality(w.user, id,
                        [&](Outcome<MediaQuality> o) { sent = std::get<MediaQuality>(o).ims.packets_sent; });
  EXPECT_EQ(sent, 50u);
  w.events.texts.clear();
  w.gateway->OnDtmf(id, call::Leg::kAccess, "5", 100);
  EXPECT_THAT(w.events.texts, IsEmpty());
  w.gateway->OnDtmf(id, call::Leg::kIms, "5", 100);
  EXPECT_THAT(w.events.texts, ElementsAre("dtmf 5"));
}

TEST(Gateway, EndsServiceInOrder) {
  World w;
  std::string registration = w.Registered();
  std::string id = w.ConnectedCall();
  w.gateway->EndService("The service stops");
  EXPECT_THAT(w.sip.log, testing::Contains("bye " + id));
  EXPECT_THAT(w.registrar.log, testing::Contains("deregister " + registration));
}

// Many do not leave at once, and nobody comes any more.
TEST(Gateway, EndsServiceAtAPaceThatTheNetworkGives) {
  World w;
  constexpr size_t kCount = 700;
  for (size_t i = 0; i < kCount; ++i) {
    w.user.subject = "user" + std::to_string(i);
    w.user.phone_number = "+34600" + std::to_string(100000 + i);
    w.Registered();
  }
  ASSERT_EQ(w.gateway->stats().registrations, kCount);
  w.gateway->EndService("The service stops");
  EXPECT_LE(w.registrar.log.size(), 50u);
  for (int i = 0; i < 100; ++i) w.Advance(std::chrono::milliseconds(10));
  EXPECT_EQ(w.registrar.log.size(), 500u) << "no more than wait for the network";
  EXPECT_FALSE(w.gateway->HasEnded());
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), kCount - 500) << "who was not told may be restored";
  const auto late = w.Register();
  EXPECT_EQ(std::get<Error>(**late).code, ErrorCode::kUnavailable);
  for (size_t done = 0; done < kCount; ++done) {
    ASSERT_LT(done, w.registrar.log.size());
    w.gateway->OnDeregisterDone(w.registrar.log[done].substr(std::string("deregister ").size()));
    w.Advance(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(w.gateway->HasEnded());
  EXPECT_EQ(w.store.CountOf(store::Kind::kRegistration), 0u);
}

TEST(SystemIds, AreLongAndDifferent) {
  SystemIdSource ids;
  std::string a = ids.NewId();
  EXPECT_THAT(a, testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(a, ids.NewId());
  EXPECT_NE(ids.NewNumber(), ids.NewNumber());
}

}  // namespace
}  // namespace byon::gateway
