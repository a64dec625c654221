#include "controlplane/sdp/ims_negotiator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace byon::sdp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

ImsLocal Local(const std::string& ip = "198.51.100.7") { return {{ip, 20000}, {ip, 20001}, 42, "cname"}; }

// The offer of a VoNR phone: both codecs in both packings, preconditions, RTCP bandwidths.
constexpr char kPhoneOffer[] =
    "v=0\r\no=rue 3251 3251 IN IP4 10.46.0.3\r\ns=-\r\nb=AS:41\r\nb=RR:1537\r\nb=RS:512\r\nt=0 "
    "0\r\n"
    "m=audio 31022 RTP/AVP 107 106 105 104 101 102\r\nc=IN IP4 10.46.0.3\r\nb=AS:41\r\n"
    "a=ptime:20\r\na=maxptime:240\r\n"
    "a=rtpmap:107 AMR-WB/16000/1\r\na=fmtp:107 mode-change-capability=2;max-red=0\r\n"
    "a=rtpmap:106 AMR-WB/16000/1\r\na=fmtp:106 octet-align=1;mode-change-capability=2;max-red=0\r\n"
    "a=rtpmap:105 AMR/8000/1\r\na=fmtp:105 mode-change-capability=2;max-red=0\r\n"
    "a=rtpmap:104 AMR/8000/1\r\na=fmtp:104 octet-align=1;mode-change-capability=2;max-red=0\r\n"
    "a=rtpmap:101 telephone-event/16000\r\na=fmtp:101 0-15\r\n"
    "a=rtpmap:102 telephone-event/8000\r\na=fmtp:102 0-15\r\n"
    "a=curr:qos local none\r\na=curr:qos remote none\r\na=des:qos mandatory local sendrecv\r\n"
    "a=des:qos optional remote sendrecv\r\na=sendrecv\r\n";

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string Audio(const std::string& formats, const std::string& lines, const std::string& protocol = "RTP/AVP") {
  return "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 30000 " + protocol + ' ' +
         formats + "\r\n" + lines;
}

const ImsNegotiator kNegotiator{ImsConfig{}};

TEST(ImsNegotiator, OffersAmrBothWays) {  // Covers: C16 C14
  std::string offer = kNegotiator.BuildOffer(kNegotiator.offered_audio(), Local(), {9, 1}, Direction::kSendRecv);
  for (const char* line :
       {"o=- 9 1 IN IP4 198.51.100.7\r\n", "c=IN IP4 198.51.100.7\r\n",
        "m=audio 20000 RTP/AVP 107 106 105 104 101 102\r\n", "b=AS:41\r\n", "b=RS:512\r\n", "b=RR:1537\r\n",
        "a=rtpmap:107 AMR-WB/16000\r\n", "a=fmtp:107 mode-change-capability=2; max-red=0\r\n",
        "a=fmtp:106 octet-align=1; mode-change-capability=2; max-red=0\r\n", "a=rtpmap:105 AMR/8000\r\n",
        "a=rtpmap:101 telephone-event/16000\r\n", "a=rtpmap:102 telephone-event/8000\r\n", "a=fmtp:101 0-15\r\n",
        "a=ptime:20\r\n", "a=maxptime:240\r\n", "a=sendrecv\r\n", "a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n"}) {
    EXPECT_THAT(offer, HasSubstr(line));
  }
  EXPECT_THAT(offer, Not(HasSubstr("qos")));
  EXPECT_THAT(offer, Not(HasSubstr("a=rtcp:")));
}

