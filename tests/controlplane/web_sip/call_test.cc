// Calls of SIP clients, and what happens in any call.
#include "tests/controlplane/web_sip/call_fixture.h"

namespace byon::web_sip {
namespace {

TEST_F(CallTest, AClientCallsAndHangsUp) {
  Client& client = Registered();
  const std::string id = Dial(client, InviteParts());
  ASSERT_EQ(world_.sip.invites.size(), 1u);
  EXPECT_EQ(world_.sip.invites[0].target_uri, "tel:+34600000002");
  EXPECT_EQ(world_.sip.invites[0].display_name, "Alice");
  Ring(id);
  const SipMessage ringing = client.Next();
  EXPECT_EQ(ringing.status(), 180);
  EXPECT_EQ(ringing.ContentType(), "application/sdp") << "ICE and DTLS come up before the answer";
  world_.gateway->OnAnswered(id, "A", call::PhoneSdp());
  const SipMessage ok = client.Next();
  EXPECT_EQ(ok.status(), 200);
  EXPECT_EQ(ok.body(), ringing.body()) << "RFC 3261 section 13.2.1";
  EXPECT_EQ(ok.Text("To"), ringing.Text("To"));
  EXPECT_THAT(ok.Text("Contact"), HasSubstr("@gw.example;transport=ws>"));
  world_.gateway->OnAccessConnected(id);
  client.Send(Text("ACK", kBob, InDialog(ok, 1)));
  Advance(seconds(40));
  EXPECT_FALSE(client.has_news()) << "acknowledged: nothing more is due";
  EXPECT_EQ(Ask(client, "BYE", InDialog(ok, 2)), 200);
  EXPECT_THAT(Sip(), Contains("bye " + id));
  EXPECT_EQ(web_sip_->calls(), 0u);
  EXPECT_EQ(Ask(client, "BYE", InDialog(ok, 3)), 481);
  EXPECT_EQ(Count(Counter::kNoDialog), 1u);
}

TEST_F(CallTest, AClientMovesItsCallToThePhone) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  const auto refer = [&](int cseq, const std::string& to) {
    RequestParts parts = InDialog(ok, cseq);
    parts.headers = {{"Refer-To", to}, {"Contact", Contact()}};
    return parts;
  };
  EXPECT_EQ(Ask(client, "REFER", refer(2, "<sip:+34600000009@ims.test?Replaces=x>")), 403);
  EXPECT_EQ(Ask(client, "REFER", refer(3, "<mailto:x@y>")), 404);
  EXPECT_EQ(Ask(client, "REFER", refer(4, "")), 400);
  EXPECT_EQ(Ask(client, "REFER", refer(5, std::string("<") + kAor + ">")), 202);
  SipMessage notify = client.Next();
  EXPECT_EQ(notify.method(), "NOTIFY");
  EXPECT_EQ(notify.Text("Event"), "refer;id=5");
  EXPECT_EQ(notify.body(), "SIP/2.0 100 Trying\r\n");
  client.Send(Answer(notify, 200));
  EXPECT_EQ(Ask(client, "REFER", refer(6, std::string("<") + kAor + ">")), 491);
  const std::string leg = world_.media.created.back().first;
  world_.media.Ready(leg);
  EXPECT_EQ(world_.sip.invites.back().target_uri, "sip:+34600000001@ims.example");
  EXPECT_EQ(world_.sip.invites.back().excluded_instances.size(), 1u);
  call::Progress progress;
  progress.dialog_id = "P";
  progress.status_code = 180;
  world_.gateway->OnProgress(leg, progress);
  notify = client.Next();
  EXPECT_EQ(notify.body(), "SIP/2.0 180 Ringing\r\n");
  client.Send(Answer(notify, 200));
  world_.gateway->OnAnswered(leg, "P", call::PhoneSdp());
  notify = client.Next();
  EXPECT_EQ(notify.body(), "SIP/2.0 200 OK\r\n");
  EXPECT_EQ(notify.Text("Subscription-State"), "terminated;reason=noresource");
  client.Send(Answer(notify, 200));
  EXPECT_EQ(client.Next().method(), "BYE") << "the call goes on without the client";
  EXPECT_THAT(Sip(), testing::Not(Contains("bye " + leg)));
}

TEST_F(CallTest, APhoneThatIsBusyLeavesTheCallWithTheClient) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  RequestParts parts = InDialog(ok, 2);
  parts.headers = {{"Refer-To", "<tel:+34600000009>"}, {"Contact", Contact()}};
  EXPECT_EQ(Ask(client, "REFER", parts), 202);
  client.Send(Answer(client.Next(), 200));
  const std::string leg = world_.media.created.back().first;
  world_.media.Ready(leg);
  world_.gateway->OnFailed(leg, {.sip_status = 486, .text = "Busy Here"});
  const SipMessage notify = client.Next();
  EXPECT_EQ(notify.body(), "SIP/2.0 486 Busy Here\r\n");
  client.Send(Answer(notify, 200));
  EXPECT_FALSE(client.has_news());
  EXPECT_EQ(Ask(client, "BYE", InDialog(ok, 3)), 200);
}

