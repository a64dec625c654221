// TLS towards the core (TS 33.203 annex O): who is believed and who is not, and calls over it.
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/sip/tls/tls_files.h"
#include "controlplane/sip/tls/tls_sessions.h"
#include "tests/controlplane/sip/stack_fixture.h"
#include "tests/controlplane/sip/tls_peer.h"

namespace byon::sip::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

struct Certificates {
  Certificates() {
    std::string name = (fs::temp_directory_path() / "byon-tls-test-XXXXXX").string();
    folder = mkdtemp(name.data());
    authority = std::make_unique<TestAuthority>(folder, "carrier");
    stranger = std::make_unique<TestAuthority>(folder, "stranger");
    authority->Issue("pcscf", {.common_name = "P-CSCF", .alternative_names = "DNS:PCSCF.ims.test,DNS:other.test"});
    authority->Issue("domain", {.common_name = "x", .alternative_names = "URI:sip:pcscf.ims.test"});
    authority->Issue("plain", {.common_name = "pcscf.ims.test", .alternative_names = ""});
    authority->Issue("wrong", {.common_name = "pcscf.ims.test", .alternative_names = "DNS:evil.test"});
    authority->Issue("wild", {.common_name = "x", .alternative_names = "DNS:*.ims.test"});
    authority->Issue("user", {.common_name = "x", .alternative_names = "URI:sip:a@pcscf.ims.test"});
    authority->Issue("expired", {.common_name = "x", .alternative_names = "DNS:pcscf.ims.test", .valid_until_s = -60});
    authority->Issue("trunk", {.common_name = "x", .alternative_names = "DNS:peer.test"});
    authority->Issue("gateway", {.common_name = "gateway", .alternative_names = "DNS:gateway.test"});
    stranger->Issue("foreign", {.common_name = "x", .alternative_names = "DNS:pcscf.ims.test"});
  }
  ~Certificates() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  std::string File(const std::string& name) const { return (folder / name).string(); }

  fs::path folder;
  std::unique_ptr<TestAuthority> authority;
  std::unique_ptr<TestAuthority> stranger;
};

class TlsFlowTest : public StackFixture {
 protected:
  TlsFlowTest() {
    config_.tls = SipTls{.ca_file = certificates_.authority->ca_file(),
                         .certificate_file = certificates_.File("gateway.pem"),
                         .private_key_file = certificates_.File("gateway.key"),
                         .peer_name = "pcscf.ims.test"};
    config_.timers.register_deadline = milliseconds(3000);
  }
  std::unique_ptr<FakeTlsPeer> Peer(const std::string& certificate, int newest_version = 0) {
    return std::make_unique<FakeTlsPeer>(certificates_.folder,
                                         FakeTlsPeer::Options{.certificate = certificate,
                                                              .ca_file = certificates_.authority->ca_file(),
                                                              .newest_version = newest_version});
  }
  std::string Contact() const { return ContactUri() + ";transport=tls"; }
  std::string Accepted() const {
    return "Contact: <" + Contact() +
           ">;expires=600000\r\nService-Route: <sip:orig@127.0.0.20:5060;lr>\r\n"
           "P-Associated-URI: <sip:+34600000001@ims.test>\r\n";
  }
  void Register(FakeTlsPeer& peer) {
    stack_->registrar().Register(Registration());
    peer.Send(ResponseTo(peer.ExpectRequest("REGISTER"), "200 OK", "reg", Accepted()));
    recorder_.Expect("registered r1");
  }
  static std::string Headers(const FakeTlsPeer& peer) {
    return "Contact: <" + peer.uri() + ">\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\n";
  }
  std::string Incoming(const FakeTlsPeer& peer, const std::string& call_id) const {
    return "INVITE " + Contact() + " SIP/2.0\r\n" + peer.via() + ";branch=" + FreshBranch() +
           "\r\nMax-Forwards: 60\r\nFrom: <sip:b@ims.test>;tag=f\r\nTo: <sip:+34600000001@ims.test>\r\nCall-ID: " +
           call_id + "\r\nCSeq: 1 INVITE\r\n" + Headers(peer) +
           "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(std::string(kOffer).size()) +
           "\r\n\r\n" + kOffer;
  }

  // The same for all tests: making keys takes longer than the tests themselves.
  static const Certificates& SharedCertificates() {
    static const Certificates certificates;
    return certificates;
  }

  const Certificates& certificates_ = SharedCertificates();
};

