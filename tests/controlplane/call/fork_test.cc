// INVITEs that the gateway itself forks: devices and phone ring together, and one of them has the call.
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
using ::testing::Not;

constexpr char kNumber[] = "+34600000001";
constexpr char kImpu[] = "sip:+34600000001@ims.example";
const EndReason kBusy{.sip_status = 486, .text = "Busy Here"};
const EndReason kDecline{.sip_status = 603, .text = "Decline"};

CallConfig Config() {
  CallConfig config;
  config.fork = {.is_here = true, .phone = "sip:9{digits}@phones.example;user=phone"};
  return config;
}

// The network calls "in"; the devices ring in "d1" and "d2", the phone's leg is "leg".
class ForkTest : public testing::Test {
 protected:
  explicit ForkTest(CallConfig config = Config()) : h(std::move(config)) {}

  IncomingRequest Request(const std::string& id = "in", const std::string& suffix = "") {
    IncomingRequest request;
    request.id = id;
    request.sdp_session_id = 98;
    request.owner = {"r1", "client", "user", "device1"};
    request.binding.impu = kImpu;
    request.invite.caller.uri = "sip:+34600000003@ims.example;user=phone";
    request.invite.called_uri = kImpu;
    request.invite.caller_identity = {.from_uri = "sip:+34600000003@ims.example",
                                      .display_name = "Carol",
                                      .asserted_uris = {"tel:+34600000003"},
                                      .privacy = {}};
    request.invite.sdp = PhoneSdp();
    request.invite.supports_100rel = true;
    request.invite.sip_call_id = "call-of-" + id;
    request.invite.from_tag = "tag";
    ForkSetup fork;
    fork.devices = {{"d1" + suffix, {"r1", "client", "user", "device1"}, {.impu = kImpu}},
                    {"d2" + suffix, {"r2", "client", "user", "device2"}, {.impu = kImpu}}};
    fork.phone_leg = "leg" + suffix;
    fork.sdp_session_id = 5;
    fork.phone_uri = PhoneUriOf(Config().fork.phone, kNumber);
    fork.phone_address = "tel:+34600000001";
    request.fork = std::move(fork);
    return request;
  }
  void Create(IncomingRequest request) { h.registry.CreateIncoming(std::move(request), h.now); }
  void On(const CallId& id, const std::function<void(Call&)>& input) { h.registry.Apply(id, input); }
  // What the network says of the INVITE.
  void OnDialog(const std::function<void(Call&)>& input) { On(h.registry.SignalledCall("in"), input); }
  void MediaReady(const CallId& id) {
    On(id, [&](Call& c) { c.OnMediaReady(0, Locals(id), h.now); });
  }
  // Everybody has been asked.
  void Ring(const std::string& suffix = "", const CallId& id = "in") {
    MediaReady(id);
    for (const std::string name : {"d1", "d2", "leg"}) MediaReady(name + suffix);
  }
  void StartRinging() {
    Create(Request());
    Ring();
    invite = h.Take<SendInvite>();
    h.Clear();
  }
  void PhoneRings() {
    On("leg", [&](Call& c) { c.OnProgress({"P", 180, "Ringing", {}, {}, false}, h.now); });
  }
  void PhoneAnswers() {
    On("leg", [&](Call& c) { c.OnAnswered("P", PhoneSdp("sendrecv", "", "10.46.0.9"), h.now); });
  }
  void PhoneRefuses(const EndReason& reason) {
    On("leg", [&](Call& c) { c.OnFailed(reason, h.now); });
  }
  std::string Put(const CallId& id, Status status, std::optional<std::string> answer = std::nullopt) {
    h.registry.ChangeStatus(id, {status, std::nullopt, std::move(answer), std::nullopt}, 2, h.now);
    return h.Outcome();
  }
  // Of the events since the last call those of one call.
  std::vector<std::string> EventsOf(const CallId& id) {
    std::vector<std::string> result;
    while (auto event = h.Take<NotifyDevice>()) {
      if (h.last_call != id) continue;
      result.push_back(std::string(ToString(event->view.status)) + ": " + event->view.reason);
    }
    return result;
  }
  std::vector<std::string> Steps() {
    std::vector<std::string> steps;
    while (auto step = h.Take<NotifyFork>()) steps.emplace_back(ToString(step->step));
    return steps;
  }
  bool IsOver(const CallId& id) { return !h.registry.Find(id) || h.registry.Find(id)->is_ended(); }

