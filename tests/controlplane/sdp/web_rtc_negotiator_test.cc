#include "controlplane/sdp/web_rtc_negotiator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/sdp/media_attributes.h"
#include "tests/controlplane/sdp/browser_offers.h"

namespace byon::sdp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

AccessLocal Local() {
  AccessLocal local;
  local.ice_ufrag = "gwuf";
  local.ice_pwd = "gateway-password-is-22";
  local.candidates = {{"203.0.113.5", 40000, 2130706431, "1"}, {"2001:db8::5", 40000, 2130706175, "2"}};
  local.fingerprint = {"sha-256", "AA:BB"};
  local.ssrc = 1234;
  local.cname = "cname1";
  return local;
}

const WebRtcNegotiator kNegotiator{WebRtcConfig{}};

std::string ErrorOf(const std::string& offer) {
  auto result = kNegotiator.ReadOffer(offer);
  return result.ok() ? "" : result.error().message;
}

TEST(WebRtcNegotiator, ReadsChromium) {
  auto offer = kNegotiator.ReadOffer(kChromiumOffer);
  ASSERT_TRUE(offer.ok()) << offer.error().message;
  const AccessMedia& media = offer->media;
  EXPECT_EQ(media.ice_ufrag, "eX6G");
  EXPECT_EQ(media.ice_pwd, "zRSLRYTaWKY+tuAXKIAldj7n");
  ASSERT_EQ(media.fingerprints.size(), 1u);
  EXPECT_EQ(media.fingerprints[0].algorithm, "sha-256");
  EXPECT_EQ(media.gateway_dtls_role, DtlsRole::kClient);
  EXPECT_EQ(media.direction, Direction::kSendRecv);
  EXPECT_EQ(media.audio.send.encoding_name, "opus");
  EXPECT_EQ(media.audio.send.payload_type, 111);
  EXPECT_TRUE(media.audio.send.use_inband_fec);
  EXPECT_THAT(media.audio.telephone_events, ElementsAre(TelephoneEvent{110, 48000}, TelephoneEvent{126, 8000}));
}

TEST(WebRtcNegotiator, ReadsFirefoxWithItsSessionLevelFingerprint) {
  auto offer = kNegotiator.ReadOffer(kFirefoxOffer);
  ASSERT_TRUE(offer.ok()) << offer.error().message;
  EXPECT_EQ(offer->media.audio.send.payload_type, 109);
  EXPECT_EQ(offer->media.audio.send.max_playback_rate_hz, 48000u);
  EXPECT_FALSE(offer->media.audio.send.stereo);
  EXPECT_THAT(offer->media.audio.telephone_events, ElementsAre(TelephoneEvent{101, 8000}));
}

TEST(WebRtcNegotiator, ComparesEncodingNamesWithoutCase) {
  auto offer = kNegotiator.ReadOffer(kWeriftOffer);
  ASSERT_TRUE(offer.ok()) << offer.error().message;
  EXPECT_EQ(offer->media.audio.send.encoding_name, "opus");
}

TEST(WebRtcNegotiator, AnswersWithEverythingABrowserNeeds) {
  auto offer = kNegotiator.ReadOffer(kChromiumOffer);
  std::string answer = kNegotiator.BuildAnswer(*offer, Local(), {77, 3});
  for (const char* line : {"o=- 77 3 IN IP4 203.0.113.5\r\n",
                           "a=group:BUNDLE 0\r\n",
                           "a=ice-lite\r\n",
                           "m=audio 40000 UDP/TLS/RTP/SAVPF 63 111 110 126\r\n",
                           "c=IN IP4 203.0.113.5\r\n",
                           "a=mid:0\r\n",
                           "a=ice-ufrag:gwuf\r\n",
                           "a=ice-pwd:gateway-password-is-22\r\n",
                           "a=candidate:1 1 udp 2130706431 203.0.113.5 40000 typ host\r\n",
                           "a=candidate:2 1 udp 2130706175 2001:db8::5 40000 typ host\r\n",
                           "a=end-of-candidates\r\n",
                           "a=fingerprint:sha-256 AA:BB\r\n",
                           "a=setup:active\r\n",
                           "a=rtcp-mux\r\n",
                           "a=rtpmap:111 opus/48000/2\r\n",
                           "a=rtpmap:63 red/48000/2\r\n",
                           "a=fmtp:63 111/111\r\n",
                           "a=rtpmap:110 telephone-event/48000\r\n",
                           "a=rtpmap:126 telephone-event/8000\r\n",
                           "a=ptime:20\r\n",
                           "a=sendrecv\r\n",
                           "a=msid:cname1 audio\r\n",
                           "a=ssrc:1234 cname:cname1\r\n"}) {
    EXPECT_THAT(answer, HasSubstr(line));
  }
  EXPECT_THAT(answer, Not(HasSubstr("extmap")));
  EXPECT_THAT(answer, Not(HasSubstr("192.0.2.2")));
  EXPECT_TRUE(ParseSessionDescription(answer).ok());
}

