#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "dataplane/net/checksum.h"
#include "dataplane/net/ip_host.h"

namespace byon::net {

using base::TimeDelta;
using base::Timestamp;
using Bytes = std::vector<std::byte>;

using Bytes = std::vector<std::byte>;

inline const MacAddress kHostMac{{2, 0, 0, 0, 0, 1}};
inline const MacAddress kPeerMac{{2, 0, 0, 0, 0, 9}};
inline const IpAddress kHostV4 = IpAddress::V4(192, 0, 2, 1);
inline const IpAddress kPeerV4 = IpAddress::V4(192, 0, 2, 9);
inline const IpAddress kHostV6 = *IpAddress::Parse("2001:db8::1");
inline const IpAddress kPeerV6 = *IpAddress::Parse("2001:db8::9");

inline IpHostConfig Config() {
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
    ethernet.ether_type =
        ether_type.value_or(static_cast<uint16_t>(ip.source.is_v4() ? EtherType::kIpv4 : EtherType::kIpv6));
    ethernet.Serialize(writer);
    IpHeader header = ip;
    header.payload_bytes = body.size();
    header.Serialize(writer);
    writer.WriteBytes(body);
    bytes.resize(writer.size());
    return bytes;
  }
};

inline Frame UdpFrame(const IpAddress& source, const IpAddress& destination, std::string_view payload) {
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

inline Frame IcmpFrame(const IpAddress& source, const IpAddress& destination, uint8_t type, base::ByteSpan body,
                       uint8_t hop_limit = 64) {
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
  writer.PatchU16(
      2, is_v4 ? InternetChecksum(frame.body) : TransportChecksum(source, destination, kProtocolIcmpv6, frame.body));
  return frame;
}

inline Bytes ArpFrame(const ArpPacket& packet, const MacAddress& to = MacAddress::Broadcast()) {
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

inline Bytes NdpBody(const NdpMessage& message) {
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
  std::variant<IpHost::SendState, DropReason> Send(const IpAddress& destination, std::string_view payload = "hello",
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

}  // namespace byon::net
