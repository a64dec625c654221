// Calls that the network moves to the user's phone (TS 24.337 clause 10), and the REFER that takes us out of a joined
// call's way (RFC 5589).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controlplane/call/call_harness.h"

namespace byon::call {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kServer[] = "sip:iut@scc.ims.example";
constexpr char kNumber[] = "sip:+34600000001@ims.example";
constexpr char kOwnInstance[] = "urn:uuid:1";
const RegisteredDevice kPhone{"sip:+34600000001@ims.example;gr=urn:uuid:9", "urn:uuid:9", true};
const RegisteredDevice kBrowser{"sip:+34600000001@ims.example;gr=urn:uuid:1", kOwnInstance, true};

class NetworkMoveTest : public testing::Test {
 protected:
  void Start(MoveConfig move) {
    CallConfig config;
    config.home_domain = "ims.example";
    config.move = std::move(move);
    h.emplace(std::move(config));
    OutgoingRequest request;
    request.id = "c1";
    request.owner = {"r1", "client", "user", "device"};
    request.binding.impu = kNumber;
    request.originator_address = "tel:+34600000001";
    request.receiver_address = "tel:+34600000002";
    request.offer_sdp = sdp::kChromiumOffer;
    h->registry.CreateOutgoing(std::move(request), 1, h->now);
    h->Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h->now); });
    h->Answer();
    h->Apply([&](Call& c) { c.OnAccessConnected(h->now); });
    h->Clear();
  }
  static MoveConfig InterUe() { return {.to_phone = MoveConfig::ToPhone::kInterUe, .server_uri = kServer}; }
  // As far as the REFER.
  std::optional<OutgoingReferral> Transfer(std::vector<RegisteredDevice> devices = {kBrowser, kPhone}) {
    h->registry.Transfer({.call_id = "c1",
                          .phone_leg_id = "leg",
                          .sdp_session_id = 5,
                          .to_address = "",
                          .excluded_instances = {kOwnInstance},
                          .move_id = "move"},
                         7, h->now);
    if (!h->Has<FindDevices>()) return std::nullopt;
    OnLeg([&](Call& c) { c.OnDevices(devices, h->now); });
    auto sent = h->Take<SendReferral>();
    return sent ? std::optional(sent->referral) : std::nullopt;
  }
  void OnLeg(const std::function<void(Call&)>& input, const CallId& id = "leg") { h->registry.Apply(id, input); }
  void Referred(int status, const std::string& phrase = "", const CallId& id = "leg") {
    OnLeg([&](Call& c) { c.OnReferred(status, phrase, h->now); }, id);
  }
  void Bye(const EndReason& reason = {}) {
    h->Apply([&](Call& c) { c.OnEnded(reason, h->now); });
  }
  std::vector<std::string> Steps() {
    std::vector<std::string> steps;
    while (auto step = h->Take<NotifyTransfer>()) {
      steps.push_back(std::string(ToString(step->state)) + (step->reason.empty() ? "" : ": " + step->reason));
    }
    return steps;
  }
  bool IsOver(const CallId& id) { return !h->registry.Find(id) || h->registry.Find(id)->is_ended(); }
  void ExpectStaysOnDevice() {
    EXPECT_EQ(h->status(), Status::kConnected);
    EXPECT_TRUE(IsOver("leg"));
    EXPECT_FALSE(h->Has<SendBye>());
    EXPECT_FALSE(h->call()->CheckTransfer()) << "it can be tried again";
  }

  std::optional<CallHarness> h;
};

TEST_F(NetworkMoveTest, ThePhoneIsAskedToCallTheServerInOurPlace) {  // Covers: C31
  Start(InterUe());
  const auto asked = Transfer();
  ASSERT_TRUE(asked);
  EXPECT_EQ(h->Outcome(), "ok Connected");
  EXPECT_EQ(asked->target_uri, kPhone.gruu);
  EXPECT_EQ(asked->refer_to_uri, kServer);
  EXPECT_EQ(asked->named, "c1");
  EXPECT_EQ(asked->id, "leg");
  EXPECT_FALSE(asked->is_to_holder);
  EXPECT_FALSE(asked->names_target_dialog);
  EXPECT_THAT(asked->excluded_instances, IsEmpty());
  EXPECT_FALSE(h->Has<SendInvite>());
  EXPECT_FALSE(h->Has<CreateMedia>());
}

TEST_F(NetworkMoveTest, TheServerIsAskedToCallThePhone) {  // Covers: C31
  MoveConfig config = InterUe();
  config.refers_to_server = true;
  Start(config);
  const auto asked = Transfer();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->target_uri, kServer);
  EXPECT_EQ(asked->refer_to_uri, kPhone.gruu);
  EXPECT_TRUE(asked->is_to_holder);
  EXPECT_TRUE(asked->names_target_dialog);
}

