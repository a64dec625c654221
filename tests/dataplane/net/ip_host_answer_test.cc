#include "tests/dataplane/net/ip_host_fixture.h"

#include "tests/dataplane/support/hex.h"

namespace byon::net {
namespace {

using test::FromHex;
using test::ToHex;

TEST_F(IpHostTest, AnswersArp) {
  const Bytes request = ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, kHostV4});
  const auto verdict = Give(request);
  ASSERT_TRUE(std::holds_alternative<IpHost::Consumed>(verdict));
  EXPECT_TRUE(std::get<IpHost::Consumed>(verdict).is_neighbour_news);
  EXPECT_EQ(ToHex(NextFrame()),
            "020000000009020000000001"
            "0806"
            "0001080006040002"
            "020000000001c0000201"
            "020000000009c0000209");
  EXPECT_TRUE(NextFrame().empty());
  // Who asks is known from then on (RFC 826).
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV4)), IpHost::SendState::kReady);
}

TEST_F(IpHostTest, NeighbourMayHaveOurMac) {  // the kernel behind a tap device does
  (void)Give(ArpFrame({ArpPacket::Operation::kRequest, kHostMac, kPeerV4, {}, kHostV4}));
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV4)), IpHost::SendState::kReady);
  // Our own announcement, heard again.
  const auto echo = Give(ArpFrame({ArpPacket::Operation::kRequest, kHostMac, kHostV4, {}, kHostV4}));
  EXPECT_TRUE(std::holds_alternative<IpHost::Consumed>(echo));
}

TEST_F(IpHostTest, ArpForOthersAndFromImpostors) {
  (void)Give(ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, IpAddress::V4(192, 0, 2, 7)}));
  EXPECT_TRUE(NextFrame().empty());
  EXPECT_EQ(host_->neighbours().size(), 0u);
  ExpectDrop(ArpFrame({ArpPacket::Operation::kReply, kPeerMac, kHostV4, kHostMac, kHostV4}),
             DropReason::kMartianSource);
  // An off-link sender is not learnt.
  (void)Give(ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, IpAddress::V4(8, 8, 8, 8), {}, kHostV4}));
  EXPECT_EQ(host_->neighbours().size(), 0u);
  (void)NextFrame();
  Bytes bad = ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, kHostV4});
  bad[18] = std::byte{7};
  ExpectDrop(bad, DropReason::kMalformedArp);
  ExpectDrop(base::ByteSpan(bad).first(30), DropReason::kMalformedArp);
}

TEST_F(IpHostTest, ArpProbeIsDefendedAndNotLearnt) {
  (void)Give(ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, IpAddress::V4(0, 0, 0, 0), {}, kHostV4}));
  EXPECT_FALSE(NextFrame().empty());
  EXPECT_EQ(host_->neighbours().size(), 0u);
}

TEST_F(IpHostTest, AnswersPingsOfBothFamilies) {
  const auto body = FromHex("0001 0002 6162636465");
  (void)Give(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, body).Build());
  Bytes expected = IcmpFrame(kHostV4, kPeerV4, kIcmpEchoReply, body).Build();
  Bytes answer = NextFrame();
  ASSERT_EQ(answer.size(), expected.size());
  EXPECT_EQ(ToHex(base::ByteSpan(answer).subspan(12)), ToHex(base::ByteSpan(expected).subspan(12)));
  EXPECT_EQ(ToHex(base::ByteSpan(answer).first(6)), ToHex(kPeerMac.bytes()));

  (void)Give(IcmpFrame(kPeerV6, kHostV6, kIcmpv6EchoRequest, body).Build());
  expected = IcmpFrame(kHostV6, kPeerV6, kIcmpv6EchoReply, body).Build();
  answer = NextFrame();
  EXPECT_EQ(ToHex(base::ByteSpan(answer).subspan(12)), ToHex(base::ByteSpan(expected).subspan(12)));
}

TEST_F(IpHostTest, PingsItsLinkLocalAddressToo) {
  const IpAddress link_local = LinkLocalAddress(kHostMac);
  EXPECT_EQ(link_local.ToString(), "fe80::ff:fe00:1");
  (void)Give(IcmpFrame(*IpAddress::Parse("fe80::9"), link_local, kIcmpv6EchoRequest, FromHex("00010002")).Build());
  EXPECT_FALSE(NextFrame().empty());
}