TEST_F(CallTest, TheOtherSideHangsUp) {
  Client& client = Registered();
  Connected(client);
  world_.gateway->OnEnded(world_.media.created.back().first, {});
  const SipMessage bye = client.Next();
  EXPECT_EQ(bye.method(), "BYE");
  EXPECT_EQ(bye.uri(), "sip:alice@c.invalid;transport=ws");
  EXPECT_THAT(bye.Text("Reason"), HasSubstr("Q.850;cause=16"));
  client.Send(Answer(bye, 200));
  EXPECT_EQ(Count(Counter::kUnmatchedResponse), 0u);
  client.Send(Answer(bye, 200));
  EXPECT_EQ(Count(Counter::kUnmatchedResponse), 1u);
}

TEST_F(CallTest, TheNetworksRefusalIsTheClients) {
  Client& client = Registered();
  int cseq = 0;
  for (const auto& [code, phrase] : std::map<int, std::string>{{404, "Not Found"},
                                                               {480, "Temporarily Unavailable"},
                                                               {486, "Busy Here"},
                                                               {488, "Not Acceptable Here"},
                                                               {603, "Decline"},
                                                               {604, "Does Not Exist Anywhere"}}) {
    const std::string id = Dial(client, InviteParts(++cseq));
    world_.gateway->OnFailed(id, {.sip_status = code, .text = phrase});
    const SipMessage refused = client.Next();
    EXPECT_EQ(refused.status(), code);
    EXPECT_THAT(refused.Text("Reason"), HasSubstr("SIP;cause=" + std::to_string(code)));
    RequestParts ack = InDialog(refused, cseq);
    ack.branch = "z9hG4bKinvite" + std::to_string(cseq);
    client.Send(Text("ACK", kBob, ack));
  }
  EXPECT_EQ(Count(Counter::kUnmatchedAck), 0u);
  const std::string id = Dial(client, InviteParts(++cseq));
  world_.gateway->OnFailed(id, {.sip_status = 407, .text = "Proxy Authentication Required"});
  EXPECT_EQ(client.NextStatus(), 500) << "not the client's to answer";
  EXPECT_EQ(web_sip_->calls(), 0u);
}

TEST_F(CallTest, CancelEndsARingingCall) {
  Client& client = Registered();
  const std::string id = Dial(client, InviteParts());
  Ring(id);
  EXPECT_EQ(client.NextStatus(), 180);
  RequestParts cancel = InviteParts();
  cancel.headers.clear();
  cancel.body.clear();
  client.Send(Text("CANCEL", kBob, cancel));
  const SipMessage first = client.Next();
  EXPECT_EQ(first.status(), 200);
  EXPECT_EQ(first.Text("CSeq"), "1 CANCEL");
  EXPECT_EQ(client.NextStatus(), 487);
  EXPECT_THAT(Sip(), Contains("cancel " + id));
  cancel.branch = "z9hG4bKother";
  client.Send(Text("CANCEL", kBob, cancel));
  EXPECT_EQ(client.NextStatus(), 481);
}

// RFC 5621 and RFC 6442: a location beside the offer.
std::string WithLocation(const std::string& document, const std::string& more = "") {
  return std::string("--b1\r\nContent-Type: application/sdp\r\n\r\n") + sdp::kChromiumOffer +
         "\r\n--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <a@c.invalid>\r\n\r\n" + document + "\r\n" +
         more + "--b1--\r\n";
}

