#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "tools/load/bencode.h"
#include "tools/load/call_description.h"
#include "tools/load/ng_node.h"

namespace byon::load {
namespace {

TEST(Bencode, ReadsEachKindOfValue) {
  const auto value = Bencode::Parse("d1:ai-42e1:bl3:x y0:e1:cdee");
  ASSERT_TRUE(value);
  EXPECT_EQ(*value->Find("a")->number(), -42);
  ASSERT_EQ(value->Find("b")->list()->size(), 2u);
  EXPECT_EQ(*value->Find("b")->list()->at(0).text(), "x y");
  EXPECT_EQ(*value->Find("b")->list()->at(1).text(), "");
  EXPECT_TRUE(value->Find("c")->dictionary()->empty());
  EXPECT_EQ(value->Find("d"), nullptr);
  EXPECT_EQ(value->Find("a")->Find("a"), nullptr);
  EXPECT_EQ(value->Serialize(), "d1:ai-42e1:bl3:x y0:e1:cdee");
}

TEST(Bencode, TakesKeysInAnyOrderAndTheLastOfTwo) {
  EXPECT_EQ(Bencode::Parse("d1:bi1e1:ai2e1:bi3ee")->Serialize(), "d1:ai2e1:bi3ee");
}

TEST(Bencode, RefusesWhatIsNotOneWholeValue) {
  for (const char* text : {"", "i", "ie", "i1", "i1e ", "i 1e", "i9223372036854775808e", "5:four", "-1:a", ":",
                           "18446744073709551615:a", "l", "li1e", "d1:a", "d1:ai1e", "di1ei2ee", "e", "x", "1:ai1e"})
    EXPECT_FALSE(Bencode::Parse(text)) << text;
  EXPECT_TRUE(Bencode::Parse("i9223372036854775807e"));
  const auto nested = [](size_t depth) { return std::string(depth, 'l') + std::string(depth, 'e'); };
  EXPECT_TRUE(Bencode::Parse(nested(Bencode::kMaxDepth)));
  EXPECT_FALSE(Bencode::Parse(nested(Bencode::kMaxDepth + 2)));
  EXPECT_FALSE(Bencode::Parse(nested(Bencode::kMaxBytes)));
}

// An rtpengine that answers with what a test gives it.
class FakeRtpengine {
 public:
  using Answer = std::function<std::string(const Bencode& command)>;  // empty: nothing is answered