// By the number, without the user's web devices, where the network names no phone or several.
TEST_F(NetworkMoveTest, WhereNoPhoneCanBeNamedItIsTheNumber) {  // Covers: C31
  const RegisteredDevice other{"sip:+34600000001@ims.example;gr=urn:uuid:8", "urn:uuid:8", true};
  const RegisteredDevice meter{"sip:+34600000001@ims.example;gr=urn:uuid:7", "urn:uuid:7", false};
  const RegisteredDevice nameless{"", "urn:uuid:6", true};
  const auto target = [&](std::vector<RegisteredDevice> devices) {
    Start(InterUe());
    const auto asked = Transfer(std::move(devices));
    if (!asked) return std::string("nothing");
    EXPECT_EQ(asked->excluded_instances.empty(), asked->target_uri != kNumber);
    return asked->target_uri;
  };
  EXPECT_EQ(target({}), kNumber);
  EXPECT_EQ(target({kBrowser}), kNumber);
  EXPECT_EQ(target({kPhone, other}), kNumber);
  EXPECT_EQ(target({kPhone, nameless}), kNumber);
  EXPECT_EQ(target({nameless}), kNumber);
  EXPECT_EQ(target({kPhone, meter}), kPhone.gruu);
  EXPECT_EQ(target({meter}), meter.gruu);
}

TEST_F(NetworkMoveTest, TheOldDialogEndsAfterTheReport) {  // Covers: C31
  Start(InterUe());
  Transfer();
  Referred(100);
  Referred(180, "Ringing");
  Referred(180, "Ringing");
  EXPECT_THAT(Steps(), ElementsAre("Started", "Ringing"));
  Referred(200, "OK");
  EXPECT_THAT(Steps(), ElementsAre("Completed"));
  EXPECT_THAT(h->Events(), IsEmpty());
  EXPECT_TRUE(h->call()->CheckTransfer()) << "it is on its way out";
  Bye({.q850_cause = 16});
  EXPECT_THAT(h->Events(), ElementsAre("Terminated: Call moved to another phone"));
  EXPECT_FALSE(h->Has<SendBye>());
  EXPECT_TRUE(h->Has<CloseMedia>());
  EXPECT_TRUE(IsOver("leg"));
}

TEST_F(NetworkMoveTest, TheOldDialogIsEndedByUsWhereNobodyElseDoes) {  // Covers: C31
  Start(InterUe());
  Transfer();
  Referred(200, "OK");
  h->Advance(1900ms);
  EXPECT_FALSE(h->Has<SendBye>());
  h->Advance(200ms);
  EXPECT_TRUE(h->Take<SendBye>());
  EXPECT_THAT(h->Events(), ElementsAre("Terminated: Call moved to another phone"));
}

TEST_F(NetworkMoveTest, TheReportMayComeAfterTheOldDialogsEnd) {  // Covers: C31
  Start(InterUe());
  Transfer();
  Referred(180);
  Steps();
  Bye({.q850_cause = 16});
  EXPECT_THAT(Steps(), IsEmpty());
  Referred(200, "OK");
  EXPECT_THAT(Steps(), ElementsAre("Completed"));
  EXPECT_THAT(h->Events(), ElementsAre("Terminated: Call moved to another phone"));
}

TEST_F(NetworkMoveTest, TheEndMaySayItselfThatTheCallHasMoved) {  // Covers: C31 C9
  Start(InterUe());
  Transfer();
  Referred(100);
  Steps();
  Bye({.sip_status = 200, .text = "Call completed elsewhere"});
  EXPECT_THAT(Steps(), ElementsAre("Completed"));
  EXPECT_THAT(h->Events(), ElementsAre("Terminated: Call moved to another phone"));
  EXPECT_TRUE(h->Take<LeaveReferral>());
  EXPECT_TRUE(IsOver("leg"));
}

// Whoever is called hangs up while the phone rings.
TEST_F(NetworkMoveTest, AnEndThatNobodyCallsAMoveIsTheCallsEnd) {  // Covers: C31
  for (const bool is_told : {false, true}) {
    Start(InterUe());
    Transfer();
    Referred(180);
    Steps();
    Bye({.q850_cause = 16});
    EXPECT_THAT(h->Events(), IsEmpty());
    if (is_told) {
      Referred(487, "Request Terminated");
      EXPECT_THAT(Steps(), ElementsAre("Failed: SIP 487 Request Terminated"));
    } else {
      h->Advance(2s);
      EXPECT_THAT(Steps(), ElementsAre("Failed: The call has ended"));
    }
    EXPECT_THAT(h->Events(), ElementsAre("Terminated: Call terminated by receiver"));
    EXPECT_TRUE(IsOver("leg"));
  }
}

