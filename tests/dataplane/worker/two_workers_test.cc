// Calls on two workers whose kernel sockets are polled by a hash of the port, as a NIC without port
// filters steers: datagrams arrive on the wrong worker and reach their own by hand-over.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/io/eal_guard.h"
#include "dataplane/io/embedded_port.h"
#include "tests/dataplane/io/kernel_socket.h"
#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using worker::CommandStatus;

const net::IpAddress kLoopback = net::IpAddress::V4(127, 0, 0, 1);
const ice::IceCredentials kGatewayIce{"gway", "gateway-password-of-22-ch"};
const ice::IceCredentials kBrowserIce{"brws", "browser-password-22-chars"};

template <typename T>
T Take(base::Result<T, std::string> result) {
  BYON_CHECK(result.ok(), result.error().c_str());
  return std::move(result).value();
}

// One of the two workers, with its half of the device. The test's thread runs both in turn.
struct Lane {
  Lane(io::EmbeddedDevice& device, size_t index)
      : port(device, index, io::IdlePolicy::kSpin),
        worker({}, port, mailbox, handshakes),
        service(GatewayDtlsContext(), srtp::DefaultSrtpBackend(), {&handshakes}) {}

  void Step(base::Timestamp now) {
    worker.RunOnce(now);
    while (service.RunOnce(now)) {
    }
    while (auto report = mailbox.reports.Pop()) {
      if (auto* reply = std::get_if<worker::Reply>(&*report)) last_reply = std::move(*reply);
    }
  }
  CommandStatus Submit(worker::SessionHandle handle, decltype(worker::Command::body) body, base::Timestamp now) {
    last_reply.reset();
    BYON_CHECK(mailbox.commands.Push({.id = 1, .session = handle, .body = std::move(body)}), "the mailbox has room");
    while (!last_reply) Step(now);
    return last_reply->status;
  }

  worker::WorkerMailbox mailbox;
  worker::HandshakeMailbox handshakes;
  io::EmbeddedPort port;
  worker::Worker worker;
  worker::HandshakeService service;
  std::optional<worker::Reply> last_reply;
};

struct Call {
  io::KernelSocket browser_socket{kLoopback};
  io::KernelSocket phone_socket{kLoopback};
  io::KernelSocket phone_rtcp_socket{kLoopback};
  std::unique_ptr<FakeBrowser> browser;
  std::unique_ptr<FakeImsEndpoint> phone;
  session::SessionConfig config;
  size_t lane = 0;
};

session::SessionDescriptions Describe(const Call& call) {
  session::SessionDescriptions descriptions;
  descriptions.access.emplace();
  descriptions.access->ice = kBrowserIce;
  descriptions.access->fingerprints = {BrowserDtlsContext().fingerprint()};
  descriptions.access->gateway_dtls_role = dtls::DtlsRole::kServer;
  descriptions.access->audio = session::AudioDescription{OpusFormat(), {OpusFormat()}};
  descriptions.ims.emplace();
  descriptions.ims->rtp = call.phone_socket.local();
  descriptions.ims->rtcp = call.phone_rtcp_socket.local();
  descriptions.ims->audio = session::AudioDescription{AmrWbFormat(), {AmrWbFormat()}};
  return descriptions;
}

// Makes the session on the first free ports from `first_port` on.
void Open(Call& call, Lane& lane, uint64_t serial, uint16_t first_port, base::Timestamp now) {
  codec::AmrWbBatch* const batch = lane.mailbox.amr_wb_batch;
  for (uint16_t port = first_port;; port = static_cast<uint16_t>(port + 4)) {
    session::SessionConfig& config = call.config;
    config.handle = session::MakeSessionHandle(serial, port);
    config.access = {{kLoopback, port}, kGatewayIce, 1};
    config.ims = {{kLoopback, static_cast<uint16_t>(port + 2)}, {kLoopback, static_cast<uint16_t>(port + 3)}, 2};
    config.cname = "gateway.example";
    worker::CreateSession create;
    create.session = std::make_unique<session::MediaSession>(config);
    session::SessionAudio audio;
    create.change = std::move(session::PrepareSessionChange(Describe(call), audio, batch)).value();
    const CommandStatus status = lane.Submit(config.handle, std::move(create), now);
    if (status == CommandStatus::kDone) return;
    BYON_CHECK(status == CommandStatus::kPortInUse || status == CommandStatus::kSessionExists,
               "only ports may be in the way");
  }
}

void Connect(Call& call, double browser_tone, double phone_tone) {
  call.browser = std::make_unique<FakeBrowser>(
      FakeBrowser::Config{.address = call.browser_socket.local(),
                          .gateway = call.config.access.address,
                          .local = kBrowserIce,
                          .remote = kGatewayIce,
                          .gateway_fingerprints = {GatewayDtlsContext().fingerprint()},
                          .talker = {OpusFormat().codec, OpusFormat().payload_type, 101, 0xb0, browser_tone}},
      BrowserDtlsContext());
  call.phone = std::make_unique<FakeImsEndpoint>(
      FakeImsEndpoint::Config{.rtp = call.phone_socket.local(),
                              .rtcp = call.phone_rtcp_socket.local(),
                              .gateway_rtp = call.config.ims.rtp,
                              .gateway_rtcp = call.config.ims.rtcp,
                              .talker = {AmrWbFormat().codec, AmrWbFormat().payload_type, 101, 0x1a, phone_tone}});
}

