#include <gmock/gmock.h>

#include "controlplane/call/address.h"

#include "tests/controlplane/call/call_harness.h"

namespace byon::call {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CallConfig Routing(bool needs_location = false) {
  CallConfig config{.emergency_numbers = {"091", "5112"}};
  config.emergency = {
      .is_routed = true, .needs_location = needs_location, .services = {{"091", "urn:service:sos.police"}}};
  return config;
}

OutgoingRequest Request(const std::string& receiver, const std::string& id = "c1") {
  OutgoingRequest request;
  request.id = id;
  request.owner = {"r1", "client", "user", "device"};
  request.originator_address = "tel:+34600000001";
  request.receiver_address = receiver;
  request.offer_sdp = sdp::kChromiumOffer;
  return request;
}

std::string Steps(CallHarness& h) {
  std::string steps;
  while (auto one = h.Take<NotifyEmergency>()) {
    steps += std::string(ToString(one->step)) + (one->service_urn.empty() ? "" : " " + one->service_urn) +
             (one->has_location ? " located;" : ";");
  }
  return steps;
}

TEST(EmergencyCall, IsRefusedUnlessRoutedAndThatIsCounted) {  // Covers: C18
  CallHarness h(CallConfig{.emergency_numbers = {"091"}});
  h.StartOutgoing("tel:091;phone-context=+34");
  EXPECT_THAT(h.Outcome(), HasSubstr("use your phone"));
  EXPECT_EQ(Steps(h), "refused urn:service:sos;");
  EXPECT_FALSE(h.Has<CreateMedia>());
}

TEST(EmergencyCall, GoesToItsServiceWithTheLocation) {  // Covers: C18
  for (const auto& [receiver, service] : std::initializer_list<std::pair<const char*, const char*>>{
           {"tel:091;phone-context=+34", "urn:service:sos.police"},
           {"tel:+34091", "urn:service:sos.police"},
           {"tel:112;phone-context=+34", "urn:service:sos"},
           {"sip:911@ims.example", "urn:service:sos"},
           {"URN:service:sos.Mountain", "urn:service:sos.mountain"}}) {
    CallHarness h(Routing());
    OutgoingRequest request = Request(receiver);
    request.location = "<presence/>";
    request.originator_address = std::string(kAnonymousAddress);
    h.registry.CreateOutgoing(std::move(request), 1, h.now);
    h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
    EXPECT_EQ(Steps(h), std::string("routed ") + service + " located;") << receiver;
    const auto invite = h.Take<SendInvite>();
    ASSERT_TRUE(invite && invite->invite.emergency) << receiver;
    EXPECT_EQ(invite->invite.target_uri, service);
    EXPECT_EQ(invite->invite.emergency->location, "<presence/>");
    EXPECT_FALSE(invite->invite.is_anonymous) << "the service may have to call back";
    EXPECT_EQ(h.call()->view().emergency, Emergency::kCall);
  }
}

TEST(EmergencyCall, NeedsALocationWhereTheOperatorSaysSo) {  // Covers: C18
  CallHarness h(Routing(true));
  h.StartOutgoing("urn:service:sos");
  EXPECT_THAT(h.Outcome(), HasSubstr("use your phone"));
  EXPECT_EQ(h.last_refusal->kind, RefusalKind::kEmergency);
  OutgoingRequest request = Request("urn:service:sos", "c2");
  request.location = "x";
  h.registry.CreateOutgoing(std::move(request), 1, h.now);
  EXPECT_TRUE(h.registry.Find("c2"));
}

TEST(EmergencyCall, IsPastEveryLimitButItsOwn) {  // Covers: C18
  CallConfig config = Routing();
  config.max_calls = config.max_calls_per_registration = config.max_calls_per_user = 1;
  CallHarness h(config);
  h.StartOutgoing("tel:+34600000002", "busy");
  for (int i = 0; i < 4; ++i) {
    h.registry.CreateOutgoing(Request("urn:service:sos", "sos" + std::to_string(i)), 1, h.now);
    EXPECT_TRUE(h.registry.Find("sos" + std::to_string(i))) << i;
  }
  h.Clear();
  h.registry.CreateOutgoing(Request("urn:service:sos", "sos4"), 1, h.now);
  EXPECT_THAT(h.Outcome(), HasSubstr("as many emergency calls as anybody may have"));
}

TEST(EmergencyCall, NeitherDurationNorRingingNorRegistrationEndsIt) {  // Covers: C18
  CallConfig config = Routing();
  config.max_duration = std::chrono::hours(1);
  CallHarness h(config);
  h.StartOutgoing("urn:service:sos");
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Progress(180);
  h.Advance(config.ring_timeout * 3);
  EXPECT_EQ(h.status(), Status::kRinging);
  h.Answer();
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  h.registry.EndCallsOf("r1", "Registration expired", h.now);
  h.Advance(std::chrono::hours(5));
  EXPECT_EQ(h.status(), Status::kConnected);
  h.registry.Transfer({"c1", "p1", 1, "", {}}, 7, h.now);
  h.Clear();
  h.registry.Transfer({"c1", "p1", 1, "", {}}, 7, h.now);
  EXPECT_THAT(h.Outcome(), HasSubstr("emergency"));
  h.registry.EndAll("End of service", h.now);
  EXPECT_EQ(h.status(), Status::kTerminated);
}

// A service that is overrun answers in the end, however its call began.
TEST(EmergencyCall, RingsForEverWhenTheNetworkSaysThatItIsOne) {  // Covers: C18
  const CallConfig config = Routing();
  CallHarness sent_again(config);
  sent_again.StartInvited();
  sent_again.Apply([&](Call& c) { c.OnFailed({.sip_status = 380, .text = kEmergencyServiceText}, sent_again.now); });
  CallHarness asserted(config);
  asserted.StartInvited();
  asserted.registry.OnAsserted("c1", "urn:service:sos");
  for (CallHarness* h : {&sent_again, &asserted}) {
    h->Progress(180);
    h->Advance(3 * config.ring_timeout);
    EXPECT_EQ(h->status(), Status::kRinging);
    EXPECT_FALSE(h->Has<SendCancel>());
  }
}

// The network knows the number for an emergency one (TS 24.229 section 5.1.2A.1.6).
TEST(EmergencyCall, AnOrdinaryCallThatIsOneGoesOnAsOne) {  // Covers: C18
  CallHarness h(Routing());
  h.StartInvited();
  h.Clear();
  EndReason reason{.sip_status = 380, .text = kEmergencyServiceText, .service_urn = "urn:service:sos.fire"};
  h.registry.LearnEmergencyNumber("c1", reason.service_urn);
  h.Apply([&](Call& c) { c.OnFailed(reason, h.now); });
  const auto invite = h.Take<SendInvite>();
  ASSERT_TRUE(invite && invite->invite.emergency);
  EXPECT_EQ(invite->invite.target_uri, "urn:service:sos.fire");
  EXPECT_EQ(Steps(h), "routed urn:service:sos.fire;");
  EXPECT_THAT(h.Events(), IsEmpty());
  // What refuses that too has the last word.
  h.Apply([&](Call& c) { c.OnFailed(reason, h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("Failed: Emergency calls are not possible here, use your phone"));
  EXPECT_EQ(Steps(h), "use-phone;");
  // The number is known from now on, with its service.
  h.registry.CreateOutgoing(Request("tel:+34600000002", "c2"), 1, h.now);
  EXPECT_EQ(Steps(h), "routed urn:service:sos.fire;");
}

TEST(EmergencyCall, WithoutRoutingTheAppIsToldToUseThePhone) {  // Covers: C18
  CallHarness h;
  h.StartInvited();
  h.Clear();
  h.Apply([&](Call& c) { c.OnFailed({380, 0, kEmergencyServiceText}, h.now); });
  EXPECT_FALSE(h.Has<SendInvite>());
  EXPECT_EQ(Steps(h), "use-phone;");
  EXPECT_THAT(h.Events(), ElementsAre("Failed: Emergency calls are not possible here, use your phone"));
}

TEST(EmergencyCall, AnOrdinaryCallThatAServiceHasIsMarked) {  // Covers: C18
  CallHarness h(Routing());
  h.StartInvited();
  h.Clear();
  h.registry.OnAsserted("c1", "sip:+34600000002@ims.example");
  EXPECT_EQ(Steps(h), "");
  h.registry.OnAsserted("c1", "tel:091;phone-context=+34");
  h.registry.OnAsserted("c1", "urn:service:sos.police");
  EXPECT_EQ(Steps(h), "answered;") << "told once";
  EXPECT_EQ(h.call()->view().emergency, Emergency::kAnswered);
}

// TS 24.229 section 5.1.3.1: where the INVITE did not say where the caller is, an UPDATE does.
TEST(EmergencyCall, AServiceThatHasAnOrdinaryCallIsToldWhereTheCallerIs) {  // Covers: C18
  const CallConfig config = Routing();
  const auto called = [&](CallHarness& h, const std::string& location) {
    h.StartOutgoing("tel:+34600000002", "c1", sdp::kChromiumOffer, location);
    h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
    h.Clear();
    h.registry.OnAsserted("c1", "urn:service:sos.police");
    EXPECT_FALSE(h.Has<SendLocation>()) << "there is no dialog yet";
  };
  CallHarness h(config);
  called(h, "<place/>");
  h.Progress(180);
  const auto early = h.Take<SendLocation>();
  ASSERT_TRUE(early);
  EXPECT_EQ(early->dialog_id, "A");
  EXPECT_EQ(early->document, "<place/>");
  // An early dialog need not take it: once more in the one that is answered, and no more.
  h.Apply([&](Call& c) { c.OnLocationAnswered(405); });
  h.Progress(183);
  EXPECT_FALSE(h.Has<SendLocation>());
  h.Answer();
  EXPECT_EQ(h.Take<SendLocation>()->document, "<place/>");
  h.Apply([&](Call& c) { c.OnLocationAnswered(405); });
  EXPECT_FALSE(h.Has<SendLocation>());

  CallHarness answered_at_once(config);
  called(answered_at_once, "<place/>");
  answered_at_once.Answer();
  EXPECT_TRUE(answered_at_once.Has<SendLocation>());
  CallHarness nobody_knows(config);
  called(nobody_knows, "");
  nobody_knows.Answer();
  EXPECT_FALSE(nobody_knows.Has<SendLocation>());
}

TEST(EmergencyCall, ANewPlaceIsToldInTheCall) {  // Covers: C18
  CallHarness h(Routing());
  const auto tell = [&](const std::string& place, RequestId id) {
    h.Apply([&](Call& c) { c.ChangeLocation(place, id); });
  };
  h.StartOutgoing("urn:service:sos", "c1", sdp::kChromiumOffer, "<here/>");
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Progress(100, std::nullopt, "");
  h.Clear();
  tell("<there/>", 5);
  EXPECT_EQ(h.Outcome(), "pending") << "nobody has answered so far";
  tell("<elsewhere/>", 6);
  EXPECT_THAT(h.Outcome(), HasSubstr("just now"));
  h.Answer();
  h.Apply([&](Call& c) { c.OnAccessConnected(h.now); });
  EXPECT_EQ(h.Take<SendLocation>()->document, "<there/>");
  h.Apply([&](Call& c) { c.OnLocationAnswered(200); });
  EXPECT_EQ(h.Outcome(), "ok Connected");
  tell("<further/>", 7);
  const auto sent = h.Take<SendLocation>();
  EXPECT_EQ(sent->dialog_id + sent->document, "A<further/>");
  h.Apply([&](Call& c) { c.OnLocationAnswered(424); });
  EXPECT_EQ(h.Outcome(), "The network did not take the place: SIP 424.");
  tell("<end/>", 8);
  h.Apply([&](Call& c) { c.OnEnded({}, h.now); });
  EXPECT_EQ(h.Outcome(), "The call has ended.");
  CallHarness ordinary(Routing());
  ordinary.StartConnected();
  ordinary.Apply([&](Call& c) { c.ChangeLocation("<there/>", 5); });
  EXPECT_EQ(ordinary.Outcome(), "Only an emergency service is told where the caller is.");
}

TEST(EmergencyCall, ThatFailsSendsTheUserToThePhone) {  // Covers: C18
  CallHarness h(Routing());
  h.StartOutgoing("urn:service:sos");
  h.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  h.Clear();
  h.Apply([&](Call& c) { c.OnFailed({503, 0, "Service Unavailable"}, h.now); });
  EXPECT_THAT(h.Events(),
              ElementsAre("Failed: The emergency call failed (SIP 503 Service Unavailable), use your phone"));
  EXPECT_EQ(Steps(h), "use-phone;");
  CallHarness silent(Routing());
  silent.StartOutgoing("urn:service:sos");
  silent.Apply([&](Call& c) { c.OnMediaReady(0, Locals(), silent.now); });
  silent.Clear();
  silent.Advance(std::chrono::seconds(59));
  EXPECT_THAT(silent.Events(), IsEmpty()) << "several elements may be tried";
  silent.Advance(std::chrono::seconds(1));
  EXPECT_THAT(silent.Events(), ElementsAre("Failed: The network did not answer, use your phone"));
}

// As a client writes a short number: with its context, or as a user of the home domain.
TEST(EmergencyCall, TheNetworkTeachesNumbersHoweverTheyAreWritten) {  // Covers: C18
  for (const char* receiver :
       {"tel:0800;phone-context=+34", "sip:0800@ims.example", "sip:0800;phone-context=+34@ims.example;user=phone"}) {
    CallHarness h(Routing());
    h.StartOutgoing(receiver);
    EXPECT_FALSE(h.registry.IsEmergency("tel:0800;phone-context=+34"));
    h.registry.LearnEmergencyNumber("c1", "urn:service:sos.fire");
    EXPECT_TRUE(h.registry.IsEmergency("tel:0800;phone-context=+34")) << receiver;
    EXPECT_TRUE(h.registry.IsEmergency("sip:0800@ims.example")) << receiver;
  }
  CallHarness h(Routing());
  h.StartOutgoing("sip:0800@other.example");
  h.registry.LearnEmergencyNumber("c1", "");
  EXPECT_FALSE(h.registry.IsEmergency("tel:0800;phone-context=+34")) << "a user of another domain is no number here";
}

// RFC 7090: an emergency service calls back.
TEST(EmergencyCall, ACallbackAlwaysRings) {  // Covers: C18
  CallConfig config;
  config.max_calls = config.max_calls_per_registration = 1;
  config.is_call_waiting_allowed = false;
  CallHarness h(config);
  h.StartOutgoing("tel:+34600000002", "busy");
  h.Clear();
  const auto incoming = [&](const std::string& id, bool is_callback) {
    IncomingRequest request;
    request.id = id;
    request.owner = {"r1", "client", "user", "device"};
    request.invite.contact_token = "token";
    request.invite.caller.uri = "sip:112@ims.example";
    request.invite.sdp = PhoneSdp();
    request.invite.is_psap_callback = is_callback;
    h.registry.CreateIncoming(std::move(request), h.now);
  };
  incoming("plain", false);
  EXPECT_EQ(h.Take<SendReject>()->status_code, 486);
  incoming("back", true);
  EXPECT_FALSE(h.Has<SendReject>());
  h.registry.Apply("back", [&](Call& c) { c.OnMediaReady(0, Locals(), h.now); });
  EXPECT_THAT(h.Events(), ElementsAre("invitation Initial: Incoming call"));
  EXPECT_EQ(h.last_event.emergency, Emergency::kCallback);
  EXPECT_EQ(Steps(h), "callback;");
  // Anybody may write so: the next ones, here and in all, are calls like any other.
  incoming("another", true);
  EXPECT_EQ(h.Take<SendReject>()->status_code, 486) << "as many as the gateway takes beyond its bound";
  CallHarness wide(CallConfig{.is_call_waiting_allowed = false});
  for (int i = 0; i < 3; ++i) {
    IncomingRequest request;
    request.id = "back" + std::to_string(i);
    request.owner = {"r1", "client", "user", "device"};
    request.invite.sdp = PhoneSdp();
    request.invite.is_psap_callback = true;
    wide.registry.CreateIncoming(std::move(request), wide.now);
    EXPECT_EQ(wide.registry.Find("back" + std::to_string(i)) != nullptr, i < 2) << i;
  }
}

}  // namespace
}  // namespace byon::call
