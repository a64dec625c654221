#include "tests/dataplane/net/ip_host_fixture.h"

#include "tests/dataplane/support/hex.h"

namespace byon::net {
namespace {

using test::ToHex;

TEST_F(IpHostTest, SendsAfterAskingForTheMac) {
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV4)), IpHost::SendState::kWaiting);
  EXPECT_EQ(ToHex(NextFrame()),
            "ffffffffffff020000000001"
            "0806"
            "0001080006040001"
            "020000000001c0000201"
            "000000000000c0000209");
  (void)Give(ArpFrame({ArpPacket::Operation::kReply, kPeerMac, kPeerV4, kHostMac, kHostV4}, kHostMac));
  const auto ready = host_->PollReady();
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->packet, &out_);
  EXPECT_EQ(ready->mac, kPeerMac);
  std::memcpy(out_.data(), ready->mac.octets.data(), 6);
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV4)), IpHost::SendState::kReady);
  EXPECT_EQ(ToHex(base::ByteSpan(out_).first(6)), ToHex(kPeerMac.bytes()));
}

TEST_F(IpHostTest, AsksForAnIpv6NeighbourInItsGroup) {
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV6)), IpHost::SendState::kWaiting);
  NdpMessage question;
  question.target = kPeerV6;
  question.link_layer_address = kHostMac;
  const Bytes wanted =
      IcmpFrame(kHostV6, SolicitedNodeGroup(kPeerV6), kIcmpv6NeighbourSolicitation, NdpBody(question), 255).Build();
  const Bytes asked = NextFrame();
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(ToHex(base::ByteSpan(asked).first(6)), "3333ff000009");
  EXPECT_EQ(ToHex(base::ByteSpan(asked).subspan(12)), ToHex(base::ByteSpan(wanted).subspan(12)));
  NdpMessage advertisement;
  advertisement.is_advertisement = true;
  advertisement.is_solicited = true;
  advertisement.target = kPeerV6;
  advertisement.link_layer_address = kPeerMac;
  (void)Give(IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourAdvertisement, NdpBody(advertisement), 255).Build());
  EXPECT_TRUE(host_->PollReady());
}

TEST_F(IpHostTest, WhatItSendsAPeerAccepts) {
  IpHostConfig peer_config = Config();
  peer_config.mac = kPeerMac;
  peer_config.addresses = {{kPeerV4, 24}, {kPeerV6, 64}};
  for (const std::optional<uint16_t> vlan : {std::optional<uint16_t>(), std::optional<uint16_t>(42)}) {
    IpHostConfig config = Config();
    config.vlan_id = vlan;
    peer_config.vlan_id = vlan;
    Rebuild(config);
    IpHost peer(peer_config);
    for (const IpAddress& destination : {kPeerV4, kPeerV6}) {
      for (const char* payload : {"", "o", "even", "odd__", "long enough to be a voice packet"}) {
        // Ask and answer over the "wire" until the packet is ready.
        if (std::get<IpHost::SendState>(Send(destination, payload)) != IpHost::SendState::kReady) {
          (void)peer.HandleFrame(NextFrame(), {}, now_);
          (void)Give(base::ByteSpan(buffer_).first(*peer.PollFrame(buffer_)));
          const auto ready = host_->PollReady();
          ASSERT_TRUE(ready);
          std::memcpy(out_.data(), ready->mac.octets.data(), 6);
        }
        const auto verdict = peer.HandleFrame(out_, {}, now_);
        ASSERT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(verdict)) << payload;
        const auto& udp = std::get<IpHost::UdpDatagram>(verdict);
        EXPECT_EQ(udp.source.port, 5004);
        EXPECT_EQ(base::AsText(base::ByteSpan(out_).subspan(udp.payload_offset, udp.payload_bytes)), payload);
      }
    }
  }
}

TEST_F(IpHostTest, MarksDscp) {
  (void)Send(kPeerV4);
  EXPECT_EQ(out_[15], static_cast<std::byte>(46 << 2));
  (void)Send(kPeerV6);
  EXPECT_EQ(out_[14], std::byte{0x6b});
  EXPECT_EQ(out_[15], std::byte{0x80});
}

TEST_F(IpHostTest, OffloadedChecksumHoldsThePseudoHeader) {
  IpHostConfig config = Config();
  config.offload_udp_checksum = true;
  Rebuild(config);
  (void)Send(kPeerV4);
  const uint16_t sum = PseudoHeaderSum(kHostV4, kPeerV4, kProtocolUdp, 13);
  EXPECT_EQ(out_[40], static_cast<std::byte>(sum >> 8));
  EXPECT_EQ(out_[41], static_cast<std::byte>(sum & 0xff));
}

