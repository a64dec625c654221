#include "dataplane/io/embedded_port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/io/eal_guard.h"
#include "dataplane/io/lcore_thread.h"
#include "tests/dataplane/io/kernel_socket.h"

namespace byon::io {
namespace {

using base::TimeDelta;
using base::Timestamp;
using worker::OpenPortResult;

const net::IpAddress kV4 = net::IpAddress::V4(127, 0, 0, 1);
const net::IpAddress kV6 = *net::IpAddress::Parse("::1");

bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0) return false;
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr.s6_addr[15] = 1;
  const bool has = bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  close(fd);
  return has;
}

template <typename T>
T Take(base::Result<T, std::string> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().c_str());
    std::abort();
  }
  return std::move(result).value();
}

// Two workers' ports on one device, called from the test's thread.
struct Machine {
  explicit Machine(EmbeddedSteering steering = EmbeddedSteering::kOwner, IdlePolicy idle = IdlePolicy::kBlock,
                   size_t ring_size = 64, size_t mbuf_count = 1023)
      : hand_over(Take(HandOver::Create(2, ring_size))),
        device(Take(
            EmbeddedDevice::Create({.worker_count = 2, .steering = steering, .mbuf_count = mbuf_count}, *hand_over))) {
    for (size_t i = 0; i < 2; ++i) {
      ports.push_back(std::make_unique<EmbeddedPort>(*device, i, idle));
    }
  }

  // Opens some free port on `ip` for `worker`.
  net::SocketAddress Open(size_t worker, const net::IpAddress& ip) {
    while (true) {
      const net::SocketAddress local{ip, next_port++};
      if (ports[worker]->OpenPort(local) == OpenPortResult::kOpened) return local;
    }
  }
  // A port that the hash gives to the other worker's poller than its owner.
  net::SocketAddress OpenPolledByOther(size_t owner, const net::IpAddress& ip) {
    while (true) {
      const net::SocketAddress local = Open(owner, ip);
      KernelSocket probe(ip);
      probe.SendTo(local, "probe");
      if (Receive(owner).empty()) {
        Receive(1 - owner);
        EXPECT_EQ(Receive(owner).size(), 1u);
        return local;
      }
      ports[owner]->ClosePort(local);
    }
  }
  struct Datagram {
    std::string payload;
    net::SocketAddress source, destination;
  };
  std::vector<Datagram> Receive(size_t worker) {
    std::array<worker::ReceivedDatagram, 64> burst;
    const size_t count = ports[worker]->ReceiveBurst(burst, MonotonicNow());
    std::vector<Datagram> result;
    for (size_t i = 0; i < count; ++i) {
      result.push_back({std::string(base::AsText(burst[i].payload)), burst[i].source, burst[i].destination});
    }
    ports[worker]->Release(std::span(burst).first(count));
    return result;
  }
  void Send(size_t worker, const net::SocketAddress& from, const net::SocketAddress& to, std::string_view payload,
            uint8_t dscp = 0) {
    worker::OutgoingDatagram datagram;
    datagram.buffer = ports[worker]->Allocate();
    ASSERT_TRUE(datagram.buffer);
    ASSERT_GE(datagram.buffer.capacity, 1500u);
    std::memcpy(datagram.buffer.data, payload.data(), payload.size());
    datagram.size = payload.size();
    datagram.source = from;
    datagram.destination = to;
    datagram.dscp = dscp;
    ports[worker]->Send(std::span(&datagram, 1), MonotonicNow());
  }

  std::unique_ptr<HandOver> hand_over;
  std::unique_ptr<EmbeddedDevice> device;
  std::vector<std::unique_ptr<EmbeddedPort>> ports;
  static uint16_t next_port;
};
uint16_t Machine::next_port = 41'000;

class EmbeddedPortTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !HasIpv6()) GTEST_SKIP() << "no IPv6 loopback on this machine";
  }
  net::IpAddress ip() const { return GetParam() ? kV6 : kV4; }
};

TEST_P(EmbeddedPortTest, DatagramsPassBothWaysWithTheirAddresses) {
  Machine machine;
  KernelSocket peer(ip());
  const auto local = machine.Open(0, ip());
  EXPECT_TRUE(machine.Receive(0).empty());
  peer.SendTo(local, "one");
  peer.SendTo(local, "two");
  const auto received = machine.Receive(0);
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].payload, "one");
  EXPECT_EQ(received[1].payload, "two");
  EXPECT_EQ(received[0].source, peer.local());
  EXPECT_EQ(received[0].destination, local);

  machine.Send(0, local, peer.local(), "answer");
  EXPECT_FALSE(peer.Receive().has_value()) << "sent before Flush";
  machine.ports[0]->Flush(MonotonicNow());
  const auto answer = peer.Receive();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload, "answer");
  EXPECT_EQ(answer->source, local);
}