  CallHarness h;
  std::optional<SendInvite> invite;
};

TEST_F(ForkTest, DevicesAndPhoneAreAskedInTheCallersName) {  // Covers: C40
  Create(Request());
  EXPECT_THAT(h.Events(), IsEmpty());
  Ring();
  EXPECT_THAT(h.Events(), ElementsAre("invitation Initial: Incoming call", "invitation Initial: Incoming call"));
  const auto sent = h.Take<SendInvite>();
  ASSERT_TRUE(sent);
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_EQ(sent->invite.target_uri, "sip:934600000001@phones.example;user=phone");
  ASSERT_TRUE(sent->invite.forwarded);
  EXPECT_THAT(sent->invite.forwarded->caller.asserted_uris, ElementsAre("tel:+34600000003"));
  EXPECT_EQ(sent->invite.forwarded->called_uri, kImpu);
  EXPECT_EQ(sent->invite.forwarded->max_forwards, 69);
  EXPECT_FALSE(h.Has<SendProvisional>());
  EXPECT_EQ(h.registry.active_count(), 2u);  // those who ring
}

TEST_F(ForkTest, TheCallerHearsOneRinging) {  // Covers: C40
  StartRinging();
  PhoneRings();
  EXPECT_EQ(h.Take<SendProvisional>()->status_code, 180);
  EXPECT_EQ(h.last_call, "in");
  Put("d1", Status::kRinging);
  Put("d2", Status::kRinging);
  EXPECT_FALSE(h.Has<SendProvisional>());
}

TEST_F(ForkTest, APhonesEarlyMediaIsNotForACallerForWhomOthersRingToo) {  // Covers: C40
  StartRinging();
  On("leg", [&](Call& c) { c.OnProgress({"P", 183, "Session Progress", PhoneSdp(), "sendrecv", true}, h.now); });
  EXPECT_FALSE(h.Has<SendProvisional>());
  PhoneRings();
  EXPECT_FALSE(h.Take<SendProvisional>()->sdp);
}

TEST_F(ForkTest, ADeviceAnswers) {  // Covers: C40
  StartRinging();
  PhoneRings();
  Put("d1", Status::kRinging);
  h.Clear();
  EXPECT_EQ(Put("d2", Status::kConnected, BrowserAnswer()), "ok Connected");
  const auto accept = h.Take<SendAccept>();
  ASSERT_TRUE(accept);
  EXPECT_EQ(h.registry.SignallingIdOf(h.last_call), "in");
  const auto cancel = h.Take<SendCancel>();
  ASSERT_TRUE(cancel);
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_EQ(cancel->reason.sip_status, 200);
  EXPECT_EQ(cancel->reason.text, "Call completed elsewhere");
  EXPECT_THAT(EventsOf("d1"), ElementsAre("SessionCancelled: Call completed elsewhere"));
  EXPECT_THAT(Steps(), ElementsAre("device"));
  EXPECT_FALSE(h.Has<SendReject>());
  EXPECT_TRUE(IsOver("in"));
  EXPECT_TRUE(IsOver("leg"));
  EXPECT_EQ(h.registry.active_count(), 1u);
  // The dialog is the device's from here on.
  EXPECT_EQ(h.registry.SignalledCall("in"), "d2");
  OnDialog([&](Call& c) { c.OnConfirmed(); });
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  OnDialog([&](Call& c) { c.OnEnded({}, h.now); });
  EXPECT_THAT(EventsOf("d2"), ElementsAre("Terminated: Call terminated by originator"));
}

