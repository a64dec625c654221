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

TEST(IncomingCall, InvitesTheDeviceWithOurOffer) {
  CallHarness h;
  h.StartInvitation();
  EXPECT_THAT(h.Events(), ElementsAre("invitation Initial: Incoming call"));
  EXPECT_EQ(h.last_event.originator_address, "tel:+34600000003");
  EXPECT_EQ(h.last_event.receiver_address, "tel:+34600000001");
  EXPECT_THAT(*h.last_event.offer_sdp, HasSubstr("a=setup:actpass\r\n"));
  EXPECT_EQ(h.last_event.sequence_number, 1);
  auto modify = h.Take<ModifyMedia>();
  EXPECT_EQ(modify->change.ims->direction,
            Direction::kRecvOnly);  // nobody is heard before answering
}

TEST(IncomingCall, TakesTheAnswerInProgressRingsAndConnects) {
  CallHarness h;
  h.StartInvitation();
  h.Clear();
  EXPECT_EQ(h.Put(Status::kInProgress, BrowserAnswer()), "ok InProgress");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.access->gateway_dtls_role, sdp::DtlsRole::kServer);
  auto progress = h.Take<SendProvisional>();
  EXPECT_EQ(progress->status_code, 183);
  ASSERT_TRUE(progress->sdp);
  EXPECT_THAT(*progress->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  EXPECT_EQ(h.Put(Status::kRinging), "ok Ringing");
  progress = h.Take<SendProvisional>();
  EXPECT_EQ(progress->status_code, 180);
  EXPECT_FALSE(progress->sdp);
  EXPECT_EQ(h.Put(Status::kConnected), "ok Connected");
  EXPECT_THAT(h.Take<SendAccept>()->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kSendRecv);
  EXPECT_THAT(h.Events(), ElementsAre("InProgress: Receiver is preparing", "Ringing: Receiver is alerting",
                                      "Connected: Call answered by receiver"));
}

TEST(IncomingCall, TakesTheAnswerWithRinging) {
  CallHarness h;
  h.StartInvitation();
  h.Clear();
  EXPECT_EQ(h.Put(Status::kRinging, BrowserAnswer()), "ok Ringing");
  EXPECT_EQ(h.Take<SendProvisional>()->status_code, 183);  // carries the description reliably
  EXPECT_EQ(h.Take<SendProvisional>()->status_code, 180);
  CallHarness plain;
  plain.StartInvitation(PhoneSdp(), false);
  plain.Clear();
  plain.Put(Status::kRinging, BrowserAnswer());
  EXPECT_EQ(plain.Take<SendProvisional>()->status_code, 180);
  EXPECT_FALSE(plain.Has<SendProvisional>());
}

TEST(IncomingCall, TakesTheAnswerWithConnected) {
  CallHarness h;
  h.StartInvitation();
  h.Clear();
  EXPECT_EQ(h.Put(Status::kConnected), "The call cannot be connected without an answer.");
  EXPECT_EQ(h.Put(Status::kConnected, "junk"), "Line 1 of the SDP is not of the form <letter>=<value>.");
  EXPECT_EQ(h.Put(Status::kConnected, BrowserAnswer()), "ok Connected");
  EXPECT_TRUE(h.Has<SendAccept>());
  EXPECT_EQ(h.Put(Status::kConnected, BrowserAnswer()), "ok Connected");  // a repetition
}

TEST(IncomingCall, DoesNotTakeASecondAnswerOrAnOffer) {
  CallHarness h;
  h.StartInvitation();
  h.Put(Status::kInProgress, BrowserAnswer());
  EXPECT_EQ(h.Put(Status::kRinging, BrowserAnswer()), "ok Ringing");  // clients repeat it
  EXPECT_THAT(h.Put(Status::kConnected, BrowserAnswer() + "a=x\r\n"), HasSubstr("cannot be changed"));
  EXPECT_THAT(h.Put(Status::kConnected, std::nullopt, sdp::kChromiumOffer), HasSubstr("send an answer"));
}

