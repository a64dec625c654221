// Changes of a call in progress: hold, ICE restart, offers from both sides.
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

TEST(ReofferedCall, HoldsAndResumes) {  // Covers: C12
  CallHarness h;
  h.StartConnected();
  EXPECT_EQ(h.Put(Status::kHold), "pending");
  auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->sdp, HasSubstr("a=sendonly\r\n"));
  EXPECT_THAT(offer->sdp, HasSubstr("o=- 99 2 "));
  const auto held = h.Take<ModifyMedia>();
  // Nobody hears the user, but the network gets a stream: silence, unless music is configured.
  EXPECT_EQ(held->change.ims->direction, Direction::kSendOnly);
  EXPECT_EQ(held->change.ims_hold, HoldAudio{.kind = HoldAudio::Kind::kSilence});
  EXPECT_FALSE(held->change.access_hold);
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
  EXPECT_THAT(h.Events(), ElementsAre("Hold: Call held"));
  EXPECT_EQ(h.status(), Status::kHold);

  EXPECT_EQ(h.Put(Status::kResume), "pending");
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("a=sendrecv\r\n"));
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("sendrecv"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Resume");
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims_hold, HoldAudio{});
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kSendRecv);
  EXPECT_THAT(h.Events(), ElementsAre("Resume: Call resumed"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(ReofferedCall, HoldsWithNothingOrWithMusicAsConfigured) {
  CallHarness silent(CallConfig{.hold_audio = {}});
  silent.StartConnected();
  silent.Put(Status::kHold);
  const auto nothing = silent.Take<ModifyMedia>();
  EXPECT_EQ(nothing->change.ims->direction, Direction::kInactive);
  EXPECT_FALSE(nothing->change.ims_hold);

  const HoldAudio music{HoldAudio::Kind::kAnnouncement, "waltz", false};
  CallHarness h(CallConfig{.hold_audio = music});
  h.StartConnected();
  h.Put(Status::kHold);
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims_hold, music);
}

// The other side's own music is heard first: ours comes when nothing does.
TEST(ReofferedCall, TheBrowserHearsMusicWhenItIsHeld) {
  CallHarness h(CallConfig{.hold_audio = {HoldAudio::Kind::kAnnouncement, "waltz", false}});
  h.StartConnected();
  h.Clear();
  for (const char* direction : {"sendonly", "inactive"}) {
    h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp(direction), h.now); });
    const auto held = h.Take<ModifyMedia>();
    ASSERT_TRUE(held) << direction;
    EXPECT_EQ(held->change.access_hold, (HoldAudio{HoldAudio::Kind::kAnnouncement, "waltz", true}));
    EXPECT_FALSE(held->change.ims_hold);
    h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendrecv"), h.now); });
    EXPECT_EQ(h.Take<ModifyMedia>()->change.access_hold, HoldAudio{});
  }
}

TEST(ReofferedCall, StaysAsItWasWhenTheNetworkRefusesAHold) {
  CallHarness h;
  h.StartConnected();
  h.Put(Status::kHold);
  h.Clear();
  h.Apply([&](Call& c) { c.OnOfferFailed("A", 491, h.now); });
  EXPECT_EQ(h.Outcome(), "The network refused the change with SIP 491.");
  EXPECT_EQ(h.status(), Status::kConnected);
  EXPECT_EQ(h.Take<ModifyMedia>()->change.ims->direction, Direction::kSendRecv);
  EXPECT_EQ(h.Put(Status::kHold), "pending");  // and may be asked again
}

TEST(ReofferedCall, IsHeldAndResumedByTheOtherSide) {  // Covers: C12
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendonly"), h.now); });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("a=recvonly\r\n"));
  EXPECT_THAT(h.Events(), ElementsAre("Hold: Call held by the other side"));
  EXPECT_EQ(h.Put(Status::kResume), "The other side holds the call.");
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendrecv"), h.now); });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("a=sendrecv\r\n"));
  EXPECT_THAT(h.Events(), ElementsAre("Resume: Call resumed by the other side"));
}

