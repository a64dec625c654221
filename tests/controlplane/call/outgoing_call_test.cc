#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/call/call_harness.h"

namespace byon::call {
namespace {

using namespace std::chrono_literals;
using sdp::Direction;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(OutgoingCall, AnchorsMediaThenInvites) {
  CallHarness h;
  h.StartOutgoing();
  auto create = h.Take<CreateMedia>();
  ASSERT_TRUE(create);
  EXPECT_EQ(create->initial.access->ice_ufrag, "eX6G");
  EXPECT_FALSE(create->initial.ims);
  EXPECT_FALSE(h.Has<SendInvite>());
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite);
  EXPECT_EQ(invite->invite.target_uri, "tel:+34600000002");
  EXPECT_THAT(invite->invite.sdp, HasSubstr("m=audio 20000 RTP/AVP 107 106 105 104 101 102\r\n"));
  EXPECT_EQ(h.Outcome(), "pending");
  h.Progress(100);
  EXPECT_EQ(h.Outcome(), "ok Initial");
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_FALSE(h.call()->view().answer_sdp);
}

TEST(OutgoingCall, AnswersThePostAfterASecondAtTheLatest) {
  CallHarness h;
  h.StartInvited();
  h.Advance(999ms);
  EXPECT_EQ(h.Outcome(), "pending");
  h.Advance(1ms);
  EXPECT_EQ(h.Outcome(), "ok Initial");
}

TEST(OutgoingCall, CarriesOneAnswerFromEarlyMediaToTheEnd) {
  CallHarness h;
  h.StartInvited();
  h.Progress(183, PhoneSdp(), "A", "sendrecv");
  EXPECT_THAT(h.Events(), ElementsAre("InProgress: SIP 183 Session Progress"));
  ASSERT_TRUE(h.last_event.answer_sdp);
  std::string answer = *h.last_event.answer_sdp;
  EXPECT_THAT(answer, HasSubstr("a=setup:active\r\n"));
  auto modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  EXPECT_EQ(modify->change.stream_id, "A");
  EXPECT_EQ(modify->change.ims->rtp->ip, "10.46.0.3");
  EXPECT_EQ(modify->change.ims->direction, Direction::kSendRecv);
  h.Progress(180);
  EXPECT_THAT(h.Events(), ElementsAre("Ringing: SIP 180 Ringing"));
  EXPECT_FALSE(h.Has<PlayTone>());  // early media is authorised
  h.Answer(std::nullopt);
  EXPECT_THAT(h.Events(), ElementsAre("Connected: SIP 200 OK"));
  EXPECT_EQ(h.last_event.answer_sdp, answer);
  EXPECT_EQ(h.last_event.sequence_number, 3);
  EXPECT_FALSE(h.Has<ModifyMedia>());  // nothing has changed
}

TEST(OutgoingCall, FollowsTheDialogThatAnswers) {  // Covers: C6
  CallHarness h;
  h.StartInvited();
  h.Progress(183, PhoneSdp("sendrecv", "", "10.0.0.1"), "A");
  h.Progress(183, PhoneSdp("sendrecv", "", "10.0.0.2"), "B");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.stream_id, "A");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.stream_id, "B");
  std::string shown = *h.call()->view().answer_sdp;
  h.Answer(std::nullopt, "A");  // its description came with the 183
  auto modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  EXPECT_EQ(modify->change.stream_id, "A");
  EXPECT_EQ(modify->change.ims->rtp->ip, "10.0.0.1");
  EXPECT_EQ(*h.call()->view().answer_sdp, shown);
}

TEST(OutgoingCall, PlaysRingbackUntilSomethingIsHeard) {  // Covers: C7
  CallHarness h;
  h.StartInvited();
  h.Progress(180);
  EXPECT_THAT(h.Events(), ElementsAre("Ringing: SIP 180 Ringing"));
  EXPECT_TRUE(h.last_event.answer_sdp);  // so that media is up before the 200
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kRingback);
  h.Progress(183, PhoneSdp(), "A");
  EXPECT_FALSE(h.Has<PlayTone>());
  h.Apply([&](Call& c) { c.OnMediaStarted(Leg::kIms, "A"); });
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kNone);
}

