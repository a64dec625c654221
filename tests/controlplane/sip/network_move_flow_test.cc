// REFERs of ours that ask the network to move a call, and the search for the phone that is to have it.
#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

constexpr char kPhone[] = "sip:+34600000001@ims.test;gr=urn:uuid:9";
constexpr char kServer[] = "sip:iut@scc.ims.test";

class NetworkMoveFlowTest : public StackFixture {
 protected:
  void Begin() {
    StartStack();
    RestoreRegistration();
  }
  // A call of ours, answered by `tag`.
  SipText Connect(const std::string& id = "out-1", const std::string& tag = "bob", const std::string& headers = "") {
    stack_->signaling().Invite(Outgoing(id));
    const SipText invite = peer_.ExpectRequest("INVITE");
    peer_.Reply(invite, "200 OK", tag, headers.empty() ? CalleeHeaders() : headers, kAnswer);
    recorder_.Expect("answered " + id + " " + tag);
    peer_.ExpectRequest("ACK");
    return invite;
  }
  // To the phone.
  call::OutgoingReferral Referral() const {
    return {.id = "m1", .binding = Outgoing().binding, .named = "out-1", .target_uri = kPhone, .refer_to_uri = kServer};
  }
  SipText Refer(const call::OutgoingReferral& referral) {
    stack_->signaling().Refer(referral);
    return peer_.ExpectRequest("REFER");
  }
  // Up to the 202.
  void BeginMove() {
    Begin();
    invite_ = Connect();
    refer_ = Refer(Referral());
    peer_.Reply(refer_, "202 Accepted", "phone", CalleeHeaders());
    recorder_.Expect("referred m1 100 Accepted");
  }
  int Notify(const std::string& line, const std::string& state = "active;expires=60", const std::string& tag = "phone",
             const std::string& event = "refer", uint32_t cseq = 0) {
    const uint32_t number = cseq != 0 ? cseq : ++cseq_;
    SendToStack({.method = "NOTIFY",
                 .uri = ContactUri(),
                 .from = refer_.Get("To") + (refer_.Tag("To").empty() ? ";tag=" + tag : ""),
                 .to = refer_.Get("From"),
                 .call_id = refer_.Get("Call-ID"),
                 .cseq = number,
                 .headers = "Event: " + event + "\r\nSubscription-State: " + state +
                            (line.empty() ? "\r\n" : "\r\nContent-Type: message/sipfrag;version=2.0\r\n"),
                 .body = line.empty() ? "" : line + "\r\n",
                 .branch = ""});
    const std::string wanted = std::to_string(number) + " NOTIFY";
    return peer_.Expect([&](const SipText& m) { return m.status() >= 200 && m.Get("CSeq") == wanted; }, wanted)
        .status();
  }

  SipText invite_;
  SipText refer_;
  uint32_t cseq_ = 0;
};

