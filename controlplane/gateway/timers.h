#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace byon::gateway {

// Timers on the strand of whoever uses them; a test has its own.
class Timers {
 public:
  virtual ~Timers() = default;
  // Calls `ring` once after the delay, never from within After, unless the handle is dropped before.
  [[nodiscard]] virtual std::shared_ptr<void> After(std::chrono::milliseconds delay, std::function<void()> ring) = 0;
};

}  // namespace byon::gateway
