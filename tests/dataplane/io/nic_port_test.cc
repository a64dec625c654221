// The NIC port on a real Ethernet segment: a network namespace of its own with two veth pairs, the
// kernel's stack at one end, DPDK's af_packet driver at the other.
#include "dataplane/io/nic_port.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/io/eal_guard.h"
#include "dataplane/io/lcore_thread.h"
#include "dataplane/net/checksum.h"
#include "tests/dataplane/io/kernel_socket.h"
#include "tests/dataplane/io/nic_machine.h"

namespace byon::io {
namespace {

using base::Timestamp;
using test::Machine;
using test::Received;
using test::Send;
using test::Take;
using worker::OpenPortResult;

// Why nothing here can run; empty when it can.
std::string skip_reason;

const net::IpAddress kKernelV4 = net::IpAddress::V4(10, 99, 0, 1);
const net::IpAddress kGatewayV4 = net::IpAddress::V4(10, 99, 0, 2);
const net::IpAddress kKernelV6 = *net::IpAddress::Parse("fd99::1");
const net::IpAddress kGatewayV6 = *net::IpAddress::Parse("fd99::2");
const net::IpAddress kStationVlan = net::IpAddress::V4(10, 98, 0, 1);
const net::IpAddress kGatewayVlan = net::IpAddress::V4(10, 98, 0, 2);
constexpr uint16_t kVlanId = 42;
constexpr uint16_t kPort = 20'000;

class NicPortTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!skip_reason.empty()) return;
    NicConfig plain;
    plain.device = "net_af_packet0";
    plain.worker_count = 2;
    plain.mbuf_count = 4095;
    plain.descriptors = 256;
    plain.host.addresses = {{kGatewayV4, 24}, {kGatewayV6, 64}};
    plain_ = std::make_unique<Machine>(plain);
  }
  static void TearDownTestSuite() { plain_.reset(); }
  void SetUp() override {
    if (!skip_reason.empty()) GTEST_SKIP() << skip_reason;
  }
  void TearDown() override {
    if (plain_ == nullptr) return;
    for (const auto& [worker, local] : opened_) plain_->ports[worker]->ClosePort(local);
  }

  void Open(size_t worker, const net::SocketAddress& local) {
    ASSERT_EQ(plain_->ports[worker]->OpenPort(local), OpenPortResult::kOpened);
    opened_.emplace_back(worker, local);
  }
  bool PumpUntil(const std::function<bool()>& is_done) { return test::PumpUntil(*plain_, received_, is_done); }
  NicPort& port(size_t worker) { return *plain_->ports[worker]; }

  static std::unique_ptr<Machine> plain_;
  std::vector<Received> received_;
  std::vector<std::pair<size_t, net::SocketAddress>> opened_;
};
std::unique_ptr<Machine> NicPortTest::plain_;

// An echo request by the kernel's raw socket; true when its reply comes back.
bool PingIsAnswered(bool is_v4, const std::function<bool(const std::function<bool()>&)>& pump) {
  const int fd =
      socket(is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK, is_v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
  if (fd < 0) return false;
  std::array<std::byte, 64> request{};
  base::ByteWriter writer(request);
  writer.WriteU8(is_v4 ? 8 : 128);
  writer.WriteU8(0);
  writer.WriteU16(0);
  writer.WriteU16(0xbeef);
  writer.WriteU16(1);
  writer.WriteBytes(base::AsBytes("is anybody there?"));
  if (is_v4) writer.PatchU16(2, net::InternetChecksum(request));
  sockaddr_storage to{};
  socklen_t to_bytes = 0;
  if (is_v4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    std::memcpy(&in.sin_addr, kGatewayV4.bytes().data(), 4);
    std::memcpy(&to, &in, to_bytes = sizeof(in));
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    std::memcpy(&in.sin6_addr, kGatewayV6.bytes().data(), 16);
    std::memcpy(&to, &in, to_bytes = sizeof(in));
  }
  sendto(fd, request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&to), to_bytes);
  const bool is_answered = pump([&] {
    std::array<std::byte, 256> reply;
    const ssize_t size = recv(fd, reply.data(), reply.size(), 0);
    if (size <= 0) return false;
    // A raw IPv4 socket gives the IP header too.
    const auto icmp = base::ByteSpan(reply).first(static_cast<size_t>(size)).subspan(is_v4 ? 20 : 0);
    base::ByteReader reader(icmp);
    if (reader.ReadU8() != (is_v4 ? 0 : 129)) return false;
    reader.Skip(3);
    return reader.ReadU16() == 0xbeef && base::AsText(reader.rest()).substr(2, 17) == "is anybody there?";
  });
  close(fd);
  return is_answered;
}