// The network has said nothing of our REFER yet: it cannot be what ends the call.
TEST_F(NetworkMoveTest, AnEndBeforeTheReferWasTakenUpIsTheCallsEnd) {
  Start(InterUe());
  Transfer();
  Bye();
  EXPECT_THAT(h->Events(), ElementsAre("Terminated: Call terminated by receiver"));
  EXPECT_TRUE(h->Take<LeaveReferral>());
}

TEST_F(NetworkMoveTest, ARefusedReferLeavesTheCallWhereItIs) {  // Covers: C31
  for (const int status : {403, 405, 420, 603, 481, 408, 503}) {
    Start(InterUe());
    Transfer();
    Referred(status, "No");
    EXPECT_THAT(Steps(), ElementsAre("Started", "Failed: SIP " + std::to_string(status) + " No"));
    ExpectStaysOnDevice();
  }
}

TEST_F(NetworkMoveTest, APhoneThatDeclinesLeavesTheCallWhereItIs) {  // Covers: C31
  Start(InterUe());
  Transfer();
  Referred(100);
  Referred(180);
  Referred(486, "Busy Here");
  EXPECT_THAT(Steps(), ElementsAre("Started", "Ringing", "Failed: SIP 486 Busy Here"));
  ExpectStaysOnDevice();
}

TEST_F(NetworkMoveTest, SilenceLeavesTheCallWhereItIs) {  // Covers: C31
  Start(InterUe());
  Transfer();
  h->Advance(20s);
  EXPECT_THAT(Steps(), ElementsAre("Started", "Failed: The network did not answer"));
  EXPECT_TRUE(h->Take<LeaveReferral>());
  ExpectStaysOnDevice();
  // The phone rings for ever.
  Start(InterUe());
  Transfer();
  Referred(180);
  h->Advance(119s);
  EXPECT_EQ(h->status(), Status::kConnected);
  h->Advance(1s);
  EXPECT_THAT(Steps(), ElementsAre("Started", "Ringing", "Failed: Nobody answered in time"));
  EXPECT_TRUE(h->Take<LeaveReferral>());
  ExpectStaysOnDevice();
  // Not even the devices are told.
  Start(InterUe());
  h->registry.Transfer(
      {.call_id = "c1", .phone_leg_id = "leg", .sdp_session_id = 5, .to_address = "", .excluded_instances = {}}, 7,
      h->now);
  h->Advance(20s);
  EXPECT_THAT(Steps(), ElementsAre("Started", "Failed: The network did not answer"));
  ExpectStaysOnDevice();
}

TEST_F(NetworkMoveTest, TheUserMayThinkBetterOfItUntilTheNetworkHasTakenItUp) {  // Covers: C31
  Start(InterUe());
  Transfer();
  h->Outcome();
  h->registry.CancelTransfer("c1", 8, h->now);
  EXPECT_EQ(h->Outcome(), "ok Connected");
  EXPECT_THAT(Steps(), ElementsAre("Started", "Cancelled: The other side has ended"));
  EXPECT_TRUE(h->Take<LeaveReferral>());
  ExpectStaysOnDevice();
  Start(InterUe());
  Transfer();
  h->Outcome();
  Referred(180);
  h->registry.CancelTransfer("c1", 8, h->now);
  EXPECT_EQ(h->Outcome(),
            "The network is moving the call, which cannot be stopped from here: decline it on the phone.");
  EXPECT_THAT(Steps(), ElementsAre("Started", "Ringing"));
}

TEST_F(NetworkMoveTest, TheUserMayHangUpMeanwhile) {
  Start(InterUe());
  Transfer();
  Referred(180);
  h->Clear();
  h->Delete();
  EXPECT_TRUE(h->Take<SendBye>());
  EXPECT_TRUE(h->Take<LeaveReferral>());
  EXPECT_TRUE(IsOver("leg"));
  Referred(200, "OK");  // too late to be news
  EXPECT_THAT(Steps(), IsEmpty());
}

TEST_F(NetworkMoveTest, AnotherNumberIsNotTheNetworksToMoveTo) {  // Covers: C31
  Start(InterUe());
  h->registry.Transfer({.call_id = "c1",
                        .phone_leg_id = "leg",
                        .sdp_session_id = 5,
                        .to_address = "tel:+34600000009",
                        .excluded_instances = {}},
                       7, h->now);
  EXPECT_FALSE(h->Has<FindDevices>());
  EXPECT_TRUE(h->Has<CreateMedia>());
}

// ---- joined here