TEST(OutgoingCall, PlaysRingbackOverGatedEarlyMediaAndStopsAtTheAnswer) {  // Covers: C7
  CallHarness h;
  h.StartInvited();
  h.Progress(180, PhoneSdp(), "A", "inactive");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kInactive);
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kRingback);
  h.Apply([&](Call& c) { c.OnMediaStarted(Leg::kIms, "A"); });
  EXPECT_FALSE(h.Has<PlayTone>());
  h.Answer(std::nullopt);
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kNone);
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kSendRecv);
}

TEST(OutgoingCall, RingbackAndEarlyAnswerCanBeSwitchedOff) {
  CallHarness h(CallConfig{.plays_ringback = false, .answers_with_ringing = false});
  h.StartInvited();
  h.Progress(180);
  EXPECT_FALSE(h.Has<PlayTone>());
  EXPECT_FALSE(h.call()->view().answer_sdp);
}

TEST(OutgoingCall, ReportsPassingStatuses) {
  CallHarness h;
  h.StartInvited();
  h.Progress(182);
  h.Progress(181);
  EXPECT_THAT(h.Events(), ElementsAre("Waiting: SIP 182 X", "Proceeding: SIP 181 X"));
  EXPECT_EQ(h.status(), Status::kInitial);
}

TEST(OutgoingCall, MapsFinalResponses) {  // Covers: C11
  struct Case {
    EndReason reason;
    const char* event;
  };
  for (const Case& c :
       {Case{{486, 0, "Busy Here"}, "Busy: SIP 486 Busy Here"},
        Case{{404, 0, "Not Found"}, "NotReachable: SIP 404 Not Found"},
        Case{{408, 0, "Request Timeout"}, "NoAnswer: SIP 408 Request Timeout"},
        Case{{603, 0, "Decline"}, "Declined: SIP 603 Decline"}, Case{{503, 0, ""}, "Failed: SIP 503"},
        Case{{380, 0, kEmergencyServiceText}, "Failed: Emergency calls are not possible here, use your phone"}}) {
    CallHarness h;
    h.StartInvited();
    h.Apply([&](Call& call) { call.OnFailed(c.reason, h.now); });
    EXPECT_THAT(h.Events(), ElementsAre(c.event));
    EXPECT_TRUE(h.Has<CloseMedia>());
    EXPECT_FALSE(h.Has<SendCancel>());
    EXPECT_THAT(h.Outcome(), HasSubstr("ok "));  // the POST is answered with what it came to
  }
}

TEST(OutgoingCall, CancelsWhileItRings) {
  CallHarness h;
  h.StartInvited();
  h.Progress(180);
  h.Clear();
  EXPECT_EQ(h.Delete(), "ok Ringing");
  EXPECT_TRUE(h.Has<SendCancel>());
  EXPECT_TRUE(h.Has<CloseMedia>());
  EXPECT_THAT(h.Events(), ElementsAre("SessionCancelled: Call cancelled by originator"));
  h.Answer();  // crossed the CANCEL: the signalling ends it
  EXPECT_EQ(h.status(), Status::kSessionCancelled);
}

TEST(OutgoingCall, CancelledBeforeItsMediaIsReadyNeverInvites) {
  CallHarness h;
  h.StartOutgoing();
  h.Delete();
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  EXPECT_FALSE(h.Has<SendInvite>());
  EXPECT_FALSE(h.Has<SendCancel>());
  EXPECT_TRUE(h.Has<CloseMedia>());
}

