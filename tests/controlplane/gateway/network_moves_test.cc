// Calls that the network moves, and calls of the user's phone that a device takes over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using presence::DialogEntry;
using presence::DialogPhase;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FakeDialogs final : public DialogDirectory {
 public:
  std::vector<DialogEntry> dialogs;
  std::vector<DialogEntry> DialogsOf(const std::string& number) const override {
    return number == "+34600000001" ? dialogs : std::vector<DialogEntry>();
  }
};

DialogEntry PhoneCall() {
  DialogEntry dialog;
  dialog.id = "d1";
  dialog.call_id = "phone-call";
  dialog.local_tag = "near";
  dialog.remote_tag = "far";
  dialog.is_initiator = true;
  dialog.phase = DialogPhase::kConfirmed;
  dialog.remote_uri = "sip:+34600000002@ims.example";
  dialog.remote_name = "Bob\r\n";
  return dialog;
}

class NetworkMovesTest : public testing::Test {
 protected:
  void Start(bool pulls_calls = true) {
    w.config.pulls_calls = pulls_calls;
    w.Build();
    w.gateway->SetDialogDirectory(&dialogs);
    registration = w.Registered();
  }
  std::optional<Outcome<MediaSession>> Pull(const std::string& id) {
    auto outcome = std::make_shared<std::optional<Outcome<MediaSession>>>();
    w.gateway->PullCall(w.user, {id, registration, sdp::kChromiumOffer},
                        [outcome](Outcome<MediaSession> o) { *outcome = std::move(o); });
    if (!*outcome && !w.media.created.empty()) w.media.Ready(w.media.created.back().first);
    return *outcome;
  }

  World w;
  FakeDialogs dialogs;
  std::string registration;
};

TEST_F(NetworkMovesTest, TheFarEndOfACallIsMoved) {  // Covers: C29
  Start();
  const std::string id = w.ConnectedCall();
  w.events.texts.clear();
  w.gateway->OnReferral(id, {"tel:+34600000009", {}, "sip:+34600000002@ims.example"});
  EXPECT_THAT(w.sip.log, Contains("refer 202 " + id));
  ASSERT_EQ(w.sip.invites.size(), 2u);
  const std::string leg = w.sip.invites.back().call_id;
  EXPECT_TRUE(std::holds_alternative<Error>(w.gateway->GetCall(w.user, leg)));
  w.sip.log.clear();
  w.gateway->OnAnswered(leg, "N", call::PhoneSdp("sendrecv", "", "10.46.0.9"));
  w.gateway->OnDialogChanged(leg, "new dialog", "new-call-id");
  EXPECT_THAT(w.sip.log, ElementsAre("notify 200 " + id));
  EXPECT_THAT(w.events.texts, ElementsAre("referral Started tel:+34600000009", "referral Completed tel:+34600000009",
                                          "status Connected 2"));
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, id)).receiver_address, "tel:+34600000009");
  const auto history = std::get<CallDetails>(w.gateway->GetCallDetails(w.user, id)).history;
  const auto is_step = [](const CallChange& change) {
    return change.reason == "Transfer by the other side to tel:+34600000009 Completed";
  };
  EXPECT_EQ(std::count_if(history.begin(), history.end(), is_step), 1);
  EXPECT_EQ(w.gateway->stats().referrals.at("Completed"), 1u);
  // The old dialog's end is no news, and a restart keeps the new one.
  w.gateway->OnEnded(id, {.q850_cause = 16});
  EXPECT_THAT(w.events.texts, testing::SizeIs(3));
  w.Restart();
  EXPECT_THAT(w.sip.log, ElementsAre("restore " + leg + " new dialog"));
  w.gateway->DeleteCall(w.user, id, [](auto) {});
  EXPECT_THAT(w.sip.log, Contains("bye " + leg));
}

TEST_F(NetworkMovesTest, ThePhonesCallsAreShownAndCanBePulled) {  // Covers: C20
  Start();
  dialogs.dialogs = {PhoneCall()};
  const auto listed = w.gateway->ListElsewhere(w.user, "device", 0, 9).calls;
  ASSERT_EQ(listed.size(), 1u);
  const MediaSession& shown = listed.front().session;
  EXPECT_TRUE(listed.front().is_on_phone);
  EXPECT_EQ(shown.receiver_address, "tel:+34600000002");
  EXPECT_EQ(shown.receiver_name, "Bob");
  EXPECT_EQ(shown.originator_address, "tel:+34600000001");
  EXPECT_EQ(shown.status, call::Status::kConnected);
  const auto pulled = Pull(shown.media_session_id);
  ASSERT_TRUE(pulled);
  const std::string id = std::get<MediaSession>(*pulled).media_session_id;
  EXPECT_THAT(w.sip.invites, IsEmpty());
  w.gateway->OnAccessConnected(id);
  ASSERT_EQ(w.sip.invites.size(), 1u);
  EXPECT_EQ(w.sip.invites[0].target_uri, "sip:+34600000001@ims.example");
  EXPECT_EQ(w.sip.invites[0].replaces, (call::ReplacedDialog{"phone-call", "far", "near"}));
  w.gateway->OnAnswered(id, "A", call::PhoneSdp());
  w.gateway->OnDialogChanged(id, "dialog", "pulled");
  EXPECT_EQ(std::get<MediaSession>(w.gateway->GetCall(w.user, id)).status, call::Status::kConnected);
  // From now on it is ours, and not elsewhere.
  dialogs.dialogs = {PhoneCall()};
  dialogs.dialogs[0].call_id = "pulled";
  EXPECT_THAT(w.gateway->ListElsewhere(w.user, "device", 0, 9).calls, IsEmpty());
}

