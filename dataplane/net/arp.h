#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/net/ip_address.h"
#include "dataplane/net/mac_address.h"

namespace byon::net {

// ARP for IPv4 over Ethernet, RFC 826.
struct ArpPacket {
  enum class Operation : uint16_t { kRequest = 1, kReply = 2 };

  Operation operation = Operation::kRequest;
  MacAddress sender_mac;
  IpAddress sender_ip;
  MacAddress target_mac;
  IpAddress target_ip;

  // Nothing for other hardware, other protocols and other operations.
  static std::optional<ArpPacket> Parse(base::ByteReader& reader);
  void Serialize(base::ByteWriter& writer) const;
};

}  // namespace byon::net
