#include "controlplane/sip/peer_filter.h"

#include <algorithm>

namespace byon::sip {

PeerFilter::PeerFilter(const std::vector<IpAddress>& allowed, unsigned rate)
    : rate_(rate), depth_(2.0 * rate) {
  for (const IpAddress& address : allowed) buckets_[address] = Bucket{.tokens = depth_, .filled_at = {}};
}

void PeerFilter::SetAllowed(const std::vector<IpAddress>& allowed) {
  std::map<IpAddress, Bucket> buckets;
  for (const IpAddress& address : allowed) {
    const auto known = buckets_.find(address);
    buckets[address] = known != buckets_.end() ? known->second : Bucket{.tokens = depth_, .filled_at = {}};
  }
  buckets_ = std::move(buckets);
}

PeerFilter::Verdict PeerFilter::Check(const IpAddress& source, TimePoint now) {
  const auto found = buckets_.find(source);
  if (found == buckets_.end()) return Verdict::kUnknownPeer;
  Bucket& bucket = found->second;
  const std::chrono::duration<double> elapsed = now - bucket.filled_at;
  bucket.tokens = std::min(depth_, bucket.tokens + elapsed.count() * rate_);
  bucket.filled_at = now;
  if (bucket.tokens < 1) return Verdict::kRateLimited;
  bucket.tokens -= 1;
  return Verdict::kAccept;
}

}  // namespace byon::sip