TEST_F(NicPortTest, TheKernelPingsIt) {
  const auto pump = [&](const std::function<bool()>& is_done) { return PumpUntil(is_done); };
  EXPECT_TRUE(PingIsAnswered(true, pump));
  EXPECT_TRUE(PingIsAnswered(false, pump));
}

TEST_F(NicPortTest, EchoesUdpOfBothFamilies) {
  for (const auto& [kernel, gateway] : {std::pair{kKernelV4, kGatewayV4}, {kKernelV6, kGatewayV6}}) {
    received_.clear();
    const net::SocketAddress local{gateway, kPort};
    Open(0, local);
    KernelSocket peer(kernel);
    const std::string request(172, 'q');
    peer.SendTo(local, request);
    ASSERT_TRUE(PumpUntil([&] { return !received_.empty(); }));
    EXPECT_EQ(received_[0].payload, request);
    EXPECT_EQ(received_[0].source, peer.local());
    EXPECT_EQ(received_[0].destination, local);
    Send(port(0), local, peer.local(), "answer");
    std::optional<KernelSocket::Received> answer;
    ASSERT_TRUE(PumpUntil([&] { return (answer = peer.Receive()).has_value(); }));
    EXPECT_EQ(answer->payload, "answer");
    EXPECT_EQ(answer->source, local);
    EXPECT_EQ(answer->dscp, 46);
    port(0).ClosePort(local);
    opened_.clear();
  }
}

TEST_F(NicPortTest, SpeaksFirst) {
  for (const auto& [kernel, gateway] : {std::pair{kKernelV4, kGatewayV4}, {kKernelV6, kGatewayV6}}) {
    const net::SocketAddress local{gateway, kernel.is_v4() ? kPort : uint16_t{kPort + 1}};
    Open(1, local);
    KernelSocket peer(kernel);
    Send(port(1), local, peer.local(), "one");
    Send(port(1), local, peer.local(), "two");
    std::vector<std::string> heard;
    ASSERT_TRUE(PumpUntil([&] {
      if (const auto datagram = peer.Receive()) heard.push_back(datagram->payload);
      return heard.size() == 2;
    }));
    EXPECT_EQ(heard, (std::vector<std::string>{"one", "two"})) << "in order";
  }
}

TEST_F(NicPortTest, DatagramsReachTheOwnerOfTheirPort) {
  // The kernel spreads flows over the two queues; whatever arrives, the right worker gets it.
  const net::SocketAddress first{kGatewayV4, kPort}, second{kGatewayV4, kPort + 1};
  Open(0, first);
  Open(1, second);
  const uint64_t before = port(0).handed_over() + port(1).handed_over();
  std::vector<std::unique_ptr<KernelSocket>> peers;
  for (int i = 0; i < 40; ++i) {
    peers.push_back(std::make_unique<KernelSocket>(kKernelV4));
    peers.back()->SendTo(first, "to the first");
    peers.back()->SendTo(second, "to the second");
  }
  ASSERT_TRUE(PumpUntil([&] { return received_.size() == 80; }));
  for (const Received& datagram : received_) {
    EXPECT_EQ(datagram.worker, datagram.destination == first ? 0u : 1u);
  }
  EXPECT_GT(port(0).handed_over() + port(1).handed_over(), before);
}