TEST(OutgoingCall, HangsUpBothWays) {
  CallHarness h;
  h.StartConnected();
  h.Delete();
  EXPECT_EQ(h.Take<SendBye>()->reason.q850_cause, 16);
  EXPECT_THAT(h.Events(), ElementsAre("Terminated: Call terminated by originator"));
  CallHarness other;
  other.StartConnected();
  other.Apply([&](Call& c) { c.OnEnded({}, other.now); });
  EXPECT_THAT(other.Events(), ElementsAre("Terminated: Call terminated by receiver"));
  EXPECT_FALSE(other.Has<SendBye>());
  CallHarness third;
  third.StartConnected();
  EXPECT_EQ(third.Put(Status::kTerminated), "ok Terminated");
  EXPECT_TRUE(third.Has<SendBye>());
}

TEST(OutgoingCall, EndsWithATombstoneThenIsForgotten) {
  CallHarness h;
  h.StartConnected();
  h.Delete();
  EXPECT_EQ(h.Delete(), "ok Terminated");
  EXPECT_EQ(h.Put(Status::kTerminated), "ok Terminated");
  EXPECT_THAT(h.Put(Status::kHold), HasSubstr("cannot become Hold while it is Terminated"));
  EXPECT_EQ(h.registry.active_count(), 0u);
  h.Advance(59999ms);
  EXPECT_TRUE(h.call());
  h.Advance(1ms);
  EXPECT_FALSE(h.call());
  EXPECT_TRUE(h.Has<Forget>());
  EXPECT_EQ(h.Delete(), "No such call.");
  EXPECT_EQ(h.registry.NextDeadline(), kNoDeadline);
}

TEST(OutgoingCall, TimesOut) {
  CallHarness silent;
  silent.StartInvited();
  silent.Advance(20s);
  EXPECT_THAT(silent.Events(), ElementsAre("Failed: The network did not answer"));
  EXPECT_TRUE(silent.Has<SendCancel>());
  CallHarness ringing;
  ringing.StartInvited();
  ringing.Progress(180);
  ringing.Events();
  ringing.Advance(120s);
  EXPECT_THAT(ringing.Events(), ElementsAre("NoAnswer: Nobody answered in time"));
  EXPECT_TRUE(ringing.Has<SendCancel>());
  CallHarness deaf;
  deaf.StartInvited();
  deaf.Answer();
  deaf.Events();
  deaf.Advance(15s);
  EXPECT_THAT(deaf.Events(), ElementsAre("Terminated: The browser's media did not connect in time"));
  EXPECT_TRUE(deaf.Has<SendBye>());
  CallHarness endless;
  endless.StartConnected();
  endless.Advance(12h);
  EXPECT_THAT(endless.Events(), ElementsAre("Terminated: The longest allowed duration is over"));
}

TEST(OutgoingCall, EndsWhenItsMediaDoes) {
  for (MediaEnd end : {MediaEnd::kAccessTimeout, MediaEnd::kImsTimeout, MediaEnd::kConsentLost, MediaEnd::kIceFailed,
                       MediaEnd::kDtlsFailed, MediaEnd::kSessionLost}) {
    CallHarness h;
    h.StartConnected();
    h.Apply([&](Call& c) { c.OnMediaEnded(end, "why", h.now); });
    EXPECT_THAT(h.Events(), ElementsAre("Terminated: " + std::string(ToString(end)) + ": why"));
    EXPECT_TRUE(h.Has<SendBye>());
    EXPECT_EQ(h.Has<CloseMedia>(), end != MediaEnd::kSessionLost);
  }
}

TEST(OutgoingCall, SilenceOnHoldIsNoEnd) {
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendonly"), h.now); });
  h.Apply([&](Call& c) { c.OnMediaEnded(MediaEnd::kImsTimeout, "", h.now); });
  EXPECT_EQ(h.status(), Status::kHold);
}

TEST(OutgoingCall, IsRefusedWithoutMedia) {
  CallHarness h;
  h.StartOutgoing();
  h.Apply([&](Call& c) { c.OnMediaRefused(0, "no port is left", h.now); });
  EXPECT_EQ(h.Outcome(), "No media resources are free: no port is left.");
  EXPECT_EQ(h.last_refusal->kind, RefusalKind::kUnavailable);
  EXPECT_FALSE(h.call());
}