TEST(WebRtcNegotiator, NamesItsSourceInAHoldToo) {
  AccessLocal local;
  local.ssrc = 1234;
  local.cname = "cname1";
  const auto offer = kNegotiator.ReadOffer(Replace(kChromiumOffer, "a=sendrecv", "a=sendonly"));
  const std::string answer = kNegotiator.BuildAnswer(*offer, local, {1, 2}, 16000);
  EXPECT_THAT(answer, HasSubstr("a=recvonly\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=ssrc:1234 cname:cname1\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("msid:")));
}

TEST(WebRtcNegotiator, TakesTheRoleTheOfferLeaves) {
  std::string offer = kChromiumOffer;
  auto role = [](const std::string& text, std::optional<DtlsRole> earlier = std::nullopt) {
    return kNegotiator.ReadOffer(text, earlier)->media.gateway_dtls_role;
  };
  EXPECT_EQ(role(Replace(offer, "setup:actpass", "setup:active")), DtlsRole::kServer);
  EXPECT_EQ(role(Replace(offer, "setup:actpass", "setup:passive")), DtlsRole::kClient);
  EXPECT_EQ(role(offer, DtlsRole::kServer), DtlsRole::kServer);
  WebRtcNegotiator passive{WebRtcConfig{.is_dtls_client_in_answers = false}};
  auto read = passive.ReadOffer(offer);
  EXPECT_EQ(read->media.gateway_dtls_role, DtlsRole::kServer);
  EXPECT_THAT(passive.BuildAnswer(*read, Local(), {}), HasSubstr("a=setup:passive\r\n"));
}

TEST(WebRtcNegotiator, AnswersVideoAndDataWithPortZeroInTheirPlaces) {
  std::string offer = std::string(kChromiumOffer) +
                      "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n"
                      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";
  offer = Replace(offer, "BUNDLE 0", "BUNDLE 0 1 2");
  auto read = kNegotiator.ReadOffer(offer);
  ASSERT_TRUE(read.ok()) << read.error().message;
  auto answer = ParseSessionDescription(kNegotiator.BuildAnswer(*read, Local(), {}));
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->media.size(), 3u);
  EXPECT_EQ(answer->media[0].port, 40000);
  EXPECT_EQ(answer->media[1].port, 0);
  EXPECT_THAT(answer->media[1].formats, ElementsAre("96", "97"));
  EXPECT_EQ(answer->media[2].port, 0);
  EXPECT_EQ(answer->media[2].protocol, "UDP/DTLS/SCTP");
  EXPECT_EQ(FindAttribute(answer->attributes, "group")->value, "BUNDLE 0");
}

TEST(WebRtcNegotiator, RefusesWhatIsNotSafeOrNotUsable) {
  const std::string offer = kChromiumOffer;
  EXPECT_THAT(ErrorOf(Replace(offer, "UDP/TLS/RTP/SAVPF", "RTP/SAVPF")), HasSubstr("not sent over DTLS-SRTP"));
  EXPECT_THAT(ErrorOf(Replace(offer, "UDP/TLS/RTP/SAVPF", "RTP/AVP")), HasSubstr("not sent over DTLS-SRTP"));
  EXPECT_THAT(ErrorOf(offer + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"), HasSubstr("a=crypto"));
  EXPECT_THAT(ErrorOf(Replace(offer, "a=rtcp-mux", "a=x")), HasSubstr("rtcp-mux"));
  EXPECT_THAT(ErrorOf(Replace(offer, "a=ice-ufrag", "a=x")), HasSubstr("ICE credentials"));
  EXPECT_THAT(ErrorOf(Replace(offer, "zRSLRYTaWKY+tuAXKIAldj7n", "short")), HasSubstr("ICE credentials"));
  EXPECT_THAT(ErrorOf(Replace(offer, "a=fingerprint", "a=x")), HasSubstr("no a=fingerprint"));
  EXPECT_THAT(ErrorOf(Replace(offer, "fingerprint:sha-256", "fingerprint:sha-1")), HasSubstr("sha-256 or better"));
  EXPECT_THAT(ErrorOf(Replace(offer, "fingerprint:sha-256", "fingerprint:md5")), HasSubstr("sha-256 or better"));
  EXPECT_THAT(ErrorOf(Replace(offer, "0A:77", "0A77")), HasSubstr("does not fit its hash"));
  std::string other = "a=fingerprint:sha-256 0B" + offer.substr(offer.find(":77:BF"), 93) + "\r\n";
  EXPECT_THAT(ErrorOf(offer + other), HasSubstr("two different fingerprints"));
  EXPECT_THAT(ErrorOf(Replace(offer, "a=setup:actpass", "a=setup:holdconn")), HasSubstr("a=setup"));
  EXPECT_THAT(ErrorOf(Replace(offer, "a=setup:actpass", "a=x")), HasSubstr("a=setup"));
  EXPECT_THAT(ErrorOf(Replace(offer, "m=audio 33301", "m=audio 0")), HasSubstr("no active audio"));
  EXPECT_THAT(ErrorOf(Replace(offer, "m=audio", "m=video")), HasSubstr("no active audio"));
  EXPECT_THAT(ErrorOf(offer + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"), HasSubstr("same a=mid twice"));
  std::string no_codec = Replace(Replace(offer, "opus/48000/2", "speex/8000"), " 0 8 ", " ");
  EXPECT_THAT(ErrorOf(no_codec), HasSubstr("no codec that the gateway knows"));
  EXPECT_THAT(ErrorOf(Replace(offer, "111 63 9", "111 111 9")), HasSubstr("payload type twice"));
  EXPECT_THAT(ErrorOf(Replace(offer, "111 63 9", "111 163 9")), HasSubstr("up to 127"));
  EXPECT_THAT(ErrorOf(Replace(offer, "rtpmap:111 opus/48000/2", "rtpmap:111 opus")), HasSubstr("a=rtpmap"));
}

// Nothing above 8 kHz, or above 4 kHz with AMR, reaches the network: the bits go where they are heard.
TEST(WebRtcNegotiator, AsksTheBrowserForWhatTheNetworkCarries) {
  auto offer = kNegotiator.ReadOffer(kChromiumOffer);
  EXPECT_THAT(kNegotiator.BuildAnswer(*offer, Local(), {}, 16000),
              HasSubstr("a=fmtp:111 minptime=10;useinbandfec=1;maxaveragebitrate=32000;"
                        "maxplaybackrate=16000;sprop-maxcapturerate=16000\r\n"));
  EXPECT_THAT(kNegotiator.BuildAnswer(*offer, Local(), {}, 8000),
              HasSubstr("maxaveragebitrate=20000;maxplaybackrate=8000;sprop-maxcapturerate=8000\r\n"));
  EXPECT_THAT(kNegotiator.BuildOffer(Local(), {}, 8000), HasSubstr(";maxplaybackrate=8000;"));
  EXPECT_THAT(kNegotiator.BuildOffer(Local(), {}, 48000), HasSubstr(";maxaveragebitrate=40000\r\n"));
  WebRtcNegotiator configured{WebRtcConfig{.opus_max_average_bitrate_bps = 24000, .opus_max_playback_rate_hz = 48000}};
  offer = configured.ReadOffer(kChromiumOffer);
  EXPECT_THAT(configured.BuildAnswer(*offer, Local(), {}, 8000),
              HasSubstr("maxaveragebitrate=24000;maxplaybackrate=48000;"));
}

TEST(WebRtcNegotiator, TakesRedundancyOnlyOfTheCodecItChose) {
  auto red = [](const std::string& text) {
    auto offer = kNegotiator.ReadOffer(text);
    EXPECT_TRUE(offer.ok());
    std::string answer = kNegotiator.BuildAnswer(*offer, Local(), {});
    bool is_answered = answer.find(" red/") != std::string::npos;
    EXPECT_EQ(is_answered, offer->media.audio.red_payload_type.has_value());
    return offer->media.audio.red_payload_type;
  };
  const std::string offer = kChromiumOffer;
  EXPECT_EQ(red(offer), 63);
  EXPECT_EQ(red(Replace(offer, "fmtp:63 111/111", "fmtp:63 111/111/111")), 63);
  EXPECT_EQ(red(Replace(offer, "rtpmap:63 red", "rtpmap:63 RED")), 63);
  EXPECT_EQ(red(Replace(offer, "a=fmtp:63 111/111", "a=x")), std::nullopt);
  EXPECT_EQ(red(Replace(offer, "fmtp:63 111/111", "fmtp:63 111/9")), std::nullopt);
  EXPECT_EQ(red(Replace(offer, "fmtp:63 111/111", "fmtp:63 111/x")), std::nullopt);
  EXPECT_EQ(red(Replace(offer, "red/48000/2", "red/8000")), std::nullopt);
  EXPECT_EQ(red(Replace(offer, "111 63 9", "111 9")), std::nullopt);
  EXPECT_EQ(red(kFirefoxOffer), std::nullopt);
}

TEST(WebRtcNegotiator, OrdersRedundancyAsConfigured) {
  auto formats = [](const WebRtcConfig& config) {
    WebRtcNegotiator negotiator{config};
    auto offer = negotiator.ReadOffer(kChromiumOffer);
    auto answer = ParseSessionDescription(negotiator.BuildAnswer(*offer, Local(), {}));
    auto own = ParseSessionDescription(negotiator.BuildOffer(Local(), {}));
    EXPECT_EQ(answer->media[0].formats, own->media[0].formats);
    return answer->media[0].formats;
  };
  EXPECT_THAT(formats({}), ElementsAre("63", "111", "110", "126"));
  EXPECT_THAT(formats({.prefers_red = false}), ElementsAre("111", "63", "110", "126"));
  EXPECT_THAT(formats({.accepts_red = false}), ElementsAre("111", "110", "126"));
}

TEST(WebRtcNegotiator, FallsBackToG711WhenAllowed) {
  std::string offer = Replace(kChromiumOffer, "opus/48000/2", "speex/32000");
  auto read = kNegotiator.ReadOffer(offer);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->media.audio.send.encoding_name, "PCMU");
  EXPECT_THAT(read->media.audio.telephone_events, ElementsAre(TelephoneEvent{126, 8000}));
  WebRtcNegotiator strict{WebRtcConfig{.may_use_g711 = false}};
  EXPECT_FALSE(strict.ReadOffer(offer).ok());
}

TEST(WebRtcNegotiator, KeepsOpusLimitsInTheirRange) {
  auto codec = [](const char* parameters) {
    return kNegotiator.ReadOffer(Replace(kChromiumOffer, "minptime=10;useinbandfec=1", parameters))->media.audio.send;
  };
  EXPECT_EQ(codec("maxaveragebitrate=1;maxplaybackrate=1").max_average_bitrate_bps, 6000u);
  EXPECT_EQ(codec("maxaveragebitrate=1;maxplaybackrate=1").max_playback_rate_hz, 8000u);
  EXPECT_EQ(codec("maxaveragebitrate=999999;maxplaybackrate=96000").max_average_bitrate_bps, 510000u);
  EXPECT_EQ(codec("maxaveragebitrate=x;maxplaybackrate=16000").max_playback_rate_hz, 16000u);
  EXPECT_EQ(codec("maxaveragebitrate=x").max_average_bitrate_bps, 0u);
}

TEST(WebRtcNegotiator, SeesDirectionsFromTheGateway) {
  auto direction = [](const char* text) {
    return kNegotiator.ReadOffer(Replace(kChromiumOffer, "a=sendrecv", text))->media.direction;
  };
  EXPECT_EQ(direction("a=sendonly"), Direction::kRecvOnly);
  EXPECT_EQ(direction("a=recvonly"), Direction::kSendOnly);
  EXPECT_EQ(direction("a=inactive"), Direction::kInactive);
}

TEST(WebRtcNegotiator, OffersWhatABrowserCanAnswer) {
  std::string offer = kNegotiator.BuildOffer(Local(), {5, 1});
  for (const char* line :
       {"m=audio 40000 UDP/TLS/RTP/SAVPF 63 111 110 126\r\n", "a=setup:actpass\r\n", "a=rtpmap:111 opus/48000/2\r\n",
        "a=group:BUNDLE 0\r\n", "a=ice-lite\r\n", "a=msid:cname1 audio\r\n"}) {
    EXPECT_THAT(offer, HasSubstr(line));
  }
  std::string answer = Replace(kChromiumOffer, "a=setup:actpass", "a=setup:active");
  auto read = kNegotiator.ReadAnswer(answer);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->gateway_dtls_role, DtlsRole::kServer);
  EXPECT_EQ(kNegotiator.ReadAnswer(Replace(answer, "setup:active", "setup:passive"))->gateway_dtls_role,
            DtlsRole::kClient);
}

TEST(WebRtcNegotiator, RefusesAnswersThatAreNone) {
  EXPECT_FALSE(kNegotiator.ReadAnswer("").ok());
  EXPECT_THAT(kNegotiator.ReadAnswer(kChromiumOffer).error().message, HasSubstr("active or passive"));
  std::string answer = Replace(kChromiumOffer, "a=setup:actpass", "a=setup:active");
  EXPECT_THAT(kNegotiator.ReadAnswer(Replace(answer, "opus/48000/2", "speex/8000")).error().message,
              HasSubstr("does not accept Opus"));
  EXPECT_FALSE(kNegotiator.ReadAnswer(Replace(answer, "m=audio 33301", "m=audio 0")).ok());
}

}  // namespace
}  // namespace byon::sdp
