// The same flows over TCP, where the stack keeps transactions no longer than their last response.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "tests/controlplane/sip/stack_fixture.h"

namespace byon::sip::test {
namespace {

class TcpFlowTest : public StackFixture {
 protected:
  TcpFlowTest() { config_.next_hops = {tcp_.uri() + ";transport=tcp"}; }

  SipText Register() {
    stack_->registrar().Register(Registration());
    const SipText request = tcp_.ExpectRequest("REGISTER");
    // Calls come the same way.
    EXPECT_NE(request.Get("Contact").find(";transport=tcp>"), std::string::npos);
    tcp_.Send(ResponseTo(request, "200 OK", "reg", AcceptHeaders()));
    recorder_.Expect("registered r1");
    EXPECT_TRUE(request.Get("Contact").starts_with("<" + ContactUri() + ";transport=tcp>")) << request.Get("Contact");
    return request;
  }
  SipText Invite(const std::string& id) {
    auto outgoing = Outgoing(id);
    outgoing.binding.next_hop = config_.next_hops.front();
    stack_->signaling().Invite(outgoing);
    return tcp_.ExpectRequest("INVITE");
  }
  std::string Headers() const {
    return "Contact: <" + tcp_.uri() + ";transport=tcp>\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n";
  }
  std::string Request(const SipText& invite, const std::string& tag, const std::string& method, int cseq,
                      const std::string& headers = "", const std::string& body = "") {
    return method + " " + ContactUri() + " SIP/2.0\r\n" + tcp_.via() + ";branch=" + FreshBranch() +
           "\r\nMax-Forwards: 68\r\nFrom: <tel:+34600000002>;tag=" + tag + "\r\nTo: " + invite.Get("From") +
           "\r\nCall-ID: " + invite.Get("Call-ID") + "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" +
           headers + (body.empty() ? "" : "Content-Type: application/sdp\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  FakeTcpPeer tcp_{"127.0.0.1"};
};

TEST_F(TcpFlowTest, ChallengeRefusalAndForks) {  // Covers: T4 C6
  StartStack();
  stack_->registrar().Register(Registration());
  tcp_.Send(ResponseTo(tcp_.ExpectRequest("REGISTER"), "401 Unauthorized", "reg",
                       "WWW-Authenticate: Digest realm=\"ims.test\", nonce=\"n\", qop=\"auth\"\r\n"));
  tcp_.Send(ResponseTo(tcp_.ExpectRequest("REGISTER"), "200 OK", "reg", AcceptHeaders()));
  recorder_.Expect("registered r1");

  tcp_.Send(ResponseTo(Invite("busy"), "486 Busy Here", "b", "Reason: Q.850;cause=17\r\n"));
  recorder_.Expect("failed busy 486");
  EXPECT_EQ(recorder_.last_reason.text, "Busy Here");

  const SipText challenged = Invite("asked");
  tcp_.Send(ResponseTo(challenged, "407 Proxy Authentication Required", "c",
                       "Proxy-Authenticate: Digest realm=\"ims.test\", nonce=\"n2\", qop=\"auth\"\r\n"));
  const SipText invite =
      tcp_.Expect([&](const SipText& m) { return m.method() == "INVITE" && !m.Get("Proxy-Authorization").empty(); },
                  "INVITE with credentials");
  tcp_.Send(ResponseTo(invite, "200 OK", "one", Headers(), kAnswer));
  const SipText ack = tcp_.Expect([](const SipText& m) { return m.method() == "ACK" && m.Tag("To") == "one"; }, "ACK");
  EXPECT_EQ(ack.Get("Proxy-Authorization"), invite.Get("Proxy-Authorization"));
  recorder_.Expect("answered asked one");
  // The transaction is over, another fork answers all the same.
  tcp_.Send(ResponseTo(invite, "200 OK", "two", Headers(), kAnswer));
  EXPECT_EQ(tcp_.ExpectRequest("ACK").Tag("To"), "two");
  const SipText bye = tcp_.ExpectRequest("BYE");
  EXPECT_EQ(bye.Tag("To"), "two");
  tcp_.Send(ResponseTo(bye, "200 OK", ""));
  tcp_.Send(ResponseTo(invite, "200 OK", "one", Headers(), kAnswer));
  EXPECT_EQ(tcp_.ExpectRequest("ACK").Tag("To"), "one");
  EXPECT_EQ(Count(SipCounter::kForkAnsweredTwice), 1u);

  // Requests of the peer on the same connection.
  tcp_.Send(Request(invite, "one", "UPDATE", 5, Headers(), kOffer2));
  recorder_.Expect("offer asked one");
  stack_->signaling().SendAnswer("asked", "one", kAnswer2);
  EXPECT_EQ(tcp_.Expect([](const SipText& m) { return m.status() == 200; }, "200").body(), kAnswer2);
  // Our re-INVITE, with its 200 coming twice.
  stack_->signaling().SendOffer("asked", "", kOffer);
  const SipText reinvite = tcp_.ExpectRequest("INVITE");
  tcp_.Send(ResponseTo(reinvite, "200 OK", "", Headers(), kAnswer));
  tcp_.ExpectRequest("ACK");
  recorder_.Expect("answer asked one");
  tcp_.Send(ResponseTo(reinvite, "200 OK", "", Headers(), kAnswer));
  tcp_.ExpectRequest("ACK");
  tcp_.Send(Request(invite, "one", "BYE", 6, "Reason: Q.850;cause=16\r\n"));
  tcp_.Expect([](const SipText& m) { return m.status() == 200 && m.method() == "BYE"; }, "200 to BYE");
  recorder_.Expect("ended asked 0");
  EXPECT_EQ(recorder_.last_reason.q850_cause, 16);
}

// RFC 3261 section 18.1.1: the way to this P-CSCF is UDP, but for what is too long for it.
TEST_F(TcpFlowTest, ALongInviteGoesByTcp) {  // Covers: C2
  config_.next_hops = {tcp_.uri()};
  config_.udp_mtu = 600;
  StartStack();
  auto outgoing = Outgoing();
  outgoing.binding.next_hop = tcp_.uri();
  stack_->signaling().Invite(outgoing);
  const SipText invite = tcp_.ExpectRequest("INVITE");
  EXPECT_TRUE(invite.Get("Via").starts_with("SIP/2.0/TCP ")) << invite.Get("Via");
  EXPECT_EQ(invite.body(), kOffer);
}

TEST_F(TcpFlowTest, IncomingCallAndRefusals) {  // Covers: T4
  StartStack();
  const SipText seen = Register();
  const auto incoming = [&](const std::string& call_id, const std::string& method, int cseq, const std::string& to,
                            const std::string& more, const std::string& body) {
    return method + " " + ContactUri() + " SIP/2.0\r\n" + tcp_.via() + ";branch=" + FreshBranch() +
           "\r\nFrom: <sip:b@ims.test>;tag=f\r\nTo: " + to + "\r\nCall-ID: " + call_id +
           "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" + Headers() + more +
           (body.empty() ? "" : "Content-Type: application/sdp\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const std::string to = "<sip:+34600000001@ims.test>";
  tcp_.Send(incoming("x", "INFO", 1, to, "", ""));
  tcp_.Expect([](const SipText& m) { return m.status() == 405; }, "405");
  tcp_.Send(incoming("y", "INVITE", 1, to, "Require: nothing\r\n", kOffer));
  tcp_.Expect([](const SipText& m) { return m.status() == 420; }, "420");
  tcp_.Send(incoming("z", "INVITE", 1, to, "Supported: 100rel\r\n", kOffer));
  recorder_.Expect("incoming");
  stack_->signaling().SendProgress("in-1", 183, kAnswer);
  const SipText progress = tcp_.Expect([](const SipText& m) { return m.status() == 183; }, "183");
  tcp_.Send(incoming("z", "PRACK", 2, progress.Get("To"), "RAck: " + progress.Get("RSeq") + " 1 INVITE\r\n", ""));
  tcp_.Expect([](const SipText& m) { return m.status() == 200 && m.method() == "PRACK"; }, "200 to PRACK");
  stack_->signaling().Accept("in-1", kAnswer);
  const SipText answer =
      tcp_.Expect([](const SipText& m) { return m.status() == 200 && m.method() == "INVITE"; }, "200");
  tcp_.Send(incoming("z", "ACK", 1, answer.Get("To"), "", ""));
  recorder_.Expect("confirmed in-1");
  tcp_.Send(incoming("z", "BYE", 3, answer.Get("To"), "Reason: SIP;cause=200;text=\"elsewhere\"\r\n", ""));
  recorder_.Expect("ended in-1 200");
  EXPECT_EQ(recorder_.last_reason.text, "elsewhere");
}

// Over a connection nobody repeats a request: what is dropped would be lost.
TEST_F(TcpFlowTest, BeforeTheRestorationDialogsAreToldToWait) {  // Covers: T4 T6
  StartStack();
  const SipText invite = Invite("out");
  tcp_.Send(ResponseTo(invite, "200 OK", "t", Headers(), kAnswer));
  tcp_.ExpectRequest("ACK");
  recorder_.Expect("changed out");
  config_.waits_for_restore = true;
  RestartStack();
  stack_->registrar().Register(Registration());  // makes the connection
  tcp_.Hangup();
  tcp_.ExpectRequest("REGISTER");
  tcp_.Send(Request(invite, "t", "BYE", 5));
  const SipText wait =
      tcp_.Expect([](const SipText& m) { return m.status() == 503 && m.method() == "BYE"; }, "503 to BYE");
  EXPECT_EQ(wait.Get("Retry-After"), "1");
  stack_->signaling().Restore("out", recorder_.snapshots["out"]);
  stack_->SetRestored();
  Settle();
  tcp_.Send(Request(invite, "t", "BYE", 6));
  tcp_.Expect([](const SipText& m) { return m.status() == 200 && m.method() == "BYE"; }, "200 to BYE");
  recorder_.Expect("ended out 0");
}

// Takes TCP connections at an address and resets each, at once or when it is told to.
class ResettingListener {
 public:
  ResettingListener(const std::string& address, uint16_t port, bool resets_at_once = true)
      : socket_(socket(AF_INET, SOCK_STREAM, 0)), may_reset_(resets_at_once) {
    const int yes = 1;
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &at.sin_addr);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    thread_ = std::thread([this] {
      for (int one; (one = accept(socket_, nullptr, nullptr)) >= 0;) {
        ++count_;
        // Something has come, then the end without a farewell.
        char byte = 0;
        (void)recv(one, &byte, 1, MSG_PEEK);
        may_reset_.wait(false);
        const linger now{1, 0};
        setsockopt(one, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(one);
      }
    });
  }
  ~ResettingListener() {
    Reset();
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  int count() const { return count_; }
  void Reset() {
    may_reset_ = true;
    may_reset_.notify_all();
  }

 private:
  const int socket_;
  std::atomic<bool> may_reset_;
  std::atomic<int> count_{0};
  std::thread thread_;
};

class LongRequestTest : public StackFixture {};

// RFC 3261 section 18.1.1: what is too long for UDP goes that way all the same where TCP is not taken.
TEST_F(LongRequestTest, GoesByUdpWhereTcpIsReset) {
  config_.udp_mtu = 700;
  StartStack();
  ResettingListener listener(peer_.address(), peer_.port());
  for (const std::string id : {"first", "second"}) {
    stack_->signaling().Invite(Outgoing(id));
    const SipText invite = peer_.ExpectRequest("INVITE");
    EXPECT_NE(invite.Get("Via").find("/UDP"), std::string::npos);
    peer_.Reply(invite, "180 Ringing", "a", "Contact: <" + peer_.uri() + ">\r\n");
    peer_.Reply(invite, "486 Busy Here", "a");
    peer_.ExpectRequest("ACK");
    recorder_.Expect("failed " + id + " 486");
  }
  EXPECT_GE(listener.count(), 1);
}

TEST_F(LongRequestTest, ThatWasCancelledMeanwhileIsNotSentAgain) {
  config_.udp_mtu = 700;
  StartStack();
  ResettingListener listener(peer_.address(), peer_.port(), false);
  stack_->signaling().Invite(Outgoing("gone"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (listener.count() == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  ASSERT_EQ(listener.count(), 1);
  stack_->signaling().Cancel("gone", {.sip_status = 487, .q850_cause = 0, .text = ""});
  Settle();
  listener.Reset();
  ASSERT_TRUE(strand_.RunUntil([&] { return !recorder_.events.empty(); }));
  EXPECT_TRUE(recorder_.events.front().starts_with("failed gone ")) << recorder_.events.front();
  EXPECT_TRUE(peer_.IsQuiet(std::chrono::milliseconds(100), [](const SipText& m) { return m.method() == "INVITE"; }));
}

// Nobody at all: the failure is told, and once.
TEST_F(LongRequestTest, FailsWhereNobodyListens) {
  config_.udp_mtu = 700;
  StartStack();
  auto outgoing = Outgoing("lost");
  outgoing.binding.next_hop = "sip:127.0.0.1:1";
  stack_->signaling().Invite(outgoing);
  recorder_.Expect("failed lost 503");
  EXPECT_EQ(recorder_.Count("failed lost 503"), 1u);
}

}  // namespace
}  // namespace byon::sip::test
