// The NIC port on drivers with other habits than af_packet's: tap (a character device, the kernel's stack
// behind it) and memif (shared memory between two machines, no kernel at all).
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "dataplane/io/eal_guard.h"
#include "dataplane/io/nic_port.h"
#include "tests/dataplane/io/kernel_socket.h"
#include "tests/dataplane/io/nic_machine.h"

namespace byon::io {
namespace {

using test::Machine;
using test::Received;
using test::Send;
using worker::OpenPortResult;

// Why nothing here can run; empty when it can.
std::string skip_reason;

constexpr uint16_t kPort = 20'000;

NicConfig Config(const char* device, std::initializer_list<net::IpHostConfig::Address> addresses) {
  NicConfig config;
  config.device = device;
  config.mbuf_count = 4095;
  config.descriptors = 256;
  for (const auto& address : addresses) config.host.addresses.push_back(address);
  return config;
}

class NicDriversTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!skip_reason.empty()) GTEST_SKIP() << skip_reason;
  }
};

TEST_F(NicDriversTest, TapCarriesBothFamilies) {
  const net::IpAddress gateway_v4 = net::IpAddress::V4(10, 97, 0, 2);
  const net::IpAddress gateway_v6 = *net::IpAddress::Parse("fd97::2");
  Machine machine(Config("net_tap0", {{gateway_v4, 24}, {gateway_v6, 64}}));
  ASSERT_EQ(test::RunCommands({"ip link set byontap0 up", "ip address add 10.97.0.1/24 dev byontap0",
                               "ip -6 address add fd97::1/64 dev byontap0 nodad"}),
            "");
  for (const auto& [kernel, gateway] :
       {std::pair{net::IpAddress::V4(10, 97, 0, 1), gateway_v4}, {*net::IpAddress::Parse("fd97::1"), gateway_v6}}) {
    std::vector<Received> received;
    const net::SocketAddress local{gateway, kPort};
    ASSERT_EQ(machine.ports[0]->OpenPort(local), OpenPortResult::kOpened);
    KernelSocket peer(kernel);
    peer.SendTo(local, "through the character device");
    ASSERT_TRUE(PumpUntil(machine, received, [&] { return !received.empty(); }));
    EXPECT_EQ(received[0].payload, "through the character device");
    EXPECT_EQ(received[0].source, peer.local());
    Send(*machine.ports[0], local, peer.local(), "and back");
    std::optional<KernelSocket::Received> answer;
    ASSERT_TRUE(PumpUntil(machine, received, [&] { return (answer = peer.Receive()).has_value(); }));
    EXPECT_EQ(answer->payload, "and back");
    EXPECT_EQ(answer->dscp, 46);
    machine.ports[0]->ClosePort(local);
  }
}

TEST_F(NicDriversTest, MemifJoinsTwoMachinesWithoutTheKernel) {
  const net::SocketAddress here{net::IpAddress::V4(10, 96, 0, 1), kPort};
  const net::SocketAddress there{net::IpAddress::V4(10, 96, 0, 2), kPort};
  const net::SocketAddress here_v6{*net::IpAddress::Parse("fd96::1"), kPort + 1};
  const net::SocketAddress there_v6{*net::IpAddress::Parse("fd96::2"), kPort + 1};
  Machine server(Config("net_memif0", {{here.ip, 24}, {here_v6.ip, 64}}));
  Machine client(Config("net_memif1", {{there.ip, 24}, {there_v6.ip, 64}}));
  for (const auto& [machine, local] :
       {std::pair{&server, here}, {&server, here_v6}, {&client, there}, {&client, there_v6}}) {
    ASSERT_EQ(machine->ports[0]->OpenPort(local), OpenPortResult::kOpened);
  }
  std::vector<Received> at_server, at_client;
  const auto pump_until = [&](const std::function<bool()>& is_done) {
    return PumpUntil(server, at_server, [&] {
      test::Pump(client, at_client);
      return is_done();
    });
  };
  for (const auto& [from, to] : {std::pair{here, there}, {here_v6, there_v6}}) {
    at_server.clear();
    at_client.clear();
    // The two ends find each other by a socket in their own time; a first datagram may be too early.
    base::Timestamp last_sent;
    ASSERT_TRUE(pump_until([&, &from = from, &to = to] {
      if (MonotonicNow() - last_sent > base::TimeDelta::Milliseconds(100)) {
        last_sent = MonotonicNow();
        Send(*server.ports[0], from, to, "shared memory");
      }
      return !at_client.empty();
    }));
    EXPECT_EQ(at_client[0].payload, "shared memory");
    EXPECT_EQ(at_client[0].source, from);
    EXPECT_EQ(at_client[0].destination, to);
    for (int i = 0; i < 100; ++i) {
      Send(*client.ports[0], to, from, "answer " + std::to_string(i));
    }
    ASSERT_TRUE(pump_until([&] { return at_server.size() == 100; }));
    for (size_t i = 0; i < 100; ++i) {
      EXPECT_EQ(at_server[i].payload, "answer " + std::to_string(i)) << "in order";
    }
  }
}

}  // namespace
}  // namespace byon::io

int main(int argc, char** argv) {
  using namespace byon::io;
  testing::InitGoogleTest(&argc, argv);
  skip_reason = test::EnterNetworkNamespace();
  std::optional<EalGuard> eal;
  if (skip_reason.empty()) {
    const std::string cpu = std::to_string(AllowedCpus().front());
    const std::string id = std::to_string(getpid());
    const std::string socket = ",socket=byon-memif-" + id + ",socket-abstract=yes";
    auto started = EalGuard::Start({.worker_cpus = {cpu},
                                    .control_cpus = cpu,
                                    .memory_mb = 256,
                                    .vdevs = {"net_tap0,iface=byontap0", "net_memif0,role=server,id=0" + socket,
                                              "net_memif1,role=client,id=0" + socket},
                                    .file_prefix = "byon-drivers-test-" + id});
    if (started.ok()) {
      eal.emplace(std::move(started).value());
    } else {
      skip_reason = started.error();
    }
  }
  return RUN_ALL_TESTS();
}