TEST_P(EmbeddedPortTest, EveryLengthUpToTheMtuPasses) {
  Machine machine;
  KernelSocket peer(ip());
  const auto local = machine.Open(0, ip());
  for (size_t length = 0; length <= 1500; length += 125) {
    const std::string payload(length, static_cast<char>('a' + length % 26));
    peer.SendTo(local, payload);
    const auto received = machine.Receive(0);
    ASSERT_EQ(received.size(), 1u) << length;
    EXPECT_EQ(received[0].payload, payload);
    machine.Send(0, local, peer.local(), payload);
    machine.ports[0]->Flush(MonotonicNow());
    EXPECT_EQ(peer.Receive()->payload, payload);
  }
}

TEST_P(EmbeddedPortTest, DscpFollowsEachDatagram) {
  Machine machine;
  KernelSocket peer(ip());
  const auto local = machine.Open(0, ip());
  for (const uint8_t dscp : {uint8_t{46}, uint8_t{34}, uint8_t{34}, uint8_t{0}}) {
    machine.Send(0, local, peer.local(), "x", dscp);
  }
  machine.ports[0]->Flush(MonotonicNow());
  EXPECT_EQ(peer.Receive()->dscp, 46);
  EXPECT_EQ(peer.Receive()->dscp, 34);
  EXPECT_EQ(peer.Receive()->dscp, 34);
  EXPECT_EQ(peer.Receive()->dscp, 0);
}

TEST_P(EmbeddedPortTest, ManyPortsAndManyDatagramsKeepTheirOrder) {
  Machine machine;
  std::vector<net::SocketAddress> locals;
  for (int i = 0; i < 100; ++i) locals.push_back(machine.Open(0, ip()));
  KernelSocket peer(ip());
  for (int round = 0; round < 5; ++round) {
    for (const auto& local : locals) peer.SendTo(local, std::to_string(round));
  }
  std::map<net::SocketAddress, std::string> seen;
  for (int i = 0; i < 50; ++i) {
    for (const auto& datagram : machine.Receive(0)) seen[datagram.destination] += datagram.payload;
  }
  ASSERT_EQ(seen.size(), locals.size());
  for (const auto& [local, text] : seen) EXPECT_EQ(text, "01234");
  // And out: more than a burst, from interleaved sources.
  for (int round = 0; round < 2; ++round) {
    for (const auto& local : locals) machine.Send(0, local, peer.local(), "out");
  }
  machine.ports[0]->Flush(MonotonicNow());
  size_t count = 0;
  while (peer.Receive()) ++count;
  EXPECT_EQ(count, 200u);
}

TEST_P(EmbeddedPortTest, AClosedPortIsDeafAndDumb) {
  Machine machine;
  KernelSocket peer(ip());
  const auto local = machine.Open(0, ip());
  peer.SendTo(local, "never read");
  machine.ports[0]->ClosePort(local);
  EXPECT_TRUE(machine.Receive(0).empty());
  machine.Send(0, local, peer.local(), "never sent");
  machine.ports[0]->Flush(MonotonicNow());
  EXPECT_FALSE(peer.Receive().has_value());
  EXPECT_EQ(machine.ports[0]->drops().of(DropReason::kNoSocket), 1u);
  EXPECT_EQ(machine.ports[0]->OpenPort(local), OpenPortResult::kOpened);
}

TEST_P(EmbeddedPortTest, HandsOverWhatTheHashSteeredToAnotherWorker) {
  Machine machine(EmbeddedSteering::kHash);
  KernelSocket peer(ip());
  const auto local = machine.OpenPolledByOther(0, ip());
  const uint64_t before = machine.ports[0]->handed_over();
  peer.SendTo(local, "astray");
  EXPECT_TRUE(machine.Receive(0).empty());
  EXPECT_TRUE(machine.Receive(1).empty()) << "delivered to a worker that does not own the port";
  const auto received = machine.Receive(0);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].payload, "astray");
  EXPECT_EQ(received[0].source, peer.local());
  EXPECT_EQ(machine.ports[0]->handed_over(), before + 1);
  machine.Send(0, local, peer.local(), "back");
  machine.ports[0]->Flush(MonotonicNow());
  EXPECT_EQ(peer.Receive()->payload, "back");
}

INSTANTIATE_TEST_SUITE_P(Families, EmbeddedPortTest, testing::Values(false, true),
                         [](const auto& param_info) { return param_info.param ? "V6" : "V4"; });

