#include "controlplane/sdp/bandwidth.h"

#include <gtest/gtest.h>

namespace byon::sdp {
namespace {

AudioCodec Codec(const std::string& name, uint32_t clock_rate_hz, std::vector<uint8_t> modes = {},
                 bool aligned = false) {
  AudioCodec codec;
  codec.encoding_name = name;
  codec.clock_rate_hz = clock_rate_hz;
  codec.mode_set = std::move(modes);
  codec.octet_align = aligned;
  return codec;
}

TEST(Bandwidth, IsThatOfTheHighestModeAgreedOn) {
  EXPECT_EQ(BandwidthKbps({Codec("AMR-WB", 16000)}, 20, false), 41u);
  EXPECT_EQ(BandwidthKbps({Codec("AMR-WB", 16000)}, 20, true), 49u);
  EXPECT_EQ(BandwidthKbps({Codec("AMR-WB", 16000, {0, 1, 2})}, 20, false), 30u) << "12.65 kbit/s";
  EXPECT_EQ(BandwidthKbps({Codec("AMR-WB", 16000, {0, 1, 2})}, 20, true), 38u);
  EXPECT_EQ(BandwidthKbps({Codec("AMR", 8000)}, 20, false), 29u);
  EXPECT_EQ(BandwidthKbps({Codec("AMR", 8000, {}, true)}, 20, false), 30u);
  EXPECT_EQ(BandwidthKbps({Codec("PCMA", 8000)}, 20, false), 80u);
  EXPECT_EQ(BandwidthKbps({Codec("PCMU", 8000)}, 20, true), 88u);
}

TEST(Bandwidth, IsThatOfTheHungriestCodec) {
  EXPECT_EQ(BandwidthKbps({Codec("AMR", 8000), Codec("AMR-WB", 16000)}, 20, false), 41u);
  EXPECT_EQ(BandwidthKbps({}, 20, false), 0u);
}

TEST(Bandwidth, LongerPacketsHaveFewerHeaders) {
  EXPECT_EQ(BandwidthKbps({Codec("PCMA", 8000)}, 40, false), 72u);
  EXPECT_EQ(BandwidthKbps({Codec("AMR-WB", 16000, {0, 1, 2})}, 40, false), 22u);
}

}  // namespace
}  // namespace byon::sdp