TEST_F(ForkTest, ThePhoneAnswers) {  // Covers: C40
  StartRinging();
  PhoneRings();
  h.Clear();
  PhoneAnswers();
  const auto accept = h.Take<SendAccept>();
  ASSERT_TRUE(accept);
  EXPECT_EQ(h.last_call, "in");
  EXPECT_THAT(accept->sdp, HasSubstr("m=audio 20000"));
  EXPECT_EQ(h.Take<JoinMedia>()->peer, "in");
  EXPECT_EQ(h.last_call, "leg");
  std::vector<std::string> told;
  while (const auto event = h.Take<NotifyDevice>()) {
    told.push_back(h.last_call + ' ' + std::string(ToString(event->view.status)) + ": " + event->view.reason);
  }
  EXPECT_THAT(told, ElementsAre("d1 SessionCancelled: Call completed elsewhere",
                                "d2 SessionCancelled: Call completed elsewhere"));
  EXPECT_THAT(Steps(), ElementsAre("phone"));
  On("leg", [&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  EXPECT_EQ(h.registry.Find("in")->record().part, Part::kAway);
  EXPECT_EQ(h.registry.active_count(), 1u);
  EXPECT_EQ(h.registry.Find("in")->CheckPull(), std::nullopt);  // a device may take it over
  h.Clear();
  OnDialog([&](Call& c) { c.OnEnded({}, h.now); });
  EXPECT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(ForkTest, ThePhoneHangsUp) {
  StartRinging();
  PhoneAnswers();
  On("leg", [&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  h.Clear();
  On("leg", [&](Call& c) { c.OnEnded({}, h.now); });
  EXPECT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "in");
  EXPECT_TRUE(IsOver("in"));
}

TEST_F(ForkTest, WhatThePhoneHasADevicePulls) {  // Covers: C20
  StartRinging();
  PhoneAnswers();
  On("leg", [&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  h.Clear();
  h.registry.Pull({.call_id = "in",
                   .id = "z",
                   .owner = {"r2", "client", "user", "device2"},
                   .originator_address = "tel:+34600000001",
                   .offer_sdp = sdp::kChromiumOffer},
                  8, h.now);
  MediaReady("z");
  On("z", [&](Call& c) { c.OnAccessConnected(h.now); });
  EXPECT_TRUE(h.Take<SendSdpOffer>());
  OnDialog([&](Call& c) { c.OnRemoteAnswer("C", PhoneSdp(), h.now); });
  EXPECT_EQ(h.registry.Find("z")->status(), Status::kConnected);
  EXPECT_TRUE(IsOver("in"));
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(ForkTest, MediaThatCannotBeJoinedEndsBothSides) {
  StartRinging();
  PhoneAnswers();
  h.Clear();
  On("leg", [&](Call& c) { c.OnMediaJoined("no such session", h.now); });
  EXPECT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_TRUE(h.Take<SendBye>());
  EXPECT_EQ(h.last_call, "in");
}

TEST_F(ForkTest, TheCallerGivesUp) {  // Covers: C40
  StartRinging();
  PhoneRings();
  h.Clear();
  OnDialog([&](Call& c) { c.OnCancelled({}, h.now); });
  EXPECT_TRUE(h.Take<SendCancel>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_THAT(h.Events(), ElementsAre("SessionCancelled: Call cancelled by originator",
                                      "SessionCancelled: Call cancelled by originator"));
  EXPECT_THAT(Steps(), ElementsAre("cancelled"));
  EXPECT_FALSE(h.Has<SendReject>());
  EXPECT_EQ(h.registry.active_count(), 0u);
}

TEST_F(ForkTest, SomebodyElseHasAnsweredInTheNetwork) {
  StartRinging();
  OnDialog([&](Call& c) { c.OnCancelled({.sip_status = 200, .text = "Call completed elsewhere"}, h.now); });
  EXPECT_EQ(h.Take<SendCancel>()->reason.sip_status, 200);
  EXPECT_THAT(EventsOf("d1"), ElementsAre("SessionCancelled: Call completed elsewhere"));
}

TEST_F(ForkTest, ABusyPhoneLeavesTheDevicesRinging) {  // Covers: C40
  StartRinging();
  PhoneRefuses(kBusy);
  EXPECT_FALSE(h.Has<SendReject>());
  EXPECT_THAT(h.Events(), IsEmpty());
  Put("d1", Status::kConnected, BrowserAnswer());
  EXPECT_TRUE(h.Take<SendAccept>());
}

TEST_F(ForkTest, DevicesThatDoNotWantItLeaveThePhoneRinging) {  // Covers: C40
  StartRinging();
  EXPECT_EQ(Put("d1", Status::kBusy), "ok Busy");
  EXPECT_EQ(Put("d2", Status::kNotReachable), "ok NotReachable");
  EXPECT_FALSE(h.Has<SendReject>());
  EXPECT_FALSE(h.Has<SendCancel>());
  PhoneAnswers();
  EXPECT_TRUE(h.Take<SendAccept>());
}

TEST_F(ForkTest, WhenAllRefuseTheCallerHearsTheBestOfIt) {  // Covers: C40
  StartRinging();
  Put("d1", Status::kNotReachable);
  PhoneRefuses({.sip_status = 503, .text = "Service Unavailable"});
  Put("d2", Status::kBusy);
  const auto reject = h.Take<SendReject>();
  ASSERT_TRUE(reject);
  EXPECT_EQ(h.last_call, "in");
  EXPECT_EQ(reject->status_code, 486);
  EXPECT_EQ(reject->reason.q850_cause, 17);
  EXPECT_THAT(Steps(), ElementsAre("refused"));
}

TEST_F(ForkTest, ADeclineEndsItForAll) {  // Covers: C40
  StartRinging();
  Put("d1", Status::kDeclined);
  EXPECT_EQ(h.Take<SendReject>()->status_code, 603);
  EXPECT_TRUE(h.Take<SendCancel>());
  EXPECT_EQ(h.last_call, "leg");
  EXPECT_TRUE(IsOver("d2"));

  Create(Request("in2", "b"));
  Ring("b", "in2");
  h.Clear();
  On("legb", [&](Call& c) { c.OnFailed(kDecline, h.now); });
  EXPECT_EQ(h.Take<SendReject>()->status_code, 603);
  EXPECT_TRUE(IsOver("d1b"));
  EXPECT_TRUE(IsOver("d2b"));
}

TEST_F(ForkTest, NobodyAnswersInTime) {
  StartRinging();
  h.Advance(120s);
  EXPECT_EQ(h.Take<SendReject>()->status_code, 480);
  EXPECT_THAT(h.Events(), ElementsAre("NoAnswer: Nobody answered in time", "NoAnswer: Nobody answered in time"));
  EXPECT_TRUE(h.Take<SendCancel>());
}

TEST_F(ForkTest, APhoneThatCannotBeReachedLeavesTheDevices) {
  StartRinging();
  h.Advance(21s);  // not so much as a 100
  EXPECT_TRUE(IsOver("leg"));
  EXPECT_FALSE(h.Has<SendReject>());
  Put("d1", Status::kConnected, BrowserAnswer());
  EXPECT_TRUE(h.Take<SendAccept>());
}

// RFC 3312: nobody rings before the caller is ready; by then it has the fork's address, and learns the device's.
TEST_F(ForkTest, ACallerWithPreconditionsIsToldTheDevicesAddress) {  // Covers: C4 C40
  const std::string qos =
      "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
      "a=des:qos mandatory remote sendrecv\r\n";
  IncomingRequest request = Request();
  request.invite.sdp = PhoneSdp("sendrecv", qos);
  request.invite.supports_precondition = true;
  Create(std::move(request));
  MediaReady("in");
  EXPECT_TRUE(h.Take<SendProvisional>()->sdp);
  EXPECT_EQ(h.registry.Find("d1"), nullptr);
  OnDialog([&](Call& c) {
    c.OnRemoteOffer("x", PhoneSdp("sendrecv", Replace(qos, "local none", "local sendrecv"), "10.46.0.4", 2), h.now);
  });
  EXPECT_TRUE(h.Take<SendSdpAnswer>()->sdp);
  for (const CallId id : {"d1", "d2", "leg"}) MediaReady(id);
  h.Clear();
  Put("d1", Status::kConnected, BrowserAnswer());
  EXPECT_TRUE(h.Take<SendAccept>());
  EXPECT_FALSE(h.Has<SendSdpOffer>());
  OnDialog([&](Call& c) { c.OnConfirmed(); });
  const auto offer = h.Take<SendSdpOffer>();
  ASSERT_TRUE(offer);
  EXPECT_EQ(h.last_call, "d1");
  EXPECT_THAT(offer->sdp, HasSubstr("o=- 98 3 "));  // the session that the caller knows, once more
  EXPECT_EQ(h.registry.Find("d1")->record().ims->rtp->ip, "10.46.0.4");
}

TEST_F(ForkTest, AnInviteWithoutAnOfferIsAnsweredByThePhone) {
  IncomingRequest request = Request();
  request.invite.sdp.reset();
  Create(std::move(request));
  Ring();
  h.Clear();
  PhoneAnswers();
  EXPECT_THAT(h.Take<SendAccept>()->sdp, HasSubstr("m=audio 20000"));
  OnDialog([&](Call& c) { c.OnRemoteAnswer("x", PhoneSdp("sendrecv", "", "10.46.0.5"), h.now); });
  EXPECT_EQ(h.registry.Find("in")->record().ims->rtp->ip, "10.46.0.5");
}

// ---- loops

TEST_F(ForkTest, ThePhonesLegThatComesBackIsALoop) {  // Covers: C40
  StartRinging();
  IncomingRequest again = Request("in2", "b");
  again.invite.session_id = "leg";  // RFC 7989: survives whoever it passed
  Create(std::move(again));
  EXPECT_EQ(h.Take<SendReject>()->status_code, 482);
  EXPECT_THAT(Steps(), ElementsAre("loop"));
  EXPECT_EQ(h.registry.Find("in2"), nullptr);
}

TEST_F(ForkTest, WhatHasLostItsMarksRingsNoPhone) {  // Covers: C40
  StartRinging();
  Create(Request("in2", "b"));  // the same caller while the phone rings for it
  Ring("b", "in2");
  EXPECT_EQ(h.registry.Find("legb"), nullptr);
  EXPECT_NE(h.registry.Find("d1b"), nullptr);
  EXPECT_THAT(Steps(), ElementsAre("no_phone", "started"));
}

TEST_F(ForkTest, NoPhoneForACallThatWasDivertedFromItOrHasTravelledTooFar) {
  IncomingRequest diverted = Request();
  diverted.invite.diversions = {{"tel:+34600000001", Diversion::Reason::kUnconditional}};
  Create(std::move(diverted));
  EXPECT_THAT(Steps(), ElementsAre("no_phone", "started"));
  IncomingRequest old = Request("in2", "b");
  old.invite.max_forwards = 1;
  old.invite.caller.uri = "tel:+34600000004";
  Create(std::move(old));
  EXPECT_THAT(Steps(), ElementsAre("no_phone", "started"));
}

TEST_F(ForkTest, OneInviteForSeveralContactsRingsOnce) {  // Covers: C40
  StartRinging();
  IncomingRequest again = Request("in2", "b");
  again.invite.sip_call_id = "call-of-in";
  Create(std::move(again));
  EXPECT_EQ(h.Take<SendReject>()->status_code, 488);
  EXPECT_THAT(Steps(), ElementsAre("merged"));
}

TEST_F(ForkTest, AnEmergencyServicesCallbackRingsEverywhere) {  // Covers: C40
  IncomingRequest request = Request();
  request.invite.is_psap_callback = true;
  Create(std::move(request));
  Ring();
  EXPECT_TRUE(h.Take<SendInvite>()->invite.forwarded->is_psap_callback);
  EXPECT_EQ(h.registry.Find("d2")->record().emergency, Emergency::kCallback);
}

TEST_F(ForkTest, ARestartWhileItRingsEndsItForAll) {
  StartRinging();
  CallHarness after(Config());
  for (const CallId id : {"in", "d1", "leg"}) after.registry.Restore(h.registry.Find(id)->record(), after.now);
  EXPECT_THAT(after.Events(), ElementsAre("Failed: The gateway was restarted before the call was answered"));
  EXPECT_EQ(after.registry.active_count(), 0u);
}

TEST_F(ForkTest, WhatADeviceOrThePhoneHasOutlivesARestart) {
  StartRinging();
  PhoneAnswers();
  On("leg", [&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  CallHarness after(Config());
  for (const CallId id : {"in", "leg"}) after.registry.Restore(h.registry.Find(id)->record(), after.now);
  after.Clear();
  after.registry.Apply("in", [&](Call& c) { c.OnEnded({}, after.now); });
  EXPECT_TRUE(after.Take<SendBye>());
  EXPECT_EQ(after.last_call, "leg");

  Create(Request("in2", "b"));
  Ring("b", "in2");
  Put("d1b", Status::kConnected, BrowserAnswer());
  after.registry.Restore(h.registry.Find("d1b")->record(), after.now);
  EXPECT_EQ(after.registry.SignalledCall("in2"), "d1b");
}

// ---- who is busy

class BusyForkTest : public ForkTest {
 protected:
  BusyForkTest()
      : ForkTest([] {
          CallConfig config = Config();
          config.is_call_waiting_allowed = false;
          return config;
        }()) {}
};

TEST_F(BusyForkTest, WhoTalksOnADeviceIsCalledOnThePhoneAlone) {
  StartRinging();
  Put("d1", Status::kConnected, BrowserAnswer());
  h.Clear();
  Create(Request("in2", "b"));
  MediaReady("in2");
  EXPECT_EQ(h.registry.Find("d1b"), nullptr);
  EXPECT_EQ(h.registry.Find("d2b"), nullptr);
  MediaReady("legb");
  EXPECT_TRUE(h.Take<SendInvite>());
  On("legb", [&](Call& c) { c.OnFailed(kBusy, h.now); });
  EXPECT_EQ(h.Take<SendReject>()->status_code, 486);
}

// Without forking in the gateway: a number is busy, not a device.
TEST_F(BusyForkTest, ANumberThatTalksIsBusyOnEveryDevice) {  // Covers: C25
  IncomingRequest first = Request();
  first.fork.reset();
  Create(std::move(first));
  MediaReady("in");
  IncomingRequest fork_of_core = Request("in2");
  fork_of_core.fork.reset();
  fork_of_core.owner.registration_id = "r2";
  fork_of_core.invite.sip_call_id = "call-of-in";
  Create(std::move(fork_of_core));
  EXPECT_FALSE(h.Has<SendReject>());  // the same call, on another device
  IncomingRequest other = Request("in3");
  other.fork.reset();
  other.owner.registration_id = "r3";
  Create(std::move(other));
  const auto reject = h.Take<SendReject>();
  ASSERT_TRUE(reject);
  EXPECT_EQ(reject->status_code, 486);
  EXPECT_EQ(reject->reason.q850_cause, 17);
}

TEST_F(BusyForkTest, ACallOnThePhoneOccupiesNoDevice) {
  StartRinging();
  PhoneAnswers();
  On("leg", [&](Call& c) { c.OnMediaJoined(std::nullopt, h.now); });
  h.Clear();
  Create(Request("in2", "b"));
  Ring("b", "in2");
  EXPECT_NE(h.registry.Find("d1b"), nullptr);
}

TEST(ForkResponsesTest, TheLowestClassAndWhatACallerUnderstands) {  // Covers: C40
  const auto best = [](std::initializer_list<int> statuses) {
    ForkResponses responses;
    for (int status : statuses) responses.Add(status);
    return responses.Best();
  };
  EXPECT_EQ(best({}), 480);
  EXPECT_EQ(best({404, 480, 486}), 486);
  EXPECT_EQ(best({404, 408}), 480);
  EXPECT_EQ(best({500, 404}), 404);
  EXPECT_EQ(best({503}), 500);
  EXPECT_EQ(best({302, 503}), 480);
  EXPECT_EQ(best({407, 500}), 480);
  EXPECT_EQ(best({486, 603}), 603);
  EXPECT_EQ(best({488}), 488);
}

}  // namespace
}  // namespace byon::call