// RFC 3611 section 5.2 and RFC 3556: what the peer asks for is read, what it did not offer not answered.
TEST(ImsNegotiator, ReadsAndAnswersRtcpParameters) {
  const std::string offered =
      "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
      "m=audio 40000 RTP/AVP 97\r\nb=RS:600\r\nb=RR:2000\r\na=rtpmap:97 AMR-WB/16000\r\n";
  const auto plain = kNegotiator.ReadOffer(offered);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->media.rtcp_xr, RtcpXr{});
  EXPECT_EQ(plain->media.rtcp_bandwidth_bps, 2600u);
  EXPECT_THAT(kNegotiator.BuildAnswer(*plain, Local(), {9, 1}, Direction::kSendRecv), Not(HasSubstr("rtcp-xr")));
  const auto extended =
      kNegotiator.ReadOffer(offered + "a=rtcp-xr:pkt-loss-rle rcvr-rtt=sender:10000 voip-metrics x-new=1\r\n");
  ASSERT_TRUE(extended.ok());
  EXPECT_EQ(extended->media.rtcp_xr, (RtcpXr{true, true}));
  EXPECT_THAT(kNegotiator.BuildAnswer(*extended, Local(), {9, 1}, Direction::kSendRecv),
              HasSubstr("a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n"));
  EXPECT_EQ(kNegotiator.ReadOffer(offered + "a=rtcp-xr\r\n")->media.rtcp_xr, RtcpXr{});
}

TEST(ImsNegotiator, SilenceSuppressionIsTheOperatorsChoice) {
  const std::string offered =
      "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
      "m=audio 40000 RTP/AVP 97\r\na=rtpmap:97 AMR-WB/16000\r\n";
  EXPECT_FALSE(kNegotiator.ReadOffer(offered)->media.audio.send.use_dtx);
  const ImsNegotiator with_dtx{ImsConfig{.uses_dtx = true}};
  EXPECT_TRUE(with_dtx.ReadOffer(offered)->media.audio.send.use_dtx);
  const auto answer = with_dtx.ReadAnswer(
      "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
      "m=audio 40000 RTP/AVP 107\r\na=rtpmap:107 AMR-WB/16000\r\n",
      with_dtx.offered_audio());
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer->media.audio.send.use_dtx);
}

TEST(ImsNegotiator, OffersWhatIsConfigured) {
  ImsNegotiator g711{ImsConfig{.codecs = {ImsCodec::kPcma, ImsCodec::kPcmu}, .use_avpf = true}};
  ImsLocal local = Local("2001:db8::7");
  local.rtcp.port = 20003;
  std::string offer =
      g711.BuildOffer(g711.offered_audio(), local, {}, Direction::kSendRecv, Preconditions{.is_local_met = true});
  for (const char* line : {"m=audio 20000 RTP/AVPF 8 0 102\r\n", "c=IN IP6 2001:db8::7\r\n", "b=AS:88\r\n",
                           "a=rtcp:20003\r\n", "a=curr:qos local sendrecv\r\n", "a=curr:qos remote none\r\n",
                           "a=des:qos mandatory local sendrecv\r\n", "a=des:qos optional remote sendrecv\r\n"}) {
    EXPECT_THAT(offer, HasSubstr(line));
  }
}

TEST(ImsNegotiator, SpeaksOpusWhereTheOperatorWantsIt) {
  ImsNegotiator opus{ImsConfig{.codecs = {ImsCodec::kOpus, ImsCodec::kAmrWb}, .offer_octet_aligned = false}};
  const AudioFormat offered = opus.offered_audio();
  const std::string offer = opus.BuildOffer(offered, Local(), {}, Direction::kSendRecv);
  for (const char* line : {"m=audio 20000 RTP/AVP 109 107 100 101\r\n", "a=rtpmap:109 opus/48000/2\r\n",
                           "a=fmtp:109 minptime=10;useinbandfec=1;maxaveragebitrate=40000\r\n",
                           "a=rtpmap:100 telephone-event/48000\r\n", "b=AS:56\r\n"}) {
    EXPECT_THAT(offer, HasSubstr(line));
  }
  const auto answer =
      opus.ReadAnswer(Audio("109 100",
                            "a=rtpmap:109 opus/48000/2\r\na=fmtp:109 maxaveragebitrate=24000;stereo=1\r\n"
                            "a=rtpmap:100 telephone-event/48000\r\n"),
                      offered);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  const AudioFormat& audio = answer->media.audio;
  EXPECT_EQ(audio.send.encoding_name, "opus");
  EXPECT_EQ(audio.send.max_average_bitrate_bps, 24000u) << "what the peer wants to get";
  EXPECT_FALSE(audio.send.stereo);
  ASSERT_EQ(audio.receive.size(), 1u);
  EXPECT_EQ(audio.receive[0].max_average_bitrate_bps, 40000u) << "what it was told to send";
  EXPECT_THAT(audio.telephone_events, ElementsAre(TelephoneEvent{100, 48000}));
  // A network that does not know it has AMR-WB.
  const auto older =
      opus.ReadAnswer(Audio("107 101", "a=rtpmap:107 AMR-WB/16000\r\na=rtpmap:101 telephone-event/16000\r\n"), offered);
  ASSERT_TRUE(older.ok());
  EXPECT_EQ(older->media.audio.send.encoding_name, "AMR-WB");
}