TEST_F(CallTest, ACallForHelpTellsWhereTheClientIs) {
  web_sip_.reset();
  world_.config.call.emergency.is_routed = true;
  world_.config.call.emergency.needs_location = true;
  world_.Build();
  config_.routes_emergencies = true;
  Start();
  Client& client = Registered();
  RequestParts parts = InviteParts();
  EXPECT_EQ(Ask(client, "INVITE", parts, "urn:service:sos"), 380) << "nobody knows where it is";
  parts = InviteParts(2);
  parts.content_type = "multipart/mixed; boundary=b1";
  parts.headers.emplace_back("Geolocation", "<cid:a@c.invalid>");
  parts.body = WithLocation(
      "<presence><location-info><Circle><pos>40.4 -3.7</pos><radius>25</radius></Circle></location-info></presence>");
  const std::string id = Dial(client, parts, "urn:service:sos");
  ASSERT_FALSE(id.empty());
  ASSERT_EQ(world_.sip.invites.size(), 1u);
  const std::string sent = world_.sip.invites.back().emergency.value().location;
  EXPECT_THAT(sent, HasSubstr("<gml:pos>40.4000000 -3.7000000</gml:pos>"));
  EXPECT_THAT(sent, HasSubstr("25.0</gs:radius>"));
}

TEST_F(CallTest, BodiesInPartsAreJudgedAsAWhole) {
  Client& client = Registered();
  int cseq = 0;
  const auto ask = [&](const std::string& body, const std::string& type = "multipart/mixed; boundary=b1") {
    Advance(seconds(1));
    RequestParts parts = InviteParts(++cseq);
    parts.content_type = type;
    parts.body = body;
    return Ask(client, "INVITE", parts);
  };
  const std::string place = "<presence><location-info><Point><pos>40.4 -3.7</pos></Point></location-info></presence>";
  EXPECT_EQ(ask(WithLocation("<presence><location-info><Point><pos>91 0</pos></Point></location-info></presence>")),
            424);
  EXPECT_EQ(ask(WithLocation("nonsense")), 424);
  EXPECT_EQ(ask(WithLocation(place), "multipart/mixed; boundary=b2"), 400);
  EXPECT_EQ(ask("--b1\r\nContent-Type: application/pidf+xml\r\n\r\n" + place + "\r\n--b1--\r\n"), 488) << "no offer";
  EXPECT_EQ(ask(WithLocation(place, "--b1\r\nContent-Type: image/png\r\n\r\nx\r\n")), 415);
  EXPECT_TRUE(world_.sip.invites.empty());
  EXPECT_EQ(web_sip_->calls(), 0u);
  RequestParts good = InviteParts(++cseq);
  good.content_type = "multipart/mixed; boundary=b1";
  good.body = WithLocation(
      place, "--b1\r\nContent-Type: image/png\r\nContent-Disposition: icon; handling=optional\r\n\r\nx\r\n");
  EXPECT_FALSE(Dial(client, good).empty());
  EXPECT_FALSE(world_.sip.invites.back().emergency) << "an ordinary call tells nobody where";
}

