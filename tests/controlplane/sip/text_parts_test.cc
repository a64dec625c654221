// The parts of the room that know neither the library nor a clock.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "controlplane/sip/peer_filter.h"
#include "controlplane/sip/sip_config.h"
#include "controlplane/sip/sip_counters.h"
#include "controlplane/sip/text/dialog_state.h"
#include "controlplane/sip/text/dtmf_body.h"
#include "controlplane/sip/text/field_text.h"
#include "controlplane/sip/text/ip_address.h"
#include "controlplane/sip/text/refer_to.h"
#include "controlplane/sip/text/reginfo.h"
#include "controlplane/sip/text/replaces.h"
#include "controlplane/sip/text/session_timer.h"
#include "controlplane/sip/text/sip_fragment.h"
#include "controlplane/sip/text/status_phrase.h"

namespace byon::sip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// ---- phrases

TEST(StatusPhraseTest, WordsAreShownAndNothingElse) {  // Covers: T3
  EXPECT_EQ(ShownPhrase(486, "Busy Here"), "Busy Here");
  EXPECT_EQ(ShownPhrase(481, "Call/Transaction Does Not Exist"), "Call/Transaction Does Not Exist");
  EXPECT_EQ(ShownPhrase(404, "N\xc3\xbamero inexistente."), "N\xc3\xbamero inexistente");
  for (const char* inside : {"scscf1.ims.example timeout", "timeout at 10.1.2.3", "no route to sip:x", "[2001:db8::1]",
                             "sbc_7", "", "a\r\nb", "alternative-service: emergency"}) {
    EXPECT_EQ(ShownPhrase(504, inside), "Server Time-out") << inside;
  }
  EXPECT_EQ(ShownPhrase(504, std::string(65, 'a')), "Server Time-out");
  EXPECT_EQ(ShownPhrase(477, "node7"), "");
}

// ---- session timer, RFC 4028

TEST(SessionTimerTest, HeaderForms) {
  EXPECT_EQ(ParseSessionExpires("1800")->interval, seconds(1800));
  EXPECT_EQ(ParseSessionExpires("1800")->refresher, Refresher::kUnspecified);
  EXPECT_EQ(ParseSessionExpires("90;refresher=UAS")->refresher, Refresher::kUas);
  EXPECT_EQ(ParseSessionExpires("90 ;x;refresher=uac")->refresher, Refresher::kUac);
  EXPECT_FALSE(ParseSessionExpires(";refresher=uac"));
  EXPECT_FALSE(ParseSessionExpires("-90"));
}

TEST(SessionTimerTest, UasAnswers) {  // Covers: C15
  const auto answer = [](bool supports, std::optional<SessionExpires> expires, seconds min_se = seconds(0)) {
    return AnswerSessionTimer({.supports_timer = supports, .session_expires = expires, .min_se = min_se}, seconds(1800),
                              seconds(90));
  };
  // Section 9, table 2: the refresher follows the request, and is the UAC when it is left to us.
  EXPECT_EQ(answer(true, SessionExpires{seconds(600), Refresher::kUnspecified}).header, "600;refresher=uac");
  EXPECT_EQ(answer(true, SessionExpires{seconds(600), Refresher::kUas}).header, "600;refresher=uas");
  EXPECT_TRUE(answer(true, SessionExpires{seconds(600), Refresher::kUas}).timer.we_refresh);
  EXPECT_FALSE(answer(true, SessionExpires{seconds(600), Refresher::kUac}).timer.we_refresh);
  EXPECT_TRUE(answer(true, SessionExpires{seconds(600), Refresher::kUac}).requires_timer);
  EXPECT_TRUE(answer(true, SessionExpires{seconds(89), Refresher::kUac}).is_too_small);
  // A caller without the extension: we refresh, and it need not understand anything.
  EXPECT_EQ(answer(false, std::nullopt).header, "1800;refresher=uas");
  EXPECT_FALSE(answer(false, std::nullopt).requires_timer);
  EXPECT_FALSE(answer(false, SessionExpires{seconds(30), Refresher::kUac}).is_too_small);
  EXPECT_EQ(answer(true, std::nullopt, seconds(3600)).header, "3600;refresher=uac");
  EXPECT_FALSE(AnswerSessionTimer({.supports_timer = true}, seconds(0), seconds(90)).header);
}

