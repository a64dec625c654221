#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

namespace byon::http {

// A token bucket per remote address: `per_second` requests on average, twice as many in a burst.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  explicit RateLimiter(unsigned per_second) : per_second_(per_second) {}

  // True and one token taken, or false when the address has none left.
  [[nodiscard]] bool TryTake(const std::string& address, Clock::time_point now);
  size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    Clock::time_point refilled_at;
  };
  void ForgetFull(Clock::time_point now);

  double per_second_;
  size_t sweep_at_ = 10'000;  // buckets; a sweep costs as many steps, so the next comes after as many new ones
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace byon::http
