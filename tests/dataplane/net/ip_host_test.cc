#include "dataplane/net/ip_host.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane/net/checksum.h"
#include "tests/dataplane/support/hex.h"

namespace byon::net {
namespace {

using base::TimeDelta;
using base::Timestamp;
using test::FromHex;
using test::ToHex;
using Bytes = std::vector<std::byte>;
using Checksum = ChecksumStatus::Verdict;

const MacAddress kHostMac{{2, 0, 0, 0, 0, 1}};
const MacAddress kPeerMac{{2, 0, 0, 0, 0, 9}};
const IpAddress kHostV4 = IpAddress::V4(192, 0, 2, 1);
const IpAddress kPeerV4 = IpAddress::V4(192, 0, 2, 9);
const IpAddress kHostV6 = *IpAddress::Parse("2001:db8::1");
const IpAddress kPeerV6 = *IpAddress::Parse("2001:db8::9");

IpHostConfig Config() {
  IpHostConfig config;
  config.mac = kHostMac;
  config.addresses = {{kHostV4, 24}, {kHostV6, 64}};
  config.gateways = {IpAddress::V4(192, 0, 2, 254), *IpAddress::Parse("fe80::1")};
  return config;
}

// A whole frame from the peer, right in everything until a test spoils it.
struct Frame {
  MacAddress to = kHostMac;
  std::optional<uint16_t> vlan_id;
  IpHeader ip;
  Bytes body;  // the IP payload
  std::optional<uint16_t> ether_type;

  Bytes Build() const {
    Bytes bytes(2000);
    base::ByteWriter writer(bytes);
    EthernetHeader ethernet;
    ethernet.destination = to;
    ethernet.source = kPeerMac;
    ethernet.vlan_id = vlan_id;
    ethernet.ether_type = ether_type.value_or(
        static_cast<uint16_t>(ip.source.is_v4() ? EtherType::kIpv4 : EtherType::kIpv6));
    ethernet.Serialize(writer);
    IpHeader header = ip;
    header.payload_bytes = body.size();
    header.Serialize(writer);
    writer.WriteBytes(body);
    bytes.resize(writer.size());
    return bytes;
  }
};

Frame UdpFrame(const IpAddress& source, const IpAddress& destination, std::string_view payload) {
  Frame frame;
  frame.ip.source = source;
  frame.ip.destination = destination;
  frame.ip.protocol = kProtocolUdp;
  frame.body.resize(kUdpHeaderBytes + payload.size());
  base::ByteWriter writer(frame.body);
  UdpHeader{4000, 5004, payload.size(), 0}.Serialize(writer);
  writer.WriteBytes(base::AsBytes(payload));
  writer.PatchU16(6, TransportChecksum(source, destination, kProtocolUdp, frame.body));
  return frame;
}

Frame IcmpFrame(const IpAddress& source, const IpAddress& destination, uint8_t type,
                base::ByteSpan body, uint8_t hop_limit = 64) {
  Frame frame;
  const bool is_v4 = source.is_v4();
  frame.ip.source = source;
  frame.ip.destination = destination;
  frame.ip.protocol = is_v4 ? kProtocolIcmp : kProtocolIcmpv6;
  frame.ip.hop_limit = hop_limit;
  frame.body.resize(4 + body.size());
  base::ByteWriter writer(frame.body);
  writer.WriteU8(type);
  writer.WriteU8(0);
  writer.WriteU16(0);
  writer.WriteBytes(body);
  writer.PatchU16(2, is_v4 ? InternetChecksum(frame.body)
                           : TransportChecksum(source, destination, kProtocolIcmpv6, frame.body));
  return frame;
}

Bytes ArpFrame(const ArpPacket& packet, const MacAddress& to = MacAddress::Broadcast()) {
  Bytes bytes(64);
  base::ByteWriter writer(bytes);
  EthernetHeader ethernet;
  ethernet.destination = to;
  ethernet.source = kPeerMac;
  ethernet.ether_type = static_cast<uint16_t>(EtherType::kArp);
  ethernet.Serialize(writer);
  packet.Serialize(writer);
  bytes.resize(60);  // padded to Ethernet's minimum
  return bytes;
}

Bytes NdpBody(const NdpMessage& message) {
  Bytes bytes(32);
  base::ByteWriter writer(bytes);
  message.Serialize(writer);
  bytes.resize(writer.size());
  return bytes;
}

class IpHostTest : public testing::Test {
 protected:
  IpHost::Verdict Give(base::ByteSpan frame, ChecksumStatus status = {}) {
    return host_->HandleFrame(frame, status, now_);
  }
  void ExpectDrop(base::ByteSpan frame, DropReason reason, ChecksumStatus status = {}) {
    const auto verdict = Give(frame, status);
    ASSERT_TRUE(std::holds_alternative<DropReason>(verdict)) << DropReasonName(reason);
    EXPECT_EQ(DropReasonName(std::get<DropReason>(verdict)), DropReasonName(reason));
    EXPECT_FALSE(host_->PollFrame(buffer_));
  }
  Bytes NextFrame() {
    const auto size = host_->PollFrame(buffer_);
    if (!size) return {};
    return {buffer_.begin(), buffer_.begin() + static_cast<long>(*size)};
  }
  std::variant<IpHost::SendState, DropReason> Send(const IpAddress& destination,
                                                   std::string_view payload = "hello",
                                                   std::optional<IpAddress> source = {}) {
    out_.assign(host_->UdpHeaderBytes(destination) + payload.size(), std::byte{0});
    std::memcpy(out_.data() + out_.size() - payload.size(), payload.data(), payload.size());
    return host_->PrepareUdp(out_, {source.value_or(destination.is_v4() ? kHostV4 : kHostV6), 5004},
                             {destination, 4000}, 46, &out_, now_);
  }
  void Rebuild(const IpHostConfig& config) { host_ = std::make_unique<IpHost>(config); }

