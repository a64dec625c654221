// What a worker's loop costs: a whole call per 20 ms (two packets in, two ticks, two packets out), a
// received packet alone, and a turn with nothing to do. Packets are made outside the timed part. Time
// is the thread's CPU time, which other programs on the machine disturb least.
#include <benchmark/benchmark.h>
#include <time.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/codec/audio_encoder.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/stun/stun_message_builder.h"
#include "dataplane/worker/worker.h"

namespace byon {
namespace {

using base::TimeDelta;
using base::Timestamp;

const net::IpAddress kGateway = net::IpAddress::V4(192, 0, 2, 1);
const net::SocketAddress kBrowser{net::IpAddress::V4(198, 51, 100, 7), 50'000};
const net::SocketAddress kPhone{net::IpAddress::V4(203, 0, 113, 9), 40'000};
const ice::IceCredentials kIce{"gway", "gateway-password-of-22-ch"};

std::chrono::nanoseconds ThreadTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct Packet {
  net::SocketAddress source;
  net::SocketAddress destination;
  std::array<std::byte, 1500> bytes;
  size_t size = 0;
};

// Hands out a prepared list and forgets what is sent.
class BenchmarkIo final : public worker::PacketIo {
 public:
  std::vector<Packet> arrived;
  uint64_t sent = 0;

  worker::OpenPortResult OpenPort(const net::SocketAddress&) override {
    return worker::OpenPortResult::kOpened;
  }
  void ClosePort(const net::SocketAddress&) override {}
  size_t ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, Timestamp) override {
    size_t count = 0;
    for (; count < datagrams.size() && next_ < arrived.size(); ++count, ++next_) {
      Packet& packet = arrived[next_];
      datagrams[count] = {packet.source, packet.destination,
                          base::MutableByteSpan(packet.bytes).first(packet.size), nullptr};
    }
    if (count == 0) {
      arrived.clear();
      next_ = 0;
    }
    return count;
  }
  void Release(std::span<const worker::ReceivedDatagram>) override {}
  worker::TxBuffer Allocate() override {
    auto& storage = storage_[next_buffer_++ % storage_.size()];
    return {storage.data(), storage.size(), nullptr};
  }
  void Free(const worker::TxBuffer&) override {}
  void Send(std::span<const worker::OutgoingDatagram> datagrams, Timestamp) override {
    sent += datagrams.size();
  }
  void Flush(Timestamp) override {}
  void Wait(Timestamp, Timestamp) override {}
  uint64_t handed_over() const override { return 0; }

 private:
  size_t next_ = 0;
  std::array<std::array<std::byte, session::kMinTxCapacity>, 512> storage_;
  size_t next_buffer_ = 0;
};

pipeline::StreamFormat Format(codec::Codec codec, uint8_t payload_type) {
  pipeline::StreamFormat format;
  format.codec.codec = codec;
  format.payload_type = payload_type;
  return format;
}

// One side's RTP: encodes noise once and sends it again and again under new sequence numbers.
class Sender {
 public:
  Sender(const pipeline::StreamFormat& format, uint32_t ssrc)
      : format_(format), ssrc_(ssrc), step_(codec::ClockRateHz(format.codec.codec) / 50) {
    const int rate = static_cast<int>(codec::ClockRateHz(format.codec.codec));
    const auto encoder = codec::MakeAudioEncoder(format.codec, rate);
    uint32_t noise = 1;
    for (std::vector<std::byte>& payload : payloads_) {
      codec::AudioFrame frame = codec::AudioFrame::Silence(rate);
      for (int16_t& sample : frame.view()) {
        noise = noise * 1'664'525 + 1'013'904'223;
        sample = static_cast<int16_t>(static_cast<int32_t>(noise) >> 19);
      }
      payload.resize(codec::kMaxEncodedBytes);
      payload.resize(encoder->Encode(frame, payload).bytes);
    }
  }
  size_t Write(base::MutableByteSpan buffer) {
    rtp::RtpPacketBuilder builder(buffer, {.payload_type = {format_.payload_type},
                                           .sequence_number = {sequence_},
                                           .timestamp = {sequence_ * step_},
                                           .ssrc = {ssrc_}});
    builder.SetPayload(payloads_[sequence_++ % payloads_.size()]);
    return builder.Finish()->size();
  }

 private:
  pipeline::StreamFormat format_;
  uint32_t ssrc_;
  uint32_t step_;
  uint16_t sequence_ = 0;
  std::array<std::vector<std::byte>, 16> payloads_;
};

// `count` connected calls on one worker.
class Calls {
 public:
  Calls(size_t count, const pipeline::StreamFormat& access, const pipeline::StreamFormat& ims,
        srtp::SrtpProfile profile)
      : worker_({.session_capacity = count}, io_, mailbox_, handshakes_),
        transform_(srtp::MakeSrtpTransform(srtp::DefaultSrtpBackend())),
        from_phone_(ims, 2) {
    keys_.profile = profile;
    for (size_t i = 0; i < count; ++i) Connect(i, access, ims);
  }

  // Two packets for every call.
  void Arrive() {
    for (size_t i = 0; i < calls_.size(); ++i) {
      Call& call = *calls_[i];
      Packet& from_browser = io_.arrived.emplace_back();
      from_browser.source = kBrowser;
      from_browser.destination = call.access;
      const size_t plain = call.from_browser.Write(from_browser.bytes);
      from_browser.size = *call.srtp.ProtectRtp(*transform_, from_browser.bytes, plain);
      Packet& from_phone = io_.arrived.emplace_back();
      from_phone.source = kPhone;
      from_phone.destination = call.ims;
      from_phone.size = call.from_phone.Write(from_phone.bytes);
    }
  }
  std::chrono::nanoseconds Turn() {
    const std::chrono::nanoseconds start = ThreadTime();
    worker_.RunOnce(now_);
    return ThreadTime() - start;
  }
  void Advance(TimeDelta delta) { now_ += delta; }
  uint64_t sent() const { return io_.sent; }
  worker::WorkerStats Stats() const { return worker_.Stats(); }

 private:
  struct Call {
    net::SocketAddress access;
    net::SocketAddress ims;
    srtp::SrtpSession srtp;
    Sender from_browser;
    Sender from_phone;
  };

  void Connect(size_t index, const pipeline::StreamFormat& access,
               const pipeline::StreamFormat& ims) {
    session::SessionConfig config;
    const auto port = static_cast<uint16_t>(10'000 + 4 * index);
    config.handle = session::MakeSessionHandle(index + 1, port);
    config.access = {{kGateway, port}, kIce, 1};
    config.ims = {{kGateway, static_cast<uint16_t>(port + 2)},
                  {kGateway, static_cast<uint16_t>(port + 3)}, 2};
    session::SessionDescriptions descriptions;
    descriptions.access.emplace();
    descriptions.access->ice = ice::IceCredentials{"brws", "browser-password-22-chars"};
    descriptions.access->gateway_dtls_role = dtls::DtlsRole::kServer;
    descriptions.access->audio = session::AudioDescription{access, {access}};
    descriptions.ims.emplace();
    descriptions.ims->rtp = kPhone;
    descriptions.ims->audio = session::AudioDescription{ims, {ims}};
    session::SessionAudio audio;
    worker::CreateSession create;
    create.session = std::make_unique<session::MediaSession>(config);
    create.change = std::move(session::PrepareSessionChange(descriptions, audio)).value();
    (void)mailbox_.commands.Push({.id = 1, .session = config.handle, .body = std::move(create)});
    Turn();
    CompleteHandshake(config);
    calls_.push_back(std::make_unique<Call>(
        Call{config.access.address, config.ims.rtp,
             srtp::SrtpSession(srtp::DefaultSrtpBackend(), keys_), Sender(access, 1), from_phone_}));
  }

  // A check, a first DTLS record, and the keys as the handshake thread would bring them.
  void CompleteHandshake(const session::SessionConfig& config) {
    Packet& check = io_.arrived.emplace_back();
    check.source = kBrowser;
    check.destination = config.access.address;
    stun::StunMessageBuilder builder(check.bytes, stun::MessageClass::kRequest,
                                     stun::kBindingMethod, {});
    builder.AddUsername("gway:brws");
    builder.AddPriority(1);
    builder.AddIceControlling(1);
    builder.AddUseCandidate();
    builder.AddMessageIntegrity(stun::IntegrityKey(base::AsBytes(kIce.pwd)));
    check.size = builder.Finish()->size();
    Packet& record = io_.arrived.emplace_back();
    record.source = kBrowser;
    record.destination = config.access.address;
    record.bytes[0] = std::byte{22};
    record.size = 100;
    Turn();
    while (auto request = handshakes_.requests.Pop()) {
      if (request->kind != session::HandshakeRequest::Kind::kStart) continue;
      session::HandshakeReport report;
      report.kind = session::HandshakeReport::Kind::kConnected;
      report.session = request->session;
      report.association = request->association;
      const auto backend = srtp::DefaultSrtpBackend();
      report.srtp.inbound = std::make_unique<srtp::SrtpSession>(backend, keys_);
      report.srtp.outbound = std::make_unique<srtp::SrtpSession>(backend, keys_);
      (void)handshakes_.reports.Push(std::move(report));
    }
    Turn();
    while (mailbox_.reports.Pop()) {
    }
  }

  BenchmarkIo io_;
  worker::WorkerMailbox mailbox_;
  worker::HandshakeMailbox handshakes_;
  worker::Worker worker_;
  std::unique_ptr<srtp::SrtpTransform> transform_;
  Sender from_phone_;
  srtp::SrtpKeyingMaterial keys_;
  std::vector<std::unique_ptr<Call>> calls_;
  Timestamp now_ = Timestamp::FromMilliseconds(1'000'000);
};

// 20 ms of every call: the time a call takes of a core.
void BM_Call(benchmark::State& state, codec::Codec access, codec::Codec ims,
             srtp::SrtpProfile profile) {
  const auto count = static_cast<size_t>(state.range(0));
  Calls calls(count, Format(access, 111), Format(ims, 107), profile);
  uint64_t sent_before = 0;
  uint64_t turns = 0;
  std::chrono::nanoseconds total{};
  for (auto _ : state) {
    std::chrono::nanoseconds spent{};
    calls.Arrive();
    for (int ms = 0; ms < 20; ++ms) {
      calls.Advance(TimeDelta::Milliseconds(1));
      spent += calls.Turn();
    }
    state.SetIterationTime(std::chrono::duration<double>(spent).count());
    total += spent;
    if (turns++ == 10) sent_before = calls.sent();  // the jitter buffers are filled by now
  }
  state.counters["us_per_call_tick"] =
      static_cast<double>(total.count()) * 1e-3 / static_cast<double>(turns * count);
  if (turns > 11) {
    state.counters["packets_sent_per_call_tick"] =
        static_cast<double>(calls.sent() - sent_before) /
        static_cast<double>((turns - 11) * count);
  }
}

// Received packets only: from the packet I/O through SRTP into the jitter buffer.
void BM_ReceivedPacket(benchmark::State& state, srtp::SrtpProfile profile) {
  const auto count = static_cast<size_t>(state.range(0));
  Calls calls(count, Format(codec::Codec::kPcmu, 0), Format(codec::Codec::kPcma, 8), profile);
  std::chrono::nanoseconds total{};
  for (auto _ : state) {
    calls.Arrive();
    std::chrono::nanoseconds spent{};
    // No time passes, so no tick comes due; each turn takes one burst of 64.
    for (size_t taken = 0; taken < 2 * count; taken += 64) spent += calls.Turn();
    calls.Turn();
    state.SetIterationTime(std::chrono::duration<double>(spent).count());
    total += spent;
    for (int ms = 0; ms < 20; ++ms) {
      calls.Advance(TimeDelta::Milliseconds(1));
      calls.Turn();
    }
  }
  const double packets = static_cast<double>(state.iterations()) * static_cast<double>(2 * count);
  state.counters["ns_per_packet"] = static_cast<double>(total.count()) / packets;
}

void BM_EmptyTurn(benchmark::State& state) {
  Calls calls(static_cast<size_t>(state.range(0)), Format(codec::Codec::kPcmu, 0),
              Format(codec::Codec::kPcma, 8), srtp::SrtpProfile::kAeadAes128Gcm);
  calls.Turn();
  for (auto _ : state) state.SetIterationTime(std::chrono::duration<double>(calls.Turn()).count());
}

using codec::Codec;
using srtp::SrtpProfile;
BENCHMARK_CAPTURE(BM_Call, opus_amrwb_gcm, Codec::kOpus, Codec::kAmrWb,
                  SrtpProfile::kAeadAes128Gcm)
    ->Arg(1)->Arg(20)->Arg(100)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Call, pcmu_pcma_gcm, Codec::kPcmu, Codec::kPcma, SrtpProfile::kAeadAes128Gcm)
    ->Arg(1)->Arg(100)->Arg(1'000)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Call, pcmu_pcma_cm, Codec::kPcmu, Codec::kPcma,
                  SrtpProfile::kAes128CmSha1_80)
    ->Arg(1)->Arg(100)->Arg(1'000)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_ReceivedPacket, gcm, SrtpProfile::kAeadAes128Gcm)
    ->Arg(32)->Arg(1'000)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_ReceivedPacket, cm, SrtpProfile::kAes128CmSha1_80)
    ->Arg(32)->Arg(1'000)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_EmptyTurn)->Arg(1)->Arg(1'000)->UseManualTime();

}  // namespace
}  // namespace byon
