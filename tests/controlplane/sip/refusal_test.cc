// What the stack does with requests that it does not want: RFC 3261 section 8.2, and the drop counters.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class RefusalTest : public StackFixture {
 protected:
  void SetUp() override {
    StartStack();
    RestoreRegistration();
  }
  PeerRequest Request(const std::string& method, const std::string& headers = "", const std::string& to_tag = "") {
    return {.method = method,
            .uri = ContactUri(),
            .from = "<sip:x@ims.test>;tag=f" + std::to_string(++count_),
            .to = "<sip:+34600000001@ims.test>" + (to_tag.empty() ? "" : ";tag=" + to_tag),
            .call_id = "refused-" + std::to_string(count_),
            .cseq = 1,
            .headers = "Contact: <" + peer_.uri() + ">\r\n" + headers,
            .body = "",
            .branch = ""};
  }
  SipText Answer(const PeerRequest& request) {
    SendToStack(request);
    return peer_.Expect([&](const SipText& m) { return m.status() > 100 && m.Get("Call-ID") == request.call_id; },
                        "response to " + request.method);
  }
  // The stack still works: it answers OPTIONS.
  void ExpectAlive() { EXPECT_EQ(Answer(Request("OPTIONS")).status(), 200); }

  int count_ = 0;
};

TEST_F(RefusalTest, MethodsOutsideOfDialogs) {  // Covers: C19 C21
  const SipText options = Answer(Request("OPTIONS"));
  EXPECT_EQ(options.status(), 200);
  EXPECT_NE(options.Get("Allow").find("UPDATE"), std::string::npos);
  EXPECT_EQ(options.Get("Server"), "");
  EXPECT_EQ(Answer(Request("INFO")).status(), 405);
  EXPECT_EQ(Answer(Request("REGISTER")).status(), 405);
  EXPECT_EQ(Answer(Request("REFER", "Refer-To: <sip:a@b>\r\n")).status(), 403);
  EXPECT_EQ(Answer(Request("SUBSCRIBE", "Event: presence\r\n")).status(), 489);
  EXPECT_EQ(Answer(Request("PUBLISH", "Event: presence\r\n")).status(), 489);
  EXPECT_EQ(Answer(Request("NOTIFY", "Event: reg\r\nSubscription-State: active\r\n")).status(), 481);
  EXPECT_EQ(Answer(Request("UPDATE")).status(), 481);
  EXPECT_EQ(Answer(Request("PRACK", "RAck: 1 1 INVITE\r\n")).status(), 481);
  EXPECT_EQ(Answer(Request("BYE")).status(), 481);
  EXPECT_EQ(Answer(Request("CANCEL")).status(), 481);
  EXPECT_EQ(Answer(Request("FROBNICATE")).status(), 501);
  EXPECT_EQ(Count(SipCounter::kRefusedMethod), 6u);
  EXPECT_EQ(Count(SipCounter::kRefusedNoDialog), 5u);
}

TEST_F(RefusalTest, DialogsNobodyKnows) {
  for (const char* method : {"BYE", "UPDATE", "INVITE", "INFO", "PRACK", "NOTIFY", "REFER"}) {
    EXPECT_EQ(Answer(Request(method, "RAck: 1 1 INVITE\r\nRefer-To: <sip:a@b>\r\n", "nobody")).status(), 481) << method;
  }
  SendToStack(Request("ACK", "", "nobody"));
  ExpectCount(SipCounter::kDroppedUnmatchedAck, 1);
  EXPECT_EQ(Count(SipCounter::kRefusedNoDialog), 7u);
}

TEST_F(RefusalTest, UnprocessableRequests) {  // Covers: T2
  EXPECT_EQ(Answer(Request("OPTIONS", "Max-Forwards: 0\r\n")).status(), 200) << "we are who is asked";
  const SipText extension = Answer(Request("INVITE", "Require: nothingSupportsThis, 100rel\r\n"));
  EXPECT_EQ(extension.status(), 420);
  EXPECT_EQ(extension.Get("Unsupported"), "nothingSupportsThis");
  PeerRequest scheme = Request("INVITE");
  scheme.uri = "nobodyKnowsThisScheme:totallyopaquecontent";
  EXPECT_EQ(Answer(scheme).status(), 416);
  PeerRequest body = Request("INVITE", "Content-Type: multipart/mixed;boundary=x\r\n");
  body.body = std::string("--x\r\n\0", 6) + "\r\n--x--";
  EXPECT_EQ(Answer(body).status(), 400);
  body = Request("INVITE", "Content-Type: multipart/mixed;boundary=x\r\n");
  body.body = std::string(kOffer);
  body.body =
      "--x\r\nContent-Type: application/sdp\r\n\r\n" + body.body +
      "\r\n--x\r\nContent-Type: application/new\r\nContent-Disposition: render;handling=required\r\n\r\nx\r\n--x--\r\n";
  const SipText unsupported = Answer(body);
  EXPECT_EQ(unsupported.status(), 415);
  EXPECT_EQ(unsupported.Get("Accept"), "application/sdp, multipart/mixed, multipart/related, multipart/alternative");
  PeerRequest version = Request("INVITE");
  std::string wire = Wire(peer_, version);
  wire.replace(wire.find("SIP/2.0\r\n"), 7, "SIP/7.0");
  peer_.SendTo("127.0.0.1", config_.local_port, wire);
  EXPECT_EQ(peer_.Expect([](const SipText& m) { return m.status() > 100; }, "505").status(), 505);
  EXPECT_EQ(Count(SipCounter::kRefusedBadExtension), 1u);
  EXPECT_EQ(Count(SipCounter::kRefusedBadScheme), 1u);
  EXPECT_EQ(Count(SipCounter::kRefusedBadBody), 2u);
}