TEST(ReofferedCall, GoesOnWithWhomTheOtherSideHandsItTo) {  // Covers: C19
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendonly"), h.now); });  // put on hold for the transfer
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteOffer("B", PhoneSdp("sendrecv"), h.now); });
  EXPECT_EQ(h.Take<SendSdpAnswer>()->dialog_id, "B");
  h.Clear();
  h.Apply([&](Call& c) { c.OnReplaced("B", {"tel:+34600000009", "Carol"}, h.now); });
  const auto media = h.Take<ModifyMedia>();
  ASSERT_TRUE(media);
  EXPECT_EQ(media->change.stream_id, "B") << "another party is another source of sound";
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Call transferred by the other side"));
  h.Put(Status::kHold);
  EXPECT_EQ(h.Take<SendSdpOffer>()->dialog_id, "B");
}

TEST(ReofferedCall, WhoIsThereNowIsSaidAfresh) {  // Covers: C35
  CallHarness h;
  h.StartInvitation();
  ASSERT_THAT(h.Events(), ElementsAre("invitation Initial: Incoming call"));
  EXPECT_EQ(h.last_event.originator_assurance, (Assurance{true, NumberCheck::kPassed}));
  h.Put(Status::kConnected, BrowserAnswer());
  h.Clear();
  h.Apply([&](Call& c) { c.OnReplaced("B", {"sip:+34600000009@evil.example", "Carol"}, h.now); });
  EXPECT_THAT(h.Events(), Not(IsEmpty()));
  EXPECT_EQ(h.last_event.originator_address, "sip:+34600000009@evil.example");
  EXPECT_EQ(h.last_event.originator_assurance, Assurance());
}

TEST(ReofferedCall, BothSidesHold) {
  CallHarness h;
  h.StartConnected();
  h.Put(Status::kHold);
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendonly"), h.now); });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("a=inactive\r\n"));
  EXPECT_THAT(h.Events(), IsEmpty());
  h.Put(Status::kResume);
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("a=recvonly\r\n"));
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("sendonly"), h.now); });
  EXPECT_EQ(h.status(), Status::kHold);
  EXPECT_THAT(h.Events(), ElementsAre("Hold: The other side still holds the call"));
}

TEST(ReofferedCall, RefusesAnOfferItCannotServeAndGoesOn) {
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", "nonsense", h.now); });
  EXPECT_FALSE(h.Take<SendSdpAnswer>()->sdp);
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(ReofferedCall, OffersInAnOfferlessReinvite) {  // Covers: C13
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", std::nullopt, h.now); });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("m=audio 20000 RTP/AVP 107 106 105 104 101 102\r\n"));
  // Somebody else is put into the call, whose phone knows narrowband only.
  const std::string narrow =
      Replace(Replace(PhoneSdp("sendrecv", "", "10.7.7.7"), "AMR-WB/16000", "AMR/8000"), "107", "105");
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", narrow, h.now); });
  const auto modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  EXPECT_EQ(modify->change.ims->rtp->ip, "10.7.7.7");
  EXPECT_EQ(modify->change.ims->audio.send.encoding_name, "AMR");
}

// B2BUAs and 3PCC hold and resume like this: the direction stands in the ACK.
TEST(ReofferedCall, IsHeldAndResumedByOfferlessReinvites) {  // Covers: C12 C13
  CallHarness h;
  h.StartConnected();
  const auto reinvite = [&](const char* offered, const char* answered) {
    h.Apply([&](Call& c) { c.OnRemoteOffer("A", std::nullopt, h.now); });
    EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr(offered));
    h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp(answered), h.now); });
  };
  reinvite("a=sendrecv\r\n", "sendonly");
  EXPECT_THAT(h.Events(), ElementsAre("Hold: Call held by the other side"));
  EXPECT_TRUE(h.call()->record().is_held_remotely);
  reinvite("a=sendrecv\r\n", "sendrecv");
  EXPECT_THAT(h.Events(), ElementsAre("Resume: Call resumed by the other side"));
  EXPECT_FALSE(h.call()->record().is_held_remotely);
  // What we hold stays held by us.
  h.Put(Status::kHold);
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  h.Clear();
  reinvite("a=sendonly\r\n", "recvonly");
  EXPECT_FALSE(h.call()->record().is_held_remotely);
  EXPECT_THAT(h.Events(), IsEmpty());
}

// What an ACK says, or does not, is no answer to an offer of ours that waits behind it.
TEST(ReofferedCall, AnOfferlessReinviteIsNoAnswerToAHoldThatWaits) {  // Covers: C5 C13
  for (const bool has_answer : {true, false}) {
    CallHarness h;
    h.StartConnected();
    h.Apply([&](Call& c) { c.OnRemoteOffer("A", std::nullopt, h.now); });
    EXPECT_EQ(h.Put(Status::kHold), "pending");
    h.Apply([&](Call& c) { has_answer ? c.OnRemoteAnswer("A", PhoneSdp(), h.now) : c.OnOfferFailed("A", 488, h.now); });
    EXPECT_EQ(h.Outcome(), "pending");
    h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
    EXPECT_EQ(h.Outcome(), "ok Hold");
  }
}

