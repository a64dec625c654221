#include "controlplane/api/rate_limiter.h"

#include <algorithm>

namespace byon::api {

bool RateLimiter::Take(const std::string& key, WallTime now) {
  const auto refilled = [this, now](const Bucket& bucket) {
    const double passed = std::chrono::duration<double>(now - bucket.at).count();
    // A clock set back refills nothing, and takes nothing away.
    return std::min(burst_, bucket.level + std::max(0.0, passed) * per_second_);
  };
  if (buckets_.size() >= max_keys_ && !buckets_.contains(key)) {
    std::erase_if(buckets_, [&](const auto& item) { return refilled(item.second) >= burst_; });
    if (buckets_.size() >= max_keys_) buckets_.clear();
  }
  auto [it, is_new] = buckets_.try_emplace(key, Bucket{burst_, now});
  Bucket& bucket = it->second;
  bucket.level = refilled(bucket);
  bucket.at = now;
  if (bucket.level < 1) return false;
  bucket.level -= 1;
  return true;
}

void RateLimiter::GiveBack(const std::string& key) {
  const auto it = buckets_.find(key);
  if (it != buckets_.end()) it->second.level = std::min(burst_, it->second.level + 1);
}

}  // namespace byon::api