TEST(EmbeddedPortOpen, SaysWhyAPortCannotBeOpened) {
  Machine machine;
  const auto local = machine.Open(0, kV4);
  EXPECT_EQ(machine.ports[0]->OpenPort(local), OpenPortResult::kInUse);
  EXPECT_EQ(machine.ports[1]->OpenPort(local), OpenPortResult::kInUse);
  KernelSocket stranger(kV4);
  EXPECT_EQ(machine.ports[0]->OpenPort(stranger.local()), OpenPortResult::kInUse);
  EXPECT_EQ(machine.ports[0]->OpenPort({net::IpAddress::V4(203, 0, 113, 1), 41'999}), OpenPortResult::kAddressNotHere);
  EXPECT_EQ(machine.ports[0]->OpenPort({kV4, 0}), OpenPortResult::kAddressNotHere);
  // What failed has claimed nothing.
  EXPECT_FALSE(machine.hand_over->OwnerOf(41'999).has_value());
  EXPECT_FALSE(machine.hand_over->OwnerOf(stranger.local().port).has_value());
}

TEST(EmbeddedPortOpen, OnlyTheOwnerCloses) {
  Machine machine;
  const auto local = machine.Open(0, kV4);
  machine.ports[1]->ClosePort(local);
  EXPECT_EQ(machine.hand_over->OwnerOf(local.port), 0u);
}

TEST(EmbeddedPortDrops, TruncatedDatagramsDie) {
  Machine machine;
  KernelSocket peer(kV4);
  const auto local = machine.Open(0, kV4);
  peer.SendTo(local, std::string(3000, 'x'));
  peer.SendTo(local, "whole");
  const auto received = machine.Receive(0);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].payload, "whole");
  EXPECT_EQ(machine.ports[0]->drops().of(DropReason::kTruncated), 1u);
}

TEST(EmbeddedPortDrops, WhatTheKernelRefusesIsCountedAndTheRestIsSent) {
  Machine machine;
  KernelSocket peer(kV4);
  const auto local = machine.Open(0, kV4);
  machine.Send(0, local, peer.local(), "first");
  machine.Send(0, local, {kV4, 0}, "to port zero");
  machine.Send(0, local, peer.local(), "last");
  machine.ports[0]->Flush(MonotonicNow());
  EXPECT_EQ(peer.Receive()->payload, "first");
  EXPECT_EQ(peer.Receive()->payload, "last");
  EXPECT_EQ(machine.ports[0]->drops().of(DropReason::kSendFailed), 1u);
}

TEST(EmbeddedPortDrops, FamiliesDoNotMix) {
  Machine machine;
  const auto local = machine.Open(0, kV4);
  machine.Send(0, local, {kV6, 5000}, "x");
  EXPECT_EQ(machine.ports[0]->drops().of(DropReason::kNoRoute), 1u);
}

TEST(EmbeddedPortDrops, AFullHandOverRingDropsAndCounts) {
  Machine machine(EmbeddedSteering::kHash, IdlePolicy::kBlock, 8);
  KernelSocket peer(kV4);
  const auto local = machine.OpenPolledByOther(0, kV4);
  for (int i = 0; i < 12; ++i) peer.SendTo(local, std::to_string(i));
  machine.Receive(1);
  machine.Receive(1);
  EXPECT_EQ(machine.ports[1]->drops().of(DropReason::kHandOverFull), 5u);  // a ring of 8 holds 7
  EXPECT_EQ(machine.Receive(0).size(), 7u);
}

TEST(EmbeddedPortDrops, AFrameForAPortClosedMeanwhileHasNoOwner) {
  Machine machine(EmbeddedSteering::kHash);
  KernelSocket peer(kV4);
  const auto local = machine.OpenPolledByOther(0, kV4);
  peer.SendTo(local, "too late");
  machine.Receive(1);
  machine.ports[0]->ClosePort(local);
  EXPECT_TRUE(machine.Receive(0).empty());
  EXPECT_EQ(machine.ports[0]->drops().of(DropReason::kNoOwner), 1u);
}

TEST(EmbeddedPortDrops, AnEmptyPoolLendsNothingAndRecovers) {
  Machine machine(EmbeddedSteering::kOwner, IdlePolicy::kBlock, 64, 255);
  KernelSocket peer(kV4);
  const auto local = machine.Open(0, kV4);
  std::vector<worker::TxBuffer> lent;
  while (const worker::TxBuffer buffer = machine.ports[0]->Allocate()) lent.push_back(buffer);
  EXPECT_GT(lent.size(), 200u);
  peer.SendTo(local, "no room");
  EXPECT_TRUE(machine.Receive(0).empty());
  EXPECT_GE(machine.ports[0]->drops().of(DropReason::kNoMbuf), 2u);
  for (const worker::TxBuffer& buffer : lent) machine.ports[0]->Free(buffer);
  EXPECT_EQ(machine.Receive(0).size(), 1u);
}

TEST(EmbeddedPortMemory, NoMbufIsLost) {
  Machine machine(EmbeddedSteering::kHash, IdlePolicy::kBlock, 64, 511);
  KernelSocket peer(kV4);
  std::vector<net::SocketAddress> locals;
  for (size_t i = 0; i < 8; ++i) locals.push_back(machine.Open(i % 2, kV4));
  base::Random random(5);
  for (int i = 0; i < 3000; ++i) {
    const size_t which = random.NextBelow(8);
    peer.SendTo(locals[which], std::string(1 + random.NextBelow(1900), 'x'));
    machine.Receive(random.NextBelow(2));
    machine.Send(which % 2, locals[which], peer.local(), "y");
    if (random.NextBelow(3) == 0) machine.ports[which % 2]->Flush(MonotonicNow());
    if (random.NextBelow(50) == 0) {
      machine.ports[which % 2]->ClosePort(locals[which]);
      locals[which] = machine.Open(which % 2, kV4);
    }
    while (peer.Receive()) {
    }
  }
  for (size_t i = 0; i < 40; ++i) machine.Receive(i % 2);
  machine.ports[0]->Flush(MonotonicNow());
  machine.ports[1]->Flush(MonotonicNow());
  std::vector<worker::TxBuffer> lent;
  while (const worker::TxBuffer buffer = machine.ports[0]->Allocate()) lent.push_back(buffer);
  EXPECT_GE(lent.size(), 511u - 2 * 8) << "at most eight a worker wait for datagrams";
  for (const worker::TxBuffer& buffer : lent) machine.ports[0]->Free(buffer);
}

TEST(EmbeddedPortWait, ReturnsWhenADatagramIsThere) {
  Machine machine;
  KernelSocket peer(kV4);
  const auto local = machine.Open(0, kV4);
  peer.SendTo(local, "x");
  const Timestamp before = MonotonicNow();
  machine.ports[0]->Wait(before, before + TimeDelta::Seconds(5));
  EXPECT_EQ(machine.Receive(0).size(), 1u);
  EXPECT_LT(MonotonicNow() - before, TimeDelta::Milliseconds(15));
}

TEST(EmbeddedPortWait, ReturnsAtItsTimeByEveryPolicy) {
  for (const IdlePolicy policy : {IdlePolicy::kSpin, IdlePolicy::kPause, IdlePolicy::kSleep, IdlePolicy::kBlock}) {
    Machine machine(EmbeddedSteering::kOwner, policy);
    const Timestamp before = MonotonicNow();
    const Timestamp until = before + TimeDelta::Milliseconds(2);
    int waits = 0;
    for (Timestamp now = before; now < until; now = MonotonicNow()) {
      machine.ports[0]->Wait(now, until);
      ++waits;
    }
    EXPECT_LT(MonotonicNow() - before, TimeDelta::Seconds(1));
    if (policy == IdlePolicy::kBlock) {
      EXPECT_LE(waits, 3);
    }
    if (policy == IdlePolicy::kSleep) {
      EXPECT_LE(waits, 20);
    }
    if (policy == IdlePolicy::kSpin) {
      EXPECT_GT(waits, 20);
    }
  }
}

TEST(EmbeddedPortWait, AHandOverWakesASleeper) {
  Machine machine(EmbeddedSteering::kHash);
  KernelSocket peer(kV4);
  const auto local = machine.OpenPolledByOther(0, kV4);
  for (int i = 0; i < 50; ++i) {
    std::thread other([&] {
      peer.SendTo(local, "wake");
      machine.Receive(1);
    });
    // Whatever way the two interleave, the datagram ends the waiting.
    size_t count = 0;
    const Timestamp start = MonotonicNow();
    while (count == 0 && MonotonicNow() - start < TimeDelta::Seconds(10)) {
      machine.ports[0]->Wait(MonotonicNow(), MonotonicNow() + TimeDelta::Seconds(10));
      count += machine.Receive(0).size();
    }
    other.join();
    EXPECT_EQ(count, 1u);
  }
}

}  // namespace
}  // namespace byon::io

// The EAL starts once in a process: here, and not in a fixture.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  byon::io::EalConfig config;
  const unsigned cpu = byon::io::AllowedCpus().front();
  config.control_cpus = std::to_string(cpu);
  config.worker_cpus = {std::to_string(cpu)};
  config.file_prefix = "byon-test-" + std::to_string(getpid());
  config.memory_mb = 64;
  const auto eal = byon::io::EalGuard::Start(config);
  if (!eal.ok()) {
    std::fprintf(stderr, "%s\n", eal.error().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