TEST(OutgoingCall, EndsWhenTheAnswerCannotBeUsed) {
  CallHarness h;
  h.StartInvited();
  h.Answer(Replace(PhoneSdp(), "AMR-WB/16000/1", "EVS/16000"));
  EXPECT_THAT(h.Events(), ElementsAre("Failed: The answer has no codec of the offer."));
  EXPECT_EQ(h.Take<SendBye>()->reason.sip_status, 488);
  CallHarness none;
  none.StartInvited();
  none.Answer(std::nullopt);
  EXPECT_THAT(none.Events(), ElementsAre("Failed: The network's answer has no media"));
  EXPECT_TRUE(none.Has<SendBye>());
}

// RFC 6228: one of the phones that were alerted is no more.
TEST(OutgoingCall, LeavesAnEarlyDialogThatEnds) {  // Covers: C6 C7
  CallHarness h;
  h.StartInvited();
  h.Progress(180);
  h.Progress(183, PhoneSdp(), "A", "sendrecv");
  h.Progress(183, PhoneSdp("sendrecv", "", "10.46.0.9"), "B");
  h.Progress(183, std::nullopt, "A", "sendrecv");
  h.Clear();
  h.Progress(199, std::nullopt, "A");
  auto change = h.Take<ModifyMedia>();
  ASSERT_TRUE(change && change->change.ims);
  EXPECT_EQ(change->change.ims->rtp->ip, "10.46.0.9") << "the other one is heard";
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kRingback) << "until it says something";
  h.Clear();
  h.Progress(199, std::nullopt, "B");
  change = h.Take<ModifyMedia>();
  ASSERT_TRUE(change && change->change.ims);
  EXPECT_EQ(change->change.ims->direction, sdp::Direction::kInactive) << "nobody is left";
  EXPECT_THAT(h.Events(), IsEmpty());
  h.Answer(PhoneSdp(), "C");
  EXPECT_EQ(h.status(), Status::kConnected);
}

// RFC 5009 section 8: the first direction is that of the audio.
// An UPDATE, or the answer to a PRACK, may say what a response said before.
TEST(OutgoingCall, EarlyMediaIsOpenedAndClosedInBetween) {  // Covers: C7
  CallHarness h;
  h.StartInvited();
  h.Progress(183, PhoneSdp(), "A", "inactive");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, sdp::Direction::kInactive);
  h.Clear();
  h.Apply([](Call& c) { c.OnEarlyMedia("A", "sendrecv"); });
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, sdp::Direction::kSendRecv);
  h.Progress(180);
  EXPECT_FALSE(h.Has<PlayTone>()) << "an announcement is heard";
  h.Clear();
  h.Apply([](Call& c) { c.OnEarlyMedia("A", "inactive"); });
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, sdp::Direction::kInactive);
  EXPECT_EQ(h.Take<PlayTone>()->tone, Tone::kRingback) << "it is over";
  for (const char* nothing : {"gated", "", "supported"}) h.Apply([&](Call& c) { c.OnEarlyMedia("A", nothing); });
  h.Apply([](Call& c) { c.OnEarlyMedia("nobody", "sendrecv"); });
  EXPECT_FALSE(h.Has<ModifyMedia>());
  h.Answer();
  h.Clear();
  h.Apply([](Call& c) { c.OnEarlyMedia("A", "inactive"); });
  EXPECT_FALSE(h.Has<ModifyMedia>()) << "early media it is no more";
}

TEST(OutgoingCall, ReadsEarlyMediaByMediaLine) {  // Covers: C7
  const auto direction = [](const std::string& early_media) {
    CallHarness h;
    h.StartInvited();
    h.Clear();
    h.Progress(183, PhoneSdp(), "A", early_media);
    return h.Take<ModifyMedia>()->change.ims->direction;
  };
  EXPECT_EQ(direction("sendrecv"), sdp::Direction::kSendRecv);
  EXPECT_EQ(direction("sendonly, inactive"), sdp::Direction::kSendRecv);
  EXPECT_EQ(direction("inactive, sendrecv"), sdp::Direction::kInactive);
  EXPECT_EQ(direction("gated, recvonly"), sdp::Direction::kInactive);
  EXPECT_EQ(direction("supported"), sdp::Direction::kSendRecv) << "says nothing of directions";
}

