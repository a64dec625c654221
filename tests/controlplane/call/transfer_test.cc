// Calls that move: browser to phone, phone to browser, browser to browser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/call/address.h"
#include "tests/controlplane/call/call_harness.h"

namespace byon::call {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TransferTest : public testing::Test {
 protected:
  void Transfer(const std::string& to = "", const CallId& leg = "leg") {
    TransferRequest request{.call_id = "c1",
                            .phone_leg_id = leg,
                            .sdp_session_id = 5,
                            .to_address = to,
                            .excluded_instances = {"urn:uuid:1"}};
    h.registry.Transfer(std::move(request), 7, h.now);
  }
  void OnLeg(const std::function<void(Call&)>& input, const CallId& id = "leg") { h.registry.Apply(id, input); }
  // The phone rings.
  void Ring() {
    Transfer();
    OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
    OnLeg([&](Call& c) { c.OnProgress({"P", 180, "Ringing", {}, {}, false}, h.now); });
  }
  void AnswerPhone() {
    OnLeg([&](Call& c) { c.OnAnswered("P", PhoneSdp("sendrecv", "", "10.46.0.9"), h.now); });
  }
  void MoveToPhone() {
    h.StartConnected();
    Ring();
    AnswerPhone();
    OnLeg([&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
    h.Clear();
  }
  void Pull(const CallId& from = "c1", const CallId& id = "z") {
    PullRequest request{.call_id = from,
                        .id = id,
                        .owner = {"r2", "client", "user", "device2"},
                        .originator_address = "tel:+34600000001",
                        .offer_sdp = sdp::kChromiumOffer};
    h.registry.Pull(std::move(request), 8, h.now);
  }
  // The network, which knows dialogs by the id that they began with.
  void OnDialog(const CallId& id, const std::function<void(Call&)>& input) {
    h.registry.Apply(h.registry.SignalledCall(id), input);
  }
  std::vector<std::string> Steps() {
    std::vector<std::string> steps;
    while (auto step = h.Take<NotifyTransfer>()) {
      steps.push_back(std::string(ToString(step->state)) + (step->reason.empty() ? "" : ": " + step->reason));
    }
    return steps;
  }
  bool IsOver(const CallId& id) { return !h.registry.Find(id) || h.registry.Find(id)->is_ended(); }

  CallHarness h;
};

TEST_F(TransferTest, ThePhoneIsInvitedBesideTheCallWithoutTheUsersDevices) {
  h.StartConnected();
  Transfer();
  EXPECT_EQ(h.Outcome(), "ok Connected");
  const auto create = h.Take<CreateMedia>();
  ASSERT_TRUE(create);
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_EQ(create->initial.beside, "c1");
  EXPECT_FALSE(create->initial.access);
  OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  const auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite);
  EXPECT_EQ(invite->invite.call_id, "leg");
  EXPECT_THAT(invite->invite.excluded_instances, ElementsAre("urn:uuid:1"));
  EXPECT_THAT(invite->invite.sdp, HasSubstr("m=audio 20000 RTP/AVP"));
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_THAT(Steps(), ElementsAre("Started"));
}

// Who has withheld the number once has not agreed to show it to somebody else (RFC 3323); the own phone knows it.
TEST_F(TransferTest, AWithheldNumberStaysWithheld) {  // Covers: C23
  OutgoingRequest request;
  request.id = "c1";
  request.owner = {"r1", "client", "user", "device"};
  request.binding.impu = "sip:+34600000001@ims.example";
  request.originator_address = std::string(kAnonymousAddress);
  request.receiver_address = "tel:+34600000002";
  request.offer_sdp = sdp::kChromiumOffer;
  h.registry.CreateOutgoing(std::move(request), 1, h.now);
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Answer();
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  const auto is_anonymous = [&](const CallId& leg) {
    OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); }, leg);
    const auto invite = h.Take<SendInvite>();
    OnLeg([&](Call& c) { c.OnFailed({.sip_status = 486, .text = "Busy Here"}, h.now); }, leg);
    return invite && invite->invite.is_anonymous;
  };
  Transfer("tel:+34600000009", "other");
  EXPECT_TRUE(is_anonymous("other"));
  Transfer("", "own");
  EXPECT_FALSE(is_anonymous("own"));
  // Another device of the user goes on with the call as it is.
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  OnDialog("c1", [&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp(), h.now); });
  h.Clear();
  h.registry.Transfer({.call_id = "z",
                       .phone_leg_id = "leg",
                       .sdp_session_id = 6,
                       .to_address = "tel:+34600000009",
                       .excluded_instances = {}},
                      9, h.now);
  EXPECT_TRUE(is_anonymous("leg"));
}

