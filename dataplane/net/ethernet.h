#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/net/mac_address.h"

namespace byon::net {

inline constexpr size_t kEthernetHeaderBytes = 14;
inline constexpr size_t kVlanTagBytes = 4;  // IEEE 802.1Q

enum class EtherType : uint16_t {
  kIpv4 = 0x0800,
  kArp = 0x0806,
  kVlan = 0x8100,
  kIpv6 = 0x86DD,
};

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  std::optional<uint16_t> vlan_id;  // 1 to 4094; a priority tag (id 0) counts as untagged
  uint8_t vlan_priority = 0;        // 0 to 7
  uint16_t ether_type = 0;

  static std::optional<EthernetHeader> Parse(base::ByteReader& reader);
  void Serialize(base::ByteWriter& writer) const;
};

}  // namespace byon::net