TEST(OutgoingCall, RefusesBeforeAnythingIsSent) {
  CallHarness h(CallConfig{.emergency_numbers = {"091"}});
  auto outcome = [&](const std::string& receiver, const std::string& offer = sdp::kChromiumOffer) {
    h.StartOutgoing(receiver, "c1", offer);
    EXPECT_FALSE(h.Has<CreateMedia>());
    return h.Outcome();
  };
  EXPECT_EQ(outcome("tel:112;phone-context=+34"), "Emergency calls are not possible here, use your phone.");
  EXPECT_EQ(h.last_refusal->kind, RefusalKind::kEmergency);
  EXPECT_THAT(outcome("urn:service:sos.fire"), HasSubstr("Emergency"));
  EXPECT_THAT(outcome("tel:091;phone-context=+34"), HasSubstr("Emergency"));
  EXPECT_THAT(outcome("sip:anonymous@anonymous.invalid"), HasSubstr("receiverAddress"));
  EXPECT_THAT(outcome("nonsense"), HasSubstr("receiverAddress"));
  EXPECT_THAT(outcome("tel:+34600000002", "v=0\r\n"), HasSubstr("SDP"));
  EXPECT_EQ(h.last_refusal->kind, RefusalKind::kInvalidArgument);
  EXPECT_FALSE(h.call());
}

TEST(OutgoingCall, LearnsEmergencyNumbersFromTheNetwork) {  // Covers: C18
  CallHarness h;
  h.StartOutgoing("tel:016;phone-context=+34");
  EXPECT_TRUE(h.call());
  h.registry.LearnEmergencyNumber("c1", "");
  h.StartOutgoing("tel:016;phone-context=+34", "c2");
  EXPECT_FALSE(h.registry.Find("c2"));
}

TEST(OutgoingCall, InvitesAgainOnceWhenTheNetworkForgotTheRegistration) {  // Covers: R14
  CallHarness h;
  h.StartInvited();
  h.Clear();
  EndReason forgotten{504, 0, kRestorationText};
  h.Apply([&](Call& c) { c.OnFailed(forgotten, h.now); });
  EXPECT_TRUE(h.Take<RenewBinding>());
  EXPECT_THAT(h.Events(), IsEmpty());
  SipBinding fresh;
  fresh.next_hop = "sip:10.0.0.9";
  h.Apply([&](Call& c) { c.OnBindingRenewed(fresh, h.now); });
  auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite);
  EXPECT_EQ(invite->invite.binding.next_hop, "sip:10.0.0.9");
  EXPECT_EQ(invite->invite.target_uri, "tel:+34600000002");
  h.Apply([&](Call& c) { c.OnBindingRenewed(fresh, h.now); });
  EXPECT_FALSE(h.Has<SendInvite>());
  h.Apply([&](Call& c) { c.OnFailed(forgotten, h.now); });
  EXPECT_EQ(h.status(), Status::kFailed);
}

TEST(OutgoingCall, GivesUpWhenTheRegistrationCannotBeRenewed) {  // Covers: R14
  CallHarness h;
  h.StartInvited();
  h.Apply([&](Call& c) { c.OnFailed({504, 0, kRestorationText}, h.now); });
  h.Advance(20s);
  EXPECT_EQ(h.status(), Status::kFailed);
  EXPECT_FALSE(h.Has<SendCancel>());
}

