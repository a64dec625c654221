#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace byon::api {

using WallTime = std::chrono::system_clock::time_point;
using Clock = std::function<WallTime()>;

// Timers on the application's strand; a test has its own.
class Timers {
 public:
  virtual ~Timers() = default;
  // Calls `ring` once after the delay, never from within After, unless the handle is dropped before.
  [[nodiscard]] virtual std::shared_ptr<void> After(std::chrono::milliseconds delay,
                                                    std::function<void()> ring) = 0;
};

}  // namespace byon::api