// Whoever has asked for our offer takes the question back: the next answer is one to what we say ourselves.
TEST(ReofferedCall, AnOfferlessReinviteThatIsTakenBackLeavesNothing) {  // Covers: C13
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", std::nullopt, h.now); });
  h.Apply([&](Call& c) { c.OnOfferStale("A"); });
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("a=sendrecv\r\n"));
  h.Put(Status::kHold);
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
}

// The peer's exchange came between: what waits is said anew, as newer than it (RFC 3264 section 8) and with its payload
// types.
TEST(ReofferedCall, AHoldThatWasOvertakenIsOfferedAnew) {  // Covers: C5 C12
  CallHarness h;
  h.StartConnected();
  h.Put(Status::kHold);
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("o=- 99 2 "));
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", Replace(PhoneSdp("sendonly"), "107", "98"), h.now); });
  EXPECT_THAT(*h.Take<SendSdpAnswer>()->sdp, HasSubstr("o=- 99 3 "));
  h.Apply([&](Call& c) { c.OnOfferStale("A"); });
  const auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->dialog_id, "A");
  EXPECT_THAT(offer->sdp, HasSubstr("o=- 99 4 "));
  EXPECT_THAT(offer->sdp, HasSubstr("RTP/AVP 98 101\r\n"));
  EXPECT_THAT(offer->sdp, HasSubstr("a=inactive\r\n")) << "both hold now";
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", Replace(PhoneSdp("inactive"), "107", "98"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
}