void SendAll(io::KernelSocket& socket, std::vector<TestDatagram> datagrams) {
  for (const TestDatagram& datagram : datagrams) {
    socket.SendTo(datagram.destination, base::AsText(datagram.payload));
  }
}

template <typename Handle>
void ReceiveAll(io::KernelSocket& socket, Handle handle) {
  while (const auto received = socket.Receive()) {
    const base::ByteSpan bytes = base::AsBytes(received->payload);
    handle(TestDatagram{received->source, socket.local(), {bytes.begin(), bytes.end()}});
  }
}

void Step(Call& call, base::Timestamp now) {
  const auto to_browser = [&](const TestDatagram& d) { call.browser->HandleDatagram(d, now); };
  const auto to_phone = [&](const TestDatagram& d) { call.phone->HandleDatagram(d, now); };
  ReceiveAll(call.browser_socket, to_browser);
  ReceiveAll(call.phone_socket, to_phone);
  ReceiveAll(call.phone_rtcp_socket, to_phone);
  call.browser->HandleTimeout(now);
  call.phone->HandleTimeout(now);
  SendAll(call.browser_socket, call.browser->TakeOutgoing());
  SendAll(call.phone_socket, call.phone->TakeOutgoing());
}

TEST(TwoWorkersTest, TonesPassWhereverTheirPacketsArrive) {
  const auto hand_over = Take(io::HandOver::Create(2));
  const auto device = Take(io::EmbeddedDevice::Create(
      {.worker_count = 2, .steering = io::EmbeddedSteering::kHash, .mbuf_count = 4'095}, *hand_over));
  std::array<std::unique_ptr<Lane>, 2> lanes;
  for (size_t i = 0; i < 2; ++i) lanes[i] = std::make_unique<Lane>(*device, i);
  base::Timestamp now = base::Timestamp::FromMilliseconds(1'000'000);

  constexpr size_t kCalls = 6;
  std::array<Call, kCalls> calls;
  for (size_t i = 0; i < kCalls; ++i) {
    calls[i].lane = i % 2;
    Open(calls[i], *lanes[i % 2], i + 1, static_cast<uint16_t>(31'000 + 40 * i), now);
    Connect(calls[i], 400 + 40 * static_cast<double>(i), 900 + 40 * static_cast<double>(i));
  }
  for (int ms = 0; ms < 2'500; ++ms) {
    now += TimeDelta::Milliseconds(1);
    for (Call& call : calls) Step(call, now);
    // Twice, so that what one hands over the other serves within the same millisecond.
    for (int turn = 0; turn < 2; ++turn) {
      for (const auto& lane : lanes) lane->Step(now);
    }
  }
  for (size_t i = 0; i < kCalls; ++i) {
    RtpTalker& at_phone = calls[i].phone->talker();
    RtpTalker& at_browser = calls[i].browser->talker();
    EXPECT_GT(TonePurity(at_phone.LastSamples(16'000), 16'000, 400 + 40 * static_cast<double>(i)), 0.95) << i;
    EXPECT_GT(TonePurity(at_browser.LastSamples(48'000), 48'000, 900 + 40 * static_cast<double>(i)), 0.95) << i;
    EXPECT_EQ(at_phone.received().sequence_gaps, 0u) << i;
    EXPECT_EQ(at_browser.received().sequence_gaps, 0u) << i;
  }
  // With 18 sockets some are polled by the worker that does not own them.
  EXPECT_GT(lanes[0]->worker.Stats().handed_over + lanes[1]->worker.Stats().handed_over, 100u);
  EXPECT_EQ(lanes[0]->worker.Stats().drops.of(session::DropReason::kUnknownPort), 0u);
  EXPECT_EQ(lanes[1]->worker.Stats().drops.of(session::DropReason::kUnknownPort), 0u);
  for (Call& call : calls) {
    EXPECT_EQ(lanes[call.lane]->Submit(call.config.handle, worker::CloseSession{}, now), CommandStatus::kDone);
  }
}

}  // namespace
}  // namespace byon::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::string cpu = std::to_string(byon::io::AllowedCpus().front());
  const byon::io::EalConfig config{.worker_cpus = {cpu},
                                   .control_cpus = cpu,
                                   .memory_mb = 128,
                                   .file_prefix = "byon-two-workers-test-" + std::to_string(getpid())};
  const auto eal = byon::io::EalGuard::Start(config);
  if (!eal.ok()) {
    std::fprintf(stderr, "%s\n", eal.error().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