TEST(IncomingCall, ServesAnOfferlessInvite) {  // Covers: C13
  CallHarness h;
  h.StartInvitation(std::nullopt);
  h.Clear();
  h.Put(Status::kInProgress, BrowserAnswer());
  auto progress = h.Take<SendProvisional>();
  ASSERT_TRUE(progress->sdp);
  EXPECT_THAT(*progress->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 106 105 104 101 102\r\n"));
  h.Apply([&](Call& c) { c.OnRemoteAnswer("X", PhoneSdp(), h.now); });  // in the PRACK
  h.Put(Status::kConnected);
  EXPECT_EQ(h.Take<SendAccept>()->sdp, *progress->sdp);
  h.Take<ModifyMedia>();
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kRecvOnly);
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kSendRecv);
}

TEST(IncomingCall, ServesAnOfferlessInviteWithoutReliableResponses) {  // Covers: C13
  CallHarness h;
  h.StartInvitation(std::nullopt, false);
  h.Clear();
  h.Put(Status::kInProgress, BrowserAnswer());
  EXPECT_FALSE(h.Take<SendProvisional>()->sdp);
  h.Put(Status::kConnected);
  EXPECT_THAT(h.Take<SendAccept>()->sdp, HasSubstr("RTP/AVP 107 106 105 104 101 102\r\n"));
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteAnswer("X", PhoneSdp(), h.now); });  // in the ACK
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kSendRecv);
}

TEST(IncomingCall, EndsWhenTheOfferlessAnswerIsUseless) {
  CallHarness h;
  h.StartInvitation(std::nullopt);
  h.Put(Status::kConnected, BrowserAnswer());
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteAnswer("X", "junk", h.now); });
  EXPECT_EQ(h.Take<SendBye>()->reason.sip_status, 488);
  EXPECT_EQ(h.status(), Status::kTerminated);
}

TEST(IncomingCall, WaitsForTheCallersResources) {  // Covers: C4
  std::string qos =
      "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
      "a=des:qos optional remote sendrecv\r\n";
  CallHarness h;
  h.StartInvitation(PhoneSdp("sendrecv", qos));
  auto progress = h.Take<SendProvisional>();
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->status_code, 183);
  EXPECT_THAT(*progress->sdp, HasSubstr("a=curr:qos local sendrecv\r\n"));
  EXPECT_THAT(*progress->sdp, HasSubstr("a=conf:qos remote sendrecv\r\n"));
  EXPECT_THAT(h.Events(), IsEmpty()) << "nobody rings before the caller is ready";
  EXPECT_EQ(h.Put(Status::kConnected, BrowserAnswer()), "The caller is not ready yet.");
  h.Apply([&](Call& c) { c.AlertCaller(h.now); });
  EXPECT_FALSE(h.Has<SendProvisional>());
  h.Apply([&](Call& c) {
    c.OnRemoteOffer("X", PhoneSdp("sendrecv", Replace(qos, "local none", "local sendrecv")), h.now);
  });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("a=curr:qos remote sendrecv\r\n"));
  EXPECT_THAT(h.Events(), ElementsAre("invitation Initial: Incoming call"));
  EXPECT_EQ(h.Put(Status::kInProgress, BrowserAnswer()), "ok InProgress");
  EXPECT_EQ(h.Take<SendProvisional>()->status_code, 183);
  EXPECT_EQ(h.Put(Status::kRinging), "ok Ringing");
  EXPECT_EQ(h.Take<SendProvisional>()->status_code, 180);
  // The option tag was taken out on the way: nobody will tell us that the resources are there.
  CallHarness stripped;
  stripped.supports_precondition = false;
  stripped.StartInvitation(PhoneSdp("sendrecv", qos));
  EXPECT_THAT(stripped.Events(), ElementsAre("invitation Initial: Incoming call"));
  EXPECT_EQ(stripped.Put(Status::kRinging, BrowserAnswer()), "ok Ringing");
  EXPECT_THAT(*stripped.Take<SendProvisional>()->sdp, testing::Not(HasSubstr("qos")));
  EXPECT_EQ(stripped.Take<SendProvisional>()->status_code, 180);
  // A restart meanwhile ends what nobody has heard of.
  CallHarness before;
  before.StartInvitation(PhoneSdp("sendrecv", qos));
  CallHarness after;
  after.registry.Restore(before.call()->record(), after.now);
  EXPECT_THAT(after.Events(), IsEmpty());
  EXPECT_TRUE(after.call()->is_ended());
  // A caller that never gets there has called nobody.
  CallHarness never;
  never.StartInvitation(PhoneSdp("sendrecv", qos));
  never.Advance(120s);
  EXPECT_EQ(never.Take<SendReject>()->status_code, 480);
  EXPECT_THAT(never.Events(), IsEmpty());
}