TEST(SessionTimerTest, TimesAndUacSide) {
  const SessionTimer ours = TimerFromResponse(SessionExpires{seconds(1800), Refresher::kUac});
  EXPECT_TRUE(ours.we_refresh);
  EXPECT_EQ(ours.RefreshAfter(), seconds(900));
  EXPECT_EQ(ours.ExpireAfter(), seconds(1768));
  const SessionTimer theirs = TimerFromResponse(SessionExpires{seconds(90), Refresher::kUas});
  EXPECT_FALSE(theirs.we_refresh);
  EXPECT_EQ(theirs.ExpireAfter(), seconds(60)) << "a third of a short interval";
  EXPECT_FALSE(TimerFromResponse(std::nullopt).is_on());
}

// ---- snapshots

DialogState SomeDialog() {
  return {.shard = 3,
          .call_id = "id@host",
          .local_tag = "l",
          .remote_tag = "r",
          .local_address = "\"A \\\\ B\" <sip:a@b>",
          .remote_address = "<sip:c@d>",
          .local_cseq = 7,
          .remote_cseq = 9,
          .route_set = {"<sip:one;lr>", "<sip:two;lr>"},
          .remote_target = "sip:t@1.2.3.4",
          .contact = "<sip:TOKEN@1.1.1.1>",
          .next_hop = "sip:1.1.1.2",
          .impi = "i@h",
          .owns_call_id = true,
          .peer_allows_update = true,
          .peer_supports_timer = false,
          .timer = {.interval = seconds(1800), .we_refresh = true},
          .local_sdp = "v=0\r\ns=\\n\r\n",
          .remote_sdp = ""};
}

TEST(DialogStateTest, SurvivesTheRoundTripWithItsCseqMovedAhead) {
  DialogState state = SomeDialog();
  const auto restored = ParseDialog(SerializeDialog(state));
  ASSERT_TRUE(restored);
  state.local_cseq += 1000;
  EXPECT_EQ(*restored, state);
}

TEST(DialogStateTest, DamageIsNoticed) {
  const std::string good = SerializeDialog(SomeDialog());
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(ParseDialog(good.substr(0, length))) << length;
  }
  std::string other_version = good;
  other_version.replace(0, other_version.find('\n'), "byon-sip-dialog 2");
  EXPECT_FALSE(ParseDialog(other_version));
  std::string no_tag = good;
  no_tag.replace(no_tag.find("remote_tag r"), 12, "remote_tag ");
  EXPECT_FALSE(ParseDialog(no_tag));
  EXPECT_FALSE(ParseDialog(good + "bad\\escape \\q\n"));
  EXPECT_FALSE(ParseDialog(good + std::string(200'000, 'x') + "\n"));
}

// ---- reginfo, RFC 3680 section 5.4 (example document) and shapes beside it

constexpr const char* kRfc3680Example = R"(<?xml version="1.0"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1" state="partial">
 <registration aor="sip:joe@example.com" id="a7" state="active">
  <contact id="76" state="active" event="registered" duration-registered="0">
   <uri>sip:joe@pc34.example.com</uri>
  </contact>
 </registration>
</reginfo>)";

TEST(ReginfoTest, TheGruuAndTheFeaturesOfAContact) {  // Covers: C31
  const auto document = ParseReginfo(R"(<reginfo xmlns="urn:ietf:params:xml:ns:reginfo"
    xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" version="1" state="full">
   <registration aor="sip:user@example.com" id="a7" state="active">
    <contact id="1" state="active" event="registered"><uri>sip:user@192.0.2.1</uri>
     <unknown-param name="+sip.instance">"&lt;urn:uuid:1&gt;"</unknown-param>
     <unknown-param name="+g.3gpp.icsi-ref">"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"</unknown-param>
     <gr:pub-gruu uri="sip:user@example.com;gr=hha9s8d-999a"/>
     <gr:temp-gruu uri="sip:8ffkas08af7fasklzi9@example.com;gr" first-cseq="54301"/></contact>
    <contact id="2" state="active" event="registered"><uri>sip:user@192.0.2.2</uri>
     <unknown-param name="AUDIO"/></contact>
    <contact id="3" state="active" event="registered"><uri>sip:user@192.0.2.3</uri>
     <unknown-param name="+g.3gpp.smsip"/></contact>
    <gr:pub-gruu uri="sip:nobody@example.com;gr=1"/>
   </registration></reginfo>)");
  ASSERT_TRUE(document);
  const auto& contacts = document->registrations.at(0).contacts;
  ASSERT_EQ(contacts.size(), 3u);
  EXPECT_EQ(contacts[0].gruu, "sip:user@example.com;gr=hha9s8d-999a");
  EXPECT_TRUE(contacts[0].is_phone);
  EXPECT_EQ(contacts[1].gruu, "");
  EXPECT_TRUE(contacts[1].is_phone);
  EXPECT_FALSE(contacts[2].is_phone);
}

TEST(ReginfoTest, Rfc3680Example) {  // Covers: R12
  const auto document = ParseReginfo(kRfc3680Example);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->version, 1u);
  EXPECT_FALSE(document->is_full);
  ASSERT_EQ(document->registrations.size(), 1u);
  ASSERT_EQ(document->registrations[0].contacts.size(), 1u);
  EXPECT_EQ(document->registrations[0].aor, "sip:joe@example.com");
  EXPECT_EQ(document->registrations[0].contacts[0].uri, "sip:joe@pc34.example.com");
  EXPECT_FALSE(document->registrations[0].contacts[0].is_terminated);
}

