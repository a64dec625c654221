#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/call/call_action.h"

namespace byon::gateway {

// The two clocks; a test has its own.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual call::Now Read() const = 0;
};
class SystemClock final : public Clock {
 public:
  call::Now Read() const override;
};

// Unguessable randomness.
class IdSource {
 public:
  virtual ~IdSource() = default;
  // 128 random bits as 32 lower-case hex digits.
  virtual std::string NewId() = 0;
  virtual uint64_t NewNumber() = 0;
};
class SystemIdSource final : public IdSource {
 public:
  std::string NewId() override;
  uint64_t NewNumber() override;
};

// One alarm, on the gateway's strand.
class Alarm {
 public:
  virtual ~Alarm() = default;
  // Calls `ring` at the deadline, unless set again or cancelled before; never from within Set.
  virtual void Set(call::Deadline deadline, std::function<void()> ring) = 0;
  virtual void Cancel() = 0;
};

}  // namespace byon::gateway