TEST_F(IpHostTest, DropReasonsOfIcmp) {
  const auto echo = FromHex("00010002");
  Frame frame = IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, echo);
  frame.body.back() ^= std::byte{1};
  ExpectDrop(frame.Build(), DropReason::kBadIcmpChecksum);
  frame = IcmpFrame(kPeerV6, kHostV6, kIcmpv6EchoRequest, echo);
  frame.body.back() ^= std::byte{1};
  ExpectDrop(frame.Build(), DropReason::kBadIcmpChecksum);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, FromHex("0001")).Build(), DropReason::kMalformedIcmp);
  frame = IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, {});
  frame.body.resize(3);
  ExpectDrop(frame.Build(), DropReason::kMalformedIcmp);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoReply, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, 5, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(kPeerV6, kHostV6, 134, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(kPeerV6, AllNodesGroup(), kIcmpv6EchoRequest, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(IpAddress(), kHostV6, kIcmpv6EchoRequest, echo).Build(), DropReason::kMartianSource);
  IpHostConfig small = Config();
  small.mtu_bytes = 600;
  Rebuild(small);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, Bytes(1000)).Build(), DropReason::kTooBigForMtu);
}

TEST_F(IpHostTest, AnswersNeighbourSolicitations) {
  NdpMessage question;
  question.target = kHostV6;
  question.link_layer_address = kPeerMac;
  Frame frame = IcmpFrame(kPeerV6, SolicitedNodeGroup(kHostV6), kIcmpv6NeighbourSolicitation, NdpBody(question), 255);
  frame.to = MacAddress::ForMulticast(frame.ip.destination);
  (void)Give(frame.Build());
  NdpMessage expected;
  expected.is_advertisement = true;
  expected.is_solicited = true;
  expected.is_override = true;
  expected.target = kHostV6;
  expected.link_layer_address = kHostMac;
  const Bytes answer = NextFrame();
  const Bytes wanted = IcmpFrame(kHostV6, kPeerV6, kIcmpv6NeighbourAdvertisement, NdpBody(expected), 255).Build();
  EXPECT_EQ(ToHex(base::ByteSpan(answer).subspan(12)), ToHex(base::ByteSpan(wanted).subspan(12)));
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV6)), IpHost::SendState::kReady);
}

TEST_F(IpHostTest, DuplicateAddressDetectionIsAnsweredToAll) {
  // RFC 4861 section 7.2.4.
  NdpMessage question;
  question.target = kHostV6;
  Frame frame =
      IcmpFrame(IpAddress(), SolicitedNodeGroup(kHostV6), kIcmpv6NeighbourSolicitation, NdpBody(question), 255);
  frame.to = MacAddress::ForMulticast(frame.ip.destination);
  (void)Give(frame.Build());
  const Bytes answer = NextFrame();
  ASSERT_FALSE(answer.empty());
  EXPECT_EQ(ToHex(base::ByteSpan(answer).first(6)), "333300000001");
  EXPECT_EQ(answer[58], std::byte{0x20}) << "override without solicited";
}

TEST_F(IpHostTest, DropReasonsOfNdp) {
  NdpMessage question;
  question.target = kHostV6;
  question.link_layer_address = kPeerMac;
  ExpectDrop(IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourSolicitation, NdpBody(question), 254).Build(),
             DropReason::kNdpNotOnLink);
  Bytes zero_option = NdpBody(question);
  zero_option[21] = std::byte{0};
  ExpectDrop(IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourSolicitation, zero_option, 255).Build(),
             DropReason::kMalformedIcmp);
  NdpMessage impostor;
  impostor.is_advertisement = true;
  impostor.target = kHostV6;
  ExpectDrop(IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourAdvertisement, NdpBody(impostor), 255).Build(),
             DropReason::kMartianSource);
  ExpectDrop(IcmpFrame(kHostV6, kHostV6, kIcmpv6NeighbourSolicitation, NdpBody(question), 255).Build(),
             DropReason::kMartianSource);
}

}  // namespace
}  // namespace byon::net