TEST_F(TlsFlowTest, RegistersAndCalls) {  // Covers: T1
  const auto peer = Peer("pcscf");
  config_.next_hops = {peer->uri()};
  StartStack();
  stack_->registrar().Register(Registration());
  const SipText request = peer->ExpectRequest("REGISTER");
  EXPECT_EQ(peer->peer_subject(), "gateway");
  EXPECT_TRUE(request.Get("Via").starts_with("SIP/2.0/TLS ")) << request.Get("Via");
  EXPECT_TRUE(request.Get("Contact").starts_with("<" + Contact() + ">")) << request.Get("Contact");
  EXPECT_EQ(request.Get("Route"), "<" + peer->uri() + ";lr>");
  peer->Send(ResponseTo(request, "200 OK", "reg", Accepted()));
  recorder_.Expect("registered r1");

  auto outgoing = Outgoing("out");
  outgoing.binding.next_hop = peer->uri();
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer->ExpectRequest("INVITE");
  EXPECT_TRUE(invite.Get("Contact").starts_with("<" + Contact() + ">"));
  peer->Send(ResponseTo(invite, "200 OK", "far", Headers(*peer), kAnswer));
  peer->ExpectRequest("ACK");
  recorder_.Expect("answered out far");
  stack_->signaling().Bye("out", {});
  const SipText bye = peer->ExpectRequest("BYE");
  peer->Send(ResponseTo(bye, "200 OK", ""));

  peer->Send(Incoming(*peer, "in"));
  recorder_.Expect("incoming");
  stack_->signaling().Reject("in-1", 486, {});
  peer->Expect([](const SipText& m) { return m.status() == 486; }, "486");
}

TEST_F(TlsFlowTest, RoutesInTheClearAreNotTaken) {  // Covers: T1
  const auto peer = Peer("pcscf");
  config_.next_hops = {peer->uri()};
  StartStack();
  Register(*peer);
  auto outgoing = Outgoing("out");
  outgoing.binding.next_hop = peer->uri();
  stack_->signaling().Invite(outgoing);
  const SipText invite = peer->ExpectRequest("INVITE");
  // peer_ is an allowed address that listens on UDP.
  peer->Send(ResponseTo(invite, "200 OK", "far",
                        "Contact: <" + peer_.uri() + ">\r\nRecord-Route: <" + peer_.uri() + ";lr>\r\n", kAnswer));
  EXPECT_EQ(peer->ExpectRequest("ACK").Get("Route"), "<" + peer_.uri() + ";lr>");
  EXPECT_TRUE(peer_.IsQuiet(milliseconds(50), [](const SipText&) { return true; }));
}

TEST_F(TlsFlowTest, WhoIsBelieved) {  // Covers: T1
  for (const std::string certificate : {"domain", "plain"}) {
    const auto peer = Peer(certificate);
    config_.next_hops = {peer->uri()};
    StartStack();
    Register(*peer);
    EXPECT_EQ(Count(SipCounter::kTlsRefused), 0u) << certificate;
    stack_->Stop();
    recorder_.events.clear();
  }
}

TEST_F(TlsFlowTest, WhoIsNotBelieved) {  // Covers: T1
  const struct {
    std::string certificate;
    int newest_version;
    std::string reason;
  } cases[] = {{"wrong", 0, "TLS: the certificate is of evil.test, not of pcscf.ims.test"},
               {"wild", 0, "TLS: the certificate is of *.ims.test, not of pcscf.ims.test"},
               {"user", 0, "TLS: the certificate is of nobody, not of pcscf.ims.test"},
               {"expired", 0, "TLS: certificate has expired"},
               {"foreign", 0, "TLS: unable to get local issuer certificate"},
               {"pcscf", TLS1_1_VERSION, "TLS: "}};
  config_.timers.register_deadline = milliseconds(1000);
  for (const auto& one : cases) {
    const auto peer = Peer(one.certificate, one.newest_version);
    config_.next_hops = {peer->uri()};
    StartStack();
    stack_->registrar().Register(Registration());
    peer->Accept();
    EXPECT_TRUE(strand_.RunUntil([&] { return recorder_.failure.has_value(); })) << one.certificate;
    EXPECT_FALSE(recorder_.failure->is_final);
    EXPECT_TRUE(recorder_.failure->phrase.starts_with(one.reason)) << recorder_.failure->phrase;
    EXPECT_EQ(Count(SipCounter::kTlsRefused), 1u) << one.certificate;
    stack_->Stop();
    recorder_.failure.reset();
  }
}