TEST(ReofferedCall, RestartsIceWithoutAWordToTheNetwork) {
  CallHarness h;
  h.StartConnected();
  std::string offer = Replace(sdp::kChromiumOffer, "eX6G", "newU");
  EXPECT_EQ(h.Put(Status::kConnected, std::nullopt, offer), "pending");
  auto modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  EXPECT_TRUE(modify->change.restart_ice);
  EXPECT_EQ(modify->change.access->ice_ufrag, "newU");
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  EXPECT_THAT(h.Put(Status::kConnected, std::nullopt, offer), HasSubstr("earlier change"));
  h.Apply([&](Call& c) { c.OnMediaReady(modify->change_id, Locals("gwU2"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Connected");
  EXPECT_THAT(h.Events(), ElementsAre("Connected: Session description updated"));
  EXPECT_EQ(h.last_event.offer_sdp, offer);
  EXPECT_THAT(*h.last_event.answer_sdp, HasSubstr("a=ice-ufrag:gwU2\r\n"));
  EXPECT_THAT(*h.last_event.answer_sdp, HasSubstr("o=- 99 2 "));
}

TEST(ReofferedCall, RestartsIceOfAHeldCallWithoutChangingWhoHoldsIt) {
  CallHarness h;
  h.StartConnected();
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendonly"), h.now); });
  ASSERT_EQ(h.status(), Status::kHold);
  h.Clear();
  EXPECT_EQ(h.Put(Status::kHold, std::nullopt, Replace(sdp::kChromiumOffer, "eX6G", "newU")), "pending");
  auto modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  EXPECT_TRUE(modify->change.restart_ice);
  h.Apply([&](Call& c) { c.OnMediaReady(modify->change_id, Locals("gwU2"), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  h.Apply([&](Call& c) { c.OnRemoteOffer("A", PhoneSdp("sendrecv"), h.now); });
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(ReofferedCall, ReplacesTheOfferBeforeTheAnswerIsShown) {
  CallHarness h;
  h.StartInvited();
  h.Clear();
  std::string fuller = std::string(sdp::kChromiumOffer) + "a=end-of-candidates\r\n";
  EXPECT_EQ(h.Put(Status::kInProgress, std::nullopt, fuller), "pending");
  auto modify = h.Take<ModifyMedia>();
  EXPECT_FALSE(modify->change.restart_ice);
  h.Apply([&](Call& c) { c.OnMediaReady(modify->change_id, Locals(), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Initial");
  EXPECT_FALSE(h.call()->view().answer_sdp);
  h.Progress(180);
  EXPECT_THAT(*h.call()->view().answer_sdp, HasSubstr("o=- 99 2 "));
}

TEST(ReofferedCall, HoldsByTheDirectionOfAnOffer) {
  CallHarness h;
  h.StartConnected();
  std::string offer = Replace(sdp::kChromiumOffer, "a=sendrecv", "a=inactive");
  EXPECT_EQ(h.Put(Status::kHold, std::nullopt, offer), "pending");
  EXPECT_FALSE(h.Take<ModifyMedia>()->change.access) << "the network has not answered yet";
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  EXPECT_EQ(h.Outcome(), "pending");
  auto modify = h.Take<ModifyMedia>();
  while (modify && !modify->change.access) modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  h.Apply([&](Call& c) { c.OnMediaReady(modify->change_id, Locals(), h.now); });
  EXPECT_EQ(h.Outcome(), "ok Hold");
  EXPECT_THAT(*h.call()->view().answer_sdp, HasSubstr("a=inactive\r\n"));
}

// An offer that is refused changes nothing: neither its direction nor its ICE credentials (RFC 3264 section 8).
TEST(ReofferedCall, AHoldThatTheNetworkRefusesLeavesTheBrowsersMediaAlone) {  // Covers: C12
  CallHarness h;
  h.StartConnected();
  const std::string offer = Replace(Replace(sdp::kChromiumOffer, "a=sendrecv", "a=sendonly"), "eX6G", "newU");
  EXPECT_EQ(h.Put(Status::kHold, std::nullopt, offer), "pending");
  h.Apply([&](Call& c) { c.OnOfferFailed("A", 488, h.now); });
  EXPECT_THAT(h.Outcome(), HasSubstr("refused the change"));
  while (const auto modify = h.Take<ModifyMedia>()) EXPECT_FALSE(modify->change.access);
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(ReofferedCall, AHoldThatTheMediaPlaneRefusesIsTakenBackInTheNetwork) {
  CallHarness h;
  h.StartConnected();
  h.Put(Status::kHold, std::nullopt, Replace(sdp::kChromiumOffer, "a=sendrecv", "a=sendonly"));
  h.Clear();
  h.Apply([&](Call& c) { c.OnRemoteAnswer("A", PhoneSdp("recvonly"), h.now); });
  auto modify = h.Take<ModifyMedia>();
  while (modify && !modify->change.access) modify = h.Take<ModifyMedia>();
  ASSERT_TRUE(modify);
  h.Apply([&](Call& c) { c.OnMediaRefused(modify->change_id, "full", h.now); });
  EXPECT_EQ(h.Outcome(), "The media could not be changed: full.");
  EXPECT_THAT(h.Take<SendSdpOffer>()->sdp, HasSubstr("a=sendrecv\r\n"));
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(ReofferedCall, KeepsTheCallWhenAnOfferIsBadOrTheMediaPlaneSaysNo) {
  CallHarness h;
  h.StartConnected();
  EXPECT_THAT(h.Put(Status::kConnected, std::nullopt, "v=0"), HasSubstr("SDP"));
  h.Put(Status::kConnected, std::nullopt, sdp::kChromiumOffer);
  auto modify = h.Take<ModifyMedia>();
  h.Apply([&](Call& c) { c.OnMediaRefused(modify->change_id, "role changed", h.now); });
  EXPECT_EQ(h.Outcome(), "The media could not be changed: role changed.");
  EXPECT_EQ(h.status(), Status::kConnected);
}

TEST(ReofferedCall, RefusesStatusesThatAreNotTheClients) {
  CallHarness h;
  h.StartInvited();
  h.Outcome();
  for (Status status : {Status::kConnected, Status::kHold, Status::kDeclined, Status::kBusy, Status::kTerminated,
                        Status::kFailed, Status::kWaiting}) {
    EXPECT_THAT(h.Put(status), HasSubstr("cannot become")) << ToString(status);
    EXPECT_EQ(h.last_refusal->kind, RefusalKind::kIncompatibleState);
  }
  EXPECT_EQ(h.Put(Status::kInitial), "ok Initial");
}

TEST(ReofferedCall, AnswersWhoWaitsWhenTheCallEnds) {
  CallHarness h;
  h.StartConnected();
  h.Put(Status::kHold);
  h.Apply([&](Call& c) { c.OnEnded({}, h.now); });
  EXPECT_EQ(h.Outcome(), "The call has ended.");
}

}  // namespace
}  // namespace byon::call
