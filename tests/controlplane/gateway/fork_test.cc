// The gateway rings the devices and the phone of a number whose calls the core brings to it alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class GatewayForkTest : public testing::Test {
 protected:
  GatewayForkTest() {
    w.config.call.fork.is_here = true;
    w.config.call.fork.phone = "tel:+99{digits}";
    w.Build();
    w.Registered();
  }
  // An INVITE for the number, and everybody asked. The caller's side is `caller`, the device's call `device`.
  void Ring(const std::string& more_of_call_id = "") {
    w.media.created.clear();
    call::IncomingInvite invite;
    invite.contact_token = w.registrar.registered.back().contact_token;
    invite.caller.uri = "tel:+34600000003";
    invite.called_uri = "tel:+34600000001";
    invite.sdp = call::PhoneSdp();
    invite.sip_call_id = "sip-call" + more_of_call_id;
    invite.from_tag = "t";
    caller = w.gateway->OnIncomingInvite(std::move(invite)).value_or("");
    w.Advance(std::chrono::milliseconds(0));
    w.media.Ready(caller);
    ASSERT_EQ(w.media.created.size(), 3u);
    device = w.media.created[1].first;
    phone = w.media.created[2].first;
    EXPECT_EQ(w.media.created[2].second.beside, caller);
    w.media.Ready(device);
    w.media.Ready(phone);
  }
  std::string StatusOf(const std::string& id) {
    const auto outcome = w.gateway->GetCall(w.user, id);
    const auto* session = std::get_if<MediaSession>(&outcome);
    return session == nullptr ? "unknown" : std::string(ToString(session->status));
  }

  World w;
  std::string caller;
  std::string device;
  std::string phone;
};

TEST_F(GatewayForkTest, ThePhoneAnswersAndTheDeviceMayTakeItOver) {  // Covers: C40 C20
  Ring();
  ASSERT_EQ(w.sip.invites.size(), 1u);
  EXPECT_EQ(w.sip.invites[0].target_uri, "tel:+9934600000001");
  EXPECT_EQ(StatusOf(device), "Initial");
  EXPECT_EQ(StatusOf(caller), "unknown");
  EXPECT_EQ(StatusOf(phone), "unknown");
  w.gateway->OnProgress(phone, {"P", 180, "Ringing", {}, {}, false});
  EXPECT_THAT(w.sip.log, ElementsAre("progress 180"));
  w.gateway->OnAnswered(phone, "P", call::PhoneSdp());
  EXPECT_THAT(w.sip.log, Contains("accept " + caller));
  EXPECT_THAT(w.media.log, Contains("join " + phone + ' ' + caller));
  EXPECT_EQ(StatusOf(device), "SessionCancelled");
  w.gateway->OnDialogChanged(caller, "caller's dialog", "sip-call");
  w.gateway->OnDialogChanged(phone, "phone's dialog", "leg");
  const auto elsewhere = w.gateway->ListElsewhere(w.user, "device", 0, 9).calls;
  ASSERT_EQ(elsewhere.size(), 1u);
  EXPECT_TRUE(elsewhere[0].is_on_phone);
  EXPECT_EQ(elsewhere[0].session.media_session_id, caller);
  EXPECT_EQ(w.gateway->stats().calls, 1u);
  EXPECT_EQ(w.gateway->stats().forks.at("phone"), 1u);

  // It outlives the process.
  w.Restart();
  EXPECT_THAT(w.sip.log, Contains("restore " + caller + " caller's dialog"));
  EXPECT_THAT(w.sip.log, Contains("restore " + phone + " phone's dialog"));
  w.gateway->OnEnded(phone, {});
  EXPECT_THAT(w.sip.log, Contains("bye " + caller));
}

TEST_F(GatewayForkTest, TheDeviceAnswers) {  // Covers: C40
  Ring();
  w.gateway->ChangeStatus(w.user, device, {call::Status::kConnected, {}, call::BrowserAnswer(), {}}, [](auto) {});
  EXPECT_THAT(w.sip.log, Contains("accept " + caller));
  EXPECT_THAT(w.sip.log, Contains("cancel " + phone));
  EXPECT_THAT(w.media.log, Contains("close " + caller));
  w.gateway->OnConfirmed(caller);
  w.gateway->OnDialogChanged(caller, "the dialog", "sip-call");
  EXPECT_EQ(w.gateway->stats().calls, 1u);

  w.Restart();
  EXPECT_THAT(w.sip.log, Contains("restore " + caller + " the dialog"));
  EXPECT_EQ(StatusOf(device), "Connected");
  w.gateway->DeleteCall(w.user, device, [](auto) {});
  EXPECT_THAT(w.sip.log, Contains("bye " + caller));
}

TEST_F(GatewayForkTest, ARestartWhileItRingsEndsIt) {
  Ring();
  w.Restart();
  EXPECT_THAT(w.sip.log, Not(Contains(StartsWith("restore"))));
  EXPECT_EQ(StatusOf(device), "Failed");
  EXPECT_EQ(w.gateway->stats().calls, 0u);
  EXPECT_THAT(w.gateway->ListElsewhere(w.user, "device", 0, 9).calls, IsEmpty());
}

// Every device of the number rings for the one contact that the core knows.
TEST_F(GatewayForkTest, AllDevicesOfTheNumberRing) {  // Covers: C40
  w.gateway->CreateRegistration(w.user, {"tablet", {}, {}}, [](auto) {});
  w.GrantRegistration();
  w.events.texts.clear();
  w.events.devices.clear();
  call::IncomingInvite invite;
  invite.contact_token = w.registrar.registered.back().contact_token;
  invite.caller.uri = "tel:+34600000003";
  invite.called_uri = "tel:+34600000001";
  invite.sdp = call::PhoneSdp();
  w.media.created.clear();
  const auto id = w.gateway->OnIncomingInvite(std::move(invite));
  w.Advance(std::chrono::milliseconds(0));
  w.media.Ready(*id);
  ASSERT_EQ(w.media.created.size(), 4u);
  for (size_t i = 1; i < 4; ++i) w.media.Ready(w.media.created[i].first);
  EXPECT_THAT(w.events.texts, ElementsAre("invitation Initial 1", "invitation Initial 1"));
  EXPECT_NE(w.events.devices.front().device_id, w.events.devices.back().device_id);
  w.gateway->OnCancelled(*id, {});
  EXPECT_THAT(w.sip.log, ElementsAre("cancel " + w.media.created[3].first));
  EXPECT_THAT(w.events.texts, Contains("status SessionCancelled 2").Times(2));
}

}  // namespace
}  // namespace byon::gateway