  std::unique_ptr<IpHost> host_ = std::make_unique<IpHost>(Config());
  Timestamp now_ = Timestamp::FromMilliseconds(1'000);
  Bytes buffer_ = Bytes(2048);
  Bytes out_;
};

TEST_F(IpHostTest, TakesUdpOutOfBothFamilies) {
  for (const auto& [source, destination] : {std::pair{kPeerV4, kHostV4}, {kPeerV6, kHostV6}}) {
    Bytes frame = UdpFrame(source, destination, "payload").Build();
    frame.resize(frame.size() + 9);  // Ethernet padding is not payload
    const auto verdict = Give(frame);
    ASSERT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(verdict));
    const auto& udp = std::get<IpHost::UdpDatagram>(verdict);
    EXPECT_EQ(udp.source, (SocketAddress{source, 4000}));
    EXPECT_EQ(udp.destination, (SocketAddress{destination, 5004}));
    EXPECT_EQ(base::AsText(base::ByteSpan(frame).subspan(udp.payload_offset, udp.payload_bytes)),
              "payload");
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
  EXPECT_TRUE(std::holds_alternative<IpHost::UdpDatagram>(
      Give(frame.Build(), {Checksum::kGood, Checksum::kGood})));
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
  ExpectDrop(UdpFrame(kPeerV4, IpAddress::V4(192, 0, 2, 77), "x").Build(),
             DropReason::kNotOurAddress);
  ExpectDrop(UdpFrame(kPeerV4, IpAddress::V4(192, 0, 2, 255), "x").Build(),
             DropReason::kNotOurAddress);
  ExpectDrop(UdpFrame(kPeerV6, AllNodesGroup(), "x").Build(), DropReason::kNotOurAddress);
  for (const char* source : {"127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0"}) {
    ExpectDrop(UdpFrame(*IpAddress::Parse(source), kHostV4, "x").Build(),
               DropReason::kMartianSource);
  }
  for (const char* source : {"::1", "ff02::1", "::"}) {
    ExpectDrop(UdpFrame(*IpAddress::Parse(source), kHostV6, "x").Build(),
               DropReason::kMartianSource);
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
  (void)Give(ArpFrame(
      {ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, IpAddress::V4(192, 0, 2, 7)}));
  EXPECT_TRUE(NextFrame().empty());
  EXPECT_EQ(host_->neighbours().size(), 0u);
  ExpectDrop(ArpFrame({ArpPacket::Operation::kReply, kPeerMac, kHostV4, kHostMac, kHostV4}),
             DropReason::kMartianSource);
  // An off-link sender is not learnt.
  (void)Give(
      ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, IpAddress::V4(8, 8, 8, 8), {}, kHostV4}));
  EXPECT_EQ(host_->neighbours().size(), 0u);
  (void)NextFrame();
  Bytes bad = ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, kHostV4});
  bad[18] = std::byte{7};
  ExpectDrop(bad, DropReason::kMalformedArp);
  ExpectDrop(base::ByteSpan(bad).first(30), DropReason::kMalformedArp);
}

