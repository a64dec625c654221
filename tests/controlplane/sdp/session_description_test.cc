#include "controlplane/sdp/session_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/controlplane/sdp/browser_offers.h"

namespace byon::sdp {
namespace {

using ::testing::HasSubstr;

constexpr char kMinimal[] = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

std::string ErrorOf(const std::string& text) {
  auto result = ParseSessionDescription(text);
  return result.ok() ? "" : result.error().message;
}

void ExpectRoundTrip(const std::string& text, const std::string& what) {
  auto parsed = ParseSessionDescription(text);
  if (!parsed.ok()) return;
  auto again = ParseSessionDescription(Serialize(*parsed));
  ASSERT_TRUE(again.ok()) << what << ": " << again.error().message;
  EXPECT_EQ(*again, *parsed) << what;
}

TEST(SessionDescription, ReadsTheExampleOfRfc8866) {  // section 5
  auto session = ParseSessionDescription(
      "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\n"
      "i=SDP Offer #1\r\nu=http://www.jdoe.example.com/home.html\r\n"
      "e=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\nc=IN IP4 198.51.100.1\r\n"
      "t=0 0\r\nm=audio 49170 RTP/AVP 0\r\nm=audio 49180 RTP/AVP 0\r\n"
      "m=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::2\r\na=rtpmap:99 h263-1998/90000\r\n");
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->origin, (Origin{"jdoe", "3724394400", "3724394405", "198.51.100.1"}));
  EXPECT_EQ(session->session_name, "Call to John Smith");
  EXPECT_EQ(session->connection->address, "198.51.100.1");
  ASSERT_EQ(session->media.size(), 3u);
  EXPECT_EQ(session->media[1].port, 49180);
  EXPECT_EQ(session->media[2].connection->address, "2001:db8::2");
  EXPECT_EQ(session->media[2].attributes[0].value, "99 h263-1998/90000");
}

TEST(SessionDescription, AcceptsBareLineFeedsAndAnEmptyLastLine) {
  auto session = ParseSessionDescription("v=0\no=- 1 2 IN IP4 0.0.0.0\ns=-\nt=0 0\n\n");
  EXPECT_TRUE(session.ok());
}

TEST(SessionDescription, SaysInOneSentenceWhatIsWrong) {
  EXPECT_EQ(ErrorOf(""), "The SDP does not start with v=0.");
  EXPECT_EQ(ErrorOf("o=- 1 2 IN IP4 0.0.0.0\r\n"), "Line 1 of the SDP should be v=0.");
  EXPECT_EQ(ErrorOf("v=0\r\ns=-\r\n"), "The SDP has no o= line.");
  const std::string base = kMinimal;
  EXPECT_EQ(ErrorOf(base + "hello\r\n"), "Line 5 of the SDP is not of the form <letter>=<value>.");
  EXPECT_EQ(ErrorOf(base + "v=0\r\n"), "Line 5 of the SDP repeats v=.");
  EXPECT_EQ(ErrorOf(base + "o=- 1 2 IN IP4 0.0.0.0\r\n"), "Line 5 of the SDP has an o= out of place.");
  EXPECT_EQ(ErrorOf("v=0\r\no=- x 2 IN IP4 0.0.0.0\r\n"),
            "Line 2 of the SDP should be o=<user> <id> <version> IN <IP4|IP6> <address>.");
  EXPECT_EQ(ErrorOf("v=0\r\no=- 1 2 IN ATM a\r\n"), "Line 2 of the SDP has an address type other than IP4 or IP6.");
  EXPECT_EQ(ErrorOf(base + "c=IN IP4 host.example\r\n"), "Line 5 of the SDP has a c= without a unicast IP address.");
  EXPECT_EQ(ErrorOf(base + "c=IN IP4 224.2.36.42/127\r\n"), "Line 5 of the SDP has a c= without a unicast IP address.");
  EXPECT_EQ(ErrorOf(base + "c=IN\r\n"), "Line 5 of the SDP should be c=IN <IP4|IP6> <address>.");
  EXPECT_EQ(ErrorOf(base + "b=AS\r\n"), "Line 5 of the SDP should be b=<type>:<number>.");
  EXPECT_EQ(ErrorOf(base + "b=AS:99999999999\r\n"), "Line 5 of the SDP should be b=<type>:<number>.");
  EXPECT_EQ(ErrorOf(base + "m=audio 1\r\n"), "Line 5 of the SDP should be m=<media> <port> <protocol> <format>....");
  EXPECT_EQ(ErrorOf(base + "m=audio 65536 RTP/AVP 0\r\n"), "Line 5 of the SDP has no valid media type and port.");
  EXPECT_EQ(ErrorOf(base + "a=:x\r\n"), "Line 5 of the SDP has an attribute without a valid name.");
  EXPECT_EQ(ErrorOf(base + std::string("a=x\0y\r\n", 7)), "Line 5 of the SDP has a control character.");
  EXPECT_EQ(ErrorOf(base + "a=x\ry\r\n"), "Line 5 of the SDP has a control character.");
}

TEST(SessionDescription, RefusesMoreThanItsLimits) {
  const std::string base = kMinimal;
  EXPECT_EQ(ErrorOf(base + "a=" + std::string(kMaxBytes, 'x')), "The SDP is larger than 64 KiB.");
  // With bare line feeds it would grow beyond the limit when written with CRLF.
  std::string many = base;
  while (many.size() < kMaxBytes - 8) many += "a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n";
  EXPECT_EQ(ErrorOf(many), "The SDP is larger than 64 KiB.");
  many = base;
  for (size_t i = 0; i < kMaxLines; ++i) many += "a=x\n";
  EXPECT_EQ(ErrorOf(many), "The SDP has more than 4096 lines.");
  many = base;
  for (int i = 0; i < 100; ++i) many += "m=audio 1 R 0\n";
  EXPECT_THAT(ErrorOf(many), HasSubstr("8 are allowed"));
  many = base + "m=audio 9 RTP/AVP";
  for (int i = 0; i < 65; ++i) many += " 0";
  EXPECT_THAT(ErrorOf(many + "\r\n"), HasSubstr("more than 64 formats"));
  many = base + "m=audio 9 RTP/AVP 0\r\n";
  for (int i = 0; i < 65; ++i) many += "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
  EXPECT_THAT(ErrorOf(many), HasSubstr("one candidate too many"));
  many = base;
  for (int i = 0; i < 17; ++i) many += "b=AS:1\r\n";
  EXPECT_THAT(ErrorOf(many), HasSubstr("one b= too many"));
}

TEST(SessionDescription, CountsCandidatesForEachSection) {
  std::string text = kMinimal;
  for (int m = 0; m < 3; ++m) {
    text += "m=audio 9 RTP/AVP 0\r\n";
    for (int i = 0; i < 64; ++i) text += "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
  }
  EXPECT_EQ(ErrorOf(text), "");
}

TEST(SessionDescription, KnowsIpAddresses) {
  for (const char* good : {"0.0.0.0", "192.0.2.255", "255.255.255.255"}) EXPECT_TRUE(IsIpv4(good)) << good;
  for (const char* bad :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.", "a.b.c.d", "1..2.3", "1.2.3.4 "}) {
    EXPECT_FALSE(IsIpv4(bad)) << bad;
  }
  for (const char* good : {"::", "::1", "2001:db8::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1",
                           "2001:DB8::", "1::8", "1:2:3:4:5:6:1.2.3.4"}) {
    EXPECT_TRUE(IsIpv6(good)) << good;
  }
  for (const char* bad : {"", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::2",
                          "12345::", "1:", "fe80::1%eth0", "[::1]", "::192.0.2", "1:2:3:4:5:6:7::8", "g::1"}) {
    EXPECT_FALSE(IsIpv6(bad)) << bad;
  }
}

TEST(SessionDescription, ReadsBrowserOffersAndWritesThemEqual) {
  for (const char* offer : {kChromiumOffer, kFirefoxOffer, kWeriftOffer}) {
    EXPECT_EQ(ErrorOf(offer), "");
    ExpectRoundTrip(offer, offer);
  }
}

// Whatever can be parsed can be written and read again with the same meaning.
TEST(SessionDescription, MutatedOffersSurviveTheRoundTrip) {
  std::mt19937 random(8866);
  std::string alphabet = " \t\r\n=:/;,.-+0123456789avcosmbtIPNxyz\x7f\x80\xff";
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 ? kChromiumOffer : kFirefoxOffer;
    for (auto edits = 1 + random() % 6; edits > 0; --edits) {
      size_t at = random() % text.size();
      char c = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0: text[at] = c; break;
        case 1: text.insert(at, 1, c); break;
        case 2: text.erase(at, 1 + random() % 20); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 80)); break;
      }
      if (text.empty()) text = "v";
    }
    ExpectRoundTrip(text, text);
    if (HasFatalFailure()) return;
  }
}

TEST(SessionDescription, SurvivesForeignCorpora) {
  namespace fs = std::filesystem;
  int files = 0;
  for (const char* folder : {"corpora/webrtc-fuzz/sdp-corpus", "corpora/sofia-sip-findings", "sdp"}) {
    fs::path path = fs::path(BYON_SHARED_DIR) / folder;
    if (!fs::exists(path)) continue;
    for (const auto& entry : fs::directory_iterator(path)) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(file), {}};
      ExpectRoundTrip(text, entry.path().string());
      ++files;
    }
  }
  if (files == 0) GTEST_SKIP() << "no corpora beside the checkout";
}

}  // namespace
}  // namespace byon::sdp