TEST_F(RefusalTest, ACallerWithoutATagIsRefused) {  // Covers: T2
  for (const char* method : {"INVITE", "MESSAGE", "OPTIONS", "NOTIFY"}) {
    PeerRequest untagged = Request(method);
    untagged.from = "<sip:x@ims.test>";
    EXPECT_EQ(Answer(untagged).status(), 400) << method;
  }
  EXPECT_EQ(Count(SipCounter::kRefusedNoTag), 4u);
  EXPECT_FALSE(recorder_.Has("incoming"));
  ExpectAlive();
}

TEST_F(RefusalTest, TheSdpThatHangsTheLibraryIsOnlyText) {  // Covers: T2
  PeerRequest invite = Request("INVITE");
  invite.body = "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 5004 RTP/AVPF 0 (\r\n";
  SendToStack(invite);
  recorder_.Expect("incoming");
  EXPECT_EQ(recorder_.incoming->sdp, invite.body);
  ExpectAlive();
}

TEST_F(RefusalTest, StrangersGetNoAnswer) {  // Covers: T2
  FakePeer stranger("127.0.0.66");
  stranger.SendTo("127.0.0.1", config_.local_port, Wire(stranger, Request("OPTIONS")));
  ExpectCount(SipCounter::kDroppedUnknownPeer, 1);
  PeerRequest invite = Request("INVITE");
  stranger.SendTo("127.0.0.1", config_.local_port, Wire(stranger, invite));
  ExpectCount(SipCounter::kDroppedUnknownPeer, 2);
  ExpectAlive();
  EXPECT_EQ(recorder_.Count("incoming"), 0u);
}

TEST_F(RefusalTest, ShortBranchNeverBecomesATransaction) {  // Covers: T2
  for (const char* branch : {"z9hG4b", "x", "z9hG4bK", "abcdefghijk"}) {
    PeerRequest request = Request("OPTIONS");
    request.branch = branch;
    SendToStack(request);
    SendToStack(request);
  }
  ExpectCount(SipCounter::kDroppedBadBranch, 8);
  ExpectAlive();
}

TEST_F(RefusalTest, StrayResponsesAreCounted) {
  const std::string response =
      "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 127.0.0.1:" + std::to_string(config_.local_port) +
      ";branch=z9hG4bKguess\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: guess\r\n"
      "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
  peer_.SendTo("127.0.0.1", config_.local_port, response);
  ExpectCount(SipCounter::kDroppedUnmatchedResponse, 1);
  // A 200 that nobody waits for: its sender gets ACK and BYE.
  std::string answer = response;
  answer.replace(0, answer.find("\r\n"), "SIP/2.0 200 OK\r\nContact: <" + peer_.uri() + ">");
  peer_.SendTo("127.0.0.1", config_.local_port, answer);
  peer_.ExpectRequest("BYE");
}

TEST_F(RefusalTest, InDialogRequestsThatWeDoNotDo) {  // Covers: C19
  PeerRequest invite = Request("INVITE");
  invite.body = kOffer;
  SendToStack(invite);
  recorder_.Expect("incoming");
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer = peer_.ExpectStatus(200, "INVITE");
  const auto next = [&](const std::string& method, uint32_t cseq, const std::string& headers = "") {
    PeerRequest request = invite;
    request.method = method;
    request.to = answer.Get("To");
    request.cseq = cseq;
    request.headers += headers;
    request.body.clear();
    return request;
  };
  SendToStack(next("ACK", 1));
  recorder_.Expect("confirmed in-1");
  EXPECT_EQ(Answer(next("OPTIONS", 2)).status(), 200);
  EXPECT_EQ(Answer(next("INFO", 3)).status(), 200) << "asks whether we are alive";
  const SipText unknown_package = Answer(next("INFO", 4, "Info-Package: foo\r\n"));
  EXPECT_EQ(unknown_package.status(), 469);
  EXPECT_NE(unknown_package.wire().find("\r\nRecv-Info:"), std::string::npos) << "RFC 6086 section 4.2.2";
  EXPECT_EQ(Answer(next("REFER", 5, "Refer-To: <sip:a@b>\r\n")).status(), 403);
  EXPECT_EQ(Answer(next("MESSAGE", 6)).status(), 405);
  EXPECT_EQ(Answer(next("UPDATE", 2)).status(), 500) << "CSeq runs backwards";
  PeerRequest body = next("UPDATE", 7, "Content-Type: text/plain\r\n");
  body.body = "hello";
  EXPECT_EQ(Answer(body).status(), 415);
  EXPECT_EQ(Count(SipCounter::kRefusedOldSequence), 1u);
  // Tags that do not match end nobody's call.
  PeerRequest spoofed = next("BYE", 8);
  spoofed.from += "x";
  EXPECT_EQ(Answer(spoofed).status(), 481);
  EXPECT_EQ(recorder_.Count("ended in-1 0"), 0u);
  EXPECT_EQ(Answer(next("BYE", 9)).status(), 200);
  recorder_.Expect("ended in-1 0");
}