TEST(OutgoingCall, LimitsCalls) {
  CallHarness h(CallConfig{.max_calls_per_registration = 1});
  h.StartOutgoing();
  h.StartOutgoing("tel:+34600000002", "c2");
  EXPECT_EQ(h.Outcome(), "This registration has as many calls as it may have.");
  EXPECT_EQ(h.last_refusal->kind, RefusalKind::kQuotaExceeded);
  h.Delete();
  h.StartOutgoing("tel:+34600000002", "c3");
  EXPECT_TRUE(h.registry.Find("c3"));
  CallHarness user(CallConfig{.max_calls_per_registration = 9, .max_calls_per_user = 1});
  user.StartOutgoing();
  user.StartOutgoing("tel:+34600000002", "c2");
  EXPECT_EQ(user.Outcome(), "This user has as many calls as allowed.");
  CallHarness all(CallConfig{.max_calls = 1});
  all.StartOutgoing();
  all.StartOutgoing("tel:+34600000002", "c2");
  EXPECT_EQ(all.Outcome(), "There are as many calls as the operator may have.");
  all.Delete();
  all.StartOutgoing("tel:+34600000002", "c3");
  EXPECT_TRUE(all.registry.Find("c3"));
}

TEST(OutgoingCall, ConfirmsPreconditionsWhenTheBrowserIsConnected) {  // Covers: C4
  CallConfig config;
  config.ims.use_preconditions = true;
  CallHarness h(config);
  h.StartInvited();
  EXPECT_THAT(h.Take<SendInvite>()->invite.sdp, HasSubstr("a=curr:qos local none\r\n"));
  std::string qos =
      "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
      "a=des:qos mandatory remote sendrecv\r\na=conf:qos remote sendrecv\r\n";
  h.Progress(183, PhoneSdp("sendrecv", qos), "A");
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  auto update = h.Take<SendSdpOffer>();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->dialog_id, "A");
  EXPECT_THAT(update->sdp, HasSubstr("a=curr:qos local sendrecv\r\n"));
  EXPECT_THAT(update->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  EXPECT_THAT(update->sdp, HasSubstr("o=- 99 2 "));
  h.Progress(183, PhoneSdp("sendrecv", qos), "B");  // the second device is told at once
  EXPECT_EQ(h.Take<SendSdpOffer>()->dialog_id, "B");
  h.Progress(180, std::nullopt, "A");
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  h.Apply([&](Call& c) {
    c.OnRemoteAnswer("A", PhoneSdp("sendrecv", Replace(qos, "local none", "local sendrecv")), h.now);
  });
  h.Answer(std::nullopt, "A");
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(OutgoingCall, SurvivesARefusedPreconditionUpdate) {  // Covers: C4
  CallConfig config;
  config.ims.use_preconditions = true;
  CallHarness h(config);
  h.StartInvited();
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Progress(183, PhoneSdp("sendrecv", "a=curr:qos local none\r\n"), "A");
  EXPECT_TRUE(h.Has<SendSdpOffer>());
  h.Apply([&](Call& c) { c.OnOfferFailed("A", 481, h.now); });
  EXPECT_EQ(h.status(), Status::kInProgress);
}

TEST(OutgoingCall, AnswersAnUpdateInAnEarlyDialog) {  // Covers: C5
  CallHarness h;
  h.StartInvited();
  h.Progress(183, PhoneSdp(), "A");
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendrecv", "", "10.9.9.9"), h.now); });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("m=audio 20000"));
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->rtp->ip, "10.9.9.9");
}

// What a callee says again is no news, and what it says anew without end is not either.
TEST(OutgoingCall, ACalleeCannotFloodTheApp) {
  CallHarness h;
  h.StartInvited();
  h.Progress(180);
  EXPECT_THAT(h.Events(), ElementsAre("Ringing: SIP 180 Ringing"));
  h.Clear();
  for (int i = 0; i < 100; ++i) h.Progress(180);
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_FALSE(h.Has<Persist>());
  for (int i = 0; i < 1000; ++i) {
    h.Apply([&](Call& c) { c.OnProgress({"A", 180, std::to_string(i), {}, {}, false}, h.now); });
  }
  EXPECT_LE(h.Events().size(), 32u);
  h.Answer();
  EXPECT_THAT(h.Events(), ElementsAre("Connected: SIP 200 OK"));
}

}  // namespace
}  // namespace byon::call
