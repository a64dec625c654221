#include "dataplane/net/route_table.h"

#include <algorithm>

namespace byon::net {

bool RouteTable::IsConnected(const IpAddress& address) const {
  // fe80::/10 is on every link.
  if (address.is_v6() && address.is_link_local()) return true;
  return std::any_of(connected_.begin(), connected_.end(),
                     [&](const IpPrefix& prefix) { return prefix.Contains(address); });
}

std::optional<IpAddress> RouteTable::NextHop(const IpAddress& destination) const {
  if (IsConnected(destination)) return destination;
  return destination.is_v4() ? gateway_v4_ : gateway_v6_;
}

}  // namespace byon::net