TEST_F(NetworkMoveTest, AJoinedPhoneIsCalledByItsOwnAddress) {  // Covers: C31
  for (const bool is_media_first : {false, true}) {
    Start({.finds_phone = true});
    h->registry.Transfer({.call_id = "c1",
                          .phone_leg_id = "leg",
                          .sdp_session_id = 5,
                          .to_address = "",
                          .excluded_instances = {kOwnInstance}},
                         7, h->now);
    if (is_media_first) OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h->now); });
    EXPECT_FALSE(h->Has<SendInvite>());
    OnLeg([&](Call& c) { c.OnDevices({kBrowser, kPhone}, h->now); });
    if (!is_media_first) OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h->now); });
    const auto invite = h->Take<SendInvite>();
    ASSERT_TRUE(invite);
    EXPECT_EQ(invite->invite.target_uri, kPhone.gruu);
    EXPECT_THAT(invite->invite.excluded_instances, IsEmpty());
    OnLeg([&](Call& c) { c.OnDevices({kPhone}, h->now); });
    EXPECT_FALSE(h->Has<SendInvite>());
  }
}

class LeavingPathTest : public NetworkMoveTest {
 protected:
  // The phone has answered, the two are joined, and the far end is asked to call it itself.
  void Join() {
    Start({.to_phone = MoveConfig::ToPhone::kRefer});
    Transfer();
    OnLeg([&](Call& c) { c.OnMediaReady(0, Locals(), h->now); });
    OnLeg([&](Call& c) { c.OnAnswered("P", PhoneSdp("sendrecv", "", "10.46.0.9"), h->now); });
    EXPECT_FALSE(h->Has<SendReferral>()) << "not before they hear each other";
    OnLeg([&](Call& c) { c.OnMediaJoined(std::nullopt, h->now); });
    const auto sent = h->Take<SendReferral>();
    ASSERT_TRUE(sent);
    asked = sent->referral;
    EXPECT_THAT(Steps(), ElementsAre("Started", "Completed"));
    h->Clear();
  }
  OutgoingReferral asked;
};

TEST_F(LeavingPathTest, TheFarEndIsAskedToTakeOurLegsPlace) {  // Covers: C32
  Join();
  EXPECT_EQ(asked.id, "move");
  EXPECT_EQ(asked.within, "c1");
  EXPECT_EQ(asked.named, "leg");
  EXPECT_EQ(asked.refer_to_uri, kNumber);
  EXPECT_FALSE(asked.is_to_holder);
  EXPECT_FALSE(asked.names_target_dialog);
  Referred(100, "", "move");
  EXPECT_TRUE(h->call()->CheckPull()) << "one thing at a time";
  Referred(180, "", "move");
  EXPECT_THAT(Steps(), IsEmpty()) << "the device has left";
  Referred(200, "OK", "move");
  EXPECT_TRUE(h->Take<SendBye>());
  EXPECT_EQ(h->last_call, "c1");
  EXPECT_TRUE(h->Take<SendBye>());
  EXPECT_EQ(h->last_call, "leg");
  EXPECT_TRUE(IsOver("c1") && IsOver("leg") && IsOver("move"));
}

TEST_F(LeavingPathTest, ThePhoneMayEndOurLegFirst) {  // Covers: C32
  Join();
  Referred(100, "", "move");
  OnLeg([&](Call& c) { c.OnEnded({.sip_status = 200, .text = "Replaced"}, h->now); });
  EXPECT_TRUE(h->Take<SendBye>());
  EXPECT_EQ(h->last_call, "c1");
  EXPECT_TRUE(IsOver("c1") && IsOver("leg") && IsOver("move"));
}

TEST_F(LeavingPathTest, WhereTheFarEndWillNotBothStayJoined) {  // Covers: C32
  for (const int status : {403, 603, 481, 408}) {
    Join();
    Referred(status, "No", "move");
    EXPECT_FALSE(h->Has<SendBye>());
    EXPECT_FALSE(IsOver("c1") || IsOver("leg"));
    EXPECT_TRUE(IsOver("move"));
    EXPECT_THAT(Steps(), IsEmpty());
    EXPECT_FALSE(h->call()->CheckPull()) << "it can come back";
    OnLeg([&](Call& c) { c.OnEnded({}, h->now); });
    EXPECT_TRUE(h->Take<SendBye>());
    EXPECT_TRUE(IsOver("c1"));
  }
  Join();
  h->Advance(20s);  // silence
  EXPECT_TRUE(IsOver("move"));
  EXPECT_FALSE(IsOver("c1") || IsOver("leg"));
}

TEST_F(LeavingPathTest, TheFarEndMayHangUpMeanwhile) {  // Covers: C32
  Join();
  Bye();
  EXPECT_TRUE(h->Take<SendBye>());
  EXPECT_EQ(h->last_call, "leg");
  EXPECT_TRUE(h->Take<LeaveReferral>());
  EXPECT_TRUE(IsOver("c1") && IsOver("leg") && IsOver("move"));
}

}  // namespace
}  // namespace byon::call
