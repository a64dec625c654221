#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::push {

// What became of the pushes.
enum class Counter : uint8_t {
  kSent,          // attempts
  kAccepted,      // by the push service
  kRetried,       // busy or unreachable: sent again
  kGone,          // dead subscription, dropped
  kRefused,       // final: credentials, message or service not allowed
  kExpired,       // given up: the call would have been over
  kUnreadable,    // a subscription of the store that cannot be read, dropped
  kSwitchedOff,   // a subscription of a kind that is no longer configured
  kStaleChannel,  // a connected client did not acknowledge the invitation
  kCancelled,     // calls whose end had to be pushed too
  kCount,
};

// snake_case, e.g. "stale_channel".
std::string_view ToString(Counter counter);

// On the strand only.
class Counters {
 public:
  void Add(Counter counter) { ++values_[static_cast<size_t>(counter)]; }
  uint64_t Get(Counter counter) const { return values_[static_cast<size_t>(counter)]; }

 private:
  std::array<uint64_t, static_cast<size_t>(Counter::kCount)> values_{};
};

}  // namespace byon::push