TEST_F(IpHostTest, ArpProbeIsDefendedAndNotLearnt) {
  (void)Give(
      ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, IpAddress::V4(0, 0, 0, 0), {}, kHostV4}));
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
  (void)Give(
      IcmpFrame(*IpAddress::Parse("fe80::9"), link_local, kIcmpv6EchoRequest, FromHex("00010002"))
          .Build());
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
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, FromHex("0001")).Build(),
             DropReason::kMalformedIcmp);
  frame = IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, {});
  frame.body.resize(3);
  ExpectDrop(frame.Build(), DropReason::kMalformedIcmp);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoReply, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, 5, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(kPeerV6, kHostV6, 134, echo).Build(), DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(kPeerV6, AllNodesGroup(), kIcmpv6EchoRequest, echo).Build(),
             DropReason::kUnhandledIcmp);
  ExpectDrop(IcmpFrame(IpAddress(), kHostV6, kIcmpv6EchoRequest, echo).Build(),
             DropReason::kMartianSource);
  IpHostConfig small = Config();
  small.mtu_bytes = 600;
  Rebuild(small);
  ExpectDrop(IcmpFrame(kPeerV4, kHostV4, kIcmpEchoRequest, Bytes(1000)).Build(),
             DropReason::kTooBigForMtu);
}

TEST_F(IpHostTest, AnswersNeighbourSolicitations) {
  NdpMessage question;
  question.target = kHostV6;
  question.link_layer_address = kPeerMac;
  Frame frame = IcmpFrame(kPeerV6, SolicitedNodeGroup(kHostV6), kIcmpv6NeighbourSolicitation,
                          NdpBody(question), 255);
  frame.to = MacAddress::ForMulticast(frame.ip.destination);
  (void)Give(frame.Build());
  NdpMessage expected;
  expected.is_advertisement = true;
  expected.is_solicited = true;
  expected.is_override = true;
  expected.target = kHostV6;
  expected.link_layer_address = kHostMac;
  const Bytes answer = NextFrame();
  const Bytes wanted =
      IcmpFrame(kHostV6, kPeerV6, kIcmpv6NeighbourAdvertisement, NdpBody(expected), 255).Build();
  EXPECT_EQ(ToHex(base::ByteSpan(answer).subspan(12)), ToHex(base::ByteSpan(wanted).subspan(12)));
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV6)), IpHost::SendState::kReady);
}

