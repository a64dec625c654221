// A NIC port on a driver without a kernel behind it (memif) moves packets without heap, lock or
// system call.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/io/eal_guard.h"
#include "dataplane/io/nic_port.h"
#include "tests/dataplane/io/nic_machine.h"
#include "tests/dataplane/support/quiet_watch.h"

namespace byon::io {
namespace {

using base::TimeDelta;
using base::Timestamp;
using byon::test::Noise;
using test::Machine;
using test::Received;
namespace quiet_watch = byon::test::quiet_watch;

const net::SocketAddress kHere{net::IpAddress::V4(10, 96, 0, 1), 20'000};
const net::SocketAddress kThere{net::IpAddress::V4(10, 96, 0, 2), 20'000};
constexpr TimeDelta kPatience = TimeDelta::Seconds(30);

NicConfig Config(const char* device, const net::IpAddress& ip) {
  NicConfig config;
  config.device = device;
  config.mbuf_count = 4095;
  config.descriptors = 256;
  config.host.addresses = {{ip, 24}};
  return config;
}

// One turn as a worker makes it: each datagram is answered from where it came to. Returns how many.
size_t Answer(NicPort& port, Timestamp now) {
  std::array<worker::ReceivedDatagram, 64> datagrams;
  const size_t count = port.ReceiveBurst(datagrams, now);
  for (size_t i = 0; i < count; ++i) {
    const worker::ReceivedDatagram& datagram = datagrams[i];
    const worker::TxBuffer buffer = port.Allocate();
    if (!buffer) continue;
    std::memcpy(buffer.data, datagram.payload.data(), datagram.payload.size());
    const worker::OutgoingDatagram answer{buffer, datagram.payload.size(), datagram.destination, datagram.source, 46};
    port.Send(std::span(&answer, 1), now);
  }
  port.Release(std::span(datagrams).first(count));
  port.Flush(now);
  port.Wait(now, now);
  return count;
}

TEST(NicQuietTest, MovesPacketsAndAnswersNeighboursInSilence) {
  Machine gateway(Config("net_memif0", kHere.ip));
  Machine station(Config("net_memif1", kThere.ip));
  ASSERT_EQ(gateway.ports[0]->OpenPort(kHere), worker::OpenPortResult::kOpened);
  ASSERT_EQ(station.ports[0]->OpenPort(kThere), worker::OpenPortResult::kOpened);
  std::vector<Received> answers;
  const std::string payload(172, 'q');
  const auto play = [&](size_t wanted, bool is_watched) {
    const Timestamp end = MonotonicNow() + kPatience;
    for (size_t sent = 0; answers.size() < wanted && MonotonicNow() < end; ++sent) {
      if (sent < wanted || !is_watched) test::Send(*station.ports[0], kThere, kHere, payload);
      const Timestamp now = MonotonicNow();
      if (is_watched) quiet_watch::Begin();
      (void)Answer(*gateway.ports[0], now);
      if (is_watched) quiet_watch::End();
      test::Pump(station, answers);
    }
  };
  play(1, false);  // the two ends have found each other
  ASSERT_FALSE(answers.empty());
  answers.clear();
  (void)quiet_watch::Take();
  play(500, true);
  const Noise noise = quiet_watch::Take();
  EXPECT_EQ(noise, Noise()) << ToText(noise);
  EXPECT_GE(answers.size(), 500u);
}

}  // namespace
}  // namespace byon::io

int main(int argc, char** argv) {
  using namespace byon::io;
  testing::InitGoogleTest(&argc, argv);
  const std::string cpu = std::to_string(AllowedCpus().front());
  const std::string id = std::to_string(getpid());
  const std::string socket = ",socket=byon-quiet-" + id + ",socket-abstract=yes";
  const auto eal =
      EalGuard::Start({.worker_cpus = {cpu},
                       .control_cpus = cpu,
                       .memory_mb = 128,
                       .vdevs = {"net_memif0,role=server,id=0" + socket, "net_memif1,role=client,id=0" + socket},
                       .file_prefix = "byon-quiet-test-" + id});
  if (!eal.ok()) {
    fprintf(stderr, "%s\n", eal.error().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