TEST_F(IpHostTest, FarDestinationsGoToTheGateway) {
  (void)Send(IpAddress::V4(198, 51, 100, 7));
  EXPECT_EQ(ToHex(base::ByteSpan(NextFrame()).subspan(38, 4)), "c00002fe");
  (void)Send(*IpAddress::Parse("2001:db8:99::1"));
  const Bytes question = NextFrame();
  EXPECT_EQ(ToHex(base::ByteSpan(question).subspan(62, 16)), "fe800000000000000000000000000001");
  EXPECT_EQ(ToHex(base::ByteSpan(question).subspan(22, 2)), "fe80") << "asked from link-local";
}

TEST_F(IpHostTest, SendDropReasons) {
  const auto reason = [](const auto& verdict) { return std::get<DropReason>(verdict); };
  EXPECT_EQ(reason(Send(kPeerV4, "x", kPeerV4)), DropReason::kNoSourceAddress);
  EXPECT_EQ(reason(Send(kPeerV4, "x", kHostV6)), DropReason::kNoSourceAddress);
  for (const char* destination : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "ff02::1", "::1"}) {
    EXPECT_EQ(reason(Send(*IpAddress::Parse(destination))), DropReason::kNoRoute) << destination;
  }
  EXPECT_EQ(reason(Send(kPeerV4, std::string(1473, 'x'))), DropReason::kTooBigForMtu);
  EXPECT_EQ(reason(Send(kPeerV6, std::string(1453, 'x'))), DropReason::kTooBigForMtu);
  EXPECT_TRUE(std::holds_alternative<IpHost::SendState>(Send(kPeerV4, std::string(1472, 'x'))));
  IpHostConfig lonely = Config();
  lonely.gateways.clear();
  Rebuild(lonely);
  EXPECT_EQ(reason(Send(IpAddress::V4(198, 51, 100, 7))), DropReason::kNoRoute);
  for (size_t i = 0; i < NeighbourTable::kMaxPendingPerNeighbour; ++i) (void)Send(kPeerV4);
  EXPECT_EQ(reason(Send(kPeerV4)), DropReason::kNeighbourPending);
  std::optional<DropReason> last;
  for (int i = 10; i < 250 && last != DropReason::kNeighbourTableFull; ++i) {
    for (int k = 0; k < 256 && last != DropReason::kNeighbourTableFull; ++k) {
      const auto ip = IpAddress::V6(
          {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(i), static_cast<uint8_t>(k)});
      if (ip.Hash() % 64 != 3) continue;
      const auto verdict = Send(ip);
      if (std::holds_alternative<DropReason>(verdict)) last = std::get<DropReason>(verdict);
    }
  }
  EXPECT_EQ(last, DropReason::kNeighbourTableFull);
}

TEST_F(IpHostTest, SilentNeighbourGivesThePacketBack) {
  (void)Send(kPeerV4);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(NextFrame().empty());
    now_ = host_->NextDeadline();
    host_->HandleTimeout(now_);
  }
  EXPECT_EQ(host_->PollUnreachable(), &out_);
}

TEST_F(IpHostTest, PacketsToItselfDoNotGoToTheWire) {
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kHostV4)), IpHost::SendState::kLoopback);
  const auto verdict = Give(out_);
  ASSERT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(verdict));
  EXPECT_TRUE(NextFrame().empty());
}

TEST_F(IpHostTest, OverhearingLearnsButDoesNotSpeak) {
  (void)Send(kPeerV4);
  (void)NextFrame();
  (void)host_->Overhear(ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, kHostV4}), now_);
  EXPECT_TRUE(NextFrame().empty());
  EXPECT_TRUE(host_->PollReady());
}

TEST_F(IpHostTest, AnnouncesEveryAddressOnce) {
  host_->Announce();
  EXPECT_EQ(ToHex(NextFrame()),
            "ffffffffffff020000000001"
            "0806"
            "0001080006040001"
            "020000000001c0000201"
            "000000000000c0000201");
  EXPECT_EQ(ToHex(base::ByteSpan(NextFrame()).first(6)), "333300000001");
  EXPECT_EQ(ToHex(base::ByteSpan(NextFrame()).first(6)), "333300000001") << "link-local";
  EXPECT_TRUE(NextFrame().empty());
}

}  // namespace
}  // namespace byon::net
