// The network moves the other side of a call (REFER), and devices take over calls of the user's phone.
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

CallConfig Config() {
  CallConfig config;
  config.barred_prefixes = {"+34806", "00"};
  return config;
}

class ReferralTest : public testing::Test {
 protected:
  void Refer(const std::string& to = "sip:+34600000009@ims.example;user=phone", const CallId& leg = "leg",
             std::optional<ReplacedDialog> replaces = std::nullopt) {
    ReferralRequest request{.call_id = "c1",
                            .leg_id = leg,
                            .sdp_session_id = 5,
                            .referral = {to, std::move(replaces), "sip:+34600000002@ims.example"}};
    h.registry.Refer(std::move(request), h.now);
  }
  // The network, which knows dialogs by the id that they began with.
  void OnDialog(const CallId& id, const std::function<void(Call&)>& input) {
    h.registry.Apply(h.registry.SignalledCall(id), input);
  }
  void Alert() {
    OnDialog("leg", [&](Call& c) { c.OnProgress({"N", 180, "Ringing", {}, {}, false}, h.now); });
  }
  void AnswerTarget() {
    OnDialog("leg", [&](Call& c) { c.OnAnswered("N", PhoneSdp("sendrecv", "", "10.46.0.9"), h.now); });
  }
  void HangUpOld() {
    OnDialog("c1", [&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  }
  std::vector<std::string> Steps() {
    std::vector<std::string> steps;
    while (auto step = h.Take<NotifyReferral>())
      steps.push_back(std::string(ToString(step->state)) + ' ' + step->target_address);
    return steps;
  }
  // What is told by NOTIFY, and on which call's dialog.
  std::vector<std::string> Reports() {
    std::vector<std::string> reports;
    while (auto report = h.Take<ReportReferral>()) {
      reports.push_back(std::to_string(report->status_code) + " on " + h.registry.SignallingIdOf(h.last_call));
    }
    return reports;
  }
  int Answered() {
    const auto answer = h.Take<AnswerReferral>();
    return answer ? answer->status_code : 0;
  }
  bool IsOver(const CallId& id) { return !h.registry.Find(id) || h.registry.Find(id)->is_ended(); }

  CallHarness h{Config()};
};

TEST_F(ReferralTest, TheTargetIsInvitedFromTheCallsOwnMediaWhileTheCallGoesOn) {  // Covers: C29
  h.StartConnected();
  Refer();
  EXPECT_EQ(Answered(), 202);
  EXPECT_THAT(Steps(), ElementsAre("Started tel:+34600000009"));
  const auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite);
  EXPECT_EQ(invite->invite.call_id, "leg");
  EXPECT_EQ(invite->invite.target_uri, "sip:+34600000009@ims.example;user=phone");
  EXPECT_EQ(invite->invite.referred_by, "sip:+34600000002@ims.example");
  EXPECT_FALSE(invite->invite.replaces);
  EXPECT_THAT(invite->invite.sdp, HasSubstr("m=audio 20000 RTP/AVP"));
  EXPECT_FALSE(h.Has<CreateMedia>());
  EXPECT_FALSE(h.Has<ModifyMedia>());
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(ReferralTest, AnsweredTheFarEndChangesAndTheOldDialogEnds) {  // Covers: C29
  h.StartConnected();
  Refer();
  Alert();
  EXPECT_THAT(Reports(), ElementsAre("180 on c1"));
  h.Clear();
  AnswerTarget();
  const auto change = h.Take<ModifyMedia>();
  ASSERT_TRUE(change);
  EXPECT_EQ(h.last_call, "c1");
  EXPECT_EQ(change->change.ims->rtp->ip, "10.46.0.9");
  EXPECT_EQ(change->change.stream_id, "N");
  EXPECT_THAT(Reports(), ElementsAre("200 on c1"));
  EXPECT_THAT(Steps(), ElementsAre("Completed tel:+34600000009"));
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call transferred by the other side"));
  EXPECT_EQ(h.last_event.receiver_address, "tel:+34600000009");
  EXPECT_EQ(h.registry.SignallingIdOf("c1"), "leg");
  EXPECT_EQ(h.registry.SignallingIdOf("leg"), "c1");
  // It is for whoever sent us there to end the old dialog; that ends nothing else.
  HangUpOld();
  EXPECT_TRUE(IsOver("leg"));
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_FALSE(h.Has<SendBye>());
  EXPECT_FALSE(h.Has<CloseMedia>());
  // The new one ends the call.
  OnDialog("leg", [&](Call& c) { c.OnEnded({.q850_cause = 16}, h.now); });
  EXPECT_EQ(h.status(), Status::kTerminated);
  EXPECT_TRUE(h.Has<CloseMedia>());
}

TEST_F(ReferralTest, AnOldDialogThatStaysIsEndedByUs) {
  h.StartConnected();
  Refer();
  AnswerTarget();
  h.Clear();
  h.Advance(1900ms);
  EXPECT_FALSE(h.Has<SendBye>());
  h.Advance(200ms);
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.registry.SignallingIdOf(h.last_call), "c1");
  EXPECT_EQ(h.status(), Status::kConnected);
  // And the device's hang-up goes to the new one.
  EXPECT_EQ(h.Delete(), "ok Connected");
  ASSERT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.registry.SignallingIdOf(h.last_call), "leg");
}

