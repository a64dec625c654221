#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "controlplane/sip/text/ip_address.h"

namespace byon::sip {

// Who may speak to us and how fast: an allow-list of core addresses, a token bucket for each
// (ims.md "Pre-filter", "Abuse"). Holds state for listed addresses only, so a flood from elsewhere
// allocates nothing.
class PeerFilter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Verdict { kAccept, kUnknownPeer, kRateLimited };

  // `rate`: requests a second a peer; a bucket holds two seconds' worth.
  PeerFilter(const std::vector<IpAddress>& allowed, unsigned rate);

  // The new list; addresses that stay keep what is left in their buckets.
  void SetAllowed(const std::vector<IpAddress>& allowed);
  [[nodiscard]] Verdict Check(const IpAddress& source, TimePoint now);
  [[nodiscard]] bool IsAllowed(const IpAddress& address) const { return buckets_.contains(address); }

 private:
  struct Bucket {
    double tokens = 0;
    TimePoint filled_at;
  };
  double rate_;
  double depth_;
  std::map<IpAddress, Bucket> buckets_;
};

}  // namespace byon::sip
