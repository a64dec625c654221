#pragma once

#include <cstdint>

#include "dataplane/base/time.h"

namespace byon::session {

// Lets `burst` units through at once and `per_second` on and on.
class TokenBucket {
 public:
  TokenBucket(int64_t burst, int64_t per_second) : limit_(kUnit * burst), per_second_(per_second), level_(limit_) {}

  [[nodiscard]] bool Take(base::Timestamp now) {
    Fill(now);
    if (level_ < kUnit) return false;
    level_ -= kUnit;
    return true;
  }
  // In two steps, for units that are counted when they are gone: HasAny() first, then Spend(), which may leave a debt.
  [[nodiscard]] bool HasAny(base::Timestamp now) {
    Fill(now);
    return level_ >= kUnit;
  }
  void Spend(int64_t units) { level_ -= units * kUnit; }

 private:
  static constexpr int64_t kUnit = 1'000'000'000;

  void Fill(base::Timestamp now) {
    if (has_time_ && now > last_) {
      // One token a second is kUnit in as many nanoseconds. Time beyond what fills it keeps no product.
      const int64_t passed_ns = (now - last_).nanoseconds();
      const bool is_full = per_second_ > 0 && passed_ns > (limit_ - level_) / per_second_;
      level_ = is_full ? limit_ : level_ + passed_ns * per_second_;
    }
    last_ = now;
    has_time_ = true;
  }

  int64_t limit_;
  int64_t per_second_;
  int64_t level_;
  base::Timestamp last_;
  bool has_time_ = false;
};

}  // namespace byon::session