TEST(ImsNegotiator, AnswersOpusWithOurOwnWishes) {
  ImsNegotiator opus{ImsConfig{.codecs = {ImsCodec::kOpus}}};
  const auto offer = opus.ReadOffer(Audio("0 98 99",
                                          "a=rtpmap:98 opus/48000/2\r\na=fmtp:98 usedtx=1;maxaveragebitrate=20000\r\n"
                                          "a=rtpmap:99 telephone-event/48000\r\n"));
  ASSERT_TRUE(offer.ok());
  EXPECT_TRUE(offer->media.audio.send.use_dtx);
  const std::string answer = opus.BuildAnswer(*offer, Local(), {}, Direction::kSendRecv);
  EXPECT_THAT(answer, HasSubstr("m=audio 20000 RTP/AVP 98 99\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=fmtp:98 minptime=10;useinbandfec=1;maxaveragebitrate=40000\r\n"));
  EXPECT_FALSE(kNegotiator.ReadOffer(Audio("98", "a=rtpmap:98 opus/48000/2\r\n")).ok()) << "not by default";
}

TEST(ImsNegotiator, AnswersAPhone) {  // Covers: C16
  auto offer = kNegotiator.ReadOffer(kPhoneOffer);
  ASSERT_TRUE(offer.ok()) << offer.error().message;
  EXPECT_EQ(offer->media.rtp, (TransportAddress{"10.46.0.3", 31022}));
  EXPECT_EQ(offer->media.audio.send.encoding_name, "AMR-WB");
  EXPECT_EQ(offer->media.audio.send.payload_type, 107);
  EXPECT_FALSE(offer->media.audio.send.octet_align);
  EXPECT_EQ(offer->media.audio.send.ptime_ms, 20);
  EXPECT_EQ(offer->media.audio.send.max_ptime_ms, 240);
  EXPECT_THAT(offer->media.audio.telephone_events, ElementsAre(TelephoneEvent{101, 16000}));
  ASSERT_TRUE(offer->preconditions);
  EXPECT_EQ(*offer->preconditions, (Preconditions{false, false, true, false}));
  std::string answer = kNegotiator.BuildAnswer(*offer, Local(), {}, Direction::kSendRecv,
                                               Preconditions{.is_local_met = true, .wants_confirmation = true});
  EXPECT_THAT(answer, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=conf:qos remote sendrecv\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("AMR/8000")));
}

// RFC 3312 section 5: an answer has the status type of its offer, and of what lies beyond our own end nothing can be
// said.
TEST(ImsNegotiator, DoesNotVouchForResourcesFromEndToEnd) {  // Covers: C4
  const auto offer_with = [](const std::string& qos) {
    return kNegotiator.ReadOffer(Audio("96", "a=rtpmap:96 AMR/8000\r\n" + qos));
  };
  const auto whole = offer_with("a=curr:qos e2e none\r\na=des:qos mandatory e2e sendrecv\r\n");
  ASSERT_TRUE(whole.ok());
  EXPECT_TRUE(whole->needs_unknown_preconditions);
  EXPECT_FALSE(whole->preconditions);
  const auto wish = offer_with("a=curr:qos e2e none\r\na=des:qos optional e2e sendrecv\r\n");
  EXPECT_FALSE(wish->needs_unknown_preconditions);
  EXPECT_FALSE(wish->preconditions) << "passed over";
  EXPECT_TRUE(offer_with("a=curr:sec e2e none\r\na=des:sec mandatory e2e sendrecv\r\n")->needs_unknown_preconditions);
  const auto both =
      offer_with("a=curr:qos local none\r\na=des:qos mandatory local sendrecv\r\na=des:qos mandatory e2e sendrecv\r\n");
  EXPECT_TRUE(both->needs_unknown_preconditions);
  EXPECT_TRUE(both->preconditions);
  for (const char* odd : {"a=des\r\n", "a=des:\r\n", "a=des:qos\r\n", "a=des:qos \r\n", "a=curr:qos \r\n"}) {
    const auto offer = offer_with(odd);
    ASSERT_TRUE(offer.ok()) << odd;
    EXPECT_FALSE(offer->needs_unknown_preconditions) << odd;
    EXPECT_FALSE(offer->preconditions) << odd;
  }
}