TEST_F(ReferralTest, WhoeverSentUsThereMayHangUpAtOnce) {
  h.StartConnected();
  Refer();
  h.Clear();
  HangUpOld();
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, sdp::Direction::kInactive);
  EXPECT_FALSE(h.Has<PlayTone>());
  Alert();
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kRingback);
  h.Apply([&](Call& c) { c.OnMediaEnded(MediaEnd::kImsTimeout, "", h.now); });
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_EQ(h.Put(Status::kHold), "The call is being moved.");
  AnswerTarget();
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kNone);
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_TRUE(IsOver("leg"));
  EXPECT_FALSE(h.Has<SendBye>());
}

TEST_F(ReferralTest, ATargetThatRefusesLeavesTheCallAsItWas) {  // Covers: C29
  h.StartConnected();
  Refer();
  h.Clear();
  OnDialog("leg", [&](Call& c) { c.OnFailed({.sip_status = 486, .text = "Busy Here"}, h.now); });
  EXPECT_THAT(Reports(), ElementsAre("486 on c1"));
  EXPECT_THAT(Steps(), ElementsAre("Failed tel:+34600000009"));
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_FALSE(h.Has<SendBye>());
  Refer("tel:+34600000008", "leg2");
  EXPECT_EQ(Answered(), 202);
}

TEST_F(ReferralTest, ATargetThatRefusesWhenNobodyIsLeftEndsTheCall) {
  h.StartConnected();
  Refer();
  HangUpOld();
  OnDialog("leg", [&](Call& c) { c.OnFailed({.sip_status = 603, .text = "Decline"}, h.now); });
  EXPECT_EQ(h.status(), Status::kTerminated);
  EXPECT_THAT(h.call()->view().reason, HasSubstr("SIP 603 Decline"));
  EXPECT_FALSE(h.Has<SendBye>());
  EXPECT_TRUE(h.Has<CloseMedia>());
}

