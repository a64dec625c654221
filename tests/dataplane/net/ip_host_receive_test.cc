#include "tests/dataplane/net/ip_host_fixture.h"

#include "tests/dataplane/support/hex.h"

namespace byon::net {
namespace {

using test::FromHex;
using Checksum = ChecksumStatus::Verdict;

TEST_F(IpHostTest, TakesUdpOutOfBothFamilies) {
  for (const auto& [source, destination] : {std::pair{kPeerV4, kHostV4}, {kPeerV6, kHostV6}}) {
    Bytes frame = UdpFrame(source, destination, "payload").Build();
    frame.resize(frame.size() + 9);  // Ethernet padding is not payload
    const auto verdict = Give(frame);
    ASSERT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(verdict));
    const auto& udp = std::get<IpHost::UdpDatagram>(verdict);
    EXPECT_EQ(udp.source, (SocketAddress{source, 4000}));
    EXPECT_EQ(udp.destination, (SocketAddress{destination, 5004}));
    EXPECT_EQ(base::AsText(base::ByteSpan(frame).subspan(udp.payload_offset, udp.payload_bytes)), "payload");
  }
}

TEST_F(IpHostTest, EveryFlippedBitOfTheIpAndUdpPartIsNoticed) {
  const Bytes original = UdpFrame(kPeerV4, kHostV4, "payload").Build();
  for (size_t bit = 14 * 8; bit < original.size() * 8; ++bit) {
    Bytes frame = original;
    frame[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_TRUE(std::holds_alternative<DropReason>(Give(frame))) << bit;
  }
}

TEST_F(IpHostTest, ZeroUdpChecksumIsAllowedOverIpv4Only) {
  Frame v4 = UdpFrame(kPeerV4, kHostV4, "x");
  v4.body[6] = v4.body[7] = std::byte{0};
  EXPECT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(Give(v4.Build())));
  Frame v6 = UdpFrame(kPeerV6, kHostV6, "x");
  v6.body[6] = v6.body[7] = std::byte{0};
  ExpectDrop(v6.Build(), DropReason::kBadUdpChecksum);
}

TEST_F(IpHostTest, ChecksumVerdictOfTheNicIsBelieved) {
  Frame frame = UdpFrame(kPeerV4, kHostV4, "x");
  frame.body.back() ^= std::byte{1};
  ExpectDrop(frame.Build(), DropReason::kBadUdpChecksum);
  EXPECT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(Give(frame.Build(), {Checksum::kGood, Checksum::kGood})));
  const Bytes good = UdpFrame(kPeerV4, kHostV4, "x").Build();
  ExpectDrop(good, DropReason::kBadUdpChecksum, {Checksum::kGood, Checksum::kBad});
  ExpectDrop(good, DropReason::kBadIpChecksum, {Checksum::kBad, Checksum::kUnknown});
}

TEST_F(IpHostTest, UnfinishedChecksumsPassWhereThePortSaysSo) {
  IpHostConfig config = Config();
  config.verify_udp_checksum = false;
  Rebuild(config);
  Frame frame = UdpFrame(kPeerV4, kHostV4, "x");
  frame.body[6] ^= std::byte{0x55};
  EXPECT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(Give(frame.Build())));
}