TEST(IncomingCall, IsDeclinedBusyOrDeleted) {  // Covers: C11
  auto run = [](auto act, CallConfig config = {}) {
    CallHarness h(config);
    h.StartInvitation();
    h.Events();
    act(h);
    EXPECT_TRUE(h.Has<CloseMedia>());
    return std::pair(h.Take<SendReject>()->status_code, h.Events());
  };
  auto declined = run([](CallHarness& h) { EXPECT_EQ(h.Put(Status::kDeclined), "ok Declined"); });
  EXPECT_EQ(declined.first, 603);
  EXPECT_THAT(declined.second, ElementsAre("Declined: Call declined by receiver"));
  auto away = run([](CallHarness& h) { EXPECT_EQ(h.Put(Status::kNotReachable), "ok NotReachable"); });
  EXPECT_EQ(away.first, 480);
  EXPECT_THAT(away.second, ElementsAre("NotReachable: The receiver is not reachable"));
  auto busy = run([](CallHarness& h) { EXPECT_EQ(h.Put(Status::kBusy), "ok Busy"); });
  EXPECT_EQ(busy.first, 486);
  auto deleted = run([](CallHarness& h) { h.Delete(); }, CallConfig{.decline_status = 486});
  EXPECT_EQ(deleted.first, 486);
  EXPECT_THAT(deleted.second, ElementsAre("Declined: Call declined by receiver"));
}

TEST(IncomingCall, TellsWhyItWasCancelled) {  // Covers: C9
  auto event = [](EndReason reason) {
    CallHarness h;
    h.StartInvitation();
    h.Put(Status::kRinging);
    h.Events();
    h.Apply([&](Call& c) { c.OnCancelled(reason, h.now); });
    EXPECT_FALSE(h.Has<SendReject>());
    return h.Events();
  };
  EXPECT_THAT(event({200, 0, "Call completed elsewhere"}), ElementsAre("SessionCancelled: Call completed elsewhere"));
  EXPECT_THAT(event({603, 0, "Decline"}), ElementsAre("SessionCancelled: SIP 603 Decline"));
  EXPECT_THAT(event({}), ElementsAre("SessionCancelled: Call cancelled by originator"));
}

TEST(IncomingCall, CancelledBeforeItsInvitationIsNeverHeardOf) {
  CallHarness h;
  h.StartIncoming();
  h.Apply([&](Call& c) { c.OnCancelled({}, h.now); });
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_TRUE(h.Has<CloseMedia>());
}