TEST(ImsNegotiator, ChoosesByOurPreferenceThenByTheOffersOrder) {
  std::string lines =
      "a=rtpmap:96 AMR/8000\r\na=rtpmap:97 amr-wb/16000\r\na=fmtp:97 octet-align=1\r\n"
      "a=rtpmap:98 AMR-WB/16000\r\n";
  auto offer = kNegotiator.ReadOffer(Audio("96 97 98", lines));
  ASSERT_TRUE(offer.ok());
  EXPECT_EQ(offer->media.audio.send.payload_type, 97);
  EXPECT_TRUE(offer->media.audio.send.octet_align);
  EXPECT_THAT(kNegotiator.BuildAnswer(*offer, Local(), {}, Direction::kSendRecv),
              HasSubstr("a=fmtp:97 octet-align=1; mode-change-capability=2"));
  ImsNegotiator narrow{ImsConfig{.codecs = {ImsCodec::kAmr}}};
  EXPECT_EQ(narrow.ReadOffer(Audio("96 97 98", lines))->media.audio.send.encoding_name, "AMR");
}

TEST(ImsNegotiator, KeepsModeRestrictions) {  // Covers: C16
  auto offer =
      kNegotiator.ReadOffer(Audio("97",
                                  "a=rtpmap:97 AMR-WB/16000\r\n"
                                  "a=fmtp:97 mode-set=2,0,1; mode-change-period=2; mode-change-neighbor=1\r\n"));
  ASSERT_TRUE(offer.ok());
  EXPECT_THAT(offer->media.audio.send.mode_set, ElementsAre(0, 1, 2));
  EXPECT_EQ(offer->media.audio.send.mode_change_period, 2);
  EXPECT_TRUE(offer->media.audio.send.mode_change_neighbor);
  EXPECT_THAT(kNegotiator.BuildAnswer(*offer, Local(), {}, Direction::kSendRecv),
              HasSubstr("a=fmtp:97 mode-set=0,1,2; mode-change-period=2; mode-change-neighbor=1;"));
}

TEST(ImsNegotiator, LeavesOutAmrThatItCannotServe) {
  for (const char* parameters : {"mode-set=9", "mode-set=a", "crc=1", "robust-sorting=1", "interleaving=30"}) {
    auto offer = kNegotiator.ReadOffer(Audio(
        "97 98", std::string("a=rtpmap:97 AMR-WB/16000\r\na=fmtp:97 ") + parameters + "\r\na=rtpmap:98 AMR/8000\r\n"));
    ASSERT_TRUE(offer.ok()) << parameters;
    EXPECT_EQ(offer->media.audio.send.encoding_name, "AMR") << parameters;
  }
}

