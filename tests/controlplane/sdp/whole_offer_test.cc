#include "controlplane/sdp/whole_offer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/sdp/ims_negotiator.h"

namespace byon::sdp {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> CodecsOf(const AudioFormat& format) {
  std::vector<std::string> codecs;
  for (const AudioCodec& c : format.receive) {
    codecs.push_back(std::to_string(c.payload_type) + " " + c.encoding_name + (c.octet_align ? " octet-aligned" : ""));
  }
  return codecs;
}
AudioCodec Codec(uint8_t payload_type, const char* name, uint32_t rate_hz) {
  AudioCodec codec;
  codec.payload_type = payload_type;
  codec.encoding_name = name;
  codec.clock_rate_hz = rate_hz;
  return codec;
}

const AudioFormat& Everything() {
  static const ImsNegotiator negotiator{ImsConfig{}};
  return negotiator.offered_audio();
}

TEST(WholeOffer, PutsWhatIsInUseInFront) {  // Covers: C13
  AudioFormat in_use;
  in_use.receive = {Codec(105, "AMR", 8000)};
  in_use.receive[0].mode_set = {0, 2, 4, 7};
  in_use.telephone_events = {{102, 8000}};
  const AudioFormat whole = WholeOffer(Everything(), in_use);
  EXPECT_THAT(CodecsOf(whole),
              ElementsAre("105 AMR", "107 AMR-WB", "106 AMR-WB octet-aligned", "104 AMR octet-aligned"));
  EXPECT_TRUE(whole.receive[0].mode_set.empty()) << "the next one may know all of them";
  EXPECT_THAT(whole.telephone_events, ElementsAre(TelephoneEvent{102, 8000}, TelephoneEvent{101, 16000}));
  EXPECT_EQ(whole.send, whole.receive[0]);
}

// The other side has numbered the codecs when it called.
TEST(WholeOffer, APayloadTypeInUseKeepsItsMeaning) {  // Covers: C13
  AudioFormat in_use;
  in_use.receive = {Codec(105, "AMR-WB", 16000)};
  in_use.telephone_events = {{104, 16000}};
  const AudioFormat whole = WholeOffer(Everything(), in_use);
  EXPECT_THAT(CodecsOf(whole),
              ElementsAre("105 AMR-WB", "106 AMR-WB octet-aligned", "127 AMR", "126 AMR octet-aligned"));
  EXPECT_THAT(whole.telephone_events, ElementsAre(TelephoneEvent{104, 16000}, TelephoneEvent{102, 8000}));
}

TEST(WholeOffer, WhatWeWouldNotOfferStays) {
  AudioFormat in_use;
  in_use.receive = {Codec(8, "PCMA", 8000)};
  EXPECT_EQ(CodecsOf(WholeOffer(Everything(), in_use)).front(), "8 PCMA");
  EXPECT_EQ(WholeOffer(Everything(), {}), Everything());
}

}  // namespace
}  // namespace byon::sdp