TEST_F(NicPortTest, PortsAreExclusiveAndLocal) {
  const net::SocketAddress local{kGatewayV4, kPort};
  Open(0, local);
  EXPECT_EQ(port(1).OpenPort(local), OpenPortResult::kInUse);
  EXPECT_EQ(port(0).OpenPort({kKernelV4, kPort + 1}), OpenPortResult::kAddressNotHere);
  EXPECT_EQ(port(0).OpenPort({kGatewayV4, 0}), OpenPortResult::kAddressNotHere);
  port(1).ClosePort(local);
  EXPECT_EQ(port(1).OpenPort(local), OpenPortResult::kInUse) << "only the owner closes";
}

TEST_F(NicPortTest, ClosedAndForeignPortsAreCounted) {
  const net::SocketAddress local{kGatewayV4, kPort};
  KernelSocket peer(kKernelV4);
  const auto drops = [&](DropReason reason) { return port(0).drops().of(reason) + port(1).drops().of(reason); };
  const uint64_t no_owner = drops(DropReason::kNoOwner);
  peer.SendTo(local, "nobody is here");
  EXPECT_TRUE(PumpUntil([&] { return drops(DropReason::kNoOwner) == no_owner + 1; }));
  // Opened on the other address of the host.
  Open(0, {kGatewayV6, kPort});
  const uint64_t not_for_us = drops(DropReason::kNotForUs);
  peer.SendTo(local, "wrong family");
  EXPECT_TRUE(PumpUntil([&] { return drops(DropReason::kNotForUs) == not_for_us + 1; }));
  const uint64_t no_socket = drops(DropReason::kNoSocket);
  Send(port(1), {kGatewayV6, kPort}, {kKernelV6, 9}, "not this worker's port");
  EXPECT_EQ(drops(DropReason::kNoSocket), no_socket + 1);
  EXPECT_TRUE(received_.empty());
}

TEST_F(NicPortTest, ReassembledGiantIsNotTakenForWhole) {
  // The kernel joins fragments before af_packet sees them, and af_packet cuts the result.
  const net::SocketAddress local{kGatewayV4, kPort};
  Open(0, local);
  KernelSocket peer(kKernelV4);
  const auto truncated = [&] {
    return port(0).net_drops(net::DropReason::kTruncatedFrame) + port(1).net_drops(net::DropReason::kTruncatedFrame);
  };
  const uint64_t before = truncated();
  peer.SendTo(local, std::string(3000, 'x'));
  EXPECT_TRUE(PumpUntil([&] { return truncated() > before; }));
  EXPECT_TRUE(received_.empty());
}

TEST_F(NicPortTest, SilentNeighbourIsGivenUp) {
  const net::SocketAddress local{kGatewayV4, kPort};
  Open(0, local);
  Timestamp now = MonotonicNow();
  Send(port(0), local, {net::IpAddress::V4(10, 99, 0, 77), 9}, "hello?", now);
  const uint64_t before = port(0).net_drops(net::DropReason::kNeighbourUnreachable);
  for (int i = 0; i < net::NeighbourTable::kMaxSolicitations; ++i) {
    now += net::NeighbourTable::kRetryInterval;
    port(0).Flush(now);
  }
  EXPECT_EQ(port(0).net_drops(net::DropReason::kNeighbourUnreachable), before + 1);
}

TEST_F(NicPortTest, WhatCannotBeRoutedIsCounted) {
  const net::SocketAddress local{kGatewayV4, kPort};
  Open(0, local);
  const uint64_t no_route = port(0).drops().of(DropReason::kNoRoute);
  Send(port(0), local, {net::IpAddress::V4(198, 51, 100, 1), 9}, "there is no gateway");
  EXPECT_EQ(port(0).drops().of(DropReason::kNoRoute), no_route + 1);
}

