// What the rooms below the session cost a packet: telling datagrams apart, reading and writing RTP
// and RTCP, answering a connectivity check, and being an IP host.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "dataplane/ice/ice_lite_agent.h"
#include "dataplane/net/ip_host.h"
#include "dataplane/rtp/datagram_class.h"
#include "dataplane/rtp/reception_statistics.h"
#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/stun/stun_message_builder.h"

namespace byon {
namespace {

const base::Timestamp kNow = base::Timestamp::FromMilliseconds(1'000'000);
constexpr size_t kVoiceBytes = 80;  // Opus at 32 kb/s, 20 ms

std::vector<std::byte> VoicePacket() {
  std::array<std::byte, 200> buffer;
  rtp::RtpPacketBuilder builder(buffer, {false, {111}, {1}, {2}, {3}});
  const std::array<std::byte, 1> level{std::byte{0x7f}};
  builder.AddExtension(1, level);
  builder.SetPayload(std::vector<std::byte>(kVoiceBytes));
  const auto packet = *builder.Finish();
  return {packet.begin(), packet.end()};
}

void BM_ClassifyAndParseRtp(benchmark::State& state) {
  const auto packet = VoicePacket();
  for (auto _ : state) {
    benchmark::DoNotOptimize(rtp::ClassifyDatagram(packet));
    benchmark::DoNotOptimize(rtp::RtpPacketView::Parse(packet));
  }
}
BENCHMARK(BM_ClassifyAndParseRtp);

void BM_BuildRtp(benchmark::State& state) {
  const std::vector<std::byte> payload(kVoiceBytes);
  std::array<std::byte, 200> buffer;
  for (auto _ : state) {
    rtp::RtpPacketBuilder builder(buffer, {false, {111}, {1}, {2}, {3}});
    builder.SetPayload(payload);
    benchmark::DoNotOptimize(builder.Finish());
  }
}
BENCHMARK(BM_BuildRtp);

void BM_ReceptionStatistics(benchmark::State& state) {
  rtp::ReceptionStatistics statistics(rtp::Ssrc{1}, 48'000);
  base::Timestamp now = kNow;
  uint16_t sequence = 0;
  for (auto _ : state) {
    now += base::TimeDelta::Milliseconds(20);
    ++sequence;
    benchmark::DoNotOptimize(statistics.OnPacket({sequence}, {sequence * 960u}, kVoiceBytes, now));
  }
}
BENCHMARK(BM_ReceptionStatistics);

void BM_ParseRtcpCompound(benchmark::State& state) {
  std::array<std::byte, 256> buffer;
  rtp::RtcpBuilder builder(buffer);
  const rtp::ReportBlock block{{2}, 0, 0, 3, 4, 5, 6};
  builder.AddSenderReport({1}, {}, std::span(&block, 1));
  builder.AddCname({1}, base::AsBytes("a cname of usual length"));
  const auto datagram = *builder.Finish();
  for (auto _ : state) {
    const auto view = rtp::RtcpView::Parse(datagram);
    for (const rtp::RtcpBlockView& part : *view) {
      benchmark::DoNotOptimize(part.ParseSenderReport());
    }
  }
}
BENCHMARK(BM_ParseRtcpCompound);

void BM_AnswerConnectivityCheck(benchmark::State& state) {
  ice::IceLiteAgent agent({}, {"evtj", "VOkJxbRl1RmTxUk/WvJxBt"});
  const stun::IntegrityKey key(base::AsBytes("VOkJxbRl1RmTxUk/WvJxBt"));
  std::array<std::byte, 256> buffer;
  stun::StunMessageBuilder builder(buffer, stun::MessageClass::kRequest, stun::kBindingMethod, {});
  builder.AddUsername("evtj:h6vY");
  builder.AddIceControlling(1);
  builder.AddUseCandidate();
  builder.AddPriority(1);
  builder.AddMessageIntegrity(key);
  builder.AddFingerprint();
  const auto request = *builder.Finish();
  const net::SocketAddress from{net::IpAddress::V4(192, 0, 2, 1), 4000};
  for (auto _ : state) {
    benchmark::DoNotOptimize(agent.HandleDatagram(request, from, kNow));
    benchmark::DoNotOptimize(agent.PollDatagram());
  }
}
BENCHMARK(BM_AnswerConnectivityCheck);

void BM_RefuseForgedCheck(benchmark::State& state) {
  ice::IceLiteAgent agent({}, {"evtj", "another password, as a forger must guess"});
  const stun::IntegrityKey key(base::AsBytes("VOkJxbRl1RmTxUk/WvJxBt"));
  std::array<std::byte, 256> buffer;
  stun::StunMessageBuilder builder(buffer, stun::MessageClass::kRequest, stun::kBindingMethod, {});
  builder.AddUsername("evtj:h6vY");
  builder.AddPriority(1);
  builder.AddMessageIntegrity(key);
  builder.AddFingerprint();
  const auto request = *builder.Finish();
  for (auto _ : state) {
    benchmark::DoNotOptimize(agent.HandleDatagram(request, {net::IpAddress::V4(192, 0, 2, 1), 4000}, kNow));
  }
}
BENCHMARK(BM_RefuseForgedCheck);

// A voice packet into a frame and out of it again, with all checksums in software.
void BM_IpHostFrame(benchmark::State& state) {
  const bool is_v4 = state.range(0) == 4;
  const net::IpAddress own = is_v4 ? net::IpAddress::V4(192, 0, 2, 1) : *net::IpAddress::Parse("2001:db8::1");
  net::IpHostConfig config;
  config.mac = {{2, 0, 0, 0, 0, 1}};
  config.addresses = {{own, static_cast<uint8_t>(is_v4 ? 24 : 64)}};
  const auto host = std::make_unique<net::IpHost>(config);
  std::vector<std::byte> frame(host->UdpHeaderBytes(own) + 12 + kVoiceBytes);
  for (auto _ : state) {
    // To itself: the headers are the same, and no neighbour is needed.
    benchmark::DoNotOptimize(host->PrepareUdp(frame, {own, 5004}, {own, 4000}, 46, nullptr, kNow));
    benchmark::DoNotOptimize(host->HandleFrame(frame, {}, kNow));
  }
}
BENCHMARK(BM_IpHostFrame)->Arg(4)->Arg(6);

}  // namespace
}  // namespace byon

BENCHMARK_MAIN();