TEST(IncomingCall, AnswerThatCrossesACancelEndsElsewhere) {
  CallHarness h;
  h.StartInvitation();
  h.Put(Status::kConnected, BrowserAnswer());
  h.Events();
  h.Apply([&](Call& c) { c.OnEnded({200, 0, "Call completed elsewhere"}, h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("Terminated: Call completed elsewhere"));
}

TEST(IncomingCall, IsRefusedWhenItCannotBeServed) {
  CallHarness h;
  h.StartIncoming(Replace(PhoneSdp(), "AMR-WB/16000/1", "EVS/16000"));
  EXPECT_EQ(h.Take<SendReject>()->status_code, 488);
  EXPECT_FALSE(h.call());
  // It must not ring before there is what we cannot see (RFC 3312 section 8).
  h.StartIncoming(PhoneSdp("sendrecv", "a=curr:qos e2e none\r\na=des:qos mandatory e2e sendrecv\r\n"));
  EXPECT_EQ(h.Take<SendReject>()->status_code, 580);
  CallHarness full;
  full.StartIncoming();
  full.Apply([&](Call& c) { c.OnMediaRefused(0, "full", full.now); });
  EXPECT_EQ(full.Take<SendReject>()->status_code, 503);
  EXPECT_THAT(full.Events(), IsEmpty());
}

TEST(IncomingCall, SecondCallWaitsOrIsBusy) {  // Covers: C25
  CallHarness h;
  h.StartInvitation();
  h.StartIncoming(PhoneSdp(), true, "c2");
  EXPECT_TRUE(h.registry.Find("c2"));
  h.StartIncoming(PhoneSdp(), true, "c3");
  EXPECT_EQ(h.Take<SendReject>()->status_code, 486);
  CallHarness one(CallConfig{.is_call_waiting_allowed = false});
  one.StartInvitation();
  one.StartIncoming(PhoneSdp(), true, "c2");
  EXPECT_EQ(one.Take<SendReject>()->status_code, 486);
}

TEST(IncomingCall, RingsOutWithoutAnAnswer) {
  CallHarness h;
  h.StartInvitation();
  h.Events();
  h.Advance(120s);
  EXPECT_EQ(h.Take<SendReject>()->status_code, 480);
  EXPECT_THAT(h.Events(), ElementsAre("NoAnswer: Nobody answered in time"));
}

TEST(IncomingCall, HoldsInItsOnlyDialog) {
  CallHarness h;
  h.StartInvitation();
  h.Put(Status::kConnected, BrowserAnswer());
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.Clear();
  EXPECT_EQ(h.Put(Status::kHold), "pending");
  auto offer = h.Take<SendSdpOffer>();
  EXPECT_EQ(offer->dialog_id, "");
  EXPECT_THAT(offer->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  h.Apply([&](Call& c) { c.OnRemoteAnswer("X", PhoneSdp("recvonly"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
  std::string reoffer = Replace(sdp::kChromiumOffer, "eX6G", "newU");
  h.Put(Status::kHold, std::nullopt, reoffer);
  auto modify = h.Take<ModifyMedia>();
  h.Apply([&](Call& c) { c.OnMediaReady(h.Take<ModifyMedia>()->change_id, Locals(), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
  EXPECT_THAT(*h.call()->view().answer_sdp, HasSubstr("a=setup:passive\r\n"));  // the role stays
}

// ---- restart

TEST(RestoredCall, GoesOnWhereItWas) {
  CallHarness old;
  old.StartInvitation();
  old.Put(Status::kConnected, BrowserAnswer());
  old.Apply([&](Call& c) { c.OnDialogChanged("snapshot"); });
  CallRecord record = old.call()->record();
  EXPECT_TRUE(record.is_confirmed);
  EXPECT_EQ(record.dialog_snapshot, "snapshot");

  CallHarness h;
  h.registry.Restore(record, h.now);
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.Put(Status::kHold), "pending");
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  h.Apply([&](Call& c) { c.OnRemoteAnswer("X", PhoneSdp("recvonly"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
  h.Delete();
  EXPECT_TRUE(h.Has<SendBye>());
}

// The media plane goes on playing what it was told to before the restart.
TEST(RestoredCall, ResumedTheFarEndHearsTheBrowserAgain) {
  CallConfig config;
  config.hold_audio.kind = HoldAudio::Kind::kSilence;
  CallHarness old(config);
  old.StartConnected();
  old.Put(Status::kHold);
  old.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), old.now); });
  ASSERT_EQ(old.status(), Status::kHold);
  ASSERT_EQ(old.Take<ModifyMedia>()->change.ims_hold->kind, HoldAudio::Kind::kSilence);

  CallHarness h(config);
  h.registry.Restore(old.call()->record(), h.now);
  EXPECT_EQ(h.Put(Status::kResume), "pending");
  const auto heard = h.Take<ModifyMedia>();
  ASSERT_TRUE(heard && heard->change.ims_hold && heard->change.access_hold);
  EXPECT_EQ(heard->change.ims_hold->kind, HoldAudio::Kind::kNone);
  EXPECT_EQ(heard->change.access_hold->kind, HoldAudio::Kind::kNone);
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp(), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Resume");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, sdp::Direction::kSendRecv);
}

TEST(RestoredCall, KnowsThatTheFarEndTakesNoTelephoneEvents) {
  CallHarness old;
  old.StartConnected();
  EXPECT_TRUE(old.call()->takes_telephone_events());
  CallRecord record = old.call()->record();
  record.ims->audio.telephone_events.clear();
  CallHarness h;
  h.registry.Restore(record, h.now);
  EXPECT_FALSE(h.call()->takes_telephone_events());
}

TEST(RestoredCall, EndsWhenItWasNotAnsweredOrItsMediaIsGone) {
  CallHarness old;
  old.StartInvited();
  old.Progress(180);
  CallHarness h;
  h.registry.Restore(old.call()->record(), h.now);
  EXPECT_THAT(h.Events(), ElementsAre("Failed: The gateway was restarted before the call was answered"));
  CallHarness connected;
  connected.StartConnected();
  CallHarness lost;
  lost.registry.Restore(connected.call()->record(), lost.now);
  lost.Apply([&](Call& c) { c.OnMediaEnded(MediaEnd::kSessionLost, "", lost.now); });
  EXPECT_TRUE(lost.Has<SendBye>());
  EXPECT_THAT(lost.Events(), ElementsAre("Terminated: The media session was lost"));
}

// The process stops in order: who rings is told that it rings in vain, who talks goes on.
TEST(CallRegistry, EndsOnlyWhatNobodyHasAnswered) {
  CallHarness ringing;
  ringing.StartInvited();
  ringing.Progress(180);
  ringing.registry.EndUnanswered("over", ringing.now);
  EXPECT_EQ(ringing.Take<SendCancel>()->reason.q850_cause, 41);
  EXPECT_EQ(ringing.Events().back(), "Failed: over");
  CallHarness invited;
  invited.StartInvitation();
  invited.registry.EndUnanswered("over", invited.now);
  EXPECT_EQ(invited.Take<SendReject>()->status_code, 480) << "the phone of the number rings on";
  CallHarness connected;
  connected.StartConnected();
  connected.registry.EndUnanswered("over", connected.now);
  EXPECT_FALSE(connected.Has<SendBye>());
  EXPECT_EQ(connected.status(), Status::kConnected);
}

TEST(RestoredCall, KeepsItsTombstone) {
  CallHarness old;
  old.StartConnected();
  old.Delete();
  CallHarness h;
  h.registry.Restore(old.call()->record(), h.now);
  EXPECT_EQ(h.Delete(), "ok Terminated");
  h.Advance(60s);
  EXPECT_FALSE(h.call());
}

TEST(CallRegistry, EndsTheCallsOfARegistration) {
  CallHarness h;
  h.StartConnected();
  h.registry.EndCallsOf("r2", "gone", h.now);
  EXPECT_EQ(h.status(), Status::kConnected);
  h.registry.EndCallsOf("r1", "The registration has expired", h.now);
  EXPECT_THAT(h.Events(), ElementsAre("Terminated: The registration has expired"));
  EXPECT_TRUE(h.Has<SendBye>());
}

}  // namespace
}  // namespace byon::call