TEST(ReginfoTest, PrefixesEntitiesAndParameters) {
  const auto document = ParseReginfo(
      "<r:reginfo xmlns:r='x' version='2' state='full'><!-- c --><r:registration aor='sip:a@b' id='1' "
      "state='terminated'><r:contact id='2' state='terminated' event='probation' retry-after='30' "
      "expires='9'><r:uri>sip:x@y;a=1&amp;2&#x41;</r:uri><r:unknown-param "
      "name='+sip.instance'>&quot;&lt;urn:uuid:1&gt;&quot;</r:unknown-param></r:contact>"
      "<r:empty/></r:registration></r:reginfo>");
  ASSERT_TRUE(document);
  const ReginfoContact& contact = document->registrations.at(0).contacts.at(0);
  EXPECT_TRUE(document->registrations[0].is_terminated);
  EXPECT_EQ(contact.uri, "sip:x@y;a=1&2A");
  EXPECT_EQ(contact.instance_id, "urn:uuid:1");
  EXPECT_EQ(contact.event, "probation");
  EXPECT_EQ(contact.retry_after, seconds(30));
  EXPECT_EQ(contact.expires, seconds(9));
}

TEST(ReginfoTest, RefusesWhatIsNotWellFormedOrTooLarge) {
  std::string deep = "<reginfo>";
  for (int i = 0; i < 100; ++i) deep += "<a>";
  std::string wide = "<reginfo>";
  for (int i = 0; i < 5000; ++i) wide += "<a/>";
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string("<reginfo>"), std::string("<reginfo></x>"),
        std::string("<other/>"), std::string("<reginfo/><reginfo/>"), std::string("<reginfo a=b/>"),
        std::string("<reginfo a='<'"), std::string("<!DOCTYPE x [<!ENTITY a 'b'>]><reginfo>&a;</reginfo>"),
        std::string("<reginfo>&unknown;</reginfo>"), std::string("<reginfo>&#xffffffff;</reginfo>"),
        std::string("<reginfo><![CDATA[x</reginfo>"), deep, wide + "</reginfo>",
        "<reginfo>" + std::string(70'000, 'x') + "</reginfo>"}) {
    EXPECT_FALSE(ParseReginfo(bad)) << bad.substr(0, 60);
  }
  EXPECT_TRUE(ParseReginfo("<reginfo><registration/></reginfo>"));
  EXPECT_TRUE(ParseReginfo("<reginfo><contact><uri>x</uri></contact></reginfo>")) << "out of place, ignored";
}

TEST(ReginfoTest, AlternativeService) {
  const char* body =
      "<?xml version=\"1.0\"?><ims-3gpp version=\"1\"><alternative-service><type> emergency </type>"
      "<reason>r</reason></alternative-service></ims-3gpp>";
  EXPECT_EQ(FirstElementText(body, "type"), "emergency");
  EXPECT_EQ(FirstElementText(body, "action"), "");
  EXPECT_EQ(FirstElementText("<a><type>x", "type"), "");
}

// ---- peers