TEST_F(IpHostTest, DropReasonsOfFrames) {
  const Bytes good = UdpFrame(kPeerV4, kHostV4, "payload").Build();
  const auto spoiled = [&](size_t offset, int value) {
    Bytes frame = good;
    frame[offset] = static_cast<std::byte>(value);
    // The header's checksum is set right again, so that only the intended thing is wrong.
    frame[24] = frame[25] = std::byte{0};
    const size_t header_bytes = (std::to_integer<size_t>(frame[14]) & 0xf) * 4;
    if (header_bytes >= 20) {
      const uint16_t sum = InternetChecksum(base::ByteSpan(frame).subspan(14, header_bytes));
      frame[24] = static_cast<std::byte>(sum >> 8);
      frame[25] = static_cast<std::byte>(sum & 0xff);
    }
    return frame;
  };
  const base::ByteSpan whole(good);
  ExpectDrop({}, DropReason::kTruncatedFrame);
  ExpectDrop(whole.first(13), DropReason::kTruncatedFrame);
  ExpectDrop(whole.first(33), DropReason::kTruncatedFrame);
  ExpectDrop(whole.first(good.size() - 1), DropReason::kTruncatedFrame);
  ExpectDrop(spoiled(14, 0x65), DropReason::kBadIpVersion);
  ExpectDrop(spoiled(14, 0x44), DropReason::kBadIpHeader);
  ExpectDrop(spoiled(17, 19), DropReason::kBadIpHeader);
  ExpectDrop(spoiled(20, 0x20), DropReason::kFragment);
  ExpectDrop(spoiled(21, 0x01), DropReason::kFragment);
  ExpectDrop(spoiled(23, 6), DropReason::kUnknownProtocol);
  ExpectDrop(spoiled(39, 7), DropReason::kBadUdpLength);
  ExpectDrop(spoiled(38, 0xff), DropReason::kBadUdpLength);
  Bytes bad_sum = good;
  bad_sum[25] ^= std::byte{1};
  ExpectDrop(bad_sum, DropReason::kBadIpChecksum);

  Frame other_mac = UdpFrame(kPeerV4, kHostV4, "x");
  other_mac.to = kPeerMac;
  ExpectDrop(other_mac.Build(), DropReason::kNotOurMac);
  Frame tagged = UdpFrame(kPeerV4, kHostV4, "x");
  tagged.vlan_id = 7;
  ExpectDrop(tagged.Build(), DropReason::kWrongVlan);
  Frame lldp = UdpFrame(kPeerV4, kHostV4, "x");
  lldp.ether_type = 0x88cc;
  ExpectDrop(lldp.Build(), DropReason::kUnknownEtherType);
  Frame mislabelled = UdpFrame(kPeerV4, kHostV4, "0123456789012345678901234567890123456789");
  mislabelled.ether_type = static_cast<uint16_t>(EtherType::kIpv6);
  ExpectDrop(mislabelled.Build(), DropReason::kBadIpVersion);
}

TEST_F(IpHostTest, DropReasonsOfAddresses) {
  ExpectDrop(UdpFrame(kPeerV4, IpAddress::V4(192, 0, 2, 77), "x").Build(), DropReason::kNotOurAddress);
  ExpectDrop(UdpFrame(kPeerV4, IpAddress::V4(192, 0, 2, 255), "x").Build(), DropReason::kNotOurAddress);
  ExpectDrop(UdpFrame(kPeerV6, AllNodesGroup(), "x").Build(), DropReason::kNotOurAddress);
  for (const char* source : {"127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"}) {
    ExpectDrop(UdpFrame(*IpAddress::Parse(source), kHostV4, "x").Build(), DropReason::kMartianSource);
  }
  for (const char* source : {"::1", "ff02::1", "::"}) {
    ExpectDrop(UdpFrame(*IpAddress::Parse(source), kHostV6, "x").Build(), DropReason::kMartianSource);
  }
  // An IPv4-mapped source inside an IPv6 header.
  Bytes mapped = UdpFrame(kPeerV6, kHostV6, "x").Build();
  const auto fake = FromHex("00000000000000000000ffff7f000001");
  std::copy(fake.begin(), fake.end(), mapped.begin() + 22);
  ExpectDrop(mapped, DropReason::kMartianSource);
}

TEST_F(IpHostTest, DropReasonsOfIpv6) {
  Bytes good = UdpFrame(kPeerV6, kHostV6, "payload").Build();
  ExpectDrop(base::ByteSpan(good).first(good.size() - 1), DropReason::kTruncatedFrame);
  ExpectDrop(base::ByteSpan(good).first(50), DropReason::kTruncatedFrame);
  good[20] = std::byte{44};
  ExpectDrop(good, DropReason::kFragment);
  for (const int header : {0, 43, 60, 51}) {
    good[20] = static_cast<std::byte>(header);
    ExpectDrop(good, DropReason::kExtensionHeader);
  }
  good[20] = std::byte{6};
  ExpectDrop(good, DropReason::kUnknownProtocol);
}

}  // namespace
}  // namespace byon::net