  explicit FakeRtpengine(Answer answer) : answer_(std::move(answer)), socket_(net::IpAddress::V4(127, 0, 0, 1)) {
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeRtpengine() {
    is_ending_ = true;
    const UdpSocket waker(net::IpAddress::V4(127, 0, 0, 1));
    waker.Send(base::AsBytes(std::string_view("end")), KernelAddress(socket_.local()));
    thread_.join();
  }
  std::string target() const { return "127.0.0.1:" + std::to_string(socket_.local().port); }
  int received() const { return received_; }

 private:
  void Run() {
    std::array<char, 65536> buffer;
    while (!is_ending_) {
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      const ssize_t size =
          recvfrom(socket_.fd(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (size <= 0) continue;
      const std::string_view datagram(buffer.data(), static_cast<size_t>(size));
      const size_t space = datagram.find(' ');
      if (space == std::string_view::npos) continue;
      ++received_;
      const auto command = Bencode::Parse(datagram.substr(space + 1));
      const std::string answer = command ? answer_(*command) : "";
      if (answer.empty()) continue;
      const std::string reply = std::string(datagram.substr(0, space + 1)) + answer;
      (void)!sendto(socket_.fd(), reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
    }
  }

  Answer answer_;
  UdpSocket socket_;
  std::atomic<bool> is_ending_ = false;
  std::atomic<int> received_ = 0;
  std::thread thread_;
};

constexpr const char* kOfferToPhone =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 111 96 97\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:96 AMR-WB/16000\r\n"
    "a=fmtp:96 mode-set=2\r\na=rtpmap:97 AMR-WB/16000\r\na=fmtp:97 octet-align=1\r\n"
    "a=sendrecv\r\na=rtcp:30009\r\na=ptime:20\r\n";
const std::string kAnswerToBrowser =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\na=ice-lite\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:x 1 UDP 2130706431 127.0.0.9 30012 typ host\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-mux\r\n"
    "a=setup:passive\r\na=fingerprint:sha-256 "
    "83:B1:DF:F7:16:4D:9A:62:DD:A2:DD:78:FF:33:89:84:90:28:E1:37:90:2B:25:41:16:35:46:48:D8:39:"
    "74:9C\r\na=ice-ufrag:iU4z6u2h\r\na=ice-pwd:AIuJNEIZqv72ss9DkPSamuCtS4\r\n";

std::string TextOf(const Bencode& command, std::string_view key) {
  const Bencode* const value = command.Find(key);
  return value == nullptr || value->text() == nullptr ? "" : *value->text();
}

class NgNodeTest : public testing::Test {
 protected:
  CallRequest Request(const char* codec = "amr-wb-12.65") {
    profile_ = *ParseProfile("codecs: {" + std::string(codec) + ": 1}");
    return {.id = "call-1",
            .codec = &profile_.codecs[0],
            .browser_ice = {"ufra", "pwdpwdpwdpwdpwdpwdpwdpwd"},
            .browser_fingerprint = {},
            .sockets = {&browser_, &rtp_, &rtcp_}};
  }
  // The answer to one command of a node.
  template <typename Answer, typename Command>
  base::Result<Answer, std::string> Wait(Command command) {
    const auto promise = std::make_shared<std::promise<base::Result<Answer, std::string>>>();
    command([promise](base::Result<Answer, std::string> answer) { promise->set_value(std::move(answer)); });
    return promise->get_future().get();
  }
  base::Result<NodeEnds, std::string> SetUp(const FakeRtpengine& rtpengine, const CallRequest& request) {
    NgNode node(rtpengine.target(), profile_, "");
    return Wait<NodeEnds>([&](auto done) { node.SetUp(request, done); });
  }

  Profile profile_;
  UdpSocket browser_{net::IpAddress::V4(127, 0, 0, 1)}, rtp_{net::IpAddress::V4(127, 0, 0, 1)},
      rtcp_{net::IpAddress::V4(127, 0, 0, 1)};
};

TEST_F(NgNodeTest, OffersAsTheBrowserAnswersAsThePhone) {
  Bencode offer, answer;
  FakeRtpengine rtpengine([&](const Bencode& command) {
    if (TextOf(command, "command") == "offer") {
      offer = command;
      return Bencode(Bencode::Dictionary{{"result", "ok"}, {"sdp", kOfferToPhone}}).Serialize();
    }
    answer = command;
    return Bencode(Bencode::Dictionary{{"result", "ok"}, {"sdp", kAnswerToBrowser}}).Serialize();
  });
  const auto ends = SetUp(rtpengine, Request());
  ASSERT_TRUE(ends.ok()) << ends.error();
  EXPECT_EQ(ends->access.ip.ToString(), "127.0.0.9");
  EXPECT_EQ(ends->access.port, 30012);
  EXPECT_EQ(ends->rtp.port, 30000);
  EXPECT_EQ(ends->rtcp.port, 30009);
  EXPECT_EQ(ends->phone_payload_type, 96);
  EXPECT_EQ(ends->ice.ufrag, "iU4z6u2h");

  EXPECT_EQ(TextOf(offer, "ICE-lite"), "backward");
  EXPECT_EQ(*offer.Find("codec")->Find("transcode")->list()->at(0).text(), "AMR-WB/16000/1/12650/20/mode-set=2");
  const std::string browser = TextOf(offer, "sdp");
  EXPECT_NE(browser.find("m=audio " + std::to_string(browser_.local().port) + " UDP/TLS/RTP/SAVPF 111 110\r\n"),
            std::string::npos)
      << browser;
  EXPECT_NE(browser.find("a=setup:active\r\n"), std::string::npos) << browser;
  const std::string phone = TextOf(answer, "sdp");
  EXPECT_NE(phone.find("m=audio " + std::to_string(rtp_.local().port) + " RTP/AVP 96\r\n"), std::string::npos) << phone;
  EXPECT_NE(phone.find("a=rtcp:" + std::to_string(rtcp_.local().port) + "\r\n"), std::string::npos);
}

TEST_F(NgNodeTest, PassesOpusOnWithoutTranscoding) {
  bool has_codec = true;
  FakeRtpengine rtpengine([&](const Bencode& command) {
    has_codec = has_codec && command.Find("codec") != nullptr;
    return Bencode(Bencode::Dictionary{{"result", "ok"}, {"sdp", kOfferToPhone}}).Serialize();
  });
  // The second SDP is no answer to a browser.
  const auto ends = SetUp(rtpengine, Request("opus"));
  ASSERT_FALSE(ends.ok());
  EXPECT_NE(ends.error().find("fingerprint"), std::string::npos) << ends.error();
  EXPECT_FALSE(has_codec);
}

TEST_F(NgNodeTest, SaysWhichCodecIsNotOffered) {
  FakeRtpengine rtpengine([](const Bencode&) {
    return Bencode(Bencode::Dictionary{{"result", "ok"}, {"sdp", kOfferToPhone}}).Serialize();
  });
  const auto ends = SetUp(rtpengine, Request("amr-12.2"));
  ASSERT_FALSE(ends.ok());
  EXPECT_NE(ends.error().find("amr-12.2"), std::string::npos) << ends.error();
}

TEST_F(NgNodeTest, ARefusalIsOnePrintableSentence) {
  FakeRtpengine rtpengine(
      [](const Bencode&) { return std::string("d12:error-reason9:no\r\n\x1b[1mx6:result5:errore"); });
  const auto ends = SetUp(rtpengine, Request());
  ASSERT_FALSE(ends.ok());
  EXPECT_EQ(ends.error(), "the node refused: no???[1mx");
}

TEST_F(NgNodeTest, AsksAgainWhenADatagramIsLost) {
  std::atomic<int> count = 0;
  FakeRtpengine rtpengine([&](const Bencode&) { return std::string(++count == 1 ? "" : "d6:result4:ponge"); });
  NgNode node(rtpengine.target(), Profile(), "");
  EXPECT_TRUE(node.Describe().ok());
  EXPECT_GE(rtpengine.received(), 2);
}

TEST_F(NgNodeTest, ClosesWithTheLastFigures) {
  std::atomic<int> deleted = 0;
  FakeRtpengine rtpengine([&](const Bencode& command) {
    if (TextOf(command, "command") == "delete") {
      ++deleted;
      return std::string("d6:result2:oke");
    }
    const auto leg = [](int64_t packets) {
      return Bencode::Dictionary{
          {"medias", Bencode::List{Bencode::Dictionary{
                         {"streams",
                          Bencode::List{Bencode::Dictionary{{"stats", Bencode::Dictionary{{"packets", packets}}}}}}}}}};
    };
    return Bencode(Bencode::Dictionary{{"result", "ok"},
                                       {"tags", Bencode::Dictionary{{"browser", leg(435)}, {"phone", leg(-1)}}}})
        .Serialize();
  });
  NgNode node(rtpengine.target(), Profile(), "");
  const auto figures = Wait<CallFigures>([&](auto done) { node.Close("call-1", done); });
  ASSERT_TRUE(figures.ok()) << figures.error();
  EXPECT_EQ(figures->access.packets_received, 435u);
  EXPECT_TRUE(figures->access.counts_rtcp);
  EXPECT_EQ(figures->ims.packets_received, 0u);
  EXPECT_EQ(deleted, 1);
}

TEST_F(NgNodeTest, TakesWhatAFrontTellsBeyondRtpengine) {
  FakeRtpengine front([&](const Bencode&) {
    return std::string(
        "d6:result2:ok4:roomi12e8:software5:front4:tagsd7:browserd6:mediasld7:streamsld5:statsd9:"
        "concealedi3e14:mos "
        "hundredthsi"
        "421e7:packetsi50e4:senti49eeeeeeeee");
  });
  NgNode node(front.target(), Profile(), "");
  const auto description = node.Describe();
  ASSERT_TRUE(description.ok()) << description.error();
  EXPECT_EQ(description->id, "front");
  EXPECT_EQ(description->room, 12u);
  const auto figures = Wait<CallFigures>([&](auto done) { node.Ask("call-1", done); });
  ASSERT_TRUE(figures.ok()) << figures.error();
  EXPECT_EQ(figures->access.packets_sent, 49u);
  EXPECT_EQ(figures->access.concealed_frames, 3u);
  EXPECT_DOUBLE_EQ(figures->access.mos_mean, 4.21);
  EXPECT_FALSE(figures->access.counts_rtcp);
}

TEST_F(NgNodeTest, TheTargetIsAnAddressAndAPort) {
  for (const char* target : {"", "127.0.0.1", "localhost:22222", "127.0.0.1:0", "127.0.0.1:99999"})
    EXPECT_THROW(NgNode(target, Profile(), ""), std::runtime_error) << target;
}

}  // namespace
}  // namespace byon::load
