#include "dataplane/session/session_change.h"

#include <gtest/gtest.h>

#include "dataplane/pipeline/codec_setup.h"

namespace byon::session {
namespace {

using codec::Codec;

AudioDescription Audio(uint8_t payload_type, Codec codec) {
  pipeline::StreamFormat format;
  format.payload_type = payload_type;
  format.codec.codec = codec;
  return {format, {format}};
}

SessionDescriptions Access() {
  AccessRemote access;
  access.audio = Audio(111, Codec::kOpus);
  return {access, {}, {}};
}

SessionDescriptions Ims(Codec codec) {
  ImsRemote ims;
  ims.audio = Audio(96, codec);
  return {{}, ims, {}};
}

// A call is made before anybody knows what the network speaks.
TEST(SessionChangeTest, OpusWorksAtTheRateOfTheNetworksCodec) {
  SessionAudio known;
  auto created = PrepareSessionChange(Access(), known).value();
  EXPECT_EQ(created->access_audio->send->encoder().sample_rate_hz(), 16'000);

  auto answered = PrepareSessionChange(Ims(Codec::kAmr), known).value();
  ASSERT_TRUE(answered->access_send);
  EXPECT_EQ((*answered->access_send)->encoder().sample_rate_hz(), 8'000);
  EXPECT_TRUE(answered->access_receive);

  // Another codec of the same rate needs another decoder for it alone.
  auto changed = PrepareSessionChange(Ims(Codec::kPcma), known).value();
  EXPECT_FALSE(changed->access_send);

  auto widened = PrepareSessionChange(Ims(Codec::kAmrWb), known).value();
  ASSERT_TRUE(widened->access_send);
  EXPECT_EQ((*widened->access_send)->encoder().sample_rate_hz(), 16'000);
  EXPECT_FALSE(PrepareSessionChange(Ims(Codec::kAmrWb), known).value()->access_send);
}

}  // namespace
}  // namespace byon::session