TEST(PeerFilterTest, AllowListAndBucket) {  // Covers: T2 C27
  using Verdict = PeerFilter::Verdict;
  const IpAddress core = *IpAddress::Parse("127.0.0.10");
  PeerFilter filter({core}, 10);
  PeerFilter::TimePoint now{};
  const auto check = [&](PeerFilter::Request request = PeerFilter::Request::kNew) {
    return filter.Check(core, request, now);
  };
  EXPECT_EQ(filter.Check(*IpAddress::Parse("127.0.0.11"), PeerFilter::Request::kNew, now), Verdict::kUnknownPeer);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(check(), Verdict::kAccept) << i;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(check(), Verdict::kBusy) << i;
  EXPECT_EQ(check(), Verdict::kRateLimited);
  // What belongs to dialogs has not been touched by it, and has an end too.
  for (int i = 0; i < 200; ++i) EXPECT_EQ(check(PeerFilter::Request::kInDialog), Verdict::kAccept) << i;
  EXPECT_EQ(check(PeerFilter::Request::kInDialog), Verdict::kRateLimited);
  now += milliseconds(100);
  EXPECT_EQ(check(), Verdict::kAccept);
  EXPECT_EQ(check(), Verdict::kBusy);
  EXPECT_EQ(check(), Verdict::kRateLimited);
  EXPECT_EQ(check(PeerFilter::Request::kInDialog), Verdict::kAccept);
  filter.SetAllowed({core, *IpAddress::Parse("127.0.0.12")});
  EXPECT_EQ(check(), Verdict::kRateLimited) << "its buckets stay as they are";
  EXPECT_EQ(filter.Check(*IpAddress::Parse("127.0.0.12"), PeerFilter::Request::kNew, now), Verdict::kAccept);
}

TEST(IpAddressTest, OneAddressOneValue) {
  EXPECT_EQ(IpAddress::Parse("127.0.0.1"), IpAddress::Parse("::ffff:127.0.0.1"));
  EXPECT_EQ(IpAddress::Parse("[2001:db8::1]"), IpAddress::Parse("2001:0db8::0001"));
  for (const char* bad : {"", "host", "1.2.3", "1.2.3.4.5", "[::1", "0x7f.1"}) {
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
  }
  EXPECT_EQ(HostPort("::1", 5060), "[::1]:5060");
}

// ---- configuration

TEST(SipConfigTest, NamesTheKeyThatIsWrong) {
  SipConfig good;
  good.local_address = "192.0.2.1";
  good.home_domain = "ims.test";
  good.next_hops = {"sip:192.0.2.10:5060", "sip:[2001:db8::1];transport=tcp"};
  EXPECT_EQ(Validate(good), std::nullopt);
  const auto expect = [&](const std::function<void(SipConfig&)>& change, const std::string& key) {
    SipConfig config = good;
    change(config);
    EXPECT_NE(Validate(config).value_or("").find(key), std::string::npos) << key;
  };
  expect([](SipConfig& c) { c.local_address = "0.0.0.0"; }, "sip.local_address");
  expect([](SipConfig& c) { c.local_port = 0; }, "sip.local_port");
  expect([](SipConfig& c) { c.shards = 0; }, "sip.shards");
  expect([](SipConfig& c) { c.home_domain = "a b"; }, "sip.home_domain");
  expect([](SipConfig& c) { c.realm = "a\nb"; }, "sip.realm");
  expect([](SipConfig& c) { c.next_hops = {}; }, "sip.next_hops");
  expect([](SipConfig& c) { c.next_hops = {"sip:name.test"}; }, "sip.next_hops");
  expect([](SipConfig& c) { c.allowed_peers = {"x"}; }, "sip.allowed_peers");
  expect([](SipConfig& c) { c.access_network_info = "a\r\nb"; }, "sip.access_network_info");
  expect([](SipConfig& c) { c.profile = SipProfile::kTrustedNode; }, "sip.visited_network_id");
  expect([](SipConfig& c) { c.session_expires = seconds(60); }, "sip.session_expires");
  expect([](SipConfig& c) { c.udp_mtu = 100; }, "sip.udp_mtu");
  expect([](SipConfig& c) { c.requests_per_second_per_peer = 0; }, "sip.requests_per_second");
  expect([](SipConfig& c) { c.timers.t2 = milliseconds(1); }, "sip.timers");
}

TEST(SipTrafficTest, NamesAreOfTheRegistriesAndNobodyElses) {
  const auto method = [](std::string_view name) { return SipTraffic::Methods()[SipTraffic::MethodIndex(name)]; };
  for (const std::string_view known : SipTraffic::Methods()) EXPECT_EQ(method(known), known);
  for (const char* other : {"", "invite", "INVITEX", "ZZZ", "A", "other\n"}) EXPECT_EQ(method(other), "other") << other;
  const auto status = [](int code) { return SipTraffic::Statuses()[SipTraffic::StatusIndex(code)]; };
  for (const int known : {100, 180, 200, 401, 487, 503, 608}) EXPECT_EQ(status(known), std::to_string(known));
  EXPECT_EQ(status(199), "199");
  EXPECT_EQ(status(188), "1xx");
  EXPECT_EQ(status(299), "2xx");
  EXPECT_EQ(status(699), "6xx");
  EXPECT_EQ(status(0), "1xx");
  EXPECT_EQ(status(99999), "6xx");
  EXPECT_EQ(status(-5), "1xx");
}

