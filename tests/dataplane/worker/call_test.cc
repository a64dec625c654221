#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/tone_clip.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using session::Direction;
using session::Leg;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using worker::CommandStatus;

constexpr double kBrowserTone = 440;
constexpr double kImsTone = 880;

double PurityAt(RtpTalker& talker, double tone_hz) {
  const auto second = talker.LastSamples(static_cast<size_t>(talker.sample_rate_hz()));
  return TonePurity(second, talker.sample_rate_hz(), tone_hz);
}

size_t CountByes(const std::vector<std::vector<std::byte>>& packets) {
  size_t count = 0;
  for (const auto& packet : packets) {
    const auto view = rtp::RtcpView::Parse(packet);
    if (!view) continue;
    for (const rtp::RtcpBlockView& block : *view) count += block.type() == rtp::RtcpType::kBye;
  }
  return count;
}

TEST(CallTest, TonesPassBothWays) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(3));

  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
  EXPECT_GT(PurityAt(call.ims().talker(), kBrowserTone), 0.95);
  EXPECT_NEAR(RootMeanSquare(call.ims().talker().LastSamples(16'000)), 5657, 600);
  EXPECT_NEAR(RootMeanSquare(call.browser().talker().LastSamples(48'000)), 5657, 600);
  for (RtpTalker* talker : {&call.browser().talker(), &call.ims().talker()}) {
    EXPECT_EQ(talker->received().sequence_gaps, 0u);
    EXPECT_EQ(talker->received().timestamp_breaks, 0u);
    EXPECT_EQ(talker->received().ssrc_changes, 0u);
    EXPECT_EQ(talker->received().undecodable, 0u);
  }
  EXPECT_EQ(call.browser().talker().received().ssrc, 0xacacacacu);
  EXPECT_EQ(call.ims().talker().received().ssrc, 0x1b1b1b1bu);
  EXPECT_EQ(call.browser().srtp_failures(), 0u);
  EXPECT_THAT(call.astray(), IsEmpty());
  EXPECT_EQ(call.io().lent_buffers(), 0u);
  EXPECT_EQ(call.io().unreleased_datagrams(), 0u);
  EXPECT_EQ(call.ims().dscp(), 46);
}

TEST(CallTest, TellsWhatHappened) {
  CallSimulation call;
  call.Connect();
  const auto ice = call.Events<session::IceConnected>();
  ASSERT_THAT(ice, SizeIs(1));
  EXPECT_EQ(ice[0].remote, call.browser().address());
  const auto dtls = call.Events<session::DtlsConnected>();
  ASSERT_THAT(dtls, SizeIs(1));
  EXPECT_EQ(dtls[0].profile, srtp::SrtpProfile::kAeadAes128Gcm);
  const auto started = call.Events<session::MediaStarted>();
  ASSERT_THAT(started, SizeIs(2));
  for (const session::MediaStarted& event : started) {
    EXPECT_EQ(event.stream_id.view(), event.leg == Leg::kIms ? "early-1" : "");
  }
  EXPECT_NE(started[0].leg, started[1].leg);
}

TEST(CallTest, GatewayMayBeTheDtlsClient) {
  CallSimulation call(dtls::DtlsRole::kServer);
  session::AccessRemote access = call.MakeAccessRemote();
  access.gateway_dtls_role = dtls::DtlsRole::kClient;
  call.browser().does_dtls = true;
  ASSERT_EQ(call.Create(access, call.MakeImsRemote()), CommandStatus::kDone);
  EXPECT_TRUE(call.RunUntil([&] { return call.browser().is_dtls_connected(); }, TimeDelta::Seconds(2)));
  call.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call.ims().talker(), kBrowserTone), 0.95);
}

// The gateway offers: the browser's checks and its ClientHello are there before its answer.
TEST(CallTest, RemoteDescriptionMayComeAfterTheChecks) {
  CallSimulation call;
  ASSERT_EQ(call.Create(std::nullopt, std::nullopt), CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(300));
  EXPECT_GT(call.browser().stun_answers(), 0u);
  EXPECT_TRUE(call.browser().is_dtls_connected());
  EXPECT_THAT(call.Events<session::DtlsConnected>(), IsEmpty());
  EXPECT_GT(call.Drops(session::DropReason::kNoSrtpKeys), 0u);
  ASSERT_EQ(call.Modify({.access = call.MakeAccessRemote()}), CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(10));
  EXPECT_THAT(call.Events<session::DtlsConnected>(), SizeIs(1));
  ASSERT_EQ(call.Modify({.ims = call.MakeImsRemote()}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call.ims().talker(), kBrowserTone), 0.95);
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
}

// The role may be known (we offered actpass and the browser turned active) before its fingerprint is
// trusted: no keys may be used until then.
TEST(CallTest, NoMediaBeforeTheFingerprintIsKnown) {
  CallSimulation call;
  session::AccessRemote without = call.MakeAccessRemote();
  without.fingerprints.clear();
  ASSERT_EQ(call.Create(without, call.MakeImsRemote()), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_THAT(call.Events<session::DtlsConnected>(), IsEmpty());
  EXPECT_EQ(call.ims().talker().received().packets, 0u);
  EXPECT_EQ(call.browser().talker().received().packets, 0u);
  ASSERT_EQ(call.Modify({.access = call.MakeAccessRemote()}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_THAT(call.Events<session::DtlsConnected>(), SizeIs(1));
  EXPECT_GT(PurityAt(call.ims().talker(), kBrowserTone), 0.95);
}

TEST(CallTest, MediaFollowsTheBrowserToAnotherAddress) {
  CallSimulation call;
  call.Connect();
  const net::SocketAddress moved = *net::SocketAddress::Parse("198.51.100.99:1234");
  const net::SocketAddress old = call.browser().address();
  call.browser().MoveTo(moved);
  call.Run(TimeDelta::Milliseconds(200));
  call.ForgetAstray();
  call.browser().talker().ForgetSamples();
  call.Run(TimeDelta::Seconds(2));
  EXPECT_THAT(call.astray(), IsEmpty()) << "nothing goes to " << old.ToString();
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
  const auto ice = call.Events<session::IceConnected>();
  ASSERT_THAT(ice, SizeIs(2));
  EXPECT_EQ(ice[1].remote, moved);
}

TEST(CallTest, IceRestartKeepsTheMediaFlowing) {
  CallSimulation call;
  call.Connect();
  const uint64_t gaps = call.browser().talker().received().sequence_gaps;
  const ice::IceCredentials renewed{"newg", "another-gateway-password-x"};
  ASSERT_EQ(call.Modify({.restart_ice = renewed}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(1));
  const uint64_t answers = call.browser().stun_answers();
  call.browser().SetRemoteCredentials(renewed);
  call.Run(TimeDelta::Seconds(6));
  EXPECT_GT(call.browser().stun_answers(), answers);
  EXPECT_EQ(call.browser().talker().received().sequence_gaps, gaps);
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
}

TEST(CallTest, HoldIsHonouredInEachDirection) {
  CallSimulation call;
  call.Connect();
  const auto counts = [&] {
    return std::pair(call.ims().talker().received().packets, call.browser().talker().received().packets);
  };
  const auto run_with = [&](Direction ims) {
    session::ImsRemote remote = call.MakeImsRemote();
    remote.direction = ims;
    EXPECT_EQ(call.Modify({.ims = remote}), CommandStatus::kDone);
    call.Run(TimeDelta::Milliseconds(500));  // what was in the jitter buffer plays out
    const auto before = counts();
    call.Run(TimeDelta::Seconds(1));
    const auto after = counts();
    return std::pair(after.first - before.first, after.second - before.second);
  };
  EXPECT_THAT(run_with(Direction::kInactive), testing::Pair(0u, 0u));
  const auto [to_ims, to_browser] = run_with(Direction::kSendOnly);
  EXPECT_GE(to_ims, 49u);
  EXPECT_EQ(to_browser, 0u);
  const auto [to_ims_2, to_browser_2] = run_with(Direction::kRecvOnly);
  EXPECT_EQ(to_ims_2, 0u);
  EXPECT_GE(to_browser_2, 49u);
  EXPECT_GT(call.Drops(session::DropReason::kNotReceiving), 0u);

  EXPECT_EQ(run_with(Direction::kSendRecv).first, 50u);
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
  EXPECT_EQ(call.ims().talker().received().ssrc_changes, 0u);
  EXPECT_EQ(call.ims().talker().received().sequence_gaps, 0u);
  EXPECT_EQ(call.browser().talker().received().sequence_gaps, 0u);
}

TEST(CallTest, ABrowserThatOnlyListensIsHeardAsSilence) {
  CallSimulation call;
  call.Connect();
  session::AccessRemote listening = call.MakeAccessRemote();
  listening.direction = Direction::kSendOnly;
  ASSERT_EQ(call.Modify({.access = listening}), CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(500));
  const uint64_t before = call.ims().talker().received().packets;
  call.Run(TimeDelta::Seconds(1));
  EXPECT_EQ(call.ims().talker().received().packets, before + 50);
  EXPECT_LT(RootMeanSquare(call.ims().talker().LastSamples(8'000)), 30);
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
}

TEST(CallTest, MuteSilencesOneDirectionUntilItIsTakenBack) {
  CallSimulation call;
  call.Connect();
  session::AccessRemote muted;
  muted.is_muted = true;
  ASSERT_EQ(call.Modify({.access = muted}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_LT(RootMeanSquare(call.ims().talker().LastSamples(8'000)), 30);
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
  EXPECT_EQ(call.ims().talker().received().sequence_gaps, 0u);
  muted.is_muted = false;
  ASSERT_EQ(call.Modify({.access = muted}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call.ims().talker(), kBrowserTone), 0.95);
}

// The browser holds: the phone hears music, and nothing of the browser.
TEST(CallTest, MusicOnHoldTowardsThePhone) {
  const pipeline::AudioClip music = ToneClip(1000, 3);
  CallSimulation call;
  call.Connect();
  session::ImsRemote hold = call.MakeImsRemote();
  hold.direction = Direction::kSendOnly;
  hold.hold_audio = pipeline::HoldAudio{.kind = pipeline::HoldAudio::Kind::kAnnouncement, .clip = &music};
  ASSERT_EQ(call.Modify({.ims = hold}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(5));
  EXPECT_GT(PurityAt(call.ims().talker(), 1000), 0.9);
  session::ImsRemote resume = call.MakeImsRemote();
  resume.hold_audio = pipeline::HoldAudio{};
  ASSERT_EQ(call.Modify({.ims = resume}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call.ims().talker(), kBrowserTone), 0.95);
  EXPECT_EQ(call.ims().talker().received().sequence_gaps, 0u);
}

TEST(CallTest, AnAnnouncementIsPlayedOnceForItsIdAndItsEndIsTold) {
  const pipeline::AudioClip clip = ToneClip(1000, 1);
  CallSimulation call;
  call.Connect();
  const auto play = [&](std::string_view id) {
    return call.Submit(call.handle(), worker::PlayAnnouncement{Leg::kAccess, &clip, false, id}).status;
  };
  EXPECT_EQ(play("a-1"), CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(900));
  EXPECT_EQ(play("a-1"), CommandStatus::kDone);  // said twice, heard once
  call.Run(TimeDelta::Milliseconds(600));
  const auto ended = call.Events<session::AnnouncementEnded>();
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].leg, Leg::kAccess);
  EXPECT_EQ(ended[0].playback_id.view(), "a-1");
  EXPECT_EQ(play("a-1"), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call.browser().talker(), kImsTone), 0.95);
  EXPECT_EQ(play("a-2"), CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(2'000));
  EXPECT_THAT(call.Events<session::AnnouncementEnded>(), SizeIs(2));
}

// The CMR nibble that the phone gets in the last packet from us.
int LastModeRequest(const std::vector<std::byte>& packet) { return std::to_integer<int>(packet[12]) >> 4; }

// What comes from the phone is lost: it is asked for a lower mode, within its mode-set.
TEST(CallTest, ThePhoneIsAskedForALowerModeWhenItsPacketsAreLost) {
  auto format = AmrWbFormat();
  format.codec.amr.mode_set = 1u << 0 | 1u << 2 | 1u << 8;
  CallSimulation call;
  session::ImsRemote remote = call.MakeImsRemote();
  remote.audio = session::AudioDescription{format, {format}};
  ASSERT_EQ(call.Create(call.MakeAccessRemote(), remote), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(5));
  ASSERT_FALSE(call.ims().last_rtp().empty());
  EXPECT_EQ(LastModeRequest(call.ims().last_rtp()), 15);
  int count = 0;
  call.filter = [&count](const TestDatagram& datagram) { return datagram.source.port != 40'000 || ++count % 12 != 0; };
  call.Run(TimeDelta::Seconds(3));
  EXPECT_EQ(LastModeRequest(call.ims().last_rtp()), 2);
  // The loss has nothing to do with the bit rate: the best mode is asked for again.
  call.Run(TimeDelta::Seconds(8));
  EXPECT_EQ(LastModeRequest(call.ims().last_rtp()), 8);
}

// Its receiver reports tell of loss: our own encoder goes down by itself.
TEST(CallTest, OurEncoderGoesDownWhenThePhoneReportsLoss) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(2));
  EXPECT_EQ(call.Stats().ims.sent_codec.view(), "AMR-WB mode 8");
  for (int i = 0; i < 2; ++i) {
    std::array<std::byte, 64> buffer;
    rtp::RtcpBuilder builder(buffer);
    const rtp::ReportBlock block{.source = {0x1b1b1b1b}, .fraction_lost = static_cast<uint8_t>(i == 0 ? 38 : 13)};
    builder.AddReceiverReport({0x1a1a1a1a}, std::span(&block, 1));
    const auto packet = *builder.Finish();
    call.ims().SendRtcp({packet.begin(), packet.end()});
    call.Run(TimeDelta::Seconds(5));
  }
  EXPECT_EQ(call.Stats().ims.sent_codec.view(), "AMR-WB mode 5");  // two steps, then one
}

TEST(CallTest, AForkGoesOnUnderOneSsrcTowardsTheBrowser) {
  CallSimulation call;
  call.Connect();
  FakeImsEndpoint& second = call.AddIms(41'000, 0x2b2b2b2b, 1320);
  call.Run(TimeDelta::Milliseconds(500));
  EXPECT_GT(call.Drops(session::DropReason::kStrangeSource), 0u);  // not described yet

  session::ImsRemote fork = call.MakeImsRemote();
  fork.rtp = second.config().rtp;
  fork.stream_id = "early-2";
  call.ForgetEvents();
  ASSERT_EQ(call.Modify({.ims = fork}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(2));

  EXPECT_GT(PurityAt(call.browser().talker(), 1320), 0.95);
  EXPECT_GT(PurityAt(second.talker(), kBrowserTone), 0.95);
  const RtpTalker::Received& received = call.browser().talker().received();
  EXPECT_EQ(received.ssrc_changes, 0u);
  EXPECT_EQ(received.sequence_gaps, 0u);
  const auto started = call.Events<session::MediaStarted>();
  ASSERT_THAT(started, SizeIs(1));
  EXPECT_EQ(started[0].leg, Leg::kIms);
  EXPECT_EQ(started[0].stream_id.view(), "early-2");
  // The first phone hears no more of it.
  const uint64_t first = call.ims().talker().received().packets;
  call.Run(TimeDelta::Seconds(1));
  EXPECT_EQ(call.ims().talker().received().packets, first);
}

TEST(CallTest, TheSameAddressMayGoOnWithAnotherCodec) {
  CallSimulation call;
  call.Connect();
  session::ImsRemote narrow = call.MakeImsRemote();
  narrow.audio = session::AudioDescription{AmrFormat(), {AmrFormat()}};
  ASSERT_EQ(call.Modify({.ims = narrow}), CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(1));
  // The phone still sends AMR-WB, which is no more agreed on, and cannot read AMR.
  EXPECT_GT(call.WorkerStats().drops.of(pipeline::DropReason::kUnknownPayloadType), 0u);
  EXPECT_GT(call.ims().talker().received().undecodable, 0u);
  EXPECT_EQ(call.ims().talker().received().ssrc_changes, 0u);
  EXPECT_EQ(call.ims().talker().received().sequence_gaps, 0u);
}

TEST(CallTest, DigitsFromThePhoneReachTheBrowserAndTheController) {
  CallSimulation call;
  call.Connect();
  call.ims().PressKey('5', 8);
  call.Run(TimeDelta::Seconds(1));
  EXPECT_THAT(call.browser().talker().received().digits, ElementsAre('5'));
  const auto digits = call.Events<session::DtmfReceived>();
  ASSERT_THAT(digits, SizeIs(1));
  EXPECT_EQ(digits[0].digit, '5');
  EXPECT_EQ(digits[0].leg, Leg::kIms);
  EXPECT_NEAR(digits[0].duration_ms, 140, 21);
  EXPECT_EQ(call.Stats().ims.dtmf_received, 1u);
}

TEST(CallTest, DigitsFromTheControllerReachEachLeg) {
  CallSimulation call;
  call.Connect();
  for (const Leg leg : {Leg::kIms, Leg::kAccess}) {
    worker::SendDtmf dtmf{.leg = leg};
    for (const char digit : {'1', '*', 'D'}) (void)dtmf.digits.PushBack(digit);
    EXPECT_EQ(call.Submit(call.handle(), std::move(dtmf)).status, CommandStatus::kDone);
  }
  call.Run(TimeDelta::Seconds(2));
  EXPECT_THAT(call.ims().talker().received().digits, ElementsAre('1', '*', 'D'));
  EXPECT_THAT(call.browser().talker().received().digits, ElementsAre('1', '*', 'D'));
  EXPECT_EQ(call.ims().talker().received().sequence_gaps, 0u);
}

TEST(CallTest, RingbackPlaysWhileThePhoneIsSilent) {
  CallSimulation call;
  call.ims().does_media = false;
  session::ImsRemote none = call.MakeImsRemote();
  ASSERT_EQ(call.Create(call.MakeAccessRemote(), none), CommandStatus::kDone);
  ASSERT_TRUE(call.RunUntil([&] { return call.browser().is_dtls_connected(); }, TimeDelta::Seconds(2)));
  EXPECT_EQ(call.Submit(call.handle(), worker::PlayTone{Leg::kAccess, pipeline::Tone::kRingback}).status,
            CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(900));
  const auto heard = call.browser().talker().LastSamples(24'000);
  EXPECT_GT(TonePurity(heard, 48'000, 425), 0.95);
  EXPECT_EQ(call.Submit(call.handle(), worker::PlayTone{Leg::kAccess, pipeline::Tone::kNone}).status,
            CommandStatus::kDone);
}

// The CMR nibble of a bandwidth-efficient payload is its first four bits (RFC 4867 section 4.3.1).
TEST(CallTest, CodecModeRequestReachesTheEncoder) {
  CallSimulation call;
  call.Connect();
  call.Run(TimeDelta::Seconds(1));
  const uint64_t before = call.Stats().ims.bytes_sent;
  call.Run(TimeDelta::Seconds(2));
  const uint64_t at_full_rate = call.Stats().ims.bytes_sent - before;
  call.filter = [](const TestDatagram& datagram) {
    auto& payload = const_cast<std::vector<std::byte>&>(datagram.payload);
    const bool is_amr = datagram.source.port == 40'000 && payload.size() > 13;
    if (is_amr) payload[12] = (payload[12] & std::byte{0x0f}) | std::byte{0x00};  // mode 0: 6.60
    return true;
  };
  call.Run(TimeDelta::Seconds(1));
  const uint64_t mark = call.Stats().ims.bytes_sent;
  call.Run(TimeDelta::Seconds(2));
  const uint64_t at_low_rate = call.Stats().ims.bytes_sent - mark;
  EXPECT_LT(at_low_rate * 2, at_full_rate);
}

TEST(CallTest, CloseSaysByeOnBothLegsAndFreesThePorts) {
  CallSimulation call;
  call.Connect();
  EXPECT_THAT(call.io().open_ports(), SizeIs(3));
  worker::CloseSession close{.reason = session::ShortText("over"), .stats = std::make_unique<session::SessionStats>()};
  const worker::Reply reply = call.Submit(call.handle(), std::move(close));
  EXPECT_EQ(reply.status, CommandStatus::kDone);
  const auto& answered = std::get<worker::CloseSession>(reply.command.body);
  EXPECT_NE(answered.session, nullptr);
  EXPECT_GT(answered.stats->ims.packets_received, 0u);
  EXPECT_EQ(CountByes(call.ims().rtcp()), 1u);
  EXPECT_EQ(CountByes(call.browser().rtcp()), 1u);
  EXPECT_TRUE(call.browser().is_dtls_closed());
  EXPECT_THAT(call.io().open_ports(), IsEmpty());
  EXPECT_EQ(call.gateway_worker().session_count(), 0u);
  EXPECT_EQ(call.io().lent_buffers(), 0u);
  call.Run(TimeDelta::Milliseconds(100));
  EXPECT_EQ(call.handshake_service().association_count(), 0u);
  EXPECT_GT(call.Drops(session::DropReason::kUnknownPort), 0u);  // the phone goes on for a while
}

}  // namespace
}  // namespace byon::test
