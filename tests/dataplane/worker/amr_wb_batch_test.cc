#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/codec/amr_library.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/worker/worker.h"
#include "tests/dataplane/support/encoder_signal.h"
#include "tests/dataplane/support/fake_packet_io.h"

// Calls that share a worker's batch encoder: what each sends to the network is what vo-amrwbenc
// makes of the same samples, whoever else is there. A call's samples come from an announcement.
namespace byon::test {
namespace {

using base::TimeDelta;
using codec::Codec;
using worker::CommandStatus;

constexpr size_t kFrameSamples = 320;
constexpr size_t kClipFrames = 150;
constexpr uint8_t kPayloadType = 107;

struct CallSettings {
  uint8_t mode = 2;
  bool use_dtx = false;
  int signal = 0;  // EncoderSignal
  uint16_t ptime_ms = 20;
};

struct Call {
  explicit Call(const CallSettings& call_settings, size_t number)
      : settings(call_settings), clip(Samples(call_settings.signal), 16'000) {
    const auto ip = net::IpAddress::V4(192, 0, 2, 2);
    const auto port = static_cast<uint16_t>(20'000 + 4 * number);
    config.handle = session::MakeSessionHandle(number + 1, port);
    config.access = {{net::IpAddress::V4(192, 0, 2, 1), port}, {"gway", "gateway-password-of-22-ch"}, 1};
    config.ims = {{ip, static_cast<uint16_t>(port + 2)}, {ip, static_cast<uint16_t>(port + 3)}, 2};
    config.random_seed = number;
    phone = {net::IpAddress::V4(203, 0, 113, 9), static_cast<uint16_t>(40'000 + 4 * number)};
    format.codec.codec = Codec::kAmrWb;
    format.codec.amr.initial_mode = settings.mode;
    format.codec.amr.use_dtx = settings.use_dtx;
    format.codec.ptime_ms = settings.ptime_ms;
    format.payload_type = kPayloadType;
  }
  static std::vector<int16_t> Samples(int signal) {
    std::vector<int16_t> samples(kClipFrames * kFrameSamples);
    EncoderSignal(signal).Fill(samples);
    return samples;
  }

  CallSettings settings;
  pipeline::AudioClip clip;
  session::SessionConfig config;
  net::SocketAddress phone;
  pipeline::StreamFormat format;
  session::SessionAudio audio;
  std::vector<std::vector<std::byte>> packets;  // RTP that came to the phone
};

class Gateway {
 public:
  explicit Gateway(bool use_batch = true)
      : worker_({.session_capacity = 100, .use_amr_wb_batch = use_batch}, io_, mailbox_, handshakes_) {}

  // A call whose announcement starts with its first tick.
  Call& Open(const CallSettings& settings) {
    Call& call = *calls_.emplace_back(std::make_unique<Call>(settings, calls_.size()));
    session::ImsRemote remote;
    remote.rtp = call.phone;
    remote.audio = session::AudioDescription{call.format, {call.format}};
    worker::CreateSession create;
    create.session = std::make_unique<session::MediaSession>(call.config);
    create.change =
        std::move(session::PrepareSessionChange({{}, remote, {}}, call.audio, mailbox_.amr_wb_batch)).value();
    Submit(call, std::move(create));
    Submit(call, worker::PlayAnnouncement{session::Leg::kIms, &call.clip, false, std::string_view("clip")});
    return call;
  }
  void Close(Call& call) { Submit(call, worker::CloseSession{}); }
  // The phone asks for a mode in a packet without audio.
  void RequestMode(Call& call, uint8_t mode) {
    std::array<std::byte, 100> buffer;
    rtp::RtpPacketBuilder builder(
        buffer, {.payload_type = {kPayloadType}, .sequence_number = {1}, .timestamp = {1}, .ssrc = {7}});
    const codec::AmrFrame no_data;
    const auto packet =
        builder.Finish(codec::WriteAmrPayload(Codec::kAmrWb, false, mode, {&no_data, 1}, builder.PayloadRoom()));
    io_.Deliver({call.phone, call.config.ims.rtp, {packet->begin(), packet->end()}});
  }
  void Run(TimeDelta duration) {
    for (const auto end = now_ + duration; now_ < end;) {
      now_ += TimeDelta::Milliseconds(1);
      worker_.RunOnce(now_);
      while (auto report = mailbox_.reports.Pop()) {
        const auto* reply = std::get_if<worker::Reply>(&*report);
        EXPECT_TRUE(!reply || reply->status == CommandStatus::kDone);
      }
      for (TestDatagram& datagram : io_.TakeSent()) {
        for (const auto& call : calls_) {
          if (datagram.destination == call->phone) call->packets.push_back(datagram.payload);
        }
      }
    }
  }
  // Null where the CPU has no batch encoder.
  const codec::AmrWbBatch* batch() const { return mailbox_.amr_wb_batch; }
  const std::vector<std::unique_ptr<Call>>& calls() const { return calls_; }
  size_t lent_buffers() const { return io_.lent_buffers(); }

 private:
  template <typename Body>
  void Submit(const Call& call, Body body) {
    EXPECT_TRUE(mailbox_.commands.Push({.id = 1, .session = call.config.handle, .body = std::move(body)}));
  }

  FakePacketIo io_;
  worker::WorkerMailbox mailbox_;
  worker::HandshakeMailbox handshakes_;
  worker::Worker worker_;
  base::Timestamp now_ = base::Timestamp::FromMilliseconds(1'000'000);
  std::vector<std::unique_ptr<Call>> calls_;
};

// Encodes the call's clip with the library, each frame in the mode that was sent, and compares
// every payload. Returns the modes of the speech frames that were sent.
std::vector<uint8_t> ExpectTheLibrarysPayloads(const Call& call) {
  codec::AmrLibraryEncoder library(Codec::kAmrWb, call.settings.use_dtx);
  const auto samples = call.clip.At(16'000);
  std::vector<uint8_t> modes;
  uint8_t mode = call.settings.mode;
  std::optional<uint32_t> first_timestamp;
  size_t encoded = 0;  // frames of the clip
  for (const auto& bytes : call.packets) {
    const auto packet = rtp::RtpPacketView::Parse(bytes);
    const auto payload = codec::AmrPayloadView::Parse(Codec::kAmrWb, false, packet->payload());
    EXPECT_TRUE(payload.ok());
    if (!first_timestamp) first_timestamp = packet->timestamp().value;
    const size_t first = (packet->timestamp().value - *first_timestamp) / kFrameSamples;
    std::vector<codec::AmrFrame> frames;
    for (size_t i = 0; i < payload->table_of_contents().size(); ++i) {
      const uint8_t type = payload->table_of_contents()[i].frame_type;
      if (codec::IsAmrSpeech(Codec::kAmrWb, type)) modes.push_back(mode = type);
      for (; encoded <= first + i; ++encoded) {
        const auto frame = library.Encode(mode, samples.subspan(encoded * kFrameSamples, kFrameSamples));
        if (encoded == first + i) frames.push_back(frame);
      }
    }
    std::array<std::byte, 500> expected;
    const size_t size = codec::WriteAmrPayload(Codec::kAmrWb, false, codec::kNoModeRequest, frames, expected);
    if (!std::ranges::equal(packet->payload(), std::span(expected).first(size))) {
      ADD_FAILURE() << "frame " << first << " of call " << call.config.handle;
      break;
    }
  }
  return modes;
}

// Eleven calls, of several modes, with silence, with two frames a packet.
std::vector<CallSettings> ManyKinds() {
  std::vector<CallSettings> all;
  for (int i = 0; i < 11; ++i) {
    constexpr uint8_t kModes[] = {2, 8, 2, 0, 2, 5};
    all.push_back({kModes[i % 6], i % 3 == 0, i, static_cast<uint16_t>(i % 5 == 4 ? 40 : 20)});
  }
  return all;
}

TEST(AmrWbBatchTest, EachCallSendsWhatTheLibraryMakesOfItsSamples) {
  Gateway gateway;
  for (const CallSettings& settings : ManyKinds()) gateway.Open(settings);
  gateway.Run(TimeDelta::Milliseconds(2'500));
  for (const auto& call : gateway.calls()) {
    EXPECT_GT(call->packets.size(), call->settings.use_dtx ? 10u : 55u);
    ExpectTheLibrarysPayloads(*call);
  }
  EXPECT_EQ(gateway.lent_buffers(), 0u);
  if (!gateway.batch()) GTEST_SKIP() << "this CPU has no batch encoder";
  // Eight share a slot, three another one.
  EXPECT_GT(gateway.batch()->frames(), 11u * 110);
  EXPECT_LE(gateway.batch()->passes(), gateway.batch()->frames() * 2 / 11 + 20);
}

TEST(AmrWbBatchTest, AWorkerOfTheLibraryAloneSendsTheSamePackets) {
  Gateway with_batch, with_library(false);
  EXPECT_EQ(with_library.batch(), nullptr);
  for (const CallSettings& settings : ManyKinds()) {
    with_batch.Open(settings);
    with_library.Open(settings);
  }
  with_batch.Run(TimeDelta::Milliseconds(800));
  with_library.Run(TimeDelta::Milliseconds(800));
  for (size_t i = 0; i < with_batch.calls().size(); ++i) {
    const auto& packets = with_batch.calls()[i]->packets;
    ASSERT_GT(packets.size(), 5u);
    // Theirs may tick in other slots: one tick more or less at the end.
    const auto& others = with_library.calls()[i]->packets;
    const size_t count = std::min(packets.size(), others.size());
    EXPECT_GE(count + 1, std::max(packets.size(), others.size()));
    EXPECT_TRUE(std::equal(packets.begin(), packets.begin() + static_cast<ptrdiff_t>(count), others.begin())) << i;
  }
}

TEST(AmrWbBatchTest, CallsComeAndGo) {
  Gateway gateway;
  std::vector<CallSettings> kinds = ManyKinds();
  for (size_t i = 0; i < kinds.size(); ++i) {
    gateway.Open(kinds[i]);
    gateway.Run(TimeDelta::Milliseconds(37));
  }
  for (const size_t leaving : {1u, 2u, 7u}) gateway.Close(*gateway.calls()[leaving]);
  gateway.Run(TimeDelta::Milliseconds(200));
  for (const size_t kind : {3u, 2u, 1u}) gateway.Open(kinds[kind]);
  gateway.Run(TimeDelta::Milliseconds(1'000));
  for (const auto& call : gateway.calls()) {
    EXPECT_GT(call->packets.size(), 5u);
    ExpectTheLibrarysPayloads(*call);
  }
}

TEST(AmrWbBatchTest, TheModeFollowsThePeersRequestFromFrameToFrame) {
  Gateway gateway;
  for (int i = 0; i < 5; ++i) gateway.Open({.mode = 8, .signal = i});
  Call& asking = *gateway.calls()[2];
  gateway.Run(TimeDelta::Milliseconds(500));
  gateway.RequestMode(asking, 1);
  gateway.Run(TimeDelta::Milliseconds(500));
  for (const auto& call : gateway.calls()) {
    const auto modes = ExpectTheLibrarysPayloads(*call);
    ASSERT_GT(modes.size(), 45u);
    EXPECT_EQ(modes.front(), 8);
    EXPECT_EQ(modes.back(), call.get() == &asking ? 1 : 8);
  }
}

}  // namespace
}  // namespace byon::test