TEST(ImsNegotiator, ReadsAnswers) {
  std::string text = Audio("107 101",
                           "a=rtpmap:107 AMR-WB/16000\r\na=fmtp:107 mode-set=0,1,2\r\n"
                           "a=rtpmap:101 telephone-event/16000\r\na=ptime:40\r\na=maxptime:80\r\n"
                           "a=rtcp:30005 IN IP4 10.0.0.9\r\na=curr:qos local sendrecv\r\n");
  auto answer = kNegotiator.ReadAnswer(text, kNegotiator.offered_audio());
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->media.audio.send.payload_type, 107);
  EXPECT_EQ(answer->media.audio.send.ptime_ms, 40);
  EXPECT_THAT(answer->media.audio.send.mode_set, ElementsAre(0, 1, 2));
  EXPECT_EQ(answer->media.rtcp, (TransportAddress{"10.0.0.9", 30005}));
  EXPECT_TRUE(answer->preconditions->is_remote_met);
}

TEST(ImsNegotiator, MapsDifferingPayloadTypesAndSeveralCodecs) {
  auto answer = kNegotiator.ReadAnswer(Audio("120 106", "a=rtpmap:120 AMR/8000\r\na=rtpmap:106 AMR-WB/16000\r\n"),
                                       kNegotiator.offered_audio());
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->media.audio.send.payload_type, 120);  // what we send
  ASSERT_EQ(answer->media.audio.receive.size(), 2u);
  EXPECT_EQ(answer->media.audio.receive[0].payload_type, 105);  // what we offered for it
  // 106 was offered octet-aligned: the answer that forgets to say so means it all the same.
  EXPECT_TRUE(answer->media.audio.receive[1].octet_align);
}

TEST(ImsNegotiator, GivesEachPayloadTypeOneMeaning) {
  auto answer = kNegotiator.ReadAnswer(Audio("120 121 107",
                                             "a=rtpmap:120 AMR-WB/16000\r\na=rtpmap:121 AMR-WB/16000\r\n"
                                             "a=rtpmap:107 telephone-event/16000\r\n"),
                                       kNegotiator.offered_audio());
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->media.audio.receive.size(), 1u);
  EXPECT_EQ(answer->media.audio.receive[0].payload_type, 107);
  EXPECT_THAT(answer->media.audio.telephone_events, IsEmpty());
}

TEST(ImsNegotiator, SendsFramesOfAtLeast20Ms) {
  auto answer = kNegotiator.ReadAnswer(Audio("107", "a=rtpmap:107 AMR-WB/16000\r\na=ptime:10\r\na=maxptime:10\r\n"),
                                       kNegotiator.offered_audio());
  EXPECT_EQ(answer->media.audio.send.ptime_ms, 20);
  EXPECT_EQ(answer->media.audio.send.max_ptime_ms, 20);
}

TEST(ImsNegotiator, RefusesAnswersThatDoNotFit) {
  auto error = [](const std::string& text) {
    auto answer = kNegotiator.ReadAnswer(text, kNegotiator.offered_audio());
    return answer.ok() ? "" : answer.error().message;
  };
  const std::string amr = "a=rtpmap:107 AMR-WB/16000\r\n";
  EXPECT_EQ(error(Audio("107", amr)), "");
  EXPECT_THAT(error(Audio("0", "")), HasSubstr("no codec of the offer"));
  EXPECT_THAT(error(Replace(Audio("107", amr), "m=audio 30000", "m=audio 0")), HasSubstr("refuses the audio"));
  EXPECT_THAT(error(Audio("107", amr, "RTP/SAVP")), HasSubstr("RTP/AVP"));
  EXPECT_THAT(error(Replace(Audio("107", amr), "c=IN IP4 10.0.0.1\r\n", "")), HasSubstr("no c= line"));
  EXPECT_THAT(error(Replace(Audio("107", amr), "c=IN IP4 10.0.0.1", "c=IN IP4 224.0.0.1")), HasSubstr("not a unicast"));
  EXPECT_THAT(error(Replace(Audio("107", amr), "c=IN IP4 10.0.0.1", "c=IN IP6 ff02::1")), HasSubstr("not a unicast"));
  EXPECT_THAT(error(Replace(Audio("107", amr), "m=audio 30000", "m=audio 22")), HasSubstr("below 1024"));
  EXPECT_THAT(error(Replace(Audio("107", amr), "m=audio", "m=video")), HasSubstr("no audio"));
}

