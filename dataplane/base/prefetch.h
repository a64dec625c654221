#pragma once

#include <cstddef>
#include <cstdint>

namespace byon::base {

// Of every processor that this runs on; where it is longer, a line is asked for twice.
inline constexpr size_t kCacheLineBytes = 64;

// Asks for memory that is looked at soon, and does not wait for it. With a thousand calls nothing of the next one
// is near, and lines that are asked for together come together.
inline void Prefetch(const void* start, size_t bytes) {
  auto at = reinterpret_cast<uintptr_t>(start) & ~uintptr_t{kCacheLineBytes - 1};
  const uintptr_t end = reinterpret_cast<uintptr_t>(start) + bytes;
  for (; at < end; at += kCacheLineBytes) __builtin_prefetch(reinterpret_cast<const void*>(at), 1);
}
inline void Prefetch(const void* start) { __builtin_prefetch(start, 1); }

}  // namespace byon::base