TEST_F(CallTest, CallsThatCannotBeAreRefused) {
  Client& stranger = Connect();
  EXPECT_EQ(Ask(stranger, "INVITE", InviteParts()), 401);
  RequestParts parts = InviteParts(2);
  parts.headers.emplace_back("Authorization", Bearer());
  EXPECT_EQ(Ask(stranger, "INVITE", parts), 403) << "not registered";
  EXPECT_EQ(Count(Counter::kNotRegistered), 1u);
  parts = InviteParts(3);
  parts.headers.emplace_back("Authorization", Bearer());
  EXPECT_EQ(Ask(stranger, "INVITE", parts, "tel:112"), 380) << "help goes before the registration";
  Client& client = Registered();
  const auto refused = [&](int cseq, auto change, const std::string& uri = kBob) {
    RequestParts one = InviteParts(cseq);
    change(one);
    Advance(seconds(1));  // within the rate that one user has
    client.Send(Text("INVITE", uri, one));
    SipMessage response = client.Next();
    if (response.status() == 100) response = client.Next();
    return response;
  };
  EXPECT_EQ(refused(1, [](auto& p) { p.body.clear(); }).status(), 488);
  EXPECT_EQ(refused(2, [](auto& p) { p.content_type = "text/plain"; }).status(), 415);
  EXPECT_EQ(refused(3, [](auto& p) { p.body = "v=0\r\n"; }).status(), 488);
  EXPECT_EQ(refused(4, [](auto& p) { p.headers.erase(p.headers.begin()); }).status(), 400) << "no Contact";
  EXPECT_EQ(refused(5, [](auto& p) { p.from = "<sip:+34600000009@ims.test>;tag=f"; }).status(), 403);
  EXPECT_EQ(refused(
                6, [](auto&) {}, "sip:ims.test")
                .status(),
            404);
  const SipMessage emergency = refused(
      7, [](auto&) {}, "sip:112@ims.test");
  EXPECT_EQ(emergency.status(), 380);
  EXPECT_THAT(emergency.body(), HasSubstr("<type>emergency</type>"));
  EXPECT_EQ(refused(
                8, [](auto&) {}, "urn:service:sos")
                .status(),
            380);
  EXPECT_EQ(refused(
                11, [](auto& p) { p.body.clear(); }, "sip:112@ims.test")
                .status(),
            380)
      << "and before the offer";
  EXPECT_EQ(refused(
                12, [](auto& p) { p.headers.erase(p.headers.begin()); }, "tel:112")
                .status(),
            380)
      << "and the Contact";
  int cseq = 20;
  for (const char* help : {"tel:112", "sip:112@192.0.2.7", "tel:+34112"}) {
    EXPECT_EQ(refused(
                  ++cseq, [](auto& p) { p.from = "<sip:nobody@elsewhere.invalid>;tag=f"; }, help)
                  .status(),
              380)
        << help;
  }
  EXPECT_EQ(refused(9, [](auto& p) { p.headers.emplace_back("Session-Expires", "30"); }).status(), 422);
  EXPECT_EQ(refused(10, [](auto& p) { p.headers.emplace_back("Require", "100rel"); }).status(), 420);
  EXPECT_TRUE(world_.sip.invites.empty());
  EXPECT_EQ(Count(Counter::kBadBody), 2u);
  EXPECT_EQ(Count(Counter::kBadExtension), 1u);
  EXPECT_EQ(Count(Counter::kHelpRefused), 8u);
  EXPECT_EQ(web_sip_->calls(), 0u);
}

TEST_F(CallTest, ManyRequestsAtATimeAreRefused) {
  config_.max_transactions = 2;
  Start();
  Client& client = Registered();
  Dial(client, InviteParts(1));
  Dial(client, InviteParts(2));
  EXPECT_EQ(Ask(client, "INVITE", InviteParts(3)), 503);
  EXPECT_EQ(Count(Counter::kTooManyTransactions), 1u);
}

TEST_F(CallTest, AnAnonymousCallHidesTheNumber) {
  Client& client = Registered();
  RequestParts parts = InviteParts();
  parts.from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=f1";
  parts.headers.emplace_back("Privacy", "id");
  Dial(client, parts);
  ASSERT_EQ(world_.sip.invites.size(), 1u);
  EXPECT_TRUE(world_.sip.invites[0].is_anonymous);
}

TEST_F(CallTest, AnAnswerWithoutAckEnds) {
  Client& client = Registered();
  const std::string id = Dial(client, InviteParts());
  world_.gateway->OnAnswered(id, "A", call::PhoneSdp());
  world_.gateway->OnAccessConnected(id);
  EXPECT_EQ(client.NextStatus(), 200);
  Advance(seconds(33));
  EXPECT_EQ(client.Next().method(), "BYE");
  EXPECT_EQ(Count(Counter::kAckTimeout), 1u);
  EXPECT_THAT(Sip(), Contains("bye " + id));
}

