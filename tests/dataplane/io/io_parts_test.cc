#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/io/drop_reason.h"
#include "dataplane/io/eal_guard.h"
#include "dataplane/io/scheduling.h"
#include "dataplane/io/udp_frame.h"

namespace byon::io {
namespace {

bool Has(const std::vector<std::string>& arguments, std::string_view wanted) {
  return std::ranges::find(arguments, wanted) != arguments.end();
}

TEST(EalArguments, WithoutHugepagesAndDevices) {
  EalConfig config;
  config.control_cpus = "0-3";
  config.worker_cpus = {"1", "2-3"};
  const auto arguments = BuildEalArguments(config);
  EXPECT_TRUE(Has(arguments, "0@(0-3),1@(1),2@(2-3)"));
  EXPECT_TRUE(Has(arguments, "--no-huge"));
  EXPECT_TRUE(Has(arguments, "--no-shconf"));
  EXPECT_TRUE(Has(arguments, "--no-pci"));
  EXPECT_TRUE(Has(arguments, "--iova-mode=va"));
  EXPECT_TRUE(Has(arguments, "--no-telemetry"));
  EXPECT_FALSE(Has(arguments, "--in-memory"));  // 22.11 refuses it together with --no-huge
}

TEST(EalArguments, WithHugepagesAndANic) {
  EalConfig config;
  config.control_cpus = "0";
  config.worker_cpus = {"1"};
  config.use_hugepages = true;
  config.memory_mb = 512;
  config.pci_devices = {"0000:03:00.0"};
  config.vdevs = {"net_af_packet0,iface=eth1"};
  config.enable_telemetry = true;
  const auto arguments = BuildEalArguments(config);
  EXPECT_TRUE(Has(arguments, "--in-memory"));
  EXPECT_TRUE(Has(arguments, "--match-allocations"));
  EXPECT_TRUE(Has(arguments, "0000:03:00.0"));
  EXPECT_TRUE(Has(arguments, "--vdev=net_af_packet0,iface=eth1"));
  EXPECT_TRUE(Has(arguments, "512"));
  EXPECT_FALSE(Has(arguments, "--no-huge"));
  EXPECT_FALSE(Has(arguments, "--no-pci"));
  EXPECT_FALSE(Has(arguments, "--no-telemetry"));
}

TEST(Scheduling, AutoIsRealtimeWhereItIsPermittedAndHarmless) {
  const auto resolve = [](IdlePolicy idle, size_t workers, size_t cpus, bool is_permitted) {
    return ResolveScheduling(Scheduling::kAuto, idle, workers, cpus, is_permitted).value();
  };
  EXPECT_EQ(resolve(IdlePolicy::kBlock, 1, 2, true), Scheduling::kRealtime);
  EXPECT_EQ(resolve(IdlePolicy::kSleep, 3, 4, true), Scheduling::kRealtime);
  EXPECT_EQ(resolve(IdlePolicy::kBlock, 1, 2, false), Scheduling::kNormal);
  EXPECT_EQ(resolve(IdlePolicy::kBlock, 2, 2, true), Scheduling::kNormal) << "nothing for the rest";
  EXPECT_EQ(resolve(IdlePolicy::kSpin, 1, 2, true), Scheduling::kNormal) << "it never sleeps";
}

TEST(Scheduling, WhatIsAskedForIsDoneOrRefused) {
  const auto resolve = [](Scheduling wanted, bool is_permitted) {
    return ResolveScheduling(wanted, IdlePolicy::kBlock, 2, 2, is_permitted);
  };
  EXPECT_EQ(resolve(Scheduling::kNormal, true).value(), Scheduling::kNormal);
  EXPECT_EQ(resolve(Scheduling::kRealtime, true).value(), Scheduling::kRealtime);
  EXPECT_NE(std::string(resolve(Scheduling::kRealtime, false).error()).find("CAP_SYS_NICE"), std::string::npos);
}

std::vector<std::byte> Frame(const UdpFrameHeader& header, size_t payload_bytes) {
  const size_t header_bytes = UdpHeaderBytes(header.source.ip.is_v4());
  std::vector<std::byte> frame(header_bytes + payload_bytes, std::byte{0x55});
  WriteUdpHeader(header, payload_bytes, base::MutableByteSpan(frame).first(header_bytes));
  return frame;
}

TEST(UdpFrame, WhatIsWrittenIsRead) {
  for (const auto& [a, b] :
       {std::pair("192.0.2.1:5000", "198.51.100.7:65535"), std::pair("[2001:db8::1]:1", "[2001:db8::2]:40000")}) {
    const UdpFrameHeader header{*net::SocketAddress::Parse(a), *net::SocketAddress::Parse(b), 46};
    for (const size_t payload_bytes : {size_t{0}, size_t{1}, size_t{1472}}) {
      const auto parsed = ParseUdpFrame(Frame(header, payload_bytes));
      ASSERT_TRUE(parsed.has_value());
      EXPECT_EQ(parsed->header.source, header.source);
      EXPECT_EQ(parsed->header.destination, header.destination);
      EXPECT_EQ(parsed->header.dscp, 46);
      EXPECT_EQ(parsed->payload_bytes, payload_bytes);
      EXPECT_EQ(parsed->payload_offset, UdpHeaderBytes(header.source.ip.is_v4()));
    }
  }
}

TEST(UdpFrame, CutOrForeignFramesAreRefused) {
  const UdpFrameHeader header{*net::SocketAddress::Parse("192.0.2.1:5000"),
                              *net::SocketAddress::Parse("192.0.2.2:5000"), 0};
  const auto frame = Frame(header, 10);
  for (size_t length = 0; length < frame.size(); ++length) {
    EXPECT_FALSE(ParseUdpFrame(base::ByteSpan(frame).first(length)).has_value()) << length;
  }
  auto tcp = frame;
  tcp[23] = std::byte{6};
  EXPECT_FALSE(ParseUdpFrame(tcp).has_value());
  auto arp = frame;
  arp[13] = std::byte{6};
  EXPECT_FALSE(ParseUdpFrame(arp).has_value());
  auto options = frame;
  options[14] = std::byte{0x46};
  EXPECT_FALSE(ParseUdpFrame(options).has_value());
}

TEST(IoDropReasons, HaveNamesOfTheirOwn) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.push_back(DropReasonName(static_cast<DropReason>(i)));
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_FALSE(std::ranges::binary_search(names, "io_unknown"));
}

}  // namespace
}  // namespace byon::io
