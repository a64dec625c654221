#include "controlplane/sip/registrations/deadline_wheel.h"

#include <algorithm>
#include <utility>

namespace byon::sip {

void DeadlineWheel::Add(uint32_t what, Time when) {
  Place({what, TickOf(when)});
  ++size_;
}

// Into the level whose slots are as long as a turn of the one below.
void DeadlineWheel::Place(Entry entry) {
  if (entry.tick <= now_tick_) return due_.push_back(entry);
  const uint32_t away = entry.tick - now_tick_;
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = kSlotBits * level;
    const bool fits = away >> shift < kSlots || level + 1 == kLevels;
    if (!fits) continue;
    const uint32_t reachable = std::min(away >> shift, kSlots - 1);
    const uint32_t slot = away >> shift < kSlots ? entry.tick >> shift : (now_tick_ >> shift) + reachable;
    return slots_[level][slot % kSlots].push_back(entry);
  }
}

// The slot of this level whose time has come goes to those below.
void DeadlineWheel::Cascade(unsigned level) {
  if (level == kLevels) return;
  const uint32_t slot = (now_tick_ >> kSlotBits * level) % kSlots;
  if (slot == 0) Cascade(level + 1);
  for (const Entry& entry : std::exchange(slots_[level][slot], {})) Place(entry);
}

std::vector<uint32_t> DeadlineWheel::Take(Time now, size_t most) {
  for (const uint32_t until = Floor(now); now_tick_ < until;) {
    if (++now_tick_ % kSlots == 0) Cascade(1);
    std::vector<Entry>& slot = slots_[0][now_tick_ % kSlots];
    due_.insert(due_.end(), slot.begin(), slot.end());
    slot = {};
  }
  std::vector<uint32_t> taken;
  const auto end = due_.begin() + static_cast<std::ptrdiff_t>(std::min(most, due_.size()));
  for (auto entry = due_.begin(); entry != end; ++entry) taken.push_back(entry->what);
  due_.erase(due_.begin(), end);
  if (due_.empty()) due_ = {};
  size_ -= taken.size();
  return taken;
}

DeadlineWheel::Time DeadlineWheel::NextLook() const {
  if (size_ == 0) return Time::max();
  if (!due_.empty()) return TimeOf(now_tick_ + 1);
  uint32_t tick = now_tick_ + 1;
  // Where a turn ends more may come down.
  while (tick % kSlots != 0 && slots_[0][tick % kSlots].empty()) ++tick;
  return TimeOf(tick);
}

}  // namespace byon::sip
