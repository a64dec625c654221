#pragma once

#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/net/ip_address.h"

namespace byon::net {

// Where the next hop to a destination is: the prefixes on the link, and one default gateway a
// family.
class RouteTable {
 public:
  static constexpr size_t kMaxConnected = 16;

  // False when full.
  [[nodiscard]] bool AddConnected(const IpPrefix& prefix) { return connected_.PushBack(prefix); }
  void SetDefaultGateway(const IpAddress& gateway) { (gateway.is_v4() ? gateway_v4_ : gateway_v6_) = gateway; }
  bool IsConnected(const IpAddress& address) const;
  // The destination itself on the link, else the family's gateway; nothing without one.
  std::optional<IpAddress> NextHop(const IpAddress& destination) const;

 private:
  base::FixedVector<IpPrefix, kMaxConnected> connected_;
  std::optional<IpAddress> gateway_v4_;
  std::optional<IpAddress> gateway_v6_;
};

}  // namespace byon::net
