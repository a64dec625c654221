#pragma once

#include <list>
#include <string>
#include <unordered_map>

#include "controlplane/api/clock_and_timers.h"

namespace byon::api {

// Token buckets by key: `per_second` on average, twice that in a burst where nothing else is said. Bounded: when too
// many keys are known the one that was not seen for longest is forgotten, its bucket being the fullest. A step takes as
// long whatever number is known.
class RateLimiter {
 public:
  explicit RateLimiter(double per_second, size_t max_keys = 100'000, double burst = 0)
      : per_second_(per_second), burst_(burst > 0 ? burst : 2 * per_second), max_keys_(max_keys) {}
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  [[nodiscard]] bool Take(const std::string& key, WallTime now);
  // Of what was taken for nothing.
  void GiveBack(const std::string& key);

 private:
  struct Bucket {
    double level = 0;
    WallTime at;
    std::list<const std::string*>::iterator place;
  };
  const double per_second_;
  const double burst_;
  const size_t max_keys_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::list<const std::string*> keys_;  // of buckets_, the last seen first
};

}  // namespace byon::api
