#include "controlplane/api/rate_limiter.h"

#include <algorithm>

namespace byon::api {

bool RateLimiter::Take(const std::string& key, WallTime now) {
  auto it = buckets_.find(key);
  if (it != buckets_.end()) {
    keys_.splice(keys_.begin(), keys_, it->second.place);
  } else {
    if (!keys_.empty() && buckets_.size() >= max_keys_) {
      buckets_.erase(buckets_.find(*keys_.back()));
      keys_.pop_back();
    }
    it = buckets_.emplace(key, Bucket{burst_, now, {}}).first;
    keys_.push_front(&it->first);
    it->second.place = keys_.begin();
  }
  Bucket& bucket = it->second;
  // A clock set back refills nothing, and takes nothing away.
  const double passed = std::chrono::duration<double>(now - bucket.at).count();
  bucket.level = std::min(burst_, bucket.level + std::max(0.0, passed) * per_second_);
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