TEST_F(ReferralTest, ATargetThatNobodyAnswersIsGivenUp) {
  h.StartConnected();
  Refer();
  Alert();
  h.Clear();
  h.Advance(121s);
  ASSERT_TRUE(h.Take<SendCancel>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_THAT(Reports(), ElementsAre("408 on c1"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(ReferralTest, ADeviceThatHangsUpCallsNobodyElse) {
  h.StartConnected();
  Refer();
  h.Clear();
  h.Delete();
  EXPECT_TRUE(h.Has<SendCancel>());
  EXPECT_TRUE(h.Has<SendBye>());
  AnswerTarget();  // the 200 crossed the CANCEL: the signalling ends it
  EXPECT_TRUE(IsOver("leg"));
  EXPECT_TRUE(IsOver("c1"));
}

TEST_F(ReferralTest, AnIncomingCallMovesToo) {
  h.StartInvitation();
  h.Put(Status::kConnected, BrowserAnswer());
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  Refer();
  AnswerTarget();
  const auto change = h.Take<ModifyMedia>();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->change.ims->rtp->ip, "10.46.0.9");
  EXPECT_EQ(change->change.stream_id, "N");
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call transferred by the other side"));
  EXPECT_EQ(h.last_event.originator_address, "tel:+34600000009");
  h.Clear();
  // A re-INVITE of the new one, and a hold of ours, are of its dialog.
  OnDialog("leg", [&](Call& c) { c.OnRemoteOffer("N", PhoneSdp("sendonly", "", "10.46.0.9", 2), h.now); });
  ASSERT_TRUE(h.Take<SendSdpAnswer>());
  EXPECT_EQ(h.registry.SignallingIdOf(h.last_call), "leg");
  EXPECT_THAT(h.Events(), ElementsAre("Hold: Call held by the other side"));
}

TEST_F(ReferralTest, HeldByTheOldOneTheCallResumesWithTheNew) {
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendonly", "", "10.46.0.3", 2), h.now); });
  EXPECT_EQ(h.status(), Status::kHold);
  h.Clear();
  Refer();
  Alert();
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kRingback);
  AnswerTarget();
  EXPECT_THAT(h.Events(), ElementsAre("Resume: Call transferred by the other side",
                                      "Connected: Call transferred by the other side"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST_F(ReferralTest, HeldByTheDeviceTheNewOneIsHeldToo) {
  h.StartConnected();
  h.Put(Status::kHold);
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  EXPECT_EQ(h.status(), Status::kHold);
  h.Clear();
  Refer();
  EXPECT_EQ(Answered(), 202);
  AnswerTarget();
  const auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->sdp, HasSubstr("a=sendonly"));
  EXPECT_EQ(h.registry.SignallingIdOf(h.last_call), "leg");
  EXPECT_EQ(h.status(), Status::kHold);
}

TEST_F(ReferralTest, AConsultedPartyIsAskedToReplaceItsDialog) {
  h.StartConnected();
  Refer("sip:+34600000009@ims.example", "leg", ReplacedDialog{"x@y", "t1", "f1"});
  const auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite && invite->invite.replaces);
  EXPECT_EQ(*invite->invite.replaces, (ReplacedDialog{"x@y", "t1", "f1"}));
}

TEST_F(ReferralTest, AWithheldNumberStaysWithheld) {
  OutgoingRequest request;
  request.id = "c1";
  request.owner = {"r1", "client", "user", "device"};
  request.originator_address = kAnonymousAddress;
  request.receiver_address = "tel:+34600000002";
  request.offer_sdp = sdp::kChromiumOffer;
  h.registry.CreateOutgoing(std::move(request), 1, h.now);
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Answer();
  h.Clear();
  Refer();
  EXPECT_TRUE(h.Take<SendInvite>()->invite.is_anonymous);
}

TEST_F(ReferralTest, OneAtATime) {
  h.StartConnected();
  Refer();
  EXPECT_EQ(Answered(), 202);
  Refer("tel:+34600000008", "leg2");
  EXPECT_EQ(Answered(), 491);
  EXPECT_FALSE(h.registry.Find("leg2"));
  TransferRequest transfer{
      .call_id = "c1", .phone_leg_id = "p", .sdp_session_id = 6, .to_address = "", .excluded_instances = {}};
  h.registry.Transfer(std::move(transfer), 7, h.now);
  EXPECT_EQ(h.Outcome(), "An earlier change is still under way.");
}

TEST_F(ReferralTest, NotBeforeTheAnswerNorAfterTheEnd) {
  Refer();
  EXPECT_EQ(Answered(), 481);
  h.StartInvited();
  Refer();
  EXPECT_EQ(Answered(), 491);
  h.Answer();
  h.Delete();
  Refer();
  EXPECT_EQ(Answered(), 481);
}

// Never where the user could not call: the network must not dial for him what the operator bars.
class ForbiddenTarget : public ReferralTest, public testing::WithParamInterface<std::string> {};
TEST_P(ForbiddenTarget, IsDeclined) {  // Covers: C29 C18
  h.StartConnected();
  Refer(GetParam());
  EXPECT_EQ(Answered(), 603);
  EXPECT_FALSE(h.Has<SendInvite>());
  EXPECT_THAT(Steps(), IsEmpty());
  EXPECT_FALSE(h.registry.Find("leg"));
}
INSTANTIATE_TEST_SUITE_P(All, ForbiddenTarget,
                         testing::Values("tel:112", "tel:112;phone-context=ims.example",
                                         "sip:112@ims.example;user=phone", "sip:+34112@ims.example", "urn:service:sos",
                                         "tel:+34806-000-000", "sip:+34806000000@ims.example;user=phone",
                                         "sip:0034600@ims.example", "tel:+1", "sip:a@10.0.0.1", "sip:ims.example",
                                         "http://ims.example", "", "sip:a@b.example;gr=\"x\"",
                                         "sip:a%20b@ims.example"));

TEST(ReferTargetTest, IsWhatCouldBeDialledAndNoMore) {
  EXPECT_EQ(ReferTargetOf("tel:+34-600 000(002)"), "tel:+34600000002");
  EXPECT_EQ(ReferTargetOf("tel:+34600000002;rn=1"), "tel:+34600000002");
  EXPECT_EQ(ReferTargetOf("tel:123;phone-context=ims.example"), "tel:123;phone-context=ims.example");
  EXPECT_EQ(ReferTargetOf("sip:+34600000002@ims.example:5060;transport=tcp;user=phone"),
            "sip:+34600000002@ims.example;user=phone");
  EXPECT_EQ(ReferTargetOf("sip:bob@ims.example;gr=urn:uuid:1-2"), "sip:bob@ims.example;gr=urn:uuid:1-2");
  EXPECT_EQ(ReferTargetOf("sip:bob@ims.example;gr"), "sip:bob@ims.example;gr");
  EXPECT_EQ(ReferTargetOf("sips:bob@ims.example"), std::nullopt);
}

TEST(BarredNumberTest, CannotBeDialled) {
  CallHarness h{Config()};
  h.StartOutgoing("tel:+34806000000");
  EXPECT_EQ(h.Outcome(), "The operator does not let this number be called from here.");
  EXPECT_EQ(h.last_refusal->kind, RefusalKind::kBarred);
  h.StartOutgoing("sip:0034600@ims.example");
  EXPECT_EQ(h.Outcome(), "The operator does not let this number be called from here.");
  h.StartConnected();
  h.registry.Transfer({.call_id = "c1",
                       .phone_leg_id = "p",
                       .sdp_session_id = 6,
                       .to_address = "tel:+34806000000",
                       .excluded_instances = {}},
                      7, h.now);
  EXPECT_EQ(h.Outcome(), "The operator does not let this number be called from here.");
}

TEST_F(ReferralTest, ARestartEndsTheOldDialogAndKeepsTheCall) {
  h.StartConnected();
  Refer();
  AnswerTarget();
  CallHarness next{Config()};
  next.now = h.now;
  next.registry.Restore(h.registry.Find("leg")->record(), next.now);
  next.registry.Restore(h.registry.Find("c1")->record(), next.now);
  EXPECT_EQ(next.registry.SignallingIdOf("c1"), "leg");
  next.Advance(0ms);
  ASSERT_TRUE(next.Take<SendBye>());
  EXPECT_EQ(next.registry.SignallingIdOf(next.last_call), "c1");
  EXPECT_EQ(next.status(), Status::kConnected);
  EXPECT_FALSE(next.Has<CloseMedia>());
}

TEST_F(ReferralTest, ARestartBeforeTheAnswerLeavesTheCall) {
  h.StartConnected();
  Refer();
  CallHarness next{Config()};
  next.registry.Restore(h.registry.Find("c1")->record(), next.now);
  next.registry.Restore(h.registry.Find("leg")->record(), next.now);
  EXPECT_EQ(next.status(), Status::kConnected);
  EXPECT_TRUE(next.registry.Find("leg")->is_ended());
}

// ---- an early dialog is replaced (RFC 3891 section 3)

TEST(PickedUpCallTest, AnInviteWithReplacesAnswersARingingCall) {  // Covers: C19
  CallHarness h;
  h.StartInvited();
  h.Progress(180);
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteOffer("B", PhoneSdp("sendrecv", "", "10.46.0.7"), h.now); });
  EXPECT_TRUE(h.Take<SendSdpAnswer>()->sdp);
  EXPECT_EQ(h.status(), Status::kRinging);
  h.Apply([&](Call& c) { c.OnReplaced("B", {"tel:+34600000009", "Carol"}, h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call picked up"));
  EXPECT_EQ(h.last_event.receiver_address, "tel:+34600000009");
  EXPECT_EQ(h.last_event.receiver_name, "Carol");
  EXPECT_TRUE(h.last_event.answer_sdp);
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->rtp->ip, "10.46.0.7");
  EXPECT_FALSE(h.Has<SendCancel>());  // the signalling's business
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Advance(200s);
  EXPECT_EQ(h.status(), Status::kConnected);
}

// ---- the phone's own calls

class NetworkPullTest : public testing::Test {
 protected:
  void Pull(const std::string& peer = "tel:+34600000002") {
    NetworkPullRequest request;
    request.call.id = "c1";
    request.call.sdp_session_id = 4;
    request.call.owner = {"r1", "client", "user", "device"};
    request.call.binding.impu = "sip:+34600000001@ims.example";
    request.call.originator_address = "tel:+34600000001";
    request.call.receiver_address = peer;
    request.call.offer_sdp = sdp::kChromiumOffer;
    request.replaces = {"x", "b", "a"};
    h.registry.PullFromNetwork(std::move(request), 8, h.now);
  }
  CallHarness h;
};

TEST_F(NetworkPullTest, TheOwnNumberIsAskedOnceTheBrowserIsThere) {  // Covers: C20
  Pull();
  EXPECT_EQ(h.Outcome(), "pending");
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Initial");
  EXPECT_THAT(h.Events(), ElementsAre("InProgress: The call is being moved here"));
  EXPECT_TRUE(h.last_event.answer_sdp);
  EXPECT_FALSE(h.Has<SendInvite>());
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  const auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite);
  EXPECT_EQ(invite->invite.target_uri, "sip:+34600000001@ims.example");
  EXPECT_EQ(invite->invite.replaces, (ReplacedDialog{"x", "b", "a"}));
  h.Answer();
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call moved here"));
  EXPECT_EQ(h.last_event.receiver_address, "tel:+34600000002");
  EXPECT_TRUE(h.Has<ModifyMedia>());
}

TEST_F(NetworkPullTest, ABrowserThatDoesNotComeAsksNothingOfTheNetwork) {
  Pull();
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Advance(21s);
  EXPECT_EQ(h.status(), Status::kFailed);
  EXPECT_FALSE(h.Has<SendInvite>());
  EXPECT_FALSE(h.Has<SendCancel>());
  EXPECT_TRUE(h.Has<CloseMedia>());
}

TEST_F(NetworkPullTest, NobodyIsAlertedForLong) {
  Pull();
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Progress(183);
  h.Advance(21s);
  EXPECT_TRUE(h.Has<SendCancel>());
  EXPECT_EQ(h.status(), Status::kNoAnswer);
}

TEST_F(NetworkPullTest, ARefusalIsToldAsItIs) {  // Covers: C20
  Pull();
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Apply([&](Call& c) { c.OnFailed({.sip_status = 481, .text = "Call/Transaction Does Not Exist"}, h.now); });
  EXPECT_EQ(h.status(), Status::kFailed);
  EXPECT_THAT(h.call()->view().reason, HasSubstr("481"));
}

TEST_F(NetworkPullTest, AnEmergencyCallStaysOnThePhone) {  // Covers: C18
  Pull("sip:112@ims.example");
  EXPECT_EQ(h.Outcome(), "An emergency call stays on the phone.");
  EXPECT_FALSE(h.Has<CreateMedia>());
}

}  // namespace
}  // namespace byon::call