TEST(SipTrafficTest, CountsEachInItsPlace) {
  SipTraffic traffic;
  const size_t invite = SipTraffic::MethodIndex("INVITE");
  traffic.CountRequest(TrafficDirection::kSent, invite);
  traffic.CountResponse(TrafficDirection::kReceived, invite, 486);
  EXPECT_EQ(traffic.Requests(TrafficDirection::kSent, invite), 1u);
  EXPECT_EQ(traffic.Requests(TrafficDirection::kReceived, invite), 0u);
  EXPECT_EQ(traffic.Responses(TrafficDirection::kReceived, invite, SipTraffic::StatusIndex(486)), 1u);
  EXPECT_EQ(traffic.Responses(TrafficDirection::kReceived, invite, SipTraffic::StatusIndex(487)), 0u);
  for (const int ms : {1, 5, 6, 31'999, 40'000}) traffic.CountRoundTrip(invite, std::chrono::milliseconds(ms));
  const SipTraffic::RoundTrips trips = traffic.RoundTripsOf(invite);
  EXPECT_EQ(trips.counts.front(), 2u);  // a bound belongs to its bucket
  EXPECT_EQ(trips.counts[1], 1u);
  EXPECT_EQ(trips.counts[SipTraffic::kBounds - 1], 1u);
  EXPECT_EQ(trips.counts.back(), 1u);
  EXPECT_DOUBLE_EQ(trips.sum_s, 72.011);
}