TEST_F(TlsFlowTest, ARefusedPeerDoesNotDisturbAnother) {  // Covers: T1 R10
  const auto wrong = Peer("wrong");
  const auto good = Peer("pcscf");
  config_.next_hops = {wrong->uri(), good->uri()};
  config_.timers.register_deadline = milliseconds(1500);
  StartStack();
  stack_->registrar().Register(Registration());
  wrong->Accept();
  good->Send(ResponseTo(good->ExpectRequest("REGISTER"), "200 OK", "reg", Accepted()));
  recorder_.Expect("registered r1");
  EXPECT_EQ(recorder_.registered->next_hop, good->uri());
}

TEST_F(TlsFlowTest, TheCoreConnectsToUs) {  // Covers: T1 T2
  const auto peer = Peer("pcscf");
  config_.next_hops = {peer->uri()};
  StartStack();
  Register(*peer);
  const auto caller = Peer("pcscf");
  ASSERT_TRUE(caller->ConnectTo(host_, config_.local_port));
  caller->Send(Incoming(*caller, "in"));
  recorder_.Expect("incoming");
  stack_->signaling().Reject("in-1", 486, {});
  caller->Expect([](const SipText& m) { return m.status() == 486; }, "486");
  // A name that is not the core's, and none at all. With TLS 1.3 it shows with the first message only.
  for (const std::string certificate : {"wrong", ""}) {
    const auto stranger = Peer(certificate);
    const bool is_refused = !stranger->ConnectTo(host_, config_.local_port) ||
                            !stranger->TrySend(Incoming(*stranger, "again")) ||
                            !stranger->Accept();  // the next bytes of this connection
    EXPECT_TRUE(is_refused) << certificate;
  }
  ExpectCount(SipCounter::kTlsRefused, 2);
  EXPECT_EQ(recorder_.Count("incoming"), 1u);
}

TEST_F(TlsFlowTest, AStrangerGetsNoHandshake) {  // Covers: T1 T2
  config_.next_hops = {"sip:127.0.0.9:5061;transport=tls"};
  StartStack();
  const auto stranger = Peer("pcscf");  // a good certificate, from an address that is nobody's
  EXPECT_FALSE(stranger->ConnectTo(host_, config_.local_port));
  ExpectCount(SipCounter::kDroppedUnknownPeer, 1);
  EXPECT_EQ(Count(SipCounter::kTlsRefused), 0u);
}

// The other network shows its own name, not the core's.
TEST_F(TlsFlowTest, AHopOfTheTrunkIsTheTrunksDomain) {  // Covers: T1
  config_.next_hops = {"sip:127.0.0.9:5061;transport=tls"};
  for (const bool is_theirs : {true, false}) {
    const auto hop = Peer(is_theirs ? "trunk" : "pcscf");
    config_.trunk = {.next_hops = {hop->uri()},
                     .domain = "peer.test",
                     .has_charging_vector = false,
                     .originating_ioi = "",
                     .numbers = {"+34910000001"},
                     .incoming_status = 404};
    StartStack();
    auto invite = Outgoing("v");
    invite.uses_trunk = true;
    stack_->signaling().Invite(invite);
    if (is_theirs) {
      hop->Send(ResponseTo(hop->ExpectRequest("INVITE"), "486 Busy Here", "t"));
      recorder_.Expect("failed v 486");
      EXPECT_EQ(Count(SipCounter::kTlsRefused), 0u);
    } else {
      hop->Accept();
      ExpectCount(SipCounter::kTlsRefused, 1);
    }
    stack_->Stop();
  }
}

TEST_F(TlsFlowTest, ABrokenConnectionIsMadeAnewAndRegisteredThrough) {  // Covers: T1 R15 R17
  const auto peer = Peer("pcscf");
  config_.next_hops = {peer->uri()};
  StartStack();
  Register(*peer);
  peer->Hangup();
  const SipText again = peer->ExpectRequest("REGISTER");
  peer->Send(ResponseTo(again, "200 OK", "reg", Accepted()));
  recorder_.Expect("registered r1", 2);
  EXPECT_EQ(Count(SipCounter::kConnectionLost), 1u);
}