TEST_F(TransferTest, TheDeviceTalksUntilThePhoneIsJoinedThenHasLeft) {
  h.StartConnected();
  Ring();
  EXPECT_THAT(Steps(), ElementsAre("Started", "Ringing"));
  h.Clear();
  AnswerPhone();
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->rtp->ip, "10.46.0.9");
  EXPECT_EQ(h.Take<JoinMedia>()->peer, "c1");
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_THAT(h.Events(), IsEmpty());  // still talking here
  OnLeg([&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  EXPECT_THAT(Steps(), ElementsAre("Completed"));
  EXPECT_THAT(h.Events(), ElementsAre("Terminated: Call moved to another phone"));
  EXPECT_EQ(h.status(), Status::kTerminated);
  EXPECT_FALSE(IsOver("c1"));
  EXPECT_FALSE(h.Has<SendBye>());
  EXPECT_FALSE(h.Has<CloseMedia>());
}

struct PhoneRefusal {
  int status;
  std::string reason;
};
class PhoneRefuses : public TransferTest, public testing::WithParamInterface<PhoneRefusal> {};
TEST_P(PhoneRefuses, AndTheCallStaysAsItWas) {
  h.StartConnected();
  Ring();
  h.Clear();
  OnLeg([&](Call& c) { c.OnFailed({.sip_status = GetParam().status, .text = "X"}, h.now); });
  EXPECT_THAT(Steps(), ElementsAre("Failed: " + GetParam().reason));
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_FALSE(h.Has<SendBye>());
  h.Clear();
  Transfer("", "leg2");  // and may be tried again
  EXPECT_EQ(h.Outcome(), "ok Connected");
}
INSTANTIATE_TEST_SUITE_P(All, PhoneRefuses,
                         testing::Values(PhoneRefusal{486, "SIP 486 X"}, PhoneRefusal{480, "SIP 480 X"},
                                         PhoneRefusal{603, "SIP 603 X"}, PhoneRefusal{408, "SIP 408 X"}));

TEST_F(TransferTest, NobodyAnswersThePhone) {
  h.StartConnected();
  Ring();
  h.Clear();
  h.Advance(120s);
  EXPECT_THAT(Steps(), ElementsAre("Failed: Nobody answered in time"));
  EXPECT_TRUE(h.Has<SendCancel>());
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(TransferTest, TheNetworkIsDeaf) {
  h.StartConnected();
  Transfer();
  OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Clear();
  h.Advance(20s);
  EXPECT_THAT(Steps(), ElementsAre("Failed: The network did not answer"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(TransferTest, TheMediaPlaneCannotJoin) {
  h.StartConnected();
  Ring();
  AnswerPhone();
  h.Clear();
  OnLeg([&](Call& c) { c.OnMediaJoined("the sessions are on different workers", h.now); });
  EXPECT_TRUE(h.Has<SendBye>());
  EXPECT_THAT(Steps(), ElementsAre("Failed: The media could not be joined: the sessions are on different workers"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(TransferTest, NoRoomForTheSecondLeg) {
  h.StartConnected();
  Transfer();
  h.Clear();
  OnLeg([&](Call& c) { c.OnMediaRefused(0, "no worker has room", h.now); });
  EXPECT_THAT(Steps(), ElementsAre("Failed: No media resources are free: no worker has room"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(TransferTest, TheUserThinksBetterOfIt) {
  h.StartConnected();
  Ring();
  h.Clear();
  h.registry.CancelTransfer("c1", 9, h.now);
  EXPECT_EQ(h.Outcome(), "ok Connected");
  EXPECT_TRUE(h.Has<SendCancel>());
  EXPECT_THAT(Steps(), ElementsAre("Cancelled: The other side has ended"));
  EXPECT_EQ(h.status(), Status::kConnected);
  h.registry.CancelTransfer("c1", 9, h.now);
  EXPECT_EQ(h.Outcome(), "The call is not being moved.");
}

TEST_F(TransferTest, AHangUpWhileThePhoneRingsStopsIt) {
  h.StartConnected();
  Ring();
  h.Clear();
  EXPECT_EQ(h.Delete(), "ok Connected");
  EXPECT_TRUE(h.Has<SendCancel>());
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(TransferTest, EitherEndHangsUpAfterTheMove) {
  MoveToPhone();
  h.Apply([&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });  // the far end
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_TRUE(IsOver("c1"));
  EXPECT_TRUE(IsOver("leg"));
  EXPECT_THAT(h.Events(), IsEmpty());  // the device had its end already

  TransferTest::h.Clear();
}

TEST_F(TransferTest, ThePhoneHangsUpAfterTheMove) {
  MoveToPhone();
  OnLeg([&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "c1");
  EXPECT_TRUE(IsOver("c1"));
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(TransferTest, TheBrowsersMediaMayGoAfterTheMoveTheNetworksMayNot) {
  MoveToPhone();
  for (const MediaEnd end :
       {MediaEnd::kAccessTimeout, MediaEnd::kConsentLost, MediaEnd::kIceFailed, MediaEnd::kDtlsFailed}) {
    h.Apply([&](Call& c) { c.OnMediaEnded(end, "", h.now); });
    OnLeg([&](Call& c) { c.OnMediaEnded(end, "", h.now); });
  }
  EXPECT_FALSE(IsOver("c1"));
  OnLeg([&](Call& c) { c.OnMediaEnded(MediaEnd::kImsTimeout, "", h.now); });
  EXPECT_TRUE(IsOver("c1"));
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(TransferTest, TheEndOfTheRegistrationDoesNotEndACallThatHasLeft) {
  MoveToPhone();
  h.registry.EndCallsOf("r1", "logged out", h.now);
  EXPECT_FALSE(IsOver("c1"));
  EXPECT_FALSE(IsOver("leg"));
}

TEST_F(TransferTest, ItsDeviceCanDoNothingMore) {
  MoveToPhone();
  EXPECT_EQ(h.Put(Status::kHold), "The call has left this device.");
  EXPECT_EQ(h.Delete(), "ok Terminated");
  EXPECT_FALSE(IsOver("c1"));
}

TEST_F(TransferTest, OnlyAConnectedCallMoves) {
  h.StartInvited();
  h.Clear();
  Transfer();
  EXPECT_THAT(h.Outcome(), HasSubstr("Only a connected call can be moved"));
  h.Answer();
  h.Clear();
  Transfer("tel:112");
  EXPECT_THAT(h.Outcome(), HasSubstr("Emergency calls are not possible here"));
  Transfer("mailto:x");
  EXPECT_THAT(h.Outcome(), HasSubstr("is no address that can be called"));
  Transfer();
  EXPECT_EQ(h.Outcome(), "ok Connected");
  Transfer("", "leg2");
  EXPECT_EQ(h.Outcome(), "An earlier change is still under way.");
  EXPECT_EQ(h.Put(Status::kHold), "The call is being moved.");
}

TEST_F(TransferTest, AnotherNumberIsCalledAsItIs) {
  h.StartConnected();
  Transfer("tel:+34600000009");
  OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  const auto invite = h.Take<SendInvite>();
  EXPECT_EQ(invite->invite.target_uri, "tel:+34600000009");
  EXPECT_THAT(invite->invite.excluded_instances, IsEmpty());
}

TEST_F(TransferTest, TheCallToTheOwnPhoneIsNotAnsweredByTheOwnDevices) {
  SipBinding binding;
  binding.impu = "sip:+34600000001@ims.example";
  const auto incoming = [&](const CallId& id, const std::string& caller) {
    IncomingRequest request;
    request.id = id;
    request.owner = {"r1", "client", "user", "device"};
    request.binding = binding;
    request.invite.caller.uri = caller;
    request.invite.called_uri = binding.impu;
    request.invite.sdp = PhoneSdp();
    h.registry.CreateIncoming(std::move(request), h.now);
    const auto reject = h.Take<SendReject>();
    return reject ? reject->status_code : 0;
  };
  OutgoingRequest request;
  request.id = "c1";
  request.owner = {"r1", "client", "user", "device"};
  request.binding = binding;
  request.originator_address = "tel:+34600000001";
  request.receiver_address = "tel:+34600000002";
  request.offer_sdp = sdp::kChromiumOffer;
  h.registry.CreateOutgoing(std::move(request), 1, h.now);
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Answer();
  h.Clear();
  Ring();
  EXPECT_EQ(incoming("back", "tel:+34600000001"), 488);
  EXPECT_EQ(incoming("stranger", "tel:+34600000003"), 0);
  Steps();
  OnLeg([&](Call& c) { c.OnFailed({.sip_status = 488, .text = "Not Acceptable Here"}, h.now); });
  EXPECT_THAT(Steps(), ElementsAre("Failed: SIP 480 Temporarily Unavailable"));
  Transfer("", "leg2");
  OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); }, "leg2");
  OnLeg([&](Call& c) { c.OnAnswered("P", PhoneSdp(), h.now); }, "leg2");
  h.registry.Delete("stranger", 0, h.now);
  h.Clear();
  EXPECT_EQ(incoming("later", "tel:+34600000001"), 0);
}

// ---- back again

TEST_F(TransferTest, ADeviceTakesTheCallBackOnceItsMediaIsConnected) {
  MoveToPhone();
  Pull();
  EXPECT_TRUE(h.Take<CreateMedia>()->initial.access);
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Initial");
  EXPECT_THAT(h.Events(), ElementsAre("InProgress: The call is being moved here"));
  EXPECT_TRUE(h.last_event.answer_sdp);
  EXPECT_EQ(h.last_event.receiver_address, "tel:+34600000002");
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  const auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer);
  EXPECT_EQ(h.last_call, "z");
  EXPECT_EQ(h.registry.SignallingIdOf("z"), "c1");
  EXPECT_THAT(offer->sdp, HasSubstr("o=- 99 2 "));  // the far end's own session, one version on
  EXPECT_FALSE(h.Has<SendBye>());
  OnDialog("c1", [&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp(), h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call moved here"));
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->rtp->ip, "10.46.0.3");
  EXPECT_EQ(h.last_call, "z");
  const auto bye = h.Take<SendBye>();
  ASSERT_TRUE(bye);
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_EQ(bye->reason.sip_status, 200);  // completed elsewhere
  EXPECT_FALSE(h.Has<SendBye>());
  EXPECT_TRUE(IsOver("c1"));
  // From now on the dialog is the new call's.
  OnDialog("c1", [&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  EXPECT_TRUE(IsOver("z"));
}

TEST_F(TransferTest, TheNetworkRefusesToFollow) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  OnDialog("c1", [&](Call& c) { c.OnOfferFailed("A", 488, h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("Failed: The network refused to move the call: SIP 488"));
  EXPECT_FALSE(h.Has<SendBye>());
  EXPECT_FALSE(IsOver("c1"));
  EXPECT_FALSE(IsOver("leg"));
  // The dialog is where it was.
  OnDialog("c1", [&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(TransferTest, TheBrowserNeverConnects) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Advance(20s);
  EXPECT_TRUE(IsOver("z"));
  EXPECT_FALSE(IsOver("c1"));
  Pull("c1", "z2");
  EXPECT_EQ(h.registry.Find("z2")->status(), Status::kInitial);
}

TEST_F(TransferTest, OneDeviceAtATimeTakesIt) {
  MoveToPhone();
  Pull();
  h.Clear();
  Pull("c1", "z2");
  EXPECT_EQ(h.Outcome(), "The call is being moved already.");
  EXPECT_FALSE(h.registry.Find("z2"));
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Advance(20s);
  Pull("c1", "z3");
  EXPECT_TRUE(h.registry.Find("z3"));
}

TEST_F(TransferTest, ADeviceThatLeavesAfterTheOfferGivesTheDialogBackWithAFreshOne) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  h.registry.Delete("z", 9, h.now);
  EXPECT_TRUE(IsOver("z"));
  const auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer) << "the network has the address of a device that is gone";
  EXPECT_EQ(h.last_call, "c1");
  EXPECT_THAT(offer->sdp, HasSubstr("o=- 99 3 "));
  EXPECT_FALSE(IsOver("leg"));
}

TEST_F(TransferTest, TheFarEndHangsUpWhileItIsBeingTaken) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  OnDialog("c1", [&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  for (const char* id : {"z", "c1", "leg"}) EXPECT_TRUE(IsOver(id)) << id;
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_FALSE(h.Has<SendBye>());
}

TEST_F(TransferTest, ThePhoneHangsUpWhileTheCallIsBeingTaken) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  OnLeg([&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  EXPECT_TRUE(IsOver("z"));
  EXPECT_TRUE(IsOver("c1"));
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "c1");
}

TEST_F(TransferTest, AnAnswerWithoutMediaGivesTheDialogBackWithAFreshOffer) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  OnDialog("c1", [&](Call& c) { c.OnRemoteAnswer("A", "rubbish", h.now); });
  EXPECT_TRUE(IsOver("z"));
  const auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer);
  EXPECT_EQ(h.last_call, "c1");
  EXPECT_THAT(offer->sdp, HasSubstr("o=- 99 3 "));
}

TEST_F(TransferTest, ACallMovesFromOneBrowserToAnother) {
  h.StartConnected();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  OnDialog("c1", [&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp(), h.now); });
  EXPECT_THAT(h.Events(),
              testing::UnorderedElementsAre("Connected: Call moved here", "Terminated: Call moved to another device"));
  EXPECT_FALSE(h.Has<SendBye>());
}

TEST_F(TransferTest, AnIncomingCallMovesToThePhoneAndBack) {
  h.StartInvitation();
  h.Put(Status::kConnected, BrowserAnswer());
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  Ring();
  AnswerPhone();
  OnLeg([&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  h.Clear();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("o=- 98 2 "));
  h.Clear();
  OnDialog("c1", [&](Call& c) { c.OnRemoteAnswer("caller-tag", PhoneSdp(), h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call moved here"));
  EXPECT_EQ(h.last_event.receiver_address, "tel:+34600000003");
}

TEST_F(TransferTest, BackAndForthAgain) {
  MoveToPhone();
  Pull();
  h.registry.Apply("z", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.registry.Apply("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  OnDialog("c1", [&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp(), h.now); });
  h.Clear();
  h.registry.Transfer({.call_id = "z", .phone_leg_id = "leg2"}, 7, h.now);
  OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); }, "leg2");
  OnLeg([&](Call& c) { c.OnAnswered("P", PhoneSdp(), h.now); }, "leg2");
  EXPECT_EQ(h.Take<JoinMedia>()->peer, "z");
  OnLeg([&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); }, "leg2");
  h.Clear();
  OnLeg([&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); }, "leg2");
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.registry.SignallingIdOf(h.last_call), "c1");
}

TEST_F(TransferTest, AMovedCallOutlivesTheProcess) {
  MoveToPhone();
  const CallRecord call = h.registry.Find("c1")->record();
  const CallRecord leg = h.registry.Find("leg")->record();
  CallHarness next;
  next.registry.Restore(call, next.now);
  next.registry.Restore(leg, next.now);
  next.Clear();
  next.registry.Apply("leg", [&](Call& c) { c.OnEnded({.q850_cause = 16}, next.now); });
  ASSERT_TRUE(next.Take<SendBye>());
  EXPECT_EQ(next.last_call, "c1");
}

}  // namespace
}  // namespace byon::call