TEST(SipCountersTest, EachHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(SipCounter::kCount); ++i) {
    names.insert(ToString(static_cast<SipCounter>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(SipCounter::kCount));
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(DtmfBodyTest, DigitsInAllTheirForms) {  // Covers: C14
  const auto relay = [](std::string_view body) {
    const auto digit = ParseDtmfBody("application/dtmf-relay", body);
    return digit ? std::string(1, digit->digit) + ' ' + std::to_string(digit->duration_ms) : "none";
  };
  EXPECT_EQ(relay("Signal=5\r\nDuration=160\r\n"), "5 160");
  EXPECT_EQ(relay("Signal= 5\nDuration= 100"), "5 100");
  EXPECT_EQ(relay("duration=99999999\r\nsignal=*\r\n"), "* 10000");
  EXPECT_EQ(relay("Signal=11\r\n"), "# 160");  // as an event code
  EXPECT_EQ(relay("Signal=d\r\nDuration=0\r\n"), "D 160");
  EXPECT_EQ(relay("Signal=16\r\n"), "none");
  EXPECT_EQ(relay("Signal=\r\n"), "none");
  EXPECT_EQ(relay("Signal=5=5\r\n"), "none");
  EXPECT_EQ(relay(""), "none");
  EXPECT_EQ(ParseDtmfBody("application/dtmf", " 7\r\n")->digit, '7');
  EXPECT_FALSE(ParseDtmfBody("application/dtmf", "77 7"));
  EXPECT_FALSE(ParseDtmfBody("text/plain", "7"));
}

TEST(ReplacesTest, Rfc3891Examples) {  // Covers: C19
  const auto first = ParseReplaces("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->call_id, "98732@sip.example.com");
  EXPECT_EQ(first->local_tag, "ff87ff");
  EXPECT_EQ(first->remote_tag, "r33th4x0r");
  EXPECT_FALSE(first->is_early_only);
  const auto early = ParseReplaces("12adf2f34456gs5 ; to-tag=12345 ; from-tag=54321;early-only");
  ASSERT_TRUE(early);
  EXPECT_TRUE(early->is_early_only);
  EXPECT_EQ(early->call_id, "12adf2f34456gs5");
  EXPECT_FALSE(ParseReplaces("a;to-tag=1"));
  EXPECT_FALSE(ParseReplaces("a;to-tag=1;to-tag=2;from-tag=3"));
  EXPECT_FALSE(ParseReplaces(";to-tag=1;from-tag=3"));
  EXPECT_FALSE(ParseReplaces(""));
}

TEST(ReplacesTest, ATargetDialogIsWrittenAsItsReceiverSeesIt) {  // Covers: C31
  EXPECT_EQ(FormatTargetDialog({"fa77as7dad8-sd98ajzz@host.example.com", "kkaz-", "6544"}),
            "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544");
  EXPECT_FALSE(FormatTargetDialog({"a\r\nX: 1", "1", "2"}));
}

TEST(ReferToTest, HeaderFieldsOfOursAreEscaped) {  // Covers: C31 C32
  EXPECT_EQ(FormatReferTo("sip:iut@scc.ims.test", {{"Replaces", "a@b;to-tag=1;from-tag=2"}, {"Require", "replaces"}}),
            "<sip:iut@scc.ims.test?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>");
  EXPECT_EQ(FormatReferTo("sip:a@b?X=1", {}), "<sip:a@b>");
}

TEST(SipFragmentTest, TheStatusLineIsReadAndNothingElse) {  // Covers: C31
  const auto ringing = ParseSipFragment("SIP/2.0 180 Ringing\r\nX: y\r\n");
  ASSERT_TRUE(ringing);
  EXPECT_EQ(ringing->code, 180);
  EXPECT_EQ(ringing->phrase, "Ringing");
  EXPECT_EQ(ParseSipFragment("SIP/2.0 603")->phrase, "");
  EXPECT_EQ(ParseSipFragment("SIP/2.0 200 a\x01\xc3\xa9"
                             "b")
                ->phrase,
            "a   b");
  EXPECT_EQ(ParseSipFragment("SIP/2.0 200 " + std::string(5000, 'x'))->phrase.size(), 128u);
  for (const char* bad : {"", "SIP/2.0", "SIP/2.0 ", "SIP/3.0 200 OK", "SIP/2.0 99 x", "SIP/2.0 700 x",
                          "SIP/2.0 2000 x", "SIP/2.0 +20 x", "INVITE sip:a@b SIP/2.0", "\r\nSIP/2.0 200 OK"}) {
    EXPECT_FALSE(ParseSipFragment(bad)) << bad;
  }
}

TEST(ReplacesTest, IsWrittenOfTokensOnly) {  // Covers: C20
  EXPECT_EQ(FormatReplaces({"98732@sip.example.com", "ff87ff", "r33th4x0r"}),
            "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r");
  EXPECT_EQ(FormatReplaces({"a", "1", "2", true}), "a;to-tag=1;from-tag=2;early-only");
  for (const char* bad : {"", "a;b", "a b", "a\r\nX: 1", "a,b", "a\"b"}) {
    EXPECT_FALSE(FormatReplaces({bad, "1", "2"})) << bad;
    EXPECT_FALSE(FormatReplaces({"a", bad, "2"})) << bad;
    EXPECT_FALSE(FormatReplaces({"a", "1", bad})) << bad;
  }
  EXPECT_FALSE(FormatReplaces({"a", "1", "x@y"}));
  EXPECT_FALSE(FormatReplaces({std::string(257, 'a'), "1", "2"}));
}

TEST(ReferToTest, Rfc3515And5589Examples) {  // Covers: C29
  const auto plain = ParseReferTo(
      "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>");
  ASSERT_TRUE(plain && plain->replaces);
  EXPECT_EQ(plain->uri, "sip:dave@denver.example.org");
  EXPECT_EQ(*plain->replaces, (call::ReplacedDialog{"12345@192.168.118.3", "12345", "5FFE-3994"}));
  const auto other = ParseReferTo("<sip:conf44@example.com;isfocus;method=SUBSCRIBE;x=1>");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->is_invite);
  EXPECT_EQ(other->uri, "sip:conf44@example.com;isfocus;x=1");
  EXPECT_TRUE(ParseReferTo("<sip:a@b;METHOD=invite>")->is_invite);
  EXPECT_EQ(ParseReferTo("tel:+34600000002")->uri, "tel:+34600000002");
  EXPECT_FALSE(ParseReferTo("<sip:a@b?X=1&Accept-Contact=2>")->replaces);
  for (const char* bad :
       {"", "<>", "<sip:a@b?Replaces=a%3Bto-tag%3D1>", "<sip:a@b?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AX>",
        "<sip:a@b?Replaces=%>", "<sip:a@b?Replaces=%4>",
        "<sip:a@b?replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>",
        "<sip:a@b?Replaces=a%20b%3Bto-tag%3D1%3Bfrom-tag%3D2>"}) {
    EXPECT_FALSE(ParseReferTo(bad)) << bad;
  }
}

}  // namespace
}  // namespace byon::sip
