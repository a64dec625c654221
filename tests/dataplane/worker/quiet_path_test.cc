// After a session's set-up a worker uses no heap, no lock and no system call, whatever comes: the
// calls here run under a watch that sees all three, in the libraries too.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/rtp/rtcp_builder.h"
#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/quiet_watch.h"

namespace byon::test {
namespace {

using base::TimeDelta;

// The simulation's packet I/O allocates as it likes, unseen: what is watched is the worker.
class UnwatchedIo final : public worker::PacketIo {
 public:
  explicit UnwatchedIo(worker::PacketIo& io) : io_(io) {}

  worker::OpenPortResult OpenPort(const net::SocketAddress& local) override { return io_.OpenPort(local); }
  void ClosePort(const net::SocketAddress& local) override { io_.ClosePort(local); }
  size_t ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp now) override {
    const quiet_watch::Pause pause;
    return io_.ReceiveBurst(datagrams, now);
  }
  void Release(std::span<const worker::ReceivedDatagram> datagrams) override {
    const quiet_watch::Pause pause;
    io_.Release(datagrams);
  }
  worker::TxBuffer Allocate() override {
    const quiet_watch::Pause pause;
    return io_.Allocate();
  }
  void Free(const worker::TxBuffer& buffer) override {
    const quiet_watch::Pause pause;
    io_.Free(buffer);
  }
  void Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp now) override {
    const quiet_watch::Pause pause;
    io_.Send(datagrams, now);
  }
  void Flush(base::Timestamp now) override {
    const quiet_watch::Pause pause;
    io_.Flush(now);
  }
  void Wait(base::Timestamp now, base::Timestamp until) override {
    const quiet_watch::Pause pause;
    io_.Wait(now, until);
  }
  uint64_t handed_over() const override { return io_.handed_over(); }

 private:
  worker::PacketIo& io_;
};

struct Kind {
  const char* name;
  pipeline::StreamFormat browser = OpusFormat();
  pipeline::StreamFormat ims = AmrWbFormat();
  worker::WorkerConfig worker = {};
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

pipeline::StreamFormat WithDtx(pipeline::StreamFormat format) {
  format.codec.amr.use_dtx = true;
  format.codec.opus.use_dtx = true;
  return format;
}
pipeline::StreamFormat AdaptiveOpus() {
  pipeline::StreamFormat format = OpusFormat();
  format.codec.opus.coding = codec::OpusCoding::kAdaptive;
  format.codec.opus.use_inband_fec = true;
  return format;
}
pipeline::StreamFormat PcmaFormat() {
  pipeline::StreamFormat format;
  format.codec.codec = codec::Codec::kPcma;
  format.payload_type = 8;
  return format;
}

const Kind kKinds[] = {
    {.name = "AmrWb"},
    {.name = "AmrWbOfTheLibrary", .worker = {.use_amr_wb_batch = false}},
    {.name = "AmrWbInSilence", .browser = WithDtx(OpusFormat()), .ims = WithDtx(AmrWbFormat())},
    {.name = "AdaptiveOpus", .browser = AdaptiveOpus()},
    {.name = "Amr", .ims = AmrFormat()},
    {.name = "AmrInSilence", .ims = WithDtx(AmrFormat())},
    {.name = "G711", .ims = PcmuFormat()},
    {.name = "G711Twice", .browser = PcmaFormat(), .ims = PcmuFormat()},
    {.name = "OpusTwice", .ims = OpusFormat()},
    {.name = "SrtpOfOpenSsl", .worker = {.srtp_backend = srtp::SrtpBackend::kOpenSsl}},
};

class QuietPathTest : public testing::TestWithParam<Kind> {
 protected:
  QuietPathTest()
      : call_(dtls::DtlsRole::kClient, GetParam().worker, GetParam().browser, GetParam().ims,
              [](worker::PacketIo& io) { return std::make_unique<UnwatchedIo>(io); }) {}

  void SetUp() override {
    if (!quiet_watch::SeesSystemCalls()) printf("this kernel does not tell of system calls\n");
    call_.Connect();
    call_.run_turn = [this](base::Timestamp now) {
      quiet_watch::Begin();
      call_.gateway_worker().RunOnce(now);
      quiet_watch::End();
    };
    (void)quiet_watch::Take();
  }
  void ExpectQuiet(const char* when) {
    const Noise noise = quiet_watch::Take();
    EXPECT_EQ(noise, Noise()) << when << ": " << ToText(noise);
  }

