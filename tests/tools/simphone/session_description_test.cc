#include "tools/simphone/session_description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace byon::simphone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

AudioDescription OfferOf(const CodecPreferences& preferences) {
  AudioDescription offer;
  offer.ip = "127.0.0.31";
  offer.port = 20000;
  offer.formats = MakeFormats(preferences);
  return offer;
}

TEST(SessionDescriptionTest, WhatIsWrittenIsRead) {
  CodecPreferences preferences;
  preferences.mode_set = {0, 1, 2};
  AudioDescription offer = OfferOf(preferences);
  offer.direction = MediaDirection::kSendOnly;
  offer.preconditions = Preconditions{true, false, true};
  offer.has_rtcp_xr = true;
  const auto read = AudioDescription::Parse(offer.Serialize());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->port, 20000);
  EXPECT_EQ(read->direction, MediaDirection::kSendOnly);
  ASSERT_EQ(read->formats.size(), offer.formats.size());
  EXPECT_EQ(read->formats[1].name, "AMR-WB");
  EXPECT_TRUE(read->formats[1].octet_align);
  EXPECT_THAT(read->formats[1].mode_set, ElementsAre(0, 1, 2));
  EXPECT_TRUE(read->has_rtcp_xr);
  ASSERT_TRUE(read->preconditions);
  EXPECT_TRUE(read->preconditions->is_local_ready);
  EXPECT_FALSE(read->preconditions->is_remote_ready);
  EXPECT_TRUE(read->preconditions->wants_confirmation);
}

TEST(SessionDescriptionTest, AnswersWithTheOffersPayloadTypesAndClock) {
  const auto offer = AudioDescription::Parse(
      "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 107 106 101 96\r\na=rtpmap:107 "
      "EVS/16000\r\n"
      "a=rtpmap:106 amr-wb/16000/1\r\na=fmtp:106 octet-align=1; mode-set=0,2\r\n"
      "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 telephone-event/16000\r\na=rtcp:4010\r\n"
      "m=video 0 RTP/AVP 31\r\na=inactive\r\n");
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->direction, MediaDirection::kSendRecv);
  const auto picked = Negotiate(MakeFormats({}), *offer);
  ASSERT_TRUE(picked);
  EXPECT_EQ(picked->format.payload_type, 106);
  EXPECT_TRUE(picked->format.octet_align);
  EXPECT_EQ(picked->telephone_event, 96);
  EXPECT_EQ(picked->remote_rtcp_port, 4010);
  EXPECT_EQ(AnswerFormats(*picked).size(), 2u);
}

TEST(SessionDescriptionTest, AFormatHasOnePayloadTypeInEveryOffer) {
  const auto all = MakeFormats({});
  const auto narrow = MakeFormats({{"AMR"}, true, true, {}});
  for (const AudioFormat& format : narrow) {
    const bool is_same = std::any_of(all.begin(), all.end(), [&](const AudioFormat& other) {
      return other.payload_type == format.payload_type && other.name == format.name &&
             other.octet_align == format.octet_align;
    });
    EXPECT_TRUE(is_same) << format.payload_type;
  }
}

TEST(SessionDescriptionTest, NothingInCommonIsNoAgreement) {
  const AudioDescription offer = OfferOf({{"PCMU"}, true, true, {}});
  EXPECT_FALSE(Negotiate(MakeFormats({{"AMR-WB"}, true, true, {}}), offer));
  EXPECT_FALSE(Negotiate(MakeFormats({{"AMR"}, true, false, {}}), OfferOf({{"AMR"}, false, true, {}})));
}

TEST(SessionDescriptionTest, RefusesWhatHasNoAudio) {
  EXPECT_FALSE(AudioDescription::Parse(""));
  EXPECT_FALSE(AudioDescription::Parse("m=audio 1 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 1.2.3.4\r\n"));
  EXPECT_FALSE(AudioDescription::Parse("m=audio 1 RTP/AVP 0\r\n"));
}

TEST(SessionDescriptionTest, WritesIpv6) {
  AudioDescription offer = OfferOf({});
  offer.ip = "2001:db8::31";
  EXPECT_THAT(offer.Serialize(), HasSubstr("c=IN IP6 2001:db8::31"));
}

}  // namespace
}  // namespace byon::simphone