TEST_F(NicPortTest, TwoSessionsOfOneMachineHearEachOther) {
  const net::SocketAddress first{kGatewayV4, kPort}, second{kGatewayV4, kPort + 1};
  Open(0, first);
  Open(1, second);
  Send(port(0), first, second, "around the corner");
  ASSERT_TRUE(PumpUntil([&] { return !received_.empty(); }));
  EXPECT_EQ(received_[0].worker, 1u);
  EXPECT_EQ(received_[0].source, first);
}

// Without the other device, whose rings' names it would share.
class LoneNicPortTest : public NicPortTest {
 protected:
  static void SetUpTestSuite() {}
};

// A station behind a packet socket: kernels without VLAN devices still carry tagged frames.
class TaggedStation {
 public:
  TaggedStation(const char* interface, const net::IpHostConfig& config)
      : host_(config), fd_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL))) {
    sockaddr_ll name{};
    name.sll_family = AF_PACKET;
    name.sll_protocol = htons(ETH_P_ALL);
    name.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    const int on = 1;
    BYON_CHECK(fd_ >= 0 && bind(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0 &&
                   setsockopt(fd_, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0,
               "a namespace of one's own has packet sockets");
  }
  ~TaggedStation() { close(fd_); }

  void Send(const net::SocketAddress& source, const net::SocketAddress& destination, std::string_view payload) {
    waiting_.resize(host_.UdpHeaderBytes(destination.ip) + payload.size());
    std::memcpy(waiting_.data() + waiting_.size() - payload.size(), payload.data(), payload.size());
    (void)host_.PrepareUdp(waiting_, source, destination, 0, &waiting_, MonotonicNow());
    Transmit();
  }
  // The payload of the next datagram for this station.
  std::optional<std::string> Receive() {
    std::array<std::byte, 2048> frame;
    std::array<std::byte, 256> control;
    // The kernel takes the tag out of the frame and tells it beside; room for it stays in front.
    iovec vector{frame.data() + 4, frame.size() - 4};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(fd_, &message, 0);
    if (size <= 0) return std::nullopt;
    auto bytes = base::MutableByteSpan(frame).subspan(4, static_cast<size_t>(size));
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      tpacket_auxdata aux;
      if (c->cmsg_type != PACKET_AUXDATA) continue;
      std::memcpy(&aux, CMSG_DATA(c), sizeof(aux));
      if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0) continue;
      std::memmove(frame.data(), frame.data() + 4, 12);
      base::ByteWriter tag(base::MutableByteSpan(frame).subspan(12, 4));
      tag.WriteU16(0x8100);
      tag.WriteU16(aux.tp_vlan_tci);
      bytes = base::MutableByteSpan(frame).first(static_cast<size_t>(size) + 4);
    }
    const auto verdict = host_.HandleFrame(bytes, {}, MonotonicNow());
    Transmit();
    const auto* udp = std::get_if<net::IpHost::UdpDatagram>(&verdict);
    if (udp == nullptr) return std::nullopt;
    return std::string(base::AsText(bytes.subspan(udp->payload_offset, udp->payload_bytes)));
  }

 private:
  void Transmit() {
    std::array<std::byte, 2048> frame;
    while (const auto size = host_.PollFrame(frame)) (void)!write(fd_, frame.data(), *size);
    while (const auto ready = host_.PollReady()) {
      std::memcpy(waiting_.data(), ready->mac.octets.data(), 6);
      (void)!write(fd_, waiting_.data(), waiting_.size());
    }
  }

  net::IpHost host_;
  int fd_;
  std::vector<std::byte> waiting_;
};