// TS 24.337 clause 10: the network is asked, and the device told how it goes.
TEST_F(NetworkMovesTest, TheNetworkMovesACallToThePhone) {  // Covers: C31
  w.config.call.move.to_phone = call::MoveConfig::ToPhone::kInterUe;
  w.config.call.move.server_uri = "sip:iut@scc.ims.example";
  Start();
  const std::string id = w.ConnectedCall();
  w.events.texts.clear();
  w.gateway->TransferCall(w.user, id, {}, [](const Outcome<MediaSession>& outcome) {
    EXPECT_EQ(std::get<MediaSession>(outcome).status, call::Status::kConnected);
  });
  EXPECT_THAT(w.sip.log, Contains("find devices of sip:+34600000001@ims.example"));
  const std::string leg = w.sip.last_search;
  EXPECT_TRUE(std::holds_alternative<Error>(w.gateway->GetCall(w.user, leg)));
  w.gateway->OnDevices(leg, {{"sip:+34600000001@ims.example;gr=9", "urn:uuid:9", true}});
  ASSERT_EQ(w.sip.referrals.size(), 1u);
  EXPECT_EQ(w.sip.referrals[0].target_uri, "sip:+34600000001@ims.example;gr=9");
  EXPECT_EQ(w.sip.referrals[0].named, id);
  w.gateway->OnReferred(leg, 180, "Ringing");
  w.gateway->OnReferred(leg, 200, "OK");
  EXPECT_EQ(w.gateway->stats().transfers.at("Completed"), 1u);
  w.gateway->OnEnded(id, {.q850_cause = 16});
  EXPECT_THAT(w.events.texts, ElementsAre("transfer Started", "transfer Ringing", "transfer Completed",
                                          HasSubstr("status Terminated")));
  EXPECT_THAT(w.sip.invites, testing::SizeIs(1)) << "that of the call itself";
  EXPECT_THAT(w.gateway->ListElsewhere(w.user, "device", 0, 9).calls, IsEmpty());
}

TEST_F(NetworkMovesTest, APullMayGoThroughTheServer) {  // Covers: C31
  w.config.call.move.pulls_by_server = w.config.call.move.names_target_dialog = true;
  w.config.call.move.server_uri = "sip:iut@scc.ims.example";
  Start();
  dialogs.dialogs = {PhoneCall()};
  const auto pulled = Pull(w.gateway->ListElsewhere(w.user, "device", 0, 9).calls.front().session.media_session_id);
  w.gateway->OnAccessConnected(std::get<MediaSession>(*pulled).media_session_id);
  ASSERT_EQ(w.sip.invites.size(), 1u);
  EXPECT_EQ(w.sip.invites[0].target_uri, "sip:iut@scc.ims.example");
  EXPECT_TRUE(w.sip.invites[0].names_target_dialog);
}

TEST_F(NetworkMovesTest, WhatCannotBePulledIsNotShown) {  // Covers: C20 C18
  Start();
  const auto without = [&](const std::function<void(DialogEntry&)>& change) {
    dialogs.dialogs = {PhoneCall()};
    change(dialogs.dialogs[0]);
    return w.gateway->ListElsewhere(w.user, "device", 0, 9).calls.size();
  };
  EXPECT_EQ(without([](DialogEntry&) {}), 1u);
  EXPECT_EQ(without([](DialogEntry& d) { d.phase = DialogPhase::kEarly; }), 0u);
  EXPECT_EQ(without([](DialogEntry& d) { d.is_exclusive = true; }), 0u);
  EXPECT_EQ(without([](DialogEntry& d) { d.call_id.clear(); }), 0u);
  EXPECT_EQ(without([](DialogEntry& d) { d.remote_tag.clear(); }), 0u);
  EXPECT_EQ(without([](DialogEntry& d) { d.local_tag.clear(); }), 0u);
  EXPECT_EQ(without([](DialogEntry& d) { d.remote_uri = "urn:service:sos"; }), 0u);
  EXPECT_EQ(without([](DialogEntry& d) { d.remote_uri = "sip:112@ims.example"; }), 0u);
}

TEST_F(NetworkMovesTest, OnlyTheNumbersOwnUsersPullAndOnlyWhereTheOperatorLetsThem) {
  Start();
  dialogs.dialogs = {PhoneCall()};
  const std::string id = w.gateway->ListElsewhere(w.user, "device", 0, 9).calls.front().session.media_session_id;
  Principal stranger = w.user;
  stranger.subject = "mallory";
  stranger.phone_number = "+34600000007";
  EXPECT_THAT(w.gateway->ListElsewhere(stranger, "device", 0, 9).calls, IsEmpty());
  w.gateway->PullCall(stranger, {id, registration, sdp::kChromiumOffer}, [](const Outcome<MediaSession>& outcome) {
    EXPECT_EQ(std::get<Error>(outcome).code, ErrorCode::kNotFound);
  });
  dialogs.dialogs.clear();  // it has ended meanwhile
  EXPECT_EQ(std::get<Error>(*Pull(id)).code, ErrorCode::kNotFound);
  Start(false);
  dialogs.dialogs = {PhoneCall()};
  EXPECT_THAT(w.gateway->ListElsewhere(w.user, "device", 0, 9).calls, IsEmpty());
  EXPECT_EQ(std::get<Error>(*Pull(id)).code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace byon::gateway