TEST_F(CallTest, HoldAndResumeByReinvite) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  const std::string id = world_.media.created.back().first;
  RequestParts hold = InDialog(ok, 2);
  hold.headers = {{"Contact", Contact()}};
  hold.body = sdp::kChromiumOffer;
  hold.body.replace(hold.body.find("a=sendrecv"), 10, "a=sendonly");
  client.Send(Text("INVITE", kBob, hold));
  EXPECT_EQ(client.NextStatus(), 100);
  RequestParts second = hold;
  second.cseq = 3;
  EXPECT_EQ(Ask(client, "INVITE", second), 491) << "one at a time";
  EXPECT_EQ(Count(Counter::kGlare), 1u);
  world_.gateway->OnMediaReady(id, 2, call::Locals());
  for (uint64_t change = 1; change < 8; ++change) world_.gateway->OnMediaReady(id, change, call::Locals());
  EXPECT_THAT(Sip(), Contains("offer"));
  world_.gateway->OnRemoteAnswer(id, "A", call::PhoneSdp());
  // The client's media follow when the network has agreed.
  for (uint64_t change = 1; change < 20; ++change) world_.gateway->OnMediaReady(id, change, call::Locals());
  const SipMessage held = client.Next();
  EXPECT_EQ(held.status(), 200);
  EXPECT_THAT(held.body(), HasSubstr("a=recvonly"));
  EXPECT_EQ(
      std::get<gateway::MediaSession>(world_.gateway->GetCall({.client_id = "web", .subject = "alice"}, id)).status,
      call::Status::kHold);
}

TEST_F(CallTest, AReinviteWhileTheOtherSideHoldsRenewsTheMedia) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  const std::string id = world_.media.created.back().first;
  world_.gateway->OnRemoteOffer(id, "A", call::PhoneSdp("sendonly"));
  const auto status = [&] {
    return std::get<gateway::MediaSession>(world_.gateway->GetCall({.client_id = "web", .subject = "alice"}, id))
        .status;
  };
  ASSERT_EQ(status(), call::Status::kHold);
  uint64_t changes = 0;
  const auto reinvite = [&](int cseq, const std::string& direction) {
    RequestParts parts = InDialog(ok, cseq);
    parts.headers = {{"Contact", Contact()}};
    parts.body = sdp::kChromiumOffer;
    parts.body.replace(parts.body.find("a=sendrecv"), 10, "a=" + direction);
    client.Send(Text("INVITE", kBob, parts));
    EXPECT_EQ(client.NextStatus(), 100);
    while (changes < 20 && !client.has_news()) world_.gateway->OnMediaReady(id, ++changes, call::Locals());
    if (!client.has_news()) world_.gateway->OnRemoteAnswer(id, "A", call::PhoneSdp("sendonly"));
    for (changes = 0; changes < 20 && !client.has_news();) world_.gateway->OnMediaReady(id, ++changes, call::Locals());
    changes = 0;
    return client.Next();
  };
  // An ICE restart, say: nothing about who holds changes.
  const SipMessage renewed = reinvite(2, "sendrecv");
  EXPECT_EQ(renewed.status(), 200);
  EXPECT_THAT(renewed.body(), HasSubstr("a=sendrecv"));
  EXPECT_EQ(status(), call::Status::kHold);
  // Its own hold beside that of the other side, and its end.
  const SipMessage held = reinvite(3, "sendonly");
  EXPECT_EQ(held.status(), 200);
  EXPECT_THAT(held.body(), HasSubstr("a=recvonly"));
  const SipMessage resumed = reinvite(4, "sendrecv");
  EXPECT_EQ(resumed.status(), 200);
  EXPECT_THAT(resumed.body(), HasSubstr("a=sendrecv"));
  EXPECT_EQ(status(), call::Status::kHold) << "the other side still holds";
  world_.gateway->OnRemoteOffer(id, "A", call::PhoneSdp("sendrecv"));
  EXPECT_EQ(status(), call::Status::kConnected);
}

TEST_F(CallTest, UpdateKeepsTheSessionAliveAndItsAbsenceEndsIt) {
  Client& client = Registered();
  RequestParts parts = InviteParts();
  parts.headers.emplace_back("Session-Expires", "120");
  const SipMessage ok = Connected(client, parts);
  EXPECT_EQ(ok.Text("Session-Expires"), "120;refresher=uac");
  EXPECT_EQ(ok.Text("Require"), "timer");
  Advance(seconds(80));
  RequestParts update = InDialog(ok, 2);
  update.headers = {{"Contact", Contact()}, {"Supported", "timer"}, {"Session-Expires", "120;refresher=uac"}};
  EXPECT_EQ(Ask(client, "UPDATE", update), 200);
  Advance(seconds(80));
  EXPECT_FALSE(client.has_news());
  EXPECT_EQ(Ask(client, "UPDATE", update), 500) << "the CSeq of before";
  Advance(seconds(41));
  EXPECT_EQ(client.Next().method(), "BYE");
  EXPECT_EQ(Count(Counter::kSessionExpired), 1u);
}