  // A receiver report about what the gateway sends, as the browser and the phone give it.
  std::vector<std::byte> Report(uint32_t from, uint32_t about, uint8_t fraction_lost) const {
    std::array<std::byte, 128> buffer;
    rtp::RtcpBuilder builder(buffer);
    const rtp::ReportBlock block{.source = {about}, .fraction_lost = fraction_lost};
    builder.AddReceiverReport({from}, {&block, 1});
    builder.AddCname({from}, base::AsBytes("peer"));
    const auto bytes = builder.Finish();
    return {bytes->begin(), bytes->end()};
  }
  void ReportLoss(uint8_t fraction_lost) {
    call_.browser().SendProtectedRtcp(Report(0xb0b0b0b0, 0xacacacac, fraction_lost));
    call_.ims().SendRtcp(Report(0x1a1a1a1a, 0x1b1b1b1b, fraction_lost));
  }

  CallSimulation call_;
};

TEST_P(QuietPathTest, CallOnAGoodNetwork) {
  call_.Run(TimeDelta::Seconds(6));  // the consent check and the reports of every five seconds too
  ExpectQuiet("speech");
  ReportLoss(0);
  call_.browser().talker().set_amplitude(0);
  call_.ims().talker().set_amplitude(0);
  call_.Run(TimeDelta::Seconds(1));
  call_.browser().talker().set_amplitude(8000);
  call_.Run(TimeDelta::Milliseconds(300));
  ExpectQuiet("silence");
  EXPECT_GT(call_.ims().talker().received().packets, GetParam().ims.codec.amr.use_dtx ? 250 : 350);
  EXPECT_GT(call_.browser().talker().received().packets, 250u);
  EXPECT_FALSE(call_.browser().rtcp().empty());
  EXPECT_FALSE(call_.ims().rtcp().empty());
}

TEST_P(QuietPathTest, CallOnABadNetwork) {
  base::Random random(1);
  std::vector<TestDatagram> late;
  call_.filter = [&](const TestDatagram& datagram) {
    const uint64_t fate = random.NextBelow(100);
    if (fate >= 10 && fate < 14) late.push_back(datagram);  // lost ones, late ones, doubles
    if (fate >= 14 && fate < 16) call_.io().Deliver(datagram);
    return fate >= 14;
  };
  for (int i = 0; i < 40; ++i) {
    call_.Run(TimeDelta::Milliseconds(70));
    for (TestDatagram& datagram : std::exchange(late, {})) call_.io().Deliver(std::move(datagram));
    if (i % 10 == 5) ReportLoss(i < 30 ? 25 : 0);
  }
  ExpectQuiet("loss, reordering, doubles");
  call_.filter = [](const TestDatagram&) { return false; };
  call_.Run(TimeDelta::Seconds(3));
  call_.filter = [](const TestDatagram&) { return true; };
  call_.Run(TimeDelta::Milliseconds(500));
  ExpectQuiet("a network that went away");
  EXPECT_GT(call_.Stats().access.concealed_frames, 3u);
  EXPECT_GT(call_.Stats().ims.packets_lost, 10);
}

TEST_P(QuietPathTest, DigitsTonesAndQuestions) {
  const bool has_digits = !GetParam().ims.telephone_events.empty();
  call_.ims().PressKey('5', 6);
  worker::SendDtmf dtmf;
  (void)dtmf.digits.PushBack('7');
  (void)call_.Submit(call_.handle(), dtmf);
  call_.Run(TimeDelta::Milliseconds(500));
  ExpectQuiet("digits");
  (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kAccess, pipeline::Tone::kBusy});
  call_.Run(TimeDelta::Milliseconds(500));
  (void)call_.Submit(call_.handle(), worker::PlayTone{session::Leg::kAccess, pipeline::Tone::kNone});
  (void)call_.Stats();
  call_.ims().talker().StartNewSource(0x77777777);
  call_.Run(TimeDelta::Milliseconds(500));
  ExpectQuiet("tones, statistics, another source");
  EXPECT_EQ(call_.ims().talker().received().digits.size(), has_digits ? 1u : 0u);
}

