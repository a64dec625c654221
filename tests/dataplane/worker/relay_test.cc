// Both legs speak the same codec: packets pass without being decoded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using base::TimeDelta;

class RelayTest : public testing::Test {
 protected:
  RelayTest() : call_(dtls::DtlsRole::kClient, {}, OpusFormat(), OpusFormat()) { call_.Connect(); }

  static double PurityAt(RtpTalker& talker, double tone_hz) {
    const auto second = talker.LastSamples(static_cast<size_t>(talker.sample_rate_hz()));
    return TonePurity(second, talker.sample_rate_hz(), tone_hz);
  }
  void ExpectWholeStreams() {
    for (RtpTalker* talker : {&call_.browser().talker(), &call_.ims().talker()}) {
      EXPECT_EQ(talker->received().sequence_gaps, 0u);
      EXPECT_EQ(talker->received().timestamp_breaks, 0u);
      EXPECT_EQ(talker->received().ssrc_changes, 0u);
      EXPECT_EQ(talker->received().undecodable, 0u);
    }
  }
  // The payload of the last packet that came to the phone.
  std::vector<std::byte> LastPayload() {
    const auto view = rtp::RtpPacketView::Parse(call_.ims().last_rtp());
    return {view->payload().begin(), view->payload().end()};
  }

  CallSimulation call_;
};

TEST_F(RelayTest, BothHearEachOtherAtOnceAndUnchanged) {
  const uint64_t before = call_.ims().talker().received().packets;
  call_.Run(TimeDelta::Seconds(3));
  EXPECT_NEAR(static_cast<double>(call_.ims().talker().received().packets - before), 150, 2);
  EXPECT_GT(PurityAt(call_.ims().talker(), 440), 0.95);
  EXPECT_GT(PurityAt(call_.browser().talker(), 880), 0.95);
  ExpectWholeStreams();
  EXPECT_EQ(call_.ims().talker().received().ssrc, 0x1b1b1b1bu) << "our own source";
  // The very octets that the browser's encoder made.
  RtpTalker same({.format = OpusFormat().codec,
                  .payload_type = 111,
                  .telephone_event_payload_type = CallSimulation::kEventPayloadType,
                  .ssrc = 0xb0b0b0b0,
                  .tone_hz = 440});
  std::vector<std::vector<std::byte>> sent;
  for (int i = 0; i < 500; ++i) {
    const auto packet = same.NextPacket();
    const auto payload = rtp::RtpPacketView::Parse(*packet)->payload();
    sent.emplace_back(payload.begin(), payload.end());
  }
  EXPECT_THAT(sent, testing::Contains(LastPayload()));
  EXPECT_EQ(call_.io().lent_buffers(), 0u);
}

TEST_F(RelayTest, ALossStaysALoss) {
  int count = 0;
  call_.filter = [&](const TestDatagram& datagram) {
    const bool is_media = datagram.destination == call_.MakeSessionConfig().ims.rtp;
    return !is_media || ++count % 10 != 0;
  };
  const uint64_t before = call_.browser().talker().received().packets;
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_NEAR(static_cast<double>(call_.browser().talker().received().packets - before), 90, 2);
  EXPECT_NEAR(static_cast<double>(call_.browser().talker().received().sequence_gaps), 10, 1);
  EXPECT_NEAR(static_cast<double>(call_.Stats().ims.concealed_frames), 10, 1);
}

uint8_t LastFractionLost(const std::vector<std::vector<std::byte>>& rtcp) {
  const auto view = rtp::RtcpView::Parse(rtcp.back(), false);
  const auto sender = view->begin()->ParseSenderReport();
  const auto receiver = view->begin()->ParseReceiverReport();
  const auto& blocks = sender ? sender->blocks : receiver->blocks;
  return blocks.size() == 1 ? blocks[0].fraction_lost : 255;
}

// Its redundancy and bit rate are all that helps: nobody encodes anew for the far way.
TEST_F(RelayTest, TheBrowserIsToldOfWhatThePhoneLoses) {
  std::array<std::byte, 128> buffer;
  rtp::RtcpBuilder builder(buffer);
  const rtp::ReportBlock block{.source = {0x1b1b1b1b}, .fraction_lost = 64};
  builder.AddReceiverReport({0x1a1a1a1a}, {&block, 1});
  builder.AddCname({0x1a1a1a1a}, base::AsBytes("phone"));
  const auto report = *builder.Finish();
  call_.ims().SendRtcp({report.begin(), report.end()});
  call_.Run(TimeDelta::Seconds(8));
  EXPECT_EQ(LastFractionLost(call_.browser().rtcp()), 64);
  EXPECT_EQ(LastFractionLost(call_.ims().rtcp()), 0);
  // A tone is not the browser's to repair.
  (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kIms, pipeline::Tone::kBusy});
  call_.Run(TimeDelta::Seconds(8));
  EXPECT_EQ(LastFractionLost(call_.browser().rtcp()), 0);
}

TEST_F(RelayTest, ToneDigitsAndMuteTakeItsPlaceInTheSameStream) {
  (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kIms, pipeline::Tone::kBusy});
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_LT(PurityAt(call_.ims().talker(), 440), 0.95) << "the tone, not the browser";
  (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kIms, pipeline::Tone::kNone});
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call_.ims().talker(), 440), 0.95);
  worker::SendDtmf dtmf;
  (void)dtmf.digits.PushBack('7');
  (void)call_.Submit(call_.handle(), dtmf);
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_THAT(call_.ims().talker().received().digits, testing::ElementsAre('7'));
  EXPECT_GT(PurityAt(call_.ims().talker(), 440), 0.95);
  EXPECT_EQ(call_.ims().talker().received().sequence_gaps, 0u);
  EXPECT_EQ(call_.ims().talker().received().ssrc_changes, 0u);
}

TEST_F(RelayTest, TimestampsNeverGoBack) {
  std::optional<rtp::RtpTimestamp> last;
  for (int i = 0; i < 3000; ++i) {
    if (i % 300 == 100) {
      (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kIms, pipeline::Tone::kBusy});
    }
    if (i % 300 == 250) {
      (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kIms, pipeline::Tone::kNone});
    }
    call_.Run(TimeDelta::Milliseconds(1));
    const auto view = rtp::RtpPacketView::Parse(call_.ims().last_rtp());
    if (last && view->timestamp() != *last) {
      EXPECT_GE(view->timestamp() - *last, 960) << "no two packets say the same 20 ms";
      EXPECT_LE(view->timestamp() - *last, 4 * 960);
    }
    last = view->timestamp();
  }
}

TEST_F(RelayTest, ASourceThatStopsAndComesBackGoesOn) {
  call_.browser().does_media = false;
  call_.Run(TimeDelta::Seconds(3));
  call_.browser().does_media = true;
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call_.ims().talker(), 440), 0.95);
  EXPECT_EQ(call_.ims().talker().received().ssrc_changes, 0u);
}

}  // namespace
}  // namespace byon::test