TEST_F(CallTest, WeRefreshWhenTheClientWantsUsTo) {
  Client& client = Registered();
  RequestParts parts = InviteParts();
  parts.headers.emplace_back("Session-Expires", "120;refresher=uas");
  Connected(client, parts);
  Advance(seconds(61));
  SipMessage update = client.Next();
  EXPECT_EQ(update.method(), "UPDATE");
  client.Send(Answer(update, 200));
  Advance(seconds(61));
  update = client.Next();
  EXPECT_EQ(update.method(), "UPDATE");
  client.Send(Answer(update, 481));
  EXPECT_EQ(web_sip_->calls(), 0u);
}

TEST_F(CallTest, DigitsGoBothWays) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  RequestParts info = InDialog(ok, 2);
  info.content_type = "application/dtmf-relay";
  info.body = "Signal=5\r\nDuration=160\r\n";
  EXPECT_EQ(Ask(client, "INFO", info), 200);
  EXPECT_EQ(world_.media.digits, "5");
  info.cseq = 3;
  info.content_type = "text/plain";
  EXPECT_EQ(Ask(client, "INFO", info), 415);
  world_.gateway->OnDtmf(world_.media.created.back().first, call::Leg::kIms, "7", 120);
  const SipMessage digit = client.Next();
  EXPECT_EQ(digit.method(), "INFO");
  EXPECT_EQ(digit.body(), "Signal=7\r\nDuration=120\r\n");
  EXPECT_EQ(Ask(client, "OPTIONS", InDialog(ok, 4)), 200);
  EXPECT_EQ(Ask(client, "REFER", InDialog(ok, 5)), 400) << "whereto?";
  EXPECT_EQ(Ask(client, "PUBLISH", InDialog(ok, 6)), 405);
}

TEST_F(CallTest, ALostConnectionEndsTheCallThatRingsAndKeepsTheOneThatTalks) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  const std::string talking = world_.media.created.back().first;
  RequestParts other = InviteParts(7);
  other.call_id = "call-2";
  const std::string ringing = Dial(client, other);
  Ring(ringing);
  client.Lose();
  EXPECT_THAT(Sip(), Contains("cancel " + ringing));
  EXPECT_THAT(Sip(), ::testing::Not(Contains("bye " + talking)));
  Client& back = Connect();
  RequestParts parts = RegisterParts();
  parts.call_id = "reg-2";
  back.Send(Text("REGISTER", "sip:ims.test", parts));
  EXPECT_EQ(back.NextStatus(), 200);
  EXPECT_EQ(Ask(back, "BYE", InDialog(ok, 2)), 200);
  EXPECT_THAT(Sip(), Contains("bye " + talking));
}

TEST_F(CallTest, CountersAreToldOnce) {
  Client& client = Registered();
  Connected(client);
  EXPECT_EQ(web_sip_->TakeCounterChanges(), "registered=1 call_from_client=1");
  EXPECT_EQ(web_sip_->TakeCounterChanges(), "");
}

TEST_F(CallTest, SomebodyElsesDialogDoesNotExist) {
  Client& client = Registered();
  const SipMessage ok = Connected(client);
  auto claims = Claims();
  claims["sub"] = "mallory";
  claims["phone_number"] = "+34600000007";
  Client& mallory = Connect();
  RequestParts parts;
  parts.from = "<sip:+34600000007@ims.test>;tag=m";
  parts.to = "<sip:+34600000007@ims.test>";
  parts.headers = {{"Contact", Contact()}, {"Authorization", "Bearer " + Issuer().Token(claims)}};
  mallory.Send(Text("REGISTER", "sip:ims.test", parts));
  if (!mallory.has_news()) world_.GrantRegistration();
  EXPECT_EQ(mallory.NextStatus(), 200);
  EXPECT_EQ(Ask(mallory, "BYE", InDialog(ok, 2)), 481);
  mallory.Send(Text("ACK", kBob, InDialog(ok, 1)));
  EXPECT_EQ(Count(Counter::kUnmatchedAck), 1u);
  EXPECT_EQ(web_sip_->calls(), 1u);
}

}  // namespace
}  // namespace byon::web_sip