TEST(ImsNegotiator, MapsHoldInAllItsForms) {  // Covers: C12
  auto read = [](const std::string& text) { return kNegotiator.ReadOffer(text); };
  std::string offer = kPhoneOffer;
  EXPECT_EQ(read(Replace(offer, "a=sendrecv", "a=sendonly"))->media.direction, Direction::kRecvOnly);
  EXPECT_EQ(read(Replace(offer, "a=sendrecv", "a=recvonly"))->media.direction, Direction::kSendOnly);
  EXPECT_EQ(read(Replace(offer, "a=sendrecv", "a=inactive"))->media.direction, Direction::kInactive);
  auto old = read(Replace(offer, "c=IN IP4 10.46.0.3", "c=IN IP4 0.0.0.0"));
  EXPECT_EQ(old->media.direction, Direction::kRecvOnly);
  EXPECT_FALSE(old->media.rtp);
  auto off = read(Replace(offer, "m=audio 31022", "m=audio 0"));
  EXPECT_TRUE(off->is_disabled);
  EXPECT_THAT(kNegotiator.BuildAnswer(*off, Local(), {}, Direction::kSendRecv), HasSubstr("m=audio 0 RTP/AVP"));
  auto held = read(Replace(offer, "a=sendrecv", "a=sendonly"));
  EXPECT_THAT(kNegotiator.BuildAnswer(*held, Local(), {}, Direction::kSendRecv), HasSubstr("a=recvonly\r\n"));
  EXPECT_THAT(kNegotiator.BuildAnswer(*held, Local(), {}, Direction::kSendOnly), HasSubstr("a=inactive\r\n"));
}

TEST(ImsNegotiator, OffersAgainWithTheNegotiatedPayloadTypes) {
  auto offer = kNegotiator.ReadOffer(kPhoneOffer);
  std::string again = kNegotiator.BuildOffer(offer->media.audio, Local(), {1, 2}, Direction::kSendOnly);
  EXPECT_THAT(again, HasSubstr("m=audio 20000 RTP/AVP 107 101\r\n"));
  EXPECT_THAT(again, HasSubstr("o=- 1 2 "));
  EXPECT_THAT(again, HasSubstr("a=sendonly\r\n"));
}

TEST(ImsNegotiator, RefusesVideoBesidesAudioAndReadsAvpfAndIpv6) {
  std::string offer =
      Replace(kPhoneOffer, "RTP/AVP", "RTP/AVPF") + "m=video 40000 RTP/AVPF 98\r\na=rtpmap:98 H264/90000\r\n";
  offer = Replace(offer, "c=IN IP4 10.46.0.3", "c=IN IP6 2001:db8::3");
  auto read = kNegotiator.ReadOffer(offer);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_TRUE(read->media.use_avpf);
  EXPECT_EQ(read->media.rtp->ip, "2001:db8::3");
  std::string answer = kNegotiator.BuildAnswer(*read, Local(), {}, Direction::kSendRecv);
  EXPECT_THAT(answer, HasSubstr("m=audio 20000 RTP/AVPF 107 101\r\n"));
  EXPECT_THAT(answer, HasSubstr("m=video 0 RTP/AVPF 98\r\n"));
}

TEST(ImsNegotiator, FallsBackToAnEventClockThatThePeerHas) {  // Covers: C14
  auto offer =
      kNegotiator.ReadOffer(Audio("97 98", "a=rtpmap:97 AMR-WB/16000\r\na=rtpmap:98 telephone-event/8000\r\n"));
  EXPECT_THAT(offer->media.audio.telephone_events, ElementsAre(TelephoneEvent{98, 8000}));
  EXPECT_THAT(kNegotiator.ReadOffer(Audio("97", "a=rtpmap:97 AMR-WB/16000\r\n"))->media.audio.telephone_events,
              IsEmpty());
}

TEST(ImsNegotiator, SaysWhenNothingFits) {
  auto offer = kNegotiator.ReadOffer(Audio("0 8", ""));
  ASSERT_FALSE(offer.ok());
  EXPECT_EQ(offer.error().message, "The offer has no codec that the gateway may use.");
}

}  // namespace
}  // namespace byon::sdp