TEST_P(QuietPathTest, NewCredentialsOfAnyLength) {
  const ice::IceCredentials ours{std::string(200, 'g'), std::string(200, 'p')};
  session::AccessRemote remote = call_.MakeAccessRemote();
  ASSERT_EQ(call_.Modify({.restart_ice = ours}), worker::CommandStatus::kDone);
  remote.ice = ice::IceCredentials{std::string(256, 'b'), std::string(22, 'q')};
  ASSERT_EQ(call_.Modify({.access = remote}), worker::CommandStatus::kDone);
  const uint64_t answers = call_.browser().stun_answers();
  call_.browser().SetCredentials(*remote.ice, ours);
  call_.Run(TimeDelta::Milliseconds(200));
  ExpectQuiet("an ICE restart");
  EXPECT_GT(call_.browser().stun_answers(), answers);
}

TEST_P(QuietPathTest, AttackersCostNothingEither) {
  for (int i = 0; i < 200; ++i) {
    std::vector<std::byte> packet(static_cast<size_t>(i), static_cast<std::byte>(i * 7));
    call_.browser().SendRaw(packet);
    call_.ims().Send(packet);
    call_.ims().SendRtcp(packet);
    packet = call_.browser().last_sent_srtp();
    packet[static_cast<size_t>(i) % packet.size()] ^= std::byte{0x55};
    call_.browser().SendRaw(std::move(packet));
    call_.browser().SendRaw(call_.browser().MakeCheck(true, call_.browser().username(), "wrong"));
    call_.Run(TimeDelta::Milliseconds(1));
  }
  call_.Run(TimeDelta::Milliseconds(100));
  ExpectQuiet("packets of nobody");
}

INSTANTIATE_TEST_SUITE_P(Calls, QuietPathTest, testing::ValuesIn(kKinds),
                         [](const auto& kind) { return kind.param.name; });

// A call that has moved from the browser to a phone of the same codec: relayed from leg to leg.
TEST(QuietJoinTest, JoinedLegs) {
  CallSimulation call(dtls::DtlsRole::kClient, {}, OpusFormat(), AmrWbFormat(),
                      [](worker::PacketIo& io) { return std::make_unique<UnwatchedIo>(io); });
  call.Connect();
  const session::SessionConfig config = call.MakeSessionConfig(2, 20100);
  FakeImsEndpoint& phone = call.AddImsOf(config, 41000, AmrWbFormat(), 0x3a3a3a3a, 1320);
  const pipeline::StreamFormat format = AmrWbFormat();
  session::ImsRemote remote;
  remote.rtp = phone.config().rtp;
  remote.audio = session::AudioDescription{format, {format}};
  session::SessionAudio audio;
  worker::CreateSession create;
  create.session = std::make_unique<session::MediaSession>(config);
  create.change = std::move(session::PrepareSessionChange({{}, remote, {}}, audio)).value();
  ASSERT_EQ(call.Submit(config.handle, std::move(create)).status, worker::CommandStatus::kDone);
  worker::JoinSessions join{.peer = config.handle, .receive = {}, .peer_receive = {}};
  join.receive = pipeline::PrepareReceive({&format, 1}, &format).value();
  join.peer_receive = pipeline::PrepareReceive({&format, 1}, &format).value();
  call.run_turn = [&call](base::Timestamp now) {
    quiet_watch::Begin();
    call.gateway_worker().RunOnce(now);
    quiet_watch::End();
  };
  (void)quiet_watch::Take();
  ASSERT_EQ(call.Submit(call.handle(), std::move(join)).status, worker::CommandStatus::kDone);
  call.Run(TimeDelta::Seconds(6));
  const Noise noise = quiet_watch::Take();
  EXPECT_EQ(noise, Noise()) << ToText(noise);
  EXPECT_GT(phone.talker().received().packets, 290u);
  EXPECT_EQ(phone.talker().received().undecodable, 0u);
}

TEST(QuietWatchTest, SeesWhatItLooksFor) {
  quiet_watch::Begin();
  std::vector<int> numbers(1000);
  numbers = {};
  quiet_watch::End();
  EXPECT_GE(quiet_watch::Take().allocations, 1u);
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  quiet_watch::Begin();
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  quiet_watch::End();
  EXPECT_EQ(quiet_watch::Take().locks, 1u);
  if (!quiet_watch::SeesSystemCalls()) return;
  quiet_watch::Begin();
  const pid_t parent = getppid();
  quiet_watch::End();
  EXPECT_EQ(parent, getppid()) << "and leaves it as it is";
  EXPECT_EQ(quiet_watch::Take().system_calls, 1u);
}

}  // namespace
}  // namespace byon::test