TEST_F(LoneNicPortTest, SpeaksOnItsVlan) {
  NicConfig config;
  config.device = "net_af_packet1";
  config.mbuf_count = 2047;
  config.descriptors = 256;
  config.host.vlan_id = kVlanId;
  config.host.addresses = {{kGatewayVlan, 24}};
  Machine machine(config);
  net::IpHostConfig station_config;
  station_config.mac = {{2, 0, 0, 0, 0, 0x42}};
  station_config.vlan_id = kVlanId;
  station_config.addresses = {{kStationVlan, 24}};
  TaggedStation station("k1", station_config);

  const net::SocketAddress local{kGatewayVlan, kPort}, remote{kStationVlan, 4000};
  ASSERT_EQ(machine.ports[0]->OpenPort(local), OpenPortResult::kOpened);
  station.Send(remote, local, "tagged");
  ASSERT_TRUE(test::PumpUntil(machine, received_, [&] {
    (void)station.Receive();  // ARP
    return !received_.empty();
  }));
  EXPECT_EQ(received_[0].payload, "tagged");
  Send(*machine.ports[0], local, remote, "tagged too");
  std::optional<std::string> answer;
  ASSERT_TRUE(test::PumpUntil(machine, received_, [&] { return (answer = station.Receive()).has_value(); }));
  EXPECT_EQ(answer, "tagged too");

  const uint64_t wrong = machine.ports[0]->net_drops(net::DropReason::kWrongVlan);
  station_config.vlan_id.reset();
  TaggedStation untagged("k1", station_config);
  untagged.Send(remote, local, "not on this network");
  EXPECT_TRUE(test::PumpUntil(machine, received_,
                              [&] { return machine.ports[0]->net_drops(net::DropReason::kWrongVlan) > wrong; }));
}

TEST_F(LoneNicPortTest, RefusesWhatCannotWork) {
  const auto error = [&](const std::function<void(NicConfig&)>& spoil) {
    NicConfig config;
    config.device = "net_af_packet0";
    config.worker_count = 2;
    config.host.addresses = {{kGatewayV4, 24}};
    spoil(config);
    const auto hand_over = Take(HandOver::Create(config.worker_count, 64));
    const auto device = NicDevice::Create(config, *hand_over);
    return device.ok() ? std::string() : device.error();
  };
  EXPECT_NE(error([](NicConfig& c) { c.device = "net_none7"; }).find("knows no device"), std::string::npos);
  EXPECT_NE(error([](NicConfig& c) { c.host.addresses.clear(); }).find("no IP address"), std::string::npos);
  EXPECT_NE(error([](NicConfig& c) { c.host.mtu_bytes = 100; }).find("MTU"), std::string::npos);
  EXPECT_NE(error([](NicConfig& c) { c.host.vlan_id = 4095; }).find("VLAN"), std::string::npos);
}

// The segment: returns why it cannot be made.
std::string MakeSegment() {
  const std::string reason = test::EnterNetworkNamespace();
  return !reason.empty() ? reason
                         : test::RunCommands({
                               "ip link add k0 type veth peer name d0",
                               "ip link add k1 type veth peer name d1",
                               "ip link set d0 up",
                               "ip link set d1 up",
                               "ip link set k0 up",
                               "ip link set k1 up",
                               "ip address add 10.99.0.1/24 dev k0",
                               "ip -6 address add fd99::1/64 dev k0 nodad",
                           });
}

}  // namespace
}  // namespace byon::io

int main(int argc, char** argv) {
  using namespace byon::io;
  testing::InitGoogleTest(&argc, argv);
  skip_reason = MakeSegment();
  std::optional<EalGuard> eal;
  if (skip_reason.empty()) {
    const std::string cpu = std::to_string(AllowedCpus().front());
    auto started = EalGuard::Start({.worker_cpus = {cpu},
                                    .control_cpus = cpu,
                                    .memory_mb = 256,
                                    .vdevs = {"net_af_packet0,iface=d0,qpairs=2", "net_af_packet1,iface=d1"},
                                    .file_prefix = "byon-nic-test-" + std::to_string(getpid())});
    if (started.ok()) {
      eal.emplace(std::move(started).value());
    } else {
      skip_reason = started.error();
    }
  }
  const int result = RUN_ALL_TESTS();
  return result;
}