TEST_F(RefusalTest, Rfc4475TortureLeavesItAlive) {  // Covers: T2
  const std::filesystem::path folder = std::filesystem::path(SOURCE_ROOT) / "tests/vectors/sip/rfc4475";
  size_t sent = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".dat") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    peer_.SendTo("127.0.0.1", config_.local_port, content.str());
    if (++sent % 20 == 0) ExpectAlive();
  }
  EXPECT_EQ(sent, 49u) << "RFC 4475 has 49 messages";
  // The shapes that matter most, of its section 3.1.2 and beyond.
  const std::string branch = ";branch=z9hG4bKtorture";
  const std::string via = "Via: SIP/2.0/UDP 127.0.0.1:9" + branch + "\r\n";
  const std::string rest = "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: t\r\nCSeq: 1 INVITE\r\n";
  const std::string start = "INVITE " + ContactUri() + " SIP/2.0\r\n";
  std::string many_vias;
  for (int i = 0; i < 1000; ++i) many_vias += "Via: SIP/2.0/UDP h" + std::to_string(i) + branch + "\r\n";
  for (const std::string& wire :
       {start + via + rest + "Content-Length: 9999\r\n\r\nx", start + via + rest + "Content-Length: -999\r\n\r\nx",
        start + via + rest + "Max-Forwards: 300\r\n\r\n", start + via + "\r\n", start + rest + "\r\n",
        start + many_vias + rest + "\r\n", start + via + rest + "X: " + std::string(50000, 'x') + "\r\n\r\n",
        "INVITE <" + ContactUri() + "> SIP/2.0\r\n" + via + rest + "\r\n",
        "INVITE " + ContactUri() + "; SIP/2.0\r\n" + via + rest + "\r\n",
        start + via + "From: <sip:a@b;tag=1\r\nTo: \"x <sip:c@d>\r\nCall-ID: t\r\nCSeq: 1 INVITE\r\n\r\n",
        start + via +
            "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: t\r\nCSeq: 36893488147419103232 INVITE\r\n\r\n",
        start + via + "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: t\r\nCSeq: 1 BYE\r\n\r\n",
        std::string("\0\0\0\0", 4), std::string("\r\n\r\n"), std::string("SIP/2.0 200 OK\r\n\r\n")}) {
    peer_.SendTo("127.0.0.1", config_.local_port, wire);
  }
  ExpectAlive();
}

TEST_F(RefusalTest, TokenBucketHoldsAFloodDown) {  // Covers: C27 T2
  stack_->Stop();
  stack_.reset();
  config_.requests_per_second_per_peer = 5;
  StartStack();
  // One caller after the other until even the refusals are too many; what they cost is theirs alone.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (Count(SipCounter::kDroppedRateLimited) < 20 && std::chrono::steady_clock::now() < deadline) {
    for (int i = 0; i < 20; ++i) SendToStack(Request("OPTIONS"));
    std::this_thread::yield();
  }
  EXPECT_GE(Count(SipCounter::kDroppedRateLimited), 20u)
      << "10 in the bucket, 5 a second after that, and as many refusals";
  EXPECT_GE(Count(SipCounter::kRefusedRateLimited), 10u);
  EXPECT_EQ(peer_.ExpectStatus(503, "OPTIONS").Get("Retry-After"), "5");
  EXPECT_EQ(Answer(Request("BYE", "", "somebodys")).status(), 481) << "what belongs to a dialog gets through";
}

TEST(SipStackStartTest, RefusesWhatCannotWork) {
  TestStrand strand;
  Recorder recorder(strand);
  SipConfig config;
  config.local_address = "127.0.0.1";
  config.home_domain = "ims.test";
  config.next_hops = {"sip:pcscf.ims.test"};
  SipStack names(config, strand.Executor(), nullptr);
  EXPECT_NE(names.Start(&recorder, &recorder).value_or("").find("sip.next_hops"), std::string::npos);
  config.next_hops = {"sip:127.0.0.10"};
  config.local_address = "203.0.113.77";  // not ours (TEST-NET-3)
  config.local_port = 15060;
  SipStack foreign(config, strand.Executor(), nullptr);
  EXPECT_NE(foreign.Start(&recorder, &recorder).value_or("").find("cannot bind"), std::string::npos);
}

}  // namespace
}  // namespace byon::sip::test
