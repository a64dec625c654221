#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace byon::sip {

// When what is due, for a million of them: 8 bytes each, where a timer of SipThread takes 150. A hierarchical wheel of
// ticks; nothing is taken out before its time, so the owner checks what it is told.
class DeadlineWheel {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kTick{250};

  explicit DeadlineWheel(Time now) : now_tick_(Floor(now)) {}

  void Add(uint32_t what, Time when);
  // What was due by `now`, in the order of ticks; at most so many, the others stay due.
  [[nodiscard]] std::vector<uint32_t> Take(Time now, size_t most);
  // When to take next, at most 16 s from the last time; max(): nothing is in here.
  Time NextLook() const;
  size_t size() const { return size_; }

  // The first tick that is not before `when`: as exactly as a deadline is kept.
  static uint32_t TickOf(Time when) {
    return static_cast<uint32_t>((when + kTick - Time::duration(1)).time_since_epoch() / kTick);
  }
  static Time TimeOf(uint32_t tick) { return Time(tick * kTick); }

 private:
  struct Entry {
    uint32_t what = 0;
    uint32_t tick = 0;
  };
  static constexpr unsigned kSlotBits = 6;
  static constexpr uint32_t kSlots = 1U << kSlotBits;
  static constexpr unsigned kLevels = 4;

  static uint32_t Floor(Time when) { return static_cast<uint32_t>(when.time_since_epoch() / kTick); }
  void Place(Entry entry);
  void Cascade(unsigned level);

  uint32_t now_tick_;
  size_t size_ = 0;
  std::array<std::array<std::vector<Entry>, kSlots>, kLevels> slots_;
  std::vector<Entry> due_;
};

}  // namespace byon::sip
