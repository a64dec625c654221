#include "controlplane/http/rate_limiter.h"

#include <algorithm>

namespace byon::http {
namespace {
constexpr size_t kBucketsBeforeSweep = 10'000;
}  // namespace

bool RateLimiter::TryTake(const std::string& address, Clock::time_point now) {
  if (buckets_.size() >= sweep_at_) ForgetFull(now);
  const double capacity = 2 * per_second_;
  auto [it, is_new] = buckets_.try_emplace(address, Bucket{capacity, now});
  Bucket& bucket = it->second;
  const double elapsed = std::chrono::duration<double>(now - bucket.refilled_at).count();
  bucket.tokens = std::min(capacity, bucket.tokens + elapsed * per_second_);
  bucket.refilled_at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

// A bucket that has filled up again says nothing that a new one would not.
void RateLimiter::ForgetFull(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& entry) { return now - entry.second.refilled_at > std::chrono::seconds(3); });
  sweep_at_ = std::max(kBucketsBeforeSweep, 2 * buckets_.size());
}

}  // namespace byon::http