TEST_F(IpHostTest, DuplicateAddressDetectionIsAnsweredToAll) {
  // RFC 4861 section 7.2.4.
  NdpMessage question;
  question.target = kHostV6;
  Frame frame = IcmpFrame(IpAddress(), SolicitedNodeGroup(kHostV6), kIcmpv6NeighbourSolicitation,
                          NdpBody(question), 255);
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
  ExpectDrop(
      IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourSolicitation, NdpBody(question), 254).Build(),
      DropReason::kNdpNotOnLink);
  Bytes zero_option = NdpBody(question);
  zero_option[21] = std::byte{0};
  ExpectDrop(IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourSolicitation, zero_option, 255).Build(),
             DropReason::kMalformedIcmp);
  NdpMessage impostor;
  impostor.is_advertisement = true;
  impostor.target = kHostV6;
  ExpectDrop(
      IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourAdvertisement, NdpBody(impostor), 255).Build(),
      DropReason::kMartianSource);
  ExpectDrop(
      IcmpFrame(kHostV6, kHostV6, kIcmpv6NeighbourSolicitation, NdpBody(question), 255).Build(),
      DropReason::kMartianSource);
}

TEST_F(IpHostTest, SendsAfterAskingForTheMac) {
  EXPECT_EQ(std::get<IpHost::SendState>(Send(kPeerV4)), IpHost::SendState::kWaiting);
  EXPECT_EQ(ToHex(NextFrame()),
            "ffffffffffff020000000001"
            "0806"
            "0001080006040001"
            "020000000001c0000201"
            "000000000000c0000209");
  (void)Give(
      ArpFrame({ArpPacket::Operation::kReply, kPeerMac, kPeerV4, kHostMac, kHostV4}, kHostMac));
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
  const Bytes wanted = IcmpFrame(kHostV6, SolicitedNodeGroup(kPeerV6), kIcmpv6NeighbourSolicitation,
                                 NdpBody(question), 255)
                           .Build();
  const Bytes asked = NextFrame();
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(ToHex(base::ByteSpan(asked).first(6)), "3333ff000009");
  EXPECT_EQ(ToHex(base::ByteSpan(asked).subspan(12)), ToHex(base::ByteSpan(wanted).subspan(12)));
  NdpMessage advertisement;
  advertisement.is_advertisement = true;
  advertisement.is_solicited = true;
  advertisement.target = kPeerV6;
  advertisement.link_layer_address = kPeerMac;
  (void)Give(IcmpFrame(kPeerV6, kHostV6, kIcmpv6NeighbourAdvertisement, NdpBody(advertisement), 255)
                 .Build());
  EXPECT_TRUE(host_->PollReady());
}

TEST_F(IpHostTest, WhatItSendsAPeerAccepts) {
  IpHostConfig peer_config = Config();
  peer_config.mac = kPeerMac;
  peer_config.addresses = {{kPeerV4, 24}, {kPeerV6, 64}};
  for (const std::optional<uint16_t> vlan :
       {std::optional<uint16_t>(), std::optional<uint16_t>(42)}) {
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
        EXPECT_EQ(base::AsText(base::ByteSpan(out_).subspan(udp.payload_offset, udp.payload_bytes)),
                  payload);
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
  for (const char* destination :
       {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "ff02::1", "::1"}) {
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
      const auto ip = IpAddress::V6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     static_cast<uint8_t>(i), static_cast<uint8_t>(k)});
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
  (void)host_->Overhear(ArpFrame({ArpPacket::Operation::kRequest, kPeerMac, kPeerV4, {}, kHostV4}),
                        now_);
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

TEST(Checksum, KnownValues) {
  // RFC 1071 section 3.
  EXPECT_EQ(InternetChecksum(FromHex("0001f203f4f5f6f7")), 0x220d);
  EXPECT_EQ(InternetChecksum(FromHex("0001f2")), 0x0dfe);
  EXPECT_EQ(InternetChecksum({}), 0xffff);
  EXPECT_EQ(InternetChecksum(Bytes(70'000, std::byte{0xff})), 0);
}

TEST(DropReason, EveryReasonHasItsOwnName) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    names.insert(DropReasonName(static_cast<DropReason>(i)));
  }
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_FALSE(names.contains("net_unknown"));
}

}  // namespace
}  // namespace byon::net