TEST_F(NetworkMoveFlowTest, ThePhoneIsAskedToTakeOurDialogsPlaceAtTheServer) {  // Covers: C31
  BeginMove();
  EXPECT_EQ(refer_.request_uri(), kPhone);
  EXPECT_EQ(refer_.Get("To"), std::string("<") + kPhone + ">");
  EXPECT_EQ(refer_.Get("Refer-To"), std::string("<") + kServer + "?Replaces=" + invite_.Get("Call-ID") +
                                        "%3Bto-tag%3Dbob%3Bfrom-tag%3D" + invite_.Tag("From") + "&Require=replaces>");
  EXPECT_EQ(refer_.Get("Require"), "");
  EXPECT_EQ(refer_.Get("Referred-By"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(refer_.Get("P-Preferred-Identity"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(refer_.Get("Contact"), "<" + ContactUri() + ">");
  EXPECT_EQ(refer_.All("Route").size(), 2u);
  EXPECT_NE(refer_.Get("Call-ID"), invite_.Get("Call-ID"));
  EXPECT_EQ(Notify("SIP/2.0 100 Trying"), 200);
  EXPECT_EQ(Notify("SIP/2.0 180 Ringing"), 200);
  recorder_.Expect("referred m1 180 Ringing");
  EXPECT_EQ(Notify("SIP/2.0 200 OK", "terminated;reason=noresource"), 200);
  recorder_.Expect("referred m1 200 OK");
  EXPECT_EQ(Notify("SIP/2.0 200 OK"), 481) << "it is over";
  EXPECT_EQ(Count(SipCounter::kReferSent), 1u);
  EXPECT_EQ(Count(SipCounter::kReferFailed), 0u);
}

TEST_F(NetworkMoveFlowTest, TheDialogIsNamedInEachOfTheWays) {  // Covers: C31
  Begin();
  invite_ = Connect();
  const std::string dialog = invite_.Get("Call-ID") + ";local-tag=bob;remote-tag=" + invite_.Tag("From");
  auto referral = Referral();
  referral.names_target_dialog = true;
  referral.target_uri = "sip:+34600000001@ims.test";
  referral.excluded_instances = {"urn:uuid:1", "urn:uuid:2"};
  SipText refer = Refer(referral);
  EXPECT_EQ(refer.Get("Refer-To"), std::string("<") + kServer + "?Target-Dialog=" + invite_.Get("Call-ID") +
                                       "%3Blocal-tag%3Dbob%3Bremote-tag%3D" + invite_.Tag("From") +
                                       "&Require=tdialog>");
  EXPECT_EQ(refer.All("Reject-Contact").size(), 2u);
  peer_.Reply(refer, "403 Forbidden", "x");
  recorder_.Expect("referred m1 403 Forbidden");
  // The server's: what must not be called stands where it reads it.
  referral.is_to_holder = true;
  referral.target_uri = kServer;
  referral.refer_to_uri = "sip:+34600000001@ims.test";
  referral.excluded_instances = {"urn:uuid:1"};
  refer = Refer(referral);
  EXPECT_EQ(refer.request_uri(), kServer);
  EXPECT_EQ(refer.Get("Target-Dialog"), dialog);
  EXPECT_EQ(refer.Get("Require"), "tdialog");
  EXPECT_EQ(refer.Get("Refer-To"),
            "<sip:+34600000001@ims.test?Reject-Contact=*%3B%2Bsip.instance%3D%22%3Curn%3Auuid%3A1%3E%22>");
  EXPECT_TRUE(refer.All("Reject-Contact").empty());
}

TEST_F(NetworkMoveFlowTest, AChallengeIsAnsweredOnce) {  // Covers: C31 R3
  Begin();
  Connect();
  const auto challenge = [&](const SipText& refer) {
    peer_.Reply(refer, "407 Proxy Authentication Required", "x",
                "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"n\", qop=\"auth\"\r\n");
  };
  const SipText first = Refer(Referral());
  challenge(first);
  const SipText again = peer_.ExpectRequest("REFER");
  EXPECT_NE(again.Get("Proxy-Authorization").find(std::string("uri=\"") + kPhone), std::string::npos);
  EXPECT_EQ(again.Get("Call-ID"), first.Get("Call-ID"));
  EXPECT_EQ(again.Get("Refer-To"), first.Get("Refer-To"));
  challenge(again);
  recorder_.Expect("referred m1 407 Proxy Authentication Required");
  EXPECT_EQ(Count(SipCounter::kReferFailed), 1u);
}

TEST_F(NetworkMoveFlowTest, ATrustedNodeAssertsWhoAsks) {  // Covers: C31 T5
  config_.profile = SipProfile::kTrustedNode;
  config_.visited_network_id = "visited.test";
  Begin();
  Connect();
  const SipText refer = Refer(Referral());
  EXPECT_EQ(refer.Get("P-Asserted-Identity"), "<sip:+34600000001@ims.test>");
  EXPECT_EQ(refer.Get("P-Preferred-Identity"), "");
  EXPECT_EQ(refer.All("Route").size(), 1u);
}

TEST_F(NetworkMoveFlowTest, WhatCannotBeSentIsRefusedAtOnce) {  // Covers: C31
  Begin();
  Connect();
  auto referral = Referral();
  referral.named = "gone";
  stack_->signaling().Refer(referral);
  recorder_.Expect("referred m1 481 Call/Transaction Does Not Exist");
  referral = Referral();
  referral.id = "m2";
  referral.target_uri = "sip:a@b\r\nX: 1";
  stack_->signaling().Refer(referral);
  recorder_.Expect("referred m2 484 Address Incomplete");
  EXPECT_EQ(Count(SipCounter::kReferSent), 0u);
}

// RFC 6665 section 4.1.2.4, timer N.
TEST_F(NetworkMoveFlowTest, SilenceAfterTheAcceptanceIsAnAnswerToo) {  // Covers: C31
  config_.timers.t1 = std::chrono::milliseconds(10);
  BeginMove();
  recorder_.Expect("referred m1 408 Nobody told how it went");
  EXPECT_EQ(Count(SipCounter::kReferSilent), 1u);
  EXPECT_EQ(Notify("SIP/2.0 200 OK"), 481);
}

TEST_F(NetworkMoveFlowTest, ASubscriptionThatEndsWithoutAWordIsAFailure) {
  BeginMove();
  EXPECT_EQ(Notify("SIP/2.0 100 Trying"), 200);
  EXPECT_EQ(Notify("", "terminated;reason=giveup"), 200);
  recorder_.Expect("referred m1 480 Nobody tells how it goes any more");
}

TEST_F(NetworkMoveFlowTest, AReportThatSaysNothingIsRefused) {
  BeginMove();
  EXPECT_EQ(Notify("SIP/2.0 180 Ringing", "active", "phone", "presence"), 489);
  EXPECT_EQ(Notify("Ringing"), 400);
  EXPECT_EQ(Count(SipCounter::kReferMalformed), 2u);
  EXPECT_EQ(Notify("SIP/2.0 180 Ringing", "active", "phone", "refer", 9), 200);
  EXPECT_EQ(Notify("SIP/2.0 603 Decline", "active", "phone", "refer", 8), 500) << "older than the last";
  EXPECT_EQ(Count(SipCounter::kRefusedOldSequence), 1u);
  EXPECT_EQ(Notify("SIP/2.0 603 Decline", "terminated", "phone", "refer", 10), 200);
  recorder_.Expect("referred m1 603 Decline");
}

// A REFER to the number reaches several phones, and each tells of itself.
TEST_F(NetworkMoveFlowTest, OfSeveralPhonesOneIsEnough) {  // Covers: C31
  BeginMove();
  EXPECT_EQ(Notify("SIP/2.0 180 Ringing"), 200);
  EXPECT_EQ(Notify("SIP/2.0 180 Ringing", "active", "other"), 200);
  EXPECT_EQ(Notify("SIP/2.0 486 Busy Here", "terminated;reason=noresource"), 200);
  EXPECT_EQ(Notify("SIP/2.0 200 OK", "terminated;reason=noresource", "other"), 200);
  recorder_.Expect("referred m1 200 OK");
  EXPECT_FALSE(recorder_.Has("referred m1 486 Busy Here"));
}

TEST_F(NetworkMoveFlowTest, NobodyIsToldWhoDoesNotListenAnyMore) {
  BeginMove();
  stack_->signaling().LeaveReferral("m1");
  Settle();
  EXPECT_EQ(Notify("SIP/2.0 200 OK"), 481);
  EXPECT_FALSE(recorder_.Has("referred m1 200 OK"));
}

// Both sides are joined here; the far one is asked to call the phone in the place of our leg (RFC 5589 section 7).
TEST_F(NetworkMoveFlowTest, TheFarEndIsAskedInItsDialog) {  // Covers: C32
  Begin();
  invite_ = Connect();
  const SipText leg = Connect("leg", "phone");
  auto referral = Referral();
  referral.within = "out-1";
  referral.named = "leg";
  referral.refer_to_uri = "sip:+34600000001@ims.test";
  refer_ = Refer(referral);
  EXPECT_EQ(refer_.request_uri(), peer_.uri());
  EXPECT_EQ(refer_.Get("Call-ID"), invite_.Get("Call-ID"));
  EXPECT_EQ(refer_.Tag("To"), "bob");
  EXPECT_EQ(refer_.Get("Refer-To"), "<sip:+34600000001@ims.test?Replaces=" + leg.Get("Call-ID") +
                                        "%3Bto-tag%3Dphone%3Bfrom-tag%3D" + leg.Tag("From") + "&Require=replaces>");
  peer_.Reply(refer_, "202 Accepted", "", CalleeHeaders());
  recorder_.Expect("referred m1 100 Accepted");
  EXPECT_EQ(Notify("SIP/2.0 100 Trying", "active", "", "refer", 5), 200);
  EXPECT_EQ(Notify("SIP/2.0 200 OK", "active", "", "refer", 4), 500);
  EXPECT_EQ(Notify("SIP/2.0 200 OK", "terminated;reason=noresource", "", "refer", 6), 200);
  recorder_.Expect("referred m1 200 OK");
}

TEST_F(NetworkMoveFlowTest, APhonesOwnAddressGoesBeforeItsNumber) {  // Covers: C32
  Begin();
  Connect();
  Connect("named", "gruu", std::string("Contact: <") + kPhone + ">\r\nRecord-Route: <" + peer_.uri() + ";lr>\r\n");
  auto referral = Referral();
  referral.within = "out-1";
  referral.named = "named";
  referral.refer_to_uri = "sip:+34600000001@ims.test";
  EXPECT_TRUE(Refer(referral).Get("Refer-To").starts_with(std::string("<") + kPhone + "?Replaces="));
}

TEST_F(NetworkMoveFlowTest, APullMayNameItsDialogByTargetDialog) {  // Covers: C31
  Begin();
  auto pull = Outgoing();
  pull.target_uri = kServer;
  pull.replaces = call::ReplacedDialog{"phone-call", "far", "near"};
  pull.names_target_dialog = true;
  stack_->signaling().Invite(pull);
  const SipText invite = peer_.ExpectRequest("INVITE");
  EXPECT_EQ(invite.Get("Target-Dialog"), "phone-call;local-tag=far;remote-tag=near");
  EXPECT_EQ(invite.Get("Require"), "tdialog");
  EXPECT_EQ(invite.Get("Replaces"), "");
}

// ---- which phones there are

class DeviceSearchTest : public NetworkMoveFlowTest {
 protected:
  SipText Search() {
    stack_->signaling().FindDevices("c1", Outgoing().binding);
    return peer_.ExpectRequest("SUBSCRIBE");
  }
  void Tell(const SipText& subscribe, const std::string& body) {
    SendToStack({.method = "NOTIFY",
                 .uri = ContactUri(),
                 .from = subscribe.Get("To") + ";tag=core",
                 .to = subscribe.Get("From"),
                 .call_id = subscribe.Get("Call-ID"),
                 .cseq = 1,
                 .headers = "Event: reg\r\nSubscription-State: terminated;reason=timeout\r\n"
                            "Content-Type: application/reginfo+xml\r\n",
                 .body = body,
                 .branch = ""});
    peer_.ExpectStatus(200, "NOTIFY");
    recorder_.Expect("devices c1");
  }
  // The same device under each of its identities, one that is gone, and one whose GRUU is no URI for a message.
  static constexpr const char* kDocument = R"(<?xml version="1.0"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" version="0" state="full">
 <registration aor="tel:+34600000001" id="t" state="active">
  <contact id="1" state="active" event="registered"><uri>sip:a@10.0.0.1</uri>
   <unknown-param name="+sip.instance">"&lt;urn:uuid:9&gt;"</unknown-param>
   <gr:pub-gruu uri="sip:other@ims.test;gr=urn:uuid:9"/></contact></registration>
 <registration aor="sip:+34600000001@ims.test" id="s" state="active">
  <contact id="1" state="active" event="registered"><uri>sip:a@10.0.0.1</uri>
   <unknown-param name="+sip.instance">"&lt;urn:uuid:9&gt;"</unknown-param><unknown-param name="audio"/>
   <gr:pub-gruu uri="sip:+34600000001@ims.test;gr=urn:uuid:9"/></contact>
  <contact id="2" state="terminated" event="expired"><uri>sip:b@10.0.0.2</uri>
   <gr:pub-gruu uri="sip:+34600000001@ims.test;gr=2"/></contact>
  <contact id="3" state="active" event="registered"><uri>sip:c@10.0.0.3</uri>
   <gr:pub-gruu uri="sip:x@y&gt;&#13;&#10;X: 1"/></contact></registration></reginfo>)";
};

TEST_F(DeviceSearchTest, TheRegistrationStateIsFetchedOnce) {  // Covers: C31
  Begin();
  const SipText subscribe = Search();
  EXPECT_EQ(subscribe.request_uri(), "sip:+34600000001@ims.test");
  EXPECT_EQ(subscribe.Get("Event"), "reg");
  EXPECT_EQ(subscribe.Get("Expires"), "0");
  EXPECT_EQ(subscribe.All("Route").size(), 2u);
  peer_.Reply(subscribe, "200 OK", "core", "Expires: 0\r\nContact: <" + peer_.uri() + ">\r\n");
  Tell(subscribe, kDocument);
  ASSERT_EQ(recorder_.devices.size(), 2u);
  EXPECT_EQ(recorder_.devices[0].gruu, kPhone);
  EXPECT_EQ(recorder_.devices[0].instance_id, "urn:uuid:9");
  EXPECT_TRUE(recorder_.devices[0].is_phone);
  EXPECT_EQ(recorder_.devices[1].gruu, "") << "what is unsafe is none";
}

TEST_F(DeviceSearchTest, ADocumentMayOvertakeTheAnswer) {
  Begin();
  const SipText subscribe = Search();
  Tell(subscribe, kDocument);
  EXPECT_EQ(recorder_.devices.size(), 2u);
}

TEST_F(DeviceSearchTest, ANetworkThatDoesNotTellKnowsNone) {  // Covers: C31
  Begin();
  const SipText refused = Search();
  peer_.Reply(refused, "489 Bad Event", "core");
  recorder_.Expect("devices c1");
  EXPECT_TRUE(recorder_.devices.empty());
  const SipText gone = Search();
  peer_.Reply(gone, "503 Service Unavailable", "core");
  recorder_.Expect("devices c1", 2);
  const SipText broken = Search();
  recorder_.events.clear();
  Tell(broken, "<reginfo");
  EXPECT_TRUE(recorder_.devices.empty());
  EXPECT_EQ(Count(SipCounter::kRegEventMalformed), 1u);
}

TEST_F(DeviceSearchTest, NobodyWaitsForASilentNetwork) {  // Covers: C31
  config_.timers.device_search = std::chrono::milliseconds(30);
  Begin();
  Search();
  recorder_.Expect("devices c1");
  EXPECT_TRUE(recorder_.devices.empty());
}

}  // namespace
}  // namespace byon::sip::test
