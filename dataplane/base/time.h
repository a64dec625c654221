#pragma once

#include <compare>
#include <cstdint>

namespace byon::base {

// A signed length of time in nanoseconds.
class TimeDelta {
 public:
  constexpr TimeDelta() = default;
  static constexpr TimeDelta Nanoseconds(int64_t value) { return TimeDelta(value); }
  static constexpr TimeDelta Microseconds(int64_t value) { return TimeDelta(value * 1'000); }
  static constexpr TimeDelta Milliseconds(int64_t value) { return TimeDelta(value * 1'000'000); }
  static constexpr TimeDelta Seconds(int64_t value) { return TimeDelta(value * 1'000'000'000); }

  constexpr int64_t nanoseconds() const { return ns_; }
  constexpr int64_t microseconds() const { return ns_ / 1'000; }
  constexpr int64_t milliseconds() const { return ns_ / 1'000'000; }
  constexpr double seconds() const { return static_cast<double>(ns_) / 1e9; }

  constexpr auto operator<=>(const TimeDelta&) const = default;
  constexpr TimeDelta operator+(TimeDelta other) const { return TimeDelta(ns_ + other.ns_); }
  constexpr TimeDelta operator-(TimeDelta other) const { return TimeDelta(ns_ - other.ns_); }
  constexpr TimeDelta operator-() const { return TimeDelta(-ns_); }
  constexpr TimeDelta operator*(int64_t factor) const { return TimeDelta(ns_ * factor); }
  constexpr TimeDelta operator/(int64_t divisor) const { return TimeDelta(ns_ / divisor); }
  constexpr int64_t operator/(TimeDelta other) const { return ns_ / other.ns_; }
  constexpr TimeDelta& operator+=(TimeDelta other) { return ns_ += other.ns_, *this; }
  constexpr TimeDelta& operator-=(TimeDelta other) { return ns_ -= other.ns_, *this; }

 private:
  explicit constexpr TimeDelta(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

// A point on the monotonic clock of whoever injects it; only differences carry meaning.
class Timestamp {
 public:
  constexpr Timestamp() = default;
  static constexpr Timestamp FromNanoseconds(int64_t value) { return Timestamp(value); }
  static constexpr Timestamp FromMilliseconds(int64_t value) { return Timestamp(value * 1'000'000); }
  // Later than any reachable time: "no deadline".
  static constexpr Timestamp Infinite() { return Timestamp(INT64_MAX); }

  constexpr int64_t nanoseconds() const { return ns_; }
  constexpr int64_t milliseconds() const { return ns_ / 1'000'000; }
  constexpr bool is_infinite() const { return ns_ == INT64_MAX; }

  constexpr auto operator<=>(const Timestamp&) const = default;
  constexpr Timestamp operator+(TimeDelta d) const { return Timestamp(ns_ + d.nanoseconds()); }
  constexpr Timestamp operator-(TimeDelta d) const { return Timestamp(ns_ - d.nanoseconds()); }
  constexpr TimeDelta operator-(Timestamp other) const { return TimeDelta::Nanoseconds(ns_ - other.ns_); }
  constexpr Timestamp& operator+=(TimeDelta d) { return ns_ += d.nanoseconds(), *this; }

 private:
  explicit constexpr Timestamp(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

}  // namespace byon::base