TEST_F(TlsFlowTest, QuestionsKeepTheConnectionAlive) {  // Covers: R17
  const auto peer = Peer("pcscf");
  config_.next_hops = {peer->uri()};
  config_.keepalive = milliseconds(100);
  StartStack();
  peer->Send(ResponseTo(peer->ExpectRequest("OPTIONS"), "200 OK", "o"));
  EXPECT_FALSE(peer->ExpectRequest("OPTIONS").start_line().empty());
}

TEST_F(TlsFlowTest, UnusableFilesAreNamed) {  // Covers: T1
  const auto sentence = [&](const auto& change) {
    SipTls tls = *config_.tls;
    change(tls);
    return CheckTlsFiles(tls).value_or("");
  };
  const std::string key = certificates_.File("gateway.key");
  EXPECT_EQ(sentence([](SipTls&) {}), "");
  EXPECT_EQ(sentence([&](SipTls& tls) { tls.ca_file = key; }),
            "sip.tls.ca_file: \"" + key + "\" must hold certificates in PEM");
  EXPECT_NE(sentence([&](SipTls& tls) { tls.certificate_file = key; }).find("must hold a certificate"),
            std::string::npos);
  EXPECT_NE(
      sentence([&](SipTls& tls) { tls.private_key_file = certificates_.File("gateway.pem"); }).find("private key"),
      std::string::npos);
  EXPECT_NE(
      sentence([&](SipTls& tls) { tls.private_key_file = certificates_.File("pcscf.key"); }).find("is not the key"),
      std::string::npos);
  config_.tls->ca_file = key;
  config_.next_hops = {"sip:127.0.0.1:5061;transport=tls"};
  SipStack stack(config_, strand_.Executor(), &passwords_);
  EXPECT_TRUE(stack.Start(&recorder_, &recorder_).value_or("").starts_with("sip.tls.ca_file"));
}

// What the library does with a session, step by step; the sanitizers see what is left.
TEST(TlsSessionsTest, FreesWhatTheLibraryForgets) {
  TlsSessions sessions("pcscf.ims.test");
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  BIO* bio = BIO_new_socket(sockets[0], BIO_NOCLOSE);
  SSL* ssl = SSL_new(context);
  SSL_set_bio(ssl, bio, bio);
  EXPECT_EQ(sessions.size(), 1u);
  sessions.Sweep(TlsSessions::Time::clock::now());
  EXPECT_EQ(sessions.size(), 1u);
  SSL_shutdown(ssl);
  SSL_CTX_free(context);
  BIO_free(bio);
  close(sockets[0]);
  sessions.Sweep(TlsSessions::Time::clock::now());
  EXPECT_EQ(sessions.size(), 0u);
  close(sockets[1]);
  SSL_CTX_free(context);  // the library's own reference
}

TEST(TlsSessionsTest, LeavesAloneWhatIsFreedProperly) {
  TlsSessions sessions("pcscf.ims.test");
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  BIO* bio = BIO_new_socket(sockets[0], BIO_NOCLOSE);
  SSL* ssl = SSL_new(context);
  SSL_set_bio(ssl, bio, bio);
  SSL_free(ssl);
  EXPECT_EQ(sessions.size(), 0u);
  SSL_CTX_free(context);
  close(sockets[0]);
  close(sockets[1]);
}

TEST(TlsSessionsTest, AHandshakeThatStandsStillIsEnded) {  // Covers: T2
  TlsSessions sessions("pcscf.ims.test");
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  SSL* ssl = SSL_new(context);
  BIO* bio = BIO_new_socket(sockets[0], BIO_NOCLOSE);
  SSL* watched = SSL_new(context);
  SSL_set_connect_state(watched);
  SSL_set_bio(watched, bio, bio);
  EXPECT_EQ(sessions.size(), 1u) << "a session without a socket is nobody's";
  const auto now = TlsSessions::Time::clock::now();
  sessions.Sweep(now + std::chrono::seconds(9));
  char byte = 0;
  EXPECT_EQ(recv(sockets[1], &byte, 1, MSG_DONTWAIT), -1);
  sessions.Sweep(now + std::chrono::seconds(11));
  EXPECT_EQ(recv(sockets[1], &byte, 1, MSG_DONTWAIT), 0) << "the socket is shut down";
  EXPECT_EQ(sessions.RecentRefusal(TlsSessions::Time::clock::now()), "the handshake takes too long");
  SSL_free(watched);
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(sockets[0]);
  close(sockets[1]);
}

}  // namespace
}  // namespace byon::sip::test
